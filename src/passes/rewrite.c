/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/rewrite.h"

#include <string.h>

#include "base/mem.h"

static void release(struct rewrite *r)
{
    graph_uses_release(&r->uses);
    mem_free(r->is_removed);
    mem_free(r->is_output);
    mem_free(r->replaced);
    r->is_removed = r->is_output = NULL;
    r->replaced = NULL;
}

itx_status rewrite_begin(struct rewrite *r, struct graph *g, struct itx_error *err)
{
    *r = (struct rewrite){.g = g, .n_values = g->values.len, .n_nodes = g->nodes.len};
    r->is_removed = mem_calloc(g->nodes.len, sizeof *r->is_removed);
    r->is_output = mem_calloc(g->values.len, sizeof *r->is_output);
    r->replaced = mem_calloc(g->values.len, sizeof *r->replaced);
    const bool is_ok = r->is_removed != NULL && r->is_output != NULL && r->replaced != NULL;
    const itx_status rc = is_ok ? graph_uses(g, &r->uses, err)
                                : itx_fail(err, ITX_E_NOMEM, "out of memory for the graph");
    if (rc != ITX_OK) {
        release(r);
        return rc;
    }
    for (size_t i = 0; i < g->outputs.len; i++) r->is_output[g->outputs.data[i]] = true;
    return ITX_OK;
}

itx_status rewrite_end(struct rewrite *r, itx_status rc, struct itx_error *err)
{
    struct graph *g = r->g;
    if (rc == ITX_OK && r->is_changed) {
        size_t kept = 0;
        for (size_t i = 0; i < g->nodes.len; i++)
            if (i >= r->n_nodes || !r->is_removed[i])
                g->nodes.data[kept++] = *rewrite_node(r, (node_id)i);
        g->nodes.len = kept;
        for (size_t i = 0; i < g->outputs.len; i++)
            g->outputs.data[i] = rewrite_value(r, g->outputs.data[i]);
        rc = graph_sort(g, err);
        if (rc == ITX_OK) rc = graph_remove_dead(g, err);
    }
    release(r);
    return rc;
}

value_id rewrite_value(const struct rewrite *r, value_id v)
{
    value_id to = v;
    while (to < r->n_values && r->replaced[to] != 0) to = r->replaced[to];
    while (v != to) { /* the next one who asks finds it at once */
        const value_id next = r->replaced[v];
        r->replaced[v] = to;
        v = next;
    }
    return to;
}

void rewrite_resolve(const struct rewrite *r, struct node *n)
{
    for (int i = 0; i < n->n_inputs; i++) n->inputs[i] = rewrite_value(r, n->inputs[i]);
}

node_id rewrite_producer(const struct rewrite *r, value_id v)
{
    if (v == 0 || v >= r->n_values) return NODE_NONE;
    const node_id n = r->uses.producer[v];
    return n != NODE_NONE && !r->is_removed[n] ? n : NODE_NONE;
}

node_id rewrite_made_by(const struct rewrite *r, value_id v, enum op op)
{
    const node_id n = rewrite_producer(r, v);
    return n != NODE_NONE && r->g->nodes.data[n].op == op ? n : NODE_NONE;
}

bool rewrite_is_private(const struct rewrite *r, value_id v)
{
    return v < r->n_values && graph_n_uses(&r->uses, v) == 1 && r->uses.n_output_uses[v] == 0;
}

void rewrite_remove(struct rewrite *r, node_id n)
{
    r->is_removed[n] = true;
    r->is_changed = true;
}

/* An input of the graph or a constant, which keep their names. */
static bool is_given(const struct rewrite *r, value_id v)
{
    return value_is_const(r->g, v) || (v < r->n_values && r->uses.producer[v] == NODE_NONE);
}

bool rewrite_is_output(const struct rewrite *r, value_id v)
{
    return v < r->n_values && r->is_output[v];
}

