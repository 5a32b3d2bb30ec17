/* SPDX-License-Identifier: Apache-2.0
 *
 * The runtime's public functions: what they refuse, what they leave untouched, who keeps what alive, and that sessions
 * in many threads give the same bytes. The network is a head on random weights.
 */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "session_build.h"

/* ---- models ---- */

static void test_model__refuses_misuse(void)
{
    size_t size = 0;
    void *const data = make_file(&size);
    itx_model *const untouched = (itx_model *)data;
    itx_model *model = untouched;
    struct itx_error err;
    CHECK(itx_model_open(NULL, "x.bin", NULL, &err) == ITX_E_INVAL);
    CHECK(itx_model_open(&model, NULL, NULL, &err) == ITX_E_INVAL);
    CHECK(itx_model_open(&model, "/nonexistent.bin", NULL, &err) == ITX_E_IO);
    CHECK_STR(err.text, "/nonexistent.bin: No such file or directory");
    CHECK(itx_model_open(&model, "/", NULL, NULL) == ITX_E_IO);
    CHECK(itx_model_open_memory(NULL, data, size, NULL, &err) == ITX_E_INVAL);
    CHECK(itx_model_open_memory(&model, NULL, size, NULL, &err) == ITX_E_INVAL);
    CHECK(itx_model_open_memory(&model, data, 0, NULL, &err) == ITX_E_FORMAT);
    CHECK(itx_model_open_memory(&model, data, size - 64, NULL, &err) == ITX_E_FORMAT);
    CHECK(itx_model_open_memory(&model, data, size, "other", &err) == ITX_E_RANGE);
    CHECK_STR(err.text, "there is no model \"other\" in the file, its first is \"seg\"");
    CHECK(model == untouched);
    itx_model_close(NULL);
    model = NULL;
    itx_model_close(&model);
    mem_free(data);
}

static void test_model__answers(void)
{
    itx_model *model = open_model(NULL);
    REQUIRE(model != NULL);
    struct itx_model_info info;
    struct itx_tensor_info tensor;
    struct itx_step_info step;
    CHECK(itx_model_get_info(NULL, &info, NULL) == ITX_E_INVAL);
    CHECK(itx_model_get_info(model, NULL, NULL) == ITX_E_INVAL);
    REQUIRE(itx_model_get_info(model, &info, NULL) == ITX_OK);
    CHECK_STR(info.name, "seg");
    CHECK(info.task == ITX_TASK_SEGMENT && info.n_classes == CLASSES);
    CHECK(info.input_format == ITX_IMAGE_RGB && info.input_width == SIDE);
    CHECK(info.n_inputs == 1 && info.n_outputs == 4 && info.n_steps == 4 && info.n_tensors == 5);
    /* kernel, input and output channels of each convolution, times the pixels it makes */
    const uint64_t head = 64 * 3 * (CLASSES + 4 * BINS + COEFS), proto = 16 * 3 * COEFS;
    CHECK(info.weight_bytes == head + proto);
    CHECK(info.multiply_adds == head * GRID * GRID + proto * 16 * 16);
    CHECK_STR(itx_model_name_in_file(model, 2), "raw");
    CHECK(itx_model_name_in_file(model, 3) == NULL && itx_model_name_in_file(model, -1) == NULL);
    CHECK(itx_model_name_in_file(NULL, 0) == NULL);
    CHECK_STR(itx_model_class_name(model, 2), "washer");
    CHECK(itx_model_class_name(model, 3) == NULL && itx_model_class_name(model, -1) == NULL);
    CHECK(itx_model_class_name(NULL, 0) == NULL);

    CHECK(itx_model_get_output(model, 4, &tensor, NULL) == ITX_E_RANGE);
    CHECK(itx_model_get_output(model, -1, &tensor, NULL) == ITX_E_RANGE);
    CHECK(itx_model_get_output(NULL, 0, &tensor, NULL) == ITX_E_INVAL);
    CHECK(itx_model_get_output(model, 0, NULL, NULL) == ITX_E_INVAL);
    REQUIRE(itx_model_get_output(model, 3, &tensor, NULL) == ITX_OK);
    CHECK_STR(tensor.name, "proto");
    CHECK(tensor.dtype == ITX_S16 && tensor.height == 16 && tensor.channels == COEFS);
    CHECK(tensor.row == tensor.pixel * 16 && tensor.n_quant == 1);
    CHECK(tensor.step == 3);
    CHECK_STR(tensor.dequantize, "dequantize");
    CHECK(itx_model_get_tensor(model, 5, &tensor, NULL) == ITX_E_RANGE);
    CHECK(itx_model_get_tensor(model, 0, &tensor, NULL) == ITX_OK && tensor.channels == 3);
    CHECK(tensor.step == -1);
    CHECK_STR(tensor.dequantize, "");
    struct itx_input_info input;
    CHECK(itx_model_get_input(model, 1, &input, NULL) == ITX_E_RANGE);
    CHECK(itx_model_get_input(model, -1, &input, NULL) == ITX_E_RANGE);
    CHECK(itx_model_get_input(NULL, 0, &input, NULL) == ITX_E_INVAL);
    CHECK(itx_model_get_input(model, 0, NULL, NULL) == ITX_E_INVAL);
    REQUIRE(itx_model_get_input(model, 0, &input, NULL) == ITX_OK);
    CHECK_STR(input.name, "images");
    CHECK(input.format == ITX_IMAGE_RGB && input.range == ITX_RANGE_FULL);
    CHECK(input.height == SIDE && input.width == SIDE && input.channels == 3);
    CHECK(itx_model_get_step(model, 4, &step, NULL) == ITX_E_RANGE);
    REQUIRE(itx_model_get_step(model, 1, &step, NULL) == ITX_OK);
    CHECK_STR(step.name, "box");
    CHECK(step.kernel_h == 8 && step.stride_w == 8 && step.channels == 4 * BINS);
    CHECK(step.weight_bytes == 64 * 3 * 4 * BINS);
    itx_model_close(&model);
    CHECK(model == NULL);
}

