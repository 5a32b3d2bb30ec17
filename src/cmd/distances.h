/* SPDX-License-Identifier: Apache-2.0
 *
 * How near the outputs of two networks are, tensor by tensor, over all photographs.
 */
#ifndef CMD_DISTANCES_H
#define CMD_DISTANCES_H

#include <jansson.h>
#include <stdio.h>

#include "base/closeness.h"
#include "base/vec.h"
#include "cmd/net.h"

/* Output number `reference` of the one and `candidate` of the other have the same name and size. */
struct distance {
    int reference, candidate;
    struct closeness closeness;
};

/* Zero-initialised is valid and empty. */
struct distances {
    const struct net *reference, *candidate; /* not owned; both open */
    VEC(struct distance) list;
};

/* Pairs the outputs by name, in the reference's order; those without a partner are left out. */
itx_status distances_open(struct distances *d, const struct net *reference,
                          const struct net *candidate, struct itx_error *err);
/* Adds the outputs of both networks' last run. */
itx_status distances_add(struct distances *d, struct itx_error *err);
void distances_release(struct distances *d);

/* A row for every pair; nothing when there is none. */
void distances_print(const struct distances *d, FILE *out);
/* [{"name", "cosine", "snr_db", "l1", "l2", "chebyshev"}, ...]; "snr_db" null: nothing differs. */
json_t *distances_json(const struct distances *d);

#endif
