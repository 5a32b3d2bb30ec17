/* SPDX-License-Identifier: Apache-2.0
 *
 * The stages of tensor/fixed.h on AVX2. A vector of 16 s16 holds 16 channels of a pixel in packed order, as vpackssdw
 * leaves them: 0 to 3, 8 to 11, 4 to 7, 12 to 15. Constants are brought into that order once a tile; results leave
 * it when they are bytes.
 *
 * A pixel's chain of operations is long and a CPU looks ahead only so far: up to four pixels go through each stage
 * together.
 */
#include <immintrin.h>
#include <string.h>

#include "kernels/simd_tile.h"
#include "tensor/fixed.h"

enum { MAX_PX = 4, CHANNELS = 16 };

#define EACH(q, n) _Pragma("GCC unroll 4") for (int q = 0; q < (n); q++)

struct stages {
    __m256 scale[2];
    __m256i c0, c1, c2, c3; /* byte 2 i + 1: low byte of entry i, byte 2 i + 2: its high byte */
    __m256i limit, below;   /* below: bits of u that are less than an interval */
    __m256i fraction;       /* u * this is the fraction of the interval in Q15 and above */
    __m256i index; /* (u | below) * this / 65536 has bytes 2 i + 1, 2 i + 2 for interval i */
    __m128i range_log2;
    bool is_shifted; /* u must be shifted before the two products, which are too small for it */
    __m256i mul, zero_point;           /* stage C without a residual */
    __m256i mul_lo, mul_hi, offset[2]; /* with one */
    __m128i shift;
};

