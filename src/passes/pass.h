/* SPDX-License-Identifier: Apache-2.0
 *
 * From an imported graph to the canonical one that calibration, quantisation and lowering work on.
 * One pass a file; the comment on top of each says what it does, requires, ensures and breaks. The
 * order is in pipeline.c.
 *
 * The canonical graph, after passes_run:
 * - Every shape is known; nothing is dead; no value is forgotten (graph_compact has run). Values
 *   computed between input and outputs are [1, c, h, w] f32 wherever the nodes below are concerned.
 * - Conv has fixed pads, weights and a bias that are constants; groups 1, depthwise (group = c) or
 *   grouped. Optional: ATTR_ACT (enum act, applied to the sum with the bias), then a residual as
 *   input 3, added after the activation. ConvTranspose: the same without residual.
 * - MaxPool, Resize, Concat (axis 1), Split and Slice (axis 1: one Split where slices cover a
 *   value, sizes as constant), Add, Silu and other unary functions that found no convolution to go
 *   into, Attention.
 * - Nodes are ordered depth-first from the outputs, operands first, so that two exports of one
 *   network give the same nodes in the same order with the same bytes; only names differ. Batch
 *   norms, shape arithmetic, transposes at the outputs and identities are gone.
 * - Outputs: as head.h says when a head was found, else those of the file.
 * Whatever else remains is left for the lowering to run or refuse by name.
 */
#ifndef PASSES_PASS_H
#define PASSES_PASS_H

#include "graph/graph.h"
#include "passes/head.h"

/* Each leaves a graph that passes graph_check, and may run again. */
itx_status pass_fold_const(struct graph *g, struct itx_error *err);
itx_status pass_normalize(struct graph *g, struct itx_error *err);
itx_status pass_merge_slices(struct graph *g, struct itx_error *err);
itx_status pass_simplify(struct graph *g, struct itx_error *err);
itx_status pass_fold_norm(struct graph *g, struct itx_error *err);
itx_status pass_fuse_silu(struct graph *g, struct itx_error *err);
itx_status pass_fuse_softmax(struct graph *g, struct itx_error *err);
itx_status pass_find_head(struct graph *g, struct head_info *head, struct itx_error *err);
itx_status pass_fuse_attention(struct graph *g, struct itx_error *err);
itx_status pass_fuse_conv(struct graph *g, struct itx_error *err);
itx_status pass_canonical(struct graph *g, struct itx_error *err);

/* Called after every pass with its name; a failure ends the run. */
typedef itx_status passes_dump_fn(void *ctx, const char *pass, const struct graph *g,
                                  struct itx_error *err);

/* The whole row, with graph_check after every pass. `head` NULL: without find_head and canonical, so that the
 * outputs stay those of the file. `dump` may be NULL. On failure the graph may only be destroyed. */
itx_status passes_run(struct graph *g, struct head_info *head, passes_dump_fn *dump, void *ctx,
                      struct itx_error *err);

#endif
