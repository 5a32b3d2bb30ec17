/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/quant.h"

#include <math.h>

#include "base/str.h"

#include "test.h"

static void test_snap_scale__on_the_grid_and_barely_larger(void)
{
    uint64_t seed = 3;
    for (int i = 0; i < 100000; i++) {
        const double wanted = ldexp(1 + test_random(&seed) / 4294967296.0, (int)(i % 40) - 30);
        const double got = quant_snap_scale(wanted);
        CHECK_MSG(got >= wanted * (1 - 1e-7) && got <= wanted * 1.004, "%.9g for %.9g", got,
                  wanted);
        int e;
        const double k = 256 / frexp(got, &e);
        CHECK_MSG(fabs(k - rint(k)) < 1e-3 && k > 255.5, "2^e / %.6f", k);
    }
    CHECK(quant_snap_scale(0.25) == 0.25f);
}

/* The sum that the stored weights stand for, in doubles, against the float convolution of one pixel. */
static void test_weights__fold_scales_and_zero_points(void)
{
    enum { OUT = 5, IN = 7, TAPS = 9 };
    float w[OUT * IN * TAPS], bias[OUT], scale[IN];
    int32_t zero[IN];
    uint64_t seed = 9;
    for (int i = 0; i < OUT * IN * TAPS; i++)
        w[i] = (float)((int)(test_random(&seed) % 2001) - 1000) / 1000;
    for (int i = 0; i < OUT; i++) bias[i] = (float)i - 2.5f;
    for (int i = 0; i < IN; i++) {
        scale[i] = 0.01f * (float)(i + 1);
        zero[i] = (int32_t)(test_random(&seed) % 256) - 128;
    }
    struct arena arena = {0};
    struct quant_weights q;
    const struct quant_conv conv = {QUANT_CONV, w, bias, OUT, IN, 3, 3, scale, zero, IN};
    REQUIRE(quant_weights_make(&q, &arena, &conv, NULL) == ITX_OK);
    for (int round = 0; round < 50; round++) {
        int8_t x[TAPS * IN];
        for (int i = 0; i < TAPS * IN; i++) x[i] = (int8_t)test_random(&seed);
        for (int o = 0; o < OUT; o++) {
            double exact = bias[o], bound = q.scale[o];
            int64_t acc = q.bias[o];
            for (int k = 0; k < TAPS; k++)
                for (int c = 0; c < IN; c++) {
                    const double real = (x[k * IN + c] - zero[c]) * (double)scale[c];
                    exact += real * (double)w[(o * IN + c) * TAPS + k];
                    acc += x[k * IN + c] * q.w[(o * TAPS + k) * IN + c];
                    /* half a step of each weight, in units of its own scale */
                    bound += fabs(real) / scale[c] * 0.5001 * (double)q.scale[o];
                }
            const double got = (double)acc * (double)q.scale[o];
            CHECK_MSG(fabs(got - exact) <= bound, "channel %d: %g, exactly %g", o, got, exact);
        }
    }
    for (int i = 0; i < OUT * IN * TAPS; i++) CHECK(q.w[i] >= -127);
    arena_release(&arena);
}

