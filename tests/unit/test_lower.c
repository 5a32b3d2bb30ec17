/* SPDX-License-Identifier: Apache-2.0
 *
 * Small networks from text, calibrated on noise, lowered, run: what comes out must be what the float executor gives, up
 * to the noise of 8 bits; and nothing may be copied that need not be.
 */
#include "lower/lower.h"

#include <math.h>

#include "base/cpu.h"
#include "base/str.h"
#include "float/exec.h"
#include "quant/quant.h"
#include "runtime/runtime.h"
#include "test.h"

enum { C = 4, H = 8, W = 12 };

struct bench {
    struct graph *g;
    struct quant_stats stats;
    struct float_exec *exec;
    struct arena arena;
    struct plan plan;
    uint64_t seed;
    const char *wide; /* names of values with 16 bits, a space behind each; NULL: none */
    struct itx_error err;
};

/* "const %NAME: f32[shape] = {...}" of n numbers in [-1, 1) / sqrt(n_in). */
static void add_weights(struct strbuf *text, uint64_t *seed, const char *name, const char *shape,
                        int n, int n_in)
{
    strbuf_addf(text, "const %%%s: f32[%s] = {", name, shape);
    for (int i = 0; i < n; i++)
        strbuf_addf(text, "%s%.6f", i != 0 ? ", " : "",
                    ((double)test_random(seed) / 2147483648.0 - 1) * 1.7 / sqrt(n_in));
    strbuf_addf(text, "}\n");
}

static void fill_noise(float *x, uint64_t *seed)
{
    for (int i = 0; i < C * H * W; i++) x[i] = (float)test_random(seed) / 2147483648.0f - 1;
}

static void observe(void *ctx, value_id v, const struct tensor *t)
{
    struct bench *const b = ctx;
    CHECK(quant_stats_add(&b->stats, v, t, &b->err) == ITX_OK);
}

static void set_wide(const struct bench *b, bool *wide)
{
    for (value_id v = 1; b->wide != NULL && v < b->g->values.len; v++) {
        const char *const name = graph_value(b->g, v)->name, *const at = strstr(b->wide, name);
        wide[v] = at != NULL && (at == b->wide || at[-1] == ' ') && at[strlen(name)] == ' ';
    }
}

/* Everything up to the plan. The one input is [1, C, H, W] of noise, so that it is no picture. */
static itx_status lower_text(struct bench *b, const struct strbuf *text)
{
    bool wide[64] = {false};
    const struct quant_options options = {
        .method = QUANT_MINMAX, .percentile = 99.99f, .wide = wide};
    const struct head_info head = {.task = HEAD_RAW};
    const struct lower_options lower = {.name = "test"};
    float x[C * H * W];
    const float *inputs[] = {x};
    itx_status rc = graph_parse(&b->g, text->data, text->len, &b->err);
    if (rc == ITX_OK) rc = graph_check(b->g, &b->err);
    if (rc == ITX_OK) rc = quant_stats_create(&b->stats, b->g, false, &b->err);
    if (rc == ITX_OK) rc = float_exec_create(&b->exec, b->g, 1, &b->err);
    for (int i = 0; rc == ITX_OK && i < 30; i++) {
        fill_noise(x, &b->seed);
        const struct tensor t = {DTYPE_F32, graph_value(b->g, b->g->inputs.data[0])->shape, x};
        observe(b, b->g->inputs.data[0], &t);
        rc = float_exec_run(b->exec, inputs, observe, b, &b->err);
    }
    if (rc == ITX_OK) CHECK(b->g->values.len <= sizeof wide);
    if (rc == ITX_OK) set_wide(b, wide);
    if (rc == ITX_OK) rc = quant_assign(b->g, &b->stats, &options, &b->err);
    if (rc == ITX_OK) rc = lower_graph(&b->plan, &b->arena, b->g, &head, &lower, &b->err);
    if (rc == ITX_OK) rc = plan_check(&b->plan, &b->err);
    return rc;
}

static bool prepare(struct bench *b, const struct strbuf *text)
{
    const itx_status rc = lower_text(b, text);
    CHECK_MSG(rc == ITX_OK, "%s", b->err.text);
    return rc == ITX_OK;
}

static double stored(const struct plan_tensor *t, const void *data, size_t i, int c)
{
    const int q = t->n_quant > 1 ? c : 0;
    const int32_t v = t->dtype == DTYPE_S8    ? ((const int8_t *)data)[i]
                      : t->dtype == DTYPE_S16 ? ((const int16_t *)data)[i]
                                              : ((const int32_t *)data)[i];
    return (v - t->zero_point[q]) * (double)t->scale[q];
}

