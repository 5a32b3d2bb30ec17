/* SPDX-License-Identifier: Apache-2.0
 *
 * Shared inside src/lower: the state of one lowering and its parts.
 */
#ifndef LOWER_INTERNAL_H
#define LOWER_INTERNAL_H

#include <string.h>

#include "base/str.h"
#include "lower/lower.h"

#define LOWER_MAX_GROUPS 64
#define NO_TENSOR UINT32_MAX

/* Where the channels of a value lie: channels [channel, ...) of value `of`. of = 0: in itself. */
struct place {
    value_id of;
    int channel;
};

struct lowering {
    const struct graph *g;
    struct arena *arena; /* of the plan */
    struct graph_uses uses;
    struct place *view; /* [values]: results of Split and Slice are parts of their source */
    struct place
        *home;        /* [values]: computed values that are written straight into a concatenation */
    uint32_t *buffer; /* [values]: of values that have one of their own, else NO_TENSOR */
    uint32_t *whole;  /* [values]: tensor of the whole value, NO_TENSOR before it is asked for */
    VEC(struct plan_buffer) buffers;
    VEC(struct plan_tensor) tensors;
    VEC(struct plan_step) steps;
};

/* ---- facts.c: small facts about nodes ---- */

bool conv_is_depthwise(const struct graph *g, const struct node *n);
/* A function of one number, which becomes a table. */
bool unary_is_table(const struct node *n);
/* Its value; only for nodes that are tables. Limits and parameters come from the node. */
double unary_value(const struct graph *g, const struct node *n, double x);

/* ---- place.c ---- */

/* Fills view and home. */
itx_status place_values(struct lowering *l, struct itx_error *err);
/* The tensor of channels [channel, channel + n) of a value (n = 0: all), made when there is none yet. */
itx_status place_tensor(struct lowering *l, value_id v, int channel, int n, uint32_t *tensor,
                        struct itx_error *err);
/* The same for a tensor that is read: with the reach of what the steps so far wrote there. */
itx_status place_source(struct lowering *l, value_id v, int channel, int n, uint32_t *tensor,
                        struct itx_error *err);
/* True when input i of a Concat already lies where it belongs; otherwise it is to be copied. */
bool place_is_in_concat(const struct lowering *l, value_id concat, value_id input, int channel);

/* ---- steps.c ---- */

/* Appends the steps of one supported node. */
itx_status steps_of_node(struct lowering *l, const struct node *n, struct itx_error *err);

/* ---- order.c ---- */

/* Puts steps that only the boxes or masks of a head need behind the others, in the order of enum plan_stage. */
itx_status order_steps(struct lowering *l, struct plan *plan, struct itx_error *err);

/* ---- memory.c ---- */

/* Gives every buffer its offset so that those alive at the same time do not overlap, and the arena its size. Inputs
 * are alive from the start, outputs to the end. */
itx_status memory_plan(struct plan *plan, struct itx_error *err);

#endif
