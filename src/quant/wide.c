/* SPDX-License-Identifier: Apache-2.0
 *
 * Scales of activations with 16 bits. A convolution's result lies in [-R, R], R a power of two (docs/arithmetic.md), and
 * stage C multiplies it by at most the tensor's reach: with the scale R / reach nothing can be larger than the reach, and
 * no bit is lost. With a residual the bound is R plus what the residual can be.
 *
 * The reach of a group is what the convolutions that read it leave: the sum of |w| over an output channel times the
 * reach is below 2^29 with weights that use all of their 8 bits.
 */
#include <math.h>

#include "base/mem.h"
#include "quant/quant.h"
#include "tensor/fixed.h"

#define HEADROOM 1.0625 /* over what calibration saw */
#define MAX_REACH 8191  /* what Winograd's transforms take (kernels/conv/conv_winograd.h) */
#define MIN_REACH 512   /* with sums that leave less than 10 bits, weights get coarser instead */

struct widening {
    struct graph *g;
    const struct quant_atoms *atoms;
    const struct quant_stats *stats;
    struct quant_groups groups;
    bool *is_wide; /* [groups] */
    double *reach; /* [groups] */
    double *bound; /* [atoms]: no value is larger in magnitude; those of wide values */
};

static bool is_wide(const struct widening *w, value_id v)
{
    return v != 0 && w->groups.of[v] != QUANT_NO_GROUP && w->is_wide[w->groups.of[v]];
}

/* Largest magnitude that was seen. */
static double seen(const struct widening *w, value_id v)
{
    double most = 0;
    for (uint32_t i = w->stats->first[v]; i < w->stats->first[v + 1]; i++)
        most = fmax(most, fmax(fabs((double)w->stats->min[i]), fabs((double)w->stats->max[i])));
    return isfinite(most) ? most * HEADROOM : 0;
}

/* Largest magnitude that can be stored. */
static double bound_of(const struct widening *w, value_id v)
{
    double most = 0;
    if (is_wide(w, v)) {
        for (uint32_t i = w->atoms->first[v]; i < w->atoms->first[v + 1]; i++)
            most = fmax(most, w->bound[w->atoms->of[i]]);
        return most;
    }
    const struct value_quant *const q = &graph_value(w->g, v)->quant;
    for (int i = 0; i < q->n; i++)
        most =
            fmax(most, fmax(127 - q->zero_point[i], 128 + q->zero_point[i]) * (double)q->scale[i]);
    return most;
}

/* R: the smallest 8 << n that holds v. */
static double range_for(double v)
{
    double range = 8;
    while (range < v && range < 32768) range *= 2;
    return range;
}

/* The bounds of what a node makes; what is only moved has its source's. */
static void set_bounds(const struct widening *w, const struct node *n)
{
    const value_id out = n->outputs[0];
    double bound;
    if (!is_wide(w, out)) return;
    if (n->op == OP_ADD) {
        bound = bound_of(w, n->inputs[0]) + bound_of(w, n->inputs[1]);
    } else if (n->op == OP_CONV || n->op == OP_CONV_TRANSPOSE) {
        const value_id residual = n->op == OP_CONV ? node_input(n, 3) : 0;
        const double more = residual != 0 ? bound_of(w, residual) : 0;
        const bool is_sigmoid = node_int(n, ATTR_ACT, ACT_NONE) == ACT_SIGMOID;
        bound = more + (is_sigmoid ? 1 : range_for(seen(w, out) + more));
    } else {
        return;
    }
    for (uint32_t i = w->atoms->first[out]; i < w->atoms->first[out + 1]; i++)
        w->bound[w->atoms->of[i]] = bound;
}

/* The weights that go into one sum of a convolution: `n` of them for channels [channel, ...) of the input. */
struct sum {
    const float *w;
    size_t channel_step, tap_step; /* elements */
    int n_channels, n_taps, channel;
};

/* The largest reach with which the sum stays below its limit, when the largest of `most` becomes 127. */
static double reach_of_sum(const struct widening *w, value_id in, const struct sum *s, double most)
{
    const uint32_t *const atom = &w->atoms->of[w->atoms->first[in]];
    double sum = 0;
    for (int c = 0; c < s->n_channels; c++)
        for (int k = 0; k < s->n_taps; k++)
            sum += fabs((double)s->w[(size_t)c * s->channel_step + (size_t)k * s->tap_step]) *
                   w->bound[atom[s->channel + c]];
    /* one for each weight: roundings */
    const double quantised = 127 * sum / most + (double)s->n_channels * s->n_taps;
    return QUANT_MAX_SUM / quantised;
}

static double most_of_channel(const struct widening *w, value_id in, const struct sum *s, int taps)
{
    const uint32_t *const atom = &w->atoms->of[w->atoms->first[in]];
    double most = 1e-30;
    for (int c = 0; c < s->n_channels; c++)
        for (int k = 0; k < taps; k++)
            most = fmax(most, fabs((double)s->w[(size_t)c * s->channel_step + (size_t)k]) *
                                  w->bound[atom[s->channel + c]]);
    return most;
}

