/* SPDX-License-Identifier: Apache-2.0
 *
 * Networks fed in every way that is possible: what they were trained with times what the program is given, means, scales,
 * channels first or last, numbers, chosen outputs. The truth is the network written out in double here; weights
 * are chosen so that 8 bits hold them exactly, and outputs leave in 32 bits, so that nothing is rounded but the means
 * where the padding is.
 */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/network.h"
#include "base/mem.h"
#include "base/str.h"
#include "intarsia/compiler.h"
#include "onnx/onnx.h"

#include "test.h"

enum { H = 8, W = 12, OUT = 4, TAPS = 9 };

/* ---- a network of one convolution 3x3 with padding 1 ---- */

struct net {
    int c;
    double mean[3], scale[3]; /* of the network's channels */
    int number
        [OUT][3]
        [TAPS]; /* weights are number * unit / (127 scale), so that the program stores `number` */
    double unit, bias[OUT];
};

static double weight(const struct net *n, int o, int c, int t)
{
    return n->number[o][c][t] * n->unit / n->scale[c];
}

static struct net make_net(int c, const float *mean, const float *scale)
{
    struct net n = {.c = c, .unit = 1.0 / 1024};
    uint64_t seed = 11;
    for (int i = 0; i < c; i++) {
        n.mean[i] = mean != NULL ? (double)mean[i] : 0;
        n.scale[i] = scale != NULL ? (double)scale[i] : mean != NULL ? 1 : 1.0 / 255;
    }
    for (int o = 0; o < OUT; o++) {
        for (int i = 0; i < c; i++)
            for (int t = 0; t < TAPS; t++)
                n.number[o][i][t] = (int)(test_random(&seed) % 255) - 127;
        n.number[o][0][4] = 127; /* sets the step */
        n.bias[o] = 0.5 * o;
    }
    return n;
}

static void add_weights(struct strbuf *text, const struct net *n)
{
    strbuf_addf(text, "const %%w: f32[%d, %d, 3, 3] = {", OUT, n->c);
    for (int i = 0; i < OUT * n->c * TAPS; i++)
        strbuf_addf(text, "%s%.9g", i != 0 ? ", " : "",
                    weight(n, i / TAPS / n->c, i / TAPS % n->c, i % TAPS));
    strbuf_addf(text, "}\nconst %%b: f32[%d] = {0, 0.5, 1, 1.5}\n", OUT);
}

#define CONV(in)                                                                                   \
    "%%y: f32[1, 4, 8, 12] = Conv(%%" in                                                           \
    ", %%w, %%b) @\"conv\" {kernel_shape = [3, 3], pads = [1, 1, 1, 1]}\n"

/* What it gives at (y, x) for what it sees there; beyond the edge that is `outside`. */
static double truth(const struct net *n, const double *seen, const double *outside, int o, int y,
                    int x)
{
    double sum = n->bias[o];
    for (int c = 0; c < n->c; c++)
        for (int t = 0; t < TAPS; t++) {
            const int v = y + t / 3 - 1, u = x + t % 3 - 1;
            const bool is_in = v >= 0 && v < H && u >= 0 && u < W;
            sum += weight(n, o, c, t) * (is_in ? seen[(c * H + v) * W + u] : outside[c]);
        }
    return sum;
}

/* ---- files ---- */

static char folder[64];

