/* SPDX-License-Identifier: Apache-2.0
 *
 * Winograd F(2x2, 3x3) on inputs of 16 bits: the transforms on AVX-512; the products are vpdpwssd.
 */
#include "kernels/conv/conv_rows.h"
#include "kernels/conv/conv_winograd.h"
#include "kernels/simd_avx512.h"

enum { TILE = 2, WINDOW = 4, COLUMNS = TILE * WINOGRAD_TILES + 2 };

SIMD_INLINE __m512i load(const void *p)
{
    return _mm512_loadu_si512(p);
}

SIMD_INLINE void store(void *p, __m512i v)
{
    _mm512_storeu_si512(p, v);
}

/* t = B^T d for one row or column of four. */
SIMD_INLINE void transform_4(const __m512i d[WINDOW], __m512i t[WINDOW])
{
    t[0] = _mm512_sub_epi16(d[0], d[2]);
    t[1] = _mm512_add_epi16(d[1], d[2]);
    t[2] = _mm512_sub_epi16(d[2], d[1]);
    t[3] = _mm512_sub_epi16(d[1], d[3]);
}

static void transform_input(const struct winograd_input *w)
{
    __m512i columns[WINDOW][COLUMNS]; /* B^T d of all tiles: neighbours share two */
    for (int c = 0; c < w->channels; c += 32) {
        size_t at = w->at + (size_t)c * 2;
        for (int x = 0; x < TILE * w->n_tiles + 2; x++, at += w->pixel_size) {
            __m512i d[WINDOW], t[WINDOW];
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
                __m512i t[WINDOW];
                transform_4(columns[i] + TILE * tile, t);
#pragma GCC unroll 4
                for (int j = 0; j < WINDOW; j++, v += w->v_step) store(v, t[j]);
            }
        }
    }
}

/* y = A^T m for one row or column of four. */
SIMD_INLINE void transform_2(const __m512i m[WINDOW], __m512i y[TILE])
{
    y[0] = _mm512_add_epi32(_mm512_add_epi32(m[0], m[1]), m[2]);
    y[1] = _mm512_sub_epi32(_mm512_sub_epi32(m[1], m[2]), m[3]);
}

static void transform_output(const struct winograd_output *w)
{
    for (int c = 0; c < w->channels; c += 16) {
        const __m512i bias = load(w->bias + c);
        __m512i rows[TILE][WINDOW]; /* A^T m */
#pragma GCC unroll 4
        for (int j = 0; j < WINDOW; j++) {
            __m512i m[WINDOW], y[TILE];
#pragma GCC unroll 4
            for (int i = 0; i < WINDOW; i++)
                m[i] = load(w->m + (size_t)(i * WINDOW + j) * w->m_step + c);
            transform_2(m, y);
            rows[0][j] = y[0];
            rows[1][j] = y[1];
        }
#pragma GCC unroll 2
        for (int i = 0; i < TILE; i++) {
            __m512i y[TILE];
            transform_2(rows[i], y);
            int32_t *acc = w->acc + (size_t)i * w->acc_row + c;
#pragma GCC unroll 2
            for (int j = 0; j < TILE; j++, acc += w->channels)
                store(acc, _mm512_add_epi32(_mm512_srai_epi32(y[j], 2), bias));
        }
    }
}

static const struct winograd_kernel kernel = {
    .tile = TILE,
    .element = {.size = 2, .group = 32, .convert_wide = copy_lines_avx512},
    .lanes = 16,
    .max_block = 2,
    .min_in_c = 32,
    .min_out_c = 16,
    .products = &winograd_products_avx512,
    .transform_input = transform_input,
    .transform_output = transform_output,
    .epilogue = epilogue_tile_avx512,
};

WINOGRAD_ROW(winograd2__avx512vnni, kernel)
