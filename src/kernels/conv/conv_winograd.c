/* SPDX-License-Identifier: Apache-2.0
 *
 * The walk: groups of up to 6 tiles, of one row or of several, are transformed to V [positions, tiles, in_c]; for each block
 * of output channels, the products of the positions give M [positions, tiles, channels], which go back tile by tile.
 *
 * Packed: vectors of `lanes` output channels in blocks, each block [positions][in_c / 2][channels][2] s16.
 */
#include "kernels/conv/conv_winograd.h"

#include <string.h>

#include "base/mem.h"

enum {
    MAX_TILE_ROWS = 4, /* of a group */
    MAX_IN_C = 229,    /* of s8, 4 x 4 tiles; or */
    MAX_WEIGHT_SUM = (1 << 18) - 1,
    MAX_REACH = 8191, /* of s16, 2 x 2 tiles */
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
           s->in_c >= k->min_in_c && (k->max_in_c == 0 || s->in_c <= k->max_in_c) &&
           s->out_c >= k->min_out_c && (k->max_out_c == 0 || s->out_c <= k->max_out_c);
}

static int count_tiles(const struct winograd_kernel *k, int n)
{
    return (n + k->tile - 1) / k->tile;
}

/* Rows of tiles in a group: more than one where a row has too few. */
static int rows_of_group(int n_columns)
{
    const int n = WINOGRAD_TILES / n_columns;
    return n < 1 ? 1 : n < MAX_TILE_ROWS ? n : MAX_TILE_ROWS;
}

/* The shape that makes rows of groups out of conv_lines: windows that hold those of n_rows tiles. */
static struct conv_shape lines_shape(const struct winograd_kernel *k, const struct conv_shape *s,
                                     int n_columns, int n_rows)
{
    struct conv_shape lines = *s;
    lines.kernel_h = winograd_window(k) + (n_rows - 1) * k->tile;
    lines.stride_h = n_rows * k->tile;
    lines.out_w = n_columns * k->tile;
    return lines;
}

size_t winograd_packed_size(const struct winograd_kernel *k, const struct conv_shape *s)
{
    return winograd_weights_len(k, s, winograd_vectors(k, s) * k->lanes) * sizeof(int16_t);
}

static size_t v_len(const struct winograd_kernel *k, const struct conv_shape *s)
{
    return (size_t)winograd_positions(k) * WINOGRAD_TILES * (size_t)winograd_channels(k, s);
}

static size_t m_len(const struct winograd_kernel *k)
{
    return (size_t)winograd_positions(k) * WINOGRAD_TILES * (size_t)(k->lanes * k->max_block);
}

static size_t acc_len(const struct winograd_kernel *k)
{
    const size_t n =
        (size_t)(k->tile * k->tile) * WINOGRAD_TILES * (size_t)(k->lanes * k->max_block);
    return size_align(n + EPILOGUE_SLACK, 16);
}

/* For all columns or fewer of them, which may need more lines. */
size_t winograd_scratch_size(const struct winograd_kernel *k, const struct conv_shape *s)
{
    size_t lines_size = 0;
    for (int n = count_tiles(k, s->out_w); n > 0; n = n > WINOGRAD_TILES ? WINOGRAD_TILES : n - 1) {
        const struct conv_shape lines = lines_shape(k, s, n, rows_of_group(n));
        const size_t size = conv_lines_size(&lines, &k->element);
        if (size > lines_size) lines_size = size;
    }
    return v_len(k, s) * sizeof(int16_t) + (m_len(k) + acc_len(k)) * sizeof(int32_t) + lines_size;
}

/* A rectangle of tiles, row by row. */
struct group {
    const struct winograd_run *run;
    int16_t *v;
    int32_t *m, *acc; /* acc: [rows, columns, channels of a block] of outputs */
    int y, n_rows;    /* first output row, rows that count */
    int x, n_columns; /* first output column, tiles of a row */
    int n_tiles;
    const struct epilogue *pairs; /* NULL, or the epilogue of two pixels as one */
};

/* Eight output channels are half a vector of the epilogue. Where pixels follow each other, two are one of sixteen channels,
 * whose parameters are the same twice. */
enum { PAIR = 8, MAX_PARAMETERS = 64 /* that an epilogue may read */ };
struct pairs {
    struct epilogue epilogue;
    float scale[MAX_PARAMETERS];
    int16_t mul[MAX_PARAMETERS];
    int32_t offset[MAX_PARAMETERS];
};

static bool has_pairs(const struct conv_params *p)
{
    const struct conv_shape *const s = &p->shape;
    return s->out_c == PAIR && s->out_pixel == PAIR && s->out_w % 2 == 0 &&
           p->epilogue.out == EPILOGUE_S8 && p->epilogue.res_mul == NULL;
}

static void pairs_init(struct pairs *pairs, const struct epilogue *e)
{
    *pairs = (struct pairs){.epilogue = *e};
    for (int i = 0; i < 2 * PAIR; i++) {
        pairs->scale[i] = e->scale[i % PAIR];
        pairs->mul[i] = e->mul[i % PAIR];
        pairs->offset[i] = e->offset[i % PAIR];
    }
    pairs->epilogue.scale = pairs->scale;
    pairs->epilogue.mul = pairs->mul;
    pairs->epilogue.offset = pairs->offset;
}

