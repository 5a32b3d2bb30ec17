/* SPDX-License-Identifier: Apache-2.0
 *
 * What files are by their first bytes, as the programs that write them make them.
 */
#include "base/look.h"

#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/file.h"

#include "test.h"

#define BYTES(text) text, sizeof text - 1

static const struct {
    const char *bytes;
    size_t size;
    const char *what; /* between "looks like" and the next step */
} files[] = {
    {BYTES("\x89ITX\r\n\x1a\n\3\0\0\0"), "a compiled model"},
    {BYTES("\x08\x08\x12\x07pytorch\x1a\x05"
           "2.5.0"),
     "an ONNX network"},
    {BYTES("\x08\x07:\x10\n\x04node"), "an ONNX network"},
    {BYTES("PK\3\4\0\0\x08\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x14\0\x0e\0best/data.pkl"),
     "a PyTorch checkpoint"},
    {BYTES("\x80\2\x8a\nl\xfc\x9c"
           "F\xf9 j\xa8P\x19.\x80\2M"),
     "an old PyTorch checkpoint"},
    {BYTES("PK\3\4\x14\0\0\0\0\0arr_0.npy"), "arrays of numpy"},
    {BYTES("PK\3\4\x14\0\0\0\0\0photos/"), "a zip archive or a PyTorch checkpoint"},
    {BYTES("\x1c\0\0\0TFL3\x14\0 \0"), "a TensorFlow Lite model"},
    {BYTES("\x08\1\x12\xd0\x8f\x02\n"), "a TensorFlow SavedModel"},
    {BYTES("\n;\n\6images\x12\x0bPlaceholder"), "a TensorFlow graph"},
    {BYTES("<?xml version=\"1.0\"?>\n<net name=\"Model0\" version=\"11\">"), "an OpenVINO model"},
    {BYTES("ftrt\0\0\0\0"), "a TensorRT engine"},
    {BYTES("\x1f\2\0\0{\"description\": \"Ultralytics YOLO11n-seg\""), "a TensorRT engine"},
    {BYTES("# from Caffe\n\nname: \"net\"\nlayer {\n  name: \"data\""), "a Caffe network"},
    {BYTES("\n\3net\xa2\6\x10\n\4data"), "a Caffe network"},
    {BYTES("7767517\n236 283\n"), "an ncnn model"},
    {BYTES("\x89HDF\r\n\x1a\n"), "a Keras model"},
    {BYTES("\x08\x07\x12\xa1\x02\n\x1d\n\5image"), "a Core ML model"},
    {BYTES("\xff\xd8\xff\xe0\0\x10JFIF"), "a JPEG picture"},
    {BYTES("\x89PNG\r\n\x1a\n"), "a PNG picture"},
    {BYTES("GIF89a"), "a GIF picture"},
    {BYTES("RIFF\x24\0\0\0WEBPVP8 "), "a WebP picture"},
    {BYTES("BM\x36\x10\0\0\0\0\0\0\x36\0\0\0"), "a BMP picture"},
    {BYTES("II*\0\x08\0\0\0"), "a TIFF picture"},
    {BYTES("\0\0\0\x18"
           "ftypheic"),
     "a HEIC picture"},
    {BYTES("\0\0\0\x20"
           "ftypisom"),
     "a video"},
    {BYTES("\x1f\x8b\x08\0"), "a gzip archive"},
    {BYTES("\xfd"
           "7zXZ\0"),
     "an xz archive"},
    {BYTES("<!DOCTYPE html>"), "a web page"},
    {BYTES("version https://git-lfs.github.com/spec/v1\n"), "a Git LFS pointer"},
};

static const char *const refusals[] = {"not an Intarsia file", "not an ONNX file",
                                       "not a JPEG or PNG picture"};

static bool is_own(enum look_wanted wanted, const char *what)
{
    return wanted == LOOK_FOR_PLAN ? strcmp(what, "a compiled model") == 0
           : wanted == LOOK_FOR_ONNX
               ? strcmp(what, "an ONNX network") == 0
               : strcmp(what, "a JPEG picture") == 0 || strcmp(what, "a PNG picture") == 0;
}

