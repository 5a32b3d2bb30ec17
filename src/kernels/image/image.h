/* SPDX-License-Identifier: Apache-2.0
 *
 * Pictures of bytes on their way to a network: NV12 to RGB and back, letterbox, and the s8 input tensor. One row
 * holds the four functions of an instruction set. RGB here is [h, w, 3], R first, rows `stride` bytes apart.
 *
 * Pictures belong to the caller of the library: nothing is read or written outside their rows.
 */
#ifndef KERNELS_IMAGE_IMAGE_H
#define KERNELS_IMAGE_IMAGE_H

#include <stddef.h>
#include <stdint.h>

enum image_format {
    IMAGE_RGB, /* 3 bytes a pixel */
    IMAGE_BGR,
    IMAGE_RGBA,   /* 4 bytes a pixel, alpha is ignored */
    IMAGE_GRAY,   /* 1 byte a pixel */
    IMAGE_NV12,   /* plane 0: Y; plane 1: U, V interleaved [(h + 1) / 2, (w + 1) / 2, 2] */
    IMAGE_YUV444, /* 3 bytes a pixel: Y, U, V */
    IMAGE_FORMAT_COUNT
};

/* Full range: Y, U, V in 0..255; video range: Y in 16..235, U, V in 16..240. Both BT.601. */
enum image_range { IMAGE_FULL, IMAGE_VIDEO };

#define IMAGE_MAX_DIM 65535

/* w, h in [1, IMAGE_MAX_DIM]. */
struct image {
    enum image_format format;
    enum image_range range; /* IMAGE_NV12, IMAGE_YUV444 */
    int w, h;
    const uint8_t *plane[2];
    size_t stride[2]; /* bytes from one row to the next */
};

struct image_nv12 {
    enum image_range range;
    int w, h;
    uint8_t *y, *uv;
    size_t y_stride, uv_stride;
};

/* The way of a picture [in_h, in_w] into the frame [out_h, out_w]: scaled to [new_h, new_w], put at row `top` and
 * column `left`, everything else is LETTERBOX_BORDER. new_w and new_h are rounded, so each direction has its own scale:
 * new_w / in_w and new_h / in_h. */
struct letterbox {
    int in_w, in_h, out_w, out_h;
    int new_w, new_h, left, top;
};

#define LETTERBOX_BORDER 114

/* scale = min(out_h / in_h, out_w / in_w), new = rne(in * scale) but at least 1, top and left =
 * rne((out - new) / 2 - 0.1). Sizes in [1, IMAGE_MAX_DIM]. */
struct letterbox letterbox_fit(int in_w, int in_h, int out_w, int out_h);

/* Coordinates and coefficients for one geometry. Memory for any geometry with these output sizes, aligned to 64, may
 * be kept and filled anew by letterbox_prepare. */
size_t letterbox_table_size(int out_w, int out_h);
void letterbox_prepare(const struct letterbox *g, void *table);
/* Bytes of scratch for one worker, to be aligned to 64. */
size_t letterbox_scratch_size(int out_w);

/* Rows [begin, end) of an RGB picture that are to be written; data points at its row 0. */
struct rgb_rows {
    uint8_t *data;
    size_t stride;
    int begin, end;
};

struct image_row {
    const char *name; /* image__ISA */
    uint32_t cpu;     /* flags it needs */

    /* An NV12 picture as RGB of the same size. Chroma is repeated; every float operation is rounded once:
     *   full range:   y = Y,                  u = U - 128,               v = V - 128
     *   video range:  y = (Y - 16) 255 / 219, u = (U - 128) / (224/255), v alike
     *   R = y + 1.402 v,  G = y - 0.344136 u - 0.714136 v,  B = y + 1.772 u,  rne, clamped to 0..255 */
    void (*nv12_to_rgb)(const struct image *in, const struct rgb_rows *out);

    /* Rows [row_begin, row_end) of the chroma plane and the one or two rows of the luma plane that each stands for.
     *   y = 0.299 R + 0.587 G + 0.114 B,  Y = rne(y)                  or rne(y 219 / 255 + 16)
     *   u = (B - y) 0.564,                U = rne(mean(u) + 128)      or rne(mean(u) (224/255) + 128)
     *   v = (R - y) 0.713,                V alike; all clamped to 0..255
     * mean is ((top left + top right) + (bottom left + bottom right)) / 4; a picture of odd width or height is
     * continued by its last column or row. */
    void (*rgb_to_nv12)(const uint8_t *rgb, size_t stride, const struct image_nv12 *out,
                        int row_begin, int row_end);

    /* The frame [g->out_h, g->out_w] out of `in`, any format. Bilinear as OpenCV's cv2.resize with INTER_LINEAR on
     * bytes, bit for bit: coefficients of 11 bits, horizontally first (formula: image_rows.h); exactly half in both
     * directions is the mean of 2 x 2. NV12 and YUV444 are turned into RGB first, as above. */
    void (*letterbox)(const struct letterbox *g, const void *table, const struct image *in,
                      const struct rgb_rows *out, void *scratch);

    /* Rows [row_begin, row_end) of an input tensor [h, w, 3], `out_pixel` (>= 3) elements from one pixel to the next:
     * byte - 128. With 4 of them the fourth element becomes 0; otherwise only the three are written. */
    void (*to_input)(const uint8_t *rgb, size_t stride, int w, int8_t *out, int out_pixel,
                     int row_begin, int row_end);
};

/* What the channels of an input tensor are. */
enum image_colours { IMAGE_AS_RGB, IMAGE_AS_GRAY, IMAGE_AS_YUV, IMAGE_COLOURS_COUNT };
/* n pixels RGB as [n, 3], or [n, 1] of grey: y; Y, U, V: those of rgb_to_nv12, full range, of each pixel by itself. */
void image_colours(const uint8_t *rgb, enum image_colours colours, size_t n, uint8_t *out);

/* All rows of image.def, best first, the scalar one last. */
const struct image_row *image_rows(int *n);
/* The best row that the flags allow; never NULL. */
const struct image_row *image_choose(uint32_t cpu);

#endif