/* Signal-to-noise of every output over some inputs, in dB. */
static void check_outputs(struct bench *b, double least_db)
{
    const struct runtime_options o = {.cpu = CPU_ALL, .n_threads = 2};
    struct runtime *runtime = NULL;
    REQUIRE(runtime_create(&runtime, &b->plan, &o, &b->err) == ITX_OK);
    double signal[8] = {0}, noise[8] = {0};
    float x[C * H * W];
    const float *inputs[] = {x};
    const struct plan_tensor *in = &b->plan.tensors[b->plan.inputs[0].tensor];
    for (int round = 0; round < 10; round++) {
        fill_noise(x, &b->seed);
        int8_t *to = runtime_tensor(runtime, b->plan.inputs[0].tensor);
        for (int c = 0; c < C; c++)
            for (int i = 0; i < H * W; i++)
                to[i * in->pixel + c] = (int8_t)fmax(
                    -128, fmin(127, rint(x[c * H * W + i] / in->scale[0]) + in->zero_point[0]));
        runtime_run(runtime);
        REQUIRE(float_exec_run(b->exec, inputs, NULL, NULL, &b->err) == ITX_OK);
        for (int k = 0; k < b->plan.n_outputs; k++) {
            const struct plan_tensor *t = &b->plan.tensors[b->plan.outputs[k].tensor];
            const void *data = runtime_tensor(runtime, b->plan.outputs[k].tensor);
            const float *f = float_exec_output(b->exec, k)->data;
            for (int c = 0; c < t->c; c++)
                for (int i = 0; i < t->h * t->w; i++, f++) {
                    const double e =
                        *f - stored(t, data, (size_t)i * (size_t)t->pixel + (size_t)c, c);
                    signal[k] += (double)*f * *f;
                    noise[k] += e * e;
                }
        }
    }
    for (int k = 0; k < b->plan.n_outputs; k++) {
        const double db = 10 * log10(signal[k] / noise[k]);
        CHECK_MSG(db >= least_db, "output %d: %.1f dB", k, db);
    }
    runtime_destroy(&runtime);
}

static int count_wide(const struct plan *p)
{
    int n = 0;
    for (int i = 0; i < p->n_tensors; i++) n += p->tensors[i].dtype == DTYPE_S16;
    return n;
}

static int count_steps(const struct plan *p, enum step_kind kind)
{
    int n = 0;
    for (int i = 0; i < p->n_steps; i++) n += p->steps[i].kind == kind;
    return n;
}

static void release(struct bench *b, struct strbuf *text)
{
    float_exec_destroy(&b->exec);
    quant_stats_release(&b->stats);
    arena_release(&b->arena);
    graph_destroy(&b->g);
    strbuf_release(text);
}

/* YOLO's C3k2: a convolution split in two, a bottleneck with a residual, all joined. */
static void test_lower__c3k2_copies_nothing(void)
{
    struct bench b = {.seed = 11};
    struct strbuf text = {0};
    strbuf_addf(&text, "input %%x: f32[1, 4, 8, 12]\n");
    add_weights(&text, &b.seed, "w0", "16, 4, 3, 3", 16 * 4 * 9, 36);
    add_weights(&text, &b.seed, "b0", "16", 16, 16);
    strbuf_addf(&text,
                "%%y: f32[1, 16, 8, 12] = Conv(%%x, %%w0, %%b0) {act = 2, kernel_shape = [3, 3], "
                "pads = [1, 1, 1, 1]}\n"
                "const %%s: s64[2] = {8, 8}\n"
                "%%l: f32[1, 8, 8, 12], %%r: f32[1, 8, 8, 12] = Split(%%y, %%s) {axis = 1}\n");
    add_weights(&text, &b.seed, "w1", "8, 8, 3, 3", 8 * 8 * 9, 72);
    add_weights(&text, &b.seed, "b1", "8", 8, 8);
    strbuf_addf(
        &text,
        "%%m: f32[1, 8, 8, 12] = Conv(%%r, %%w1, %%b1, %%r) {act = 2, kernel_shape = [3, 3], "
        "pads = [1, 1, 1, 1]}\n"
        "%%j: f32[1, 24, 8, 12] = Concat(%%l, %%r, %%m) {axis = 1}\n");
    add_weights(&text, &b.seed, "w2", "5, 24, 1, 1", 5 * 24, 24);
    add_weights(&text, &b.seed, "b2", "5", 5, 5);
    strbuf_addf(&text, "%%z: f32[1, 5, 8, 12] = Conv(%%j, %%w2, %%b2) {kernel_shape = [1, 1]}\n"
                       "output %%z\n");
    if (prepare(&b, &text)) {
        CHECK(b.plan.n_steps == 3 && count_steps(&b.plan, STEP_CONV) == 3);
        CHECK(b.plan.n_buffers == 3); /* input, the joined one, output */
        CHECK(b.plan.tensors[b.plan.outputs[0].tensor].dtype == DTYPE_S32);
        check_outputs(&b, 33);
    }
    release(&b, &text);
}

