/* SPDX-License-Identifier: Apache-2.0
 *
 * Winograd F(4x4, 3x3) on integers, exact: 36 products where 3x3 stride 1 asks for 144 (Lavin and Gray, Fast
 * Algorithms for Convolutional Neural Networks, 2016). For a tile d [6, 6] of the input and a kernel g [3, 3]
 *
 *   y [4, 4] = A^T ((G g G^T) * (B^T d B)) A
 *
 *   B^T = 4  0 -5  0  1  0     G = 6  0  0     A^T = 1  -4  -4   1   1   0     24 y0
 *         0 -4 -4  1  1  0         1  1  1           0  -2   2   1  -1   0     12 y1
 *         0  4 -4 -1  1  0         1 -1  1           0  -1  -1   1   1   0      6 y2
 *         0 -2 -1  2  1  0         1  2  4           0  -1   1   2  -2   1      6 y3
 *         0  2 -1 -2  1  0         1 -2  4
 *         0  4  0 -5  0  1         0  0  6
 *
 * Rows are scaled so that all entries are integers: the sums come out as 9 * 2^n times the result, n = 2 to 6. They
 * wrap modulo 2^32; the multiplication by 1/9 modulo 2^32 and the arithmetic shift right by n give the exact result if
 * it is below 2^25 in magnitude, which in_c <= 229 guarantees (229 * 9 * 128 * 127 < 2^25), or a sum of |w| below 2^18.
 * The bias is added after.
 * Transformed inputs are at most 100 * 128, weights at most 49 * 127: both are s16.
 *
 * F(2x2, 3x3) for inputs of 16 bits: 16 products where 36 are asked for.
 *
 *   B^T = 1  0 -1  0     G = 2  0  0     A^T = 1  1  1  0     2 y0
 *         0  1  1  0         1  1  1           0  1 -1 -1     2 y1
 *         0 -1  1  0         1 -1  1
 *         0  1  0 -1         0  0  2
 *
 * The sums come out as 4 times the result, exact where it is below 2^29, as all sums of 16-bit inputs are. Transformed
 * inputs are at most 4 * 8191, weights at most 9 * 127.
 */
#ifndef KERNELS_CONV_CONV_WINOGRAD_H
#define KERNELS_CONV_CONV_WINOGRAD_H

#include "kernels/conv/conv_tiled.h"

#define WINOGRAD_INVERSE_9 0x38e38e39u /* modulo 2^32 */

/* The input of tiles beside each other: [window, tile * n_tiles + 2] pixels of `channels` s8 (4 x 4) or s16 (2 x 2), row i
 * at rows[i] + at. */
struct winograd_input {
    const uint8_t *const *rows;
    size_t at, pixel_size; /* bytes */
    int n_tiles, channels;
    int16_t *v;            /* [positions, n_tiles, channels] */
    size_t v_step, v_tile; /* elements to the next position, to the next tile */
};

/* One tile's sums, and where the accumulators go. */
struct winograd_output {
    const int32_t *m; /* [positions, channels], positions m_step apart */
    size_t m_step;    /* elements */
    const int32_t *bias;
    int channels; /* a multiple of lanes */
    int32_t *acc; /* [tile, tile, channels], rows acc_row apart */
    size_t acc_row;
};

/* All positions of a block of channels: m[position, tile, channel] = the products of the tile's V and the channel's U.
 * The numbers of vectors (of channels) and tiles are the function's. */
struct winograd_products {
    const uint8_t *v;          /* position 0, tile 0, channel 0: s16 */
    size_t v_position, v_step; /* bytes to the next position, to the next tile */
    const uint8_t *weights;    /* [positions, n_pairs, vectors, lanes, 2] s16 */
    int32_t *m;                /* position 0, tile 0; tiles follow each other */
    size_t m_position;         /* elements to the next position */
    int n_positions, n_pairs;
};
typedef void winograd_products_fn(const struct winograd_products *job);

enum { WINOGRAD_MAX_BLOCK = 2, WINOGRAD_TILES = 6 /* of a group */ };
typedef winograd_products_fn
    *const winograd_products_table[WINOGRAD_MAX_BLOCK + 1][WINOGRAD_TILES + 1];

