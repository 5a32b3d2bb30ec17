/* SPDX-License-Identifier: Apache-2.0
 *
 * The walk: for each row of tiles, groups of up to 12 tiles are transformed to V [positions, tiles, in_c]; for each block
 * of output channels, the products of the positions give M [positions, tiles, channels], which go back tile by tile.
 *
 * Packed: vectors of `lanes` output channels in blocks, each block [positions][in_c / 2][channels][2] s16.
 */
#include "kernels/conv/conv_winograd.h"

#include <string.h>

#include "base/mem.h"

enum {
    GROUP_TILES = 12,
    MAX_IN_C = 229, /* of s8, 4 x 4 tiles; or */
    MAX_WEIGHT_SUM = (1 << 18) - 1,
    MAX_REACH = 8191, /* of s16, 2 x 2 tiles */
    MIN_OUT_C = 16,
};

/* Results are small enough to be exact: whatever the weights are, or by their sum. */
static bool sums_fit(const struct winograd_kernel *k, const struct conv_shape *s)
{
    if (k->tile == 2) return s->is_wide && s->reach <= MAX_REACH;
    if (s->is_wide) return false;
    return s->in_c <= MAX_IN_C || (s->weight_sum > 0 && s->weight_sum <= MAX_WEIGHT_SUM);
}

bool winograd_fits(const struct winograd_kernel *k, const struct conv_shape *s)
{
    return sums_fit(k, s) && s->kernel_h == 3 && s->kernel_w == 3 && s->stride_h == 1 &&
           s->stride_w == 1 && s->dilation_h == 1 && s->dilation_w == 1 && s->upscale == 1 &&
           s->in_c >= k->min_in_c && s->out_c >= MIN_OUT_C;
}

/* The shape that makes rows of tiles out of conv_lines: windows of tile + 2 rows, a tile apart. */
static struct conv_shape lines_shape(const struct winograd_kernel *k, const struct conv_shape *s,
                                     int row_begin)
{
    struct conv_shape lines = *s;
    lines.kernel_h = winograd_window(k);
    lines.stride_h = k->tile;
    lines.pad_top = s->pad_top - row_begin;
    lines.out_w = (s->out_w + k->tile - 1) / k->tile * k->tile;
    return lines;
}

size_t winograd_packed_size(const struct winograd_kernel *k, const struct conv_shape *s)
{
    return winograd_weights_len(k, s, winograd_vectors(k, s) * k->lanes) * sizeof(int16_t);
}

static size_t v_len(const struct winograd_kernel *k, const struct conv_shape *s)
{
    return (size_t)winograd_positions(k) * GROUP_TILES * (size_t)winograd_channels(k, s);
}

static size_t m_len(const struct winograd_kernel *k)
{
    return (size_t)winograd_positions(k) * GROUP_TILES * (size_t)(k->lanes * k->max_block);
}

static size_t acc_len(const struct winograd_kernel *k)
{
    return (size_t)(k->tile * k->tile) * GROUP_TILES * (size_t)(k->lanes * k->max_block);
}

size_t winograd_scratch_size(const struct winograd_kernel *k, const struct conv_shape *s)
{
    const struct conv_shape lines = lines_shape(k, s, 0);
    return v_len(k, s) * sizeof(int16_t) + (m_len(k) + acc_len(k)) * sizeof(int32_t) +
           conv_lines_size(&lines, &k->element);
}

/* A group of tiles of one row of tiles. */
struct group {
    const struct winograd_run *run;
    int16_t *v;
    int32_t *m, *acc; /* acc: [tile, tile n_tiles, channels of a block] */
    int y, n_rows;    /* first output row, rows that count */
    int x, n_tiles;
};

/* All positions of one block's products. */
static void multiply(const struct group *g, int nv, const int16_t *weights)
{
    const struct winograd_kernel *const k = g->run->kernel;
    const size_t in_c = (size_t)winograd_channels(k, &g->run->params->shape);
    const int n_channels = nv * k->lanes;
    const int n_parts = (g->n_tiles + k->max_px - 1) / k->max_px;
    struct winograd_products job = {
        .v_position = GROUP_TILES * in_c * sizeof(int16_t),
        .v_step = in_c * sizeof(int16_t),
        .weights = (const uint8_t *)weights,
        .m_position = (size_t)(GROUP_TILES * n_channels),
        .n_positions = winograd_positions(k),
        .n_pairs = (int)in_c / 2,
    };
    for (int i = 0, tile = 0, n; i < n_parts; i++, tile += n) {
        n = (g->n_tiles - tile + n_parts - i - 1) / (n_parts - i);
        job.v = (const uint8_t *)g->v + (size_t)tile * job.v_step;
        job.m = g->m + tile * n_channels;
        (*k->products)[nv][n](&job);
    }
}

