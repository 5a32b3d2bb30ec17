/* SPDX-License-Identifier: Apache-2.0
 *
 * How well two networks' masks of the same objects cover each other.
 */
#ifndef COCO_PAIRS_H
#define COCO_PAIRS_H

#include "coco/agreement.h"

#define COCO_PAIR_OVERLAP 0.5

struct coco_pairs {
    size_t n_reference; /* those above COCO_AGREEMENT_SCORE */
    size_t n_matched;
    double mask_iou; /* mean over the matched; 0 when there are none */
};

/* Pairs are of one picture and category: the candidate's detections, strongest first, each take the free reference
 * detection whose box overlaps theirs most, by COCO_PAIR_OVERLAP at least. */
itx_status coco_pair(struct coco_pairs *result, const struct coco_agreement_input *input,
                     struct itx_error *err);

#endif
