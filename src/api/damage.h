/* SPDX-License-Identifier: Apache-2.0
 *
 * What rounding one group of values does to the network's outputs: the float network runs with these values alone
 * rounded to 8 bits. So neither the rounding of weights nor that of other values blurs the figure.
 */
#ifndef API_DAMAGE_H
#define API_DAMAGE_H

#include "api/judge.h"
#include "quant/quant.h"

/* Nothing is owned. The network's graph stays as it is. */
struct damage_setup {
    const struct network *network;
    const struct quant_stats *stats;
    const struct itx_build_options *options; /* for progress */
    const struct judge *judge;
    int n_photos; /* of the judge's */
    int n_threads;
};

struct damage {
    uint32_t group;                       /* of `groups` */
    const struct quant_range *thresholds; /* [values], as for quant_assign */
    double error;                         /* result: verdict.error */
};

/* Each is worked on by one thread; the results do not depend on the number of threads. */
itx_status damage_measure(struct damage *list, int n, const struct damage_setup *setup,
                          const struct quant_groups *groups, const char *stage,
                          struct itx_error *err);

#endif
