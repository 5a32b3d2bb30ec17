/* SPDX-License-Identifier: Apache-2.0 */
#include <immintrin.h>

#include "kernels/peak/peak_rows.h"
#include "kernels/simd_tile.h"

enum { CHAINS = 12, LANES = 8 };

/* Keeps the compiler from knowing a value. */
#define OPAQUE(v) __asm__ volatile("" : "+x"(v))

/* As many independent sums as hide the instruction's latency. */
SIMD_INLINE void loop(int n, const enum peak_kind kind)
{
    __m256i sum[CHAINS], a = _mm256_set1_epi32(1), b = a;
#pragma GCC unroll 12
    for (int i = 0; i < CHAINS; i++) sum[i] = _mm256_setzero_si256();
    OPAQUE(a);
    OPAQUE(b);
    for (int k = 0; k < n; k++) {
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++) {
            sum[i] = kind == PEAK_8_BITS ? _mm256_dpbusd_avx_epi32(sum[i], a, b)
                                         : _mm256_dpwssd_avx_epi32(sum[i], a, b);
            OPAQUE(sum[i]);
        }
    }
}

uint64_t peak_8_bits__avxvnni(int n)
{
    loop(n, PEAK_8_BITS);
    return (uint64_t)n * CHAINS * LANES * 4;
}

uint64_t peak_16_bits__avxvnni(int n)
{
    loop(n, PEAK_16_BITS);
    return (uint64_t)n * CHAINS * LANES * 2;
}
