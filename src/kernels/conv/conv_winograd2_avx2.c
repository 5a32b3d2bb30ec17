/* SPDX-License-Identifier: Apache-2.0
 *
 * Winograd F(2x2, 3x3) on inputs of 16 bits: the transforms on AVX2; the products are conv_winograd_avx2.c's.
 */
#include "kernels/conv/conv_rows.h"
#include "kernels/conv/conv_winograd.h"
#include "kernels/simd_avx2.h"

enum { TILE = 2, WINDOW = 4, COLUMNS = TILE * WINOGRAD_TILES + 2 };

SIMD_INLINE __m256i load(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

SIMD_INLINE void store(void *p, __m256i v)
{
    _mm256_storeu_si256((__m256i *)p, v);
}

/* t = B^T d for one row or column of four. */
SIMD_INLINE void transform_4(const __m256i d[WINDOW], __m256i t[WINDOW])
{
    t[0] = _mm256_sub_epi16(d[0], d[2]);
    t[1] = _mm256_add_epi16(d[1], d[2]);
    t[2] = _mm256_sub_epi16(d[2], d[1]);
    t[3] = _mm256_sub_epi16(d[1], d[3]);
}

static void transform_input(const struct winograd_input *w)
{
    __m256i columns[WINDOW][COLUMNS]; /* B^T d of all tiles: neighbours share two */
    for (int c = 0; c < w->channels; c += 16) {
        size_t at = w->at + (size_t)c * 2;
        for (int x = 0; x < TILE * w->n_tiles + 2; x++, at += w->pixel_size) {
            __m256i d[WINDOW], t[WINDOW];
#pragma GCC unroll 4
            for (int i = 0; i < WINDOW; i++) d[i] = load(w->rows[i] + at);
            transform_4(d, t);
#pragma GCC unroll 4
            for (int i = 0; i < WINDOW; i++) columns[i][x] = t[i];
        }
        for (int tile = 0; tile < w->n_tiles; tile++) {
            int16_t *v = w->v + (size_t)tile * w->v_tile + c;
#pragma GCC unroll 4
            for (int i = 0; i < WINDOW; i++) {
                __m256i t[WINDOW];
                transform_4(columns[i] + TILE * tile, t);
#pragma GCC unroll 4
                for (int j = 0; j < WINDOW; j++, v += w->v_step) store(v, t[j]);
            }
        }
    }
}

/* y = A^T m for one row or column of four. */
SIMD_INLINE void transform_2(const __m256i m[WINDOW], __m256i y[TILE])
{
    y[0] = _mm256_add_epi32(_mm256_add_epi32(m[0], m[1]), m[2]);
    y[1] = _mm256_sub_epi32(_mm256_sub_epi32(m[1], m[2]), m[3]);
}

static void transform_output(const struct winograd_output *w)
{
    for (int c = 0; c < w->channels; c += 8) {
        const __m256i bias = load(w->bias + c);
        __m256i rows[TILE][WINDOW]; /* A^T m */
#pragma GCC unroll 4
        for (int j = 0; j < WINDOW; j++) {
            __m256i m[WINDOW], y[TILE];
#pragma GCC unroll 4
            for (int i = 0; i < WINDOW; i++)
                m[i] = load(w->m + (size_t)(i * WINDOW + j) * w->m_step + c);
            transform_2(m, y);
            rows[0][j] = y[0];
            rows[1][j] = y[1];
        }
#pragma GCC unroll 2
        for (int i = 0; i < TILE; i++) {
            __m256i y[TILE];
            transform_2(rows[i], y);
            int32_t *acc = w->acc + (size_t)i * w->acc_row + c;
#pragma GCC unroll 2
            for (int j = 0; j < TILE; j++, acc += w->channels)
                store(acc, _mm256_add_epi32(_mm256_srai_epi32(y[j], 2), bias));
        }
    }
}

static const struct winograd_kernel kernel = {
    .tile = TILE,
    .element = {.size = 2, .group = 16, .convert_wide = copy_lines_avx2},
    .lanes = 8,
    .max_block = 2,
    .min_in_c = 16,
    .min_out_c = 16,
    .products = &winograd_products_avx2,
    .transform_input = transform_input,
    .transform_output = transform_output,
    .epilogue = epilogue_tile_avx2,
};

WINOGRAD_ROW(winograd2__avx2, kernel)
