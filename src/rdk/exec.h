/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of hrt_model_exec share: exec.c has the command and model_info, exec_perf.c and exec_infer.c
 * the rest.
 */
#ifndef RDK_EXEC_H
#define RDK_EXEC_H

#include "base/arena.h"
#include "base/file_set.h"
#include "base/vec.h"
#include "dnn/profile.h"
#include "rdk/rdk_bin.h"
#include "rdk/run.h"

enum { EXEC_MAX_THREADS = 8 };

struct exec_options {
    const char *model_file, *model_name, *input_file, *roi, *profile_path, *dump_path;
    int core_id, dump_intermediate, frame_count, perf_time, thread_num, dump_format, dump_precision,
        dump_txt_axis;
    int max_pixels;
    struct model_limits limits;
    bool roi_infer, enable_dump, hybrid_dequantize_process, enable_cls_post_process, version;
};

/* One model file. */
struct exec_file {
    struct rdk_bin bin;
    itx_model *model; /* the chosen one of it; NULL where none is chosen */
};

typedef VEC(const char *) exec_list;

/* Everything a sub-command works on. Zero-initialised is valid and empty. */
struct exec {
    const struct exec_options *options;
    struct arena arena;
    exec_list paths;             /* --model_file */
    exec_list inputs;            /* --input_file */
    struct file_set used;        /* these, and what was written */
    VEC(struct exec_file) files; /* of paths */
    const struct plan *plan;     /* the model that runs */
    const itx_model *model;
};

itx_status exec_perf(struct exec *e, struct itx_error *err);
itx_status exec_infer(struct exec *e, struct itx_error *err);

/* The frame that --input_file names; made up when it is not given. */
itx_status exec_frame(const struct exec *e, struct rdk_frame *frame, struct itx_error *err);

/* Runs the chosen model's frames, `n_threads` at the same time; a line every 200 of them when `says`. *times is to be
 * released, also after a failure. */
itx_status exec_perf_measure(const struct exec *e, int n_threads, bool says,
                             struct dnn_profile *times, struct itx_error *err);
double exec_average_ms(const struct dnn_profile *t);
double exec_frames_a_second(const struct dnn_profile *t);

#endif
