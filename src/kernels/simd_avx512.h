/* SPDX-License-Identifier: Apache-2.0
 *
 * The stages of tensor/fixed.h on AVX-512 vectors, and the epilogue of a tile. Only for files compiled with the
 * AVX-512 flags.
 */
#ifndef KERNELS_SIMD_AVX512_H
#define KERNELS_SIMD_AVX512_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/epilogue.h"
#include "kernels/simd_tile.h"
#include "tensor/fixed.h"

/* Lines of s8 widened to s16: a conv_convert_fn. */
static inline void widen_lines_avx512(uint8_t *to, size_t to_step, const uint8_t *from,
                                      size_t from_step, int n_px, int n)
{
    for (int p = 0; p < n_px; p++, to += to_step, from += from_step) {
        for (int i = 0; i < n; i += 32) {
            const __m256i a = _mm256_loadu_si256((const __m256i *)(from + i));
            _mm512_storeu_si512(to + 2 * i, _mm512_cvtepi8_epi16(a));
        }
    }
}

/* Lines of s16 as they are: a conv_convert_fn. */
static inline void copy_lines_avx512(uint8_t *to, size_t to_step, const uint8_t *from,
                                     size_t from_step, int n_px, int n)
{
    for (int p = 0; p < n_px; p++, to += to_step, from += from_step)
        for (int i = 0; i < 2 * n; i += 64)
            _mm512_storeu_si512(to + i, _mm512_loadu_si512(from + i));
}

/* fixed_sigmoid's constants; idle lookups repeat the table, so that an index of 5 bits is allowed. */
struct sigmoid_avx512 {
    __m512i c0, c1, c2, c3, limit;
    __m128i range_log2;
};

SIMD_INLINE __m512i sigmoid_table_avx512(const int16_t *c)
{
    return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)c));
}

SIMD_INLINE struct sigmoid_avx512 sigmoid_init_avx512(int range_log2)
{
    const struct sigmoid_table *const k = &fixed_sigmoid_table;
    return (struct sigmoid_avx512){
        .c0 = sigmoid_table_avx512(k->c0),
        .c1 = sigmoid_table_avx512(k->c1),
        .c2 = sigmoid_table_avx512(k->c2),
        .c3 = sigmoid_table_avx512(k->c3),
        .limit = _mm512_set1_epi16((int16_t)(32767 >> range_log2)),
        .range_log2 = _mm_cvtsi32_si128(range_log2),
    };
}

SIMD_INLINE __m512i sigmoid_avx512(const struct sigmoid_avx512 *k, __m512i t)
{
    __m512i u = _mm512_min_epu16(_mm512_abs_epi16(t), k->limit);
    u = _mm512_sll_epi16(u, k->range_log2);
    const __m512i i = _mm512_srli_epi16(u, 12);
    const __m512i x = _mm512_and_si512(_mm512_slli_epi16(u, 3), _mm512_set1_epi16(0x7fff));
    __m512i g = _mm512_permutexvar_epi16(i, k->c3);
    g = _mm512_add_epi16(_mm512_mulhrs_epi16(g, x), _mm512_permutexvar_epi16(i, k->c2));
    g = _mm512_add_epi16(_mm512_mulhrs_epi16(g, x), _mm512_permutexvar_epi16(i, k->c1));
    g = _mm512_add_epi16(_mm512_mulhrs_epi16(g, x), _mm512_permutexvar_epi16(i, k->c0));
    const __m512i half = _mm512_set1_epi16(16384);
    return _mm512_mask_sub_epi16(_mm512_add_epi16(half, g), _mm512_movepi16_mask(t), half, g);
}

