/* SPDX-License-Identifier: Apache-2.0
 *
 * The runtime: each step against its formula written out in wide integers and doubles, and the same bytes for every
 * number of threads and every instruction set.
 */
#include "runtime/runtime.h"

#include <fenv.h>
#include <math.h>

#include "base/mem.h"
#include "base/float_mode.h"

#include "plan_build.h"
#include "runtime/border.h"
#include "test.h"

/* The levels that cpu_parse knows; those this CPU lacks run as lower ones. */
static const uint32_t masks[] = {CPU_SCALAR, CPU_AVX2 &BUILD_CPU,
                                 (CPU_AVX2 | CPU_AVXVNNI) & BUILD_CPU,
                                 (CPU_AVX2 | CPU_AVX512VNNI) & BUILD_CPU, BUILD_CPU};

static struct runtime *make(const struct plan *plan, uint32_t cpu, int n_threads, bool keep)
{
    struct itx_error err = {0};
    struct runtime *r = NULL;
    CHECK_MSG(plan_check(plan, &err) == ITX_OK, "%s", err.text);
    const struct runtime_options options = {
        .cpu = cpu, .n_threads = n_threads, .keep_tensors = keep};
    CHECK_MSG(runtime_create(&r, plan, &options, &err) == ITX_OK, "%s", err.text);
    return r;
}

static size_t pixel_size(const struct plan_tensor *t)
{
    return (size_t)t->pixel * (size_t)dtype_size(t->dtype);
}

static void fill_inputs(const struct plan *plan, struct runtime *r, uint64_t seed)
{
    for (int i = 0; i < plan->n_inputs; i++) {
        const struct plan_tensor *const t = &plan->tensors[plan->inputs[i].tensor];
        uint8_t *const data = runtime_tensor(r, plan->inputs[i].tensor);
        for (int p = 0; p < t->h * t->w; p++)
            for (int k = 0; k < t->c * dtype_size(t->dtype); k++)
                data[(size_t)p * pixel_size(t) + (size_t)k] = (uint8_t)test_random(&seed);
    }
}

/* ---- formulas ---- */

struct view {
    const struct plan_tensor *t;
    const void *data;
};

static struct view view_of(const struct plan *plan, const struct runtime *r, uint32_t i)
{
    return (struct view){&plan->tensors[i], runtime_tensor(r, i)};
}

static int64_t at(struct view v, int y, int x, int k)
{
    const size_t i = ((size_t)y * (size_t)v.t->w + (size_t)x) * (size_t)v.t->pixel + (size_t)k;
    return v.t->dtype == DTYPE_S8    ? ((const int8_t *)v.data)[i]
           : v.t->dtype == DTYPE_S16 ? ((const int16_t *)v.data)[i]
                                     : ((const int32_t *)v.data)[i];
}

static int64_t clamp(double v, int64_t low, int64_t high)
{
    return v < (double)low ? low : v > (double)high ? high : (int64_t)v;
}

static int64_t requant(int64_t a, int64_t mul, int64_t b, int64_t res_mul, int64_t offset,
                       int shift, enum dtype dtype)
{
    const int64_t most = dtype == DTYPE_S16 ? 32767 : 127;
    return clamp(floor((double)(a * mul + b * res_mul + offset) / (double)(1 << shift)), -most - 1,
                 most);
}

static int64_t accumulate(const struct plan *plan, const struct plan_step *s, struct view in,
                          const int place[3])
{
    const int k = place[2], kh = s->kernel[0], kw = s->kernel[1];
    const int in_c = s->kind == STEP_DWCONV ? 1 : in.t->c;
    if (s->kind == STEP_DECONV) {
        const int tap = (k * kh + place[0] % kh) * kw + place[1] % kw;
        int64_t acc = s->bias[tap];
        for (int c = 0; c < in_c; c++)
            acc += at(in, place[0] / kh, place[1] / kw, c) * s->weights[tap * in_c + c];
        return acc;
    }
    int64_t acc = s->bias[k];
    for (int i = 0; i < kh; i++) {
        for (int j = 0; j < kw; j++) {
            const int y = place[0] * s->stride[0] + i * s->dilation[0] - s->pad[0];
            const int x = place[1] * s->stride[1] + j * s->dilation[1] - s->pad[1];
            for (int c = 0; c < in_c; c++) {
                const int w = s->kind == STEP_DWCONV
                                  ? s->weights[(i * kw + j) * plan->tensors[s->out].c + k]
                                  : s->weights[((k * kh + i) * kw + j) * in_c + c];
                const bool is_inside = y >= 0 && y < in.t->h && x >= 0 && x < in.t->w;
                const int from = s->kind == STEP_DWCONV ? k : c;
                acc += w * (is_inside ? at(in, y, x, from) : in.t->zero_point[0]);
            }
        }
    }
    return acc;
}

