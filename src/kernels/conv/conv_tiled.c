/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/conv/conv_tiled.h"

#include <string.h>

#include "base/mem.h"

static int count_phases(const struct conv_shape *s)
{
    return s->upscale * s->upscale;
}

static int count_vectors(const struct conv_kernel *k, const struct conv_shape *s)
{
    return (s->out_c + k->lanes - 1) / k->lanes;
}

/* Vectors in the block that begins with `left` vectors to go. */
static int block_of(const struct conv_kernel *k, int left)
{
    int block = k->max_block;
    while (block > left) block /= 2;
    return block;
}

/* Bytes of one s32 for each channel. */
static size_t sums_size(const struct conv_kernel *k, const struct conv_shape *s)
{
    return size_align((size_t)(count_vectors(k, s) * k->lanes) * sizeof(int32_t), 64);
}

/* Bytes of one phase's weights, and with the sums behind them. */
static size_t weights_size(const struct conv_kernel *k, const struct conv_shape *s)
{
    const size_t depth = (size_t)conv_lines_depth(s, k->element.group);
    return size_align((size_t)(count_vectors(k, s) * k->lanes) * depth * k->element.size, 64);
}

static size_t phase_size(const struct conv_kernel *k, const struct conv_shape *s)
{
    return weights_size(k, s) + sums_size(k, s);
}

size_t conv_tiled_packed_size(const struct conv_kernel *k, const struct conv_shape *s)
{
    return phase_size(k, s) * (size_t)count_phases(s);
}

size_t conv_tiled_scratch_size(const struct conv_kernel *k, const struct conv_shape *s)
{
    return sums_size(k, s) * (size_t)count_phases(s) + conv_lines_size(s, &k->element);
}

/* The first n weights of a group as elements, the others zero: four bytes. */
static inline void store_group(uint8_t *to, const int8_t *w, int n, size_t element_size)
{
    uint32_t group = 0;
    for (int i = 0; i < n; i++)
        group |= element_size == 1 ? (uint32_t)(uint8_t)w[i] << (8 * i)
                                   : (uint32_t)(uint16_t)w[i] << (16 * i);
    memcpy(to, &group, sizeof group);
}

/* One channel, n_taps rows of in_c weights, into `to`, whose groups are `step` bytes apart. */
static void pack_channel(const struct conv_kernel *k, const struct conv_shape *s, int n_taps,
                         const int8_t *w, uint8_t *to, size_t step)
{
    for (int tap = 0; tap < n_taps; tap++, w += s->in_c) {
        int c = 0;
        if (k->element.size == 1)
            for (; c + 4 <= s->in_c; c += 4, to += step) memcpy(to, w + c, 4);
        else
            for (; c + 2 <= s->in_c; c += 2, to += step) store_group(to, w + c, 2, 2);
        if (c == s->in_c) continue;
        store_group(to, w + c, s->in_c - c, k->element.size);
        to += step;
    }
}

static int32_t sum_of(const int8_t *w, size_t n)
{
    int32_t sum = 0;
    for (size_t i = 0; i < n; i++) sum += w[i];
    return sum;
}

void conv_tiled_pack(const struct conv_kernel *k, const struct conv_shape *s, const int8_t *w,
                     void *packed)
{
    const int n_phases = count_phases(s), n_vectors = count_vectors(k, s);
    const size_t depth = (size_t)conv_lines_depth(s, k->element.group);
    const size_t channel_size = depth * k->element.size; /* packed, on average */
    const size_t group_size = (size_t)k->element.group * k->element.size;
    const size_t n_weights = (size_t)s->in_c * (size_t)s->kernel_h * (size_t)s->kernel_w;
    const int n_taps = s->upscale > 1 ? 1 : s->kernel_h * s->kernel_w;
    if (s->out_c % k->lanes != 0) memset(packed, 0, conv_tiled_packed_size(k, s));
    for (int phase = 0; phase < n_phases; phase++) {
        uint8_t *const weights = (uint8_t *)packed + (size_t)phase * phase_size(k, s);
        uint8_t *const sums = weights + weights_size(k, s);
        for (int v = 0, nv; v < n_vectors; v += nv) {
            nv = block_of(k, n_vectors - v);
            uint8_t *const block = weights + (size_t)(v * k->lanes) * channel_size;
            for (int lane = 0; lane < nv * k->lanes; lane++) {
                const int o = v * k->lanes + lane;
                if (o >= s->out_c) break;
                const int8_t *const from =
                    w + (size_t)o * n_weights + (n_phases > 1 ? (size_t)(phase * s->in_c) : 0);
                pack_channel(k, s, n_taps, from, block + (size_t)lane * group_size,
                             (size_t)(nv * k->lanes) * group_size);
                const int32_t sum =
                    k->w_offset == 0 ? 0
                                     : k->w_offset * sum_of(from, (size_t)n_taps * (size_t)s->in_c);
                memcpy(sums + (size_t)o * sizeof sum, &sum, sizeof sum);
            }
        }
    }
}

/* Where one phase's share of a grid row goes. */
struct row_job {
    const struct conv_tiled_run *run;
    const struct conv_lines *lines;
    const uint8_t *weights; /* of this phase */
    const int32_t *init;
    int y;
    const uint8_t *res; /* column 0 */
    uint8_t *out;       /* column 0 */
    size_t out_step;    /* bytes from one grid column to the next */
};