static const char *path_of(const char *name)
{
    static char path[128];
    if (folder[0] == '\0') {
        strcpy(folder, "/tmp/itx_feed_XXXXXX");
        if (mkdtemp(folder) == NULL) abort();
    }
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static itx_status write_network(const char *text, size_t len, struct itx_error *err)
{
    struct graph *g = NULL;
    ITX_TRY(graph_parse(&g, text, len, err));
    const itx_status rc = onnx_write(g, path_of("net.onnx"), err);
    graph_destroy(&g);
    return rc;
}

static struct itx_build_options options_of_test(void)
{
    struct itx_build_options o = ITX_BUILD_OPTIONS_INIT;
    o.effort = 0;
    o.random = 2;
    o.n_threads = 1;
    return o;
}

static itx_session *open_built(itx_model **model, const struct itx_build_options *o,
                               struct itx_error *err)
{
    char onnx[128];
    itx_session *session = NULL;
    snprintf(onnx, sizeof onnx, "%s", path_of("net.onnx"));
    itx_status rc = itx_build(onnx, path_of("net.bin"), o, NULL, err);
    if (rc == ITX_OK) rc = itx_model_open(model, path_of("net.bin"), NULL, err);
    if (rc == ITX_OK) rc = itx_session_create(&session, *model, NULL, err);
    unlink(path_of("net.bin"));
    unlink(onnx);
    CHECK_MSG(rc == ITX_OK, "%s", err->text);
    return session;
}

/* ---- frames ---- */

struct shot {
    uint8_t bytes[H * W * 3];
    struct itx_image image;
    double rgb[3][H * W], yuv[3][H * W];
};

static double byte_of(double v)
{
    v = rint(v);
    return v < 0 ? 0 : v > 255 ? 255 : v;
}

static void see_yuv(struct shot *s, int at, int y, int u, int v)
{
    s->yuv[0][at] = y;
    s->yuv[1][at] = u;
    s->yuv[2][at] = v;
    s->rgb[0][at] = byte_of(y + 1.402 * (v - 128));
    s->rgb[1][at] = byte_of(y - 0.344136 * (u - 128) - 0.714136 * (v - 128));
    s->rgb[2][at] = byte_of(y + 1.772 * (u - 128));
}

static void fill_shot(struct shot *s, enum itx_image_format format)
{
    uint64_t seed = 5;
    const int bytes = format == ITX_IMAGE_GRAY || format == ITX_IMAGE_NV12 ? 1 : 3;
    const bool is_yuv = format == ITX_IMAGE_NV12 || format == ITX_IMAGE_YUV444;
    *s = (struct shot){.image = {.format = format, .width = W, .height = H}};
    for (size_t i = 0; i < sizeof s->bytes; i++) {
        const bool is_chroma = format == ITX_IMAGE_NV12 ? i >= H * W : i % 3 != 0;
        const int v = (int)(test_random(&seed) % 256);
        /* luma and chroma that are colours of RGB */
        s->bytes[i] = (uint8_t)(!is_yuv ? v : is_chroma ? 118 + v % 21 : 40 + v % 170);
    }
    s->image.plane[0] = s->bytes;
    s->image.plane[1] = s->bytes + H * W;
    s->image.stride[0] = (size_t)(W * bytes);
    s->image.stride[1] = W;
    for (int i = 0; i < H * W; i++) {
        const uint8_t *const p = s->bytes + i * bytes;
        const uint8_t *const uv = s->bytes + H * W + i / W / 2 * W + i % W / 2 * 2;
        if (format == ITX_IMAGE_NV12)
            see_yuv(s, i, p[0], uv[0], uv[1]);
        else if (format == ITX_IMAGE_YUV444)
            see_yuv(s, i, p[0], p[1], p[2]);
        for (int c = 0; c < 3 && !is_yuv; c++)
            s->rgb[c][i] = p[bytes == 1 ? 0 : format == ITX_IMAGE_BGR ? 2 - c : c];
    }
}

/* What the network sees of it in the order of training, before means. */
static double pixel(const struct shot *s, enum itx_image_format train, int c, int at)
{
    return train == ITX_IMAGE_YUV444 ? s->yuv[c][at]
           : train == ITX_IMAGE_BGR  ? s->rgb[2 - c][at]
                                     : s->rgb[c][at];
}

/* ---- comparing ---- */

struct feeding {
    enum itx_image_format train, given;
    int n_mean, n_scale;
    float mean[3], scale[3];
    double levels; /* that a pixel may be off by */
};

static void find_seen(double *seen, const struct net *n, const struct shot *s,
                      enum itx_image_format train)
{
    for (int c = 0; c < n->c; c++)
        for (int i = 0; i < H * W; i++)
            seen[c * H * W + i] = (pixel(s, train, c, i) - n->mean[c]) * n->scale[c];
}

/* The largest errors of a session's only output, in steps of its sums: inside and at the edge. */
static void compare(const itx_session *session, const itx_model *model, const struct net *n,
                    const double *seen, double *inside, double *edge)
{
    static const double zeros[3] = {0, 0, 0};
    struct itx_tensor_info t;
    *inside = *edge = 0;
    REQUIRE(itx_model_get_output(model, 0, &t, NULL) == ITX_OK);
    REQUIRE(t.dtype == ITX_S32 && t.height == H && t.width == W && t.channels == OUT);
    const int32_t *const data = itx_session_output(session, 0);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            for (int o = 0; o < OUT; o++) {
                const double real =
                    (double)data[(size_t)y * t.row + (size_t)x * t.pixel + (size_t)o] *
                    (double)t.scale[o];
                const double e = fabs(real - truth(n, seen, zeros, o, y, x)) / n->unit;
                double *const most = y > 0 && y < H - 1 && x > 0 && x < W - 1 ? inside : edge;
                *most = fmax(*most, e);
            }
}

/* The most that an output's sums are off by when each pixel it sees is off by off[channel]. */
static double bound(const struct net *n, const double *off)
{
    double most = 0;
    for (int o = 0; o < OUT; o++) {
        double sum = 0;
        for (int c = 0; c < n->c; c++)
            for (int t = 0; t < TAPS; t++) sum += abs(n->number[o][c][t]) * off[c];
        most = fmax(most, sum);
    }
    return most;
}

static void check_feeding(const struct feeding *f, int i)
{
    const int c = f->given == ITX_IMAGE_GRAY ? 1 : 3;
    float mean[3], scale[3];
    for (int k = 0; k < 3; k++) {
        mean[k] = f->n_mean > 0 ? f->mean[f->n_mean > 1 ? k : 0] : 0;
        scale[k] = f->n_scale > 0 ? f->scale[f->n_scale > 1 ? k : 0] : 1;
    }
    const bool any = f->n_mean > 0 || f->n_scale > 0;
    const struct net n = make_net(c, any ? mean : NULL, any ? scale : NULL);
    struct strbuf text = {0};
    struct itx_error err = {.text = ""};
    strbuf_addf(&text, "input %%x: f32[1, %d, 8, 12]\n", c);
    add_weights(&text, &n);
    strbuf_addf(&text, CONV("x") "output %%y\n");
    CHECK_MSG(write_network(text.data, text.len, &err) == ITX_OK, "%s", err.text);
    strbuf_release(&text);
    struct itx_build_options o = options_of_test();
    o.train_format = f->train;
    o.input_format = f->given;
    o.mean = f->mean;
    o.scale = f->scale;
    o.n_mean = f->n_mean;
    o.n_scale = f->n_scale;
    itx_model *model = NULL;
    itx_session *session = open_built(&model, &o, &err);
    REQUIRE(session != NULL);
    struct itx_model_info info;
    REQUIRE(itx_model_get_info(model, &info, &err) == ITX_OK);
    CHECK(info.input_format == f->given && info.input_channels == c);
    struct shot shot;
    fill_shot(&shot, f->given);
    CHECK_MSG(itx_session_run(session, &shot.image, &err) == ITX_OK, "%s", err.text);
    double seen[3 * H * W], inside, edge, off[3], half[3];
    find_seen(seen, &n, &shot, f->train);
    compare(session, model, &n, seen, &inside, &edge);
    for (int k = 0; k < 3; k++) {
        off[k] = f->levels;
        half[k] = fabs(rint((double)mean[k]) - (double)mean[k]);
    }
    const double all = 0.7 + bound(&n, off), outside = bound(&n, half);
    CHECK_MSG(inside < all, "case %d: inside off by %g of %g sums", i, inside, all);
    CHECK_MSG(edge < all + outside, "case %d: the edge is off by %g of %g sums", i, edge,
              all + outside);
    itx_session_destroy(&session);
    itx_model_close(&model);
}

#define IMAGENET                                                                                   \
    3, 3, {123.675f, 116.28f, 103.53f},                                                            \
    {                                                                                              \
        1 / 58.395f, 1 / 57.12f, 1 / 57.375f                                                       \
    }

static void test_feed__combinations(void)
{
    static const struct feeding cases[] = {
        {ITX_IMAGE_NONE, ITX_IMAGE_RGB, 0, 0, {0}, {0}, 0},
        {ITX_IMAGE_RGB, ITX_IMAGE_RGB, IMAGENET, 0},
        {ITX_IMAGE_RGB, ITX_IMAGE_BGR, IMAGENET, 0},
        {ITX_IMAGE_RGB, ITX_IMAGE_NV12, IMAGENET, 0},
        {ITX_IMAGE_RGB, ITX_IMAGE_YUV444, IMAGENET, 0},
        {ITX_IMAGE_BGR, ITX_IMAGE_BGR, 0, 0, {0}, {0}, 0},
        {ITX_IMAGE_BGR, ITX_IMAGE_RGB, IMAGENET, 0},
        {ITX_IMAGE_BGR, ITX_IMAGE_NV12, IMAGENET, 0},
        {ITX_IMAGE_BGR, ITX_IMAGE_YUV444, 0, 0, {0}, {0}, 0},
        {ITX_IMAGE_RGB, ITX_IMAGE_RGB, 0, 1, {0}, {1}, 0}, /* pixel values as they are */
        {ITX_IMAGE_RGB, ITX_IMAGE_RGB, 1, 0, {128}, {0}, 0},
        {ITX_IMAGE_BGR, ITX_IMAGE_BGR, 3, 1, {104, 117, 123}, {0.017f}, 0},
        {ITX_IMAGE_NONE, ITX_IMAGE_GRAY, 0, 0, {0}, {0}, 0},
        {ITX_IMAGE_GRAY, ITX_IMAGE_GRAY, 1, 1, {33.3f}, {1 / 78.5f}, 0},
        {ITX_IMAGE_YUV444, ITX_IMAGE_YUV444, 3, 1, {16, 128, 128}, {0.01f}, 1},
        {ITX_IMAGE_YUV444, ITX_IMAGE_NV12, 3, 1, {16, 128, 128}, {0.01f}, 1},
    };
    for (int i = 0; i < (int)(sizeof cases / sizeof cases[0]); i++) check_feeding(&cases[i], i);
}

/* ---- what is no single convolution ---- */

/* Means that no byte is, a pool and a function before the convolution, two readers: what is added apart is rounded to 8
 * bits, padding is exact. */
static void test_feed__other_first_nodes(void)
{
    static const float mean[] = {-300, 40.5f, 700}, scale[] = {0.02f, 0.01f, 0.004f};
    static const char *const heads[] = {
        CONV("x") "output %%y\n",
        "%%p: f32[1, 3, 8, 12] = MaxPool(%%x) {kernel_shape = [1, 1]}\n" CONV("p") "output %%y\n",
        "%%p: f32[1, 3, 8, 12] = LeakyRelu(%%x) {alpha = 1}\n" CONV("p") "output %%y\n",
        CONV("x") "%%p: f32[1, 3, 4, 6] = MaxPool(%%x) {kernel_shape = [2, 2], strides = [2, 2]}\n"
                  "output %%y\noutput %%p\n",
    };
    const struct net n = make_net(3, mean, scale);
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        struct strbuf text = {0};
        struct itx_error err = {.text = ""};
        strbuf_addf(&text, "input %%x: f32[1, 3, 8, 12]\n");
        add_weights(&text, &n);
        strbuf_addf(&text, heads[i], 0);
        CHECK_MSG(write_network(text.data, text.len, &err) == ITX_OK, "%s", err.text);
        strbuf_release(&text);
        struct itx_build_options o = options_of_test();
        o.train_format = i == 3 ? ITX_IMAGE_BGR : ITX_IMAGE_RGB;
        o.mean = mean;
        o.scale = scale;
        o.n_mean = o.n_scale = 3;
        itx_model *model = NULL;
        itx_session *session = open_built(&model, &o, &err);
        REQUIRE(session != NULL);
        struct shot shot;
        fill_shot(&shot, ITX_IMAGE_RGB);
        CHECK_MSG(itx_session_run(session, &shot.image, &err) == ITX_OK, "%s", err.text);
        double seen[3 * H * W];
        find_seen(seen, &n, &shot, o.train_format);
        struct itx_tensor_info t;
        REQUIRE(itx_model_get_output(model, 0, &t, NULL) == ITX_OK);
        const int32_t *const data = itx_session_output(session, 0);
        double error = 0, signal = 0;
        static const double zeros[3] = {0, 0, 0};
        for (int y = 0; y < H; y++)
            for (int x = 0; x < W; x++)
                for (int k = 0; k < OUT; k++) {
                    const double real =
                        (double)data[(size_t)y * t.row + (size_t)x * t.pixel + (size_t)k] *
                        (double)t.scale[k];
                    const double v = truth(&n, seen, zeros, k, y, x);
                    error += (real - v) * (real - v);
                    signal += v * v;
                }
        CHECK_MSG(error < 1e-3 * signal, "case %zu: signal-to-noise %.1f dB", i,
                  10 * log10(signal / error));
        itx_session_destroy(&session);
        itx_model_close(&model);
    }
}

