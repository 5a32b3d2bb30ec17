/* SPDX-License-Identifier: Apache-2.0
 *
 * The plan file: round trip, the same bytes again, and refusal of everything damaged or contradictory.
 */
#include "plan/plan.h"

#include <math.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/mem.h"
#include "plan/format.h"

#include "plan_build.h"
#include "test.h"

static void *write_one(const struct plan *plan, size_t *size)
{
    void *data = NULL;
    struct itx_error err = {0};
    const itx_status status = plan_write(&plan, 1, &data, size, &err);
    CHECK_MSG(status == ITX_OK, "%s", err.text);
    return status == ITX_OK ? data : NULL;
}

/* The damaged file is refused or, where the damage does no harm, read. */
static bool is_refused(const void *data, size_t size, struct itx_error *err)
{
    struct plan_file file;
    const itx_status status = plan_read(&file, data, size, err);
    if (status == ITX_OK) plan_file_release(&file);
    return status != ITX_OK;
}

/* Makes the checksum right again. */
static void seal(uint8_t *data, size_t size)
{
    store_le64(data + 24, format_checksum(data + FORMAT_CHECKED_FROM, size - FORMAT_CHECKED_FROM));
}

static void check_same_array(const void *a, const void *b, uint64_t n, size_t size)
{
    REQUIRE((a != NULL) == (b != NULL));
    CHECK((a != NULL) == (n != 0));
    if (a != NULL) CHECK(memcmp(a, b, (size_t)n * size) == 0);
}

static void check_same_step(const struct plan *plan, const struct plan_step *a,
                            const struct plan_step *b)
{
    CHECK_STR(a->name, b->name);
    CHECK(a->kind == b->kind && a->n_in == b->n_in && a->out == b->out);
    CHECK(memcmp(a->in, b->in, sizeof a->in) == 0);
    CHECK(memcmp(a->kernel, b->kernel, sizeof a->kernel) == 0);
    CHECK(memcmp(a->stride, b->stride, sizeof a->stride) == 0);
    CHECK(memcmp(a->pad, b->pad, sizeof a->pad) == 0);
    CHECK(memcmp(a->dilation, b->dilation, sizeof a->dilation) == 0);
    CHECK(a->act == b->act && a->range_log2 == b->range_log2 && a->shift == b->shift);
    CHECK(a->heads == b->heads && a->logit_scale == b->logit_scale);
    CHECK(a->out_scale == b->out_scale);
    const struct plan_arrays n = plan_step_arrays(plan, a);
    check_same_array(a->weights, b->weights, n.weights, 1);
    check_same_array(a->bias, b->bias, n.bias, 4);
    check_same_array(a->scale, b->scale, n.scale, 4);
    check_same_array(a->mul, b->mul, n.mul, 2);
    check_same_array(a->res_mul, b->res_mul, n.res_mul, 2);
    check_same_array(a->offset, b->offset, n.offset, 4);
    check_same_array(a->table, b->table, n.table, 1);
}

static void check_same_plan(const struct plan *a, const struct plan *b)
{
    CHECK_STR(a->name, b->name);
    CHECK_STR(a->meta, b->meta);
    CHECK(a->arena_size == b->arena_size && a->n_buffers == b->n_buffers);
    REQUIRE(a->n_tensors == b->n_tensors && a->n_steps == b->n_steps);
    REQUIRE(a->n_inputs == b->n_inputs && a->n_outputs == b->n_outputs);
    for (int i = 0; i < a->n_buffers; i++)
        CHECK(a->buffers[i].offset == b->buffers[i].offset &&
              a->buffers[i].size == b->buffers[i].size);
    for (int i = 0; i < a->n_tensors; i++) {
        const struct plan_tensor *const s = &a->tensors[i], *const t = &b->tensors[i];
        CHECK_STR(s->name, t->name);
        CHECK(s->dtype == t->dtype && s->h == t->h && s->w == t->w && s->c == t->c);
        CHECK(s->pixel == t->pixel && s->buffer == t->buffer && s->offset == t->offset);
        CHECK(s->reach == t->reach);
        REQUIRE(s->n_quant == t->n_quant);
        check_same_array(s->scale, t->scale, (uint64_t)s->n_quant, 4);
        check_same_array(s->zero_point, t->zero_point, (uint64_t)s->n_quant, 4);
    }
    for (int i = 0; i < a->n_steps; i++) check_same_step(a, &a->steps[i], &b->steps[i]);
    for (int i = 0; i < a->n_inputs; i++) {
        CHECK_STR(a->inputs[i].name, b->inputs[i].name);
        CHECK(a->inputs[i].tensor == b->inputs[i].tensor && a->inputs[i].kind == b->inputs[i].kind);
        CHECK(a->inputs[i].is_stored == b->inputs[i].is_stored);
    }
    for (int i = 0; i < a->n_outputs; i++) {
        CHECK_STR(a->outputs[i].name, b->outputs[i].name);
        CHECK_STR(a->outputs[i].dequantize, b->outputs[i].dequantize);
        CHECK(a->outputs[i].tensor == b->outputs[i].tensor);
    }
    CHECK(a->head.task == b->head.task && a->head.n_classes == b->head.n_classes);
    for (int i = 0; i < a->head.n_classes; i++) CHECK_STR(a->head.names[i], b->head.names[i]);
    CHECK(memcmp(a->head.level, b->head.level, sizeof a->head.level) == 0);
}

