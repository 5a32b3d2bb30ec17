/* SPDX-License-Identifier: Apache-2.0
 *
 * Which values get 16 bits: those that the caller names, and those that matter most for what they cost.
 */
#ifndef API_CHOOSE_H
#define API_CHOOSE_H

#include "api/damage.h"
#include "base/str.h"

/* A group of values that share a type (quant.h). */
struct choice_group {
    node_id node;     /* that makes its first value, NODE_NONE for an input of the graph */
    bool can_be_wide; /* else all below is 0 */
    bool is_forced;   /* the caller names it */
    bool is_wide;
    double
        cost; /* that it adds when it alone has 16 bits, by quant/cost.h, relative to the int8 network */
    /* How far the outputs move (verdict.error) when it alone has 8 bits, all else being float; its square as a share of the
     * sum of all squares. 0: not measured. */
    double error, share;
};

struct choice {
    int n;
    struct choice_group *groups;
    bool is_measured;
    bool *wide;  /* [values], for quant_assign */
    double cost; /* of all that was chosen */
};

struct choose_options {
    const char *const *nodes; /* [n_nodes]: whose results get 16 bits in any case */
    int n_nodes;
    bool measure;           /* else that is all */
    bool refine_thresholds; /* of the groups that do most damage */
};

/* Measures, and chooses nothing yet but what is named. thresholds [values], as for quant_assign, may be changed. Unknown
 * nodes, and those whose result cannot have 16 bits, are errors. */
itx_status choose_measure(struct choice *c, const struct damage_setup *setup,
                          struct quant_range *thresholds, const struct choose_options *o,
                          struct itx_error *err);
/* Chooses anew: what is named, and what is worth most within this cost. */
itx_status choose_within(struct choice *c, const struct graph *g, double budget,
                         struct itx_error *err);
void choice_release(struct choice *c);

/* What to take next: of those not taken, with a gain above 0 and a cost up to `left`, the one with the largest gain for its
 * cost; -1: none. All arrays [n]; a gain that costs nothing comes first. */
int choose_best(const double *gain, const double *cost, const bool *is_taken, int n, double left);

/* Appends "sensitivity": [...] (docs/plan-format.md, "Metadata"). */
itx_status choice_report(const struct choice *c, const struct graph *g, struct strbuf *json,
                         struct itx_error *err);

#endif
