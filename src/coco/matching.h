/* SPDX-License-Identifier: Apache-2.0
 *
 * The part of the evaluation that does not depend on which pictures count how often: for every category, what became
 * of its detections, in the order of its curve. Precision and recall follow from it (evaluate.c), also of pictures drawn
 * by lot (kept.c).
 */
#ifndef COCO_MATCHING_H
#define COCO_MATCHING_H

#include "coco/evaluate_match.h"

/* What there is to find of a category in a picture. */
struct coco_wanted {
    int image;
    uint32_t n[COCO_AREA_COUNT];
};

/* Zero-initialised is valid and empty. */
struct coco_matching {
    int n_categories;
    size_t *first; /* [n_categories + 1] */
    struct coco_outcome *
        outcomes; /* of category k first[k] to first[k + 1]: falling score, then image, then rank */
    size_t *first_wanted;       /* [n_categories + 1] */
    struct coco_wanted *wanted; /* of category k first_wanted[k] to first_wanted[k + 1], by image */
};

/* Checks the input. On failure `matching` is empty. */
itx_status coco_matching_create(struct coco_matching *matching,
                                const struct coco_evaluate_input *input, struct itx_error *err);
void coco_matching_release(struct coco_matching *matching);

#endif
