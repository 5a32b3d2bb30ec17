/* SPDX-License-Identifier: Apache-2.0
 *
 * ONNX in and out. The files are made by scripts/golden/onnx_models.py with the onnx package.
 */
#include "onnx/onnx.h"

#include <math.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#include "test.h"

static struct graph *read_golden(const char *name)
{
    struct graph *g = NULL;
    struct itx_error err = {.text = ""};
    struct strbuf path = {0};
    strbuf_addf(&path, GOLDEN_DIR "/onnx/%s", name);
    const itx_status rc = onnx_read(&g, path.data, &err);
    CHECK_MSG(rc == ITX_OK, "%s", err.text);
    if (rc == ITX_OK) CHECK_MSG(graph_check(g, &err) == ITX_OK, "%s", err.text);
    strbuf_release(&path);
    return g;
}

/* The graph as text; freed with free. */
static char *print_graph(const struct graph *g)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) return NULL;
    CHECK(graph_print(g, out, true, NULL) == ITX_OK);
    fclose(out);
    return text;
}

/* Each has the input x: f32[1, 3, 4]; the text is what follows it. */
static const struct {
    const char *name, *text;
} forms[] = {
    {"squeeze11.onnx", "const %y/axes: s64[1] = {0}\n"
                       "%y: none[?] = Squeeze(%x, %y/axes) @\"y\"\n"
                       "output %y\n"},
    {"squeeze_all11.onnx", "%y: none[?] = Squeeze(%x) @\"y\"\n"
                           "output %y\n"},
    {"unsqueeze11.onnx", "const %y/axes: s64[2] = {0, 2}\n"
                         "%y: none[?] = Unsqueeze(%x, %y/axes) @\"y\"\n"
                         "output %y\n"},
    {"slice9.onnx", "const %y/starts: s64[2] = {0, 1}\n"
                    "const %y/ends: s64[2] = {2, 3}\n"
                    "const %y/axes: s64[2] = {1, 2}\n"
                    "%y: none[?] = Slice(%x, %y/starts, %y/ends, %y/axes) @\"y\"\n"
                    "output %y\n"},
    {"clip10.onnx", "const %y/min: f32[] = {0}\n"
                    "const %y/max: f32[] = {6}\n"
                    "%y: none[?] = Clip(%x, %y/min, %y/max) @\"y\"\n"
                    "output %y\n"},
    {"clip_max10.onnx", "const %y/max: f32[] = {6}\n"
                        "%y: none[?] = Clip(%x, _, %y/max) @\"y\"\n"
                        "output %y\n"},
    {"pad10.onnx", "const %y/pads: s64[6] = {0, 1, 0, 0, 1, 0}\n"
                   "const %y/value: f32[] = {2.5}\n"
                   "%y: none[?] = Pad(%x, %y/pads, %y/value) @\"y\" {mode = \"constant\"}\n"
                   "output %y\n"},
    {"reduce_sum11.onnx", "const %y/axes: s64[1] = {1}\n"
                          "%y: none[?] = ReduceSum(%x, %y/axes) @\"y\" {keepdims = 0}\n"
                          "output %y\n"},
    {"reduce_max17.onnx", "const %y/axes: s64[1] = {-1}\n"
                          "%y: none[?] = ReduceMax(%x, %y/axes) @\"y\"\n"
                          "output %y\n"},
    {"split11.onnx", "const %y/split: s64[2] = {1, 3}\n"
                     "%y: none[?], %z: none[?] = Split(%x, %y/split) @\"y\" {axis = 2}\n"
                     "output %y\n"
                     "output %z\n"},
    {"split_equal11.onnx",
     "%y: none[?], %z: none[?] = Split(%x) @\"y\" {axis = 2, num_outputs = 2}\n"
     "output %y\n"
     "output %z\n"},
    {"upsample7.onnx", "const %y/scales: f32[3] = {1, 2, 2}\n"
                       "%y: none[?] = Resize(%x, _, %y/scales) @\"y\" "
                       "{coordinate_transformation_mode = \"asymmetric\", mode = \"nearest\", "
                       "nearest_mode = \"floor\"}\n"
                       "output %y\n"},
    {"upsample9.onnx", "const %s: f32[3] = {1, 2, 2}\n"
                       "%y: none[?] = Resize(%x, _, %s) @\"y\" "
                       "{coordinate_transformation_mode = \"asymmetric\", mode = \"linear\", "
                       "nearest_mode = \"floor\"}\n"
                       "output %y\n"},
    {"resize10.onnx",
     "const %s: f32[3] = {1, 2, 2}\n"
     "%y: none[?] = Resize(%x, _, %s) @\"y\" "
     "{coordinate_transformation_mode = \"asymmetric\", nearest_mode = \"floor\"}\n"
     "output %y\n"},
    {"resize11.onnx", "const %sizes: s64[3] = {1, 6, 8}\n"
                      "%y: none[?] = Resize(%x, _, _, %sizes) @\"y\" {mode = \"nearest\"}\n"
                      "output %y\n"},
    {"dropout11.onnx", "%y: none[?] = Identity(%x) @\"y\"\n"
                       "output %y\n"},
    {"cast9.onnx", "%y: none[?] = Cast(%x) @\"y\" {to = 6}\n"
                   "output %y\n"},
    {"cast_half.onnx", "%y: none[?] = Cast(%x) @\"y\" {to = 1}\n"
                       "output %y\n"},
    {"softmax_last11.onnx", "%y: none[?] = Softmax(%x) @\"y\" {axis = -1}\n"
                            "output %y\n"},
    {"softmax_flat11.onnx", "%y/Flatten: none[?] = Flatten(%x) @\"y\" {axis = 1}\n"
                            "%y/Softmax: none[?] = Softmax(%y/Flatten) @\"y\" {axis = -1}\n"
                            "%y/Shape: none[?] = Shape(%x) @\"y\"\n"
                            "%y: none[?] = Reshape(%y/Softmax, %y/Shape) @\"y\"\n"
                            "output %y\n"},
    {"order.onnx", "%a: none[?] = Relu(%x) @\"a\"\n"
                   "%b: none[?] = Neg(%a) @\"b\"\n"
                   "%y: none[?] = Add(%b, %x) @\"y\"\n"
                   "output %y\n"},
    {"half_input.onnx", "%y: none[?] = Relu(%x) @\"y\"\n"
                        "output %y\n"},
    {"add6.onnx", "%y: none[?] = Add(%x, %x) @\"y\"\n"
                  "output %y\n"},
    {"sum3.onnx", "%y/Sum: none[?] = Add(%x, %x) @\"y\"\n"
                  "%y: none[?] = Add(%y/Sum, %x) @\"y\"\n"
                  "output %y\n"},
    {"max_pool_indices.onnx",
     "%y: none[?] = MaxPool(%x) @\"y\" {kernel_shape = [2], strides = [2]}\n"
     "output %y\n"},
    {"constant_of_shape.onnx", "%s: none[?] = Shape(%x) @\"s\"\n"
                               "%y: none[?] = ConstantOfShape(%s) @\"y\" {to = 6, value = 7}\n"
                               "%z: none[?] = ConstantOfShape(%s) @\"z\" {to = 1, value = 0}\n"
                               "output %y\n"
                               "output %z\n"},
    {"batch_norm7.onnx", "const %s: f32[3] = {1, 2, 3}\n"
                         "const %b: f32[3] = {4, 5, 6}\n"
                         "const %m: f32[3] = {7, 8, 9}\n"
                         "const %v: f32[3] = {1, 1, 1}\n"
                         "%y: none[?] = BatchNormalization(%x, %s, %b, %m, %v) @\"y\" "
                         "{epsilon = 0.00999999978}\n"
                         "output %y\n"},
    {"ir3.onnx", "const %w: f32[4] = {0, 1, 2, 3}\n"
                 "%y: none[?] = Add(%x, %w) @\"y\"\n"
                 "output %y\n"},
    {"external.onnx", "const %w: f32[4] = {1, 2, 3, 4}\n"
                      "%y: none[?] = Add(%x, %w) @\"y\"\n"
                      "output %y\n"},
};