/* A detection head on the tiny network: one level whose two outputs are the same tensor. */
static void add_head(struct build *b)
{
    static const char *const names[] = {"knob", "\xce\xb8"};
    b->tensors[1].c = b->tensors[1].pixel = 2;
    build_output(b, 1);
    b->plan.head = (struct plan_head){
        .task = PLAN_SEGMENT, .n_classes = 2, .reg_max = 1, .n_coefs = 2, .n_levels = 1};
    b->plan.head.names = names;
    b->plan.head.level[0].stride = 8;
    b->plan.head.level[0].coef = 1;
    b->plan.head.proto = 1;
}

static void test_plan__round_trip(void)
{
    struct build one, two;
    build_all(&one, "one", 11);
    build_all(&two, "two", 12);
    const struct plan *const models[] = {&one.plan, &two.plan};
    void *data = NULL, *again = NULL;
    size_t size, size_again;
    struct itx_error err = {0};
    const itx_status status = plan_write(models, 2, &data, &size, &err);
    CHECK_MSG(status == ITX_OK, "%s", err.text);
    REQUIRE(status == ITX_OK);
    struct plan_file file;
    CHECK_MSG(plan_read(&file, data, size, &err) == ITX_OK, "%s", err.text);
    REQUIRE(file.n_models == 2);
    check_same_plan(&one.plan, &file.models[0]);
    check_same_plan(&two.plan, &file.models[1]);
    /* what was read is written to the same bytes */
    const struct plan *const read_models[] = {&file.models[0], &file.models[1]};
    REQUIRE(plan_write(read_models, 2, &again, &size_again, &err) == ITX_OK);
    CHECK(size == size_again && memcmp(data, again, size) == 0);
    plan_file_release(&file);
    mem_free(data);
    mem_free(again);
    build_release(&one);
    build_release(&two);
}

static void test_plan__arrays_have_room_after_them(void)
{
    struct build b;
    build_all(&b, "b", 3);
    size_t size = 0;
    uint8_t *const data = write_one(&b.plan, &size);
    REQUIRE(data != NULL);
    struct plan_file file;
    REQUIRE(plan_read(&file, data, size, NULL) == ITX_OK);
    const struct plan *const plan = file.models;
    for (int i = 0; i < plan->n_steps; i++) {
        const struct plan_step *const s = &plan->steps[i];
        const struct plan_arrays n = plan_step_arrays(plan, s);
        if (s->weights == NULL) continue;
        const uint8_t *const w = (const uint8_t *)s->weights;
        CHECK((size_t)(w - data) % PLAN_ALIGN == 0);
        CHECK((uint64_t)(data + size - w) >= n.weights + PLAN_TAIL);
    }
    plan_file_release(&file);
    mem_free(data);
    build_release(&b);
}

