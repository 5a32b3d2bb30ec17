/* SPDX-License-Identifier: Apache-2.0
 *
 * Shape inference. Expected shapes are worked out by hand from the operators' definitions.
 */
#include "one_node.h"

#define CHECK_SHAPE(g, i, text)                                                                    \
    do {                                                                                           \
        CHECK_STR(inferred(g, i), text);                                                           \
    } while (0)

static void ints(struct graph *g, enum attr_id id, int n, const int64_t *v)
{
    CHECK(graph_set_ints(g, 0, id, n, v, NULL) == ITX_OK);
}

static void test_shape__broadcast(void)
{
    const struct operand fit[] = {F32_VAR(8, 1, 6, 1), F32_VAR(7, 1, 5)};
    const struct operand unfit[] = {F32_VAR(2, 3), F32_VAR(2)};
    struct graph *g = one_node(OP_ADD, 2, fit, 1);
    CHECK_SHAPE(g, 0, "f32 [8, 7, 6, 5]");
    graph_destroy(&g);
    g = one_node(OP_ADD, 2, unfit, 1);
    CHECK_SHAPE(g, 0, "node 0 'node' (Add): shapes [2, 3] and [2] do not broadcast");
    graph_destroy(&g);
    g = one_node(OP_LESS, 2, fit, 1);
    CHECK_SHAPE(g, 0, "bool [8, 7, 6, 5]");
    graph_destroy(&g);
}

static void test_shape__types_must_agree(void)
{
    const struct operand mixed[] = {F32_VAR(2), S64S(1, 2)};
    struct graph *g = one_node(OP_MUL, 2, mixed, 1);
    CHECK_SHAPE(g, 0, "node 0 'node' (Mul): types f32 and s64 of inputs 0 and 1 differ");
    graph_destroy(&g);
}

static void test_shape__conv(void)
{
    const struct operand in[] = {F32_VAR(1, 3, 640, 640), F32_VAR(16, 3, 3, 3), F32_VAR(16)};
    struct graph *g = one_node(OP_CONV, 3, in, 1);
    ints(g, ATTR_STRIDES, 2, (const int64_t[]){2, 2});
    ints(g, ATTR_PADS, 4, (const int64_t[]){1, 1, 1, 1});
    CHECK_SHAPE(g, 0, "f32 [1, 16, 320, 320]");
    ints(g, ATTR_DILATIONS, 2, (const int64_t[]){2, 3});
    CHECK_SHAPE(g, 0, "f32 [1, 16, 319, 318]");
    CHECK(graph_set_int(g, 0, ATTR_GROUP, 3, NULL) == ITX_OK);
    CHECK(strstr(inferred(g, 0), "do not fit the input [1, 3, 640, 640]") != NULL);
    graph_destroy(&g);
}

static void test_shape__automatic_padding_becomes_pads(void)
{
    const struct operand in[] = {F32_VAR(1, 1, 5, 6), F32_VAR(1, 1, 3, 3)};
    struct graph *g = one_node(OP_CONV, 2, in, 1);
    ints(g, ATTR_STRIDES, 2, (const int64_t[]){2, 2});
    CHECK(graph_set_text(g, 0, ATTR_AUTO_PAD, "SAME_UPPER", NULL) == ITX_OK);
    CHECK_SHAPE(g, 0, "f32 [1, 1, 3, 3]");
    CHECK(node_attr(&g->nodes.data[0], ATTR_AUTO_PAD) == NULL);
    int64_t pads[4];
    CHECK(node_ints(&g->nodes.data[0], ATTR_PADS, -1, 4, pads) == 4);
    /* rows: 3 windows of stride 2 reach 7 = 5 + 1 + 1; columns: 7 = 6 + 0 + 1 */
    CHECK(pads[0] == 1 && pads[1] == 0 && pads[2] == 1 && pads[3] == 1);
    CHECK_SHAPE(g, 0, "f32 [1, 1, 3, 3]");
    graph_destroy(&g);
}

