/* SPDX-License-Identifier: Apache-2.0
 *
 * Weights for Winograd: U = G g G^T (conv_winograd.h) of eight output channels and two input channels in a vector, as they
 * lie in packed weights. All CPUs with one of its rows have AVX2.
 */
#include <immintrin.h>
#include <string.h>

#include "kernels/conv/conv_winograd.h"

enum { LANES = 8 /* output channels */, CHANNELS = 8, PAIRS = CHANNELS / 2, MAX_WINDOW = 6 };

/* Weights of up to eight output channels for one tap and up to eight input channels. */
struct taps {
    const int8_t *w; /* first output and input channel, tap 0 */
    size_t lane;     /* elements from one output channel to the next */
    size_t tap;
    int n_lanes, n_channels;
};

/* One tap as s16: in vector p channels 2 p and 2 p + 1 of every lane; those that are not there weigh zero. */
SIMD_INLINE void load_tap(const struct taps *t, int tap, __m256i pair[PAIRS])
{
    __m128i x[LANES], two[LANES / 2], four[LANES / 2];
#pragma GCC unroll 8
    for (int i = 0; i < LANES; i++) {
        uint64_t bytes = 0;
        const int8_t *const from = t->w + (size_t)i * t->lane + (size_t)tap * t->tap;
        if (i < t->n_lanes && t->n_channels == CHANNELS)
            memcpy(&bytes, from, CHANNELS);
        else if (i < t->n_lanes)
            memcpy(&bytes, from, (size_t)t->n_channels);
        x[i] = _mm_cvtsi64_si128((long long)bytes);
    }
#pragma GCC unroll 4
    for (int i = 0; i < LANES / 2; i++) two[i] = _mm_unpacklo_epi16(x[2 * i], x[2 * i + 1]);
#pragma GCC unroll 2
    for (int i = 0; i < 2; i++) {
        four[i] = _mm_unpacklo_epi32(two[2 * i], two[2 * i + 1]); /* channels 0 to 3 */
        four[i + 2] = _mm_unpackhi_epi32(two[2 * i], two[2 * i + 1]);
    }
    pair[0] = _mm256_cvtepi8_epi16(_mm_unpacklo_epi64(four[0], four[1]));
    pair[1] = _mm256_cvtepi8_epi16(_mm_unpackhi_epi64(four[0], four[1]));
    pair[2] = _mm256_cvtepi8_epi16(_mm_unpacklo_epi64(four[2], four[3]));
    pair[3] = _mm256_cvtepi8_epi16(_mm_unpackhi_epi64(four[2], four[3]));
}

SIMD_INLINE __m256i times_6(__m256i v)
{
    return _mm256_add_epi16(_mm256_slli_epi16(v, 2), _mm256_slli_epi16(v, 1));
}

/* G g for one row or column of three. */
SIMD_INLINE void transform_3(const int tile, const __m256i g[3], __m256i *u)
{
    const __m256i even = _mm256_add_epi16(g[0], g[2]);
    u[1] = _mm256_add_epi16(even, g[1]);
    u[2] = _mm256_sub_epi16(even, g[1]);
    if (tile == 2) {
        u[0] = _mm256_add_epi16(g[0], g[0]);
        u[3] = _mm256_add_epi16(g[2], g[2]);
        return;
    }
    const __m256i far = _mm256_add_epi16(g[0], _mm256_slli_epi16(g[2], 2));
    const __m256i twice = _mm256_add_epi16(g[1], g[1]);
    u[0] = times_6(g[0]);
    u[3] = _mm256_add_epi16(far, twice);
    u[4] = _mm256_sub_epi16(far, twice);
    u[5] = times_6(g[2]);
}

/* Eight channels of eight lanes. to: pair 0, position 0. */
SIMD_INLINE void pack_8(const int tile, const struct taps *t, int16_t *to, size_t pair_len,
                        size_t position_len)
{
    const int window = tile + 2;
    __m256i tap[9][PAIRS];
    for (int i = 0; i < 9; i++) load_tap(t, i, tap[i]);
    for (int p = 0; p < (t->n_channels + 1) / 2; p++, to += pair_len) {
        __m256i rows[MAX_WINDOW][3];
#pragma GCC unroll 3
        for (int x = 0; x < 3; x++) {
            const __m256i column[3] = {tap[x][p], tap[3 + x][p], tap[6 + x][p]};
            __m256i u[MAX_WINDOW];
            transform_3(tile, column, u);
#pragma GCC unroll 6
            for (int i = 0; i < window; i++) rows[i][x] = u[i];
        }
        int16_t *at = to;
#pragma GCC unroll 6
        for (int i = 0; i < window; i++) {
            __m256i u[MAX_WINDOW];
            transform_3(tile, rows[i], u);
#pragma GCC unroll 6
            for (int j = 0; j < window; j++, at += position_len)
                _mm256_storeu_si256((__m256i *)at, u[j]);
        }
    }
}

/* One block of output channels. */
static void pack_block(int tile, const struct taps *block, int in_c, int n_channels, int16_t *to,
                       size_t position_len)
{
    const size_t pair_len = (size_t)n_channels * 2;
    for (int c = 0; c < in_c; c += CHANNELS) {
        for (int lane = 0; lane < block->n_lanes; lane += LANES) {
            struct taps t = *block;
            t.w += (size_t)lane * t.lane + (size_t)c;
            t.n_lanes = t.n_lanes - lane < LANES ? t.n_lanes - lane : LANES;
            t.n_channels = in_c - c < CHANNELS ? in_c - c : CHANNELS;
            int16_t *const at = to + (size_t)(c / 2) * pair_len + 2 * lane;
            if (tile == 4) /* a constant, so that the loops unroll */
                pack_8(4, &t, at, pair_len, position_len);
            else
                pack_8(2, &t, at, pair_len, position_len);
        }
    }
}

void winograd_pack(const struct winograd_kernel *k, const struct conv_shape *s, const int8_t *w,
                   void *packed)
{
    const int n_vectors = winograd_vectors(k, s);
    const size_t in_c = (size_t)s->in_c;
    if (s->in_c != winograd_channels(k, s) || s->out_c % k->lanes != 0)
        memset(packed, 0, winograd_packed_size(k, s));
    for (int v = 0, nv; v < n_vectors; v += nv) {
        nv = winograd_block(k, n_vectors - v);
        const int c0 = v * k->lanes, n_channels = nv * k->lanes;
        const struct taps block = {
            .w = w + (size_t)c0 * 9 * in_c,
            .lane = 9 * in_c,
            .tap = in_c,
            .n_lanes = s->out_c - c0 < n_channels ? s->out_c - c0 : n_channels,
        };
        pack_block(k->tile, &block, s->in_c, n_channels,
                   (int16_t *)packed + winograd_weights_len(k, s, c0),
                   (size_t)winograd_channels(k, s) * (size_t)n_channels);
    }
}
