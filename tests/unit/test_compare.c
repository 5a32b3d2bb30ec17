/* SPDX-License-Identifier: Apache-2.0
 *
 * The report's figures against the same figures worked out slowly: every value of the float network kept, every step run
 * in a runtime of its own, sums over single elements.
 */
#include "api/compare.h"

#include <math.h>

#include "api/calibrate.h"
#include "base/cpu.h"
#include "base/mem.h"
#include "base/str.h"
#include "lower/lower.h"
#include "quant/quant.h"
#include "runtime/runtime.h"
#include "test.h"

#define PICTURES GOLDEN_DIR "/../cli/pictures/"
static const char *const photos[] = {PICTURES "no-such.jpg", PICTURES "grey.jpg",
                                     PICTURES "progressive.jpg", PICTURES "exif6.jpg"};

/* ---- a network with everything that makes tensors lie in odd places ---- */

static void add_numbers(struct strbuf *text, uint64_t *seed, const char *name, const char *shape,
                        int n, double size)
{
    strbuf_addf(text, "const %%%s: f32[%s] = {", name, shape);
    for (int i = 0; i < n; i++)
        strbuf_addf(text, "%s%.6f", i != 0 ? ", " : "",
                    ((double)test_random(seed) / 2147483648.0 - 1) * size);
    strbuf_addf(text, "}\n");
}

/* Split in views, a grouped convolution made in parts, a residual, one value in two concatenations (copied once), 16 and
 * 32 bit outputs. */
static void write_network(struct strbuf *text)
{
    uint64_t seed = 5;
    strbuf_addf(text, "input %%x: f32[1, 3, 8, 12]\n");
    add_numbers(text, &seed, "w0", "16, 3, 3, 3", 16 * 27, 0.4);
    add_numbers(text, &seed, "b0", "16", 16, 0.2);
    strbuf_addf(text,
                "%%y: f32[1, 16, 8, 12] = Conv(%%x, %%w0, %%b0) {act = 2, kernel_shape = [3, "
                "3], pads = [1, 1, 1, 1]}\n"
                "const %%s: s64[2] = {8, 8}\n"
                "%%l: f32[1, 8, 8, 12], %%r: f32[1, 8, 8, 12] = Split(%%y, %%s) {axis = 1}\n");
    add_numbers(text, &seed, "w1", "8, 4, 1, 1", 32, 0.8);
    add_numbers(text, &seed, "b1", "8", 8, 0.2);
    strbuf_addf(text, "%%g: f32[1, 8, 8, 12] = Conv(%%r, %%w1, %%b1) {act = 1, group = 2, "
                      "kernel_shape = [1, 1]}\n");
    add_numbers(text, &seed, "w2", "8, 8, 1, 1", 64, 0.6);
    strbuf_addf(text, "%%m: f32[1, 8, 8, 12] = Conv(%%g, %%w2, %%b1, %%r) {act = 2, kernel_shape = "
                      "[1, 1]}\n"
                      "%%j: f32[1, 24, 8, 12] = Concat(%%l, %%r, %%m) {axis = 1}\n"
                      "%%p: f32[1, 8, 8, 12] = MaxPool(%%m) {kernel_shape = [3, 3], pads = [1, 1, "
                      "1, 1]}\n"
                      "%%k: f32[1, 16, 8, 12] = Concat(%%m, %%p) {axis = 1}\n");
    add_numbers(text, &seed, "w3", "5, 24, 1, 1", 120, 0.3);
    add_numbers(text, &seed, "b3", "5", 5, 0.2);
    add_numbers(text, &seed, "w4", "5, 16, 1, 1", 80, 0.3);
    strbuf_addf(text, "%%u: f32[1, 5, 8, 12] = Conv(%%j, %%w3, %%b3) {kernel_shape = [1, 1]}\n"
                      "%%v: f32[1, 5, 8, 12] = Conv(%%k, %%w4, %%b3) {act = 2, kernel_shape = [1, "
                      "1]}\n"
                      "output %%u\noutput %%v\n");
}

struct bench {
    struct network network;
    struct quant_stats stats;
    struct arena arena;
    struct plan plan;
    struct itx_build_options options;
    struct comparison *result;
    struct itx_error err;
};

