/* SPDX-License-Identifier: Apache-2.0
 *
 * From the tensors of a plan's outputs to the real numbers that they stand for. Pure.
 */
#ifndef API_OUTPUT_H
#define API_OUTPUT_H

#include "plan/plan.h"

/* Pixels [begin, end) of the tensor's h * w, to [h, w, c] without gaps: (stored - zero point) * scale. Integers only. */
void output_write_real(const struct plan_tensor *t, const void *tensor, float *to, int begin,
                       int end);

#endif
