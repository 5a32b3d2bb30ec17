/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/net.h"

#include <stdbool.h>
#include <string.h>

#include "base/format.h"
#include "base/status.h"
#include "cmd/net_feed.h"
#include "cmd/terminal.h"

bool net_is_float(const char *path)
{
    const size_t len = strlen(path);
    return len >= 5 && ascii_compare(path + len - 5, ".onnx") == 0;
}

static void set_via(struct net *net, enum net_input input, enum net_range range)
{
    const bool is_nv12 = input == NET_INPUT_NV12 ||
                         (input == NET_INPUT_OWN && net->info.input_format == ITX_IMAGE_NV12);
    net->options.via = is_nv12 ? ITX_IMAGE_NV12 : ITX_IMAGE_NONE;
    net->options.via_range = range == NET_RANGE_VIDEO  ? ITX_RANGE_VIDEO
                             : range == NET_RANGE_FULL ? ITX_RANGE_FULL
                                                       : net->info.input_range;
}

void net_set_limits(struct itx_session_options *options, const struct model_limits *limits)
{
    options->max_work = (uint64_t)limits->work * 1000000000;
    options->max_scratch = (uint64_t)limits->scratch << 20;
    options->max_memory = (uint64_t)limits->memory << 20;
}

static itx_status open_session(struct net *net, const char *path, struct itx_error *err)
{
    const itx_status rc = itx_session_create(&net->session, net->model, &net->options, err);
    if (rc != ITX_OK) itx_error_prefix(err, "%s", path);
    return rc;
}

static itx_status open_model(struct net *net, const char *path, struct itx_error *err)
{
    ITX_TRY(itx_model_open(&net->model, path, NULL, err));
    return itx_model_get_info(net->model, &net->info, err);
}

itx_status net_open_compiled(struct net *net, const char *path,
                             const struct itx_session_options *options, struct itx_error *err)
{
    net->options = *options;
    itx_status rc = open_model(net, path, err);
    if (rc == ITX_OK) rc = open_session(net, path, err);
    if (rc != ITX_OK) net_close(net);
    return rc;
}

static void show_warning(void *ctx, const char *text)
{
    (void)ctx;
    say_warning("warning: %s", text);
}

static itx_status open_float(struct net *net, const char *path, const char *like,
                             struct itx_error *err)
{
    struct itx_build_options o = ITX_BUILD_OPTIONS_INIT;
    struct net other = {0};
    struct net_feed feed;
    if (net->fed != NULL) {
        o = *net->fed;
    } else if (like != NULL) {
        const itx_status rc = open_model(&other, like, err);
        if (rc == ITX_OK && net_feed_read(&feed, other.info.meta)) o = feed.options;
        net_close(&other);
        ITX_TRY(rc);
    }
    if (!net->is_quiet) o.warn = show_warning;
    o.max_constants = net->max_constants;
    return itx_float_open_with(&net->float_net, path, net->options.n_threads, &o, err);
}

itx_status net_open(struct net *net, const char *path, const char *like,
                    const struct itx_session_options *options, enum net_input input,
                    enum net_range range, struct itx_error *err)
{
    net->options = *options;
    itx_status rc;
    if (net_is_float(path)) {
        rc = open_float(net, path, like, err);
        if (rc == ITX_OK) rc = itx_float_get_info(net->float_net, &net->info, err);
        if (rc == ITX_OK) set_via(net, input, range);
    } else {
        rc = open_model(net, path, err);
        if (rc == ITX_OK) set_via(net, input, range);
        if (rc == ITX_OK) rc = open_session(net, path, err);
    }
    if (rc != ITX_OK) net_close(net);
    return rc;
}

itx_status net_need_head(const struct net *net, const char *path, const char *what,
                         struct itx_error *err)
{
    if (net->info.task != ITX_TASK_RAW) return ITX_OK;
    const char *const why = itx_float_head_reason(net->float_net);
    return itx_fail(err, ITX_E_UNSUPPORTED, "%s: has no YOLO head, so there is nothing to %s%s%s",
                    path, what, why[0] != '\0' ? ": " : "", why);
}

