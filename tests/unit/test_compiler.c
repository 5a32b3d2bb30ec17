/* SPDX-License-Identifier: Apache-2.0
 *
 * The compiler's public functions on a network of one convolution and on the demo's: what they refuse, what they tell
 * while they work, and that failures leave no file.
 */
#include "intarsia/compiler.h"

#include <math.h>
#include <stdbool.h>
#include <unistd.h>

#include <jansson.h>

#include "test.h"

#define NETWORK GOLDEN_DIR "/onnx/conv.onnx" /* a picture of 8 x 8 in, raw numbers out */
#define DEMO GOLDEN_DIR "/../../models/parts-seg.onnx"
#define GREY GOLDEN_DIR "/../cli/pictures/grey.jpg"
#define BROKEN GOLDEN_DIR "/../fuzz/corpus/picture/cut.jpg"

static const char *const pictures[] = {BROKEN, GREY, GREY};

struct told {
    int n_warnings, n_judged, n_calls, cancel_at;
    char stages[200];
};

static int progress(void *ctx, const char *stage, int done, int total)
{
    struct told *const t = ctx;
    const size_t len = strlen(t->stages);
    CHECK(done >= 0 && done <= total);
    if (strstr(t->stages, stage) == NULL)
        snprintf(t->stages + len, sizeof t->stages - len, "%s ", stage);
    return ++t->n_calls == t->cancel_at;
}

static void warn(void *ctx, const char *text)
{
    struct told *const t = ctx;
    t->n_warnings += strstr(text, "cut.jpg: broken JPEG") != NULL;
    t->n_judged += strstr(text, "calibration photo") != NULL;
}

static struct itx_build_options options_of_test(struct told *told)
{
    struct itx_build_options o = ITX_BUILD_OPTIONS_INIT;
    o.images = pictures;
    o.n_images = 3;
    o.n_threads = 2;
    o.progress = progress;
    o.warn = warn;
    o.ctx = told;
    return o;
}

/* A name in a new folder; remove_folder takes both away and says whether the file was there. */
static void make_folder(char *path, size_t size, const char *name)
{
    char folder[] = "/tmp/itx_compiler_XXXXXX";
    if (mkdtemp(folder) == NULL) abort();
    snprintf(path, size, "%s/%s", folder, name);
}

static bool remove_folder(char *path)
{
    const bool there = unlink(path) == 0;
    *strrchr(path, '/') = '\0';
    CHECK(rmdir(path) == 0); /* nothing else lies in it */
    return there;
}

static void test_build__tells_and_reports(void)
{
    char path[200], *report = NULL;
    make_folder(path, sizeof path, "small.net.bin");
    struct told told = {0};
    const struct itx_build_options o = options_of_test(&told);
    struct itx_error err = {.text = ""};
    CHECK_MSG(itx_build(NETWORK, path, &o, &report, &err) == ITX_OK, "%s", err.text);
    CHECK(told.n_warnings == 1);
    CHECK(told.n_judged == 3); /* two photos, both the same, and grey */
    CHECK_STR(told.stages, "import calibrate reference round weights compare write ");
    json_t *const json = json_loads(report != NULL ? report : "", 0, NULL);
    const json_t *const calibration = json_object_get(json, "calibration");
    CHECK(json_integer_value(json_object_get(calibration, "images")) == 2);
    CHECK(json_integer_value(json_object_get(calibration, "images_given")) == 3);
    const json_t *const warnings = json_object_get(calibration, "warnings");
    CHECK(json_array_size(warnings) == 3);
    CHECK(strncmp(json_string_value(json_array_get(warnings, 0)), "2 calibration photos: ", 22) ==
          0);
    CHECK(json_array_size(json_object_get(json, "layers")) == 1);
    json_decref(json);
    itx_model *model = NULL;
    struct itx_model_info info;
    REQUIRE(itx_model_open(&model, path, NULL, &err) == ITX_OK);
    REQUIRE(itx_model_get_info(model, &info, &err) == ITX_OK);
    CHECK_STR(info.name, "small.net");
    CHECK_STR(info.meta, report);
    CHECK(info.task == ITX_TASK_RAW && info.input_width == 8);
    itx_model_close(&model);
    itx_text_free(report);
    itx_text_free(NULL);
    CHECK(remove_folder(path));
}