static void test_shape__conv_transpose(void)
{
    const struct operand in[] = {F32_VAR(1, 64, 80, 80), F32_VAR(64, 32, 2, 2)};
    struct graph *g = one_node(OP_CONV_TRANSPOSE, 2, in, 1);
    ints(g, ATTR_STRIDES, 2, (const int64_t[]){2, 2});
    CHECK_SHAPE(g, 0, "f32 [1, 32, 160, 160]");
    ints(g, ATTR_OUTPUT_SHAPE, 2, (const int64_t[]){161, 158});
    CHECK_SHAPE(g, 0, "f32 [1, 32, 161, 158]");
    int64_t v[4];
    CHECK(node_ints(&g->nodes.data[0], ATTR_OUTPUT_PADDING, 0, 2, v) == 2 && v[0] == 1 &&
          v[1] == 0);
    CHECK(node_ints(&g->nodes.data[0], ATTR_PADS, 0, 4, v) == 4 && v[0] == 0 && v[2] == 0 &&
          v[1] == 1 && v[3] == 1);
    CHECK_SHAPE(g, 0, "f32 [1, 32, 161, 158]");
    graph_destroy(&g);
}

static void test_shape__pool_ceil_mode(void)
{
    const struct operand in[] = {F32_VAR(1, 1, 4, 2)};
    struct graph *g = one_node(OP_MAX_POOL, 1, in, 1);
    ints(g, ATTR_KERNEL_SHAPE, 2, (const int64_t[]){3, 1});
    ints(g, ATTR_STRIDES, 2, (const int64_t[]){2, 2});
    CHECK_SHAPE(g, 0, "f32 [1, 1, 1, 1]");
    CHECK(graph_set_int(g, 0, ATTR_CEIL_MODE, 1, NULL) == ITX_OK);
    /* along columns a second window would begin behind the input and is dropped */
    CHECK_SHAPE(g, 0, "f32 [1, 1, 2, 1]");
    graph_destroy(&g);
}

static void test_shape__window_larger_than_input(void)
{
    const struct operand in[] = {F32_VAR(1, 1, 4, 4), F32_VAR(1, 1, 5, 5)};
    struct graph *g = one_node(OP_CONV, 2, in, 1);
    CHECK_SHAPE(g, 0, "node 0 'node' (Conv): window of 5 is larger than the padded input of 4");
    graph_destroy(&g);
}

