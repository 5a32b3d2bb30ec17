/* SPDX-License-Identifier: Apache-2.0
 *
 * Input lines as the SIMD rows of the family read them: a ring of image rows in scratch, padded on all sides,
 * channels padded to a multiple of `group` and converted to the row's element type once. A kernel row that needs K
 * products for an output pixel finds them as `n_segments` runs of `run` consecutive elements; from one output pixel
 * to the next all runs move by `step` bytes.
 *
 *      line y sh - pt + i dh:   [pad .. pad | pixel 0 | pixel 1 | ... | pad .. pad]
 *                                ^segment[i] of column 0:  run = kernel_w * channels elements
 *
 * With a dilated kernel each tap is a segment of its own. A transposed convolution (upscale) reads as 1x1.
 */
#ifndef KERNELS_CONV_CONV_LINES_H
#define KERNELS_CONV_CONV_LINES_H

#include "kernels/conv/conv.h"

/* Converts n_px pixels of n elements, strides in bytes. May read and write 64 bytes past each pixel; pixels are written
 * in ascending order. */
typedef void conv_convert_fn(uint8_t *to, size_t to_step, const uint8_t *from, size_t from_step,
                             int n_px, int n);

/* What a row's element type looks like. */
struct conv_element {
    size_t size;
    int group;                     /* consecutive elements that one lane multiplies and adds */
    conv_convert_fn *convert;      /* from s8; NULL: not possible */
    conv_convert_fn *convert_wide; /* from s16; NULL: not possible */
};

/* Whether lines can be made of the shape's input. */
static inline bool conv_lines_fit(const struct conv_element *e, const struct conv_shape *s)
{
    return (s->is_wide ? e->convert_wide : e->convert) != NULL;
}

/* Where the products of a row of pixels begin. */
struct conv_runs {
    const uint8_t **segment; /* [n_segments], at column 0 */
    int n_segments, run;
    size_t step;
};

struct conv_lines {
    const struct conv_element *element;
    int kernel_h, kernel_w; /* 1 with upscale */
    int grid_w;             /* columns of the grid the formula runs over */
    int channels;           /* in_c padded to a multiple of group */
    struct conv_runs runs;
    int n_lines, line_w; /* of the ring; pixels */
    size_t line_size;
    uint8_t *pad; /* one converted pixel */
    uint8_t *lines;
    int next_row; /* first image row that was not converted yet */
};

/* Bytes of scratch. */
size_t conv_lines_size(const struct conv_shape *s, const struct conv_element *e);
void conv_lines_init(struct conv_lines *l, const struct conv_params *p,
                     const struct conv_element *e, int row_begin, void *scratch);
/* Sets the segments for grid row y. Rows must come in ascending order. */
void conv_lines_seek(struct conv_lines *l, const struct conv_params *p, const void *in, int y);

/* Elements of K for one output channel, padded. */
int conv_lines_depth(const struct conv_shape *s, int group);

#endif