static void test_build__refuses_options(void)
{
    enum { N = 19 };
    struct told told = {0};
    struct itx_build_options bad[N];
    const itx_status expected[N] = {ITX_E_INVAL, ITX_E_INVAL, ITX_E_INVAL, ITX_E_INVAL, ITX_E_INVAL,
                                    ITX_E_INVAL, ITX_E_INVAL, ITX_E_RANGE, ITX_E_RANGE, ITX_E_RANGE,
                                    ITX_E_RANGE, ITX_E_INVAL, ITX_E_IO,    ITX_E_RANGE, ITX_E_RANGE,
                                    ITX_E_RANGE, ITX_E_RANGE, ITX_E_INVAL, ITX_E_INVAL};
    static const char *const hole[] = {GREY, NULL};
    for (int i = 0; i < N; i++) bad[i] = options_of_test(&told);
    bad[0].size = 0;
    bad[1].size += 8;
    bad[2].images = NULL;
    bad[3].n_images = 0;
    bad[4].n_images = -1;
    bad[5].images = hole;
    bad[5].n_images = 2;
    bad[6].input_format = ITX_IMAGE_RGBA;
    bad[7].n_threads = -2;
    bad[8].n_threads = 257;
    bad[9].percentile = 20;
    bad[10].percentile = NAN;
    bad[11].method = (enum itx_method)77;
    bad[12].save_temps = "/proc/folder";
    bad[13].effort = -1;
    bad[14].effort = 4;
    bad[15].target_loss = -1;
    bad[16].target_loss = NAN;
    bad[17].n_int16_nodes = 1;
    bad[18].int16_nodes = hole + 1;
    bad[18].n_int16_nodes = 1;
    char path[200];
    make_folder(path, sizeof path, "x.bin");
    struct itx_error err;
    for (int i = 0; i < N; i++) {
        const itx_status rc = itx_build(NETWORK, path, &bad[i], NULL, &err);
        CHECK_MSG(rc == expected[i], "case %d: %d", i, (int)rc);
    }
    CHECK(itx_build(NULL, path, &bad[0], NULL, &err) == ITX_E_INVAL);
    CHECK(itx_build(NETWORK, NULL, &bad[0], NULL, &err) == ITX_E_INVAL);
    CHECK(itx_build(NETWORK, path, NULL, NULL, &err) == ITX_E_INVAL);
    CHECK(!remove_folder(path));
}

static void test_build__leaves_nothing(void)
{
    char path[200], *report = NULL;
    make_folder(path, sizeof path, "x.bin");
    struct itx_error err;
    struct told told = {0};
    struct itx_build_options o = options_of_test(&told);
    REQUIRE(itx_build(NETWORK, path, &o, NULL, &err) == ITX_OK);
    CHECK(unlink(path) == 0);
    const int n = told.n_calls;
    for (int i = 1; i <= n; i++) { /* cancelled at every chance there is */
        told = (struct told){.cancel_at = i};
        CHECK(itx_build(NETWORK, path, &o, &report, &err) == ITX_E_CANCELLED);
        CHECK(report == NULL && access(path, F_OK) != 0);
    }
    o.n_images = 1; /* only the broken one */
    CHECK(itx_build(NETWORK, path, &o, NULL, &err) == ITX_E_INVAL);
    CHECK(itx_build(GREY, path, &o, NULL, &err) == ITX_E_FORMAT);
    CHECK(itx_build(NETWORK, NETWORK, &o, NULL, &err) == ITX_E_INVAL);
    CHECK(itx_build(NETWORK, "/proc/x.bin", &o, NULL, &err) == ITX_E_IO);
    CHECK(!remove_folder(path));
}

