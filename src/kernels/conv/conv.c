/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/conv/conv.h"

#include "base/compiler.h"
#include "base/cpu.h"
#include "kernels/conv/conv_rows.h"

static uint64_t products_direct(const struct conv_shape *s)
{
    const uint64_t grid = s->upscale > 1 ? (uint64_t)s->in_h * (uint64_t)s->in_w
                                         : (uint64_t)s->out_h * (uint64_t)s->out_w;
    return grid * (uint64_t)(s->kernel_h * s->kernel_w) * (uint64_t)s->in_c * (uint64_t)s->out_c;
}

#if HAVE_X86 /* whose rows alone are Winograd's */
/* Tiles of so many rows and columns of outputs, (tile + 2)^2 products for each pair of channels. */
static uint64_t products_tiles(const struct conv_shape *s, uint64_t tile)
{
    const uint64_t n_rows = ((uint64_t)s->out_h + tile - 1) / tile;
    const uint64_t n_columns = ((uint64_t)s->out_w + tile - 1) / tile;
    return n_rows * n_columns * (tile + 2) * (tile + 2) * (uint64_t)s->in_c * (uint64_t)s->out_c;
}

static uint64_t products_winograd4(const struct conv_shape *s)
{
    return products_tiles(s, 4);
}

static uint64_t products_winograd2(const struct conv_shape *s)
{
    return products_tiles(s, 2);
}
#endif

static const struct conv_row rows[] = {
#define X(suffix, flags, count, kind)                                                              \
    {.name = "conv_s8_" #suffix,                                                                   \
     .cpu = (flags),                                                                               \
     .products = products_##count,                                                                 \
     .operands = (kind),                                                                           \
     .fits = conv_s8_fits_##suffix,                                                                \
     .packed_size = conv_s8_packed_size_##suffix,                                                  \
     .scratch_size = conv_s8_scratch_size_##suffix,                                                \
     .pack = conv_s8_pack_##suffix,                                                                \
     .run = conv_s8_run_##suffix},
#include "kernels/conv/conv.def"
#undef X
};

struct conv_shape conv_columns(const struct conv_shape *s, int begin, int end)
{
    struct conv_shape part = *s;
    part.out_w = (end - begin) * s->upscale;
    part.out_skip = s->out_w - part.out_w;
    part.pad_left = s->pad_left - begin * s->stride_w;
    return part;
}

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
