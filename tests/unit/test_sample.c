/* SPDX-License-Identifier: Apache-2.0
 *
 * Calibration data from files of numbers: the same model as from the pictures that they hold, whatever form they have; and
 * what is said of files that are wrong.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "graph/graph.h"
#include "intarsia/compiler.h"
#include "onnx/onnx.h"
#include "plan/plan.h"
#include "vision/picture.h"

#include "test.h"

#define SMALL GOLDEN_DIR "/onnx/conv.onnx"             /* [1, 3, 8, 8] */
#define DEMO GOLDEN_DIR "/../../models/parts-seg.onnx" /* [1, 3, 320, 320] */
#define PICTURES GOLDEN_DIR "/../cli/pictures/"

enum { N = 3 };
static const char *const pictures[N] = {PICTURES "grey.jpg", PICTURES "progressive.jpg",
                                        PICTURES "exif6.jpg"};

static char folder[64], paths[N][128];
static const char *const files[N] = {paths[0], paths[1], paths[2]};

enum form { RAW_F32, RAW_U8, NPY_F32, NPY_LAST, FORM_COUNT };

/* An element of the picture, in the file's form. */
static void put(uint8_t *to, size_t at, uint8_t v, enum form form)
{
    const float f = v;
    if (form == RAW_U8)
        to[at] = v;
    else
        memcpy(to + 4 * at, &f, 4);
}

static void write_file(const char *path, const struct picture *p, enum form form)
{
    char header[128];
    const int side = p->width;
    const size_t n = (size_t)(side * side * 3), size = form == RAW_U8 ? 1 : 4;
    memset(header, ' ', sizeof header);
    memcpy(header, "\x93NUMPY\x01\x00\x76\x00", 10);
    const int len =
        snprintf(header + 10, sizeof header - 10,
                 form == NPY_F32 ? "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, %d, "
                                   "%d), }"
                                 : "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d, 3)}",
                 side, side);
    header[10 + len] = ' ';
    const size_t start = form == NPY_F32 || form == NPY_LAST ? sizeof header : 0;
    uint8_t *const data = malloc(start + n * size);
    if (data == NULL) abort();
    memcpy(data, header, start);
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++)
            for (int c = 0; c < 3; c++) {
                const int at =
                    form == NPY_LAST ? (y * side + x) * 3 + c : (c * side + y) * side + x;
                put(data + start, (size_t)at, p->rgb[(size_t)y * p->stride + (size_t)(3 * x + c)],
                    form);
            }
    CHECK(file_write(path, data, start + n * size, NULL) == ITX_OK);
    free(data);
}

static void write_files(int side, enum form form)
{
    if (folder[0] == '\0') {
        strcpy(folder, "/tmp/itx_sample_XXXXXX");
        if (mkdtemp(folder) == NULL) abort();
    }
    for (int i = 0; i < N; i++) {
        struct picture p = {0}, fit = {0};
        snprintf(paths[i], sizeof paths[i], "%s/%d.%s", folder, i,
                 form == NPY_F32 || form == NPY_LAST ? "npy" : "rgbchw");
        REQUIRE(picture_read(&p, pictures[i], 0, NULL) == ITX_OK);
        REQUIRE(picture_letterbox(&fit, &p, side, side, NULL) == ITX_OK);
        write_file(paths[i], &fit, form);
        picture_release(&p);
        picture_release(&fit);
    }
}

/* 8 x 8 of three planes become pixels. */
static void turn_file(const char *path)
{
    struct file_bytes map = {0};
    float planes[192], pixels[192];
    REQUIRE(file_read(&map, path, SIZE_MAX, NULL) == ITX_OK);
    REQUIRE(map.size == sizeof planes);
    memcpy(planes, map.data, sizeof planes);
    file_bytes_release(&map);
    for (int i = 0; i < 192; i++) pixels[i % 64 * 3 + i / 64] = planes[i];
    CHECK(file_write(path, pixels, sizeof pixels, NULL) == ITX_OK);
}

static void remove_files(void)
{
    for (int i = 0; i < N; i++) CHECK(unlink(paths[i]) == 0);
    CHECK(rmdir(folder) == 0);
    folder[0] = '\0';
}

