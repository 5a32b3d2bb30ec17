/* SPDX-License-Identifier: Apache-2.0
 *
 * The driver: checks support, places values, emits steps in the graph's order, puts those of the head last, plans memory.
 */
#include "lower/lower.h"

#include <stdio.h>

#include "base/mem.h"
#include "lower/internal.h"

static const char *copy_text(struct lowering *l, const char *text)
{
    return arena_text(l->arena, text, strlen(text));
}

static itx_status refuse_unsupported(const struct graph *g, struct itx_error *err)
{
    char reason[LOWER_REASON_SIZE];
    for (size_t i = 0; i < g->nodes.len; i++) {
        const struct node *n = &g->nodes.data[i];
        if (!lower_supports(g, n, reason))
            return itx_fail(err, ITX_E_UNSUPPORTED, "node %s (%s): %s", n->name,
                            op_info(n->op)->name, reason);
    }
    return ITX_OK;
}

static itx_status lower_inputs(struct lowering *l, struct plan *plan, const struct lower_options *o,
                               struct itx_error *err)
{
    const struct graph *g = l->g;
    plan->n_inputs = (int)g->inputs.len;
    plan->inputs = arena_calloc(l->arena, g->inputs.len, sizeof *plan->inputs);
    if (plan->inputs == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (size_t i = 0; i < g->inputs.len; i++) {
        const struct value *v = graph_value(g, g->inputs.data[i]);
        struct plan_input *in = &plan->inputs[i];
        if (v->shape.rank != 4 || v->shape.dim[0] != 1)
            return itx_fail(err, ITX_E_UNSUPPORTED, "input %s is not [1, c, h, w]", v->name);
        in->name = copy_text(l, v->name);
        if (in->name == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
        in->kind = g->inputs.len == 1 ? o->input_kind : PLAN_INPUT_TENSOR;
        in->video_range = o->video_range;
        in->is_yuv = o->is_yuv;
        ITX_TRY(place_tensor(l, g->inputs.data[i], 0, 0, &in->tensor, err));
    }
    return ITX_OK;
}

/* The dequantise node behind an output, as RDK users know it: called after the tensor that a convolution makes, also
 * where the network turned it afterwards and gave it another name. Exporters call it after the node. */
static void dequantize_name(const struct lowering *l, value_id v, struct strbuf *name)
{
    const struct graph *g = l->g;
    const char *const output = graph_value(g, v)->name;
    const node_id id = l->uses.producer[v];
    const struct node *const n = id != NODE_NONE ? &g->nodes.data[id] : NULL;
    const bool is_sum =
        n != NULL && n->op == OP_CONV && graph_value(g, v)->quant.dtype == DTYPE_S32;
    if (is_sum && strncmp(output, n->name, strlen(n->name)) != 0)
        strbuf_addf(name, "%s_output_0_HzDequantize", n->name);
    else
        strbuf_addf(name, "%s_HzDequantize", output);
}

static itx_status lower_outputs(struct lowering *l, struct plan *plan, struct itx_error *err)
{
    const struct graph *g = l->g;
    plan->n_outputs = (int)g->outputs.len;
    plan->outputs = arena_calloc(l->arena, g->outputs.len, sizeof *plan->outputs);
    if (plan->outputs == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (size_t i = 0; i < g->outputs.len; i++) {
        struct plan_output *out = &plan->outputs[i];
        const char *const name = graph_value(g, g->outputs.data[i])->name;
        struct strbuf dequantize = {0};
        dequantize_name(l, g->outputs.data[i], &dequantize);
        out->name = copy_text(l, name);
        out->dequantize = dequantize.failed ? NULL : copy_text(l, dequantize.data);
        strbuf_release(&dequantize);
        if (out->name == NULL || out->dequantize == NULL)
            return itx_fail(err, ITX_E_NOMEM, "out of memory");
        ITX_TRY(place_source(l, g->outputs.data[i], 0, 0, &out->tensor, err));
    }
    return ITX_OK;
}

static itx_status lower_head(struct lowering *l, struct plan *plan, const struct head_info *head,
                             struct itx_error *err)
{
    struct plan_head *h = &plan->head;
    *h = (struct plan_head){.task = PLAN_RAW};
    if (head->task == HEAD_RAW) return ITX_OK;
    h->task = head->task == HEAD_SEGMENT ? PLAN_SEGMENT : PLAN_DETECT;
    h->n_classes = head->n_classes;
    h->reg_max = head->reg_max;
    h->n_coefs = head->n_coefs;
    h->n_levels = head->n_levels;
    h->proto = head->task == HEAD_SEGMENT ? (uint32_t)head->proto : 0;
    for (int i = 0; i < head->n_levels; i++) {
        h->level[i].stride = head->level[i].stride;
        h->level[i].cls = (uint32_t)head->level[i].cls;
        h->level[i].box = (uint32_t)head->level[i].box;
        h->level[i].coef = head->task == HEAD_SEGMENT ? (uint32_t)head->level[i].coef : 0;
    }
    const char **names = arena_calloc(l->arena, (size_t)head->n_classes, sizeof *names);
    if (names == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (int i = 0; i < head->n_classes; i++) {
        names[i] = copy_text(l, head->names[i]);
        if (names[i] == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    }
    h->names = names;
    return ITX_OK;
}

static itx_status keep_arrays(struct lowering *l, struct plan *plan, struct itx_error *err)
{
    plan->n_buffers = (int)l->buffers.len;
    plan->n_tensors = (int)l->tensors.len;
    plan->n_steps = (int)l->steps.len;
    plan->buffers = arena_dup(l->arena, l->buffers.data, l->buffers.len * sizeof *l->buffers.data);
    plan->tensors = arena_dup(l->arena, l->tensors.data, l->tensors.len * sizeof *l->tensors.data);
    plan->steps = arena_dup(l->arena, l->steps.data, l->steps.len * sizeof *l->steps.data);
    if (plan->buffers == NULL || plan->tensors == NULL || plan->steps == NULL)
        return itx_fail(err, ITX_E_NOMEM, "out of memory");
    return ITX_OK;
}

static void release(struct lowering *l)
{
    vec_release(&l->buffers);
    vec_release(&l->tensors);
    vec_release(&l->steps);
    mem_free(l->view);
    mem_free(l->home);
    mem_free(l->buffer);
    mem_free(l->whole);
    graph_uses_release(&l->uses);
}

itx_status lower_graph(struct plan *plan, struct arena *arena, const struct graph *g,
                       const struct head_info *head, const struct lower_options *options,
                       struct itx_error *err)
{
    struct lowering l = {.g = g, .arena = arena};
    struct plan p = {.name = arena_text(arena, options->name, strlen(options->name)), .meta = "{}"};
    itx_status rc =
        p.name != NULL ? refuse_unsupported(g, err) : itx_fail(err, ITX_E_NOMEM, "out of memory");
    if (rc == ITX_OK) rc = graph_uses(g, &l.uses, err);
    if (rc == ITX_OK) rc = place_values(&l, err);
    if (rc == ITX_OK) rc = lower_inputs(&l, &p, options, err);
    for (size_t i = 0; rc == ITX_OK && i < g->nodes.len; i++)
        rc = steps_of_node(&l, &g->nodes.data[i], err);
    if (rc == ITX_OK) rc = lower_outputs(&l, &p, err);
    if (rc == ITX_OK) rc = lower_head(&l, &p, head, err);
    if (rc == ITX_OK) rc = keep_arrays(&l, &p, err);
    if (rc == ITX_OK) rc = order_steps(&l, &p, err);
    if (rc == ITX_OK) rc = memory_plan(&p, err);
    if (rc == ITX_OK) *plan = p;
    release(&l);
    return rc;
}
