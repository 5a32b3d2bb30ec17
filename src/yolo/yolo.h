/* SPDX-License-Identifier: Apache-2.0
 *
 * From the raw outputs of a YOLO head to instances: class logits -> scores -> candidates -> boxes -> NMS.
 * Works on views of tensors of any type and layout, so that the int8 runtime and the float executor share it.
 * Everything here gives the same bits on every machine: only tensor/exact.h and operations that IEEE 754 rounds.
 */
#ifndef YOLO_YOLO_H
#define YOLO_YOLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "tensor/dtype.h"

#define YOLO_MAX_LEVELS 8
#define YOLO_MAX_REG 64           /* reg_max */
#define YOLO_MAX_COEFS 256        /* n_coefs */
#define YOLO_MAX_CANDIDATES 30000 /* the strongest that enter NMS */

/* A tensor [h, w, c] that somebody else owns: element (y, x, k) is at data[y row + x pixel + k channel], and stands
 * for (stored - zero_point[k]) * scale[k]; index 0 for every k when n_quant is 1. */
struct yolo_tensor {
    enum dtype dtype; /* DTYPE_S8, DTYPE_S16, DTYPE_S32, DTYPE_F32 */
    const void *data;
    int h, w, c;
    ptrdiff_t row, pixel, channel; /* distances in elements */
    int n_quant;                   /* 1 or c */
    const float *scale;            /* [n_quant], finite, > 0; NULL: 1 */
    const int32_t *zero_point;     /* [n_quant]; NULL: 0 */
};

/* out[i] = the number that element (y, x, i) stands for; out has room for t->c. */
void yolo_tensor_pixel(const struct yolo_tensor *t, int y, int x, float *out);
/* The same for the n pixels (y, x) ... (y, x + n - 1); out [n, t->c]. */
void yolo_tensor_row(const struct yolo_tensor *t, int y, int x, int n, float *out);

/* Anchor-free heads: for each level class logits [h, w, n_classes], box distributions [h, w, 4 reg_max] in the order
 * left, top, right, bottom, and mask coefficients [h, w, n_coefs]; prototypes [ph, pw, n_coefs]. */
struct yolo_head {
    int n_levels, n_classes, reg_max;
    int n_coefs; /* 0 for detection: coef and proto are unused */
    struct {
        int stride;
        struct yolo_tensor cls, box, coef;
    } level[YOLO_MAX_LEVELS];
    struct yolo_tensor proto;
};

struct yolo_params {
    float conf;  /* candidates have a score > conf */
    double iou;  /* a box is dropped when its overlap with a stronger one of its class is > iou */
    int max_det; /* at most so many are found; >= 1 */
    enum yolo_labels { YOLO_BEST_LABEL, YOLO_EVERY_LABEL } labels; /* of an anchor */
};

struct yolo_place {
    int level, y, x;
};

struct yolo_found {
    float box
        [4]; /* x1, y1, x2, y2 in pixels of the network's input; x1 <= x2, y1 <= y2; not clipped */
    float score;
    int class_id;
    struct yolo_place place; /* where its coefficients are */
};

/* A set of a level's cells: column x of row y in bit x % 64 of word y * words + x / 64. */
struct yolo_cells {
    const uint64_t *bits; /* NULL: all cells */
    int words;
};

/* For class logits stored as integers: no cell has a class above conf in which every class k is below bound[k]
 * [n_classes]. */
void yolo_head_bounds(const struct yolo_head *head, int level, float conf, int32_t *bound);

/* One thread at a time. Owns the memory for any content of heads of one geometry. */
struct yolo_decoder;

/* `head`: everything but the data pointers counts; it is checked, and not kept. */
itx_status yolo_decoder_create(struct yolo_decoder **decoder, const struct yolo_head *head,
                               struct itx_error *err);
void yolo_decoder_destroy(struct yolo_decoder **decoder); /* accepts NULL content */

/* The calls below allocate nothing and cannot fail; `head` is the one given to create, with data.
 *
 * yolo_decoder_scan reads the class logits only, of the cells given for each level, NULL: all. A candidate is an anchor with a class; they are ordered by falling
 * score, equal ones by anchor (levels in order, then rows), then class; YOLO_MAX_CANDIDATES are kept.
 * Afterwards yolo_decoder_places gives the anchors that any candidate uses, strongest first: only there are box
 * and coef read. Returns their number. yolo_decoder_finish makes their boxes and suppresses. */
void yolo_decoder_scan(struct yolo_decoder *decoder, const struct yolo_head *head,
                       const struct yolo_params *params, const struct yolo_cells *cells);
int yolo_decoder_places(const struct yolo_decoder *decoder, const struct yolo_place **places);
void yolo_decoder_finish(struct yolo_decoder *decoder, const struct yolo_head *head);

/* Both, for callers whose heads are complete. */
void yolo_decoder_run(struct yolo_decoder *decoder, const struct yolo_head *head,
                      const struct yolo_params *params);

/* Found by the last run, by falling score; valid until the next. Returns their number. */
int yolo_decoder_found(const struct yolo_decoder *decoder, const struct yolo_found **found);

/* The box of an anchor, as yolo_found has it. */
void yolo_head_box(const struct yolo_head *head, struct yolo_place place, float box[4]);
/* The mask coefficients of an anchor; out [n_coefs]. */
void yolo_head_coefs(const struct yolo_head *head, struct yolo_place place, float *out);

#endif
