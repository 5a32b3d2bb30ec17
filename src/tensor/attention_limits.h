/* SPDX-License-Identifier: Apache-2.0
 *
 * Sizes of attention whose integer sums are exact in 32 bits: for the check of the plan and for the kernels
 * (kernels/attention/attention.h, whose letters these are).
 */
#ifndef TENSOR_ATTENTION_LIMITS_H
#define TENSOR_ATTENTION_LIMITS_H

#include <stdbool.h>

#define ATTENTION_MAX_TOKENS 16384
/* Differences of logits: 2 * 255 * 255 * key_dim < 2^31. */
#define ATTENTION_MAX_KEY_DIM 16384
#define ATTENTION_MAX_HEAD_DIM 65536

/* n = h * w tokens. */
static inline bool attention_fits(long long n, int key_dim, int head_dim)
{
    return n >= 1 && n <= ATTENTION_MAX_TOKENS && key_dim >= 1 &&
           key_dim <= ATTENTION_MAX_KEY_DIM && head_dim >= 1 && head_dim <= ATTENTION_MAX_HEAD_DIM;
}

/* Largest weight E = 2^b - 1, b <= 15, with 2^b * 128 * n < 2^31; at least 511 for sizes that fit. Then the sum of
 * n weights is below 2^24, and the sum of n weights times s8 below 2^31. */
static inline int attention_weight_max(int n)
{
    int b = 15;
    while (((long long)128 * n << b) >= 1LL << 31) b--;
    return (1 << b) - 1;
}

#endif
