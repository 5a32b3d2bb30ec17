/* SPDX-License-Identifier: Apache-2.0
 *
 * Pieces of COCO's files as jansson reads them; for this folder only.
 */
#ifndef COCO_JSON_H
#define COCO_JSON_H

#include <jansson.h>

#include "coco/annotations.h"
#include "yolo/rle.h"

/* NULL and an error when the bytes are no JSON; json_decref. */
json_t *coco_json_load(const void *data, size_t size, struct itx_error *err);

/* The list under `key`, which has at most INT32_MAX entries. */
itx_status coco_json_list(const json_t *root, const char *key, const json_t **list, int *n,
                          struct itx_error *err);

/* As coco_annotations_parse; on failure `set` is empty. */
itx_status coco_annotations_from_json(struct coco_annotations *set, const json_t *root,
                                      struct itx_error *err);

/* A "segmentation": a list of polygons in a picture [h, w], or an object with run lengths that says its size itself.
 * Replaces the content of `rle`; on failure it is empty. */
itx_status coco_mask_from_json(struct rle *rle, const json_t *segmentation, int h, int w,
                               struct itx_error *err);

/* A list of n numbers. */
itx_status coco_numbers_from_json(double *numbers, size_t n, const json_t *list, const char *what,
                                  struct itx_error *err);

#endif
