/* SPDX-License-Identifier: Apache-2.0
 *
 * vpdpbusd: 16 output channels a vector, 4 products a lane. Activations are made unsigned (s8 ^ 0x80 = s8 + 128)
 * as lines are converted; -128 sum(w) is added to the bias. The register tile is up to 6 pixels x 64 channels,
 * 12 x 32 or 12 x 16.
 *
 * Packed, for each of the upscale^2 phases: vectors of channels in blocks of 4, 2 or 1, each block
 * [depth / 4][vectors][16 channels][4]; then -128 sum(w) of every channel.
 */
#include <string.h>

#include "base/mem.h"
#include "kernels/conv/conv_lines.h"
#include "kernels/conv/conv_rows.h"
#include "kernels/simd_avx512.h"

enum { GROUP = 4, LANES = 16, MAX_PX = 12, MAX_ACC = 6 * 64 };

/* The line's bytes plus 128. */
static void convert(uint8_t *to, size_t to_step, const int8_t *from, size_t from_step, int n_px,
                    int n)
{
    const __m512i flip = _mm512_set1_epi8(-128);
    for (int p = 0; p < n_px; p++, to += to_step, from += from_step) {
        for (int i = 0; i < n; i += 64)
            _mm512_storeu_si512(to + i, _mm512_xor_si512(_mm512_loadu_si512(from + i), flip));
    }
}

static const struct conv_element element = {.size = 1, .group = GROUP, .convert = convert};

static int count_vectors(const struct conv_shape *s)
{
    return (s->out_c + LANES - 1) / LANES;
}

/* Vectors in the block that begins with `left` vectors to go. */
static int block_of(int left)
{
    return left >= 4 ? 4 : left >= 2 ? 2 : 1;
}

/* Weights of one phase, and with the sums behind them. */
static size_t weights_size(const struct conv_shape *s)
{
    return (size_t)count_vectors(s) * LANES * (size_t)conv_lines_depth(s, GROUP);
}

/* Bytes of one s32 for each channel. */
static size_t init_size(const struct conv_shape *s)
{
    return (size_t)count_vectors(s) * LANES * sizeof(int32_t);
}

static size_t phase_size(const struct conv_shape *s)
{
    return weights_size(s) + init_size(s);
}

size_t conv_s8_packed_size_6x64__avx512vnni(const struct conv_shape *s)
{
    return phase_size(s) * (size_t)s->upscale * (size_t)s->upscale;
}

size_t conv_s8_scratch_size_6x64__avx512vnni(const struct conv_shape *s)
{
    return init_size(s) * (size_t)s->upscale * (size_t)s->upscale + conv_lines_size(s, &element);
}

/* One channel: its n_taps rows of in_c weights, into `to`, whose groups are `step` bytes apart. */
static int32_t pack_channel(const int8_t *w, int n_taps, int in_c, int8_t *to, size_t step)
{
    int32_t sum = 0;
    for (int tap = 0; tap < n_taps; tap++) {
        for (int c = 0; c < in_c; c += GROUP, to += step) {
            const int n = in_c - c < GROUP ? in_c - c : GROUP;
            for (int k = 0; k < n; k++) {
                to[k] = *w++;
                sum += to[k];
            }
        }
    }
    return sum;
}

void conv_s8_pack_6x64__avx512vnni(const struct conv_shape *s, const int8_t *w, void *packed)
{
    const int n_phases = s->upscale * s->upscale, n_vectors = count_vectors(s);
    const int n_taps = s->upscale > 1 ? 1 : s->kernel_h * s->kernel_w;
    const size_t depth = (size_t)conv_lines_depth(s, GROUP);
    memset(packed, 0, conv_s8_packed_size_6x64__avx512vnni(s));
    for (int phase = 0; phase < n_phases; phase++) {
        int8_t *const weights = (int8_t *)packed + (size_t)phase * phase_size(s);
        int8_t *const sums = weights + weights_size(s);
        for (int v = 0, nv; v < n_vectors; v += nv) {
            nv = block_of(n_vectors - v);
            int8_t *const block = weights + (size_t)v * LANES * depth;
            for (int lane = 0; lane < nv * LANES; lane++) {
                const int o = v * LANES + lane;
                if (o >= s->out_c) break;
                const size_t from = ((size_t)o * (size_t)n_phases + (size_t)phase) *
                                    (size_t)n_taps * (size_t)s->in_c;
                const int32_t sum =
                    -128 * pack_channel(w + from, n_taps, s->in_c, block + lane * GROUP,
                                        (size_t)nv * LANES * GROUP);
                memcpy(sums + (size_t)o * sizeof sum, &sum, sizeof sum);
            }
        }
    }
}

