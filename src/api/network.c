/* SPDX-License-Identifier: Apache-2.0 */
#include "api/network.h"

#include <string.h>

#include "base/cpu.h"
#include "base/float_mode.h"
#include "base/mem.h"
#include "lower/lower.h"
#include "onnx/onnx.h"
#include "passes/entry.h"

/* Said here, because everything behind the input would be refused for the same reason. */
static itx_status check_batch(const struct graph *g, struct itx_error *err)
{
    for (size_t i = 0; i < g->inputs.len; i++) {
        const struct value *v = graph_value(g, g->inputs.data[i]);
        if (v->shape.rank == 4 && v->shape.dim[0] != 1)
            return itx_fail(err, ITX_E_UNSUPPORTED,
                            "input '%s' has the batch size %lld, only 1 is supported: export with "
                            "batch=1",
                            v->name, (long long)v->shape.dim[0]);
    }
    return ITX_OK;
}

itx_status network_describe(struct network *n, const struct scaling *own, struct itx_error *err)
{
    ITX_TRY(feed_default(&n->feed, own, n->graph, err));
    n->width = n->height = 0;
    if (!n->feed.is_picture) return ITX_OK;
    const struct shape *const s = &graph_value(n->graph, n->graph->inputs.data[0])->shape;
    n->height = (int)s->dim[2];
    n->width = (int)s->dim[3];
    return ITX_OK;
}

void network_warn(const struct network *n, const struct itx_build_options *o)
{
    if (n->names_note[0] != '\0' && o->warn != NULL) o->warn(o->ctx, n->names_note);
}

itx_status network_feed(struct network *n, const struct itx_build_options *o, enum feed_use use,
                        struct itx_error *err)
{
    ITX_TRY(feed_apply(&n->feed, n->graph, o, use, err));
    if (!n->feed.is_picture) n->width = n->height = 0;
    return ITX_OK;
}

/* Quantised networks are known by the nodes that folding leaves. */
static void look_for_quantised(struct network *n)
{
    if (n->head.task != HEAD_RAW) return;
    for (size_t i = 0; i < n->graph->nodes.len; i++) {
        const enum op op = n->graph->nodes.data[i].op;
        if (op == OP_QUANTIZE_LINEAR || op == OP_DEQUANTIZE_LINEAR)
            n->head.why = "the model is quantised already, give the float one";
    }
}

static itx_status prepare(struct network *n, const struct network_source *s, struct itx_error *err)
{
    if (n->graph->inputs.len == 0)
        return itx_fail(err, ITX_E_UNSUPPORTED, "the network has no input");
    struct scaling own = {0};
    const struct shape before = graph_value(n->graph, n->graph->inputs.data[0])->shape;
    ITX_TRY(check_batch(n->graph, err));
    if (s->dump != NULL) ITX_TRY(s->dump(s->ctx, "import", n->graph, err));
    ITX_TRY(entry_stop_at(n->graph, s->output_nodes, s->n_output_nodes, err));
    if (!s->is_numbers) {
        ITX_TRY(pass_fold_const(n->graph, err)); /* constants may be computed */
        ITX_TRY(scaling_take(&own, n->graph, err));
    }
    ITX_TRY(entry_turn(n->graph, err));
    n->is_turned = !shape_eq(&before, &graph_value(n->graph, n->graph->inputs.data[0])->shape);
    ITX_TRY(passes_run(n->graph, &n->head, s->dump, s->ctx, err));
    look_for_quantised(n);
    names_note(graph_get_meta(n->graph, "names"), n->head.n_classes, n->names_note);
    return network_describe(n, &own, err);
}

itx_status network_read_graph(struct graph **g, const char *path, int64_t max_constants,
                              struct itx_error *err)
{
    ITX_TRY(onnx_read(g, path, err));
    if (max_constants > 0) (*g)->max_made = (uint64_t)max_constants;
    return ITX_OK;
}

itx_status network_read(struct network *n, const struct network_source *s, struct itx_error *err)
{
    *n = (struct network){0};
    ITX_TRY(network_read_graph(&n->graph, s->path, s->max_constants, err));
    const itx_status rc = prepare(n, s, err);
    if (rc == ITX_OK) return ITX_OK;
    itx_error_prefix(err, "%s", s->path);
    network_release(n);
    return rc;
}

void network_release(struct network *n)
{
    graph_destroy(&n->graph);
    *n = (struct network){0};
}

struct yolo_tensor network_output(const struct network *n, int i)
{
    const struct shape *s = &graph_value(n->graph, n->graph->outputs.data[i])->shape;
    return (struct yolo_tensor){
        .dtype = DTYPE_F32,
        .h = (int)s->dim[2],
        .w = (int)s->dim[3],
        .c = (int)s->dim[1],
        .row = (ptrdiff_t)s->dim[3],
        .pixel = 1,
        .channel = (ptrdiff_t)(s->dim[2] * s->dim[3]),
        .n_quant = 1,
    };
}

struct yolo_head network_head(const struct network *n)
{
    const struct head_info *h = &n->head;
    const bool has_masks = h->task == HEAD_SEGMENT;
    struct yolo_head head = {
        .n_levels = h->n_levels,
        .n_classes = h->n_classes,
        .reg_max = h->reg_max,
        .n_coefs = has_masks ? h->n_coefs : 0,
    };
    for (int i = 0; i < h->n_levels; i++) {
        head.level[i].stride = h->level[i].stride;
        head.level[i].cls = network_output(n, h->level[i].cls);
        head.level[i].box = network_output(n, h->level[i].box);
        if (has_masks) head.level[i].coef = network_output(n, h->level[i].coef);
    }
    if (has_masks) head.proto = network_output(n, h->proto);
    return head;
}

