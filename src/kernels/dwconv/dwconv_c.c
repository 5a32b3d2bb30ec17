/* SPDX-License-Identifier: Apache-2.0
 *
 * The specification of the family: the formula of dwconv.h as loops. Packed weights are the plan's.
 */
#include <string.h>

#include "kernels/dwconv/dwconv_rows.h"

bool dwconv_s8_fits_1x1__c(const struct conv_shape *s)
{
    (void)s;
    return true;
}

size_t dwconv_s8_packed_size_1x1__c(const struct conv_shape *s)
{
    return (size_t)s->kernel_h * (size_t)s->kernel_w * (size_t)s->in_c;
}

size_t dwconv_s8_scratch_size_1x1__c(const struct conv_shape *s)
{
    (void)s;
    return 0;
}

void dwconv_s8_pack_1x1__c(const struct conv_shape *s, const int8_t *w, void *packed)
{
    memcpy(packed, w, dwconv_s8_packed_size_1x1__c(s));
}

static size_t pixel_index(int y, int x, int width, int pixel)
{
    return ((size_t)y * (size_t)width + (size_t)x) * (size_t)pixel;
}

static int element(const struct conv_shape *s, const void *a, size_t at)
{
    return s->is_wide ? ((const int16_t *)a)[at] : ((const int8_t *)a)[at];
}

static int32_t accumulate(const struct conv_params *p, const void *in, int y, int x, int c)
{
    const struct conv_shape *const s = &p->shape;
    const int8_t *const w = p->packed;
    uint32_t acc = (uint32_t)p->bias[c];
    for (int i = 0; i < s->kernel_h; i++) {
        for (int j = 0; j < s->kernel_w; j++) {
            const int in_y = y * s->stride_h + i * s->dilation_h - s->pad_top;
            const int in_x = x * s->stride_w + j * s->dilation_w - s->pad_left;
            const int is_inside = in_y >= 0 && in_y < s->in_h && in_x >= 0 && in_x < s->in_w;
            const size_t at = pixel_index(in_y, in_x, s->in_w, s->in_pixel);
            const int a =
                is_inside ? element(s, in, at + (size_t)c) : element(s, p->pad, (size_t)c);
            acc += (uint32_t)(a * w[pixel_index(i, j, s->kernel_w, s->in_c) + (size_t)c]);
        }
    }
    return (int32_t)acc;
}

void dwconv_s8_run_1x1__c(const struct conv_params *p, const void *in, const void *res, void *out,
                          int row_begin, int row_end, void *scratch)
{
    (void)scratch;
    const struct conv_shape *const s = &p->shape;
    for (int y = row_begin; y < row_end; y++) {
        for (int x = 0; x < s->out_w; x++) {
            const size_t to = pixel_index(y, x, s->out_w + s->out_skip, s->out_pixel);
            const size_t from = pixel_index(y, x, s->out_w + s->out_skip, s->res_pixel);
            for (int c = 0; c < s->out_c; c++)
                epilogue_store(&p->epilogue, c, accumulate(p, in, y, x, c), res, from + (size_t)c,
                               out, to + (size_t)c);
        }
    }
}
