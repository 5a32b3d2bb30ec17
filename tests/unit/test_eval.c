/* SPDX-License-Identifier: Apache-2.0
 *
 * Evaluation of single nodes. Expected numbers are worked out by hand; the operators' own test vectors are in tests/golden.
 */
#include <math.h>

#include "one_node.h"

static void check_floats(struct graph *g, int n, const float *expected)
{
    struct tensor out[8];
    struct itx_error err = {0};
    CHECK_MSG(evaluated(g, out, &err) == ITX_OK, "%s", err.text);
    if (out[0].data == NULL) return;
    CHECK(out[0].dtype == DTYPE_F32 && shape_elements(&out[0].shape) == n);
    for (int i = 0; i < n; i++) {
        const float v = ((const float *)out[0].data)[i];
        CHECK_MSG(fabsf(v - expected[i]) <= 1e-6f * fmaxf(1, fabsf(v)), "at %d: %g, expected %g", i,
                  (double)v, (double)expected[i]);
    }
    mem_free(out[0].data);
}

static void check_integers(struct graph *g, int n, const int64_t *expected)
{
    struct tensor out[8];
    struct itx_error err = {0};
    CHECK_MSG(evaluated(g, out, &err) == ITX_OK, "%s", err.text);
    if (out[0].data == NULL) return;
    CHECK(shape_elements(&out[0].shape) == n);
    for (int i = 0; i < n; i++) {
        const int64_t v = out[0].dtype == DTYPE_S64   ? ((const int64_t *)out[0].data)[i]
                          : out[0].dtype == DTYPE_S32 ? ((const int32_t *)out[0].data)[i]
                          : out[0].dtype == DTYPE_S8  ? ((const int8_t *)out[0].data)[i]
                                                      : ((const uint8_t *)out[0].data)[i];
        CHECK_MSG(v == expected[i], "at %d: %lld", i, (long long)v);
    }
    mem_free(out[0].data);
}

static void check_refused(struct graph *g, const char *message)
{
    struct tensor out[8];
    struct itx_error err = {0};
    CHECK(evaluated(g, out, &err) != ITX_OK);
    CHECK_STR(err.text, message);
    for (int i = 0; i < g->nodes.data[0].n_outputs; i++) mem_free(out[i].data);
}

static const float six[] = {1, 2, 3, 4, 5, 6};

static void test_eval__broadcast_both_ways(void)
{
    static const float column[] = {10, 20}, row[] = {1, 2, 3};
    const struct operand in[] = {F32(column, 2, 1), F32(row, 3)};
    struct graph *g = one_node(OP_SUB, 2, in, 1);
    check_floats(g, 6, (const float[]){9, 8, 7, 19, 18, 17});
    graph_destroy(&g);
}

static void test_eval__integers_wrap_and_refuse(void)
{
    static const int64_t low[] = {INT64_MIN}, minus[] = {-1}, zero[] = {0}, seven[] = {-7},
                         two[] = {2};
    const struct operand overflow[] = {{DTYPE_S64, DIMS(1), low}, {DTYPE_S64, DIMS(1), minus}};
    const struct operand by_zero[] = {{DTYPE_S64, DIMS(1), low}, {DTYPE_S64, DIMS(1), zero}};
    const struct operand truncated[] = {{DTYPE_S64, DIMS(1), seven}, {DTYPE_S64, DIMS(1), two}};
    struct graph *g = one_node(OP_DIV, 2, overflow, 1);
    check_integers(g, 1, low);
    graph_destroy(&g);
    g = one_node(OP_MUL, 2, overflow, 1);
    check_integers(g, 1, low);
    graph_destroy(&g);
    g = one_node(OP_POW, 2, overflow, 1);
    check_refused(g, "node 'node' (Pow): negative power of an integer");
    graph_destroy(&g);
    g = one_node(OP_DIV, 2, by_zero, 1);
    check_refused(g, "node 'node' (Div): division of an integer by 0");
    graph_destroy(&g);
    g = one_node(OP_DIV, 2, truncated, 1);
    check_integers(g, 1, (const int64_t[]){-3});
    graph_destroy(&g);
}

