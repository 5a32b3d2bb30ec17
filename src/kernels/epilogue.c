/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/epilogue.h"

void epilogue_store(const struct epilogue *e, int channel, int32_t acc, const int8_t *res,
                    void *out, size_t index)
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
    const int8_t r = e->res_mul != NULL ? *res : 0;
    const int16_t res_mul = e->res_mul != NULL ? e->res_mul[channel] : 0;
    ((int8_t *)out)[index] =
        fixed_requant(v, e->mul[channel], r, res_mul, e->offset[channel], e->shift);
}