static void test_plan__head_round_trip(void)
{
    struct build b;
    build_tiny(&b, "b");
    add_head(&b);
    b.plan.head.reg_max = 1;
    struct itx_error err = {0};
    CHECK(plan_check(&b.plan, &err) != ITX_OK); /* the box output needs 4 channels */
    CHECK(strstr(err.text, "box output") != NULL);
    build_release(&b);

    build_init(&b, "b", 9);
    const uint32_t in = build_tensor(&b, "in", DTYPE_S8, 2, 2, 3);
    const uint32_t cls = build_tensor(&b, "cls", DTYPE_S32, 2, 2, 2);
    const uint32_t box = build_tensor(&b, "box", DTYPE_S32, 2, 2, 4);
    const uint32_t outs[] = {cls, box};
    for (int i = 0; i < 2; i++) {
        struct plan_step *const s = build_step(&b, STEP_CONV, "conv", 1, &in, outs[i]);
        build_window(s, 1, 1, 0);
        build_conv_arrays(&b, s, ACT_NONE);
        build_output(&b, outs[i]);
    }
    build_input(&b, in, PLAN_INPUT_NV12);
    add_head(&b);
    b.plan.n_outputs = 2;
    b.plan.head.level[0].box = 1;
    b.plan.head.level[0].coef = 0;
    b.plan.head.proto = 0;
    size_t size = 0;
    uint8_t *const data = write_one(&b.plan, &size);
    REQUIRE(data != NULL);
    struct plan_file file;
    REQUIRE(plan_read(&file, data, size, NULL) == ITX_OK);
    check_same_plan(&b.plan, file.models);
    plan_file_release(&file);
    mem_free(data);
    build_release(&b);
}

static void test_plan__truncated(void)
{
    struct build b;
    build_tiny(&b, "tiny");
    size_t size = 0;
    uint8_t *const data = write_one(&b.plan, &size);
    REQUIRE(data != NULL);
    struct itx_error err;
    for (size_t n = 0; n < size; n++) {
        uint8_t *const copy = mem_alloc(n); /* exactly n bytes, for the sanitizer */
        memcpy(copy, data, n);
        CHECK_MSG(is_refused(copy, n, &err), "%zu bytes", n);
        CHECK_MSG(strstr(err.text, n == 0 ? "not an Intarsia file" : "truncated") != NULL,
                  "%zu bytes: %s", n, err.text);
        mem_free(copy);
    }
    char expected[80];
    snprintf(expected, sizeof expected, "file is truncated: 1000 bytes, %zu expected", size);
    CHECK(is_refused(data, 1000, &err));
    CHECK_STR(err.text, expected);
    mem_free(data);
    build_release(&b);
}

/* An input of numbers without a quantise node: its flag comes back, and no other number of flags does. */
static void test_plan__stored_input(void)
{
    struct build b;
    build_tiny(&b, "tiny");
    b.inputs[0].kind = PLAN_INPUT_TENSOR;
    b.inputs[0].is_stored = 1;
    size_t size = 0;
    uint8_t *const data = write_one(&b.plan, &size);
    REQUIRE(data != NULL);
    struct plan_file file = {0};
    REQUIRE(plan_read(&file, data, size, NULL) == ITX_OK);
    CHECK(file.models[0].inputs[0].is_stored == 1);
    check_same_plan(&file.models[0], &b.plan);
    plan_file_release(&file);
    mem_free(data);
    build_release(&b);
}

static void test_plan__altered(void)
{
    struct build b;
    build_tiny(&b, "tiny");
    size_t size = 0;
    uint8_t *const data = write_one(&b.plan, &size);
    REQUIRE(data != NULL);
    for (size_t i = 0; i < size; i++) {
        for (int bit = 0; bit < 8; bit++) {
            data[i] ^= (uint8_t)(1 << bit);
            CHECK_MSG(is_refused(data, size, NULL), "byte %zu, bit %d", i, bit);
            data[i] ^= (uint8_t)(1 << bit);
        }
    }
    CHECK(!is_refused(data, size, NULL));
    mem_free(data);
    build_release(&b);
}

/* Every byte set to several values under a right checksum: what is accepted writes the same bytes again, unless only
 * the place of things in the file changed. Faults are the sanitizer's to find. */
static void test_plan__altered_and_sealed(void)
{
    struct build b;
    build_tiny(&b, "tiny");
    size_t size = 0;
    uint8_t *const data = write_one(&b.plan, &size);
    REQUIRE(data != NULL);
    static const uint8_t flips[] = {0x01, 0x7f, 0x80, 0xff, 0x40};
    int n_accepted = 0, n_refused = 0;
    for (size_t i = FORMAT_CHECKED_FROM; i < size; i++) {
        for (size_t k = 0; k < sizeof flips; k++) {
            data[i] ^= flips[k];
            seal(data, size);
            if (is_refused(data, size, NULL))
                n_refused++;
            else
                n_accepted++;
            data[i] ^= flips[k];
        }
    }
    CHECK(n_refused > 1000);
    CHECK(n_accepted > 50); /* weights, names, scales */
    mem_free(data);
    build_release(&b);
}

