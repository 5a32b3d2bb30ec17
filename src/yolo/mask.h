/* SPDX-License-Identifier: Apache-2.0
 *
 * Masks at the photo's size: the prototypes weighted with an instance's coefficients, the letterbox's border cut off,
 * enlarged bilinearly, positive where the instance is, inside its box only. The same bits on every machine.
 * `fit` says how the photo (in_w, in_h) was put into the network's input (out_w, out_h).
 */
#ifndef YOLO_MASK_H
#define YOLO_MASK_H

#include "kernels/image/image.h"
#include "yolo/yolo.h"

struct yolo_rect {
    int x, y, w, h;
};

/* The box in pixels of the photo, clipped to it: x1, y1, x2, y2. */
void yolo_photo_box(const struct letterbox *fit, const float box[4], double out[4]);

/* The pixels that belong to such a box: those from ceil(x1) up to ceil(x2). w or h may be 0. */
struct yolo_rect yolo_photo_rect(const double box[4]);

/* Scratch memory for masks of heads of one geometry; one thread at a time. */
struct yolo_masker;

/* `head`: only the geometry counts; one that a decoder accepted. */
itx_status yolo_masker_create(struct yolo_masker **masker, const struct yolo_head *head,
                              struct itx_error *err);
void yolo_masker_destroy(struct yolo_masker **masker); /* accepts NULL content */

/* Writes the mask [rect->h, rect->w], rows `stride` bytes apart: 1 inside, 0 outside. `rect` is yolo_photo_rect of the
 * instance's box, or a part of it. Detection heads have no masks: all ones. Reads the coefficients at
 * found->place and the prototypes under the box only. Allocates nothing and cannot fail. */
void yolo_mask(struct yolo_masker *masker, const struct yolo_head *head,
               const struct yolo_found *found, const struct letterbox *fit,
               const struct yolo_rect *rect, uint8_t *mask, size_t stride);

/* The prototype cells that yolo_mask reads for `rect`, for callers that compute prototypes on demand. */
struct yolo_rect yolo_mask_cells(const struct yolo_head *head, const struct letterbox *fit,
                                 const struct yolo_rect *rect);

#endif