/* A name is cut at 127 bytes, which may be inside a character; and what is no UTF-8 cannot be in a plan. */
static void test_build__names_are_utf8(void)
{
    char path[300], name[251];
    for (int i = 0; i < 125; i++) memcpy(name + 2 * i, "\xc3\xa4", 2);
    memcpy(name + 2, "\xff\xff", 2);
    memcpy(name + 220, ".bin", 5);
    make_folder(path, sizeof path, name);
    struct told told = {0};
    const struct itx_build_options o = options_of_test(&told);
    struct itx_error err = {.text = ""};
    CHECK_MSG(itx_build(NETWORK, path, &o, NULL, &err) == ITX_OK, "%s", err.text);
    itx_model *model = NULL;
    struct itx_model_info info;
    REQUIRE(itx_model_open(&model, path, NULL, &err) == ITX_OK);
    REQUIRE(itx_model_get_info(model, &info, &err) == ITX_OK);
    CHECK(strncmp(info.name, "\xc3\xa4??\xc3\xa4", 6) == 0 && info.name[126] == '?');
    itx_model_close(&model);
    CHECK(remove_folder(path));
}

static void test_check__reports(void)
{
    char *report = NULL;
    struct itx_error err;
    CHECK(itx_check(NULL, &report, &err) == ITX_E_INVAL);
    CHECK(itx_check(NETWORK, NULL, &err) == ITX_E_INVAL);
    CHECK(itx_check(GREY, &report, &err) == ITX_E_FORMAT);
    CHECK(itx_check("/nonexistent", &report, &err) == ITX_E_IO && report == NULL);
    REQUIRE(itx_check(NETWORK, &report, &err) == ITX_OK);
    json_t *const json = json_loads(report, 0, NULL);
    CHECK(json_is_true(json_object_get(json, "ok")));
    CHECK(json_array_size(json_object_get(json, "nodes")) == 3);
    CHECK(json_integer_value(json_object_get(json, "opset")) >= 11);
    CHECK(json_array_size(json_object_get(json, "inputs")) == 1);
    CHECK(json_array_size(json_object_get(json, "outputs")) >= 1);
    json_decref(json);
    itx_text_free(report);
}

/* Nothing is said of nodes beside one that cannot be read. */
static void test_check__open_beside_refused(void)
{
    char *report = NULL;
    struct itx_error err;
    REQUIRE(itx_check(GOLDEN_DIR "/refused/cycle.onnx", &report, &err) == ITX_OK);
    json_t *const json = json_loads(report, 0, NULL);
    const json_t *const nodes = json_object_get(json, "nodes");
    CHECK(json_is_false(json_object_get(json, "ok")) && json_array_size(nodes) == 2);
    CHECK_STR(json_string_value(json_object_get(json_array_get(nodes, 0), "runs")), "no");
    CHECK_STR(json_string_value(json_object_get(json_array_get(nodes, 1), "runs")), "open");
    json_decref(json);
    itx_text_free(report);
}