static void test_plan__messages(void)
{
    struct build b;
    build_tiny(&b, "tiny");
    size_t size = 0;
    uint8_t *const data = write_one(&b.plan, &size);
    REQUIRE(data != NULL);
    struct itx_error err;
    static const uint64_t other = 0x0123456789abcdef;
    CHECK(is_refused(&other, sizeof other, &err) && err.code == ITX_E_FORMAT);
    CHECK_STR(err.text, "not an Intarsia file");
    data[size - 1] ^= 1;
    CHECK(is_refused(data, size, &err));
    CHECK_STR(err.text, "checksum mismatch: file is damaged");
    data[size - 1] ^= 1;
    data[8] = 4;
    CHECK(is_refused(data, size, &err) && err.code == ITX_E_VERSION);
    CHECK_STR(err.text, "made by a newer version: file format 4, this program reads 3: update it");
    data[8] = 1;
    CHECK(is_refused(data, size, &err) && err.code == ITX_E_VERSION);
    CHECK_STR(err.text,
              "made by an older version: file format 1, this program reads 3: build it again");
    data[8] = 2;
    CHECK(is_refused(data + 1, size - 1, &err) && err.code == ITX_E_INVAL);
    mem_free(data);
    build_release(&b);
}

/* Changes one thing in a good plan and expects a message with `text`. */
#define REFUSES(expected, change)                                                                  \
    do {                                                                                           \
        struct build b;                                                                            \
        build_all(&b, "model", 21);                                                                \
        struct plan_tensor *const tensors = b.tensors;                                             \
        struct plan_step *const steps = b.steps;                                                   \
        (void)tensors, (void)steps;                                                                \
        change;                                                                                    \
        struct itx_error err = {0};                                                                \
        CHECK_MSG(plan_check(&b.plan, &err) != ITX_OK, "%s", expected);                            \
        CHECK_MSG(strstr(err.text, expected) != NULL, "\"%s\" instead of \"%s\"", err.text,        \
                  expected);                                                                       \
        build_release(&b);                                                                         \
    } while (0)

static void test_plan__check_structure(void)
{
    REFUSES("0 steps", b.plan.n_steps = 0);
    REFUSES("name of a model is missing", b.plan.name = NULL);
    REFUSES("not UTF-8", steps[3].name = "\xff");
    REFUSES("not UTF-8", b.plan.meta = "\xed\xa0\x80");
    REFUSES("arena of", b.plan.arena_size += 1);
    REFUSES("does not lie in the arena", b.plan.arena_size = 64);
    REFUSES("element type", tensors[1].dtype = DTYPE_F32);
    REFUSES("has size", tensors[2].w = 0);
    REFUSES("has size", tensors[2].pixel = 7);
    REFUSES("buffer 99", tensors[2].buffer = 99);
    REFUSES("does not lie in its buffer", tensors[2].offset = 17);
    REFUSES("does not lie in its buffer", b.buffers[0].size = 64);
    REFUSES("3 scales for 8 channels", tensors[1].n_quant = 3);
    REFUSES("another grid", (tensors[2].h = 1, tensors[2].w = 5));
    REFUSES("'joined' has another grid than 'a' in the same buffer",
            (tensors[4].h = 9, tensors[4].w = 7)); /* as many pixels, in other rows */
    REFUSES("input 'images' is tensor", b.inputs[0].tensor = 1000);
    REFUSES("is a picture", b.inputs[0].tensor = 1);
    REFUSES("a picture without a quantise node", b.inputs[0].is_stored = 1);
    REFUSES("output 'logits' is tensor", b.outputs[0].tensor = 1000);
    REFUSES("head: task", b.plan.head.task = PLAN_TASK_COUNT);
    REFUSES("1 classes", b.plan.head.n_classes = 1);
    REFUSES("has kind", steps[0].kind = STEP_KIND_COUNT);
    REFUSES("0 inputs", steps[0].n_in = 0);
    REFUSES("is tensor 77", steps[0].in[0] = 77);
    REFUSES("is tensor 77", steps[0].out = 77);
    REFUSES("step 0 (Conv '/conv'): kernel 0", steps[0].kernel[1] = 0);
    REFUSES("stride -1", steps[0].stride[1] = -1);
    REFUSES("padding -1", steps[0].pad[3] = -1);
    REFUSES("output is 7 x 9 x 8, 5 x 9 x 8 expected", steps[0].pad[0] = steps[0].pad[2] = 0);
    REFUSES("shift 14", steps[0].shift = 14);
    REFUSES("shift 7", steps[3].shift = 7);
    REFUSES("range", steps[0].range_log2 = 13);
    REFUSES("activation", steps[0].act = ACT_COUNT);
    REFUSES("not use is set", steps[1].shift = 15);
    REFUSES("not use is set", steps[2].kernel[0] = 1);
    REFUSES("5 heads", steps[4].heads = 5);
    REFUSES("scales nan", steps[4].logit_scale = NAN);
    REFUSES("scales", steps[4].out_scale = 0);
    REFUSES("factor 0", steps[8].stride[0] = 0);
    REFUSES("kernel and stride differ", steps[9].stride[0] = 1);
    REFUSES("has an activation", steps[10].act = ACT_SILU);
    REFUSES("has reach 0", tensors[19].reach = 0);
    REFUSES("has reach 32769", tensors[19].reach = 32769);
    REFUSES("type s8, has reach 128", tensors[1].reach = 128);
    REFUSES("input 0 has element type s16", steps[5].in[0] = 17); /* a table */
    REFUSES("input 0 has element type s8", steps[14].in[0] = 1);  /* to a maximum in s16 */
    REFUSES("input 1 has element type s32", steps[16].in[1] = 15);
    REFUSES("shift 14 is not possible", steps[13].shift = 14);
    REFUSES("shift 0 is not possible", steps[16].shift = 0);
    REFUSES("padding 3 of a window of 3", steps[14].pad[2] = 3);
}

