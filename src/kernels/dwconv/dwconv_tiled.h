/* SPDX-License-Identifier: Apache-2.0
 *
 * What the SIMD rows of the family share: packing, padded lines (kernels/conv/conv_lines.h, widened to s16), the walk
 * over tiles. An instruction set adds the products of a tile, its epilogue, and the conversion of lines.
 *
 * Products are made of pairs of taps: two vectors of s16 channels are unpacked into (tap 2 i, tap 2 i + 1) pairs and
 * multiplied and added in s32. Packed: for each block of `lanes` channels [pairs][2][lanes] s16, first the low
 * halves of the 128-bit lanes, then the high ones; a tap behind the last one is zero.
 */
#ifndef KERNELS_DWCONV_DWCONV_TILED_H
#define KERNELS_DWCONV_DWCONV_TILED_H

#include "kernels/conv/conv_lines.h"
#include "kernels/dwconv/dwconv.h"
#include "kernels/simd_tile.h"

enum { DWCONV_MAX_PX = 4, DWCONV_MAX_TILE = 32, DWCONV_MAX_LANES = 32 };

/* acc[p, c] = bias[c] + the products of pixel p of the block's channels; the number of pixels is the function's. */
struct dwconv_dot {
    const uint8_t *const *taps; /* [2 * n_pairs], at pixel 0 of row 0 */
    size_t at;                  /* byte of pixel 0 and the block's first channel */
    size_t step;                /* bytes to the next pixel */
    int n_pairs;
    const int16_t *weights; /* the block's, aligned to 64 */
    const int32_t *bias;    /* the block's */
    int32_t *acc;           /* [n_px, lanes], aligned to 64 */
};
typedef void dwconv_dot_fn(const struct dwconv_dot *job);

struct dwconv_kernel {
    struct conv_element element;            /* s16; group is the number of s16 in a vector */
    dwconv_dot_fn *dots[DWCONV_MAX_PX + 1]; /* by n_px */
    int tile_px;                            /* of an epilogue's tile, at most DWCONV_MAX_TILE */
    epilogue_tile_fn *epilogue;
};

/* The functions of a row. */
size_t dwconv_tiled_packed_size(const struct dwconv_kernel *k, const struct conv_shape *s);
size_t dwconv_tiled_scratch_size(const struct dwconv_kernel *k, const struct conv_shape *s);
void dwconv_tiled_pack(const struct dwconv_kernel *k, const struct conv_shape *s, const int8_t *w,
                       void *packed);
/* The parts of a row's run that do not change on its way. */
struct dwconv_tiled_run {
    const struct dwconv_kernel *kernel;
    const struct conv_params *params;
    const void *in;
    const uint8_t *res;
    uint8_t *out;
};
void dwconv_tiled_rows(const struct dwconv_tiled_run *r, int row_begin, int row_end, void *scratch);

/* Defines the functions of dwconv_rows.h for a suffix. */
#define DWCONV_TILED_ROW(suffix, kernel)                                                           \
    bool dwconv_s8_fits_##suffix(const struct conv_shape *s)                                       \
    {                                                                                              \
        (void)s;                                                                                   \
        return true;                                                                               \
    }                                                                                              \
    size_t dwconv_s8_packed_size_##suffix(const struct conv_shape *s)                              \
    {                                                                                              \
        return dwconv_tiled_packed_size(&(kernel), s);                                             \
    }                                                                                              \
    size_t dwconv_s8_scratch_size_##suffix(const struct conv_shape *s)                             \
    {                                                                                              \
        return dwconv_tiled_scratch_size(&(kernel), s);                                            \
    }                                                                                              \
    void dwconv_s8_pack_##suffix(const struct conv_shape *s, const int8_t *w, void *packed)        \
    {                                                                                              \
        dwconv_tiled_pack(&(kernel), s, w, packed);                                                \
    }                                                                                              \
    void dwconv_s8_run_##suffix(const struct conv_params *p, const void *in, const void *res,      \
                                void *out, int row_begin, int row_end, void *scratch)              \
    {                                                                                              \
        const struct dwconv_tiled_run r = {                                                        \
            .kernel = &(kernel), .params = p, .in = in, .res = res, .out = out};                   \
        dwconv_tiled_rows(&r, row_begin, row_end, scratch);                                        \
    }

#endif
