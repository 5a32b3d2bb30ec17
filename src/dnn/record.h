/* SPDX-License-Identifier: Apache-2.0
 *
 * What the environment asks to be written down of a model's runs: times (HB_DNN_PROFILER_LOG_PATH), and what goes in and
 * comes out (HB_DNN_DUMP_PATH). Both are read when the model is loaded. What cannot be written is said, and fails nothing.
 */
#ifndef DNN_RECORD_H
#define DNN_RECORD_H

#include "dnn/picture.h"
#include "dnn/profile.h"

struct dnn_record {
    char *profile_folder, *dump_folder; /* owned; NULL: not asked for */
    /* under the state's lock */
    int n_dumps;                 /* runs that were dumped */
    int n_running, most_running; /* tasks */
    uint64_t begin_ns, end_ns;   /* the first task's begin, the last one's end */
    struct dnn_profile profile;  /* of sessions that are closed; empty without profile_folder */
};

itx_status dnn_record_init(struct dnn_record *r, const itx_model *model, struct itx_error *err);
void dnn_record_release(struct dnn_record *r);

/* A model's file was read: none that is written replaces it. */
void dnn_record_read(const char *path);

/* ---- times ---- */

/* A task begins and ends to use the model. */
void dnn_record_begin(struct dnn_record *r);
void dnn_record_end(struct dnn_record *r);
/* Takes over what a session has measured. */
void dnn_record_join(struct dnn_record *r, const struct dnn_profile *of_session);

struct dnn_recorded {
    const itx_model *model;
    struct dnn_record *record;
};
/* Writes the files of those models that ran, all of their sessions closed. */
void dnn_record_write(const struct dnn_recorded *models, int n);

/* ---- what goes in and comes out ---- */

/* One run's files: FOLDER/MODEL_RUN_input_I_NAME.bin and ..._output_I_NAME.bin. */
struct dnn_dump {
    const char *folder, *model;
    int run; /* from 1 */
    bool failed;
};
/* False when nothing is dumped. */
bool dnn_dump_begin(struct dnn_dump *d, struct dnn_record *r, const char *model);
void dnn_dump_bytes(struct dnn_dump *d, const char *side, int i, const char *name, const void *data,
                    size_t size);
/* Planes one after another, without gaps. */
void dnn_dump_picture(struct dnn_dump *d, const char *name, const struct dnn_picture *p);

#endif