static int64_t conv_value(const struct plan *plan, const struct plan_step *s, struct view in,
                          struct view res, const int place[3])
{
    const int64_t acc = accumulate(plan, s, in, place);
    const int k = place[2];
    if (s->scale == NULL) return acc;
    const float product = (float)acc * s->scale[k];
    const int16_t v =
        fixed_act(s->act, (int16_t)clamp(rint(product), -32768, 32767), s->range_log2);
    if (s->mul == NULL) return v;
    const bool has_res = s->res_mul != NULL;
    return requant(v, s->mul[k], has_res ? at(res, place[0], place[1], k) : 0,
                   has_res ? s->res_mul[k] : 0, s->offset[k], s->shift,
                   plan->tensors[s->out].dtype);
}

static int64_t max_value(const struct plan_step *s, struct view in, const int place[3])
{
    int64_t max = in.t->dtype == DTYPE_S16 ? -32768 : -128;
    for (int i = 0; i < s->kernel[0]; i++) {
        for (int j = 0; j < s->kernel[1]; j++) {
            const int y = place[0] * s->stride[0] + i - s->pad[0];
            const int x = place[1] * s->stride[1] + j - s->pad[1];
            if (y < 0 || y >= in.t->h || x < 0 || x >= in.t->w) continue;
            const int64_t v = at(in, y, x, place[2]);
            max = v > max ? v : max;
        }
    }
    return max;
}

/* The softmax in doubles. */
static double attention_value(const struct plan_step *s, const struct view in[3],
                              const struct plan_tensor *out, const int place[3])
{
    const struct plan_tensor *const q = in[0].t, *const v = in[2].t;
    const int key_dim = q->c / s->heads, head_dim = v->c / s->heads, head = place[2] / head_dim;
    double den = 0, num = 0;
    for (int y = 0; y < q->h; y++) {
        for (int x = 0; x < q->w; x++) {
            int64_t l = 0;
            for (int d = head * key_dim; d < (head + 1) * key_dim; d++)
                l += (at(in[0], place[0], place[1], d) - q->zero_point[0]) *
                     (at(in[1], y, x, d) - in[1].t->zero_point[0]);
            const double e = exp2((double)l * s->logit_scale);
            den += e;
            num += e * (double)(at(in[2], y, x, place[2]) - v->zero_point[0]);
        }
    }
    return num / den * s->out_scale + out->zero_point[0];
}

static bool is_right(const struct plan *plan, const struct plan_step *s, const struct view in[3],
                     struct view out, const int place[3])
{
    const int y = place[0], x = place[1], k = place[2];
    const int64_t got = at(out, y, x, k);
    switch (s->kind) {
    case STEP_CONV:
    case STEP_DWCONV:
    case STEP_DECONV:
        return got == conv_value(plan, s, in[0], in[1], place);
    case STEP_MAXPOOL:
        return got == max_value(s, in[0], place);
    case STEP_UPSAMPLE:
        return got == at(in[0], y / s->stride[0], x / s->stride[1], k);
    case STEP_COPY:
        return got == at(in[0], y, x, k);
    case STEP_ADD:
        return got == requant(at(in[0], y, x, k), s->mul[k], at(in[1], y, x, k), s->res_mul[k],
                              s->offset[k], s->shift, out.t->dtype);
    case STEP_LUT:
        return got == s->table[at(in[0], y, x, k) & 0xff];
    case STEP_ATTENTION:
        return fabs((double)got - fmax(-128, fmin(127, attention_value(s, in, out.t, place)))) <
               0.6;
    case STEP_KIND_COUNT:
        break;
    }
    return false;
}

