/* SPDX-License-Identifier: Apache-2.0
 *
 * A convolution of a plan beside its float original in the graph: what its sums are made of, sampled at positions of its
 * output, and its weights rounded anew. Used by api/reconstruct.c.
 */
#ifndef API_SITE_H
#define API_SITE_H

#include "base/arena.h"
#include "graph/graph.h"
#include "plan/plan.h"
#include "quant/patches.h"
#include "quant/rounding.h"

/* A position gives every channel of a transposed convolution one sum for each tap; the others have one. */
struct site {
    int step;          /* of the plan */
    int first;         /* output channel of the node that is the step's first (groups) */
    const float *w;    /* of the step, as ONNX has them; in the graph */
    const float *bias; /* likewise; NULL: none */
    value_id input, output;
    struct patch_window window;
    int in_first; /* channel of `input` that is the window's first */
    int k, rows;  /* weights of a sum, sums at a position */
    int taps;     /* sums of a channel */
};

/* All convolutions of the plan that was lowered from the graph, in the order of its steps. *sites is freed with
 * mem_free. */
itx_status sites_make(struct site **sites, int *n_sites, const struct plan *plan,
                      const struct graph *g, struct itx_error *err);

/* The float network's sums, without bias, at n positions; `in` is the whole value `input`, dense. patches:
 * [n, patch_size] scratch. sums [n, rows]. */
void site_float_sums(const struct site *s, const struct plan *plan, const float *in,
                     const int *positions, int n, float *patches, float *sums);

/* The step's inputs at n positions, from its input tensor as it lies in memory: [n, patch_size]. */
void site_patches(const struct site *s, const struct plan *plan, const void *in,
                  const int *positions, int n, int16_t *patches);

/* Rounds the step's weights, and gives it arrays of its own in `arena`. patches [n, patch_size] and sums [n, rows] are
 * samples; sums is changed. A channel whose sums could leave the limits of plan_check stays as it is. */
itx_status site_round(const struct site *s, struct plan *plan, struct arena *arena, size_t n,
                      const int16_t *patches, float *sums, const struct rounding_options *o,
                      struct pool *pool, struct itx_error *err);

#endif
