/* SPDX-License-Identifier: Apache-2.0 */
#include "api/network.h"

#include "base/cpu.h"
#include "base/mem.h"
#include "onnx/onnx.h"

static void find_picture_input(struct network *n)
{
    const struct graph *g = n->graph;
    if (g->inputs.len != 1) return;
    const struct value *v = graph_value(g, g->inputs.data[0]);
    if (v->shape.rank != 4 || v->shape.dim[0] != 1 || v->shape.dim[1] != 3) return;
    if (v->shape.dim[2] > IMAGE_MAX_DIM || v->shape.dim[3] > IMAGE_MAX_DIM) return;
    n->height = (int)v->shape.dim[2];
    n->width = (int)v->shape.dim[3];
}

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

itx_status network_read(struct network *n, const char *path, passes_dump_fn *dump, void *ctx,
                        struct itx_error *err)
{
    *n = (struct network){0};
    ITX_TRY(onnx_read(&n->graph, path, err));
    itx_status rc = check_batch(n->graph, err);
    if (rc == ITX_OK && dump != NULL) rc = dump(ctx, "import", n->graph, err);
    if (rc == ITX_OK) rc = passes_run(n->graph, &n->head, dump, ctx, err);
    if (rc == ITX_OK)
        find_picture_input(n);
    else {
        itx_error_prefix(err, "%s", path);
        network_release(n);
    }
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

itx_status float_run_create(struct float_run *r, const struct network *n, int n_threads,
                            struct itx_error *err)
{
    *r = (struct float_run){0};
    if (n->width == 0)
        return itx_fail(
            err, ITX_E_UNSUPPORTED,
            "its input is no picture [1, 3, height, width], so photos cannot be run through it");
    ITX_TRY(float_exec_create(&r->exec, n->graph, n_threads, err));
    itx_status rc = frame_create(&r->frame, n->width, n->height, cpu_detect(), 1, err);
    r->input = mem_calloc((size_t)n->width * (size_t)n->height * 3, sizeof *r->input);
    if (rc == ITX_OK && r->input == NULL) rc = itx_fail(err, ITX_E_NOMEM, "out of memory");
    if (rc != ITX_OK) float_run_release(r);
    return rc;
}

void float_run_release(struct float_run *r)
{
    float_exec_destroy(&r->exec);
    frame_release(&r->frame);
    mem_free(r->input);
    *r = (struct float_run){0};
}

itx_status float_run_frame(struct float_run *r, float_observe_fn *observe, void *ctx,
                           struct itx_error *err)
{
    const size_t plane = (size_t)r->frame.width * (size_t)r->frame.height;
    for (size_t i = 0; i < plane; i++)
        for (size_t c = 0; c < 3; c++)
            r->input[c * plane + i] = (float)r->frame.rgb[i * 3 + c] / 255;
    const float *inputs[] = {r->input};
    return float_exec_run(r->exec, inputs, observe, ctx, err);
}
