/* SPDX-License-Identifier: Apache-2.0
 *
 * Outlines of a mask as polygons along the edges of its pixels, so that filling them gives the mask back exactly.
 */
#ifndef YOLO_POLYGON_H
#define YOLO_POLYGON_H

#include "base/vec.h"
#include "yolo/mask.h"

/* A corner of pixels, in the photo: pixel (x, y) covers [x, x + 1] x [y, y + 1]. */
struct polygon_point {
    int32_t x, y;
};

/* A closed outline; its last point joins its first. Outer ones run clockwise on the screen, holes the other way.
 * Consecutive edges are at right angles: points along straight edges are left out. */
struct polygon {
    size_t first, n; /* its points in polygon_list.point */
    int part; /* of the mask, counted from 0; pixels that touch at a corner belong together */
    enum polygon_side { POLYGON_OUTER, POLYGON_HOLE } side;
};

/* Zero-initialised is valid and empty. Part after part, in the order of their first pixels from above, then from the
 * left: the outer outline, then those of its holes, ordered likewise. An outline may touch itself or another one in a
 * corner; none cross. */
struct polygon_list {
    VEC(struct polygon_point) point;
    VEC(struct polygon) polygon;
    int n_parts;
};

void polygon_list_release(struct polygon_list *list);

/* Of a mask (bytes 0 and 1, [rect->h, rect->w], rows `stride` bytes apart) that lies at `rect` in the photo. Replaces
 * the content of `list`; on failure (lack of memory) it is empty. */
itx_status polygon_trace(struct polygon_list *list, const uint8_t *mask, size_t stride,
                         const struct yolo_rect *rect, struct itx_error *err);

#endif
