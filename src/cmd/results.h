/* SPDX-License-Identifier: Apache-2.0
 *
 * What was found, as JSON (polygons and run lengths) and as COCO results. Text is gathered while photographs pass by and
 * written whole at the end.
 */
#ifndef CMD_RESULTS_H
#define CMD_RESULTS_H

#include "base/str.h"
#include "cmd/coco_rows.h"
#include "yolo/mask.h"
#include "yolo/polygon.h"
#include "yolo/rle.h"

/* Zero-initialised is valid and empty. */
struct results {
    const char *json_path, *coco_path; /* NULL: not wanted */
    const struct net *net;
    bool has_annotations;
    struct coco_annotations annotations;
    int64_t *category_id; /* [classes] */
    struct strbuf json;
    int n_photos; /* in json */
    struct coco_rows rows;
    struct strbuf instances; /* of the photo at hand */
    int n_instances;
    int64_t image_id;
    struct rle rle;
    struct polygon_list polygons;
};

/* Any path may be NULL; `net` must outlive the results. With annotations image ids come by file name and category ids by
 * class name; without, image ids are the numbers in file names, and category ids count from 1, or are COCO's when
 * the classes are COCO's 80. */
itx_status results_begin(struct results *r, const char *json_path, const char *coco_path,
                         const char *annotations_path, const struct net *net,
                         struct itx_error *err);
bool results_wanted(const struct results *r);

/* Then for every photo: begin, its instances by falling score, end. */
itx_status results_begin_photo(struct results *r, const char *path, struct itx_error *err);
itx_status results_add(struct results *r, const struct itx_instance *found, const uint8_t *mask,
                       const struct yolo_rect *rect, int width, int height, struct itx_error *err);
/* `times`: a JSON object. */
void results_end_photo(struct results *r, const char *path, int width, int height,
                       const char *times);
void results_failed_photo(struct results *r, const char *path, const char *why);

/* Writes the files; "-" is the standard output. */
itx_status results_end(struct results *r, struct itx_error *err);
void results_release(struct results *r);

#endif
