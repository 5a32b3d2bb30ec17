/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans as ONNX's operators: in the float executor every tensor, not only the outputs, has the numbers that the runtime gives.
 * And thresholds in a float graph, by their numbers.
 */
#include "export/export.h"

#include <math.h>

#include "base/mem.h"
#include "float/exec.h"
#include "runtime/runtime.h"

#include "plan_build.h"
#include "test.h"

static uint32_t find_tensor(const struct build *b, const char *name)
{
    for (uint32_t i = 0; i < (uint32_t)b->plan.n_tensors; i++)
        if (strcmp(b->tensors[i].name, name) == 0) return i;
    abort();
}

/* A zero point for each channel, which repeat after `period`. */
static void set_zero_points(struct build *b, const char *name, int period, const int32_t *zero)
{
    struct plan_tensor *const t = &b->tensors[find_tensor(b, name)];
    int32_t *const own = build_room(b, (size_t)t->c, sizeof *own);
    float *const scale = build_room(b, (size_t)t->c, sizeof *scale);
    for (int i = 0; i < t->c; i++) {
        own[i] = zero[i % period];
        scale[i] = 0.05f;
    }
    t->n_quant = t->c;
    t->zero_point = own;
    t->scale = scale;
}

static int32_t zero_at(const struct build *b, uint32_t tensor, int c)
{
    const struct plan_tensor *const t = &b->tensors[tensor];
    return t->zero_point[t->n_quant > 1 ? c : 0];
}

/* Multipliers of any size, an offset that is what rounding and the zero points ask for, as the compiler makes them. */
static void vary_stage_c(struct build *b, struct plan_step *s)
{
    const int c = b->tensors[s->out].c;
    const bool is_add = s->kind == STEP_ADD;
    int32_t *const offset = build_room(b, (size_t)c, sizeof *offset);
    if (s->n_in == 2) s->shift = build_random(b, is_add ? 1 : 8, 15);
    s->mul = build_multipliers(b, c, 1 << build_random(b, 5, 14));
    if (s->n_in == 2) s->res_mul = build_multipliers(b, c, 1 << build_random(b, 5, 14));
    for (int i = 0; i < c; i++) {
        offset[i] = zero_at(b, s->out, i) * (1 << s->shift) + (1 << (s->shift - 1));
        if (is_add) offset[i] -= zero_at(b, s->in[0], i) * s->mul[i];
        if (s->n_in == 2) offset[i] -= zero_at(b, s->in[1], i) * s->res_mul[i];
    }
    s->offset = offset;
}

static void vary(struct build *b)
{
    static const char *const names[] = {"a", "max", "copy", "joined", "added", "narrow", "spread"};
    int32_t zero[8];
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        for (int k = 0; k < 8 && (i == 0 || i > 3); k++) zero[k] = build_random(b, -128, 127);
        set_zero_points(b, names[i], 8, zero); /* the first four are moved and joined */
    }
    for (int i = 0; i < b->plan.n_steps; i++) {
        struct plan_step *const s = &b->steps[i];
        if (s->mul != NULL && b->tensors[s->out].dtype == DTYPE_S8) vary_stage_c(b, s);
    }
}

struct comparison {
    const struct graph *g;
    const struct plan *plan;
    const struct runtime *runtime;
    int n_tensors; /* compared so far */
};

static double stored_at(const struct plan_tensor *t, const void *data, size_t at)
{
    return t->dtype == DTYPE_S8    ? ((const int8_t *)data)[at]
           : t->dtype == DTYPE_S16 ? ((const int16_t *)data)[at]
                                   : ((const int32_t *)data)[at];
}

static double number_at(const struct tensor *t, size_t at)
{
    return t->dtype == DTYPE_S8    ? ((const int8_t *)t->data)[at]
           : t->dtype == DTYPE_S32 ? ((const int32_t *)t->data)[at]
                                   : (double)((const float *)t->data)[at];
}