static void swap_steps(struct plan_step *a, struct plan_step *b)
{
    const struct plan_step c = *a;
    *a = *b;
    *b = c;
}

static void test_plan__check_order(void)
{
    REFUSES("step 1 (Copy '/copy'): tensor 'max' is read before it is written",
            swap_steps(&steps[1], &steps[2]));
    REFUSES("tensor 'joined' is read before it is written", swap_steps(&steps[2], &steps[3]));
    REFUSES("tensor 'other' is read before it is written",
            steps[0].in[0] = build_tensor(&b, "other", DTYPE_S8, 7, 9, 3));
    REFUSES("are written to the same place", steps[2].out = steps[1].out);
    REFUSES("are written to the same place", tensors[3].offset = 9);
    REFUSES("overlap while both are in use (step 3)", b.buffers[2].offset = 0);
    REFUSES("overlap while both are in use", b.buffers[2].offset = b.buffers[1].offset + 64);
}

static void test_plan__places_may_be_used_again(void)
{
    struct build b;
    build_all(&b, "model", 21);
    /* "attended" is dead when "deep" is written, "added" is an output and lives on */
    b.buffers[6].offset = b.buffers[3].offset;
    struct itx_error err = {0};
    CHECK_MSG(plan_check(&b.plan, &err) == ITX_OK, "%s", err.text);
    b.buffers[6].offset = b.buffers[5].offset;
    CHECK(plan_check(&b.plan, &err) != ITX_OK);
    build_release(&b);
}

#define SET(type, array, i, value) (((type *)(uintptr_t)(array))[i] = (value))

