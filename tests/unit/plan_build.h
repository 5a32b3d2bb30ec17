/* SPDX-License-Identifier: Apache-2.0
 *
 * Small plans made in memory, with random weights, for the tests of the plan and of the runtime. build_all holds one
 * step of every kind at least. Everything lives in the builder's arena.
 */
#ifndef TESTS_UNIT_PLAN_BUILD_H
#define TESTS_UNIT_PLAN_BUILD_H

#include "base/cpu.h"
#include "plan/plan.h"

#include "test.h"

#define BUILD_MAX 64

/* ThreadSanitizer takes it for a race when a vector load reaches into bytes past the input, as the contracts of the
 * kernels allow, while another thread writes there; the lanes are not used. Scalar kernels read nothing but their input. */
#if defined(__SANITIZE_THREAD__)
#define BUILD_WATCHES_RACES 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define BUILD_WATCHES_RACES 1
#endif
#endif

/* Kernels that tests with several threads may use. */
#ifdef BUILD_WATCHES_RACES
#define BUILD_CPU CPU_SCALAR
#else
#define BUILD_CPU CPU_ALL
#endif

struct build {
    struct arena arena;
    struct plan plan;
    struct plan_buffer buffers[BUILD_MAX];
    struct plan_tensor tensors[BUILD_MAX];
    struct plan_step steps[BUILD_MAX];
    struct plan_input inputs[4];
    struct plan_output outputs[8];
    uint64_t seed;
};

static inline void build_init(struct build *b, const char *name, uint64_t seed)
{
    memset(b, 0, sizeof *b);
    b->seed = seed;
    b->plan.name = name;
    b->plan.meta = "{\"producer\":\"test\"}";
    b->plan.buffers = b->buffers;
    b->plan.tensors = b->tensors;
    b->plan.steps = b->steps;
    b->plan.inputs = b->inputs;
    b->plan.outputs = b->outputs;
}

static inline void *build_room(struct build *b, size_t n, size_t size)
{
    void *const p = arena_calloc(&b->arena, n, size);
    if (p == NULL) abort();
    return p;
}

/* Uniform in [low, high]. */
static inline int build_random(struct build *b, int low, int high)
{
    return low + (int)(test_random(&b->seed) % (uint32_t)(high - low + 1));
}

/* A new buffer after all others. */
static inline uint32_t build_buffer(struct build *b, int h, int w, int pixel, enum dtype dtype)
{
    struct plan_buffer *const buffer = &b->buffers[b->plan.n_buffers];
    buffer->offset = b->plan.arena_size;
    buffer->size = ((uint64_t)(h * w * pixel * dtype_size(dtype)) + 63) & ~(uint64_t)63;
    b->plan.arena_size += buffer->size;
    return (uint32_t)b->plan.n_buffers++;
}

/* Channels [first, first + c) of a buffer whose pixels have `pixel` elements. */
static inline uint32_t build_slice(struct build *b, const char *name, enum dtype dtype,
                                   const int size[3], uint32_t buffer, int pixel, int first)
{
    struct plan_tensor *const t = &b->tensors[b->plan.n_tensors];
    *t = (struct plan_tensor){.name = name,
                              .dtype = dtype,
                              .h = size[0],
                              .w = size[1],
                              .c = size[2],
                              .pixel = pixel,
                              .buffer = buffer,
                              .offset = (uint64_t)(first * dtype_size(dtype)),
                              .reach = dtype == DTYPE_S16 ? PLAN_MAX_REACH : 0,
                              .n_quant = 1};
    float *const scale = build_room(b, 1, sizeof *scale);
    int32_t *const zero_point = build_room(b, 1, sizeof *zero_point);
    *scale = 0.05f;
    *zero_point = dtype == DTYPE_S8 ? -3 : 0;
    t->scale = scale;
    t->zero_point = zero_point;
    return (uint32_t)b->plan.n_tensors++;
}

/* A tensor that fills a buffer of its own. */
static inline uint32_t build_tensor(struct build *b, const char *name, enum dtype dtype, int h,
                                    int w, int c)
{
    const int size[3] = {h, w, c};
    return build_slice(b, name, dtype, size, build_buffer(b, h, w, c, dtype), c, 0);
}