/* ---- sessions ---- */

static void test_session__refuses_options(void)
{
    itx_model *model = open_model(NULL);
    REQUIRE(model != NULL);
    struct itx_error err;
    itx_session *session = NULL;
    CHECK(itx_session_create(NULL, model, NULL, &err) == ITX_E_INVAL);
    CHECK(itx_session_create(&session, NULL, NULL, &err) == ITX_E_INVAL);
    const struct itx_session_options good = options_of_test();
    struct itx_session_options bad[12];
    const itx_status expected[] = {ITX_E_INVAL, ITX_E_INVAL, ITX_E_RANGE, ITX_E_RANGE,
                                   ITX_E_INVAL, ITX_E_RANGE, ITX_E_RANGE, ITX_E_RANGE,
                                   ITX_E_RANGE, ITX_E_RANGE, ITX_E_RANGE, ITX_E_INVAL};
    for (int i = 0; i < 12; i++) bad[i] = good;
    bad[0].size = 0;
    bad[1].size = sizeof good + 8;
    bad[2].n_threads = -1;
    bad[3].n_threads = 257;
    bad[4].cpu = "mmx";
    bad[5].conf = NAN;
    bad[6].conf = 1.5f;
    bad[7].iou = -0.1f;
    bad[8].iou = NAN;
    bad[9].max_det = 0;
    bad[10].max_det = INT32_MAX;
    bad[11].via = ITX_IMAGE_BGR;
    for (int i = 0; i < 12; i++) {
        const itx_status rc = itx_session_create(&session, model, &bad[i], &err);
        CHECK_MSG(rc == expected[i], "case %d: %d", i, (int)rc);
        CHECK(session == NULL && err.text[0] != '\0');
    }
    /* a caller that knew only the first fields */
    struct itx_session_options old = good;
    old.size = offsetof(struct itx_session_options, conf);
    old.n_threads = 2;
    old.conf = NAN;
    session = open_session(model, &old);
    CHECK(itx_session_n_threads(session) == 2);
    itx_session_destroy(&session);
    CHECK(session == NULL);
    itx_session_destroy(&session);
    itx_session_destroy(NULL);
    itx_model_close(&model);
}

