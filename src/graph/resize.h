/* SPDX-License-Identifier: Apache-2.0
 *
 * What a Resize node does to each dimension, from its operands and modes. Internal to src/graph.
 */
#ifndef GRAPH_RESIZE_H
#define GRAPH_RESIZE_H

#include "graph/graph.h"

enum resize_mode { RESIZE_NEAREST, RESIZE_LINEAR, RESIZE_CUBIC, RESIZE_MODE_COUNT };

/* ORDER coordinate_names */
enum resize_coordinates {
    RESIZE_HALF_PIXEL,
    RESIZE_PYTORCH_HALF_PIXEL,
    RESIZE_HALF_PIXEL_SYMMETRIC,
    RESIZE_ALIGN_CORNERS,
    RESIZE_ASYMMETRIC,
    RESIZE_CROP, /* tf_crop_and_resize: from the region of interest */
    RESIZE_COORDINATES_COUNT
};

/* ORDER rounding_names */
enum resize_rounding {
    RESIZE_PREFER_FLOOR, /* to nearest, ties down */
    RESIZE_PREFER_CEIL,
    RESIZE_FLOOR,
    RESIZE_CEIL,
    RESIZE_ROUNDING_COUNT
};

struct resize {
    struct shape in, out;
    enum resize_mode mode;
    enum resize_coordinates coordinates;
    enum resize_rounding rounding;
    float scale[SHAPE_MAX_RANK];
    float begin[SHAPE_MAX_RANK], end[SHAPE_MAX_RANK]; /* region of interest, 0..1 */
    float cubic_a, extrapolation;
    bool exclude_outside;
};

/* Any operand may be NULL; exactly one of scales and sizes (other than empty) must not be. */
itx_status resize_operands(const struct node *n, const struct shape *x, const struct tensor *roi,
                           const struct tensor *scales, const struct tensor *sizes,
                           struct resize *r, struct itx_error *err);

/* Where element i of dimension k of the output lies in the input, in elements. */
double resize_coordinate(const struct resize *r, int k, int64_t i);

#endif
