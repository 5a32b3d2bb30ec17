/* SPDX-License-Identifier: Apache-2.0
 *
 * The float executor against plain loops in double, and its channels-last paths against evaluation in the order of the shape.
 */
#include "float/exec.h"

#include <math.h>

#include "base/mem.h"
#include "base/pool.h"
#include "tensor/fixed.h"

#include "test.h"

#define SHAPE(...)                                                                                 \
    ((struct shape){sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), {__VA_ARGS__}})

static float *random_floats(int64_t n, uint64_t seed)
{
    float *v = mem_calloc((size_t)n + 1, sizeof *v);
    CHECK(v != NULL);
    seed = seed * 0x9e3779b97f4a7c15u + 1;
    for (int64_t i = 0; i < n; i++) v[i] = (float)((double)test_random(&seed) / 2147483648.0 - 1);
    return v;
}

static value_id add_constant(struct graph *g, struct shape s, uint64_t seed)
{
    value_id id = 0;
    float *v = random_floats(shape_elements(&s), seed);
    CHECK(graph_add_constant(g, "k", DTYPE_F32, &s, v, &id, NULL) == ITX_OK);
    mem_free(v);
    return id;
}

static value_id add_integers(struct graph *g, int n, const int64_t *v)
{
    value_id id = 0;
    const struct shape s = {1, {n}};
    CHECK(graph_add_constant(g, "k", DTYPE_S64, &s, v, &id, NULL) == ITX_OK);
    return id;
}

static value_id add_input(struct graph *g, struct shape s)
{
    value_id id = 0;
    CHECK(graph_add_value(g, "x", DTYPE_F32, &s, &id, NULL) == ITX_OK);
    CHECK(vec_push(&g->inputs, id));
    return id;
}

/* A node with one output; the node's number in *node (may be NULL). */
static value_id add_node(struct graph *g, enum op op, int n, const value_id *in, node_id *node)
{
    value_id out = 0;
    CHECK(graph_add_value(g, "y", DTYPE_NONE, NULL, &out, NULL) == ITX_OK);
    CHECK(graph_add_node(g, op, "node", n, in, 1, &out, node, NULL) == ITX_OK);
    return out;
}

/* Infers, builds and runs; the executor is returned for its outputs. */
static struct float_exec *run_graph(struct graph *g, const float *const *inputs)
{
    struct itx_error err = {0};
    struct float_exec *e = NULL;
    CHECK_MSG(graph_infer(g, &err) == ITX_OK, "%s", err.text);
    CHECK_MSG(float_exec_create(&e, g, 1, &err) == ITX_OK, "%s", err.text);
    if (e != NULL) CHECK_MSG(float_exec_run(e, inputs, NULL, NULL, &err) == ITX_OK, "%s", err.text);
    return e;
}

static void check_close(const struct tensor *t, const double *expected, double tolerance)
{
    const int64_t n = shape_elements(&t->shape);
    double worst = 0;
    for (int64_t i = 0; i < n; i++)
        worst = fmax(worst, fabs((double)((const float *)t->data)[i] - expected[i]));
    CHECK_MSG(worst <= tolerance, "worst error %g", worst);
}

static double activation(enum act act, double x)
{
    return act == ACT_RELU      ? fmax(x, 0)
           : act == ACT_SILU    ? x / (1 + exp(-x))
           : act == ACT_SIGMOID ? 1 / (1 + exp(-x))
                                : x;
}

struct conv_case {
    int64_t n, c, h, w, m, k, stride, dilation, groups, pads[4];
    enum act act;
    bool residual;
};

/* y[n, m, oh, ow] by the definition, scattered or gathered. */
static void naive_conv(const struct conv_case *t, const float *x, const float *w, const float *b,
                       const float *r, const struct shape *y_shape, double *y)
{
    const int64_t oh = y_shape->dim[2], ow = y_shape->dim[3];
    const int64_t cg = t->c / t->groups, mg = t->m / t->groups;
    for (int64_t i = 0; i < shape_elements(y_shape); i++) {
        const int64_t ox = i % ow, oy = i / ow % oh, m = i / (ow * oh) % t->m,
                      n = i / (ow * oh * t->m);
        double sum = (double)b[m];
        for (int64_t c = 0; c < cg; c++)
            for (int64_t ky = 0; ky < t->k; ky++)
                for (int64_t kx = 0; kx < t->k; kx++) {
                    const int64_t iy = oy * t->stride - t->pads[0] + ky * t->dilation;
                    const int64_t ix = ox * t->stride - t->pads[1] + kx * t->dilation;
                    if (iy < 0 || ix < 0 || iy >= t->h || ix >= t->w) continue;
                    const int64_t channel = m / mg * cg + c;
                    sum += (double)x[((n * t->c + channel) * t->h + iy) * t->w + ix] *
                           (double)w[((m * cg + c) * t->k + ky) * t->k + kx];
                }
        y[i] = activation(t->act, sum) + (r != NULL ? (double)r[i] : 0);
    }
}

