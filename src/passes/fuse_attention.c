/* SPDX-License-Identifier: Apache-2.0
 *
 * does: YOLO11's attention -> three convolutions and one Attention node. With c = heads * head_dim
 *   and n = h * w,
 *
 *     qkv = Conv(x)  [1, heads (2 key_dim + head_dim), h, w]
 *     q, k, v = Split(Reshape(qkv, [1, heads, 2 key_dim + head_dim, n]))
 *     o = Reshape(v Softmax(scale q^T k)^T, [1, c, h, w])
 *     pe = Conv(Reshape(v, [1, c, h, w]))
 *
 *   becomes q = Conv(x), k = Conv(x), v = Conv(x), o = Attention(q, k, v), pe = Conv(v). The rows
 *   of qkv's weights are sorted so that the channels of q, of k and of v each are heads after one
 *   another. The scale is a constant factor of q, of k or of the product.
 * requires: normalize, merge_slices, fuse_softmax and simplify after it (the softmax runs along the
 *   last axis), fold_norm.
 * ensures: no such group is left.
 * breaks: nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

enum { Q, K, V };

struct attention {
    node_id conv, split, reshape; /* reshape: the one that makes o */
    int heads, dim[3];            /* dim: key_dim, key_dim, head_dim */
    int first[3];                 /* where q, k, v begin in the rows of one head */
    value_id part[3];
    float scale;
};

static const struct shape *shape_of(const struct rewrite *r, value_id v)
{
    return &graph_value(r->g, v)->shape;
}

/* Steps over multiplications and divisions by one number, collecting them. */
static value_id strip_scale(const struct rewrite *r, value_id v, float *scale)
{
    for (;;) {
        float f;
        const node_id mul = rewrite_made_by(r, v, OP_MUL), div = rewrite_made_by(r, v, OP_DIV);
        const node_id id = mul != NODE_NONE ? mul : div;
        if (id == NODE_NONE) return v;
        const struct node *n = rewrite_node(r, id);
        const int i = value_scalar(r->g, n->inputs[1], &f) ? 0 : 1;
        if (i == 1 && (id == div || !value_scalar(r->g, n->inputs[0], &f))) return v;
        if (!shape_eq(shape_of(r, n->inputs[i]), shape_of(r, v))) return v;
        *scale = id == mul ? *scale * f : *scale / f;
        v = n->inputs[i];
    }
}

/* x when v is x with its last two dimensions exchanged, else 0. */
static value_id strip_transpose(const struct rewrite *r, value_id v)
{
    static const int64_t expected[] = {0, 1, 3, 2};
    int64_t perm[4];
    const node_id id = rewrite_made_by(r, v, OP_TRANSPOSE);
    if (id == NODE_NONE || node_ints(rewrite_node(r, id), ATTR_PERM, 0, 4, perm) != 4 ||
        memcmp(perm, expected, sizeof perm) != 0)
        return 0;
    return rewrite_node(r, id)->inputs[0];
}

/* The only node that reads v, if it is an `op`. */
static node_id only_reader(const struct rewrite *r, value_id v, enum op op)
{
    if (!rewrite_is_private(r, v)) return NODE_NONE;
    const node_id id = r->uses.uses[r->uses.first[v]].node;
    return !r->is_removed[id] && rewrite_node(r, id)->op == op ? id : NODE_NONE;
}

/* From the softmax up to q and k, and down to v and the Reshape of the result. */
static bool match_products(const struct rewrite *r, node_id softmax, struct attention *a)
{
    const struct node *s = rewrite_node(r, softmax);
    a->scale = 1;
    const node_id first = rewrite_made_by(r, strip_scale(r, s->inputs[0], &a->scale), OP_MATMUL);
    if (first == NODE_NONE) return false;
    value_id q = strip_scale(r, rewrite_node(r, first)->inputs[0], &a->scale);
    q = strip_transpose(r, q);
    if (q == 0) return false;
    a->part[Q] = strip_scale(r, q, &a->scale);
    a->part[K] = strip_scale(r, rewrite_node(r, first)->inputs[1], &a->scale);

    const node_id transpose = only_reader(r, s->outputs[0], OP_TRANSPOSE);
    if (transpose == NODE_NONE) return false;
    const value_id t = rewrite_node(r, transpose)->outputs[0];
    const node_id second = only_reader(r, t, OP_MATMUL);
    if (second == NODE_NONE || strip_transpose(r, t) == 0) return false;
    const struct node *m = rewrite_node(r, second);
    if (m->inputs[1] != t) return false;
    a->part[V] = m->inputs[0];
    a->reshape = only_reader(r, m->outputs[0], OP_RESHAPE);
    return a->reshape != NODE_NONE;
}

