/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernels on AVX-512 share. Only for files compiled with its flags.
 */
#ifndef KERNELS_SIMD_AVX512_H
#define KERNELS_SIMD_AVX512_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/simd_tile.h"

/* Lines of s8 widened to s16: a conv_convert_fn. */
static inline void widen_lines_avx512(uint8_t *to, size_t to_step, const uint8_t *from,
                                      size_t from_step, int n_px, int n)
{
    for (int p = 0; p < n_px; p++, to += to_step, from += from_step) {
        for (int i = 0; i < n; i += 32) {
            const __m256i a = _mm256_loadu_si256((const __m256i *)(from + i));
            _mm512_storeu_si512(to + 2 * i, _mm512_cvtepi8_epi16(a));
        }
    }
}

/* Lines of s16 as they are: a conv_convert_fn. */
static inline void copy_lines_avx512(uint8_t *to, size_t to_step, const uint8_t *from,
                                     size_t from_step, int n_px, int n)
{
    for (int p = 0; p < n_px; p++, to += to_step, from += from_step)
        for (int i = 0; i < 2 * n; i += 64)
            _mm512_storeu_si512(to + i, _mm512_loadu_si512(from + i));
}

#endif
