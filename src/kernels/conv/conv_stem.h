/* SPDX-License-Identifier: Apache-2.0
 *
 * First layers: 3x3 with a horizontal stride of 2 on pictures, three channels in pixels of four bytes. Products by pixels
 * would spend a quarter of the multiplications on the fourth byte; here lines hold the 27 inputs of an output closer, in
 * seven groups of four bytes or fourteen of two s16. What lines look like is the instruction set's: up to STEM_LINES of
 * them, made for each output row from its three input rows.
 *
 * Packed, for each block of 16 channels: [groups][16 channels][group] elements; then w_offset * sum(w) of every channel,
 * s32.
 */
#ifndef KERNELS_CONV_CONV_STEM_H
#define KERNELS_CONV_CONV_STEM_H

#include "kernels/conv/conv.h"
#include "kernels/simd_tile.h"

enum {
    STEM_TAPS = 27,
    STEM_BLOCK = 16, /* channels */
    STEM_LINES = 4,
    STEM_SLACK = 512, /* bytes behind a line that may be written, or read with any contents */
    STEM_TILE = 64, /* pixels of an epilogue's tile; a multiple of what every `dot` makes at once */
};

/* Writes n_px input pixels from pixel x on into all lines, which are `line_size` bytes apart, and up to STEM_SLACK bytes
 * behind them. May read 64 bytes behind the last pixel of each row. */
typedef void stem_fill_fn(uint8_t *lines, size_t line_size, int x, const uint8_t *const rows[3],
                          int n_px);

/* acc[p, c] = init[c] + the products of output pixel x + p, for 16 channels. Pixels behind n_px, up to a multiple of what is
 * made at once, hold anything. */
struct stem_dot {
    const uint8_t *lines;
    size_t line_size;
    int x, n_px;
    const uint8_t *weights; /* aligned to 64 */
    const int32_t *init;    /* aligned to 64 */
    int32_t *acc;           /* aligned to 64 */
};
typedef void stem_dot_fn(const struct stem_dot *job);

struct stem_kernel {
    size_t size; /* of an element: 1, groups of 4, or 2, groups of 2 */
    int n_groups;
    int line_pixel; /* bytes of a line for each input pixel, at most */
    int w_offset;   /* the line's activation is that of the input minus w_offset */
    /* The tap of each element of each group, (row * 3 + column) * 3 + channel; -1: none. */
    const int8_t *taps;
    stem_fill_fn *fill;
    stem_dot_fn *dot;
    epilogue_tile_fn *epilogue;
};

/* The functions of a row. */
bool stem_fits(const struct conv_shape *s);
size_t stem_packed_size(const struct stem_kernel *k, const struct conv_shape *s);
size_t stem_scratch_size(const struct stem_kernel *k, const struct conv_shape *s);
void stem_pack(const struct stem_kernel *k, const struct conv_shape *s, const int8_t *w,
               void *packed);
/* The parts of a row's run that do not change on its way. */
struct stem_run {
    const struct stem_kernel *kernel;
    const struct conv_params *params;
    const uint8_t *in, *res;
    uint8_t *out;
};
void stem_rows(const struct stem_run *r, int row_begin, int row_end, void *scratch);

/* Defines the functions of conv_rows.h for a suffix. */
#define STEM_ROW(suffix, k)                                                                        \
    bool conv_s8_fits_##suffix(const struct conv_shape *s)                                         \
    {                                                                                              \
        return stem_fits(s);                                                                       \
    }                                                                                              \
    size_t conv_s8_packed_size_##suffix(const struct conv_shape *s, const int8_t *w)               \
    {                                                                                              \
        (void)w;                                                                                   \
        return stem_packed_size(&(k), s);                                                          \
    }                                                                                              \
    size_t conv_s8_scratch_size_##suffix(const struct conv_shape *s)                               \
    {                                                                                              \
        return stem_scratch_size(&(k), s);                                                         \
    }                                                                                              \
    void conv_s8_pack_##suffix(const struct conv_shape *s, const int8_t *w, void *packed)          \
    {                                                                                              \
        stem_pack(&(k), s, w, packed);                                                             \
    }                                                                                              \
    void conv_s8_run_##suffix(const struct conv_params *p, const void *in, const void *res,        \
                              void *out, int row_begin, int row_end, void *scratch)                \
    {                                                                                              \
        const struct stem_run r = {.kernel = &(k), .params = p, .in = in, .res = res, .out = out}; \
        stem_rows(&r, row_begin, row_end, scratch);                                                \
    }

#endif
