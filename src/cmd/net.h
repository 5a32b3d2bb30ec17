/* SPDX-License-Identifier: Apache-2.0
 *
 * A compiled model with its session, or a float network: what `segment` runs, whichever it is.
 */
#ifndef CMD_NET_H
#define CMD_NET_H

#include <stdbool.h>

#include "intarsia/compiler.h"
#include "intarsia/intarsia.h"
#include "cmd/cmd.h"
#include "vision/picture.h"

/* Limits of the command line in the options of a session. */
void net_set_limits(struct itx_session_options *options, const struct model_limits *limits);

/* Zero-initialised is valid and empty. */
struct net {
    itx_model *model;
    itx_session *session;
    itx_float *float_net; /* instead of both */
    const struct itx_build_options
        *fed; /* how a float network is fed, set before it is opened; NULL: as net_open says */
    int64_t max_constants; /* of a float network, set before it is opened; 0: the default */
    bool is_quiet; /* nothing is warned about that is said elsewhere; set before it is opened */
    struct itx_session_options options;
    struct itx_model_info info;
};

/* What photographs are turned into before the network sees them. */
enum net_input { NET_INPUT_OWN /* what the model was built for */, NET_INPUT_RGB, NET_INPUT_NV12 };
enum net_range { NET_RANGE_OWN, NET_RANGE_FULL, NET_RANGE_VIDEO }; /* of NV12 */

/* A path that ends in .onnx is a float network, any other a compiled model. */
bool net_is_float(const char *path);
/* Opens either. `via` of the options is set here. A float network is fed as the compiled model `like` (a path, NULL: none)
 * was trained to be. */
itx_status net_open(struct net *net, const char *path, const char *like,
                    const struct itx_session_options *options, enum net_input input,
                    enum net_range range, struct itx_error *err);
/* A compiled model, options as they are. */
itx_status net_open_compiled(struct net *net, const char *path,
                             const struct itx_session_options *options, struct itx_error *err);
void net_close(struct net *net);
/* Refuses a network of task raw, which cannot be decoded, so that there is nothing to do `what`: "segment". */
itx_status net_need_head(const struct net *net, const char *path, const char *what,
                         struct itx_error *err);
/* Says so when photographs become NV12 of another range than the compiled model was built for. */
void net_warn_range(const struct net *net, const char *path);

/* Pixels of a picture as a network takes them. */
struct itx_image net_frame(const struct picture *picture);
itx_status net_segment(struct net *net, const struct itx_image *frame,
                       const struct itx_instance **instances, int *n_instances,
                       struct itx_error *err);
/* Decodes the last run again, as itx_session_decode. */
itx_status net_decode(struct net *net, const struct itx_session_options *options,
                      const struct itx_instance **instances, int *n_instances,
                      struct itx_error *err);
itx_status net_mask_box(struct net *net, int i, int *x, int *y, int *w, int *h,
                        const uint8_t **mask, struct itx_error *err);
itx_status net_timing(const struct net *net, struct itx_timing *timing, struct itx_error *err);
/* Output i: what it is (itx_model_get_output; a float network's lies in planes, itx_float_get_output), and its values of
 * the last run. */
itx_status net_get_output(const struct net *net, int i, struct itx_tensor_info *info,
                          struct itx_error *err);
const void *net_output(const struct net *net, int i);
const char *net_class_name(const struct net *net, int class_id);

/* "rgb", "nv12", ... */
const char *image_format_name(enum itx_image_format format);
const char *task_name(enum itx_task task);

#endif
