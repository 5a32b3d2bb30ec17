/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/epilogue.h"

void epilogue_store(const struct epilogue *e, int channel, int32_t acc, const void *res,
                    size_t res_index, void *out, size_t index)
{
    if (e->out == EPILOGUE_S32) {
        ((int32_t *)out)[index] = acc;
        return;
    }
    const int16_t t = fixed_scale(acc, e->scale[channel]);
    const int16_t v = fixed_act(e->act, t, e->range_log2);
    if (e->out == EPILOGUE_S16) {
        ((int16_t *)out)[index] = v;
        return;
    }
    int16_t r = 0, res_mul = 0;
    if (e->res_mul != NULL) {
        r = e->is_res_wide ? ((const int16_t *)res)[res_index] : ((const int8_t *)res)[res_index];
        res_mul = e->res_mul[channel];
    }
    const int32_t y = fixed_requant(v, e->mul[channel], r, res_mul, e->offset[channel], e->shift);
    if (e->out == EPILOGUE_WIDE)
        ((int16_t *)out)[index] = fixed_sat16(y);
    else
        ((int8_t *)out)[index] = fixed_sat8(y);
}
