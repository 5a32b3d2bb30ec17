/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/dwconv/dwconv.h"

#include "base/compiler.h"
#include "base/cpu.h"
#include "kernels/dwconv/dwconv_rows.h"

static const struct dwconv_row rows[] = {
#define X(suffix, flags)                                                                           \
    {"dwconv_s8_" #suffix,           flags,                                                        \
     dwconv_s8_packed_size_##suffix, dwconv_s8_scratch_size_##suffix,                              \
     dwconv_s8_pack_##suffix,        dwconv_s8_run_##suffix},
#include "kernels/dwconv/dwconv.def"
#undef X
};

const struct dwconv_row *dwconv_rows(int *n)
{
    *n = (int)ARRAY_LEN(rows);
    return rows;
}

const struct dwconv_row *dwconv_choose(uint32_t cpu, const struct conv_shape *s)
{
    (void)s;
    const struct dwconv_row *row = rows;
    while ((row->cpu & ~cpu) != 0) row++;
    return row;
}
