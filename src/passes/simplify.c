/* SPDX-License-Identifier: Apache-2.0
 *
 * does: removes nodes that change nothing (Identity; Cast to the same type; Reshape, Transpose,
 *   Expand, Tile, Slice, Pad, Resize to the same shape; Concat and Split of one; adding 0,
 *   multiplying by 1), joins Transpose after Transpose and Reshape after Reshape, moves a Transpose
 *   behind a Softmax, and puts a Pad of zeros into the convolutions that read it.
 * requires: fold_const, normalize.
 * ensures: none of these is left, but an Identity from an input or a constant to an output.
 * breaks: nothing.
 */
#include <math.h>
#include <string.h>

#include "passes/pass.h"
#include "passes/rewrite.h"

static const struct shape *shape_of(const struct rewrite *r, value_id v)
{
    return &graph_value(r->g, v)->shape;
}

static bool keeps_shape(const struct rewrite *r, const struct node *n)
{
    return shape_eq(shape_of(r, n->inputs[0]), shape_of(r, n->outputs[0]));
}

static bool is_identity_perm(const struct node *n, int rank)
{
    int64_t perm[SHAPE_MAX_RANK];
    if (node_ints(n, ATTR_PERM, -1, SHAPE_MAX_RANK, perm) != rank) return rank <= 1;
    for (int i = 0; i < rank; i++)
        if (perm[i] != i) return false;
    return true;
}

static bool has_unit_steps(const struct rewrite *r, const struct node *n)
{
    int64_t steps[SHAPE_MAX_RANK];
    if (node_input(n, 4) == 0) return true;
    const int n_steps = value_ints(r->g, n->inputs[4], SHAPE_MAX_RANK, steps);
    for (int i = 0; i < n_steps; i++)
        if (steps[i] != 1) return false;
    return n_steps >= 0;
}

/* x + 0, x - 0, x * 1, x / 1: the operand that passes through, or 0. */
static value_id neutral_operand(const struct rewrite *r, const struct node *n)
{
    const float neutral = n->op == OP_MUL || n->op == OP_DIV ? 1 : 0;
    const bool is_commutative = n->op == OP_ADD || n->op == OP_MUL;
    float f;
    if (value_scalar(r->g, n->inputs[1], &f) && f == neutral) return n->inputs[0];
    if (is_commutative && value_scalar(r->g, n->inputs[0], &f) && f == neutral) return n->inputs[1];
    return 0;
}

/* The operand that the node's only result equals, or 0. */
static value_id same_as(const struct rewrite *r, const struct node *n)
{
    const struct value *x = n->n_inputs > 0 ? graph_value(r->g, n->inputs[0]) : NULL;
    value_id v;
    bool is_same = false;
    switch ((int)n->op) {
    case OP_IDENTITY:
        is_same = true;
        break;
    case OP_CAST:
        is_same = x->dtype == graph_value(r->g, n->outputs[0])->dtype;
        break;
    case OP_TRANSPOSE:
        is_same = is_identity_perm(n, x->shape.rank);
        break;
    case OP_RESHAPE:
    case OP_EXPAND:
    case OP_TILE:
        is_same = keeps_shape(r, n);
        break;
    case OP_PAD: {
        /* Pads of opposite sign on one axis keep the shape but move what is inside. */
        int64_t pads[2 * SHAPE_MAX_RANK];
        const int n_pads = value_ints(r->g, n->inputs[1], 2 * SHAPE_MAX_RANK, pads);
        is_same = n_pads >= 0;
        for (int i = 0; i < n_pads; i++) is_same &= pads[i] == 0;
        break;
    }
    case OP_SLICE:
        is_same = keeps_shape(r, n) && has_unit_steps(r, n);
        break;
    case OP_RESIZE:
        is_same = keeps_shape(r, n) &&
                  strcmp(node_text(n, ATTR_COORDINATE_MODE, ""), "tf_crop_and_resize") != 0;
        break;
    case OP_CONCAT:
        is_same = n->n_inputs == 1;
        break;
    case OP_SPLIT:
        is_same = n->n_outputs == 1;
        break;
    case OP_ADD:
    case OP_SUB:
    case OP_MUL:
    case OP_DIV:
        v = neutral_operand(r, n);
        return v != 0 && shape_eq(shape_of(r, v), shape_of(r, n->outputs[0])) ? v : 0;
    default:
        break;
    }
    return is_same ? n->inputs[0] : 0;
}

static bool try_bypass(struct rewrite *r, node_id id)
{
    const struct node *n = rewrite_node(r, id);
    const value_id from = n->outputs[0], to = same_as(r, n);
    if (to == 0) return false;
    if (rewrite_producer(r, to) == NODE_NONE && rewrite_is_output(r, from)) return false;
    rewrite_replace(r, from, to);
    rewrite_remove(r, id);
    return true;
}

/* Transpose(Transpose(x, p), q) = Transpose(x, r) with r[i] = p[q[i]] */
static itx_status join_transposes(struct rewrite *r, node_id id, struct itx_error *err)
{
    const struct node *n = rewrite_node(r, id);
    const node_id before = rewrite_made_by(r, n->inputs[0], OP_TRANSPOSE);
    if (before == NODE_NONE) return ITX_OK;
    const struct node *first = rewrite_node(r, before);
    int64_t p[SHAPE_MAX_RANK], q[SHAPE_MAX_RANK], joined[SHAPE_MAX_RANK];
    const int rank = node_ints(first, ATTR_PERM, 0, SHAPE_MAX_RANK, p);
    if (rank == 0 || node_ints(n, ATTR_PERM, 0, SHAPE_MAX_RANK, q) != rank) return ITX_OK;
    for (int i = 0; i < rank; i++) joined[i] = p[q[i]];
    ITX_TRY(graph_set_inputs(r->g, id, 1, first->inputs, err));
    r->is_changed = true;
    return graph_set_ints(r->g, id, ATTR_PERM, rank, joined, err);
}

