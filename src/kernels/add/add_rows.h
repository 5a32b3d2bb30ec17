/* SPDX-License-Identifier: Apache-2.0
 *
 * The functions behind the rows of add.def; for this folder only. Contracts: add.h.
 */
#ifndef KERNELS_ADD_ADD_ROWS_H
#define KERNELS_ADD_ADD_ROWS_H

#include "kernels/add/add.h"

#define X(suffix, flags)                                                                           \
    void add_s8_run__##suffix(const struct add_params *p, const void *a, const void *b, void *out, \
                              int row_begin, int row_end);
#include "kernels/add/add.def"
#undef X

#endif
