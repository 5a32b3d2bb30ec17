/* SPDX-License-Identifier: Apache-2.0
 *
 * vpmaddwd: 8 output channels a vector, 2 products a lane, exact for every s8. Lines and weights are widened to
 * s16 once, so that the inner loop only loads, multiplies and adds.
 */
#include <string.h>

#include "kernels/conv/conv_rows.h"
#include "kernels/conv/conv_tiled.h"
#include "kernels/simd_avx2.h"

enum { GROUP = 2, LANES = 8, MAX_PX = 6, MAX_BLOCK = 2, GROUP_SIZE = GROUP * 2 };

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
        for (int k = 0; k < runs->run; k += GROUP) {
            __m256i weights[MAX_BLOCK];
#pragma GCC unroll 2
            for (int v = 0; v < nv; v++)
                weights[v] = _mm256_load_si256((const __m256i *)(w + v * LANES * GROUP_SIZE));
#pragma GCC unroll 6
            for (int p = 0; p < n_px; p++) {
                const __m256i a = broadcast_group(base[p / 3] + (size_t)(p % 3) * step);
#pragma GCC unroll 2
                for (int v = 0; v < nv; v++)
                    acc[p][v] = _mm256_add_epi32(acc[p][v], _mm256_madd_epi16(a, weights[v]));
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

static const struct conv_kernel kernel = {
    .element = {.size = 2,
                .group = GROUP,
                .convert = widen_lines_avx2,
                .convert_wide = copy_lines_avx2},
    .lanes = LANES,
    .max_block = MAX_BLOCK,
    .w_offset = 0,
    .max_px = {[1] = MAX_PX, [2] = MAX_PX},
    .dots = dots,
    .epilogue = epilogue_tile_avx2,
    .add_coarse = conv_add_coarse,
};

CONV_TILED_ROW(6x16__avx2, kernel)
