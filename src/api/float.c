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
    bool has_run;
};

static itx_status open_parts(struct itx_float *f, const char *path, int n_threads,
                             struct itx_build_options *o, struct itx_error *err)
{
    struct network_source source = {.path = path};
    if (o != NULL) {
        source.output_nodes = o->output_nodes;
        source.n_output_nodes = o->n_output_nodes;
        source.max_constants = o->max_constants;
    }
    ITX_TRY(network_read(&f->network, &source, err));
    itx_status rc = ITX_OK;
    if (!f->network.feed.is_picture)
        rc = itx_fail(err, ITX_E_UNSUPPORTED,
                      "its input is no picture [1, 3, height, width], so photos cannot be run "
                      "through it");
    else if (o != NULL) {
        network_warn(&f->network, o);
        feed_choose_format(o, &f->network.feed);
        rc = network_feed(&f->network, o, FEED_EXACT, err);
    } else
        rc = feed_check_units(&f->network.feed, f->network.graph, NULL, err);
    if (rc == ITX_OK) rc = float_run_create(&f->run, &f->network, n_threads, err);
    if (rc == ITX_OK && f->network.head.task != HEAD_RAW) {
        const struct yolo_head head = network_head(&f->network);
        rc = instances_create(&f->instances, &head, YOLO_MAX_CANDIDATES, err);
    }
    if (rc != ITX_OK) itx_error_prefix(err, "%s", path);
    return rc;
}

itx_status itx_float_open(itx_float **out, const char *path, int n_threads, struct itx_error *err)
{
    return itx_float_open_with(out, path, n_threads, NULL, err);
}

itx_status itx_float_open_with(itx_float **out, const char *path, int n_threads,
                               const struct itx_build_options *options, struct itx_error *err)
{
    struct itx_build_options o;
    if (out == NULL || path == NULL)
        return itx_fail(err, ITX_E_INVAL, "itx_float_open: an argument is NULL");
    if (options != NULL) {
        ITX_TRY(feed_options(&o, options, err));
        if (o.input_format == ITX_IMAGE_NONE)
            return itx_fail(err, ITX_E_INVAL, "itx_float_open_with: the input format is none");
    }
    if (n_threads == 0) n_threads = cpu_count();
    if (n_threads < 1 || n_threads > 256)
        return itx_fail(err, ITX_E_RANGE, "%d threads: 1 to 256 are possible", n_threads);
    itx_float *f = mem_calloc(1, sizeof *f);
    if (f == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    const itx_status rc = open_parts(f, path, n_threads, options != NULL ? &o : NULL, err);
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
        .input_format = n->feed.n_channels == 1 ? ITX_IMAGE_GRAY : ITX_IMAGE_RGB,
        .input_width = n->width,
        .input_height = n->height,
        .input_channels = n->feed.n_channels,
        .n_inputs = (int)n->graph->inputs.len,
        .n_outputs = (int)n->graph->outputs.len,
        .n_classes = n->head.n_classes,
    };
    return ITX_OK;
}

const char *itx_float_head_reason(const itx_float *f)
{
    return f != NULL ? f->network.head.why : "";
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
        return itx_fail(err, ITX_E_UNSUPPORTED,
                        "the network has no YOLO head that was recognised%s%s",
                        f->network.head.why[0] != '\0' ? ": " : "", f->network.head.why);
    struct itx_session_options o;
    ITX_TRY(instances_options(&o, options, err));
    struct yolo_params params;
    ITX_TRY(instances_params(&params, &o, err));
    const uint64_t start = clock_ns();
    f->instances.n = 0; /* should the run fail */
    f->has_run = false;
    ITX_TRY(frame_prepare(&f->run.frame, frame, o.via, o.via_range, NULL, err));
    ITX_TRY(float_run_input(&f->run, NULL, NULL, err));
    const uint64_t ready = clock_ns();
    f->has_run = true;
    network_head_data(&f->instances.head, &f->network, f->run.exec);
    instances_decode(&f->instances, &params, &f->run.frame.letterbox);
    f->timing = (struct itx_timing){0, ready - start, clock_ns() - ready};
    *instances = f->instances.item;
    *n_instances = f->instances.n;
    return ITX_OK;
}

itx_status itx_float_decode(itx_float *f, const struct itx_session_options *options,
                            const struct itx_instance **instances, int *n_instances,
                            struct itx_error *err)
{
    if (f == NULL || options == NULL || instances == NULL || n_instances == NULL)
        return itx_fail(err, ITX_E_INVAL, "itx_float_decode: an argument is NULL");
    if (!f->has_run) return itx_fail(err, ITX_E_INVAL, "itx_float_decode: no frame was run");
    ITX_TRY(instances_decode_again(&f->instances, options, &f->run.frame.letterbox, err));
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

itx_status itx_float_get_output(const itx_float *f, int i, struct itx_tensor_info *info,
                                struct itx_error *err)
{
    if (f == NULL || info == NULL)
        return itx_fail(err, ITX_E_INVAL, "itx_float_get_output: an argument is NULL");
    const struct graph *g = f->network.graph;
    if (i < 0 || (size_t)i >= g->outputs.len)
        return itx_fail(err, ITX_E_RANGE, "output %d: the network has %zu", i, g->outputs.len);
    const struct value *v = graph_value(g, g->outputs.data[i]);
    if (v->shape.rank != 4)
        return itx_fail(err, ITX_E_UNSUPPORTED, "output '%s' has %d dimensions, not 4", v->name,
                        v->shape.rank);
    const struct yolo_tensor t = network_output(&f->network, i);
    *info = (struct itx_tensor_info){.name = v->name,
                                     .dtype = ITX_F32,
                                     .height = t.h,
                                     .width = t.w,
                                     .channels = t.c,
                                     .pixel = (size_t)t.pixel,
                                     .row = (size_t)t.row,
                                     .dequantize = "",
                                     .step = -1};
    return ITX_OK;
}

const float *itx_float_output(const itx_float *f, int i)
{
    if (f == NULL || !f->has_run || i < 0 || (size_t)i >= f->network.graph->outputs.len)
        return NULL;
    return float_exec_output(f->run.exec, i)->data;
}
