/* SPDX-License-Identifier: Apache-2.0
 *
 * A file with small models, made in memory: a head on random weights for segmentation and one for detection, and one that takes
 * numbers. For the tests of the runtime's public functions, in C and from Python.
 */
#ifndef TESTS_UNIT_HEAD_BUILD_H
#define TESTS_UNIT_HEAD_BUILD_H

#include "plan_build.h"

enum { SIDE = 64, GRID = 8, CLASSES = 3, BINS = 4, COEFS = 4 };

static const char *const class_names[CLASSES] = {"bolt", "nut", "washer"};

static inline uint32_t add_conv(struct build *b, uint32_t in, const char *name, int stride, int c,
                                enum dtype dtype)
{
    const uint32_t out = build_tensor(b, name, dtype, SIDE / stride, SIDE / stride, c);
    struct plan_step *const s = build_step(b, STEP_CONV, name, 1, &in, out);
    build_window(s, stride, stride, 0);
    build_conv_arrays(b, s, ACT_NONE);
    float *const scale = build_room(b, 1, sizeof *scale);
    *scale = dtype == DTYPE_S32 ? 2e-6f : 1.0f / 4096;
    b->tensors[out].scale = scale;
    return out;
}

/* 64 x 64 pixels to one level of stride 8 and prototypes of stride 4. */
static inline void build_head(struct build *b, const char *name, enum plan_task task)
{
    build_init(b, name, 21);
    const uint32_t in = build_tensor(b, "in", DTYPE_S8, SIDE, SIDE, 3);
    build_input(b, in, PLAN_INPUT_RGB);
    build_output(b, add_conv(b, in, "cls", SIDE / GRID, CLASSES, DTYPE_S32));
    build_output(b, add_conv(b, in, "box", SIDE / GRID, 4 * BINS, DTYPE_S32));
    b->plan.head = (struct plan_head){
        .task = task, .n_classes = CLASSES, .reg_max = BINS, .n_levels = 1, .names = class_names};
    b->plan.head.level[0].stride = SIDE / GRID;
    b->plan.head.level[0].box = 1;
    if (task != PLAN_SEGMENT) return;
    build_output(b, add_conv(b, in, "coef", SIDE / GRID, COEFS, DTYPE_S32));
    build_output(b, add_conv(b, in, "proto", 4, COEFS, DTYPE_S16));
    b->plan.head.n_coefs = COEFS;
    b->plan.head.level[0].coef = 2;
    b->plan.head.proto = 3;
}

/* Two numbers in, one convolution each; nothing in it is a picture. */
static inline void build_numbers(struct build *b, const char *name)
{
    build_init(b, name, 22);
    for (int i = 0; i < 2; i++) {
        const uint32_t in = build_tensor(b, "in", DTYPE_S8, 4, 4, 3);
        const uint32_t out = build_tensor(b, i == 0 ? "out" : "other", DTYPE_S8, 4, 4, 8);
        struct plan_step *const s = build_step(b, STEP_CONV, "conv", 1, &in, out);
        build_window(s, 1, 1, 0);
        build_conv_arrays(b, s, ACT_NONE);
        build_input(b, in, PLAN_INPUT_TENSOR);
        build_output(b, out);
    }
}

/* A file with three models: segmentation, detection, and numbers. */
static inline void *make_file(size_t *size)
{
    struct build *const b = malloc(3 * sizeof *b);
    if (b == NULL) abort();
    build_head(&b[0], "seg", PLAN_SEGMENT);
    build_head(&b[1], "det", PLAN_DETECT);
    build_numbers(&b[2], "raw");
    const struct plan *const models[] = {&b[0].plan, &b[1].plan, &b[2].plan};
    void *data = NULL;
    struct itx_error err;
    const itx_status rc = plan_write(models, 3, &data, size, &err);
    CHECK_MSG(rc == ITX_OK, "%s", err.text);
    for (int i = 0; i < 3; i++) build_release(&b[i]);
    free(b);
    return data;
}

#endif
