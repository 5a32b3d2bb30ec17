/* SPDX-License-Identifier: Apache-2.0
 *
 * 16 channels at a time, pixel after pixel, so that their constants stay in registers: vpmaddwd on pairs (a, b) with
 * pairs (mul, res_mul). The last channels of a pixel read on into what follows and store only their own.
 */
#include "kernels/add/add_rows.h"

#include "kernels/simd_avx2.h"

/* 16 elements, s16 or s8 widened. */
SIMD_INLINE __m256i load(const uint8_t *from, bool is_wide)
{
    if (is_wide) return _mm256_loadu_si256((const __m256i *)from);
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)from));
}

void add_s8_run__avx2(const struct add_params *p, const void *a, const void *b, void *out,
                      int row_begin, int row_end)
{
    const struct epilogue constants = {
        .mul = p->mul, .res_mul = p->res_mul, .offset = p->offset, .shift = p->shift};
    const size_t begin = (size_t)row_begin * (size_t)p->w, end = (size_t)row_end * (size_t)p->w;
    const size_t a_size = p->is_a_wide ? 2 : 1, b_size = p->is_b_wide ? 2 : 1;
    const size_t out_size = p->is_out_wide ? 2 : 1;
    for (size_t k = 0; k < (size_t)p->c; k += 16) {
        const struct requant_avx2 requant = requant_init_avx2(&constants, (int)k);
        const uint8_t *pa = (const uint8_t *)a + (begin * (size_t)p->a_pixel + k) * a_size;
        const uint8_t *pb = (const uint8_t *)b + (begin * (size_t)p->b_pixel + k) * b_size;
        uint8_t *to = (uint8_t *)out + (begin * (size_t)p->out_pixel + k) * out_size;
        const int n = p->c - (int)k;
        for (size_t i = begin; i < end; i++) {
            const __m256i y =
                requant_res_avx2(&requant, load(pa, p->is_a_wide), load(pb, p->is_b_wide));
            if (p->is_out_wide)
                store_s16_avx2(to, y, n);
            else
                store_s8_avx2(to, y, n);
            pa += (size_t)p->a_pixel * a_size;
            pb += (size_t)p->b_pixel * b_size;
            to += (size_t)p->out_pixel * out_size;
        }
    }
}
