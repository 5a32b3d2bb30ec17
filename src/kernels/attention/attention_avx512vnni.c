/* SPDX-License-Identifier: Apache-2.0
 *
 * Eight queries at a time. Logits: 16 tokens a step, four dimensions of a query in every lane (vpdpbusd): keys are made
 * unsigned (k + 128), queries stay as they are, and sum of (q - zq) k is that of q k less zq times the sum of k. What is the
 * same for all tokens is left out: 128 and the zero point of keys. Means: 16 dimensions a step, a pair of weights in every
 * lane (vpdpwssd).
 *
 * Shared: keys u8 [heads, n / 16, key_dim / 4, 16 tokens, 4 dimensions] (divisions rounded up, tokens past n are token 0,
 * dimensions past the end anything alike, as queries have 0 there); then -zq * (sum of k) s32 [heads, tokens]; then the values of attention_pack.h.
 */
#include "kernels/attention/attention_rows.h"

#include <immintrin.h>
#include <string.h>

#include "kernels/attention/attention_pack.h"
#include "kernels/simd_tile.h"
#include "tensor/attention_limits.h"
#include "tensor/exact.h"

enum { QUERIES = 8, VECTORS = 4, QUAD = 4, LANES = 16 };

static size_t key_quads(const struct attention_params *p)
{
    return ((size_t)p->key_dim + QUAD - 1) / QUAD;
}

/* Bytes of one head. */
static size_t keys_size(const struct attention_params *p)
{
    return attention_sizes(p).tokens * key_quads(p) * QUAD;
}

/* Where the parts of what is shared begin, in bytes; keys at 0. */
static size_t init_at(const struct attention_params *p)
{
    return (size_t)p->heads * keys_size(p);
}

static size_t values_at(const struct attention_params *p)
{
    return init_at(p) + (size_t)p->heads * attention_sizes(p).tokens * sizeof(int32_t);
}

size_t attention_s8_shared_size__avx512vnni(const struct attention_params *p)
{
    return values_at(p) + (size_t)p->heads * attention_sizes(p).values * sizeof(int16_t);
}

/* Scratch of a worker. */
struct work {
    int32_t *logits;  /* [QUERIES, tokens] */
    int16_t *weights; /* [QUERIES, tokens] */
    uint8_t *queries; /* [QUERIES, key_quads, 4] s8 */
};

size_t attention_s8_scratch_size__avx512vnni(const struct attention_params *p)
{
    return QUERIES *
           (attention_sizes(p).tokens * (sizeof(int32_t) + sizeof(int16_t)) + key_quads(p) * QUAD);
}

/* The first n of four s8 as u8; queries have 0 where the others are. */
SIMD_INLINE void store_quad(uint8_t *to, const int8_t *from, const size_t n)
{
    uint32_t quad = 0;
    memcpy(&quad, from, n);
    quad ^= 0x80808080u;
    memcpy(to, &quad, QUAD);
}

/* One head. */
static void pack_keys(const struct attention_params *p, const int8_t *k, uint8_t *to, int32_t *init)
{
    const size_t tokens = attention_sizes(p).tokens, n_quads = key_quads(p);
    const size_t dims = (size_t)p->key_dim, step = LANES * QUAD;
    const __m512i ones = _mm512_set1_epi8(1), zero = _mm512_set1_epi32(-p->q_zero);
    for (size_t t = 0; t < tokens; t += LANES, to += n_quads * step) {
        for (size_t i = 0; i < LANES; i++) {
            const size_t token = t + i < (size_t)p->n ? t + i : 0;
            const int8_t *const from = k + token * (size_t)p->k_pixel;
            uint8_t *const column = to + i * QUAD;
            for (size_t d = 0; d < dims / QUAD; d++)
                store_quad(column + d * step, from + d * QUAD, QUAD);
            if (dims % QUAD != 0)
                store_quad(column + dims / QUAD * step, from + dims / QUAD * QUAD, dims % QUAD);
        }
        __m512i sum = _mm512_setzero_si512();
        for (size_t i = 0; i < n_quads; i++)
            sum = _mm512_dpbusd_epi32(sum, _mm512_loadu_si512(to + i * step), ones);
        _mm512_storeu_si512(init + t, _mm512_mullo_epi32(sum, zero));
    }
}

void attention_s8_prepare__avx512vnni(const struct attention_params *p,
                                      const struct attention_io *io, void *shared)
{
    uint8_t *const keys = shared;
    int32_t *const init = (void *)(keys + init_at(p));
    for (int head = 0; head < p->heads; head++)
        pack_keys(p, io->k + (size_t)head * (size_t)p->key_dim, keys + (size_t)head * keys_size(p),
                  init + (size_t)head * attention_sizes(p).tokens);
    attention_pack_values(p, io->v, (void *)(keys + values_at(p)));
}