/* The block's results of the whole group. */
static void store_block(const struct group *g, int c0, int n_channels)
{
    const struct winograd_kernel *const k = g->run->kernel;
    const struct conv_params *const p = g->run->params;
    const struct conv_shape *const s = &p->shape;
    const size_t out_size = epilogue_out_size(&p->epilogue);
    const size_t out_row = (size_t)s->out_w + (size_t)s->out_skip; /* pixels */
    const size_t res_size = epilogue_res_size(&p->epilogue);
    const int group_w = g->n_tiles * k->tile;
    const size_t acc_row = (size_t)(group_w * n_channels);
    for (int i = 0; i < g->n_tiles; i++) {
        k->transform_output(&(struct winograd_output){
            .m = g->m + i * n_channels,
            .m_step = (size_t)(GROUP_TILES * n_channels),
            .bias = p->bias + c0,
            .channels = n_channels,
            .acc = g->acc + i * k->tile * n_channels,
            .acc_row = acc_row,
        });
    }
    for (int r = 0; r < g->n_rows; r++) {
        const size_t pixel = (size_t)(g->y + r) * out_row + (size_t)g->x;
        const uint8_t *res = g->run->res;
        if (res != NULL) res += (pixel * (size_t)s->res_pixel + (size_t)c0) * res_size;
        k->epilogue(&p->epilogue,
                    &(struct epilogue_tile){
                        .acc = g->acc + (size_t)r * acc_row,
                        .acc_step = n_channels,
                        .n_px = s->out_w - g->x < group_w ? s->out_w - g->x : group_w,
                        .n_channels = s->out_c - c0 < n_channels ? s->out_c - c0 : n_channels,
                        .c0 = c0,
                        .res = res,
                        .out = g->run->out + (pixel * (size_t)s->out_pixel + (size_t)c0) * out_size,
                        .res_step = (size_t)s->res_pixel * res_size,
                        .out_step = (size_t)s->out_pixel * out_size,
                    });
    }
}

static void run_group(const struct group *g, const struct conv_lines *lines)
{
    const struct winograd_kernel *const k = g->run->kernel;
    const struct conv_params *const p = g->run->params;
    const int in_c = winograd_channels(k, &p->shape);
    for (int i = 0; i < g->n_tiles; i++) {
        k->transform_input(&(struct winograd_input){
            .rows = lines->runs.segment,
            .at = (size_t)(g->x + i * k->tile) * lines->runs.step,
            .pixel_size = lines->runs.step,
            .channels = in_c,
            .v = g->v + i * in_c,
            .v_step = (size_t)(GROUP_TILES * in_c),
        });
    }
    const int n_vectors = winograd_vectors(k, &p->shape);
    for (int v = 0, nv; v < n_vectors; v += nv) {
        nv = winograd_block(k, n_vectors - v);
        const int c0 = v * k->lanes, n_channels = nv * k->lanes;
        multiply(g, nv, (const int16_t *)p->packed + winograd_weights_len(k, &p->shape, c0));
        store_block(g, c0, n_channels);
    }
}

void winograd_rows(const struct winograd_run *r, int row_begin, int row_end, void *scratch)
{
    const struct winograd_kernel *const k = r->kernel;
    struct conv_params params = *r->params;
    const struct conv_shape *const s = &r->params->shape;
    params.shape = lines_shape(k, s, row_begin);
    struct group g = {.run = r, .v = scratch};
    g.m = (int32_t *)(void *)(g.v + v_len(k, s));
    g.acc = g.m + m_len(k);
    struct conv_lines lines;
    conv_lines_init(&lines, &params, &k->element, 0, g.acc + acc_len(k));
    const int n_tiles = params.shape.out_w / k->tile;
    const int n_groups = (n_tiles + GROUP_TILES - 1) / GROUP_TILES;
    for (int i = 0; row_begin + i * k->tile < row_end; i++) {
        conv_lines_seek(&lines, &params, r->in, i);
        g.y = row_begin + i * k->tile;
        g.n_rows = row_end - g.y < k->tile ? row_end - g.y : k->tile;
        for (int j = 0, tile = 0; j < n_groups; j++, tile += g.n_tiles) {
            g.n_tiles = (n_tiles - tile + n_groups - j - 1) / (n_groups - j);
            g.x = tile * k->tile;
            run_group(&g, &lines);
        }
    }
}
