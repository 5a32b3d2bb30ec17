/* SPDX-License-Identifier: Apache-2.0
 *
 * Distributions out of statistics' bins, against the numbers that went in.
 */
#include "api/distribution.h"

#include <math.h>

#include "test.h"

enum { N = 4000, N_PARTS = 10 };

/* Statistics of one value [1, 2, 1, n / 2]. */
static bool observe(struct quant_stats *s, struct graph **g, const float *x, int n)
{
    static const char text[] =
        "input %x: f32[1, 2, 1, 2000]\n%y: f32[1, 2, 1, 2000] = Sigmoid(%x)\n"
        "output %y\n";
    struct itx_error err = {.text = ""};
    const struct tensor t = {DTYPE_F32, {4, {1, 2, 1, n / 2}}, (void *)x};
    itx_status rc = graph_parse(g, text, strlen(text), &err);
    if (rc == ITX_OK) rc = quant_stats_create(s, *g, true, &err);
    if (rc == ITX_OK) rc = quant_stats_add(s, (*g)->inputs.data[0], &t, &err);
    CHECK_MSG(rc == ITX_OK, "%s", err.text);
    return rc == ITX_OK;
}

/* -1 to 3 evenly, and one number far outside at each end. */
static void test_distribution__even(void)
{
    float x[N];
    struct quant_stats s = {0};
    struct graph *g = NULL;
    struct distribution d;
    for (int i = 0; i < N; i++) x[i] = -1 + 4 * ((float)i + 0.5f) / N;
    x[0] = -50;
    x[N - 1] = 70;
    if (observe(&s, &g, x, N)) {
        CHECK(distribution_of(&d, &s, g->inputs.data[0]));
        CHECK(d.least == -50 && d.most == 70);
        /* two numbers lie outside on each side of what 99.9 % lie within, as a bin of 1/64 octave lets them */
        CHECK_MSG(fabs(d.inner[0] + 1) < 0.02 && fabs(d.inner[1] - 3) < 0.05, "%g %g", d.inner[0],
                  d.inner[1]);
        double parts[N_PARTS], sum = 0;
        distribution_parts(&d, parts,
                           N_PARTS); /* 12 wide: -50 .. -38, ..., -2 .. 10, ... 58 .. 70 */
        for (int i = 0; i < N_PARTS; i++) sum += parts[i];
        CHECK(fabs(sum - 1) < 1e-9);
        CHECK(fabs(parts[0] - 1.0 / N) < 1e-9 && fabs(parts[9] - 1.0 / N) < 1e-9);
        CHECK(fabs(parts[4] - (N - 2.0) / N) < 1e-9);
    }
    quant_stats_release(&s);
    graph_destroy(&g);
}

static void test_distribution__shape(void)
{
    float x[N];
    struct quant_stats s = {0};
    struct graph *g = NULL;
    struct distribution d;
    for (int i = 0; i < N; i++) x[i] = sqrtf(((float)i + 0.5f) / N); /* density 2 x on [0, 1] */
    if (observe(&s, &g, x, N)) {
        double parts[N_PARTS];
        CHECK(distribution_of(&d, &s, g->inputs.data[0]));
        distribution_parts(&d, parts, N_PARTS);
        for (int i = 0; i < N_PARTS; i++)
            CHECK_MSG(fabs(parts[i] - (2 * i + 1) / 100.0) < 0.015, "part %d: %g", i, parts[i]);
        CHECK(!distribution_of(&d, &s, g->outputs.data[0])); /* never observed */
    }
    quant_stats_release(&s);
    graph_destroy(&g);
}

TEST_MAIN(TEST(test_distribution__even), TEST(test_distribution__shape))
