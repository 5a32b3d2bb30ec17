/* SPDX-License-Identifier: Apache-2.0
 *
 * Four queries at a time. Logits: 2 x 8 tokens a step, a pair of dimensions of a query in every lane (vpmaddwd).
 * Means: 2 x 8 dimensions a step, a pair of weights in every lane. Raw keys are used: their zero point would add the
 * same to all logits of a query.
 */
#include "kernels/attention/attention_rows.h"

#include <immintrin.h>
#include <string.h>

#include "kernels/attention/attention_pack.h"
#include "kernels/simd_tile.h"
#include "tensor/attention_limits.h"
#include "tensor/exact.h"

enum { QUERIES = 4, VECTORS = 4 };

size_t attention_s8_shared_size__avx2(const struct attention_params *p)
{
    return attention_packed_size(p);
}

/* Scratch of a worker. */
struct work {
    int32_t *logits;  /* [QUERIES, tokens] */
    int16_t *weights; /* [QUERIES, tokens] */
    int16_t *queries; /* [QUERIES, key_pairs, 2] */
};

size_t attention_s8_scratch_size__avx2(const struct attention_params *p)
{
    const struct attention_sizes s = attention_sizes(p);
    return QUERIES *
           (s.tokens * (sizeof(int32_t) + sizeof(int16_t)) + s.key_pairs * 2 * sizeof(int16_t));
}

void attention_s8_prepare__avx2(const struct attention_params *p, const struct attention_io *io,
                                void *shared)
{
    attention_pack(p, io, shared);
}

static __m256i broadcast_pair(const int16_t *pair)
{
    int32_t both;
    memcpy(&both, pair, sizeof both);
    return _mm256_set1_epi32(both);
}

/* Four rows of pairs (`a`, `step` elements apart) times n pairs of 16 columns: sums[row][half]. */
SIMD_INLINE void products(const int16_t *a, size_t step, const int16_t *b, size_t n,
                          __m256i sums[QUERIES][2])
{
    __m256i s[QUERIES][2];
#pragma GCC unroll 4
    for (int q = 0; q < QUERIES; q++) s[q][0] = s[q][1] = _mm256_setzero_si256();
#pragma GCC unroll 4
    for (size_t i = 0; i < n; i++, a += 2, b += 32) {
        __m256i b0 = _mm256_loadu_si256((const __m256i *)b);
        __m256i b1 = _mm256_loadu_si256((const __m256i *)(b + 16));
        SIMD_PIN(b0); /* else loaded once for each row */
        SIMD_PIN(b1);
#pragma GCC unroll 4
        for (int q = 0; q < QUERIES; q++) {
            const __m256i pair = broadcast_pair(a + (size_t)q * step);
            s[q][0] = _mm256_add_epi32(s[q][0], _mm256_madd_epi16(pair, b0));
            s[q][1] = _mm256_add_epi32(s[q][1], _mm256_madd_epi16(pair, b1));
        }
    }
#pragma GCC unroll 4
    for (int q = 0; q < QUERIES; q++) {
        sums[q][0] = s[q][0];
        sums[q][1] = s[q][1];
    }
}

static int32_t horizontal_max(__m256i v)
{
    __m128i m = _mm_max_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    m = _mm_max_epi32(m, _mm_shuffle_epi32(m, _MM_SHUFFLE(1, 0, 3, 2)));
    m = _mm_max_epi32(m, _mm_shuffle_epi32(m, _MM_SHUFFLE(2, 3, 0, 1)));
    return _mm_cvtsi128_si32(m);
}

static int32_t horizontal_sum(__m256i v)
{
    __m128i m = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    m = _mm_add_epi32(m, _mm_shuffle_epi32(m, _MM_SHUFFLE(1, 0, 3, 2)));
    m = _mm_add_epi32(m, _mm_shuffle_epi32(m, _MM_SHUFFLE(2, 3, 0, 1)));
    return _mm_cvtsi128_si32(m);
}

