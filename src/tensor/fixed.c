/* SPDX-License-Identifier: Apache-2.0 */
#include "tensor/fixed.h"

#include <assert.h>
#include <math.h>

static_assert(-3 >> 1 == -2, "shifts of negative numbers must be arithmetic");

/* Fitted to the exact function in integers; largest error 2.3 units of Q15 in the first interval, under 1.8 in the
 * others (tests/unit/test_fixed.c measures it). Above 8 the last value, 0.49966, is kept. */
const struct sigmoid_table fixed_sigmoid_table = {
    .c0 = {0, 7570, 12478, 14830, 15795, 16165, 16303, 16354},
    .c1 = {8219, 6471, 3438, 1475, 575, 215, 79, 30},
    .c2 = {-138, -1637, -1303, -642, -263, -98, -34, -15},
    .c3 = {-510, 73, 217, 132, 58, 21, 6, 4},
};

const char *act_name(enum act act)
{
    static const char *const names[] = {
#define ITX_X(name, text) text,
        ACT_LIST(ITX_X)
#undef ITX_X
    };
    return names[act];
}

int16_t fixed_scale(int32_t acc, float scale)
{
    const float product = (float)acc * scale;
    return fixed_sat16((int32_t)rintf(product));
}

int16_t fixed_sigmoid(int16_t t, int range_log2)
{
    /* |t| in units of 8 / 32768, at most just below 8 */
    const int32_t limit = 32767 >> range_log2;
    int32_t u = t < 0 ? -(int32_t)t : t;
    u = (u < limit ? u : limit) << range_log2;
    const int i = u >> 12;
    const int16_t x = (int16_t)((u & 0xfff) << 3);
    const struct sigmoid_table *const k = &fixed_sigmoid_table;
    int16_t g = (int16_t)(fixed_mulhrs(k->c3[i], x) + k->c2[i]);
    g = (int16_t)(fixed_mulhrs(g, x) + k->c1[i]);
    g = (int16_t)(fixed_mulhrs(g, x) + k->c0[i]);
    return (int16_t)(t < 0 ? 16384 - g : 16384 + g);
}

int16_t fixed_act(enum act act, int16_t t, int range_log2)
{
    switch (act) {
    case ACT_NONE:
        return t;
    case ACT_RELU:
        return t > 0 ? t : 0;
    case ACT_SILU:
        return fixed_mulhrs(t, fixed_sigmoid(t, range_log2));
    case ACT_SIGMOID:
        return fixed_sigmoid(t, range_log2);
    case ACT_COUNT:
        break;
    }
    return 0;
}