/* Values [1, c, h, w] called as a tensor of the plan. */
static void compare_value(void *ctx, value_id id, const struct tensor *y)
{
    struct comparison *const c = ctx;
    for (uint32_t i = 0; i < (uint32_t)c->plan->n_tensors; i++) {
        const struct plan_tensor *const t = &c->plan->tensors[i];
        const struct shape wanted = {.rank = 4, .dim = {1, t->c, t->h, t->w}};
        if (strcmp(graph_value(c->g, id)->name, t->name) != 0 || !shape_eq(&y->shape, &wanted))
            continue;
        const void *const data = runtime_tensor(c->runtime, i);
        const size_t plane = (size_t)t->h * (size_t)t->w;
        int n_differ = 0;
        for (size_t k = 0; k < plane * (size_t)t->c; k++)
            n_differ +=
                number_at(y, k) != stored_at(t, data, k % plane * (size_t)t->pixel + k / plane);
        CHECK_MSG(n_differ == 0, "%s: %d of %d numbers differ", t->name, n_differ,
                  (int)plane * t->c);
        c->n_tensors++;
    }
}

/* Puts a picture of noise into the runtime and gives the same as floats [h, w, c], the caller's. */
static float *fill_input(struct build *b, struct runtime *r)
{
    const struct plan_tensor *const t = &b->tensors[b->inputs[0].tensor];
    int8_t *const to = runtime_tensor(r, b->inputs[0].tensor);
    float *const x = mem_calloc((size_t)(t->h * t->w * t->c), sizeof *x);
    for (int i = 0; x != NULL && i < t->h * t->w * t->c; i++) {
        const int byte = build_random(b, 0, 255);
        to[i / t->c * t->pixel + i % t->c] = (int8_t)(byte - 128);
        x[i] = (float)byte;
    }
    return x;
}

/* The executor takes floats. */
static void feed_floats(struct graph *g)
{
    const value_id bytes = g->inputs.data[0];
    const struct shape shape = graph_value(g, bytes)->shape;
    value_id floats;
    node_id node;
    CHECK(graph_value(g, bytes)->dtype == DTYPE_U8);
    REQUIRE(graph_add_value(g, "floats", DTYPE_F32, &shape, &floats, NULL) == ITX_OK);
    REQUIRE(graph_insert_node(g, 0, OP_CAST, "floats", 1, &floats, 1, &bytes, &node, NULL) ==
            ITX_OK);
    REQUIRE(graph_set_int(g, node, ATTR_TO, DTYPE_U8, NULL) == ITX_OK);
    g->inputs.data[0] = floats;
}

static void check_outputs(const struct comparison *c, const struct float_exec *e)
{
    for (int i = 0; i < c->plan->n_outputs; i++) {
        const uint32_t id = c->plan->outputs[i].tensor;
        const struct plan_tensor *const t = &c->plan->tensors[id];
        const struct tensor *const y = float_exec_output(e, i);
        const void *const data = runtime_tensor(c->runtime, id);
        int n_differ = 0;
        CHECK_STR(graph_value(c->g, c->g->outputs.data[i])->name, c->plan->outputs[i].name);
        CHECK(shape_eq(&y->shape, &(struct shape){.rank = 4, .dim = {1, t->h, t->w, t->c}}));
        for (int k = 0; k < t->h * t->w * t->c; k++) {
            const int channel = t->n_quant > 1 ? k % t->c : 0;
            const double q = stored_at(t, data, (size_t)(k / t->c * t->pixel + k % t->c));
            const float real = (float)(q - t->zero_point[channel]) * t->scale[channel];
            n_differ += ((const float *)y->data)[k] != real;
        }
        CHECK_MSG(n_differ == 0, "%s: %d numbers differ", t->name, n_differ);
    }
}

