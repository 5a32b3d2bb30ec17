/* SPDX-License-Identifier: Apache-2.0
 *
 * Weights of a convolution: scales of the input folded in, one scale for each output channel, rounded to nearest.
 */
#include <math.h>

#include "quant/quant.h"

#define MAX_BIAS 536870912.0 /* 2^29 */

struct taps {
    int in_c, n_taps; /* n_taps = kh * kw */
    const float *in_scale;
    const int32_t *in_zero;
    int n_in_quant;
};

static double in_scale(const struct taps *t, int c)
{
    return t->in_scale[t->n_in_quant > 1 ? c : 0];
}

/* One output channel: w [in_c, kh, kw] -> q [kh, kw, in_c]. */
static void quantise_channel(const struct taps *t, const float *w, double bias, int8_t *q,
                             float *scale, int32_t *q_bias)
{
    double most = 0;
    for (int c = 0; c < t->in_c; c++)
        for (int k = 0; k < t->n_taps; k++)
            most = fmax(most, fabs(w[c * t->n_taps + k] * in_scale(t, c)));
    /* A channel without weights is its bias alone; the scale must still let the bias fit. */
    double s = fmax(most / 127, fabs(bias) / (MAX_BIAS / 2));
    if (s < 1e-30) s = 1e-30;
    *scale = (float)s;
    int64_t zero_sum = 0;
    for (int c = 0; c < t->in_c; c++) {
        const int32_t zero = t->in_zero[t->n_in_quant > 1 ? c : 0];
        for (int k = 0; k < t->n_taps; k++) {
            const double r = rint(w[c * t->n_taps + k] * in_scale(t, c) / *scale);
            const int8_t v = (int8_t)fmin(127, fmax(-127, r));
            q[k * t->in_c + c] = v;
            zero_sum += (int64_t)v * zero;
        }
    }
    const double b = rint(bias / *scale) - (double)zero_sum;
    *q_bias = (int32_t)fmin(2 * MAX_BIAS, fmax(-2 * MAX_BIAS, b));
}

itx_status quant_weights_make(struct quant_weights *out, struct arena *arena, const float *w,
                              const float *bias, int out_c, int in_c, int kh, int kw,
                              const float *scale, const int32_t *zero_point, int n_in_quant,
                              struct itx_error *err)
{
    const struct taps taps = {in_c, kh * kw, scale, zero_point, n_in_quant};
    const size_t n = (size_t)in_c * (size_t)taps.n_taps;
    const size_t room = size_align((size_t)out_c, 64);
    *out = (struct quant_weights){
        .w = arena_calloc(arena, (size_t)out_c, n),
        .scale = arena_calloc(arena, room, sizeof(float)),
        .bias = arena_calloc(arena, room, sizeof(int32_t)),
    };
    if (out->w == NULL || out->scale == NULL || out->bias == NULL)
        return itx_fail(err, ITX_E_NOMEM, "out of memory for %zu weights", n * (size_t)out_c);
    for (int o = 0; o < out_c; o++)
        quantise_channel(&taps, w + (size_t)o * n, bias != NULL ? bias[o] : 0,
                         out->w + (size_t)o * n, &out->scale[o], &out->bias[o]);
    return ITX_OK;
}