static itx_status prepare(struct bench *b, int n_threads)
{
    const struct quant_options quant = {QUANT_LEAST_SQUARES, 99.99f};
    const struct lower_options lower = {.name = "test", .input_kind = PLAN_INPUT_RGB};
    const struct itx_build_options defaults = ITX_BUILD_OPTIONS_INIT;
    struct strbuf text = {0};
    struct calibration used;
    write_network(&text);
    b->options = defaults;
    b->options.images = photos;
    b->options.n_images = ARRAY_LEN(photos);
    itx_status rc = graph_parse(&b->network.graph, text.data, text.len, &b->err);
    strbuf_release(&text);
    if (rc == ITX_OK) rc = network_describe(&b->network, &(struct scaling){0}, &b->err);
    if (rc == ITX_OK) rc = calibrate(&b->stats, &b->network, &b->options, 2, true, &used, &b->err);
    if (rc == ITX_OK) rc = quant_assign(b->network.graph, &b->stats, &quant, &b->err);
    if (rc == ITX_OK)
        rc = lower_graph(&b->plan, &b->arena, b->network.graph, &b->network.head, &lower, &b->err);
    if (rc == ITX_OK) rc = plan_check(&b->plan, &b->err);
    if (rc == ITX_OK)
        rc = compare_network(&b->result, &b->network, &b->plan, &b->options, n_threads, 2, &b->err);
    CHECK_MSG(rc == ITX_OK, "%s", b->err.text);
    return rc;
}

static void release(struct bench *b)
{
    mem_free(b->result);
    quant_stats_release(&b->stats);
    arena_release(&b->arena);
    network_release(&b->network);
}

/* ---- the same slowly ---- */

enum { MAX_VALUES = 64 };

/* Values of the float network by their names; `channels` in all. */
struct truth {
    const struct graph *g;
    struct kept {
        const char *name;
        int c, plane;
        float *x; /* [c, plane] */
    } kept[MAX_VALUES];
    int n;
};

static void keep(void *ctx, value_id v, const struct tensor *t)
{
    struct truth *const all = ctx;
    const struct value *value = graph_value(all->g, v);
    REQUIRE(all->n < MAX_VALUES);
    struct kept *k = &all->kept[all->n++];
    *k = (struct kept){value->name, (int)t->shape.dim[1], (int)(t->shape.dim[2] * t->shape.dim[3]),
                       NULL};
    k->x = mem_alloc((size_t)(k->c * k->plane) * sizeof *k->x);
    REQUIRE(k->x != NULL);
    memcpy(k->x, t->data, (size_t)(k->c * k->plane) * sizeof *k->x);
}

/* Where the float values of a tensor begin: the copy is the end of %j, which is read as a whole; the parts of %g are two. */
static const float *truth_of(const struct truth *all, const struct plan *plan, uint32_t index)
{
    const struct plan_tensor *t = &plan->tensors[index];
    for (int i = 0; i < all->n; i++) {
        const struct kept *k = &all->kept[i];
        if (strcmp(k->name, t->name) != 0) continue;
        if (t->c == k->c) return k->x;
        int channel = 0;
        for (int other = 0; other < plan->n_tensors; other++) {
            const struct plan_tensor *o = &plan->tensors[other];
            if (strcmp(o->name, t->name) == 0 && o->offset < t->offset)
                channel = t->c == 4 ? 4 : 16;
        }
        return k->x + channel * k->plane;
    }
    return NULL;
}

static double stored(const struct plan_tensor *t, const void *data, int i, int c)
{
    const int q = t->n_quant > 1 ? c : 0, at = i * t->pixel + c;
    const int32_t v = t->dtype == DTYPE_S8    ? ((const int8_t *)data)[at]
                      : t->dtype == DTYPE_S16 ? ((const int16_t *)data)[at]
                                              : ((const int32_t *)data)[at];
    return ((double)v - t->zero_point[q]) * (double)t->scale[q];
}

/* The float values rounded into an s8 tensor. */
static void put(const struct plan_tensor *t, void *data, const float *x)
{
    for (int c = 0; c < t->c; c++)
        for (int i = 0; i < t->h * t->w; i++, x++) {
            const int q = t->n_quant > 1 ? c : 0;
            const double v = rint((double)*x / (double)t->scale[q]) + t->zero_point[q];
            ((int8_t *)data)[i * t->pixel + c] = (int8_t)fmin(127, fmax(-128, v));
        }
}

static void add_slowly(struct closeness *sum, const struct plan_tensor *t, const void *data,
                       const float *x)
{
    for (int c = 0; c < t->c; c++)
        for (int i = 0; i < t->h * t->w; i++, x++) {
            const double a = *x, b = stored(t, data, i, c);
            sum->dot += a * b;
            sum->true_square += a * a;
            sum->measured_square += b * b;
            sum->error_square += (a - b) * (a - b);
            sum->error_sum += fabs(a - b);
            sum->error_max = fmax(sum->error_max, fabs(a - b));
            sum->n++;
        }
}

static void put_picture(const struct bench *b, struct runtime *r, const struct frame *f)
{
    const uint32_t in = b->plan.inputs[0].tensor;
    const struct plan_tensor *t = &b->plan.tensors[in];
    for (int i = 0; i < t->h * t->w; i++)
        for (int c = 0; c < 3; c++)
            ((int8_t *)runtime_tensor(r, in))[i * t->pixel + c] = (int8_t)(f->rgb[i * 3 + c] - 128);
}

