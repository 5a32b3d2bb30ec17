/* SPDX-License-Identifier: Apache-2.0
 *
 * The stages of tensor/fixed.h on AVX2 vectors, and the epilogue of a tile. Only for files compiled with -mavx2.
 */
#ifndef KERNELS_SIMD_AVX2_H
#define KERNELS_SIMD_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "kernels/epilogue.h"
#include "kernels/simd_tile.h"
#include "tensor/fixed.h"

/* Lines of s8 widened to s16: a conv_convert_fn. */
static inline void widen_lines_avx2(uint8_t *to, size_t to_step, const uint8_t *from,
                                    size_t from_step, int n_px, int n)
{
    for (int p = 0; p < n_px; p++, to += to_step, from += from_step) {
        for (int i = 0; i < n; i += 16) {
            const __m128i a = _mm_loadu_si128((const __m128i *)(from + i));
            _mm256_storeu_si256((__m256i *)(to + 2 * i), _mm256_cvtepi8_epi16(a));
        }
    }
}

/* Lines of s16 as they are: a conv_convert_fn. */
static inline void copy_lines_avx2(uint8_t *to, size_t to_step, const uint8_t *from,
                                   size_t from_step, int n_px, int n)
{
    for (int p = 0; p < n_px; p++, to += to_step, from += from_step) {
        for (int i = 0; i < 2 * n; i += 32) {
            const __m256i a = _mm256_loadu_si256((const __m256i *)(from + i));
            _mm256_storeu_si256((__m256i *)(to + i), a);
        }
    }
}

/* fixed_sigmoid's constants: a table of eight s16 fills a 128-bit lane, which vpshufb looks up. */
struct sigmoid_avx2 {
    __m256i c0, c1, c2, c3, limit;
    __m128i range_log2;
};

SIMD_INLINE __m256i sigmoid_table_avx2(const int16_t *c)
{
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)c));
}

SIMD_INLINE struct sigmoid_avx2 sigmoid_init_avx2(int range_log2)
{
    const struct sigmoid_table *const k = &fixed_sigmoid_table;
    return (struct sigmoid_avx2){
        .c0 = sigmoid_table_avx2(k->c0),
        .c1 = sigmoid_table_avx2(k->c1),
        .c2 = sigmoid_table_avx2(k->c2),
        .c3 = sigmoid_table_avx2(k->c3),
        .limit = _mm256_set1_epi16((int16_t)(32767 >> range_log2)),
        .range_log2 = _mm_cvtsi32_si128(range_log2),
    };
}

SIMD_INLINE __m256i sigmoid_avx2(const struct sigmoid_avx2 *k, __m256i t)
{
    __m256i u = _mm256_min_epu16(_mm256_abs_epi16(t), k->limit);
    u = _mm256_sll_epi16(u, k->range_log2);
    /* bytes 2 i and 2 i + 1 of the tables */
    const __m256i i =
        _mm256_add_epi16(_mm256_mullo_epi16(_mm256_srli_epi16(u, 12), _mm256_set1_epi16(0x0202)),
                         _mm256_set1_epi16(0x0100));
    const __m256i x = _mm256_and_si256(_mm256_slli_epi16(u, 3), _mm256_set1_epi16(0x7fff));
    __m256i g = _mm256_shuffle_epi8(k->c3, i);
    g = _mm256_add_epi16(_mm256_mulhrs_epi16(g, x), _mm256_shuffle_epi8(k->c2, i));
    g = _mm256_add_epi16(_mm256_mulhrs_epi16(g, x), _mm256_shuffle_epi8(k->c1, i));
    g = _mm256_add_epi16(_mm256_mulhrs_epi16(g, x), _mm256_shuffle_epi8(k->c0, i));
    /* vpsignw makes 0 of g where t is 0; g is 0 there */
    return _mm256_add_epi16(_mm256_set1_epi16(16384), _mm256_sign_epi16(g, t));
}