static inline struct plan_step *build_step(struct build *b, enum step_kind kind, const char *name,
                                           int n_in, const uint32_t *in, uint32_t out)
{
    struct plan_step *const s = &b->steps[b->plan.n_steps++];
    *s = (struct plan_step){.kind = kind, .name = name, .n_in = n_in, .out = out};
    for (int i = 0; i < n_in; i++) s->in[i] = in[i];
    return s;
}

static inline void build_window(struct plan_step *s, int kernel, int stride, int pad)
{
    for (int i = 0; i < 2; i++) {
        s->kernel[i] = kernel;
        s->stride[i] = stride;
        s->dilation[i] = 1;
    }
    for (int i = 0; i < 4; i++) s->pad[i] = pad;
}

static inline const int16_t *build_multipliers(struct build *b, int n, int high)
{
    int16_t *const mul = build_room(b, (size_t)n, sizeof *mul);
    for (int i = 0; i < n; i++) mul[i] = (int16_t)build_random(b, high / 20, high);
    return mul;
}

/* All arrays of a convolution whose window and tensors are set. An S16 output is stage B's result, or stage C's where the
 * shift is set; its tensor then gets the reach of the step. */
static inline void build_conv_arrays(struct build *b, struct plan_step *s, enum act act)
{
    const struct plan_arrays n = plan_step_arrays(&b->plan, s);
    const int out_c = b->tensors[s->out].c;
    int8_t *const weights = build_room(b, (size_t)n.weights, 1);
    for (uint64_t i = 0; i < n.weights; i++) weights[i] = (int8_t)build_random(b, -127, 127);
    int32_t *const bias = build_room(b, (size_t)n.bias, sizeof *bias);
    for (uint64_t i = 0; i < n.bias; i++) bias[i] = build_random(b, -20000, 20000);
    s->weights = weights;
    s->bias = bias;
    if (n.scale == 0) return; /* s32: the sum itself */
    float *const scale = build_room(b, (size_t)out_c, sizeof *scale);
    for (int i = 0; i < out_c; i++) scale[i] = (float)build_random(b, 1000, 9000) / 40000;
    s->scale = scale;
    s->act = act;
    s->range_log2 = 1;
    if (n.mul == 0) return;
    s->mul = build_multipliers(b, out_c, 300);
    int32_t *const offset = build_room(b, (size_t)out_c, sizeof *offset);
    struct plan_tensor *const out = &b->tensors[s->out];
    if (out->dtype == DTYPE_S8) s->shift = n.res_mul != 0 ? 14 : 15;
    for (int i = 0; i < out_c; i++)
        offset[i] =
            n.res_mul != 0 ? build_random(b, -100000, 100000) : out->zero_point[0] * 32768 + 16384;
    if (n.res_mul != 0) s->res_mul = build_multipliers(b, out_c, 9000);
    s->offset = offset;
    if (out->dtype == DTYPE_S16) out->reach = plan_step_reach(&b->plan, s);
}

static inline void build_input(struct build *b, uint32_t tensor, enum plan_input_kind kind)
{
    if (kind != PLAN_INPUT_TENSOR) {
        int32_t *const zero_point = build_room(b, 1, sizeof *zero_point);
        *zero_point = -128;
        b->tensors[tensor].zero_point = zero_point;
    }
    b->inputs[b->plan.n_inputs++] =
        (struct plan_input){.name = "images", .tensor = tensor, .kind = kind};
}

static inline void build_output(struct build *b, uint32_t tensor)
{
    b->outputs[b->plan.n_outputs++] = (struct plan_output){
        .name = b->tensors[tensor].name, .tensor = tensor, .dequantize = "dequantize"};
}

/* deep -> wide conv -> {max, conv with wide residual} -> add of both widths -> transposed; and a depthwise with a wide
 * residual to s8. */
