/* SPDX-License-Identifier: Apache-2.0
 *
 * From a caller's picture to the bytes a network sees: checked, letterboxed, perhaps sent through NV12. Shared by
 * sessions, the float network and calibration, so that all three see the same bytes.
 */
#ifndef API_FRAME_H
#define API_FRAME_H

#include "base/pool.h"
#include "intarsia/intarsia.h"
#include "kernels/image/image.h"

/* One geometry of network input. Owns all memory; one thread at a time. */
struct frame {
    int width, height; /* of the network's input */
    const struct image_row *kernels;
    struct letterbox letterbox; /* of the last picture */
    uint8_t *rgb;               /* [height, width, 3]: the result */
    uint8_t *nv12;              /* the detour */
    void *table;
    uint8_t *scratch; /* of all workers */
    size_t scratch_size;
    int n_workers;
};

itx_status frame_create(struct frame *f, int width, int height, uint32_t cpu, int n_workers,
                        struct itx_error *err);
void frame_release(struct frame *f);

/* Refuses pictures with impossible sizes, strides or formats. Fills f->rgb and f->letterbox; allocates nothing.
 * via ITX_IMAGE_NV12: the letterboxed picture goes through NV12 in that range and back. */
itx_status frame_prepare(struct frame *f, const struct itx_image *picture,
                         enum itx_image_format via, enum itx_range range, struct pool *pool,
                         struct itx_error *err);

/* Pixels [height, width, 3], R first, rows `stride` bytes apart. */
struct frame_pixels {
    const uint8_t *rgb;
    size_t stride;
};
/* As frame_prepare, but a picture that is these pixels already stays where it is, and f->rgb as it was. */
itx_status frame_view(struct frame *f, const struct itx_image *picture, enum itx_image_format via,
                      enum itx_range range, struct pool *pool, struct frame_pixels *pixels,
                      struct itx_error *err);

#endif