/* Positions of a transformed tile are counted window * row + column; window = tile + 2. */
struct winograd_kernel {
    int tile; /* 4: s8, 2: s16 */
    struct conv_element
        element;             /* as the input's; group: channels that its transform takes together */
    int lanes, max_block;    /* of the products, as struct conv_kernel's; max_block is 1 or 2 */
    int min_in_c, min_out_c; /* with fewer channels the transforms cost more than they save */
    int max_in_c, max_out_c; /* beyond them another row is better; 0: any */
    const winograd_products_table *products; /* [vectors][tiles] */
    void (*transform_input)(const struct winograd_input *t);
    void (*transform_output)(const struct winograd_output *t);
    epilogue_tile_fn *epilogue;
};

static inline int winograd_window(const struct winograd_kernel *k)
{
    return k->tile + 2;
}

static inline int winograd_positions(const struct winograd_kernel *k)
{
    return winograd_window(k) * winograd_window(k);
}

/* Input channels, padded. */
static inline int winograd_channels(const struct winograd_kernel *k, const struct conv_shape *s)
{
    return (s->in_c + k->element.group - 1) / k->element.group * k->element.group;
}

static inline int winograd_vectors(const struct winograd_kernel *k, const struct conv_shape *s)
{
    return (s->out_c + k->lanes - 1) / k->lanes;
}

/* Vectors of the block that begins with `left` vectors to go. */
static inline int winograd_block(const struct winograd_kernel *k, int left)
{
    return left < k->max_block ? 1 : k->max_block;
}

/* s16 of all positions of n output channels. */
static inline size_t winograd_weights_len(const struct winograd_kernel *k,
                                          const struct conv_shape *s, int n)
{
    return (size_t)winograd_positions(k) * (size_t)winograd_channels(k, s) * (size_t)n;
}

/* The functions of a row. */
bool winograd_fits(const struct winograd_kernel *k, const struct conv_shape *s);
size_t winograd_packed_size(const struct winograd_kernel *k, const struct conv_shape *s);
size_t winograd_scratch_size(const struct winograd_kernel *k, const struct conv_shape *s);
void winograd_pack(const struct winograd_kernel *k, const struct conv_shape *s, const int8_t *w,
                   void *packed);
/* The parts of a row's run that do not change on its way. */
struct winograd_run {
    const struct winograd_kernel *kernel;
    const struct conv_params *params;
    const void *in;
    const uint8_t *res;
    uint8_t *out;
};
void winograd_rows(const struct winograd_run *r, int row_begin, int row_end, void *scratch);

/* Defines the functions of conv_rows.h for a suffix. */
#define WINOGRAD_ROW(suffix, k)                                                                    \
    bool conv_s8_fits_##suffix(const struct conv_shape *s)                                         \
    {                                                                                              \
        return winograd_fits(&(k), s);                                                             \
    }                                                                                              \
    size_t conv_s8_packed_size_##suffix(const struct conv_shape *s, const int8_t *w)               \
    {                                                                                              \
        (void)w;                                                                                   \
        return winograd_packed_size(&(k), s);                                                      \
    }                                                                                              \
    size_t conv_s8_scratch_size_##suffix(const struct conv_shape *s)                               \
    {                                                                                              \
        return winograd_scratch_size(&(k), s);                                                     \
    }                                                                                              \
    void conv_s8_pack_##suffix(const struct conv_shape *s, const int8_t *w, void *packed)          \
    {                                                                                              \
        winograd_pack(&(k), s, w, packed);                                                         \
    }                                                                                              \
    void conv_s8_run_##suffix(const struct conv_params *p, const void *in, const void *res,        \
                              void *out, int row_begin, int row_end, void *scratch)                \
    {                                                                                              \
        const struct winograd_run r = {                                                            \
            .kernel = &(k), .params = p, .in = in, .res = res, .out = out};                        \
        winograd_rows(&r, row_begin, row_end, scratch);                                            \
    }

/* Of conv_winograd_avx2.c and conv_winograd_avx512vnni.c. */
void winograd_input_avx2(const struct winograd_input *w);
void winograd_output_avx2(const struct winograd_output *w);
extern const winograd_products_table winograd_products_avx2, winograd_products_avx512;

#endif
