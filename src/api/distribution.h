/* SPDX-License-Identifier: Apache-2.0
 *
 * How a value's numbers were distributed over the calibration photos, from quant_stats' fine bins.
 */
#ifndef API_DISTRIBUTION_H
#define API_DISTRIBUTION_H

#include "quant/quant.h"

struct distribution {
    double least, most;      /* that were seen */
    double inner[2];         /* 99.9 % lie between these */
    const uint64_t *counted; /* the bins; of quant_stats */
};

/* False when the value was not counted. */
bool distribution_of(struct distribution *d, const struct quant_stats *s, value_id v);

/* Shares of all numbers in n equal parts of [least, most]. */
void distribution_parts(const struct distribution *d, double *parts, int n);

#endif
