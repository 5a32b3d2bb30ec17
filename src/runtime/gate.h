/* SPDX-License-Identifier: Apache-2.0
 *
 * Which cells of a 1x1 convolution stay below given bounds in all their channels, known without its products. With
 * channels w_k x + b_k, any point c and g_k = bound_k - b_k - w_k c,
 *
 *   w_k x + b_k < bound_k    where    |x - c| < g_k / |w_k|    (Cauchy and Schwarz),
 *
 * so one distance, compared with the least of the radii on the right, takes the place of out_c sums. Every c is right; a
 * good one leaves few cells: it begins as the mean of some of the frame's cells, and moves away from whatever channel's
 * bound is nearest a few times. For class logits, which are low almost everywhere.
 */
#ifndef RUNTIME_GATE_H
#define RUNTIME_GATE_H

#include "plan/plan.h"
#include "runtime/region.h"

struct gate;

/* Whether a step has the form for one. */
bool gate_fits(const struct plan *plan, const struct plan_step *p);
/* NULL when out of memory. All memory is the arena's; weights and biases are copied. */
struct gate *gate_create(const struct plan *plan, const struct plan_step *p, struct arena *arena);

/* [out_c], for the caller to write: a cell counts when a channel k has a sum >= bound[k]. At first all cells do. */
int32_t *gate_bounds(struct gate *gate);
/* Chooses the point for what lies in the step's input. False: no cell can be told to stay below. */
bool gate_aim(struct gate *gate, const void *in);
/* Sets, in rows [y0, y1) of `open`, which are clear, the bits of cells that may count. Rows are independent. */
void gate_find_open(const struct gate *gate, const void *in, struct region *open, int y0, int y1);

#endif
