/* SPDX-License-Identifier: Apache-2.0
 *
 * The stages of tensor/fixed.h on AVX-512. A vector of 32 s16 holds two groups of 16 accumulators in packed order, as
 * vpackssdw leaves them: lane j of 128 bits has elements 4 j to 4 j + 3 of the first, then of the second. The groups
 * are the halves of 32 channels of one pixel, or 16 channels of two pixels. Constants are brought into that order
 * once a tile; results leave it when they are bytes.
 *
 * A pixel's chain of operations is long and a CPU looks ahead only so far: up to four vectors go through each stage
 * together.
 */
#include <immintrin.h>

#include "kernels/simd_tile.h"
#include "tensor/fixed.h"

enum { MAX_VECTORS = 4 };

#define EACH(q, n) _Pragma("GCC unroll 4") for (int q = 0; q < (n); q++)

struct stages {
    __m512 scale[2]; /* of both groups */
    __m512i c0, c1, c2, c3, limit;
    __m512i fraction;        /* u * this is the fraction of the interval in Q15 and above */
    __m128i interval;        /* u >> this is the interval */
    __m512i mul, zero_point; /* stage C without a residual */
    __m512i mul_lo, mul_hi, offset[2], bytes; /* with one; bytes out of packed order */
    __m128i shift;
};

SIMD_INLINE __m512i table(const int16_t *c)
{
    return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)c));
}

SIMD_INLINE __m512i in_packed_order(const int16_t *first, const int16_t *second)
{
    const __m512i a = _mm512_cvtepi16_epi32(_mm256_loadu_si256((const __m256i *)first));
    const __m512i b = _mm512_cvtepi16_epi32(_mm256_loadu_si256((const __m256i *)second));
    return _mm512_packs_epi32(a, b);
}

/* The groups' channels begin at `first` and `second`. */
SIMD_INLINE struct stages stages_init(const struct epilogue *e, int first, int second)
{
    const struct sigmoid_table *const t = &fixed_sigmoid_table;
    struct stages k = {
        .scale = {_mm512_loadu_ps(e->scale + first), _mm512_loadu_ps(e->scale + second)},
        .c0 = table(t->c0),
        .c1 = table(t->c1),
        .c2 = table(t->c2),
        .c3 = table(t->c3),
        .limit = _mm512_set1_epi16((int16_t)(32767 >> e->range_log2)),
        .fraction = _mm512_set1_epi16((int16_t)(8 << e->range_log2)),
        .interval = _mm_cvtsi32_si128(12 - e->range_log2),
    };
    if (e->out == EPILOGUE_S16) return k;
    k.bytes = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    k.mul = in_packed_order(e->mul + first, e->mul + second);
    k.offset[0] = _mm512_loadu_si512(e->offset + first);
    k.offset[1] = _mm512_loadu_si512(e->offset + second);
    k.zero_point =
        _mm512_packs_epi32(_mm512_srai_epi32(k.offset[0], 15), _mm512_srai_epi32(k.offset[1], 15));
    if (e->res_mul == NULL) return k;
    const __m512i res_mul = in_packed_order(e->res_mul + first, e->res_mul + second);
    k.mul_lo = _mm512_unpacklo_epi16(k.mul, res_mul);
    k.mul_hi = _mm512_unpackhi_epi16(k.mul, res_mul);
    k.shift = _mm_cvtsi32_si128(e->shift);
    return k;
}

/* Stage A. */
SIMD_INLINE void scale(const struct stages *k, const int32_t *acc[][2], __m512i *t, const int n)
{
    __m512 f[MAX_VECTORS][2];
    EACH(q, n)
    {
        f[q][0] = _mm512_cvtepi32_ps(_mm512_loadu_si512(acc[q][0]));
        f[q][1] = _mm512_cvtepi32_ps(_mm512_loadu_si512(acc[q][1]));
    }
    EACH(q, n)
    {
        f[q][0] = _mm512_mul_ps(f[q][0], k->scale[0]);
        f[q][1] = _mm512_mul_ps(f[q][1], k->scale[1]);
    }
    EACH(q, n) t[q] = _mm512_packs_epi32(_mm512_cvtps_epi32(f[q][0]), _mm512_cvtps_epi32(f[q][1]));
}

/* fixed_sigmoid. The index of vpermw has 5 bits, the interval 3. */
SIMD_INLINE void sigmoid(const struct stages *k, const __m512i *t, __m512i *y, const int n)
{
    const __m512i half = _mm512_set1_epi16(16384), below_one = _mm512_set1_epi16(0x7fff);
    __m512i x[MAX_VECTORS], i[MAX_VECTORS], g[MAX_VECTORS];
    EACH(q, n) x[q] = _mm512_min_epu16(_mm512_abs_epi16(t[q]), k->limit);
    EACH(q, n) i[q] = _mm512_srl_epi16(x[q], k->interval);
    EACH(q, n) x[q] = _mm512_and_si512(_mm512_mullo_epi16(x[q], k->fraction), below_one);
    EACH(q, n) g[q] = _mm512_mulhrs_epi16(_mm512_permutexvar_epi16(i[q], k->c3), x[q]);
    EACH(q, n) g[q] = _mm512_add_epi16(g[q], _mm512_permutexvar_epi16(i[q], k->c2));
    EACH(q, n) g[q] = _mm512_mulhrs_epi16(g[q], x[q]);
    EACH(q, n) g[q] = _mm512_add_epi16(g[q], _mm512_permutexvar_epi16(i[q], k->c1));
    EACH(q, n) g[q] = _mm512_mulhrs_epi16(g[q], x[q]);
    EACH(q, n) g[q] = _mm512_add_epi16(g[q], _mm512_permutexvar_epi16(i[q], k->c0));
    EACH(q, n)
    y[q] =
        _mm512_mask_sub_epi16(_mm512_add_epi16(half, g[q]), _mm512_movepi16_mask(t[q]), half, g[q]);
}

