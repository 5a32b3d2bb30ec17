/* SPDX-License-Identifier: Apache-2.0
 *
 * The scalar rows of conv and dwconv against sums in 64 bits over an image that is padded in memory, and an epilogue
 * in doubles. The other rows are compared with the scalar ones by tests/check.
 */
#include "kernels/conv/conv.h"
#include "kernels/dwconv/dwconv.h"

#include <math.h>

#include "base/cpu.h"

#include "test.h"

enum {
    MAX_IN = 12 * 13 * 24,
    MAX_OUT = 24 * 27 * 24,
    MAX_WEIGHTS = 20 * 5 * 5 * 20,
    MAX_C = 64 * 9
};

/* One case's data. */
struct data {
    int8_t in[MAX_IN + 64], res[MAX_OUT], pad[128], weights[MAX_WEIGHTS];
    int32_t bias[MAX_C], offset[64];
    int16_t mul[64], res_mul[64];
    float scale[64];
};

static void fill_bytes(int8_t *p, size_t n, int low, uint64_t *seed)
{
    for (size_t i = 0; i < n; i++) {
        const int v = (int8_t)test_random(seed);
        p[i] = (int8_t)(v < low ? low : v);
    }
}

static void fill(struct data *d, uint64_t *seed)
{
    fill_bytes(d->in, sizeof d->in, -128, seed);
    fill_bytes(d->res, sizeof d->res, -128, seed);
    fill_bytes(d->pad, sizeof d->pad, -128, seed);
    fill_bytes(d->weights, sizeof d->weights, -127, seed);
    for (int i = 0; i < MAX_C; i++) d->bias[i] = (int32_t)test_random(seed) >> 15;
    for (int i = 0; i < 64; i++) {
        d->offset[i] = (int32_t)test_random(seed) >> 9;
        d->mul[i] = (int16_t)(test_random(seed) & 0x7fff);
        d->res_mul[i] = (int16_t)(test_random(seed) & 0x7fff);
        d->scale[i] = (float)(test_random(seed) % 1000 + 1) / 200000;
    }
}

static struct conv_params params_of(const struct data *d, const struct conv_shape *s)
{
    return (struct conv_params){
        .shape = *s,
        .epilogue = {.out = EPILOGUE_S32,
                     .shift = 15,
                     .scale = d->scale,
                     .mul = d->mul,
                     .res_mul = d->res_mul,
                     .offset = d->offset},
        .pad = d->pad,
        .bias = d->bias,
    };
}

/* The value at (y, x, c), from the image or the padding around it. */
static int64_t pixel(const struct data *d, const struct conv_shape *s, int y, int x, int c)
{
    if (y < 0 || x < 0 || y >= s->in_h || x >= s->in_w) return d->pad[c];
    return d->in[(y * s->in_w + x) * s->in_pixel + c];
}

enum kind { DENSE, DEPTHWISE };

static int64_t naive_sum(const struct data *d, const struct conv_shape *s, enum kind kind, int y,
                         int x, int o)
{
    int64_t sum = d->bias[o];
    for (int tap = 0; tap < s->kernel_h * s->kernel_w; tap++) {
        const int in_y = y * s->stride_h - s->pad_top + tap / s->kernel_w * s->dilation_h;
        const int in_x = x * s->stride_w - s->pad_left + tap % s->kernel_w * s->dilation_w;
        if (kind == DEPTHWISE) {
            sum += pixel(d, s, in_y, in_x, o) * d->weights[tap * s->in_c + o];
            continue;
        }
        for (int c = 0; c < s->in_c; c++) {
            const int at = (o * s->kernel_h * s->kernel_w + tap) * s->in_c + c;
            sum += pixel(d, s, in_y, in_x, c) * d->weights[at];
        }
    }
    return sum;
}

/* Stage A and C without an activation, from the definitions. */
static double naive_requant(const struct data *d, int64_t sum, int res, int c)
{
    const float product = (float)((double)(float)sum * (double)d->scale[c]);
    const double t = fmin(32767, fmax(-32768, nearbyint(product)));
    const double y = floor((t * d->mul[c] + (double)res * d->res_mul[c] + d->offset[c]) / 32768.0);
    return fmin(127, fmax(-128, y));
}

