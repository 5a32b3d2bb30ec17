/* SPDX-License-Identifier: Apache-2.0
 *
 * Exponentials out of operations that IEEE 754 rounds correctly, in one written order: the same bits on every machine
 * and from every C library. SIMD kernels restate exact_exp2 lane by lane. Relative error below 2^-22.
 */
#ifndef TENSOR_EXACT_H
#define TENSOR_EXACT_H

#include <math.h>

#include "base/bytes.h"

/* 2^r on [-0.5, 0.5] is ((((E5 r + E4) r + E3) r + E2) r + E1) r + 1, each product and sum rounded. */
#define EXACT_E1 0x1.62e430p-1f
#define EXACT_E2 0x1.ebf906p-3f
#define EXACT_E3 0x1.c6aeccp-5f
#define EXACT_E4 0x1.3d107cp-7f
#define EXACT_E5 0x1.5f48c8p-10f

/* 2^x; x is clamped to [-126, 126]; a NaN gives 2^-126. */
static inline float exact_exp2(float x)
{
    x = x > -126.0f ? x : -126.0f;
    x = x < 126.0f ? x : 126.0f;
    const float n = rintf(x);
    const float r = x - n;
    float p = EXACT_E5;
    p = p * r + EXACT_E4;
    p = p * r + EXACT_E3;
    p = p * r + EXACT_E2;
    p = p * r + EXACT_E1;
    p = p * r + 1.0f;
    return p * float_of_bits((uint32_t)((int32_t)n + 127) << 23);
}

static inline float exact_exp(float x)
{
    return exact_exp2(x * 0x1.715476p+0f);
}

static inline float exact_sigmoid(float x)
{
    return 1.0f / (1.0f + exact_exp(-x));
}

#endif
