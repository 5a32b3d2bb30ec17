/* SPDX-License-Identifier: Apache-2.0
 *
 * An imported network in its canonical form, and float runs of it on pictures. Shared by build, check and the float
 * network of compiler.h.
 */
#ifndef API_NETWORK_H
#define API_NETWORK_H

#include "api/feed.h"
#include "api/frame.h"
#include "api/input.h"
#include "float/exec.h"
#include "graph/graph.h"
#include "passes/names.h"
#include "passes/pass.h"
#include "yolo/yolo.h"

struct network {
    struct graph *graph; /* canonical */
    struct head_info head;
    struct feed feed;
    int width, height;                /* of its picture input; 0 when its input is no picture */
    bool is_turned;                   /* in the file the first input is [1, h, w, c] */
    char names_note[NAMES_NOTE_SIZE]; /* what was done about class names that do not fit, or "" */
};

struct network_source {
    const char *path;
    const char *const
        *output_nodes; /* [n_output_nodes], that become the outputs; 0: those of the file */
    int n_output_nodes;
    bool is_numbers;       /* what it is fed is no picture: its own scaling stays in the graph */
    int64_t max_constants; /* as in itx_build_options */
    passes_dump_fn *dump;  /* sees the graph after each pass; NULL: nobody does */
    void *ctx;
};
/* Imports and runs the passes; the feed is the default. Messages begin with the path. */
itx_status network_read(struct network *n, const struct network_source *source,
                        struct itx_error *err);
/* The graph of a file, as it is in there. */
itx_status network_read_graph(struct graph **g, const char *path, int64_t max_constants,
                              struct itx_error *err);
/* Sets everything but graph and head, which are there, to the default; `own`: the scaling that the graph had. */
itx_status network_describe(struct network *n, const struct scaling *own, struct itx_error *err);
/* Gives the caller what has to be known of the file. */
void network_warn(const struct network *n, const struct itx_build_options *o);
/* Feeds it as the options say (feed_apply). */
itx_status network_feed(struct network *n, const struct itx_build_options *o, enum feed_use use,
                        struct itx_error *err);
void network_release(struct network *n);

/* Output i of the canonical graph, [1, c, h, w], and the YOLO head of a network that has one, both without data: that
 * comes with each run. */
struct yolo_tensor network_output(const struct network *n, int i);
struct yolo_head network_head(const struct network *n);
/* Points a head at the outputs of the executor's last run. */
void network_head_data(struct yolo_head *head, const struct network *n, const struct float_exec *e);

/* Runs the float network on pictures or numbers; one thread at a time, any number of them on one network. */
struct float_run {
    const struct network *network;
    struct float_exec *exec;
    struct frame frame; /* of pictures */
    int n_inputs;
    float **
        inputs; /* [n_inputs], what the graph's inputs were in the last run; numbers are put there before */
    size_t *sizes; /* [n_inputs], how many numbers each has */
};
itx_status float_run_create(struct float_run *r, const struct network *n, int n_threads,
                            struct itx_error *err);
void float_run_release(struct float_run *r);
/* Runs the network on what lies in r->frame (frame_prepare), or in r->inputs. */
itx_status float_run_input(struct float_run *r, float_observe_fn *observe, void *ctx,
                           struct itx_error *err);

/* What a network was given, kept for later. */
struct kept_input {
    const uint8_t *rgb;    /* a picture [h, w, 3], or */
    const float **numbers; /* [n_inputs] */
};
itx_status kept_input_take(struct kept_input *k, const struct float_run *r, struct arena *arena,
                           struct itx_error *err);
void kept_input_restore(const struct kept_input *k, struct float_run *r);

/* Fails when a node has no int8 form: for the head's sake where that is known, else with the first such node. */
itx_status network_check_int8(const struct network *n, struct itx_error *err);

/* Writes the input into the input tensors of a plan of the network; tensors[i]: of input i. */
void network_write_input(const struct network *n, const struct plan *plan, const uint8_t *rgb,
                         const float *const *numbers, void *const *tensors);

#endif
