/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/dwconv/dwconv_3x3.h"

#include <string.h>

#include "base/mem.h"

enum { TAPS = 3, BLOCK = DWCONV_3X3_BLOCK, CELL = DWCONV_3X3_CELL };

/* Lines of cells of a block; each holds 4 / n rows. */
static int count_lines(const struct dwconv_3x3_kernel *k)
{
    return (int)k->size; /* quads of bytes, pairs of s16 */
}

static int count_blocks(const struct conv_shape *s)
{
    return (s->in_c + BLOCK - 1) / BLOCK;
}

static size_t block_size(const struct dwconv_3x3_kernel *k)
{
    return (size_t)count_lines(k) * TAPS * 2 * CELL;
}

static size_t sums_size(const struct conv_shape *s)
{
    return (size_t)count_blocks(s) * BLOCK * sizeof(int32_t);
}

static int line_width(const struct conv_shape *s)
{
    return s->out_w + TAPS - 1;
}

static size_t line_size(const struct conv_shape *s)
{
    return (size_t)line_width(s) * CELL;
}

static dwconv_3x3_interleave_fn *interleave_of(const struct dwconv_3x3_kernel *k,
                                               const struct conv_shape *s)
{
    return s->is_wide ? k->interleave_wide : k->interleave;
}

bool dwconv_3x3_fits(const struct dwconv_3x3_kernel *k, const struct conv_shape *s)
{
    return s->kernel_h == TAPS && s->kernel_w == TAPS && s->stride_h == 1 && s->stride_w == 1 &&
           s->dilation_h == 1 && s->dilation_w == 1 && interleave_of(k, s) != NULL;
}

size_t dwconv_3x3_packed_size(const struct dwconv_3x3_kernel *k, const struct conv_shape *s)
{
    return (size_t)count_blocks(s) * block_size(k) + sums_size(s);
}

size_t dwconv_3x3_scratch_size(const struct dwconv_3x3_kernel *k, const struct conv_shape *s)
{
    return sums_size(s) + (size_t)(k->group / BLOCK * count_lines(k)) * line_size(s);
}

static void store_weight(uint8_t *to, int8_t w, size_t size)
{
    const int16_t word = w;
    if (size == 1)
        memcpy(to, &w, 1);
    else
        memcpy(to, &word, 2);
}

void dwconv_3x3_pack(const struct dwconv_3x3_kernel *k, const struct conv_shape *s, const int8_t *w,
                     void *packed)
{
    const int n_lines = count_lines(k), n_rows = 4 / n_lines;
    memset(packed, 0, dwconv_3x3_packed_size(k, s));
    uint8_t *const sums = (uint8_t *)packed + (size_t)count_blocks(s) * block_size(k);
    for (int c = 0; c < s->in_c; c++) {
        uint8_t *const block = (uint8_t *)packed + (size_t)(c / BLOCK) * block_size(k);
        int32_t sum = 0;
        for (int i = 0; i < TAPS; i++) {
            for (int j = 0; j < TAPS; j++) {
                const int8_t weight = w[(size_t)(i * TAPS + j) * (size_t)s->in_c + (size_t)c];
                sum += weight;
                for (int r = 0; r < 2; r++) { /* tap i of output row r is input row i + r */
                    const int line = (i + r) / n_rows, row = (i + r) % n_rows;
                    uint8_t *const cell = block + ((line * TAPS + j) * 2 + r) * CELL;
                    store_weight(cell + (size_t)(c % BLOCK * n_rows + row) * k->size, weight,
                                 k->size);
                }
            }
        }
        sum *= k->w_offset;
        memcpy(sums + (size_t)c * sizeof sum, &sum, sizeof sum);
    }
}

static void set_init(const struct dwconv_3x3_run *r, int32_t *init)
{
    const struct conv_shape *const s = &r->params->shape;
    const size_t at = (size_t)count_blocks(s) * block_size(r->kernel);
    memcpy(init, (const uint8_t *)r->params->packed + at, sums_size(s));
    for (int c = 0; c < s->in_c; c++)
        init[c] = (int32_t)((uint32_t)init[c] + (uint32_t)r->params->bias[c]);
}

static int clamp(int v, int low, int high)
{
    return v < low ? low : v > high ? high : v;
}

