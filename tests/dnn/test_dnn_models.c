/* SPDX-License-Identifier: Apache-2.0
 *
 * libdnn: loading, releasing, asking; every function with every kind of wrong argument.
 */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "network.h"

/* Never a handle: an address, and numbers close to real ones. */
static int somewhere;
static void *const not_handles[] = {NULL,
                                    &somewhere,
                                    (void *)1,
                                    (void *)(uintptr_t)-1,
                                    (void *)(uintptr_t)0x5100000000000000u,
                                    (void *)(uintptr_t)0x5200000000100000u};

static const char *temporary(const void *data, size_t size)
{
    static char path[64];
    snprintf(path, sizeof path, "/tmp/intarsia-dnn-XXXXXX");
    const int fd = mkstemp(path);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) abort();
    close(fd);
    return path;
}

static void test_load__files_and_memory(void)
{
    size_t size = 0;
    void *const data = net_file(&size);
    const char *path = temporary(data, size);
    hbPackedDNNHandle_t a = NULL, b = NULL;
    REQUIRE(hbDNNInitializeFromFiles(&a, &path, 1) == 0);
    const void *list = data;
    int32_t bytes = (int32_t)size;
    REQUIRE(hbDNNInitializeFromDDR(&b, &list, &bytes, 1) == 0);
    CHECK(a != NULL && b != NULL && a != b);
    unlink(path);
    const hbPackedDNNHandle_t both[] = {a, b};
    for (int i = 0; i < 2; i++) {
        const char **names = NULL;
        int32_t n = 0;
        REQUIRE(hbDNNGetModelNameList(&names, &n, both[i]) == 0 && n == N_MODELS);
        CHECK_STR(names[0], "cam");
        CHECK_STR(names[1], "odd");
        CHECK_STR(names[2], "rgb");
        CHECK_STR(names[3], "raw");
    }
    CHECK(net_model(a, "cam") != net_model(b, "cam"));
    CHECK(net_model(a, "cam") == net_model(a, "cam"));
    CHECK(hbDNNRelease(a) == 0);
    CHECK(hbDNNRelease(b) == 0);
    mem_free(data);
}

/* A file with one model called `name`. */
static void *small_file(const char *name, size_t *size)
{
    struct build *const b = malloc(sizeof *b);
    if (b == NULL) abort();
    build_tiny(b, name);
    const struct plan *const plan = &b->plan;
    void *data = NULL;
    CHECK(plan_write(&plan, 1, &data, size, NULL) == ITX_OK);
    build_release(b);
    free(b);
    return data;
}

static void test_load__several_files(void)
{
    size_t size[2];
    void *const first = small_file("first", &size[0]), *const second =
                                                           small_file("second", &size[1]);
    const void *list[] = {first, second, first};
    int32_t bytes[] = {(int32_t)size[0], (int32_t)size[1], (int32_t)size[0]};
    hbPackedDNNHandle_t packed = NULL;
    REQUIRE(hbDNNInitializeFromDDR(&packed, list, bytes, 2) == 0);
    const char **names = NULL;
    int32_t n = 0;
    CHECK(hbDNNGetModelNameList(&names, &n, packed) == 0 && n == 2);
    CHECK_STR(names[1], "second");
    CHECK(hbDNNRelease(packed) == 0);
    packed = NULL;
    CHECK(hbDNNInitializeFromDDR(&packed, list, bytes, 3) ==
          HB_DNN_INVALID_MODEL); /* twice the name */
    CHECK(packed == NULL);
    mem_free(first);
    mem_free(second);
}

