/* SPDX-License-Identifier: Apache-2.0
 *
 * vpdpwssd on pairs of taps, 32 channels x 4 pixels.
 */
#include "kernels/dwconv/dwconv_rows.h"
#include "kernels/dwconv/dwconv_tiled.h"
#include "kernels/simd_avx512.h"

enum { LANES = 32 };

SIMD_INLINE void dot(const struct dwconv_dot *job, const int n_px)
{
    const int16_t *w = job->weights;
    const __m512i bias_0 = _mm512_loadu_si512(job->bias);
    const __m512i bias_1 = _mm512_loadu_si512(job->bias + 16);
    __m512i lo[DWCONV_MAX_PX], hi[DWCONV_MAX_PX];
#pragma GCC unroll 4
    for (int p = 0; p < n_px; p++) {
        lo[p] = _mm512_shuffle_i64x2(bias_0, bias_1, 0x88);
        hi[p] = _mm512_shuffle_i64x2(bias_0, bias_1, 0xdd);
    }
    for (int i = 0; i < job->n_pairs; i++, w += 2 * LANES) {
        const uint8_t *const tap_0 = job->taps[2 * i] + job->at;
        const uint8_t *const tap_1 = job->taps[2 * i + 1] + job->at;
        const __m512i w_lo = _mm512_loadu_si512(w), w_hi = _mm512_loadu_si512(w + LANES);
#pragma GCC unroll 4
        for (int p = 0; p < n_px; p++) {
            const size_t at = (size_t)p * job->step;
            const __m512i a = _mm512_loadu_si512(tap_0 + at), b = _mm512_loadu_si512(tap_1 + at);
            lo[p] = _mm512_dpwssd_epi32(lo[p], _mm512_unpacklo_epi16(a, b), w_lo);
            hi[p] = _mm512_dpwssd_epi32(hi[p], _mm512_unpackhi_epi16(a, b), w_hi);
        }
    }
    const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    const __m512i second = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
#pragma GCC unroll 4
    for (int p = 0; p < n_px; p++) {
        int32_t *const to = job->acc + p * LANES;
        _mm512_storeu_si512(to, _mm512_permutex2var_epi64(lo[p], first, hi[p]));
        _mm512_storeu_si512(to + 16, _mm512_permutex2var_epi64(lo[p], second, hi[p]));
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
                .convert = widen_lines_avx512,
                .convert_wide = copy_lines_avx512},
    .dots = {[1] = dot_1, [2] = dot_2, [3] = dot_3, [4] = dot_4},
    .tile_px = DWCONV_MAX_PX, /* longer ones are no faster */
    .epilogue = epilogue_tile_avx512,
};

DWCONV_TILED_ROW(4x32__avx512vnni, kernel)
