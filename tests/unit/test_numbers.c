/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers into tensors and out of them, element by element, against the formulas in double: every type, one scale or one
 * for each channel, more channels than are worked on at a time, gaps between pixels, parts of the pixels.
 */
#include <math.h>
#include <string.h>

#include "api/input.h"
#include "api/output.h"
#include "base/mem.h"
#include "test.h"

enum { H = 7, W = 13, N = H * W, MOST_C = 300, GAP = 5 };

static float scale[MOST_C];
static int32_t zero[MOST_C], none[MOST_C];

static void fill_quant(void)
{
    for (int k = 0; k < MOST_C; k++) {
        scale[k] = 0.01f * (float)(k + 1);
        zero[k] = k * 37 % 256 - 128;
    }
}

static int64_t stored_at(enum dtype dtype, const void *data, size_t at)
{
    return dtype == DTYPE_S8    ? ((const int8_t *)data)[at]
           : dtype == DTYPE_S16 ? ((const int16_t *)data)[at]
                                : ((const int32_t *)data)[at];
}

static const int channels[] = {1, 3, 32, 80, 256, 257, 300};
enum { N_CHANNELS = sizeof channels / sizeof *channels, N_WAYS = 4 };

static struct plan_tensor tensor_of(enum dtype dtype, int c, int way)
{
    return (struct plan_tensor){.dtype = dtype,
                                .h = H,
                                .w = W,
                                .c = c,
                                .pixel = way % 2 == 0 ? c : c + GAP,
                                .n_quant = way < 2 ? 1 : c,
                                .scale = scale,
                                .zero_point = dtype == DTYPE_S32 ? none : zero};
}

/* ---- out ---- */

static void check_real(const struct plan_tensor *t, int begin, int end)
{
    const size_t size = (size_t)dtype_size(t->dtype), n = (size_t)N * (size_t)t->c;
    uint8_t *const data = mem_calloc((size_t)N * (size_t)t->pixel, size);
    float *const real = mem_calloc(n, sizeof *real);
    REQUIRE(data != NULL && real != NULL);
    uint64_t seed = 9;
    for (size_t i = 0; i < (size_t)N * (size_t)t->pixel * size; i++)
        data[i] = (uint8_t)test_random(&seed);
    for (size_t i = 0; i < n; i++) real[i] = -1e30f;
    output_write_real(t, data, real, begin, end);
    int n_wrong = 0;
    for (int i = 0; i < N; i++)
        for (int k = 0; k < t->c; k++) {
            const int q = t->n_quant > 1 ? k : 0;
            const size_t at = (size_t)i * (size_t)t->pixel + (size_t)k;
            const float whole = (float)(stored_at(t->dtype, data, at) - t->zero_point[q]);
            const float wanted = i >= begin && i < end ? whole * t->scale[q] : -1e30f;
            n_wrong += real[(size_t)i * (size_t)t->c + (size_t)k] != wanted;
        }
    CHECK_MSG(n_wrong == 0, "type %d, %d channels, pixel %d, %d scales: %d wrong", (int)t->dtype,
              t->c, t->pixel, t->n_quant, n_wrong);
    mem_free(data);
    mem_free(real);
}

static void test_output__of_all_types(void)
{
    static const enum dtype types[] = {DTYPE_S8, DTYPE_S16, DTYPE_S32};
    fill_quant();
    for (int d = 0; d < 3; d++)
        for (int c = 0; c < N_CHANNELS; c++)
            for (int way = 0; way < N_WAYS; way++) {
                const struct plan_tensor t = tensor_of(types[d], channels[c], way);
                check_real(&t, 0, N);
                check_real(&t, 11, 64);
                check_real(&t, 5, 5);
            }
}

/* ---- in ---- */

static float number(int i, float step, uint64_t *seed)
{
    static const float special[] = {0,      -0.0f, INFINITY, -INFINITY, 1e38f, -1e38f,
                                    1e-40f, 127,   -129,     32767.5f,  1e6f,  -1e6f};
    if (i % 17 == 3) return NAN;
    if (i % 5 == 1) return special[i / 5 % (int)(sizeof special / sizeof *special)];
    if (i % 3 == 0) return ((float)(test_random(seed) % 600) - 300 + 0.5f) * step; /* halves */
    return ((float)(test_random(seed) % 2000000) / 1000 - 1000) * step;
}

static int64_t wanted_of(float x, const struct plan_tensor *t, int k)
{
    const int q = t->n_quant > 1 ? k : 0;
    const int64_t most = t->dtype == DTYPE_S16 ? INT16_MAX : INT8_MAX, least = -most - 1;
    const double rounded = rint((double)(x / t->scale[q])) + t->zero_point[q];
    return !(rounded > (double)least) ? least : rounded > (double)most ? most : (int64_t)rounded;
}

static void check_stored(const struct plan_tensor *t, int begin, int end)
{
    const size_t size = (size_t)dtype_size(t->dtype), n = (size_t)N * (size_t)t->c;
    uint8_t *const data = mem_calloc((size_t)N * (size_t)t->pixel, size);
    float *const x = mem_calloc(n, sizeof *x);
    REQUIRE(data != NULL && x != NULL);
    uint64_t seed = 4;
    for (int i = 0; i < (int)n; i++) x[i] = number(i, scale[t->n_quant > 1 ? i / N : 0], &seed);
    memset(data, 0x55, (size_t)N * (size_t)t->pixel * size);
    input_write_numbers(t, x, data, begin, end);
    int n_wrong = 0;
    for (int i = 0; i < N; i++)
        for (int k = 0; k < t->pixel; k++) {
            const size_t at = (size_t)i * (size_t)t->pixel + (size_t)k;
            const int64_t untouched = t->dtype == DTYPE_S16 ? 0x5555 : 0x55;
            const bool is_in = i >= begin && i < end && k < t->c;
            const int64_t wanted =
                is_in ? wanted_of(x[(size_t)k * N + (size_t)i], t, k) : untouched;
            n_wrong += stored_at(t->dtype, data, at) != wanted;
        }
    CHECK_MSG(n_wrong == 0, "type %d, %d channels, pixel %d, %d scales: %d wrong", (int)t->dtype,
              t->c, t->pixel, t->n_quant, n_wrong);
    mem_free(data);
    mem_free(x);
}

static void test_input__of_all_types(void)
{
    fill_quant();
    for (int d = 0; d < 2; d++)
        for (int c = 0; c < N_CHANNELS; c++)
            for (int way = 0; way < N_WAYS; way++) {
                const struct plan_tensor t =
                    tensor_of(d == 0 ? DTYPE_S8 : DTYPE_S16, channels[c], way);
                check_stored(&t, 0, N);
                check_stored(&t, 11, 64);
            }
}

TEST_MAIN(TEST(test_output__of_all_types), TEST(test_input__of_all_types))
