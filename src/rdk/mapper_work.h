/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of hb_mapper makertbin share: mapper_makertbin.c has the command and the order of its steps.
 */
#ifndef RDK_MAPPER_WORK_H
#define RDK_MAPPER_WORK_H

#include <jansson.h>

#include "base/vec.h"
#include "cmd/terminal.h"
#include "intarsia/compiler.h"
#include "rdk/mapper_keys.h"
#include "rdk/rdk_bin.h"
#include "rdk/rdk_log.h"

/* One input of the network, as the yaml describes it. Texts are the yaml's, "" when it has none. */
struct mapper_input {
    const char *name;       /* the network's own */
    const char *shape_text; /* "1x3x640x640" */
    uint64_t n_elements;
    int n_channels;
    const char *type_train, *type_rt, *layout_train, *layout_rt;
    const char *range, *norm, *mean_text, *scale_text;
    const char *data_dir, *data_type; /* NULL: none; the type of raw files */
};
enum { MAPPER_MAX_INPUTS = 16 };

/* One run of makertbin. Everything that has no other owner lives in the arena. */
struct mapper {
    struct rdk_log log;
    struct arena arena;
    struct progress progress;
    const char *yaml; /* as it is named in messages */
    struct mapper_values values;
    const char *onnx, *march, *prefix, *folder; /* the second path absolute, as is the first */
    const char *bin;                            /* FOLDER/PREFIX.bin */
    json_t *check;                              /* itx_check's report */
    int n_inputs;
    struct mapper_input input[MAPPER_MAX_INPUTS];
    VEC(float) mean, scale;
    VEC(const char *) int16; /* nodes, by the names that itx_build takes */
    VEC(const char *) files; /* calibration data, in order */
    bool are_pictures;
    struct itx_build_options build;
    int phase; /* of the work, while it goes on */
    uint64_t consumed_ns;
    bool has_input_cosine; /* of what the first step reads with what the calibration data hold */
    double input_cosine;
    json_t *report, *deps;
    struct rdk_bin made; /* the file that itx_build wrote */
};

/* Notes what is wrong with a key's value, for mapper_say_mistakes: all that a step can find is said at once. */
void mapper_wrong(struct mapper *m, enum mapper_key key, const char *fmt, ...) ITX_PRINTF(3, 4);
/* ITX_OK unless there were mistakes: they are written to the log. */
itx_status mapper_say_mistakes(struct mapper *m, struct itx_error *err);

static inline const struct mapper_value *mapper_value(const struct mapper *m, enum mapper_key key)
{
    return &m->values.key[key];
}

/* Formatted text in the arena; NULL without memory. */
const char *mapper_text(struct mapper *m, const char *fmt, ...) ITX_PRINTF(2, 3);

/* Says of the given keys of a group that have no meaning here why that is so. */
void mapper_say_idle(struct mapper *m, enum mapper_group group);

/* ---- mapper_model.c ---- */
/* model_parameters: names, paths and the network itself. */
itx_status mapper_read_model(struct mapper *m, struct itx_error *err);

/* ---- mapper_input.c ---- */
/* input_parameters: what the program is fed and what the network was trained with. */
itx_status mapper_read_inputs(struct mapper *m, struct itx_error *err);

/* ---- mapper_nodes.c ---- */
/* Which nodes get 16 bits: node_info, set_node_data_type, run_on_cpu, optimization. */
itx_status mapper_read_nodes(struct mapper *m, struct itx_error *err);

/* ---- mapper_data.c ---- */
/* calibration_parameters: with what and how ranges are found. */
itx_status mapper_read_calibration(struct mapper *m, struct itx_error *err);

/* ---- mapper_build.c ---- */
itx_status mapper_build(struct mapper *m, struct itx_error *err);

/* ---- mapper_preprocess.c ---- */
/* input_cosine, of pictures; needs the finished file. */
itx_status mapper_compare_input(struct mapper *m, struct itx_error *err);

/* ---- mapper_tables.c ---- */
void mapper_say_tables(struct mapper *m);

/* ---- mapper_deps.c ---- */
void mapper_say_config(struct mapper *m);
void mapper_say_params(struct mapper *m);
/* "1x3x640x640" as "1, 3, 640, 640" */
void mapper_add_shape(struct strbuf *text, const char *shape);
/* "pyramid" or "ddr". */
const char *mapper_input_source(const struct mapper *m, int i);
itx_status mapper_make_deps(struct mapper *m, struct itx_error *err);

/* ---- mapper_finish.c ---- */
/* Measures the program, writes the static report. */
itx_status mapper_estimate(struct mapper *m, struct itx_error *err);
/* Takes off the nodes that the yaml names, and puts what hb_model_info shows into the file. */
itx_status mapper_finish_bin(struct mapper *m, struct itx_error *err);

#endif