/* Stage B. */
SIMD_INLINE __m512i act_avx512(enum act act, const struct sigmoid_avx512 *k, __m512i t)
{
    switch (act) {
    case ACT_NONE:
        return t;
    case ACT_RELU:
        return _mm512_max_epi16(t, _mm512_setzero_si512());
    case ACT_SILU:
        return _mm512_mulhrs_epi16(t, sigmoid_avx512(k, t));
    case ACT_SIGMOID:
        return sigmoid_avx512(k, t);
    case ACT_COUNT:
        break;
    }
    return t;
}

/* Stage A on 2 x 16 accumulators; the result is in their order. */
SIMD_INLINE __m512i scale_avx512(const int32_t *lo, const int32_t *hi, __m512 scale_lo,
                                 __m512 scale_hi)
{
    const __m512 a = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_loadu_si512(lo)), scale_lo);
    const __m512 b = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_loadu_si512(hi)), scale_hi);
    const __m512i t = _mm512_packs_epi32(_mm512_cvtps_epi32(a), _mm512_cvtps_epi32(b));
    return _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), t);
}

/* Stage C's constants for 32 lanes. */
struct requant_avx512 {
    __m512i mul, zero_point;                      /* without a residual */
    __m512i mul_lo, mul_hi, offset_lo, offset_hi; /* with one: unpacked order */
    __m128i shift;
};

SIMD_INLINE struct requant_avx512 requant_init_avx512(const struct epilogue *e, __m512i mul,
                                                      __m512i res_mul, __m512i offset_lo,
                                                      __m512i offset_hi)
{
    const __m512i qwords = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
    if (e->res_mul == NULL) {
        const __m512i zero_point =
            _mm512_packs_epi32(_mm512_srai_epi32(offset_lo, 15), _mm512_srai_epi32(offset_hi, 15));
        return (struct requant_avx512){.mul = mul,
                                       .zero_point = _mm512_permutexvar_epi64(qwords, zero_point)};
    }
    /* 128-bit lane i of the unpacked halves holds channels 8 i and 8 i + 4 onwards */
    const __m512i lo = _mm512_setr_epi64(0, 1, 4, 5, 8, 9, 12, 13);
    const __m512i hi = _mm512_setr_epi64(2, 3, 6, 7, 10, 11, 14, 15);
    return (struct requant_avx512){
        .mul_lo = _mm512_unpacklo_epi16(mul, res_mul),
        .mul_hi = _mm512_unpackhi_epi16(mul, res_mul),
        .offset_lo = _mm512_permutex2var_epi64(offset_lo, lo, offset_hi),
        .offset_hi = _mm512_permutex2var_epi64(offset_lo, hi, offset_hi),
        .shift = _mm_cvtsi32_si128(e->shift),
    };
}

/* Stage C without and with a residual (widened), to 16 bits: before the last saturation to 8 bits. */
SIMD_INLINE __m512i requant_avx512(const struct requant_avx512 *q, __m512i v)
{
    return _mm512_adds_epi16(_mm512_mulhrs_epi16(v, q->mul), q->zero_point);
}

SIMD_INLINE __m512i requant_res_avx512(const struct requant_avx512 *q, __m512i v, __m512i r)
{
    const __m512i lo = _mm512_madd_epi16(_mm512_unpacklo_epi16(v, r), q->mul_lo);
    const __m512i hi = _mm512_madd_epi16(_mm512_unpackhi_epi16(v, r), q->mul_hi);
    return _mm512_packs_epi32(_mm512_sra_epi32(_mm512_add_epi32(lo, q->offset_lo), q->shift),
                              _mm512_sra_epi32(_mm512_add_epi32(hi, q->offset_hi), q->shift));
}

/* The residuals of 32 channels, s16 or s8 widened; only those of the mask are read. */
SIMD_INLINE __m512i load_res_avx512(const uint8_t *from, bool is_wide, __mmask32 mask)
{
    if (is_wide) return _mm512_maskz_loadu_epi16(mask, from);
    return _mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8(mask, from));
}

