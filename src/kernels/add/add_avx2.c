/* SPDX-License-Identifier: Apache-2.0
 *
 * 16 channels at a time, pixel after pixel, so that their constants stay in registers: vpmaddwd on pairs (a, b) with
 * pairs (mul, res_mul). The last channels of a pixel read on into what follows and store only their own.
 */
#include "kernels/add/add_rows.h"

#include <string.h>

#include "kernels/simd_avx2.h"

/* Constants of 16 channels in unpacked order. */
struct constants {
    __m256i mul_lo, mul_hi, offset_lo, offset_hi;
    __m128i shift;
};

static struct constants constants_of(const struct add_params *p, int c)
{
    const __m256i mul = _mm256_loadu_si256((const __m256i *)(p->mul + c));
    const __m256i res_mul = _mm256_loadu_si256((const __m256i *)(p->res_mul + c));
    const __m256i lo = _mm256_loadu_si256((const __m256i *)(p->offset + c));
    const __m256i hi = _mm256_loadu_si256((const __m256i *)(p->offset + c + 8));
    return (struct constants){
        .mul_lo = _mm256_unpacklo_epi16(mul, res_mul),
        .mul_hi = _mm256_unpackhi_epi16(mul, res_mul),
        .offset_lo = _mm256_permute2x128_si256(lo, hi, 0x20),
        .offset_hi = _mm256_permute2x128_si256(lo, hi, 0x31),
        .shift = _mm_cvtsi32_si128(p->shift),
    };
}

/* 16 elements, s16 or s8 widened. */
SIMD_INLINE __m256i load(const uint8_t *from, bool is_wide)
{
    if (is_wide) return _mm256_loadu_si256((const __m256i *)from);
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)from));
}

SIMD_INLINE __m256i add(const struct constants *k, __m256i a, __m256i b)
{
    const __m256i lo = _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), k->mul_lo);
    const __m256i hi = _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), k->mul_hi);
    return _mm256_packs_epi32(_mm256_sra_epi32(_mm256_add_epi32(lo, k->offset_lo), k->shift),
                              _mm256_sra_epi32(_mm256_add_epi32(hi, k->offset_hi), k->shift));
}

/* Stores the first n of 16, as s16 or saturated to s8. */
SIMD_INLINE void store(uint8_t *to, __m256i y, bool is_wide, int n)
{
    uint8_t part[32];
    const size_t size = is_wide ? 2 : 1;
    uint8_t *const at = n >= 16 ? to : part;
    if (is_wide)
        _mm256_storeu_si256((__m256i *)at, y);
    else
        _mm_storeu_si128((__m128i *)at, _mm_packs_epi16(_mm256_castsi256_si128(y),
                                                        _mm256_extracti128_si256(y, 1)));
    if (n < 16) memcpy(to, part, (size_t)n * size);
}

void add_s8_run__avx2(const struct add_params *p, const void *a, const void *b, void *out,
                      int row_begin, int row_end)
{
    const size_t begin = (size_t)row_begin * (size_t)p->w, end = (size_t)row_end * (size_t)p->w;
    const size_t a_size = p->is_a_wide ? 2 : 1, b_size = p->is_b_wide ? 2 : 1;
    const size_t out_size = p->is_out_wide ? 2 : 1;
    for (size_t k = 0; k < (size_t)p->c; k += 16) {
        const struct constants constants = constants_of(p, (int)k);
        const uint8_t *pa = (const uint8_t *)a + (begin * (size_t)p->a_pixel + k) * a_size;
        const uint8_t *pb = (const uint8_t *)b + (begin * (size_t)p->b_pixel + k) * b_size;
        uint8_t *to = (uint8_t *)out + (begin * (size_t)p->out_pixel + k) * out_size;
        const int n = p->c - (int)k;
        for (size_t i = begin; i < end; i++) {
            const __m256i y = add(&constants, load(pa, p->is_a_wide), load(pb, p->is_b_wide));
            store(to, y, p->is_out_wide, n);
            pa += (size_t)p->a_pixel * a_size;
            pb += (size_t)p->b_pixel * b_size;
            to += (size_t)p->out_pixel * out_size;
        }
    }
}
