/* SPDX-License-Identifier: Apache-2.0
 *
 * What was found, as JSON (polygons and run lengths) and as COCO results, in files that are complete after every photo.
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
    struct list_file json, rows;
    int n_instances; /* of the photo at hand, in json */
    bool is_begun;   /* its entry */
    int64_t image_id;
    struct rle rle;
    struct polygon_list polygons;
};

/* Opens the files. Any path may be NULL, "-" is the standard output; `net` must outlive the results. With annotations image ids come by file name and category ids by
 * class name; without, image ids are the numbers in file names, and category ids count from 1, or are COCO's when
 * the classes are COCO's 80. */
itx_status results_begin(struct results *r, const char *json_path, const char *coco_path,
                         const char *annotations_path, const struct net *net,
                         struct itx_error *err);
bool results_wanted(const struct results *r);

/* Then for every photo: begin, its instances by falling score, end; or `failed` at any time. */
itx_status results_begin_photo(struct results *r, const char *path, int width, int height,
                               struct itx_error *err);
itx_status results_add(struct results *r, const struct itx_instance *found, const uint8_t *mask,
                       const struct yolo_rect *rect, int width, int height, struct itx_error *err);
/* `times`: a JSON object. */
itx_status results_end_photo(struct results *r, const char *times, struct itx_error *err);
itx_status results_failed_photo(struct results *r, const char *path, const char *why,
                                struct itx_error *err);
/* Whether a file could not be written, so that going on is of no use. */
bool results_broken(const struct results *r);

itx_status results_end(struct results *r, struct itx_error *err);
void results_release(struct results *r);

#endif