/* libintarsia runs networks on one picture or on numbers, not on both. */
static void test_load__a_picture_beside_numbers(void)
{
    struct build *const b = malloc(sizeof *b);
    if (b == NULL) abort();
    net_numbers(b, "mixed");
    build_input(b, b->inputs[1].tensor, PLAN_INPUT_RGB);
    b->inputs[1] = b->inputs[2];
    b->plan.n_inputs = 2;
    const struct plan *const plan = &b->plan;
    void *data = NULL;
    size_t size = 0;
    REQUIRE(plan_write(&plan, 1, &data, &size, NULL) == ITX_OK);
    const void *list = data;
    int32_t bytes = (int32_t)size;
    hbPackedDNNHandle_t packed = NULL;
    CHECK(hbDNNInitializeFromDDR(&packed, &list, &bytes, 1) == HB_DNN_INCOMPATIBLE_MODEL);
    mem_free(data);
    build_release(b);
    free(b);
}

static void test_load__too_many(void)
{
    enum { N = 257 };
    static char names[N][8];
    static void *files[N];
    static const void *list[N];
    static int32_t bytes[N];
    for (int i = 0; i < N; i++) {
        size_t size;
        snprintf(names[i], sizeof names[i], "m%d", i);
        files[i] = small_file(names[i], &size);
        list[i] = files[i];
        bytes[i] = (int32_t)size;
    }
    hbPackedDNNHandle_t packed = NULL;
    CHECK(hbDNNInitializeFromDDR(&packed, list, bytes, N) == HB_DNN_MODEL_NUMBER_EXCEED_LIMIT);
    CHECK(packed == NULL);
    for (int i = 0; i < N; i++) mem_free(files[i]);
}

static void test_load__refuses(void)
{
    size_t size = 0;
    void *const data = net_file(&size);
    const char *path = temporary(data, size / 2), *missing = "/no/such/file.bin", *nothing = NULL;
    const char *two[] = {path, NULL};
    hbPackedDNNHandle_t packed = &somewhere;
    CHECK(hbDNNInitializeFromFiles(NULL, &path, 1) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNInitializeFromFiles(&packed, NULL, 1) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNInitializeFromFiles(&packed, &path, 0) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNInitializeFromFiles(&packed, &path, -1) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNInitializeFromFiles(&packed, &nothing, 1) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNInitializeFromFiles(&packed, two, 2) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNInitializeFromFiles(&packed, &missing, 1) == HB_DNN_CAN_NOT_OPEN_FILE);
    CHECK(hbDNNInitializeFromFiles(&packed, &path, 1) == HB_DNN_INVALID_MODEL); /* half a file */
    const char *fifo = "/tmp/itx_test_dnn_fifo", *stream = "-";
    unlink(fifo);
    CHECK(mkfifo(fifo, 0600) == 0);
    alarm(20); /* nobody writes to it, and nobody waits for that */
    CHECK(hbDNNInitializeFromFiles(&packed, &fifo, 1) == HB_DNN_CAN_NOT_OPEN_FILE);
    CHECK(hbDNNInitializeFromFiles(&packed, &stream, 1) == HB_DNN_CAN_NOT_OPEN_FILE);
    alarm(0);
    unlink(fifo);
    const char *folder = "/tmp";
    CHECK(hbDNNInitializeFromFiles(&packed, &folder, 1) == HB_DNN_CAN_NOT_OPEN_FILE);
    unlink(path);
    const void *list = data, *none = NULL;
    int32_t bytes = (int32_t)size, zero = 0, less = bytes - 64, negative = -1, few = 3;
    CHECK(hbDNNInitializeFromDDR(NULL, &list, &bytes, 1) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNInitializeFromDDR(&packed, NULL, &bytes, 1) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNInitializeFromDDR(&packed, &list, NULL, 1) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNInitializeFromDDR(&packed, &list, &bytes, 0) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNInitializeFromDDR(&packed, &none, &bytes, 1) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNInitializeFromDDR(&packed, &list, &zero, 1) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNInitializeFromDDR(&packed, &list, &negative, 1) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNInitializeFromDDR(&packed, &list, &less, 1) == HB_DNN_INVALID_MODEL);
    CHECK(hbDNNInitializeFromDDR(&packed, &list, &few, 1) == HB_DNN_INVALID_MODEL);
    CHECK(packed == &somewhere);
    mem_free(data);
}