/* All positions of one block's products. */
static void multiply(const struct group *g, int nv, const int16_t *weights)
{
    const struct winograd_kernel *const k = g->run->kernel;
    const size_t in_c = (size_t)winograd_channels(k, &g->run->params->shape);
    const int n_channels = nv * k->lanes;
    const struct winograd_products job = {
        .v = (const uint8_t *)g->v,
        .v_position = WINOGRAD_TILES * in_c * sizeof(int16_t),
        .v_step = in_c * sizeof(int16_t),
        .weights = (const uint8_t *)weights,
        .m = g->m,
        .m_position = (size_t)(WINOGRAD_TILES * n_channels),
        .n_positions = winograd_positions(k),
        .n_pairs = (int)in_c / 2,
    };
    (*k->products)[nv][g->n_tiles](&job);
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
    const int group_w = g->n_columns * k->tile;
    const size_t acc_row = (size_t)(group_w * n_channels);
    const int32_t *m = g->m;
    for (int i = 0; i < g->n_tiles / g->n_columns; i++) {
        int32_t *acc = g->acc + (size_t)(i * k->tile) * acc_row;
        for (int j = 0; j < g->n_columns; j++, m += n_channels, acc += k->tile * n_channels) {
            k->transform_output(&(struct winograd_output){
                .m = m,
                .m_step = (size_t)(WINOGRAD_TILES * n_channels),
                .bias = p->bias + c0,
                .channels = n_channels,
                .acc = acc,
                .acc_row = acc_row,
            });
        }
    }
    for (int r = 0; r < g->n_rows; r++) {
        const size_t pixel = (size_t)(g->y + r) * out_row + (size_t)g->x;
        const uint8_t *res = g->run->res;
        if (res != NULL) res += (pixel * (size_t)s->res_pixel + (size_t)c0) * res_size;
        struct epilogue_tile tile = {
            .acc = g->acc + (size_t)r * acc_row,
            .acc_step = n_channels,
            .n_px = s->out_w - g->x < group_w ? s->out_w - g->x : group_w,
            .n_channels = s->out_c - c0 < n_channels ? s->out_c - c0 : n_channels,
            .c0 = c0,
            .res = res,
            .out = g->run->out + (pixel * (size_t)s->out_pixel + (size_t)c0) * out_size,
            .res_step = (size_t)s->res_pixel * res_size,
            .out_step = (size_t)s->out_pixel * out_size,
        };
        if (g->pairs != NULL) {
            tile.n_px /= 2;
            tile.n_channels *= 2;
            tile.acc_step *= 2;
            tile.out_step *= 2;
        }
        k->epilogue(g->pairs != NULL ? g->pairs : &p->epilogue, &tile);
    }
}

static void run_group(const struct group *g, const struct conv_lines *lines)
{
    const struct winograd_kernel *const k = g->run->kernel;
    const struct conv_params *const p = g->run->params;
    const int in_c = winograd_channels(k, &p->shape);
    for (int i = 0; i < g->n_tiles; i += g->n_columns) {
        k->transform_input(&(struct winograd_input){
            .rows = lines->runs.segment + i / g->n_columns * k->tile,
            .at = (size_t)g->x * lines->runs.step,
            .pixel_size = lines->runs.step,
            .n_tiles = g->n_columns,
            .channels = in_c,
            .v = g->v + i * in_c,
            .v_step = (size_t)(WINOGRAD_TILES * in_c),
            .v_tile = (size_t)in_c,
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
    const int n_columns = count_tiles(k, s->out_w), n_rows = count_tiles(k, row_end - row_begin);
    const int most = rows_of_group(n_columns), rows = n_rows < most ? n_rows : most;
    params.shape = lines_shape(k, s, n_columns, rows);
    params.shape.pad_top -= row_begin;
    struct group g = {.run = r, .v = scratch};
    g.m = (int32_t *)(void *)(g.v + v_len(k, s));
    g.acc = g.m + m_len(k);
    struct pairs pairs;
    if (k->lanes == PAIR && has_pairs(r->params)) {
        pairs_init(&pairs, &r->params->epilogue);
        g.pairs = &pairs.epilogue;
    }
    struct conv_lines lines;
    conv_lines_init(&lines, &params, &k->element, 0, g.acc + acc_len(k));
    const int n_groups = (n_columns + WINOGRAD_TILES - 1) / WINOGRAD_TILES;
    for (int i = 0; i * rows < n_rows; i++) {
        conv_lines_seek(&lines, &params, r->in, i);
        g.y = row_begin + i * rows * k->tile;
        g.n_rows = row_end - g.y < rows * k->tile ? row_end - g.y : rows * k->tile;
        for (int j = 0, tile = 0; j < n_groups; j++, tile += g.n_columns) {
            g.n_columns = (n_columns - tile + n_groups - j - 1) / (n_groups - j);
            g.n_tiles = g.n_columns * count_tiles(k, g.n_rows);
            g.x = tile * k->tile;
            run_group(&g, &lines);
        }
    }
}
