/* SPDX-License-Identifier: Apache-2.0
 *
 * Analyses and rewriting of whole graphs: use lists, replacing values, removing what is dead,
 * ordering, copying.
 */
#include <string.h>

#include "base/mem.h"
#include "graph/graph.h"

static itx_status no_memory(struct itx_error *err)
{
    return itx_fail(err, ITX_E_NOMEM, "out of memory for the graph");
}

/* [values]: which node makes each; NULL when out of memory. */
static node_id *find_producers(const struct graph *g)
{
    node_id *producer = mem_calloc(g->values.len, sizeof *producer);
    if (producer == NULL) return NULL;
    for (size_t v = 0; v < g->values.len; v++) producer[v] = NODE_NONE;
    for (size_t i = 0; i < g->nodes.len; i++)
        for (int k = 0; k < g->nodes.data[i].n_outputs; k++)
            producer[g->nodes.data[i].outputs[k]] = (node_id)i;
    return producer;
}

itx_status graph_uses(const struct graph *g, struct graph_uses *out, struct itx_error *err)
{
    size_t n_uses = 0;
    for (size_t i = 0; i < g->nodes.len; i++) n_uses += (size_t)g->nodes.data[i].n_inputs;
    struct graph_uses u = {
        .producer = find_producers(g),
        .first = mem_calloc(g->values.len + 2, sizeof *u.first),
        .uses = mem_calloc(n_uses, sizeof *u.uses),
        .n_output_uses = mem_calloc(g->values.len, sizeof *u.n_output_uses),
    };
    if (u.producer == NULL || u.first == NULL || u.uses == NULL || u.n_output_uses == NULL) {
        graph_uses_release(&u);
        return no_memory(err);
    }
    for (size_t i = 0; i < g->outputs.len; i++) u.n_output_uses[g->outputs.data[i]]++;

    /* Counting sort by value. Counts go two places up, so that after the sum first[v + 1] is where
     * v's uses begin, and after filling where they end. */
    for (size_t i = 0; i < g->nodes.len; i++)
        for (int k = 0; k < g->nodes.data[i].n_inputs; k++)
            u.first[g->nodes.data[i].inputs[k] + 2] += g->nodes.data[i].inputs[k] != 0;
    for (size_t v = 1; v < g->values.len + 2; v++) u.first[v] += u.first[v - 1];
    for (size_t i = 0; i < g->nodes.len; i++)
        for (int k = 0; k < g->nodes.data[i].n_inputs; k++) {
            const value_id v = g->nodes.data[i].inputs[k];
            if (v != 0) u.uses[u.first[v + 1]++] = (struct graph_use){(node_id)i, k};
        }
    *out = u;
    return ITX_OK;
}

void graph_uses_release(struct graph_uses *uses)
{
    mem_free(uses->producer);
    mem_free(uses->first);
    mem_free(uses->uses);
    mem_free(uses->n_output_uses);
    *uses = (struct graph_uses){0};
}

void graph_replace_uses(struct graph *g, value_id from, value_id to)
{
    for (size_t i = 0; i < g->nodes.len; i++)
        for (int k = 0; k < g->nodes.data[i].n_inputs; k++)
            if (g->nodes.data[i].inputs[k] == from) g->nodes.data[i].inputs[k] = to;
    for (size_t i = 0; i < g->outputs.len; i++)
        if (g->outputs.data[i] == from) g->outputs.data[i] = to;
}

itx_status graph_remove_dead(struct graph *g, struct itx_error *err)
{
    bool *live = mem_calloc(g->values.len, sizeof *live);
    bool *keep = mem_calloc(g->nodes.len, sizeof *keep);
    if (live == NULL || keep == NULL) {
        mem_free(live);
        mem_free(keep);
        return no_memory(err);
    }
    for (size_t i = 0; i < g->outputs.len; i++) live[g->outputs.data[i]] = true;
    /* Uses come after producers, so one walk backwards sees every use before the node that decides
     * by it. */
    for (size_t i = g->nodes.len; i-- > 0;) {
        const struct node *n = &g->nodes.data[i];
        for (int k = 0; k < n->n_outputs; k++) keep[i] |= live[n->outputs[k]];
        for (int k = 0; keep[i] && k < n->n_inputs; k++) live[n->inputs[k]] = true;
    }
    size_t kept = 0;
    for (size_t i = 0; i < g->nodes.len; i++)
        if (keep[i]) g->nodes.data[kept++] = g->nodes.data[i];
    g->nodes.len = kept;
    for (size_t v = 1; v < g->values.len; v++)
        if (!live[v]) g->values.data[v].data = NULL;
    mem_free(live);
    mem_free(keep);
    return ITX_OK;
}

/* Puts `node` and everything it needs after what is already in `order`. The path from `node` down
 * is an explicit stack: deep graphs must not exhaust the C stack. state: 0 new, 1 on the path, 2
 * done. */
static itx_status place_node(const struct graph *g, const node_id *producer, node_id node,
                             uint8_t *state, node_id *stack, int *next_input, node_id *order,
                             size_t *n_order, struct itx_error *err)
{
    size_t depth = 0;
    stack[depth++] = node;
    next_input[node] = 0;
    state[node] = 1;
    while (depth > 0) {
        const node_id at = stack[depth - 1];
        const struct node *n = &g->nodes.data[at];
        if (next_input[at] == n->n_inputs) {
            state[at] = 2;
            order[(*n_order)++] = at;
            depth--;
            continue;
        }
        const node_id from = producer[n->inputs[next_input[at]++]];
        if (from == NODE_NONE || state[from] == 2) continue;
        if (state[from] == 1)
            return itx_fail(err, ITX_E_FORMAT, "cycle in the graph through node '%s' (%s)", n->name,
                            op_info(n->op)->name);
        state[from] = 1;
        next_input[from] = 0;
        stack[depth++] = from;
    }
    return ITX_OK;
}

