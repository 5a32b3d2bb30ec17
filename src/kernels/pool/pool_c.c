/* SPDX-License-Identifier: Apache-2.0
 *
 * The specification of the family: the formula of pool.h as loops.
 */
#include "kernels/pool/pool_rows.h"

size_t maxpool_s8_scratch_size__c(const struct pool_shape *s)
{
    (void)s;
    return 0;
}

static size_t pixel_index(int y, int x, int width, int pixel)
{
    return ((size_t)y * (size_t)width + (size_t)x) * (size_t)pixel;
}

static int window_max(const struct pool_shape *s, const void *in, int y, int x, int k)
{
    int max = s->is_wide ? INT16_MIN : INT8_MIN;
    for (int i = 0; i < s->kernel_h; i++) {
        for (int j = 0; j < s->kernel_w; j++) {
            const int64_t in_y = (int64_t)y * s->stride_h + i - s->pad_top;
            const int64_t in_x = (int64_t)x * s->stride_w + j - s->pad_left;
            if (in_y < 0 || in_y >= s->in_h || in_x < 0 || in_x >= s->in_w) continue;
            const size_t at = pixel_index((int)in_y, (int)in_x, s->in_w, s->in_pixel) + (size_t)k;
            const int v = s->is_wide ? ((const int16_t *)in)[at] : ((const int8_t *)in)[at];
            if (v > max) max = v;
        }
    }
    return max;
}

void maxpool_s8_run__c(const struct pool_shape *s, const void *in, void *out, int row_begin,
                       int row_end, void *scratch)
{
    (void)scratch;
    for (int y = row_begin; y < row_end; y++) {
        for (int x = 0; x < s->out_w; x++) {
            const size_t to = pixel_index(y, x, s->out_w, s->out_pixel);
            for (int k = 0; k < s->c; k++) {
                const int max = window_max(s, in, y, x, k);
                if (s->is_wide)
                    ((int16_t *)out)[to + (size_t)k] = (int16_t)max;
                else
                    ((int8_t *)out)[to + (size_t)k] = (int8_t)max;
            }
        }
    }
}
