/* SPDX-License-Identifier: Apache-2.0
 *
 * What a convolution's window sees at one position of its output: a patch.
 */
#ifndef QUANT_PATCHES_H
#define QUANT_PATCHES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All pairs are h, w. pad: top, left. */
struct patch_window {
    int in_h, in_w, in_c;
    int out_h, out_w;
    int kernel[2], stride[2], pad[2], dilation[2];
};

static inline int patch_size(const struct patch_window *w)
{
    return w->kernel[0] * w->kernel[1] * w->in_c;
}

/* Stored integers [in_h, in_w], `pixel` elements from one to the next, less their zero point (one for each channel, or
 * one); 0 outside. position = y * out_w + x. patch [kh, kw, in_c], the order of weights in a plan. */
void patch_of_s8(int16_t *patch, const struct patch_window *w, int position, const int8_t *in,
                 size_t pixel, const int32_t *zero, bool zero_each);
void patch_of_s16(int16_t *patch, const struct patch_window *w, int position, const int16_t *in,
                  size_t pixel);
/* Floats [in_c, in_h, in_w]; 0 outside. patch [in_c, kh, kw], the order of weights in ONNX. */
void patch_of_float(float *patch, const struct patch_window *w, int position, const float *in);

#endif
