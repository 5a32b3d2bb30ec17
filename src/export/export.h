/* SPDX-License-Identifier: Apache-2.0
 *
 * What the compiler made, as graphs of ONNX's own operators, to be looked at and run elsewhere
 * (docs/quantised-onnx.md).
 */
#ifndef EXPORT_EXPORT_H
#define EXPORT_EXPORT_H

#include "graph/graph.h"
#include "plan/plan.h"

/* The integer program of a checked plan. A picture input is u8 [1, h, w, c], the bytes of its pixels as the plan
 * stores them, plus 128; other inputs are f32 [1, c, h, w]. Outputs are f32 [1, h, w, c], dequantised. Every number between is
 * exactly the plan's. Creates *g, to be freed with graph_destroy; untouched on failure. */
itx_status export_program(struct graph **g, const struct plan *plan, struct itx_error *err);

/* Puts quantising and dequantising behind every value of a float graph that is stored in 8 or 16 bits, as value.quant of
 * `quantised`, a graph with values of the same names, says. */
enum export_inputs { EXPORT_QUANTISE_INPUTS, EXPORT_KEEP_INPUTS };
itx_status export_thresholds(struct graph *g, const struct graph *quantised,
                             enum export_inputs inputs, struct itx_error *err);

#endif
