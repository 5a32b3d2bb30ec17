/* SPDX-License-Identifier: Apache-2.0
 *
 * does: removes what is dead; takes transposes to [n, h, w, c] off the outputs (the program keeps
 *   its tensors in that order anyway); makes equal constants one; orders nodes depth-first from the
 *   outputs, operands first, and numbers values by that order; infers every shape again, which
 *   verifies operands.
 * requires: nothing.
 * ensures: two graphs that compute the same nodes from the same constants are equal but for names.
 * breaks: value ids (graph_compact).
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

static bool is_to_nhwc(const struct node *n)
{
    static const int64_t expected[] = {0, 2, 3, 1};
    int64_t perm[4];
    return n->op == OP_TRANSPOSE && node_ints(n, ATTR_PERM, 0, 4, perm) == 4 &&
           memcmp(perm, expected, sizeof perm) == 0;
}

static void strip_outputs(struct rewrite *r)
{
    struct graph *g = r->g;
    for (size_t i = 0; i < g->outputs.len; i++) {
        const value_id v = rewrite_value(r, g->outputs.data[i]);
        const node_id id = rewrite_producer(r, v);
        if (id == NODE_NONE || !is_to_nhwc(rewrite_node(r, id)) || graph_n_uses(&r->uses, v) != 1)
            continue;
        const value_id x = rewrite_node(r, id)->inputs[0];
        if (rewrite_producer(r, x) == NODE_NONE) continue;
        rewrite_replace(r, v, x);
    }
}

struct constant {
    value_id id;
    uint64_t hash;
};

static size_t data_size(const struct value *v)
{
    return (size_t)shape_elements(&v->shape) * (size_t)dtype_size(v->dtype);
}

static int compare_constants(const void *a, const void *b)
{
    const struct constant *x = a, *y = b;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static bool is_equal(const struct value *a, const struct value *b)
{
    return a->dtype == b->dtype && shape_eq(&a->shape, &b->shape) &&
           memcmp(a->data, b->data, data_size(a)) == 0;
}

static itx_status merge_constants(struct graph *g, struct itx_error *err)
{
    struct constant *c = mem_calloc(g->values.len, sizeof *c);
    value_id *merged = mem_calloc(g->values.len, sizeof *merged);
    size_t n = 0;
    if (c == NULL || merged == NULL) {
        mem_free(c);
        mem_free(merged);
        return itx_fail(err, ITX_E_NOMEM, "out of memory for the graph");
    }
    for (value_id v = 0; v < g->values.len; v++) {
        merged[v] = v;
        if (!value_is_const(g, v)) continue;
        const uint8_t *bytes = graph_value(g, v)->data;
        uint64_t h = 0xcbf29ce484222325u;
        for (size_t i = 0; i < data_size(graph_value(g, v)); i++)
            h = (h ^ bytes[i]) * 0x100000001b3u;
        c[n++] = (struct constant){v, h};
    }
    qsort(c, n, sizeof *c, compare_constants);
    for (size_t i = 1; i < n; i++)
        if (c[i].hash == c[i - 1].hash &&
            is_equal(graph_value(g, c[i].id), graph_value(g, c[i - 1].id)))
            merged[c[i].id] = merged[c[i - 1].id];
    for (size_t i = 0; i < g->nodes.len; i++)
        for (int k = 0; k < g->nodes.data[i].n_inputs; k++)
            g->nodes.data[i].inputs[k] = merged[g->nodes.data[i].inputs[k]];
    mem_free(c);
    mem_free(merged);
    return ITX_OK;
}

/* graph_sort orders depth-first from the nodes in the order it finds them, so the makers of the
 * outputs go first. */
static itx_status order_from_outputs(struct graph *g, struct itx_error *err)
{
    struct graph_uses u;
    ITX_TRY(graph_uses(g, &u, err));
    struct node *ordered = mem_calloc(g->nodes.len, sizeof *ordered);
    bool *placed = mem_calloc(g->nodes.len, sizeof *placed);
    const bool is_ok = ordered != NULL && placed != NULL;
    size_t n = 0;
    for (size_t i = 0; is_ok && i < g->outputs.len; i++) {
        const node_id id = u.producer[g->outputs.data[i]];
        if (id == NODE_NONE || placed[id]) continue;
        ordered[n++] = g->nodes.data[id];
        placed[id] = true;
    }
    for (size_t i = 0; is_ok && i < g->nodes.len; i++)
        if (!placed[i]) ordered[n++] = g->nodes.data[i];
    if (is_ok && n != 0) memcpy(g->nodes.data, ordered, n * sizeof *ordered);
    mem_free(ordered);
    mem_free(placed);
    graph_uses_release(&u);
    if (!is_ok) return itx_fail(err, ITX_E_NOMEM, "out of memory for the graph");
    return graph_sort(g, err);
}

itx_status pass_canonical(struct graph *g, struct itx_error *err)
{
    struct rewrite r;
    ITX_TRY(rewrite_begin(&r, g, err));
    strip_outputs(&r);
    r.is_changed = true;
    ITX_TRY(rewrite_end(&r, ITX_OK, err));
    ITX_TRY(merge_constants(g, err));
    ITX_TRY(order_from_outputs(g, err));
    ITX_TRY(graph_remove_dead(g, err));
    ITX_TRY(graph_compact(g, err));
    return graph_infer(g, err);
}