static void logits(const struct attention_sizes *s, const struct work *w, const int16_t *keys,
                   int32_t max[QUERIES])
{
    __m256i highest[QUERIES];
    for (int i = 0; i < QUERIES; i++) highest[i] = _mm256_set1_epi32(INT32_MIN);
    for (size_t t = 0; t < s->tokens; t += 16, keys += s->key_pairs * 32) {
        __m256i sums[QUERIES][2];
        products(w->queries, s->key_pairs * 2, keys, s->key_pairs, sums);
        for (int i = 0; i < QUERIES; i++) {
            int32_t *const to = w->logits + (size_t)i * s->tokens + t;
            _mm256_storeu_si256((__m256i *)to, sums[i][0]);
            _mm256_storeu_si256((__m256i *)(to + 8), sums[i][1]);
            highest[i] = _mm256_max_epi32(highest[i], _mm256_max_epi32(sums[i][0], sums[i][1]));
        }
    }
    for (int i = 0; i < QUERIES; i++) max[i] = horizontal_max(highest[i]);
}

#define EACH(i) _Pragma("GCC unroll 4") for (int i = 0; i < VECTORS; i++)

/* p = p r + c */
SIMD_INLINE void horner(__m256 *p, const __m256 *r, float c)
{
    EACH(i) p[i] = _mm256_mul_ps(p[i], r[i]);
    EACH(i) p[i] = _mm256_add_ps(p[i], _mm256_set1_ps(c));
}

struct softmax {
    __m256i max[2];
    __m256 scale;
    __m256i weight_max; /* E as a float's bits */
};

/* Weights of 16 tokens of two queries in place of logits. The chain of operations is long and a CPU looks ahead only so
 * far: four vectors go through each stage together. 2^n E is exact, so that the product with it is that of exact_exp2
 * with E, or both are nothing after rounding. */
