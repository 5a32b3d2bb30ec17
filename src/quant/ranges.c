/* SPDX-License-Identifier: Apache-2.0
 *
 * Ranges: which part [low, high] of what was observed the 256 steps of an s8 channel cover. Each channel gets a range
 * between its tensor's thresholds and its own.
 */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "quant/quant.h"
#include "tensor/fixed.h"

/* How far a channel's scale moves from the tensor's (0) to its own (1), as an exponent. A channel that uses all 256
 * steps rounds its activations least, but the scales are folded into the weights that read them, and there a
 * small channel then costs precision to the large ones; the best is in between, as in SmoothQuant (Xiao et al., 2023).
 * Figures: docs/accuracy.md. */
#define CHANNEL_SHARE 0.25

/* A convolution works its result out in steps of 2^-12 or coarser, and its multiplier, that step over the scale times
 * 2^15, ends at 32767 (docs/arithmetic.md): a finer scale is not possible, nor of use. On the grid: 2^-3 / 511. */
#define FINEST_SCALE (1.0 / 4088)

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

/* The range of a channel that saw `own`, in a tensor with thresholds `whole`: cut to them, then widened. */
static struct quant_range mix_range(const struct quant_range *whole, const struct quant_range *own)
{
    const double low = fmax(own->low, whole->low), high = fmin(own->high, whole->high);
    const double span = high - low, full = (double)whole->high - whole->low;
    if (!(span > 0) || !(full > 0)) return *whole;
    const double factor = pow(full / span, 1 - CHANNEL_SHARE);
    return (struct quant_range){(float)(low * factor), (float)(high * factor)};
}

/* Ranges of all atoms. Where one belongs to several values it holds what each of them needs. */
static void find_ranges(struct quant_range *result, struct quant_range *seen,
                        const struct quant_atoms *atoms, const struct quant_stats *stats,
                        const struct quant_range *thresholds)
{
    quant_seen_ranges(seen, atoms, stats);
    for (size_t v = 0; v < stats->n_values; v++) {
        if (!(thresholds[v].high > thresholds[v].low)) continue;
        for (uint32_t i = stats->first[v]; i < stats->first[v + 1]; i++) {
            const struct quant_range r = mix_range(&thresholds[v], &seen[atoms->of[i]]);
            quant_range_include(&result[atoms->of[i]], r.low, r.high);
        }
    }
}

/* Widens the ranges of a value that a convolution makes to what its arithmetic can store. */
static void widen_to_finest(struct quant_range *ranges, const uint32_t *atom, uint32_t n)
{
    const double least = 255 * FINEST_SCALE;
    for (uint32_t i = 0; i < n; i++) {
        struct quant_range *const r = &ranges[atom[i]];
        const double span = (double)r->high - r->low;
        if (span >= least) continue;
        const double factor = span > 0 ? least / span : 0;
        *r = (struct quant_range){(float)(r->low * factor),
                                  span > 0 ? (float)(r->high * factor) : (float)least};
    }
}

static void set_scale(const struct quant_range *r, float *scale, int32_t *zero_point)
{
    double low = fmin(r->low, 0), high = fmax(r->high, 0);
    if (high - low < 1e-6) high = low + 1e-6; /* a constant zero */
    *scale = quant_snap_scale((high - low) / 255);
    *zero_point = (int32_t)fmin(127, fmax(-128, rint(-128 - low / *scale)));
}

static bool is_convolved(const struct graph *g, const struct graph_uses *uses, value_id v)
{
    if (uses->producer[v] == NODE_NONE) return false;
    const enum op op = g->nodes.data[uses->producer[v]].op;
    return op == OP_CONV || op == OP_CONV_TRANSPOSE;
}

enum dtype quant_raw_output(const struct graph *g, const struct graph_uses *uses, value_id v)
{
    if (uses->n_output_uses[v] == 0 || uses->first[v] != uses->first[v + 1]) return DTYPE_NONE;
    if (!is_convolved(g, uses, v)) return DTYPE_NONE;
    const struct node *n = &g->nodes.data[uses->producer[v]];
    const int64_t group = node_int(n, ATTR_GROUP, 1); /* grouped ones are made piece by piece */
    if (group != 1 && group != graph_value(g, v)->shape.dim[1]) return DTYPE_NONE;
    if (node_input(n, 3) != 0) return DTYPE_NONE;
    return node_int(n, ATTR_ACT, ACT_NONE) == ACT_NONE ? DTYPE_S32 : DTYPE_S16;
}

