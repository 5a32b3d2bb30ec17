/* SPDX-License-Identifier: Apache-2.0
 *
 * From bytes of a picture, or numbers, to the tensors of a plan's inputs. Shared by sessions and the compiler, so that
 * both see the same bytes.
 */
#ifndef API_INPUT_H
#define API_INPUT_H

#include "kernels/image/image.h"
#include "plan/plan.h"

/* Rows [begin, end) of a picture [h, w, 3], R first, rows `stride` bytes apart, of the size of the plan's first input,
 * which is a picture. */
void input_write_rows(const struct plan *plan, const struct image_row *kernels, const uint8_t *rgb,
                      size_t stride, void *tensor, int begin, int end);

/* Pixels [begin, end) of the tensor's h * w from x [c, h, w]: stored = rne(x / scale) + zero_point within the type's
 * range; what is not a number becomes the smallest. In the floating-point environment of base/float_mode.h. */
void input_write_numbers(const struct plan_tensor *t, const float *x, void *tensor, int begin,
                         int end);

/* The same of integers of the tensor's type, which are stored as they are. */
void input_write_stored(const struct plan_tensor *t, const void *x, void *tensor, int begin,
                        int end);

#endif
