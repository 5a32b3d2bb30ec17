/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/conv/conv_stem.h"

#include <string.h>

#include "base/mem.h"

enum { PIXEL = 4, CHANNELS = 3, GROUP_SIZE = 4 };

static int count_blocks(const struct conv_shape *s)
{
    return (s->out_c + STEM_BLOCK - 1) / STEM_BLOCK;
}

static size_t block_size(const struct stem_kernel *k)
{
    return (size_t)k->n_groups * STEM_BLOCK * GROUP_SIZE;
}

static size_t sums_size(const struct conv_shape *s)
{
    return (size_t)count_blocks(s) * STEM_BLOCK * sizeof(int32_t);
}

/* Input pixels. */
static int line_width(const struct conv_shape *s)
{
    return (s->out_w - 1) * s->stride_w + s->kernel_w;
}

static size_t line_size(const struct stem_kernel *k, const struct conv_shape *s)
{
    return size_align((size_t)(line_width(s) * k->line_pixel) + STEM_SLACK, 64);
}

static size_t pad_size(const struct conv_shape *s)
{
    return size_align((size_t)line_width(s) * PIXEL + 64, 64);
}

bool stem_fits(const struct conv_shape *s)
{
    return s->in_c == CHANNELS && s->in_pixel == PIXEL && s->kernel_h == 3 && s->kernel_w == 3 &&
           s->stride_w == 2 && s->dilation_w == 1 && s->upscale == 1 && !s->is_wide;
}

size_t stem_packed_size(const struct stem_kernel *k, const struct conv_shape *s)
{
    return (size_t)count_blocks(s) * block_size(k) + sums_size(s);
}

size_t stem_scratch_size(const struct stem_kernel *k, const struct conv_shape *s)
{
    return sums_size(s) + pad_size(s) + STEM_LINES * line_size(k, s);
}

void stem_pack(const struct stem_kernel *k, const struct conv_shape *s, const int8_t *w,
               void *packed)
{
    const size_t group = GROUP_SIZE / k->size;
    memset(packed, 0, stem_packed_size(k, s));
    uint8_t *const sums = (uint8_t *)packed + (size_t)count_blocks(s) * block_size(k);
    for (int o = 0; o < s->out_c; o++, w += STEM_TAPS) {
        uint8_t *const channel = (uint8_t *)packed + (size_t)(o / STEM_BLOCK) * block_size(k) +
                                 (size_t)(o % STEM_BLOCK) * GROUP_SIZE;
        int32_t sum = 0;
        for (size_t i = 0; i < (size_t)k->n_groups * group; i++) {
            if (k->taps[i] < 0) continue;
            const int16_t weight = w[k->taps[i]];
            uint8_t *const to = channel + i / group * STEM_BLOCK * GROUP_SIZE + i % group * k->size;
            memcpy(to, k->size == 1 ? (const void *)&w[k->taps[i]] : &weight, k->size);
            sum += weight;
        }
        sum *= k->w_offset;
        memcpy(sums + (size_t)o * sizeof sum, &sum, sizeof sum);
    }
}

static void set_init(const struct stem_run *r, int32_t *init)
{
    const struct conv_shape *const s = &r->params->shape;
    const size_t at = (size_t)count_blocks(s) * block_size(r->kernel);
    memcpy(init, (const uint8_t *)r->params->packed + at, sums_size(s));
    for (int o = 0; o < s->out_c; o++)
        init[o] = (int32_t)((uint32_t)init[o] + (uint32_t)r->params->bias[o]);
}

static int clamp(int v, int low, int high)
{
    return v < low ? low : v > high ? high : v;
}

/* The lines of output row y. */
static void fill_lines(const struct stem_run *r, int y, const uint8_t *pad, uint8_t *lines)
{
    const struct conv_shape *const s = &r->params->shape;
    const int width = line_width(s);
    const int begin = clamp(s->pad_left, 0, width);
    const int end = clamp(s->pad_left + s->in_w, begin, width);
    const uint8_t *const pads[3] = {pad, pad, pad};
    const uint8_t *rows[3];
    for (int i = 0; i < 3; i++) {
        const int in_y = y * s->stride_h - s->pad_top + i * s->dilation_h;
        const size_t first = (size_t)in_y * (size_t)s->in_w + (size_t)(begin - s->pad_left);
        rows[i] = in_y >= 0 && in_y < s->in_h ? r->in + first * PIXEL : pad;
    }
    r->kernel->fill(lines, line_size(r->kernel, s), 0, pads, begin);
    r->kernel->fill(lines, line_size(r->kernel, s), begin, rows, end - begin);
    r->kernel->fill(lines, line_size(r->kernel, s), end, pads, width - end);
}

/* 16 channels of an output row, whose first pixel and channel `tile` is at. */
static void run_block(const struct stem_run *r, struct epilogue_tile *tile, struct stem_dot *dot)
{
    const int out_w = r->params->shape.out_w;
    for (dot->x = 0; dot->x < out_w; dot->x += dot->n_px) {
        dot->n_px = out_w - dot->x < STEM_TILE ? out_w - dot->x : STEM_TILE;
        r->kernel->dot(dot);
        tile->n_px = dot->n_px;
        r->kernel->epilogue(&r->params->epilogue, tile);
        if (tile->res != NULL) tile->res += (size_t)tile->n_px * tile->res_step;
        tile->out += (size_t)tile->n_px * tile->out_step;
    }
}

void stem_rows(const struct stem_run *r, int row_begin, int row_end, void *scratch)
{
    const struct conv_shape *const s = &r->params->shape;
    const size_t out_size = epilogue_out_size(&r->params->epilogue);
    const size_t out_step = (size_t)s->out_pixel * out_size;
    const size_t res_size = epilogue_res_size(&r->params->epilogue);
    const size_t res_step = (size_t)s->res_pixel * res_size;
    _Alignas(64) int32_t acc[STEM_TILE * STEM_BLOCK];
    int32_t *const init = scratch;
    uint8_t *const pad = (uint8_t *)scratch + sums_size(s), *const lines = pad + pad_size(s);
    set_init(r, init);
    for (int x = 0; x < line_width(s); x++)
        memcpy(pad + (size_t)x * PIXEL, r->params->pad, CHANNELS);
    for (int y = row_begin; y < row_end; y++) {
        const size_t row = (size_t)y * ((size_t)s->out_w + (size_t)s->out_skip);
        fill_lines(r, y, pad, lines);
        for (int c = 0; c < s->out_c; c += STEM_BLOCK) {
            const size_t block = (size_t)(c / STEM_BLOCK) * block_size(r->kernel);
            struct stem_dot dot = {
                .lines = lines,
                .line_size = line_size(r->kernel, s),
                .weights = (const uint8_t *)r->params->packed + block,
                .init = init + c,
                .acc = acc,
            };
            struct epilogue_tile tile = {
                .acc = acc,
                .acc_step = STEM_BLOCK,
                .n_channels = s->out_c - c < STEM_BLOCK ? s->out_c - c : STEM_BLOCK,
                .c0 = c,
                .res = r->res != NULL ? r->res + row * res_step + (size_t)c * res_size : NULL,
                .out = r->out + row * out_step + (size_t)c * out_size,
                .res_step = res_step,
                .out_step = out_step,
            };
            run_block(r, &tile, &dot);
        }
    }
}
