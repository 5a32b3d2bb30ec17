/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of `intarsia perf` share: perf.c has the command, perf_frames.c what is run, perf_measure.c takes the
 * times, perf_layers.c and perf_report.c say them.
 */
#ifndef CMD_PERF_H
#define CMD_PERF_H

#include <jansson.h>

#include "cmd/machine.h"
#include "cmd/net.h"
#include "cmd/terminal.h"
#include "vision/files.h"

struct perf_options {
    const char *cpu;
    int threads, runs, warmup, max_pixels;
    bool layers, throughput, json;
    struct model_limits limits;
};

/* ---- frames ---- */

/* One frame: a photograph, noise, or numbers. Zero-initialised is valid and empty. */
struct perf_frame {
    struct itx_image image;
    struct picture picture; /* behind a photograph */
    uint8_t *noise;
    float *numbers; /* of a network whose input is no picture; else NULL */
};
/* `path` NULL: noise or, for such a network, zeros, of the input's size. max_pixels: as picture_read takes it. */
itx_status perf_frame_make(struct perf_frame *frame, const struct itx_model_info *m,
                           const char *path, int max_pixels, struct itx_error *err);
void perf_frame_release(struct perf_frame *frame);

/* ---- measuring ---- */

enum perf_series {
    PERF_NETWORK, /* from the input tensor to the raw outputs */
    PERF_RUN,     /* itx_session_run: conversion too */
    PERF_DENSE,   /* and decoding and suppression: instances from all outputs */
    PERF_DECODE,  /* what of it is decoding */
    PERF_DEMAND,  /* itx_session_segment */
    PERF_MASKS,   /* itx_session_mask_box of every instance */
    PERF_SERIES_COUNT
};

/* Nanoseconds of frames, sorted when all were taken; n 0: not measured. */
struct perf_times {
    int n;
    uint64_t *ns;
};
double perf_quantile_ms(const struct perf_times *t, double part);

/* Of all sessions at work at the same time: all outputs, or the instances on demand. */
struct perf_throughput {
    int n_sessions; /* 0: not measured */
    const char *cpu;
    struct perf_service {
        double frames_a_second;
        struct perf_times frame;
    } dense, demand;
};

struct perf {
    const struct perf_options *options;
    const char *path;
    struct file_list photos; /* none: noise */
    struct net net;
    int n_frames, n_steps;                                           /* n_steps 0: no profile */
    struct perf_times times[PERF_SERIES_COUNT], *step, open, create; /* step [n_steps] */
    double objects, demand_part; /* of a frame, means; the second: of the multiplications */
    struct perf_throughput throughput;
    struct itx_memory session_memory;
    struct machine_memory memory; /* of the process, sessions ready and run */
    bool has_memory;
    double clock_ghz, copy_rate, peak[2]; /* of 8 and 16 bits, one thread; with a profile */
};

itx_status perf_measure(struct perf *p, struct itx_error *err);
itx_status perf_measure_throughput(struct perf *p, struct itx_error *err);
void perf_release(struct perf *p);

/* ---- reporting ---- */

void perf_print(const struct perf *p);
bool perf_print_json(const struct perf *p);
void perf_print_layers(const struct perf *p);
json_t *perf_layers_json(const struct perf *p);

#endif
