/* SPDX-License-Identifier: Apache-2.0
 *
 * vpmaddubsw on full 8-bit operands, exact by the choice of which products are added in 16 bits (conv_groups.h). Pixels are
 * in lanes, so that each pair of output channels can have an order of its own: a block of up to 32 pixels is gathered
 * once as [quads][32 pixels][4 channels] u8 (s8 + 128; -128 sum(w) goes with the bias), then each pair of channels walks
 * over its groups, and 16 channels together are turned for the epilogue. Where the quads are cut into parts, all channels
 * take one part before the next, so that it stays in cache.
 */
#include <immintrin.h>

#include "base/mem.h"
#include "kernels/conv/conv_coarse.h"
#include "kernels/conv/conv_groups.h"
#include "kernels/conv/conv_rows.h"
#include "kernels/simd_tile.h"

enum {
    LANES = 8,
    MAX_VECTORS = GROUPS_PX / LANES,
    CHANNELS = 16, /* turned together */
    MIN_IN_C = 32, /* with fewer, gathering costs more than is saved */
};

static int taps_h(const struct conv_shape *s)
{
    return s->upscale > 1 ? 1 : s->kernel_h;
}

static int taps_w(const struct conv_shape *s)
{
    return s->upscale > 1 ? 1 : s->kernel_w;
}

/* Bytes of the start values of all accumulators. */
static size_t init_size(const struct conv_shape *s)
{
    return size_align((size_t)groups_phases(s) * (size_t)groups_pairs(s) * 2 * sizeof(int32_t), 64);
}

static size_t quads_size(const struct conv_shape *s)
{
    return (size_t)groups_quads(s) * GROUPS_QUAD_SIZE;
}

/* Channels whose accumulators live at the same time. */
static int channels_at_once(const struct conv_shape *s)
{
    const int n = groups_parts(s) > 1 ? s->out_c : CHANNELS;
    return (n + CHANNELS - 1) / CHANNELS * CHANNELS;
}

bool conv_s8_fits_32x2__avx2(const struct conv_shape *s)
{
    return !s->is_wide && s->in_c >= MIN_IN_C;
}

size_t conv_s8_scratch_size_32x2__avx2(const struct conv_shape *s)
{
    return init_size(s) + quads_size(s) + (size_t)channels_at_once(s) * GROUPS_PX * sizeof(int32_t);
}

/* The parts of a run that do not change on its way. */
struct run {
    const struct conv_params *params;
    const uint8_t *in, *res;
    uint8_t *out;
    struct conv_groups groups;
    const int32_t *init; /* [phases, pairs, 2] */
    uint8_t *quads;
    int32_t *acc; /* [channels at once, GROUPS_PX] */
    int grid_w;
    bool is_flat; /* rows of the output follow each other without a gap */
};

/* Pixels of the grid, row by row from (y, x). */
struct block {
    int y, x, n_px, n_vectors;
};

/* Where the pixels' windows begin in the input; behind the last one, the last one again. */
struct windows {
    int y[GROUPS_PX], x[GROUPS_PX];
    ptrdiff_t at[GROUPS_PX];
    int first_x, last_x; /* no window begins before or behind */
};

static void find_windows(const struct run *r, const struct block *b, struct windows *w)
{
    const struct conv_shape *const s = &r->params->shape;
    const bool is_one_row = b->x + b->n_px <= r->grid_w;
    int y = b->y, x = b->x;
    w->first_x = (is_one_row ? x : 0) * s->stride_w - s->pad_left;
    w->last_x = (is_one_row ? x + b->n_px - 1 : r->grid_w - 1) * s->stride_w - s->pad_left;
    for (int i = 0; i < b->n_vectors * LANES; i++) {
        w->y[i] = y * s->stride_h - s->pad_top;
        w->x[i] = x * s->stride_w - s->pad_left;
        w->at[i] = ((ptrdiff_t)w->y[i] * s->in_w + w->x[i]) * s->in_pixel;
        if (i + 1 >= b->n_px) continue;
        if (++x == r->grid_w) {
            x = 0;
            y++;
        }
    }
}

