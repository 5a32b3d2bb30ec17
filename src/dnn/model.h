/* SPDX-License-Identifier: Apache-2.0
 *
 * Loaded models, and their sessions.
 */
#ifndef DNN_MODEL_H
#define DNN_MODEL_H

#include "dnn/hb_dnn.h"
#include "dnn/output.h"
#include "dnn/record.h"
#include "intarsia/intarsia.h"

struct dnn_input {
    struct itx_input_info info;
    hbDNNTensorProperties properties;
    int32_t source; /* hbDNNInputSource */
};

/* Immutable but for what is under the state's lock. */
struct dnn_model {
    void *handle;
    itx_model *model;
    const char *name;
    int n_inputs, n_outputs;
    int n_processors; /* when it was loaded */
    struct dnn_input *inputs;
    struct dnn_output *outputs;
    struct dnn_record record;
    /* under the state's lock */
    int n_tasks; /* that wait or run: as long as there are any, it cannot be released */
    struct dnn_session *idle;
};

/* A session, in use by one task or idle. Those of one model differ in how many threads they have. */
struct dnn_session {
    struct dnn_session *next;
    itx_session *session;
    int n_threads;
    struct dnn_profile profile; /* of its runs; empty unless the model's record asks for it */
};

/* Takes an idle session with so many threads or makes one. Without the lock. */
itx_status dnn_take_session(struct dnn_model *model, int n_threads, struct dnn_session **session,
                            struct itx_error *err);
/* Keeps it for the next task, and closes the one that was idle longest when they have many threads in all. Without the lock. */
void dnn_give_session(struct dnn_model *model, struct dnn_session *session);

/* Of what no handle leads to any more. dnn_model_release closes sessions too. */
void dnn_close_sessions(struct dnn_model *model);
void dnn_model_release(struct dnn_model *model);

#endif
