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

/* Channels that are worked on at a time: their scales and zero points are spread out first. */
enum { CHUNK = 128 };
struct chunk {
    size_t n;
    float scale[CHUNK];
    int32_t zero[CHUNK];
};

/* Sums of 32 bits have zero points of 0; others would wrap. */
#define X(name, type)                                                                              \
    static void real_##name(const struct chunk *c, const type *from, float *restrict to)           \
    {                                                                                              \
        for (size_t k = 0; k < c->n; k++)                                                          \
            to[k] = (float)(int32_t)((uint32_t)from[k] - (uint32_t)c->zero[k]) * c->scale[k];      \
    }
X(s8, int8_t)
X(s16, int16_t)
X(s32, int32_t)
#undef X

void dnn_values_real(const struct itx_tensor_info *t, const void *stored, float *to)
{
    const size_t w = (size_t)t->width, n = (size_t)t->channels;
    for (size_t first = 0; first < n; first += CHUNK) {
        struct chunk c = {.n = n - first < CHUNK ? n - first : CHUNK};
        for (size_t k = 0; k < c.n; k++) {
            const size_t q = t->n_quant > 1 ? first + k : 0;
            c.scale[k] = t->scale[q];
            c.zero[k] = t->zero_point[q];
        }
        for (size_t i = 0; i < (size_t)t->height * w; i++) {
            const size_t at = i / w * t->row + i % w * t->pixel + first;
            float *const out = to + i * n + first;
            if (t->dtype == ITX_S8)
                real_s8(&c, (const int8_t *)stored + at, out);
            else if (t->dtype == ITX_S16)
                real_s16(&c, (const int16_t *)stored + at, out);
            else
                real_s32(&c, (const int32_t *)stored + at, out);
        }
    }
}
