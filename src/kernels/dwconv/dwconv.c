/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/dwconv/dwconv.h"

#include "base/compiler.h"
#include "base/cpu.h"
#include "kernels/dwconv/dwconv_rows.h"

static const struct dwconv_row rows[] = {
#define X(suffix, flags)                                                                           \
    {.name = "dwconv_s8_" #suffix,                                                                 \
     .cpu = (flags),                                                                               \
     .fits = dwconv_s8_fits_##suffix,                                                              \
     .packed_size = dwconv_s8_packed_size_##suffix,                                                \
     .scratch_size = dwconv_s8_scratch_size_##suffix,                                              \
     .pack = dwconv_s8_pack_##suffix,                                                              \
     .run = dwconv_s8_run_##suffix},
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
    const struct dwconv_row *row = rows;
    while ((row->cpu & ~cpu) != 0 || !row->fits(s)) row++;
    return row;
}
