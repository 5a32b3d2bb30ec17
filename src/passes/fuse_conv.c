/* SPDX-License-Identifier: Apache-2.0
 *
 * does: puts Silu, Relu or Sigmoid of a convolution's result into the convolution (ATTR_ACT) where
 *   nothing else reads that result; then an Add of such a result and another value of the same
 *   shape, as the residual input 3 of a Conv.
 * requires: fold_norm, fuse_silu, fuse_attention.
 * ensures: no such activation or Add is left.
 * breaks: "a Conv has three inputs and is linear", which fold_norm and find_head need.
 *
 * The order is the graph's: an activation after an Add stays a node. Of two convolutions that meet
 * in an Add, the one with more multiplications takes it (its epilogue hides the sum best), of equal
 * ones the second operand: no names, no file order.
 */
#include "passes/pass.h"
#include "passes/rewrite.h"
#include "tensor/fixed.h"

static bool find_act(enum op op, enum act *act)
{
    switch ((int)op) {
    case OP_SILU:
        *act = ACT_SILU;
        return true;
    case OP_RELU:
        *act = ACT_RELU;
        return true;
    case OP_SIGMOID:
        *act = ACT_SIGMOID;
        return true;
    default:
        return false;
    }
}

static itx_status fuse_act(struct rewrite *r, node_id id, struct itx_error *err)
{
    const struct node *n = rewrite_node(r, id);
    enum act act;
    if (!find_act(n->op, &act) || !rewrite_is_private(r, n->inputs[0])) return ITX_OK;
    const node_id before = rewrite_producer(r, n->inputs[0]);
    if (before == NODE_NONE) return ITX_OK;
    const struct node *conv = rewrite_node(r, before);
    if ((conv->op != OP_CONV && conv->op != OP_CONV_TRANSPOSE) || conv->n_inputs > 3 ||
        node_attr(conv, ATTR_ACT) != NULL)
        return ITX_OK;
    ITX_TRY(graph_set_int(r->g, before, ATTR_ACT, act, err));
    rewrite_absorb(r, before, id);
    return ITX_OK;
}

/* Multiplications of the Conv that may take the sum with its result `v`, or -1. */
static int64_t residual_work(const struct rewrite *r, value_id v)
{
    const node_id id = rewrite_made_by(r, v, OP_CONV);
    if (id == NODE_NONE || !rewrite_is_private(r, v) || rewrite_node(r, id)->n_inputs != 3)
        return -1;
    const struct shape *w = &graph_value(r->g, rewrite_node(r, id)->inputs[1])->shape;
    const struct shape *y = &graph_value(r->g, v)->shape;
    return shape_elements(w) * y->dim[2] * y->dim[3];
}

static itx_status fuse_residual(struct rewrite *r, node_id id, struct itx_error *err)
{
    const struct node *n = rewrite_node(r, id);
    if (n->op != OP_ADD) return ITX_OK;
    const value_id a = n->inputs[0], b = n->inputs[1];
    if (a == b || value_is_const(r->g, a) || value_is_const(r->g, b) ||
        graph_value(r->g, a)->shape.rank != 4 ||
        !shape_eq(&graph_value(r->g, a)->shape, &graph_value(r->g, b)->shape))
        return ITX_OK;
    const int64_t work_a = residual_work(r, a), work_b = residual_work(r, b);
    if (work_a < 0 && work_b < 0) return ITX_OK;
    const value_id taken = work_a > work_b ? a : b, residual = work_a > work_b ? b : a;
    const node_id conv = rewrite_made_by(r, taken, OP_CONV);
    const struct node *c = rewrite_node(r, conv);
    const value_id inputs[] = {c->inputs[0], c->inputs[1], c->inputs[2], residual};
    ITX_TRY(graph_set_inputs(r->g, conv, 4, inputs, err));
    rewrite_absorb(r, conv, id);
    return ITX_OK;
}

itx_status pass_fuse_conv(struct graph *g, struct itx_error *err)
{
    static itx_status (*const steps[])(struct rewrite *, node_id,
                                       struct itx_error *) = {fuse_act, fuse_residual};
    for (size_t s = 0; s < ARRAY_LEN(steps); s++) {
        struct rewrite r;
        ITX_TRY(rewrite_begin(&r, g, err));
        itx_status rc = ITX_OK;
        for (node_id i = 0; i < r.n_nodes && rc == ITX_OK; i++) rc = steps[s](&r, i, err);
        ITX_TRY(rewrite_end(&r, rc, err));
    }
    return ITX_OK;
}
