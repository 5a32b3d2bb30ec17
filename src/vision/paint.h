/* SPDX-License-Identifier: Apache-2.0
 *
 * The two halves of drawing, for draw.c: masks (paint.c, no library) and tags (tags.c, cairo and pango).
 */
#ifndef VISION_PAINT_H
#define VISION_PAINT_H

#include "vision/draw.h"

struct color {
    uint8_t r, g, b;
};

/* c moved to `to` by alpha / 255. */
static inline uint8_t color_mix(int c, int to, int alpha)
{
    return (uint8_t)(c + ((to - c) * alpha + (to > c ? 127 : -127)) / 255);
}

/* ---- masks ---- */

/* How a mask's smoothed edge turns into paint; made once for a picture. */
struct brush {
    int radius;             /* of the blur, pixels */
    int margin;             /* how far the paint reaches out of the mask */
    float *kernel;          /* [2 radius + 1] */
    float *window, *across; /* a tile with its surroundings; the same after the horizontal pass */
    struct stroke {
        uint8_t fill, rim, line; /* alpha */
    } * strokes;                 /* by level of the smoothed mask */
};

/* `side`: the longer one of the picture. Zero-initialised is valid to release. */
itx_status brush_init(struct brush *brush, int side, struct itx_error *err);
void brush_release(struct brush *brush);
void brush_paint(struct brush *brush, struct picture *picture, const struct draw_mask *mask,
                 struct color color);

/* ---- tags ---- */

/* Where a tag would like to be. */
struct tag {
    const struct draw_instance *instance;
    struct color color;
    int top_x, top_y;       /* the highest point of the mask */
    int bottom_x, bottom_y; /* the lowest */
    int x, y, w, h;         /* of the mask */
};

/* Paints n tags, the first gets the best place. */
itx_status tags_paint(struct picture *picture, const struct tag *tags, int n,
                      struct itx_error *err);

#endif