/* [1, h, w, c] in the file is fed as a picture all the same. */
static void test_feed__channels_last(void)
{
    const struct net n = make_net(3, NULL, NULL);
    struct strbuf text = {0};
    struct itx_error err = {.text = ""};
    strbuf_addf(&text, "input %%i: f32[1, 8, 12, 3]\n");
    add_weights(&text, &n);
    strbuf_addf(&text, "%%x: f32[1, 3, 8, 12] = Transpose(%%i) {perm = [0, 3, 1, 2]}\n" CONV(
                           "x") "output %%y\n");
    CHECK_MSG(write_network(text.data, text.len, &err) == ITX_OK, "%s", err.text);
    strbuf_release(&text);
    const struct itx_build_options o = options_of_test();
    itx_model *model = NULL;
    itx_session *session = open_built(&model, &o, &err);
    REQUIRE(session != NULL);
    struct shot shot;
    fill_shot(&shot, ITX_IMAGE_RGB);
    REQUIRE(itx_session_run(session, &shot.image, &err) == ITX_OK);
    double seen[3 * H * W], inside, edge;
    find_seen(seen, &n, &shot, ITX_IMAGE_RGB);
    compare(session, model, &n, seen, &inside, &edge);
    CHECK(inside < 0.7 && edge < 0.7);
    itx_session_destroy(&session);
    itx_model_close(&model);
}

