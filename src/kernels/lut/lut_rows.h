/* SPDX-License-Identifier: Apache-2.0
 *
 * The functions behind the rows of lut.def; for this folder only. Contracts: lut.h.
 */
#ifndef KERNELS_LUT_LUT_ROWS_H
#define KERNELS_LUT_LUT_ROWS_H

#include "kernels/lut/lut.h"

#define X(suffix, flags)                                                                           \
    void lut_s8_run__##suffix(const struct lut_params *p, const int8_t *in, int8_t *out,           \
                              int row_begin, int row_end);
#include "kernels/lut/lut.def"
#undef X

#endif
