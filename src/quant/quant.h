/* SPDX-License-Identifier: Apache-2.0
 *
 * From observed activations to value_quant on every value of a canonical graph (passes/pass.h).
 *
 * The unit is an "atom": a set of channels, of one value or of several, that must share one scale and zero point.
 * Values that only move data (Concat, Split, Slice, MaxPool, Resize) share atoms with what they move; a consumer that
 * needs one scale for a whole value (Attention, unary functions) joins that value's atoms. Everything else is free:
 * one atom for each channel.
 */
#ifndef QUANT_QUANT_H
#define QUANT_QUANT_H

#include "graph/graph.h"

/* ---- atoms.c ---- */

struct quant_atoms {
    int n; /* number of atoms */
    uint32_t
        *first; /* [values + 1]: the atoms of value v's channels are of[first[v] .. first[v + 1]) */
    uint32_t *of;       /* atom of every channel of every quantised value */
    bool *is_quantised; /* [values]: has atoms: a computed or input value [1, c, ...] */
};
itx_status quant_atoms_create(struct quant_atoms *atoms, const struct graph *g,
                              struct itx_error *err);
void quant_atoms_release(struct quant_atoms *atoms);

/* True for a Slice with step 1 that keeps everything but channels; *start is the first one kept. */
bool quant_slice_channels(const struct graph *g, const struct node *n, int *start);

/* ---- groups.c: values between which there are only operations that move data (Concat, Split, Slice, MaxPool, Resize)
 * have one element type ---- */

#define QUANT_NO_GROUP UINT32_MAX

/* Why a group stays s8. */
struct quant_block {
    const char *why; /* NULL: nothing is in the way */
    value_id value;
    node_id node; /* NODE_NONE: the value itself */
};
struct quant_groups {
    int n;
    uint32_t *of;              /* [values]: their group; QUANT_NO_GROUP: no activation */
    struct quant_block *block; /* [n] */
};
itx_status quant_groups_create(struct quant_groups *groups, const struct graph *g,
                               struct itx_error *err);
void quant_groups_release(struct quant_groups *groups);
/* Fails with the reason when the group of a value cannot have 16 bits. */
itx_status quant_groups_allow(const struct quant_groups *groups, const struct graph *g, value_id v,
                              struct itx_error *err);

/* ---- observe.c: statistics over calibration photos. One object a thread; merged in the end; merging is exact and
 * commutative, so the result does not depend on how photos were divided. ---- */

/* Values are counted in bins of equal ratio: the upper 15 bits of the float (sign, exponent, 6 of mantissa). */
#define QUANT_BINS 32768

struct quant_stats {
    size_t n_values;
    uint32_t *first;      /* [values + 1]: channels of value v */
    float *min, *max;     /* [channels of all values] */
    uint64_t **histogram; /* [values][QUANT_BINS], NULL where not asked for */
};
itx_status quant_stats_create(struct quant_stats *s, const struct graph *g, bool with_histogram,
                              struct itx_error *err);
void quant_stats_release(struct quant_stats *s);
/* Adds one tensor [1, c, ...] of value v; `data` is dense. Not-a-number is refused: ITX_E_RANGE. */
itx_status quant_stats_add(struct quant_stats *s, value_id v, const struct tensor *t,
                           struct itx_error *err);
void quant_stats_merge(struct quant_stats *into, const struct quant_stats *from);

/* ---- thresholds.c ---- */

struct quant_range {
    float low, high; /* low <= 0 <= high */
};

enum quant_method { QUANT_MINMAX, QUANT_PERCENTILE, QUANT_ENTROPY, QUANT_LEAST_SQUARES };

struct quant_options {
    enum quant_method method;
    float percentile; /* (50, 100] */
    /* [values]: those that are to have 16 bits, and with them what moving operations join them with; NULL: none */
    const bool *wide;
    /* [values], as quant_find_thresholds gives them; NULL: those */
    const struct quant_range *thresholds;
};

/* What the steps of whole values cover, by the method; (0, 0) for values that nothing was seen of, and for those that only
 * move others' numbers. *thresholds [values], mem_free. */
itx_status quant_find_thresholds(struct quant_range **thresholds, const struct graph *g,
                                 const struct quant_stats *stats,
                                 const struct quant_options *options, struct itx_error *err);

