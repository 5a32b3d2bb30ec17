/* SPDX-License-Identifier: Apache-2.0
 *
 * What goes into sessions and comes out of them: pictures and numbers that are read where they lie, outputs as they are
 * stored, as real numbers, and in the caller's memory.
 */
#include <math.h>

#include "session_build.h"

static bool have_same_outputs(const itx_model *model, const itx_session *one,
                              const itx_session *other)
{
    struct itx_tensor_info t;
    for (int i = 0; itx_model_get_output(model, i, &t, NULL) == ITX_OK; i++) {
        const size_t size = t.dtype == ITX_S8 ? 1 : t.dtype == ITX_S16 ? 2 : 4;
        const uint8_t *a = itx_session_output(one, i), *b = itx_session_output(other, i);
        if (a == NULL || b == NULL) return false;
        for (int y = 0; y < t.height; y++)
            for (int x = 0; x < t.width; x++) {
                const size_t at = ((size_t)y * t.row + (size_t)x * t.pixel) * size;
                if (memcmp(a + at, b + at, (size_t)t.channels * size) != 0) return false;
            }
    }
    return true;
}

/* What a camera gave is not made into a camera's frame once more. */
static void test_session__nv12_is_used_as_it_is(void)
{
    itx_model *model = open_model(NULL);
    struct itx_model_info info;
    REQUIRE(itx_model_get_info(model, &info, NULL) == ITX_OK);
    const size_t w = (size_t)info.input_width, h = (size_t)info.input_height;
    uint8_t *const frame = mem_alloc(w * h * 2);
    REQUIRE(frame != NULL && w % 2 == 0);
    uint64_t seed = 5;
    for (size_t i = 0; i < w * h * 2; i++) frame[i] = (uint8_t)test_random(&seed);
    const struct itx_image nv12 = {.format = ITX_IMAGE_NV12,
                                   .width = (int)w,
                                   .height = (int)h,
                                   .plane = {frame, frame + w * h},
                                   .stride = {w, w}};
    struct itx_session_options o = options_of_test();
    o.dense = 1;
    itx_session *const plain = open_session(model, &o);
    o.via = ITX_IMAGE_NV12;
    itx_session *const camera = open_session(model, &o);
    REQUIRE(itx_session_run(plain, &nv12, NULL) == ITX_OK);
    REQUIRE(itx_session_run(camera, &nv12, NULL) == ITX_OK);
    CHECK(have_same_outputs(model, plain, camera));
    mem_free(frame);
    itx_session *sessions[] = {plain, camera};
    for (int i = 0; i < 2; i++) itx_session_destroy(&sessions[i]);
    itx_model_close(&model);
}

/* Pixels of the input's size are read where they lie, in rows of any length: the same as when they are turned, or go
 * another way. */
static void test_session__rgb_is_read_where_it_lies(void)
{
    enum { GAP = 11 };
    itx_model *model = open_model("seg");
    struct itx_model_info info;
    REQUIRE(itx_model_get_info(model, &info, NULL) == ITX_OK);
    const size_t w = (size_t)info.input_width, h = (size_t)info.input_height, row = w * 3 + GAP;
    const size_t size = row * h - GAP; /* not a byte more */
    uint8_t *const rgb = mem_alloc(size), *const bgr = mem_alloc(w * h * 3);
    REQUIRE(rgb != NULL && bgr != NULL);
    uint64_t seed = 5;
    for (size_t i = 0; i < size; i++) rgb[i] = (uint8_t)test_random(&seed);
    for (size_t i = 0; i < w * h * 3; i++)
        bgr[i] = rgb[i / 3 / w * row + i / 3 % w * 3 + 2 - i % 3];
    struct itx_image frame = {.format = ITX_IMAGE_RGB,
                              .width = (int)w,
                              .height = (int)h,
                              .plane = {rgb},
                              .stride = {row}};
    struct itx_session_options o = options_of_test();
    o.n_threads = 3;
    o.dense = 1;
    itx_session *view = open_session(model, &o), *copy = open_session(model, &o);
    REQUIRE(view != NULL && copy != NULL);
    const struct itx_instance *found, *wanted;
    int n = -1, n_wanted = -2;
    REQUIRE(itx_session_segment(view, &frame, &found, &n, NULL) == ITX_OK);
    struct itx_error err;
    const struct itx_image narrow = {ITX_IMAGE_RGB, ITX_RANGE_FULL, (int)w, (int)h, {rgb}, {w}};
    CHECK(itx_session_run(view, &narrow, &err) == ITX_E_RANGE);
    frame.plane[0] = NULL;
    CHECK(itx_session_run(view, &frame, &err) == ITX_E_INVAL);
    frame = (struct itx_image){ITX_IMAGE_BGR, ITX_RANGE_FULL, (int)w, (int)h, {bgr}, {w * 3}};
    REQUIRE(itx_session_segment(copy, &frame, &wanted, &n_wanted, NULL) == ITX_OK);
    CHECK(have_same_outputs(model, view, copy));
    CHECK(n == n_wanted && memcmp(found, wanted, (size_t)n * sizeof *found) == 0);
    mem_free(rgb);
    mem_free(bgr);
    itx_session_destroy(&view);
    itx_session_destroy(&copy);
    itx_model_close(&model);
}

