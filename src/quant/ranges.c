/* SPDX-License-Identifier: Apache-2.0
 *
 * Thresholds: which part [low, high] of what was observed the 256 steps of an s8 tensor cover.
 */
#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "quant/quant.h"
#include "tensor/fixed.h"

/* What one atom saw. */
struct range {
    float low, high;
    uint64_t *histogram; /* of all values it belongs to; NULL when not needed */
};

float quant_snap_scale(double wanted)
{
    int e;
    const double m =
        frexp(wanted, &e); /* wanted = m 2^e, m in [0.5, 1): 2^(e + 8) / k, k in (256, 512] */
    double k = floor(256 / m);
    if (k > 511) { /* m = 0.5 exactly, k = 512: the same number is 2^(e + 7) / 256 */
        k = 256;
        e--;
    }
    return (float)ldexp(1 / k, e + 8);
}

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

static itx_status apply_method(struct range *r, struct bins *bins, const struct quant_options *o)
{
    if (r->histogram == NULL || fill_bins(bins, r->histogram) == 0) return ITX_OK;
    switch (o->method) {
    case QUANT_MINMAX:
        break;
    case QUANT_PERCENTILE:
        cut_percentile(bins, o->percentile, &r->low, &r->high);
        break;
    case QUANT_MSE:
        search_least_squares(bins, &r->low, &r->high);
        break;
    }
    return ITX_OK;
}

/* Collects what every atom saw. A value's histogram counts for each atom it has; with one atom a channel that is the whole
 * tensor's, and only serves to cut outliers. */
static itx_status collect(struct range *ranges, const struct quant_atoms *atoms,
                          const struct quant_stats *stats)
{
    for (int i = 0; i < atoms->n; i++) ranges[i] = (struct range){.low = 0, .high = 0};
    for (size_t v = 0; v < stats->n_values; v++) {
        uint32_t last = UINT32_MAX;
        for (uint32_t i = stats->first[v]; i < stats->first[v + 1]; i++) {
            struct range *r = &ranges[atoms->of[i]];
            r->low = fminf(r->low, stats->min[i]);
            r->high = fmaxf(r->high, stats->max[i]);
            if (stats->histogram[v] == NULL || atoms->of[i] == last) continue;
            last = atoms->of[i];
            if (r->histogram == NULL) r->histogram = mem_calloc(QUANT_BINS, sizeof(uint64_t));
            if (r->histogram == NULL) return ITX_E_NOMEM;
            for (int b = 0; b < QUANT_BINS; b++) r->histogram[b] += stats->histogram[v][b];
        }
    }
    return ITX_OK;
}

static void set_scale(const struct range *r, float *scale, int32_t *zero_point)
{
    double low = fmin(r->low, 0), high = fmax(r->high, 0);
    if (high - low < 1e-6) high = low + 1e-6; /* a constant zero */
    *scale = quant_snap_scale((high - low) / 255);
    *zero_point = (int32_t)fmin(127, fmax(-128, rint(-128 - low / *scale)));
}

/* An output of the graph that a convolution makes and nobody else reads stays wide. */
static enum dtype wide_output(const struct graph *g, const struct graph_uses *uses, value_id v)
{
    if (uses->n_output_uses[v] == 0 || uses->first[v] != uses->first[v + 1]) return DTYPE_S8;
    if (uses->producer[v] == NODE_NONE) return DTYPE_S8;
    const struct node *n = &g->nodes.data[uses->producer[v]];
    if (n->op != OP_CONV && n->op != OP_CONV_TRANSPOSE) return DTYPE_S8;
    const int64_t group = node_int(n, ATTR_GROUP, 1); /* grouped ones are made piece by piece */
    if (group != 1 && group != graph_value(g, v)->shape.dim[1]) return DTYPE_S8;
    if (node_input(n, 3) != 0) return DTYPE_S8;
    return node_int(n, ATTR_ACT, ACT_NONE) == ACT_NONE ? DTYPE_S32 : DTYPE_S16;
}

static itx_status assign_value(struct graph *g, value_id v, enum dtype dtype,
                               const struct quant_atoms *atoms, const struct range *ranges,
                               struct itx_error *err)
{
    struct value *value = graph_value(g, v);
    const uint32_t c = atoms->first[v + 1] - atoms->first[v];
    const uint32_t *of = &atoms->of[atoms->first[v]];
    bool same = true;
    for (uint32_t i = 1; i < c; i++) same = same && of[i] == of[0];
    const uint32_t n = same ? 1 : c;
    float *scale = arena_calloc(&g->arena, n, sizeof *scale);
    int32_t *zero_point = arena_calloc(&g->arena, n, sizeof *zero_point);
    if (scale == NULL || zero_point == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (uint32_t i = 0; i < n; i++) set_scale(&ranges[of[i]], &scale[i], &zero_point[i]);
    value->quant = (struct value_quant){dtype, (int)n, scale, zero_point};
    return ITX_OK;
}

/* Pictures come as bytes 0..255 meaning 0..1: stored = byte - 128 exactly. */
static itx_status assign_picture(struct graph *g, value_id v, struct itx_error *err)
{
    float *scale = arena_alloc(&g->arena, sizeof *scale);
    int32_t *zero_point = arena_alloc(&g->arena, sizeof *zero_point);
    if (scale == NULL || zero_point == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    *scale = 1.0f / 255;
    *zero_point = -128;
    graph_value(g, v)->quant = (struct value_quant){DTYPE_S8, 1, scale, zero_point};
    return ITX_OK;
}

itx_status quant_assign(struct graph *g, const struct quant_stats *stats,
                        const struct quant_options *options, struct itx_error *err)
{
    struct quant_atoms atoms = {0};
    struct graph_uses uses = {0};
    struct range *ranges = NULL;
    struct bins *bins = mem_alloc(sizeof *bins);
    itx_status rc = bins != NULL ? quant_atoms_create(&atoms, g, options->granularity, err)
                                 : itx_fail(err, ITX_E_NOMEM, "out of memory");
    if (rc == ITX_OK) rc = graph_uses(g, &uses, err);
    if (rc != ITX_OK) goto out;
    ranges = mem_calloc((size_t)atoms.n, sizeof *ranges);
    rc = ranges != NULL ? collect(ranges, &atoms, stats) : ITX_E_NOMEM;
    for (int i = 0; rc == ITX_OK && i < atoms.n; i++) rc = apply_method(&ranges[i], bins, options);
    if (rc != ITX_OK) {
        itx_fail(err, rc, "out of memory for %d thresholds", atoms.n);
        goto out;
    }
    for (value_id v = 1; rc == ITX_OK && v < g->values.len; v++)
        if (atoms.is_quantised[v])
            rc = assign_value(g, v, wide_output(g, &uses, v), &atoms, ranges, err);
    if (rc == ITX_OK && g->inputs.len == 1 && graph_value(g, g->inputs.data[0])->shape.dim[1] == 3)
        rc = assign_picture(g, g->inputs.data[0], err);
out:
    for (int i = 0; ranges != NULL && i < atoms.n; i++) mem_free(ranges[i].histogram);
    mem_free(ranges);
    mem_free(bins);
    graph_uses_release(&uses);
    quant_atoms_release(&atoms);
    return rc;
}
