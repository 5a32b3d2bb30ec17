/* SPDX-License-Identifier: Apache-2.0
 *
 * Between picture.c and the two codecs; nobody else includes this.
 */
#ifndef VISION_CODEC_H
#define VISION_CODEC_H

#include "vision/picture.h"

/* Both give the picture as it is meant to be seen. On failure it may hold memory; the caller releases it. */
itx_status jpeg_decode(struct picture *picture, const uint8_t *data, size_t size,
                       int64_t max_pixels, struct itx_error *err);
itx_status png_decode(struct picture *picture, const uint8_t *data, size_t size, int64_t max_pixels,
                      struct itx_error *err);

/* The orientation in a TIFF block as EXIF has it; 1 when there is none or it makes no sense. */
int exif_orientation(const uint8_t *tiff, size_t size);

/* Puts rows as they are stored where EXIF's orientation (1..8) says they belong, a few at a time, so that a turned
 * picture takes no more memory than any other. Zero-initialised is valid and empty. */
enum { TURN_ROWS = 32 };
struct turn {
    struct picture *picture;
    int orientation, width, height; /* as stored */
    int first;                      /* stored row that the strip begins with */
    uint8_t *strip;                 /* [TURN_ROWS, width, 3]; NULL when nothing is turned */
};
/* Makes the picture of a stored size, within the limits. */
itx_status turn_init(struct turn *turn, struct picture *picture, int orientation, int64_t width,
                     int64_t height, int64_t max_pixels, struct itx_error *err);
void turn_release(struct turn *turn);
/* Bytes of a stored row. */
size_t turn_stride(const struct turn *turn);
/* Where stored row y is to be written; rows come in order, and each is followed by turn_row_done. `keeps`: it holds what
 * was written there before (rows of an interlaced picture come several times). */
uint8_t *turn_row(struct turn *turn, int y, bool keeps);
void turn_row_done(struct turn *turn, int y);

/* A growing block of bytes for the encoders. Zero-initialised is valid. */
struct codec_sink {
    uint8_t *data;
    size_t size, cap;
};
/* Makes room for `extra` bytes behind `size`; false when out of memory. */
bool codec_sink_grow(struct codec_sink *sink, size_t extra);

#endif
