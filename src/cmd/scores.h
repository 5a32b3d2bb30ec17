/* SPDX-License-Identifier: Apache-2.0
 *
 * COCO's figures of one list of detections, and how they are shown.
 */
#ifndef CMD_SCORES_H
#define CMD_SCORES_H

#include <jansson.h>
#include <stdio.h>

#include "coco/dataset.h"

/* Zero-initialised is valid and empty. */
struct scores {
    bool has_masks; /* else only boxes were evaluated */
    struct coco_evaluation box, mask;
};

/* What there is to find in some photographs. */
struct truth_list {
    const struct coco_dataset *set; /* for the numbers of images and categories */
    const struct coco_truth *truths;
    size_t n;
    const int *images; /* [n_images] the photographs */
    int n_images;
};

/* Masks are evaluated when `wants_masks` is set and all truths and detections have one. */
itx_status scores_compute(struct scores *s, const struct truth_list *truth,
                          const struct coco_detection *found, size_t n_found, bool wants_masks,
                          struct pool *pool, struct itx_error *err);
void scores_release(struct scores *s);

/* The twelve lines of COCOeval.summarize, for boxes and for masks. */
void scores_print(const struct scores *s, FILE *out);
/* A row for every category that occurs. */
void scores_print_classes(const struct scores *s, const struct truth_list *truth, FILE *out);

/* {"AP": ..., "AP50": ..., ..., "AR100_large": ...}; -1: nothing to find. */
json_t *scores_stats_json(const double stats[COCO_N_STATS]);
/* {"box": as above, "mask": as above}. */
json_t *scores_json(const struct scores *s);
/* [{"name", "objects", "box": {"AP", "AP50"}, "mask": ...}, ...]. */
json_t *scores_classes_json(const struct scores *s, const struct truth_list *truth);

#endif
