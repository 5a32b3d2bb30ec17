/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/add/add.h"

#include "base/compiler.h"
#include "base/cpu.h"
#include "kernels/add/add_rows.h"

static const struct add_row rows[] = {
#define X(suffix, flags) {"add_s8__" #suffix, flags, add_s8_run__##suffix},
#include "kernels/add/add.def"
#undef X
};

const struct add_row *add_rows(int *n)
{
    *n = (int)ARRAY_LEN(rows);
    return rows;
}

const struct add_row *add_choose(uint32_t cpu)
{
    const struct add_row *row = rows;
    while ((row->cpu & ~cpu) != 0) row++;
    return row;
}