static void test_float__conv(void)
{
    static const struct conv_case cases[] = {
        {1, 3, 17, 19, 16, 3, 2, 1, 1, {1, 1, 1, 1}, ACT_SILU, false},
        {2, 8, 9, 7, 12, 1, 1, 1, 1, {0, 0, 0, 0}, ACT_NONE, true},
        {1, 16, 10, 10, 16, 3, 1, 1, 16, {1, 1, 1, 1}, ACT_SILU, true},
        {1, 6, 11, 8, 9, 3, 1, 2, 3, {2, 1, 0, 3}, ACT_RELU, false},
        {1, 5, 6, 6, 7, 5, 3, 1, 1, {2, 2, 2, 2}, ACT_SIGMOID, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct conv_case *t = &cases[i];
        struct graph *g = NULL;
        node_id node = 0;
        CHECK(graph_create(&g, NULL) == ITX_OK);
        const struct shape xs = SHAPE(t->n, t->c, t->h, t->w);
        const struct shape ws = SHAPE(t->m, t->c / t->groups, t->k, t->k);
        const int64_t reach = (t->k - 1) * t->dilation + 1;
        const struct shape ys =
            SHAPE(t->n, t->m, (t->h + t->pads[0] + t->pads[2] - reach) / t->stride + 1,
                  (t->w + t->pads[1] + t->pads[3] - reach) / t->stride + 1);
        value_id in[4] = {add_input(g, xs), add_constant(g, ws, 2),
                          add_constant(g, SHAPE(t->m), 3)};
        if (t->residual) in[3] = add_input(g, ys);
        const value_id y = add_node(g, OP_CONV, t->residual ? 4 : 3, in, &node);
        CHECK(vec_push(&g->outputs, y));
        graph_set_ints(g, node, ATTR_PADS, 4, t->pads, NULL);
        graph_set_ints(g, node, ATTR_STRIDES, 2, (const int64_t[]){t->stride, t->stride}, NULL);
        graph_set_ints(g, node, ATTR_DILATIONS, 2, (const int64_t[]){t->dilation, t->dilation},
                       NULL);
        graph_set_int(g, node, ATTR_GROUP, t->groups, NULL);
        graph_set_int(g, node, ATTR_ACT, t->act, NULL);
        float *x = random_floats(shape_elements(&xs), 1),
              *r = random_floats(shape_elements(&ys), 4);
        double *expected = mem_calloc((size_t)shape_elements(&ys), sizeof *expected);
        naive_conv(t, x, graph_value(g, in[1])->data, graph_value(g, in[2])->data,
                   t->residual ? r : NULL, &ys, expected);
        struct float_exec *e = run_graph(g, (const float *const[]){x, r});
        if (e != NULL) check_close(float_exec_output(e, 0), expected, 2e-5);
        float_exec_destroy(&e);
        mem_free(expected);
        mem_free(x);
        mem_free(r);
        graph_destroy(&g);
    }
}

struct transposed_case {
    int n, c, h, w, outputs_of_group, groups, k, stride, extra, pads[4];
};

/* Scatters every input, as the definition reads. */
static void naive_conv_transpose(const struct transposed_case *t, const float *x, const float *w,
                                 const float *b, int oh, int ow, double *y)
{
    const int m = t->outputs_of_group * t->groups, taps = t->k * t->k;
    for (int i = 0; i < t->n * m * oh * ow; i++) y[i] = (double)b[i / (oh * ow) % m];
    for (int i = 0; i < t->n * t->c * t->h * t->w; i++) {
        const int ix = i % t->w, iy = i / t->w % t->h, c = i / (t->w * t->h) % t->c;
        const int n = i / (t->w * t->h * t->c), group = c / (t->c / t->groups);
        for (int j = 0; j < t->outputs_of_group * taps; j++) {
            const int to = group * t->outputs_of_group + j / taps;
            const int oy = iy * t->stride + j / t->k % t->k - t->pads[0];
            const int ox = ix * t->stride + j % t->k - t->pads[1];
            if (oy >= 0 && oy < oh && ox >= 0 && ox < ow)
                y[((n * m + to) * oh + oy) * ow + ox] +=
                    (double)x[i] * (double)w[c * t->outputs_of_group * taps + j];
        }
    }
    for (int i = 0; i < t->n * m * oh * ow; i++) y[i] = activation(ACT_SILU, y[i]);
}

static void test_float__conv_transpose(void)
{
    static const struct transposed_case cases[] = {
        {2, 4, 5, 3, 3, 2, 3, 2, 1, {1, 0, 1, 1}},
        {2, 5, 4, 3, 7, 1, 2, 2, 0, {0, 0, 0, 0}},
        {1, 8, 3, 6, 4, 1, 4, 2, 0, {1, 1, 1, 1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct transposed_case *t = &cases[i];
        const int oh = (t->h - 1) * t->stride + t->k - t->pads[0] - t->pads[2] + t->extra;
        const int ow = (t->w - 1) * t->stride + t->k - t->pads[1] - t->pads[3] + t->extra;
        const int m = t->outputs_of_group * t->groups;
        const int64_t pads[] = {t->pads[0], t->pads[1], t->pads[2], t->pads[3]};
        struct graph *g = NULL;
        node_id node = 0;
        CHECK(graph_create(&g, NULL) == ITX_OK);
        const value_id in[] = {add_input(g, SHAPE(t->n, t->c, t->h, t->w)),
                               add_constant(g, SHAPE(t->c, t->outputs_of_group, t->k, t->k), 5),
                               add_constant(g, SHAPE(m), 6)};
        CHECK(vec_push(&g->outputs, add_node(g, OP_CONV_TRANSPOSE, 3, in, &node)));
        graph_set_ints(g, node, ATTR_STRIDES, 2, (const int64_t[]){t->stride, t->stride}, NULL);
        graph_set_ints(g, node, ATTR_PADS, 4, pads, NULL);
        graph_set_ints(g, node, ATTR_OUTPUT_PADDING, 2, (const int64_t[]){t->extra, t->extra},
                       NULL);
        graph_set_int(g, node, ATTR_GROUP, t->groups, NULL);
        graph_set_int(g, node, ATTR_ACT, ACT_SILU, NULL);
        float *x = random_floats((int64_t)t->n * t->c * t->h * t->w, 7);
        double *expected = mem_calloc((size_t)(t->n * m * oh * ow), sizeof *expected);
        naive_conv_transpose(t, x, graph_value(g, in[1])->data, graph_value(g, in[2])->data, oh, ow,
                             expected);
        struct float_exec *e = run_graph(g, (const float *const[]){x});
        if (e != NULL) {
            CHECK(shape_eq(&float_exec_output(e, 0)->shape, &SHAPE(t->n, m, oh, ow)));
            check_close(float_exec_output(e, 0), expected, 1e-5);
        }
        float_exec_destroy(&e);
        mem_free(expected);
        mem_free(x);
        graph_destroy(&g);
    }
}

static void test_float__attention(void)
{
    enum { HEADS = 2, KEY = 3, DIM = 5, T = 12 };
    const double scale = 0.7;
    struct graph *g = NULL;
    node_id node = 0;
    CHECK(graph_create(&g, NULL) == ITX_OK);
    const value_id in[] = {add_input(g, SHAPE(1, HEADS * KEY, 3, 4)),
                           add_input(g, SHAPE(1, HEADS * KEY, 3, 4)),
                           add_input(g, SHAPE(1, HEADS * DIM, 3, 4))};
    CHECK(vec_push(&g->outputs, add_node(g, OP_ATTENTION, 3, in, &node)));
    graph_set_int(g, node, ATTR_HEADS, HEADS, NULL);
    graph_set_float(g, node, ATTR_SCALE, (float)scale, NULL);
    float *q = random_floats(HEADS * KEY * T, 1), *k = random_floats(HEADS * KEY * T, 2);
    float *v = random_floats(HEADS * DIM * T, 3);
    double expected[HEADS * DIM * T] = {0};
    for (int h = 0; h < HEADS; h++)
        for (int s = 0; s < T; s++) {
            double weight[T], total = 0;
            for (int t = 0; t < T; t++) {
                double dot = 0;
                for (int c = 0; c < KEY; c++)
                    dot += (double)q[(h * KEY + c) * T + s] * (double)k[(h * KEY + c) * T + t];
                total += weight[t] = exp(scale * dot);
            }
            for (int i = 0; i < DIM * T; i++)
                expected[(h * DIM + i / T) * T + s] +=
                    weight[i % T] / total * (double)v[(h * DIM + i / T) * T + i % T];
        }
    struct float_exec *e = run_graph(g, (const float *const[]){q, k, v});
    REQUIRE(e != NULL);
    check_close(float_exec_output(e, 0), expected, 1e-5);
    float_exec_destroy(&e);
    mem_free(q);
    mem_free(k);
    mem_free(v);
    graph_destroy(&g);
}

/* --- channels last against the order of the shape --- */

/* A 1x1 convolution that changes nothing but leaves its result with channels last. */
static value_id add_identity_conv(struct graph *g, value_id x, int64_t channels)
{
    value_id w = 0;
    const struct shape s = SHAPE(channels, channels, 1, 1);
    float *v = mem_calloc((size_t)(channels * channels), sizeof *v);
    for (int64_t i = 0; i < channels; i++) v[i * channels + i] = 1;
    CHECK(graph_add_constant(g, "w", DTYPE_F32, &s, v, &w, NULL) == ITX_OK);
    mem_free(v);
    return add_node(g, OP_CONV, 2, (const value_id[]){x, w}, NULL);
}

/* The operation directly on the inputs, and on what convolutions left; equal bytes are required. */
typedef value_id add_fn(struct graph *g, value_id a, value_id b);

static value_id add_concat(struct graph *g, value_id a, value_id b)
{
    node_id node = 0;
    const value_id y = add_node(g, OP_CONCAT, 2, (const value_id[]){a, b}, &node);
    graph_set_int(g, node, ATTR_AXIS, -3, NULL);
    return y;
}

static value_id add_slice(struct graph *g, value_id a, value_id b)
{
    const value_id in[] = {a, add_integers(g, 2, (const int64_t[]){1, -1}),
                           add_integers(g, 2, (const int64_t[]){4, INT64_MIN}),
                           add_integers(g, 2, (const int64_t[]){-3, 3}),
                           add_integers(g, 2, (const int64_t[]){2, -2})};
    (void)b;
    return add_node(g, OP_SLICE, 5, in, NULL);
}

static value_id add_slice_without_axes(struct graph *g, value_id a, value_id b)
{
    const value_id in[] = {a, add_integers(g, 3, (const int64_t[]){0, 2, 1}),
                           add_integers(g, 3, (const int64_t[]){1, 5, 3})};
    (void)b;
    return add_node(g, OP_SLICE, 3, in, NULL);
}

static value_id add_split(struct graph *g, value_id a, value_id b)
{
    const value_id sizes = add_integers(g, 2, (const int64_t[]){2, 4});
    value_id out[2];
    node_id node = 0;
    (void)b;
    CHECK(graph_add_value(g, "s0", DTYPE_NONE, NULL, &out[0], NULL) == ITX_OK);
    CHECK(graph_add_value(g, "s1", DTYPE_NONE, NULL, &out[1], NULL) == ITX_OK);
    CHECK(graph_add_node(g, OP_SPLIT, "split", 2, (const value_id[]){a, sizes}, 2, out, &node,
                         NULL) == ITX_OK);
    graph_set_int(g, node, ATTR_AXIS, 1, NULL);
    return out[1];
}

static value_id add_resize(struct graph *g, value_id a, value_id b)
{
    value_id scales = 0;
    const float v[] = {1, 1, 2, 1.5f};
    const struct shape s = SHAPE(4);
    (void)b;
    CHECK(graph_add_constant(g, "s", DTYPE_F32, &s, v, &scales, NULL) == ITX_OK);
    return add_node(g, OP_RESIZE, 3, (const value_id[]){a, 0, scales}, NULL);
}

static value_id add_max_pool(struct graph *g, value_id a, value_id b)
{
    node_id node = 0;
    const value_id y = add_node(g, OP_MAX_POOL, 1, (const value_id[]){a}, &node);
    (void)b;
    graph_set_ints(g, node, ATTR_KERNEL_SHAPE, 2, (const int64_t[]){3, 3}, NULL);
    graph_set_ints(g, node, ATTR_PADS, 4, (const int64_t[]){1, 1, 1, 1}, NULL);
    graph_set_ints(g, node, ATTR_STRIDES, 2, (const int64_t[]){2, 1}, NULL);
    return y;
}

static value_id add_scaled(struct graph *g, value_id a, value_id b)
{
    const value_id by_channel = add_constant(g, SHAPE(1, 6, 1, 1), 9);
    const value_id scaled = add_node(g, OP_MUL, 2, (const value_id[]){a, by_channel}, NULL);
    const value_id lower = add_constant(g, SHAPE(1), 10);
    const value_id shifted = add_node(g, OP_ADD, 2, (const value_id[]){lower, scaled}, NULL);
    return add_node(g, OP_SUB, 2, (const value_id[]){shifted, b}, NULL);
}

static value_id add_transpose(struct graph *g, value_id a, value_id b)
{
    (void)b;
    return add_node(g, OP_TRANSPOSE, 1, (const value_id[]){a}, NULL);
}

static void test_float__layouts_agree(void)
{
    static add_fn *const adders[] = {add_concat, add_slice,  add_slice_without_axes, add_split,
                                     add_resize, add_scaled, add_max_pool,           add_transpose};
    for (size_t i = 0; i < sizeof adders / sizeof adders[0]; i++) {
        struct graph *g = NULL;
        CHECK(graph_create(&g, NULL) == ITX_OK);
        const value_id a = add_input(g, SHAPE(1, 6, 5, 4)), b = add_input(g, SHAPE(1, 6, 5, 4));
        CHECK(vec_push(&g->outputs, adders[i](g, a, b)));
        const value_id a_last = add_identity_conv(g, a, 6), b_last = add_identity_conv(g, b, 6);
        CHECK(vec_push(&g->outputs, adders[i](g, a_last, b_last)));
        float *x[] = {random_floats(120, 20), random_floats(120, 21)};
        struct float_exec *e = run_graph(g, (const float *const[]){x[0], x[1]});
        REQUIRE(e != NULL);
        const struct tensor *plain = float_exec_output(e, 0), *last = float_exec_output(e, 1);
        CHECK(shape_eq(&plain->shape, &last->shape));
        CHECK_MSG(memcmp(plain->data, last->data, (size_t)shape_elements(&plain->shape) * 4) == 0,
                  "operation %d", (int)i);
        float_exec_destroy(&e);
        mem_free(x[0]);
        mem_free(x[1]);
        graph_destroy(&g);
    }
}

/* --- observing --- */

struct seen {
    int n;
    value_id ids[8];
    double sums[8];
};

static void observe(void *ctx, value_id id, const struct tensor *t)
{
    struct seen *s = ctx;
    double sum = 0;
    for (int64_t i = 0; i < shape_elements(&t->shape); i++)
        sum += (double)((const float *)t->data)[i] * (double)(i + 1); /* depends on the order */
    s->ids[s->n] = id;
    s->sums[s->n++] = sum;
}

static void test_float__observer_sees_every_value(void)
{
    struct graph *g = NULL;
    CHECK(graph_create(&g, NULL) == ITX_OK);
    const value_id x = add_input(g, SHAPE(1, 3, 2, 2)), y = add_identity_conv(g, x, 3);
    const value_id z = add_node(g, OP_NEG, 1, (const value_id[]){y}, NULL);
    CHECK(vec_push(&g->outputs, z));
    struct itx_error err = {0};
    struct float_exec *e = NULL;
    float *v = random_floats(12, 3);
    struct seen s = {0};
    CHECK(graph_infer(g, &err) == ITX_OK);
    CHECK(float_exec_create(&e, g, 1, &err) == ITX_OK);
    REQUIRE(e != NULL);
    for (int repeat = 0; repeat < 2; repeat++) {
        s.n = 0;
        CHECK(float_exec_run(e, (const float *const[]){v}, observe, &s, &err) == ITX_OK);
        double sum = 0;
        for (int i = 0; i < 12; i++) sum += (double)v[i] * (i + 1);
        CHECK(s.n == 2 && s.ids[0] == y && s.ids[1] == z);
        CHECK(s.sums[0] == sum && s.sums[1] == -sum);
    }
    float_exec_destroy(&e);
    mem_free(v);
    graph_destroy(&g);
}

/* One executor a thread over one graph. */
struct parallel {
    const struct graph *g;
    float *x;
    float *y[4]; /* [worker] */
    bool ran[4];
};

static void run_worker(void *ctx, int worker, int n_workers)
{
    struct parallel *p = ctx;
    struct float_exec *e = NULL;
    (void)n_workers;
    p->ran[worker] = float_exec_create(&e, p->g, 1, NULL) == ITX_OK;
    for (int i = 0; i < 3 && p->ran[worker]; i++)
        p->ran[worker] =
            float_exec_run(e, (const float *const[]){p->x}, NULL, NULL, NULL) == ITX_OK;
    if (p->ran[worker]) {
        const struct tensor *y = float_exec_output(e, 0);
        const size_t size = (size_t)shape_elements(&y->shape) * sizeof(float);
        p->y[worker] = mem_alloc(size);
        if (p->y[worker] != NULL) memcpy(p->y[worker], y->data, size);
    }
    float_exec_destroy(&e);
}

static void test_float__threads_share_a_graph(void)
{
    enum { C = 16, H = 24, W = 20 };
    struct graph *g = NULL;
    struct pool *pool = NULL;
    CHECK(graph_create(&g, NULL) == ITX_OK);
    const value_id x = add_input(g, SHAPE(1, C, H, W));
    const value_id w = add_constant(g, SHAPE(C, C, 3, 3), 1);
    const value_id y = add_node(g, OP_CONV, 2, (const value_id[]){x, w}, NULL);
    CHECK(vec_push(&g->outputs, add_concat(g, y, add_node(g, OP_SIGMOID, 1, &y, NULL))));
    CHECK(graph_infer(g, NULL) == ITX_OK);
    struct parallel p = {.g = g, .x = random_floats(C * H * W, 2)};
    CHECK(pool_create(&pool, 4, NULL) == ITX_OK);
    pool_run(pool, run_worker, &p);
    pool_destroy(&pool);
    for (int i = 0; i < 4; i++) {
        CHECK(p.ran[i] && p.y[i] != NULL);
        if (p.y[0] != NULL && p.y[i] != NULL)
            CHECK(memcmp(p.y[0], p.y[i], (H - 2) * (W - 2) * 2 * C * sizeof(float)) == 0);
    }
    for (int i = 0; i < 4; i++) mem_free(p.y[i]);
    mem_free(p.x);
    graph_destroy(&g);
}

static void test_float__failures_name_the_node(void)
{
    struct graph *g = NULL;
    struct itx_error err = {0};
    struct float_exec *e = NULL;
    CHECK(graph_create(&g, NULL) == ITX_OK);
    const value_id x = add_input(g, SHAPE(2, 2));
    add_node(g, OP_RELU, 1, (const value_id[]){x}, NULL);
    CHECK(float_exec_create(&e, g, 1, &err) == ITX_E_UNSUPPORTED);
    CHECK_STR(err.text, "node 0 'node' (Relu): the shape of 'y' is not known");
    CHECK(e == NULL);
    CHECK(float_exec_create(&e, g, 0, &err) == ITX_E_INVAL);
    graph_destroy(&g);
}

static void test_float__failing_allocations(void)
{
    for (long n = 0; n < 400; n++) {
        struct graph *g = NULL;
        struct float_exec *e = NULL;
        CHECK(graph_create(&g, NULL) == ITX_OK);
        const value_id x = add_input(g, SHAPE(1, 6, 5, 4)), y = add_identity_conv(g, x, 6);
        CHECK(vec_push(&g->outputs, add_concat(g, y, y)));
        CHECK(graph_infer(g, NULL) == ITX_OK);
        mem_fail_after(n);
        const itx_status status = float_exec_create(&e, g, 1, NULL);
        mem_fail_after(-1);
        CHECK(status == ITX_OK || status == ITX_E_NOMEM);
        CHECK((e != NULL) == (status == ITX_OK));
        float_exec_destroy(&e);
        graph_destroy(&g);
        if (status == ITX_OK) return;
    }
    CHECK(!"enough allocations");
}

TEST_MAIN(TEST(test_float__conv), TEST(test_float__conv_transpose), TEST(test_float__attention),
          TEST(test_float__layouts_agree), TEST(test_float__observer_sees_every_value),
          TEST(test_float__threads_share_a_graph), TEST(test_float__failures_name_the_node),
          TEST(test_float__failing_allocations))
