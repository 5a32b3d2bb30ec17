/* SPDX-License-Identifier: Apache-2.0
 *
 * s16 by s8 with vpdpwssd: 16 output channels a vector, 2 products a lane. Weights are widened to s16 as they are
 * packed.
 */
#include "kernels/conv/conv_dot_avx512.h"
#include "kernels/conv/conv_rows.h"
#include "kernels/conv/conv_tiled.h"
#include "kernels/simd_avx512.h"

enum { GROUP = 2, LANES = 16 };

/* Tiles of four vectors. columns: vectors, pixels */
#define WIDE_LIST(X) X(4, 1) X(4, 2) X(4, 3) X(4, 4) X(4, 5) X(4, 6)
#define X(nv, n_px)                                                                                \
    static void dot_##nv##_##n_px(const struct conv_dot *job)                                      \
    {                                                                                              \
        dot_avx512(job, nv, n_px, DOT_S16);                                                        \
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
    .element = {.size = 2, .group = GROUP, .convert_wide = copy_lines_avx512},
    .lanes = LANES,
    .max_block = 4,
    .w_offset = 0,
    .max_px = {[1] = 12, [2] = 12, [4] = 6},
    .dots = dots,
    .epilogue = epilogue_tile_avx512,
    .add_coarse = conv_add_coarse,
};

CONV_TILED_ROW(wide6x64__avx512vnni, kernel)
