/* SPDX-License-Identifier: Apache-2.0
 *
 * Times of a model's frames, and the two files that the RDK's runtime writes of them: profiler.log, two JSON documents a
 * model with lines "***" between them, and profiler.csv with a row a layer. For libdnn and hrt_model_exec.
 */
#ifndef DNN_PROFILE_H
#define DNN_PROFILE_H

#include "base/file_set.h"
#include "base/span.h"
#include "intarsia/intarsia.h"

/* Zero-initialised is valid and empty. */
struct dnn_profile {
    int n_frames, n_threads; /* threads: frames at work at the same time */
    int core_id;
    uint64_t run_ns; /* on the clock, all frames */
    struct span frame, pending, prepare, network;
    int n_outputs, n_steps;
    struct span *output; /* [n_outputs] making what the user gets */
    struct span *step;   /* [n_steps] */
};

itx_status dnn_profile_init(struct dnn_profile *p, const itx_model *model, struct itx_error *err);
void dnn_profile_release(struct dnn_profile *p);

/* Forgets all times. */
void dnn_profile_clear(struct dnn_profile *p);
/* Adds the frames of one with as many outputs and steps. */
void dnn_profile_join(struct dnn_profile *p, const struct dnn_profile *other);
/* Adds a frame's prepare and network, and its steps when the session was made with `profile`. */
void dnn_profile_add(struct dnn_profile *p, const itx_session *session);

struct dnn_profiled {
    const itx_model *model;
    const struct dnn_profile *profile;
};
/* Writes both files into the folder, which is made when missing. */
itx_status dnn_profile_write(const struct dnn_profiled *models, int n, const char *folder,
                             const struct file_set *used, struct itx_error *err);

#endif