static void check_steps(const struct plan *plan, const struct runtime *r)
{
    for (int i = 0; i < plan->n_steps; i++) {
        const struct plan_step *const s = &plan->steps[i];
        struct view in[3];
        for (int n = 0; n < 3; n++) in[n] = view_of(plan, r, s->in[n]);
        const struct view out = view_of(plan, r, s->out);
        int n_wrong = 0;
        for (int y = 0; y < out.t->h; y++)
            for (int x = 0; x < out.t->w; x++)
                for (int k = 0; k < out.t->c; k++)
                    n_wrong += !is_right(plan, s, in, out, (const int[]){y, x, k});
        CHECK_MSG(n_wrong == 0, "step %s: %d wrong values", s->name, n_wrong);
    }
}

static void test_runtime__every_step_follows_its_formula(void)
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct build b;
        build_all(&b, "model", seed);
        struct runtime *r = make(&b.plan, CPU_SCALAR, 1, true);
        REQUIRE(r != NULL);
        fill_inputs(&b.plan, r, seed);
        runtime_run(r);
        check_steps(&b.plan, r);
        runtime_destroy(&r);
        CHECK(r == NULL);
        build_release(&b);
    }
}

/* The values would not say much if they were all saturated. */
static void test_runtime__values_vary(void)
{
    struct build b;
    build_all(&b, "model", 1);
    struct runtime *r = make(&b.plan, CPU_SCALAR, 1, true);
    REQUIRE(r != NULL);
    fill_inputs(&b.plan, r, 1);
    runtime_run(r);
    for (int i = 0; i < b.plan.n_tensors; i++) {
        const struct view v = view_of(&b.plan, r, (uint32_t)i);
        bool seen[256] = {0};
        int n = 0;
        for (int y = 0; y < v.t->h; y++)
            for (int x = 0; x < v.t->w; x++)
                for (int k = 0; k < v.t->c; k++) {
                    bool *const s = &seen[at(v, y, x, k) & 0xff];
                    n += !*s;
                    *s = true;
                }
        CHECK_MSG(n >= 16, "%s has %d values", v.t->name, n);
    }
    runtime_destroy(&r);
    build_release(&b);
}

static void check_same_tensor(const struct plan *plan, const struct runtime *a,
                              const struct runtime *b, uint32_t i)
{
    const struct plan_tensor *const t = &plan->tensors[i];
    const uint8_t *const x = runtime_tensor(a, i), *const y = runtime_tensor(b, i);
    const size_t size = (size_t)(t->c * dtype_size(t->dtype));
    int n_wrong = 0;
    for (size_t p = 0; p < (size_t)(t->h * t->w); p++)
        n_wrong += memcmp(x + p * pixel_size(t), y + p * pixel_size(t), size) != 0;
    CHECK_MSG(n_wrong == 0, "tensor %s: %d pixels differ", t->name, n_wrong);
}

static void test_runtime__same_bytes_everywhere(void)
{
    struct build b;
    build_all(&b, "model", 7);
    struct runtime *first = make(&b.plan, CPU_SCALAR, 1, true);
    REQUIRE(first != NULL);
    fill_inputs(&b.plan, first, 99);
    runtime_run(first);
    for (size_t m = 0; m < ARRAY_LEN(masks); m++) {
        for (int n_threads = 1; n_threads <= 4; n_threads++) {
            struct runtime *kept = make(&b.plan, masks[m], n_threads, true);
            struct runtime *shared = make(&b.plan, masks[m], n_threads, false);
            REQUIRE(kept != NULL && shared != NULL);
            for (int run = 0; run < 3; run++) {
                fill_inputs(&b.plan, kept, 99);
                fill_inputs(&b.plan, shared, 99);
                runtime_run(kept);
                runtime_run(shared);
            }
            for (int i = 0; i < b.plan.n_tensors; i++)
                check_same_tensor(&b.plan, first, kept, (uint32_t)i);
            for (int i = 0; i < b.plan.n_outputs; i++)
                check_same_tensor(&b.plan, first, shared, b.plan.outputs[i].tensor);
            runtime_destroy(&kept);
            runtime_destroy(&shared);
        }
    }
    runtime_destroy(&first);
    build_release(&b);
}