/* Whether `real` is what output i's integers stand for. */
static bool is_real(const itx_model *model, const itx_session *session, int i, const float *real)
{
    struct itx_tensor_info t;
    const void *const stored = itx_session_output(session, i);
    if (itx_model_get_output(model, i, &t, NULL) != ITX_OK || stored == NULL) return false;
    for (int y = 0; y < t.height; y++)
        for (int x = 0; x < t.width; x++)
            for (int k = 0; k < t.channels; k++) {
                const size_t at = (size_t)y * t.row + (size_t)x * t.pixel + (size_t)k;
                const int32_t q = t.dtype == ITX_S8    ? ((const int8_t *)stored)[at]
                                  : t.dtype == ITX_S16 ? ((const int16_t *)stored)[at]
                                                       : ((const int32_t *)stored)[at];
                const int c = t.n_quant > 1 ? k : 0;
                if (*real++ != (float)(q - t.zero_point[c]) * t.scale[c]) return false;
            }
    return true;
}

static void test_session__reads_outputs(void)
{
    enum { ROOM = 64 * 1024 };
    itx_model *model = open_model("seg");
    struct itx_session_options o = options_of_test();
    o.n_threads = 3;
    itx_session *session = open_session(model, &o);
    float *const real = mem_calloc(ROOM, sizeof *real);
    struct itx_model_info info;
    struct itx_error err;
    REQUIRE(session != NULL && real != NULL && itx_model_get_info(model, &info, NULL) == ITX_OK);
    const struct itx_image frame = photo();
    CHECK(itx_session_read_output(session, 0, real, &err) == ITX_E_INVAL); /* nothing was run */
    REQUIRE(itx_session_run(session, &frame, NULL) == ITX_OK);
    for (int i = 0; i < info.n_outputs; i++) {
        CHECK(itx_session_read_output(session, i, real, &err) == ITX_OK);
        CHECK_MSG(is_real(model, session, i, real), "output %d", i);
    }
    CHECK(itx_session_read_output(session, -1, real, &err) == ITX_E_RANGE);
    CHECK(itx_session_read_output(session, info.n_outputs, real, &err) == ITX_E_RANGE);
    CHECK(itx_session_read_output(session, 0, NULL, &err) == ITX_E_INVAL);
    CHECK(itx_session_read_output(NULL, 0, real, &err) == ITX_E_INVAL);
    mem_free(real);
    itx_session_destroy(&session);
    itx_model_close(&model);
}