/* Two inputs of numbers; and only the first of the network's two outputs. */
static void test_feed__numbers(void)
{
    static const char *const stop[] = {"conv"}, *const unknown[] = {"cnv"};
    const struct net n = make_net(3, NULL, (const float[]){1, 1, 1});
    struct strbuf text = {0};
    struct itx_error err = {.text = ""};
    strbuf_addf(&text, "input %%x: f32[1, 3, 8, 12]\ninput %%z: f32[1, 4, 8, 12]\n");
    add_weights(&text, &n);
    strbuf_addf(&text, CONV("x") "%%s: f32[1, 4, 8, 12] = Add(%%y, %%z)\noutput %%s\n");
    for (int i = 0; i < 3; i++) {
        CHECK_MSG(write_network(text.data, text.len, &err) == ITX_OK, "%s", err.text);
        struct itx_build_options o = options_of_test();
        o.input_format = ITX_IMAGE_NONE;
        o.random = 30;
        o.n_output_nodes = i > 0;
        o.output_nodes = i == 1 ? stop : unknown;
        if (i == 2) {
            char onnx[128];
            snprintf(onnx, sizeof onnx, "%s", path_of("net.onnx"));
            CHECK(itx_build(onnx, path_of("net.bin"), &o, NULL, &err) == ITX_E_RANGE);
            CHECK(strstr(err.text,
                         "output node cnv: the network has no such node, did you mean conv?") !=
                  NULL);
            unlink(onnx);
            break;
        }
        itx_model *model = NULL;
        itx_session *session = open_built(&model, &o, &err);
        REQUIRE(session != NULL);
        struct itx_model_info info;
        REQUIRE(itx_model_get_info(model, &info, &err) == ITX_OK);
        CHECK(info.input_format == ITX_IMAGE_NONE && info.n_outputs == 1);
        CHECK(info.n_inputs == 2);
        float x[3 * H * W], z[4 * H * W];
        const float *const both[] = {x, z};
        double seen[3 * H * W];
        uint64_t seed = 3;
        for (int k = 0; k < 3 * H * W; k++)
            x[k] = (float)(int32_t)test_random(&seed) / 2147483648.0f;
        for (int k = 0; k < 4 * H * W; k++)
            z[k] = (float)(int32_t)test_random(&seed) / 2147483648.0f;
        for (int k = 0; k < 3 * H * W; k++) seen[k] = (double)x[k];
        REQUIRE(itx_session_run_float(session, both, 2, &err) == ITX_OK);
        struct itx_tensor_info t;
        REQUIRE(itx_model_get_output(model, 0, &t, NULL) == ITX_OK);
        CHECK(t.dtype == (i == 0 ? ITX_S8 : ITX_S32));
        const void *const data = itx_session_output(session, 0);
        static const double zeros[3] = {0, 0, 0};
        double error = 0, signal = 0;
        for (int at = 0; at < H * W * OUT; at++) {
            const int k = at % OUT, p = at / OUT;
            const size_t stored = (size_t)p * t.pixel + (size_t)k;
            const int q = t.n_quant > 1 ? k : 0;
            const double real = ((i == 0 ? ((const int8_t *)data)[stored]
                                         : (double)((const int32_t *)data)[stored]) -
                                 t.zero_point[q]) *
                                (double)t.scale[q];
            const double v =
                truth(&n, seen, zeros, k, p / W, p % W) + (i == 0 ? (double)z[k * H * W + p] : 0);
            error += (real - v) * (real - v);
            signal += v * v;
        }
        CHECK_MSG(error < 1e-3 * signal, "%.1f dB", 10 * log10(signal / error));
        itx_session_destroy(&session);
        itx_model_close(&model);
    }
    strbuf_release(&text);
}

