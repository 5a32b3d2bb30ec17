/* SPDX-License-Identifier: Apache-2.0
 *
 * AVX-VNNI, 256 bits: vpdpbusd as in conv_avx512vnni.c with 8 output channels a vector, and the products of Winograd
 * F(4x4, 3x3) by vpdpwssd, between the transforms of AVX2. tests/check builds this file for the encoding of AVX-512
 * as well, so that machines which have only that can run it.
 */
#include <string.h>

#include "kernels/conv/conv_rows.h"
#include "kernels/conv/conv_tiled.h"
#include "kernels/conv/conv_winograd.h"
#include "kernels/simd_avx2.h"

#ifdef __AVXVNNI__
#define DPBUSD _mm256_dpbusd_avx_epi32
#define DPWSSD _mm256_dpwssd_avx_epi32
#else
#define DPBUSD _mm256_dpbusd_epi32
#define DPWSSD _mm256_dpwssd_epi32
#endif

enum { LANES = 8, MAX_PX = 6, MAX_BLOCK = 2, GROUP_SIZE = 4 /* bytes that a lane multiplies */ };

static void flip_lines(uint8_t *to, size_t to_step, const uint8_t *from, size_t from_step, int n_px,
                       int n)
{
    const __m256i flip = _mm256_set1_epi8(-128);
    for (int p = 0; p < n_px; p++, to += to_step, from += from_step) {
        for (int i = 0; i < n; i += 32) {
            const __m256i a = _mm256_loadu_si256((const __m256i *)(from + i));
            _mm256_storeu_si256((__m256i *)(to + i), _mm256_xor_si256(a, flip));
        }
    }
}

SIMD_INLINE __m256i broadcast_group(const uint8_t *p)
{
    int32_t group;
    memcpy(&group, p, sizeof group);
    return _mm256_set1_epi32(group);
}

SIMD_INLINE void dot_tile(const struct conv_dot *job, size_t at, int32_t *to, const int nv,
                          const int n_px)
{
    const struct conv_runs *const runs = job->runs;
    const size_t step = runs->step;
    const int n_groups = runs->run / 4;
    const uint8_t *w = job->weights;
    __m256i acc[MAX_PX][MAX_BLOCK];
#pragma GCC unroll 2
    for (int v = 0; v < nv; v++) {
#pragma GCC unroll 6
        for (int p = 0; p < n_px; p++)
            acc[p][v] = _mm256_load_si256((const __m256i *)(job->init + v * LANES));
    }
    for (int i = 0; i < runs->n_segments; i++) {
        /* three pixels share a pointer: base, base + step, base + 2 step */
        const uint8_t *base[MAX_PX / 3];
#pragma GCC unroll 2
        for (int b = 0; b < (n_px + 2) / 3; b++)
            base[b] = runs->segment[i] + at + 3 * (size_t)b * step;
        for (int k = 0; k < n_groups; k++) {
            __m256i weights[MAX_BLOCK];
#pragma GCC unroll 2
            for (int v = 0; v < nv; v++)
                weights[v] = _mm256_load_si256((const __m256i *)(w + v * LANES * GROUP_SIZE));
#pragma GCC unroll 6
            for (int p = 0; p < n_px; p++) {
                const __m256i a = broadcast_group(base[p / 3] + (size_t)(p % 3) * step);
#pragma GCC unroll 2
                for (int v = 0; v < nv; v++) acc[p][v] = DPBUSD(acc[p][v], a, weights[v]);
            }
            w += nv * LANES * GROUP_SIZE;
#pragma GCC unroll 2
            for (int b = 0; b < (n_px + 2) / 3; b++) base[b] += GROUP_SIZE;
        }
    }
#pragma GCC unroll 6
    for (int p = 0; p < n_px; p++) {
#pragma GCC unroll 2
        for (int v = 0; v < nv; v++)
            _mm256_store_si256((__m256i *)(to + (p * nv + v) * LANES), acc[p][v]);
    }
}

#include "kernels/conv/conv_dots.h"

static const struct conv_kernel direct = {
    .element = {.size = 1, .group = 4, .convert = flip_lines},
    .lanes = LANES,
    .max_block = MAX_BLOCK,
    .w_offset = -128,
    .max_px = {[1] = MAX_PX, [2] = MAX_PX},
    .dots = dots,
    .epilogue = epilogue_tile_avx2,
    .add_coarse = conv_add_coarse,
};

CONV_TILED_ROW(6x16__avxvnni, direct)

#define PRODUCTS_ADD(sum, a, w) DPWSSD(sum, a, w)
#include "kernels/conv/conv_winograd_products_256.h"

static const winograd_products_table products_table = PRODUCTS_TABLE;

static const struct winograd_kernel winograd = {
    .tile = 4,
    .element = {.size = 1, .group = 16, .convert = copy_bytes_avx2},
    .lanes = LANES,
    .max_block = MAX_BLOCK,
    .min_in_c = 32,
    .min_out_c = 16,
    .products = &products_table,
    .transform_input = winograd_input_avx2,
    .transform_output = winograd_output_avx2,
    .epilogue = epilogue_tile_avx2,
};

WINOGRAD_ROW(winograd4__avxvnni, winograd)
