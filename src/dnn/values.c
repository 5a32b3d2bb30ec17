/* SPDX-License-Identifier: Apache-2.0 */
#include "dnn/values.h"

#include <stdbool.h>
#include <string.h>

size_t dnn_value_size(const struct itx_tensor_info *t)
{
    return t->dtype == ITX_S8 ? 1 : t->dtype == ITX_S16 ? 2 : 4;
}

void dnn_values_dense(const struct itx_tensor_info *t, const void *stored, void *to)
{
    const size_t size = dnn_value_size(t), w = (size_t)t->width;
    const size_t pixel = (size_t)t->channels * size;
    const bool has_gaps = t->pixel != (size_t)t->channels;
    uint8_t *out = to;
    for (size_t y = 0; y < (size_t)t->height; y++) {
        const uint8_t *const row = (const uint8_t *)stored + y * t->row * size;
        if (!has_gaps) memcpy(out + y * w * pixel, row, w * pixel);
        for (size_t x = 0; has_gaps && x < w; x++)
            memcpy(out + (y * w + x) * pixel, row + x * t->pixel * size, pixel);
    }
}