/* The network of every_kind_of_step without what works on 8 bits only, and a concatenation. Any set of values may have
 * 16 bits; with all of them only the weights' rounding is left. */
static void test_lower__wide_values(void)
{
    static const struct {
        const char *wide;
        int n_wide; /* tensors */
        double db;
    } cases[] = {
        {NULL, 0, 39},   {"d ", 4, 40}, /* with e, and parts of d for each group */
        {"g m ", 6, 40}, {"t e ", 5, 40}, {"d g r t a e ", 12, 44}, {"a ", 1, 40},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bench b = {.seed = 16, .wide = cases[i].wide};
        struct strbuf text = {0};
        strbuf_addf(&text, "input %%x: f32[1, 4, 8, 12]\n");
        add_weights(&text, &b.seed, "wx", "4, 4, 1, 1", 16, 4);
        add_weights(&text, &b.seed, "wd", "4, 1, 3, 3", 36, 9);
        add_weights(&text, &b.seed, "b4", "4", 4, 4);
        add_weights(&text, &b.seed, "wg", "8, 2, 3, 3", 144, 18);
        add_weights(&text, &b.seed, "b8", "8", 8, 8);
        add_weights(&text, &b.seed, "wr", "8, 8, 3, 3", 576, 72);
        add_weights(&text, &b.seed, "wt", "16, 4, 2, 2", 256, 16);
        add_weights(&text, &b.seed, "wz", "5, 4, 1, 1", 20, 4);
        add_weights(&text, &b.seed, "b5", "5", 5, 5);
        strbuf_addf(
            &text,
            "%%s: f32[1, 4, 8, 12] = Conv(%%x, %%wx, %%b4) {act = 2, kernel_shape = [1, 1]}\n"
            "%%d: f32[1, 4, 8, 12] = Conv(%%s, %%wd, %%b4) {act = 2, group = 4, kernel_shape = [3, "
            "3], pads = [1, 1, 1, 1]}\n"
            "%%g: f32[1, 8, 8, 12] = Conv(%%d, %%wg, %%b8) {act = 1, group = 2, kernel_shape = [3, "
            "3], pads = [1, 1, 1, 1]}\n"
            "%%m: f32[1, 8, 8, 12] = MaxPool(%%g) {kernel_shape = [3, 3], pads = [1, 1, 1, 1]}\n"
            "%%r: f32[1, 8, 8, 12] = Conv(%%m, %%wr, %%b8, %%g) {act = 2, kernel_shape = [3, 3], "
            "pads = [1, 1, 1, 1]}\n"
            "%%j: f32[1, 16, 8, 12] = Concat(%%r, %%m) {axis = 1}\n"
            "%%t: f32[1, 4, 16, 24] = ConvTranspose(%%j, %%wt, %%b4) {kernel_shape = [2, 2], "
            "strides = [2, 2]}\n"
            "const %%sc: f32[4] = {1, 1, 2, 2}\n"
            "%%e: f32[1, 4, 16, 24] = Resize(%%d, _, %%sc) {coordinate_transformation_mode = "
            "\"asymmetric\", mode = \"nearest\", nearest_mode = \"floor\"}\n"
            "%%a: f32[1, 4, 16, 24] = Add(%%t, %%e)\n"
            "%%z: f32[1, 5, 16, 24] = Conv(%%a, %%wz, %%b5) {kernel_shape = [1, 1]}\n"
            "output %%z\n");
        if (prepare(&b, &text)) {
            CHECK_MSG(count_wide(&b.plan) == cases[i].n_wide, "%s: %d wide tensors",
                      b.wide != NULL ? b.wide : "-", count_wide(&b.plan));
            check_outputs(&b, cases[i].db);
        }
        release(&b, &text);
    }
}