SIMD_INLINE void exponentials(const struct softmax *k, __m256i *v)
{
    __m256 x[VECTORS], n[VECTORS], p[VECTORS];
    EACH(i) v[i] = _mm256_sub_epi32(v[i], k->max[i / 2]);
    EACH(i) x[i] = _mm256_mul_ps(_mm256_cvtepi32_ps(v[i]), k->scale);
    EACH(i) x[i] = _mm256_max_ps(x[i], _mm256_set1_ps(-126));
    EACH(i) n[i] = _mm256_round_ps(x[i], _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    EACH(i) x[i] = _mm256_sub_ps(x[i], n[i]);
    EACH(i) v[i] = _mm256_slli_epi32(_mm256_cvtps_epi32(n[i]), 23);
    EACH(i) v[i] = _mm256_add_epi32(v[i], k->weight_max);
    EACH(i) p[i] = _mm256_set1_ps(EXACT_E5);
    horner(p, x, EXACT_E4);
    horner(p, x, EXACT_E3);
    horner(p, x, EXACT_E2);
    horner(p, x, EXACT_E1);
    horner(p, x, 1);
    EACH(i) v[i] = _mm256_cvtps_epi32(_mm256_mul_ps(p[i], _mm256_castsi256_ps(v[i])));
}

#undef EACH

SIMD_INLINE void store_weights(int16_t *to, __m256i lo, __m256i hi)
{
    _mm256_storeu_si256((__m256i *)to, _mm256_permute4x64_epi64(_mm256_packs_epi32(lo, hi),
                                                                _MM_SHUFFLE(3, 1, 2, 0)));
}

/* e of two queries, `tokens` elements apart, and their den. The tokens past n weigh as much as token 0 and are taken out
 * of the sum. */
static void weights(const struct attention_params *p, const struct attention_sizes *s,
                    const int32_t *l, const int32_t max[2], int16_t *e, int32_t den[2])
{
    const __m256 weight_max = _mm256_set1_ps((float)attention_weight_max(p->n));
    const struct softmax k = {
        .max = {_mm256_set1_epi32(max[0]), _mm256_set1_epi32(max[1])},
        .scale = _mm256_set1_ps(p->logit_scale),
        .weight_max = _mm256_castps_si256(weight_max),
    };
    __m256i sum[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    for (size_t t = 0; t < s->tokens; t += 16) {
        const int32_t *const first = l + t, *const second = l + s->tokens + t;
        __m256i v[VECTORS] = {
            _mm256_loadu_si256((const __m256i *)first),
            _mm256_loadu_si256((const __m256i *)(first + 8)),
            _mm256_loadu_si256((const __m256i *)second),
            _mm256_loadu_si256((const __m256i *)(second + 8)),
        };
        exponentials(&k, v);
        sum[0] = _mm256_add_epi32(sum[0], _mm256_add_epi32(v[0], v[1]));
        sum[1] = _mm256_add_epi32(sum[1], _mm256_add_epi32(v[2], v[3]));
        store_weights(e + t, v[0], v[1]);
        store_weights(e + s->tokens + t, v[2], v[3]);
    }
    const int32_t n_past = (int32_t)(s->tokens - (size_t)p->n);
    den[0] = horizontal_sum(sum[0]) - n_past * e[0];
    den[1] = horizontal_sum(sum[1]) - n_past * e[s->tokens];
}

/* (float)(num - zv den): the difference is exact in double. */
static __m256 centred(__m256i num, __m256d shift)
{
    const __m256d lo = _mm256_cvtepi32_pd(_mm256_castsi256_si128(num));
    const __m256d hi = _mm256_cvtepi32_pd(_mm256_extracti128_si256(num, 1));
    return _mm256_set_m128(_mm256_cvtpd_ps(_mm256_sub_pd(hi, shift)),
                           _mm256_cvtpd_ps(_mm256_sub_pd(lo, shift)));
}

static __m256i quantised(const struct attention_params *p, __m256i num, int32_t den)
{
    const __m256d shift = _mm256_set1_pd((double)p->v_zero * den);
    __m256 f = _mm256_div_ps(centred(num, shift), _mm256_set1_ps((float)den));
    f = _mm256_mul_ps(f, _mm256_set1_ps(p->out_scale));
    f = _mm256_max_ps(f, _mm256_set1_ps(-65536));
    f = _mm256_min_ps(f, _mm256_set1_ps(65536));
    return _mm256_add_epi32(_mm256_cvtps_epi32(f), _mm256_set1_epi32(p->out_zero));
}

/* Stores the first n of 16. */
static void store_part(int8_t *to, __m256i lo, __m256i hi, size_t n)
{
    const __m256i words =
        _mm256_permute4x64_epi64(_mm256_packs_epi32(lo, hi), _MM_SHUFFLE(3, 1, 2, 0));
    const __m128i bytes =
        _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    if (n >= 16) {
        _mm_storeu_si128((__m128i *)to, bytes);
        return;
    }
    int8_t part[16];
    _mm_storeu_si128((__m128i *)part, bytes);
    memcpy(to, part, n);
}

/* `count` tokens of one head; q and out point at the first one's. */
static void run_queries(const struct attention_params *p, const struct work *w, const int16_t *keys,
                        const int16_t *values, const int8_t *q, int8_t *out, int count)
{
    const struct attention_sizes s = attention_sizes(p);
    int32_t max[QUERIES], den[QUERIES];
    attention_pack_queries(p, q, count, QUERIES, w->queries);
    logits(&s, w, keys, max);
    for (size_t i = 0; i < QUERIES; i += 2)
        weights(p, &s, w->logits + i * s.tokens, max + i, w->weights + i * s.tokens, den + i);
    for (size_t b = 0; b < s.value_blocks; b++, values += s.tokens * 16) {
        __m256i num[QUERIES][2];
        products(w->weights, s.tokens, values, ((size_t)p->n + 1) / 2, num);
        for (int i = 0; i < count; i++)
            store_part(out + (size_t)i * (size_t)p->out_pixel + b * 16,
                       quantised(p, num[i][0], den[i]), quantised(p, num[i][1], den[i]),
                       (size_t)p->head_dim - b * 16);
    }
}

void attention_s8_run__avx2(const struct attention_params *p, const struct attention_io *io,
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