static void run_slowly(const struct bench *b, const struct float_run *run, const struct truth *all,
                       struct comparison *sum)
{
    const struct runtime_options o = {.cpu = CPU_SCALAR, .n_threads = 1, .keep_tensors = true};
    struct runtime *whole = NULL;
    REQUIRE(runtime_create(&whole, &b->plan, &o, NULL) == ITX_OK);
    put_picture(b, whole, &run->frame);
    runtime_run(whole);
    for (int i = 0; i < b->plan.n_steps; i++) {
        const struct plan_step *s = &b->plan.steps[i];
        const struct plan_tensor *out = &b->plan.tensors[s->out];
        const float *x = truth_of(all, &b->plan, s->out);
        REQUIRE(x != NULL);
        add_slowly(&sum[s->out].whole, out, runtime_tensor(whole, s->out), x);
        struct runtime *alone = NULL;
        REQUIRE(runtime_create(&alone, &b->plan, &o, NULL) == ITX_OK);
        put_picture(b, alone, &run->frame);
        for (int k = 0; k < s->n_in; k++) {
            const float *in = truth_of(all, &b->plan, s->in[k]);
            if (in != NULL)
                put(&b->plan.tensors[s->in[k]], runtime_tensor(alone, s->in[k]), in);
            else
                CHECK(s->in[k] == b->plan.inputs[0].tensor);
        }
        runtime_run_step(alone, i);
        add_slowly(&sum[s->out].alone, out, runtime_tensor(alone, s->out), x);
        if (out->dtype == DTYPE_S8) {
            struct closeness rounding = {0};
            put(out, runtime_tensor(alone, s->out), x);
            add_slowly(&rounding, out, runtime_tensor(alone, s->out), x);
            sum[s->out].rounding_square += rounding.error_square;
        }
        runtime_destroy(&alone);
    }
    runtime_destroy(&whole);
}

static bool is_near(double a, double b)
{
    return fabs(a - b) <= 1e-9 * fmax(fabs(a), fabs(b)) + 1e-12;
}

static bool is_same(const struct closeness *a, const struct closeness *b)
{
    return a->n == b->n && is_near(a->dot, b->dot) && is_near(a->true_square, b->true_square) &&
           is_near(a->measured_square, b->measured_square) &&
           is_near(a->error_square, b->error_square) && is_near(a->error_sum, b->error_sum) &&
           is_near(a->error_max, b->error_max);
}

static void test_compare__as_worked_out_slowly(void)
{
    struct bench b = {0};
    REQUIRE(prepare(&b, 2) == ITX_OK);
    struct comparison expected[MAX_VALUES] = {{0}};
    struct float_run run;
    REQUIRE(b.plan.n_tensors < MAX_VALUES);
    REQUIRE(float_run_create(&run, &b.network, 1, &b.err) == ITX_OK);
    for (int i = 1; i < 3; i++) { /* the first photo cannot be read, the last is one too many */
        struct sample sample;
        struct truth all = {.g = b.network.graph};
        REQUIRE(sample_load(&sample, &run, &b.options, i, &b.err) == ITX_OK);
        REQUIRE(float_run_input(&run, keep, &all, &b.err) == ITX_OK);
        run_slowly(&b, &run, &all, expected);
        for (int k = 0; k < all.n; k++) mem_free(all.kept[k].x);
        sample_release(&sample);
    }
    int n_copies = 0, n_parts = 0;
    for (int i = 0; i < b.plan.n_steps; i++) {
        const struct plan_step *s = &b.plan.steps[i];
        const struct comparison *a = &b.result[s->out], *e = &expected[s->out];
        CHECK_MSG(a->whole.n > 0 && is_same(&a->whole, &e->whole), "step %d, tensor %s", i,
                  b.plan.tensors[s->out].name);
        CHECK_MSG(is_same(&a->alone, &e->alone), "step %s alone", s->name);
        if (b.plan.tensors[s->out].dtype == DTYPE_S8)
            CHECK_MSG(is_near(a->rounding_square, e->rounding_square), "step %s stored", s->name);
        CHECK(closeness_snr(&a->alone) > 25);
        n_copies += s->kind == STEP_COPY;
        n_parts += s->kind == STEP_CONV && b.plan.tensors[s->out].c == 4;
    }
    CHECK(n_copies == 1 && n_parts == 2);
    const struct comparison *in = &b.result[b.plan.inputs[0].tensor];
    CHECK(in->whole.n == 0 && in->alone.n == 0);
    float_run_release(&run);
    release(&b);
}

static void test_compare__threads_change_nothing(void)
{
    struct bench one = {0}, three = {0};
    REQUIRE(prepare(&one, 1) == ITX_OK && prepare(&three, 3) == ITX_OK);
    const size_t size = (size_t)one.plan.n_tensors * sizeof *one.result;
    CHECK(memcmp(one.result, three.result, size) == 0);
    release(&one);
    release(&three);
}

TEST_MAIN(TEST(test_compare__as_worked_out_slowly), TEST(test_compare__threads_change_nothing))
