/* SPDX-License-Identifier: Apache-2.0
 *
 * The scalar row of attention against the softmax in doubles. Its eight bits are looked at through a lens: the output
 * is (mean of v) - zv times out_scale, so that out_scale = 200 and every zv in turn show the mean to 1 / 200.
 */
#include "kernels/attention/attention.h"

#include <math.h>

#include "base/mem.h"
#include "tensor/attention_limits.h"

#include "test.h"

enum { KEY = 32, HEAD = 24, TOKENS = 6, LENS = 200 };

struct data {
    int8_t *q, *k, *v;
};

/* Sums of four uniform numbers: most are small, as in networks. */
static int8_t *random_s8(uint64_t *seed, int n)
{
    int8_t *const p = mem_alloc((size_t)n + 64);
    for (int i = 0; i < n; i++) {
        int sum = 0;
        for (int j = 0; j < 4; j++) sum += (int)(test_random(seed) % 64) - 32;
        p[i] = (int8_t)sum;
    }
    return p;
}

static void exact_means(const struct attention_params *p, const struct data *in, int s,
                        double means[HEAD])
{
    double l[4096], max = -INFINITY, den = 0;
    for (int t = 0; t < p->n; t++) {
        l[t] = 0;
        for (int d = 0; d < KEY; d++)
            l[t] += (double)(in->q[s * KEY + d] - p->q_zero) * (in->k[t * KEY + d] - p->k_zero);
        l[t] *= p->logit_scale;
        max = fmax(max, l[t]);
    }
    for (int d = 0; d < HEAD; d++) means[d] = 0;
    for (int t = 0; t < p->n; t++) {
        const double e = exp2(l[t] - max);
        den += e;
        for (int d = 0; d < HEAD; d++) means[d] += e * in->v[t * HEAD + d];
    }
    for (int d = 0; d < HEAD; d++) means[d] /= den;
}

/* Error of the means in L2, relative to the means. `spread`: standard deviation of the logits in powers of two. */
static double relative_error(int n, double spread, uint64_t seed)
{
    const struct data in = {random_s8(&seed, n * KEY), random_s8(&seed, n * KEY),
                            random_s8(&seed, n * HEAD)};
    struct attention_params p = {.n = n,
                                 .heads = 1,
                                 .key_dim = KEY,
                                 .head_dim = HEAD,
                                 .q_pixel = KEY,
                                 .k_pixel = KEY,
                                 .v_pixel = HEAD,
                                 .out_pixel = HEAD,
                                 .q_zero = 3,
                                 .k_zero = -5,
                                 .logit_scale = (float)(spread / (37.0 * 37 * sqrt(KEY))),
                                 .out_scale = LENS};
    const struct attention_row *const row = attention_choose(0);
    const int n_tokens = n < TOKENS ? n : TOKENS;
    int8_t out[TOKENS * HEAD];
    double seen[TOKENS * HEAD], error = 0, norm = 0;
    void *const scratch = mem_alloc_aligned(64, row->scratch_size(&p));
    const struct attention_io io = {in.q, in.k, in.v, out};
    for (int i = 0; i < TOKENS * HEAD; i++) seen[i] = NAN;
    for (p.v_zero = -128; p.v_zero <= 127; p.v_zero++) {
        row->run(&p, &io, NULL, 0, n_tokens, scratch);
        for (int i = 0; i < n_tokens * HEAD; i++)
            if (out[i] > -128 && out[i] < 127) seen[i] = p.v_zero + (double)out[i] / LENS;
    }
    for (int s = 0; s < n_tokens; s++) {
        double means[HEAD];
        exact_means(&p, &in, s, means);
        for (int d = 0; d < HEAD; d++) {
            error += pow(seen[s * HEAD + d] - means[d], 2);
            norm += means[d] * means[d];
        }
    }
    mem_free(in.q);
    mem_free(in.k);
    mem_free(in.v);
    mem_free_aligned(scratch);
    return sqrt(error / norm);
}

static void test_attention__as_softmax(void)
{
    static const int sizes[] = {1, 7, 100, 400, 1600, 4096};
    static const double spreads[] = {0.3, 1, 3, 8};
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 4; j++) {
            const double error = relative_error(sizes[i], spreads[j], (uint64_t)(i * 4 + j + 1));
            CHECK_MSG(error < 0.01, "n %d, spread %g: error %g", sizes[i], spreads[j], error);
        }
}

static void test_attention__weight_max(void)
{
    CHECK(attention_weight_max(1) == 32767);
    CHECK(attention_weight_max(511) == 32767);
    CHECK(attention_weight_max(512) == 16383);
    CHECK(attention_weight_max(ATTENTION_MAX_TOKENS) == 511);
    CHECK(attention_fits(1, 1, 1));
    CHECK(!attention_fits(ATTENTION_MAX_TOKENS + 1, 1, 1));
    CHECK(!attention_fits(1, ATTENTION_MAX_KEY_DIM + 1, 1));
    CHECK(!attention_fits(0, 1, 1));
}

/* All sums at their limits: the largest weights on the largest values. */
static void test_attention__longest_sums(void)
{
    enum { N = ATTENTION_MAX_TOKENS };
    int8_t q = 127, out = 0;
    int8_t *const k = mem_alloc(N + 64), *const v = mem_alloc(N + 64);
    memset(k, 127, N);
    memset(v, -128, N);
    const struct attention_params p = {.n = N,
                                       .heads = 1,
                                       .key_dim = 1,
                                       .head_dim = 1,
                                       .q_pixel = 1,
                                       .k_pixel = 1,
                                       .v_pixel = 1,
                                       .out_pixel = 1,
                                       .q_zero = -128,
                                       .k_zero = -128,
                                       .v_zero = 127,
                                       .logit_scale = 1,
                                       .out_scale = 0.25f};
    const struct attention_row *const row = attention_choose(0);
    void *const scratch = mem_alloc_aligned(64, row->scratch_size(&p));
    const struct attention_io io = {&q, k, v, &out};
    row->run(&p, &io, NULL, 0, 1, scratch);
    CHECK_MSG(out == -64, "got %d", out); /* -255 / 4 = -63.75 */
    mem_free(k);
    mem_free(v);
    mem_free_aligned(scratch);
}

TEST_MAIN(TEST(test_attention__as_softmax), TEST(test_attention__weight_max),
          TEST(test_attention__longest_sums))
