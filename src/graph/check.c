/* SPDX-License-Identifier: Apache-2.0
 *
 * The verifier: what every pass may rely on and must leave true. It knows the tables, not the
 * meaning of operations; shape inference checks operands.
 */
#include <string.h>

#include "base/mem.h"
#include "graph/graph.h"

static itx_status check_ids(const struct graph *g, const struct node *n, const value_id *ids,
                            int n_ids, int n_required, const char *what, struct itx_error *err)
{
    for (int i = 0; i < n_ids; i++) {
        if (ids[i] >= g->values.len)
            return itx_fail(err, ITX_E_FORMAT, "node '%s' (%s): %s %d is no value of the graph",
                            n->name, op_info(n->op)->name, what, i);
        if (ids[i] == 0 && i < n_required)
            return itx_fail(err, ITX_E_FORMAT, "node '%s' (%s): %s %d is missing", n->name,
                            op_info(n->op)->name, what, i);
    }
    return ITX_OK;
}

static itx_status check_attrs(const struct node *n, struct itx_error *err)
{
    for (int i = 0; i < n->n_attrs; i++) {
        const struct attr *a = &n->attrs[i];
        if ((unsigned)a->id >= ATTR_ID_COUNT)
            return itx_fail(err, ITX_E_FORMAT, "node '%s' (%s): unknown attribute %d", n->name,
                            op_info(n->op)->name, (int)a->id);
        const struct attr_info *info = attr_info(a->id);
        if (i > 0 && n->attrs[i - 1].id >= a->id)
            return itx_fail(err, ITX_E_FORMAT,
                            "node '%s' (%s): attribute '%s' is repeated or out of order", n->name,
                            op_info(n->op)->name, info->name);
        if ((info->kind == ATTR_KIND_INTS && (a->n_ints < 0 || a->ints == NULL)) ||
            (info->kind == ATTR_KIND_TEXT && a->text == NULL))
            return itx_fail(err, ITX_E_FORMAT, "node '%s' (%s): attribute '%s' has no value",
                            n->name, op_info(n->op)->name, info->name);
    }
    return ITX_OK;
}

static itx_status check_arity(const struct node *n, struct itx_error *err)
{
    const struct op_info *info = op_info(n->op);
    if (n->n_inputs < info->min_inputs || n->n_inputs > info->max_inputs)
        return itx_fail(err, ITX_E_FORMAT, "node '%s' (%s): %d inputs, expected %d to %d", n->name,
                        info->name, n->n_inputs, info->min_inputs, info->max_inputs);
    if (n->n_outputs < info->min_outputs || n->n_outputs > info->max_outputs)
        return itx_fail(err, ITX_E_FORMAT, "node '%s' (%s): %d outputs, expected %d to %d", n->name,
                        info->name, n->n_outputs, info->min_outputs, info->max_outputs);
    return ITX_OK;
}

/* known[v]: v may be used by the nodes that follow. */
static itx_status check_node(const struct graph *g, const struct node *n, bool *known,
                             struct itx_error *err)
{
    if ((unsigned)n->op >= OP_COUNT)
        return itx_fail(err, ITX_E_FORMAT, "node '%s': unknown operation %d", n->name, (int)n->op);
    const struct op_info *info = op_info(n->op);
    ITX_TRY(check_arity(n, err));
    ITX_TRY(check_ids(g, n, n->inputs, n->n_inputs, info->min_inputs, "input", err));
    ITX_TRY(check_ids(g, n, n->outputs, n->n_outputs, n->n_outputs, "output", err));
    ITX_TRY(check_attrs(n, err));
    for (int i = 0; i < n->n_inputs; i++)
        if (n->inputs[i] != 0 && !known[n->inputs[i]])
            return itx_fail(err, ITX_E_FORMAT,
                            "node '%s' (%s): input '%s' is used before it is produced", n->name,
                            info->name, graph_value(g, n->inputs[i])->name);
    for (int i = 0; i < n->n_outputs; i++) {
        if (known[n->outputs[i]])
            return itx_fail(err, ITX_E_FORMAT,
                            "node '%s' (%s): output '%s' has another producer, or is an input or a "
                            "constant",
                            n->name, info->name, graph_value(g, n->outputs[i])->name);
        known[n->outputs[i]] = true;
    }
    return ITX_OK;
}

static itx_status check_value(const struct graph *g, value_id id, struct itx_error *err)
{
    const struct value *v = graph_value(g, id);
    char text[SHAPE_TEXT_SIZE];
    if (v->name == NULL || v->name[0] == '\0')
        return itx_fail(err, ITX_E_FORMAT, "value %u has no name", id);
    if (graph_find_value(g, v->name, strlen(v->name)) != id)
        return itx_fail(err, ITX_E_FORMAT, "name '%s' is given to two values", v->name);
    if ((unsigned)v->dtype >= DTYPE_COUNT || v->shape.rank < -1 || v->shape.rank > SHAPE_MAX_RANK)
        return itx_fail(err, ITX_E_FORMAT, "value '%s' has no valid type", v->name);
    for (int i = 0; i < v->shape.rank; i++)
        if (v->shape.dim[i] < 0)
            return itx_fail(err, ITX_E_FORMAT, "value '%s' has a negative dimension in %s", v->name,
                            shape_text(&v->shape, text));
    if (v->data != NULL && (v->dtype == DTYPE_NONE || shape_elements(&v->shape) < 0))
        return itx_fail(err, ITX_E_FORMAT, "constant '%s' has no known type and shape", v->name);
    if (v->quant.n != 0 &&
        (v->quant.scale == NULL || v->quant.zero_point == NULL ||
         (v->quant.n != 1 && (v->shape.rank < 2 || v->quant.n != v->shape.dim[1]))))
        return itx_fail(err, ITX_E_FORMAT, "value '%s' has %d scales, expected 1 or one a channel",
                        v->name, v->quant.n);
    return ITX_OK;
}

static itx_status check_graph(const struct graph *g, bool *known, struct itx_error *err)
{
    for (value_id v = 1; v < g->values.len; v++) {
        ITX_TRY(check_value(g, v, err));
        known[v] = graph_value(g, v)->data != NULL;
    }
    for (size_t i = 0; i < g->inputs.len; i++) {
        const value_id v = g->inputs.data[i];
        if (v == 0 || v >= g->values.len)
            return itx_fail(err, ITX_E_FORMAT, "input %zu is no value of the graph", i);
        if (known[v])
            return itx_fail(err, ITX_E_FORMAT, "input '%s' is listed twice or is a constant",
                            graph_value(g, v)->name);
        known[v] = true;
    }
    for (size_t i = 0; i < g->nodes.len; i++) ITX_TRY(check_node(g, &g->nodes.data[i], known, err));
    for (size_t i = 0; i < g->outputs.len; i++) {
        const value_id v = g->outputs.data[i];
        if (v == 0 || v >= g->values.len)
            return itx_fail(err, ITX_E_FORMAT, "output %zu is no value of the graph", i);
        if (!known[v])
            return itx_fail(err, ITX_E_FORMAT, "output '%s' is never produced",
                            graph_value(g, v)->name);
    }
    return ITX_OK;
}

itx_status graph_check(const struct graph *g, struct itx_error *err)
{
    bool *known = mem_calloc(g->values.len, sizeof *known);
    if (known == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory for the graph");
    const itx_status rc = check_graph(g, known, err);
    mem_free(known);
    return rc;
}