/* Those of 16 channels of two pixels. */
SIMD_INLINE __m512i load_two_res_avx512(const uint8_t *p, const uint8_t *q, bool is_wide,
                                        __mmask16 mask)
{
    if (is_wide)
        return _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_maskz_loadu_epi16(mask, p)),
                                  _mm256_maskz_loadu_epi16(mask, q), 1);
    return _mm512_cvtepi8_epi16(
        _mm256_set_m128i(_mm_maskz_loadu_epi8(mask, q), _mm_maskz_loadu_epi8(mask, p)));
}

/* Channels [i, i + 32) of every pixel; mask has the valid ones. */
SIMD_INLINE void epilogue_32_avx512(const struct epilogue *e, const struct epilogue_tile *t, int i,
                                    __mmask32 mask, enum act act)
{
    const int c = t->c0 + i;
    const struct sigmoid_avx512 sigmoid = sigmoid_init_avx512(e->range_log2);
    const __m512 scale_lo = _mm512_loadu_ps(e->scale + c);
    const __m512 scale_hi = _mm512_loadu_ps(e->scale + c + 16);
    const int32_t *acc = t->acc + i;
    if (e->out == EPILOGUE_S16) {
        for (int p = 0; p < t->n_px; p++, acc += t->acc_step) {
            const __m512i v =
                act_avx512(act, &sigmoid, scale_avx512(acc, acc + 16, scale_lo, scale_hi));
            _mm512_mask_storeu_epi16(t->out + (size_t)p * t->out_step + 2 * (size_t)i, mask, v);
        }
        return;
    }
    const struct requant_avx512 requant = requant_init_avx512(
        e, _mm512_loadu_si512(e->mul + c),
        e->res_mul != NULL ? _mm512_loadu_si512(e->res_mul + c) : _mm512_setzero_si512(),
        _mm512_loadu_si512(e->offset + c), _mm512_loadu_si512(e->offset + c + 16));
    const size_t res_at = (size_t)i * epilogue_res_size(e);
    for (int p = 0; p < t->n_px; p++, acc += t->acc_step) {
        const __m512i v =
            act_avx512(act, &sigmoid, scale_avx512(acc, acc + 16, scale_lo, scale_hi));
        __m512i y;
        if (e->res_mul != NULL) {
            const uint8_t *const res = t->res + (size_t)p * t->res_step + res_at;
            y = requant_res_avx512(&requant, v, load_res_avx512(res, e->is_res_wide, mask));
        } else {
            y = requant_avx512(&requant, v);
        }
        uint8_t *const to = t->out + (size_t)p * t->out_step;
        if (e->out == EPILOGUE_WIDE)
            _mm512_mask_storeu_epi16(to + 2 * (size_t)i, mask, y);
        else if (mask == UINT32_MAX)
            _mm256_storeu_si256((__m256i *)(to + i), _mm512_cvtsepi16_epi8(y));
        else
            _mm256_mask_storeu_epi8(to + i, mask, _mm512_cvtsepi16_epi8(y));
    }
}

SIMD_INLINE __m512i twice_avx512(__m256i v)
{
    return _mm512_broadcast_i64x4(v);
}

