/* SPDX-License-Identifier: Apache-2.0 */
#include <immintrin.h>

#include "kernels/peak/peak_rows.h"
#include "kernels/simd_tile.h"

enum { CHAINS = 16, LANES = 16 };

/* Keeps the compiler from knowing a value. */
#define OPAQUE(v) __asm__ volatile("" : "+v"(v))

/* As many independent sums as hide the instruction's latency. */
SIMD_INLINE void loop(int n, const enum peak_kind kind)
{
    __m512i sum[CHAINS], a = _mm512_set1_epi32(1), b = a;
#pragma GCC unroll 16
    for (int i = 0; i < CHAINS; i++) sum[i] = _mm512_setzero_si512();
    OPAQUE(a);
    OPAQUE(b);
    for (int k = 0; k < n; k++) {
#pragma GCC unroll 16
        for (int i = 0; i < CHAINS; i++) {
            sum[i] = kind == PEAK_8_BITS ? _mm512_dpbusd_epi32(sum[i], a, b)
                                         : _mm512_dpwssd_epi32(sum[i], a, b);
            OPAQUE(sum[i]);
        }
    }
}

uint64_t peak_8_bits__avx512vnni(int n)
{
    loop(n, PEAK_8_BITS);
    return (uint64_t)n * CHAINS * LANES * 4;
}

uint64_t peak_16_bits__avx512vnni(int n)
{
    loop(n, PEAK_16_BITS);
    return (uint64_t)n * CHAINS * LANES * 2;
}
