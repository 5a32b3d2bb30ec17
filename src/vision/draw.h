/* SPDX-License-Identifier: Apache-2.0
 *
 * Shows what was found: translucent masks with crisp outlines and labelled tags, painted on the picture itself.
 * Sizes of lines and text follow the size of the picture.
 */
#ifndef VISION_DRAW_H
#define VISION_DRAW_H

#include "vision/picture.h"

struct draw_instance {
    float x1, y1, x2, y2; /* inside the picture */
    float score;
    int class_id;     /* >= 0; chooses the colour */
    const char *name; /* UTF-8; may be NULL: the number is shown */
};

/* [h, w] bytes, 1 inside, lying at (x, y) of the picture and wholly inside it; valid until the next call. A NULL `data`
 * stands for the box itself. */
struct draw_mask {
    int x, y, w, h;
    const uint8_t *data;
};

/* Gives the mask of instance i; called once for each, in any order. */
typedef itx_status draw_mask_fn(void *ctx, int i, struct draw_mask *mask, struct itx_error *err);

/* Searches for fonts and reads them, which else the first tag does: after it, drawing in this thread asks fontconfig for
 * sizes only. Without it nothing looks different. */
itx_status draw_setup(struct itx_error *err);

/* Paints n instances. Tags are left out where no font is installed, and never reach out of the picture. On failure
 * the picture may be half painted. */
itx_status draw_instances(struct picture *picture, const struct draw_instance *instances, int n,
                          draw_mask_fn *mask_of, void *ctx, struct itx_error *err);

#endif
