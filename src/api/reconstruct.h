/* SPDX-License-Identifier: Apache-2.0
 *
 * A plan's weights rounded anew so that every convolution comes close to the float network's sums on photographs
 * (quant/rounding.h), in the order of the plan's steps: each sees inputs that the steps before it, already rounded
 * anew, make.
 */
#ifndef API_RECONSTRUCT_H
#define API_RECONSTRUCT_H

#include "api/network.h"
#include "base/arena.h"
#include "intarsia/compiler.h"
#include "plan/plan.h"
#include "quant/rounding.h"

struct reconstruct_options {
    int max_photos; /* of the calibration pictures, spread evenly; fewer where they need too much memory */
    int n_positions; /* of each convolution's output that are looked at, in all photos together; fewer likewise */
    int object_weight; /* how much denser positions lie at objects that the network finds, [1, 255] */
    struct rounding_options rounding;
};
#define RECONSTRUCT_OPTIONS_INIT                                                                   \
    {                                                                                              \
        64, 9600, 8,                                                                               \
        {                                                                                          \
            0.01f, 0.3f, 8, 2, 2304                                                                \
        }                                                                                          \
    }

/* `plan` was lowered from n->graph and lies in `arena`, where its new arrays are put. Photos in parallel, each on one
 * thread; the result does not depend on their number. Pictures that cannot be read are left out. */
itx_status reconstruct(struct plan *plan, struct arena *arena, const struct network *n,
                       const struct itx_build_options *o, int n_threads,
                       const struct reconstruct_options *opt, struct itx_error *err);

#endif
