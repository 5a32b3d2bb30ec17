/* SPDX-License-Identifier: Apache-2.0
 *
 * Which values get 16 bits: those that the caller names, and those that matter most for what they cost.
 */
#ifndef API_CHOOSE_H
#define API_CHOOSE_H

#include "api/trials.h"
#include "base/str.h"

/* A group of values that share a type (quant.h). */
struct choice_group {
    node_id node;     /* that makes its first value, NODE_NONE for an input of the graph */
    bool can_be_wide; /* else all below is 0 */
    bool is_wide;
    double
        cost; /* that it adds when it alone has 16 bits, by quant/cost.h, relative to the int8 network */
    /* How far the outputs move (verdict.error) when it alone has 8 bits, all else being float; NAN: not measured. Its square as a share of the sum of all squares. */
    double error, share;
    float factor; /* that its thresholds were multiplied with; 1: they were not, or are not used */
};

struct choice {
    int n;
    struct choice_group *groups;
    bool *wide; /* [values], for quant_assign */
    bool is_measured;
    double cost;                /* of all that was chosen */
    struct verdict int8, mixed; /* with plainly rounded weights */
};

struct choose_options {
    double budget;          /* highest cost */
    bool refine_thresholds; /* of the groups that do most damage */
    bool measure;           /* else only what is named gets 16 bits */
    double
        target_loss; /* in percent of the agreement; 0: none, otherwise it takes the place of the budget */
    const char *const *nodes; /* [n_nodes]: whose results get 16 bits in any case */
    int n_nodes;
};

/* thresholds [values], as for quant_assign, may be changed. Unknown nodes, and those whose result cannot have 16 bits, are errors. */
itx_status choose_widths(struct choice *c, const struct trials *t, struct quant_range *thresholds,
                         const struct choose_options *o, struct itx_error *err);
void choice_release(struct choice *c);

/* What to take next: of those not taken, with a gain above 0 and a cost up to `left`, the one with the largest gain for its
 * cost; -1: none. All arrays [n]; a gain that costs nothing comes first. */
int choose_best(const double *gain, const double *cost, const bool *is_taken, int n, double left);

/* Appends "sensitivity": [...] (docs/plan-format.md, "Metadata"). */
void choice_report(struct choice *c, const struct graph *g, struct strbuf *json);

#endif