/* Widens `r` to hold [low, high]. */
void quant_range_include(struct quant_range *r, float low, float high);
/* What was seen of every atom: seen [atoms], zeroed before. */
void quant_seen_ranges(struct quant_range *seen, const struct quant_atoms *atoms,
                       const struct quant_stats *stats);

/* ---- ranges.c: channels between their own range and their tensor's thresholds ---- */

/* Says how input v is stored in s8, whatever calibration sees: n is 1 or its channels. Channels that something joins
 * (atoms) must be given the same. */
itx_status quant_give_input(struct graph *g, value_id v, int n, const float *scale,
                            const int32_t *zero_point, struct itx_error *err);

/* Sets value.quant of every value: S8 for what steps exchange, S16 or S32 for outputs of the graph that a
 * convolution makes and nobody else reads (graph outputs of the S32 kind get their scales in the lowering). */
itx_status quant_assign(struct graph *g, const struct quant_stats *stats,
                        const struct quant_options *options, struct itx_error *err);

/* DTYPE_S16 or DTYPE_S32 for an output of the graph that leaves as the arithmetic gives it: made by a convolution and
 * read by nobody. Otherwise DTYPE_NONE. */
enum dtype quant_raw_output(const struct graph *g, const struct graph_uses *uses, value_id v);

/* The smallest scale >= wanted of the form 2^e / k with k in [256, 511]: on this grid stage C's multipliers are whole
 * numbers (docs/arithmetic.md). */
float quant_snap_scale(double wanted);

/* ---- wide.c ---- */

/* Gives the values of the groups of `wide` 16 bits; all others have their value_quant already. Their scales are the largest
 * that use what the sums of the convolutions behind them leave. Fails where a group cannot be wide. */
itx_status quant_widen(struct graph *g, const struct quant_atoms *atoms,
                       const struct quant_stats *stats, const bool *wide, struct itx_error *err);

/* ---- entropy.c ---- */

#define QUANT_ENTROPY_BINS 2048

/* Narrows [*low, *high], low <= 0 <= high, to the part whose 256 steps keep the distribution of a histogram
 * [QUANT_BINS] best. */
void quant_search_entropy(const uint64_t *histogram, float *low, float *high);

/* Relative entropy of a distribution [n], cut to its bins [begin, end) with what is outside added to the outermost of them,
 * against the same in 256 steps. Infinite where the steps miss a bin that the cut distribution has. */
double quant_divergence(const double *count, int n, int begin, int end);

/* ---- weights.c ---- */

enum quant_weights_kind { QUANT_CONV, QUANT_DEPTHWISE, QUANT_TRANSPOSED };

/* A convolution in float (groups are taken apart by the caller), and how its input is stored. */
struct quant_conv {
    enum quant_weights_kind kind;
    const float *
        w; /* ONNX: CONV [out_c, in_c, kh, kw], DEPTHWISE [out_c, 1, kh, kw], TRANSPOSED [in_c, out_c, kh, kw] */
    const float *bias;       /* [out_c] or NULL */
    int out_c, in_c, kh, kw; /* DEPTHWISE: in_c is 1 */
    const float *in_scale;   /* [n_in_quant] of the input's channels; folded into the weights */
    const int32_t *in_zero;
    int n_in_quant; /* 1 or the number of input channels */
    int in_reach;   /* no stored number of the input is larger in magnitude */
};

/* Every sum of |w| times the input's reach stays below. */
#define QUANT_MAX_SUM 536870912.0 /* 2^29 */

/* As the plan stores them. */
struct quant_weights {
    int8_t *
        w; /* CONV, TRANSPOSED [out_c, kh, kw, in_c], DEPTHWISE [kh, kw, out_c]; rounded, in [-127, 127] */
    float *scale;  /* [out_c]: real = accumulator * scale */
    int32_t *bias; /* [out_c], TRANSPOSED [out_c, kh, kw]; zero points of the input folded in */
    double reach;  /* no real accumulator is larger in magnitude */
};
/* Arrays are allocated in `arena`, with room up to a multiple of 64 entries. */
itx_status quant_weights_make(struct quant_weights *out, struct arena *arena,
                              const struct quant_conv *conv, struct itx_error *err);

#endif
