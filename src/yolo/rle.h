/* SPDX-License-Identifier: Apache-2.0
 *
 * COCO's run-length code of a mask: lengths of runs down the columns, column after column, in turn 0 and 1, beginning
 * with 0; and its text form (pycocotools' "counts").
 */
#ifndef YOLO_RLE_H
#define YOLO_RLE_H

#include "base/str.h"
#include "base/vec.h"
#include "yolo/mask.h"

#define RLE_MAX_SIDE 65535 /* so that lengths fit 32 bits */

/* Zero-initialised is valid and empty. The lengths sum to h * w. */
struct rle {
    int h, w;
    VEC(uint32_t) run;
};

void rle_release(struct rle *rle);

/* Of a mask (bytes 0 and 1, [rect->h, rect->w], rows `stride` bytes apart) that lies at `rect` in a picture [h, w], 0
 * elsewhere; the picture is never built. Replaces the content of `rle`; on failure it is empty. The only failure is
 * lack of memory for a rectangle inside a picture with sides from 1 to RLE_MAX_SIDE. */
itx_status rle_encode(struct rle *rle, const uint8_t *mask, size_t stride,
                      const struct yolo_rect *rect, int h, int w, struct itx_error *err);

/* Appends the text form. */
void rle_text(const struct rle *rle, struct strbuf *out);

/* From the text form, which may be anything. Replaces the content of `rle`; on failure it is empty. */
itx_status rle_parse(struct rle *rle, struct str text, int h, int w, struct itx_error *err);

/* The mask [h, w], rows `stride` bytes apart. */
void rle_decode(const struct rle *rle, uint8_t *mask, size_t stride);

uint64_t rle_area(const struct rle *rle);

/* Pixels that are one in both masks, which have the same size. */
uint64_t rle_intersection(const struct rle *a, const struct rle *b);
/* The pixels that are one in either. Replaces the content of `rle`, which is neither `a` nor `b`; on failure it is
 * empty. */
itx_status rle_union(struct rle *rle, const struct rle *a, const struct rle *b,
                     struct itx_error *err);

/* The smallest rectangle around the ones; all zero when there are none. */
struct yolo_rect rle_bounds(const struct rle *rle);

#endif
