/* SPDX-License-Identifier: Apache-2.0
 *
 * does: e / ReduceSum(e) with e = Exp(x - ReduceMax(x)), both along one axis -> Softmax(x).
 * requires: fold_const (axes constant, shapes known).
 * ensures: no such group is left.
 * breaks: nothing.
 */
#include "passes/pass.h"
#include "passes/rewrite.h"

/* v = op(x) along one axis of x that is kept with size 1; false for another. */
static bool is_reduction(const struct rewrite *r, value_id v, enum op op, value_id x, int *axis)
{
    const node_id id = rewrite_made_by(r, v, op);
    if (id == NODE_NONE) return false;
    const struct node *n = rewrite_node(r, id);
    int64_t given;
    if (n->inputs[0] != x || node_int(n, ATTR_KEEPDIMS, 1) == 0 ||
        value_ints(r->g, node_input(n, 1), 1, &given) != 1)
        return false;
    *axis = axis_of(given, graph_value(r->g, x)->shape.rank);
    return *axis >= 0;
}

static itx_status fuse(struct rewrite *r, node_id id, struct itx_error *err)
{
    const struct node *n = rewrite_node(r, id);
    if (n->op != OP_DIV) return ITX_OK;
    const value_id e = n->inputs[0];
    const node_id exp = rewrite_made_by(r, e, OP_EXP);
    int sum_axis, max_axis;
    if (exp == NODE_NONE || !is_reduction(r, n->inputs[1], OP_REDUCE_SUM, e, &sum_axis))
        return ITX_OK;
    const node_id sub = rewrite_made_by(r, rewrite_node(r, exp)->inputs[0], OP_SUB);
    if (sub == NODE_NONE) return ITX_OK;
    const value_id x = rewrite_node(r, sub)->inputs[0];
    if (!is_reduction(r, rewrite_node(r, sub)->inputs[1], OP_REDUCE_MAX, x, &max_axis) ||
        max_axis != sum_axis)
        return ITX_OK;
    ITX_TRY(rewrite_become(r, id, OP_SOFTMAX, 1, &x, err));
    return graph_set_int(r->g, id, ATTR_AXIS, sum_axis, err);
}

itx_status pass_fuse_softmax(struct graph *g, struct itx_error *err)
{
    struct rewrite r;
    ITX_TRY(rewrite_begin(&r, g, err));
    itx_status rc = ITX_OK;
    for (node_id i = 0; i < r.n_nodes && rc == ITX_OK; i++) rc = fuse(&r, i, err);
    return rewrite_end(&r, rc, err);
}