/* `count` tokens of one head; the last one is repeated, dimensions past the end are 0. */
static void pack_queries(const struct attention_params *p, const int8_t *q, int count, uint8_t *to)
{
    const size_t dims = (size_t)p->key_dim, padded = key_quads(p) * QUAD;
    for (int i = 0; i < QUERIES; i++, to += padded) {
        memset(to + padded - QUAD, 0, QUAD);
        memcpy(to, q + (size_t)(i < count ? i : count - 1) * (size_t)p->q_pixel, dims);
    }
}

static __m512i broadcast_group(const uint8_t *p)
{
    int32_t group;
    memcpy(&group, p, sizeof group);
    return _mm512_set1_epi32(group);
}

enum operands { KEYS, VALUES };

/* Eight rows of groups of four bytes (`a`, `step` bytes apart) times n groups of 16 columns. */
SIMD_INLINE void products(const uint8_t *a, size_t step, const uint8_t *b, size_t n, __m512i init,
                          __m512i sums[QUERIES], const enum operands operands)
{
    __m512i s[QUERIES];
#pragma GCC unroll 8
    for (int q = 0; q < QUERIES; q++) s[q] = init;
    for (size_t i = 0; i < n; i++, a += 4, b += 64) {
        const __m512i v = _mm512_loadu_si512(b);
#pragma GCC unroll 8
        for (int q = 0; q < QUERIES; q++) {
            const __m512i group = broadcast_group(a + (size_t)q * step);
            s[q] = operands == KEYS ? _mm512_dpbusd_epi32(s[q], v, group)
                                    : _mm512_dpwssd_epi32(s[q], v, group);
        }
    }
#pragma GCC unroll 8
    for (int q = 0; q < QUERIES; q++) sums[q] = s[q];
}

static void logits(const struct attention_params *p, const struct work *w, const uint8_t *keys,
                   const int32_t *init, int32_t max[QUERIES])
{
    const size_t tokens = attention_sizes(p).tokens, n_quads = key_quads(p);
    __m512i highest[QUERIES];
    for (int i = 0; i < QUERIES; i++) highest[i] = _mm512_set1_epi32(INT32_MIN);
    for (size_t t = 0; t < tokens; t += LANES, keys += n_quads * LANES * QUAD) {
        __m512i sums[QUERIES];
        products(w->queries, n_quads * QUAD, keys, n_quads, _mm512_loadu_si512(init + t), sums,
                 KEYS);
        for (int i = 0; i < QUERIES; i++) {
            _mm512_storeu_si512(w->logits + (size_t)i * tokens + t, sums[i]);
            highest[i] = _mm512_max_epi32(highest[i], sums[i]);
        }
    }
    for (int i = 0; i < QUERIES; i++) max[i] = _mm512_reduce_max_epi32(highest[i]);
}

#define EACH(i) _Pragma("GCC unroll 4") for (int i = 0; i < VECTORS; i++)

/* p = p r + c */
SIMD_INLINE void horner(__m512 *p, const __m512 *r, float c)
{
    EACH(i) p[i] = _mm512_mul_ps(p[i], r[i]);
    EACH(i) p[i] = _mm512_add_ps(p[i], _mm512_set1_ps(c));
}

struct softmax {
    __m512i max[VECTORS];
    __m512 scale;
    __m512i weight_max; /* E as a float's bits */
};

/* Weights of 16 tokens of four queries in place of logits. The chain of operations is long and a CPU looks ahead only so
 * far: four vectors go through each stage together. 2^n E is exact, so that the product with it is that of exact_exp2
 * with E, or both are nothing after rounding. */
SIMD_INLINE void exponentials(const struct softmax *k, __m512i *v)
{
    __m512 x[VECTORS], n[VECTORS], p[VECTORS];
    EACH(i) v[i] = _mm512_sub_epi32(v[i], k->max[i]);
    EACH(i) x[i] = _mm512_mul_ps(_mm512_cvtepi32_ps(v[i]), k->scale);
    EACH(i) x[i] = _mm512_max_ps(x[i], _mm512_set1_ps(-126));
    EACH(i) n[i] = _mm512_roundscale_ps(x[i], _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    EACH(i) x[i] = _mm512_sub_ps(x[i], n[i]);
    EACH(i) v[i] = _mm512_slli_epi32(_mm512_cvtps_epi32(n[i]), 23);
    EACH(i) v[i] = _mm512_add_epi32(v[i], k->weight_max);
    EACH(i) p[i] = _mm512_set1_ps(EXACT_E5);
    horner(p, x, EXACT_E4);
    horner(p, x, EXACT_E3);
    horner(p, x, EXACT_E2);
    horner(p, x, EXACT_E1);
    horner(p, x, 1);
    EACH(i) v[i] = _mm512_cvtps_epi32(_mm512_mul_ps(p[i], _mm512_castsi512_ps(v[i])));
}

/* e of four queries, `tokens` elements apart, and their den. The tokens past n weigh as much as token 0 and are taken out
 * of the sum. */
static void weights(const struct attention_params *p, const int32_t *l, const int32_t max[VECTORS],
                    int16_t *e, int32_t den[VECTORS])
{
    const size_t tokens = attention_sizes(p).tokens;
    const __m512 weight_max = _mm512_set1_ps((float)attention_weight_max(p->n));
    struct softmax k = {
        .scale = _mm512_set1_ps(p->logit_scale),
        .weight_max = _mm512_castps_si512(weight_max),
    };
    __m512i sum[VECTORS];
    EACH(i) k.max[i] = _mm512_set1_epi32(max[i]);
    EACH(i) sum[i] = _mm512_setzero_si512();
    for (size_t t = 0; t < tokens; t += LANES) {
        __m512i v[VECTORS];
        EACH(i) v[i] = _mm512_loadu_si512(l + (size_t)i * tokens + t);
        exponentials(&k, v);
        EACH(i) sum[i] = _mm512_add_epi32(sum[i], v[i]);
        EACH(i)
        _mm256_storeu_si256((__m256i *)(e + (size_t)i * tokens + t), _mm512_cvtepi32_epi16(v[i]));
    }
    const int32_t n_past = (int32_t)(tokens - (size_t)p->n);
    EACH(i) den[i] = _mm512_reduce_add_epi32(sum[i]) - n_past * e[(size_t)i * tokens];
}

#undef EACH

/* (float)(num - zv den): the difference is exact in double. */
static __m512 centred(__m512i num, __m512d shift)
{
    const __m512d lo = _mm512_cvtepi32_pd(_mm512_castsi512_si256(num));
    const __m512d hi = _mm512_cvtepi32_pd(_mm512_extracti64x4_epi64(num, 1));
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(_mm512_sub_pd(lo, shift))),
                              _mm512_cvtpd_ps(_mm512_sub_pd(hi, shift)), 1);
}