/* One register tile: n_px pixels from byte `at` of every segment. */
struct dot_job {
    const struct conv_lines *lines;
    size_t at;
    const int8_t *weights;
    const int32_t *init;
    int32_t *acc; /* [n_px, vectors * 16] */
};

SIMD_INLINE __m512i broadcast_group(const uint8_t *p)
{
    int32_t group;
    memcpy(&group, p, sizeof group);
    return _mm512_set1_epi32(group);
}

SIMD_INLINE void dot(const struct dot_job *job, const int nv, const int n_px)
{
    const struct conv_lines *const l = job->lines;
    const size_t step = l->step;
    const int8_t *w = job->weights;
    __m512i acc[MAX_PX][4];
#pragma GCC unroll 4
    for (int v = 0; v < nv; v++) {
        const __m512i init = _mm512_load_si512(job->init + v * LANES);
#pragma GCC unroll 12
        for (int p = 0; p < n_px; p++) acc[p][v] = init;
    }
    for (int i = 0; i < l->n_segments; i++) {
        /* three pixels share a pointer: base, base + step, base + 2 step */
        const uint8_t *base[MAX_PX / 3];
#pragma GCC unroll 4
        for (int b = 0; b < (n_px + 2) / 3; b++)
            base[b] = l->segment[i] + job->at + 3 * (size_t)b * step;
        for (int k = 0; k < l->run; k += GROUP) {
            __m512i weights[4];
#pragma GCC unroll 4
            for (int v = 0; v < nv; v++) weights[v] = _mm512_loadu_si512(w + v * LANES * GROUP);
#pragma GCC unroll 12
            for (int p = 0; p < n_px; p++) {
                const __m512i a = broadcast_group(base[p / 3] + (size_t)(p % 3) * step);
#pragma GCC unroll 4
                for (int v = 0; v < nv; v++)
                    acc[p][v] = _mm512_dpbusd_epi32(acc[p][v], a, weights[v]);
            }
            w += nv * LANES * GROUP;
#pragma GCC unroll 4
            for (int b = 0; b < (n_px + 2) / 3; b++) base[b] += GROUP;
        }
    }
#pragma GCC unroll 12
    for (int p = 0; p < n_px; p++) {
#pragma GCC unroll 4
        for (int v = 0; v < nv; v++)
            _mm512_storeu_si512(job->acc + (p * nv + v) * LANES, acc[p][v]);
    }
}

/* Every tile size as a function of its own. columns: vectors, pixels */
#define DOT_LIST(X)                                                                                \
    X(1, 1)                                                                                        \
    X(1, 2)                                                                                        \
    X(1, 3) X(1, 4) X(1, 5) X(1, 6) X(1, 7) X(1, 8) X(1, 9) X(1, 10) X(1, 11) X(1, 12) X(2, 1)     \
        X(2, 2) X(2, 3) X(2, 4) X(2, 5) X(2, 6) X(2, 7) X(2, 8) X(2, 9) X(2, 10) X(2, 11) X(2, 12) \
            X(4, 1) X(4, 2) X(4, 3) X(4, 4) X(4, 5) X(4, 6)
#define X(nv, n_px)                                                                                \
    static void dot_##nv##_##n_px(const struct dot_job *job)                                       \
    {                                                                                              \
        dot(job, nv, n_px);                                                                        \
    }
DOT_LIST(X)
#undef X

typedef void dot_fn(const struct dot_job *job);
static dot_fn *const dots[5][MAX_PX + 1] = {
#define X(nv, n_px) [nv][n_px] = dot_##nv##_##n_px,
    DOT_LIST(X)
#undef X
};

