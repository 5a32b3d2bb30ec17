/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/rounding.h"

#include <math.h>

#include "quant/patches.h"

#include "test.h"

/* No shift of the real weights: what is rounded is what was given. */
#define PLAIN                                                                                      \
    {                                                                                              \
        1e-4f, 1e6f, 1, 3, 2304                                                                    \
    }

enum { N = 400, MAX_K = 40, MAX_ROWS = 6 };

struct made {
    int16_t x[N * MAX_K];
    float w[MAX_ROWS * MAX_K], target[N * MAX_ROWS], scale[MAX_ROWS];
    int8_t q[MAX_ROWS * MAX_K];
    double shift[MAX_ROWS];
    struct rounding p;
};

static double uniform(uint64_t *seed)
{
    return test_random(seed) / 4294967296.0 * 2 - 1;
}

/* Inputs that hang together, as those of real layers: each follows the one before. The target is x w exactly. */
static void make(struct made *m, int k, int rows, uint64_t seed)
{
    for (int i = 0; i < N; i++) {
        double last = 0;
        for (int j = 0; j < k; j++) {
            last = 0.8 * last + 30 * uniform(&seed);
            m->x[i * k + j] = (int16_t)(rint(last) + 20 + j);
        }
    }
    for (int r = 0; r < rows; r++) {
        float most = 0;
        for (int j = 0; j < k; j++) {
            m->w[r * k + j] = (float)uniform(&seed);
            most = fmaxf(most, fabsf(m->w[r * k + j]));
        }
        m->scale[r] = most / 7; /* coarse, so that rounding matters */
        for (int i = 0; i < N; i++) {
            double sum = 0;
            for (int j = 0; j < k; j++) sum += (double)m->x[i * k + j] * (double)m->w[r * k + j];
            m->target[i * rows + r] = (float)sum;
        }
    }
    m->p = (struct rounding){.n = N,
                             .k = k,
                             .rows = rows,
                             .rows_per_scale = 1,
                             .x = m->x,
                             .w = m->w,
                             .target = m->target,
                             .scale = m->scale,
                             .q = m->q,
                             .shift = m->shift};
}

/* Variance over the samples of x (w - scale q): what is left when the mean is free. */
static double error_of(const struct made *m, int r, const int *q, double scale)
{
    const int k = m->p.k;
    double sum = 0, square = 0;
    for (int i = 0; i < N; i++) {
        double e = 0;
        for (int j = 0; j < k; j++)
            e += (double)m->x[i * k + j] * ((double)m->w[r * k + j] - scale * q[j]);
        sum += e;
        square += e * e;
    }
    return square / N - sum / N * (sum / N);
}

static double error_of_result(const struct made *m, int r)
{
    int q[MAX_K];
    for (int j = 0; j < m->p.k; j++) q[j] = m->q[r * m->p.k + j];
    return error_of(m, r, q, (double)m->scale[r]);
}

static double error_of_nearest(const struct made *m, int r, double scale)
{
    int q[MAX_K];
    for (int j = 0; j < m->p.k; j++) q[j] = (int)lrint((double)m->w[r * m->p.k + j] / scale);
    return error_of(m, r, q, scale);
}

/* The least error of all weights that are within two steps of the real ones. */
static double least_error(const struct made *m, int r, double scale)
{
    const int k = m->p.k;
    int base[MAX_K], q[MAX_K], n = 1;
    double least = INFINITY;
    for (int j = 0; j < k; j++) {
        base[j] = (int)floor((double)m->w[r * k + j] / scale) - 1;
        n *= 4;
    }
    for (int code = 0; code < n; code++) {
        for (int j = 0, c = code; j < k; j++, c /= 4) q[j] = base[j] + c % 4;
        least = fmin(least, error_of(m, r, q, scale));
    }
    return least;
}