static void test_session__refuses_frames(void)
{
    itx_model *model = open_model(NULL);
    const struct itx_session_options o = options_of_test();
    itx_session *session = open_session(model, &o);
    REQUIRE(session != NULL);
    const struct itx_image good = photo();
    struct itx_image bad[11];
    for (int i = 0; i < 11; i++) bad[i] = good;
    bad[0].format = ITX_IMAGE_NONE;
    bad[1].format = (enum itx_image_format)99;
    bad[2].width = 0;
    bad[3].height = -5;
    bad[4].width = 65536;
    bad[5].plane[0] = NULL;
    bad[6].stride[0]--;
    bad[7].format = ITX_IMAGE_NV12; /* without its second plane */
    bad[8].format = ITX_IMAGE_NV12;
    bad[8].plane[1] = pixels;
    bad[8].stride[1] = WIDTH - 1;
    bad[9].format = ITX_IMAGE_RGBA; /* whose rows are longer */
    bad[10].format = (enum itx_image_format) - 1;
    const struct itx_instance *found = NULL;
    int n = -1;
    struct itx_error err;
    for (int i = 0; i < 11; i++) {
        CHECK_MSG(itx_session_run(session, &bad[i], &err) < 0, "case %d", i);
        CHECK_MSG(itx_session_segment(session, &bad[i], &found, &n, &err) < 0, "case %d", i);
    }
    CHECK(found == NULL && n == -1);
    CHECK(itx_session_output(session, 0) == NULL); /* nothing was run */
    CHECK(itx_session_run(NULL, &good, &err) == ITX_E_INVAL);
    CHECK(itx_session_run(session, NULL, &err) == ITX_E_INVAL);
    CHECK(itx_session_segment(session, NULL, &found, &n, &err) == ITX_E_INVAL);
    CHECK(itx_session_segment(session, &good, NULL, &n, &err) == ITX_E_INVAL);
    CHECK(itx_session_segment(session, &good, &found, NULL, &err) == ITX_E_INVAL);
    CHECK(itx_session_segment(NULL, &good, &found, &n, &err) == ITX_E_INVAL);
    CHECK(itx_session_timing(session, NULL, &err) == ITX_E_INVAL);
    CHECK(itx_session_timing(NULL, &(struct itx_timing){0}, &err) == ITX_E_INVAL);
    CHECK(itx_session_output(NULL, 0) == NULL && itx_session_tensor(NULL, 0) == NULL);
    CHECK(itx_session_step_kernel(NULL, 0) == NULL && itx_session_cpu(NULL) == NULL);
    CHECK(itx_session_step_ns(NULL, 0) == 0 && itx_session_n_threads(NULL) == 0);
    itx_session_destroy(&session);
    itx_model_close(&model);
}

/* Objects lie in the frame, fall in score, and have the same mask by either function. */
static void check_masks(itx_session *session, const struct itx_instance *found, int n)
{
    static uint8_t whole[HEIGHT][WIDTH + 3];
    for (int i = 0; i < n; i++) {
        const struct itx_instance *f = &found[i];
        CHECK(f->x1 >= 0 && f->x1 < f->x2 && f->x2 <= WIDTH);
        CHECK(f->y1 >= 0 && f->y1 < f->y2 && f->y2 <= HEIGHT);
        CHECK(f->score > 0 && f->score <= 1 && (i == 0 || f->score <= found[i - 1].score));
        CHECK(f->class_id >= 0 && f->class_id < CLASSES);
        int x, y, w, h;
        const uint8_t *mask;
        memset(whole, 7, sizeof whole);
        REQUIRE(itx_session_mask_box(session, i, &x, &y, &w, &h, &mask, NULL) == ITX_OK);
        REQUIRE(x >= 0 && y >= 0 && x + w <= WIDTH && y + h <= HEIGHT);
        REQUIRE(itx_session_mask(session, i, whole[0], sizeof whole[0], NULL) == ITX_OK);
        for (int r = 0; r < HEIGHT; r++) {
            for (int c = 0; c < WIDTH; c++) {
                const bool inside = r >= y && r < y + h && c >= x && c < x + w;
                if (whole[r][c] != (inside ? mask[(r - y) * w + c - x] : 0)) CHECK(false);
            }
            CHECK(whole[r][WIDTH] == 7 && whole[r][WIDTH + 2] == 7);
        }
    }
}