static void test_onnx__old_forms(void)
{
    static const char head[] = "graph \"g\"\ninput %x: f32[1, 3, 4]\n";
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct graph *g = read_golden(forms[i].name);
        REQUIRE(g != NULL);
        char *text = print_graph(g);
        REQUIRE(text != NULL);
        CHECK_MSG(strncmp(text, head, strlen(head)) == 0 &&
                      strcmp(text + strlen(head), forms[i].text) == 0,
                  "%s gives\n%s", forms[i].name, text);
        free(text);
        graph_destroy(&g);
    }
}

/* Output i of the graph. */
static const struct value *output(const struct graph *g, size_t i)
{
    return graph_value(g, g->outputs.data[i]);
}

static void test_onnx__constants(void)
{
    struct graph *g = read_golden("constants.onnx");
    REQUIRE(g != NULL && g->outputs.len == 25);
    CHECK(memcmp(output(g, 1)->data, (float[]){1, 2}, 8) == 0);
    CHECK(*(const float *)output(g, 2)->data == 1.5f && output(g, 2)->shape.rank == 0);
    CHECK(memcmp(output(g, 3)->data, (float[]){2.5f, 3.5f}, 8) == 0);
    CHECK(*(const int64_t *)output(g, 4)->data == -4 && output(g, 4)->shape.rank == 0);
    CHECK(memcmp(output(g, 5)->data, (int64_t[]){5, -6}, 16) == 0);
    const struct {
        enum dtype dtype;
        const void *data;
    } expected[] = {{DTYPE_F32, (const float[]){1.5f, -2.5f}},
                    {DTYPE_U8, (const uint8_t[]){0, 255}},
                    {DTYPE_S8, (const int8_t[]){-128, 127}},
                    {DTYPE_S16, (const int16_t[]){-32768, 32767}},
                    {DTYPE_S32, (const int32_t[]){INT32_MIN, INT32_MAX}},
                    {DTYPE_S64, (const int64_t[]){INT64_MIN, INT64_MAX}},
                    {DTYPE_BOOL, (const uint8_t[]){0, 1}},
                    {DTYPE_F64, (const double[]){0.1, -1e300}}};
    for (size_t i = 0; i < 2 * ARRAY_LEN(expected); i++) {
        const struct value *v = output(g, 6 + i);
        CHECK_MSG(v->dtype == expected[i / 2].dtype && v->shape.rank == 1 && v->shape.dim[0] == 2 &&
                      memcmp(v->data, expected[i / 2].data, 2u * (size_t)dtype_size(v->dtype)) == 0,
                  "%s", v->name);
    }
    /* 6e-8 is the smallest subnormal float16, 6.1e-5 the nearest below the smallest normal one */
    const float half[] = {1.5f, -2.5f, 65504, 0x1p-24f, INFINITY, 1023 * 0x1p-24f};
    CHECK(output(g, 22)->dtype == DTYPE_F32 && memcmp(output(g, 22)->data, half, sizeof half) == 0);
    CHECK(output(g, 23)->dtype == DTYPE_F32 && memcmp(output(g, 23)->data, half, sizeof half) == 0);
    CHECK(memcmp(output(g, 24)->data, (float[]){1.5f, -2.5f}, 8) == 0);
    graph_destroy(&g);
}

