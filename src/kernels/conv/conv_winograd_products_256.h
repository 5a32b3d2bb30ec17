/* SPDX-License-Identifier: Apache-2.0
 *
 * conv_winograd_products.h for vectors of 256 bits: included behind PRODUCTS_ADD alone.
 */
#define PRODUCTS_VECTOR __m256i
#define PRODUCTS_LANES 8
#define PRODUCTS_LOAD(from) _mm256_load_si256((const __m256i *)(from))
#define PRODUCTS_STORE(to, v) _mm256_store_si256((__m256i *)(to), v)
#define PRODUCTS_SET(x) _mm256_set1_epi32(x)
#define PRODUCTS_FIRST(a, w) _mm256_madd_epi16(a, w)
#include "kernels/conv/conv_winograd_products.h"
