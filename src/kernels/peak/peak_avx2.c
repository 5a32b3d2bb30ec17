/* SPDX-License-Identifier: Apache-2.0 */
#include <immintrin.h>
#include <stdbool.h>

#include "kernels/peak/peak_rows.h"

enum { CHAINS = 12, MAC = 16, MAC_8 = 32 };

/* Keeps the compiler from knowing a value. */
#define OPAQUE(v) __asm__ volatile("" : "+x"(v))

/* Each of the result of the one before, as many chains as hide the latency: vpmaddwd, or of three two vpmaddubsw. */
static inline void run_chains(int n, const bool is_8_bits)
{
    __m256i chain[CHAINS], a = _mm256_set1_epi16(1);
#pragma GCC unroll 12
    for (int i = 0; i < CHAINS; i++) chain[i] = a;
    OPAQUE(a);
    for (int k = 0; k < n; k++) {
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++) {
            chain[i] = is_8_bits && i % 3 != 2 ? _mm256_maddubs_epi16(chain[i], a)
                                               : _mm256_madd_epi16(chain[i], a);
            OPAQUE(chain[i]);
        }
    }
}

uint64_t peak_16_bits__avx2(int n)
{
    run_chains(n, false);
    return (uint64_t)n * CHAINS * MAC;
}

/* Two of vpmaddubsw and the vpmaddwd that widens their sum (conv_groups.h). */
uint64_t peak_8_bits__avx2(int n)
{
    run_chains(n, true);
    return (uint64_t)n * (CHAINS / 3 * 2) * MAC_8;
}