/* The float network sees exactly what it was trained with, padding included. */
static void test_feed__float_is_exact(void)
{
    static const struct feeding f = {ITX_IMAGE_BGR, ITX_IMAGE_RGB, IMAGENET, 0};
    const struct net n = make_net(3, f.mean, f.scale);
    struct strbuf text = {0};
    struct itx_error err = {.text = ""};
    strbuf_addf(&text, "input %%x: f32[1, 3, 8, 12]\n");
    add_weights(&text, &n);
    strbuf_addf(&text, CONV("x") "output %%y\n");
    CHECK_MSG(write_network(text.data, text.len, &err) == ITX_OK, "%s", err.text);
    strbuf_release(&text);
    struct itx_build_options o = options_of_test();
    o.train_format = f.train;
    o.mean = f.mean;
    o.scale = f.scale;
    o.n_mean = o.n_scale = 3;
    struct network net;
    struct float_run run = {0};
    REQUIRE(network_read(&net, &(struct network_source){.path = path_of("net.onnx")}, &err) ==
            ITX_OK);
    unlink(path_of("net.onnx"));
    REQUIRE(network_feed(&net, &o, FEED_EXACT, &err) == ITX_OK);
    REQUIRE(float_run_create(&run, &net, 1, &err) == ITX_OK);
    struct shot shot;
    fill_shot(&shot, ITX_IMAGE_RGB);
    REQUIRE(frame_prepare(&run.frame, &shot.image, ITX_IMAGE_NONE, ITX_RANGE_FULL, NULL, &err) ==
            ITX_OK);
    REQUIRE(float_run_input(&run, NULL, NULL, &err) == ITX_OK);
    const float *const out = float_exec_output(run.exec, 0)->data;
    static const double zeros[3] = {0, 0, 0};
    double seen[3 * H * W];
    find_seen(seen, &n, &shot, f.train);
    for (int at = 0; at < OUT * H * W; at++) {
        const double v = truth(&n, seen, zeros, at / (H * W), at / W % H, at % W);
        CHECK_MSG(fabs((double)out[at] - v) < 1e-3, "%d: %g, not %g", at, (double)out[at], v);
    }
    float_run_release(&run);
    network_release(&net);
}

/* ---- files that scale their own input ---- */

/* Lines from %i, as its file has it, to %x, [1, c, 8, 12]; channel k of %x is (byte - mean[k]) * scale[k] of channel k of
 * the picture, or of the one that stands opposite. */
struct own {
    const char *lines;
    int c;
    bool is_reversed;
    double mean[3], scale[3];
};

#define THREE(a)                                                                                   \
    {                                                                                              \
        a, a, a                                                                                    \
    }
#define PLANES "input %i: f32[1, 3, 8, 12]\n"
#define TYPE ": f32[1, 3, 8, 12] = "
#define LAST ": f32[1, 8, 12, 3] = "
#define TURN(v) "%x" TYPE "Transpose(%" v ") {perm = [0, 3, 1, 2]}\n"
#define IMAGENET_BYTES                                                                             \
    {123.675, 116.28, 103.53},                                                                     \
    {                                                                                              \
        1 / 58.395, 1 / 57.12, 1 / 57.375                                                          \
    }
#define IMAGENET_SHARE                                                                             \
    {0.485 * 255, 0.456 * 255, 0.406 * 255},                                                       \
    {                                                                                              \
        1 / (0.229 * 255), 1 / (0.224 * 255), 1 / (0.225 * 255)                                    \
    }
#define MEAN_SHARE "const %m: f32[1, 3, 1, 1] = {0.485, 0.456, 0.406}\n"
#define DEVIATION_SHARE "const %d: f32[3, 1, 1] = {0.229, 0.224, 0.225}\n"

