/* SPDX-License-Identifier: Apache-2.0
 *
 * COCO's measure of detections against ground truth, with the numbers of pycocotools' COCOeval: average precision and
 * recall over ten overlaps, four ranges of area and three limits of detections a picture. One thing differs: an
 * annotation whose id is 0 can be found (COCOeval takes that id for "none").
 */
#ifndef COCO_EVALUATE_H
#define COCO_EVALUATE_H

#include <stdbool.h>

#include "base/pool.h"
#include "base/status.h"
#include "yolo/rle.h"

#define COCO_N_IOUS 10     /* 0.5, 0.55, ... 0.95 */
#define COCO_N_RECALLS 101 /* 0, 0.01, ... 1 */
#define COCO_N_STATS 12

enum coco_area {
    COCO_AREA_ALL,
    COCO_AREA_SMALL,  /* to 32 * 32 */
    COCO_AREA_MEDIUM, /* from 32 * 32 to 96 * 96 */
    COCO_AREA_LARGE,  /* from 96 * 96 */
    COCO_AREA_COUNT
};
/* The strongest 1, 10, 100 of a picture and category. */
enum coco_limit { COCO_LIMIT_1, COCO_LIMIT_10, COCO_LIMIT_100, COCO_LIMIT_COUNT };

enum coco_overlap { COCO_OVERLAP_BOX, COCO_OVERLAP_MASK };

/* Images count from 0 in rising order of their ids: among equal scores an earlier image goes first. Categories count
 * from 0. */
struct coco_truth {
    int image, category;
    double box[4]; /* x, y, w, h */
    double area;   /* decides the ranges it belongs to; need not be the box's nor the mask's */
    bool is_crowd; /* may be found any number of times, and counts neither way */
    const struct rle *mask; /* NULL: none, for COCO_OVERLAP_BOX only */
};

struct coco_detection {
    int image, category;
    double box[4]; /* x, y, w, h */
    double score, area;
    const struct rle *mask; /* as above */
};

/* Equal scores keep the order of `detections`. */
struct coco_evaluate_input {
    enum coco_overlap overlap;
    int n_images, n_categories;
    const struct coco_truth *truths;
    size_t n_truths;
    const struct coco_detection *detections;
    size_t n_detections;
    struct pool *pool; /* NULL: this thread alone; the result is the same */
};

/* Zero-initialised is valid and empty. */
struct coco_evaluation {
    int n_categories;
    double *precision; /* [iou, recall, category, area, limit]: coco_precision */
    double *recall;    /* [iou, category, area, limit]: coco_recall */
    /* AP, AP at 0.5, at 0.75, of small, medium, large; AR of limits 1, 10, 100, of small, medium, large; -1: nothing
     * to find */
    double stats[COCO_N_STATS];
};

/* Replaces the content of `result`; on failure it is empty. */
itx_status coco_evaluate(struct coco_evaluation *result, const struct coco_evaluate_input *input,
                         struct itx_error *err);
void coco_evaluation_release(struct coco_evaluation *result);

/* The best precision at this recall or above; -1 where the category has nothing to find. */
double coco_precision(const struct coco_evaluation *e, int iou, int recall, int category,
                      enum coco_area area, enum coco_limit limit);
/* The largest recall; -1 as above. */
double coco_recall(const struct coco_evaluation *e, int iou, int category, enum coco_area area,
                   enum coco_limit limit);

/* Overlap number i, and recall number i, of those above. */
double coco_iou_threshold(int i);
double coco_recall_threshold(int i);

#endif
