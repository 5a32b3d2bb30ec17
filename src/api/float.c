/* SPDX-License-Identifier: Apache-2.0
 *
 * The float network behind compiler.h: the same letterbox, decoding and masks as a session, float32 in between.
 */
#include "api/instances.h"
#include "api/network.h"
#include "base/clock.h"
#include "base/cpu.h"
#include "base/mem.h"
#include "intarsia/compiler.h"

struct itx_float {
    struct network network;
    struct float_run run;
    struct instances instances;
    struct itx_timing timing;
};

/* Output i of the canonical graph, [1, c, h, w]; data comes with each run. */
static struct yolo_tensor head_tensor(const struct network *n, int output)
{
    const struct shape *s = &graph_value(n->graph, n->graph->outputs.data[output])->shape;
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

static struct yolo_head describe_head(const struct network *n)
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
        head.level[i].cls = head_tensor(n, h->level[i].cls);
        head.level[i].box = head_tensor(n, h->level[i].box);
        if (has_masks) head.level[i].coef = head_tensor(n, h->level[i].coef);
    }
    if (has_masks) head.proto = head_tensor(n, h->proto);
    return head;
}

static void set_head_data(struct itx_float *f)
{
    const struct head_info *h = &f->network.head;
    const struct float_exec *e = f->run.exec;
    struct yolo_head *head = &f->instances.head;
    for (int i = 0; i < h->n_levels; i++) {
        head->level[i].cls.data = float_exec_output(e, h->level[i].cls)->data;
        head->level[i].box.data = float_exec_output(e, h->level[i].box)->data;
        if (h->task == HEAD_SEGMENT)
            head->level[i].coef.data = float_exec_output(e, h->level[i].coef)->data;
    }
    if (h->task == HEAD_SEGMENT) head->proto.data = float_exec_output(e, h->proto)->data;
}

static itx_status open_parts(struct itx_float *f, const char *path, int n_threads,
                             struct itx_error *err)
{
    ITX_TRY(network_read(&f->network, path, NULL, NULL, err));
    itx_status rc = float_run_create(&f->run, &f->network, n_threads, err);
    if (rc == ITX_OK && f->network.head.task != HEAD_RAW) {
        const struct yolo_head head = describe_head(&f->network);
        rc = instances_create(&f->instances, &head, YOLO_MAX_CANDIDATES, err);
    }
    if (rc != ITX_OK) itx_error_prefix(err, "%s", path);
    return rc;
}

itx_status itx_float_open(itx_float **out, const char *path, int n_threads, struct itx_error *err)
{
    if (out == NULL || path == NULL)
        return itx_fail(err, ITX_E_INVAL, "itx_float_open: an argument is NULL");
    if (n_threads == 0) n_threads = cpu_count();
    if (n_threads < 1 || n_threads > 256)
        return itx_fail(err, ITX_E_RANGE, "%d threads: 1 to 256 are possible", n_threads);
    itx_float *f = mem_calloc(1, sizeof *f);
    if (f == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    const itx_status rc = open_parts(f, path, n_threads, err);
    if (rc == ITX_OK)
        *out = f;
    else
        itx_float_close(&f);
    return rc;
}

void itx_float_close(itx_float **net)
{
    if (net == NULL || *net == NULL) return;
    itx_float *f = *net;
    instances_release(&f->instances);
    float_run_release(&f->run);
    network_release(&f->network);
    mem_free(f);
    *net = NULL;
}

itx_status itx_float_get_info(const itx_float *f, struct itx_model_info *info,
                              struct itx_error *err)
{
    if (f == NULL || info == NULL)
        return itx_fail(err, ITX_E_INVAL, "itx_float_get_info: an argument is NULL");
    const struct network *n = &f->network;
    *info = (struct itx_model_info){
        .name = n->graph->name != NULL ? n->graph->name : "",
        .meta = "{}",
        .task = n->head.task == HEAD_SEGMENT  ? ITX_TASK_SEGMENT
                : n->head.task == HEAD_DETECT ? ITX_TASK_DETECT
                                              : ITX_TASK_RAW,
        .input_format = ITX_IMAGE_RGB,
        .input_width = n->width,
        .input_height = n->height,
        .input_channels = 3,
        .n_inputs = (int)n->graph->inputs.len,
        .n_outputs = (int)n->graph->outputs.len,
        .n_classes = n->head.n_classes,
    };
    return ITX_OK;
}

const char *itx_float_class_name(const itx_float *f, int class_id)
{
    if (f == NULL || class_id < 0 || class_id >= f->network.head.n_classes) return NULL;
    return f->network.head.names[class_id];
}

itx_status itx_float_segment(itx_float *f, const struct itx_image *frame,
                             const struct itx_session_options *options,
                             const struct itx_instance **instances, int *n_instances,
                             struct itx_error *err)
{
    if (f == NULL || frame == NULL || instances == NULL || n_instances == NULL)
        return itx_fail(err, ITX_E_INVAL, "itx_float_segment: an argument is NULL");
    if (f->instances.decoder == NULL)
        return itx_fail(err, ITX_E_UNSUPPORTED, "the network has no YOLO head that was recognised");
    struct itx_session_options o;
    ITX_TRY(instances_options(&o, options, err));
    struct yolo_params params;
    ITX_TRY(instances_params(&params, &o, err));
    const uint64_t start = clock_ns();
    f->instances.n = 0; /* should the run fail */
    ITX_TRY(frame_prepare(&f->run.frame, frame, o.via, o.via_range, NULL, err));
    ITX_TRY(float_run_frame(&f->run, NULL, NULL, err));
    const uint64_t ready = clock_ns();
    set_head_data(f);
    instances_decode(&f->instances, &params, &f->run.frame.letterbox);
    f->timing = (struct itx_timing){0, ready - start, clock_ns() - ready};
    *instances = f->instances.item;
    *n_instances = f->instances.n;
    return ITX_OK;
}

itx_status itx_float_mask_box(itx_float *f, int i, int *x, int *y, int *w, int *h,
                              const uint8_t **mask, struct itx_error *err)
{
    if (f == NULL || x == NULL || y == NULL || w == NULL || h == NULL || mask == NULL)
        return itx_fail(err, ITX_E_INVAL, "itx_float_mask_box: an argument is NULL");
    struct yolo_rect r;
    ITX_TRY(instances_mask_box(&f->instances, i, &r, mask, err));
    *x = r.x;
    *y = r.y;
    *w = r.w;
    *h = r.h;
    return ITX_OK;
}

itx_status itx_float_timing(const itx_float *f, struct itx_timing *timing, struct itx_error *err)
{
    if (f == NULL || timing == NULL)
        return itx_fail(err, ITX_E_INVAL, "itx_float_timing: an argument is NULL");
    *timing = f->timing;
    return ITX_OK;
}
