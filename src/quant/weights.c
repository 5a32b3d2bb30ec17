/* SPDX-License-Identifier: Apache-2.0
 *
 * Weights of a convolution: scales of the input folded in, one scale for each output channel, rounded to nearest.
 */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "quant/quant.h"

#define MAX_BIAS 268435456.0 /* 2^28 */

/* Input channel that weight (o, c) meets. */
static int input_channel(const struct quant_conv *q, int o, int c)
{
    if (q->n_in_quant == 1) return 0;
    return q->kind == QUANT_DEPTHWISE ? o : c;
}

/* The weights of output channel o, times the scales of their inputs: row [kh * kw, in_c], as they are stored. */
static void fold_row(const struct quant_conv *q, int o, double *row)
{
    const int n_taps = q->kh * q->kw;
    for (int c = 0; c < q->in_c; c++) {
        const size_t from = q->kind == QUANT_TRANSPOSED ? (size_t)c * (size_t)q->out_c + (size_t)o
                                                        : (size_t)o * (size_t)q->in_c + (size_t)c;
        const float *const w = q->w + from * (size_t)n_taps;
        const double scale = (double)q->in_scale[input_channel(q, o, c)];
        for (int k = 0; k < n_taps; k++)
            row[(size_t)k * (size_t)q->in_c + (size_t)c] = (double)w[k] * scale;
    }
}

/* The smallest scale at which the weights fit 8 bits, the bias 2^28 and every sum 2^29. */
static float channel_scale(const struct quant_conv *q, const double *row, double bias)
{
    const int n = q->in_c * q->kh * q->kw;
    double most = 0, sum = 0;
    for (int i = 0; i < n; i++) {
        const double w = fabs(row[i]);
        most = w > most ? w : most;
        sum += w;
    }
    return (float)fmax(fmax(most / 127, sum * q->in_reach / QUANT_MAX_SUM),
                       fmax(fabs(bias) / MAX_BIAS, 1e-30));
}

/* Rounds to nearest even what is below 2^51 in magnitude: the sum has no bits behind the point. */
static double round_even(double x)
{
    const double big = 6755399441055744.0; /* 1.5 * 2^52 */
    return (x + big) - big;
}

static int8_t round_weight(double x)
{
    const double r = round_even(x);
    return (int8_t)(r < -127 ? -127 : r > 127 ? 127 : r);
}

/* What the taps [from, to) of a row add to a bias and to the reach. */
struct row_sums {
    int64_t zero; /* weights times the zero points of their inputs */
    int64_t all;  /* |w| */
};

static struct row_sums sum_row(const struct quant_conv *q, int o, const int8_t *w, int from, int to)
{
    struct row_sums sums = {0, 0};
    for (int k = from; k < to; k++)
        for (int c = 0; c < q->in_c; c++) {
            const int v = w[(size_t)k * (size_t)q->in_c + (size_t)c];
            sums.zero += (int64_t)v * q->in_zero[input_channel(q, o, c)];
            sums.all += v < 0 ? -v : v;
        }
    return sums;
}

/* `row` and `rounded` have room for the weights of one output channel. */
static void quantise_channel(struct quant_weights *out, const struct quant_conv *q, int o,
                             double *row, int8_t *rounded)
{
    const int n_taps = q->kh * q->kw, n = q->in_c * n_taps;
    const double bias = q->bias != NULL ? (double)q->bias[o] : 0;
    fold_row(q, o, row);
    const float scale = channel_scale(q, row, bias);
    for (int i = 0; i < n; i++) rounded[i] = round_weight(row[i] / (double)scale);
    if (q->kind == QUANT_DEPTHWISE)
        for (int k = 0; k < n; k++) out->w[(size_t)k * (size_t)q->out_c + (size_t)o] = rounded[k];
    else
        memcpy(out->w + (size_t)o * (size_t)n, rounded, (size_t)n);
    const int n_biases = q->kind == QUANT_TRANSPOSED ? n_taps : 1;
    for (int b = 0; b < n_biases; b++) {
        const struct row_sums sums =
            n_biases > 1 ? sum_row(q, o, rounded, b, b + 1) : sum_row(q, o, rounded, 0, n_taps);
        const double stored = rint(bias / (double)scale) - (double)sums.zero;
        out->bias[o * n_biases + b] = (int32_t)stored;
        const double most = (double)sums.all * q->in_reach + fabs(stored);
        out->reach = fmax(out->reach, most * (double)scale);
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
    const size_t in_row = (size_t)q->in_c * n_taps;
    double *const row = mem_calloc(in_row, sizeof *row);
    int8_t *const rounded = mem_alloc(in_row);
    const bool has_memory = row != NULL && rounded != NULL;
    for (int o = 0; has_memory && o < q->out_c; o++) quantise_channel(out, q, o, row, rounded);
    mem_free(row);
    mem_free(rounded);
    return has_memory ? ITX_OK : itx_fail(err, ITX_E_NOMEM, "out of memory for %zu weights", n);
}