static __m128i quantised(const struct attention_params *p, __m512i num, int32_t den)
{
    const __m512d shift = _mm512_set1_pd((double)p->v_zero * den);
    __m512 f = _mm512_div_ps(centred(num, shift), _mm512_set1_ps((float)den));
    f = _mm512_mul_ps(f, _mm512_set1_ps(p->out_scale));
    f = _mm512_max_ps(f, _mm512_set1_ps(-65536));
    f = _mm512_min_ps(f, _mm512_set1_ps(65536));
    return _mm512_cvtsepi32_epi8(
        _mm512_add_epi32(_mm512_cvtps_epi32(f), _mm512_set1_epi32(p->out_zero)));
}

/* A head's part of what is shared. */
struct head {
    const uint8_t *keys, *values;
    const int32_t *init; /* of logits */
};

/* `count` tokens of one head; q and out point at the first one's. */
static void run_queries(const struct attention_params *p, const struct work *w,
                        const struct head *head, const int8_t *q, int8_t *out, int count)
{
    const struct attention_sizes s = attention_sizes(p);
    const uint8_t *values = head->values;
    int32_t max[QUERIES], den[QUERIES];
    pack_queries(p, q, count, w->queries);
    logits(p, w, head->keys, head->init, max);
    for (size_t i = 0; i < QUERIES; i += VECTORS)
        weights(p, w->logits + i * s.tokens, max + i, w->weights + i * s.tokens, den + i);
    for (size_t b = 0; b < s.value_blocks; b++, values += s.tokens * LANES * sizeof(int16_t)) {
        __m512i num[QUERIES];
        products((const uint8_t *)w->weights, s.tokens * sizeof(int16_t), values,
                 ((size_t)p->n + 1) / 2, _mm512_setzero_si512(), num, VALUES);
        const size_t left = (size_t)p->head_dim - b * LANES;
        const __mmask16 mask = (__mmask16)(left >= LANES ? UINT16_MAX : (1u << left) - 1);
        for (int i = 0; i < count; i++)
            _mm_mask_storeu_epi8(out + (size_t)i * (size_t)p->out_pixel + b * LANES, mask,
                                 quantised(p, num[i], den[i]));
    }
}

void attention_s8_run__avx512vnni(const struct attention_params *p, const struct attention_io *io,
                                  const void *shared, int begin, int end, void *scratch)
{
    const struct attention_sizes s = attention_sizes(p);
    struct work w;
    w.logits = scratch;
    w.weights = (int16_t *)(w.logits + QUERIES * s.tokens);
    w.queries = (uint8_t *)(w.weights + QUERIES * s.tokens);
    const uint8_t *const keys = shared, *const values = keys + values_at(p);
    const int32_t *const init = (const void *)(keys + init_at(p));
    for (int item = begin; item < end;) {
        const int head = item / p->n, token = item % p->n;
        const int left = p->n - token < end - item ? p->n - token : end - item;
        const int count = left < QUERIES ? left : QUERIES;
        const struct head part = {
            .keys = keys + (size_t)head * keys_size(p),
            .values = values + (size_t)head * s.values * sizeof(int16_t),
            .init = init + (size_t)head * s.tokens,
        };
        run_queries(p, &w, &part,
                    io->q + (size_t)token * (size_t)p->q_pixel + (size_t)head * (size_t)p->key_dim,
                    io->out + (size_t)token * (size_t)p->out_pixel +
                        (size_t)head * (size_t)p->head_dim,
                    count);
        item += count;
    }
}
