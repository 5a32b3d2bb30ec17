/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/lut/lut.h"

#include "base/compiler.h"
#include "base/cpu.h"
#include "kernels/lut/lut_rows.h"

static const struct lut_row rows[] = {
#define X(suffix, flags) {"lut_s8__" #suffix, flags, lut_s8_run__##suffix},
#include "kernels/lut/lut.def"
#undef X
};

const struct lut_row *lut_rows(int *n)
{
    *n = (int)ARRAY_LEN(rows);
    return rows;
}

const struct lut_row *lut_choose(uint32_t cpu)
{
    const struct lut_row *row = rows;
    while ((row->cpu & ~cpu) != 0) row++;
    return row;
}