static void test_solve__near_the_best_of_all_roundings(void)
{
    static struct made m;
    double found = 0, least = 0, nearest = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        make(&m, 5, 1, seed);
        const double scale = (double)m.scale[0];
        const struct rounding_options o = PLAIN;
        REQUIRE(rounding_solve(&m.p, &o, NULL, NULL) == ITX_OK);
        CHECK(scale == (double)m.scale[0]);
        const double got = error_of_result(&m, 0), best = least_error(&m, 0, scale);
        CHECK_MSG(got <= best * 2 + 1e-9, "seed %d: error %g, possible is %g", (int)seed, got,
                  best);
        CHECK_MSG(got <= error_of_nearest(&m, 0, scale) * 1.0001, "seed %d: error %g, nearest %g",
                  (int)seed, got, error_of_nearest(&m, 0, scale));
        found += got;
        least += best;
        nearest += error_of_nearest(&m, 0, scale);
    }
    CHECK_MSG(found < least * 1.15, "error %g, possible is %g", found, least);
    CHECK_MSG(found < nearest * 0.5, "error %g, each to its nearest: %g", found, nearest);
}

static void test_solve__what_is_left_is_what_it_says(void)
{
    static struct made m;
    make(&m, 40, 6, 77);
    float target[N * 6];
    memcpy(target, m.target, sizeof target);
    for (int i = 0; i < N; i++) m.target[i * 6 + 2] += 50; /* for the bias */
    memcpy(target, m.target, sizeof target);
    const struct rounding_options o = {0.01f, 0.1f, ROUNDING_MAX_SCALES, 2, 16}; /* three blocks */
    REQUIRE(rounding_solve(&m.p, &o, NULL, NULL) == ITX_OK);
    for (int r = 0; r < 6; r++) {
        double mean = 0;
        for (int i = 0; i < N; i++) {
            double rest = (double)target[i * 6 + r] - m.shift[r];
            for (int j = 0; j < 40; j++)
                rest -= (double)m.scale[r] * m.q[r * 40 + j] * m.x[i * 40 + j];
            mean += rest / N;
            CHECK_MSG(fabs(rest - (double)m.target[i * 6 + r]) < 0.02, "sample %d, sum %d: %g, %g",
                      i, r, rest, (double)m.target[i * 6 + r]);
        }
        CHECK_MSG(fabs(mean) < 0.01, "sum %d: the mean %g is left", r, mean);
        CHECK(error_of_result(&m, r) < error_of_nearest(&m, r, (double)m.scale[r]));
    }
}

/* Inputs with a systematic error: half of each is lost. The weights can make up for it by doubling. */
static void test_solve__makes_up_for_errors_of_the_input(void)
{
    static struct made m;
    make(&m, 6, 2, 5);
    for (int i = 0; i < N * 6; i++) m.x[i] = (int16_t)(m.x[i] / 2);
    for (int r = 0; r < 2; r++) m.scale[r] /= 8;
    const struct rounding_options o = {0.001f, 0.001f, 1, 2, 2304};
    REQUIRE(rounding_solve(&m.p, &o, NULL, NULL) == ITX_OK);
    for (int i = 0; i < 12; i++) {
        const double w = m.q[i] * (double)m.scale[i / 6];
        CHECK_MSG(fabs(w - 2 * (double)m.w[i]) < 0.1, "weight %d: %g for %g", i, w, (double)m.w[i]);
    }
}

static void test_solve__one_scale_for_all_sums_of_a_channel(void)
{
    static struct made m;
    make(&m, 8, 4, 6);
    m.p.rows_per_scale = 2;
    m.scale[0] = fmaxf(m.scale[0], m.scale[1]);
    m.scale[1] = fmaxf(m.scale[2], m.scale[3]);
    const struct rounding_options o = {0.01f, 1e6f, ROUNDING_MAX_SCALES, 2, 2304};
    REQUIRE(rounding_solve(&m.p, &o, NULL, NULL) == ITX_OK);
    for (int r = 0; r < 4; r++) {
        int q[8];
        for (int j = 0; j < 8; j++) q[j] = m.q[r * 8 + j];
        CHECK(error_of(&m, r, q, (double)m.scale[r / 2]) <=
              error_of_nearest(&m, r, (double)m.scale[r / 2]) * (1 + 1e-6));
    }
}

