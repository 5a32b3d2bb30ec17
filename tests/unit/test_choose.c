/* SPDX-License-Identifier: Apache-2.0 */
#include "api/choose.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "onnx/onnx.h"
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
    /* microseconds: 1600 elements written, 4 of 16 channels of multiply-adds are of use */
    CHECK_MSG(fabs(c.none - (1600 * 0.24 + 4 * 6400 / 228.0) / 1000) < 1e-9, "%g", c.none);
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

/* ---- a whole network ---- */

#define PICTURES GOLDEN_DIR "/../cli/pictures/"
static const char *const photos[] = {PICTURES "grey.jpg", PICTURES "progressive.jpg",
                                     PICTURES "exif6.jpg", PICTURES "rgba16.png",
                                     PICTURES "palette2.png"};

static void add_numbers(struct strbuf *text, uint64_t *seed, const char *name, const char *shape,
                        int n, double size)
{
    strbuf_addf(text, "const %%%s: f32[%s] = {", name, shape);
    for (int i = 0; i < n; i++)
        strbuf_addf(text, "%s%.6f", i != 0 ? ", " : "",
                    ((double)test_random(seed) / 2147483648.0 - 1) * size);
    strbuf_addf(text, "}\n");
}

/* Four convolutions, a residual and a concatenation; the results of "a" and "b" share a type, and "d" leaves raw. */
static void write_onnx(const char *path)
{
    uint64_t seed = 11;
    struct strbuf text = {0};
    struct graph *g = NULL;
    struct itx_error err = {.text = ""};
    strbuf_addf(&text, "input %%images: f32[1, 3, 32, 32]\n");
    add_numbers(&text, &seed, "wa", "16, 3, 3, 3", 432, 0.5);
    add_numbers(&text, &seed, "wb", "16, 16, 3, 3", 2304, 0.1);
    add_numbers(&text, &seed, "wc", "16, 32, 1, 1", 512, 0.2);
    add_numbers(&text, &seed, "wd", "6, 16, 3, 3", 864, 0.2);
    add_numbers(&text, &seed, "bias", "16", 16, 0.3);
    strbuf_addf(&text,
                "%%a0: f32[1, 16, 16, 16] = Conv(%%images, %%wa, %%bias) {kernel_shape = [3, 3], "
                "pads = [1, 1, 1, 1], strides = [2, 2]}\n"
                "%%a: f32[1, 16, 16, 16] = Relu(%%a0)\n"
                "%%b0: f32[1, 16, 16, 16] = Conv(%%a, %%wb, %%bias) {kernel_shape = [3, 3], "
                "pads = [1, 1, 1, 1]}\n"
                "%%b: f32[1, 16, 16, 16] = Relu(%%b0)\n"
                "%%ab: f32[1, 32, 16, 16] = Concat(%%a, %%b) {axis = 1}\n"
                "%%c0: f32[1, 16, 16, 16] = Conv(%%ab, %%wc, %%bias) {kernel_shape = [1, 1]}\n"
                "%%c1: f32[1, 16, 16, 16] = Relu(%%c0)\n"
                "%%c: f32[1, 16, 16, 16] = Add(%%c1, %%b)\n"
                "%%d: f32[1, 6, 16, 16] = Conv(%%c, %%wd) {kernel_shape = [3, 3], pads = [1, 1, 1, "
                "1]}\n"
                "output %%d\n");
    CHECK_MSG(graph_parse(&g, text.data, text.len, &err) == ITX_OK, "%s", err.text);
    strbuf_release(&text);
    if (g == NULL) return;
    CHECK_MSG(onnx_write(g, path, &err) == ITX_OK, "%s", err.text);
    graph_destroy(&g);
}

struct built {
    void *data;
    size_t size;
    char *report;
    int n_warnings; /* about the target */
};

static void warn(void *ctx, const char *text)
{
    *(int *)ctx += strstr(text, "target loss: ") != NULL;
}

