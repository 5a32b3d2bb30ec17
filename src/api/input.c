/* SPDX-License-Identifier: Apache-2.0 */
#include "api/input.h"

static enum image_colours colours_of(const struct plan_input *input, const struct plan_tensor *t)
{
    return t->c == 1 ? IMAGE_AS_GRAY : input->is_yuv ? IMAGE_AS_YUV : IMAGE_AS_RGB;
}

static void write_row(const uint8_t *rgb, enum image_colours colours, const struct plan_tensor *t,
                      int8_t *to)
{
    enum { PIECE = 256 };
    uint8_t bytes[3 * PIECE];
    for (int x = 0; x < t->w; x += PIECE) {
        const int n = t->w - x < PIECE ? t->w - x : PIECE;
        image_colours(rgb + 3 * (size_t)x, colours, (size_t)n, bytes);
        for (int i = 0; i < n; i++, to += t->pixel)
            for (int c = 0; c < t->c; c++) to[c] = (int8_t)(bytes[i * t->c + c] - 128);
    }
}

void input_write_rows(const struct plan *plan, const struct image_row *kernels, const uint8_t *rgb,
                      size_t stride, void *tensor, int begin, int end)
{
    const struct plan_tensor *const t = &plan->tensors[plan->inputs[0].tensor];
    const enum image_colours colours = colours_of(&plan->inputs[0], t);
    if (colours == IMAGE_AS_RGB) {
        kernels->to_input(rgb, stride, t->w, tensor, t->pixel, begin, end);
        return;
    }
    for (int y = begin; y < end; y++)
        write_row(rgb + (size_t)y * stride, colours, t,
                  (int8_t *)tensor + (size_t)y * (size_t)t->w * (size_t)t->pixel);
}

/* x / scale rounded to the nearest even integer, plus zero, between least and most; what is not a number becomes least.
 * With the limits first, adding and taking away 3 * 2^22 rounds: no call, and the compiler makes vectors of it. */
static inline int32_t stored_of(float x, float scale, float zero, float least, float most)
{
    float q = x / scale;
    q = q > least - zero ? q : least - zero;
    q = q < most - zero ? q : most - zero;
    return (int32_t)(q + 12582912.0f - 12582912.0f + zero);
}

#define X(name, type, least, most)                                                                 \
    static void write_##name(const float *x, int n, float scale, float zero, int pixel, type *to)  \
    {                                                                                              \
        enum { PIECE = 256 };                                                                      \
        int32_t piece[PIECE];                                                                      \
        for (int first = 0; first < n; first += PIECE) {                                           \
            const int m = n - first < PIECE ? n - first : PIECE;                                   \
            for (int i = 0; i < m; i++)                                                            \
                piece[i] = stored_of(x[first + i], scale, zero, least, most);                      \
            for (int i = 0; i < m; i++, to += pixel) *to = (type)piece[i];                         \
        }                                                                                          \
    }
X(s8, int8_t, INT8_MIN, INT8_MAX)
X(s16, int16_t, INT16_MIN, INT16_MAX)
#undef X

void input_write_numbers(const struct plan_tensor *t, const float *x, void *to, int begin, int end)
{
    const size_t plane = (size_t)t->h * (size_t)t->w;
    const size_t at = (size_t)begin * (size_t)t->pixel;
    for (int c = 0; c < t->c; c++) {
        const float scale = t->scale[t->n_quant > 1 ? c : 0];
        const float zero = (float)t->zero_point[t->n_quant > 1 ? c : 0];
        const float *const from = x + (size_t)c * plane + begin;
        if (t->dtype == DTYPE_S16)
            write_s16(from, end - begin, scale, zero, t->pixel, (int16_t *)to + at + c);
        else
            write_s8(from, end - begin, scale, zero, t->pixel, (int8_t *)to + at + c);
    }
}

void input_write_stored(const struct plan_tensor *t, const void *x, void *to, int begin, int end)
{
    const size_t plane = (size_t)t->h * (size_t)t->w, pixel = (size_t)t->pixel;
    for (size_t c = 0; c < (size_t)t->c; c++)
        for (size_t i = (size_t)begin; i < (size_t)end; i++) {
            if (t->dtype == DTYPE_S16)
                ((int16_t *)to)[i * pixel + c] = ((const int16_t *)x)[c * plane + i];
            else
                ((int8_t *)to)[i * pixel + c] = ((const int8_t *)x)[c * plane + i];
        }
}
