/* SPDX-License-Identifier: Apache-2.0 */
#include "api/choose.h"

#include <math.h>

#include "quant/cost.h"
#include "test.h"

/* Against trying every subset: what the greedy choice gains is never far from the best, and it fits. */
static void test_choose_best__made_up_numbers(void)
{
    enum { N = 10 };
    uint64_t seed = 1;
    for (int round = 0; round < 200; round++) {
        double gain[N], cost[N], most = 0, best = 0, got = 0;
        bool is_taken[N] = {false};
        for (int i = 0; i < N; i++) {
            gain[i] = (double)(test_random(&seed) % 1000) - 100;
            cost[i] = (double)(test_random(&seed) % 100);
            if (gain[i] > 0) most += cost[i];
        }
        const double budget = most / 2;
        for (unsigned set = 0; set < 1u << N; set++) {
            double g = 0, c = 0;
            for (int i = 0; i < N; i++)
                if (set >> i & 1) {
                    g += gain[i];
                    c += cost[i];
                }
            if (c <= budget) best = fmax(best, g);
        }
        double left = budget;
        for (;;) {
            const int i = choose_best(gain, cost, is_taken, N, left);
            if (i < 0) break;
            CHECK(!is_taken[i] && gain[i] > 0 && cost[i] <= left);
            is_taken[i] = true;
            left -= cost[i];
            got += gain[i];
        }
        CHECK_MSG(got >= 0.75 * best && got <= best + 1e-9, "round %d: %g of %g", round, got, best);
    }
}

static void test_choose_best__order(void)
{
    const double gain[] = {5, 4, 0, -1, 6, INFINITY}, cost[] = {5, 2, 1, 1, 0, 9};
    bool is_taken[6] = {false};
    CHECK(choose_best(gain, cost, is_taken, 6, 5) == 4); /* costs nothing */
    is_taken[4] = true;
    CHECK(choose_best(gain, cost, is_taken, 6, 5) == 1);
    is_taken[1] = true;
    CHECK(choose_best(gain, cost, is_taken, 6, 5) == 0);
    CHECK(choose_best(gain, cost, is_taken, 6, 4.9) == -1);
    is_taken[0] = true;
    CHECK(choose_best(gain, cost, is_taken, 6, 5) == -1); /* without gain */
    CHECK(choose_best(gain, cost, is_taken, 6, 10) == 5);
    CHECK(choose_best(NULL, NULL, NULL, 0, 10) == -1);
}

/* ---- the table of costs ---- */

/* One operation on %x: f32[1, c, size, size]; %y is its output. */
static struct graph *one_node(int in_c, int size, const char *weights, const char *node)
{
    char text[600];
    struct graph *g = NULL;
    struct itx_error err;
    snprintf(text, sizeof text, "input %%x: f32[1, %d, %d, %d]\n%s%s\noutput %%y\n", in_c, size,
             size, weights, node);
    CHECK_MSG(graph_parse(&g, text, strlen(text), &err) == ITX_OK, "%s", err.text);
    return g;
}

struct costs {
    double none, in, out, both;
};

static struct costs cost_of(struct graph *g)
{
    bool wide[16] = {false};
    const value_id x = graph_find_value(g, "x", 1), y = graph_find_value(g, "y", 1);
    struct costs c = {.none = quant_cost(g, NULL)};
    CHECK(g->values.len <= 16 && x != 0 && y != 0);
    CHECK(quant_cost(g, wide) == c.none);
    wide[x] = true;
    c.in = quant_cost(g, wide);
    wide[y] = true;
    c.both = quant_cost(g, wide);
    wide[x] = false;
    c.out = quant_cost(g, wide);
    graph_destroy(&g);
    return c;
}

static void test_cost__of_convolutions(void)
{
    struct costs c = cost_of(one_node(
        4, 20, "const %w: f32[4, 4, 1, 1] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}\n",
        "%y: f32[1, 4, 20, 20] = Conv(%x, %w) {kernel_shape = [1, 1]}"));
    /* microseconds: 1600 elements written, 6400 multiply-adds */
    CHECK_MSG(fabs(c.none - (1600 * 0.24 + 6400 / 228.0) / 1000) < 1e-9, "%g", c.none);
    CHECK(c.in > c.none && c.out >= c.none && c.both > c.in);
    CHECK(c.both < 2.2 * c.none);
    c = cost_of(
        one_node(2, 20, "const %w: f32[2, 1, 1, 1] = {1, 1}\n",
                 "%y: f32[1, 2, 20, 20] = Conv(%x, %w) {group = 2, kernel_shape = [1, 1]}"));
    CHECK(c.none > 0 && c.in > c.none && c.out == c.none);
    c = cost_of(one_node(2, 20, "",
                         "%y: f32[1, 2, 20, 20] = MaxPool(%x) {kernel_shape = [3, 3], "
                         "pads = [1, 1, 1, 1]}"));
    CHECK(c.none > 0 && c.both > 1.5 * c.none && c.both < 2.5 * c.none);
}

/* 3 x 3 with stride 1 is cheaper by Winograd's algorithm than the same with stride 2 for as many outputs, in both widths. */
static void test_cost__knows_winograd(void)
{
    double cost[2][2];
    for (int stride = 1; stride <= 2; stride++) {
        struct graph *g = NULL;
        struct itx_error err;
        REQUIRE(graph_create(&g, &err) == ITX_OK);
        const struct shape in = {4, {1, 32, 16 * stride, 16 * stride}}, out = {4, {1, 32, 16, 16}};
        const struct shape weights = {4, {32, 32, 3, 3}};
        const int64_t strides[] = {stride, stride}, pads[] = {1, 1, 1, 1};
        static const float data[32 * 32 * 9] = {1};
        value_id v[3];
        node_id n;
        REQUIRE(graph_add_value(g, "x", DTYPE_F32, &in, &v[0], &err) == ITX_OK);
        REQUIRE(graph_add_constant(g, "w", DTYPE_F32, &weights, data, &v[1], &err) == ITX_OK);
        REQUIRE(graph_add_value(g, "y", DTYPE_F32, &out, &v[2], &err) == ITX_OK);
        REQUIRE(graph_add_node(g, OP_CONV, "c", 2, v, 1, &v[2], &n, &err) == ITX_OK);
        REQUIRE(graph_set_ints(g, n, ATTR_STRIDES, 2, strides, &err) == ITX_OK);
        REQUIRE(graph_set_ints(g, n, ATTR_PADS, 4, pads, &err) == ITX_OK);
        const struct costs c = cost_of(g);
        cost[stride - 1][0] = c.none;
        cost[stride - 1][1] = c.both;
    }
    CHECK(cost[0][0] < 0.9 * cost[1][0] && cost[0][1] < 0.8 * cost[1][1]);
    CHECK(cost[0][1] > 1.2 * cost[0][0] && cost[1][1] > 1.5 * cost[1][0]);
}

TEST_MAIN(TEST(test_choose_best__made_up_numbers), TEST(test_choose_best__order),
          TEST(test_cost__of_convolutions), TEST(test_cost__knows_winograd))