/* Every code has words of its own, and other numbers have none. */
static void test_status__has_texts(void)
{
    static const int32_t memory[] = {HB_SYS_INVALID_ARGUMENT, HB_SYS_OUT_OF_MEMORY,
                                     HB_SYS_REGISTER_MEM_FAILED};
    const char *const unknown = hbDNNGetErrorDesc(1);
    CHECK_STR(hbDNNGetErrorDesc(HB_DNN_SUCCESS), "success");
    CHECK_STR(hbDNNGetErrorDesc(HB_DNN_TIMEOUT), "the time is over and the task is not done");
    CHECK_STR(unknown, "unknown code");
    for (int32_t a = HB_DNN_MULTI_PROGRESS_USE_ERROR; a <= HB_DNN_INVALID_ARGUMENT; a++) {
        const char *const text = hbDNNGetErrorDesc(a);
        CHECK(text != NULL && text[0] != '\0' && strcmp(text, unknown) != 0);
        for (int32_t b = HB_DNN_MULTI_PROGRESS_USE_ERROR; b < a; b++)
            CHECK(strcmp(text, hbDNNGetErrorDesc(b)) != 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(memory); i++)
        CHECK(strcmp(hbDNNGetErrorDesc(memory[i]), unknown) != 0);
    const int32_t others[] = {HB_DNN_MULTI_PROGRESS_USE_ERROR - 1,
                              HB_DNN_INVALID_ARGUMENT + 1,
                              HB_SYS_INVALID_ARGUMENT + 1,
                              HB_SYS_REGISTER_MEM_FAILED - 1,
                              INT32_MIN,
                              INT32_MAX,
                              -1};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) CHECK_STR(hbDNNGetErrorDesc(others[i]), unknown);
}

static void test_release__handles(void)
{
    const hbPackedDNNHandle_t packed = net_load();
    const hbDNNHandle_t model = net_model(packed, "cam");
    for (size_t i = 0; i < ARRAY_LEN(not_handles); i++)
        CHECK(hbDNNRelease(not_handles[i]) == HB_DNN_INVALID_PACKED_DNN_HANDLE);
    CHECK(hbDNNRelease(model) == HB_DNN_INVALID_PACKED_DNN_HANDLE);
    CHECK(hbDNNRelease(packed) == 0);
    CHECK(hbDNNRelease(packed) == HB_DNN_INVALID_PACKED_DNN_HANDLE);
    int32_t n;
    CHECK(hbDNNGetInputCount(&n, model) == HB_DNN_INVALID_DNN_HANDLE);
    const hbPackedDNNHandle_t again = net_load(); /* in the same place of the table */
    CHECK(again != packed);
    CHECK(hbDNNRelease(packed) == HB_DNN_INVALID_PACKED_DNN_HANDLE);
    CHECK(hbDNNGetInputCount(&n, model) == HB_DNN_INVALID_DNN_HANDLE);
    CHECK(hbDNNRelease(again) == 0);
}

static void test_names__refuse(void)
{
    const hbPackedDNNHandle_t packed = net_load();
    const char **names = NULL;
    int32_t n = -7;
    hbDNNHandle_t model = &somewhere;
    CHECK(hbDNNGetModelNameList(NULL, &n, packed) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNGetModelNameList(&names, NULL, packed) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNGetModelHandle(NULL, packed, "cam") == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNGetModelHandle(&model, packed, NULL) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNGetModelHandle(&model, packed, "other") == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNGetModelHandle(&model, packed, "") == HB_DNN_INVALID_ARGUMENT);
    for (size_t i = 0; i < ARRAY_LEN(not_handles); i++) {
        void *const h = not_handles[i];
        CHECK(hbDNNGetModelNameList(&names, &n, h) == HB_DNN_INVALID_PACKED_DNN_HANDLE);
        CHECK(hbDNNGetModelHandle(&model, h, "cam") == HB_DNN_INVALID_PACKED_DNN_HANDLE);
    }
    CHECK(names == NULL && n == -7 && model == &somewhere);
    CHECK(hbDNNRelease(packed) == 0);
}

