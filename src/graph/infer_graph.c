/* SPDX-License-Identifier: Apache-2.0
 *
 * Shape inference on a graph: operand_infer on a node's values, results written back, automatic padding resolved.
 */
#include <string.h>

#include "base/mem.h"
#include "graph/operands.h"

/* auto_pad and output_shape become the pads and output_padding they stand for, so that later stages see one form.
 * Shapes are known to be consistent here. */
static itx_status resolve_padding(struct graph *g, node_id id, struct itx_error *err)
{
    struct window w;
    int64_t out[WINDOW_MAX_DIMS], pads[2 * WINDOW_MAX_DIMS], extra[WINDOW_MAX_DIMS];
    struct node *n = &g->nodes.data[id];
    const bool transposed = n->op == OP_CONV_TRANSPOSE;
    if (node_attr(n, ATTR_AUTO_PAD) == NULL && node_attr(n, ATTR_OUTPUT_SHAPE) == NULL)
        return ITX_OK;
    const struct shape *x = &graph_value(g, n->inputs[0])->shape;
    const int64_t *kernel = n->n_inputs > 1 ? &graph_value(g, n->inputs[1])->shape.dim[2] : NULL;
    ITX_TRY(transposed ? operand_transposed_window(n, x, kernel, &w, out, err)
                       : operand_window(n, x, kernel, &w, out, err));
    for (int i = 0; i < w.n; i++) {
        extra[i] = w.end[i] < 0 ? -w.end[i] : 0;
        pads[i] = w.begin[i];
        pads[w.n + i] = w.end[i] + extra[i];
    }
    graph_clear_attr(g, id, ATTR_AUTO_PAD);
    graph_clear_attr(g, id, ATTR_OUTPUT_SHAPE);
    ITX_TRY(graph_set_ints(g, id, ATTR_PADS, 2 * w.n, pads, err));
    return transposed ? graph_set_ints(g, id, ATTR_OUTPUT_PADDING, w.n, extra, err) : ITX_OK;
}

static itx_status infer_node(struct graph *g, node_id id, struct tensor *t, struct itx_error *err)
{
    const struct node *n = &g->nodes.data[id];
    struct tensor *in = t, *out = t + n->n_inputs;
    for (int i = 0; i < n->n_inputs; i++) {
        const struct value *v = graph_value(g, n->inputs[i]);
        in[i] = (struct tensor){.shape = {.rank = -1}};
        if (n->inputs[i] == 0) continue;
        /* inference only reads; struct tensor serves evaluation, which writes, too */
        memcpy(&in[i].data, &v->data, sizeof in[i].data);
        in[i].dtype = v->dtype;
        in[i].shape = v->shape;
    }
    ITX_TRY(operand_infer(n, in, out, err));
    for (int i = 0; i < n->n_outputs; i++) {
        if (out[i].shape.rank < 0 || n->outputs[i] == 0) continue;
        struct value *v = graph_value(g, n->outputs[i]);
        v->dtype = out[i].dtype;
        v->shape = out[i].shape;
    }
    const bool is_window = n->op == OP_CONV || n->op == OP_CONV_TRANSPOSE || n->op == OP_MAX_POOL ||
                           n->op == OP_AVERAGE_POOL;
    return is_window && out[0].shape.rank >= 0 ? resolve_padding(g, id, err) : ITX_OK;
}

itx_status graph_infer_node(struct graph *g, node_id id, struct itx_error *err)
{
    const struct node *n = &g->nodes.data[id];
    struct tensor *t = mem_calloc((size_t)n->n_inputs + (size_t)n->n_outputs, sizeof *t);
    if (t == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    const itx_status status = infer_node(g, id, t, err);
    mem_free(t);
    if (status != ITX_OK)
        itx_error_prefix(err, "node %u '%s' (%s)", (unsigned)id, g->nodes.data[id].name,
                         op_info(g->nodes.data[id].op)->name);
    return status;
}

itx_status graph_infer(struct graph *g, struct itx_error *err)
{
    for (size_t i = 0; i < g->nodes.len; i++) ITX_TRY(graph_infer_node(g, (node_id)i, err));
    return ITX_OK;
}