/* Stage B. */
SIMD_INLINE void activate(const struct stages *k, enum act act, __m512i *t, const int n)
{
    __m512i y[MAX_VECTORS];
    switch (act) {
    case ACT_RELU:
        EACH(q, n) t[q] = _mm512_max_epi16(t[q], _mm512_setzero_si512());
        break;
    case ACT_SILU:
        sigmoid(k, t, y, n);
        EACH(q, n) t[q] = _mm512_mulhrs_epi16(t[q], y[q]);
        break;
    case ACT_SIGMOID:
        sigmoid(k, t, t, n);
        break;
    case ACT_NONE:
    case ACT_COUNT:
        break;
    }
}

/* Which elements of an epilogue_tile a vector's groups are: channels from i of both halves, or of two pixels. */
enum groups { HALVES, PIXELS };

struct span {
    const struct epilogue_tile *tile;
    int i;           /* channel in the tile */
    __mmask32 valid; /* of 32 (HALVES) or 16 (PIXELS) channels */
    enum groups groups;
};

/* The pixel of group g of the q-th vector from pixel p; behind the last one, the last one again. */
SIMD_INLINE int pixel_of(const struct span *s, int p, int q, int g)
{
    if (s->groups == HALVES) return p + q;
    const int pixel = p + 2 * q + g;
    return pixel < s->tile->n_px ? pixel : s->tile->n_px - 1;
}

/* A vector of residuals in packed order, s16 or s8 widened; exactly these are read, since they may lie in the
 * output. */
SIMD_INLINE __m512i load_residual(const struct span *s, bool is_wide, int p, int q)
{
    const struct epilogue_tile *const t = s->tile;
    const size_t at = (size_t)s->i * (is_wide ? 2 : 1);
    const uint8_t *const first = t->res + (size_t)pixel_of(s, p, q, 0) * t->res_step + at;
    const uint8_t *const second = t->res + (size_t)pixel_of(s, p, q, 1) * t->res_step + at;
    const __mmask16 valid = (__mmask16)s->valid;
    if (is_wide) {
        const __m512i r =
            s->groups == HALVES
                ? _mm512_maskz_loadu_epi16(s->valid, first)
                : _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_maskz_loadu_epi16(valid, first)),
                                     _mm256_maskz_loadu_epi16(valid, second), 1);
        return _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7), r);
    }
    const __m256i r = s->groups == HALVES ? _mm256_maskz_loadu_epi8(s->valid, first)
                                          : _mm256_set_m128i(_mm_maskz_loadu_epi8(valid, second),
                                                             _mm_maskz_loadu_epi8(valid, first));
    return _mm512_cvtepi8_epi16(
        _mm256_permutevar8x32_epi32(r, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7)));
}

/* Stage C to 16 bits: before the last saturation to 8. */
SIMD_INLINE void requantise(const struct epilogue *e, const struct stages *k, const struct span *s,
                            int p, __m512i *v, const int n)
{
    if (e->res_mul == NULL) {
        EACH(q, n) v[q] = _mm512_mulhrs_epi16(v[q], k->mul);
        EACH(q, n) v[q] = _mm512_adds_epi16(v[q], k->zero_point);
        return;
    }
    EACH(q, n)
    {
        const __m512i r = load_residual(s, e->is_res_wide, p, q);
        const __m512i lo = _mm512_madd_epi16(_mm512_unpacklo_epi16(v[q], r), k->mul_lo);
        const __m512i hi = _mm512_madd_epi16(_mm512_unpackhi_epi16(v[q], r), k->mul_hi);
        v[q] = _mm512_packs_epi32(_mm512_sra_epi32(_mm512_add_epi32(lo, k->offset[0]), k->shift),
                                  _mm512_sra_epi32(_mm512_add_epi32(hi, k->offset[1]), k->shift));
    }
}

/* Stores under a mask are slow: whole ones have none. */
SIMD_INLINE void store_32(uint8_t *to, __mmask32 valid, __m256i bytes)
{
    if (valid == UINT32_MAX)
        _mm256_storeu_si256((__m256i *)to, bytes);
    else
        _mm256_mask_storeu_epi8(to, valid, bytes);
}

