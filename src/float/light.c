/* SPDX-License-Identifier: Apache-2.0
 *
 * Everything that is not heavy: graph_eval on the value's buffers, in whichever layout they are. With channels last, an
 * operation along named dimensions is evaluated as the same operation on a tensor of the permuted shape.
 */
#include <string.h>

#include "float/internal.h"

/* Where dimension i of [n, c, h, w] lies in [n, h, w, c], and the other way round. */
static const int to_nhwc[4] = {0, 3, 1, 2};
static const int from_nhwc[4] = {0, 2, 3, 1};

struct light {
    struct node node; /* arrays in the arena or the graph */
    struct tensor *in, *out;
    buffer_id *in_buffer, *out_buffer; /* 0: in[i].data is fixed */
};

static itx_status run_light(struct float_exec *e, void *data, struct itx_error *err)
{
    struct light *l = data;
    for (int i = 0; i < l->node.n_inputs; i++)
        if (l->in_buffer[i] != 0) l->in[i].data = buffer_data(e, l->in_buffer[i]);
    for (int i = 0; i < l->node.n_outputs; i++) l->out[i].data = buffer_data(e, l->out_buffer[i]);
    return graph_eval(&l->node, l->in, l->out, err);
}

/* --- channels last --- */

/* Inputs of these operations after the first are not data but say what to do. */
static bool has_operands(enum op op)
{
    return op == OP_SPLIT || op == OP_SLICE || op == OP_RESIZE;
}

static bool is_single(const struct value *v)
{
    return shape_elements(&v->shape) == 1 && v->shape.rank <= 1;
}

/* Is a step with channels last possible, and does it save a reordering? */
static bool prefers_nhwc(const struct float_exec *e, const struct node *n)
{
    const bool is_elementwise = (op_info(n->op)->flags & OP_ELT) != 0;
    const int n_data = has_operands(n->op) ? 1 : n->n_inputs;
    bool found = false;
    if (!is_elementwise && n->op != OP_CONCAT && !has_operands(n->op)) return false;
    for (int i = 0; i < n->n_outputs; i++)
        if (output_value(e, n, i)->shape.rank != 4 || output_value(e, n, i)->dtype != DTYPE_F32)
            return false;
    for (int i = 0; i < n_data; i++) {
        const struct value *v = input_value(e, n, i);
        if (n->inputs[i] == 0 || (is_elementwise && is_single(v))) continue;
        if (v->shape.rank != 4 || v->dtype != DTYPE_F32) return false;
        found = found || !has_layout(e, n->inputs[i], LAYOUT_PLAIN);
    }
    return found;
}

static void permute_shape(struct shape *s)
{
    const struct shape old = *s;
    for (int i = 0; i < 4; i++) s->dim[i] = old.dim[from_nhwc[i]];
}

/* Concat and Split: the axis moves. */
static itx_status permute_axis(struct float_exec *e, struct light *l, struct itx_error *err)
{
    const int64_t axis = node_int(&l->node, ATTR_AXIS, l->node.op == OP_CONCAT ? 1 : 0);
    const struct attr moved = {.id = ATTR_AXIS, .i = to_nhwc[axis < 0 ? axis + 4 : axis]};
    struct attr *attrs = arena_calloc(&e->arena, (size_t)l->node.n_attrs + 1, sizeof *attrs);
    if (attrs == NULL) return out_of_memory(err);
    int n = 0;
    for (int i = 0; i < l->node.n_attrs; i++)
        if (l->node.attrs[i].id < ATTR_AXIS) attrs[n++] = l->node.attrs[i];
    attrs[n++] = moved;
    for (int i = 0; i < l->node.n_attrs; i++)
        if (l->node.attrs[i].id > ATTR_AXIS) attrs[n++] = l->node.attrs[i];
    l->node.attrs = attrs;
    l->node.n_attrs = n;
    return ITX_OK;
}