/* Stage B. */
SIMD_INLINE __m256i act_avx2(enum act act, const struct sigmoid_avx2 *k, __m256i t)
{
    switch (act) {
    case ACT_NONE:
        return t;
    case ACT_RELU:
        return _mm256_max_epi16(t, _mm256_setzero_si256());
    case ACT_SILU:
        return _mm256_mulhrs_epi16(t, sigmoid_avx2(k, t));
    case ACT_SIGMOID:
        return sigmoid_avx2(k, t);
    case ACT_COUNT:
        break;
    }
    return t;
}

/* Stage A on 2 x 8 accumulators; the result is in their order. */
SIMD_INLINE __m256i scale_avx2(const int32_t *acc, __m256 scale_lo, __m256 scale_hi)
{
    const __m256i lo = _mm256_loadu_si256((const __m256i *)acc);
    const __m256i hi = _mm256_loadu_si256((const __m256i *)(acc + 8));
    const __m256 a = _mm256_mul_ps(_mm256_cvtepi32_ps(lo), scale_lo);
    const __m256 b = _mm256_mul_ps(_mm256_cvtepi32_ps(hi), scale_hi);
    const __m256i t = _mm256_packs_epi32(_mm256_cvtps_epi32(a), _mm256_cvtps_epi32(b));
    return _mm256_permute4x64_epi64(t, _MM_SHUFFLE(3, 1, 2, 0));
}

/* Stage C's constants for 16 channels. */
struct requant_avx2 {
    __m256i mul, zero_point;                      /* without a residual */
    __m256i mul_lo, mul_hi, offset_lo, offset_hi; /* with one: unpacked order */
    __m128i shift;
};

SIMD_INLINE struct requant_avx2 requant_init_avx2(const struct epilogue *e, int c)
{
    const __m256i mul = _mm256_loadu_si256((const __m256i *)(e->mul + c));
    const __m256i lo = _mm256_loadu_si256((const __m256i *)(e->offset + c));
    const __m256i hi = _mm256_loadu_si256((const __m256i *)(e->offset + c + 8));
    if (e->res_mul == NULL) {
        const __m256i zero_point =
            _mm256_packs_epi32(_mm256_srai_epi32(lo, 15), _mm256_srai_epi32(hi, 15));
        return (struct requant_avx2){
            .mul = mul,
            .zero_point = _mm256_permute4x64_epi64(zero_point, _MM_SHUFFLE(3, 1, 2, 0))};
    }
    const __m256i res_mul = _mm256_loadu_si256((const __m256i *)(e->res_mul + c));
    return (struct requant_avx2){
        .mul_lo = _mm256_unpacklo_epi16(mul, res_mul),
        .mul_hi = _mm256_unpackhi_epi16(mul, res_mul),
        .offset_lo = _mm256_permute2x128_si256(lo, hi, 0x20),
        .offset_hi = _mm256_permute2x128_si256(lo, hi, 0x31),
        .shift = _mm_cvtsi32_si128(e->shift),
    };
}

/* Stage C without and with a residual (widened), to 16 bits: before the last saturation to 8 bits. */
SIMD_INLINE __m256i requant_avx2(const struct requant_avx2 *q, __m256i v)
{
    return _mm256_adds_epi16(_mm256_mulhrs_epi16(v, q->mul), q->zero_point);
}

SIMD_INLINE __m256i requant_res_avx2(const struct requant_avx2 *q, __m256i v, __m256i r)
{
    const __m256i lo = _mm256_madd_epi16(_mm256_unpacklo_epi16(v, r), q->mul_lo);
    const __m256i hi = _mm256_madd_epi16(_mm256_unpackhi_epi16(v, r), q->mul_hi);
    return _mm256_packs_epi32(_mm256_sra_epi32(_mm256_add_epi32(lo, q->offset_lo), q->shift),
                              _mm256_sra_epi32(_mm256_add_epi32(hi, q->offset_hi), q->shift));
}

