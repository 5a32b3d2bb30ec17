/* SPDX-License-Identifier: Apache-2.0
 *
 * s16 with vpdpwssd on pairs of input rows (dwconv_3x3.h): 16 channels x 8 pixels x 2 output rows.
 */
#include <immintrin.h>

#include "kernels/dwconv/dwconv_3x3.h"
#include "kernels/dwconv/dwconv_rows.h"

enum { GROUP = 32, CELL = DWCONV_3X3_CELL };

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

#define DOT_LINES 2
#define DOT_ADD(sum, cell, weights) _mm512_dpwssd_epi32(sum, cell, weights)
#include "kernels/dwconv/dwconv_3x3_avx512.h"

static const struct dwconv_3x3_kernel kernel = {
    .size = 2,
    .group = GROUP,
    .w_offset = 0,
    .interleave_wide = interleave_wide,
    .max_px = MAX_PX,
    .dots = DOTS,
    .epilogue = epilogue_tile_avx512,
};

DWCONV_3X3_ROW(wide3x3__avx512vnni, kernel)
