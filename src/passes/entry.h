/* SPDX-License-Identifier: Apache-2.0
 *
 * Changes to what a network's input is, without changing what it computes. All work on a graph that passes graph_check,
 * and leave one; shapes are known.
 */
#ifndef PASSES_ENTRY_H
#define PASSES_ENTRY_H

#include <stdbool.h>

#include "graph/graph.h"

/* Inputs [1, h, w, c] that are turned to [1, c, h, w] by every node that reads them take the latter instead. To be run on
 * the imported graph. */
itx_status entry_turn(struct graph *g, struct itx_error *err);

/* Outputs of the nodes of these names become the outputs of the graph, in this order. An unknown name is an error. */
itx_status entry_stop_at(struct graph *g, const char *const *nodes, int n, struct itx_error *err);

/* The channels of input v, [1, c, h, w], come in reverse order from now on. Convolutions take it up into their
 * weights. */
itx_status entry_reverse(struct graph *g, value_id v, struct itx_error *err);

/* True when input v is read by convolutions only, none of which, if `is_far`, has padding. */
bool entry_can_shift(const struct graph *g, value_id v, bool is_far);
/* Input v comes smaller by shift[c] from now on, which goes into the biases: exact but where a convolution's padding is,
 * which is then worth shift[c] in each channel instead of 0. Only where input_can_shift. */
itx_status entry_shift(struct graph *g, value_id v, const float *shift, struct itx_error *err);
/* The same exactly everywhere, by a convolution of its own (depthwise, 1x1). */
itx_status entry_shift_apart(struct graph *g, value_id v, const float *shift,
                             struct itx_error *err);

#endif