/* Loads the first n of 16, s16 or s8 widened; exact, since a residual may lie in the output. */
SIMD_INLINE __m256i load_res_avx2(const uint8_t *from, bool is_wide, int n)
{
    uint8_t part[32] = {0};
    if (n < 16) {
        memcpy(part, from, (size_t)n * (is_wide ? 2 : 1));
        from = part;
    }
    if (is_wide) return _mm256_loadu_si256((const __m256i *)from);
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)from));
}

/* Stores the first n of 16. */
SIMD_INLINE void store_s8_avx2(uint8_t *to, __m256i y, int n)
{
    const __m128i bytes =
        _mm_packs_epi16(_mm256_castsi256_si128(y), _mm256_extracti128_si256(y, 1));
    if (n >= 16) {
        _mm_storeu_si128((__m128i *)to, bytes);
        return;
    }
    uint8_t part[16];
    _mm_storeu_si128((__m128i *)part, bytes);
    memcpy(to, part, (size_t)n);
}

SIMD_INLINE void store_s16_avx2(uint8_t *to, __m256i v, int n)
{
    if (n >= 16) {
        _mm256_storeu_si256((__m256i *)to, v);
        return;
    }
    int16_t part[16];
    _mm256_storeu_si256((__m256i *)part, v);
    memcpy(to, part, (size_t)n * sizeof part[0]);
}

/* Channels [i, i + 16) of every pixel. */
SIMD_INLINE void epilogue_16_avx2(const struct epilogue *e, const struct epilogue_tile *t, int i,
                                  enum act act)
{
    const int c = t->c0 + i, n = t->n_channels - i;
    const struct sigmoid_avx2 sigmoid = sigmoid_init_avx2(e->range_log2);
    const __m256 scale_lo = _mm256_loadu_ps(e->scale + c);
    const __m256 scale_hi = _mm256_loadu_ps(e->scale + c + 8);
    const int32_t *acc = t->acc + i;
    if (e->out == EPILOGUE_S16) {
        for (int p = 0; p < t->n_px; p++, acc += t->acc_step) {
            const __m256i v = act_avx2(act, &sigmoid, scale_avx2(acc, scale_lo, scale_hi));
            store_s16_avx2(t->out + (size_t)p * t->out_step + 2 * (size_t)i, v, n);
        }
        return;
    }
    const struct requant_avx2 requant = requant_init_avx2(e, c);
    const size_t res_at = (size_t)i * epilogue_res_size(e);
    for (int p = 0; p < t->n_px; p++, acc += t->acc_step) {
        const __m256i v = act_avx2(act, &sigmoid, scale_avx2(acc, scale_lo, scale_hi));
        __m256i y;
        if (e->res_mul != NULL) {
            const uint8_t *const res = t->res + (size_t)p * t->res_step + res_at;
            y = requant_res_avx2(&requant, v, load_res_avx2(res, e->is_res_wide, n));
        } else {
            y = requant_avx2(&requant, v);
        }
        uint8_t *const to = t->out + (size_t)p * t->out_step;
        if (e->out == EPILOGUE_WIDE)
            store_s16_avx2(to + 2 * (size_t)i, y, n);
        else
            store_s8_avx2(to + i, y, n);
    }
}

SIMD_INLINE void epilogue_act_avx2(const struct epilogue *e, const struct epilogue_tile *t,
                                   enum act act)
{
    for (int i = 0; i < t->n_channels; i += 16) epilogue_16_avx2(e, t, i, act);
}

/* All stages of a tile. */
static inline void epilogue_tile_avx2(const struct epilogue *e, const struct epilogue_tile *t)
{
    if (e->out == EPILOGUE_S32) {
        for (int p = 0; p < t->n_px; p++)
            memcpy(t->out + (size_t)p * t->out_step, t->acc + p * t->acc_step,
                   (size_t)t->n_channels * sizeof *t->acc);
    } else if (e->act == ACT_SILU) {
        epilogue_act_avx2(e, t, ACT_SILU);
    } else {
        epilogue_act_avx2(e, t, e->act);
    }
}

#endif