static void test_solve__same_bytes_for_any_number_of_threads(void)
{
    static struct made one, other;
    const struct rounding_options o = {0.01f, 0.1f, ROUNDING_MAX_SCALES, 2, 24};
    make(&one, 40, 6, 3);
    REQUIRE(rounding_solve(&one.p, &o, NULL, NULL) == ITX_OK);
    for (int n = 2; n <= 3; n++) {
        struct pool *pool = NULL;
        REQUIRE(pool_create(&pool, n, NULL) == ITX_OK);
        make(&other, 40, 6, 3);
        CHECK(rounding_solve(&other.p, &o, pool, NULL) == ITX_OK);
        pool_destroy(&pool);
        CHECK(memcmp(one.q, other.q, sizeof one.q) == 0);
        CHECK(memcmp(one.scale, other.scale, sizeof one.scale) == 0);
        CHECK(memcmp(one.shift, other.shift, sizeof one.shift) == 0);
    }
}

static void test_solve__extremes(void)
{
    static struct made m;
    const struct rounding_options o = {0.01f, 0.1f, ROUNDING_MAX_SCALES, 2, 2304};
    make(&m, 7, 1, 4); /* inputs that never change, and weights far outside the range */
    for (int i = 0; i < N; i++) m.x[i * 7 + 3] = 0;
    for (int i = 0; i < N; i++) m.x[i * 7 + 5] = 255;
    m.scale[0] /= 100;
    REQUIRE(rounding_solve(&m.p, &o, NULL, NULL) == ITX_OK);
    for (int j = 0; j < 7; j++) CHECK(m.q[j] >= -127 && m.q[j] <= 127);
    CHECK(isfinite(m.shift[0]));
    make(&m, 7, 1, 4);
    m.target[11] = NAN;
    struct itx_error err;
    CHECK(rounding_solve(&m.p, &o, NULL, &err) == ITX_E_RANGE);
}

/* ---- patches ---- */

static void test_patch__against_the_definition(void)
{
    enum { H = 5, W = 6, C = 3, PIXEL = 4 };
    const struct patch_window w = {.in_h = H,
                                   .in_w = W,
                                   .in_c = C,
                                   .out_h = 3,
                                   .out_w = 2,
                                   .kernel = {3, 2},
                                   .stride = {2, 3},
                                   .pad = {1, 1},
                                   .dilation = {1, 2}};
    int8_t bytes[H * W * PIXEL];
    int16_t words[H * W * PIXEL], patch[18], wide[18];
    float reals[C * H * W], real[18];
    const int32_t zero[C] = {-128, 3, 127};
    uint64_t seed = 8;
    for (int i = 0; i < H * W * PIXEL; i++) {
        bytes[i] = (int8_t)test_random(&seed);
        words[i] = (int16_t)test_random(&seed);
    }
    for (int i = 0; i < C * H * W; i++) reals[i] = (float)i + 1;
    for (int position = 0; position < 6; position++) {
        patch_of_s8(patch, &w, position, bytes, PIXEL, zero, true);
        patch_of_s16(wide, &w, position, words, PIXEL);
        patch_of_float(real, &w, position, reals);
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 2; j++)
                for (int c = 0; c < C; c++) {
                    const int y = position / 2 * 2 - 1 + i, x = position % 2 * 3 - 1 + 2 * j;
                    const bool inside = y >= 0 && y < H && x >= 0 && x < W;
                    const int at = (y * W + x) * PIXEL + c;
                    CHECK(patch[(i * 2 + j) * C + c] == (inside ? bytes[at] - zero[c] : 0));
                    CHECK(wide[(i * 2 + j) * C + c] == (inside ? words[at] : 0));
                    CHECK(real[c * 6 + i * 2 + j] == (inside ? reals[(c * H + y) * W + x] : 0.0f));
                }
    }
}

TEST_MAIN(TEST(test_solve__near_the_best_of_all_roundings),
          TEST(test_solve__what_is_left_is_what_it_says),
          TEST(test_solve__makes_up_for_errors_of_the_input),
          TEST(test_solve__one_scale_for_all_sums_of_a_channel),
          TEST(test_solve__same_bytes_for_any_number_of_threads), TEST(test_solve__extremes),
          TEST(test_patch__against_the_definition))