void net_close(struct net *net)
{
    itx_session_destroy(&net->session);
    itx_model_close(&net->model);
    itx_float_close(&net->float_net);
}

static const char *range_name(enum itx_range range)
{
    return range == ITX_RANGE_VIDEO ? "video" : "full";
}

void net_warn_range(const struct net *net, const char *path)
{
    const enum itx_range own = net->info.input_range, used = net->options.via_range;
    if (net->model == NULL || net->info.input_format != ITX_IMAGE_NV12 ||
        net->options.via != ITX_IMAGE_NV12 || own == used)
        return;
    say_warning("warning: %s was built for NV12 in %s range, and is given %s range", path,
                range_name(own), range_name(used));
}

struct itx_image net_frame(const struct picture *picture)
{
    return (struct itx_image){.format = ITX_IMAGE_RGB,
                              .width = picture->width,
                              .height = picture->height,
                              .plane = {picture->rgb},
                              .stride = {picture->stride}};
}

itx_status net_segment(struct net *net, const struct itx_image *frame,
                       const struct itx_instance **instances, int *n_instances,
                       struct itx_error *err)
{
    if (net->float_net != NULL)
        return itx_float_segment(net->float_net, frame, &net->options, instances, n_instances, err);
    return itx_session_segment(net->session, frame, instances, n_instances, err);
}

itx_status net_decode(struct net *net, const struct itx_session_options *options,
                      const struct itx_instance **instances, int *n_instances,
                      struct itx_error *err)
{
    if (net->float_net != NULL)
        return itx_float_decode(net->float_net, options, instances, n_instances, err);
    return itx_session_decode(net->session, options, instances, n_instances, err);
}

itx_status net_mask_box(struct net *net, int i, int *x, int *y, int *w, int *h,
                        const uint8_t **mask, struct itx_error *err)
{
    if (net->float_net != NULL) return itx_float_mask_box(net->float_net, i, x, y, w, h, mask, err);
    return itx_session_mask_box(net->session, i, x, y, w, h, mask, err);
}

itx_status net_timing(const struct net *net, struct itx_timing *timing, struct itx_error *err)
{
    if (net->float_net != NULL) return itx_float_timing(net->float_net, timing, err);
    return itx_session_timing(net->session, timing, err);
}

itx_status net_get_output(const struct net *net, int i, struct itx_tensor_info *info,
                          struct itx_error *err)
{
    if (net->float_net != NULL) return itx_float_get_output(net->float_net, i, info, err);
    return itx_model_get_output(net->model, i, info, err);
}

const void *net_output(const struct net *net, int i)
{
    if (net->float_net != NULL) return itx_float_output(net->float_net, i);
    return itx_session_output(net->session, i);
}

const char *net_class_name(const struct net *net, int class_id)
{
    const char *name = net->float_net != NULL ? itx_float_class_name(net->float_net, class_id)
                                              : itx_model_class_name(net->model, class_id);
    return name != NULL ? name : "?";
}

const char *image_format_name(enum itx_image_format format)
{
    switch (format) {
    case ITX_IMAGE_NONE:
        return "numbers";
    case ITX_IMAGE_RGB:
        return "rgb";
    case ITX_IMAGE_BGR:
        return "bgr";
    case ITX_IMAGE_NV12:
        return "nv12";
    case ITX_IMAGE_GRAY:
        return "gray";
    case ITX_IMAGE_RGBA:
        return "rgba";
    case ITX_IMAGE_YUV444:
        return "yuv444";
    }
    ITX_BUG();
}

const char *task_name(enum itx_task task)
{
    switch (task) {
    case ITX_TASK_RAW:
        return "raw outputs";
    case ITX_TASK_DETECT:
        return "detection";
    case ITX_TASK_SEGMENT:
        return "segmentation";
    }
    ITX_BUG();
}