static const struct own owns[] = {
    /* bytes are meant */
    {PLANES "const %k: f32[] = {255}\n%x" TYPE "Div(%i, %k)\n", 3, false, THREE(0),
     THREE(1.0 / 255)},
    {PLANES "const %k: f32[1] = {0.003921569}\n%x" TYPE "Mul(%k, %i)\n", 3, false, THREE(0),
     THREE(0.003921569)},
    {PLANES "const %m: f32[1, 3, 1, 1] = {123.675, 116.28, 103.53}\n"
            "const %d: f32[1, 3, 1, 1] = {58.395, 57.12, 57.375}\n"
            "%a" TYPE "Sub(%i, %m)\n%x" TYPE "Div(%a, %d)\n",
     3, false, IMAGENET_BYTES},
    {PLANES MEAN_SHARE DEVIATION_SHARE "const %k: f32[] = {255}\n"
                                       "%a" TYPE "Div(%i, %k)\n%v" TYPE "Sub(%a, %m)\n%x" TYPE
                                       "Div(%v, %d)\n",
     3, false, IMAGENET_SHARE},
    {PLANES "const %k: f32[] = {127.5}\nconst %e: f32[] = {-1}\n"
            "%a" TYPE "Div(%i, %k)\n%x" TYPE "Add(%e, %a)\n",
     3, false, THREE(127.5), THREE(1 / 127.5)},
    {PLANES "const %m: f32[1, 3, 1, 1] = {123.7, 116.3, 103.5}\n%x" TYPE "Sub(%i, %m)\n",
     3,
     false,
     {123.7, 116.3, 103.5},
     THREE(1)},
    {PLANES "const %m: f32[1, 3, 1, 1] = {-123.7, -116.3, -103.5}\nconst %k: f32[] = {0.017}\n"
            "%a" TYPE "Add(%i, %m)\n%x" TYPE "Mul(%a, %k)\n",
     3,
     false,
     {123.7, 116.3, 103.5},
     THREE(0.017)},
    {"input %i: f32[1, 8, 12, 3]\nconst %m: f32[3] = {123.675, 116.28, 103.53}\n"
     "const %d: f32[3] = {58.395, 57.12, 57.375}\n%a" LAST "Sub(%i, %m)\n%v" LAST
     "Div(%a, %d)\n" TURN("v"),
     3, false, IMAGENET_BYTES},
    {"input %i: f32[1, 8, 12, 3]\nconst %k: f32[] = {255}\n%a" TYPE
     "Transpose(%i) {perm = [0, 3, 1, 2]}\n%x" TYPE "Div(%a, %k)\n",
     3, false, THREE(0), THREE(1.0 / 255)},
    {"input %i: u8[1, 3, 8, 12]\n%x" TYPE "Cast(%i) {to = 1}\n", 3, false, THREE(0), THREE(1)},
    {"input %i: u8[1, 8, 12, 3]\nconst %k: f32[] = {255}\n%a" LAST "Cast(%i) {to = 1}\n%v" LAST
     "Div(%a, %k)\n" TURN("v"),
     3, false, THREE(0), THREE(1.0 / 255)},
    /* red and blue are exchanged, in each way */
    {PLANES "const %k: f32[] = {255}\nconst %s: s64[3] = {2, 1, 0}\n"
            "%a" TYPE "Gather(%i, %s) {axis = 1}\n%x" TYPE "Div(%a, %k)\n",
     3, true, THREE(0), THREE(1.0 / 255)},
    {"input %i: f32[1, 8, 12, 3]\nconst %p: s64[1] = {-1}\nconst %e: s64[1] = "
     "{-9223372036854775807}\nconst %m: f32[3] = {103.53, 116.28, 123.675}\n%a" LAST
     "Slice(%i, %p, %e, %p, %p)\n%v" LAST "Sub(%a, %m)\n" TURN("v"),
     3,
     true,
     {103.53, 116.28, 123.675},
     THREE(1)},
    {PLANES "const %n: s64[3] = {1, 1, 1}\nconst %k: f32[] = {255}\nconst %h: f32[] = {-0.25}\n"
            "%r: f32[1, 1, 8, 12], %g: f32[1, 1, 8, 12], %v: f32[1, 1, 8, 12] = Split(%i, %n) "
            "{axis = 1}\n%q: f32[1, 1, 8, 12] = Div(%r, %k)\n%o: f32[1, 1, 8, 12] = Add(%q, %h)\n"
            "%f: f32[1, 1, 8, 12] = Div(%g, %k)\n%t: f32[1, 1, 8, 12] = Div(%v, %k)\n"
            "%x" TYPE "Concat(%t, %f, %o) {axis = 1}\n",
     3,
     true,
     {0, 0, 63.75},
     THREE(1.0 / 255)},
    {"input %i: f32[1, 1, 8, 12]\nconst %k: f32[] = {255}\n%x: f32[1, 1, 8, 12] = Div(%i, %k)\n", 1,
     false, THREE(0), THREE(1.0 / 255)},
    /* bytes / 255 are */
    {PLANES MEAN_SHARE DEVIATION_SHARE "%a" TYPE "Sub(%i, %m)\n%x" TYPE "Div(%a, %d)\n", 3, false,
     IMAGENET_SHARE},
    {PLANES MEAN_SHARE "%x" TYPE "Sub(%i, %m)\n",
     3,
     false,
     {0.485 * 255, 0.456 * 255, 0.406 * 255},
     THREE(1.0 / 255)},
    {PLANES DEVIATION_SHARE "%x" TYPE "Div(%i, %d)\n",
     3,
     false,
     THREE(0),
     {1 / (0.229 * 255), 1 / (0.224 * 255), 1 / (0.225 * 255)}},
    {PLANES "const %k: f32[] = {2}\nconst %e: f32[] = {1}\n"
            "%a" TYPE "Mul(%i, %k)\n%x" TYPE "Sub(%a, %e)\n",
     3, false, THREE(127.5), THREE(2.0 / 255)},
    {PLANES "const %h: f32[] = {0.5}\n%a" TYPE "Sub(%i, %h)\n%x" TYPE "Div(%a, %h)\n", 3, false,
     THREE(127.5), THREE(2.0 / 255)},
    {"input %i: f32[1, 8, 12, 3]\nconst %m: f32[1, 1, 1, 3] = {0.485, 0.456, 0.406}\n"
     "const %d: f32[3] = {0.229, 0.224, 0.225}\n%a" LAST "Sub(%i, %m)\n%v" LAST
     "Div(%a, %d)\n" TURN("v"),
     3, false, IMAGENET_SHARE},
    {PLANES "const %e: f32[] = {1}\n%x" TYPE "Mul(%i, %e)\n", 3, false, THREE(0), THREE(1.0 / 255)},
};

static void write_own(const char *lines, const struct net *n)
{
    struct strbuf text = {0};
    struct itx_error err = {.text = ""};
    strbuf_addf(&text, "%s", lines);
    add_weights(&text, n);
    strbuf_addf(&text, CONV("x") "output %%y\n");
    CHECK_MSG(write_network(text.data, text.len, &err) == ITX_OK, "%s: %s", lines, err.text);
    strbuf_release(&text);
}

static struct net net_of(const struct own *own)
{
    float mean[3], scale[3];
    for (int c = 0; c < 3; c++) {
        mean[c] = (float)own->mean[c];
        scale[c] = (float)own->scale[c];
    }
    struct net n = make_net(own->c, mean, scale);
    memcpy(n.mean, own->mean, sizeof n.mean);
    memcpy(n.scale, own->scale, sizeof n.scale);
    return n;
}

static void see_own(double *seen, const struct own *own, const struct net *n, const struct shot *s)
{
    find_seen(seen, n, s, own->is_reversed ? ITX_IMAGE_BGR : ITX_IMAGE_RGB);
}

