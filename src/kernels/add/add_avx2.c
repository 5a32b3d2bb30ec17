/* SPDX-License-Identifier: Apache-2.0
 *
 * 16 channels at a time, pixel after pixel, so that their constants stay in registers: vpmaddwd on pairs (a, b) with
 * pairs (mul, res_mul). The last channels of a pixel read on into what follows and store only their own.
 */
#include "kernels/add/add_rows.h"

#include "kernels/simd_avx2.h"

void add_s8_run__avx2(const struct add_params *p, const int8_t *a, const int8_t *b, int8_t *out,
                      int row_begin, int row_end)
{
    const struct epilogue constants = {
        .mul = p->mul, .res_mul = p->res_mul, .offset = p->offset, .shift = p->shift};
    const size_t begin = (size_t)row_begin * (size_t)p->w, end = (size_t)row_end * (size_t)p->w;
    for (int k = 0; k < p->c; k += 16) {
        const struct requant_avx2 requant = requant_init_avx2(&constants, k);
        const int8_t *pa = a + begin * (size_t)p->a_pixel + k;
        const int8_t *pb = b + begin * (size_t)p->b_pixel + k;
        int8_t *to = out + begin * (size_t)p->out_pixel + k;
        for (size_t i = begin; i < end; i++) {
            const __m256i v = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)pa));
            const __m256i y = requant_res_avx2(&requant, v, _mm_loadu_si128((const __m128i *)pb));
            store_s8_avx2((uint8_t *)to, y, p->c - k);
            pa += p->a_pixel;
            pb += p->b_pixel;
            to += p->out_pixel;
        }
    }
}
