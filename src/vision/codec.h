/* SPDX-License-Identifier: Apache-2.0
 *
 * Between picture.c and the two codecs; nobody else includes this.
 */
#ifndef VISION_CODEC_H
#define VISION_CODEC_H

#include "vision/picture.h"

/* Both give the samples as stored and say in *orientation (1..8, EXIF) how they are meant to be seen.
 * On failure the picture may hold memory; the caller releases it. */
itx_status jpeg_decode(struct picture *picture, int *orientation, const uint8_t *data, size_t size,
                       struct itx_error *err);
itx_status png_decode(struct picture *picture, int *orientation, const uint8_t *data, size_t size,
                      struct itx_error *err);

/* The orientation in a TIFF block as EXIF has it; 1 when there is none or it makes no sense. */
int exif_orientation(const uint8_t *tiff, size_t size);

/* A growing block of bytes for the encoders. Zero-initialised is valid. */
struct codec_sink {
    uint8_t *data;
    size_t size, cap;
};
/* Makes room for `extra` bytes behind `size`; false when out of memory. */
bool codec_sink_grow(struct codec_sink *sink, size_t extra);

#endif