/* Enlarged channels before or behind others, that a 1x1 convolution reads; with `shown` so does the caller. */
static void build_enlarged(struct build *b, enum dtype dtype, bool is_first, bool shown)
{
    enum { H = 6, W = 10, A = 24, REST = 17 };
    build_init(b, "enlarged", 5);
    const uint32_t in = build_tensor(b, "in", DTYPE_S8, 2 * H, 2 * W, 3);
    build_input(b, in, PLAN_INPUT_RGB);
    const uint32_t small = build_tensor(b, "small", dtype, H, W, A);
    struct plan_step *s = build_step(b, STEP_CONV, "small", 1, &in, small);
    build_window(s, 3, 2, 1);
    build_conv_arrays(b, s, ACT_SILU);
    const int enlarged[3] = {2 * H, 2 * W, A}, rest[3] = {2 * H, 2 * W, REST},
              all[3] = {2 * H, 2 * W, A + REST};
    const uint32_t buffer = build_buffer(b, 2 * H, 2 * W, A + REST + 3, dtype);
    const uint32_t up =
        build_slice(b, "up", dtype, enlarged, buffer, A + REST + 3, is_first ? 0 : REST);
    s = build_step(b, STEP_UPSAMPLE, "up", 1, &small, up);
    s->stride[0] = s->stride[1] = 2;
    const uint32_t other =
        build_slice(b, "other", dtype, rest, buffer, A + REST + 3, is_first ? A : 0);
    s = build_step(b, STEP_CONV, "other", 1, &in, other);
    build_window(s, 3, 1, 1);
    build_conv_arrays(b, s, ACT_SILU);
    const uint32_t both = build_slice(b, "both", dtype, all, buffer, A + REST + 3, 0);
    const uint32_t out = build_tensor(b, "out", DTYPE_S8, 2 * H, 2 * W, 40);
    s = build_step(b, STEP_CONV, "out", 1, &both, out);
    build_window(s, 1, 1, 0);
    build_conv_arrays(b, s, ACT_SILU);
    build_output(b, out);
    if (shown) build_output(b, both);
}

/* Their products are made before they are enlarged, where nobody else sees them; the result is the same. */
static void test_runtime__enlarged_channels(void)
{
    for (int i = 0; i < 8; i++) {
        const bool shown = i >= 6;
        struct build b;
        build_enlarged(&b, i & 1 ? DTYPE_S16 : DTYPE_S8, i & 2, shown);
        struct runtime *kept = make(&b.plan, CPU_SCALAR, 1, true);
        REQUIRE(kept != NULL);
        CHECK(strncmp(runtime_step_kernel(kept, 1), "move", 4) == 0);
        fill_inputs(&b.plan, kept, 99);
        runtime_run(kept);
        for (size_t m = 0; m < ARRAY_LEN(masks); m++) {
            struct runtime *r = make(&b.plan, masks[m], 1 + i % 3, false);
            REQUIRE(r != NULL);
            CHECK(strncmp(runtime_step_kernel(r, 1), shown ? "move" : "conv", 4) == 0);
            for (int run = 0; run < 2; run++) {
                fill_inputs(&b.plan, r, 99 + (uint64_t)(1 - run));
                runtime_run(r);
            }
            for (int k = 0; k < b.plan.n_outputs; k++)
                check_same_tensor(&b.plan, kept, r, b.plan.outputs[k].tensor);
            runtime_destroy(&r);
        }
        runtime_destroy(&kept);
        build_release(&b);
    }
}

enum { TALL = 60, ABOVE = 20, BELOW = 16 };

static uint32_t add_conv(struct build *b, enum step_kind kind, int n_in, const uint32_t *in,
                         uint32_t out, int kernel, int stride)
{
    struct plan_step *const s = build_step(b, kind, "conv", n_in, in, out);
    build_window(s, kernel, stride, kernel / 2);
    build_conv_arrays(b, s, ACT_SILU);
    return out;
}

