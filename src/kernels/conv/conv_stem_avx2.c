/* SPDX-License-Identifier: Apache-2.0
 *
 * vpmaddwd: 16 channels x 4 pixels. Two lines (conv_stem.h), three channels a pixel without gaps: pairs of s16 of the upper
 * two rows, and s16 of the third. A pixel finds nine groups in the first, five in the second, where the last one's second
 * element is the next pixel's.
 */
#include <immintrin.h>
#include <string.h>

#include "kernels/conv/conv_rows.h"
#include "kernels/conv/conv_stem.h"

enum { PX = 4, LANES = 8, PAIRS = 9, SINGLES = 5, PAIR_STEP = 24, SINGLE_STEP = 12 };

static const int8_t taps[2 * (PAIRS + SINGLES)] = {
    0,  9,  1,  10, 2,  11, 3,  12, 4,  13, 5, 14, 6, 15, 7, 16, 8, 17, /* rows 0 and 1 */
    18, 19, 20, 21, 22, 23, 24, 25, 26, -1,
};

/* The 24 bytes of eight pixels of three channels: 16, then 8 and zeros. */
SIMD_INLINE void load_pixels(const uint8_t *from, __m128i *head, __m128i *tail)
{
    const __m128i first = _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
    const __m128i middle =
        _mm_setr_epi8(-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 1, 2, 4);
    const __m128i last = _mm_setr_epi8(5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1, -1, -1, -1, -1);
    const __m128i lo = _mm_loadu_si128((const __m128i *)from);
    const __m128i hi = _mm_loadu_si128((const __m128i *)(from + 16));
    *head = _mm_or_si128(_mm_shuffle_epi8(lo, first), _mm_shuffle_epi8(hi, middle));
    *tail = _mm_shuffle_epi8(hi, last);
}

static void fill(uint8_t *lines, size_t line_size, int x, const uint8_t *const rows[3], int n_px)
{
    const uint8_t *row_0 = rows[0], *row_1 = rows[1], *row_2 = rows[2];
    uint8_t *pairs = lines + (size_t)x * (PAIR_STEP / 2);
    uint8_t *singles = lines + line_size + (size_t)x * (SINGLE_STEP / 2);
    for (int p = 0; p < n_px; p += 8) {
        __m128i head[3], tail[3];
        load_pixels(row_0, &head[0], &tail[0]);
        load_pixels(row_1, &head[1], &tail[1]);
        load_pixels(row_2, &head[2], &tail[2]);
        const __m128i lo = _mm_unpacklo_epi8(head[0], head[1]);
        const __m128i hi = _mm_unpackhi_epi8(head[0], head[1]);
        const __m128i rest = _mm_unpacklo_epi8(tail[0], tail[1]);
        _mm256_storeu_si256((__m256i *)pairs, _mm256_cvtepi8_epi16(lo));
        _mm256_storeu_si256((__m256i *)(pairs + 32), _mm256_cvtepi8_epi16(hi));
        _mm256_storeu_si256((__m256i *)(pairs + 64), _mm256_cvtepi8_epi16(rest));
        _mm256_storeu_si256((__m256i *)singles, _mm256_cvtepi8_epi16(head[2]));
        _mm_storeu_si128((__m128i *)(singles + 32), _mm_cvtepi8_epi16(tail[2]));
        row_0 += 32;
        row_1 += 32;
        row_2 += 32;
        pairs += 4 * PAIR_STEP;
        singles += 4 * SINGLE_STEP;
    }
}

SIMD_INLINE __m256i broadcast_group(const uint8_t *p)
{
    int32_t group;
    memcpy(&group, p, sizeof group);
    return _mm256_set1_epi32(group);
}

/* One group of all pixels. */
SIMD_INLINE void multiply(__m256i acc[PX][2], const uint8_t *from, const size_t step,
                          const uint8_t *w)
{
    const __m256i w_0 = _mm256_load_si256((const __m256i *)w);
    const __m256i w_1 = _mm256_load_si256((const __m256i *)(w + 32));
#pragma GCC unroll 4
    for (int p = 0; p < PX; p++) {
        const __m256i a = broadcast_group(from + (size_t)p * step);
        acc[p][0] = _mm256_add_epi32(acc[p][0], _mm256_madd_epi16(a, w_0));
        acc[p][1] = _mm256_add_epi32(acc[p][1], _mm256_madd_epi16(a, w_1));
        SIMD_PIN(acc[p][0]); /* else sums are made in another order, from memory */
        SIMD_PIN(acc[p][1]);
    }
}

static void dot(const struct stem_dot *job)
{
    const uint8_t *pairs = job->lines + (size_t)job->x * PAIR_STEP;
    const uint8_t *singles = job->lines + job->line_size + (size_t)job->x * SINGLE_STEP;
    const __m256i init_0 = _mm256_load_si256((const __m256i *)job->init);
    const __m256i init_1 = _mm256_load_si256((const __m256i *)(job->init + LANES));
    __m256i *to = (__m256i *)job->acc;
    for (int i = 0; i < job->n_px; i += PX, to += 2 * PX) {
        const uint8_t *w = job->weights;
        __m256i acc[PX][2];
#pragma GCC unroll 4
        for (int p = 0; p < PX; p++) {
            acc[p][0] = init_0;
            acc[p][1] = init_1;
        }
#pragma GCC unroll 9
        for (int k = 0; k < PAIRS; k++, w += 64) multiply(acc, pairs + 4 * k, PAIR_STEP, w);
#pragma GCC unroll 4
        for (int k = 0; k < SINGLES; k++, w += 64) multiply(acc, singles + 4 * k, SINGLE_STEP, w);
#pragma GCC unroll 4
        for (int p = 0; p < PX; p++) {
            _mm256_store_si256(to + 2 * p, acc[p][0]);
            _mm256_store_si256(to + 2 * p + 1, acc[p][1]);
        }
        pairs += PX * PAIR_STEP;
        singles += PX * SINGLE_STEP;
    }
}

static const struct stem_kernel kernel = {
    .size = 2,
    .n_groups = PAIRS + SINGLES,
    .line_pixel = PAIR_STEP / 2,
    .w_offset = 0,
    .taps = taps,
    .fill = fill,
    .dot = dot,
    .epilogue = epilogue_tile_avx2,
};

STEM_ROW(stem__avx2, kernel)
