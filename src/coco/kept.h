/* SPDX-License-Identifier: Apache-2.0
 *
 * How much of a reference's average precision a candidate keeps, and how far that can be trusted: the same for pictures
 * drawn by lot from those that there are (a bootstrap).
 */
#ifndef COCO_KEPT_H
#define COCO_KEPT_H

#include "coco/evaluate.h"

#define COCO_KEPT_DRAWS 1000
#define COCO_KEPT_SEED 1

struct coco_kept_input {
    enum coco_overlap overlap;
    int n_images, n_categories;
    const int *
        drawn; /* [n_drawn] the images that were looked at; all truths and detections lie in them */
    int n_drawn;
    const struct coco_truth *truths;
    size_t n_truths;
    const struct coco_detection *candidate;
    size_t n_candidate;
    const struct coco_detection *reference;
    size_t n_reference;
    int n_draws; /* 1 or more */
    uint64_t seed;
    struct pool *pool; /* NULL: this thread alone; the result is the same */
};

struct coco_kept {
    double candidate, reference; /* AP of all areas, as COCO defines it */
    double share;                /* candidate / reference */
    double low,
        high; /* 2.5th and 97.5th percentile of that share, linear between neighbours as numpy has it */
    int n_draws; /* those with a reference AP above 0: others say nothing */
};

/* Each draw takes n_drawn images with replacement, the same ones for both, and evaluates them as if every one was a picture
 * of its own: draw i takes image drawn[u n_drawn / 2^64] for successive numbers u of splitmix64, which begins at
 * seed + i 2^32. Copies of a detection go together among equal scores. Without a reference AP above 0, share, low and high
 * are 0. */
itx_status coco_kept(struct coco_kept *result, const struct coco_kept_input *input,
                     struct itx_error *err);

#endif
