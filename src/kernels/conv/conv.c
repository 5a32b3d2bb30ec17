/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/conv/conv.h"

#include "base/compiler.h"
#include "base/cpu.h"
#include "kernels/conv/conv_rows.h"

static const struct conv_row rows[] = {
#define X(suffix, flags)                                                                           \
    {.name = "conv_s8_" #suffix,                                                                   \
     .cpu = (flags),                                                                               \
     .fits = conv_s8_fits_##suffix,                                                                \
     .packed_size = conv_s8_packed_size_##suffix,                                                  \
     .scratch_size = conv_s8_scratch_size_##suffix,                                                \
     .pack = conv_s8_pack_##suffix,                                                                \
     .run = conv_s8_run_##suffix},
#include "kernels/conv/conv.def"
#undef X
};

const struct conv_row *conv_rows(int *n)
{
    *n = (int)ARRAY_LEN(rows);
    return rows;
}

const struct conv_row *conv_choose(uint32_t cpu, const struct conv_shape *s)
{
    const struct conv_row *row = rows;
    while ((row->cpu & ~cpu) != 0 || !row->fits(s)) row++;
    return row;
}
