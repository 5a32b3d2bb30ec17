/* SPDX-License-Identifier: Apache-2.0
 *
 * How far two networks' detections agree: average precision of a candidate's with a reference's as ground truth.
 */
#ifndef COCO_AGREEMENT_H
#define COCO_AGREEMENT_H

#include "coco/evaluate.h"

#define COCO_AGREEMENT_SCORE 0.25

struct coco_agreement_input {
    int n_images, n_categories;
    const struct coco_detection *reference; /* those above COCO_AGREEMENT_SCORE count; with masks */
    size_t n_reference;
    const struct coco_detection *candidate; /* with masks; should reach down to a score of 0.001 */
    size_t n_candidate;
    struct pool *pool; /* NULL: this thread alone; the result is the same */
};

/* Each: AP over overlaps 0.5 to 0.95, at 0.5, at 0.75, as COCO defines them, all areas, 100 a picture and category;
 * but the mean over categories is weighted by the number of reference detections in each, so that one object of a rare
 * category does not move it. */
struct coco_agreement {
    double box[3], mask[3];
};

/* Without any reference detection it fails. */
itx_status coco_agreement(struct coco_agreement *result, const struct coco_agreement_input *input,
                          struct itx_error *err);

#endif
