/* SPDX-License-Identifier: Apache-2.0
 *
 * Weights of a convolution: scales of the input folded in, one scale for each output channel, rounded to nearest.
 */
#include <math.h>

#include "quant/quant.h"

#define MAX_BIAS 268435456.0 /* 2^28 */

/* Input channel that weight (o, c) meets. */
static int input_channel(const struct quant_conv *q, int o, int c)
{
    if (q->n_in_quant == 1) return 0;
    return q->kind == QUANT_DEPTHWISE ? o : c;
}

/* The weight of output channel o, input channel c, tap k, times the scale of its input. */
static double folded(const struct quant_conv *q, int o, int c, int k)
{
    const size_t row = q->kind == QUANT_TRANSPOSED ? (size_t)c * (size_t)q->out_c + (size_t)o
                                                   : (size_t)o * (size_t)q->in_c + (size_t)c;
    const size_t n_taps = (size_t)q->kh * (size_t)q->kw;
    return (double)q->w[row * n_taps + (size_t)k] * q->in_scale[input_channel(q, o, c)];
}

static size_t stored_index(const struct quant_conv *q, int o, int c, int k)
{
    if (q->kind == QUANT_DEPTHWISE) return (size_t)k * (size_t)q->out_c + (size_t)o;
    return ((size_t)o * (size_t)(q->kh * q->kw) + (size_t)k) * (size_t)q->in_c + (size_t)c;
}

/* The smallest scale at which the weights fit 8 bits, the bias 2^28 and every sum 2^29. */
static float channel_scale(const struct quant_conv *q, int o, double bias)
{
    double most = 0, sum = 0;
    for (int c = 0; c < q->in_c; c++)
        for (int k = 0; k < q->kh * q->kw; k++) {
            most = fmax(most, fabs(folded(q, o, c, k)));
            sum += fabs(folded(q, o, c, k));
        }
    return (float)fmax(fmax(most / 127, sum * q->in_reach / QUANT_MAX_SUM),
                       fmax(fabs(bias) / MAX_BIAS, 1e-30));
}

static void quantise_channel(struct quant_weights *out, const struct quant_conv *q, int o)
{
    const int n_taps = q->kh * q->kw;
    const double bias = q->bias != NULL ? q->bias[o] : 0;
    const float scale = channel_scale(q, o, bias);
    const int n_biases = q->kind == QUANT_TRANSPOSED ? n_taps : 1;
    for (int b = 0; b < n_biases; b++) {
        int64_t zero_sum = 0, sum = 0; /* what the input's zero points add; the sum of |w| */
        for (int k = n_biases > 1 ? b : 0; k < (n_biases > 1 ? b + 1 : n_taps); k++)
            for (int c = 0; c < q->in_c; c++) {
                const double r = rint(folded(q, o, c, k) / scale);
                const int8_t w = (int8_t)fmin(127, fmax(-127, r));
                out->w[stored_index(q, o, c, k)] = w;
                zero_sum += (int64_t)w * q->in_zero[input_channel(q, o, c)];
                sum += w < 0 ? -w : w;
            }
        const double stored = rint(bias / scale) - (double)zero_sum;
        out->bias[o * n_biases + b] = (int32_t)stored;
        out->reach = fmax(out->reach, ((double)sum * q->in_reach + fabs(stored)) * scale);
    }
    out->scale[o] = scale;
}

itx_status quant_weights_make(struct quant_weights *out, struct arena *arena,
                              const struct quant_conv *q, struct itx_error *err)
{
    const size_t n_taps = (size_t)q->kh * (size_t)q->kw;
    const size_t room = size_align((size_t)q->out_c, 64);
    const size_t n = (size_t)q->in_c * n_taps * (size_t)q->out_c;
    *out = (struct quant_weights){
        .w = arena_alloc(arena, size_align(n, 64) + 64),
        .scale = arena_calloc(arena, room, sizeof(float)),
        .bias = arena_calloc(arena, q->kind == QUANT_TRANSPOSED ? room * n_taps : room,
                             sizeof(int32_t)),
    };
    if (out->w == NULL || out->scale == NULL || out->bias == NULL)
        return itx_fail(err, ITX_E_NOMEM, "out of memory for %zu weights", n);
    for (int o = 0; o < q->out_c; o++) quantise_channel(out, q, o);
    return ITX_OK;
}