static void test_onnx__meta(void)
{
    struct graph *g = read_golden("conv.onnx");
    REQUIRE(g != NULL);
    CHECK_STR(graph_get_meta(g, "task"), "segment");
    CHECK_STR(graph_get_meta(g, "names"), "{0: 'bolt'}");
    CHECK(g->nodes.len == 3 && g->nodes.data[0].op == OP_CONV);
    graph_destroy(&g);
}

/* tests/golden/refused/expected.txt: "FILE<tab>MESSAGE" a line. */
static void test_onnx__refused(void)
{
    struct file_bytes list;
    int n = 0;
    REQUIRE(file_read(&list, GOLDEN_DIR "/refused/expected.txt", SIZE_MAX, NULL) == ITX_OK);
    const char *line = (const char *)list.data, *end = line + list.size;
    while (line < end) {
        const char *tab = memchr(line, '\t', (size_t)(end - line));
        const char *next = memchr(line, '\n', (size_t)(end - line));
        REQUIRE(tab != NULL && next != NULL && tab < next);
        struct strbuf path = {0}, expected = {0};
        strbuf_addf(&path, GOLDEN_DIR "/refused/%.*s", (int)(tab - line), line);
        strbuf_addf(&expected, "%s: %.*s", path.data, (int)(next - tab - 1), tab + 1);
        struct graph *g = NULL;
        struct itx_error err = {.text = ""};
        CHECK(onnx_read(&g, path.data, &err) != ITX_OK && g == NULL);
        CHECK_STR(err.text, expected.data);
        strbuf_release(&path);
        strbuf_release(&expected);
        line = next + 1;
        n++;
    }
    CHECK(n >= 50);
    file_bytes_release(&list);
}