/* Lowers the reach of the input's group to what the convolution allows. */
static void limit_reach(const struct widening *w, const struct node *n)
{
    const value_id in = n->inputs[0];
    const bool is_transposed = n->op == OP_CONV_TRANSPOSE;
    if ((n->op != OP_CONV && !is_transposed) || !is_wide(w, in)) return;
    const struct value *const weights = graph_value(w->g, n->inputs[1]);
    if (weights->data == NULL) return; /* the lowering refuses it */
    const int64_t *const dim = weights->shape.dim;
    const int taps = (int)(dim[2] * dim[3]), groups = (int)node_int(n, ATTR_GROUP, 1);
    const int out_c = (int)(is_transposed ? dim[1] : dim[0]);
    double *const reach = &w->reach[w->groups.of[in]];
    for (int o = 0; o < out_c; o++) {
        const size_t row = (size_t)(is_transposed ? 1 : dim[1]) * (size_t)taps;
        struct sum s = {
            .w = (const float *)weights->data + (size_t)o * row,
            .channel_step = (size_t)taps * (size_t)(is_transposed ? dim[1] : 1),
            .tap_step = 1,
            .n_channels = (int)(is_transposed ? dim[0] : dim[1]),
            .n_taps = is_transposed ? 1 : taps,
            .channel = is_transposed ? 0 : o / (out_c / groups) * (int)dim[1],
        };
        const double most = most_of_channel(w, in, &s, taps);
        /* a transposed convolution has a sum for each tap */
        for (int k = 0; k < (is_transposed ? taps : 1); k++, s.w++)
            *reach = fmin(*reach, reach_of_sum(w, in, &s, most));
    }
}

static itx_status assign(const struct widening *w, value_id v, struct itx_error *err)
{
    const uint32_t c = w->atoms->first[v + 1] - w->atoms->first[v];
    const uint32_t *const atom = &w->atoms->of[w->atoms->first[v]];
    const double reach = floor(w->reach[w->groups.of[v]]);
    bool same = true;
    for (uint32_t i = 1; i < c; i++) same = same && w->bound[atom[i]] == w->bound[atom[0]];
    const uint32_t n = same ? 1 : c;
    float *const scale = arena_calloc(&w->g->arena, n, sizeof *scale);
    int32_t *const zero_point = arena_calloc(&w->g->arena, n, sizeof *zero_point);
    if (scale == NULL || zero_point == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (uint32_t i = 0; i < n; i++) scale[i] = quant_snap_scale(w->bound[atom[i]] / reach);
    graph_value(w->g, v)->quant = (struct value_quant){.dtype = DTYPE_S16,
                                                       .n = (int)n,
                                                       .scale = scale,
                                                       .zero_point = zero_point,
                                                       .reach = (int)reach};
    return ITX_OK;
}

static itx_status widen_groups(struct widening *w, const bool *wide, struct itx_error *err)
{
    const struct graph *const g = w->g;
    for (int i = 0; i < w->groups.n; i++) w->reach[i] = MAX_REACH;
    for (value_id v = 1; v < g->values.len; v++) {
        if (!wide[v]) continue;
        ITX_TRY(quant_groups_allow(&w->groups, g, v, err));
        w->is_wide[w->groups.of[v]] = true;
    }
    for (size_t i = 0; i < g->nodes.len; i++) set_bounds(w, &g->nodes.data[i]);
    for (size_t i = 0; i < g->nodes.len; i++) limit_reach(w, &g->nodes.data[i]);
    for (int i = 0; i < w->groups.n; i++) w->reach[i] = fmax(w->reach[i], MIN_REACH);
    for (value_id v = 1; v < g->values.len; v++)
        if (is_wide(w, v)) ITX_TRY(assign(w, v, err));
    return ITX_OK;
}

itx_status quant_widen(struct graph *g, const struct quant_atoms *atoms,
                       const struct quant_stats *stats, const bool *wide, struct itx_error *err)
{
    struct widening w = {.g = g, .atoms = atoms, .stats = stats};
    ITX_TRY(quant_groups_create(&w.groups, g, err));
    w.is_wide = mem_calloc((size_t)w.groups.n + 1, sizeof *w.is_wide);
    w.reach = mem_calloc((size_t)w.groups.n + 1, sizeof *w.reach);
    w.bound = mem_calloc((size_t)atoms->n + 1, sizeof *w.bound);
    const bool has_memory = w.is_wide != NULL && w.reach != NULL && w.bound != NULL;
    const itx_status rc = has_memory ? widen_groups(&w, wide, err)
                                     : itx_fail(err, ITX_E_NOMEM, "out of memory for 16 bits");
    mem_free(w.is_wide);
    mem_free(w.reach);
    mem_free(w.bound);
    quant_groups_release(&w.groups);
    return rc;
}
