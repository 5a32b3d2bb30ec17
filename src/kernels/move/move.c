/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/move/move.h"

#include "base/compiler.h"
#include "base/cpu.h"
#include "kernels/move/move_rows.h"

static const struct move_row rows[] = {
#define X(suffix, flags) {"move__" #suffix, flags, move_run__##suffix},
#include "kernels/move/move.def"
#undef X
};

const struct move_row *move_rows(int *n)
{
    *n = (int)ARRAY_LEN(rows);
    return rows;
}

const struct move_row *move_choose(uint32_t cpu)
{
    const struct move_row *row = rows;
    while ((row->cpu & ~cpu) != 0) row++;
    return row;
}