/* The float network on a file that is there; exact but for rounding. */
static void check_own_float(const struct own *own, const struct net *n, const struct shot *s, int i)
{
    struct itx_error err = {.text = ""};
    struct network net;
    struct float_run run = {0};
    const itx_status rc =
        network_read(&net, &(struct network_source){.path = path_of("net.onnx")}, &err);
    CHECK_MSG(rc == ITX_OK, "case %d: %s", i, err.text);
    if (rc != ITX_OK) return;
    REQUIRE(feed_check_units(&net.feed, net.graph, NULL, &err) == ITX_OK);
    REQUIRE(float_run_create(&run, &net, 1, &err) == ITX_OK);
    REQUIRE(frame_prepare(&run.frame, &s->image, ITX_IMAGE_NONE, ITX_RANGE_FULL, NULL, &err) ==
            ITX_OK);
    REQUIRE(float_run_input(&run, NULL, NULL, &err) == ITX_OK);
    const float *const out = float_exec_output(run.exec, 0)->data;
    static const double zeros[3] = {0, 0, 0};
    double seen[3 * H * W], most = 0;
    see_own(seen, own, n, s);
    for (int at = 0; at < OUT * H * W; at++)
        most = fmax(
            most, fabs((double)out[at] - truth(n, seen, zeros, at / (H * W), at / W % H, at % W)));
    CHECK_MSG(most < 2e-3, "case %d: the float network is off by %g", i, most);
    float_run_release(&run);
    network_release(&net);
}

static void check_own(const struct own *own, int i)
{
    const struct net n = net_of(own);
    struct itx_error err = {.text = ""};
    struct shot shot;
    fill_shot(&shot, own->c == 1 ? ITX_IMAGE_GRAY : ITX_IMAGE_RGB);
    write_own(own->lines, &n);
    check_own_float(own, &n, &shot, i);
    const struct itx_build_options o = options_of_test();
    itx_model *model = NULL;
    itx_session *session = open_built(&model, &o, &err);
    CHECK_MSG(session != NULL, "case %d: %s", i, err.text);
    if (session == NULL) return;
    CHECK_MSG(itx_session_run(session, &shot.image, &err) == ITX_OK, "%s", err.text);
    double seen[3 * H * W], inside, edge, half[3];
    see_own(seen, own, &n, &shot);
    compare(session, model, &n, seen, &inside, &edge);
    for (int k = 0; k < 3; k++) half[k] = fabs(rint(n.mean[k]) - n.mean[k]);
    const double outside = bound(&n, half);
    CHECK_MSG(inside < 0.8, "case %d: inside off by %g sums", i, inside);
    CHECK_MSG(edge < 0.8 + outside, "case %d: the edge is off by %g sums", i, edge);
    itx_session_destroy(&session);
    itx_model_close(&model);
}

static void test_feed__own_scaling(void)
{
    for (int i = 0; i < (int)ARRAY_LEN(owns); i++) check_own(&owns[i], i);
}

/* Bytes / 255 that the file divides itself are the same program as bytes / 255 that it wants. */
static void test_feed__own_scaling_is_free(void)
{
    const struct net n = make_net(3, NULL, NULL);
    const struct itx_build_options o = options_of_test();
    struct itx_model_info info[2];
    struct itx_error err = {.text = ""};
    itx_model *model[2] = {NULL, NULL};
    static const char *const lines[2] = {"input %x: f32[1, 3, 8, 12]\n",
                                         PLANES "const %k: f32[] = {255}\n%x" TYPE "Div(%i, %k)\n"};
    for (int i = 0; i < 2; i++) {
        write_own(lines[i], &n);
        itx_session *session = open_built(&model[i], &o, &err);
        REQUIRE(session != NULL && itx_model_get_info(model[i], &info[i], &err) == ITX_OK);
        itx_session_destroy(&session);
    }
    CHECK(info[0].n_steps == info[1].n_steps && info[0].n_tensors == info[1].n_tensors);
    struct itx_tensor_info a, b;
    REQUIRE(itx_model_get_tensor(model[0], 0, &a, &err) == ITX_OK &&
            itx_model_get_tensor(model[1], 0, &b, &err) == ITX_OK);
    CHECK(a.scale[0] == b.scale[0] && a.zero_point[0] == b.zero_point[0]);
    for (int i = 0; i < 2; i++) itx_model_close(&model[i]);
}

/* What the constants leave open is refused, float and compiled, and settled by mean or scale. */
static void test_feed__own_scaling_unclear(void)
{
    static const struct own unclear[] = {
        {PLANES "const %k: f32[] = {0.3}\n%x" TYPE "Mul(%i, %k)\n", 3, false, THREE(0), THREE(0.3)},
        {PLANES "const %m: f32[] = {0.485}\nconst %d: f32[] = {58}\n"
                "%a" TYPE "Sub(%i, %m)\n%x" TYPE "Div(%a, %d)\n",
         3, false, THREE(0.485), THREE(1 / 58.0)},
        {PLANES "const %m: f32[] = {123.7}\nconst %d: f32[] = {0.229}\n"
                "%a" TYPE "Sub(%i, %m)\n%x" TYPE "Div(%a, %d)\n",
         3, false, THREE(123.7), THREE(1 / 0.229)},
        {PLANES "const %m: f32[3, 1, 1] = {0.485, 116, 0.406}\n%x" TYPE "Sub(%i, %m)\n",
         3,
         false,
         {0.485, 116, 0.406},
         THREE(1)},
        {PLANES "const %m: f32[] = {-700}\n%x" TYPE "Sub(%i, %m)\n", 3, false, THREE(-700),
         THREE(1)},
    };
    static const float one = 1;
    for (int i = 0; i < (int)ARRAY_LEN(unclear); i++) {
        const struct net n = net_of(&unclear[i]);
        struct itx_build_options o = options_of_test();
        struct itx_error err = {.text = ""};
        itx_float *floats = NULL;
        char onnx[128];
        write_own(unclear[i].lines, &n);
        snprintf(onnx, sizeof onnx, "%s", path_of("net.onnx"));
        CHECK(itx_build(onnx, path_of("net.bin"), &o, NULL, &err) == ITX_E_UNSUPPORTED);
        CHECK_MSG(strstr(err.text, "--scale 1 says bytes") != NULL, "%s", err.text);
        CHECK(itx_float_open(&floats, onnx, 1, &err) == ITX_E_UNSUPPORTED);
        CHECK_MSG(strstr(err.text, "--scale 1 says bytes") != NULL, "%s", err.text);
        o.scale = &one;
        o.n_scale = 1;
        CHECK_MSG(itx_float_open_with(&floats, onnx, 1, &o, &err) == ITX_OK, "%s", err.text);
        itx_float_close(&floats);
        itx_model *model = NULL;
        itx_session *session = open_built(&model, &o, &err);
        REQUIRE(session != NULL);
        struct shot shot;
        fill_shot(&shot, ITX_IMAGE_RGB);
        REQUIRE(itx_session_run(session, &shot.image, &err) == ITX_OK);
        double seen[3 * H * W], inside, edge;
        see_own(seen, &unclear[i], &n, &shot);
        compare(session, model, &n, seen, &inside, &edge);
        if (fabs(n.mean[0]) <= 255)
            CHECK_MSG(inside < 0.8, "case %d: inside off by %g sums", i, inside);
        itx_session_destroy(&session);
        itx_model_close(&model);
    }
}

