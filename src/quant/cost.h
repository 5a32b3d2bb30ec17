/* SPDX-License-Identifier: Apache-2.0
 *
 * What nodes cost at run time, by a fixed table: the choice of 16 bits must not depend on a clock or on the machine.
 */
#ifndef QUANT_COST_H
#define QUANT_COST_H

#include "graph/graph.h"

/* About the microseconds that the steps of a canonical graph take on one thread of the CPU that the table was made on.
 * wide [values]: those with 16 bits; NULL: none. Only the proportion of two such figures says anything. */
double quant_cost(const struct graph *g, const bool *wide);

#endif
