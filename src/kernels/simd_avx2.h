/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernels on AVX2 share. Only for files compiled with -mavx2.
 */
#ifndef KERNELS_SIMD_AVX2_H
#define KERNELS_SIMD_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "kernels/simd_tile.h"

/* The last n < 32 bytes of a line, then zeros: what stands behind them may be written by another thread. */
static inline __m256i load_part_avx2(const uint8_t *from, int n)
{
    uint8_t part[32] = {0};
    memcpy(part, from, (size_t)n);
    return _mm256_loadu_si256((const __m256i *)part);
}

static inline __m256i load_line_avx2(const uint8_t *from, int n)
{
    return n >= 32 ? _mm256_loadu_si256((const __m256i *)from) : load_part_avx2(from, n);
}

/* Lines of s8 widened to s16: a conv_convert_fn. */
static inline void widen_lines_avx2(uint8_t *to, size_t to_step, const uint8_t *from,
                                    size_t from_step, int n_px, int n)
{
    for (int p = 0; p < n_px; p++, to += to_step, from += from_step) {
        for (int i = 0; i < n; i += 16) {
            const __m128i a = n - i >= 16 ? _mm_loadu_si128((const __m128i *)(from + i))
                                          : _mm256_castsi256_si128(load_part_avx2(from + i, n - i));
            _mm256_storeu_si256((__m256i *)(to + 2 * i), _mm256_cvtepi8_epi16(a));
        }
    }
}

/* Lines of s8 as they are: a conv_convert_fn. */
static inline void copy_bytes_avx2(uint8_t *to, size_t to_step, const uint8_t *from,
                                   size_t from_step, int n_px, int n)
{
    for (int p = 0; p < n_px; p++, to += to_step, from += from_step) {
        for (int i = 0; i < n; i += 32) {
            const __m256i a = load_line_avx2(from + i, n - i);
            _mm256_storeu_si256((__m256i *)(to + i), a);
        }
    }
}

/* Lines of s16 as they are: a conv_convert_fn. */
static inline void copy_lines_avx2(uint8_t *to, size_t to_step, const uint8_t *from,
                                   size_t from_step, int n_px, int n)
{
    for (int p = 0; p < n_px; p++, to += to_step, from += from_step) {
        for (int i = 0; i < 2 * n; i += 32) {
            const __m256i a = load_line_avx2(from + i, 2 * n - i);
            _mm256_storeu_si256((__m256i *)(to + i), a);
        }
    }
}

#endif