/* Slice: the axes, given or understood, become other ones. */
static itx_status permute_slice(struct float_exec *e, struct light *l, struct itx_error *err)
{
    const int64_t n = l->in[1].shape.rank == 0 ? 1 : l->in[1].shape.dim[0];
    int64_t *axes = arena_calloc(&e->arena, (size_t)n + 1, sizeof *axes);
    value_id *inputs = arena_calloc(&e->arena, 5, sizeof *inputs);
    struct tensor *in = arena_calloc(&e->arena, 5, sizeof *in);
    buffer_id *buffers = arena_calloc(&e->arena, 5, sizeof *buffers);
    if (axes == NULL || inputs == NULL || in == NULL || buffers == NULL) return out_of_memory(err);
    const struct tensor *given = node_input(&l->node, 3) != 0 ? &l->in[3] : NULL;
    for (int64_t i = 0; i < n; i++) {
        const int64_t axis = given == NULL               ? i
                             : given->dtype == DTYPE_S64 ? ((const int64_t *)given->data)[i]
                                                         : ((const int32_t *)given->data)[i];
        axes[i] = to_nhwc[axis < 0 ? axis + 4 : axis];
    }
    memcpy(in, l->in, (size_t)l->node.n_inputs * sizeof *in);
    memcpy(inputs, l->node.inputs, (size_t)l->node.n_inputs * sizeof *inputs);
    memcpy(buffers, l->in_buffer, (size_t)l->node.n_inputs * sizeof *buffers);
    in[3] = (struct tensor){DTYPE_S64, {.rank = 1, .dim = {n}}, axes};
    inputs[3] = inputs[1]; /* any value: it only says that there are axes */
    l->in = in;
    l->in_buffer = buffers;
    l->node.inputs = inputs;
    if (l->node.n_inputs < 4) l->node.n_inputs = 4;
    return ITX_OK;
}

/* Resize: numbers for each dimension, once (scales, sizes) or twice (roi), are permuted. */
static itx_status permute_resize(struct float_exec *e, struct light *l, struct itx_error *err)
{
    for (int i = 1; i < l->node.n_inputs; i++) {
        struct tensor *t = &l->in[i];
        if (node_input(&l->node, i) == 0 || shape_elements(&t->shape) % 4 != 0) continue;
        const size_t n = (size_t)shape_elements(&t->shape), size = (size_t)dtype_size(t->dtype);
        uint8_t *moved = arena_calloc(&e->arena, n + 1, size);
        if (moved == NULL) return out_of_memory(err);
        for (size_t k = 0; k < n; k++)
            memcpy(moved + k * size,
                   (const uint8_t *)t->data + ((k & ~(size_t)3) + (size_t)from_nhwc[k & 3]) * size,
                   size);
        t->data = moved;
    }
    return ITX_OK;
}

static itx_status permute(struct float_exec *e, struct light *l, struct itx_error *err)
{
    const int n_data = has_operands(l->node.op) ? 1 : l->node.n_inputs;
    for (int i = 0; i < n_data; i++)
        if (l->in[i].shape.rank == 4) permute_shape(&l->in[i].shape);
    for (int i = 0; i < l->node.n_outputs; i++) permute_shape(&l->out[i].shape);
    switch ((int)l->node.op) {
    case OP_CONCAT:
    case OP_SPLIT:
        return permute_axis(e, l, err);
    case OP_SLICE:
        return permute_slice(e, l, err);
    case OP_RESIZE:
        return permute_resize(e, l, err);
    default:
        return ITX_OK;
    }
}

/* --- building --- */

/* Dtypes, shapes and buffers of the operands; constants that are no data stay where they are. */
static itx_status fill_operands(struct float_exec *e, const struct node *n, enum layout layout,
                                struct light *l, struct itx_error *err)
{
    for (int i = 0; i < n->n_inputs; i++) {
        const struct value *v = input_value(e, n, i);
        if (n->inputs[i] == 0) continue;
        l->in[i] = (struct tensor){v->dtype, v->shape, NULL};
        const bool keeps_layout = v->shape.rank != 4 || (has_operands(n->op) && i > 0);
        if (v->data != NULL && (keeps_layout || layout == LAYOUT_PLAIN)) {
            l->in[i].data = (void *)v->data; /* inputs are only read */
            continue;
        }
        ITX_TRY(need_buffer(e, n->inputs[i], keeps_layout ? LAYOUT_PLAIN : layout, &l->in_buffer[i],
                            err));
    }
    for (int i = 0; i < n->n_outputs; i++) {
        const struct value *v = output_value(e, n, i);
        l->out[i] = (struct tensor){v->dtype, v->shape, NULL};
        l->out_buffer[i] = new_buffer(e, n->outputs[i], layout);
    }
    return ITX_OK;
}

