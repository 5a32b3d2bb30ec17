/* SPDX-License-Identifier: Apache-2.0
 *
 * The products of a register tile on AVX-512 VNNI. Only for files compiled with its flags.
 */
#ifndef KERNELS_CONV_CONV_DOT_AVX512_H
#define KERNELS_CONV_CONV_DOT_AVX512_H

#include <string.h>

#include "kernels/conv/conv_tiled.h"
#include "kernels/simd_avx512.h"

SIMD_INLINE __m512i broadcast_avx512(const uint8_t *p)
{
    int32_t group;
    memcpy(&group, p, sizeof group);
    return _mm512_set1_epi32(group);
}

enum dot_type { DOT_U8, DOT_S16 };

SIMD_INLINE void dot_tile_avx512(const struct conv_dot *job, size_t at, int32_t *to, const int nv,
                                 const int n_px, const enum dot_type type)
{
    const struct conv_runs *const runs = job->runs;
    const size_t step = runs->step;
    const int n_groups = runs->run / (type == DOT_U8 ? 4 : 2);
    const uint8_t *w = job->weights;
    __m512i acc[CONV_MAX_PX][CONV_MAX_BLOCK];
#pragma GCC unroll 4
    for (int v = 0; v < nv; v++) {
#pragma GCC unroll 12
        for (int p = 0; p < n_px; p++) acc[p][v] = _mm512_loadu_si512(job->init + v * 16);
    }
    for (int i = 0; i < runs->n_segments; i++) {
        /* three pixels share a pointer: base, base + step, base + 2 step */
        const uint8_t *base[CONV_MAX_PX / 3];
#pragma GCC unroll 4
        for (int b = 0; b < (n_px + 2) / 3; b++)
            base[b] = runs->segment[i] + at + 3 * (size_t)b * step;
        for (int k = 0; k < n_groups; k++) {
            __m512i weights[CONV_MAX_BLOCK];
#pragma GCC unroll 4
            for (int v = 0; v < nv; v++) weights[v] = _mm512_loadu_si512(w + v * 64);
#pragma GCC unroll 12
            for (int p = 0; p < n_px; p++) {
                const __m512i a = broadcast_avx512(base[p / 3] + (size_t)(p % 3) * step);
#pragma GCC unroll 4
                for (int v = 0; v < nv; v++)
                    acc[p][v] = type == DOT_U8 ? _mm512_dpbusd_epi32(acc[p][v], a, weights[v])
                                               : _mm512_dpwssd_epi32(acc[p][v], a, weights[v]);
            }
            w += nv * 64;
#pragma GCC unroll 4
            for (int b = 0; b < (n_px + 2) / 3; b++) base[b] += 4;
        }
    }
#pragma GCC unroll 12
    for (int p = 0; p < n_px; p++) {
#pragma GCC unroll 4
        for (int v = 0; v < nv; v++) _mm512_storeu_si512(to + (p * nv + v) * 16, acc[p][v]);
    }
}

/* A conv_dot_fn for each constant nv and n_px: vpdpbusd on groups of 4 bytes (lines u8, weights s8) or vpdpwssd on pairs
 * of s16. */
SIMD_INLINE void dot_avx512(const struct conv_dot *job, const int nv, const int n_px,
                            const enum dot_type type)
{
    size_t at = job->at;
    int32_t *to = job->acc;
    for (int i = 0; i < job->n_tiles; i++) {
        dot_tile_avx512(job, at, to, nv, n_px, type);
        at += (size_t)n_px * job->runs->step;
        to += n_px * nv * 16;
    }
}

#endif
