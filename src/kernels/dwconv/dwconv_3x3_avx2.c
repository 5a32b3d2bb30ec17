/* SPDX-License-Identifier: Apache-2.0
 *
 * vpmaddwd on pairs of input rows (dwconv_3x3.h): 8 channels x 4 pixels x 2 output rows.
 */
#include <immintrin.h>

#include "kernels/dwconv/dwconv_3x3.h"
#include "kernels/dwconv/dwconv_rows.h"

enum { TAPS = 3, MAX_PX = 4, LANES = 8, CELL = DWCONV_3X3_CELL };

/* Two rows of 16 s8 as pairs of s16. */
SIMD_INLINE void store_pairs(uint8_t *to, __m128i a, __m128i b)
{
    _mm256_store_si256((__m256i *)to, _mm256_cvtepi8_epi16(_mm_unpacklo_epi8(a, b)));
    _mm256_store_si256((__m256i *)(to + 32), _mm256_cvtepi8_epi16(_mm_unpackhi_epi8(a, b)));
}

static void interleave(uint8_t *to, size_t line_size, const uint8_t *const from[4],
                       const size_t step[4], int n_px)
{
    const uint8_t *a = from[0], *b = from[1], *c = from[2], *d = from[3];
    for (int p = 0; p < n_px; p++, to += CELL) {
        store_pairs(to, _mm_loadu_si128((const __m128i *)a), _mm_loadu_si128((const __m128i *)b));
        store_pairs(to + line_size, _mm_loadu_si128((const __m128i *)c),
                    _mm_loadu_si128((const __m128i *)d));
        a += step[0];
        b += step[1];
        c += step[2];
        d += step[3];
    }
}

/* Two rows of 16 s16 as pairs. */
SIMD_INLINE void store_wide_pairs(uint8_t *to, const uint8_t *a, const uint8_t *b)
{
    for (int half = 0; half < 2; half++) {
        const __m128i x = _mm_loadu_si128((const __m128i *)(a + 16 * half));
        const __m128i y = _mm_loadu_si128((const __m128i *)(b + 16 * half));
        _mm_store_si128((__m128i *)(to + 32 * half), _mm_unpacklo_epi16(x, y));
        _mm_store_si128((__m128i *)(to + 32 * half + 16), _mm_unpackhi_epi16(x, y));
    }
}

static void interleave_wide(uint8_t *to, size_t line_size, const uint8_t *const from[4],
                            const size_t step[4], int n_px)
{
    const uint8_t *a = from[0], *b = from[1], *c = from[2], *d = from[3];
    for (int p = 0; p < n_px; p++, to += CELL) {
        store_wide_pairs(to, a, b);
        store_wide_pairs(to + line_size, c, d);
        a += step[0];
        b += step[1];
        c += step[2];
        d += step[3];
    }
}

SIMD_INLINE void dot(const struct dwconv_3x3_dot *job, const int n_px)
{
    for (int half = 0; half < 2; half++) {
        const uint8_t *cells = job->cells + 32 * half, *w = job->weights + 32 * half;
        const __m256i init = _mm256_load_si256((const __m256i *)(job->init + LANES * half));
        __m256i acc[2][MAX_PX];
#pragma GCC unroll 4
        for (int p = 0; p < n_px; p++) acc[0][p] = acc[1][p] = init;
#pragma GCC unroll 2
        for (int line = 0; line < 2; line++, cells += job->line_size) {
            __m256i a[MAX_PX + TAPS - 1];
#pragma GCC unroll 6
            for (int p = 0; p < n_px + TAPS - 1; p++)
                a[p] = _mm256_load_si256((const __m256i *)(cells + p * CELL));
#pragma GCC unroll 3
            for (int j = 0; j < TAPS; j++) {
#pragma GCC unroll 2
                for (int r = 0; r < 2; r++, w += CELL) {
                    const __m256i weights = _mm256_load_si256((const __m256i *)w);
#pragma GCC unroll 4
                    for (int p = 0; p < n_px; p++) {
                        acc[r][p] =
                            _mm256_add_epi32(acc[r][p], _mm256_madd_epi16(a[p + j], weights));
                        SIMD_PIN(acc[r][p]); /* else sums are made in another order, from memory */
                    }
                }
            }
        }
#pragma GCC unroll 2
        for (int r = 0; r < 2; r++) {
            int32_t *const to = job->acc + (size_t)r * job->acc_row + LANES * half;
#pragma GCC unroll 4
            for (int p = 0; p < n_px; p++)
                _mm256_store_si256((__m256i *)(to + (size_t)p * job->acc_step), acc[r][p]);
        }
    }
}

#define DOT(n_px)                                                                                  \
    static void dot_##n_px(const struct dwconv_3x3_dot *job)                                       \
    {                                                                                              \
        dot(job, n_px);                                                                            \
    }
DOT(1)
DOT(2)
DOT(3)
DOT(4)
#undef DOT

static const struct dwconv_3x3_kernel kernel = {
    .size = 2,
    .group = 16,
    .w_offset = 0,
    .interleave = interleave,
    .interleave_wide = interleave_wide,
    .max_px = MAX_PX,
    .dots = {[1] = dot_1, [2] = dot_2, [3] = dot_3, [4] = dot_4},
    .epilogue = epilogue_tile_avx2,
};

DWCONV_3X3_ROW(3x3__avx2, kernel)