static const struct conv_shape shapes[] = {
    {7, 9, 5, 7, 9, 6, 3, 3, 1, 1, 1, 1, 1, 1, 1, 5, 6, 6},
    {11, 12, 4, 6, 6, 17, 3, 3, 2, 2, 1, 1, 1, 1, 1, 6, 20, 17},
    {5, 6, 20, 5, 6, 9, 1, 1, 1, 1, 0, 0, 1, 1, 1, 20, 9, 11},
    {12, 13, 3, 5, 11, 4, 5, 3, 2, 1, 0, 2, 1, 2, 1, 4, 5, 4},
    {9, 9, 2, 12, 5, 3, 2, 5, 1, 3, 3, 4, 3, 1, 1, 3, 3, 3},
};

static void test_conv__sums_equal_64_bit_sums(void)
{
    static struct data d;
    static int32_t out[MAX_OUT];
    static uint8_t packed[MAX_WEIGHTS];
    const struct conv_row *const row = conv_choose(CPU_SCALAR, &shapes[0]);
    uint64_t seed = 5;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        const struct conv_shape *const s = &shapes[i];
        fill(&d, &seed);
        struct conv_params p = params_of(&d, s);
        REQUIRE(row->packed_size(s, d.weights) <= sizeof packed);
        row->pack(s, d.weights, packed);
        p.packed = packed;
        row->run(&p, d.in, NULL, out, 0, s->out_h, NULL);
        for (int at = 0; at < s->out_h * s->out_w * s->out_c; at++) {
            const int c = at % s->out_c, x = at / s->out_c % s->out_w, y = at / s->out_c / s->out_w;
            CHECK(out[(y * s->out_w + x) * s->out_pixel + c] == naive_sum(&d, s, DENSE, y, x, c));
        }
    }
}

static void test_conv__products_are_counted(void)
{
    const struct conv_shape s = {.in_h = 20,
                                 .in_w = 18,
                                 .in_c = 40,
                                 .out_h = 20,
                                 .out_w = 18,
                                 .out_c = 24,
                                 .kernel_h = 3,
                                 .kernel_w = 3,
                                 .upscale = 1};
    const struct conv_shape up = {.in_h = 5,
                                  .in_w = 4,
                                  .in_c = 8,
                                  .out_h = 10,
                                  .out_w = 8,
                                  .out_c = 6,
                                  .kernel_h = 2,
                                  .kernel_w = 2,
                                  .upscale = 2};
    int n;
    const struct conv_row *const rows = conv_rows(&n);
    for (int i = 0; i < n; i++) {
        if (strstr(rows[i].name, "winograd4") != NULL) {
            CHECK(rows[i].products(&s) == UINT64_C(5) * 5 * 36 * 40 * 24);
            CHECK(rows[i].operands == PEAK_16_BITS);
        } else if (strstr(rows[i].name, "winograd2") != NULL) {
            CHECK(rows[i].products(&s) == UINT64_C(10) * 9 * 16 * 40 * 24);
        } else {
            CHECK(rows[i].products(&s) == UINT64_C(20) * 18 * 9 * 40 * 24);
            CHECK(rows[i].products(&up) == UINT64_C(10) * 8 * 8 * 6);
        }
    }
    CHECK(kernels_peak(CPU_SCALAR, PEAK_8_BITS) == 0);
}

static void test_conv__epilogue_equals_doubles(void)
{
    static struct data d;
    static int8_t out[MAX_OUT];
    static uint8_t packed[MAX_WEIGHTS];
    const struct conv_shape *const s = &shapes[1];
    const struct conv_row *const row = conv_choose(CPU_SCALAR, s);
    uint64_t seed = 6;
    fill(&d, &seed);
    struct conv_params p = params_of(&d, s);
    p.epilogue.out = EPILOGUE_S8;
    row->pack(s, d.weights, packed);
    p.packed = packed;
    row->run(&p, d.in, d.res, out, 0, s->out_h, NULL);
    int n_inside = 0;
    for (int at = 0; at < s->out_h * s->out_w * s->out_c; at++) {
        const int c = at % s->out_c, x = at / s->out_c % s->out_w, y = at / s->out_c / s->out_w;
        const int res = d.res[(y * s->out_w + x) * s->res_pixel + c];
        const int64_t sum = naive_sum(&d, s, DENSE, y, x, c);
        const double want = naive_requant(&d, sum, res, c);
        CHECK(out[(y * s->out_w + x) * s->out_pixel + c] == want);
        n_inside += fabs(want) < 127;
    }
    CHECK(n_inside > s->out_h * s->out_w * s->out_c / 4); /* saturation does not hide it all */
}

