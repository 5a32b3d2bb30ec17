/* SPDX-License-Identifier: Apache-2.0
 *
 * Winograd F(4x4, 3x3): the transforms on AVX-512; the products are vpdpwssd.
 */
#include "kernels/conv/conv_rows.h"
#include "kernels/conv/conv_winograd.h"
#include "kernels/simd_avx2.h"
#include "kernels/simd_avx512.h"

enum { TILE = 4, WINDOW = 6, COLUMNS = TILE * WINOGRAD_TILES + 2 };

SIMD_INLINE __m512i load(const void *p)
{
    return _mm512_loadu_si512(p);
}

/* 32 channels of the input. */
SIMD_INLINE __m512i load_s8(const uint8_t *p)
{
    return _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(const void *)p));
}

SIMD_INLINE void store(void *p, __m512i v)
{
    _mm512_storeu_si512(p, v);
}

/* t = B^T d for one row or column of six. */
SIMD_INLINE void transform_6(const __m512i d[6], __m512i t[6])
{
    const __m512i a = _mm512_sub_epi16(d[4], _mm512_slli_epi16(d[2], 2));
    const __m512i b = _mm512_sub_epi16(d[3], _mm512_slli_epi16(d[1], 2));
    const __m512i c = _mm512_sub_epi16(d[4], d[2]);
    const __m512i e = _mm512_slli_epi16(_mm512_sub_epi16(d[3], d[1]), 1);
    t[0] = _mm512_add_epi16(_mm512_sub_epi16(_mm512_slli_epi16(d[0], 2), d[2]), a);
    t[1] = _mm512_add_epi16(a, b);
    t[2] = _mm512_sub_epi16(a, b);
    t[3] = _mm512_add_epi16(c, e);
    t[4] = _mm512_sub_epi16(c, e);
    t[5] = _mm512_sub_epi16(_mm512_sub_epi16(d[5], d[3]), _mm512_slli_epi16(e, 1));
}

/* 32 channels from c. */
static void transform_32(const struct winograd_input *w, int c)
{
    __m512i columns[WINDOW][COLUMNS]; /* B^T d of all tiles: neighbours share two */
    size_t at = w->at + (size_t)c;
    for (int x = 0; x < TILE * w->n_tiles + 2; x++, at += w->pixel_size) {
        __m512i d[WINDOW], t[WINDOW];
#pragma GCC unroll 6
        for (int i = 0; i < WINDOW; i++) d[i] = load_s8(w->rows[i] + at);
        transform_6(d, t);
#pragma GCC unroll 6
        for (int i = 0; i < WINDOW; i++) columns[i][x] = t[i];
    }
    for (int tile = 0; tile < w->n_tiles; tile++) {
        int16_t *v = w->v + (size_t)tile * w->v_tile + c;
        for (int i = 0; i < WINDOW; i++) {
            __m512i t[WINDOW];
            transform_6(columns[i] + TILE * tile, t);
#pragma GCC unroll 6
            for (int j = 0; j < WINDOW; j++, v += w->v_step) store(v, t[j]);
        }
    }
}

/* The last 16 channels may be half a vector. */
static void transform_input(const struct winograd_input *w)
{
    int c = 0;
    for (; c + 32 <= w->channels; c += 32) transform_32(w, c);
    if (c == w->channels) return;
    struct winograd_input last = *w;
    last.at += (size_t)c;
    last.v += c;
    last.channels -= c;
    winograd_input_avx2(&last);
}

/* y = A^T m for one row or column of six. */
SIMD_INLINE void transform_4(const __m512i m[6], __m512i y[4])
{
    const __m512i s12 = _mm512_add_epi32(m[1], m[2]), d12 = _mm512_sub_epi32(m[1], m[2]);
    const __m512i s34 = _mm512_add_epi32(m[3], m[4]), d34 = _mm512_sub_epi32(m[3], m[4]);
    y[0] = _mm512_add_epi32(_mm512_sub_epi32(m[0], _mm512_slli_epi32(s12, 2)), s34);
    y[1] = _mm512_sub_epi32(d34, _mm512_add_epi32(d12, d12));
    y[2] = _mm512_sub_epi32(s34, s12);
    y[3] = _mm512_add_epi32(_mm512_sub_epi32(_mm512_add_epi32(d34, d34), d12), m[5]);
}

static void transform_output(const struct winograd_output *w)
{
    static const int shifts[TILE] = {3, 2, 1, 1};
    const __m512i inverse_9 = _mm512_set1_epi32((int32_t)WINOGRAD_INVERSE_9);
    for (int c = 0; c < w->channels; c += 16) {
        const __m512i bias = load(w->bias + c);
        __m512i rows[TILE][WINDOW]; /* A^T m */
#pragma GCC unroll 6
        for (int j = 0; j < WINDOW; j++) {
            __m512i m[WINDOW], y[TILE];
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
            __m512i y[TILE];
            transform_4(rows[i], y);
            int32_t *acc = w->acc + (size_t)i * w->acc_row + c;
#pragma GCC unroll 4
            for (int j = 0; j < TILE; j++, acc += w->channels) {
                const __m512i scaled = _mm512_mullo_epi32(y[j], inverse_9);
                const __m512i sum = _mm512_srai_epi32(scaled, shifts[i] + shifts[j]);
                store(acc, _mm512_add_epi32(sum, bias));
            }
        }
    }
}

#define PRODUCTS_VECTOR __m512i
#define PRODUCTS_LANES 16
#define PRODUCTS_LOAD(from) _mm512_load_si512(from)
#define PRODUCTS_STORE(to, v) _mm512_store_si512(to, v)
#define PRODUCTS_SET(x) _mm512_set1_epi32(x)
#define PRODUCTS_FIRST(a, w) _mm512_madd_epi16(a, w)
#define PRODUCTS_ADD(sum, a, w) _mm512_dpwssd_epi32(sum, a, w)
#include "kernels/conv/conv_winograd_products.h"

const winograd_products_table winograd_products_avx512 = PRODUCTS_TABLE;

static const struct winograd_kernel kernel = {
    .tile = TILE,
    .element = {.size = 1, .group = 16, .convert = copy_bytes_avx2},
    .lanes = 16,
    .max_block = 2,
    .min_in_c = 9,
    .min_out_c = 16,
    .products = &winograd_products_avx512,
    .transform_input = transform_input,
    .transform_output = transform_output,
    .epilogue = epilogue_tile_avx512,
};

WINOGRAD_ROW(winograd4__avx512vnni, kernel)
