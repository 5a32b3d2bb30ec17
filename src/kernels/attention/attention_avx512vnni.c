/* SPDX-License-Identifier: Apache-2.0
 *
 * Eight queries at a time. Logits: 16 tokens a step, a pair of dimensions of a query in every lane (vpdpwssd).
 * Means: 16 dimensions a step, a pair of weights in every lane. Raw keys are used: their zero point would add the
 * same to all logits of a query.
 */
#include "kernels/attention/attention_rows.h"

#include <immintrin.h>
#include <string.h>

#include "kernels/attention/attention_pack.h"
#include "tensor/attention_limits.h"
#include "tensor/exact.h"

enum { QUERIES = 8 };

size_t attention_s8_shared_size__avx512vnni(const struct attention_params *p)
{
    return attention_packed_size(p);
}

/* Scratch of a worker. */
struct work {
    int32_t *logits;  /* [QUERIES, tokens] */
    int16_t *weights; /* [QUERIES, tokens] */
    int16_t *queries; /* [QUERIES, key_pairs, 2] */
};

size_t attention_s8_scratch_size__avx512vnni(const struct attention_params *p)
{
    const struct attention_sizes s = attention_sizes(p);
    return QUERIES *
           (s.tokens * (sizeof(int32_t) + sizeof(int16_t)) + s.key_pairs * 2 * sizeof(int16_t));
}

void attention_s8_prepare__avx512vnni(const struct attention_params *p,
                                      const struct attention_io *io, void *shared)
{
    attention_pack(p, io, shared);
}

static __m512i broadcast_pair(const int16_t *pair)
{
    int32_t both;
    memcpy(&both, pair, sizeof both);
    return _mm512_set1_epi32(both);
}

/* Eight rows of pairs (`a`, `step` elements apart) times n pairs of 16 columns. */
static inline void products(const int16_t *a, size_t step, const int16_t *b, size_t n,
                            __m512i sums[QUERIES])
{
    __m512i s0 = _mm512_setzero_si512(), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0;
    __m512i s7 = s0;
    for (size_t i = 0; i < n; i++, a += 2, b += 32) {
        const __m512i v = _mm512_loadu_si512(b);
        s0 = _mm512_dpwssd_epi32(s0, v, broadcast_pair(a));
        s1 = _mm512_dpwssd_epi32(s1, v, broadcast_pair(a + step));
        s2 = _mm512_dpwssd_epi32(s2, v, broadcast_pair(a + 2 * step));
        s3 = _mm512_dpwssd_epi32(s3, v, broadcast_pair(a + 3 * step));
        s4 = _mm512_dpwssd_epi32(s4, v, broadcast_pair(a + 4 * step));
        s5 = _mm512_dpwssd_epi32(s5, v, broadcast_pair(a + 5 * step));
        s6 = _mm512_dpwssd_epi32(s6, v, broadcast_pair(a + 6 * step));
        s7 = _mm512_dpwssd_epi32(s7, v, broadcast_pair(a + 7 * step));
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
    sums[4] = s4;
    sums[5] = s5;
    sums[6] = s6;
    sums[7] = s7;
}

static void logits(const struct attention_sizes *s, const struct work *w, const int16_t *keys,
                   int32_t max[QUERIES])
{
    __m512i highest[QUERIES];
    for (int i = 0; i < QUERIES; i++) highest[i] = _mm512_set1_epi32(INT32_MIN);
    for (size_t t = 0; t < s->tokens; t += 16, keys += s->key_pairs * 32) {
        __m512i sums[QUERIES];
        products(w->queries, s->key_pairs * 2, keys, s->key_pairs, sums);
        for (int i = 0; i < QUERIES; i++) {
            _mm512_storeu_si512(w->logits + (size_t)i * s->tokens + t, sums[i]);
            highest[i] = _mm512_max_epi32(highest[i], sums[i]);
        }
    }
    for (int i = 0; i < QUERIES; i++) max[i] = _mm512_reduce_max_epi32(highest[i]);
}

/* exact_exp2 for x <= 0. */
static __m512 exp2_below_one(__m512 x)
{
    x = _mm512_max_ps(x, _mm512_set1_ps(-126));
    const __m512 n = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    const __m512 r = _mm512_sub_ps(x, n);
    __m512 p = _mm512_set1_ps(EXACT_E5);
    p = _mm512_add_ps(_mm512_mul_ps(p, r), _mm512_set1_ps(EXACT_E4));
    p = _mm512_add_ps(_mm512_mul_ps(p, r), _mm512_set1_ps(EXACT_E3));
    p = _mm512_add_ps(_mm512_mul_ps(p, r), _mm512_set1_ps(EXACT_E2));
    p = _mm512_add_ps(_mm512_mul_ps(p, r), _mm512_set1_ps(EXACT_E1));
    p = _mm512_add_ps(_mm512_mul_ps(p, r), _mm512_set1_ps(1));
    const __m512i exponent = _mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127));
    return _mm512_mul_ps(p, _mm512_castsi512_ps(_mm512_slli_epi32(exponent, 23)));
}