/* Every way by which rows that are alike go from step to step. */
static void build_tall(struct build *b)
{
    enum { H = TALL / 2, W = 9, C = 18 };
    const int half[3] = {H, W, C}, both[3] = {H, W, 2 * C};
    build_init(b, "tall", 3);
    const uint32_t in = build_tensor(b, "in", DTYPE_S8, TALL, 2 * W, 3);
    build_input(b, in, PLAN_INPUT_RGB);
    const uint32_t stem = build_tensor(b, "stem", DTYPE_S8, H, W, C);
    add_conv(b, STEP_CONV, 1, &in, stem, 3, 2);
    const uint32_t buffer = build_buffer(b, H, W, 2 * C + 5, DTYPE_S8);
    const uint32_t left = build_slice(b, "left", DTYPE_S8, half, buffer, 2 * C + 5, 0);
    const uint32_t right = build_slice(b, "right", DTYPE_S8, half, buffer, 2 * C + 5, C);
    add_conv(b, STEP_DWCONV, 1, &stem, left, 3, 1);
    add_conv(b, STEP_CONV, 2, (const uint32_t[]){left, stem}, right, 3, 1);
    const uint32_t all = build_slice(b, "all", DTYPE_S8, both, buffer, 2 * C + 5, 0);
    const uint32_t wide = build_tensor(b, "wide", DTYPE_S16, H, W, 20);
    add_conv(b, STEP_CONV, 1, &all, wide, 1, 1);
    const uint32_t pooled = build_tensor(b, "pooled", DTYPE_S16, H, W, 20);
    build_window(build_step(b, STEP_MAXPOOL, "pool", 1, &wide, pooled), 3, 1, 1);
    const uint32_t up = build_tensor(b, "up", DTYPE_S16, TALL, 2 * W, 20);
    struct plan_step *const s = build_step(b, STEP_UPSAMPLE, "up", 1, &pooled, up);
    s->stride[0] = s->stride[1] = 2;
    const uint32_t out = build_tensor(b, "out", DTYPE_S32, TALL, 2 * W, 7);
    build_output(b, add_conv(b, STEP_CONV, 1, &up, out, 3, 1));
}

/* Rows of a letterbox's border are computed once. */
static void test_runtime__rows_that_are_alike(void)
{
    struct build b;
    struct arena arena = {0};
    build_tall(&b);
    for (size_t m = 0; m < ARRAY_LEN(masks); m++) {
        struct runtime *r = make(&b.plan, masks[m], 1 + (int)m, true);
        REQUIRE(r != NULL);
        const size_t row = 2 * 9 * pixel_size(&b.tensors[0]);
        uint8_t *const in = runtime_tensor(r, 0);
        for (int i = 0; i < 3; i++) { /* both ends, one colour, one row alone */
            fill_inputs(&b.plan, r, 31 + m);
            for (int y = 1; y < TALL && i < 2; y++)
                if (y < ABOVE || i == 1) memcpy(in + (size_t)y * row, in, row);
            for (int y = TALL - BELOW; y < TALL - 1 && i == 0; y++)
                memcpy(in + (size_t)y * row, in + (TALL - 1) * row, row);
            runtime_run(r);
            check_steps(&b.plan, r);
        }
        runtime_destroy(&r);
    }
    int8_t *const input = calloc(1, (size_t)plan_tensor_extent(&b.tensors[0]));
    struct border *const border = border_create(&b.plan, CPU_SCALAR, &arena);
    REQUIRE(input != NULL && border != NULL);
    for (int y = ABOVE; y < TALL - BELOW; y++) input[y * 2 * 9 * 3] = (int8_t)(y % 2 + 1);
    struct border_rows rows;
    border_begin(border, input);
    border_plan(border, 0, &rows); /* rows 1 to 9 are alike, and 23 to 29 */
    CHECK(rows.n == 2 && rows.range[0].y0 == 0 && rows.range[0].y1 == 2 &&
          rows.range[0].n_copies == 8 && rows.range[1].y0 == 10 && rows.range[1].y1 == 24 &&
          rows.range[1].n_copies == 6);
    free(input);
    arena_release(&arena);
    build_release(&b);
}