/* Outputs that are bound hold what others hold; instances and masks come from them too. */
static void test_session__binds_outputs(void)
{
    enum { N = 4, ROOM = 64 * 1024 };
    itx_model *model = open_model("seg");
    struct itx_session_options o = options_of_test();
    o.n_threads = 3;
    itx_session *session = open_session(model, &o), *other = open_session(model, &o);
    REQUIRE(session != NULL && other != NULL);
    const struct itx_image frame = photo();
    const struct itx_instance *found = NULL, *wanted = NULL;
    struct itx_error err;
    int n = -1, n_wanted = 0;
    uint8_t *const room = mem_alloc_aligned(64, N * ROOM);
    REQUIRE(room != NULL);
    memset(room, 0x5a, N * ROOM);
    for (int i = 0; i < N; i++)
        REQUIRE(itx_session_bind_output(session, i, room + i * ROOM, &err) == ITX_OK);
    REQUIRE(itx_session_run(session, &frame, NULL) == ITX_OK);
    REQUIRE(itx_session_run(other, &frame, NULL) == ITX_OK);
    for (int i = 0; i < N; i++) {
        struct itx_tensor_info t;
        REQUIRE(itx_model_get_output(model, i, &t, NULL) == ITX_OK);
        const size_t size = (size_t)t.height * t.row * (t.dtype == ITX_S32 ? 4 : 2);
        REQUIRE(size < ROOM);
        CHECK(itx_session_output(session, i) == room + i * ROOM);
        CHECK(memcmp(room + i * ROOM, itx_session_output(other, i), size) == 0);
        for (size_t k = size; k < ROOM; k++) CHECK(room[(size_t)i * ROOM + k] == 0x5a);
    }
    memset(room, 0, N * ROOM);
    REQUIRE(itx_session_segment(session, &frame, &found, &n, NULL) == ITX_OK);
    REQUIRE(itx_session_segment(other, &frame, &wanted, &n_wanted, NULL) == ITX_OK);
    CHECK(n > 0 && n == n_wanted && memcmp(found, wanted, (size_t)n * sizeof *found) == 0);
    uint8_t masks[2][HEIGHT * WIDTH];
    CHECK(itx_session_mask(session, 0, masks[0], WIDTH, NULL) == ITX_OK);
    CHECK(itx_session_mask(other, 0, masks[1], WIDTH, NULL) == ITX_OK);
    CHECK(memcmp(masks[0], masks[1], sizeof masks[0]) == 0);
    /* back in the session's memory: the caller's is left alone */
    CHECK(itx_session_bind_output(session, 0, NULL, &err) == ITX_OK);
    CHECK(itx_session_output(session, 0) == NULL);
    CHECK(itx_session_mask(session, 0, masks[0], WIDTH, NULL) == ITX_E_RANGE);
    memset(room, 0x5a, ROOM);
    REQUIRE(itx_session_run(session, &frame, NULL) == ITX_OK);
    for (size_t k = 0; k < ROOM; k++) CHECK(room[k] == 0x5a);
    CHECK(itx_session_output(session, 0) != NULL && itx_session_output(session, 0) != room);

    CHECK(itx_session_bind_output(session, N, room, &err) == ITX_E_RANGE);
    CHECK(itx_session_bind_output(session, -1, room, &err) == ITX_E_RANGE);
    CHECK(itx_session_bind_output(session, 0, room + 4, &err) == ITX_E_INVAL);
    CHECK(itx_session_bind_output(NULL, 0, room, &err) == ITX_E_INVAL);
    itx_session_destroy(&session);
    itx_session_destroy(&other);
    itx_model_close(&model);
    mem_free_aligned(room);
}

/* An output that a step reads too, and one that is there twice, stay where they are. */
static void test_session__does_not_bind_shared(void)
{
    struct build b;
    build_init(&b, "shared", 3);
    const uint32_t in = build_tensor(&b, "in", DTYPE_S8, SIDE, SIDE, 3);
    build_input(&b, in, PLAN_INPUT_RGB);
    const uint32_t first = add_conv(&b, in, "first", 1, 3, DTYPE_S8);
    const uint32_t last = add_conv(&b, first, "last", 1, 3, DTYPE_S32);
    build_output(&b, first);
    build_output(&b, last);
    build_output(&b, last);
    const struct plan *const models[] = {&b.plan};
    void *data = NULL, *const room = mem_alloc_aligned(64, SIDE * SIDE * 3 * sizeof(int32_t));
    size_t size = 0;
    struct itx_error err;
    itx_model *model = NULL;
    itx_status rc = plan_write(models, 1, &data, &size, &err);
    CHECK_MSG(rc == ITX_OK, "%s", err.text);
    CHECK(itx_model_open_memory(&model, data, size, NULL, &err) == ITX_OK);
    const struct itx_session_options o = options_of_test();
    itx_session *session = open_session(model, &o);
    REQUIRE(session != NULL && room != NULL);
    for (int i = 0; i < 3; i++) {
        rc = itx_session_bind_output(session, i, room, &err);
        CHECK_MSG(rc == ITX_E_UNSUPPORTED, "output %d: %d", i, (int)rc);
    }
    itx_session_destroy(&session);
    itx_model_close(&model);
    mem_free(data);
    mem_free_aligned(room);
    build_release(&b);
}