void network_head_data(struct yolo_head *head, const struct network *n, const struct float_exec *e)
{
    const struct head_info *h = &n->head;
    for (int i = 0; i < h->n_levels; i++) {
        head->level[i].cls.data = float_exec_output(e, h->level[i].cls)->data;
        head->level[i].box.data = float_exec_output(e, h->level[i].box)->data;
        if (h->task == HEAD_SEGMENT)
            head->level[i].coef.data = float_exec_output(e, h->level[i].coef)->data;
    }
    if (h->task == HEAD_SEGMENT) head->proto.data = float_exec_output(e, h->proto)->data;
}

itx_status network_check_int8(const struct network *n, struct itx_error *err)
{
    char reason[LOWER_REASON_SIZE];
    const struct graph *const g = n->graph;
    for (size_t i = 0; i < g->nodes.len; i++) {
        if (lower_supports(g, &g->nodes.data[i], reason)) continue;
        if (n->head.why[0] != '\0') return itx_fail(err, ITX_E_UNSUPPORTED, "%s", n->head.why);
        return itx_fail(err, ITX_E_UNSUPPORTED, "node %s: %s (intarsia check lists all nodes)",
                        g->nodes.data[i].name, reason);
    }
    return ITX_OK;
}

/* ---- float runs ---- */

static itx_status make_inputs(struct float_run *r, const struct graph *g, struct itx_error *err)
{
    const size_t n = g->inputs.len;
    r->inputs = mem_calloc(n, sizeof *r->inputs);
    r->sizes = mem_calloc(n, sizeof *r->sizes);
    if (r->inputs == NULL || r->sizes == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    r->n_inputs = (int)n;
    for (size_t i = 0; i < n; i++) {
        r->sizes[i] = (size_t)shape_elements(&graph_value(g, g->inputs.data[i])->shape);
        r->inputs[i] = mem_calloc(r->sizes[i], sizeof **r->inputs);
        if (r->inputs[i] == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    }
    return ITX_OK;
}

itx_status float_run_create(struct float_run *r, const struct network *n, int n_threads,
                            struct itx_error *err)
{
    *r = (struct float_run){.network = n};
    itx_status rc = float_exec_create(&r->exec, n->graph, n_threads, err);
    if (rc == ITX_E_UNSUPPORTED && err != NULL && n->head.why[0] != '\0') {
        const struct itx_error what = *err;
        return itx_fail(err, rc, "%s: %s", what.text, n->head.why);
    }
    ITX_TRY(rc);
    rc = make_inputs(r, n->graph, err);
    if (rc == ITX_OK && n->feed.is_picture)
        rc = frame_create(&r->frame, n->width, n->height, cpu_detect(), 1, err);
    if (rc != ITX_OK) float_run_release(r);
    return rc;
}

void float_run_release(struct float_run *r)
{
    float_exec_destroy(&r->exec);
    frame_release(&r->frame);
    for (int i = 0; r->inputs != NULL && i < r->n_inputs; i++) mem_free(r->inputs[i]);
    mem_free(r->inputs);
    mem_free(r->sizes);
    *r = (struct float_run){0};
}

itx_status float_run_input(struct float_run *r, float_observe_fn *observe, void *ctx,
                           struct itx_error *err)
{
    const struct network *const n = r->network;
    if (n->feed.is_picture)
        feed_convert(&n->feed, r->frame.rgb, (size_t)n->width * (size_t)n->height, r->inputs[0]);
    return float_exec_run(r->exec, (const float *const *)r->inputs, observe, ctx, err);
}

itx_status kept_input_take(struct kept_input *k, const struct float_run *r, struct arena *arena,
                           struct itx_error *err)
{
    const struct network *const n = r->network;
    *k = (struct kept_input){0};
    if (n->feed.is_picture) {
        k->rgb = arena_dup(arena, r->frame.rgb, (size_t)n->width * (size_t)n->height * 3);
        return k->rgb != NULL ? ITX_OK : itx_fail(err, ITX_E_NOMEM, "out of memory");
    }
    k->numbers = arena_calloc(arena, (size_t)r->n_inputs, sizeof *k->numbers);
    if (k->numbers == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (int i = 0; i < r->n_inputs; i++) {
        k->numbers[i] = arena_dup(arena, r->inputs[i], r->sizes[i] * sizeof **r->inputs);
        if (k->numbers[i] == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    }
    return ITX_OK;
}

void kept_input_restore(const struct kept_input *k, struct float_run *r)
{
    const struct network *const n = r->network;
    if (k->rgb != NULL) memcpy(r->frame.rgb, k->rgb, (size_t)n->width * (size_t)n->height * 3);
    for (int i = 0; k->numbers != NULL && i < r->n_inputs; i++)
        memcpy(r->inputs[i], k->numbers[i], r->sizes[i] * sizeof **r->inputs);
}

void network_write_input(const struct network *n, const struct plan *plan, const uint8_t *rgb,
                         const float *const *numbers, void *const *tensors)
{
    if (n->feed.is_picture) {
        input_write_rows(plan, image_choose(cpu_detect()), rgb, (size_t)n->width * 3, tensors[0], 0,
                         n->height);
        return;
    }
    const float_mode mode = float_mode_enter();
    for (int i = 0; i < plan->n_inputs; i++) {
        const struct plan_tensor *const t = &plan->tensors[plan->inputs[i].tensor];
        input_write_numbers(t, numbers[i], tensors[i], 0, t->h * t->w);
    }
    float_mode_leave(mode);
}
