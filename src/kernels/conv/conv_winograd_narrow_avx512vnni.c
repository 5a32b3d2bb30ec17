/* SPDX-License-Identifier: Apache-2.0
 *
 * Winograd F(4x4, 3x3) for up to 8 output channels, half a vector of 512 bits: 256 bits, the products are vpdpwssd.
 */
#include "kernels/conv/conv_rows.h"
#include "kernels/conv/conv_winograd.h"
#include "kernels/simd_avx2.h"

#define PRODUCTS_ADD(sum, a, w) _mm256_dpwssd_epi32(sum, a, w)
#include "kernels/conv/conv_winograd_products_256.h"

static const winograd_products_table products_256 = PRODUCTS_TABLE;

static const struct winograd_kernel kernel = {
    .tile = 4,
    .element = {.size = 1, .group = 16, .convert = copy_bytes_avx2},
    .lanes = 8,
    .max_block = 2,
    .min_in_c = 9,
    .min_out_c = 8,
    .max_out_c = 8,
    .products = &products_256,
    .transform_input = winograd_input_avx2,
    .transform_output = winograd_output_avx2,
    .epilogue = epilogue_tile_avx512,
};

WINOGRAD_ROW(winograd4k8__avx512vnni, kernel)