static void test_look__first_bytes(void)
{
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        for (int wanted = LOOK_FOR_PLAN; wanted <= LOOK_FOR_PICTURE; wanted++) {
            struct itx_error err = {.text = ""};
            char expected[200];
            const bool own = is_own((enum look_wanted)wanted, files[i].what);
            snprintf(expected, sizeof expected, own ? "%s" : "%s: looks like %s", refusals[wanted],
                     files[i].what);
            CHECK(look_refuse((enum look_wanted)wanted, files[i].bytes, files[i].size, &err) ==
                  ITX_E_FORMAT);
            CHECK_MSG(strncmp(err.text, expected, strlen(expected)) == 0, "%s: \"%s\"", expected,
                      err.text);
            CHECK(look_is_other((enum look_wanted)wanted, files[i].bytes, files[i].size) == !own);
        }
}

/* Cut anywhere it is something or nothing, and nothing behind it is read (ASan sees the copy's end). */
static void test_look__cut(void)
{
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        for (size_t n = 0; n < files[i].size; n++) {
            char *const copy = malloc(n + (n == 0));
            memcpy(copy, files[i].bytes, n);
            CHECK(look_refuse(LOOK_FOR_ONNX, copy, n, NULL) == ITX_E_FORMAT);
            free(copy);
        }
    static const char *const texts[] = {"this is no model\n", "name: Max\n",
                                        "# only a comment",   "names:\n  0: bolt\n",
                                        "{\"images\": []}",   "\n\n\n"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        CHECK_MSG(!look_is_other(LOOK_FOR_PLAN, texts[i], strlen(texts[i])), "%s", texts[i]);
}

static void test_look__next_steps(void)
{
    struct itx_error err = {.text = ""};
    look_refuse(LOOK_FOR_PLAN, files[1].bytes, files[1].size, &err);
    CHECK_STR(err.text, "not an Intarsia file: looks like an ONNX network: compile it first with "
                        "`intarsia build`, to a NAME.bin");
    look_refuse(LOOK_FOR_ONNX, files[0].bytes, files[0].size, &err);
    CHECK_STR(err.text, "not an ONNX file: looks like a compiled model: show it with `intarsia "
                        "info`, run it with `intarsia segment`");
    look_refuse(LOOK_FOR_PLAN, files[3].bytes, files[3].size, &err);
    CHECK_STR(err.text,
              "not an Intarsia file: looks like a PyTorch checkpoint: export it first with "
              "`yolo export model=X.pt format=onnx`, then compile that with `intarsia "
              "build`");
    look_refuse(LOOK_FOR_PICTURE, files[0].bytes, files[0].size, &err);
    CHECK_STR(err.text, "not a JPEG or PNG picture: looks like a compiled model: the model comes "
                        "first, then the photos");
    look_refuse(LOOK_FOR_PICTURE, BYTES("GIF89a"), &err);
    CHECK_STR(err.text,
              "not a JPEG or PNG picture: looks like a GIF picture: convert it to JPEG or "
              "PNG");
}

static void test_look__folders(void)
{
    static const struct {
        const char *file, *text; /* NULL: an empty folder */
    } cases[] = {
        {NULL, ""},
        {"notes.txt", ""},
        {"a.JPG", ": it holds pictures, and the model comes first, then the photos"},
        {"best.onnx", ": name best.onnx in it"},
        {"best.bin", ": name best.bin in it"},
        {"best.xml", ": looks like an OpenVINO model: export the original network as ONNX"},
        {"saved_model.pb", ": looks like a TensorFlow SavedModel: export the original network as "
                           "ONNX"},
        {"model.ncnn.param", ": looks like an ncnn model: export the original network as ONNX"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char folder[] = "/tmp/intarsia-test-XXXXXX", path[200], expected[300];
        struct itx_error err = {.text = ""};
        REQUIRE(mkdtemp(folder) != NULL);
        snprintf(path, sizeof path, "%s/%s", folder, cases[i].file != NULL ? cases[i].file : "");
        if (cases[i].file != NULL) CHECK(file_write(path, "x", 1, NULL) == ITX_OK);
        CHECK(look_no_folder(LOOK_FOR_PLAN, folder, &err) == ITX_E_IO);
        snprintf(expected, sizeof expected, "%s: is a folder, a file is needed%s", folder,
                 cases[i].text);
        CHECK_STR(err.text, expected);
        if (cases[i].file != NULL) CHECK(look_no_folder(LOOK_FOR_PLAN, path, &err) == ITX_OK);
        if (cases[i].file != NULL) unlink(path);
        CHECK(rmdir(folder) == 0);
    }
    CHECK(look_no_folder(LOOK_FOR_ONNX, "/no/such/folder", NULL) == ITX_OK);
}

TEST_MAIN(TEST(test_look__first_bytes), TEST(test_look__cut), TEST(test_look__next_steps),
          TEST(test_look__folders))
