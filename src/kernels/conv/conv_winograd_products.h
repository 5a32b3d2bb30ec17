/* SPDX-License-Identifier: Apache-2.0
 *
 * The products of all positions of a block of channels, for one instruction set: included once in a file that
 * defines
 *
 *   PRODUCTS_VECTOR, PRODUCTS_LANES (s32 of it)
 *   PRODUCTS_LOAD(from), PRODUCTS_STORE(to, v) (aligned), PRODUCTS_SET(s32),
 *   PRODUCTS_FIRST(a, w): of each lane, both products of a pair of s16, and
 *   PRODUCTS_ADD(sum, a, w): the same, added to sum
 *
 * PRODUCTS_TABLE then initialises winograd_kernel's `products`. The loop over positions is inside: with 32 channels a position
 * takes a hundred cycles, and a call of its own would take twenty.
 */
#include <stdbool.h>
#include <string.h>

enum { PRODUCTS_SIZE = 4 * PRODUCTS_LANES }; /* bytes of a vector */

/* One pair of channels; the first one starts the sums. */
SIMD_INLINE void products_pair(PRODUCTS_VECTOR sum[][WINOGRAD_MAX_BLOCK],
                               const uint8_t *const base[], size_t step, const uint8_t *w,
                               const int nv, const int n_tiles, const bool is_first)
{
    PRODUCTS_VECTOR weights[WINOGRAD_MAX_BLOCK];
#pragma GCC unroll 2
    for (int b = 0; b < nv; b++) weights[b] = PRODUCTS_LOAD(w + b * PRODUCTS_SIZE);
#pragma GCC unroll 6
    for (int p = 0; p < n_tiles; p++) {
        int32_t pair;
        memcpy(&pair, base[p / 3] + (size_t)(p % 3) * step, sizeof pair);
        const PRODUCTS_VECTOR a = PRODUCTS_SET(pair);
#pragma GCC unroll 2
        for (int b = 0; b < nv; b++)
            sum[p][b] =
                is_first ? PRODUCTS_FIRST(a, weights[b]) : PRODUCTS_ADD(sum[p][b], a, weights[b]);
    }
}

SIMD_INLINE void products(const struct winograd_products *job, const int nv, const int n_tiles)
{
    const uint8_t *v = job->v, *w = job->weights;
    const size_t step = job->v_step;
    int32_t *m = job->m;
    for (int i = 0; i < job->n_positions; i++, v += job->v_position, m += job->m_position) {
        PRODUCTS_VECTOR sum[WINOGRAD_TILES][WINOGRAD_MAX_BLOCK];
        /* three tiles share a pointer: base, base + step, base + 2 step */
        const uint8_t *base[WINOGRAD_TILES / 3];
#pragma GCC unroll 2
        for (int b = 0; b < (n_tiles + 2) / 3; b++) base[b] = v + 3 * (size_t)b * step;
        products_pair(sum, base, step, w, nv, n_tiles, true);
        for (int k = 1; k < job->n_pairs; k++) {
            w += nv * PRODUCTS_SIZE;
#pragma GCC unroll 2
            for (int b = 0; b < (n_tiles + 2) / 3; b++) base[b] += sizeof(int32_t);
            products_pair(sum, base, step, w, nv, n_tiles, false);
        }
        w += nv * PRODUCTS_SIZE;
#pragma GCC unroll 6
        for (int p = 0; p < n_tiles; p++) {
#pragma GCC unroll 2
            for (int b = 0; b < nv; b++)
                PRODUCTS_STORE(m + (p * nv + b) * PRODUCTS_LANES, sum[p][b]);
        }
    }
}

/* columns: vectors, tiles */
#define PRODUCTS_LIST(X)                                                                           \
    X(1, 1) X(1, 2) X(1, 3) X(1, 4) X(1, 5) X(1, 6) X(2, 1) X(2, 2) X(2, 3) X(2, 4) X(2, 5) X(2, 6)

#define X(nv, n_tiles)                                                                             \
    static void products_##nv##_##n_tiles(const struct winograd_products *job)                     \
    {                                                                                              \
        products(job, nv, n_tiles);                                                                \
    }
PRODUCTS_LIST(X)
#undef X

#define X(nv, n_tiles) [nv][n_tiles] = products_##nv##_##n_tiles,
#define PRODUCTS_TABLE                                                                             \
    {                                                                                              \
        PRODUCTS_LIST(X)                                                                           \
    }
