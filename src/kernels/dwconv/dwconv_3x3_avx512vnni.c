/* SPDX-License-Identifier: Apache-2.0
 *
 * vpdpbusd on quads of input rows (dwconv_3x3.h): 16 channels x 8 pixels x 2 output rows. Activations are made unsigned
 * (s8 ^ 0x80 = s8 + 128) as rows are interleaved.
 */
#include <immintrin.h>

#include "kernels/dwconv/dwconv_3x3.h"
#include "kernels/dwconv/dwconv_rows.h"

enum { CELL = DWCONV_3X3_CELL };

/* 64 channels u8 such that unpacking twice gives 16 channels in order: lane j of 128 bits has channels 4 j to 4 j + 3 of
 * every 16. */
SIMD_INLINE __m512i load_row(const uint8_t *from)
{
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m512i flip = _mm512_set1_epi8(-128);
    return _mm512_xor_si512(_mm512_permutexvar_epi32(order, _mm512_loadu_si512(from)), flip);
}

static void interleave(uint8_t *to, size_t line_size, const uint8_t *const from[4],
                       const size_t step[4], int n_px)
{
    const uint8_t *row_0 = from[0], *row_1 = from[1], *row_2 = from[2], *row_3 = from[3];
    for (int p = 0; p < n_px; p++, to += CELL) {
        const __m512i a = load_row(row_0), b = load_row(row_1);
        const __m512i c = load_row(row_2), d = load_row(row_3);
        const __m512i ab_lo = _mm512_unpacklo_epi8(a, b), ab_hi = _mm512_unpackhi_epi8(a, b);
        const __m512i cd_lo = _mm512_unpacklo_epi8(c, d), cd_hi = _mm512_unpackhi_epi8(c, d);
        _mm512_store_si512(to, _mm512_unpacklo_epi16(ab_lo, cd_lo));
        _mm512_store_si512(to + line_size, _mm512_unpackhi_epi16(ab_lo, cd_lo));
        _mm512_store_si512(to + 2 * line_size, _mm512_unpacklo_epi16(ab_hi, cd_hi));
        _mm512_store_si512(to + 3 * line_size, _mm512_unpackhi_epi16(ab_hi, cd_hi));
        row_0 += step[0];
        row_1 += step[1];
        row_2 += step[2];
        row_3 += step[3];
    }
}

#define DOT_LINES 1
#define DOT_ADD(sum, cell, weights) _mm512_dpbusd_epi32(sum, cell, weights)
#include "kernels/dwconv/dwconv_3x3_avx512.h"

static const struct dwconv_3x3_kernel kernel = {
    .size = 1,
    .group = DWCONV_3X3_MAX_GROUP,
    .w_offset = -128,
    .interleave = interleave,
    .max_px = MAX_PX,
    .dots = DOTS,
    .epilogue = epilogue_tile_avx512,
};

DWCONV_3X3_ROW(3x3__avx512vnni, kernel)