/* A step run by itself does what it does in its turn. */
static void test_runtime__steps_run_alone(void)
{
    struct build b;
    build_all(&b, "model", 9);
    struct runtime *whole = make(&b.plan, BUILD_CPU, 2, true);
    struct runtime *alone = make(&b.plan, CPU_SCALAR, 1, true);
    REQUIRE(whole != NULL && alone != NULL);
    fill_inputs(&b.plan, whole, 3);
    fill_inputs(&b.plan, alone, 3);
    runtime_run(whole);
    runtime_run(alone);
    for (int i = 0; i < b.plan.n_steps; i++) {
        const uint32_t out = b.plan.steps[i].out;
        const struct plan_tensor *const t = &b.plan.tensors[out];
        uint8_t *const data = runtime_tensor(alone, out);
        for (size_t p = 0; p < (size_t)(t->h * t->w); p++)
            memset(data + p * pixel_size(t), 0x55, (size_t)(t->c * dtype_size(t->dtype)));
        runtime_run_step(alone, i);
        for (int k = 0; k < b.plan.n_tensors; k++)
            check_same_tensor(&b.plan, whole, alone, (uint32_t)k);
    }
    runtime_destroy(&whole);
    runtime_destroy(&alone);
    build_release(&b);
}

/* Places used again hold the same results, and keep_tensors undoes the sharing. */
static void test_runtime__places_used_again(void)
{
    struct build b;
    build_all(&b, "model", 8);
    struct runtime *plain = make(&b.plan, BUILD_CPU, 2, false);
    REQUIRE(plain != NULL);
    fill_inputs(&b.plan, plain, 5);
    runtime_run(plain);
    b.buffers[6].offset = b.buffers[3].offset; /* "deep" where "attended" was */
    struct runtime *reused = make(&b.plan, BUILD_CPU, 2, false);
    struct runtime *kept = make(&b.plan, BUILD_CPU, 2, true);
    REQUIRE(reused != NULL && kept != NULL);
    CHECK(runtime_tensor(reused, 9) == runtime_tensor(reused, 12));
    CHECK(runtime_tensor(kept, 9) != runtime_tensor(kept, 12));
    fill_inputs(&b.plan, reused, 5);
    fill_inputs(&b.plan, kept, 5);
    runtime_run(reused);
    runtime_run(kept);
    for (int i = 0; i < b.plan.n_outputs; i++) {
        check_same_tensor(&b.plan, plain, reused, b.plan.outputs[i].tensor);
        check_same_tensor(&b.plan, plain, kept, b.plan.outputs[i].tensor);
    }
    check_steps(&b.plan, kept);
    runtime_destroy(&plain);
    runtime_destroy(&reused);
    runtime_destroy(&kept);
    build_release(&b);
}

static void test_runtime__run_allocates_nothing(void)
{
    struct build b;
    build_all(&b, "model", 7);
    struct runtime *r = make(&b.plan, BUILD_CPU, 3, false);
    REQUIRE(r != NULL);
    fill_inputs(&b.plan, r, 1);
    const uint64_t before = mem_count();
    for (int i = 0; i < 5; i++) runtime_run(r);
    CHECK(mem_count() == before);
    runtime_destroy(&r);
    build_release(&b);
}

static void test_runtime__restores_the_float_mode(void)
{
    struct build b;
    build_all(&b, "model", 3);
    struct runtime *first = make(&b.plan, CPU_SCALAR, 1, true);
    REQUIRE(first != NULL);
    fill_inputs(&b.plan, first, 2);
    runtime_run(first);
    for (int n_threads = 1; n_threads <= 2; n_threads++) {
        /* threads take over the mode of the one that makes them */
        const int old = fegetround();
        fesetround(FE_UPWARD);
        struct runtime *r = make(&b.plan, BUILD_CPU, n_threads, true);
        REQUIRE(r != NULL);
        fill_inputs(&b.plan, r, 2);
        runtime_run(r);
        CHECK(fegetround() == FE_UPWARD);
        fesetround(old);
        for (int i = 0; i < b.plan.n_tensors; i++)
            check_same_tensor(&b.plan, first, r, (uint32_t)i);
        runtime_destroy(&r);
    }
    runtime_destroy(&first);
    build_release(&b);
}

