/* SPDX-License-Identifier: Apache-2.0
 *
 * The functions behind the rows of image.def and what they share; for this folder only. Contracts: image.h.
 */
#ifndef KERNELS_IMAGE_IMAGE_ROWS_H
#define KERNELS_IMAGE_IMAGE_ROWS_H

#include "kernels/image/image.h"

#define X(suffix, flags)                                                                           \
    void image_nv12_to_rgb__##suffix(const struct image *in, const struct rgb_rows *out);          \
    void image_rgb_to_nv12__##suffix(const uint8_t *rgb, size_t stride,                            \
                                     const struct image_nv12 *out, int row_begin, int row_end);    \
    void image_letterbox__##suffix(const struct letterbox *g, const void *table,                   \
                                   const struct image *in, const struct rgb_rows *out,             \
                                   void *scratch);                                                 \
    void image_to_input__##suffix(const uint8_t *rgb, size_t stride, int w, int8_t *out,           \
                                  int pixel, int row_begin, int row_end);
#include "kernels/image/image.def"
#undef X

/* Entries behind the last column of the table, copies of it, for rows that take four columns at a time. */
#define LETTERBOX_SPARE 4

/* Pixels of an NV12 picture that are turned into RGB at a time. */
#define LETTERBOX_STRETCH 1024

/* Bilinear scaling of one channel, x in [0, new_w), y in [0, new_h):
 *
 *   h[r, x]   = (in[r, x0[x]] alpha[x][0] + in[r, x1[x]] alpha[x][1]) >> 4                         [0, 32640]
 *   out[y, x] = ((h[y0[y], x] beta[y][0] >> 16) + (h[y1[y], x] beta[y][1] >> 16) + 2) >> 2
 *
 * Each pair of coefficients adds to 2048, give or take one. y1 is y0 or y0 + 1, x1 likewise. */
struct letterbox_table {
    int32_t *x0, *x1;    /* [out_w + LETTERBOX_SPARE] */
    int32_t *y0, *y1;    /* [out_h] */
    int16_t (*alpha)[2]; /* [out_w + LETTERBOX_SPARE] */
    int16_t (*beta)[2];  /* [out_h] */
};

static inline struct letterbox_table letterbox_table(const struct letterbox *g, const void *memory)
{
    struct letterbox_table t;
    t.x0 = (int32_t *)memory;
    t.x1 = t.x0 + g->out_w + LETTERBOX_SPARE;
    t.y0 = t.x1 + g->out_w + LETTERBOX_SPARE;
    t.y1 = t.y0 + g->out_h;
    t.alpha = (int16_t(*)[2])(t.y1 + g->out_h);
    t.beta = t.alpha + g->out_w + LETTERBOX_SPARE;
    return t;
}

/* The case that OpenCV treats apart. */
static inline int letterbox_is_half(const struct letterbox *g)
{
    return g->in_w == 2 * g->new_w && g->in_h == 2 * g->new_h;
}

#endif