static void test_model__refuses(void)
{
    const hbPackedDNNHandle_t packed = net_load();
    const hbDNNHandle_t model = net_model(packed, "cam");
    hbDNNTensorProperties p, untouched;
    memset(&p, 0x5a, sizeof p);
    untouched = p;
    int32_t n = -7;
    const char *name = NULL;
    CHECK(hbDNNGetInputCount(NULL, model) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNGetOutputCount(NULL, model) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNGetInputName(NULL, model, 0) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNGetOutputName(NULL, model, 0) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNGetInputTensorProperties(NULL, model, 0) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNGetOutputTensorProperties(NULL, model, 0) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNGetInputSource(NULL, model, 0) == HB_DNN_INVALID_ARGUMENT);
    const int32_t wrong[] = {-1, N_OUT, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        CHECK(hbDNNGetInputName(&name, model, wrong[i]) == HB_DNN_INVALID_ARGUMENT);
        CHECK(hbDNNGetOutputName(&name, model, wrong[i]) == HB_DNN_INVALID_ARGUMENT);
        CHECK(hbDNNGetInputTensorProperties(&p, model, wrong[i]) == HB_DNN_INVALID_ARGUMENT);
        CHECK(hbDNNGetOutputTensorProperties(&p, model, wrong[i]) == HB_DNN_INVALID_ARGUMENT);
        CHECK(hbDNNGetInputSource(&n, model, wrong[i]) == HB_DNN_INVALID_ARGUMENT);
    }
    CHECK(hbDNNGetInputName(&name, model, 1) == HB_DNN_INVALID_ARGUMENT);
    for (size_t i = 0; i <= ARRAY_LEN(not_handles); i++) {
        void *const h = i < ARRAY_LEN(not_handles) ? not_handles[i] : packed;
        CHECK(hbDNNGetInputCount(&n, h) == HB_DNN_INVALID_DNN_HANDLE);
        CHECK(hbDNNGetOutputCount(&n, h) == HB_DNN_INVALID_DNN_HANDLE);
        CHECK(hbDNNGetInputName(&name, h, 0) == HB_DNN_INVALID_DNN_HANDLE);
        CHECK(hbDNNGetOutputName(&name, h, 0) == HB_DNN_INVALID_DNN_HANDLE);
        CHECK(hbDNNGetInputTensorProperties(&p, h, 0) == HB_DNN_INVALID_DNN_HANDLE);
        CHECK(hbDNNGetOutputTensorProperties(&p, h, 0) == HB_DNN_INVALID_DNN_HANDLE);
        CHECK(hbDNNGetInputSource(&n, h, 0) == HB_DNN_INVALID_DNN_HANDLE);
    }
    CHECK(n == -7 && name == NULL && memcmp(&p, &untouched, sizeof p) == 0);
    CHECK(hbDNNRelease(packed) == 0);
}

static void check_shape(const hbDNNTensorShape *s, int a, int b, int c)
{
    CHECK_MSG(s->numDimensions == 4 && s->dimensionSize[0] == 1 && s->dimensionSize[1] == a &&
                  s->dimensionSize[2] == b && s->dimensionSize[3] == c,
              "(%d,%d,%d,%d)", (int)s->dimensionSize[0], (int)s->dimensionSize[1],
              (int)s->dimensionSize[2], (int)s->dimensionSize[3]);
}

static void check_strides(const hbDNNTensorProperties *p, int a, int b, int c, int d)
{
    CHECK_MSG(p->stride[0] == a && p->stride[1] == b && p->stride[2] == c && p->stride[3] == d,
              "(%d,%d,%d,%d)", (int)p->stride[0], (int)p->stride[1], (int)p->stride[2],
              (int)p->stride[3]);
}

