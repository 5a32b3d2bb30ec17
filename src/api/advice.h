/* SPDX-License-Identifier: Apache-2.0
 *
 * Which steps lose most by themselves, and what can be done about each.
 */
#ifndef API_ADVICE_H
#define API_ADVICE_H

#include "api/compare.h"
#include "quant/quant.h"

/* What it is made of; all const, none owned. */
struct advice_input {
    const struct plan *plan;
    const struct comparison *comparison; /* [plan->n_tensors] */
    const struct quant_stats *stats;
    const struct graph *graph;
    const struct quant_groups *groups; /* of it */
    bool is_minmax;                    /* thresholds are all that was seen */
    int effort;                        /* of the build */
};

/* Steps by falling damage: by rising signal-to-noise alone. order [plan->n_steps]; returns how many there are, without
 * those that only move values or keep sums exact. */
int advice_order(const struct advice_input *in, int *order);

/* One line for step i, into text [ADVICE_SIZE]; empty when nothing is to be done. */
#define ADVICE_SIZE 400
void advice_on(const struct advice_input *in, int step, char *text);

#endif
