/* SPDX-License-Identifier: Apache-2.0
 *
 * Stored integers on their way out, against the formula of itx_tensor_info in double, element by element: every type,
 * one scale or one for each channel, more channels than are worked on at a time, gaps between pixels and between rows.
 */
#include <string.h>

#include "base/mem.h"
#include "dnn/values.h"
#include "test.h"

enum { H = 3, W = 5, C = 300, PIXEL = C + 7, ROW = W * PIXEL + 11 };

static int64_t stored_at(const struct itx_tensor_info *t, const void *data, size_t at)
{
    return t->dtype == ITX_S8    ? ((const int8_t *)data)[at]
           : t->dtype == ITX_S16 ? ((const int16_t *)data)[at]
                                 : ((const int32_t *)data)[at];
}

static void check_tensor(const struct itx_tensor_info *t)
{
    const size_t size = t->dtype == ITX_S8 ? 1 : t->dtype == ITX_S16 ? 2 : 4;
    uint8_t *const data = mem_calloc((size_t)H * ROW, size);
    float *const real = mem_calloc((size_t)H * W * C, sizeof *real);
    uint8_t *const dense = mem_calloc((size_t)H * W * C, size);
    REQUIRE(data != NULL && real != NULL && dense != NULL);
    uint64_t seed = 9;
    for (size_t i = 0; i < (size_t)H * ROW * size; i++) data[i] = (uint8_t)test_random(&seed);
    dnn_values_real(t, data, real);
    dnn_values_dense(t, data, dense);
    CHECK(dnn_value_size(t) == size);
    for (int y = 0; y < t->height; y++)
        for (int x = 0; x < t->width; x++)
            for (int k = 0; k < t->channels; k++) {
                const size_t at = (size_t)y * t->row + (size_t)x * t->pixel + (size_t)k;
                const size_t to = ((size_t)y * W + (size_t)x) * (size_t)t->channels + (size_t)k;
                const int q = t->n_quant > 1 ? k : 0;
                const float whole = (float)(stored_at(t, data, at) - t->zero_point[q]);
                if (real[to] != whole * t->scale[q] ||
                    memcmp(dense + to * size, data + at * size, size) != 0) {
                    CHECK_MSG(false, "type %d, (%d, %d, %d)", (int)t->dtype, y, x, k);
                    y = H, x = W, k = C;
                }
            }
    mem_free(data);
    mem_free(real);
    mem_free(dense);
}

static void test_values__of_all_types(void)
{
    static float scale[C];
    static int32_t zero[C], none[C];
    for (int k = 0; k < C; k++) {
        scale[k] = 0.01f * (float)(k + 1);
        zero[k] = k % 256 - 128;
    }
    for (int dtype = ITX_S8; dtype <= ITX_S32; dtype++)
        for (int way = 0; way < 4; way++) {
            struct itx_tensor_info t = {.dtype = (enum itx_dtype)dtype,
                                        .height = H,
                                        .width = W,
                                        .channels = C,
                                        .pixel = way % 2 == 0 ? C : PIXEL,
                                        .row = way % 2 == 0 ? W * C : ROW,
                                        .n_quant = way < 2 ? 1 : C,
                                        .scale = scale,
                                        .zero_point = dtype == ITX_S32 ? none : zero};
            check_tensor(&t);
        }
}

TEST_MAIN(TEST(test_values__of_all_types))
