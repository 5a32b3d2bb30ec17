/* SPDX-License-Identifier: Apache-2.0
 *
 * vpdpbusd: 16 output channels a vector, 4 products a lane. Activations are made unsigned (s8 ^ 0x80 = s8 + 128)
 * as lines are converted; -128 sum(w) goes with the bias.
 */
#include <string.h>

#include "kernels/conv/conv_rows.h"
#include "kernels/conv/conv_tiled.h"
#include "kernels/simd_avx512.h"

enum { GROUP = 4, LANES = 16 };

static void convert(uint8_t *to, size_t to_step, const int8_t *from, size_t from_step, int n_px,
                    int n)
{
    const __m512i flip = _mm512_set1_epi8(-128);
    for (int p = 0; p < n_px; p++, to += to_step, from += from_step) {
        for (int i = 0; i < n; i += 64)
            _mm512_storeu_si512(to + i, _mm512_xor_si512(_mm512_loadu_si512(from + i), flip));
    }
}

SIMD_INLINE __m512i broadcast_group(const uint8_t *p)
{
    int32_t group;
    memcpy(&group, p, sizeof group);
    return _mm512_set1_epi32(group);
}

SIMD_INLINE void dot(const struct conv_dot *job, const int nv, const int n_px)
{
    const struct conv_runs *const runs = job->runs;
    const size_t step = runs->step;
    const uint8_t *w = job->weights;
    __m512i acc[CONV_MAX_PX][CONV_MAX_BLOCK];
#pragma GCC unroll 4
    for (int v = 0; v < nv; v++) {
#pragma GCC unroll 12
        for (int p = 0; p < n_px; p++) acc[p][v] = _mm512_loadu_si512(job->init + v * LANES);
    }
    for (int i = 0; i < runs->n_segments; i++) {
        /* three pixels share a pointer: base, base + step, base + 2 step */
        const uint8_t *base[CONV_MAX_PX / 3];
#pragma GCC unroll 4
        for (int b = 0; b < (n_px + 2) / 3; b++)
            base[b] = runs->segment[i] + job->at + 3 * (size_t)b * step;
        for (int k = 0; k < runs->run; k += GROUP) {
            __m512i weights[CONV_MAX_BLOCK];
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

/* columns: vectors, pixels */
#define DOT_LIST(X)                                                                                \
    X(1, 1)                                                                                        \
    X(1, 2)                                                                                        \
    X(1, 3)                                                                                        \
    X(1, 4)                                                                                        \
    X(1, 5) X(1, 6) X(1, 7) X(1, 8) X(1, 9) X(1, 10) X(1, 11) X(1, 12) X(2, 1) X(2, 2) X(2, 3)     \
        X(2, 4) X(2, 5) X(2, 6) X(2, 7) X(2, 8) X(2, 9) X(2, 10) X(2, 11) X(2, 12) X(4, 1) X(4, 2) \
            X(4, 3) X(4, 4) X(4, 5) X(4, 6)
#define X(nv, n_px)                                                                                \
    static void dot_##nv##_##n_px(const struct conv_dot *job)                                      \
    {                                                                                              \
        dot(job, nv, n_px);                                                                        \
    }
DOT_LIST(X)
#undef X

static conv_dot_fn *const dots[CONV_MAX_BLOCK + 1][CONV_MAX_PX + 1] = {
#define X(nv, n_px) [nv][n_px] = dot_##nv##_##n_px,
    DOT_LIST(X)
#undef X
};
#undef DOT_LIST

static const struct conv_kernel kernel = {
    .element = {.size = 1, .group = GROUP, .convert = convert},
    .lanes = LANES,
    .max_block = 4,
    .w_offset = -128,
    .max_px = {[1] = 12, [2] = 12, [4] = 6},
    .dots = dots,
    .epilogue = epilogue_tile_avx512,
};

CONV_TILED_ROW(6x64__avx512vnni, kernel)