/* Where the pixels' channels begin for the tap (dy, dx). */
static void find_tap(const struct run *r, const struct windows *w, int n, int dy, int dx,
                     const uint8_t **from)
{
    const struct conv_shape *const s = &r->params->shape;
    const ptrdiff_t tap = ((ptrdiff_t)dy * s->in_w + dx) * s->in_pixel;
    if (w->y[0] + dy >= 0 && w->y[n - 1] + dy < s->in_h && w->first_x + dx >= 0 &&
        w->last_x + dx < s->in_w) {
        for (int p = 0; p < n; p++) from[p] = r->in + (w->at[p] + tap);
        return;
    }
    for (int p = 0; p < n; p++) {
        const bool is_inside = (unsigned)(w->y[p] + dy) < (unsigned)s->in_h &&
                               (unsigned)(w->x[p] + dx) < (unsigned)s->in_w;
        from[p] = is_inside ? r->in + (w->at[p] + tap) : r->params->pad;
    }
}

/* Channels c to c + 15 of eight pixels, n quads of them, whose places are GROUPS_QUAD_SIZE apart. */
SIMD_INLINE void gather_16(const uint8_t *const *from, int c, uint8_t *to, int n)
{
    const __m256i flip = _mm256_set1_epi8(-128);
    __m256i row[4], half[4], quad[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        const __m128i lo = _mm_loadu_si128((const __m128i *)(from[i] + c));
        const __m128i hi = _mm_loadu_si128((const __m128i *)(from[i + 4] + c));
        row[i] = _mm256_xor_si256(_mm256_inserti128_si256(_mm256_castsi128_si256(lo), hi, 1), flip);
    }
    half[0] = _mm256_unpacklo_epi32(row[0], row[1]);
    half[1] = _mm256_unpacklo_epi32(row[2], row[3]);
    half[2] = _mm256_unpackhi_epi32(row[0], row[1]);
    half[3] = _mm256_unpackhi_epi32(row[2], row[3]);
    quad[0] = _mm256_unpacklo_epi64(half[0], half[1]);
    quad[1] = _mm256_unpackhi_epi64(half[0], half[1]);
    quad[2] = _mm256_unpacklo_epi64(half[2], half[3]);
    quad[3] = _mm256_unpackhi_epi64(half[2], half[3]);
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
        if (i < n) _mm256_store_si256((__m256i *)(to + i * GROUPS_QUAD_SIZE), quad[i]);
}

static void gather(const struct run *r, const struct block *b)
{
    const struct conv_shape *const s = &r->params->shape;
    const int n_quads = groups_quads_of_tap(s), n_lanes = b->n_vectors * LANES;
    struct windows w;
    find_windows(r, b, &w);
    uint8_t *to = r->quads;
    for (int i = 0; i < taps_h(s); i++) {
        for (int j = 0; j < taps_w(s); j++, to += n_quads * GROUPS_QUAD_SIZE) {
            const uint8_t *from[GROUPS_PX];
            find_tap(r, &w, n_lanes, i * s->dilation_h, j * s->dilation_w, from);
            for (int v = 0; v < b->n_vectors; v++)
                for (int q = 0; q < n_quads; q += 4)
                    gather_16(from + v * LANES, q * GROUPS_QUAD, to + q * GROUPS_QUAD_SIZE + v * 32,
                              n_quads - q);
        }
    }
}

/* Two channels of a block: acc [2, GROUPS_PX], which begins with init [2], or goes on as it is. */
SIMD_INLINE void dot(const uint8_t *quads, const struct conv_group *g, const struct conv_group *end,
                     const int32_t *init, bool goes_on, int32_t *acc, const int nv)
{
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i sum[2][MAX_VECTORS];
#pragma GCC unroll 4
    for (int v = 0; v < nv; v++) {
        __m256i *const first = (__m256i *)(acc + v * LANES);
        __m256i *const second = (__m256i *)(acc + GROUPS_PX + v * LANES);
        sum[0][v] = goes_on ? _mm256_load_si256(first) : _mm256_set1_epi32(init[0]);
        sum[1][v] = goes_on ? _mm256_load_si256(second) : _mm256_set1_epi32(init[1]);
    }
    for (; g < end; g++) {
        const uint8_t *const first = quads + g->at[0], *const second = quads + g->at[1];
        const __m256i w00 = _mm256_set1_epi32((int32_t)g->w[0][0]);
        const __m256i w01 = _mm256_set1_epi32((int32_t)g->w[0][1]);
        const __m256i w10 = _mm256_set1_epi32((int32_t)g->w[1][0]);
        const __m256i w11 = _mm256_set1_epi32((int32_t)g->w[1][1]);
#pragma GCC unroll 4
        for (int v = 0; v < nv; v++) {
            __m256i a = _mm256_load_si256((const __m256i *)(first + v * 32));
            __m256i b = _mm256_load_si256((const __m256i *)(second + v * 32));
            SIMD_PIN(a); /* else loaded once for each channel */
            SIMD_PIN(b);
            const __m256i x =
                _mm256_add_epi16(_mm256_maddubs_epi16(a, w00), _mm256_maddubs_epi16(b, w01));
            const __m256i y =
                _mm256_add_epi16(_mm256_maddubs_epi16(a, w10), _mm256_maddubs_epi16(b, w11));
            sum[0][v] = _mm256_add_epi32(sum[0][v], _mm256_madd_epi16(x, ones));
            sum[1][v] = _mm256_add_epi32(sum[1][v], _mm256_madd_epi16(y, ones));
        }
    }
#pragma GCC unroll 4
    for (int v = 0; v < nv; v++) {
        _mm256_store_si256((__m256i *)(acc + v * LANES), sum[0][v]);
        _mm256_store_si256((__m256i *)(acc + GROUPS_PX + v * LANES), sum[1][v]);
    }
}