/* Two bytes of input become a structure: a file of them must not fill the memory. */
static void test_onnx__memory_limit(void)
{
    enum { SIZE = 2 << 20 };
    uint8_t *data = mem_alloc(SIZE);
    REQUIRE(data != NULL);
    for (size_t i = 0; i < SIZE; i += 2) {
        data[i] = 14 << 3 | 2; /* metadata_props */
        data[i + 1] = 0;
    }
    struct graph *g = NULL;
    struct itx_error err;
    CHECK(onnx_read_memory(&g, data, SIZE, &err) == ITX_E_RANGE);
    CHECK_STR(err.text, "malformed ONNX: 2097152 bytes would unpack to more than 71303168");
    mem_free(data);
}

static void test_onnx__read_tensor(void)
{
    /* dims 2, data_type int64, int64_data packed 300, -1 */
    static const uint8_t bytes[] = {0x08, 2,    0x10, 7,    0x3a, 12,   0xac, 0x02, 0xff,
                                    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01};
    struct arena arena = {0};
    struct tensor t = {0};
    struct itx_error err = {.text = ""};
    CHECK_MSG(onnx_read_tensor_memory(bytes, sizeof bytes, &arena, &t, &err) == ITX_OK, "%s",
              err.text);
    REQUIRE(t.dtype == DTYPE_S64 && t.shape.rank == 1 && t.shape.dim[0] == 2);
    CHECK(((int64_t *)t.data)[0] == 300 && ((int64_t *)t.data)[1] == -1);
    CHECK(onnx_read_tensor_memory(bytes, sizeof bytes - 1, &arena, &t, &err) == ITX_E_FORMAT);
    arena_release(&arena);
}

typedef itx_status write_fn(const struct graph *g, uint8_t **data, size_t *size,
                            struct itx_error *err);

/* Writes the graph and reads it again. */
static struct graph *through_onnx(const struct graph *g, write_fn *write)
{
    struct graph *again = NULL;
    struct itx_error err = {.text = ""};
    uint8_t *data = NULL;
    size_t size = 0;
    CHECK_MSG(write(g, &data, &size, &err) == ITX_OK, "%s", err.text);
    if (data != NULL)
        CHECK_MSG(onnx_read_memory(&again, data, size, &err) == ITX_OK, "%s", err.text);
    mem_free(data);
    return again;
}

static void test_onnx__round_trip(void)
{
    int n = 0;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct graph *g = read_golden(forms[i].name);
        REQUIRE(g != NULL);
        CHECK(graph_infer(g, NULL) == ITX_OK);
        bool is_known = true;
        for (size_t o = 0; o < g->outputs.len; o++) is_known &= output(g, o)->shape.rank >= 0;
        const bool has_expansion = g->nodes.len != 1; /* written nodes have names of their own */
        if (is_known && !has_expansion) {
            struct graph *again = through_onnx(g, onnx_write_memory);
            REQUIRE(again != NULL);
            CHECK(graph_infer(again, NULL) == ITX_OK);
            char *before = print_graph(g), *after = print_graph(again);
            CHECK_STR(after, before);
            free(before);
            free(after);
            graph_destroy(&again);
            n++;
        }
        graph_destroy(&g);
    }
    CHECK(n >= 20);
}

