/* SPDX-License-Identifier: Apache-2.0
 *
 * An imported network in its canonical form, and float runs of it on pictures. Shared by build, check and the float
 * network of compiler.h.
 */
#ifndef API_NETWORK_H
#define API_NETWORK_H

#include "api/frame.h"
#include "float/exec.h"
#include "graph/graph.h"
#include "passes/pass.h"
#include "yolo/yolo.h"

struct network {
    struct graph *graph; /* canonical */
    struct head_info head;
    int width, height; /* of its picture input; 0 when its input is no picture */
};

/* Imports and runs the passes; `dump` (may be NULL) sees the graph after each. Messages begin with the path. */
itx_status network_read(struct network *n, const char *path, passes_dump_fn *dump, void *ctx,
                        struct itx_error *err);
void network_release(struct network *n);

/* Output i of the canonical graph, [1, c, h, w], and the YOLO head of a network that has one, both without data: that
 * comes with each run. */
struct yolo_tensor network_output(const struct network *n, int i);
struct yolo_head network_head(const struct network *n);
/* Points a head at the outputs of the executor's last run. */
void network_head_data(struct yolo_head *head, const struct network *n, const struct float_exec *e);

/* Runs pictures through the float network; one thread at a time, any number of them on one network. */
struct float_run {
    struct float_exec *exec;
    struct frame frame;
    float *input; /* [3, height, width] */
};
itx_status float_run_create(struct float_run *r, const struct network *n, int n_threads,
                            struct itx_error *err);
void float_run_release(struct float_run *r);
/* Runs the network on what frame_prepare put into r->frame. */
itx_status float_run_frame(struct float_run *r, float_observe_fn *observe, void *ctx,
                           struct itx_error *err);

#endif
