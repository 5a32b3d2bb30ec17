/* SPDX-License-Identifier: Apache-2.0
 *
 * What the evaluation compares, from COCO's files: all of an annotations file (instances.json), and results files.
 */
#ifndef COCO_DATASET_H
#define COCO_DATASET_H

#include "coco/annotations.h"
#include "coco/entries.h"
#include "coco/evaluate.h"

/* Images and categories count by rising id, as the evaluation wants it. Zero-initialised is valid and empty. */
struct coco_dataset {
    struct coco_annotations names;
    struct arena arena; /* owns what follows */
    int n_images;
    int64_t *image_id;    /* [n_images], rising; category ids are in names.categories, rising */
    int (*image_size)[2]; /* h, w; 0 when the file does not say */
    struct coco_truth *truths;
    size_t n_truths;
    struct mask_store masks; /* of truths */
};

/* From the bytes of a file, which may be anything. Masks may be polygons or run lengths, as text or as numbers.
 * Annotations of images and categories that the file does not list are left out. `pool` (NULL: this thread alone) makes it
 * faster. On failure `set` is empty. */
itx_status coco_dataset_parse(struct coco_dataset *set, const void *data, size_t size,
                              struct pool *pool, struct itx_error *err);
/* The same from a file; errors name it. */
itx_status coco_dataset_read(struct coco_dataset *set, const char *path, struct pool *pool,
                             struct itx_error *err);
void coco_dataset_release(struct coco_dataset *set);

/* Places of ids; -1: unknown. */
int coco_image_index(const struct coco_dataset *set, int64_t id);
int coco_category_index(const struct coco_dataset *set, int64_t id);

/* Zero-initialised is valid and empty. */
struct coco_results {
    struct arena arena; /* owns what follows */
    struct coco_detection *detections;
    size_t n_detections;
    struct mask_store masks; /* of detections */
};

/* A results file: a list of detections in images of `set`, which it need not outlive. As pycocotools' loadRes: with boxes,
 * the area is the box's, and a mask that is missing is the box; without, area and box are the mask's. Unknown images are
 * an error; unknown categories are left out. On failure `results` is empty. */
itx_status coco_results_parse(struct coco_results *results, const struct coco_dataset *set,
                              const void *data, size_t size, struct pool *pool,
                              struct itx_error *err);
/* The same from a file; errors name it. */
itx_status coco_results_read(struct coco_results *results, const struct coco_dataset *set,
                             const char *path, struct pool *pool, struct itx_error *err);
void coco_results_release(struct coco_results *results);

#endif