static void check_plan(struct build *b)
{
    struct itx_error err = {.text = ""};
    const struct runtime_options o = {.cpu = CPU_SCALAR, .n_threads = 1, .keep_tensors = true};
    struct runtime *r = NULL;
    struct graph *g = NULL;
    struct float_exec *e = NULL;
    itx_status rc = plan_check(&b->plan, &err);
    if (rc == ITX_OK) rc = runtime_create(&r, &b->plan, &o, &err);
    if (rc == ITX_OK) rc = export_program(&g, &b->plan, &err);
    CHECK_MSG(rc == ITX_OK, "%s", err.text);
    if (rc == ITX_OK) {
        float *const x = fill_input(b, r);
        struct comparison c = {g, &b->plan, r, 0};
        feed_floats(g);
        runtime_run(r);
        rc = float_exec_create(&e, g, 1, &err);
        if (rc == ITX_OK)
            rc = float_exec_run(e, (const float *const[]){x}, compare_value, &c, &err);
        CHECK_MSG(rc == ITX_OK, "%s", err.text);
        if (rc == ITX_OK) check_outputs(&c, e);
        CHECK_MSG(c.n_tensors > b->plan.n_steps / 2, "%d tensors", c.n_tensors);
        mem_free(x);
    }
    float_exec_destroy(&e);
    graph_destroy(&g);
    runtime_destroy(&r);
}

static void test_export__every_step(void)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct build b;
        build_all(&b, "model", seed);
        if (seed % 4 != 0) vary(&b);
        const int before = test_n_failed_checks;
        check_plan(&b);
        build_release(&b);
        if (test_n_failed_checks != before) {
            printf("with seed %d\n", (int)seed);
            return;
        }
    }
}

/* y = relu(x), an output, with 8 bits; z = abs(y) with 16. */
static struct graph *float_graph(void)
{
    static const char text[] = "graph \"g\"\n"
                               "input %x: f32[1, 2, 1, 3]\n"
                               "%y: f32[1, 2, 1, 3] = Relu(%x)\n"
                               "%z: f32[1, 2, 1, 3] = Abs(%y)\n"
                               "output %y\n"
                               "output %z\n";
    struct graph *g = NULL;
    struct itx_error err = {.text = ""};
    CHECK_MSG(graph_parse(&g, text, sizeof text - 1, &err) == ITX_OK, "%s", err.text);
    return g;
}

static void test_export__thresholds(void)
{
    static const float scales[] = {1, 0.5f}, step = 0.25f;
    static const int32_t zeros[] = {-128, 125};
    struct graph *g = float_graph(), *like = float_graph();
    struct float_exec *e = NULL;
    struct itx_error err = {.text = ""};
    REQUIRE(g != NULL && like != NULL);
    graph_value(like, graph_find_value(like, "y", 1))->quant =
        (struct value_quant){.dtype = DTYPE_S8, .n = 2, .scale = scales, .zero_point = zeros};
    graph_value(like, graph_find_value(like, "z", 1))->quant = (struct value_quant){
        .dtype = DTYPE_S16, .n = 1, .scale = &step, .zero_point = (const int32_t[]){0}, .reach = 3};
    REQUIRE(export_thresholds(g, like, EXPORT_KEEP_INPUTS, &err) == ITX_OK);
    const float x[] = {1.5f, 2.5f, 300, 0.7f, -4, 9};
    REQUIRE(float_exec_create(&e, g, 1, &err) == ITX_OK);
    CHECK(float_exec_run(e, (const float *const[]){x}, NULL, NULL, &err) == ITX_OK);
    /* rounded to even steps, cut at the highest stored number: 255 steps of 1, and 2 of 0.5 */
    const float y[] = {2, 2, 255, 0.5f, 0, 1}, z[] = {0.75f, 0.75f, 0.75f, 0.5f, 0, 0.75f};
    CHECK_STR(graph_value(g, g->outputs.data[0])->name, "y");
    CHECK_STR(graph_value(g, g->outputs.data[1])->name, "z");
    CHECK(memcmp(float_exec_output(e, 0)->data, y, sizeof y) == 0);
    CHECK(memcmp(float_exec_output(e, 1)->data, z, sizeof z) == 0);
    float_exec_destroy(&e);
    graph_destroy(&g);
    graph_destroy(&like);
}

TEST_MAIN(TEST(test_export__every_step), TEST(test_export__thresholds))
