/* SPDX-License-Identifier: Apache-2.0
 *
 * Pictures from and to files: JPEG and PNG in, JPEG and PNG out, RGB bytes in between.
 *
 * What is read is what everybody else reads: the samples are those of libjpeg's default decoder (accurate integer DCT,
 * smooth chroma), EXIF orientation is applied, alpha is dropped, 16 bits are cut to the upper 8. CMYK with an Adobe
 * marker is stored inverted, without one as it stands. A file whose picture is not complete is refused, and one that
 * asks for more memory or work than a photograph: too many pixels, or scans of a JPEG.
 */
#ifndef VISION_PICTURE_H
#define VISION_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "intarsia/intarsia.h"

#define PICTURE_MAX_SIDE 65535
#define PICTURE_MAX_FILE ((size_t)1 << 30)    /* bytes */
#define PICTURE_MAX_PIXELS ((int64_t)1 << 30) /* 3 GiB of RGB */
/* What is read when nobody says more: 768 MB of RGB, which a file of some kilobytes can ask for. */
#define PICTURE_DEFAULT_PIXELS ((int64_t)256000000)

/* Zero-initialised is valid and empty. Rows are `stride` bytes apart; owned (mem_free), see picture_release. */
struct picture {
    int width, height;
    size_t stride;
    uint8_t *rgb;
};

/* A zeroed picture of width x height, at most PICTURE_MAX_SIDE a side and PICTURE_MAX_PIXELS in all. */
itx_status picture_create(struct picture *picture, int64_t width, int64_t height,
                          struct itx_error *err);
void picture_release(struct picture *picture);

/* Reads a file; messages begin with the path. The content decides what it is, not the name. A picture of more than
 * max_pixels (0: PICTURE_DEFAULT_PIXELS) is refused before memory is taken for it. */
itx_status picture_read(struct picture *picture, const char *path, int64_t max_pixels,
                        struct itx_error *err);
itx_status picture_read_memory(struct picture *picture, const void *data, size_t size,
                               int64_t max_pixels, struct itx_error *err);
/* Refuses what both refuse by its size alone. */
itx_status picture_check_size(int64_t width, int64_t height, int64_t max_pixels,
                              struct itx_error *err);

/* The picture as a network with an input of width x height sees it: scaled to fit, in the middle, grey (114) around. */
itx_status picture_letterbox(struct picture *out, const struct picture *in, int width, int height,
                             struct itx_error *err);

/* The picture as a camera gives it, without gaps: RGB, BGR, YUV444 [h, w, 3], GRAY [h, w], or NV12, Y and behind it UV
 * [(h + 1) / 2, (w + 1) / 2, 2]. `range`: of NV12 and YUV444. */
itx_status picture_bytes(const struct picture *picture, enum itx_image_format format,
                         enum itx_range range, uint8_t *to, struct itx_error *err);

/* By the ending of the path: .png, else JPEG. Written whole or not at all. */
itx_status picture_write(const struct picture *picture, const char *path, struct itx_error *err);

/* Encodes into *data (mem_free). quality 1..100. */
itx_status picture_encode_jpeg(const struct picture *picture, int quality, void **data,
                               size_t *size, struct itx_error *err);
itx_status picture_encode_png(const struct picture *picture, void **data, size_t *size,
                              struct itx_error *err);

#endif
