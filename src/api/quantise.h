/* SPDX-License-Identifier: Apache-2.0
 *
 * From statistics to a plan: thresholds, which values get 16 bits, weights. What is tried depends on the effort.
 */
#ifndef API_QUANTISE_H
#define API_QUANTISE_H

#include "api/choose.h"
#include "lower/lower.h"

struct quantise_input {
    struct network *network;
    const struct quant_stats *stats;
    const struct quant_options *quant;
    bool refine_thresholds; /* by trials */
    const struct lower_options *lower;
    const struct itx_build_options *options;
    int n_threads;
};

struct quantised {
    struct choice choice;
    int n_judged; /* calibration photos that the verdict is about; 0: there is none */
    struct verdict verdict;
};

/* Sets value.quant in the network's graph; the plan is checked, its arrays are allocated in `arena`, which is empty before.
 * *result is released by the caller, also after a failure. */
itx_status quantise_network(struct plan *plan, struct arena *arena, struct quantised *result,
                            const struct quantise_input *in, struct itx_error *err);
void quantised_release(struct quantised *result);

#endif
