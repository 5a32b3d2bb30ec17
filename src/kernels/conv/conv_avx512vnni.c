/* SPDX-License-Identifier: Apache-2.0
 *
 * vpdpbusd: 16 output channels a vector, 4 products a lane. Activations are made unsigned (s8 ^ 0x80 = s8 + 128)
 * as lines are converted; -128 sum(w) goes with the bias.
 */
#include "kernels/conv/conv_dot_avx512.h"
#include "kernels/conv/conv_rows.h"
#include "kernels/conv/conv_tiled.h"
#include "kernels/simd_avx512.h"

enum { GROUP = 4, LANES = 16 };

static void convert(uint8_t *to, size_t to_step, const uint8_t *from, size_t from_step, int n_px,
                    int n)
{
    const __m512i flip = _mm512_set1_epi8(-128);
    for (int p = 0; p < n_px; p++, to += to_step, from += from_step) {
        for (int i = 0; i < n; i += 64)
            _mm512_storeu_si512(to + i, _mm512_xor_si512(_mm512_loadu_si512(from + i), flip));
    }
}

/* Tiles of four vectors. columns: vectors, pixels */
#define WIDE_LIST(X) X(4, 1) X(4, 2) X(4, 3) X(4, 4) X(4, 5) X(4, 6)
#define X(nv, n_px)                                                                                \
    static void dot_##nv##_##n_px(const struct conv_dot *job)                                      \
    {                                                                                              \
        dot_avx512(job, nv, n_px, DOT_U8);                                                         \
    }
#include "kernels/conv/conv_dot_avx512.def"
WIDE_LIST(X)
#undef X

static conv_dot_fn *const dots[CONV_MAX_BLOCK + 1][CONV_MAX_PX + 1] = {
#define X(nv, n_px) [nv][n_px] = dot_##nv##_##n_px,
#include "kernels/conv/conv_dot_avx512.def"
    WIDE_LIST(X)
#undef X
};
#undef WIDE_LIST

static const struct conv_kernel kernel = {
    .element = {.size = 1, .group = GROUP, .convert = convert},
    .lanes = LANES,
    .max_block = 4,
    .w_offset = -128,
    .max_px = {[1] = 12, [2] = 12, [4] = 6},
    .dots = dots,
    .epilogue = epilogue_tile_avx512,
    .add_coarse = conv_add_coarse,
};

CONV_TILED_ROW(6x64__avx512vnni, kernel)
