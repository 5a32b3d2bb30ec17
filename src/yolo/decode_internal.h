/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the decoder share: the loose thresholds on stored logits, the list of candidates, NMS.
 */
#ifndef YOLO_DECODE_INTERNAL_H
#define YOLO_DECODE_INTERNAL_H

#include "yolo/yolo.h"

/* A candidate as one number whose order is the order of candidates: the complemented bits of its score (a positive
 * float, so its bits are ordered as its value), then anchor * n_classes + class. */
typedef uint64_t yolo_key;

/* Ascending; `scratch` has room for n. */
void yolo_sort(yolo_key *key, yolo_key *scratch, int n);

/* The strongest `max` candidates seen so far, and up to as many again that are not sorted out yet. */
struct yolo_candidates {
    yolo_key *key, *scratch; /* [cap] */
    int n, cap, max;
    yolo_key end; /* keys from here on cannot be among the strongest */
};

void yolo_candidates_reset(struct yolo_candidates *list);
void yolo_candidates_add(struct yolo_candidates *list, yolo_key key);
void yolo_candidates_finish(struct yolo_candidates *list); /* sorts, keeps `max` */

/* Lower bounds on stored values: every element whose logit is >= logit passes; some that are slightly below may.
 * NaN never passes. Integers for integer types, floats for DTYPE_F32. Both [t->c]. */
struct yolo_bounds {
    int32_t *s32;
    float *f32;
};
void yolo_bounds_set(const struct yolo_bounds *bounds, const struct yolo_tensor *t, double logit);

/* hit[i] = 1 when any element of pixel (y, x + i) passes, for n pixels. */
void yolo_scan_row(const struct yolo_tensor *t, int y, int x, int n,
                   const struct yolo_bounds *bounds, uint8_t *hit);

/* Boxes kept by NMS, class by class: those of class c begin at first[c] and are n[c]. */
struct yolo_nms {
    float (*kept)[4]; /* [YOLO_MAX_CANDIDATES or fewer] */
    int *first, *n;   /* [n_classes] */
};

/* Whether `box` overlaps none of the kept ones of its class by more than iou; if so it is kept. */
bool yolo_nms_keep(const struct yolo_nms *nms, int class_id, const float box[4], double iou);

#endif