/* Set 11 and back. What is not in it, or is read as several nodes, is left out. */
static void test_onnx__old_round_trip(void)
{
    int n = 0;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct graph *g = read_golden(forms[i].name);
        REQUIRE(g != NULL);
        bool is_known = graph_infer(g, NULL) == ITX_OK && g->nodes.len == 1;
        for (size_t o = 0; o < g->outputs.len; o++) is_known &= output(g, o)->shape.rank >= 0;
        if (is_known) {
            struct graph *again = through_onnx(g, onnx_write_old_memory);
            REQUIRE(again != NULL);
            CHECK(graph_infer(again, NULL) == ITX_OK);
            char *before = print_graph(g), *after = print_graph(again);
            CHECK_STR(after, before);
            free(before);
            free(after);
            graph_destroy(&again);
            n++;
        }
        graph_destroy(&g);
    }
    CHECK(n >= 20);
}

static void test_onnx__old_refused(void)
{
    static const struct {
        const char *line, *reason;
    } cases[] = {
        {"%y: f32[1, 4] = Reshape(%x, %s) @\"n\" {allowzero = 1}\n",
         "node 'n' (Reshape): operator set 11 has not got allowzero"},
        {"%y: f32[1, 4] = Softmax(%x) @\"n\" {axis = 0}\n",
         "node 'n' (Softmax): operator set 11 has not got a softmax along a dimension that is not "
         "the last"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[300];
        struct graph *g = NULL;
        struct itx_error err = {.text = ""};
        uint8_t *data = NULL;
        size_t size;
        snprintf(text, sizeof text,
                 "graph \"g\"\ninput %%x: f32[1, 4]\nconst %%s: s64[2] = {1, 4}\n%soutput %%y\n",
                 cases[i].line);
        REQUIRE(graph_parse(&g, text, strlen(text), &err) == ITX_OK);
        CHECK(onnx_write_old_memory(g, &data, &size, &err) == ITX_E_UNSUPPORTED);
        CHECK_STR(err.text, cases[i].reason);
        graph_destroy(&g);
    }
}

/* HardSwish came with set 14: x times its gate in the old one, as exporters write it there, and read back as one node. */
static void test_onnx__old_hard_swish(void)
{
    static const char text[] =
        "graph \"g\"\ninput %x: f32[1, 4]\n%y: f32[1, 4] = HardSwish(%x)\noutput %y\n";
    struct graph *g = NULL, *back = NULL;
    struct itx_error err = {.text = ""};
    uint8_t *data = NULL;
    size_t size;
    REQUIRE(graph_parse(&g, text, strlen(text), &err) == ITX_OK);
    REQUIRE(onnx_write_old_memory(g, &data, &size, &err) == ITX_OK);
    REQUIRE(onnx_read_memory(&back, data, size, &err) == ITX_OK);
    REQUIRE(back->nodes.len == 2);
    const struct node *const gate = &back->nodes.data[0];
    CHECK(gate->op == OP_HARD_SIGMOID && node_float(gate, ATTR_ALPHA, 0) == 1.0f / 6 &&
          node_float(gate, ATTR_BETA, 0) == 0.5f);
    CHECK(back->nodes.data[1].op == OP_MUL);
    mem_free(data);
    graph_destroy(&g);
    graph_destroy(&back);
}

/* Each line of our own operations as ONNX has to say it: docs of the graph's text form are in graph/text_print.c. */
static void test_onnx__expands_our_operations(void)
{
    static const char text[] =
        "graph \"g\"\n"
        "input %x: f32[1, 4, 2, 2]\n"
        "const %w: f32[4, 4, 1, 1] = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1}\n"
        "const %b: f32[4] = {0, 1, 2, 3}\n"
        "%s: f32[1, 4, 2, 2] = Silu(%x) @\"s\"\n"
        "%c: f32[1, 4, 2, 2] = Conv(%s, %w, %b, %x) @\"c\" {act = 2}\n"
        "%d: f32[1, 4, 2, 2] = Conv(%c, %w, _, %c) @\"d\"\n"
        "%t: f32[1, 4, 2, 2] = ConvTranspose(%d, %w) @\"t\" {act = 1}\n"
        "%y: f32[1, 4, 2, 2] = Attention(%t, %t, %d) @\"y\" {heads = 2, scale = 0.5}\n"
        "output %y\n";
    static const char expected[] =
        "%s/Sigmoid: none[?] = Sigmoid(%x) @\"s\"\n"
        "%s: none[?] = Mul(%x, %s/Sigmoid) @\"s_1\"\n"
        "%c/Conv: none[?] = Conv(%s, %w, %b) @\"c\"\n"
        "%c/Sigmoid: none[?] = Sigmoid(%c/Conv) @\"c_1\"\n"
        "%c/Mul: none[?] = Mul(%c/Conv, %c/Sigmoid) @\"c_2\"\n"
        "%c: none[?] = Add(%c/Mul, %x) @\"c_3\"\n"
        "%d/Conv: none[?] = Conv(%c, %w) @\"d\"\n"
        "%d: none[?] = Add(%d/Conv, %c) @\"d_1\"\n"
        "%t/ConvTranspose: none[?] = ConvTranspose(%d, %w) @\"t\"\n"
        "%t: none[?] = Relu(%t/ConvTranspose) @\"t_1\"\n"
        "%y/Reshape: none[?] = Reshape(%t, %y/shape) @\"y\"\n"
        "%y/Reshape_1: none[?] = Reshape(%t, %y/shape_1) @\"y_1\"\n"
        "%y/Reshape_2: none[?] = Reshape(%d, %y/shape_2) @\"y_2\"\n"
        "%y/Transpose: none[?] = Transpose(%y/Reshape) @\"y_3\" {perm = [0, 1, 3, 2]}\n"
        "%y/MatMul: none[?] = MatMul(%y/Transpose, %y/Reshape_1) @\"y_4\"\n"
        "%y/Mul: none[?] = Mul(%y/MatMul, %y/scale) @\"y_5\"\n"
        "%y/Softmax: none[?] = Softmax(%y/Mul) @\"y_6\" {axis = -1}\n"
        "%y/Transpose_1: none[?] = Transpose(%y/Softmax) @\"y_7\" {perm = [0, 1, 3, 2]}\n"
        "%y/MatMul_1: none[?] = MatMul(%y/Reshape_2, %y/Transpose_1) @\"y_8\"\n"
        "%y: none[?] = Reshape(%y/MatMul_1, %y/shape_3) @\"y_9\"\n"
        "output %y\n";
    struct graph *g = NULL;
    struct itx_error err = {.text = ""};
    const itx_status rc = graph_parse(&g, text, sizeof text - 1, &err);
    CHECK_MSG(rc == ITX_OK, "%s", err.text);
    REQUIRE(rc == ITX_OK);
    struct graph *again = through_onnx(g, onnx_write_memory);
    REQUIRE(again != NULL);
    char *printed = print_graph(again), *nodes = malloc(strlen(printed) + 1);
    REQUIRE(nodes != NULL);
    nodes[0] = '\0';
    for (const char *line = printed; *line != '\0';) {
        const size_t len = strcspn(line, "\n") + 1;
        if (line[0] == '%' || strncmp(line, "output", 6) == 0) strncat(nodes, line, len);
        line += len;
    }
    CHECK_STR(nodes, expected);
    CHECK_MSG(graph_infer(again, &err) == ITX_OK, "%s", err.text);
    CHECK(output(again, 0)->shape.rank == 4 && output(again, 0)->shape.dim[1] == 4);
    free(printed);
    free(nodes);
    graph_destroy(&again);
    graph_destroy(&g);
}

/* Networks as exporters write them, where the checkout has them beside it. */
static void test_onnx__whole_networks(void)
{
    static const struct {
        const char *name;
        size_t n_nodes, n_outputs;
    } networks[] = {{"models/yolo11n-seg.onnx", 355, 2},
                    {"models/yolo11n-seg_rdk.onnx", 398, 10},
                    {"parts/parts-seg.onnx", 355, 2},
                    {"parts/parts-seg_rdk.onnx", 398, 10}};
    int n = 0;
    for (size_t i = 0; i < ARRAY_LEN(networks); i++) {
        struct strbuf path = {0};
        struct graph *g = NULL;
        struct itx_error err = {.text = ""};
        strbuf_addf(&path, GOLDEN_DIR "/../../../shared/%s", networks[i].name);
        const itx_status rc = onnx_read(&g, path.data, &err);
        strbuf_release(&path);
        if (rc == ITX_E_IO) continue;
        CHECK_MSG(rc == ITX_OK, "%s", err.text);
        if (rc != ITX_OK) continue;
        CHECK_MSG(graph_check(g, &err) == ITX_OK, "%s", err.text);
        CHECK(g->nodes.len == networks[i].n_nodes && g->outputs.len == networks[i].n_outputs);
        const struct value *images = graph_value(g, g->inputs.data[0]);
        CHECK(images->shape.rank == 4 && images->shape.dim[1] == 3);
        graph_destroy(&g);
        n++;
    }
    if (n == 0) SKIP("no networks beside the checkout");
}

struct heard {
    int n, n_unsupported;
    char text[400];
};

static void hear(void *ctx, const struct onnx_node_report *r)
{
    struct heard *h = ctx;
    h->n++;
    if (r->supported) return;
    h->n_unsupported++;
    snprintf(h->text, sizeof h->text, "%s|%s|%s|%s", r->name, r->type, r->domain, r->reason);
}

static void test_onnx__scan(void)
{
    struct heard h = {0};
    struct itx_error err = {.text = ""};
    CHECK(onnx_scan(GOLDEN_DIR "/refused/domain.onnx", hear, &h, &err) == ITX_OK);
    CHECK(h.n == 1 && h.n_unsupported == 1);
    CHECK_STR(h.text, "gelu|Gelu|com.microsoft|operators of domain 'com.microsoft' are not "
                      "supported: export with ONNX's own operators");
    h = (struct heard){0};
    CHECK(onnx_scan(GOLDEN_DIR "/onnx/conv.onnx", hear, &h, &err) == ITX_OK);
    CHECK(h.n == 3 && h.n_unsupported == 0);
    CHECK(onnx_scan(GOLDEN_DIR "/refused/dynamic.onnx", hear, &h, &err) == ITX_E_UNSUPPORTED);
    CHECK(onnx_scan(GOLDEN_DIR "/onnx/absent.onnx", hear, &h, &err) == ITX_E_IO);
}

/* Every allocation in turn fails: an error, no leak (ASan), nothing half-made. */
static void test_onnx__out_of_memory(void)
{
    struct file_bytes file;
    REQUIRE(file_read(&file, GOLDEN_DIR "/onnx/constants.onnx", SIZE_MAX, NULL) == ITX_OK);
    itx_status rc = ITX_E_NOMEM;
    int n = 0;
    for (; rc != ITX_OK && n < 10000; n++) {
        struct graph *g = NULL;
        struct itx_error err = {.text = ""};
        mem_fail_after(n);
        uint8_t *data = NULL;
        size_t size;
        rc = onnx_read_memory(&g, file.data, file.size, &err);
        CHECK((rc == ITX_OK) == (g != NULL));
        if (rc == ITX_OK) rc = graph_infer(g, &err);
        if (rc == ITX_OK) rc = onnx_write_memory(g, &data, &size, &err);
        mem_fail_after(-1);
        mem_free(data);
        CHECK_MSG(rc == ITX_OK || rc == ITX_E_NOMEM, "%s", err.text);
        graph_destroy(&g);
    }
    CHECK(rc == ITX_OK && n > 100);
    file_bytes_release(&file);
}

TEST_MAIN(TEST(test_onnx__old_forms), TEST(test_onnx__constants), TEST(test_onnx__meta),
          TEST(test_onnx__refused), TEST(test_onnx__memory_limit), TEST(test_onnx__read_tensor),
          TEST(test_onnx__round_trip), TEST(test_onnx__old_round_trip),
          TEST(test_onnx__old_refused), TEST(test_onnx__old_hard_swish),
          TEST(test_onnx__expands_our_operations), TEST(test_onnx__whole_networks),
          TEST(test_onnx__scan), TEST(test_onnx__out_of_memory))