/* Where one phase's share of a grid row goes. */
struct row_job {
    const struct conv_params *params;
    const struct conv_lines *lines;
    const int8_t *weights; /* of this phase */
    const int32_t *init;
    const int8_t *res; /* column 0 */
    uint8_t *out;      /* column 0 */
    size_t out_step;   /* bytes from one grid column to the next */
};

static void run_row(const struct row_job *r)
{
    const struct conv_shape *const s = &r->params->shape;
    const struct epilogue *const e = &r->params->epilogue;
    const size_t depth = (size_t)conv_lines_depth(s, GROUP);
    const size_t out_size = e->out == EPILOGUE_S8 ? 1 : e->out == EPILOGUE_S16 ? 2 : 4;
    const int n_vectors = count_vectors(s), grid_w = r->lines->grid_w;
    _Alignas(64) int32_t acc[MAX_ACC];
    for (int v = 0, nv; v < n_vectors; v += nv) {
        nv = block_of(n_vectors - v);
        const int c0 = v * LANES, n_left = s->out_c - c0, max_px = nv == 4 ? 6 : 12;
        const int n_tiles = (grid_w + max_px - 1) / max_px;
        for (int i = 0, x = 0, n_px; i < n_tiles; i++, x += n_px) {
            n_px = (grid_w - x + n_tiles - i - 1) / (n_tiles - i);
            dots[nv][n_px](&(struct dot_job){
                .lines = r->lines,
                .at = (size_t)x * r->lines->step,
                .weights = r->weights + (size_t)c0 * depth,
                .init = r->init + c0,
                .acc = acc,
            });
            epilogue_tile_avx512(
                e,
                &(struct epilogue_tile){
                    .acc = acc,
                    .acc_step = nv * LANES,
                    .n_px = n_px,
                    .n_channels = n_left < nv * LANES ? n_left : nv * LANES,
                    .c0 = c0,
                    .res = r->res != NULL ? r->res + (size_t)x * (size_t)s->res_pixel + c0 : NULL,
                    .out = r->out + (size_t)x * r->out_step + (size_t)c0 * out_size,
                    .res_step = (size_t)s->res_pixel,
                    .out_step = r->out_step,
                });
        }
    }
}

void conv_s8_run_6x64__avx512vnni(const struct conv_params *p, const int8_t *in, const int8_t *res,
                                  void *out, int row_begin, int row_end, void *scratch)
{
    const struct conv_shape *const s = &p->shape;
    const enum epilogue_out kind = p->epilogue.out;
    const size_t out_size = kind == EPILOGUE_S8 ? 1 : kind == EPILOGUE_S16 ? 2 : 4;
    const size_t out_pixel = (size_t)s->out_pixel * out_size;
    const int n_phases = s->upscale * s->upscale, n_channels = count_vectors(s) * LANES;
    const int8_t *const packed = p->packed;
    int32_t *const init = scratch;
    for (int phase = 0; phase < n_phases; phase++) {
        const int8_t *const sums = packed + (size_t)phase * phase_size(s) + weights_size(s);
        conv_phase_bias(p, phase, (const int32_t *)(const void *)sums, n_channels,
                        init + phase * n_channels);
    }
    struct conv_lines lines;
    conv_lines_init(&lines, p, &element, row_begin, init + n_phases * n_channels);
    for (int y = row_begin; y < row_end; y++) {
        conv_lines_seek(&lines, p, in, y);
        for (int phase = 0; phase < n_phases; phase++) {
            const size_t out_y = (size_t)y * (size_t)s->upscale + (size_t)(phase / s->upscale);
            const size_t out_x = (size_t)(phase % s->upscale);
            run_row(&(struct row_job){
                .params = p,
                .lines = &lines,
                .weights = packed + (size_t)phase * phase_size(s),
                .init = init + phase * n_channels,
                .res =
                    res != NULL ? res + (size_t)y * (size_t)s->out_w * (size_t)s->res_pixel : NULL,
                .out = (uint8_t *)out + (out_y * (size_t)s->out_w + out_x) * out_pixel,
                .out_step = out_pixel * (size_t)s->upscale,
            });
        }
    }
}