/* The same value in two concatenations, and an input of the network in one: two copies. */
static void test_lower__copies_where_it_must(void)
{
    struct bench b = {.seed = 12};
    struct strbuf text = {0};
    strbuf_addf(&text, "input %%x: f32[1, 4, 8, 12]\n");
    add_weights(&text, &b.seed, "w0", "6, 4, 1, 1", 24, 4);
    add_weights(&text, &b.seed, "b0", "6", 6, 6);
    strbuf_addf(
        &text, "%%y: f32[1, 6, 8, 12] = Conv(%%x, %%w0, %%b0) {act = 1, kernel_shape = [1, 1]}\n"
               "%%j: f32[1, 10, 8, 12] = Concat(%%x, %%y) {axis = 1}\n"
               "%%p: f32[1, 6, 8, 12] = MaxPool(%%y) {kernel_shape = [5, 5], pads = [2, 2, 2, 2]}\n"
               "%%k: f32[1, 12, 8, 12] = Concat(%%y, %%p) {axis = 1}\n");
    add_weights(&text, &b.seed, "w1", "3, 10, 1, 1", 30, 10);
    add_weights(&text, &b.seed, "b1", "3", 3, 3);
    add_weights(&text, &b.seed, "w2", "3, 12, 1, 1", 36, 12);
    strbuf_addf(&text,
                "%%u: f32[1, 3, 8, 12] = Conv(%%j, %%w1, %%b1) {kernel_shape = [1, 1]}\n"
                "%%v: f32[1, 3, 8, 12] = Conv(%%k, %%w2, %%b1) {act = 2, kernel_shape = [1, 1]}\n"
                "output %%u\noutput %%v\n");
    if (prepare(&b, &text)) {
        CHECK(count_steps(&b.plan, STEP_COPY) == 2);
        CHECK(b.plan.tensors[b.plan.outputs[1].tensor].dtype == DTYPE_S16);
        check_outputs(&b, 33);
    }
    release(&b, &text);
}

static void test_lower__every_kind_of_step(void)
{
    struct bench b = {.seed = 13};
    struct strbuf text = {0};
    strbuf_addf(&text, "input %%x: f32[1, 4, 8, 12]\n");
    add_weights(&text, &b.seed, "wd", "4, 1, 3, 3", 36, 9);
    add_weights(&text, &b.seed, "b4", "4", 4, 4);
    add_weights(&text, &b.seed, "wg", "8, 2, 3, 3", 144, 18);
    add_weights(&text, &b.seed, "b8", "8", 8, 8);
    add_weights(&text, &b.seed, "wt", "8, 4, 2, 2", 128, 8);
    add_weights(&text, &b.seed, "wq", "4, 4, 1, 1", 16, 4);
    strbuf_addf(
        &text,
        "%%d: f32[1, 4, 8, 12] = Conv(%%x, %%wd, %%b4) {act = 2, group = 4, kernel_shape = [3, 3], "
        "pads = [1, 1, 1, 1]}\n"
        "%%g: f32[1, 8, 8, 12] = Conv(%%d, %%wg, %%b8) {act = 1, group = 2, kernel_shape = [3, 3], "
        "pads = [1, 1, 1, 1]}\n"
        "%%t: f32[1, 4, 16, 24] = ConvTranspose(%%g, %%wt, %%b4) {kernel_shape = [2, 2], strides = "
        "[2, 2]}\n"
        "%%h: f32[1, 4, 16, 24] = Tanh(%%t)\n"
        "const %%sc: f32[4] = {1, 1, 2, 2}\n"
        "%%e: f32[1, 4, 16, 24] = Resize(%%d, _, %%sc) {coordinate_transformation_mode = "
        "\"asymmetric\", "
        "mode = \"nearest\", nearest_mode = \"floor\"}\n"
        "%%a: f32[1, 4, 16, 24] = Add(%%h, %%e)\n"
        "%%q: f32[1, 4, 8, 12] = Conv(%%d, %%wq, %%b4) {kernel_shape = [1, 1]}\n"
        "%%k: f32[1, 4, 8, 12] = Conv(%%x, %%wq, %%b4) {kernel_shape = [1, 1]}\n"
        "%%o: f32[1, 4, 8, 12] = Attention(%%q, %%k, %%d) {heads = 2, scale = 0.7}\n"
        "output %%a\noutput %%o\n");
    if (prepare(&b, &text)) {
        CHECK(count_steps(&b.plan, STEP_DWCONV) == 1);
        CHECK(count_steps(&b.plan, STEP_CONV) == 4); /* two groups, q, k */
        CHECK(count_steps(&b.plan, STEP_DECONV) == 1 && count_steps(&b.plan, STEP_LUT) == 1);
        CHECK(count_steps(&b.plan, STEP_UPSAMPLE) == 1 && count_steps(&b.plan, STEP_ADD) == 1);
        CHECK(count_steps(&b.plan, STEP_ATTENTION) == 1);
        check_outputs(&b, 27);
    }
    release(&b, &text);
}

