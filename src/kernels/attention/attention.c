/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/attention/attention.h"

#include "base/compiler.h"
#include "base/cpu.h"
#include "kernels/attention/attention_rows.h"

static const struct attention_row rows[] = {
#define X(suffix, flags)                                                                           \
    {"attention_s8__" #suffix,           flags,                                                    \
     attention_s8_shared_size__##suffix, attention_s8_scratch_size__##suffix,                      \
     attention_s8_prepare__##suffix,     attention_s8_run__##suffix},
#include "kernels/attention/attention.def"
#undef X
};

const struct attention_row *attention_rows(int *n)
{
    *n = (int)ARRAY_LEN(rows);
    return rows;
}

const struct attention_row *attention_choose(uint32_t cpu)
{
    const struct attention_row *row = rows;
    while ((row->cpu & ~cpu) != 0) row++;
    return row;
}