/* The model's file, but for what its metadata tell of where it came from; NULL with the error in *err. */
static void *build(const char *network, const struct itx_build_options *o, size_t *size,
                   struct itx_error *err)
{
    char out[128];
    struct file_bytes map = {0};
    struct plan_file file = {0};
    void *data = NULL;
    snprintf(out, sizeof out, "/tmp/itx_sample_%d.bin", (int)getpid());
    if (itx_build(network, out, o, NULL, err) != ITX_OK) return NULL;
    itx_status rc = file_read(&map, out, SIZE_MAX, err);
    unlink(out);
    if (rc == ITX_OK) rc = plan_read(&file, map.data, map.size, err);
    if (rc == ITX_OK) {
        file.models[0].meta = "{}";
        rc = plan_write((const struct plan *const[]){&file.models[0]}, 1, &data, size, err);
    }
    plan_file_release(&file);
    file_bytes_release(&map);
    return rc == ITX_OK ? data : NULL;
}

static struct itx_build_options options_of_test(int effort)
{
    struct itx_build_options o = ITX_BUILD_OPTIONS_INIT;
    o.n_threads = 2;
    o.effort = effort;
    return o;
}

static void check_same(const char *network, int side, int effort, enum itx_image_format format,
                       enum form form)
{
    struct itx_build_options o = options_of_test(effort);
    struct itx_error err = {.text = ""};
    size_t size[2] = {0};
    o.input_format = format;
    o.images = pictures;
    o.n_images = N;
    void *const expected = build(network, &o, &size[0], &err);
    CHECK_MSG(expected != NULL, "%s", err.text);
    write_files(side, form);
    o.images = NULL;
    o.n_images = 0;
    o.tensors = files;
    o.n_tensors = N;
    o.tensors_type = form == RAW_U8 ? ITX_TENSOR_U8 : ITX_TENSOR_F32;
    void *const data = build(network, &o, &size[1], &err);
    CHECK_MSG(data != NULL, "%s", err.text);
    if (expected != NULL && data != NULL)
        CHECK_MSG(size[0] == size[1] && memcmp(expected, data, size[0]) == 0,
                  "form %d of format %d gives another model", (int)form, (int)format);
    mem_free(expected);
    mem_free(data);
    remove_files();
}

static void test_sample__same_as_pictures(void)
{
    for (int form = 0; form < FORM_COUNT; form++) {
        check_same(SMALL, 8, 2, ITX_IMAGE_RGB, (enum form)form);
        check_same(SMALL, 8, 2, ITX_IMAGE_NV12, (enum form)form);
    }
    check_same(DEMO, 320, 0, ITX_IMAGE_NV12, RAW_F32);
}

/* A network whose input is [1, 8, 8, 3] takes raw files in that order, and then is the other network. */
static void test_sample__channels_last(void)
{
    static const char *const inputs[] = {
        "input %x: f32[1, 3, 8, 8]\n",
        "input %x: f32[1, 8, 8, 3]\n%t: f32[1, 3, 8, 8] = Transpose(%x) {perm = [0, 3, 1, 2]}\n",
    };
    void *data[2];
    size_t size[2] = {0};
    for (int i = 0; i < 2; i++) {
        struct strbuf text = {0};
        struct graph *g = NULL;
        struct itx_error err = {.text = ""};
        char network[128];
        strbuf_addf(&text, "%s", inputs[i]);
        strbuf_addf(&text, "const %%w: f32[2, 3, 1, 1] = {1, -2, 3, 0.5, 0.25, -0.1}\n"
                           "const %%v: f32[1, 2, 1, 1] = {1, 2}\n");
        strbuf_addf(
            &text,
            "%%a: f32[1, 2, 8, 8] = Conv(%%%s, %%w) @\"one\"\n%%b: f32[1, 1, 8, 8] = Conv(%%a, "
            "%%v) @\"two\"\noutput %%b\n",
            i == 0 ? "x" : "t");
        write_files(8, RAW_F32);
        snprintf(network, sizeof network, "/tmp/itx_sample_%d.onnx", (int)getpid());
        REQUIRE(graph_parse(&g, text.data, text.len, &err) == ITX_OK);
        REQUIRE(onnx_write(g, network, &err) == ITX_OK);
        graph_destroy(&g);
        strbuf_release(&text);
        struct itx_build_options o = options_of_test(0);
        o.tensors = files;
        o.n_tensors = N;
        if (i == 1)
            for (int k = 0; k < N; k++) turn_file(paths[k]);
        data[i] = build(network, &o, &size[i], &err);
        CHECK_MSG(data[i] != NULL, "%s", err.text);
        unlink(network);
        remove_files();
    }
    CHECK(size[0] == size[1] && size[0] > 0 && memcmp(data[0], data[1], size[0]) == 0);
    mem_free(data[0]);
    mem_free(data[1]);
}