static void test_shape__reshape(void)
{
    const struct {
        struct operand in[2];
        const char *expected;
    } cases[] = {
        {{F32_VAR(2, 3, 4), S64S(0, -1)}, "f32 [2, 12]"},
        {{F32_VAR(2, 3, 4), S64S(4, 3, 2)}, "f32 [4, 3, 2]"},
        {{F32_VAR(2, 3, 4), S64S(-1)}, "f32 [24]"},
        {{F32_VAR(0, 3), S64S(3, -1)}, "f32 [3, 0]"},
        {{F32_VAR(2, 3), S64S(5, -1)},
         "node 0 'node' (Reshape): [2, 3] cannot be reshaped to [5, -1]"},
        {{F32_VAR(2, 3), S64S(-1, -1)},
         "node 0 'node' (Reshape): number -1 of shape at 1 is not valid"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct graph *g = one_node(OP_RESHAPE, 2, cases[i].in, 1);
        CHECK_SHAPE(g, 0, cases[i].expected);
        graph_destroy(&g);
    }
}

static void test_shape__pending_operand_leaves_shape_unknown(void)
{
    const struct operand in[] = {F32_VAR(2, 3), {DTYPE_S64, DIMS(2), NULL}};
    struct graph *g = one_node(OP_RESHAPE, 2, in, 1);
    CHECK_SHAPE(g, 0, "none [?]");
    graph_destroy(&g);
}

static void test_shape__slice(void)
{
    const struct {
        struct operand in[5];
        const char *expected;
    } cases[] = {
        {{F32_VAR(10, 20), S64S(1, 2), S64S(5, 1000), S64S(0, -1), S64S(2, 3)}, "f32 [2, 6]"},
        /* the whole dimension backwards: INT64_MIN as an end means "past the beginning" */
        {{F32_VAR(10, 20), S64S(-1), S64S(INT64_MIN), S64S(0), S64S(-1)}, "f32 [10, 20]"},
        {{F32_VAR(10, 20), S64S(9), S64S(2), S64S(0), S64S(-3)}, "f32 [3, 20]"},
        {{F32_VAR(10, 20), S64S(5), S64S(5), S64S(1), S64S(1)}, "f32 [10, 0]"},
        {{F32_VAR(10, 20), S64S(0), S64S(10), S64S(0), S64S(INT64_MAX)}, "f32 [1, 20]"},
        {{F32_VAR(10, 20), S64S(0), S64S(1), S64S(2), S64S(1)},
         "node 0 'node' (Slice): axis 2 is outside of rank 2"},
        {{F32_VAR(10, 20), S64S(0), S64S(1), S64S(1), S64S(0)},
         "node 0 'node' (Slice): step 0 is 0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct graph *g = one_node(OP_SLICE, 5, cases[i].in, 1);
        CHECK_SHAPE(g, 0, cases[i].expected);
        graph_destroy(&g);
    }
}

static void test_shape__split(void)
{
    const struct operand sized[] = {F32_VAR(1, 6), S64S(1, 2, 3)}, even[] = {F32_VAR(1, 7)};
    struct graph *g = one_node(OP_SPLIT, 2, sized, 3);
    CHECK(graph_set_int(g, 0, ATTR_AXIS, 1, NULL) == ITX_OK);
    CHECK_SHAPE(g, 0, "f32 [1, 1]");
    CHECK_SHAPE(g, 2, "f32 [1, 3]");
    graph_destroy(&g);
    g = one_node(OP_SPLIT, 1, even, 3);
    CHECK(graph_set_int(g, 0, ATTR_AXIS, -1, NULL) == ITX_OK);
    CHECK(graph_set_int(g, 0, ATTR_NUM_OUTPUTS, 3, NULL) == ITX_OK);
    CHECK_SHAPE(g, 1, "f32 [1, 3]");
    CHECK_SHAPE(g, 2, "f32 [1, 1]");
    graph_destroy(&g);
}

static void test_shape__resize(void)
{
    static const float scales[] = {1, 1, 2, 0.7f};
    const struct operand by_scale[] = {F32_VAR(1, 8, 20, 10), LEFT_OUT, F32(scales, 4)};
    const struct operand by_size[] = {F32_VAR(1, 8, 20, 10), LEFT_OUT, LEFT_OUT, S64S(1, 8, 7, 30)};
    struct graph *g = one_node(OP_RESIZE, 3, by_scale, 1);
    CHECK_SHAPE(g, 0, "f32 [1, 8, 40, 7]");
    graph_destroy(&g);
    g = one_node(OP_RESIZE, 4, by_size, 1);
    CHECK_SHAPE(g, 0, "f32 [1, 8, 7, 30]");
    graph_destroy(&g);
    g = one_node(OP_RESIZE, 1, by_size, 1);
    CHECK_SHAPE(g, 0, "node 0 'node' (Resize): exactly one of scales and sizes must be given");
    graph_destroy(&g);
}

static void test_shape__matmul(void)
{
    const struct {
        struct operand in[2];
        const char *expected;
    } cases[] = {
        {{F32_VAR(2, 1, 3, 4), F32_VAR(5, 4, 6)}, "f32 [2, 5, 3, 6]"},
        {{F32_VAR(4), F32_VAR(5, 4, 6)}, "f32 [5, 6]"},
        {{F32_VAR(3, 4), F32_VAR(4)}, "f32 [3]"},
        {{F32_VAR(4), F32_VAR(4)}, "f32 []"},
        {{F32_VAR(3, 4), F32_VAR(3, 4)},
         "node 0 'node' (MatMul): shapes [3, 4] and [3, 4] do not multiply"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct graph *g = one_node(OP_MATMUL, 2, cases[i].in, 1);
        CHECK_SHAPE(g, 0, cases[i].expected);
        graph_destroy(&g);
    }
}

static void test_shape__oversized_is_refused(void)
{
    const struct operand in[] = {F32_VAR(1), S64S(65536, 65536)};
    const struct operand tile[] = {F32_VAR(65536), S64S(INT64_MAX)};
    struct graph *g = one_node(OP_EXPAND, 2, in, 1);
    CHECK_SHAPE(g, 0,
                "node 0 'node' (Expand): output [65536, 65536] has more than 2147483648 elements");
    graph_destroy(&g);
    g = one_node(OP_TILE, 2, tile, 1);
    CHECK(strstr(inferred(g, 0), "repeats are too many") != NULL);
    graph_destroy(&g);
}

static void test_shape__range(void)
{
    static const int64_t start[] = {5}, limit[] = {-6}, step[] = {-2};
    const struct operand in[] = {
        {DTYPE_S64, {0}, start}, {DTYPE_S64, {0}, limit}, {DTYPE_S64, {0}, step}};
    struct graph *g = one_node(OP_RANGE, 3, in, 1); /* 5 3 1 -1 -3 -5 */
    CHECK_SHAPE(g, 0, "s64 [6]");
    graph_destroy(&g);
}

static void test_shape__rearranging(void)
{
    const struct operand x[] = {F32_VAR(2, 3, 1, 4), S64S(2), S64S(0)};
    struct graph *g = one_node(OP_TRANSPOSE, 1, x, 1);
    CHECK_SHAPE(g, 0, "f32 [4, 1, 3, 2]");
    ints(g, ATTR_PERM, 4, (const int64_t[]){0, 2, 3, 1});
    CHECK_SHAPE(g, 0, "f32 [2, 1, 4, 3]");
    ints(g, ATTR_PERM, 4, (const int64_t[]){0, 2, 2, 1});
    CHECK_SHAPE(g, 0, "node 0 'node' (Transpose): perm is no permutation of 4 axes");
    graph_destroy(&g);
    g = one_node(OP_SQUEEZE, 2, x, 1);
    CHECK_SHAPE(g, 0, "f32 [2, 3, 4]");
    graph_destroy(&g);
    g = one_node(OP_UNSQUEEZE, 2, x, 1);
    CHECK_SHAPE(g, 0, "f32 [2, 3, 1, 1, 4]");
    graph_destroy(&g);
    g = one_node(OP_FLATTEN, 1, x, 1);
    CHECK_SHAPE(g, 0, "f32 [2, 12]");
    graph_destroy(&g);
    g = one_node(OP_REDUCE_MEAN, 2, x, 1);
    CHECK(graph_set_int(g, 0, ATTR_KEEPDIMS, 0, NULL) == ITX_OK);
    CHECK_SHAPE(g, 0, "f32 [2, 3, 4]");
    graph_destroy(&g);
    g = one_node(OP_GATHER, 2, x, 1);
    CHECK(graph_set_int(g, 0, ATTR_AXIS, 1, NULL) == ITX_OK);
    CHECK_SHAPE(g, 0, "f32 [2, 1, 1, 4]");
    graph_destroy(&g);
}

TEST_MAIN(TEST(test_shape__broadcast), TEST(test_shape__types_must_agree), TEST(test_shape__conv),
          TEST(test_shape__automatic_padding_becomes_pads), TEST(test_shape__conv_transpose),
          TEST(test_shape__pool_ceil_mode), TEST(test_shape__window_larger_than_input),
          TEST(test_shape__reshape), TEST(test_shape__pending_operand_leaves_shape_unknown),
          TEST(test_shape__slice), TEST(test_shape__split), TEST(test_shape__resize),
          TEST(test_shape__matmul), TEST(test_shape__oversized_is_refused), TEST(test_shape__range),
          TEST(test_shape__rearranging))
