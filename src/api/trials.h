/* SPDX-License-Identifier: Apache-2.0
 *
 * Ways to quantise one network, each compiled with plainly rounded weights and judged, in parallel.
 */
#ifndef API_TRIALS_H
#define API_TRIALS_H

#include "api/judge.h"
#include "lower/lower.h"
#include "quant/quant.h"

/* Where compiled trials come from; nothing is owned. The network's graph stays as it is. */
struct trials {
    const struct network *network;
    const struct quant_stats *stats;
    const struct lower_options *lower;
    const struct itx_build_options *options; /* for progress */
    const struct judge *judge;
    int n_photos; /* of the judge's, that each is judged on */
    int n_threads;
};

struct variant {
    const struct quant_range *thresholds; /* [values], as for quant_assign */
    const bool *wide;                     /* [values], likewise */
};

/* The checked plan of a variant; its arrays are allocated in `arena`. */
itx_status trial_compile(struct plan *plan, struct arena *arena, const struct trials *t,
                         const struct variant *v, struct itx_error *err);

/* verdicts[i] is on variants[i]; each is worked on by one thread, so that the results do not depend on their number. */
itx_status trials_run(const struct trials *t, const struct variant *variants, int n,
                      struct verdict *verdicts, const char *stage, struct itx_error *err);

#endif
