/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise 3x3 with stride 1, two output rows at a time. Both need four input rows, which are interleaved once for both
 * and for all three columns of taps, so that a product is a load and a multiplication. A block of channels has one or more
 * lines of cells:
 *
 *   quads   row 0 to 3 of each channel, one line; weights (w0, w1, w2, 0) and (0, w0, w1, w2)
 *   pairs   rows 0 and 1, rows 2 and 3, two lines; weights (w0, w1), (w2, 0) and (0, w0), (w1, w2)
 *
 * Packed, for each block of DWCONV_3X3_BLOCK channels: [lines][3 columns][2 output rows][channels][rows of the line]; then
 * w_offset * sum(w) of every channel, s32.
 */
#ifndef KERNELS_DWCONV_DWCONV_3X3_H
#define KERNELS_DWCONV_DWCONV_3X3_H

#include "kernels/dwconv/dwconv.h"
#include "kernels/simd_tile.h"

enum {
    DWCONV_3X3_BLOCK = 16,     /* channels */
    DWCONV_3X3_MAX_GROUP = 64, /* channels */
    DWCONV_3X3_CELL = 64,      /* bytes: a pixel of a block */
    DWCONV_3X3_MAX_PX = 8,
    DWCONV_3X3_MAX_ACC = 64 * 16, /* of one output row */
};

/* Writes n_px pixels of a group of channels into the lines of its blocks, `line_size` bytes apart. Pixels of input row i
 * are step[i] bytes apart, 0 for one that stands for all. Reads 64 bytes of each pixel. */
typedef void dwconv_3x3_interleave_fn(uint8_t *to, size_t line_size, const uint8_t *const from[4],
                                      const size_t step[4], int n_px);

/* acc[r, p, c] = init[c] + the products of pixel p of output row r, for one block; the number of pixels is the
 * function's. */
struct dwconv_3x3_dot {
    const uint8_t *cells;     /* the block's first line, at pixel 0 and the first column of taps */
    size_t line_size;         /* bytes from one line of the block to the next */
    const uint8_t *weights;   /* the block's, aligned to 64 */
    const int32_t *init;      /* the block's, aligned to 64 */
    int32_t *acc;             /* aligned to 64 */
    size_t acc_step, acc_row; /* s32 from one pixel to the next, from one output row to the next */
};
typedef void dwconv_3x3_dot_fn(const struct dwconv_3x3_dot *job);

struct dwconv_3x3_kernel {
    size_t size;  /* of an element of a cell: 1 (quads) or 2 (pairs) */
    int group;    /* channels that are interleaved at once, blocks of them */
    int w_offset; /* the interleaved activation is that of the input minus w_offset */
    dwconv_3x3_interleave_fn *interleave;      /* of s8; NULL: does not fit */
    dwconv_3x3_interleave_fn *interleave_wide; /* of s16; NULL: does not fit */
    int max_px;
    dwconv_3x3_dot_fn *dots[DWCONV_3X3_MAX_PX + 1]; /* by pixels */
    epilogue_tile_fn *epilogue;
};

/* The functions of a row. */
bool dwconv_3x3_fits(const struct dwconv_3x3_kernel *k, const struct conv_shape *s);
size_t dwconv_3x3_packed_size(const struct dwconv_3x3_kernel *k, const struct conv_shape *s);
size_t dwconv_3x3_scratch_size(const struct dwconv_3x3_kernel *k, const struct conv_shape *s);
void dwconv_3x3_pack(const struct dwconv_3x3_kernel *k, const struct conv_shape *s, const int8_t *w,
                     void *packed);
/* The parts of a row's run that do not change on its way. */
struct dwconv_3x3_run {
    const struct dwconv_3x3_kernel *kernel;
    const struct conv_params *params;
    const uint8_t *in, *res;
    uint8_t *out;
};
void dwconv_3x3_rows(const struct dwconv_3x3_run *r, int row_begin, int row_end, void *scratch);

/* Defines the functions of dwconv_rows.h for a suffix. */
#define DWCONV_3X3_ROW(suffix, k)                                                                  \
    bool dwconv_s8_fits_##suffix(const struct conv_shape *s)                                       \
    {                                                                                              \
        return dwconv_3x3_fits(&(k), s);                                                           \
    }                                                                                              \
    size_t dwconv_s8_packed_size_##suffix(const struct conv_shape *s)                              \
    {                                                                                              \
        return dwconv_3x3_packed_size(&(k), s);                                                    \
    }                                                                                              \
    size_t dwconv_s8_scratch_size_##suffix(const struct conv_shape *s)                             \
    {                                                                                              \
        return dwconv_3x3_scratch_size(&(k), s);                                                   \
    }                                                                                              \
    void dwconv_s8_pack_##suffix(const struct conv_shape *s, const int8_t *w, void *packed)        \
    {                                                                                              \
        dwconv_3x3_pack(&(k), s, w, packed);                                                       \
    }                                                                                              \
    void dwconv_s8_run_##suffix(const struct conv_params *p, const void *in, const void *res,      \
                                void *out, int row_begin, int row_end, void *scratch)              \
    {                                                                                              \
        const struct dwconv_3x3_run r = {                                                          \
            .kernel = &(k), .params = p, .in = in, .res = res, .out = out};                        \
        dwconv_3x3_rows(&r, row_begin, row_end, scratch);                                          \
    }

#endif