itx_status graph_sort(struct graph *g, struct itx_error *err)
{
    const size_t n = g->nodes.len;
    itx_status rc = ITX_OK;
    node_id *producer = find_producers(g);
    uint8_t *state = mem_calloc(n, 1);
    node_id *stack = mem_calloc(n, sizeof *stack);
    int *next_input = mem_calloc(n, sizeof *next_input);
    node_id *order = mem_calloc(n, sizeof *order);
    struct node *sorted = mem_calloc(n, sizeof *sorted);
    size_t n_order = 0;
    if (producer == NULL || state == NULL || stack == NULL || next_input == NULL || order == NULL ||
        sorted == NULL) {
        rc = no_memory(err);
        goto out;
    }
    producer[0] = NODE_NONE;
    for (size_t i = 0; i < n; i++)
        if (state[i] == 0) {
            rc =
                place_node(g, producer, (node_id)i, state, stack, next_input, order, &n_order, err);
            if (rc != ITX_OK) goto out;
        }
    for (size_t i = 0; i < n; i++) sorted[i] = g->nodes.data[order[i]];
    if (n != 0) memcpy(g->nodes.data, sorted, n * sizeof *sorted);
out:
    mem_free(producer);
    mem_free(state);
    mem_free(stack);
    mem_free(next_input);
    mem_free(order);
    mem_free(sorted);
    return rc;
}

/* --- copy --- */

static itx_status copy_values(struct graph *to, const struct graph *g, struct itx_error *err)
{
    for (size_t i = 1; i < g->values.len; i++) {
        const struct value *v = &g->values.data[i];
        value_id id;
        ITX_TRY(graph_add_value(to, v->name, v->dtype, &v->shape, &id, err));
        struct value *own = graph_value(to, id);
        if (v->data != NULL) {
            void *data;
            ITX_TRY(graph_alloc_counted(to, v->dtype, &v->shape, &data, err));
            memcpy(data, v->data, (size_t)shape_elements(&v->shape) * (size_t)dtype_size(v->dtype));
            own->data = data;
        }
        own->quant = v->quant;
        const size_t n = (size_t)v->quant.n;
        if (n == 0) continue;
        own->quant.scale = arena_dup(&to->arena, v->quant.scale, n * sizeof(float));
        own->quant.zero_point = arena_dup(&to->arena, v->quant.zero_point, n * sizeof(int32_t));
        if (own->quant.scale == NULL || own->quant.zero_point == NULL) return no_memory(err);
    }
    return ITX_OK;
}

static itx_status copy_nodes(struct graph *to, const struct graph *g, struct itx_error *err)
{
    for (size_t i = 0; i < g->nodes.len; i++) {
        const struct node *n = &g->nodes.data[i];
        node_id id;
        ITX_TRY(graph_add_node(to, n->op, n->name, n->n_inputs, n->inputs, n->n_outputs, n->outputs,
                               &id, err));
        for (int k = 0; k < n->n_attrs; k++) {
            const struct attr *a = &n->attrs[k];
            switch (attr_info(a->id)->kind) {
            case ATTR_KIND_INT:
                ITX_TRY(graph_set_int(to, id, a->id, a->i, err));
                break;
            case ATTR_KIND_FLOAT:
                ITX_TRY(graph_set_float(to, id, a->id, a->f, err));
                break;
            case ATTR_KIND_INTS:
                ITX_TRY(graph_set_ints(to, id, a->id, a->n_ints, a->ints, err));
                break;
            case ATTR_KIND_TEXT:
                ITX_TRY(graph_set_text(to, id, a->id, a->text, err));
                break;
            }
        }
    }
    return ITX_OK;
}

static itx_status copy_all(struct graph *to, const struct graph *g, struct itx_error *err)
{
    to->name = arena_text(&to->arena, g->name, strlen(g->name));
    if (to->name == NULL) return no_memory(err);
    to->made = g->made;
    to->max_made = g->max_made;
    ITX_TRY(copy_values(to, g, err));
    ITX_TRY(copy_nodes(to, g, err));
    for (size_t i = 0; i < g->inputs.len; i++)
        if (!vec_push(&to->inputs, g->inputs.data[i])) return no_memory(err);
    for (size_t i = 0; i < g->outputs.len; i++)
        if (!vec_push(&to->outputs, g->outputs.data[i])) return no_memory(err);
    for (size_t i = 0; i < g->meta.len; i++)
        ITX_TRY(graph_set_meta(to, g->meta.data[i].key, g->meta.data[i].text, err));
    return ITX_OK;
}

itx_status graph_copy(struct graph **out, const struct graph *g, struct itx_error *err)
{
    struct graph *to = NULL;
    ITX_TRY(graph_create(&to, err));
    const itx_status rc = copy_all(to, g, err);
    if (rc != ITX_OK) {
        graph_destroy(&to);
        return rc;
    }
    *out = to;
    return ITX_OK;
}
