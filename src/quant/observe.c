/* SPDX-License-Identifier: Apache-2.0
 *
 * Smallest and largest value of every channel, and how values are distributed over the whole tensor.
 */
#include <math.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "quant/quant.h"

itx_status quant_stats_create(struct quant_stats *s, const struct graph *g, bool with_histogram,
                              struct itx_error *err)
{
    const size_t n_values = g->values.len;
    *s = (struct quant_stats){
        .n_values = n_values,
        .first = mem_calloc(n_values + 1, sizeof s->first[0]),
        .histogram = mem_calloc(n_values, sizeof s->histogram[0]),
    };
    if (s->first == NULL || s->histogram == NULL) goto no_memory;
    uint64_t n = 0;
    for (size_t v = 0; v < n_values; v++) {
        const struct value *value = &g->values.data[v];
        s->first[v] = (uint32_t)n;
        if (v == 0 || value->data != NULL || value->shape.rank != 4) continue;
        n += (uint64_t)value->shape.dim[1];
        if (n > INT32_MAX) goto no_memory;
        if (!with_histogram) continue;
        s->histogram[v] = mem_calloc(QUANT_BINS, sizeof(uint64_t));
        if (s->histogram[v] == NULL) goto no_memory;
    }
    s->first[n_values] = (uint32_t)n;
    s->min = mem_calloc(n, sizeof s->min[0]);
    s->max = mem_calloc(n, sizeof s->max[0]);
    if (s->min == NULL || s->max == NULL) goto no_memory;
    for (uint64_t i = 0; i < n; i++) {
        s->min[i] = INFINITY;
        s->max[i] = -INFINITY;
    }
    return ITX_OK;

no_memory:
    quant_stats_release(s);
    return itx_fail(err, ITX_E_NOMEM, "out of memory for calibration statistics");
}

void quant_stats_release(struct quant_stats *s)
{
    for (size_t v = 0; s->histogram != NULL && v < s->n_values; v++) mem_free(s->histogram[v]);
    mem_free(s->histogram);
    mem_free(s->first);
    mem_free(s->min);
    mem_free(s->max);
    *s = (struct quant_stats){0};
}

itx_status quant_stats_add(struct quant_stats *s, value_id v, const struct tensor *t,
                           struct itx_error *err)
{
    const uint32_t c = s->first[v + 1] - s->first[v];
    if (c == 0) return ITX_OK;
    const int64_t plane = shape_elements(&t->shape) / c;
    const float *x = t->data;
    for (uint32_t k = 0; k < c; k++, x += plane) {
        float low = INFINITY, high = -INFINITY;
        float nan = 0; /* becomes NaN when one of x is NaN or infinite */
        for (int64_t i = 0; i < plane; i++) {
            low = x[i] < low ? x[i] : low;
            high = x[i] > high ? x[i] : high;
            nan += x[i] * 0.0f;
        }
        if (nan != 0)
            return itx_fail(
                err, ITX_E_RANGE,
                "the float network gives numbers that are not finite; its weights are broken");
        float *min = &s->min[s->first[v] + k], *max = &s->max[s->first[v] + k];
        *min = low < *min ? low : *min;
        *max = high > *max ? high : *max;
    }
    uint64_t *const histogram = s->histogram[v];
    if (histogram == NULL) return ITX_OK;
    const int64_t n = plane * c;
    x = t->data;
    for (int64_t i = 0; i < n; i++) histogram[bits_of_float(x[i]) >> 17]++;
    return ITX_OK;
}

void quant_stats_merge(struct quant_stats *into, const struct quant_stats *from)
{
    const uint32_t n = into->first[into->n_values];
    for (uint32_t i = 0; i < n; i++) {
        into->min[i] = fminf(into->min[i], from->min[i]);
        into->max[i] = fmaxf(into->max[i], from->max[i]);
    }
    for (size_t v = 0; v < into->n_values; v++)
        for (int b = 0; into->histogram[v] != NULL && b < QUANT_BINS; b++)
            into->histogram[v][b] += from->histogram[v][b];
}