static void test_weights__depthwise_and_transposed_order(void)
{
    const float one = 1;
    const int32_t zero[3] = {10, -20, 30};
    const float scale[3] = {1, 1, 1};
    const float dw[3 * 2] = {1, 2, 3, 4, 5, 6};                          /* [3, 1, 1, 2] */
    const float tr[2 * 3 * 2] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}; /* [2, 3, 1, 2] */
    struct arena arena = {0};
    struct quant_weights q;
    struct quant_conv conv = {QUANT_DEPTHWISE, dw, NULL, 3, 1, 1, 2, scale, zero, 3};
    REQUIRE(quant_weights_make(&q, &arena, &conv, NULL) == ITX_OK);
    /* [1, 2, 3]: tap 1 holds each channel's largest, 127 */
    for (int c = 0; c < 3; c++) {
        CHECK(q.w[3 + c] == 127);
        CHECK(q.w[c] == rint(127.0 * dw[2 * c] / dw[2 * c + 1]));
        CHECK(q.bias[c] == -zero[c] * (q.w[c] + q.w[3 + c]));
    }
    conv = (struct quant_conv){QUANT_TRANSPOSED, tr, NULL, 3, 2, 1, 2, &one, zero, 1};
    REQUIRE(quant_weights_make(&q, &arena, &conv, NULL) == ITX_OK);
    for (int o = 0; o < 3; o++)
        for (int k = 0; k < 2; k++) {
            const int8_t *at = &q.w[(o * 2 + k) * 2]; /* [3, 1, 2, 2] */
            CHECK(at[0] == rint(127.0 * tr[o * 2 + k] / tr[6 + o * 2 + 1]));
            CHECK(at[1] == rint(127.0 * tr[6 + o * 2 + k] / tr[6 + o * 2 + 1]));
            CHECK(q.bias[o * 2 + k] == -zero[0] * (at[0] + at[1]));
        }
    arena_release(&arena);
}

static const char network[] =
    "input %x: f32[1, 3, 4, 4]\n"
    "const %w: f32[4, 3, 1, 1] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}\n"
    "const %b: f32[4] = {0, 0, 0, 0}\n"
    "%y: f32[1, 4, 4, 4] = Conv(%x, %w, %b) {kernel_shape = [1, 1]}\n"
    "%p: f32[1, 4, 4, 4] = MaxPool(%y) {kernel_shape = [3, 3], pads = [1, 1, 1, 1]}\n"
    "const %s: s64[2] = {1, 3}\n"
    "%l: f32[1, 1, 4, 4], %r: f32[1, 3, 4, 4] = Split(%p, %s) {axis = 1}\n"
    "%t: f32[1, 3, 4, 4] = Tanh(%r)\n"
    "%z: f32[1, 5, 4, 4] = Concat(%l, %p) {axis = 1}\n"
    "output %t\noutput %z\n";

static void test_atoms__shared_by_what_moves(void)
{
    struct graph *g = NULL;
    struct itx_error err;
    REQUIRE(graph_parse(&g, network, sizeof network - 1, &err) == ITX_OK);
    struct quant_atoms q;
    REQUIRE(quant_atoms_create(&q, g, &err) == ITX_OK);
    uint32_t of[64][8];
    for (value_id v = 1; v < g->values.len && v < 64; v++)
        for (uint32_t i = q.first[v]; i < q.first[v + 1]; i++) of[v][i - q.first[v]] = q.of[i];
    value_id y = 0, p = 0, r = 0, z = 0, x = 0, t = 0;
    for (value_id v = 1; v < g->values.len; v++) {
        const char *name = g->values.data[v].name;
        if (strcmp(name, "x") == 0) x = v;
        if (strcmp(name, "y") == 0) y = v;
        if (strcmp(name, "p") == 0) p = v;
        if (strcmp(name, "r") == 0) r = v;
        if (strcmp(name, "z") == 0) z = v;
        if (strcmp(name, "t") == 0) t = v;
    }
    CHECK(of[x][0] == of[x][2]);                         /* an input has one scale */
    CHECK(of[y][0] != of[y][1]);                         /* a convolution one for each channel, */
    CHECK(of[y][1] == of[y][2] && of[y][2] == of[y][3]); /* but a table's operand has one */
    for (int c = 0; c < 4; c++) CHECK(of[y][c] == of[p][c] && of[z][c + 1] == of[p][c]);
    CHECK(of[r][0] == of[p][1] && of[z][0] == of[p][0]);
    CHECK(of[t][0] == of[t][2] && of[t][0] != of[r][0]);
    quant_atoms_release(&q);
    graph_destroy(&g);
}

