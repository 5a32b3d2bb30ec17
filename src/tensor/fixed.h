/* SPDX-License-Identifier: Apache-2.0
 *
 * THE arithmetic that follows a convolution (docs/arithmetic.md). Scalar kernels call these functions; SIMD
 * kernels restate them and are compared byte for byte. Three stages on the exact s32 accumulator:
 *
 *   A  t = sat16(rne((float)acc * scale[c]))        pre-activation, 16 bits, one unit = R / 32768
 *   B  v = act(t)                                   16 bits, the same unit
 *   C  y = sat((v * mul[c] + r * res_mul[c] + offset[c]) >> shift)          to 8 or 16 bits
 *
 * R = 8 << range_log2 is the layer's range. r is a residual input (as stored, its zero point is folded into offset),
 * absent: 0. float is IEEE binary32, rounded to nearest even, never contracted.
 */
#ifndef TENSOR_FIXED_H
#define TENSOR_FIXED_H

#include <stdint.h>

/* Values are written into plan files: append only. columns: name, text */
#define ACT_LIST(X)                                                                                \
    X(ACT_NONE, "none")                                                                            \
    X(ACT_RELU, "relu")                                                                            \
    X(ACT_SILU, "silu")                                                                            \
    X(ACT_SIGMOID, "sigmoid")

enum act {
#define ITX_X(name, text) name,
    ACT_LIST(ITX_X)
#undef ITX_X
        ACT_COUNT
};

const char *act_name(enum act act);

/* The logistic function minus one half on [0, 8) as eight cubics, one for each unit interval, Horner form in Q15
 * with x = fraction of the interval in Q15:  g = ((c3 x + c2) x + c1) x + c0, each product rounded by fixed_mulhrs. */
struct sigmoid_table {
    int16_t c0[8], c1[8], c2[8], c3[8];
};
extern const struct sigmoid_table fixed_sigmoid_table;

/* Arithmetic shift right of a negative number is what every compiler we support does; asserted in fixed.c. */
static inline int32_t fixed_sra(int32_t v, int n)
{
    return v >> n;
}

static inline int16_t fixed_sat16(int32_t v)
{
    return (int16_t)(v < -32768 ? -32768 : v > 32767 ? 32767 : v);
}

static inline int8_t fixed_sat8(int32_t v)
{
    return (int8_t)(v < -128 ? -128 : v > 127 ? 127 : v);
}

/* (a * b + 2^14) >> 15: vpmulhrsw, sqrdmulh. Never both -32768. */
static inline int16_t fixed_mulhrs(int16_t a, int16_t b)
{
    return (int16_t)fixed_sra((int32_t)a * b + 0x4000, 15);
}

/* Stage A. |acc * scale| < 2^31 is guaranteed by the check of the plan. */
int16_t fixed_scale(int32_t acc, float scale);

/* sigmoid(t R / 32768) in Q15, in [0, 32767]; range_log2 in [0, 12]. */
int16_t fixed_sigmoid(int16_t t, int range_log2);

/* Stage B. ACT_SIGMOID gives Q15, its unit is 1 / 32768 whatever R is. */
int16_t fixed_act(enum act act, int16_t t, int range_log2);

/* Stage C before its saturation. The 32-bit sum never overflows: |v mul| + |r res_mul| + |offset| < 2^31. With
 * |v| <= 2^15, |r| <= 128, mul and res_mul in [0, 32767] and |offset| < 2^29 that holds; for operands of 16 bits the
 * check of the plan shows it. */
static inline int32_t fixed_requant(int16_t v, int16_t mul, int16_t r, int16_t res_mul,
                                    int32_t offset, int shift)
{
    return fixed_sra((int32_t)v * mul + (int32_t)r * res_mul + offset, shift);
}

#endif
