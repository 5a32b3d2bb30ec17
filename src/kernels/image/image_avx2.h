/* SPDX-License-Identifier: Apache-2.0
 *
 * Eight RGB pixels, 24 bytes, in and out of a vector. Only for files compiled with -mavx2.
 */
#ifndef KERNELS_IMAGE_IMAGE_AVX2_H
#define KERNELS_IMAGE_IMAGE_AVX2_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

/* Lane 0 holds bytes 0..15, lane 1 bytes 8..23. */
static inline __m256i load_rgb_8(const uint8_t *rgb)
{
    return _mm256_set_m128i(_mm_loadu_si128((const __m128i *)(rgb + 8)),
                            _mm_loadu_si128((const __m128i *)rgb));
}

/* The first 12 bytes of each lane. */
static inline void store_rgb_8(uint8_t *rgb, __m256i pixels)
{
    const __m128i second = _mm256_extracti128_si256(pixels, 1);
    const int32_t last = _mm_extract_epi32(second, 2);
    _mm_storeu_si128((__m128i *)rgb, _mm256_castsi256_si128(pixels));
    _mm_storel_epi64((__m128i *)(rgb + 12), second);
    memcpy(rgb + 20, &last, sizeof last);
}

#endif
