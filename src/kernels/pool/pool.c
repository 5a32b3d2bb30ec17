/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/pool/pool.h"

#include "base/compiler.h"
#include "base/cpu.h"
#include "kernels/pool/pool_rows.h"

static const struct pool_row rows[] = {
#define X(suffix, flags)                                                                           \
    {"maxpool_s8__" #suffix, flags, maxpool_s8_scratch_size__##suffix, maxpool_s8_run__##suffix},
#include "kernels/pool/pool.def"
#undef X
};

const struct pool_row *pool_rows(int *n)
{
    *n = (int)ARRAY_LEN(rows);
    return rows;
}

const struct pool_row *pool_choose(uint32_t cpu)
{
    const struct pool_row *row = rows;
    while ((row->cpu & ~cpu) != 0) row++;
    return row;
}