/* Ranges follow what was seen; channels of one tensor end between their own range and the tensor's. */
static void test_assign__channels_between_own_and_tensor(void)
{
    struct graph *g = NULL;
    struct itx_error err;
    static const char text[] = "input %x: f32[1, 3, 4, 4]\n"
                               "const %w: f32[2, 3, 1, 1] = {1, 2, 3, 4, 5, 6}\n"
                               "const %b: f32[2] = {0, 0}\n"
                               "%y: f32[1, 2, 4, 4] = Conv(%x, %w, %b) {kernel_shape = [1, 1]}\n"
                               "const %w2: f32[1, 2, 1, 1] = {1, 2}\n"
                               "const %b2: f32[1] = {0}\n"
                               "%z: f32[1, 1, 4, 4] = Conv(%y, %w2, %b2) {kernel_shape = [1, 1]}\n"
                               "output %z\n";
    REQUIRE(graph_parse(&g, text, sizeof text - 1, &err) == ITX_OK);
    struct quant_stats stats;
    REQUIRE(quant_stats_create(&stats, g, false, &err) == ITX_OK);
    for (value_id v = 1; v < g->values.len; v++) {
        struct value *value = graph_value(g, v);
        if (value->data != NULL) continue;
        float data[48];
        for (int i = 0; i < 48; i++) /* channel 0 up to 16, channel 1 up to 1 */
            data[i] = (float)(i % 16) / 15 * (i < 16 ? 16.0f : 1.0f);
        const struct tensor t = {DTYPE_F32, value->shape, data};
        REQUIRE(quant_stats_add(&stats, v, &t, &err) == ITX_OK);
    }
    static const float scale = 1.0f / 255;
    static const int32_t zero = -128;
    REQUIRE(quant_give_input(g, g->inputs.data[0], 1, &scale, &zero, &err) == ITX_OK);
    const struct quant_options options = {QUANT_MINMAX, 99.99f};
    REQUIRE(quant_assign(g, &stats, &options, &err) == ITX_OK);
    for (value_id v = 1; v < g->values.len; v++) {
        const struct value_quant *q = &g->values.data[v].quant;
        if (strcmp(g->values.data[v].name, "x") == 0) {
            CHECK(q->dtype == DTYPE_S8 && q->n == 1 && q->scale[0] == 1.0f / 255);
            CHECK(q->zero_point[0] == -128);
        }
        if (strcmp(g->values.data[v].name, "y") == 0) {
            REQUIRE(q->dtype == DTYPE_S8 && q->n == 2);
            CHECK(q->zero_point[0] == -128 && q->zero_point[1] == -128);
            CHECK(fabs(q->scale[0] * 255 / 16 - 1) < 0.005);
            /* (16 / 1)^(3/4) = 8 times its own */
            CHECK(fabs(q->scale[1] * 255 / 8 - 1) < 0.005);
        }
        if (strcmp(g->values.data[v].name, "z") == 0) CHECK(q->dtype == DTYPE_S32);
    }
    float bad[48] = {NAN};
    const struct tensor t = {DTYPE_F32, graph_value(g, g->inputs.data[0])->shape, bad};
    CHECK(quant_stats_add(&stats, g->inputs.data[0], &t, &err) == ITX_E_RANGE);
    quant_stats_release(&stats);
    graph_destroy(&g);
}