static itx_status build_evaluation(struct float_exec *e, const struct node *n, enum layout layout,
                                   struct itx_error *err)
{
    struct light *l = arena_alloc(&e->arena, sizeof *l);
    if (l == NULL) return out_of_memory(err);
    l->node = *n;
    l->in = arena_calloc(&e->arena, (size_t)n->n_inputs, sizeof *l->in);
    l->out = arena_calloc(&e->arena, (size_t)n->n_outputs, sizeof *l->out);
    l->in_buffer = arena_calloc(&e->arena, (size_t)n->n_inputs, sizeof *l->in_buffer);
    l->out_buffer = arena_calloc(&e->arena, (size_t)n->n_outputs, sizeof *l->out_buffer);
    if (l->in == NULL || l->out == NULL || l->in_buffer == NULL || l->out_buffer == NULL)
        return out_of_memory(err);
    ITX_TRY(fill_operands(e, n, layout, l, err));
    if (layout == LAYOUT_NHWC) ITX_TRY(permute(e, l, err));
    ITX_TRY(add_step(e, run_light, l, err));
    for (int i = 0; i < l->node.n_inputs; i++)
        if (l->in_buffer[i] != 0) step_touches(e, l->in_buffer[i]);
    for (int i = 0; i < n->n_outputs; i++) step_touches(e, l->out_buffer[i]);
    return ITX_OK;
}

/* --- the few elementwise operations that networks are full of, on oneDNN --- */

static bool unary_of(const struct node *n, dnnl_alg_kind_t *alg, float *alpha)
{
    *alpha = 0;
    switch ((int)n->op) {
    case OP_RELU:
        *alg = dnnl_eltwise_relu;
        return true;
    case OP_LEAKY_RELU:
        *alg = dnnl_eltwise_relu;
        *alpha = node_float(n, ATTR_ALPHA, 0.01f);
        return true;
    case OP_SIGMOID:
        *alg = dnnl_eltwise_logistic;
        return true;
    case OP_SILU:
        *alg = dnnl_eltwise_swish;
        *alpha = 1;
        return true;
    default:
        return false;
    }
}

static bool binary_of(const struct float_exec *e, const struct node *n, dnnl_alg_kind_t *alg)
{
    *alg = n->op == OP_ADD ? dnnl_binary_add : n->op == OP_MUL ? dnnl_binary_mul : dnnl_binary_sub;
    return (n->op == OP_ADD || n->op == OP_MUL || n->op == OP_SUB) &&
           shape_eq(&input_value(e, n, 0)->shape, &input_value(e, n, 1)->shape);
}

static itx_status build_binary(struct float_exec *e, const struct node *n, dnnl_alg_kind_t alg,
                               enum layout layout, struct itx_error *err)
{
    const dnnl_memory_desc_t desc = layout_desc(&output_value(e, n, 0)->shape, layout);
    dnnl_binary_desc_t op;
    struct primitive *p;
    buffer_id a, b;
    ITX_TRY(check_dnnl(dnnl_binary_desc_init(&op, alg, &desc, &desc, &desc), "describe this", err));
    ITX_TRY(new_primitive(e, &op, NULL, &p, err));
    ITX_TRY(need_buffer(e, n->inputs[0], layout, &a, err));
    ITX_TRY(need_buffer(e, n->inputs[1], layout, &b, err));
    const buffer_id y = new_buffer(e, n->outputs[0], layout);
    ITX_TRY(bind_buffer(e, p, DNNL_ARG_SRC_0, &desc, a, err));
    ITX_TRY(bind_buffer(e, p, DNNL_ARG_SRC_1, &desc, b, err));
    ITX_TRY(bind_buffer(e, p, DNNL_ARG_DST, &desc, y, err));
    return add_primitive(e, p, err);
}

itx_status build_light(struct float_exec *e, const struct node *n, struct itx_error *err)
{
    const struct value *y = output_value(e, n, 0);
    const enum layout layout = prefers_nhwc(e, n) ? LAYOUT_NHWC : LAYOUT_PLAIN;
    dnnl_alg_kind_t alg;
    float alpha;
    if (y->dtype == DTYPE_F32 && unary_of(n, &alg, &alpha)) {
        const dnnl_memory_desc_t desc = layout_desc(&y->shape, layout);
        buffer_id from;
        ITX_TRY(need_buffer(e, n->inputs[0], layout, &from, err));
        const buffer_id to = new_buffer(e, n->outputs[0], layout);
        return add_eltwise(e, alg, alpha, 0, &desc, from, to, err);
    }
    if (y->dtype == DTYPE_F32 && binary_of(e, n, &alg)) return build_binary(e, n, alg, layout, err);
    return build_evaluation(e, n, layout, err);
}