static void test_session__objects_and_masks(void)
{
    static const char *const names[] = {"seg", "det"};
    for (int m = 0; m < 2; m++) {
        itx_model *model = open_model(names[m]);
        const struct itx_session_options o = options_of_test();
        itx_session *session = open_session(model, &o);
        REQUIRE(session != NULL);
        const struct itx_image frame = photo();
        const struct itx_instance *found;
        uint8_t mask[HEIGHT * WIDTH];
        int n, x, y, w, h;
        const uint8_t *part;
        CHECK(itx_session_mask(session, 0, mask, WIDTH, NULL) == ITX_E_RANGE);
        REQUIRE(itx_session_segment(session, &frame, &found, &n, NULL) == ITX_OK);
        REQUIRE(n > 3 && n <= 300);
        check_masks(session, found, n);
        CHECK(itx_session_mask(session, n, mask, WIDTH, NULL) == ITX_E_RANGE);
        CHECK(itx_session_mask(session, -1, mask, WIDTH, NULL) == ITX_E_RANGE);
        CHECK(itx_session_mask(session, 0, mask, WIDTH - 1, NULL) == ITX_E_RANGE);
        CHECK(itx_session_mask(session, 0, NULL, WIDTH, NULL) == ITX_E_INVAL);
        CHECK(itx_session_mask(NULL, 0, mask, WIDTH, NULL) == ITX_E_INVAL);
        CHECK(itx_session_mask_box(session, 0, NULL, &y, &w, &h, &part, NULL) == ITX_E_INVAL);
        CHECK(itx_session_mask_box(session, 0, &x, &y, &w, &h, NULL, NULL) == ITX_E_INVAL);
        CHECK(itx_session_mask_box(session, n, &x, &y, &w, &h, &part, NULL) == ITX_E_RANGE);
        /* a run without decoding has found nothing */
        CHECK(itx_session_run(session, &frame, NULL) == ITX_OK);
        CHECK(itx_session_mask(session, 0, mask, WIDTH, NULL) == ITX_E_RANGE);
        itx_session_destroy(&session);
        itx_model_close(&model);
    }
}

/* Frames smaller than the input: many boxes lie between two pixels of them. What is given holds a pixel. */
static void test_session__no_empty_boxes(void)
{
    static const struct {
        int w, h;
    } sizes[] = {{1, 1}, {3, 2}, {2, 5}, {1, 30}, {50, 1}, {7, 30}, {WIDTH, HEIGHT}};
    static const char *const names[] = {"seg", "det"};
    for (int m = 0; m < 2; m++) {
        itx_model *model = open_model(names[m]);
        const struct itx_session_options o = options_of_test();
        itx_session *session = open_session(model, &o);
        REQUIRE(session != NULL);
        for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
            struct itx_image frame = photo();
            const struct itx_instance *f;
            int n = 0, x, y, w = 0, h = 0;
            const uint8_t *mask;
            frame.width = sizes[i].w;
            frame.height = sizes[i].h;
            REQUIRE(itx_session_segment(session, &frame, &f, &n, NULL) == ITX_OK);
            for (int k = 0; k < n; k++) {
                CHECK(f[k].x1 >= 0 && f[k].x1 < f[k].x2 && f[k].x2 <= (float)sizes[i].w);
                CHECK(f[k].y1 >= 0 && f[k].y1 < f[k].y2 && f[k].y2 <= (float)sizes[i].h);
                CHECK(itx_session_mask_box(session, k, &x, &y, &w, &h, &mask, NULL) == ITX_OK);
                CHECK(w >= 1 && h >= 1 && x + w <= sizes[i].w && y + h <= sizes[i].h);
            }
            CHECK(n > 0);
        }
        itx_session_destroy(&session);
        itx_model_close(&model);
    }
}

/* Decoding again with other options finds what a session with these options finds. */
static void test_session__decodes_again(void)
{
    itx_model *model = open_model("seg");
    struct itx_session_options low = options_of_test(), high = low;
    high.conf = 0.3f;
    high.max_det = 5;
    itx_session *session = open_session(model, &low), *other = open_session(model, &high);
    REQUIRE(session != NULL && other != NULL);
    const struct itx_image frame = photo();
    const struct itx_instance *found = NULL, *wanted = NULL;
    int n = -1, n_wanted, x, y, w, h;
    const uint8_t *mask;
    CHECK(itx_session_decode(session, &high, &found, &n, NULL) ==
          ITX_E_INVAL); /* nothing was run */
    REQUIRE(itx_session_segment(other, &frame, &wanted, &n_wanted, NULL) == ITX_OK);
    REQUIRE(itx_session_run(session, &frame, NULL) == ITX_OK);
    REQUIRE(itx_session_decode(session, &high, &found, &n, NULL) == ITX_OK);
    CHECK(n > 0 && n == n_wanted && memcmp(found, wanted, (size_t)n * sizeof *found) == 0);
    CHECK(itx_session_mask_box(session, n - 1, &x, &y, &w, &h, &mask, NULL) == ITX_OK);
    CHECK(itx_session_mask_box(session, n, &x, &y, &w, &h, &mask, NULL) == ITX_E_RANGE);
    REQUIRE(itx_session_decode(session, &low, &found, &n, NULL) == ITX_OK);
    CHECK(n > n_wanted);
    /* what was found on demand has no outputs to decode again */
    CHECK(itx_session_output(other, 0) == NULL);
    CHECK(itx_session_decode(other, &high, &found, &n, NULL) == ITX_E_INVAL);
    REQUIRE(itx_session_run(other, &frame, NULL) == ITX_OK);
    CHECK(itx_session_output(other, 0) != NULL);
    CHECK(itx_session_decode(other, &low, &found, &n, NULL) == ITX_E_RANGE); /* more than 5 */
    low.conf = NAN;
    CHECK(itx_session_decode(session, &low, &found, &n, NULL) == ITX_E_RANGE);
    CHECK(itx_session_decode(session, NULL, &found, &n, NULL) == ITX_E_INVAL);
    CHECK(itx_session_decode(NULL, &high, &found, &n, NULL) == ITX_E_INVAL);
    itx_session_destroy(&session);
    itx_session_destroy(&other);
    itx_model_close(&model);
}

