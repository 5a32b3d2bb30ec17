/* SPDX-License-Identifier: Apache-2.0
 *
 * vpdpbusd: 16 channels x 8 pixels. Four lines of u8 (s8 ^ 0x80 = s8 + 128; conv_stem.h): the three rows, three channels a
 * pixel without gaps, of whose nine bytes an output pixel takes two groups of four; and (last channel of row 0, 1, 2, any
 * byte) for each input pixel, where it finds the three ninth bytes.
 */
#include <immintrin.h>
#include <string.h>

#include "kernels/conv/conv_rows.h"
#include "kernels/conv/conv_stem.h"

enum { PX = 8, GROUPS = 7, ROW_STEP = 6, LAST_STEP = 8, LAST_AT = 8, LINE_PIXEL = 4 };

static const int8_t taps[4 * GROUPS] = {
    0,  1,  2,  3,  4,  5,  6,  7,                          /* row 0 */
    9,  10, 11, 12, 13, 14, 15, 16, 18, 19, 20, 21, 22, 23, /* rows 1 and 2 */
    24, 25, 8,  17, 26, -1,
};

SIMD_INLINE __m512i load_row(const uint8_t *from)
{
    return _mm512_xor_si512(_mm512_loadu_si512(from), _mm512_set1_epi8(-128));
}

/* 16 pixels of three channels: 48 bytes. */
SIMD_INLINE void store_row(uint8_t *to, __m512i row)
{
    const __m512i close = _mm512_broadcast_i32x4(
        _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1));
    const __m512i order = _mm512_setr_epi32(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 3, 7, 11, 15);
    row = _mm512_permutexvar_epi32(order, _mm512_shuffle_epi8(row, close));
    _mm256_storeu_si256((__m256i *)to, _mm512_castsi512_si256(row));
    _mm_storeu_si128((__m128i *)(to + 32), _mm512_extracti32x4_epi32(row, 2));
}

static void fill(uint8_t *lines, size_t line_size, int x, const uint8_t *const rows[3], int n_px)
{
    enum {
        SELECT = 0xca
    }; /* of vpternlogd: where the first operand is set the second, else the third */
    const __m512i byte_0 = _mm512_set1_epi32(0xff), byte_2 = _mm512_set1_epi32(0xff0000);
    for (int p = 0; p < n_px; p += 16) {
        const size_t from = (size_t)p * 4, to = (size_t)(x + p);
        const __m512i a = load_row(rows[0] + from), b = load_row(rows[1] + from);
        const __m512i c = load_row(rows[2] + from);
        store_row(lines + to * 3, a);
        store_row(lines + line_size + to * 3, b);
        store_row(lines + 2 * line_size + to * 3, c);
        __m512i last = _mm512_ternarylogic_epi32(byte_0, _mm512_srli_epi32(a, 16),
                                                 _mm512_srli_epi32(b, 8), SELECT);
        last = _mm512_ternarylogic_epi32(byte_2, c, last, SELECT);
        _mm512_storeu_si512(lines + 3 * line_size + to * 4, last);
    }
}

SIMD_INLINE __m512i broadcast_group(const uint8_t *p)
{
    int32_t group;
    memcpy(&group, p, sizeof group);
    return _mm512_set1_epi32(group);
}

static void dot(const struct stem_dot *job)
{
    const __m512i init = _mm512_load_si512(job->init);
    const uint8_t *row = job->lines + (size_t)job->x * ROW_STEP;
    const uint8_t *last = job->lines + 3 * job->line_size + (size_t)job->x * LAST_STEP + LAST_AT;
    int32_t *to = job->acc;
    __m512i w[GROUPS];
#pragma GCC unroll 7
    for (int k = 0; k < GROUPS; k++) w[k] = _mm512_load_si512(job->weights + 64 * k);
    for (int i = 0; i < job->n_px; i += PX, to += PX * STEM_BLOCK) {
        __m512i acc[PX];
#pragma GCC unroll 8
        for (int p = 0; p < PX; p++) acc[p] = init;
#pragma GCC unroll 6
        for (int k = 0; k < GROUPS - 1; k++) {
            const uint8_t *const from = row + (size_t)(k / 2) * job->line_size + 4 * (k % 2);
#pragma GCC unroll 8
            for (int p = 0; p < PX; p++)
                acc[p] = _mm512_dpbusd_epi32(acc[p], broadcast_group(from + p * ROW_STEP), w[k]);
        }
#pragma GCC unroll 8
        for (int p = 0; p < PX; p++) {
            const __m512i a = broadcast_group(last + p * LAST_STEP);
            _mm512_store_si512(to + p * STEM_BLOCK, _mm512_dpbusd_epi32(acc[p], a, w[GROUPS - 1]));
        }
        row += PX * ROW_STEP;
        last += PX * LAST_STEP;
    }
}

static const struct stem_kernel kernel = {
    .size = 1,
    .n_groups = GROUPS,
    .line_pixel = LINE_PIXEL,
    .w_offset = -128,
    .taps = taps,
    .fill = fill,
    .dot = dot,
    .epilogue = epilogue_tile_avx512,
};

STEM_ROW(stem__avx512vnni, kernel)
