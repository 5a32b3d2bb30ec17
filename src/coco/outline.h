/* SPDX-License-Identifier: Apache-2.0
 *
 * Masks of annotations that are drawn as polygons.
 */
#ifndef COCO_OUTLINE_H
#define COCO_OUTLINE_H

#include "yolo/rle.h"

/* The mask [h, w] of a polygon with points x, y, x, y, ...: the pixels that pycocotools' frPyObjects gives. What lies
 * outside the picture is cut off. Replaces the content of `rle`; on failure it is empty. Refused: coordinates beyond
 * twice RLE_MAX_SIDE, sides beyond it, outlines longer than 2^26 pixels. */
itx_status outline_to_rle(struct rle *rle, const double *xy, size_t n_points, int h, int w,
                          struct itx_error *err);

#endif