/* ---- wrong files ---- */

static void expect_refused(const struct itx_build_options *o, const char *text)
{
    struct itx_error err = {.text = ""};
    size_t size;
    void *const data = build(SMALL, o, &size, &err);
    CHECK_MSG(data == NULL && strstr(err.text, text) != NULL, "\"%s\", not \"%s\"", err.text, text);
    CHECK(strstr(err.text, "nonexistent") != NULL || strstr(err.text, folder) != NULL);
    mem_free(data);
}

static void test_sample__wrong_files(void)
{
    static const struct {
        char bytes[8]; /* the first ones; all others are 0 */
        size_t n;
        const char *text;
    } cases[] = {
        {"", 0, "0 bytes, 768 expected for input 'x', [1, 3, 8, 8] of float32: it is empty"},
        {"", 192,
         "192 bytes, 768 expected for input 'x', [1, 3, 8, 8] of float32: that would be "
         "right for uint8"},
        {"", 1536, "that would be right for float64"},
        {"", 7680, "that would be 10 inputs"},
        {"", 4 * 3 * 100, "that would be 3 x 10 x 10"},
        {"", 100, "was it made for this input"},
        {"\xff\xd8\xff\xe0", 100, "it is a picture"},
        {"\x93NUMPY\x01", 100, "npy file"},
        {"\x00\x00\xc0\x7f", 768, "number 0 is not finite"},
    };
    struct itx_build_options o = options_of_test(0);
    struct itx_error err;
    uint8_t *const data = calloc(1, 8000);
    REQUIRE(data != NULL);
    o.tensors = files;
    o.n_tensors = N;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_files(8, RAW_F32);
        memset(data, 0, 8000);
        memcpy(data, cases[i].bytes, 6);
        REQUIRE(file_write(paths[1], data, cases[i].n, &err) == ITX_OK);
        expect_refused(&o, cases[i].text);
        remove_files();
    }
    free(data);
    write_files(10, NPY_F32);
    expect_refused(&o, "its shape is [1, 3, 10, 10], [1, 3, 8, 8] expected for input 'x'");
    remove_files();
    static const char *const missing[] = {"/nonexistent/file"};
    o.tensors = missing;
    o.n_tensors = 1;
    expect_refused(&o, "No such file");
}

struct told {
    int n_unit, n_outside;
};

static void warn(void *ctx, const char *text)
{
    struct told *const t = ctx;
    t->n_unit += strstr(text, "values from 0 to 1") != NULL;
    t->n_outside += strstr(text, "outside 0 to 255") != NULL;
}

/* Values that are no pixels are used all the same, and told of. */
static void test_sample__values(void)
{
    for (int kind = 0; kind < 3; kind++) {
        struct itx_build_options o = options_of_test(0);
        struct itx_error err;
        struct told told = {0};
        float values[192];
        size_t size;
        write_files(8, RAW_F32);
        for (int i = 0; i < 192; i++)
            values[i] = kind == 0 ? (float)i / 192 : kind == 1 ? (float)i - 100 : (float)i;
        for (int i = 0; i < N; i++)
            REQUIRE(file_write(paths[i], values, sizeof values, &err) == ITX_OK);
        o.tensors = files;
        o.n_tensors = N;
        o.warn = warn;
        o.ctx = &told;
        void *const data = build(SMALL, &o, &size, &err);
        CHECK_MSG(data != NULL, "%s", err.text);
        CHECK(told.n_unit == (kind == 0) && told.n_outside == (kind == 1));
        mem_free(data);
        remove_files();
    }
}

TEST_MAIN(TEST(test_sample__same_as_pictures), TEST(test_sample__channels_last),
          TEST(test_sample__wrong_files), TEST(test_sample__values))
