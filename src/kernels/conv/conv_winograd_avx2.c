/* SPDX-License-Identifier: Apache-2.0
 *
 * Winograd F(4x4, 3x3): the transforms on AVX2; the products are vpmaddwd.
 */
#include "kernels/conv/conv_rows.h"
#include "kernels/conv/conv_winograd.h"
#include "kernels/simd_avx2.h"

enum { TILE = 4, WINDOW = 6, COLUMNS = TILE * WINOGRAD_TILES + 2 };

SIMD_INLINE __m256i load(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

/* 16 channels of the input. */
SIMD_INLINE __m256i load_s8(const uint8_t *p)
{
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)p));
}

SIMD_INLINE void store(void *p, __m256i v)
{
    _mm256_storeu_si256((__m256i *)p, v);
}

/* t = B^T d for one row or column of six. */
SIMD_INLINE void transform_6(const __m256i d[6], __m256i t[6])
{
    const __m256i a = _mm256_sub_epi16(d[4], _mm256_slli_epi16(d[2], 2));
    const __m256i b = _mm256_sub_epi16(d[3], _mm256_slli_epi16(d[1], 2));
    const __m256i c = _mm256_sub_epi16(d[4], d[2]);
    const __m256i e = _mm256_slli_epi16(_mm256_sub_epi16(d[3], d[1]), 1);
    t[0] = _mm256_add_epi16(_mm256_sub_epi16(_mm256_slli_epi16(d[0], 2), d[2]), a);
    t[1] = _mm256_add_epi16(a, b);
    t[2] = _mm256_sub_epi16(a, b);
    t[3] = _mm256_add_epi16(c, e);
    t[4] = _mm256_sub_epi16(c, e);
    t[5] = _mm256_sub_epi16(_mm256_sub_epi16(d[5], d[3]), _mm256_slli_epi16(e, 1));
}

void winograd_input_avx2(const struct winograd_input *w)
{
    __m256i columns[WINDOW][COLUMNS]; /* B^T d of all tiles: neighbours share two */
    for (int c = 0; c < w->channels; c += 16) {
        size_t at = w->at + (size_t)c;
        for (int x = 0; x < TILE * w->n_tiles + 2; x++, at += w->pixel_size) {
            __m256i d[WINDOW], t[WINDOW];
#pragma GCC unroll 6
            for (int i = 0; i < WINDOW; i++) d[i] = load_s8(w->rows[i] + at);
            transform_6(d, t);
#pragma GCC unroll 6
            for (int i = 0; i < WINDOW; i++) columns[i][x] = t[i];
        }
        for (int tile = 0; tile < w->n_tiles; tile++) {
            int16_t *v = w->v + (size_t)tile * w->v_tile + c;
            for (int i = 0; i < WINDOW; i++) {
                __m256i t[WINDOW];
                transform_6(columns[i] + TILE * tile, t);
#pragma GCC unroll 6
                for (int j = 0; j < WINDOW; j++, v += w->v_step) store(v, t[j]);
            }
        }
    }
}

/* The same for eight channels: two pixels in a vector, then two rows of positions. */
static void transform_input_8(const struct winograd_input *w)
{
    __m256i columns[WINDOW][COLUMNS / 2];
    size_t at = w->at;
    for (int x = 0; x < TILE / 2 * w->n_tiles + 1; x++, at += 2 * w->pixel_size) {
        __m256i d[WINDOW], t[WINDOW];
#pragma GCC unroll 6
        for (int i = 0; i < WINDOW; i++) d[i] = load_s8(w->rows[i] + at);
        transform_6(d, t);
#pragma GCC unroll 6
        for (int i = 0; i < WINDOW; i++) columns[i][x] = t[i];
    }
    for (int tile = 0; tile < w->n_tiles; tile++) {
        int16_t *v = w->v + (size_t)tile * w->v_tile;
        for (int i = 0; i < WINDOW; i += 2, v += WINDOW * w->v_step) {
            __m256i d[WINDOW], t[WINDOW];
#pragma GCC unroll 3
            for (int j = 0; j < WINDOW / 2; j++) {
                const __m256i a = columns[i][2 * tile + j], b = columns[i + 1][2 * tile + j];
                d[2 * j] = _mm256_permute2x128_si256(a, b, 0x20);
                d[2 * j + 1] = _mm256_permute2x128_si256(a, b, 0x31);
            }
            transform_6(d, t);
#pragma GCC unroll 6
            for (int j = 0; j < WINDOW; j++, v += w->v_step) {
                _mm_storeu_si128((__m128i *)v, _mm256_castsi256_si128(t[j]));
                _mm_storeu_si128((__m128i *)(v + WINDOW * w->v_step),
                                 _mm256_extracti128_si256(t[j], 1));
            }
        }
    }
}