/* e of one query; returns its den. The tokens past n weigh as much as token 0 and are taken out of the sum. */
static int32_t weights(const struct attention_params *p, const struct attention_sizes *s,
                       const int32_t *l, int32_t max, int16_t *e)
{
    const __m512i max_of_all = _mm512_set1_epi32(max);
    const __m512 scale = _mm512_set1_ps(p->logit_scale);
    const __m512 weight_max = _mm512_set1_ps((float)attention_weight_max(p->n));
    __m512i sum = _mm512_setzero_si512();
    for (size_t t = 0; t < s->tokens; t += 16) {
        const __m512i below = _mm512_sub_epi32(_mm512_loadu_si512(l + t), max_of_all);
        const __m512 x = _mm512_mul_ps(_mm512_cvtepi32_ps(below), scale);
        const __m512i weight = _mm512_cvtps_epi32(_mm512_mul_ps(exp2_below_one(x), weight_max));
        sum = _mm512_add_epi32(sum, weight);
        _mm256_storeu_si256((__m256i *)(e + t), _mm512_cvtepi32_epi16(weight));
    }
    return _mm512_reduce_add_epi32(sum) - (int32_t)(s->tokens - (size_t)p->n) * e[0];
}

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

/* `count` tokens of one head; q and out point at the first one's. */
static void run_queries(const struct attention_params *p, const struct work *w, const int16_t *keys,
                        const int16_t *values, const int8_t *q, int8_t *out, int count)
{
    const struct attention_sizes s = attention_sizes(p);
    int32_t max[QUERIES], den[QUERIES];
    attention_pack_queries(p, q, count, QUERIES, w->queries);
    logits(&s, w, keys, max);
    for (size_t i = 0; i < QUERIES; i++)
        den[i] = weights(p, &s, w->logits + i * s.tokens, max[i], w->weights + i * s.tokens);
    for (size_t b = 0; b < s.value_blocks; b++, values += s.tokens * 16) {
        __m512i num[QUERIES];
        products(w->weights, s.tokens, values, ((size_t)p->n + 1) / 2, num);
        const size_t left = (size_t)p->head_dim - b * 16;
        const __mmask16 mask = (__mmask16)(left >= 16 ? UINT16_MAX : (1u << left) - 1);
        for (int i = 0; i < count; i++)
            _mm_mask_storeu_epi8(out + (size_t)i * (size_t)p->out_pixel + b * 16, mask,
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
    w.queries = w.weights + QUERIES * s.tokens;
    const int16_t *const keys = shared, *const values = keys + (size_t)p->heads * s.keys;
    for (int item = begin; item < end;) {
        const int head = item / p->n, token = item % p->n;
        const int left = p->n - token < end - item ? p->n - token : end - item;
        const int count = left < QUERIES ? left : QUERIES;
        run_queries(p, &w, keys + (size_t)head * s.keys, values + (size_t)head * s.values,
                    io->q + (size_t)token * (size_t)p->q_pixel + (size_t)head * (size_t)p->key_dim,
                    io->out + (size_t)token * (size_t)p->out_pixel +
                        (size_t)head * (size_t)p->head_dim,
                    count);
        item += count;
    }
}
