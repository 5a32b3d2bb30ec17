/* SPDX-License-Identifier: Apache-2.0
 *
 * Stored integers on their way out, element by element: every type, with and without gaps between pixels and rows.
 */
#include <string.h>

#include "base/mem.h"
#include "dnn/values.h"
#include "test.h"

enum { H = 3, W = 5, C = 30, PIXEL = C + 7, ROW = W * PIXEL + 11 };

static void check_tensor(const struct itx_tensor_info *t)
{
    const size_t size = t->dtype == ITX_S8 ? 1 : t->dtype == ITX_S16 ? 2 : 4;
    uint8_t *const data = mem_calloc((size_t)H * ROW, size);
    uint8_t *const dense = mem_calloc((size_t)H * W * C, size);
    REQUIRE(data != NULL && dense != NULL);
    uint64_t seed = 9;
    for (size_t i = 0; i < (size_t)H * ROW * size; i++) data[i] = (uint8_t)test_random(&seed);
    dnn_values_dense(t, data, dense);
    CHECK(dnn_value_size(t) == size);
    for (int y = 0; y < t->height; y++)
        for (int x = 0; x < t->width; x++)
            for (int k = 0; k < t->channels; k++) {
                const size_t at = (size_t)y * t->row + (size_t)x * t->pixel + (size_t)k;
                const size_t to = ((size_t)y * W + (size_t)x) * (size_t)t->channels + (size_t)k;
                if (memcmp(dense + to * size, data + at * size, size) != 0) {
                    CHECK_MSG(false, "type %d, (%d, %d, %d)", (int)t->dtype, y, x, k);
                    y = H, x = W, k = C;
                }
            }
    mem_free(data);
    mem_free(dense);
}

static void test_values__of_all_types(void)
{
    for (int dtype = ITX_S8; dtype <= ITX_S32; dtype++)
        for (int way = 0; way < 2; way++) {
            const struct itx_tensor_info t = {.dtype = (enum itx_dtype)dtype,
                                              .height = H,
                                              .width = W,
                                              .channels = C,
                                              .pixel = way == 0 ? C : PIXEL,
                                              .row = way == 0 ? W * C : ROW};
            check_tensor(&t);
        }
}

TEST_MAIN(TEST(test_values__of_all_types))
