/* SPDX-License-Identifier: Apache-2.0
 *
 * s16 with vpdpwssd on pairs of input rows (dwconv_3x3.h): 16 channels x 8 pixels x 2 output rows.
 */
#include <immintrin.h>

#include "kernels/dwconv/dwconv_3x3.h"
#include "kernels/dwconv/dwconv_rows.h"

enum { TAPS = 3, MAX_PX = 8, GROUP = 32, CELL = DWCONV_3X3_CELL };

/* 32 channels such that unpacking gives 16 channels in order: lane j of 128 bits has channels 4 j to 4 j + 3 of both
 * halves. */
SIMD_INLINE __m512i load_row(const uint8_t *from)
{
    return _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7),
                                    _mm512_loadu_si512(from));
}

static void interleave_wide(uint8_t *to, size_t line_size, const uint8_t *const from[4],
                            const size_t step[4], int n_px)
{
    const uint8_t *row_0 = from[0], *row_1 = from[1], *row_2 = from[2], *row_3 = from[3];
    for (int p = 0; p < n_px; p++, to += CELL) {
        const __m512i a = load_row(row_0), b = load_row(row_1);
        const __m512i c = load_row(row_2), d = load_row(row_3);
        _mm512_store_si512(to, _mm512_unpacklo_epi16(a, b));
        _mm512_store_si512(to + line_size, _mm512_unpacklo_epi16(c, d));
        _mm512_store_si512(to + 2 * line_size, _mm512_unpackhi_epi16(a, b));
        _mm512_store_si512(to + 3 * line_size, _mm512_unpackhi_epi16(c, d));
        row_0 += step[0];
        row_1 += step[1];
        row_2 += step[2];
        row_3 += step[3];
    }
}

SIMD_INLINE void dot(const struct dwconv_3x3_dot *job, const int n_px)
{
    const uint8_t *cells = job->cells, *w = job->weights;
    const __m512i init = _mm512_load_si512(job->init);
    __m512i acc[2][MAX_PX];
#pragma GCC unroll 8
    for (int p = 0; p < n_px; p++) acc[0][p] = acc[1][p] = init;
    for (int line = 0; line < 2; line++, cells += job->line_size, w += 2 * TAPS * CELL) {
        __m512i weights[TAPS][2];
#pragma GCC unroll 3
        for (int j = 0; j < TAPS; j++) {
            weights[j][0] = _mm512_load_si512(w + 2 * j * CELL);
            weights[j][1] = _mm512_load_si512(w + (2 * j + 1) * CELL);
        }
#pragma GCC unroll 10
        for (int x = 0; x < n_px + TAPS - 1; x++) {
            const __m512i a = _mm512_load_si512(cells + x * CELL);
#pragma GCC unroll 3
            for (int j = 0; j < TAPS; j++) {
                const int p = x - j;
                if (p < 0 || p >= n_px) continue;
                acc[0][p] = _mm512_dpwssd_epi32(acc[0][p], a, weights[j][0]);
                acc[1][p] = _mm512_dpwssd_epi32(acc[1][p], a, weights[j][1]);
            }
        }
    }
#pragma GCC unroll 2
    for (int r = 0; r < 2; r++) {
        int32_t *const to = job->acc + (size_t)r * job->acc_row;
#pragma GCC unroll 8
        for (int p = 0; p < n_px; p++)
            _mm512_store_si512(to + (size_t)p * job->acc_step, acc[r][p]);
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
DOT(5)
DOT(6)
DOT(7)
DOT(8)
#undef DOT

static const struct dwconv_3x3_kernel kernel = {
    .size = 2,
    .group = GROUP,
    .w_offset = 0,
    .interleave_wide = interleave_wide,
    .max_px = MAX_PX,
    .dots = {NULL, dot_1, dot_2, dot_3, dot_4, dot_5, dot_6, dot_7, dot_8},
    .epilogue = epilogue_tile_avx512,
};

DWCONV_3X3_ROW(wide3x3__avx512vnni, kernel)