/* A session whose thresholds were changed finds what one that was created with them finds, on demand too. */
static void test_session__thresholds_change(void)
{
    itx_model *model = open_model("seg"), *raw = open_model("raw");
    struct itx_session_options low = options_of_test(), high = low;
    high.conf = 0.3f;
    high.max_det = 5;
    itx_session *session = open_session(model, &low), *wanted_from = open_session(model, &high);
    itx_session *numbers = open_session(raw, &low);
    REQUIRE(session != NULL && wanted_from != NULL && numbers != NULL);
    const struct itx_image frame = photo();
    const struct itx_instance *found = NULL, *wanted = NULL;
    int n = -1, n_wanted, n_low;
    REQUIRE(itx_session_segment(session, &frame, &found, &n_low, NULL) == ITX_OK);
    REQUIRE(itx_session_segment(wanted_from, &frame, &wanted, &n_wanted, NULL) == ITX_OK);
    REQUIRE(itx_session_set_thresholds(session, &high, NULL) == ITX_OK);
    REQUIRE(itx_session_segment(session, &frame, &found, &n, NULL) == ITX_OK);
    CHECK(n > 0 && n == n_wanted && memcmp(found, wanted, (size_t)n * sizeof *found) == 0);
    /* refused, and what was set before stays */
    struct itx_session_options bad = low;
    bad.iou = NAN;
    CHECK(itx_session_set_thresholds(session, &bad, NULL) == ITX_E_RANGE);
    CHECK(itx_session_set_thresholds(wanted_from, &low, NULL) == ITX_E_RANGE); /* more than 5 */
    CHECK(itx_session_set_thresholds(session, NULL, NULL) == ITX_E_INVAL);
    CHECK(itx_session_set_thresholds(NULL, &low, NULL) == ITX_E_INVAL);
    CHECK(itx_session_set_thresholds(numbers, &low, NULL) == ITX_E_UNSUPPORTED);
    REQUIRE(itx_session_segment(session, &frame, &found, &n, NULL) == ITX_OK);
    CHECK(n == n_wanted);
    REQUIRE(itx_session_set_thresholds(session, &low, NULL) == ITX_OK);
    REQUIRE(itx_session_segment(session, &frame, &found, &n, NULL) == ITX_OK);
    CHECK(n == n_low && n > n_wanted);
    itx_session_destroy(&session);
    itx_session_destroy(&wanted_from);
    itx_session_destroy(&numbers);
    itx_model_close(&model);
    itx_model_close(&raw);
}

/* None of its convolutions is 3 x 3, where an exact transform could save some. */
static void check_products(const itx_session *session, const itx_model *model)
{
    for (int i = 0; i < 4; i++) {
        struct itx_step_info info;
        int bits = 0;
        REQUIRE(itx_model_get_step(model, i, &info, NULL) == ITX_OK);
        CHECK(itx_session_step_products(session, i, &bits) == info.multiply_adds);
        CHECK(bits == 8 || bits == 16);
    }
    CHECK(itx_session_step_products(session, 4, NULL) == 0);
    CHECK(itx_session_step_products(NULL, 0, NULL) == 0);
    CHECK(itx_session_peak(session, 12) == 0 && itx_session_peak(NULL, 8) == 0);
    if (strncmp(itx_session_cpu(session), "avx", 3) == 0) /* others have no peak to measure yet */
        CHECK(itx_session_peak(session, 8) > 0 && itx_session_peak(session, 16) > 0);
}

