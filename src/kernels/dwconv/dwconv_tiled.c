/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/dwconv/dwconv_tiled.h"

#include <string.h>

#include "base/mem.h"

static int count_blocks(const struct dwconv_kernel *k, const struct conv_shape *s)
{
    return (s->in_c + k->element.group - 1) / k->element.group;
}

static int count_pairs(const struct conv_shape *s)
{
    return (s->kernel_h * s->kernel_w + 1) / 2;
}

/* s16 in a block. */
static size_t block_len(const struct dwconv_kernel *k, const struct conv_shape *s)
{
    return (size_t)count_pairs(s) * 2 * (size_t)k->element.group;
}

size_t dwconv_tiled_packed_size(const struct dwconv_kernel *k, const struct conv_shape *s)
{
    return (size_t)count_blocks(k, s) * block_len(k, s) * sizeof(int16_t);
}

static size_t taps_size(const struct conv_shape *s)
{
    return size_align((size_t)count_pairs(s) * 2 * sizeof(uint8_t *), 64);
}

size_t dwconv_tiled_scratch_size(const struct dwconv_kernel *k, const struct conv_shape *s)
{
    return taps_size(s) + conv_lines_size(s, &k->element);
}

void dwconv_tiled_pack(const struct dwconv_kernel *k, const struct conv_shape *s, const int8_t *w,
                       void *packed)
{
    const int lanes = k->element.group, n_taps = s->kernel_h * s->kernel_w;
    memset(packed, 0, dwconv_tiled_packed_size(k, s));
    for (int c = 0; c < s->in_c; c++) {
        int16_t *const block = (int16_t *)packed + (size_t)(c / lanes) * block_len(k, s);
        /* unpacking takes four channels of every eight into the low vector, four into the high one */
        const int in_block = c % lanes, is_high = in_block / 4 % 2;
        const int slot = is_high * lanes + (in_block / 8 * 4 + in_block % 4) * 2;
        for (int tap = 0; tap < n_taps; tap++)
            block[tap / 2 * 2 * lanes + slot + tap % 2] =
                w[(size_t)tap * (size_t)s->in_c + (size_t)c];
    }
}

/* Sets the pointers of the taps; an odd last one stands twice. */
static void set_taps(const struct conv_lines *l, const struct conv_shape *s, const uint8_t **taps)
{
    const size_t tap_size = (size_t)l->channels * l->element->size * (size_t)s->dilation_w;
    const int n_taps = s->kernel_h * s->kernel_w, columns = l->runs.n_segments / s->kernel_h;
    for (int i = 0; i < 2 * count_pairs(s); i++) {
        const int tap = i < n_taps ? i : n_taps - 1;
        const uint8_t *const line = l->runs.segment[tap / s->kernel_w * columns];
        taps[i] = line + (size_t)(tap % s->kernel_w) * tap_size;
    }
}

/* One block of channels of an output row; res and out are at its first pixel and channel. */
static void run_block(const struct dwconv_tiled_run *r, const struct dwconv_dot *block,
                      const struct epilogue_tile *row)
{
    const struct dwconv_kernel *const k = r->kernel;
    const int out_w = r->params->shape.out_w;
    struct dwconv_dot dot = *block;
    struct epilogue_tile tile = *row;
    for (int x = 0; x < out_w; x += tile.n_px) {
        tile.n_px = out_w - x < k->tile_px ? out_w - x : k->tile_px;
        dot.acc = block->acc;
        for (int p = 0, n; p < tile.n_px; p += n) {
            n = tile.n_px - p < DWCONV_MAX_PX ? tile.n_px - p : DWCONV_MAX_PX;
            k->dots[n](&dot);
            dot.at += (size_t)n * dot.step;
            dot.acc += n * k->element.group;
        }
        k->epilogue(&r->params->epilogue, &tile);
        if (tile.res != NULL) tile.res += (size_t)tile.n_px * tile.res_step;
        tile.out += (size_t)tile.n_px * tile.out_step;
    }
}

void dwconv_tiled_rows(const struct dwconv_tiled_run *r, int row_begin, int row_end, void *scratch)
{
    const struct dwconv_kernel *const k = r->kernel;
    const struct conv_shape *const s = &r->params->shape;
    const size_t out_size = epilogue_out_size(&r->params->epilogue);
    const size_t out_step = (size_t)s->out_pixel * out_size;
    const size_t res_size = epilogue_res_size(&r->params->epilogue);
    const size_t res_step = (size_t)s->res_pixel * res_size;
    const int lanes = k->element.group;
    _Alignas(64) int32_t acc[DWCONV_MAX_TILE * DWCONV_MAX_LANES];
    const uint8_t **const taps = scratch;
    struct conv_lines lines;
    conv_lines_init(&lines, r->params, &k->element, row_begin, (uint8_t *)scratch + taps_size(s));
    for (int y = row_begin; y < row_end; y++) {
        conv_lines_seek(&lines, r->params, r->in, y);
        set_taps(&lines, s, taps);
        const size_t row = (size_t)y * ((size_t)s->out_w + (size_t)s->out_skip);
        for (int c = 0; c < s->in_c; c += lanes) {
            const struct dwconv_dot dot = {
                .taps = taps,
                .at = (size_t)c * k->element.size,
                .step = lines.runs.step,
                .n_pairs = count_pairs(s),
                .weights =
                    (const int16_t *)r->params->packed + (size_t)(c / lanes) * block_len(k, s),
                .bias = r->params->bias + c,
                .acc = acc,
            };
            const struct epilogue_tile tile = {
                .acc = acc,
                .acc_step = lanes,
                .n_channels = s->in_c - c < lanes ? s->in_c - c : lanes,
                .c0 = c,
                .res = r->res != NULL ? r->res + row * res_step + (size_t)c * res_size : NULL,
                .out = r->out + row * out_step + (size_t)c * out_size,
                .res_step = res_step,
                .out_step = out_step,
            };
            run_block(r, &dot, &tile);
        }
    }
}
