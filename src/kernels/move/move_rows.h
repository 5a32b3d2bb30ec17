/* SPDX-License-Identifier: Apache-2.0
 *
 * The functions behind the rows of move.def; for this folder only. Contracts: move.h.
 */
#ifndef KERNELS_MOVE_MOVE_ROWS_H
#define KERNELS_MOVE_MOVE_ROWS_H

#include "kernels/move/move.h"

#define X(suffix, flags)                                                                           \
    void move_run__##suffix(const struct move_shape *s, const void *in, void *out, int row_begin,  \
                            int row_end);
#include "kernels/move/move.def"
#undef X

#endif
