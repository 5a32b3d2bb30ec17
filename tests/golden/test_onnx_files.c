/* SPDX-License-Identifier: Apache-2.0
 *
 * The ONNX files that a build writes: does the quantised one, read again and run as any other graph, give what the compiled
 * model gives? And what does the float network with thresholds come to?
 *
 *     golden_onnx_files                                         the demo network, as a test
 *     golden_onnx_files NETWORK PHOTOS COUNT EFFORT FOLDER      only writes, for scripts/golden/run_onnx_files.py: FOLDER/net.bin,
 *         net_*.onnx, of every photo K_input.u8 [h, w, c] and, for every output NAME of the model, K_I.f32 [h, w, c]
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/frame.h"
#include "api/input.h"
#include "base/closeness.h"
#include "base/cpu.h"
#include "base/file.h"
#include "base/mem.h"
#include "build_network.h"
#include "float/exec.h"
#include "onnx/onnx.h"
#include "passes/pass.h"
#include "plan/plan.h"
#include "runtime/runtime.h"
#include "vision/files.h"

#include "test.h"

#define MODEL SOURCE_DIR "/models/parts-seg.onnx"
#define CALIB SOURCE_DIR "/data/parts/calib/images"
#define PHOTOS SOURCE_DIR "/data/parts/val/images"

static const char *path_in(char *room, size_t size, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const int n = vsnprintf(room, size, fmt, args);
    va_end(args);
    if (n < 0 || (size_t)n >= size) abort();
    return room;
}

/* --- the compiled model --- */

struct compiled {
    struct file_bytes file;
    struct plan_file plans;
    const struct plan *plan;
    struct runtime *runtime;
    struct frame frame;
    float *x; /* what the quantised file is fed: bytes [h, w, c] or numbers [c, h, w] */
};

