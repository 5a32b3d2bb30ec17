/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of hb_perf share: perf.c has the command, perf_measure.c measures, perf_page.c writes the page, perf_draw.c
 * and perf_structure.c draw. hb_mapper makes its static report of it.
 */
#ifndef RDK_PERF_H
#define RDK_PERF_H

#include "base/str.h"
#include "rdk/rdk_bin.h"
#include "rdk/run.h"
#include "base/span.h"
#include "vision/picture.h"

struct perf_layer {
    struct itx_step_info info;
    const char *kernel;
    struct span time;
    uint64_t products, bytes;
    double
        roofline_ms; /* what the machine allows: the longer of multiplying and of moving its bytes; 0: unknown */
};

/* A short run of one model. Zero-initialised is valid and empty. */
struct perf_model {
    const struct plan *plan;
    itx_model *model;
    struct rdk_run run;
    struct itx_model_info info;
    int n_frames, n_threads, n_layers;
    const char *cpu;
    const struct model_limits *limits; /* of the session, set before; NULL: the usual ones */
    struct span frame, network, prepare;
    struct span *output;      /* [n_outputs] making what the user gets */
    struct perf_layer *layer; /* [n_layers], in the order in which they run */
    uint64_t *live;           /* [n_layers] bytes of tensors that are held while it runs */
    double peak[2];   /* products a second of all threads, of 8 and of 16 bits; 0: unknown */
    double copy_rate; /* bytes a second */
};

/* `plan` is that model of the file, which outlives what was measured. Released by the caller after a failure too. */
itx_status perf_model_measure(struct perf_model *m, const struct rdk_bin *bin,
                              const struct plan *plan, struct itx_error *err);
void perf_model_release(struct perf_model *m);

/* A page without anything from elsewhere. */
void perf_page(struct strbuf *page, const struct perf_model *m);

/* Drawings as SVG elements: the parts of the model, the program with a line to each output; the layers under the machine's
 * roof; what the tensors hold over time. */
void perf_draw_structure(struct strbuf *b, const struct perf_model *m);
void perf_draw_roofline(struct strbuf *b, const struct perf_model *m);
void perf_draw_memory(struct strbuf *b, const struct perf_model *m);

/* The first of these as a picture. */
itx_status perf_paint_structure(const struct perf_model *m, struct picture *picture,
                                struct itx_error *err);

#endif