static void test_session__numbers_in(void)
{
    itx_model *model = open_model("raw");
    const struct itx_session_options o = options_of_test();
    itx_session *session = open_session(model, &o);
    REQUIRE(session != NULL);
    const struct itx_image frame = photo();
    const struct itx_instance *found;
    struct itx_error err;
    int n;
    CHECK(itx_session_run(session, &frame, &err) == ITX_E_UNSUPPORTED);
    CHECK(itx_session_segment(session, &frame, &found, &n, &err) == ITX_E_UNSUPPORTED);
    float a[3 * 16] = {0}, b[3 * 16] = {NAN, INFINITY, -INFINITY, 1e30f};
    const float *both[] = {a, b}, *one[] = {a, NULL};
    CHECK(itx_session_run_float(session, both, 1, &err) == ITX_E_INVAL);
    CHECK(itx_session_run_float(session, one, 2, &err) == ITX_E_INVAL);
    CHECK(itx_session_run_float(session, NULL, 2, &err) == ITX_E_INVAL);
    CHECK(itx_session_run_float(NULL, both, 2, &err) == ITX_E_INVAL);
    REQUIRE(itx_session_run_float(session, both, 2, &err) == ITX_OK);
    /* zeros make the same of every pixel */
    struct itx_tensor_info t;
    REQUIRE(itx_model_get_output(model, 0, &t, NULL) == ITX_OK);
    const int8_t *out = itx_session_output(session, 0);
    REQUIRE(out != NULL);
    for (size_t p = 1; p < 16; p++) CHECK(memcmp(out, out + p * t.pixel, (size_t)t.channels) == 0);
    CHECK(itx_session_output(session, 2) == NULL && itx_session_output(session, -1) == NULL);
    CHECK(itx_session_tensor(session, 0) == NULL); /* keep_tensors is not set */
    itx_session_destroy(&session);
    itx_model_close(&model);
}

/* A plan may take 16 bits: 1 x 2 pixels of two channels, enlarged. */
static void test_session__wide_numbers_in(void)
{
    struct build b;
    build_init(&b, "wide", 1);
    const uint32_t in = build_tensor(&b, "in", DTYPE_S16, 1, 2, 2);
    const uint32_t out = build_tensor(&b, "out", DTYPE_S16, 2, 4, 2);
    struct plan_step *const s = build_step(&b, STEP_UPSAMPLE, "up", 1, &in, out);
    s->stride[0] = s->stride[1] = 2;
    build_input(&b, in, PLAN_INPUT_TENSOR);
    build_output(&b, out);
    const struct plan *const models[] = {&b.plan};
    void *data = NULL;
    size_t size = 0;
    struct itx_error err = {.text = ""};
    const itx_status rc = plan_write(models, 1, &data, &size, &err);
    CHECK_MSG(rc == ITX_OK, "%s", err.text);
    build_release(&b);
    itx_model *model = NULL;
    REQUIRE(itx_model_open_memory(&model, data, size, NULL, NULL) == ITX_OK);
    mem_free(data);
    const struct itx_session_options o = options_of_test();
    itx_session *session = open_session(model, &o);
    REQUIRE(session != NULL);
    const float x[2 * 2] = {100, -0.05f, 1e9f, NAN}; /* [c, h, w]; the scale is 0.05 */
    const float *const inputs[] = {x};
    REQUIRE(itx_session_run_float(session, inputs, 1, &err) == ITX_OK);
    const int16_t expected[2][2] = {{2000, INT16_MAX}, {-1, INT16_MIN}};
    const int16_t *const got = itx_session_output(session, 0);
    for (int i = 0; i < 16; i++) CHECK(got[i] == expected[i / 4 % 2][i % 2]);
    const int16_t q[2 * 2] = {2000, -1, INT16_MAX, INT16_MIN}; /* the same, as they are stored */
    struct itx_numbers stored = {ITX_S16, q};
    REQUIRE(itx_session_run_numbers(session, &stored, 1, &err) == ITX_OK);
    for (int i = 0; i < 16; i++) CHECK(got[i] == expected[i / 4 % 2][i % 2]);
    stored.dtype = ITX_S8;
    CHECK(itx_session_run_numbers(session, &stored, 1, &err) == ITX_E_INVAL);
    CHECK_STR(err.text, "input images takes floats or s16");
    CHECK(itx_session_run_numbers(session, NULL, 1, &err) == ITX_E_INVAL);
    CHECK(itx_session_run_numbers(NULL, &stored, 1, &err) == ITX_E_INVAL);
    itx_session_destroy(&session);
    itx_model_close(&model);
}

TEST_MAIN(TEST(test_session__nv12_is_used_as_it_is), TEST(test_session__rgb_is_read_where_it_lies),
          TEST(test_session__reads_outputs), TEST(test_session__binds_outputs),
          TEST(test_session__does_not_bind_shared), TEST(test_session__numbers_in),
          TEST(test_session__wide_numbers_in))
