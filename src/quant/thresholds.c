/* SPDX-License-Identifier: Apache-2.0
 *
 * Thresholds: which part of what was observed the steps of a whole tensor cover, by its histogram.
 */
#include <math.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "quant/quant.h"

/* The number in the middle of a bin. */
static double bin_value(int bin)
{
    const double low = float_of_bits((uint32_t)bin << 17);
    const double next = float_of_bits(((uint32_t)bin << 17) + (1u << 17) - 1);
    return (low + next) / 2;
}

struct bins {
    int n;
    double value[QUANT_BINS], count[QUANT_BINS];
};

static int fill_bins(struct bins *b, const uint64_t *histogram)
{
    b->n = 0;
    for (int i = 0; i < QUANT_BINS; i++) {
        if (histogram[i] == 0) continue;
        b->value[b->n] = bin_value(i);
        b->count[b->n++] = (double)histogram[i];
    }
    return b->n;
}

/* Sum of squared errors when [low, high] is covered by 256 steps. */
static double squared_error(const struct bins *b, double low, double high)
{
    const double scale = (high - low) / 255;
    if (!(scale > 0)) return INFINITY;
    const double zero = fmin(127, fmax(-128, rint(-128 - low / scale)));
    double sum = 0;
    for (int i = 0; i < b->n; i++) {
        const double q = fmin(127, fmax(-128, rint(b->value[i] / scale) + zero));
        const double e = (q - zero) * scale - b->value[i];
        sum += b->count[i] * e * e;
    }
    return sum;
}

/* Coordinate search: shrink one end, then the other, in steps of 1/64 of what was observed. */
static void search_least_squares(const struct bins *b, float *low, float *high)
{
    const double full_low = *low, full_high = *high;
    double best_low = full_low, best_high = full_high, best = squared_error(b, full_low, full_high);
    for (int round = 0; round < 2; round++) {
        for (int i = 1; i < 56; i++) {
            const double h = full_high * (64 - i) / 64, e = squared_error(b, best_low, h);
            if (e < best) {
                best = e;
                best_high = h;
            }
        }
        for (int i = 1; i < 56 && full_low < 0; i++) {
            const double l = full_low * (64 - i) / 64, e = squared_error(b, l, best_high);
            if (e < best) {
                best = e;
                best_low = l;
            }
        }
    }
    *low = (float)best_low;
    *high = (float)best_high;
}

/* The numbers below which (100 - percentile) % and above which the same share lie. */
static void cut_percentile(const struct bins *b, double percentile, float *low, float *high)
{
    double total = 0;
    for (int i = 0; i < b->n; i++) total += b->count[i];
    const double cut = total * (1 - percentile / 100);
    /* Bins of positive numbers rise, then those of negative numbers fall. */
    int first_negative = b->n;
    for (int i = b->n - 1; i >= 0 && b->value[i] < 0; i--) first_negative = i;
    double seen = 0;
    for (int i = first_negative - 1; i >= 0 && (seen += b->count[i]) <= cut; i--)
        *high = fminf(*high, (float)b->value[i]);
    seen = 0;
    for (int i = b->n - 1; i >= first_negative && (seen += b->count[i]) <= cut; i--)
        *low = fmaxf(*low, (float)b->value[i]);
}

/* The tensor's thresholds, from what was seen at all and how often. */
static void search(struct quant_range *r, struct bins *bins, const uint64_t *histogram,
                   const struct quant_options *o)
{
    if (histogram == NULL || fill_bins(bins, histogram) == 0) return;
    switch (o->method) {
    case QUANT_MINMAX:
        break;
    case QUANT_PERCENTILE:
        cut_percentile(bins, o->percentile, &r->low, &r->high);
        break;
    case QUANT_ENTROPY:
        quant_search_entropy(histogram, &r->low, &r->high);
        break;
    case QUANT_LEAST_SQUARES:
        search_least_squares(bins, &r->low, &r->high);
        break;
    }
}

void quant_range_include(struct quant_range *r, float low, float high)
{
    r->low = fminf(r->low, low);
    r->high = fmaxf(r->high, high);
}

void quant_seen_ranges(struct quant_range *seen, const struct quant_atoms *atoms,
                       const struct quant_stats *stats)
{
    for (size_t v = 0; v < stats->n_values; v++)
        for (uint32_t i = stats->first[v]; i < stats->first[v + 1]; i++)
            quant_range_include(&seen[atoms->of[i]], stats->min[i], stats->max[i]);
}

static bool moves_data(enum op op)
{
    return op == OP_CONCAT || op == OP_SPLIT || op == OP_SLICE || op == OP_MAX_POOL ||
           op == OP_RESIZE;
}

itx_status quant_find_thresholds(struct quant_range **out, const struct graph *g,
                                 const struct quant_stats *stats,
                                 const struct quant_options *options, struct itx_error *err)
{
    const size_t n_values = g->values.len;
    struct quant_atoms atoms = {0};
    ITX_TRY(quant_atoms_create(&atoms, g, err));
    struct bins *const bins = mem_alloc(sizeof *bins);
    bool *const is_moved = mem_calloc(n_values, sizeof *is_moved);
    struct quant_range *const seen = mem_calloc((size_t)atoms.n, sizeof *seen);
    struct quant_range *const found = mem_calloc(n_values, sizeof *found);
    const bool has_memory = bins != NULL && is_moved != NULL && seen != NULL && found != NULL;
    if (has_memory) {
        for (size_t i = 0; i < g->nodes.len; i++)
            for (int k = 0; k < g->nodes.data[i].n_outputs; k++)
                is_moved[g->nodes.data[i].outputs[k]] = moves_data(g->nodes.data[i].op);
        quant_seen_ranges(seen, &atoms, stats);
        for (size_t v = 0; v < n_values; v++) {
            if (is_moved[v]) continue;
            for (uint32_t i = stats->first[v]; i < stats->first[v + 1]; i++)
                quant_range_include(&found[v], seen[atoms.of[i]].low, seen[atoms.of[i]].high);
            search(&found[v], bins, stats->histogram[v], options);
        }
        *out = found;
    } else {
        mem_free(found);
    }
    mem_free(bins);
    mem_free(is_moved);
    mem_free(seen);
    quant_atoms_release(&atoms);
    return has_memory ? ITX_OK : itx_fail(err, ITX_E_NOMEM, "out of memory for thresholds");
}
