/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNELS_CONV_CONV_COARSE_H
#define KERNELS_CONV_CONV_COARSE_H

#include "kernels/conv/conv.h"

typedef void conv_add_coarse_fn(const struct conv_params *p, int y, int x, int n_px, int c0,
                                int n_channels, int32_t *restrict acc, int acc_step);

/* Adds coarse sums to accumulators, in the instruction set of the file that includes this: n_channels channels from c0
 * on of n_px pixels from (y, x) on, acc_step apart. */
static inline void conv_add_coarse(const struct conv_params *p, int y, int x, int n_px, int c0,
                                   int n_channels, int32_t *restrict acc, int acc_step)
{
    const struct conv_coarse *const k = &p->coarse;
    const int w = p->shape.out_w / k->factor_w, out_c = p->shape.out_c;
    const int32_t *const row = k->sums + (size_t)(y / k->factor_h) * (size_t)w * (size_t)out_c;
    int column = x / k->factor_w, left = k->factor_w - x % k->factor_w;
    for (int i = 0; i < n_px; i++, acc += acc_step) {
        const int32_t *restrict from = row + (size_t)column * (size_t)out_c + c0;
        for (int c = 0; c < n_channels; c++)
            acc[c] = (int32_t)((uint32_t)acc[c] + (uint32_t)from[c]);
        if (--left > 0) continue;
        left = k->factor_w;
        column++;
    }
}

#endif