void rewrite_replace(struct rewrite *r, value_id from, value_id to)
{
    to = rewrite_value(r, to);
    if (from >= r->n_values) ITX_BUG();
    if (from == to || r->replaced[from] != 0) return; /* nobody uses it any more */
    if (rewrite_is_output(r, from)) {
        if (!rewrite_is_output(r, to) && !is_given(r, to)) graph_swap_names(r->g, from, to);
        if (to < r->n_values) r->is_output[to] = true;
        r->is_output[from] = false;
    }
    r->replaced[from] = to;
    r->any_replaced = true;
    if (to < r->n_values) r->uses.n_output_uses[to] += graph_n_uses(&r->uses, from);
    r->is_changed = true;
}

void rewrite_absorb(struct rewrite *r, node_id keep, node_id gone)
{
    const value_id v = rewrite_node(r, gone)->outputs[0];
    rewrite_node(r, keep)->outputs[0] = v;
    if (v < r->n_values) r->uses.producer[v] = keep;
    rewrite_remove(r, gone);
}

itx_status rewrite_become(struct rewrite *r, node_id n, enum op op, int n_inputs,
                          const value_id *inputs, struct itx_error *err)
{
    ITX_TRY(graph_set_inputs(r->g, n, n_inputs, inputs, err));
    r->g->nodes.data[n].op = op;
    r->g->nodes.data[n].n_attrs = 0;
    r->is_changed = true;
    return ITX_OK;
}

bool value_is_const(const struct graph *g, value_id v)
{
    return v != 0 && graph_value(g, v)->data != NULL;
}

bool value_scalar(const struct graph *g, value_id v, float *f)
{
    if (!value_is_const(g, v) || graph_value(g, v)->dtype != DTYPE_F32 ||
        shape_elements(&graph_value(g, v)->shape) != 1)
        return false;
    memcpy(f, graph_value(g, v)->data, sizeof *f);
    return true;
}

int value_ints(const struct graph *g, value_id v, int max, int64_t *ints)
{
    if (!value_is_const(g, v)) return -1;
    const struct value *c = graph_value(g, v);
    const int64_t n = shape_elements(&c->shape);
    if (n > max || (c->dtype != DTYPE_S64 && c->dtype != DTYPE_S32)) return -1;
    for (int i = 0; i < n; i++)
        ints[i] =
            c->dtype == DTYPE_S64 ? ((const int64_t *)c->data)[i] : ((const int32_t *)c->data)[i];
    return (int)n;
}

itx_status add_ints(struct graph *g, const char *name, int n, const int64_t *ints, value_id *id,
                    struct itx_error *err)
{
    const struct shape shape = {.rank = 1, .dim = {n}};
    return graph_add_constant(g, name, DTYPE_S64, &shape, ints, id, err);
}

int axis_of(int64_t axis, int rank)
{
    if (axis < 0) axis += rank;
    return axis >= 0 && axis < rank ? (int)axis : -1;
}

/* Ends beyond the dimension, and negative ones, as ONNX counts them. */
bool slice_range(const struct graph *g, const struct node *slice, int *axis, int64_t *begin,
                 int64_t *end)
{
    const struct shape *x = &graph_value(g, slice->inputs[0])->shape;
    int64_t b, e, given_axis = 0, step = 1;
    if (value_ints(g, slice->inputs[1], 1, &b) != 1 || value_ints(g, slice->inputs[2], 1, &e) != 1)
        return false;
    if (node_input(slice, 3) != 0 && value_ints(g, slice->inputs[3], 1, &given_axis) != 1)
        return false;
    if (node_input(slice, 4) != 0 && value_ints(g, slice->inputs[4], 1, &step) != 1) return false;
    *axis = axis_of(given_axis, x->rank);
    if (*axis < 0 || step != 1) return false;
    const int64_t dim = x->dim[*axis];
    if (b < 0) b = b < -dim ? 0 : b + dim;
    if (e < 0) e = e < -dim ? 0 : e + dim;
    *begin = b;
    *end = e > dim ? dim : e;
    return *begin < *end;
}