/* q, k, v are the three results of one Split of a reshaped convolution. */
static bool match_source(const struct rewrite *r, struct attention *a)
{
    a->split = rewrite_made_by(r, a->part[Q], OP_SPLIT);
    if (a->split == NODE_NONE) return false;
    const struct node *s = rewrite_node(r, a->split);
    const struct shape *whole = shape_of(r, s->inputs[0]);
    if (s->n_outputs != 3 || node_int(s, ATTR_AXIS, 0) != 2 || whole->rank != 4 ||
        whole->dim[0] != 1)
        return false;
    for (int p = 0; p < 3; p++) {
        a->first[p] = 0;
        int i = 0;
        for (; i < 3 && s->outputs[i] != a->part[p]; i++)
            a->first[p] += (int)shape_of(r, s->outputs[i])->dim[2];
        if (i == 3) return false;
        a->dim[p] = (int)shape_of(r, a->part[p])->dim[2];
    }
    a->heads = (int)whole->dim[1];
    const node_id reshape = rewrite_made_by(r, s->inputs[0], OP_RESHAPE);
    if (reshape == NODE_NONE || !rewrite_is_private(r, s->inputs[0]) || a->dim[Q] != a->dim[K])
        return false;
    const value_id qkv = rewrite_node(r, reshape)->inputs[0];
    const struct shape *y = shape_of(r, qkv);
    a->conv = rewrite_made_by(r, qkv, OP_CONV);
    if (a->conv == NODE_NONE || !rewrite_is_private(r, qkv) || y->rank != 4 ||
        y->dim[1] != whole->dim[1] * whole->dim[2])
        return false;
    const struct node *c = rewrite_node(r, a->conv);
    return c->n_inputs == 3 && graph_value(r->g, c->inputs[1])->dtype == DTYPE_F32 &&
           graph_value(r->g, c->inputs[2])->dtype == DTYPE_F32 &&
           value_is_const(r->g, c->inputs[1]) && value_is_const(r->g, c->inputs[2]) &&
           node_int(c, ATTR_GROUP, 1) == 1 && node_attr(c, ATTR_ACT) == NULL;
}

static bool has_map_shape(const struct rewrite *r, const struct attention *a, node_id reshape)
{
    const struct shape *y = shape_of(r, rewrite_node(r, a->conv)->outputs[0]);
    const struct shape wanted = {.rank = 4,
                                 .dim = {1, (int64_t)a->heads * a->dim[V], y->dim[2], y->dim[3]}};
    return shape_eq(shape_of(r, rewrite_node(r, reshape)->outputs[0]), &wanted);
}

/* Nothing reads q, k and v in a form that would be lost: v's readers are the product and Reshapes
 * to a map. */
static bool match_readers(const struct rewrite *r, const struct attention *a)
{
    if (!has_map_shape(r, a, a->reshape)) return false;
    for (int p = Q; p <= K; p++)
        if (!rewrite_is_private(r, a->part[p])) return false;
    const value_id v = a->part[V];
    if (r->uses.n_output_uses[v] != 0) return false;
    int n_products = 0;
    for (uint32_t u = r->uses.first[v]; u < r->uses.first[v + 1]; u++) {
        const node_id reader = r->uses.uses[u].node;
        if (rewrite_node(r, reader)->op == OP_MATMUL)
            n_products++;
        else if (rewrite_node(r, reader)->op != OP_RESHAPE || !has_map_shape(r, a, reader))
            return false;
    }
    return n_products == 1;
}