/* Values that are moved into each other have one type, and what does not work on 16 bits is named. */
static void test_groups__join_what_is_moved(void)
{
    static const char text[] =
        "input %x: f32[1, 4, 4, 4]\n"
        "const %w: f32[4, 4, 1, 1] = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1}\n"
        "%a: f32[1, 4, 4, 4] = Conv(%x, %w) @\"ca\" {kernel_shape = [1, 1]}\n"
        "%b: f32[1, 4, 4, 4] = Conv(%a, %w, _, %a) @\"cb\" {kernel_shape = [1, 1]}\n"
        "%m: f32[1, 4, 4, 4] = MaxPool(%b) {kernel_shape = [1, 1]}\n"
        "%j: f32[1, 8, 4, 4] = Concat(%m, %a) {axis = 1}\n"
        "const %s: s64[2] = {2, 6}\n"
        "%p: f32[1, 2, 4, 4], %q: f32[1, 6, 4, 4] = Split(%j, %s) {axis = 1}\n"
        "%d: f32[1, 4, 4, 4] = Add(%a, %b)\n"
        "%t: f32[1, 4, 4, 4] = Tanh(%d) @\"tanh\"\n"
        "const %v: f32[1, 6, 1, 1] = {1, 1, 1, 1, 1, 1}\n"
        "%z: f32[1, 1, 4, 4] = Conv(%q, %v) @\"cz\" {kernel_shape = [1, 1]}\n"
        "output %z\noutput %t\noutput %p\n";
    static const struct {
        const char *value, *reason; /* NULL: it may have 16 bits */
    } cases[] = {
        {"a", NULL},
        {"p", NULL},
        {"x", "x cannot have 16 bits: x is an input of the network"},
        {"d", "d cannot have 16 bits: node tanh (Tanh) works on int8 only"},
        {"t", "t cannot have 16 bits: node tanh (Tanh) works on int8 only"},
        {"z", "z cannot have 16 bits: node cz (Conv) does not round its result to 8 bits anyway"},
        {"w", "w is not an activation"},
    };
    struct graph *g = NULL;
    struct itx_error err = {0};
    REQUIRE(graph_parse(&g, text, sizeof text - 1, &err) == ITX_OK);
    struct quant_groups q;
    REQUIRE(quant_groups_create(&q, g, &err) == ITX_OK);
    CHECK(q.n == 5); /* x; a, b, m, j, p, q; d; t; z */
    uint32_t group = QUANT_NO_GROUP;
    for (value_id v = 1; v < g->values.len; v++) {
        const char *const name = graph_value(g, v)->name;
        if (strcmp(name, "a") == 0) group = q.of[v];
        if (strchr("bmjpq", name[0]) != NULL) CHECK_MSG(q.of[v] == group, "%s", name);
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            if (strcmp(cases[i].value, name) != 0) continue;
            const itx_status rc = quant_groups_allow(&q, g, v, &err);
            CHECK_MSG((rc == ITX_OK) == (cases[i].reason == NULL), "%s", name);
            if (cases[i].reason != NULL) CHECK_STR(err.text, cases[i].reason);
        }
    }
    quant_groups_release(&q);
    graph_destroy(&g);
}

/* The reach is what the sums behind leave: 2^29 over 128 for each of many weights alike, or what Winograd takes. */
static void test_wide__reach_follows_from_the_sums(void)
{
    for (int n = 16; n <= 4096; n *= 256) {
        struct strbuf text = {0};
        strbuf_addf(&text, "input %%x: f32[1, 1, 1, 1]\nconst %%w: f32[%d, 1, 1, 1] = {", n);
        for (int i = 0; i < n; i++) strbuf_addf(&text, i == 0 ? "1" : ", 1");
        strbuf_addf(&text, "}\nconst %%v: f32[1, %d, 1, 1] = {", n);
        for (int i = 0; i < n; i++) strbuf_addf(&text, i == 0 ? "1" : ", -1");
        strbuf_addf(&text,
                    "}\n%%y: f32[1, %d, 1, 1] = Conv(%%x, %%w) {kernel_shape = [1, 1]}\n"
                    "%%z: f32[1, 1, 1, 1] = Conv(%%y, %%v) {kernel_shape = [1, 1]}\noutput %%z\n",
                    n);
        struct graph *g = NULL;
        struct itx_error err = {0};
        REQUIRE(graph_parse(&g, text.data, text.len, &err) == ITX_OK);
        struct quant_stats stats;
        REQUIRE(quant_stats_create(&stats, g, false, &err) == ITX_OK);
        bool wide[8] = {false};
        value_id y = 0;
        float data[4096];
        for (int i = 0; i < n; i++) data[i] = i % 2 == 0 ? 10.0f : -3.0f;
        for (value_id v = 1; v < g->values.len; v++) {
            const struct value *const value = graph_value(g, v);
            const struct tensor t = {DTYPE_F32, value->shape, data};
            if (value->data == NULL) REQUIRE(quant_stats_add(&stats, v, &t, &err) == ITX_OK);
            if (strcmp(value->name, "y") == 0) y = v;
        }
        wide[y] = true;
        const struct quant_options options = {
            .method = QUANT_MINMAX, .percentile = 99.99f, .wide = wide};
        CHECK_MSG(quant_assign(g, &stats, &options, &err) == ITX_OK, "%s", err.text);
        const struct value_quant *const q = &graph_value(g, y)->quant;
        CHECK(q->dtype == DTYPE_S16 && q->n == 1 && q->zero_point[0] == 0);
        CHECK_MSG(q->reach == (n == 16 ? 8191 : 1024), "%d", q->reach);
        CHECK(q->scale[0] == quant_snap_scale(16.0 / q->reach)); /* R = 16 holds 10 */
        quant_stats_release(&stats);
        graph_destroy(&g);
        strbuf_release(&text);
    }
}

