/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/patches.h"

#include <string.h>

/* The input pixel (h, w) under tap (i, j) of the window at a position, or -1 outside. */
static int64_t input_pixel(const struct patch_window *w, int position, int i, int j)
{
    const int y = position / w->out_w * w->stride[0] - w->pad[0] + i * w->dilation[0];
    const int x = position % w->out_w * w->stride[1] - w->pad[1] + j * w->dilation[1];
    if (y < 0 || y >= w->in_h || x < 0 || x >= w->in_w) return -1;
    return (int64_t)y * w->in_w + x;
}

void patch_of_s8(int16_t *patch, const struct patch_window *w, int position, const int8_t *in,
                 size_t pixel, const int32_t *zero, bool zero_each)
{
    for (int i = 0; i < w->kernel[0]; i++)
        for (int j = 0; j < w->kernel[1]; j++, patch += w->in_c) {
            const int64_t at = input_pixel(w, position, i, j);
            if (at < 0) {
                memset(patch, 0, (size_t)w->in_c * sizeof *patch);
                continue;
            }
            const int8_t *const from = in + (size_t)at * pixel;
            for (int c = 0; c < w->in_c; c++)
                patch[c] = (int16_t)(from[c] - zero[zero_each ? c : 0]);
        }
}

void patch_of_s16(int16_t *patch, const struct patch_window *w, int position, const int16_t *in,
                  size_t pixel)
{
    for (int i = 0; i < w->kernel[0]; i++)
        for (int j = 0; j < w->kernel[1]; j++, patch += w->in_c) {
            const int64_t at = input_pixel(w, position, i, j);
            if (at < 0)
                memset(patch, 0, (size_t)w->in_c * sizeof *patch);
            else
                memcpy(patch, in + (size_t)at * pixel, (size_t)w->in_c * sizeof *patch);
        }
}

void patch_of_float(float *patch, const struct patch_window *w, int position, const float *in)
{
    const size_t plane = (size_t)w->in_h * (size_t)w->in_w;
    const int area = w->kernel[0] * w->kernel[1];
    for (int i = 0; i < w->kernel[0]; i++)
        for (int j = 0; j < w->kernel[1]; j++, patch++) {
            const int64_t at = input_pixel(w, position, i, j);
            for (int c = 0; c < w->in_c; c++)
                patch[(size_t)c * (size_t)area] = at < 0 ? 0 : in[(size_t)c * plane + (size_t)at];
        }
}