static uint64_t bytes_of(const struct itx_tensor_info *t)
{
    static const uint64_t size[] = {[ITX_S8] = 1, [ITX_S16] = 2, [ITX_S32] = 4, [ITX_F32] = 4};
    return (uint64_t)t->height * (uint64_t)t->width * (uint64_t)t->channels * size[t->dtype];
}

static void check_memory(const itx_session *plain, const itx_session *kept, const itx_model *model)
{
    struct itx_model_info info;
    struct itx_memory memory, more;
    REQUIRE(itx_model_get_info(model, &info, NULL) == ITX_OK);
    REQUIRE(itx_session_memory(plain, &memory, NULL) == ITX_OK);
    REQUIRE(itx_session_memory(kept, &more, NULL) == ITX_OK);
    CHECK(memory.tensors >= info.arena_bytes && more.tensors >= memory.tensors);
    CHECK(memory.weights >= info.weight_bytes && memory.weights < 1000000);
    struct itx_error err;
    CHECK(itx_session_memory(NULL, &memory, &err) == ITX_E_INVAL);
    CHECK(itx_session_memory(plain, NULL, &err) == ITX_E_INVAL);
    for (int i = 0; i < info.n_steps; i++) {
        struct itx_step_info step;
        struct itx_tensor_info in, out;
        REQUIRE(itx_model_get_step(model, i, &step, NULL) == ITX_OK);
        REQUIRE(itx_model_get_tensor(model, step.output_tensor, &out, NULL) == ITX_OK);
        CHECK(step.output_bytes == bytes_of(&out));
        REQUIRE(itx_model_get_tensor(model, 0, &in, NULL) == ITX_OK);
        CHECK(step.input_bytes == bytes_of(&in)); /* every step of this model reads the input */
    }
}

static void test_session__times_tensors_kernels(void)
{
    itx_model *model = open_model(NULL);
    struct itx_session_options o = options_of_test();
    itx_session *plain = open_session(model, &o);
    o.keep_tensors = o.profile = 1;
    itx_session *kept = open_session(model, &o);
    REQUIRE(plain != NULL && kept != NULL);
    const struct itx_image frame = photo();
    REQUIRE(itx_session_run(plain, &frame, NULL) == ITX_OK);
    REQUIRE(itx_session_run(kept, &frame, NULL) == ITX_OK);
    uint64_t sum = 0;
    for (int i = 0; i < 4; i++) {
        CHECK(itx_session_step_ns(plain, i) == 0);
        sum += itx_session_step_ns(kept, i);
        CHECK(itx_session_step_kernel(plain, i) != NULL);
        struct itx_tensor_info t;
        REQUIRE(itx_model_get_output(model, i, &t, NULL) == ITX_OK);
        const size_t size = (size_t)t.height * t.row * (t.dtype == ITX_S32 ? 4 : 2);
        CHECK(memcmp(itx_session_output(plain, i), itx_session_output(kept, i), size) == 0);
    }
    struct itx_timing times;
    REQUIRE(itx_session_timing(kept, &times, NULL) == ITX_OK);
    CHECK(sum > 0 && sum <= times.network_ns && times.prepare_ns > 0 && times.decode_ns == 0);
    CHECK(itx_session_step_ns(kept, 4) == 0 && itx_session_step_ns(kept, -1) == 0);
    CHECK(itx_session_step_kernel(plain, 4) == NULL);
    check_products(plain, model);
    check_memory(plain, kept, model);
    for (int i = 0; i < 5; i++) {
        CHECK(itx_session_tensor(kept, i) != NULL);
        CHECK(itx_session_tensor(plain, i) == NULL);
    }
    CHECK(itx_session_tensor(kept, 5) == NULL);
    itx_session_destroy(&plain);
    itx_session_destroy(&kept);
    itx_model_close(&model);
}

/* ---- many ---- */

enum { THREADS = 4, FRAMES = 8 };

struct user {
    pthread_t thread;
    const itx_model *model;
    int n_threads, n_found;
    struct itx_instance found[300];
    bool is_same;
};