static void test_plan__check_numbers(void)
{
    REFUSES("scale nan", SET(float, tensors[1].scale, 0, NAN));
    REFUSES("scale inf", SET(float, tensors[1].scale, 0, INFINITY));
    REFUSES("scale 0", SET(float, tensors[1].scale, 0, 0));
    REFUSES("zero point 128", SET(int32_t, tensors[1].zero_point, 0, 128));
    REFUSES("zero point 1 of channel 0, type s32", SET(int32_t, tensors[15].zero_point, 0, 1));
    REFUSES("a weight is -128", SET(int8_t, steps[0].weights, 40, -128));
    REFUSES("a weight is -128", SET(int8_t, steps[7].weights, 71, -128));
    REFUSES("the sum of channel 3 may reach", SET(int32_t, steps[0].bias, 3, INT32_MAX));
    REFUSES("the sum of channel 4 may reach 2147", SET(int32_t, steps[9].bias, 19, INT32_MIN));
    REFUSES("scale inf of channel 2", SET(float, steps[0].scale, 2, INFINITY));
    REFUSES("scale -1 of channel 2", SET(float, steps[0].scale, 2, -1));
    REFUSES("scale 1e+06 of channel 2", SET(float, steps[0].scale, 2, 1e6f));
    REFUSES("negative multiplier", SET(int16_t, steps[0].mul, 2, -1));
    REFUSES("negative multiplier", SET(int16_t, steps[6].res_mul, 2, -1));
    REFUSES("offset 536870912", SET(int32_t, steps[6].offset, 2, 1 << 29));
    REFUSES("expected from the zero point", SET(int32_t, steps[0].offset, 7, 0));
    REFUSES("bias: missing", steps[0].bias = NULL);
    REFUSES("table: not used", steps[0].table = steps[5].table);
    REFUSES("changes on the way", SET(float, tensors[3].scale, 0, 0.25f));
    REFUSES("writes numbers up to", SET(int16_t, steps[13].mul, 0, 20000));
    REFUSES("writes numbers up to", tensors[20].reach--);
    REFUSES("stage C of channel 3 may reach",
            (tensors[20].reach = 32768, SET(int16_t, steps[16].mul, 3, 32767),
             SET(int16_t, steps[16].res_mul, 3, 32767), SET(int32_t, steps[16].offset, 3, -65536),
             tensors[21].reach = 32768));
}

/* An output with 16 bits keeps to the largest multiplier, and sum |w| * reach + |bias| = 2^31 - 1 is the last that is
 * accepted. What is read in pieces has the reach of the pieces that it meets. */
static void test_plan__reach(void)
{
    struct build b;
    struct itx_error err = {0};
    build_init(&b, "wide", 3);
    const int half[3] = {2, 2, 2}, all[3] = {2, 2, 4};
    const uint32_t in = build_tensor(&b, "in", DTYPE_S8, 2, 2, 3);
    const uint32_t both = build_buffer(&b, 2, 2, 4, DTYPE_S16);
    uint32_t parts[2];
    build_input(&b, in, PLAN_INPUT_RGB);
    for (int i = 0; i < 2; i++) {
        parts[i] = build_slice(&b, "part", DTYPE_S16, half, both, 4, 2 * i);
        struct plan_step *const s = build_step(&b, STEP_CONV, "conv", 1, &in, parts[i]);
        build_window(s, 1, 1, 0);
        s->shift = 15;
        build_conv_arrays(&b, s, ACT_SILU);
        SET(int16_t, s->mul, 0, i == 0 ? 1000 : 3000);
        SET(int16_t, s->mul, 1, 20);
        CHECK(plan_step_reach(&b.plan, s) == (i == 0 ? 1000 : 3000));
        b.tensors[parts[i]].reach = i == 0 ? 1000 : 3000;
    }
    const uint32_t joined = build_slice(&b, "joined", DTYPE_S16, all, both, 4, 0);
    const uint32_t out = build_tensor(&b, "out", DTYPE_S32, 2, 2, 1);
    struct plan_step *const s = build_step(&b, STEP_CONV, "sum", 1, &joined, out);
    build_window(s, 1, 1, 0);
    build_conv_arrays(&b, s, ACT_NONE);
    build_output(&b, out);
    b.tensors[joined].reach = 2999;
    CHECK(plan_check(&b.plan, &err) != ITX_OK);
    CHECK(strstr(err.text, "'joined' has reach 2999, 'part' that is written there has 3000"));
    b.tensors[joined].reach = 3000;
    for (int i = 0; i < 4; i++) SET(int8_t, s->weights, i, -127);
    SET(int32_t, s->bias, 0, INT32_MAX - 4 * 127 * 3000);
    CHECK_MSG(plan_check(&b.plan, &err) == ITX_OK, "%s", err.text);
    b.tensors[joined].reach = 3001;
    CHECK(plan_check(&b.plan, &err) != ITX_OK);
    CHECK(strstr(err.text, "the sum of channel 0 may reach 2147484155"));
    build_release(&b);
}

