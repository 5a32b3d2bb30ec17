/* SPDX-License-Identifier: Apache-2.0
 *
 * What the SIMD rows of the family share: packing, padded lines, the walk over register tiles. An instruction set
 * adds the products of a tile (one function for every tile size), its epilogue, and the conversion of lines.
 *
 * Packed, for each of the upscale^2 phases: vectors of `lanes` channels in blocks of 4, 2 or 1, each block
 * [depth / group][vectors][lanes][group] elements; then w_offset * sum(w) of every channel, s32.
 */
#ifndef KERNELS_CONV_CONV_TILED_H
#define KERNELS_CONV_CONV_TILED_H

#include "kernels/conv/conv_coarse.h"
#include "kernels/conv/conv_lines.h"
#include "kernels/simd_tile.h"

enum {
    CONV_MAX_BLOCK = 4, /* vectors */
    CONV_MAX_PX = 12,
    CONV_MAX_ACC = 24 * 64, /* of several register tiles, so that the epilogue's are long */
};

/* Register tiles: acc[p, o] = init[o] + the products of pixel p, which begins at byte `at` + p * step of every
 * segment. The number of vectors and of pixels of a tile is the function's. */
struct conv_dot {
    const struct conv_runs *runs;
    size_t at;
    int n_tiles;
    const uint8_t *weights; /* the block's */
    const int32_t *init;    /* [vectors, lanes], aligned to 32 */
    int32_t *acc;           /* [tiles, n_px, vectors, lanes], aligned to 64 */
};
typedef void conv_dot_fn(const struct conv_dot *job);

struct conv_kernel {
    struct conv_element element; /* of lines and of weights */
    int lanes, max_block;
    int w_offset; /* the converted activation is that of the input minus w_offset */
    int max_px[CONV_MAX_BLOCK + 1];              /* by vectors */
    conv_dot_fn *const (*dots)[CONV_MAX_PX + 1]; /* [vectors][n_px] */
    epilogue_tile_fn *epilogue;
    conv_add_coarse_fn *add_coarse;
};

/* The functions of a row. */
size_t conv_tiled_packed_size(const struct conv_kernel *k, const struct conv_shape *s);
size_t conv_tiled_scratch_size(const struct conv_kernel *k, const struct conv_shape *s);
void conv_tiled_pack(const struct conv_kernel *k, const struct conv_shape *s, const int8_t *w,
                     void *packed);
/* The parts of a row's run that do not change on its way. */
struct conv_tiled_run {
    const struct conv_kernel *kernel;
    const struct conv_params *params;
    const void *in;
    const uint8_t *res;
    uint8_t *out;
};
void conv_tiled_rows(const struct conv_tiled_run *r, int row_begin, int row_end, void *scratch);

/* Defines the functions of conv_rows.h for a suffix. */
#define CONV_TILED_ROW(suffix, k)                                                                  \
    bool conv_s8_fits_##suffix(const struct conv_shape *s)                                         \
    {                                                                                              \
        return conv_lines_fit(&(k).element, s);                                                    \
    }                                                                                              \
    size_t conv_s8_packed_size_##suffix(const struct conv_shape *s, const int8_t *w)               \
    {                                                                                              \
        (void)w;                                                                                   \
        return conv_tiled_packed_size(&(k), s);                                                    \
    }                                                                                              \
    size_t conv_s8_scratch_size_##suffix(const struct conv_shape *s)                               \
    {                                                                                              \
        return conv_tiled_scratch_size(&(k), s);                                                   \
    }                                                                                              \
    void conv_s8_pack_##suffix(const struct conv_shape *s, const int8_t *w, void *packed)          \
    {                                                                                              \
        conv_tiled_pack(&(k), s, w, packed);                                                       \
    }                                                                                              \
    void conv_s8_run_##suffix(const struct conv_params *p, const void *in, const void *res,        \
                              void *out, int row_begin, int row_end, void *scratch)                \
    {                                                                                              \
        const struct conv_tiled_run r = {                                                          \
            .kernel = &(k), .params = p, .in = in, .res = res, .out = out};                        \
        conv_tiled_rows(&r, row_begin, row_end, scratch);                                          \
    }

#endif
