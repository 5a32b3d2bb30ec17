/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading pixels of a tensor of any type and layout as float numbers.
 */
#include "yolo/yolo.h"

#include "base/compiler.h"

/* One function for each type. Difference and product are each rounded once, whatever the layout. The first loop is
 * what the compiler vectorises. */
#define DEFINE_LOAD(name, type)                                                                    \
    static void name(const struct yolo_tensor *t, ptrdiff_t at, int n, float *out)                 \
    {                                                                                              \
        const type *p = (const type *)t->data + at;                                                \
        const bool one = t->scale == NULL || t->n_quant == 1;                                      \
        const float scale = t->scale != NULL ? t->scale[0] : 1;                                    \
        const int32_t zero = t->zero_point != NULL ? t->zero_point[0] : 0;                         \
        for (int i = 0; i < n; i++, p += t->pixel, out += t->c) {                                  \
            if (one && t->channel == 1) {                                                          \
                for (int k = 0; k < t->c; k++) out[k] = (float)(p[k] - (type)zero) * scale;        \
            } else if (one) {                                                                      \
                for (int k = 0; k < t->c; k++)                                                     \
                    out[k] = (float)(p[k * t->channel] - (type)zero) * scale;                      \
            } else {                                                                               \
                for (int k = 0; k < t->c; k++) {                                                   \
                    const int32_t z = t->zero_point != NULL ? t->zero_point[k] : 0;                \
                    out[k] = (float)(p[k * t->channel] - (type)z) * t->scale[k];                   \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }

DEFINE_LOAD(load_s8, int8_t)
DEFINE_LOAD(load_s16, int16_t)
DEFINE_LOAD(load_s32, int32_t)
DEFINE_LOAD(load_f32, float)
#undef DEFINE_LOAD

void yolo_tensor_row(const struct yolo_tensor *t, int y, int x, int n, float *out)
{
    const ptrdiff_t at = y * t->row + x * t->pixel;
    if (t->dtype == DTYPE_S8) {
        load_s8(t, at, n, out);
    } else if (t->dtype == DTYPE_S16) {
        load_s16(t, at, n, out);
    } else if (t->dtype == DTYPE_S32) {
        load_s32(t, at, n, out);
    } else if (t->dtype == DTYPE_F32) {
        load_f32(t, at, n, out);
    } else {
        ITX_BUG();
    }
}

void yolo_tensor_pixel(const struct yolo_tensor *t, int y, int x, float *out)
{
    yolo_tensor_row(t, y, x, 1, out);
}

void yolo_head_coefs(const struct yolo_head *head, struct yolo_place place, float *out)
{
    yolo_tensor_pixel(&head->level[place.level].coef, place.y, place.x, out);
}