static struct built build(const char *onnx, int effort, int n_threads, float target)
{
    struct built b = {0};
    struct itx_build_options o = ITX_BUILD_OPTIONS_INIT;
    struct itx_error err = {.text = ""};
    struct file_bytes map;
    char path[] = "/tmp/itx_choose_XXXXXX";
    const int file = mkstemp(path);
    o.images = photos;
    o.n_images = 5;
    o.name = "same";
    o.effort = effort;
    o.n_threads = n_threads;
    o.target_loss = target;
    o.warn = warn;
    o.ctx = &b.n_warnings;
    CHECK(file >= 0);
    CHECK_MSG(itx_build(onnx, path, &o, &b.report, &err) == ITX_OK, "%s", err.text);
    if (file_read(&map, path, SIZE_MAX, &err) == ITX_OK) {
        b.data = mem_alloc(map.size);
        if (b.data != NULL) memcpy(b.data, map.data, b.size = map.size);
        file_bytes_release(&map);
    }
    close(file);
    unlink(path);
    return b;
}

static void release(struct built *b)
{
    mem_free(b->data);
    itx_text_free(b->report);
}

static double number_in(const struct built *b, const char *name)
{
    const char *const at = b->report != NULL ? strstr(b->report, name) : NULL;
    return at != NULL ? strtod(at + strlen(name), NULL) : NAN;
}

/* The same file, whatever the number of threads. */
static void test_build__same_for_all_threads(void)
{
    char onnx[] = "/tmp/itx_choose_onnx_XXXXXX";
    const int file = mkstemp(onnx);
    write_onnx(onnx);
    for (int effort = 0; effort <= 3; effort++) {
        struct built one = build(onnx, effort, 1, 0);
        for (int n = 2; n <= 3; n++) {
            struct built other = build(onnx, effort, n, 0);
            CHECK_MSG(one.size > 0 && one.size == other.size &&
                          memcmp(one.data, other.data, one.size) == 0,
                      "effort %d, %d threads", effort, n);
            release(&other);
        }
        CHECK((strstr(one.report, "\"sensitivity\": [\n{\"node\"") != NULL) == (effort > 0));
        CHECK((strstr(one.report, "\"accuracy\": {") != NULL) == (effort > 0));
        release(&one);
    }
    close(file);
    unlink(onnx);
}

/* More 16 bits for a smaller loss; a warning where all are not enough. */
static void test_build__target_loss(void)
{
    char onnx[] = "/tmp/itx_choose_onnx_XXXXXX";
    const int file = mkstemp(onnx);
    write_onnx(onnx);
    struct built loose = build(onnx, 0, 2, 50);
    const double loss = number_in(&loose, "\"loss_percent\": ");
    CHECK_MSG(loss > 0 && loss < 50, "loss %g", loss);
    CHECK(number_in(&loose, "\"accuracy\": {\"images\": ") == 5);
    CHECK(number_in(&loose, "\"loss_percent\": ") < 50 && loose.n_warnings == 0);
    CHECK(strstr(loose.report, "\"s16\"") == NULL);
    struct built tight = build(onnx, 0, 2, (float)loss * 0.999f);
    CHECK(tight.n_warnings == 0 && strstr(tight.report, "\"s16\"") != NULL);
    CHECK_MSG(number_in(&tight, "\"loss_percent\": ") < loss, "%g, before %g",
              number_in(&tight, "\"loss_percent\": "), loss);
    struct built impossible = build(onnx, 0, 2, 1e-6f);
    CHECK(impossible.n_warnings == 1 && strstr(impossible.report, "\"s16\"") != NULL);
    release(&loose);
    release(&tight);
    release(&impossible);
    close(file);
    unlink(onnx);
}

TEST_MAIN(TEST(test_build__same_for_all_threads), TEST(test_build__target_loss),
          TEST(test_choose_best__made_up_numbers), TEST(test_choose_best__order),
          TEST(test_cost__of_convolutions), TEST(test_cost__knows_winograd))