/* The last channels [i, i + n), n <= 16, of two pixels at a time. */
SIMD_INLINE void epilogue_16_avx512(const struct epilogue *e, const struct epilogue_tile *t, int i,
                                    __mmask16 mask, enum act act)
{
    const int c = t->c0 + i;
    const struct sigmoid_avx512 sigmoid = sigmoid_init_avx512(e->range_log2);
    const __m512 scale = _mm512_loadu_ps(e->scale + c);
    struct requant_avx512 requant = {0};
    const size_t res_at = (size_t)i * epilogue_res_size(e);
    if (e->out != EPILOGUE_S16) {
        const __m512i offset = _mm512_loadu_si512(e->offset + c);
        const __m256i mul = _mm256_loadu_si256((const __m256i *)(e->mul + c));
        __m256i res_mul = _mm256_setzero_si256();
        if (e->res_mul != NULL) res_mul = _mm256_loadu_si256((const __m256i *)(e->res_mul + c));
        requant = requant_init_avx512(e, twice_avx512(mul), twice_avx512(res_mul), offset, offset);
    }
    for (int p = 0; p < t->n_px; p += 2) {
        /* the second pixel of the last pair may be absent */
        const int q = p + 1 < t->n_px ? p + 1 : p;
        const __m512i v = act_avx512(
            act, &sigmoid,
            scale_avx512(t->acc + p * t->acc_step + i, t->acc + q * t->acc_step + i, scale, scale));
        uint8_t *const to_p = t->out + (size_t)p * t->out_step;
        uint8_t *const to_q = t->out + (size_t)q * t->out_step;
        __m512i y = v;
        if (e->out != EPILOGUE_S16 && e->res_mul != NULL) {
            const uint8_t *const res_p = t->res + (size_t)p * t->res_step + res_at;
            const uint8_t *const res_q = t->res + (size_t)q * t->res_step + res_at;
            y = requant_res_avx512(&requant, v,
                                   load_two_res_avx512(res_p, res_q, e->is_res_wide, mask));
        } else if (e->out != EPILOGUE_S16) {
            y = requant_avx512(&requant, v);
        }
        if (e->out != EPILOGUE_S8) {
            const __m256i y_q = _mm512_extracti64x4_epi64(y, 1);
            _mm256_mask_storeu_epi16(to_p + 2 * (size_t)i, mask, _mm512_castsi512_si256(y));
            if (q != p) _mm256_mask_storeu_epi16(to_q + 2 * (size_t)i, mask, y_q);
            continue;
        }
        const __m256i bytes = _mm512_cvtsepi16_epi8(y);
        const __m128i bytes_q = _mm256_extracti128_si256(bytes, 1);
        if (mask == UINT16_MAX) {
            _mm_storeu_si128((__m128i *)(to_p + i), _mm256_castsi256_si128(bytes));
            if (q != p) _mm_storeu_si128((__m128i *)(to_q + i), bytes_q);
        } else {
            _mm_mask_storeu_epi8(to_p + i, mask, _mm256_castsi256_si128(bytes));
            if (q != p) _mm_mask_storeu_epi8(to_q + i, mask, bytes_q);
        }
    }
}

SIMD_INLINE void epilogue_act_avx512(const struct epilogue *e, const struct epilogue_tile *t,
                                     enum act act)
{
    int i = 0;
    for (; i + 16 < t->n_channels; i += 32) {
        const int n = t->n_channels - i;
        epilogue_32_avx512(e, t, i, n >= 32 ? UINT32_MAX : (UINT32_C(1) << n) - 1, act);
    }
    if (i < t->n_channels) {
        const int n = t->n_channels - i;
        epilogue_16_avx512(e, t, i, (__mmask16)((1u << n) - 1), act);
    }
}

SIMD_INLINE void epilogue_s32_avx512(const struct epilogue_tile *t)
{
    for (int p = 0; p < t->n_px; p++) {
        for (int i = 0; i < t->n_channels; i += 16) {
            const int n = t->n_channels - i;
            const __mmask16 mask = (__mmask16)(n >= 16 ? UINT16_MAX : (1u << n) - 1);
            _mm512_mask_storeu_epi32(t->out + (size_t)p * t->out_step + 4 * (size_t)i, mask,
                                     _mm512_loadu_si512(t->acc + p * t->acc_step + i));
        }
    }
}

/* All stages of a tile. */
static inline void epilogue_tile_avx512(const struct epilogue *e, const struct epilogue_tile *t)
{
    if (e->out == EPILOGUE_S32)
        epilogue_s32_avx512(t);
    else if (e->act == ACT_SILU)
        epilogue_act_avx512(e, t, ACT_SILU);
    else
        epilogue_act_avx512(e, t, e->act);
}

#endif
