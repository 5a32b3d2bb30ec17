/* SPDX-License-Identifier: Apache-2.0
 *
 * Who writes where: a table of a plan's inputs and steps by the place of what they write.
 */
#ifndef PLAN_WRITERS_H
#define PLAN_WRITERS_H

#include "plan/plan.h"

/* A range of channels of one buffer and the step that writes it; -1: the caller, before the first step. */
struct plan_writer {
    uint32_t buffer, tensor;
    int step;
    uint64_t begin, end; /* bytes within a pixel */
};

/* Zero-initialised is valid and empty. */
struct plan_writers {
    struct plan_writer *items; /* ordered by buffer, then by place, then by step */
    int n_items;
    int *first; /* [n_buffers + 1], into items */
};

/* `from`: -1 for all, else only steps from that one on. Requires a plan whose tensors and indices are checked. */
itx_status plan_writers_find(struct plan_writers *w, const struct plan *plan, int from,
                             struct itx_error *err);
void plan_writers_release(struct plan_writers *w);

/* Items [*begin, *end) write to channels of the tensor: all those, where no two write to the same place. */
void plan_writers_of(const struct plan_writers *w, const struct plan_tensor *tensor, int *begin,
                     int *end);

#endif
