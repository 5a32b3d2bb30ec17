/* SPDX-License-Identifier: Apache-2.0
 *
 * does: infers types and shapes node by node, and evaluates every node whose operands are
 *   constants, so that the shape arithmetic that exporters leave behind (Shape, Gather, ...) is
 *   gone before it hides a shape.
 * requires: inputs of the graph have fixed shapes.
 * ensures: every type and shape is known; no node has only constant operands if graph_eval can
 *   compute it. More constants than the graph may have (max_made) are an error.
 * breaks: nothing.
 */
#include <string.h>

#include "base/mem.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

/* Shapes hide behind small constants only: these are computed as they come. Large ones wait until all are counted, so that
 * a file that makes too many is refused before it has cost anything. */
#define MAX_EAGER ((uint64_t)1 << 20)      /* bytes of one constant */
#define MAX_EAGER_SUM ((uint64_t)64 << 20) /* and of all */
/* So much may be computed before its turn, where a shape depends on it. */
#define MAX_EARLY ((uint64_t)256 << 20)
/* A reduction makes little out of much: so many times the constants made may be read. */
#define READS_FOR_MADE 16

struct fold {
    struct rewrite r;
    uint64_t eager, late, read; /* bytes: computed at once, waiting, read by what is computed */
    bool *is_late;              /* [values]: will be a constant */
    VEC(node_id) nodes;         /* whose turn comes, in order */
};

static uint64_t value_bytes(const struct graph *g, value_id v)
{
    const struct value *x = graph_value(g, v);
    const int64_t n = shape_elements(&x->shape);
    return n > 0 ? (uint64_t)n * (uint64_t)dtype_size(x->dtype) : 0;
}

static uint64_t result_bytes(const struct graph *g, const struct node *n)
{
    uint64_t bytes = 0;
    for (int i = 0; i < n->n_outputs; i++) bytes += value_bytes(g, n->outputs[i]);
    return bytes;
}

/* Operands that are broadcast are read once for each element of the result. */
static uint64_t read_bytes(const struct graph *g, const struct node *n)
{
    const uint64_t made = result_bytes(g, n);
    if (n->op == OP_SHAPE) return 0;
    if ((op_info(n->op)->flags & OP_MOVE) != 0) return made;
    uint64_t bytes = 0;
    for (int i = 0; i < n->n_inputs; i++) {
        const uint64_t own = value_bytes(g, n->inputs[i]);
        bytes += own > made ? own : made;
    }
    return bytes;
}

static bool is_foldable(const struct fold *f, const struct node *n)
{
    const struct graph *g = f->r.g;
    if (!graph_can_eval(n->op)) return false;
    /* Shape needs the shape of its operand only. */
    for (int i = 0; i < n->n_inputs && n->op != OP_SHAPE; i++)
        if (n->inputs[i] != 0 && !value_is_const(g, n->inputs[i]) && !f->is_late[n->inputs[i]])
            return false;
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
        ITX_TRY(graph_alloc_counted(g, v->dtype, &v->shape, &out[i].data, err));
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

/* Computes what waits. A node that could not be computed stays one, and so do those that read it. */
static itx_status fold_late(struct fold *f, struct itx_error *err)
{
    const struct graph *g = f->r.g;
    itx_status rc = ITX_OK;
    for (size_t i = 0; i < f->nodes.len && rc == ITX_OK; i++) {
        const struct node *n = rewrite_node(&f->r, f->nodes.data[i]);
        bool is_ready = true;
        for (int k = 0; k < n->n_inputs && n->op != OP_SHAPE; k++)
            is_ready = is_ready && (n->inputs[k] == 0 || value_is_const(g, n->inputs[k]));
        for (int k = 0; k < n->n_outputs; k++) f->is_late[n->outputs[k]] = false;
        if (is_ready) rc = fold_node(&f->r, f->nodes.data[i], err);
    }
    f->nodes.len = 0;
    f->late = 0;
    return rc;
}

static itx_status fold(struct fold *f, node_id id, struct itx_error *err)
{
    struct graph *g = f->r.g;
    const struct node *n = rewrite_node(&f->r, id);
    const uint64_t bytes = result_bytes(g, n);
    bool waits = bytes > MAX_EAGER || f->eager + bytes > MAX_EAGER_SUM;
    ITX_TRY(graph_count_made(g, bytes, err));
    f->read += read_bytes(g, n);
    if (f->read / READS_FOR_MADE > g->max_made) return graph_count_made(g, UINT64_MAX, err);
    for (int i = 0; i < n->n_inputs && n->op != OP_SHAPE; i++)
        waits = waits || f->is_late[n->inputs[i]];
    if (!waits) {
        f->eager += bytes;
        return fold_node(&f->r, id, err);
    }
    for (int i = 0; i < n->n_outputs; i++) f->is_late[n->outputs[i]] = true;
    f->late += bytes;
    return vec_push(&f->nodes, id) ? ITX_OK
                                   : itx_fail(err, ITX_E_NOMEM, "out of memory for the graph");
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

static bool is_known(const struct graph *g, const struct node *n)
{
    return check_known(g, n, NULL) == ITX_OK;
}

static itx_status infer_and_fold(struct fold *f, node_id id, struct itx_error *err)
{
    struct graph *g = f->r.g;
    ITX_TRY(graph_infer_node(g, id, err));
    if (f->late != 0 && f->late <= MAX_EARLY && !is_known(g, rewrite_node(&f->r, id))) {
        ITX_TRY(fold_late(f, err));
        ITX_TRY(graph_infer_node(g, id, err));
    }
    ITX_TRY(check_known(g, rewrite_node(&f->r, id), err));
    return is_foldable(f, rewrite_node(&f->r, id)) ? fold(f, id, err) : ITX_OK;
}

itx_status pass_fold_const(struct graph *g, struct itx_error *err)
{
    struct fold f = {0};
    ITX_TRY(check_inputs(g, err));
    ITX_TRY(rewrite_begin(&f.r, g, err));
    f.is_late = mem_calloc(g->values.len, sizeof *f.is_late);
    itx_status rc =
        f.is_late != NULL ? ITX_OK : itx_fail(err, ITX_E_NOMEM, "out of memory for the graph");
    for (node_id i = 0; i < f.r.n_nodes && rc == ITX_OK; i++) rc = infer_and_fold(&f, i, err);
    if (rc == ITX_OK) rc = fold_late(&f, err);
    mem_free(f.is_late);
    vec_release(&f.nodes);
    return rewrite_end(&f.r, rc, err);
}
