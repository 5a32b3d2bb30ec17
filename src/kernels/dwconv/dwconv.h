/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolution [h, w, c] -> [oh, ow, c], each channel by itself; otherwise as kernels/conv/conv.h, whose
 * structs, layouts and guarantees it shares.
 *
 *   acc[y, x, c] = bias[c] + sum over i, j of in[y sh + i dh - pt, x sw + j dw - pl, c] * w[i, j, c]
 *   out[y, x, c] = epilogue(acc, res[y, x, c])
 *
 * in_c = out_c; upscale is 1.
 */
#ifndef KERNELS_DWCONV_DWCONV_H
#define KERNELS_DWCONV_DWCONV_H

#include "kernels/conv/conv.h"

struct dwconv_row {
    const char *name;                         /* dwconv_s8_TILE__ISA */
    uint32_t cpu;                             /* flags it needs */
    bool (*fits)(const struct conv_shape *s); /* whether it can compute this shape */
    /* Bytes of packed weights, and of scratch for one worker, each to be aligned to 64. */
    size_t (*packed_size)(const struct conv_shape *s);
    size_t (*scratch_size)(const struct conv_shape *s);
    /* w: [kernel_h, kernel_w, in_c] as the plan stores it. */
    void (*pack)(const struct conv_shape *s, const int8_t *w, void *packed);
    /* Computes output rows [row_begin, row_end). out points at out[0, 0, 0]; its type and that of res are the epilogue's. */
    void (*run)(const struct conv_params *p, const void *in, const void *res, void *out,
                int row_begin, int row_end, void *scratch);
};

/* All rows of dwconv.def, best first, the scalar one last. */
const struct dwconv_row *dwconv_rows(int *n);
/* The best row that the flags allow for this shape; never NULL. */
const struct dwconv_row *dwconv_choose(uint32_t cpu, const struct conv_shape *s);

#endif