/* The options' mean and scale come first, as a program's preparation of the picture does; the file's own come behind. With
 * numbers instead of a picture all of it stays in the network. */
static void test_feed__own_scaling_behind_options(void)
{
    static const float mean[3] = {10, 20, 30}, scale[3] = {0.5f, 0.25f, 2};
    struct own own = {PLANES "const %m: f32[1, 3, 1, 1] = {50, 20, 70}\nconst %d: f32[] = {40}\n"
                             "%a" TYPE "Sub(%i, %m)\n%x" TYPE "Div(%a, %d)\n",
                      3,
                      false,
                      {110, 100, 65},
                      {0.0125, 0.00625, 0.05}};
    const struct net n = net_of(&own);
    struct itx_build_options o = options_of_test();
    struct itx_error err = {.text = ""};
    o.train_format = ITX_IMAGE_RGB;
    o.mean = mean;
    o.scale = scale;
    o.n_mean = o.n_scale = 3;
    itx_model *model = NULL;
    write_own(own.lines, &n);
    itx_session *session = open_built(&model, &o, &err);
    REQUIRE(session != NULL);
    struct shot shot;
    fill_shot(&shot, ITX_IMAGE_RGB);
    REQUIRE(itx_session_run(session, &shot.image, &err) == ITX_OK);
    double seen[3 * H * W], inside, edge;
    see_own(seen, &own, &n, &shot);
    compare(session, model, &n, seen, &inside, &edge);
    CHECK_MSG(inside < 0.8 && edge < 0.8, "off by %g, %g", inside, edge);
    itx_session_destroy(&session);
    itx_model_close(&model);
}

static void test_feed__refusals(void)
{
    static const float one[] = {1, 2}, zero[] = {0};
    static const char *const file[] = {"/nonexistent"};
    struct itx_build_options bad[12];
    const struct net n = make_net(3, NULL, NULL);
    struct strbuf text = {0};
    struct itx_error err = {.text = ""};
    for (int i = 0; i < 12; i++) bad[i] = options_of_test();
    bad[0].input_format = ITX_IMAGE_GRAY; /* three channels */
    bad[1].train_format = ITX_IMAGE_GRAY;
    bad[2].train_format = ITX_IMAGE_YUV444; /* given RGB */
    bad[3].mean = one;
    bad[3].n_mean = 2; /* of three channels */
    bad[4].scale = zero;
    bad[4].n_scale = 1;
    bad[5].n_scale = 1; /* NULL */
    bad[6].random = -1;
    bad[7].tensors = file; /* and random */
    bad[7].n_tensors = 1;
    bad[8].random = 0; /* nothing */
    bad[9].train_format = ITX_IMAGE_NV12;
    bad[10].input_format = ITX_IMAGE_NONE;
    bad[10].mean = one;
    bad[10].n_mean = 1;
    bad[11].tensors_type = (enum itx_tensor_type)9;
    const itx_status expected[12] = {ITX_E_INVAL, ITX_E_INVAL, ITX_E_INVAL, ITX_E_INVAL,
                                     ITX_E_RANGE, ITX_E_INVAL, ITX_E_RANGE, ITX_E_INVAL,
                                     ITX_E_INVAL, ITX_E_INVAL, ITX_E_INVAL, ITX_E_INVAL};
    strbuf_addf(&text, "input %%x: f32[1, 3, 8, 12]\n");
    add_weights(&text, &n);
    strbuf_addf(&text, CONV("x") "output %%y\n");
    CHECK_MSG(write_network(text.data, text.len, &err) == ITX_OK, "%s", err.text);
    strbuf_release(&text);
    char onnx[128];
    snprintf(onnx, sizeof onnx, "%s", path_of("net.onnx"));
    for (int i = 0; i < 12; i++) {
        const itx_status rc = itx_build(onnx, path_of("net.bin"), &bad[i], NULL, &err);
        CHECK_MSG(rc == expected[i], "case %d: %d, %s", i, (int)rc, err.text);
    }
    unlink(onnx);
    CHECK(rmdir(folder) == 0); /* nothing else was left */
    folder[0] = '\0';
}

TEST_MAIN(TEST(test_feed__combinations), TEST(test_feed__other_first_nodes),
          TEST(test_feed__channels_last), TEST(test_feed__numbers), TEST(test_feed__float_is_exact),
          TEST(test_feed__own_scaling), TEST(test_feed__own_scaling_is_free),
          TEST(test_feed__own_scaling_unclear), TEST(test_feed__own_scaling_behind_options),
          TEST(test_feed__refusals))
