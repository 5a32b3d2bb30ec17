/* SPDX-License-Identifier: Apache-2.0
 *
 * Masks at the photo's size: the prototypes weighted with an instance's coefficients, bilinear between their cells where
 * the letterbox put each of the photo's pixels, positive where the instance is, inside its box only. The same bits on
 * every machine. `fit` says how the photo (in_w, in_h) was put into the network's input (out_w, out_h).
 *
 * Columns (rows alike, with top, new_h, in_h, out_h and the prototypes' height), in double, rounded after each operation:
 *   a place b in the input lies at        (b - left) / (new_w / in_w)  in the photo, clamped to [0, in_w]
 *   the centre of the photo's pixel i at  at = (left + (i + 0.5) (new_w / in_w)) (cells / out_w) - 0.5  cells,
 * clamped to [0, cells - 1], the whole map, and rounded to float. The rest is float: with x = floor(at), p = at - x and
 * y, q of the rows, r(y) = logit(y, x) (1 - p) + logit(y, x + 1) p, the pixel is set when
 * r(y) (1 - q) + r(y + 1) q > 0; where p or q is 0 its own cell stands for the next one, which is not read. No operation
 * is fused with another.
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

/* Both. false: there is nothing of it in the photo: no pixel, or a side that is empty in float32. */
bool yolo_photo_place(const struct letterbox *fit, const float box[4], double out[4],
                      struct yolo_rect *rect);

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