/* Every output pixel of a transposed convolution whose kernel is its stride, from the definition: scatter. */
static void test_conv__upscale_equals_scattered_products(void)
{
    enum { N = 3, H = 4, W = 5, IN_C = 6, OUT_C = 7, OUT_PIXEL = 8 };
    static struct data d;
    static int32_t out[H * N * W * N * OUT_PIXEL];
    static int64_t want[H * N * W * N * OUT_PIXEL];
    static uint8_t packed[MAX_WEIGHTS];
    const struct conv_shape s = {H, W, IN_C, H * N, W * N, OUT_C, N,    N,         1,
                                 1, 0, 0,    1,     1,     N,     IN_C, OUT_PIXEL, 0};
    const struct conv_row *const row = conv_choose(CPU_SCALAR, &s);
    uint64_t seed = 7;
    fill(&d, &seed);
    struct conv_params p = params_of(&d, &s);
    p.epilogue.res_mul = NULL;
    row->pack(&s, d.weights, packed);
    p.packed = packed;
    for (int y = 0; y < H; y++) row->run(&p, d.in, NULL, out, y, y + 1, NULL);
    for (int i = 0; i < H * W * OUT_C * N * N; i++) {
        const int tap = i % (OUT_C * N * N), o = tap / (N * N), x = i / (OUT_C * N * N) % W;
        const int y = i / (OUT_C * N * N) / W;
        const int to_y = y * N + tap / N % N, to_x = x * N + tap % N;
        int64_t *const to = &want[(to_y * W * N + to_x) * OUT_PIXEL + o];
        *to = d.bias[tap];
        for (int c = 0; c < IN_C; c++)
            *to += (int64_t)d.in[(y * W + x) * IN_C + c] * d.weights[tap * IN_C + c];
    }
    for (int i = 0; i < H * N * W * N * OUT_PIXEL; i++)
        if (i % OUT_PIXEL < OUT_C) CHECK(out[i] == want[i]);
}

static void test_dwconv__sums_equal_64_bit_sums(void)
{
    static struct data d;
    static int32_t out[MAX_OUT];
    static uint8_t packed[MAX_WEIGHTS];
    const struct dwconv_row *const row = dwconv_choose(CPU_SCALAR, &shapes[0]);
    uint64_t seed = 8;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        struct conv_shape s = shapes[i];
        s.out_c = s.in_c;
        s.out_pixel = s.in_c + 1;
        fill(&d, &seed);
        struct conv_params p = params_of(&d, &s);
        REQUIRE(row->packed_size(&s) <= sizeof packed);
        row->pack(&s, d.weights, packed);
        p.packed = packed;
        row->run(&p, d.in, NULL, out, 0, s.out_h, NULL);
        for (int at = 0; at < s.out_h * s.out_w * s.out_c; at++) {
            const int c = at % s.out_c, x = at / s.out_c % s.out_w, y = at / s.out_c / s.out_w;
            CHECK(out[(y * s.out_w + x) * s.out_pixel + c] ==
                  naive_sum(&d, &s, DEPTHWISE, y, x, c));
        }
    }
}

static void test_conv__chooser_respects_flags(void)
{
    int n;
    const struct conv_row *const rows = conv_rows(&n);
    CHECK(rows[n - 1].cpu == CPU_SCALAR);
    CHECK(conv_choose(CPU_SCALAR, &shapes[0]) == &rows[n - 1]);
    for (int i = 0; i < n; i++) {
        for (size_t j = 0; j < sizeof shapes / sizeof shapes[0]; j++) {
            const struct conv_row *const row = conv_choose(rows[i].cpu, &shapes[j]);
            CHECK((row->cpu & ~rows[i].cpu) == 0);
            CHECK(row->fits(&shapes[j]));
            if (rows[i].fits(&shapes[j])) CHECK(row <= &rows[i]); /* best first */
        }
    }
    const struct dwconv_row *const dw_rows = dwconv_rows(&n);
    CHECK(dw_rows[n - 1].cpu == CPU_SCALAR);
    CHECK(dwconv_choose(CPU_SCALAR, &shapes[0]) == &dw_rows[n - 1]);
    CHECK(dwconv_choose(CPU_ALL, &shapes[0]) == &dw_rows[0]);
}

TEST_MAIN(TEST(test_conv__sums_equal_64_bit_sums), TEST(test_conv__products_are_counted),
          TEST(test_conv__epilogue_equals_doubles),
          TEST(test_conv__upscale_equals_scattered_products),
          TEST(test_dwconv__sums_equal_64_bit_sums), TEST(test_conv__chooser_respects_flags))
