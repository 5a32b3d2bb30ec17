/* SPDX-License-Identifier: Apache-2.0
 *
 * does: infers types and shapes node by node, and evaluates every node whose operands are
 *   constants, so that the shape arithmetic that exporters leave behind (Shape, Gather, ...) is
 *   gone before it hides a shape.
 * requires: inputs of the graph have fixed shapes.
 * ensures: every type and shape is known; no node has only constant operands if graph_eval can
 *   compute it.
 * breaks: nothing.
 */
#include <string.h>

#include "base/mem.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

/* Results beyond this are left to be computed (Expand and ConstantOfShape can make much out of
 * little). */
#define MAX_FOLDED_ELEMENTS ((int64_t)1 << 26)

static bool is_foldable(const struct graph *g, const struct node *n)
{
    if (!graph_can_eval(n->op)) return false;
    /* Shape needs the shape of its operand only. */
    for (int i = 0; i < n->n_inputs && n->op != OP_SHAPE; i++)
        if (n->inputs[i] != 0 && !value_is_const(g, n->inputs[i])) return false;
    for (int i = 0; i < n->n_outputs; i++) {
        const struct value *v = graph_value(g, n->outputs[i]);
        const int64_t n_elements = shape_elements(&v->shape);
        if (v->dtype == DTYPE_NONE || n_elements < 0 || n_elements > MAX_FOLDED_ELEMENTS)
            return false;
    }
    return true;
}

static itx_status evaluate(struct graph *g, const struct node *n, struct tensor *in,
                           struct tensor *out, struct itx_error *err)
{
    for (int i = 0; i < n->n_inputs; i++) {
        const struct value *v = graph_value(g, n->inputs[i]);
        /* graph_eval only reads what it is given */
        if (n->inputs[i] != 0)
            in[i] = (struct tensor){v->dtype, v->shape, (void *)(uintptr_t)v->data};
    }
    for (int i = 0; i < n->n_outputs; i++) {
        const struct value *v = graph_value(g, n->outputs[i]);
        out[i] = (struct tensor){.dtype = v->dtype, .shape = v->shape};
        ITX_TRY(graph_alloc_data(g, v->dtype, &v->shape, &out[i].data, err));
    }
    ITX_TRY(graph_eval(n, in, out, err));
    for (int i = 0; i < n->n_outputs; i++) graph_value(g, n->outputs[i])->data = out[i].data;
    return ITX_OK;
}

static itx_status fold_node(struct rewrite *r, node_id id, struct itx_error *err)
{
    struct graph *g = r->g;
    const struct node *n = rewrite_node(r, id);
    struct tensor *in = mem_calloc((size_t)n->n_inputs, sizeof *in);
    struct tensor *out = mem_calloc((size_t)n->n_outputs, sizeof *out);
    itx_status rc = in == NULL || out == NULL
                        ? itx_fail(err, ITX_E_NOMEM, "out of memory for the graph")
                        : evaluate(g, n, in, out, err);
    mem_free(in);
    mem_free(out);
    if (rc == ITX_OK)
        rewrite_remove(r, id);
    else if (rc == ITX_E_UNSUPPORTED)
        rc = ITX_OK; /* stays a node; whoever lowers it says what is the matter */
    return rc;
}

static itx_status check_inputs(const struct graph *g, struct itx_error *err)
{
    for (size_t i = 0; i < g->inputs.len; i++) {
        const struct value *v = graph_value(g, g->inputs.data[i]);
        if (shape_elements(&v->shape) < 0)
            return itx_fail(
                err, ITX_E_UNSUPPORTED,
                "input '%s' has no fixed shape: export with fixed sizes (dynamic=False)", v->name);
    }
    return ITX_OK;
}

static itx_status check_known(const struct graph *g, const struct node *n, struct itx_error *err)
{
    for (int i = 0; i < n->n_outputs; i++) {
        const struct value *v = graph_value(g, n->outputs[i]);
        if (v->dtype == DTYPE_NONE || shape_elements(&v->shape) < 0)
            return itx_fail(
                err, ITX_E_UNSUPPORTED,
                "node '%s' (%s): the shape of '%s' is not fixed by the file: export with "
                "fixed sizes (dynamic=False) and without nms=",
                n->name, op_info(n->op)->name, v->name);
    }
    return ITX_OK;
}

itx_status pass_fold_const(struct graph *g, struct itx_error *err)
{
    struct rewrite r;
    ITX_TRY(check_inputs(g, err));
    ITX_TRY(rewrite_begin(&r, g, err));
    itx_status rc = ITX_OK;
    for (node_id i = 0; i < r.n_nodes && rc == ITX_OK; i++) {
        rc = graph_infer_node(g, i, err);
        if (rc == ITX_OK) rc = check_known(g, rewrite_node(&r, i), err);
        if (rc == ITX_OK && is_foldable(g, rewrite_node(&r, i))) rc = fold_node(&r, i, err);
    }
    return rewrite_end(&r, rc, err);
}
