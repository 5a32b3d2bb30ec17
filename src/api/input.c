/* SPDX-License-Identifier: Apache-2.0 */
#include "api/input.h"

#include <math.h>

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
                      void *tensor, int begin, int end)
{
    const struct plan_tensor *const t = &plan->tensors[plan->inputs[0].tensor];
    const enum image_colours colours = colours_of(&plan->inputs[0], t);
    const size_t stride = (size_t)t->w * 3;
    if (colours == IMAGE_AS_RGB) {
        kernels->to_input(rgb, stride, t->w, tensor, t->pixel, begin, end);
        return;
    }
    for (int y = begin; y < end; y++)
        write_row(rgb + (size_t)y * stride, colours, t,
                  (int8_t *)tensor + (size_t)y * (size_t)t->w * (size_t)t->pixel);
}

void input_write_numbers(const struct plan_tensor *t, const float *x, void *to)
{
    const size_t plane = (size_t)t->h * (size_t)t->w;
    const bool is_wide = t->dtype == DTYPE_S16;
    const float least = is_wide ? INT16_MIN : INT8_MIN, most = is_wide ? INT16_MAX : INT8_MAX;
    for (int c = 0; c < t->c; c++) {
        const float scale = t->scale[t->n_quant > 1 ? c : 0];
        const float zero = (float)t->zero_point[t->n_quant > 1 ? c : 0];
        for (size_t i = 0; i < plane; i++) {
            float q = rintf(x[(size_t)c * plane + i] / scale) + zero;
            q = q > least ? q : least; /* also what is not a number */
            q = q < most ? q : most;
            const size_t at = i * (size_t)t->pixel + (size_t)c;
            if (is_wide)
                ((int16_t *)to)[at] = (int16_t)q;
            else
                ((int8_t *)to)[at] = (int8_t)q;
        }
    }
}

void input_write_stored(const struct plan_tensor *t, const void *x, void *to)
{
    const size_t plane = (size_t)t->h * (size_t)t->w, pixel = (size_t)t->pixel;
    for (size_t c = 0; c < (size_t)t->c; c++)
        for (size_t i = 0; i < plane; i++) {
            if (t->dtype == DTYPE_S16)
                ((int16_t *)to)[i * pixel + c] = ((const int16_t *)x)[c * plane + i];
            else
                ((int8_t *)to)[i * pixel + c] = ((const int8_t *)x)[c * plane + i];
        }
}
