/* SPDX-License-Identifier: Apache-2.0
 *
 * does: puts what scales and shifts each channel of a convolution's result into its weights and
 *   bias: BatchNormalization, and Mul, Add, Sub, Div with a constant for each channel or for all. A
 *   BatchNormalization elsewhere becomes a depthwise 1x1 convolution.
 * requires: normalize (every convolution has a bias).
 * ensures: no BatchNormalization of a [n, c, h, w] value with constant parameters is left.
 * breaks: nothing. Computed in double, rounded once.
 */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

/* y[c] = a[c] x[c] + b[c] */
struct affine {
    int n;
    double *a, *b;
};

/* Element c of a constant that broadcasts along the channels of a [n, c, h, w] value; false when it
 * is another. */
static bool channel_element(const struct value *v, int n_channels, int c, double *out)
{
    if (v->data == NULL || v->dtype != DTYPE_F32 || v->shape.rank > 4) return false;
    const int64_t n = shape_elements(&v->shape);
    const int channel_dim = v->shape.rank - 3;
    if (n != 1 && (n != n_channels || channel_dim < 0 || v->shape.dim[channel_dim] != n))
        return false;
    *out = ((const float *)v->data)[n == 1 ? 0 : c];
    return true;
}

static bool read_norm(const struct graph *g, const struct node *n, struct affine *f)
{
    const float *p[4]; /* scale, bias, mean, variance */
    for (int i = 0; i < 4; i++) {
        const struct value *v = graph_value(g, n->inputs[i + 1]);
        if (v->data == NULL || v->dtype != DTYPE_F32 || shape_elements(&v->shape) != f->n)
            return false;
        p[i] = v->data;
    }
    const double epsilon = node_float(n, ATTR_EPSILON, 1e-5f);
    for (int c = 0; c < f->n; c++) {
        f->a[c] = p[0][c] / sqrt((double)p[3][c] + epsilon);
        f->b[c] = p[1][c] - f->a[c] * p[2][c];
    }
    return true;
}

/* Add, Sub, Mul, Div of x and a constant. */
static bool read_arithmetic(const struct graph *g, const struct node *n, value_id x,
                            struct affine *f)
{
    const int other = n->inputs[0] == x ? 1 : 0;
    if (n->op == OP_DIV && other == 0) return false;
    for (int c = 0; c < f->n; c++) {
        double k;
        if (!channel_element(graph_value(g, n->inputs[other]), f->n, c, &k)) return false;
        f->a[c] = n->op == OP_MUL ? k : n->op == OP_DIV ? 1 / k : 1;
        f->b[c] = n->op == OP_ADD ? k : n->op == OP_SUB ? -k : 0;
        if (n->op == OP_SUB && other == 0) {
            f->a[c] = -1;
            f->b[c] = k;
        }
    }
    return true;
}

/* The convolution whose result only `id` reads, as input `*input`; NODE_NONE otherwise. */
static node_id conv_before(const struct rewrite *r, node_id id, int *input)
{
    const struct node *n = rewrite_node(r, id);
    const int n_tried = n->op == OP_BATCH_NORM ? 1 : 2;
    for (int i = 0; i < n_tried; i++) {
        const node_id p = rewrite_producer(r, n->inputs[i]);
        if (p == NODE_NONE || !rewrite_is_private(r, n->inputs[i])) continue;
        const struct node *conv = rewrite_node(r, p);
        if ((conv->op != OP_CONV && conv->op != OP_CONV_TRANSPOSE) || conv->n_inputs != 3 ||
            node_attr(conv, ATTR_ACT) != NULL || !value_is_const(r->g, conv->inputs[1]) ||
            !value_is_const(r->g, conv->inputs[2]) ||
            graph_value(r->g, conv->inputs[1])->dtype != DTYPE_F32 ||
            !shape_eq(&graph_value(r->g, n->inputs[i])->shape,
                      &graph_value(r->g, n->outputs[0])->shape))
            continue;
        *input = i;
        return p;
    }
    return NODE_NONE;
}