/* y = A^T m for one row or column of six. */
SIMD_INLINE void transform_4(const __m256i m[6], __m256i y[4])
{
    const __m256i s12 = _mm256_add_epi32(m[1], m[2]), d12 = _mm256_sub_epi32(m[1], m[2]);
    const __m256i s34 = _mm256_add_epi32(m[3], m[4]), d34 = _mm256_sub_epi32(m[3], m[4]);
    y[0] = _mm256_add_epi32(_mm256_sub_epi32(m[0], _mm256_slli_epi32(s12, 2)), s34);
    y[1] = _mm256_sub_epi32(d34, _mm256_add_epi32(d12, d12));
    y[2] = _mm256_sub_epi32(s34, s12);
    y[3] = _mm256_add_epi32(_mm256_sub_epi32(_mm256_add_epi32(d34, d34), d12), m[5]);
}

void winograd_output_avx2(const struct winograd_output *w)
{
    static const int shifts[TILE] = {3, 2, 1, 1};
    const __m256i inverse_9 = _mm256_set1_epi32((int32_t)WINOGRAD_INVERSE_9);
    for (int c = 0; c < w->channels; c += 8) {
        const __m256i bias = load(w->bias + c);
        __m256i rows[TILE][WINDOW]; /* A^T m */
#pragma GCC unroll 6
        for (int j = 0; j < WINDOW; j++) {
            __m256i m[WINDOW], y[TILE];
#pragma GCC unroll 6
            for (int i = 0; i < WINDOW; i++)
                m[i] = load(w->m + (size_t)(i * WINDOW + j) * w->m_step + c);
            transform_4(m, y);
#pragma GCC unroll 4
            for (int i = 0; i < TILE; i++) {
                SIMD_PIN(y[i]);
                rows[i][j] = y[i];
            }
        }
#pragma GCC unroll 4
        for (int i = 0; i < TILE; i++) {
            __m256i y[TILE];
            transform_4(rows[i], y);
            int32_t *acc = w->acc + (size_t)i * w->acc_row + c;
#pragma GCC unroll 4
            for (int j = 0; j < TILE; j++, acc += w->channels) {
                const __m256i scaled = _mm256_mullo_epi32(y[j], inverse_9);
                const __m256i sum = _mm256_srai_epi32(scaled, shifts[i] + shifts[j]);
                store(acc, _mm256_add_epi32(sum, bias));
            }
        }
    }
}

#define PRODUCTS_ADD(sum, a, w) _mm256_add_epi32(sum, _mm256_madd_epi16(a, w))
#include "kernels/conv/conv_winograd_products_256.h"

const winograd_products_table winograd_products_avx2 = PRODUCTS_TABLE;

static const struct winograd_kernel kernel = {
    .tile = TILE,
    .element = {.size = 1, .group = 16, .convert = copy_bytes_avx2},
    .lanes = 8,
    .max_block = 2,
    .min_in_c = 9,
    .min_out_c = 8,
    .products = &winograd_products_avx2,
    .transform_input = winograd_input_avx2,
    .transform_output = winograd_output_avx2,
    .epilogue = epilogue_tile_avx2,
};

WINOGRAD_ROW(winograd4__avx2, kernel)

static const struct winograd_kernel kernel_8 = {
    .tile = TILE,
    .element = {.size = 1, .group = 8, .convert = copy_bytes_avx2},
    .lanes = 8,
    .max_block = 2,
    .min_in_c = 8,
    .max_in_c = 8,
    .min_out_c = 16,
    .products = &winograd_products_avx2,
    .transform_input = transform_input_8,
    .transform_output = winograd_output_avx2,
    .epilogue = epilogue_tile_avx2,
};

WINOGRAD_ROW(winograd4c8__avx2, kernel_8)