/* Pairs [begin, end) of a phase, one part of their products. */
struct pairs {
    int phase, part, begin, end;
};

SIMD_INLINE void dots(const struct run *r, const struct pairs *p, const int nv)
{
    const struct conv_shape *const s = &r->params->shape;
    const int n_pairs = groups_pairs(s);
    const uint32_t *const begin =
        r->groups.begin + (p->phase * groups_parts(s) + p->part) * n_pairs;
    const int32_t *const init = r->init + p->phase * n_pairs * 2;
    int32_t *acc = r->acc;
    for (int i = p->begin; i < p->end; i++, acc += 2 * GROUPS_PX)
        dot(r->quads, r->groups.group + begin[i], r->groups.group + begin[i + 1], init + 2 * i,
            p->part > 0, acc, nv);
}

#define X(nv)                                                                                      \
    static void dots_##nv(const struct run *r, const struct pairs *p)                              \
    {                                                                                              \
        dots(r, p, nv);                                                                            \
    }
X(1)
X(2)
X(3)
X(4)
#undef X

typedef void dots_fn(const struct run *r, const struct pairs *p);
static dots_fn *const dots_of[MAX_VECTORS + 1] = {NULL, dots_1, dots_2, dots_3, dots_4};

/* [CHANNELS, GROUPS_PX] to [pixels, CHANNELS]. */
static void turn(const int32_t *acc, int n_vectors, int32_t *to)
{
    for (int v = 0; v < n_vectors * 2; v++) { /* four pixels */
        for (int c = 0; c < CHANNELS; c += 8) {
            __m256i row[4], half[4];
#pragma GCC unroll 4
            for (int i = 0; i < 4; i++) {
                const int32_t *const from = acc + (c + i) * GROUPS_PX + v * 4;
                const __m128i lo = _mm_load_si128((const __m128i *)from);
                const __m128i hi = _mm_load_si128((const __m128i *)(from + 4 * GROUPS_PX));
                row[i] = _mm256_inserti128_si256(_mm256_castsi128_si256(lo), hi, 1);
            }
            half[0] = _mm256_unpacklo_epi32(row[0], row[1]);
            half[1] = _mm256_unpacklo_epi32(row[2], row[3]);
            half[2] = _mm256_unpackhi_epi32(row[0], row[1]);
            half[3] = _mm256_unpackhi_epi32(row[2], row[3]);
            __m256i *const px = (__m256i *)(to + v * 4 * CHANNELS + c);
            _mm256_store_si256(px, _mm256_unpacklo_epi64(half[0], half[1]));
            _mm256_store_si256(px + 2, _mm256_unpackhi_epi64(half[0], half[1]));
            _mm256_store_si256(px + 4, _mm256_unpacklo_epi64(half[2], half[3]));
            _mm256_store_si256(px + 6, _mm256_unpackhi_epi64(half[2], half[3]));
        }
    }
}

/* Coarse sums of 16 channels from c, for each row of the block. */
static void add_coarse(const struct run *r, const struct block *b, int c, int32_t *turned)
{
    const int left = r->params->shape.out_c - c;
    int y = b->y, x = b->x;
    for (int done = 0, n; done < b->n_px; done += n, x = 0, y++) {
        n = b->n_px - done < r->grid_w - x ? b->n_px - done : r->grid_w - x;
        conv_add_coarse(r->params, y, x, n, c, left < CHANNELS ? left : CHANNELS,
                        turned + done * CHANNELS, CHANNELS);
    }
}

