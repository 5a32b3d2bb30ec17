/* SPDX-License-Identifier: Apache-2.0
 *
 * The fixed arithmetic against doubles, written independently.
 */
#include "tensor/fixed.h"

#include <math.h>

#include "tensor/exact.h"

#include "test.h"

static void test_fixed__sigmoid_error(void)
{
    double worst = 0;
    for (int t = -32768; t <= 32767; t++) {
        const double exact = 32768 / (1 + exp(-t * 8.0 / 32768));
        worst = fmax(worst, fabs(fixed_sigmoid((int16_t)t, 0) - exact));
    }
    CHECK_MSG(worst < 5.7, "worst error %.3f / 32768", worst);
}

static void test_fixed__silu_error(void)
{
    for (int range_log2 = 0; range_log2 <= 5; range_log2++) {
        const double range = 8 << range_log2;
        double worst = 0;
        for (int t = -32768; t <= 32767; t++) {
            const double x = t * range / 32768, exact = x / (1 + exp(-x));
            const double y = fixed_act(ACT_SILU, (int16_t)t, range_log2) * range / 32768;
            worst = fmax(worst, fabs(y - exact));
        }
        CHECK_MSG(worst < range * 3.6e-4, "range %g: worst error %g", range, worst);
    }
}

static void test_fixed__scale_rounds_to_even_and_saturates(void)
{
    CHECK(fixed_scale(5, 0.5f) == 2);
    CHECK(fixed_scale(7, 0.5f) == 4);
    CHECK(fixed_scale(-5, 0.5f) == -2);
    CHECK(fixed_scale(1000000, 0.5f) == 32767);
    CHECK(fixed_scale(-1000000, 0.5f) == -32768);
}

static void test_fixed__requant(void)
{
    /* without a residual it is mulhrs plus the zero point */
    uint64_t seed = 1;
    for (int i = 0; i < 100000; i++) {
        const int16_t v = (int16_t)test_random(&seed);
        const int16_t mul = (int16_t)(test_random(&seed) & 0x7fff);
        const int zero_point = (int8_t)test_random(&seed);
        const double exact = floor(v * (double)mul / 32768 + 0.5) + zero_point;
        const double clamped = fmin(127, fmax(-128, exact));
        CHECK(fixed_sat8(fixed_requant(v, mul, 0, 0, zero_point * 32768 + 0x4000, 15)) == clamped);
    }
}

/* The worked example of docs/arithmetic.md. */
static void test_fixed__worked_example(void)
{
    const int16_t t = fixed_scale(40001, 0.25f);
    CHECK_MSG(t == 10000, "%d", t);
    CHECK_MSG(fixed_sigmoid(t, 0) == 30144, "%d", fixed_sigmoid(t, 0));
    const int16_t v = fixed_act(ACT_SILU, t, 0);
    CHECK_MSG(v == 9199, "%d", v);
    const int8_t y = fixed_sat8(fixed_requant(v, 256, 0, 0, -119 * 32768 + 16384, 15));
    CHECK_MSG(y == -47, "%d", y);
}

static void test_exact__exp2_error(void)
{
    double worst = 0;
    for (int i = -126000; i <= 126000; i += 7) {
        const float x = (float)i / 1000;
        worst = fmax(worst, fabs(exact_exp2(x) / exp2(x) - 1));
    }
    CHECK_MSG(worst < 0x1p-21, "worst relative error %g", worst);
    CHECK(exact_exp2(-1000) == 0x1p-126f);
    CHECK(exact_exp2(3) == 8);
}

TEST_MAIN(TEST(test_fixed__sigmoid_error), TEST(test_fixed__silu_error),
          TEST(test_fixed__scale_rounds_to_even_and_saturates), TEST(test_fixed__requant),
          TEST(test_fixed__worked_example), TEST(test_exact__exp2_error))
