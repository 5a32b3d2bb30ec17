/* SPDX-License-Identifier: Apache-2.0
 *
 * How near the int8 program comes to the float network, tensor by tensor: with everything before a tensor quantised,
 * and with only the step that makes it.
 */
#ifndef API_COMPARE_H
#define API_COMPARE_H

#include "api/network.h"
#include "base/closeness.h"
#include "intarsia/compiler.h"
#include "plan/plan.h"

/* Of one tensor of the plan. */
struct comparison {
    value_id value;         /* of the graph that it holds, 0: none */
    struct closeness whole; /* the program as it runs */
    struct closeness
        alone; /* its step run by itself, on the float network's values rounded to the scales of the
                             * tensors it reads */
    double
        rounding_square; /* squared error when float values are stored in the tensor and nothing else happens */
    double
        stored_square; /* sum of what is then stored, squared: steps of the scale, zero point taken off */
    uint64_t n_stored, n_clipped; /* float values outside the tensor's thresholds */
};

/* Runs up to `n_photos` of the calibration pictures through float network and program; *out [plan->n_tensors],
 * mem_free. What no step makes has n == 0. The result does not depend on n_threads. */
itx_status compare_network(struct comparison **out, const struct network *n,
                           const struct plan *plan, const struct itx_build_options *o,
                           int n_threads, int n_photos, struct itx_error *err);

#endif