/* 16 channels from c of one phase, for each row of the block. */
static void store(const struct run *r, const struct block *b, int phase, int c,
                  const int32_t *turned)
{
    const struct conv_shape *const s = &r->params->shape;
    const struct epilogue *const e = &r->params->epilogue;
    const size_t out_row = (size_t)s->out_w + (size_t)s->out_skip; /* pixels */
    const size_t out_pixel = (size_t)s->out_pixel * epilogue_out_size(e);
    const size_t res_pixel = (size_t)s->res_pixel * epilogue_res_size(e);
    int y = b->y, x = b->x;
    for (int done = 0, n; done < b->n_px; done += n, x = 0, y++) {
        n = b->n_px - done;
        if (!r->is_flat && n > r->grid_w - x) n = r->grid_w - x;
        const size_t to_y = (size_t)y * (size_t)s->upscale + (size_t)(phase / s->upscale);
        const size_t to_x = (size_t)x * (size_t)s->upscale + (size_t)(phase % s->upscale);
        const size_t pixel = to_y * out_row + to_x;
        const uint8_t *res = r->res;
        if (res != NULL) res += pixel * res_pixel + (size_t)c * epilogue_res_size(e);
        epilogue_tile_avx2(e,
                           &(struct epilogue_tile){
                               .acc = turned + done * CHANNELS,
                               .acc_step = CHANNELS,
                               .n_px = n,
                               .n_channels = s->out_c - c < CHANNELS ? s->out_c - c : CHANNELS,
                               .c0 = c,
                               .res = res,
                               .out = r->out + pixel * out_pixel + (size_t)c * epilogue_out_size(e),
                               .res_step = res_pixel,
                               .out_step = out_pixel * (size_t)s->upscale,
                           });
    }
}

static void run_block(const struct run *r, const struct block *b)
{
    const struct conv_shape *const s = &r->params->shape;
    _Alignas(64) int32_t turned[GROUPS_PX * CHANNELS];
    const int n_at_once = channels_at_once(s);
    gather(r, b);
    for (int phase = 0; phase < groups_phases(s); phase++) {
        for (int c = 0; c < s->out_c; c += n_at_once) {
            const int end = c + n_at_once < s->out_c ? c + n_at_once : s->out_c;
            struct pairs p = {.phase = phase, .begin = c / 2, .end = (end + 1) / 2};
            for (; p.part < groups_parts(s); p.part++) dots_of[b->n_vectors](r, &p);
            for (int o = c; o < end; o += CHANNELS) {
                turn(r->acc + (o - c) * GROUPS_PX, b->n_vectors, turned);
                if (r->params->coarse.sums != NULL) add_coarse(r, b, o, turned);
                store(r, b, phase, o, turned);
            }
        }
    }
}

void conv_s8_run_32x2__avx2(const struct conv_params *p, const void *in, const void *res, void *out,
                            int row_begin, int row_end, void *scratch)
{
    const struct conv_shape *const s = &p->shape;
    int32_t *const init = scratch;
    struct run r = {
        .params = p,
        .in = in,
        .res = res,
        .out = out,
        .groups = groups_in(s, p->packed),
        .init = init,
        .quads = (uint8_t *)scratch + init_size(s),
        .acc = (int32_t *)(void *)((uint8_t *)scratch + init_size(s) + quads_size(s)),
        .grid_w = s->out_w / s->upscale,
        .is_flat = s->out_skip == 0 && s->upscale == 1,
    };
    const int n_phases = groups_phases(s), n_pairs = groups_pairs(s);
    for (int i = 0; i < n_phases * n_pairs * 2; i++) {
        const int phase = i / (2 * n_pairs), o = i % (2 * n_pairs);
        const int32_t bias = o < s->out_c ? p->bias[o * n_phases + phase] : 0;
        init[i] = (int32_t)((uint32_t)r.groups.sums[i] + (uint32_t)bias);
    }
    /* blocks of about the same size */
    const int n = (row_end - row_begin) * r.grid_w, n_vectors = (n + LANES - 1) / LANES;
    const int n_blocks = (n_vectors + MAX_VECTORS - 1) / MAX_VECTORS;
    for (int i = 0, done = 0; i < n_blocks; i++) {
        const int left = n_vectors - done / LANES;
        struct block b = {.y = row_begin + done / r.grid_w, .x = done % r.grid_w};
        b.n_vectors = (left + n_blocks - i - 1) / (n_blocks - i);
        b.n_px = n - done < b.n_vectors * LANES ? n - done : b.n_vectors * LANES;
        run_block(&r, &b);
        done += b.n_px;
    }
}