SIMD_INLINE __m256i load_256(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

/* Turned by a byte. */
SIMD_INLINE __m256i table(const int16_t *c)
{
    const __m128i t = _mm_loadu_si128((const __m128i *)c);
    return _mm256_broadcastsi128_si256(_mm_alignr_epi8(t, t, 15));
}

SIMD_INLINE __m256i in_packed_order(const int16_t *v)
{
    return _mm256_permute4x64_epi64(load_256(v), _MM_SHUFFLE(3, 1, 2, 0));
}

/* Channels c to c + 15. */
SIMD_INLINE struct stages stages_init(const struct epilogue *e, int c)
{
    const struct sigmoid_table *const t = &fixed_sigmoid_table;
    const int r = e->range_log2 <= 2 ? e->range_log2 : 0;
    struct stages k = {
        .scale = {_mm256_loadu_ps(e->scale + c), _mm256_loadu_ps(e->scale + c + 8)},
        .c0 = table(t->c0),
        .c1 = table(t->c1),
        .c2 = table(t->c2),
        .c3 = table(t->c3),
        .limit = _mm256_set1_epi16((int16_t)(32767 >> e->range_log2)),
        .below = _mm256_set1_epi16((int16_t)(0xfff >> r)),
        .fraction = _mm256_set1_epi16((int16_t)(8 << r)),
        .index = _mm256_set1_epi16((int16_t)(uint16_t)(0x2020 << r)),
        .range_log2 = _mm_cvtsi32_si128(e->range_log2),
        .is_shifted = r != e->range_log2,
    };
    if (e->out == EPILOGUE_S16) return k;
    k.mul = in_packed_order(e->mul + c);
    k.offset[0] = load_256(e->offset + c);
    k.offset[1] = load_256(e->offset + c + 8);
    k.zero_point =
        _mm256_packs_epi32(_mm256_srai_epi32(k.offset[0], 15), _mm256_srai_epi32(k.offset[1], 15));
    if (e->res_mul == NULL) return k;
    const __m256i res_mul = in_packed_order(e->res_mul + c);
    k.mul_lo = _mm256_unpacklo_epi16(k.mul, res_mul);
    k.mul_hi = _mm256_unpackhi_epi16(k.mul, res_mul);
    k.shift = _mm_cvtsi32_si128(e->shift);
    return k;
}

/* Stage A. */
SIMD_INLINE void scale(const struct stages *k, const int32_t *acc, int step, __m256i *t,
                       const int n)
{
    __m256 f[MAX_PX][2];
    EACH(q, n)
    {
        f[q][0] = _mm256_cvtepi32_ps(load_256(acc + q * step));
        f[q][1] = _mm256_cvtepi32_ps(load_256(acc + q * step + 8));
    }
    EACH(q, n)
    {
        f[q][0] = _mm256_mul_ps(f[q][0], k->scale[0]);
        f[q][1] = _mm256_mul_ps(f[q][1], k->scale[1]);
    }
    EACH(q, n) t[q] = _mm256_packs_epi32(_mm256_cvtps_epi32(f[q][0]), _mm256_cvtps_epi32(f[q][1]));
}

/* fixed_sigmoid. */
SIMD_INLINE void sigmoid(const struct stages *k, const __m256i *t, __m256i *y, const int n)
{
    const __m256i half = _mm256_set1_epi16(16384), below_one = _mm256_set1_epi16(0x7fff);
    __m256i x[MAX_PX], i[MAX_PX], g[MAX_PX];
    EACH(q, n) x[q] = _mm256_min_epu16(_mm256_abs_epi16(t[q]), k->limit);
    if (k->is_shifted) EACH(q, n) x[q] = _mm256_sll_epi16(x[q], k->range_log2);
    EACH(q, n) i[q] = _mm256_mulhi_epu16(_mm256_or_si256(x[q], k->below), k->index);
    EACH(q, n) x[q] = _mm256_and_si256(_mm256_mullo_epi16(x[q], k->fraction), below_one);
    EACH(q, n) g[q] = _mm256_mulhrs_epi16(_mm256_shuffle_epi8(k->c3, i[q]), x[q]);
    EACH(q, n) g[q] = _mm256_add_epi16(g[q], _mm256_shuffle_epi8(k->c2, i[q]));
    EACH(q, n) g[q] = _mm256_mulhrs_epi16(g[q], x[q]);
    EACH(q, n) g[q] = _mm256_add_epi16(g[q], _mm256_shuffle_epi8(k->c1, i[q]));
    EACH(q, n) g[q] = _mm256_mulhrs_epi16(g[q], x[q]);
    EACH(q, n) g[q] = _mm256_add_epi16(g[q], _mm256_shuffle_epi8(k->c0, i[q]));
    /* vpsignw makes 0 of g where t is 0; g is 0 there */
    EACH(q, n) y[q] = _mm256_add_epi16(half, _mm256_sign_epi16(g[q], t[q]));
}

/* Stage B. */
SIMD_INLINE void activate(const struct stages *k, enum act act, __m256i *t, const int n)
{
    __m256i y[MAX_PX];
    switch (act) {
    case ACT_RELU:
        EACH(q, n) t[q] = _mm256_max_epi16(t[q], _mm256_setzero_si256());
        break;
    case ACT_SILU:
        sigmoid(k, t, y, n);
        EACH(q, n) t[q] = _mm256_mulhrs_epi16(t[q], y[q]);
        break;
    case ACT_SIGMOID:
        sigmoid(k, t, y, n);
        EACH(q, n) t[q] = y[q];
        break;
    case ACT_NONE:
    case ACT_COUNT:
        break;
    }
}

/* The first n of 16 in packed order, s16 or s8 widened; exactly these are read, since a residual may lie in the
 * output. */
SIMD_INLINE __m256i load_residual(const uint8_t *from, bool is_wide, int n)
{
    uint8_t part[2 * CHANNELS] = {0};
    if (n < CHANNELS) {
        memcpy(part, from, (size_t)n * (is_wide ? 2 : 1));
        from = part;
    }
    if (is_wide) return _mm256_permute4x64_epi64(load_256(from), _MM_SHUFFLE(3, 1, 2, 0));
    const __m128i r = _mm_loadu_si128((const __m128i *)from);
    return _mm256_cvtepi8_epi16(_mm_shuffle_epi32(r, _MM_SHUFFLE(3, 1, 2, 0)));
}

/* Stage C to 16 bits: before the last saturation to 8; res is NULL or at the first pixel. */
SIMD_INLINE void requantise(const struct stages *k, const uint8_t *res, bool is_wide, size_t step,
                            int n_channels, __m256i *v, const int n)
{
    if (res == NULL) {
        EACH(q, n) v[q] = _mm256_mulhrs_epi16(v[q], k->mul);
        EACH(q, n) v[q] = _mm256_adds_epi16(v[q], k->zero_point);
        return;
    }
    EACH(q, n)
    {
        const __m256i r = load_residual(res + (size_t)q * step, is_wide, n_channels);
        const __m256i lo = _mm256_madd_epi16(_mm256_unpacklo_epi16(v[q], r), k->mul_lo);
        const __m256i hi = _mm256_madd_epi16(_mm256_unpackhi_epi16(v[q], r), k->mul_hi);
        v[q] = _mm256_packs_epi32(_mm256_sra_epi32(_mm256_add_epi32(lo, k->offset[0]), k->shift),
                                  _mm256_sra_epi32(_mm256_add_epi32(hi, k->offset[1]), k->shift));
    }
}

SIMD_INLINE void store_bytes(uint8_t *to, __m128i bytes, int n)
{
    if (n >= CHANNELS) {
        _mm_storeu_si128((__m128i *)to, bytes);
        return;
    }
    uint8_t part[CHANNELS];
    _mm_storeu_si128((__m128i *)part, bytes);
    memcpy(to, part, (size_t)n);
}

/* 16 bits a channel. */
SIMD_INLINE void store_words(uint8_t *to, __m256i v, int n)
{
    v = _mm256_permute4x64_epi64(v, _MM_SHUFFLE(3, 1, 2, 0));
    if (n >= CHANNELS) {
        _mm256_storeu_si256((__m256i *)to, v);
        return;
    }
    int16_t part[CHANNELS];
    _mm256_storeu_si256((__m256i *)part, v);
    memcpy(to, part, (size_t)n * sizeof part[0]);
}

/* Channels from i of n pixels from p. */
SIMD_INLINE void run_pixels(const struct epilogue *e, const struct stages *k,
                            const struct epilogue_tile *t, int i, int p, const enum act act,
                            const int n)
{
    const int n_channels = t->n_channels - i;
    const size_t step = t->out_step;
    uint8_t *const to = t->out + (size_t)p * step;
    __m256i v[MAX_PX];
    scale(k, t->acc + p * t->acc_step + i, t->acc_step, v, n);
    activate(k, act, v, n);
    if (e->out != EPILOGUE_S16) {
        const uint8_t *res = e->res_mul != NULL ? t->res + (size_t)p * t->res_step : NULL;
        if (res != NULL) res += (size_t)i * epilogue_res_size(e);
        requantise(k, res, e->is_res_wide, t->res_step, n_channels, v, n);
    }
    if (e->out != EPILOGUE_S8) {
        EACH(q, n) store_words(to + (size_t)q * step + 2 * (size_t)i, v[q], n_channels);
        return;
    }
    const __m256i pixels = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    for (int q = 0; q < n; q += 2) {
        __m256i bytes = _mm256_packs_epi16(v[q], v[q + 1 < n ? q + 1 : q]);
        bytes = _mm256_permutevar8x32_epi32(bytes, pixels);
        store_bytes(to + (size_t)q * step + i, _mm256_castsi256_si128(bytes), n_channels);
        if (q + 1 < n)
            store_bytes(to + (size_t)(q + 1) * step + i, _mm256_extracti128_si256(bytes, 1),
                        n_channels);
    }
}

SIMD_INLINE void run_tile(const struct epilogue *e, const struct epilogue_tile *t,
                          const enum act act)
{
    for (int i = 0; i < t->n_channels; i += CHANNELS) {
        const struct stages k = stages_init(e, t->c0 + i);
        int p = 0;
        for (; p + 4 <= t->n_px; p += 4) run_pixels(e, &k, t, i, p, act, 4);
        for (; p + 2 <= t->n_px; p += 2) run_pixels(e, &k, t, i, p, act, 2);
        if (p < t->n_px) run_pixels(e, &k, t, i, p, act, 1);
    }
}

void epilogue_tile_avx2(const struct epilogue *e, const struct epilogue_tile *t)
{
    if (e->out == EPILOGUE_S32) {
        for (int p = 0; p < t->n_px; p++)
            memcpy(t->out + (size_t)p * t->out_step, t->acc + p * t->acc_step,
                   (size_t)t->n_channels * sizeof *t->acc);
    } else if (e->act == ACT_SILU) {
        run_tile(e, t, ACT_SILU);
    } else {
        run_tile(e, t, e->act);
    }
}