/* The lines of the group from channel c for output rows y and y + 1. */
static void fill_lines(const struct dwconv_3x3_run *r, int y, int c, uint8_t *lines)
{
    const struct conv_shape *const s = &r->params->shape;
    dwconv_3x3_interleave_fn *const interleave = interleave_of(r->kernel, s);
    const size_t in_size = s->is_wide ? 2 : 1, pixel = (size_t)s->in_pixel * in_size;
    const uint8_t *const pad = (const uint8_t *)r->params->pad + (size_t)c * in_size;
    const uint8_t *const pads[4] = {pad, pad, pad, pad};
    const size_t no_step[4] = {0};
    const int width = line_width(s);
    const int begin = clamp(s->pad_left, 0, width);
    const int end = clamp(s->pad_left + s->in_w, begin, width);
    const uint8_t *from[4];
    size_t step[4];
    for (int i = 0; i < 4; i++) {
        const int in_y = y - s->pad_top + i;
        const bool is_inside = in_y >= 0 && in_y < s->in_h;
        const size_t first = (size_t)(begin - s->pad_left);
        from[i] = is_inside ? r->in + ((size_t)in_y * (size_t)s->in_w + first) * pixel +
                                  (size_t)c * in_size
                            : pad;
        step[i] = is_inside ? pixel : 0;
    }
    interleave(lines, line_size(s), pads, no_step, begin);
    interleave(lines + (size_t)begin * CELL, line_size(s), from, step, end - begin);
    interleave(lines + (size_t)end * CELL, line_size(s), pads, no_step, width - end);
}

/* A group of channels of one or two output rows, whose first pixel and channel `rows` are at. */
static void run_group(const struct dwconv_3x3_run *r, struct epilogue_tile rows[2], int n_rows,
                      const int32_t *init, const uint8_t *lines)
{
    const struct dwconv_3x3_kernel *const k = r->kernel;
    const struct conv_shape *const s = &r->params->shape;
    const int c = rows[0].c0, n_channels = (rows[0].n_channels + BLOCK - 1) / BLOCK * BLOCK;
    const int most = DWCONV_3X3_MAX_ACC / n_channels / k->max_px * k->max_px;
    const size_t block_lines = (size_t)count_lines(k) * line_size(s);
    _Alignas(64) int32_t acc[2 * DWCONV_3X3_MAX_ACC];
    for (int x = 0, n; x < s->out_w; x += n) {
        n = s->out_w - x < most ? s->out_w - x : most;
        for (int b = 0; b < n_channels; b += BLOCK) {
            struct dwconv_3x3_dot dot = {
                .cells = lines + (size_t)(b / BLOCK) * block_lines + (size_t)x * CELL,
                .line_size = line_size(s),
                .weights =
                    (const uint8_t *)r->params->packed + (size_t)((c + b) / BLOCK) * block_size(k),
                .init = init + c + b,
                .acc = acc + b,
                .acc_step = (size_t)n_channels,
                .acc_row = DWCONV_3X3_MAX_ACC,
            };
            for (int p = 0, n_px; p < n; p += n_px) {
                n_px = n - p < k->max_px ? n - p : k->max_px;
                k->dots[n_px](&dot);
                dot.cells += (size_t)n_px * CELL;
                dot.acc += (size_t)n_px * dot.acc_step;
            }
        }
        for (int i = 0; i < n_rows; i++) {
            rows[i].acc = acc + i * DWCONV_3X3_MAX_ACC;
            rows[i].acc_step = n_channels;
            rows[i].n_px = n;
            k->epilogue(&r->params->epilogue, &rows[i]);
            if (rows[i].res != NULL) rows[i].res += (size_t)n * rows[i].res_step;
            rows[i].out += (size_t)n * rows[i].out_step;
        }
    }
}

void dwconv_3x3_rows(const struct dwconv_3x3_run *r, int row_begin, int row_end, void *scratch)
{
    const struct dwconv_3x3_kernel *const k = r->kernel;
    const struct conv_shape *const s = &r->params->shape;
    const size_t out_size = epilogue_out_size(&r->params->epilogue);
    const size_t out_step = (size_t)s->out_pixel * out_size;
    const size_t res_size = epilogue_res_size(&r->params->epilogue);
    const size_t res_step = (size_t)s->res_pixel * res_size;
    int32_t *const init = scratch;
    uint8_t *const lines = (uint8_t *)scratch + sums_size(s);
    set_init(r, init);
    for (int y = row_begin; y < row_end; y += 2) {
        const int n_rows = row_end - y < 2 ? 1 : 2;
        for (int c = 0; c < s->in_c; c += k->group) {
            struct epilogue_tile rows[2];
            for (int i = 0; i < n_rows; i++) {
                const size_t at = (size_t)(y + i) * ((size_t)s->out_w + (size_t)s->out_skip);
                rows[i] = (struct epilogue_tile){
                    .n_channels = s->in_c - c < k->group ? s->in_c - c : k->group,
                    .c0 = c,
                    .res = r->res != NULL ? r->res + at * res_step + (size_t)c * res_size : NULL,
                    .out = r->out + at * out_step + (size_t)c * out_size,
                    .res_step = res_step,
                    .out_step = out_step,
                };
            }
            fill_lines(r, y, c, lines);
            run_group(r, rows, n_rows, init, lines);
        }
    }
}
