/* SPDX-License-Identifier: Apache-2.0
 *
 * The forms a mask takes in COCO's files.
 */
#ifndef COCO_SEGMENTATION_H
#define COCO_SEGMENTATION_H

#include "base/arena.h"
#include "coco/json.h"
#include "yolo/rle.h"

/* Working memory of one thread, and where what it read stays. Zero-initialised is valid and empty. */
struct mask_reader {
    struct arena arena; /* of the masks; owned by whoever the masks go to */
    struct rle rle, part, both;
    struct strbuf text;
    VEC(double) xy;
};
/* All but the arena. */
void mask_reader_release(struct mask_reader *reader);

bool mask_is_given(struct str segmentation);
/* A "segmentation": a list of polygons in a picture [h, w], or an object with run lengths that says its size itself. */
itx_status mask_read(struct mask_reader *reader, struct rle *mask, struct str segmentation, int h,
                     int w, struct itx_error *err);
/* The mask of a box x, y, w, h, as of a polygon. */
itx_status mask_of_box(struct mask_reader *reader, struct rle *mask, const double box[4], int h,
                       int w, struct itx_error *err);

/* A list of n numbers. */
itx_status numbers_read(double *numbers, size_t n, struct str list, const char *what,
                        struct itx_error *err);

#endif