static void test_float__refuses_misuse(void)
{
    itx_float *net = NULL;
    struct itx_error err;
    CHECK(itx_float_open(NULL, NETWORK, 1, &err) == ITX_E_INVAL);
    CHECK(itx_float_open(&net, NULL, 1, &err) == ITX_E_INVAL);
    CHECK(itx_float_open(&net, NETWORK, -1, &err) == ITX_E_RANGE);
    CHECK(itx_float_open(&net, NETWORK, 257, &err) == ITX_E_RANGE);
    CHECK(itx_float_open(&net, GREY, 1, &err) == ITX_E_FORMAT && net == NULL);
    itx_float_close(NULL);
    itx_float_close(&net);
    static const uint8_t pixels[4 * 4 * 3];
    const struct itx_image frame = {
        .format = ITX_IMAGE_RGB, .width = 4, .height = 4, .plane = {pixels}, .stride = {12}};
    const struct itx_instance *found = NULL;
    struct itx_model_info info;
    struct itx_timing timing;
    int n = -1, x, y, w, h;
    const uint8_t *mask;
    REQUIRE(itx_float_open(&net, NETWORK, 1, &err) == ITX_OK);
    CHECK(itx_float_segment(net, &frame, NULL, &found, &n, &err) == ITX_E_UNSUPPORTED);
    itx_float_close(&net);
    CHECK(net == NULL);

    REQUIRE(itx_float_open(&net, DEMO, 1, &err) == ITX_OK);
    CHECK(itx_float_get_info(NULL, &info, &err) == ITX_E_INVAL);
    CHECK(itx_float_get_info(net, NULL, &err) == ITX_E_INVAL);
    REQUIRE(itx_float_get_info(net, &info, &err) == ITX_OK);
    CHECK(info.n_classes == 8 && info.task == ITX_TASK_SEGMENT && info.input_width == 320);
    CHECK_STR(itx_float_class_name(net, 0), "bolt");
    CHECK(itx_float_class_name(net, 8) == NULL && itx_float_class_name(net, -1) == NULL);
    struct itx_session_options bad[4] = {ITX_SESSION_OPTIONS_INIT, ITX_SESSION_OPTIONS_INIT,
                                         ITX_SESSION_OPTIONS_INIT, ITX_SESSION_OPTIONS_INIT};
    bad[0].size = 0;
    bad[1].size += 8;
    bad[2].conf = NAN;
    bad[3].via = ITX_IMAGE_GRAY;
    for (int i = 0; i < 4; i++)
        CHECK(itx_float_segment(net, &frame, &bad[i], &found, &n, &err) ==
              (i == 2 ? ITX_E_RANGE : ITX_E_INVAL));
    CHECK(itx_float_segment(NULL, &frame, NULL, &found, &n, &err) == ITX_E_INVAL);
    CHECK(itx_float_segment(net, NULL, NULL, &found, &n, &err) == ITX_E_INVAL);
    CHECK(found == NULL && n == -1);
    CHECK(itx_float_mask_box(net, 0, &x, &y, &w, &h, &mask, &err) == ITX_E_RANGE);
    CHECK(itx_float_segment(net, &frame, NULL, &found, &n, &err) == ITX_OK && n >= 0);
    CHECK(itx_float_mask_box(net, n, &x, &y, &w, &h, &mask, &err) == ITX_E_RANGE);
    CHECK(itx_float_mask_box(net, 0, NULL, &y, &w, &h, &mask, &err) == ITX_E_INVAL);
    CHECK(itx_float_timing(net, &timing, &err) == ITX_OK && timing.network_ns > 0);
    CHECK(itx_float_timing(net, NULL, &err) == ITX_E_INVAL);
    itx_float_close(&net);
}

/* The demo network's outputs, of grey pixels: of the size its head has, in the names' order. */
static void test_float__outputs(void)
{
    static uint8_t pixels[320 * 320 * 3];
    memset(pixels, 100, sizeof pixels);
    const struct itx_image frame = {
        .format = ITX_IMAGE_RGB, .width = 320, .height = 320, .plane = {pixels}, .stride = {960}};
    itx_float *net = NULL;
    struct itx_model_info model;
    struct itx_tensor_info info;
    struct itx_session_options o = ITX_SESSION_OPTIONS_INIT;
    const struct itx_instance *found;
    int n, n_low;
    REQUIRE(itx_float_open(&net, DEMO, 1, NULL) == ITX_OK);
    REQUIRE(itx_float_get_info(net, &model, NULL) == ITX_OK && model.n_outputs == 10);
    CHECK(itx_float_output(net, 0) == NULL && itx_float_output(NULL, 0) == NULL);
    CHECK(itx_float_decode(net, &o, &found, &n, NULL) == ITX_E_INVAL); /* nothing was run */
    REQUIRE(itx_float_segment(net, &frame, &o, &found, &n, NULL) == ITX_OK);
    bool has_prototypes = false;
    for (int i = 0; i < model.n_outputs; i++) {
        REQUIRE(itx_float_get_output(net, i, &info, NULL) == ITX_OK);
        const float *data = itx_float_output(net, i);
        REQUIRE(data != NULL && info.name[0] != '\0' && info.dtype == ITX_F32);
        CHECK(info.pixel == 1 && info.row == (size_t)info.width);
        has_prototypes |= info.height == 80 && info.width == 80 && info.channels == 32;
        const int size = info.height * info.width * info.channels;
        int n_finite = 0;
        for (int k = 0; k < size; k++) n_finite += isfinite(data[k]) != 0;
        CHECK(n_finite == size);
    }
    CHECK(has_prototypes);
    CHECK(itx_float_output(net, 10) == NULL && itx_float_output(net, -1) == NULL);
    CHECK(itx_float_get_output(net, 10, &info, NULL) == ITX_E_RANGE);
    CHECK(itx_float_get_output(net, 0, NULL, NULL) == ITX_E_INVAL);
    o.conf = 0.0001f;
    REQUIRE(itx_float_decode(net, &o, &found, &n_low, NULL) == ITX_OK);
    CHECK(n_low > n && found[n_low - 1].score < 0.25f);
    o.conf = 2;
    CHECK(itx_float_decode(net, &o, &found, &n, NULL) == ITX_E_RANGE);
    CHECK(itx_float_decode(net, NULL, &found, &n, NULL) == ITX_E_INVAL);
    itx_float_close(&net);
}