static itx_status compiled_open(struct compiled *m, const char *path, struct itx_error *err)
{
    const struct runtime_options o = {.cpu = cpu_detect(), .n_threads = 1};
    ITX_TRY(file_read(&m->file, path, SIZE_MAX, err));
    ITX_TRY(plan_read(&m->plans, m->file.data, m->file.size, err));
    m->plan = &m->plans.models[0];
    const struct plan_tensor *const in = &m->plan->tensors[m->plan->inputs[0].tensor];
    ITX_TRY(runtime_create(&m->runtime, m->plan, &o, err));
    m->x = mem_calloc((size_t)in->h * (size_t)in->w * (size_t)in->c, sizeof *m->x);
    if (m->x == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    return frame_create(&m->frame, in->w, in->h, cpu_detect(), 1, err);
}

static void compiled_close(struct compiled *m)
{
    frame_release(&m->frame);
    mem_free(m->x);
    runtime_destroy(&m->runtime);
    plan_file_release(&m->plans);
    file_bytes_release(&m->file);
}

/* Of three channels, R, G, B. The picture's bytes [h, w, 3] are in m->frame.rgb afterwards. */
static itx_status compiled_run(struct compiled *m, const char *photo, struct itx_error *err)
{
    const struct plan_tensor *const t = &m->plan->tensors[m->plan->inputs[0].tensor];
    struct picture picture = {0};
    ITX_TRY(picture_read(&picture, photo, 0, err));
    const struct itx_image image = frame_of(&picture);
    const itx_status rc =
        frame_prepare(&m->frame, &image, ITX_IMAGE_NONE, ITX_RANGE_FULL, NULL, err);
    picture_release(&picture);
    ITX_TRY(rc);
    void *const to = runtime_tensor(m->runtime, m->plan->inputs[0].tensor);
    const int plane = t->h * t->w;
    const bool is_picture = m->plan->inputs[0].kind != PLAN_INPUT_TENSOR;
    for (int i = 0; i < plane; i++)
        for (int c = 0; c < t->c; c++) {
            const uint8_t byte = m->frame.rgb[i * 3 + c];
            if (is_picture) ((int8_t *)to)[i * t->pixel + c] = (int8_t)(byte - 128);
            if (is_picture) m->x[i * t->c + c] = byte;
            if (!is_picture) m->x[c * plane + i] = (float)byte / 255;
        }
    if (!is_picture) input_write_numbers(t, m->x, to, 0, plane);
    runtime_run(m->runtime);
    return ITX_OK;
}

/* Element (pixel, c) of an output as the real number that it stands for. */
static float output_at(const struct compiled *m, int output, int pixel, int c)
{
    const uint32_t id = m->plan->outputs[output].tensor;
    const struct plan_tensor *const t = &m->plan->tensors[id];
    const void *const data = runtime_tensor(m->runtime, id);
    const size_t at = (size_t)pixel * (size_t)t->pixel + (size_t)c;
    const int k = t->n_quant > 1 ? c : 0;
    const int32_t q = t->dtype == DTYPE_S8    ? ((const int8_t *)data)[at]
                      : t->dtype == DTYPE_S16 ? ((const int16_t *)data)[at]
                                              : ((const int32_t *)data)[at];
    return (float)(q - t->zero_point[k]) * t->scale[k];
}

/* --- building --- */

struct wish {
    const char *network, *photos, *folder;
    int n_photos;                           /* 0: options say what to calibrate with */
    const struct itx_build_options options; /* the rest */
};

static itx_status build(const struct wish *w, struct itx_error *err)
{
    char bin[512], prefix[512];
    struct file_list list = {0};
    struct itx_build_options o = w->options;
    ITX_TRY(file_list_add(&list, w->photos, err));
    o.images = (const char *const *)list.paths.data;
    o.n_images = (size_t)w->n_photos < list.paths.len ? w->n_photos : (int)list.paths.len;
    o.onnx_prefix = path_in(prefix, sizeof prefix, "%s/net", w->folder);
    const itx_status rc =
        itx_build(w->network, path_in(bin, sizeof bin, "%s/net.bin", w->folder), &o, NULL, err);
    file_list_release(&list);
    return rc;
}

/* --- the files in our own executor --- */

/* An ONNX file that can be run; bytes as its input are given as floats. */
struct runnable {
    struct graph *g;
    struct float_exec *exec;
};

static itx_status feed_floats(struct graph *g, struct itx_error *err)
{
    const value_id bytes = g->inputs.data[0];
    const struct shape shape = graph_value(g, bytes)->shape;
    value_id floats;
    node_id node;
    if (graph_value(g, bytes)->dtype == DTYPE_F32) return ITX_OK;
    ITX_TRY(graph_add_value(g, "floats", DTYPE_F32, &shape, &floats, err));
    ITX_TRY(graph_insert_node(g, 0, OP_CAST, "floats", 1, &floats, 1, &bytes, &node, err));
    g->inputs.data[0] = floats;
    return graph_set_int(g, node, ATTR_TO, DTYPE_U8, err);
}

static itx_status runnable_open(struct runnable *r, const char *path, struct itx_error *err)
{
    ITX_TRY(onnx_read(&r->g, path, err));
    ITX_TRY(feed_floats(r->g, err));
    ITX_TRY(pass_fold_const(r->g, err));
    ITX_TRY(graph_check(r->g, err));
    return float_exec_create(&r->exec, r->g, 1, err);
}

static void runnable_close(struct runnable *r)
{
    float_exec_destroy(&r->exec);
    graph_destroy(&r->g);
}

/* Every number is the one that the plan's arithmetic gives. */
static void check_quantized(const struct compiled *m, const char *folder)
{
    char path[512];
    struct itx_error err = {.text = ""};
    struct runnable r = {0};
    const float *const inputs[] = {m->x};
    itx_status rc =
        runnable_open(&r, path_in(path, sizeof path, "%s/net_quantized_model.onnx", folder), &err);
    if (rc == ITX_OK) rc = float_exec_run(r.exec, inputs, NULL, NULL, &err);
    CHECK_MSG(rc == ITX_OK, "%s", err.text);
    for (int i = 0; rc == ITX_OK && i < m->plan->n_outputs; i++) {
        const struct plan_tensor *const t = &m->plan->tensors[m->plan->outputs[i].tensor];
        const struct tensor *const y = float_exec_output(r.exec, i);
        const struct shape wanted = {.rank = 4, .dim = {1, t->h, t->w, t->c}};
        int n_differ = 0;
        CHECK_STR(graph_value(r.g, r.g->outputs.data[i])->name, m->plan->outputs[i].name);
        CHECK(y->dtype == DTYPE_F32 && shape_eq(&y->shape, &wanted));
        for (int at = 0; at < t->h * t->w * t->c; at++)
            n_differ += ((const float *)y->data)[at] != output_at(m, i, at / t->c, at % t->c);
        CHECK_MSG(n_differ == 0, "%s: %d of %d numbers differ", m->plan->outputs[i].name, n_differ,
                  t->h * t->w * t->c);
    }
    runnable_close(&r);
}

/* The largest difference of an output, relative to its largest magnitude, and the lowest cosine. */
struct distance {
    double worst, cosine;
};

static struct distance distance_of(const struct runnable *a, const struct runnable *b)
{
    struct distance d = {0, 1};
    CHECK(a->g->outputs.len == b->g->outputs.len);
    for (size_t i = 0; i < a->g->outputs.len; i++) {
        const struct tensor *const x = float_exec_output(a->exec, (int)i);
        const struct tensor *const y = float_exec_output(b->exec, (int)i);
        struct closeness c = {0};
        double most = 0;
        CHECK_STR(graph_value(b->g, b->g->outputs.data[i])->name,
                  graph_value(a->g, a->g->outputs.data[i])->name);
        if (!shape_eq(&x->shape, &y->shape)) return (struct distance){HUGE_VAL, 0};
        for (int64_t k = 0; k < shape_elements(&x->shape); k++) {
            const double truth = (double)((const float *)x->data)[k];
            closeness_add(&c, truth, (double)((const float *)y->data)[k]);
            most = fmax(most, fabs(truth));
        }
        d.worst = fmax(d.worst, closeness_chebyshev(&c) / most);
        d.cosine = fmin(d.cosine, closeness_cosine(&c));
    }
    return d;
}

static void check_float(const struct compiled *m, const char *network, const char *folder)
{
    static const char *const forms[] = {"original_float", "optimized_float", "calibrated"};
    char path[512];
    struct itx_error err = {.text = ""};
    struct runnable r[4] = {{0}};
    const size_t plane = (size_t)m->frame.width * (size_t)m->frame.height;
    float *x = mem_calloc(plane * 3, sizeof *x);
    const float *const inputs[] = {x};
    for (size_t i = 0; x != NULL && i < plane * 3; i++)
        x[i % 3 * plane + i / 3] = (float)m->frame.rgb[i] / 255;
    itx_status rc = runnable_open(&r[3], network, &err);
    if (rc == ITX_OK) rc = float_exec_run(r[3].exec, inputs, NULL, NULL, &err);
    CHECK_MSG(rc == ITX_OK, "%s", err.text);
    for (int i = 0; rc == ITX_OK && i < 3; i++) {
        rc = runnable_open(
            &r[i], path_in(path, sizeof path, "%s/net_%s_model.onnx", folder, forms[i]), &err);
        if (rc == ITX_OK) rc = float_exec_run(r[i].exec, inputs, NULL, NULL, &err);
        CHECK_MSG(rc == ITX_OK, "%s", err.text);
        if (rc != ITX_OK) break;
        const struct distance d = distance_of(&r[3], &r[i]);
        if (i < 2)
            CHECK_MSG(d.worst <= 1e-4, "%s: %g", forms[i], d.worst);
        else /* rounded, and nothing else */
            CHECK_MSG(d.cosine > 0.97 && d.cosine < 0.99999, "%s: %g", forms[i], d.cosine);
    }
    for (int i = 0; i < 4; i++) runnable_close(&r[i]);
    mem_free(x);
}

/* Behind every step that rounds, there is a rounding in the calibrated file. */
static void check_roundings(const struct compiled *m, const char *folder)
{
    char path[512];
    struct itx_error err = {.text = ""};
    struct graph *g = NULL;
    int n_steps = 0, n_roundings = 0;
    REQUIRE(onnx_read(&g, path_in(path, sizeof path, "%s/net_calibrated_model.onnx", folder),
                      &err) == ITX_OK);
    for (int i = 0; i < m->plan->n_steps; i++) {
        const struct plan_step *const s = &m->plan->steps[i];
        const enum dtype out = m->plan->tensors[s->out].dtype;
        const bool moves =
            s->kind == STEP_MAXPOOL || s->kind == STEP_UPSAMPLE || s->kind == STEP_COPY;
        n_steps += !moves && (out == DTYPE_S8 || (out == DTYPE_S16 && s->shift != 0));
    }
    for (size_t i = 0; i < g->nodes.len; i++)
        n_roundings += g->nodes.data[i].op == OP_QUANTIZE_LINEAR || g->nodes.data[i].op == OP_ROUND;
    CHECK_MSG(n_roundings == n_steps, "%d for %d steps", n_roundings, n_steps);
    graph_destroy(&g);
}

static void remove_files(const char *folder)
{
    static const char *const names[] = {"net.bin", "net_original_float_model.onnx",
                                        "net_optimized_float_model.onnx",
                                        "net_calibrated_model.onnx", "net_quantized_model.onnx"};
    char path[512];
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        unlink(path_in(path, sizeof path, "%s/%s", folder, names[i]));
    rmdir(folder);
}

/* Builds, and runs the model on a photo. */
static itx_status open_built(struct compiled *m, const struct wish *w, struct itx_error *err)
{
    char path[512];
    struct file_list photos = {0};
    itx_status rc = build(w, err);
    if (rc == ITX_OK)
        rc = compiled_open(m, path_in(path, sizeof path, "%s/net.bin", w->folder), err);
    if (rc == ITX_OK) rc = file_list_add(&photos, PHOTOS, err);
    if (rc == ITX_OK) rc = compiled_run(m, photos.paths.data[0], err);
    file_list_release(&photos);
    return rc;
}

/* With 16 bits in front of a convolution, behind a residual and inside a concatenation, so that every arithmetic is there. */
static void test_onnx_files__demo(void)
{
    static const char *const int16[] = {"/model.1/conv/Conv", "/model.2/cv2/conv/Conv",
                                        "/model.4/m.0/cv2/conv/Conv"};
    char folder[] = "/tmp/intarsia_onnx_XXXXXX";
    struct itx_build_options o = ITX_BUILD_OPTIONS_INIT;
    o.effort = 0;
    o.int16_nodes = int16;
    o.n_int16_nodes = ARRAY_LEN(int16);
    REQUIRE(mkdtemp(folder) != NULL);
    const struct wish w = {MODEL, CALIB, folder, 4, o};
    struct itx_error err = {.text = ""};
    struct compiled m = {{0}};
    const itx_status rc = open_built(&m, &w, &err);
    CHECK_MSG(rc == ITX_OK, "%s", err.text);
    if (rc == ITX_OK) {
        check_quantized(&m, folder);
        check_float(&m, MODEL, folder);
        check_roundings(&m, folder);
    }
    compiled_close(&m);
    remove_files(folder);
}

static void check_fed(const struct itx_build_options *o, int n_photos)
{
    char folder[] = "/tmp/intarsia_onnx_XXXXXX";
    REQUIRE(mkdtemp(folder) != NULL);
    const struct wish w = {MODEL, CALIB, folder, n_photos, *o};
    struct itx_error err = {.text = ""};
    struct compiled m = {{0}};
    const itx_status rc = open_built(&m, &w, &err);
    CHECK_MSG(rc == ITX_OK, "%s", err.text);
    if (rc == ITX_OK) check_quantized(&m, folder);
    compiled_close(&m);
    remove_files(folder);
}

static void test_onnx_files__means_and_scales(void)
{
    static const float mean[] = {103.53f, 116.28f, 123.675f}, scale[] = {0.0174f, 0.0175f, 0.0171f};
    struct itx_build_options o = ITX_BUILD_OPTIONS_INIT;
    o.effort = 0;
    o.input_format = ITX_IMAGE_NV12;
    o.train_format = ITX_IMAGE_BGR;
    o.mean = mean;
    o.scale = scale;
    o.n_mean = o.n_scale = 3;
    check_fed(&o, 1);
}

/* Outputs of 8 bits, too. */
static void test_onnx_files__numbers(void)
{
    static const char *const nodes[] = {"/model.9/cv2/act/Mul", "/model.2/Concat"};
    struct itx_build_options o = ITX_BUILD_OPTIONS_INIT;
    o.effort = 0;
    o.input_format = ITX_IMAGE_NONE;
    o.random = 1;
    o.output_nodes = nodes;
    o.n_output_nodes = ARRAY_LEN(nodes);
    check_fed(&o, 0);
}

/* A prefix by which the network itself would be written over. */
static void test_onnx_files__not_over_the_network(void)
{
    char folder[] = "/tmp/intarsia_onnx_XXXXXX", network[512];
    struct itx_error err = {.text = ""};
    REQUIRE(mkdtemp(folder) != NULL);
    path_in(network, sizeof network, "%s/net_original_float_model.onnx", folder);
    CHECK(file_write(network, "x", 1, &err) == ITX_OK);
    const struct wish w = {network, CALIB, folder, 1, ITX_BUILD_OPTIONS_INIT};
    CHECK(build(&w, &err) == ITX_E_INVAL);
    CHECK(strstr(err.text, "net_original_float_model.onnx: is also read or written") != NULL);
    remove_files(folder);
}

/* --- writing for the script --- */

static itx_status write_output(const struct compiled *m, int output, const char *path,
                               struct itx_error *err)
{
    const struct plan_tensor *const t = &m->plan->tensors[m->plan->outputs[output].tensor];
    const size_t n = (size_t)t->h * (size_t)t->w * (size_t)t->c;
    float *v = mem_calloc(n, sizeof *v);
    if (v == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (int i = 0; i < t->h * t->w; i++)
        for (int c = 0; c < t->c; c++) v[i * t->c + c] = output_at(m, output, i, c);
    const itx_status rc = file_write(path, v, n * sizeof *v, err);
    mem_free(v);
    return rc;
}

static itx_status write_photos(struct compiled *m, const struct wish *w, struct itx_error *err)
{
    char path[512];
    struct file_list list = {0};
    itx_status rc = file_list_add(&list, w->photos, err);
    for (int k = 0; rc == ITX_OK && k < w->n_photos && (size_t)k < list.paths.len; k++) {
        rc = compiled_run(m, list.paths.data[k], err);
        if (rc == ITX_OK)
            rc =
                file_write(path_in(path, sizeof path, "%s/%d_input.u8", w->folder, k), m->frame.rgb,
                           (size_t)m->frame.width * (size_t)m->frame.height * 3, err);
        for (int i = 0; rc == ITX_OK && i < m->plan->n_outputs; i++)
            rc = write_output(m, i, path_in(path, sizeof path, "%s/%d_%d.f32", w->folder, k, i),
                              err);
    }
    file_list_release(&list);
    return rc;
}

static int write_files(char **argv)
{
    struct itx_build_options o = ITX_BUILD_OPTIONS_INIT;
    o.effort = (int)strtol(argv[4], NULL, 10);
    const struct wish w = {argv[1], argv[2], argv[5], (int)strtol(argv[3], NULL, 10), o};
    struct itx_error err = {.text = ""};
    struct compiled m = {{0}};
    char path[512];
    itx_status rc = build(&w, &err);
    if (rc == ITX_OK)
        rc = compiled_open(&m, path_in(path, sizeof path, "%s/net.bin", w.folder), &err);
    if (rc == ITX_OK) rc = write_photos(&m, &w, &err);
    compiled_close(&m);
    if (rc != ITX_OK) fprintf(stderr, "%s\n", err.text);
    return rc == ITX_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(test_onnx_files__demo), TEST(test_onnx_files__means_and_scales),
        TEST(test_onnx_files__numbers), TEST(test_onnx_files__not_over_the_network)};
    if (argc == 6) return write_files(argv);
    return test_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