static void test_runtime__flushing_denormals_is_off_inside(void)
{
#if defined(__x86_64__)
    const unsigned flushing = _mm_getcsr() | 0x8040;
    const float_mode old = _mm_getcsr();
    _mm_setcsr(flushing);
    const float_mode saved = float_mode_enter();
    volatile float tiny = 0x1p-126f;
    CHECK(tiny / 2 != 0);
    float_mode_leave(saved);
    CHECK(_mm_getcsr() == flushing);
    _mm_setcsr(old);
#else
    SKIP("only x86 is known to have the flags this test sets");
#endif
}

static void test_runtime__profile_and_names(void)
{
    struct build b;
    build_all(&b, "model", 3);
    struct runtime *r = NULL;
    struct itx_error err = {0};
    const struct runtime_options options = {.cpu = CPU_SCALAR, .n_threads = 2, .profile = true};
    REQUIRE(runtime_create(&r, &b.plan, &options, &err) == ITX_OK);
    fill_inputs(&b.plan, r, 1);
    runtime_run(r);
    uint64_t total = 0;
    for (int i = 0; i < b.plan.n_steps; i++) {
        total += runtime_step_ns(r, i);
        const char *const name = runtime_step_kernel(r, i);
        CHECK(name != NULL && strlen(name) > 3 && strcmp(name + strlen(name) - 3, "__c") == 0);
    }
    CHECK(total > 0);
    CHECK(runtime_step_ns(r, -1) == 0 && runtime_step_ns(r, b.plan.n_steps) == 0);
    CHECK(runtime_step_kernel(r, -1) == NULL && runtime_step_kernel(r, b.plan.n_steps) == NULL);
    CHECK(pool_n_threads(runtime_pool(r)) == 2);
    CHECK(runtime_cpu(r) == CPU_SCALAR);
    const struct runtime_memory memory = runtime_memory(r);
    CHECK(memory.arena == b.plan.arena_size + PLAN_TAIL);
    CHECK(memory.weights > 8 * 3 * 3 * 3 + 24 * 24);
    runtime_destroy(&r);
    build_release(&b);
}

static void test_runtime__refuses_threads(void)
{
    struct build b;
    build_tiny(&b, "model");
    struct runtime *r = NULL;
    struct itx_error err = {0};
    const struct runtime_options options = {.n_threads = 0};
    CHECK(runtime_create(&r, &b.plan, &options, &err) == ITX_E_RANGE);
    CHECK(r == NULL);
    build_release(&b);
}

static void test_runtime__out_of_memory(void)
{
    struct build b;
    build_all(&b, "model", 3);
    const struct runtime_options options = {.cpu = BUILD_CPU, .n_threads = 2};
    itx_status status = ITX_E_NOMEM;
    for (long n = 0; n < 1000 && status != ITX_OK; n++) {
        struct runtime *r = NULL;
        mem_fail_after(n);
        status = runtime_create(&r, &b.plan, &options, NULL);
        mem_fail_after(-1);
        CHECK(status == ITX_OK || (status == ITX_E_NOMEM && r == NULL));
        runtime_destroy(&r);
    }
    CHECK(status == ITX_OK);
    build_release(&b);
}

TEST_MAIN(TEST(test_runtime__every_step_follows_its_formula), TEST(test_runtime__values_vary),
          TEST(test_runtime__same_bytes_everywhere), TEST(test_runtime__enlarged_channels),
          TEST(test_runtime__rows_that_are_alike), TEST(test_runtime__steps_run_alone),
          TEST(test_runtime__places_used_again), TEST(test_runtime__run_allocates_nothing),
          TEST(test_runtime__restores_the_float_mode),
          TEST(test_runtime__flushing_denormals_is_off_inside),
          TEST(test_runtime__profile_and_names), TEST(test_runtime__refuses_threads),
          TEST(test_runtime__out_of_memory))