static void test_model__inputs(void)
{
    const hbPackedDNNHandle_t packed = net_load();
    const char *const names[] = {"cam", "odd", "rgb", "raw"};
    hbDNNTensorProperties p[4];
    int32_t n[4], source[4];
    for (int i = 0; i < 4; i++) {
        const hbDNNHandle_t m = net_model(packed, names[i]);
        const char *name = NULL;
        CHECK(hbDNNGetInputCount(&n[i], m) == 0 && hbDNNGetInputSource(&source[i], m, 0) == 0);
        CHECK(hbDNNGetInputTensorProperties(&p[i], m, 0) == 0);
        REQUIRE(hbDNNGetInputName(&name, m, 0) == 0);
        CHECK_STR(name, "images");
        CHECK(p[i].quantiType == NONE && p[i].scale.scaleLen == 0 && p[i].shift.shiftLen == 0);
    }
    CHECK(n[0] == 1 && n[1] == 1 && n[2] == 1 && n[3] == 2);
    CHECK(source[0] == HB_DNN_INPUT_FROM_PYRAMID && source[2] == HB_DNN_INPUT_FROM_DDR);
    CHECK(p[0].tensorType == HB_DNN_IMG_TYPE_NV12 && p[0].tensorLayout == HB_DNN_LAYOUT_NCHW);
    check_shape(&p[0].validShape, 3, CAM_H, CAM_W);
    check_shape(&p[0].alignedShape, 3, CAM_H, CAM_W);
    check_strides(&p[0], 0, 0, 0, 0);
    CHECK(p[0].alignedByteSize == CAM_BYTES);
    check_shape(&p[1].validShape, 3, 12, 20);
    check_shape(&p[1].alignedShape, 3, 12, 32);
    CHECK(p[1].alignedByteSize == 12 * 32 * 3 / 2);
    CHECK(p[2].tensorType == HB_DNN_IMG_TYPE_RGB && p[2].tensorLayout == HB_DNN_LAYOUT_NHWC);
    check_shape(&p[2].validShape, CAM_H, CAM_W, 3);
    check_strides(&p[2], CAM_H * CAM_W * 3, CAM_W * 3, 3, 1);
    CHECK(p[2].alignedByteSize == CAM_H * CAM_W * 3);
    CHECK(p[3].tensorType == HB_DNN_TENSOR_TYPE_F32 && p[3].tensorLayout == HB_DNN_LAYOUT_NCHW);
    check_shape(&p[3].validShape, 3, 4, 6);
    check_strides(&p[3], 288, 96, 24, 4);
    CHECK(p[3].alignedByteSize == 288);
    hbDNNTensorProperties more[2];
    CHECK(hbDNNGetInputTensorProperties(&more[0], net_model(packed, "gray"), 0) == 0);
    CHECK(hbDNNGetInputTensorProperties(&more[1], net_model(packed, "yuv"), 0) == 0);
    CHECK(more[0].tensorType == HB_DNN_IMG_TYPE_Y && more[0].tensorLayout == HB_DNN_LAYOUT_NCHW);
    check_shape(&more[0].validShape, 1, 12, 20);
    check_shape(&more[0].alignedShape, 1, 12, 32);
    CHECK(more[0].alignedByteSize == 12 * 32);
    CHECK(more[1].tensorType == HB_DNN_IMG_TYPE_YUV444);
    CHECK(more[1].tensorLayout == HB_DNN_LAYOUT_NHWC);
    check_shape(&more[1].validShape, CAM_H, CAM_W, 3);
    CHECK(hbDNNRelease(packed) == 0);
}