/* Rows of part p, head after head, of a constant with `row` elements for each output channel. */
static itx_status take_rows(struct rewrite *r, const struct attention *a, int p, value_id from,
                            value_id *to, struct itx_error *err)
{
    const struct value *v = graph_value(r->g, from);
    const float *in = v->data;
    const char *name = v->name;
    struct shape shape = v->shape;
    const int64_t n_rows = shape.dim[0];
    const size_t row = n_rows == 0 ? 0 : (size_t)(shape_elements(&shape) / n_rows);
    const int head_rows = 2 * a->dim[K] + a->dim[V];
    void *data;
    shape.dim[0] = (int64_t)a->heads * a->dim[p];
    ITX_TRY(graph_alloc_data(r->g, DTYPE_F32, &shape, &data, err));
    for (int h = 0; h < a->heads; h++)
        memcpy((float *)data + (size_t)h * (size_t)a->dim[p] * row,
               in + ((size_t)h * (size_t)head_rows + (size_t)a->first[p]) * row,
               (size_t)a->dim[p] * row * sizeof(float));
    ITX_TRY(graph_add_value(r->g, name, DTYPE_F32, &shape, to, err));
    graph_value(r->g, *to)->data = data;
    return ITX_OK;
}

static itx_status add_conv(struct rewrite *r, const struct attention *a, int p, value_id *out,
                           struct itx_error *err)
{
    static const char *const suffixes[] = {"q", "k", "v"};
    const struct node conv = *rewrite_node(r, a->conv); /* a copy: adding a node moves nodes */
    value_id inputs[3] = {conv.inputs[0]};
    ITX_TRY(take_rows(r, a, p, conv.inputs[1], &inputs[1], err));
    ITX_TRY(take_rows(r, a, p, conv.inputs[2], &inputs[2], err));
    struct shape shape = *shape_of(r, conv.outputs[0]);
    shape.dim[1] = (int64_t)a->heads * a->dim[p];
    char name[300];
    node_id id;
    snprintf(name, sizeof name, "%.280s/%s", graph_value(r->g, conv.outputs[0])->name, suffixes[p]);
    ITX_TRY(graph_add_value(r->g, name, DTYPE_F32, &shape, out, err));
    snprintf(name, sizeof name, "%.280s/%s", conv.name, suffixes[p]);
    ITX_TRY(graph_add_node(r->g, OP_CONV, name, 3, inputs, 1, out, &id, err));
    for (int i = 0; i < conv.n_attrs; i++) {
        const struct attr *attr = &conv.attrs[i];
        if (attr_info(attr->id)->kind == ATTR_KIND_INTS)
            ITX_TRY(graph_set_ints(r->g, id, attr->id, attr->n_ints, attr->ints, err));
    }
    return graph_set_int(r->g, id, ATTR_GROUP, 1, err);
}

static itx_status fuse(struct rewrite *r, node_id softmax, struct itx_error *err)
{
    struct attention a = {0};
    const struct node *n = rewrite_node(r, softmax);
    if (n->op != OP_SOFTMAX || node_int(n, ATTR_AXIS, -1) != 3 ||
        shape_of(r, n->inputs[0])->rank != 4 || !match_products(r, softmax, &a) ||
        !match_source(r, &a) || !match_readers(r, &a))
        return ITX_OK;
    value_id parts[3];
    for (int p = 0; p < 3; p++) ITX_TRY(add_conv(r, &a, p, &parts[p], err));
    const value_id v = a.part[V];
    for (uint32_t u = r->uses.first[v]; u < r->uses.first[v + 1]; u++) {
        const node_id reader = r->uses.uses[u].node;
        if (rewrite_node(r, reader)->op != OP_RESHAPE) continue;
        rewrite_replace(r, rewrite_node(r, reader)->outputs[0], parts[V]);
        rewrite_remove(r, reader);
    }
    ITX_TRY(rewrite_become(r, a.reshape, OP_ATTENTION, 3, parts, err));
    ITX_TRY(graph_set_int(r->g, a.reshape, ATTR_HEADS, a.heads, err));
    return graph_set_float(r->g, a.reshape, ATTR_SCALE, a.scale, err);
}

itx_status pass_fuse_attention(struct graph *g, struct itx_error *err)
{
    struct rewrite r;
    ITX_TRY(rewrite_begin(&r, g, err));
    itx_status rc = ITX_OK;
    for (node_id i = 0; i < r.n_nodes && rc == ITX_OK; i++) rc = fuse(&r, i, err);
    return rewrite_end(&r, rc, err);
}
