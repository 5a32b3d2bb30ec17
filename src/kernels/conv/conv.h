/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution [h, w, c] -> [oh, ow, k], s8 or s16 by s8, exact s32 accumulators, fused epilogue.
 *
 *   acc[y, x, o] = bias[o] + sum over i, j, c of in[y sh + i dh - pt, x sw + j dw - pl, c] * w[o, i, j, c]
 *   out[y, x, o] = epilogue(acc, res[y, x, o])
 *
 * in is as stored (its zero point is folded into bias); outside the image it is pad[c]. The caller guarantees
 * that no accumulator leaves s32 (the check of the plan proves it from sum |w| and the largest |in|); sums in between may wrap.
 * Weights are in [-127, 127].
 *
 * The transposed convolution whose kernel equals its stride (k = s, no padding) has the same form: `upscale` s > 1
 * means that w is [o, i, j, c] with i, j in [0, s), the input pixel (y, x) gives the s * s outputs
 * (y s + i, x s + j), and kernel, stride, dilation are 1 in the formula above. Residuals are not supported then.
 *
 * With upscale the bias is one for each tap, [out_c, s, s], since each output pixel sees one tap only and the zero
 * point of the input weighs differently in each.
 *
 * `coarse` are sums that are known already, of a grid whose pixels are factor_h x factor_w of the output's: coarse[y /
 * factor_h, x / factor_w, o] is added to the accumulator, and counts among the sums that may wrap on the way.
 *
 * Memory: pixels are `*_pixel` elements apart, rows w * pixel. Inputs are readable 64 bytes past their last
 * element; outputs are written exactly. in and out do not overlap, except that res may be out's own place.
 *
 * A part of the columns is a shape of its own (conv_columns): out_w counts the part's columns, out_skip the others of
 * a row of out and res, and pad_left is smaller by what lies left of the part, so it may be negative.
 */
#ifndef KERNELS_CONV_CONV_H
#define KERNELS_CONV_CONV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/epilogue.h"
#include "kernels/peak/peak.h"

struct conv_shape {
    int in_h, in_w, in_c;
    int out_h, out_w, out_c; /* with upscale: out_h = in_h * upscale */
    int kernel_h, kernel_w, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w;
    int upscale; /* 1, or s of a transposed convolution (then kernel is s, stride 1, padding 0) */
    int in_pixel, out_pixel, res_pixel; /* elements from one pixel to the next */
    int out_skip; /* pixels between the end of a row of out and res and the start of the next; 0: none */
    bool is_wide; /* the input is s16, else s8 */
    /* wide: no element of in is larger in magnitude; all products of an output together are below 2^29 */
    int reach;
    int32_t weight_sum; /* no output channel's sum of |w| is larger; 0: not known */
};

struct conv_coarse {
    const int32_t *sums;    /* [out_h / factor_h, out_w / factor_w, out_c]; NULL: none */
    int factor_h, factor_w; /* >= 1 */
};

struct conv_params {
    struct conv_shape shape;
    struct conv_coarse coarse; /* with stride 1, kernel 1x1, all columns, s8 or s16 outputs only */
    struct epilogue epilogue;
    const void *pad;     /* [in_c], of the input's type, readable 64 bytes past the end */
    const void *packed;  /* written by the row's pack() */
    const int32_t *bias; /* [out_c] (upscale: [out_c, s, s]), readable up to a multiple of 64 */
};

/* One instruction set's implementation. */
struct conv_row {
    const char *name; /* conv_s8_TILE__ISA */
    uint32_t cpu;     /* flags it needs */
    /* Multiplications that it executes, padding of channels and vectors not counted, and what they multiply. */
    uint64_t (*products)(const struct conv_shape *s);
    enum peak_kind operands;
    /* Whether the row can compute this shape (and is of use for it). */
    bool (*fits)(const struct conv_shape *s);
    /* Bytes of packed weights (at most; some rows' depend on the weights), and of scratch for one worker, each to be
     * aligned to 64. w: [out_c, kernel_h, kernel_w, in_c] as the plan stores it. */
    size_t (*packed_size)(const struct conv_shape *s, const int8_t *w);
    size_t (*scratch_size)(const struct conv_shape *s);
    void (*pack)(const struct conv_shape *s, const int8_t *w, void *packed);
    /* Computes the output rows that come from rows [row_begin, row_end) of the grid the formula runs over (output
     * rows; with upscale: input rows). out points at out[0, 0, 0]; its type and that of res are the epilogue's. */
    void (*run)(const struct conv_params *p, const void *in, const void *res, void *out,
                int row_begin, int row_end, void *scratch);
};

/* The shape of columns [begin, end) of the grid, 0 <= begin < end, from one with out_skip 0. run() with it takes the same
 * packed weights and no more scratch, out and res at the part's first column (column begin * upscale), in as ever. */
struct conv_shape conv_columns(const struct conv_shape *s, int begin, int end);

/* All rows of conv.def, best first, the scalar one last. */
const struct conv_row *conv_rows(int *n);
/* The best row that the flags allow for this shape; never NULL. */
const struct conv_row *conv_choose(uint32_t cpu, const struct conv_shape *s);

#endif