/* Against numpy: counts by formula, windows with and without their ends. */
static void test_divergence__as_numpy(void)
{
    enum { N = 2048 };
    static const struct {
        int begin, end;
        double first, second;
    } cases[] = {
        {0, 2048, 0.18867211661085737, 0.15465973858834126},
        {0, 1024, 1.0449629185323084, 3.1248362852769955},
        {0, 256, 2.1651746847516526, INFINITY},
        {100, 1500, 1.9363803476242665, 1.4526066875699655},
        {0, 2040, 0.18884958564693113, 0.15831712921901722},
        {0, 300, 2.161925933015669, 4.20644027117644},
        {64, 1021, 1.8631982063367865, 2.881724268460725},
    };
    double first[N], second[N];
    for (uint32_t i = 0; i < N; i++) {
        first[i] = (i * 2654435761u >> 20) / (1 + i / 40);
        second[i] = i % 5 != 0 ? (double)((uint64_t)i * i * 31 % 1009) : 0;
    }
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const double a = quant_divergence(first, N, cases[i].begin, cases[i].end);
        const double b = quant_divergence(second, N, cases[i].begin, cases[i].end);
        CHECK_MSG(fabs(a - cases[i].first) < 1e-12, "case %zu: %.17g", i, a);
        CHECK_MSG(b == cases[i].second || fabs(b - cases[i].second) < 1e-12, "case %zu: %.17g", i,
                  b);
    }
}

static void count_value(uint64_t *histogram, float x, uint64_t n)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    histogram[bits >> 17] += n;
}

/* A bell of values and one far outlier: the outlier goes, the bell stays, and zero is inside. */
static void test_entropy__cuts_outliers(void)
{
    static uint64_t histogram[QUANT_BINS];
    memset(histogram, 0, sizeof histogram);
    for (int i = -1000; i <= 1000; i++) {
        const float x = (float)i / 250; /* up to 4 standard deviations */
        count_value(histogram, x, (uint64_t)(1e6 * exp(-0.5 * (double)x * (double)x)));
    }
    float low = -4, high = 4;
    quant_search_entropy(histogram, &low, &high);
    CHECK_MSG(low >= -4 && low < -3 && high <= 4 && high > 3, "%g %g", (double)low, (double)high);
    count_value(histogram, 40, 1);
    low = -4;
    high = 40;
    quant_search_entropy(histogram, &low, &high);
    CHECK_MSG(low >= -4 && low < -2.5f && high < 12 && high > 3, "%g %g", (double)low,
              (double)high);
    memset(histogram, 0, sizeof histogram);
    low = high = 0;
    quant_search_entropy(histogram, &low, &high); /* nothing seen */
    CHECK(low == 0 && high == 0);
}

TEST_MAIN(TEST(test_groups__join_what_is_moved), TEST(test_wide__reach_follows_from_the_sums),
          TEST(test_divergence__as_numpy), TEST(test_entropy__cuts_outliers),
          TEST(test_snap_scale__on_the_grid_and_barely_larger),
          TEST(test_weights__fold_scales_and_zero_points),
          TEST(test_weights__depthwise_and_transposed_order),
          TEST(test_atoms__shared_by_what_moves),
          TEST(test_assign__channels_between_own_and_tensor))