/* Which steps of a model write 16 bits, by its report. */
static bool writes_int16(const char *report, const char *node)
{
    json_t *const json = json_loads(report != NULL ? report : "", 0, NULL);
    const json_t *layers = json_object_get(json, "layers");
    bool is_wide = false;
    for (size_t i = 0; i < json_array_size(layers); i++) {
        const json_t *const layer = json_array_get(layers, i);
        if (strcmp(json_string_value(json_object_get(layer, "name")), node) == 0)
            is_wide = strcmp(json_string_value(json_object_get(layer, "dtype")), "s16") == 0;
    }
    json_decref(json);
    return is_wide;
}

static void test_build__int16_nodes(void)
{
    static const char *const good[] = {"/model.1/conv/Conv", "/model.3/conv/Conv"};
    static const char *const unknown[] = {"/model.1/conv/Konv"}, *const part[] = {"model.4/cv1"};
    static const char *const impossible[] = {"/model.10/m/m.0/attn/qkv/conv/Conv/q"};
    char path[200], *report = NULL;
    make_folder(path, sizeof path, "x.bin");
    struct told told = {0};
    struct itx_build_options o = options_of_test(&told);
    struct itx_error err = {.text = ""};
    o.effort = 0;
    o.int16_nodes = good;
    o.n_int16_nodes = 2;
    CHECK_MSG(itx_build(DEMO, path, &o, &report, &err) == ITX_OK, "%s", err.text);
    CHECK(writes_int16(report, "/model.1/conv/Conv") && writes_int16(report, "/model.3/conv/Conv"));
    CHECK(!writes_int16(report, "/model.0/conv/Conv"));
    itx_text_free(report);
    CHECK(unlink(path) == 0);
    o.n_int16_nodes = 1;
    o.int16_nodes = unknown;
    CHECK(itx_build(DEMO, path, &o, NULL, &err) == ITX_E_INVAL);
    CHECK_MSG(strstr(err.text, "no node '/model.1/conv/Konv', did you mean '/model.1/conv/Conv'?"),
              "%s", err.text);
    o.int16_nodes = part;
    CHECK(itx_build(DEMO, path, &o, NULL, &err) == ITX_E_INVAL);
    CHECK_MSG(strstr(err.text, "did you mean '/model.4/cv1/conv/Conv'?"), "%s", err.text);
    o.int16_nodes = impossible;
    const itx_status rc = itx_build(DEMO, path, &o, NULL, &err);
    CHECK_MSG(rc == ITX_E_UNSUPPORTED, "%d %s", (int)rc, err.text);
    CHECK(!remove_folder(path));
}

TEST_MAIN(TEST(test_build__int16_nodes), TEST(test_build__tells_and_reports),
          TEST(test_build__refuses_options), TEST(test_build__leaves_nothing),
          TEST(test_build__names_are_utf8), TEST(test_check__reports),
          TEST(test_check__open_beside_refused), TEST(test_float__refuses_misuse),
          TEST(test_float__outputs))