/* How the atoms of inputs are stored for which that is given; scale 0: it is not. */
struct given {
    float scale;
    int32_t zero_point;
};

static void find_given(struct given *given, const struct graph *g, const struct quant_atoms *atoms)
{
    for (size_t i = 0; i < g->inputs.len; i++) {
        const value_id v = g->inputs.data[i];
        const struct value_quant *const q = &graph_value(g, v)->quant;
        for (uint32_t c = 0; q->is_given && c < atoms->first[v + 1] - atoms->first[v]; c++)
            given[atoms->of[atoms->first[v] + c]] =
                (struct given){q->scale[q->n > 1 ? c : 0], q->zero_point[q->n > 1 ? c : 0]};
    }
}

static itx_status assign_value(struct graph *g, value_id v, enum dtype dtype,
                               const struct quant_atoms *atoms, const struct quant_range *ranges,
                               const struct given *given, struct itx_error *err)
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
    for (uint32_t i = 0; i < n; i++)
        if (given[of[i]].scale > 0) {
            scale[i] = given[of[i]].scale;
            zero_point[i] = given[of[i]].zero_point;
        } else {
            set_scale(&ranges[of[i]], &scale[i], &zero_point[i]);
        }
    value->quant =
        (struct value_quant){.dtype = dtype, .n = (int)n, .scale = scale, .zero_point = zero_point};
    return ITX_OK;
}

itx_status quant_give_input(struct graph *g, value_id v, int n, const float *scale,
                            const int32_t *zero_point, struct itx_error *err)
{
    struct value_quant q = {.dtype = DTYPE_S8, .n = n, .is_given = true};
    q.scale = arena_dup(&g->arena, scale, (size_t)n * sizeof *scale);
    q.zero_point = arena_dup(&g->arena, zero_point, (size_t)n * sizeof *zero_point);
    if (q.scale == NULL || q.zero_point == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    graph_value(g, v)->quant = q;
    return ITX_OK;
}

itx_status quant_assign(struct graph *g, const struct quant_stats *stats,
                        const struct quant_options *options, struct itx_error *err)
{
    struct quant_atoms atoms = {0};
    struct graph_uses uses = {0};
    struct quant_range *ranges = NULL, *found = NULL;
    struct given *given = NULL;
    itx_status rc = quant_atoms_create(&atoms, g, err);
    if (rc == ITX_OK) rc = graph_uses(g, &uses, err);
    if (rc == ITX_OK) {
        ranges = mem_calloc((size_t)atoms.n * 2, sizeof *ranges);
        given = mem_calloc((size_t)atoms.n, sizeof *given);
        if (ranges == NULL || given == NULL)
            rc = itx_fail(err, ITX_E_NOMEM, "out of memory for %d thresholds", atoms.n);
    }
    if (rc == ITX_OK && options->thresholds == NULL)
        rc = quant_find_thresholds(&found, g, stats, options, err);
    if (rc != ITX_OK) goto out;
    find_ranges(ranges, ranges + atoms.n, &atoms, stats,
                options->thresholds != NULL ? options->thresholds : found);
    for (value_id v = 1; v < g->values.len; v++)
        if (is_convolved(g, &uses, v))
            widen_to_finest(ranges, &atoms.of[atoms.first[v]], atoms.first[v + 1] - atoms.first[v]);
    find_given(given, g, &atoms);
    for (value_id v = 1; rc == ITX_OK && v < g->values.len; v++) {
        const enum dtype raw = quant_raw_output(g, &uses, v);
        if (atoms.is_quantised[v] && !graph_value(g, v)->quant.is_given)
            rc = assign_value(g, v, raw != DTYPE_NONE ? raw : DTYPE_S8, &atoms, ranges, given, err);
    }
    if (rc == ITX_OK && options->wide != NULL)
        rc = quant_widen(g, &atoms, stats, options->wide, err);
out:
    mem_free(ranges);
    mem_free(found);
    mem_free(given);
    graph_uses_release(&uses);
    quant_atoms_release(&atoms);
    return rc;
}
