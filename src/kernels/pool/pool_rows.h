/* SPDX-License-Identifier: Apache-2.0
 *
 * The functions behind the rows of pool.def; for this folder only. Contracts: pool.h.
 */
#ifndef KERNELS_POOL_POOL_ROWS_H
#define KERNELS_POOL_POOL_ROWS_H

#include "kernels/pool/pool.h"

#define X(suffix, flags)                                                                           \
    size_t maxpool_s8_scratch_size__##suffix(const struct pool_shape *s);                          \
    void maxpool_s8_run__##suffix(const struct pool_shape *s, const void *in, void *out,           \
                                  int row_begin, int row_end, void *scratch);
#include "kernels/pool/pool.def"
#undef X

#endif
