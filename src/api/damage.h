/* SPDX-License-Identifier: Apache-2.0
 *
 * What rounding one group of values does to the network's outputs: the float network runs with these values alone
 * rounded to 8 bits. So neither the rounding of weights nor that of other values blurs the figure.
 */
#ifndef API_DAMAGE_H
#define API_DAMAGE_H

#include "api/trials.h"

struct damage {
    uint32_t group;                       /* of `groups` */
    const struct quant_range *thresholds; /* [values], as for quant_assign */
    double error;                         /* result: verdict.error */
};

/* One damage a thread at a time, on t->n_photos photos; the results do not depend on the number of threads. */
itx_status damage_measure(struct damage *list, int n, const struct trials *t,
                          const struct quant_groups *groups, const char *stage,
                          struct itx_error *err);

#endif
