/* SPDX-License-Identifier: Apache-2.0
 *
 * Which values must have one element type, and which of them cannot have 16 bits.
 */
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

static void join(uint32_t *parent, uint32_t a, uint32_t b)
{
    a = find(parent, a);
    b = find(parent, b);
    parent[a < b ? b : a] = a < b ? a : b;
}

static void join_node(uint32_t *parent, const struct node *n)
{
    switch (n->op) {
    case OP_CONCAT:
        for (int i = 0; i < n->n_inputs; i++) join(parent, n->outputs[0], n->inputs[i]);
        return;
    case OP_SPLIT:
        for (int i = 0; i < n->n_outputs; i++) join(parent, n->inputs[0], n->outputs[i]);
        return;
    case OP_SLICE:
    case OP_MAX_POOL:
    case OP_RESIZE:
    case OP_IDENTITY:
        join(parent, n->inputs[0], n->outputs[0]);
        return;
    default:
        return;
    }
}

static void block(struct quant_groups *q, value_id v, node_id node, const char *why)
{
    if (v == 0 || q->of[v] == QUANT_NO_GROUP) return;
    struct quant_block *const b = &q->block[q->of[v]];
    if (b->why == NULL) *b = (struct quant_block){why, v, node};
}

/* Operations other than those that compute with 16 bits or move anything. */
static void block_node(struct quant_groups *q, const struct graph *g, node_id id)
{
    const struct node *const n = &g->nodes.data[id];
    switch (n->op) {
    case OP_CONV:
    case OP_CONV_TRANSPOSE:
    case OP_ADD:
    case OP_CONCAT:
    case OP_SPLIT:
    case OP_SLICE:
    case OP_MAX_POOL:
    case OP_RESIZE:
    case OP_IDENTITY:
        return;
    default:
        for (int i = 0; i < n->n_inputs; i++) block(q, n->inputs[i], id, "works on int8 only");
        for (int i = 0; i < n->n_outputs; i++) block(q, n->outputs[i], id, "works on int8 only");
        return;
    }
}

static bool is_activation(const struct graph *g, value_id v)
{
    const struct value *const value = graph_value(g, v);
    return v != 0 && value->data == NULL && value->shape.rank == 4;
}

static void block_values(struct quant_groups *q, const struct graph *g,
                         const struct graph_uses *uses)
{
    for (size_t i = 0; i < g->inputs.len; i++)
        block(q, g->inputs.data[i], NODE_NONE, "is an input of the network");
    for (node_id i = 0; i < g->nodes.len; i++) block_node(q, g, i);
    for (value_id v = 1; v < g->values.len; v++)
        if (quant_raw_output(g, uses, v) != DTYPE_NONE)
            block(q, v, uses->producer[v], "does not round its result to 8 bits anyway");
}

itx_status quant_groups_create(struct quant_groups *q, const struct graph *g, struct itx_error *err)
{
    const size_t n_values = g->values.len;
    struct graph_uses uses = {0};
    *q = (struct quant_groups){.of = mem_calloc(n_values, sizeof q->of[0])};
    itx_status rc =
        q->of != NULL ? graph_uses(g, &uses, err) : itx_fail(err, ITX_E_NOMEM, "out of memory");
    if (rc != ITX_OK) goto out;
    for (value_id v = 0; v < n_values; v++) q->of[v] = v;
    for (size_t i = 0; i < g->nodes.len; i++) join_node(q->of, &g->nodes.data[i]);
    for (value_id v = 0; v < n_values; v++) q->of[v] = find(q->of, v);
    /* Roots come before what they join, so one pass gives every value its number. */
    for (value_id v = 0; v < n_values; v++) {
        const uint32_t root = q->of[v];
        if (!is_activation(g, v))
            q->of[v] = QUANT_NO_GROUP;
        else
            q->of[v] = root == v ? (uint32_t)q->n++ : q->of[root];
    }
    q->block = mem_calloc((size_t)q->n + 1, sizeof q->block[0]);
    if (q->block == NULL)
        rc = itx_fail(err, ITX_E_NOMEM, "out of memory");
    else
        block_values(q, g, &uses);
out:
    graph_uses_release(&uses);
    if (rc != ITX_OK) quant_groups_release(q);
    return rc;
}

void quant_groups_release(struct quant_groups *q)
{
    mem_free(q->of);
    mem_free(q->block);
    *q = (struct quant_groups){0};
}

itx_status quant_groups_allow(const struct quant_groups *q, const struct graph *g, value_id v,
                              struct itx_error *err)
{
    const char *const name = graph_value(g, v)->name;
    if (q->of[v] == QUANT_NO_GROUP)
        return itx_fail(err, ITX_E_UNSUPPORTED, "%s is not an activation", name);
    const struct quant_block *const b = &q->block[q->of[v]];
    if (b->why == NULL) return ITX_OK;
    if (b->node == NODE_NONE)
        return itx_fail(err, ITX_E_UNSUPPORTED, "%s cannot have 16 bits: %s %s", name,
                        graph_value(g, b->value)->name, b->why);
    const struct node *const n = &g->nodes.data[b->node];
    return itx_fail(err, ITX_E_UNSUPPORTED, "%s cannot have 16 bits: node %s (%s) %s", name,
                    n->name, op_info(n->op)->name, b->why);
}
