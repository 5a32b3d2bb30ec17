/* SPDX-License-Identifier: Apache-2.0
 *
 * The part of the evaluation that looks at one category in one picture: who found what.
 */
#ifndef COCO_EVALUATE_MATCH_H
#define COCO_EVALUATE_MATCH_H

#include "coco/evaluate.h"

#define COCO_MAX_DETECTIONS 100 /* of one picture and category */

/* What became of a detection; bit i is for overlap i. */
struct coco_outcome {
    double score;
    int image;
    int rank; /* among those of its picture and category, 0 is the strongest */
    uint16_t is_matched[COCO_AREA_COUNT];
    uint16_t is_ignored[COCO_AREA_COUNT];
};

/* One category in one picture: truths in their order, detections strongest first, at most COCO_MAX_DETECTIONS. */
struct coco_cell {
    const struct coco_truth *const *truths;
    const struct coco_detection *const *detections;
    int n_truths, n_detections;
};

/* A mask with what follows from it; places are in the order of its code. */
struct coco_shape {
    const struct rle *mask;
    uint64_t begin, end; /* all its pixels lie from the one to before the other */
    uint64_t area;       /* 0: not counted yet */
};

/* Working memory that grows; zero-initialised is valid and empty. */
struct coco_matcher {
    VEC(double) iou;               /* [detection, truth] */
    VEC(struct coco_shape) shapes; /* of truths */
    VEC(int) order;                /* truths, ignored ones last */
    VEC(bool) is_ignored, is_found;
    VEC(int) hopeful; /* detections that overlap some truth enough */
};
void coco_matcher_release(struct coco_matcher *matcher);

/* Writes one outcome for each detection (not its image), and n_wanted[area]: how many truths are to be found. */
itx_status coco_match(struct coco_matcher *matcher, const struct coco_cell *cell,
                      enum coco_overlap overlap, struct coco_outcome *outcomes,
                      uint32_t n_wanted[COCO_AREA_COUNT], struct itx_error *err);

#endif