static void test_model__outputs(void)
{
    const hbPackedDNNHandle_t packed = net_load();
    const hbDNNHandle_t m = net_model(packed, "cam");
    static const char *const names[] = {"cls", "box", "proto", "part"};
    static const int32_t types[] = {HB_DNN_TENSOR_TYPE_F32, HB_DNN_TENSOR_TYPE_S32,
                                    HB_DNN_TENSOR_TYPE_S16, HB_DNN_TENSOR_TYPE_S8};
    hbDNNTensorProperties p[N_OUT];
    int32_t n = 0;
    CHECK(hbDNNGetOutputCount(&n, m) == 0 && n == N_OUT);
    for (int i = 0; i < N_OUT; i++) {
        const char *name = NULL;
        REQUIRE(hbDNNGetOutputName(&name, m, i) == 0);
        CHECK_STR(name, names[i]);
        REQUIRE(hbDNNGetOutputTensorProperties(&p[i], m, i) == 0);
        CHECK(p[i].tensorType == types[i]);
        CHECK(p[i].quantiType == (i == 0 ? NONE : SCALE));
        CHECK(p[i].scale.zeroPointLen == p[i].scale.scaleLen);
    }
    check_shape(&p[0].validShape, CAM_H / 4, CAM_W / 4, 5);
    check_shape(&p[0].alignedShape, CAM_H / 4, CAM_W / 4, 5);
    check_strides(&p[0], 8 * 16 * 5 * 4, 16 * 5 * 4, 20, 4);
    CHECK(p[0].alignedByteSize == 8 * 16 * 5 * 4 && p[0].scale.scaleLen == 0);
    CHECK(p[0].tensorLayout == HB_DNN_LAYOUT_NHWC);
    REQUIRE(p[1].scale.scaleLen == 16 && p[1].scale.scaleData != NULL);
    CHECK(p[1].quantizeAxis == 3);
    for (int i = 0; i < 16; i++)
        CHECK(p[1].scale.scaleData[i] == 0.001f * (float)(i + 1) &&
              p[1].scale.zeroPointData[i] == 0);
    REQUIRE(p[2].scale.scaleLen == 1 && p[3].scale.scaleLen == 1);
    CHECK(p[2].scale.scaleData[0] == 0.05f && p[3].scale.zeroPointData[0] == -3);
    check_strides(&p[2], 16 * 32 * 6 * 2, 32 * 6 * 2, 12, 2);
    check_strides(&p[3], 8 * 16 * 8, 16 * 8, 8, 1); /* dense, whatever it lies in */
    CHECK(p[3].tensorLayout == HB_DNN_LAYOUT_NCHW); /* behind an activation */
    CHECK(hbDNNRelease(packed) == 0);
}

static void test_version__says_both(void)
{
    const char *const text = hbDNNGetVersion();
    REQUIRE(text != NULL);
    CHECK_MSG(strncmp(text, "1.24.5 (Intarsia ", 17) == 0, "%s", text);
    CHECK(strstr(text, itx_version()) != NULL);
}

/* Every allocation fails once. */
static void test_load__out_of_memory(void)
{
    size_t size = 0;
    void *const data = net_file(&size);
    const void *list = data;
    int32_t bytes = (int32_t)size;
    hbPackedDNNHandle_t packed = NULL;
    int32_t code = HB_DNN_OUT_OF_MEMORY;
    long n = 0;
    for (; code != 0 && n < 10000; n++) {
        mem_fail_after(n);
        code = hbDNNInitializeFromDDR(&packed, &list, &bytes, 1);
        mem_fail_after(-1);
        CHECK_MSG(code == 0 || code == HB_DNN_OUT_OF_MEMORY, "allocation %ld: %d", n, (int)code);
    }
    CHECK(code == 0 && n > 50);
    CHECK(hbDNNRelease(packed) == 0);
    mem_free(data);
}

TEST_MAIN(TEST(test_load__files_and_memory), TEST(test_load__several_files),
          TEST(test_load__a_picture_beside_numbers), TEST(test_load__too_many),
          TEST(test_load__refuses), TEST(test_status__has_texts), TEST(test_release__handles),
          TEST(test_names__refuse), TEST(test_model__refuses), TEST(test_model__inputs),
          TEST(test_model__outputs), TEST(test_version__says_both), TEST(test_load__out_of_memory))