/* Large weights run; what 16-bit arithmetic cannot hold is refused by the tensor's name. */
static void test_lower__large_weights(void)
{
    for (int i = 0; i < 2; i++) {
        struct bench b = {.seed = 14};
        struct strbuf text = {0};
        const char *const large = i == 0 ? "3000, -2000, 1000, 500" : "3e6, -2e6, 1e6, 5e5";
        strbuf_addf(&text,
                    "input %%x: f32[1, 4, 8, 12]\n"
                    "const %%w: f32[1, 4, 1, 1] = {%s}\nconst %%b: f32[1] = {0}\n"
                    "%%y: f32[1, 1, 8, 12] = Conv(%%x, %%w, %%b) {act = 2, kernel_shape = [1, 1]}\n"
                    "%%z: f32[1, 1, 8, 12] = MaxPool(%%y) {kernel_shape = [1, 1]}\noutput %%z\n",
                    large);
        if (i == 0 && prepare(&b, &text)) check_outputs(&b, 30);
        if (i == 1) {
            CHECK(lower_text(&b, &text) == ITX_E_UNSUPPORTED);
            CHECK(strncmp(b.err.text, "tensor y: values up to ", 23) == 0);
        }
        release(&b, &text);
    }
}

/* Results of a few thousandths: the scale ends where the 15-bit multipliers do, and the numbers are still right. */
static void test_lower__small_results_keep_their_size(void)
{
    struct bench b = {.seed = 14};
    struct strbuf text = {0};
    strbuf_addf(&text, "input %%x: f32[1, 4, 8, 12]\n");
    add_weights(&text, &b.seed, "w0", "4, 4, 1, 1", 16, 4 * 300 * 300);
    add_weights(&text, &b.seed, "b0", "4", 4, 300 * 300);
    add_weights(&text, &b.seed, "w1", "3, 4, 1, 1", 12, 4);
    add_weights(&text, &b.seed, "b1", "3", 3, 300 * 300);
    strbuf_addf(&text, "%%y: f32[1, 4, 8, 12] = Conv(%%x, %%w0, %%b0) {kernel_shape = [1, 1]}\n"
                       "%%z: f32[1, 3, 8, 12] = Conv(%%y, %%w1, %%b1) {kernel_shape = [1, 1]}\n"
                       "output %%z\n");
    if (prepare(&b, &text)) check_outputs(&b, 20);
    release(&b, &text);
}

/* Slices may name their axes in any order and count in 32 bits. */
static void test_lower__slices_of_channels(void)
{
    struct bench b = {.seed = 15};
    struct strbuf text = {0};
    strbuf_addf(&text, "input %%x: f32[1, 4, 8, 12]\n");
    add_weights(&text, &b.seed, "w0", "6, 4, 1, 1", 24, 4);
    add_weights(&text, &b.seed, "b0", "6", 6, 6);
    add_weights(&text, &b.seed, "w1", "3, 2, 1, 1", 6, 2);
    add_weights(&text, &b.seed, "b1", "3", 3, 3);
    strbuf_addf(&text,
                "%%y: f32[1, 6, 8, 12] = Conv(%%x, %%w0, %%b0) {act = 1, kernel_shape = [1, 1]}\n"
                "const %%from: s64[2] = {0, 3}\nconst %%to: s64[2] = {8, 5}\n"
                "const %%axes: s64[2] = {2, 1}\n"
                "%%s: f32[1, 2, 8, 12] = Slice(%%y, %%from, %%to, %%axes)\n"
                "const %%from32: s32[1] = {4}\nconst %%to32: s32[1] = {6}\n"
                "const %%axis32: s32[1] = {1}\n"
                "%%t: f32[1, 2, 8, 12] = Slice(%%y, %%from32, %%to32, %%axis32)\n"
                "%%u: f32[1, 3, 8, 12] = Conv(%%s, %%w1, %%b1) {kernel_shape = [1, 1]}\n"
                "%%v: f32[1, 3, 8, 12] = Conv(%%t, %%w1, %%b1) {kernel_shape = [1, 1]}\n"
                "output %%u\noutput %%v\n");
    if (prepare(&b, &text)) {
        CHECK(b.plan.n_steps == 3 && count_steps(&b.plan, STEP_CONV) == 3);
        check_outputs(&b, 33);
    }
    release(&b, &text);
}

