/* SPDX-License-Identifier: Apache-2.0
 *
 * Canonical, quantised graph -> plan: views instead of copies, NHWC, int8 weights, stage C's multipliers, one arena.
 */
#ifndef LOWER_LOWER_H
#define LOWER_LOWER_H

#include "graph/graph.h"
#include "passes/head.h"
#include "plan/plan.h"

/* True when a node of a canonical graph can become steps. Otherwise `reason` says why not, and what to do where there
 * is something to do. Shapes must be known. */
#define LOWER_REASON_SIZE 200
bool lower_supports(const struct graph *g, const struct node *n, char *reason);

/* Kind of the step that a supported node becomes, "" when it becomes none (a view). */
const char *lower_step_name(const struct graph *g, const struct node *n);

struct lower_options {
    const char *name;                /* of the model */
    enum plan_input_kind input_kind; /* of the only input */
    bool video_range, is_yuv;        /* as in struct plan_input */
};

/* Fills *plan (its meta is an empty object); everything is allocated in `arena`, nothing refers to the graph afterwards. Every value must
 * have its value_quant. Refuses the first node that is not supported. */
itx_status lower_graph(struct plan *plan, struct arena *arena, const struct graph *g,
                       const struct head_info *head, const struct lower_options *options,
                       struct itx_error *err);

#endif