/* Conv weights are [out, in / group, ...], ConvTranspose's [in, out / group, ...]. */
static itx_status scale_weights(struct rewrite *r, node_id conv, const struct affine *f,
                                struct itx_error *err)
{
    const struct node *n = rewrite_node(r, conv);
    const struct value *w = graph_value(r->g, n->inputs[1]), *b = graph_value(r->g, n->inputs[2]);
    const struct shape w_shape = w->shape, b_shape = b->shape;
    const float *w_data = w->data, *b_data = b->data;
    void *p;
    ITX_TRY(graph_alloc_data(r->g, DTYPE_F32, &w_shape, &p, err));
    float *w_new = p;
    ITX_TRY(graph_alloc_data(r->g, DTYPE_F32, &b_shape, &p, err));
    float *b_new = p;
    const int64_t d0 = w_shape.dim[0], d1 = w_shape.dim[1];
    const int64_t inner = d0 * d1 == 0 ? 0 : shape_elements(&w_shape) / (d0 * d1);
    const int64_t d0_of_group = d0 / node_int(n, ATTR_GROUP, 1);
    for (int64_t i = 0; i < d0; i++)
        for (int64_t j = 0; j < d1; j++) {
            const int64_t c = n->op == OP_CONV ? i : i / d0_of_group * d1 + j;
            for (int64_t k = 0; k < inner; k++) {
                const int64_t at = (i * d1 + j) * inner + k;
                w_new[at] = (float)(w_data[at] * f->a[c]);
            }
        }
    for (int c = 0; c < f->n; c++) b_new[c] = (float)(b_data[c] * f->a[c] + f->b[c]);
    value_id inputs[] = {n->inputs[0], 0, 0};
    ITX_TRY(graph_add_value(r->g, graph_value(r->g, n->inputs[1])->name, DTYPE_F32, &w_shape,
                            &inputs[1], err));
    ITX_TRY(graph_add_value(r->g, graph_value(r->g, n->inputs[2])->name, DTYPE_F32, &b_shape,
                            &inputs[2], err));
    graph_value(r->g, inputs[1])->data = w_new;
    graph_value(r->g, inputs[2])->data = b_new;
    return graph_set_inputs(r->g, conv, 3, inputs, err);
}

static itx_status become_depthwise(struct rewrite *r, node_id id, const struct affine *f,
                                   struct itx_error *err)
{
    const struct shape w_shape = {.rank = 4, .dim = {f->n, 1, 1, 1}};
    const struct shape b_shape = {.rank = 1, .dim = {f->n}};
    static const int64_t ones[] = {1, 1}, zeros[] = {0, 0, 0, 0};
    void *w, *b;
    value_id inputs[3] = {rewrite_node(r, id)->inputs[0]};
    ITX_TRY(graph_alloc_data(r->g, DTYPE_F32, &w_shape, &w, err));
    ITX_TRY(graph_alloc_data(r->g, DTYPE_F32, &b_shape, &b, err));
    for (int c = 0; c < f->n; c++) {
        ((float *)w)[c] = (float)f->a[c];
        ((float *)b)[c] = (float)f->b[c];
    }
    ITX_TRY(graph_add_value(r->g, "norm.weight", DTYPE_F32, &w_shape, &inputs[1], err));
    ITX_TRY(graph_add_value(r->g, "norm.bias", DTYPE_F32, &b_shape, &inputs[2], err));
    graph_value(r->g, inputs[1])->data = w;
    graph_value(r->g, inputs[2])->data = b;
    ITX_TRY(rewrite_become(r, id, OP_CONV, 3, inputs, err));
    ITX_TRY(graph_set_ints(r->g, id, ATTR_DILATIONS, 2, ones, err));
    ITX_TRY(graph_set_int(r->g, id, ATTR_GROUP, f->n, err));
    ITX_TRY(graph_set_ints(r->g, id, ATTR_KERNEL_SHAPE, 2, ones, err));
    ITX_TRY(graph_set_ints(r->g, id, ATTR_PADS, 4, zeros, err));
    return graph_set_ints(r->g, id, ATTR_STRIDES, 2, ones, err);
}

static itx_status fold_with(struct rewrite *r, node_id id, struct affine *f, struct itx_error *err)
{
    const struct node *n = rewrite_node(r, id);
    int input = 0;
    const node_id conv = conv_before(r, id, &input);
    const bool is_norm = n->op == OP_BATCH_NORM;
    if (conv == NODE_NONE && !is_norm) return ITX_OK;
    if (is_norm ? !read_norm(r->g, n, f) : !read_arithmetic(r->g, n, n->inputs[input], f))
        return ITX_OK;
    if (conv == NODE_NONE) return become_depthwise(r, id, f, err);
    ITX_TRY(scale_weights(r, conv, f, err));
    rewrite_absorb(r, conv, id);
    return ITX_OK;
}

static itx_status fold(struct rewrite *r, node_id id, struct itx_error *err)
{
    const struct node *n = rewrite_node(r, id);
    const struct shape *y = &graph_value(r->g, n->outputs[0])->shape;
    if ((n->op != OP_BATCH_NORM && n->op != OP_MUL && n->op != OP_ADD && n->op != OP_SUB &&
         n->op != OP_DIV) ||
        y->rank != 4 || y->dim[1] > INT32_MAX)
        return ITX_OK;
    struct affine f = {.n = (int)y->dim[1]};
    f.a = mem_calloc((size_t)f.n, sizeof *f.a);
    f.b = mem_calloc((size_t)f.n, sizeof *f.b);
    const itx_status rc = f.a == NULL || f.b == NULL
                              ? itx_fail(err, ITX_E_NOMEM, "out of memory for the graph")
                              : fold_with(r, id, &f, err);
    mem_free(f.a);
    mem_free(f.b);
    return rc;
}

itx_status pass_fold_norm(struct graph *g, struct itx_error *err)
{
    struct rewrite r;
    ITX_TRY(rewrite_begin(&r, g, err));
    itx_status rc = ITX_OK;
    for (node_id i = 0; i < r.n_nodes && rc == ITX_OK; i++) rc = fold(&r, i, err);
    return rewrite_end(&r, rc, err);
}