/* sum |w| * 128 + |bias| = 2^31 - 1 is the last that is accepted. */
static void test_plan__accumulator_bound(void)
{
    struct build b;
    build_tiny(&b, "tiny");
    for (int i = 0; i < 3; i++) SET(int8_t, b.steps[0].weights, i, -127);
    SET(float, b.steps[0].scale, 0, 0.5f);
    const int64_t sum = 3 * 127 * 128;
    SET(int32_t, b.steps[0].bias, 0, (int32_t)(INT32_MAX - sum));
    struct itx_error err = {0};
    CHECK_MSG(plan_check(&b.plan, &err) == ITX_OK, "%s", err.text);
    SET(int32_t, b.steps[0].bias, 0, (int32_t)(INT32_MAX - sum + 1));
    CHECK(plan_check(&b.plan, NULL) != ITX_OK);
    SET(int32_t, b.steps[0].bias, 0, -(int32_t)(INT32_MAX - sum));
    CHECK(plan_check(&b.plan, NULL) == ITX_OK);
    SET(float, b.steps[0].scale, 0, 1.0f); /* (float)acc would round up to 2^31 */
    CHECK(plan_check(&b.plan, NULL) != ITX_OK);
    build_release(&b);
}

static void test_plan__two_models_of_one_name(void)
{
    struct build b;
    build_tiny(&b, "tiny");
    const struct plan *const models[] = {&b.plan, &b.plan};
    void *data = NULL;
    size_t size;
    struct itx_error err;
    CHECK(plan_write(models, 2, &data, &size, &err) != ITX_OK);
    CHECK_STR(err.text, "two models are called 'tiny'");
    CHECK(data == NULL);
    build_release(&b);
}

static void test_plan__out_of_memory(void)
{
    struct build b;
    build_all(&b, "model", 4);
    size_t size = 0;
    void *const data = write_one(&b.plan, &size);
    REQUIRE(data != NULL);
    const struct plan *const plan = &b.plan;
    for (long n = 0;; n++) {
        void *again = NULL;
        size_t size_again;
        struct plan_file file = {0};
        mem_fail_after(n);
        const itx_status wrote = plan_write(&plan, 1, &again, &size_again, NULL);
        mem_fail_after(n);
        const itx_status read = plan_read(&file, data, size, NULL);
        mem_fail_after(-1);
        CHECK(wrote == ITX_OK || wrote == ITX_E_NOMEM);
        CHECK(read == ITX_OK || read == ITX_E_NOMEM);
        if (wrote == ITX_OK) mem_free(again);
        if (read == ITX_OK) plan_file_release(&file);
        if (wrote == ITX_OK && read == ITX_OK) break;
    }
    mem_free(data);
    build_release(&b);
}

/* The bytes of the format do not change by accident. A change on purpose raises PLAN_VERSION, and new files are made by
 * running this test with ITX_UPDATE set to the folder. */
static void test_plan__bytes_of_the_format(void)
{
    struct build b;
    static const char *const names[] = {"tiny", "all", "stored"};
    for (int i = 0; i < 3; i++) {
        const char *const name = names[i];
        if (i == 1)
            build_all(&b, name, 17);
        else
            build_tiny(&b, name);
        if (i == 2) b.inputs[0].kind = PLAN_INPUT_TENSOR;
        b.inputs[0].is_stored = i == 2;
        size_t size = 0;
        void *const data = write_one(&b.plan, &size);
        REQUIRE(data != NULL);
        char path[512];
        const char *const update = getenv("ITX_UPDATE");
        if (update != NULL) {
            snprintf(path, sizeof path, "%s/%s.bin", update, name);
            CHECK(file_write(path, data, size, NULL) == ITX_OK);
        }
        snprintf(path, sizeof path, GOLDEN_DIR "/../fuzz/corpus/plan/%s.bin", name);
        struct file_bytes map = {0};
        struct itx_error err = {0};
        CHECK_MSG(file_read(&map, path, SIZE_MAX, &err) == ITX_OK, "%s", err.text);
        CHECK_MSG(map.size == size && memcmp(map.data, data, size) == 0, "%s differs", path);
        file_bytes_release(&map);
        mem_free(data);
        build_release(&b);
    }
}

TEST_MAIN(TEST(test_plan__round_trip), TEST(test_plan__arrays_have_room_after_them),
          TEST(test_plan__head_round_trip), TEST(test_plan__truncated),
          TEST(test_plan__stored_input), TEST(test_plan__altered),
          TEST(test_plan__altered_and_sealed), TEST(test_plan__messages),
          TEST(test_plan__check_structure), TEST(test_plan__check_order),
          TEST(test_plan__places_may_be_used_again), TEST(test_plan__check_numbers),
          TEST(test_plan__reach), TEST(test_plan__accumulator_bound),
          TEST(test_plan__two_models_of_one_name), TEST(test_plan__out_of_memory),
          TEST(test_plan__bytes_of_the_format))