SIMD_INLINE void store_16(uint8_t *to, __mmask16 valid, __m128i bytes)
{
    if (valid == UINT16_MAX)
        _mm_storeu_si128((__m128i *)to, bytes);
    else
        _mm_mask_storeu_epi8(to, valid, bytes);
}

/* 64 bytes: two pixels of 32 channels, or four of 16; those behind the last pixel are dropped. */
SIMD_INLINE void store_bytes(const struct span *s, int p, __m512i bytes)
{
    const struct epilogue_tile *const t = s->tile;
    const int left = t->n_px - p;
    const size_t step = t->out_step;
    uint8_t *const to = t->out + (size_t)p * step + s->i;
    if (s->groups == HALVES) {
        store_32(to, s->valid, _mm512_castsi512_si256(bytes));
        if (left > 1) store_32(to + step, s->valid, _mm512_extracti64x4_epi64(bytes, 1));
        return;
    }
    const __mmask16 valid = (__mmask16)s->valid;
    store_16(to, valid, _mm512_castsi512_si128(bytes));
    if (left > 1) store_16(to + step, valid, _mm512_extracti32x4_epi32(bytes, 1));
    if (left > 2) store_16(to + 2 * step, valid, _mm512_extracti32x4_epi32(bytes, 2));
    if (left > 3) store_16(to + 3 * step, valid, _mm512_extracti32x4_epi32(bytes, 3));
}

/* 16 bits a channel. */
SIMD_INLINE void store_words(const struct span *s, int p, __m512i v)
{
    const struct epilogue_tile *const t = s->tile;
    uint8_t *const to = t->out + (size_t)p * t->out_step + 2 * (size_t)s->i;
    v = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), v);
    if (s->groups == HALVES) {
        _mm512_mask_storeu_epi16(to, s->valid, v);
        return;
    }
    const __mmask16 valid = (__mmask16)s->valid;
    _mm256_mask_storeu_epi16(to, valid, _mm512_castsi512_si256(v));
    if (p + 1 < t->n_px)
        _mm256_mask_storeu_epi16(to + t->out_step, valid, _mm512_extracti64x4_epi64(v, 1));
}

/* n vectors from pixel p. */
SIMD_INLINE void run_vectors(const struct epilogue *e, const struct stages *k, const struct span *s,
                             int p, const enum act act, const int n)
{
    const struct epilogue_tile *const t = s->tile;
    const int32_t *acc[MAX_VECTORS][2];
    __m512i v[MAX_VECTORS];
    EACH(q, n)
    {
        acc[q][0] = t->acc + pixel_of(s, p, q, 0) * t->acc_step + s->i;
        acc[q][1] = s->groups == HALVES ? acc[q][0] + 16
                                        : t->acc + pixel_of(s, p, q, 1) * t->acc_step + s->i;
    }
    scale(k, acc, v, n);
    activate(k, act, v, n);
    const int n_px = s->groups == HALVES ? 1 : 2; /* of a vector */
    if (e->out != EPILOGUE_S16) requantise(e, k, s, p, v, n);
    if (e->out != EPILOGUE_S8) {
        EACH(q, n) store_words(s, p + q * n_px, v[q]);
        return;
    }
    for (int q = 0; q < n; q += 2) {
        const __m512i bytes = _mm512_packs_epi16(v[q], v[q + 1 < n ? q + 1 : q]);
        store_bytes(s, p + q * n_px, _mm512_permutexvar_epi32(k->bytes, bytes));
    }
}

SIMD_INLINE void run_span(const struct epilogue *e, const struct span *s, const enum act act)
{
    const int n_px = s->groups == HALVES ? 1 : 2, c = s->tile->c0 + s->i;
    const int n_vectors = (s->tile->n_px + n_px - 1) / n_px;
    const struct stages k = stages_init(e, c, s->groups == HALVES ? c + 16 : c);
    int i = 0;
    for (; i + 4 <= n_vectors; i += 4) run_vectors(e, &k, s, i * n_px, act, 4);
    if (i + 2 <= n_vectors) {
        run_vectors(e, &k, s, i * n_px, act, 2);
        i += 2;
    }
    if (i < n_vectors) run_vectors(e, &k, s, i * n_px, act, 1);
}

SIMD_INLINE void run_tile(const struct epilogue *e, const struct epilogue_tile *t,
                          const enum act act)
{
    int i = 0;
    for (; i + 16 < t->n_channels; i += 32) {
        const int n = t->n_channels - i;
        const struct span s = {t, i, n >= 32 ? UINT32_MAX : (UINT32_C(1) << n) - 1, HALVES};
        run_span(e, &s, act);
    }
    if (i < t->n_channels) {
        const struct span s = {t, i, (UINT32_C(1) << (t->n_channels - i)) - 1, PIXELS};
        run_span(e, &s, act);
    }
}

static void store_accumulators(const struct epilogue_tile *t)
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

void epilogue_tile_avx512(const struct epilogue *e, const struct epilogue_tile *t)
{
    if (e->out == EPILOGUE_S32)
        store_accumulators(t);
    else if (e->act == ACT_SILU)
        run_tile(e, t, ACT_SILU);
    else
        run_tile(e, t, e->act);
}