/* Register tiles from column x until the accumulators or the row are full; the columns that were made. */
static int run_dots(const struct row_job *r, struct conv_dot *dot, int nv, int x)
{
    const struct conv_kernel *const k = r->run->kernel;
    const int n_channels = nv * k->lanes, left = r->lines->grid_w - x;
    const int most = CONV_MAX_ACC / n_channels / k->max_px[nv] * k->max_px[nv];
    const int n_px = left < most ? left : most;
    const int n_tiles = (n_px + k->max_px[nv] - 1) / k->max_px[nv];
    /* tiles of two sizes, the larger ones first */
    const int size = n_px / n_tiles, n_larger = n_px % n_tiles;
    int32_t *const acc = dot->acc;
    dot->at = (size_t)x * r->lines->runs.step;
    dot->n_tiles = n_larger;
    if (n_larger > 0) k->dots[nv][size + 1](dot);
    dot->at += (size_t)(n_larger * (size + 1)) * r->lines->runs.step;
    dot->acc += n_larger * (size + 1) * n_channels;
    dot->n_tiles = n_tiles - n_larger;
    k->dots[nv][size](dot);
    dot->acc = acc;
    return n_px;
}

static void run_row(const struct row_job *r)
{
    const struct conv_kernel *const k = r->run->kernel;
    const struct conv_shape *const s = &r->run->params->shape;
    const struct epilogue *const e = &r->run->params->epilogue;
    const size_t channel_size = (size_t)conv_lines_depth(s, k->element.group) * k->element.size;
    const size_t res_size = epilogue_res_size(e), res_step = (size_t)s->res_pixel * res_size;
    const int n_vectors = count_vectors(k, s);
    _Alignas(64) int32_t acc[CONV_MAX_ACC + EPILOGUE_SLACK];
    memset(acc + CONV_MAX_ACC, 0, EPILOGUE_SLACK * sizeof *acc);
    for (int v = 0, nv; v < n_vectors; v += nv) {
        nv = block_of(k, n_vectors - v);
        const int c0 = v * k->lanes, n_channels = nv * k->lanes;
        struct conv_dot dot = {
            .runs = &r->lines->runs,
            .weights = r->weights + (size_t)c0 * channel_size,
            .init = r->init + c0,
            .acc = acc,
        };
        struct epilogue_tile tile = {
            .acc = acc,
            .acc_step = n_channels,
            .n_channels = s->out_c - c0 < n_channels ? s->out_c - c0 : n_channels,
            .c0 = c0,
            .res_step = res_step,
            .out_step = r->out_step,
        };
        for (int x = 0; x < r->lines->grid_w; x += tile.n_px) {
            tile.n_px = run_dots(r, &dot, nv, x);
            if (r->run->params->coarse.sums != NULL)
                k->add_coarse(r->run->params, r->y, x, tile.n_px, c0, tile.n_channels, acc,
                              n_channels);
            tile.res =
                r->res != NULL ? r->res + (size_t)x * res_step + (size_t)c0 * res_size : NULL;
            tile.out = r->out + (size_t)x * r->out_step + (size_t)c0 * epilogue_out_size(e);
            k->epilogue(e, &tile);
        }
    }
}

/* Start values of a phase's accumulators: bias plus the packed sums, zeros behind out_c. */
static void set_init(const struct conv_tiled_run *r, int phase, int32_t *init)
{
    const struct conv_shape *const s = &r->params->shape;
    const size_t at = (size_t)phase * phase_size(r->kernel, s) + weights_size(r->kernel, s);
    const uint8_t *const sums = (const uint8_t *)r->params->packed + at;
    memcpy(init, sums, sums_size(r->kernel, s));
    for (int o = 0; o < s->out_c; o++) {
        const int32_t bias = r->params->bias[o * count_phases(s) + phase];
        init[o] = (int32_t)((uint32_t)init[o] + (uint32_t)bias);
    }
}

void conv_tiled_rows(const struct conv_tiled_run *r, int row_begin, int row_end, void *scratch)
{
    const struct conv_kernel *const k = r->kernel;
    const struct conv_shape *const s = &r->params->shape;
    const int n_phases = count_phases(s);
    const size_t out_row = (size_t)s->out_w + (size_t)s->out_skip; /* pixels */
    const size_t out_pixel = (size_t)s->out_pixel * epilogue_out_size(&r->params->epilogue);
    const size_t res_pixel = (size_t)s->res_pixel * epilogue_res_size(&r->params->epilogue);
    const size_t init_len = sums_size(k, s) / sizeof(int32_t);
    int32_t *const init = scratch;
    for (int phase = 0; phase < n_phases; phase++)
        set_init(r, phase, init + (size_t)phase * init_len);
    struct conv_lines lines;
    conv_lines_init(&lines, r->params, &k->element, row_begin, init + (size_t)n_phases * init_len);
    for (int y = row_begin; y < row_end; y++) {
        conv_lines_seek(&lines, r->params, r->in, y);
        const uint8_t *res = r->res;
        if (res != NULL) res += (size_t)y * out_row * res_pixel;
        for (int phase = 0; phase < n_phases; phase++) {
            const size_t out_y = (size_t)y * (size_t)s->upscale + (size_t)(phase / s->upscale);
            const size_t out_x = (size_t)(phase % s->upscale);
            run_row(&(struct row_job){
                .run = r,
                .lines = &lines,
                .y = y,
                .weights = (const uint8_t *)r->params->packed + (size_t)phase * phase_size(k, s),
                .init = init + (size_t)phase * init_len,
                .res = res,
                .out = r->out + (out_y * out_row + out_x) * out_pixel,
                .out_step = out_pixel * (size_t)s->upscale,
            });
        }
    }
}