static void test_eval__casts_saturate(void)
{
    static const float x[] = {1e30f, -1e30f, NAN, -1.9f, 300, INFINITY};
    const struct operand in[] = {F32(x, 6)};
    static const struct {
        enum dtype to;
        int64_t expected[6];
    } cases[] = {
        {DTYPE_S64, {INT64_MAX, INT64_MIN, 0, -1, 300, INT64_MAX}},
        {DTYPE_S32, {INT32_MAX, INT32_MIN, 0, -1, 300, INT32_MAX}},
        {DTYPE_S8, {127, -128, 0, -1, 127, 127}},
        {DTYPE_U8, {255, 0, 0, 0, 255, 255}},
        {DTYPE_BOOL, {1, 1, 1, 1, 1, 1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct graph *g = one_node(OP_CAST, 1, in, 1);
        CHECK(graph_set_int(g, 0, ATTR_TO, cases[i].to, NULL) == ITX_OK);
        check_integers(g, 6, cases[i].expected);
        graph_destroy(&g);
    }
}

static void test_eval__activations(void)
{
    static const float x[] = {-1000, -1, 0, 1, 1000};
    static const struct {
        enum op op;
        float expected[5];
    } cases[] = {
        {OP_SIGMOID, {0, 0.26894142f, 0.5f, 0.73105858f, 1}},
        {OP_SILU, {0, -0.26894142f, 0, 0.73105858f, 1000}},
        {OP_SOFTPLUS, {0, 0.31326169f, 0.69314718f, 1.31326169f, 1000}},
        {OP_TANH, {-1, -0.76159416f, 0, 0.76159416f, 1}},
        {OP_ELU, {-1, -0.63212056f, 0, 1, 1000}},
        {OP_LEAKY_RELU, {-10, -0.01f, 0, 1, 1000}},
        {OP_HARD_SWISH, {0, -1.0f / 3, 0, 2.0f / 3, 1000}},
        {OP_HARD_SIGMOID, {0, 0.3f, 0.5f, 0.7f, 1}},
    };
    const struct operand in[] = {F32(x, 5)};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct graph *g = one_node(cases[i].op, 1, in, 1);
        check_floats(g, 5, cases[i].expected);
        graph_destroy(&g);
    }
}

static void test_eval__transpose_and_slice(void)
{
    const struct operand x[] = {F32(six, 2, 3), S64S(1, -1), S64S(INT64_MIN, INT64_MIN), S64S(0, 1),
                                S64S(-1, -2)};
    struct graph *g = one_node(OP_TRANSPOSE, 1, x, 1);
    check_floats(g, 6, (const float[]){1, 4, 2, 5, 3, 6});
    graph_destroy(&g);
    g = one_node(OP_SLICE, 5, x, 1);
    check_floats(g, 4, (const float[]){6, 4, 3, 1});
    graph_destroy(&g);
}

static void test_eval__expand_tile_pad(void)
{
    static const float three[] = {1, 2, 3};
    const struct operand expand[] = {F32(three, 3, 1), S64S(2, 1, 2)};
    const struct operand tile[] = {F32(three, 3), S64S(2)};
    const struct operand pad[] = {F32(three, 3), S64S(2, 1)};
    struct graph *g = one_node(OP_EXPAND, 2, expand, 1);
    check_floats(g, 12, (const float[]){1, 1, 2, 2, 3, 3, 1, 1, 2, 2, 3, 3});
    graph_destroy(&g);
    g = one_node(OP_TILE, 2, tile, 1);
    check_floats(g, 6, (const float[]){1, 2, 3, 1, 2, 3});
    graph_destroy(&g);
    g = one_node(OP_PAD, 2, pad, 1);
    check_floats(g, 6, (const float[]){0, 0, 1, 2, 3, 0});
    CHECK(graph_set_text(g, 0, ATTR_MODE, "reflect", NULL) == ITX_OK);
    check_floats(g, 6, (const float[]){3, 2, 1, 2, 3, 2});
    CHECK(graph_set_text(g, 0, ATTR_MODE, "edge", NULL) == ITX_OK);
    check_floats(g, 6, (const float[]){1, 1, 1, 2, 3, 3});
    CHECK(graph_set_text(g, 0, ATTR_MODE, "mirror", NULL) == ITX_OK);
    check_refused(g, "node 'node' (Pad): mode 'mirror' is unknown");
    graph_destroy(&g);
}

static void test_eval__gather_checks_indices(void)
{
    const struct operand good[] = {F32(six, 2, 3), S64S(2, -3)};
    const struct operand bad[] = {F32(six, 2, 3), S64S(3)};
    struct graph *g = one_node(OP_GATHER, 2, good, 1);
    CHECK(graph_set_int(g, 0, ATTR_AXIS, 1, NULL) == ITX_OK);
    check_floats(g, 4, (const float[]){3, 1, 6, 4});
    graph_destroy(&g);
    g = one_node(OP_GATHER, 2, bad, 1);
    CHECK(graph_set_int(g, 0, ATTR_AXIS, 1, NULL) == ITX_OK);
    check_refused(g, "node 'node' (Gather): index 3 is outside of a dimension of 3");
    graph_destroy(&g);
}

static void test_eval__concat_and_split(void)
{
    static const float two[] = {7, 8};
    const struct operand concat[] = {F32(six, 2, 3), F32(two, 2, 1)};
    const struct operand split[] = {F32(six, 2, 3), S64S(1, 2)};
    struct graph *g = one_node(OP_CONCAT, 2, concat, 1);
    CHECK(graph_set_int(g, 0, ATTR_AXIS, 1, NULL) == ITX_OK);
    check_floats(g, 8, (const float[]){1, 2, 3, 7, 4, 5, 6, 8});
    graph_destroy(&g);
    g = one_node(OP_SPLIT, 2, split, 2);
    CHECK(graph_set_int(g, 0, ATTR_AXIS, 1, NULL) == ITX_OK);
    struct tensor out[8];
    CHECK(evaluated(g, out, NULL) == ITX_OK);
    CHECK(memcmp(out[0].data, (const float[]){1, 4}, 8) == 0);
    CHECK(memcmp(out[1].data, (const float[]){2, 3, 5, 6}, 16) == 0);
    mem_free(out[0].data);
    mem_free(out[1].data);
    graph_destroy(&g);
}

static void test_eval__reduce_and_softmax(void)
{
    const struct operand in[] = {F32(six, 2, 3), S64S(0)};
    struct graph *g = one_node(OP_REDUCE_MEAN, 2, in, 1);
    check_floats(g, 3, (const float[]){2.5f, 3.5f, 4.5f});
    graph_destroy(&g);
    g = one_node(OP_REDUCE_MAX, 1, in, 1);
    check_floats(g, 1, (const float[]){6});
    graph_destroy(&g);
    g = one_node(OP_SOFTMAX, 1, in, 1);
    check_floats(g, 6,
                 (const float[]){0.09003057f, 0.24472847f, 0.66524096f, 0.09003057f, 0.24472847f,
                                 0.66524096f});
    graph_destroy(&g);
}

static void test_eval__resize(void)
{
    static const float x[] = {1, 2}, scales[] = {2};
    const struct operand in[] = {F32(x, 2), LEFT_OUT, F32(scales, 1)};
    static const struct {
        const char *mode, *coordinates, *rounding;
        float expected[4];
    } cases[] = {
        {"nearest", "asymmetric", "floor", {1, 1, 2, 2}},
        {"nearest", "half_pixel", "round_prefer_floor", {1, 1, 2, 2}},
        {"nearest", "asymmetric", "ceil", {1, 2, 2, 2}},
        {"linear", "half_pixel", "floor", {1, 1.25f, 1.75f, 2}},
        {"linear", "align_corners", "floor", {1, 4.0f / 3, 5.0f / 3, 2}},
        /* Keys with a = -0.75 at 0.25: weights -0.10546875 0.87890625 0.26171875 -0.03515625 */
        {"cubic", "half_pixel", "floor", {0.89453125f, 1.2265625f, 1.7734375f, 2.10546875f}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct graph *g = one_node(OP_RESIZE, 3, in, 1);
        CHECK(graph_set_text(g, 0, ATTR_MODE, cases[i].mode, NULL) == ITX_OK);
        CHECK(graph_set_text(g, 0, ATTR_COORDINATE_MODE, cases[i].coordinates, NULL) == ITX_OK);
        CHECK(graph_set_text(g, 0, ATTR_NEAREST_MODE, cases[i].rounding, NULL) == ITX_OK);
        check_floats(g, 4, cases[i].expected);
        graph_destroy(&g);
    }
}

static void test_eval__shape_arithmetic(void)
{
    static const int64_t v[] = {3};
    const struct operand x[] = {F32(six, 1, 2, 3)};
    const struct operand fill[] = {S64S(2, 2)};
    const struct operand where[] = {
        {DTYPE_BOOL, DIMS(2), (const uint8_t[]){1, 0}}, S64S(5, 6), {DTYPE_S64, {0}, v}};
    const struct operand range[] = {{DTYPE_S64, {0}, (const int64_t[]){-1}},
                                    {DTYPE_S64, {0}, v},
                                    {DTYPE_S64, {0}, (const int64_t[]){2}}};
    struct graph *g = one_node(OP_SHAPE, 1, x, 1);
    CHECK(graph_set_int(g, 0, ATTR_START, -2, NULL) == ITX_OK);
    check_integers(g, 2, (const int64_t[]){2, 3});
    graph_destroy(&g);
    g = one_node(OP_CONSTANT_OF_SHAPE, 1, fill, 1);
    CHECK(graph_set_float(g, 0, ATTR_VALUE, 7, NULL) == ITX_OK);
    CHECK(graph_set_int(g, 0, ATTR_TO, DTYPE_S32, NULL) == ITX_OK);
    check_integers(g, 4, (const int64_t[]){7, 7, 7, 7});
    graph_destroy(&g);
    g = one_node(OP_WHERE, 3, where, 1);
    check_integers(g, 2, (const int64_t[]){5, 3});
    graph_destroy(&g);
    g = one_node(OP_RANGE, 3, range, 1);
    check_integers(g, 2, (const int64_t[]){-1, 1});
    graph_destroy(&g);
}

/* Halves go to the even neighbour, the zero point is added afterwards, the ends saturate; scales belong to channels. */
static void test_eval__quantize_and_back(void)
{
    static const float x[] = {0.5f, 1.5f, -2.5f, 1000, 1, 3, -3, -1000};
    static const float scales[] = {1, 2};
    static const int8_t zeros[] = {3, -120};
    static const int64_t stored[] = {3, 5, 1, 127, -120, -118, -122, -128};
    const struct operand in[] = {F32(x, 1, 2, 4), F32(scales, 2), {DTYPE_S8, DIMS(2), zeros}};
    struct graph *g = one_node(OP_QUANTIZE_LINEAR, 3, in, 1);
    check_integers(g, 8, stored);
    graph_destroy(&g);
    const struct operand scale = F32(scales + 1, 1);
    const struct operand bytes[] = {F32(x, 1, 2, 4), scale};
    g = one_node(OP_QUANTIZE_LINEAR, 2, bytes, 1);
    check_integers(g, 8, (const int64_t[]){0, 1, 0, 255, 0, 2, 0, 0});
    graph_destroy(&g);

    static const int8_t q[] = {3, 5, 1, 127, -120, -118, -122, -128};
    const struct operand back[] = {
        {DTYPE_S8, DIMS(1, 2, 4), q}, F32(scales, 2), {DTYPE_S8, DIMS(2), zeros}};
    g = one_node(OP_DEQUANTIZE_LINEAR, 3, back, 1);
    check_floats(g, 8, (const float[]){0, 2, -2, 124, 0, 4, -4, -16});
    graph_destroy(&g);
    static const int32_t sums[] = {1 << 24, -7};
    const struct operand of_sums[] = {{DTYPE_S32, DIMS(1, 2), sums}, F32(scales, 2)};
    g = one_node(OP_DEQUANTIZE_LINEAR, 2, of_sums, 1);
    check_floats(g, 2, (const float[]){1 << 24, -14});
    graph_destroy(&g);
}

static void test_eval__declared_shape_must_fit(void)
{
    const struct operand in[] = {F32(six, 2, 3), S64S(0), S64S(1)};
    struct graph *g = one_node(OP_SLICE, 3, in, 1);
    struct itx_error err = {0};
    float room[3];
    struct tensor t[3], out = {DTYPE_F32, DIMS(1, 3), room};
    for (int i = 0; i < 3; i++) {
        const struct value *v = graph_value(g, g->nodes.data[0].inputs[i]);
        t[i] = (struct tensor){v->dtype, v->shape, NULL};
        memcpy(&t[i].data, &v->data, sizeof t[i].data);
    }
    CHECK(graph_eval(&g->nodes.data[0], t, &out, &err) == ITX_OK);
    out.shape.dim[0] = 2;
    CHECK(graph_eval(&g->nodes.data[0], t, &out, &err) == ITX_E_FORMAT);
    CHECK_STR(err.text, "node 'node' (Slice): output 0 is f32 [1, 3], but f32 [2, 3] was declared");
    graph_destroy(&g);
}

static void test_eval__every_light_operation_is_there(void)
{
    for (int op = 0; op < OP_COUNT; op++) {
        const bool heavy = op == OP_CONV || op == OP_CONV_TRANSPOSE || op == OP_MATMUL ||
                           op == OP_GEMM || op == OP_MAX_POOL || op == OP_AVERAGE_POOL ||
                           op == OP_BATCH_NORM || op == OP_ATTENTION;
        CHECK_MSG(graph_can_eval((enum op)op) == !heavy, "%s", op_info((enum op)op)->name);
    }
}

/* Any numbers an operand may hold: mostly small, sometimes extreme. */
static int64_t odd_number(uint64_t *seed)
{
    static const int64_t extremes[] = {INT64_MIN, INT64_MAX, INT32_MIN, INT32_MAX, 1 << 20};
    const uint32_t r = test_random(seed);
    return r % 16 == 0 ? extremes[r / 16 % 5] : (int64_t)(r / 16 % 9) - 4;
}

struct odd_operand {
    int64_t integers[16];
    float floats[81];
    double doubles[81];
};

/* An operand of random type and shape (at most 81 elements), or the left-out one. */
static struct operand odd_operand(struct odd_operand *room, uint64_t *seed)
{
    static const enum dtype types[] = {DTYPE_F32, DTYPE_F32, DTYPE_S64,  DTYPE_S64, DTYPE_S32,
                                       DTYPE_U8,  DTYPE_F64, DTYPE_BOOL, DTYPE_F16};
    struct operand o = {.dtype = types[test_random(seed) % 9], .data = room->floats};
    for (int i = 0; i < 16; i++) room->integers[i] = odd_number(seed);
    for (int i = 0; i < 81; i++) room->doubles[i] = (double)odd_number(seed) * 0.7;
    for (int i = 0; i < 81; i++) room->floats[i] = (float)room->doubles[i];
    if (test_random(seed) % 8 == 0) o.dtype = DTYPE_NONE;
    if (o.dtype == DTYPE_F64) o.data = room->doubles;
    o.shape.rank = (int)(test_random(seed) % 5);
    if (o.dtype == DTYPE_S64 || o.dtype == DTYPE_S32) {
        o.shape.rank = (int)(test_random(seed) % 2);
        o.data = room->integers;
    }
    for (int i = 0; i < o.shape.rank; i++) o.shape.dim[i] = test_random(seed) % 4;
    return o;
}

/* Scales or sizes that fit the rank, which chance would hardly give. */
static void aim_resize(struct operand *in, struct odd_operand *room, uint64_t *seed)
{
    const bool by_scale = test_random(seed) % 2 == 0;
    const struct shape of_rank = {1, {in[0].shape.rank}}, of_region = {1, {2 * in[0].shape.rank}};
    for (int i = 0; i < 4; i++) room[2].floats[i] = fabsf(room[2].floats[i]);
    in[1] = (struct operand){DTYPE_F32, of_region, room[1].floats};
    in[2] = (struct operand){by_scale ? DTYPE_F32 : DTYPE_NONE, of_rank, room[2].floats};
    in[3] = (struct operand){by_scale ? DTYPE_NONE : DTYPE_S64, of_rank, room[3].integers};
}

/* Nothing an operand or attribute may hold does more than be refused; for the sanitizers. */
static void test_eval__odd_operands(void)
{
    static const char *const texts[] = {"linear", "cubic",         "reflect",
                                        "edge",   "align_corners", "tf_crop_and_resize"};
    uint64_t seed = 7;
    int n_fine[OP_COUNT] = {0};
    for (int round = 0; round < 120000; round++) {
        const enum op op = (enum op)(test_random(&seed) % OP_COUNT);
        const struct op_info *info = op_info(op);
        struct odd_operand room[5];
        struct operand in[5];
        const int n = info->min_inputs + (int)(test_random(&seed) % 4);
        const int n_in = op == OP_RESIZE ? 4 : n < 5 ? n : 5, n_out = info->max_outputs > 1 ? 3 : 1;
        for (int i = 0; i < 5; i++) in[i] = odd_operand(&room[i], &seed);
        if (test_random(&seed) % 2 == 0) in[1].dtype = in[0].dtype, in[1].data = in[0].data;
        if (op == OP_RESIZE) aim_resize(in, room, &seed);
        struct graph *g = one_node(op, n_in, in, n_out);
        for (int i = 0; i < 3; i++) {
            const enum attr_id id = (enum attr_id)(test_random(&seed) % ATTR_ID_COUNT);
            const int64_t v[] = {odd_number(&seed), odd_number(&seed), odd_number(&seed)};
            switch (attr_info(id)->kind) {
            case ATTR_KIND_INT:
                graph_set_int(g, 0, id, v[0], NULL);
                break;
            case ATTR_KIND_FLOAT:
                graph_set_float(g, 0, id, (float)v[0], NULL);
                break;
            case ATTR_KIND_INTS:
                graph_set_ints(g, 0, id, 1 + i, v, NULL);
                break;
            case ATTR_KIND_TEXT:
                graph_set_text(g, 0, id, texts[test_random(&seed) % 6], NULL);
                break;
            }
        }
        struct tensor out[8] = {{0}};
        struct itx_error err = {0};
        if (evaluated(g, out, &err) == ITX_OK) {
            n_fine[op]++;
        } else {
            CHECK(err.text[0] != '\0');
        }
        for (int i = 0; i < n_out; i++) mem_free(out[i].data);
        graph_destroy(&g);
    }
    for (int op = 0; op < OP_COUNT; op++)
        CHECK_MSG(!graph_can_eval((enum op)op) || n_fine[op] > 0, "%s was never accepted",
                  op_info((enum op)op)->name);
}

TEST_MAIN(TEST(test_eval__broadcast_both_ways), TEST(test_eval__integers_wrap_and_refuse),
          TEST(test_eval__casts_saturate), TEST(test_eval__activations),
          TEST(test_eval__transpose_and_slice), TEST(test_eval__expand_tile_pad),
          TEST(test_eval__gather_checks_indices), TEST(test_eval__concat_and_split),
          TEST(test_eval__reduce_and_softmax), TEST(test_eval__resize),
          TEST(test_eval__shape_arithmetic), TEST(test_eval__quantize_and_back),
          TEST(test_eval__declared_shape_must_fit), TEST(test_eval__every_light_operation_is_there),
          TEST(test_eval__odd_operands))