static inline void build_wide(struct build *b, uint32_t deep)
{
    const int h = b->tensors[deep].h, w = b->tensors[deep].w;
    const uint32_t wide = build_tensor(b, "wide", DTYPE_S16, h, w, 8);
    const uint32_t wide_max = build_tensor(b, "wide_max", DTYPE_S16, h, w, 8);
    const uint32_t wide_sum = build_tensor(b, "wide_sum", DTYPE_S16, h, w, 9);
    const uint32_t wide_mix = build_tensor(b, "wide_mix", DTYPE_S16, h, w, 9);
    const uint32_t narrow = build_tensor(b, "narrow", DTYPE_S8, h, w, 8);
    const uint32_t wide_add = build_tensor(b, "wide_add", DTYPE_S16, h, w, 8);
    const uint32_t wide_out = build_tensor(b, "wide_out", DTYPE_S32, 2 * h, 2 * w, 5);
    struct plan_step *s = build_step(b, STEP_CONV, "/wide", 1, &deep, wide);
    build_window(s, 3, 1, 1);
    s->shift = 15;
    build_conv_arrays(b, s, ACT_SILU);
    s = build_step(b, STEP_MAXPOOL, "/wide_max", 1, &wide, wide_max);
    build_window(s, 3, 1, 1);
    b->tensors[wide_max].reach = plan_step_reach(&b->plan, s);
    s = build_step(b, STEP_CONV, "/wide_sum", 1, &wide, wide_sum);
    build_window(s, 3, 1, 1);
    s->shift = 15;
    build_conv_arrays(b, s, ACT_NONE);
    s = build_step(b, STEP_CONV, "/wide_mix", 2, (const uint32_t[]){wide_max, wide_sum}, wide_mix);
    build_window(s, 1, 1, 0);
    s->shift = 9;
    build_conv_arrays(b, s, ACT_SILU);
    s = build_step(b, STEP_DWCONV, "/narrow", 2, (const uint32_t[]){wide, wide_max}, narrow);
    build_window(s, 3, 1, 1);
    build_conv_arrays(b, s, ACT_RELU);
    s = build_step(b, STEP_ADD, "/wide_add", 2, (const uint32_t[]){wide, narrow}, wide_add);
    s->mul = build_multipliers(b, 8, 3000);
    s->res_mul = build_multipliers(b, 8, 3000);
    s->shift = 6;
    int32_t *const offset = build_room(b, 8, sizeof *offset);
    for (int i = 0; i < 8; i++) offset[i] = build_random(b, -1000, 1000);
    s->offset = offset;
    b->tensors[wide_add].reach = plan_step_reach(&b->plan, s);
    s = build_step(b, STEP_DECONV, "/wide_out", 1, &wide_add, wide_out);
    build_window(s, 2, 2, 0);
    build_conv_arrays(b, s, ACT_NONE);
    build_output(b, wide_out);
    build_output(b, wide_mix);
}

/* in -> conv -> {a, maxpool, copy} concatenated -> conv with residual -> q, k, v -> attention -> lut -> add ->
 * depthwise with residual -> upsample -> deconv -> s32, s16 heads and an upsampled s16, and what build_wide adds. Sizes are
 * odd on purpose. */
