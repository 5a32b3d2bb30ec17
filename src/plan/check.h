/* SPDX-License-Identifier: Apache-2.0
 *
 * The two halves of plan_check; for this folder only. The reader runs the first before it knows how long the arrays
 * must be, and the second when they are in place.
 */
#ifndef PLAN_CHECK_H
#define PLAN_CHECK_H

#include "plan/plan.h"

/* Everything but the contents of arrays: counts, texts, indices, places, shapes, order. */
itx_status plan_check_structure(const struct plan *plan, struct itx_error *err);
/* Arrays are present where they should be and their numbers are within their limits. Requires the first half. */
itx_status plan_check_numbers(const struct plan *plan, struct itx_error *err);

/* Parts of the first half. One step, whose tensors are checked already: kind, indices, shapes. */
itx_status check_step(const struct plan *plan, const struct plan_step *step, struct itx_error *err);
/* Places in the arena and the order of writing and reading. Requires all else of the structure. */
itx_status check_memory(const struct plan *plan, struct itx_error *err);

/* "step 12 (Conv 'name')": the prefix of what is wrong with one. */
#define CHECK_STEP_PREFIX "step %d (%s '%s')"

#endif
