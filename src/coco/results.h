/* SPDX-License-Identifier: Apache-2.0
 *
 * Instances as JSON text: entries of a COCO results file, and our own form with names and outlines. Everything is
 * appended to a strbuf; numbers have the fewest digits that give them back exactly.
 */
#ifndef COCO_RESULTS_H
#define COCO_RESULTS_H

#include "base/str.h"
#include "yolo/polygon.h"
#include "yolo/rle.h"

/* null when not finite. */
void json_add_double(struct strbuf *out, double v);
void json_add_float(struct strbuf *out, float v);

struct coco_result {
    int64_t image_id, category_id;
    double box[4]; /* x1, y1, x2, y2 in the photo */
    float score;
    const struct rle *mask; /* NULL: a box only */
};

/* {"image_id": ..., "category_id": ..., "bbox": [x, y, w, h], "score": ..., "segmentation": {"size": [h, w],
 * "counts": "..."}}; an entry of the list that a results file is. */
void coco_add_result(struct strbuf *out, const struct coco_result *result);

/* [{"outer": [x, y, x, y, ...], "holes": [[x, y, ...], ...]}, ...], one for each part. */
void json_add_polygons(struct strbuf *out, const struct polygon_list *list);

struct instance_text {
    int class_id;
    const char *name; /* of the class */
    float score;
    float box[4];                        /* x1, y1, x2, y2 in the photo */
    const struct rle *mask;              /* NULL: left out */
    const struct polygon_list *outlines; /* NULL: left out */
};

/* {"class_id": ..., "class": "...", "score": ..., "box": [x1, y1, x2, y2], "segmentation": as in COCO, "polygons": as
 * above}. */
void json_add_instance(struct strbuf *out, const struct instance_text *instance);

#endif
