/* SPDX-License-Identifier: Apache-2.0
 *
 * vpmaddwd on pairs of taps, 16 channels x 4 pixels.
 */
#include "kernels/dwconv/dwconv_rows.h"
#include "kernels/dwconv/dwconv_tiled.h"
#include "kernels/simd_avx2.h"

enum { LANES = 16 };

SIMD_INLINE void dot(const struct dwconv_dot *job, const int n_px)
{
    const __m256i *w = (const __m256i *)(const void *)job->weights;
    const __m256i bias_0 = _mm256_loadu_si256((const __m256i *)job->bias);
    const __m256i bias_1 = _mm256_loadu_si256((const __m256i *)(job->bias + 8));
    __m256i lo[DWCONV_MAX_PX], hi[DWCONV_MAX_PX];
#pragma GCC unroll 4
    for (int p = 0; p < n_px; p++) {
        lo[p] = _mm256_permute2x128_si256(bias_0, bias_1, 0x20);
        hi[p] = _mm256_permute2x128_si256(bias_0, bias_1, 0x31);
    }
    for (int i = 0; i < job->n_pairs; i++) {
        const uint8_t *const tap_0 = job->taps[2 * i] + job->at;
        const uint8_t *const tap_1 = job->taps[2 * i + 1] + job->at;
        const __m256i w_lo = w[2 * i], w_hi = w[2 * i + 1];
#pragma GCC unroll 4
        for (int p = 0; p < n_px; p++) {
            const size_t at = (size_t)p * job->step;
            const __m256i a = _mm256_loadu_si256((const __m256i *)(tap_0 + at));
            const __m256i b = _mm256_loadu_si256((const __m256i *)(tap_1 + at));
            const __m256i ab_lo = _mm256_unpacklo_epi16(a, b);
            const __m256i ab_hi = _mm256_unpackhi_epi16(a, b);
            lo[p] = _mm256_add_epi32(lo[p], _mm256_madd_epi16(ab_lo, w_lo));
            hi[p] = _mm256_add_epi32(hi[p], _mm256_madd_epi16(ab_hi, w_hi));
        }
    }
#pragma GCC unroll 4
    for (int p = 0; p < n_px; p++) {
        __m256i *const to = (__m256i *)(job->acc + p * LANES);
        _mm256_store_si256(to, _mm256_permute2x128_si256(lo[p], hi[p], 0x20));
        _mm256_store_si256(to + 1, _mm256_permute2x128_si256(lo[p], hi[p], 0x31));
    }
}

#define DOT(n_px)                                                                                  \
    static void dot_##n_px(const struct dwconv_dot *job)                                           \
    {                                                                                              \
        dot(job, n_px);                                                                            \
    }
DOT(1)
DOT(2)
DOT(3)
DOT(4)
#undef DOT

static const struct dwconv_kernel kernel = {
    .element = {.size = 2,
                .group = LANES,
                .convert = widen_lines_avx2,
                .convert_wide = copy_lines_avx2},
    .dots = {[1] = dot_1, [2] = dot_2, [3] = dot_3, [4] = dot_4},
    .tile_px = DWCONV_MAX_TILE,
    .epilogue = epilogue_tile_avx2,
};

DWCONV_TILED_ROW(4x16__avx2, kernel)