/* After the tensor that a convolution of an exporter makes, whatever the output is called; else after the output. */
static void test_lower__dequantise_nodes_have_names(void)
{
    static const char *const expected[] = {"head_Conv_output_0_HzDequantize", "h2_out_HzDequantize",
                                           "o3_HzDequantize", "o4_HzDequantize"};
    struct bench b = {.seed = 19};
    struct strbuf text = {0};
    strbuf_addf(&text, "input %%x: f32[1, 4, 8, 12]\n");
    add_weights(&text, &b.seed, "w", "4, 4, 1, 1", 16, 4);
    add_weights(&text, &b.seed, "b", "4", 4, 4);
    strbuf_addf(
        &text,
        "%%o1: f32[1, 4, 8, 12] = Conv(%%x, %%w, %%b) @\"head_Conv\" {kernel_shape = [1, 1]}\n"
        "%%h2_out: f32[1, 4, 8, 12] = Conv(%%x, %%w, %%b) @\"h2\" {kernel_shape = [1, 1]}\n"
        "%%o3: f32[1, 4, 8, 12] = Conv(%%x, %%w, %%b) @\"h3\" {act = 2, kernel_shape = [1, 1]}\n"
        "%%o4: f32[1, 4, 8, 12] = Conv(%%x, %%w, %%b) {kernel_shape = [1, 1]}\n"
        "output %%o1\noutput %%h2_out\noutput %%o3\noutput %%o4\n");
    if (prepare(&b, &text))
        for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
            CHECK_STR(b.plan.outputs[i].dequantize, expected[i]);
    release(&b, &text);
}

static void test_lower__refuses_by_name(void)
{
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {"input %x: f32[1, 4, 8, 12]\n%y: f32[1, 4, 8, 12] = Erf(%x) @\"e\"\noutput %y\n",
         "Erf has no int8 form"},
        {"input %x: f32[2, 4, 8, 12]\n%y: f32[2, 4, 8, 12] = Relu(%x) @\"r\"\noutput %y\n",
         "y has shape [2, 4, 8, 12], int8 steps work on [1, c, h, w]"},
        {"input %x: f32[1, 4, 8, 12]\nconst %s: f32[4] = {1, 1, 2, 2}\n"
         "%y: f32[1, 4, 16, 24] = Resize(%x, _, %s) @\"z\" {mode = \"linear\"}\noutput %y\n",
         "only nearest resizing is possible, this is linear"},
        {"input %x: f32[1, 4, 8, 12]\n"
         "%y: f32[1, 8, 8, 12] = Concat(%x, %x) @\"c\" {axis = 1}\n"
         "%z: f32[1, 4, 16, 12] = Concat(%x, %x) @\"d\" {axis = 2}\noutput %y\noutput %z\n",
         "only the channel axis is possible, this is axis 2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct graph *g = NULL;
        struct itx_error err = {0};
        REQUIRE(graph_parse(&g, cases[i].text, strlen(cases[i].text), &err) == ITX_OK);
        char reason[LOWER_REASON_SIZE] = "";
        bool refused = false;
        for (size_t k = 0; k < g->nodes.len && !refused; k++)
            refused = !lower_supports(g, &g->nodes.data[k], reason);
        CHECK(refused);
        CHECK_STR(reason, cases[i].reason);
        graph_destroy(&g);
    }
}

TEST_MAIN(TEST(test_lower__c3k2_copies_nothing), TEST(test_lower__copies_where_it_must),
          TEST(test_lower__wide_values), TEST(test_lower__every_kind_of_step),
          TEST(test_lower__large_weights), TEST(test_lower__small_results_keep_their_size),
          TEST(test_lower__slices_of_channels), TEST(test_lower__dequantise_nodes_have_names),
          TEST(test_lower__refuses_by_name))
