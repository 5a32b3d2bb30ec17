/* SPDX-License-Identifier: Apache-2.0
 *
 * A network cut before its decoding: the form that the RDK's Model Zoo exports. Works on the imported graph, so that
 * nodes keep the names that the exporter gave them.
 */
#ifndef PASSES_CUT_H
#define PASSES_CUT_H

#include <stdbool.h>

#include "graph/graph.h"
#include "passes/head.h"

/* `g` is the imported graph after pass_fold_const, `canonical` the same file's after passes_run, with `head` as found (no
 * HEAD_RAW). Outputs of g become, for each level by rising stride, class logits, box distributions and (segmentation) mask
 * coefficients, then the prototypes: all as [1, h, w, c]. On failure g may only be destroyed. */
itx_status cut_before_decoding(struct graph *g, const struct graph *canonical,
                               const struct head_info *head, struct itx_error *err);

/* Writes every Softmax out as e / ReduceSum(e) with e = Exp(x - ReduceMax(x)); one along the last of four dimensions is
 * turned to the channels before and back after. *n: how many. */
itx_status cut_write_softmax_out(struct graph *g, int *n, struct itx_error *err);

#endif