static itx_status join_reshapes(struct rewrite *r, node_id id, struct itx_error *err)
{
    const struct node *n = rewrite_node(r, id);
    const node_id before = rewrite_made_by(r, n->inputs[0], OP_RESHAPE);
    if (before == NODE_NONE) return ITX_OK;
    const value_id inputs[] = {rewrite_node(r, before)->inputs[0], n->inputs[1]};
    r->is_changed = true;
    return graph_set_inputs(r->g, id, 2, inputs, err);
}

/* Softmax(Transpose(x, p), axis a) = Transpose(Softmax(x, axis p[a]), p): the two nodes change
 * places. */
static itx_status move_transpose(struct rewrite *r, node_id id, struct itx_error *err)
{
    const struct node *n = rewrite_node(r, id);
    const node_id before = rewrite_made_by(r, n->inputs[0], OP_TRANSPOSE);
    if (before == NODE_NONE || !rewrite_is_private(r, n->inputs[0])) return ITX_OK;
    const struct node *t = rewrite_node(r, before);
    const value_id x = t->inputs[0], middle = t->outputs[0];
    int64_t p[SHAPE_MAX_RANK];
    const int rank = node_ints(t, ATTR_PERM, 0, SHAPE_MAX_RANK, p);
    const int64_t axis = node_int(n, ATTR_AXIS, -1);
    if (rank == 0 || axis < 0 || axis >= rank) return ITX_OK;
    ITX_TRY(rewrite_become(r, before, OP_SOFTMAX, 1, &x, err));
    ITX_TRY(graph_set_int(r->g, before, ATTR_AXIS, p[axis], err));
    graph_value(r->g, middle)->shape = *shape_of(r, x);
    const char *name = t->name;
    rewrite_node(r, before)->name = n->name;
    rewrite_node(r, id)->name = name;
    ITX_TRY(rewrite_become(r, id, OP_TRANSPOSE, 1, &middle, err));
    return graph_set_ints(r->g, id, ATTR_PERM, rank, p, err);
}

/* The spatial pads of a Pad of zeros [1, c, h, w]; false for another. */
static bool zero_pads(const struct rewrite *r, const struct node *n, int64_t *spatial)
{
    int64_t pads[8];
    float f = 0;
    if (shape_of(r, n->inputs[0])->rank != 4 || node_input(n, 3) != 0 ||
        strcmp(node_text(n, ATTR_MODE, "constant"), "constant") != 0 ||
        value_ints(r->g, n->inputs[1], 8, pads) != 8)
        return false;
    if (node_input(n, 2) != 0 && (!value_scalar(r->g, n->inputs[2], &f) || f != 0)) return false;
    for (int i = 0; i < 8; i++)
        if (pads[i] < 0 || (i % 4 < 2 && pads[i] != 0)) return false;
    const int64_t out[] = {pads[2], pads[3], pads[6], pads[7]};
    memcpy(spatial, out, sizeof out);
    return true;
}

static itx_status take_pad(struct rewrite *r, node_id id, struct itx_error *err)
{
    const struct node *n = rewrite_node(r, id);
    const node_id before = rewrite_made_by(r, n->inputs[0], OP_PAD);
    int64_t extra[4], pads[4];
    if (before == NODE_NONE || !zero_pads(r, rewrite_node(r, before), extra)) return ITX_OK;
    if (node_ints(n, ATTR_PADS, 0, 4, pads) != 4) return ITX_OK;
    for (int i = 0; i < 4; i++) pads[i] += extra[i];
    n->inputs[0] = rewrite_node(r, before)->inputs[0];
    r->is_changed = true;
    return graph_set_ints(r->g, id, ATTR_PADS, 4, pads, err);
}

static itx_status simplify_node(struct rewrite *r, node_id id, struct itx_error *err)
{
    const struct node *n = rewrite_node(r, id);
    if (try_bypass(r, id)) return ITX_OK;
    switch ((int)n->op) {
    case OP_TRANSPOSE:
        return join_transposes(r, id, err);
    case OP_RESHAPE:
        return join_reshapes(r, id, err);
    case OP_SOFTMAX:
        return move_transpose(r, id, err);
    case OP_CONV:
        return take_pad(r, id, err);
    default:
        return ITX_OK;
    }
}

itx_status pass_simplify(struct graph *g, struct itx_error *err)
{
    /* Ends: every change removes a node, shortens a chain or moves a Transpose to the outputs. */
    bool is_changed = true;
    while (is_changed) {
        struct rewrite r;
        ITX_TRY(rewrite_begin(&r, g, err));
        itx_status rc = ITX_OK;
        for (node_id i = 0; i < r.n_nodes && rc == ITX_OK; i++) rc = simplify_node(&r, i, err);
        is_changed = r.is_changed;
        ITX_TRY(rewrite_end(&r, rc, err));
    }
    return ITX_OK;
}