static inline void build_all(struct build *b, const char *name, uint64_t seed)
{
    build_init(b, name, seed);
    const int h = 7, w = 9;
    const uint32_t in = build_tensor(b, "in", DTYPE_S8, h, w, 3);
    const uint32_t cat = build_buffer(b, h, w, 24, DTYPE_S8);
    const int eight[3] = {h, w, 8}, all[3] = {h, w, 24};
    const uint32_t a = build_slice(b, "a", DTYPE_S8, eight, cat, 24, 0);
    const uint32_t max = build_slice(b, "max", DTYPE_S8, eight, cat, 24, 8);
    const uint32_t copy = build_slice(b, "copy", DTYPE_S8, eight, cat, 24, 16);
    const uint32_t joined = build_slice(b, "joined", DTYPE_S8, all, cat, 24, 0);
    const uint32_t mixed = build_tensor(b, "mixed", DTYPE_S8, h, w, 24);
    const uint32_t q = build_slice(b, "q", DTYPE_S8, eight, b->tensors[mixed].buffer, 24, 0);
    const uint32_t k = build_slice(b, "k", DTYPE_S8, eight, b->tensors[mixed].buffer, 24, 8);
    const uint32_t v = build_slice(b, "v", DTYPE_S8, eight, b->tensors[mixed].buffer, 24, 16);
    const uint32_t attended = build_tensor(b, "attended", DTYPE_S8, h, w, 8);
    const uint32_t looked = build_tensor(b, "looked", DTYPE_S8, h, w, 8);
    const uint32_t added = build_tensor(b, "added", DTYPE_S8, h, w, 8);
    const uint32_t deep = build_tensor(b, "deep", DTYPE_S8, h, w, 8);
    const uint32_t up = build_tensor(b, "up", DTYPE_S8, 2 * h, 3 * w, 8);
    const uint32_t spread = build_tensor(b, "spread", DTYPE_S8, 2 * h, 2 * w, 5);
    const uint32_t logits = build_tensor(b, "logits", DTYPE_S32, (2 * h - 1) / 2 + 1, w, 6);
    const uint32_t proto = build_tensor(b, "proto", DTYPE_S16, 2 * h, 3 * w, 4);
    const uint32_t proto_up = build_tensor(b, "proto_up", DTYPE_S16, 4 * h, 6 * w, 4);

    struct plan_step *s = build_step(b, STEP_CONV, "/conv", 1, &in, a);
    build_window(s, 3, 1, 1);
    build_conv_arrays(b, s, ACT_SILU);
    build_window(build_step(b, STEP_MAXPOOL, "/max", 1, &a, max), 5, 1, 2);
    build_step(b, STEP_COPY, "/copy", 1, &max, copy);
    s = build_step(b, STEP_CONV, "/mix", 2, (const uint32_t[]){joined, joined}, mixed);
    build_window(s, 1, 1, 0);
    build_conv_arrays(b, s, ACT_NONE);
    s = build_step(b, STEP_ATTENTION, "/attention", 3, (const uint32_t[]){q, k, v}, attended);
    s->heads = 2;
    s->logit_scale = 0.001f;
    s->out_scale = 1.5f;
    s = build_step(b, STEP_LUT, "/lut", 1, &attended, looked);
    int8_t *const table = build_room(b, 256, 1);
    for (int i = 0; i < 256; i++) table[i] = (int8_t)build_random(b, -128, 127);
    s->table = table;
    s = build_step(b, STEP_ADD, "/add", 2, (const uint32_t[]){looked, a}, added);
    s->mul = build_multipliers(b, 8, 3000);
    s->res_mul = build_multipliers(b, 8, 3000);
    s->shift = 12;
    int32_t *const offset = build_room(b, 8, sizeof *offset);
    for (int i = 0; i < 8; i++) offset[i] = build_random(b, -100000, 100000);
    s->offset = offset;
    s = build_step(b, STEP_DWCONV, "/deep", 2, (const uint32_t[]){added, looked}, deep);
    build_window(s, 3, 1, 2);
    s->dilation[0] = s->dilation[1] = 2;
    build_conv_arrays(b, s, ACT_RELU);
    s = build_step(b, STEP_UPSAMPLE, "/up", 1, &deep, up);
    s->stride[0] = 2;
    s->stride[1] = 3;
    s = build_step(b, STEP_DECONV, "/spread", 1, &deep, spread);
    build_window(s, 2, 2, 0);
    build_conv_arrays(b, s, ACT_SIGMOID);
    s = build_step(b, STEP_CONV, "/logits", 1, &spread, logits);
    build_window(s, 3, 2, 1);
    build_conv_arrays(b, s, ACT_NONE);
    s = build_step(b, STEP_CONV, "/proto", 1, &up, proto);
    build_window(s, 1, 1, 0);
    build_conv_arrays(b, s, ACT_SILU);
    s = build_step(b, STEP_UPSAMPLE, "/proto_up", 1, &proto, proto_up);
    s->stride[0] = s->stride[1] = 2;

    build_input(b, in, PLAN_INPUT_RGB);
    build_output(b, logits);
    build_output(b, proto_up);
    build_output(b, added);
    build_wide(b, deep);
}

/* One convolution, 2 x 2 x 3 to 2 x 2 x 2: a file small enough to damage in every way. */
static inline void build_tiny(struct build *b, const char *name)
{
    build_init(b, name, 5);
    const uint32_t in = build_tensor(b, "in", DTYPE_S8, 2, 2, 3);
    const uint32_t out = build_tensor(b, "out", DTYPE_S8, 2, 2, 2);
    struct plan_step *const s = build_step(b, STEP_CONV, "conv", 1, &in, out);
    build_window(s, 1, 1, 0);
    build_conv_arrays(b, s, ACT_SILU);
    build_input(b, in, PLAN_INPUT_RGB);
    build_output(b, out);
}

static inline void build_release(struct build *b)
{
    arena_release(&b->arena);
}

#endif
