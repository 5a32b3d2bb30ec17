/* SPDX-License-Identifier: Apache-2.0
 *
 * A session whose outputs are what the RDK's runtime hands out: dense, [1, h, w, c], floats while the dequantise node is
 * there, integers once it was removed. Dequantising is part of the work and of the time, as it is on the board.
 */
#ifndef RDK_RUN_H
#define RDK_RUN_H

#include "base/arena.h"
#include "cmd/cmd.h"
#include "intarsia/intarsia.h"
#include "plan/plan.h"
#include "rdk/tensor.h"

/* What is run: a picture of the input's own size and format, or numbers for each input. Zero-initialised is valid and
 * empty. */
struct rdk_frame {
    struct arena arena; /* owns what the others point to */
    struct itx_image image;
    int n_numbers;
    struct itx_numbers *numbers; /* [n_numbers]; NULL for a model that takes pictures */
};
/* Noise, or zeros for an input of numbers. */
itx_status rdk_frame_make(struct rdk_frame *frame, const struct plan *plan, struct itx_error *err);
/* One file for each input: .jpg, .jpeg, .png, which are letterboxed; .bin in the input's own format; .txt of numbers for
 * an input of numbers. max_pixels: of a picture, as picture_read takes it. */
itx_status rdk_frame_read(struct rdk_frame *frame, const struct plan *plan,
                          const char *const *paths, int n_paths, int max_pixels,
                          struct itx_error *err);
void rdk_frame_release(struct rdk_frame *frame);

/* Zero-initialised is valid and empty. */
struct rdk_run {
    const struct plan *plan;
    itx_session *session;
    int n_outputs;
    struct rdk_output {
        struct rdk_tensor tensor;
        struct itx_tensor_info stored;
        void *own;        /* where it has to be converted or made dense */
        const void *data; /* of the last run, tensor.byte_size bytes */
        uint64_t ns;      /* of making it */
    } * output;
    struct itx_timing timing; /* of the last run, without the outputs' */
    uint64_t total_ns;
};
/* What is wanted of a run beside its outputs: the time of every step; what every step writes. */
enum { RDK_RUN_PROFILE = 1, RDK_RUN_TENSORS = 2 };
/* `model` is the same model as `plan`, and outlives the run. */
itx_status rdk_run_open(struct rdk_run *run, const itx_model *model, const struct plan *plan,
                        int n_threads, unsigned what, const struct model_limits *limits,
                        struct itx_error *err);
itx_status rdk_run_frame(struct rdk_run *run, const struct rdk_frame *frame, struct itx_error *err);
void rdk_run_release(struct rdk_run *run);

/* Real numbers of output i of the last run, [h, w, c]. */
itx_status rdk_run_floats(const struct rdk_run *run, int i, float *to, struct itx_error *err);

#endif