static void *use(void *arg)
{
    struct user *const u = arg;
    struct itx_session_options o = options_of_test();
    o.n_threads = u->n_threads;
    itx_session *session = NULL;
    const struct itx_image frame = {.format = ITX_IMAGE_RGB,
                                    .width = WIDTH,
                                    .height = HEIGHT,
                                    .plane = {pixels},
                                    .stride = {(size_t)3 * WIDTH}};
    u->is_same = itx_session_create(&session, u->model, &o, NULL) == ITX_OK;
    for (int i = 0; u->is_same && i < FRAMES; i++) {
        const struct itx_instance *found;
        int n;
        u->is_same = itx_session_segment(session, &frame, &found, &n, NULL) == ITX_OK &&
                     (i == 0 ||
                      (n == u->n_found && memcmp(found, u->found, (size_t)n * sizeof *found) == 0));
        if (!u->is_same) break;
        u->n_found = n;
        memcpy(u->found, found, (size_t)n * sizeof *found);
    }
    itx_session_destroy(&session);
    return NULL;
}

static void test_session__many_on_one_model(void)
{
    itx_model *model = open_model(NULL);
    struct user *const users = calloc(THREADS, sizeof *users);
    REQUIRE(model != NULL && users != NULL);
    photo();
    for (int i = 0; i < THREADS; i++) {
        users[i].model = model;
        users[i].n_threads = 1 + i % 3;
        REQUIRE(pthread_create(&users[i].thread, NULL, use, &users[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(users[i].thread, NULL);
        CHECK(users[i].is_same && users[i].n_found > 3 && users[i].n_found == users[0].n_found);
        CHECK(memcmp(users[i].found, users[0].found, sizeof users[0].found) == 0);
    }
    free(users);
    itx_model_close(&model);
}

static void test_session__keeps_its_model(void)
{
    itx_model *model = open_model(NULL);
    const struct itx_session_options o = options_of_test();
    itx_session *a = open_session(model, &o), *b = open_session(model, &o);
    REQUIRE(a != NULL && b != NULL);
    itx_model_close(&model);
    const struct itx_image frame = photo();
    const struct itx_instance *found;
    int n;
    REQUIRE(itx_session_segment(a, &frame, &found, &n, NULL) == ITX_OK);
    itx_session_destroy(&a);
    CHECK(itx_session_segment(b, &frame, &found, &n, NULL) == ITX_OK && n > 3);
    itx_session_destroy(&b);
}

/* A model's file that is cut off, or written over, while it is open: nothing of it is read any more. */
static void test_session__file_changes_while_open(void)
{
    for (int is_cut = 0; is_cut < 2; is_cut++) {
        char path[] = "/tmp/itx_test_XXXXXX";
        size_t size = 0;
        void *const data = make_file(&size), *const other = calloc(1, size);
        const int fd = mkstemp(path);
        REQUIRE(fd >= 0 && other != NULL && write(fd, data, size) == (ssize_t)size);
        itx_model *model = NULL, *copy = open_model(NULL);
        REQUIRE(copy != NULL && itx_model_open(&model, path, NULL, NULL) == ITX_OK);
        if (is_cut)
            CHECK(ftruncate(fd, 0) == 0);
        else
            CHECK(pwrite(fd, other, size, 0) == (ssize_t)size);
        const struct itx_session_options o = options_of_test();
        itx_session *a = open_session(model, &o), *b = open_session(copy, &o);
        const struct itx_image frame = photo();
        const struct itx_instance *found, *expected;
        int n, n_expected;
        REQUIRE(a != NULL && b != NULL);
        REQUIRE(itx_session_segment(a, &frame, &found, &n, NULL) == ITX_OK);
        REQUIRE(itx_session_segment(b, &frame, &expected, &n_expected, NULL) == ITX_OK);
        CHECK(n > 3 && n == n_expected && memcmp(found, expected, (size_t)n * sizeof *found) == 0);
        CHECK_STR(itx_model_class_name(model, 2), "washer");
        itx_session_destroy(&a);
        itx_session_destroy(&b);
        itx_model_close(&model);
        itx_model_close(&copy);
        close(fd);
        unlink(path);
        mem_free(data);
        free(other);
    }
}

static int segment_in_child(itx_session *session, const itx_model *model, int n_expected,
                            const struct itx_instance *expected)
{
    const struct itx_image frame = photo();
    const struct itx_instance *found;
    int n = 0;
    alarm(20);
    if (itx_session_segment(session, &frame, &found, &n, NULL) != ITX_OK) return 1;
    if (n != n_expected || memcmp(found, expected, (size_t)n * sizeof *found) != 0) return 2;
    itx_session_destroy(&session);
#ifndef BUILD_WATCHES_RACES /* which starts no threads in a child */
    struct itx_session_options o = options_of_test();
    o.n_threads = 3;
    if (itx_session_create(&session, model, &o, NULL) != ITX_OK) return 3;
    if (itx_session_segment(session, &frame, &found, &n, NULL) != ITX_OK) return 4;
    itx_session_destroy(&session);
#else
    (void)model;
#endif
    return 0;
}

/* A child has a session's memory but none of its threads: it runs, and its end is not waited for. */
static void test_session__in_a_child(void)
{
    if (getenv("MESON_EXE_WRAPPER") != NULL) {
        puts("skipped: qemu-user cannot fork a process that has threads");
        return;
    }
    itx_model *model = open_model(NULL);
    struct itx_session_options o = options_of_test();
    o.n_threads = 3;
    itx_session *session = open_session(model, &o);
    REQUIRE(session != NULL);
    const struct itx_image frame = photo();
    const struct itx_instance *found;
    int n = 0;
    REQUIRE(itx_session_segment(session, &frame, &found, &n, NULL) == ITX_OK && n > 3);
    struct itx_instance *const expected = malloc((size_t)n * sizeof *expected);
    REQUIRE(expected != NULL);
    memcpy(expected, found, (size_t)n * sizeof *expected);
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) _exit(segment_in_child(session, model, n, expected));
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%d", status);
    CHECK(itx_session_segment(session, &frame, &found, &n, NULL) == ITX_OK && n > 3);
    free(expected);
    itx_session_destroy(&session);
    itx_model_close(&model);
}

/* Whichever allocation fails, the answer is one of memory, and nothing is left behind (which a sanitizer sees). */
static void test_session__out_of_memory(void)
{
    size_t size = 0;
    void *const data = make_file(&size);
    const struct itx_session_options o = options_of_test();
    const struct itx_image frame = photo();
    bool done = false;
    int n_failures = 0;
    for (; !done && n_failures < 1000; n_failures++) {
        itx_model *model = NULL;
        itx_session *session = NULL;
        const struct itx_instance *found;
        int n, x, y, w, h;
        const uint8_t *mask;
        struct itx_error err = {.text = ""};
        mem_fail_after(n_failures);
        itx_status rc = itx_model_open_memory(&model, data, size, NULL, &err);
        if (rc == ITX_OK) rc = itx_session_create(&session, model, &o, &err);
        if (rc == ITX_OK) rc = itx_session_segment(session, &frame, &found, &n, &err);
        if (rc == ITX_OK) rc = itx_session_mask_box(session, 0, &x, &y, &w, &h, &mask, &err);
        mem_fail_after(-1);
        CHECK_MSG(rc == ITX_OK || rc == ITX_E_NOMEM, "allocation %d: %s", n_failures, err.text);
        done = rc == ITX_OK;
        itx_session_destroy(&session);
        itx_model_close(&model);
    }
    CHECK_MSG(done && n_failures > 10, "%d", n_failures);
    mem_free(data);
}

static void test_kernels__listed(void)
{
    struct itx_kernel_info info;
    CHECK(itx_kernel_get(-1, &info) == ITX_E_INVAL && itx_kernel_get(0, NULL) == ITX_E_INVAL);
    int n = 0, n_scalar = 0;
    for (; n < 1000 && itx_kernel_get(n, &info) == ITX_OK; n++) {
        CHECK(info.family != NULL && info.name != NULL);
        if (strcmp(info.needs, "scalar") == 0) {
            n_scalar++;
            CHECK(info.available);
        }
    }
    CHECK(n >= 8 && n_scalar >= 8 && itx_kernel_get(n, &info) == ITX_E_RANGE);
}

TEST_MAIN(TEST(test_model__refuses_misuse), TEST(test_model__answers),
          TEST(test_session__refuses_options), TEST(test_session__refuses_frames),
          TEST(test_session__objects_and_masks), TEST(test_session__no_empty_boxes),
          TEST(test_session__decodes_again), TEST(test_session__thresholds_change),
          TEST(test_session__times_tensors_kernels), TEST(test_session__many_on_one_model),
          TEST(test_session__keeps_its_model), TEST(test_session__file_changes_while_open),
          TEST(test_session__in_a_child), TEST(test_session__out_of_memory),
          TEST(test_kernels__listed))
