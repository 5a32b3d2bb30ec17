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

struct network {
    struct graph *graph; /* canonical */
    struct head_info head;
    int width, height; /* of its picture input; 0 when its input is no picture */
};

/* Imports and runs the passes; `dump` (may be NULL) sees the graph after each. Messages begin with the path. */
itx_status network_read(struct network *n, const char *path, passes_dump_fn *dump, void *ctx,
                        struct itx_error *err);
void network_release(struct network *n);

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
