/* SPDX-License-Identifier: Apache-2.0
 *
 * Which channels must share a scale: union-find over all channels of all values.
 */
#include <string.h>

#include "base/mem.h"
#include "quant/quant.h"

static uint32_t find(uint32_t *parent, uint32_t a)
{
    while (parent[a] != a) {
        parent[a] = parent[parent[a]];
        a = parent[a];
    }
    return a;
}

/* The smaller index becomes the root, so that the numbering does not depend on the order of joins. */
static void join(uint32_t *parent, uint32_t a, uint32_t b)
{
    a = find(parent, a);
    b = find(parent, b);
    if (a < b)
        parent[b] = a;
    else
        parent[a] = b;
}

static uint32_t n_channels(const struct quant_atoms *q, value_id v)
{
    return q->first[v + 1] - q->first[v];
}

static void join_whole(struct quant_atoms *q, value_id v)
{
    for (uint32_t i = 1; i < n_channels(q, v); i++) join(q->of, q->first[v], q->first[v] + i);
}

/* Channels [a0, a0 + n) of a are channels [b0, b0 + n) of b. */
static void join_channels(struct quant_atoms *q, value_id a, uint32_t a0, value_id b, uint32_t b0,
                          uint32_t n)
{
    for (uint32_t i = 0; i < n && a0 + i < n_channels(q, a) && b0 + i < n_channels(q, b); i++)
        join(q->of, q->first[a] + a0 + i, q->first[b] + b0 + i);
}

/* Element i of a constant of whole numbers; false when it is absent or not constant. */
static bool constant_int(const struct graph *g, value_id id, int64_t i, int64_t *v)
{
    if (id == 0) return false;
    const struct value *c = graph_value(g, id);
    if (c->data == NULL || i >= shape_elements(&c->shape)) return false;
    if (c->dtype == DTYPE_S64) {
        memcpy(v, (const uint8_t *)c->data + i * 8, 8);
        return true;
    }
    if (c->dtype == DTYPE_S32) {
        int32_t narrow;
        memcpy(&narrow, (const uint8_t *)c->data + i * 4, 4);
        *v = narrow;
        return true;
    }
    return false;
}

bool quant_slice_channels(const struct graph *g, const struct node *n, int *start)
{
    const struct shape *in = &graph_value(g, n->inputs[0])->shape;
    const struct shape *out = &graph_value(g, n->outputs[0])->shape;
    *start = 0;
    for (int64_t i = 0;; i++) {
        int64_t from, axis = i, step = 1;
        if (!constant_int(g, node_input(n, 1), i, &from)) return i > 0;
        if (node_input(n, 3) != 0 && !constant_int(g, node_input(n, 3), i, &axis)) return false;
        if (node_input(n, 4) != 0 && !constant_int(g, node_input(n, 4), i, &step)) return false;
        if (axis < 0) axis += in->rank;
        if (axis < 0 || axis >= in->rank || step != 1) return false;
        if (axis != 1) {
            if (out->dim[axis] != in->dim[axis]) return false;
            continue;
        }
        if (from < 0) from += in->dim[1];
        if (from < 0 || from > in->dim[1] - out->dim[1]) return false;
        *start = (int)from;
    }
}

/* One tensor in; whatever else it has are constants, as the limits of a Clip. */
static bool is_unary(const struct graph *g, const struct node *n)
{
    if (!(op_info(n->op)->flags & OP_ELT)) return false;
    for (int i = 1; i < n->n_inputs; i++)
        if (n->inputs[i] != 0 && graph_value(g, n->inputs[i])->data == NULL) return false;
    return true;
}

static void join_node(struct quant_atoms *q, const struct graph *g, const struct node *n)
{
    const value_id out = n->outputs[0];
    uint32_t at = 0;
    int start;
    switch (n->op) {
    case OP_CONCAT:
        for (int i = 0; i < n->n_inputs; i++) {
            join_channels(q, out, at, n->inputs[i], 0, n_channels(q, n->inputs[i]));
            at += n_channels(q, n->inputs[i]);
        }
        return;
    case OP_SPLIT:
        for (int i = 0; i < n->n_outputs; i++) {
            join_channels(q, n->inputs[0], at, n->outputs[i], 0, n_channels(q, n->outputs[i]));
            at += n_channels(q, n->outputs[i]);
        }
        return;
    case OP_SLICE:
        if (quant_slice_channels(g, n, &start))
            join_channels(q, n->inputs[0], (uint32_t)start, out, 0, n_channels(q, out));
        return;
    case OP_MAX_POOL:
    case OP_RESIZE:
    case OP_IDENTITY:
        join_channels(q, n->inputs[0], 0, out, 0, n_channels(q, out));
        return;
    case OP_ATTENTION:
        for (int i = 0; i < n->n_inputs; i++) join_whole(q, n->inputs[i]);
        join_whole(q, out);
        return;
    default:
        break;
    }
    if (is_unary(g, n)) { /* becomes a table of 256 entries */
        join_whole(q, n->inputs[0]);
        join_whole(q, out);
        return;
    }
}

itx_status quant_atoms_create(struct quant_atoms *q, const struct graph *g, struct itx_error *err)
{
    const size_t n_values = g->values.len;
    *q = (struct quant_atoms){
        .first = mem_calloc(n_values + 1, sizeof q->first[0]),
        .is_quantised = mem_calloc(n_values, sizeof q->is_quantised[0]),
    };
    if (q->first == NULL || q->is_quantised == NULL) goto no_memory;
    uint64_t n = 0;
    for (size_t v = 0; v < n_values; v++) {
        const struct value *value = &g->values.data[v];
        q->first[v] = (uint32_t)n;
        if (v == 0 || value->data != NULL || value->shape.rank != 4) continue;
        q->is_quantised[v] = true;
        n += (uint64_t)value->shape.dim[1];
        if (n > INT32_MAX) goto no_memory;
    }
    q->first[n_values] = (uint32_t)n;
    q->of = mem_calloc(n, sizeof q->of[0]);
    if (q->of == NULL) goto no_memory;
    for (uint32_t i = 0; i < n; i++) q->of[i] = i;
    for (size_t i = 0; i < g->inputs.len; i++)
        if (!graph_value(g, g->inputs.data[i])->quant.is_given) join_whole(q, g->inputs.data[i]);
    for (size_t i = 0; i < g->nodes.len; i++) join_node(q, g, &g->nodes.data[i]);
    /* Roots come before what they join, so one pass gives every channel its number. */
    for (uint32_t i = 0; i < n; i++) q->of[i] = find(q->of, i);
    for (uint32_t i = 0; i < n; i++) q->of[i] = q->of[i] == i ? (uint32_t)q->n++ : q->of[q->of[i]];
    return ITX_OK;

no_memory:
    quant_atoms_release(q);
    return itx_fail(err, ITX_E_NOMEM, "out of memory for %zu values", n_values);
}

void quant_atoms_release(struct quant_atoms *q)
{
    mem_free(q->first);
    mem_free(q->of);
    mem_free(q->is_quantised);
    *q = (struct quant_atoms){0};
}
