/* SPDX-License-Identifier: Apache-2.0
 *
 * Max-pooling of s8 or s16, [in_h, in_w, c] -> [out_h, out_w, c]:
 *
 *   out[y, x, k] = max over i, j of in[y sh + i - pad_top, x sw + j - pad_left, k],  i < kernel_h, j < kernel_w
 *
 * over the positions inside the image; a window without any gives the lowest number of the type. Sizes are in [1, 65536], padding in
 * [0, 65536].
 *
 * Memory: pixels are `*_pixel` elements apart, rows w * pixel. in is readable 64 bytes past its last element; out is
 * written exactly. in and out do not share an element (two slices of one buffer may interleave).
 */
#ifndef KERNELS_POOL_POOL_H
#define KERNELS_POOL_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pool_shape {
    int in_h, in_w, out_h, out_w, c;
    int kernel_h, kernel_w, stride_h, stride_w, pad_top, pad_left;
    int in_pixel, out_pixel; /* elements from one pixel to the next */
    bool is_wide;            /* elements are s16, else s8 */
};

struct pool_row {
    const char *name; /* maxpool_s8__ISA */
    uint32_t cpu;     /* flags it needs */
    /* Bytes of scratch for one worker, to be aligned to 64. */
    size_t (*scratch_size)(const struct pool_shape *s);
    /* Computes output rows [row_begin, row_end); out points at out[0, 0, 0]. */
    void (*run)(const struct pool_shape *s, const void *in, void *out, int row_begin, int row_end,
                void *scratch);
};

/* All rows of pool.def, best first, the scalar one last. */
const struct pool_row *pool_rows(int *n);
/* The best row that the flags allow; never NULL. */
const struct pool_row *pool_choose(uint32_t cpu);

#endif
