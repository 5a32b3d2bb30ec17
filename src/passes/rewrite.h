/* SPDX-License-Identifier: Apache-2.0
 *
 * What passes share: finding a node by what is around it, replacing it, and leaving the graph in
 * order.
 *
 *     struct rewrite r;
 *     ITX_TRY(rewrite_begin(&r, g, err));
 *     itx_status rc = ITX_OK;
 *     for (node_id i = 0; i < r.n_nodes && rc == ITX_OK; i++) rc = try_node(&r, i, err);
 *     return rewrite_end(&r, rc, err);
 *
 * Node ids hold from begin to end: nodes are changed in place, added at the end, or marked as
 * removed; rewrite_end drops, sorts and removes what died. Use lists are those of the beginning;
 * counts may be too high later, never too low.
 */
#ifndef PASSES_REWRITE_H
#define PASSES_REWRITE_H

#include "graph/graph.h"

struct rewrite {
    struct graph *g;
    struct graph_uses uses;
    size_t n_values, n_nodes; /* at the beginning */
    bool *is_removed;         /* [n_nodes] */
    bool *is_output;          /* [n_values], of the graph */
    value_id *replaced;       /* [n_values]: what took its place, or 0 */
    bool is_changed, any_replaced;
};

itx_status rewrite_begin(struct rewrite *r, struct graph *g, struct itx_error *err);
/* Finishes when rc is ITX_OK; releases in any case. Returns rc or what went wrong. */
itx_status rewrite_end(struct rewrite *r, itx_status rc, struct itx_error *err);

/* What stands in the place of v now. */
value_id rewrite_value(const struct rewrite *r, value_id v);
/* Nodes learn of replaced inputs when they are looked at: one replacement costs nothing however many uses it has. */
void rewrite_resolve(const struct rewrite *r, struct node *n);
static inline struct node *rewrite_node(const struct rewrite *r, node_id n)
{
    struct node *const node = &r->g->nodes.data[n];
    if (r->any_replaced) rewrite_resolve(r, node);
    return node;
}

/* The node that makes v, or NODE_NONE (inputs, constants, values made by this rewrite). */
node_id rewrite_producer(const struct rewrite *r, value_id v);
/* The same if it is an `op`, else NODE_NONE. */
node_id rewrite_made_by(const struct rewrite *r, value_id v, enum op op);
/* v is used once, by a node, and is no output of the graph. */
bool rewrite_is_private(const struct rewrite *r, value_id v);

void rewrite_remove(struct rewrite *r, node_id n);
/* v is an output of the graph, by now. */
bool rewrite_is_output(const struct rewrite *r, value_id v);
/* Every use of `from`, a value of the beginning, becomes `to`. When `from` is an output of the graph its name goes along,
 * unless `to` is an input, a constant or an output itself. */
void rewrite_replace(struct rewrite *r, value_id from, value_id to);
/* `gone` computes something from the only result of `keep` that `keep` now computes itself: its
 * result is keep's. */
void rewrite_absorb(struct rewrite *r, node_id keep, node_id gone);
/* Makes node n an `op` of these inputs without attributes. */
itx_status rewrite_become(struct rewrite *r, node_id n, enum op op, int n_inputs,
                          const value_id *inputs, struct itx_error *err);

/* --- values --- */

bool value_is_const(const struct graph *g, value_id v);
/* A constant of one f32 element. */
bool value_scalar(const struct graph *g, value_id v, float *f);
/* A constant of up to `max` s64 or s32 elements: their number, or -1. */
int value_ints(const struct graph *g, value_id v, int max, int64_t *ints);
itx_status add_ints(struct graph *g, const char *name, int n, const int64_t *ints, value_id *id,
                    struct itx_error *err);
/* A Slice along one axis with step 1 that takes something: elements [*begin, *end) of that axis. */
bool slice_range(const struct graph *g, const struct node *slice, int *axis, int64_t *begin,
                 int64_t *end);
/* axis in [0, rank), for negative ones as ONNX counts them; -1 when out of range. */
int axis_of(int64_t axis, int rank);

#endif
