/* SPDX-License-Identifier: Apache-2.0
 *
 * A drawing of boxes, lines and texts, painted as a picture. Who wants it as SVG writes the shapes out.
 */
#ifndef VISION_DIAGRAM_H
#define VISION_DIAGRAM_H

#include "base/arena.h"
#include "base/vec.h"
#include "vision/picture.h"

enum diagram_kind {
    DIAGRAM_BOX,  /* filled, with white text in its middle */
    DIAGRAM_LINE, /* from (x, y), w to the right and h down; both may be negative */
    DIAGRAM_TEXT  /* beginning at (x, y), its base line */
};

struct diagram_shape {
    enum diagram_kind kind;
    int x, y, w, h;
    uint32_t color;   /* 0xrrggbb */
    const char *text; /* UTF-8; "" for a line */
};

enum { DIAGRAM_ROUND = 6, DIAGRAM_FONT = 12 }; /* corners of boxes, height of letters */

/* Zero-initialised is valid and empty. Without memory shapes are missing, and `failed` is set. */
struct diagram {
    int width, height;
    struct arena arena;
    VEC(struct diagram_shape) shapes; /* the first lies lowest */
    bool failed;
};

/* Adds a shape; its text is copied. */
void diagram_add(struct diagram *d, struct diagram_shape shape);
void diagram_release(struct diagram *d);

/* On white. Texts are left out where no font is installed. */
itx_status diagram_paint(const struct diagram *d, struct picture *picture, struct itx_error *err);

#endif
