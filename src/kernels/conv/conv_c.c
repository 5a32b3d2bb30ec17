/* SPDX-License-Identifier: Apache-2.0
 *
 * The specification of the family: the formulas of conv.h as loops. Packed weights are the plan's.
 */
#include <string.h>

#include "kernels/conv/conv_rows.h"

bool conv_s8_fits_1x1__c(const struct conv_shape *s)
{
    (void)s;
    return true;
}

size_t conv_s8_packed_size_1x1__c(const struct conv_shape *s, const int8_t *w)
{
    (void)w;
    return (size_t)s->out_c * (size_t)s->kernel_h * (size_t)s->kernel_w * (size_t)s->in_c;
}

size_t conv_s8_scratch_size_1x1__c(const struct conv_shape *s)
{
    (void)s;
    return 0;
}

void conv_s8_pack_1x1__c(const struct conv_shape *s, const int8_t *w, void *packed)
{
    memcpy(packed, w, conv_s8_packed_size_1x1__c(s, w));
}

static size_t pixel_index(int y, int x, int width, int pixel)
{
    return ((size_t)y * (size_t)width + (size_t)x) * (size_t)pixel;
}

/* The sum over n channels from element `at` of a. It may wrap on its way to a value that fits. */
static uint32_t products(const struct conv_shape *s, const void *a, size_t at, const int8_t *w,
                         int n)
{
    uint32_t sum = 0;
    if (s->is_wide) {
        const int16_t *const wide = (const int16_t *)a + at;
        for (int c = 0; c < n; c++) sum += (uint32_t)(wide[c] * w[c]);
    } else {
        const int8_t *const narrow = (const int8_t *)a + at;
        for (int c = 0; c < n; c++) sum += (uint32_t)(narrow[c] * w[c]);
    }
    return sum;
}

/* bias[o] + the sum of the formula. */
static int32_t accumulate(const struct conv_params *p, const void *in, int y, int x, int o)
{
    const struct conv_shape *const s = &p->shape;
    const int8_t *w = (const int8_t *)p->packed +
                      (size_t)o * (size_t)s->kernel_h * (size_t)s->kernel_w * (size_t)s->in_c;
    uint32_t acc = (uint32_t)p->bias[o];
    const struct conv_coarse *const k = &p->coarse;
    if (k->sums != NULL)
        acc += (uint32_t)k->sums[pixel_index(y / k->factor_h, x / k->factor_w,
                                             s->out_w / k->factor_w, s->out_c) +
                                 (size_t)o];
    for (int i = 0; i < s->kernel_h; i++) {
        for (int j = 0; j < s->kernel_w; j++) {
            const int in_y = y * s->stride_h + i * s->dilation_h - s->pad_top;
            const int in_x = x * s->stride_w + j * s->dilation_w - s->pad_left;
            const int is_inside = in_y >= 0 && in_y < s->in_h && in_x >= 0 && in_x < s->in_w;
            if (is_inside)
                acc += products(s, in, pixel_index(in_y, in_x, s->in_w, s->in_pixel), w, s->in_c);
            else
                acc += products(s, p->pad, 0, w, s->in_c);
            w += s->in_c;
        }
    }
    return (int32_t)acc;
}

static void run_upscaled(const struct conv_params *p, const void *in, void *out, int row_begin,
                         int row_end)
{
    const struct conv_shape *const s = &p->shape;
    const int n = s->upscale;
    for (int y = row_begin * n; y < row_end * n; y++) {
        for (int x = 0; x < s->out_w; x++) {
            const size_t from = pixel_index(y / n, x / n - s->pad_left, s->in_w, s->in_pixel);
            const size_t to = pixel_index(y, x, s->out_w + s->out_skip, s->out_pixel);
            for (int o = 0; o < s->out_c; o++) {
                const int tap = (o * n + y % n) * n + x % n;
                const int8_t *const w = (const int8_t *)p->packed + (size_t)tap * (size_t)s->in_c;
                const uint32_t acc = (uint32_t)p->bias[tap] + products(s, in, from, w, s->in_c);
                epilogue_store(&p->epilogue, o, (int32_t)acc, NULL, 0, out, to + (size_t)o);
            }
        }
    }
}

void conv_s8_run_1x1__c(const struct conv_params *p, const void *in, const void *res, void *out,
                        int row_begin, int row_end, void *scratch)
{
    (void)scratch;
    const struct conv_shape *const s = &p->shape;
    if (s->upscale > 1) {
        run_upscaled(p, in, out, row_begin, row_end);
        return;
    }
    for (int y = row_begin; y < row_end; y++) {
        for (int x = 0; x < s->out_w; x++) {
            const size_t to = pixel_index(y, x, s->out_w + s->out_skip, s->out_pixel);
            const size_t from = pixel_index(y, x, s->out_w + s->out_skip, s->res_pixel);
            for (int o = 0; o < s->out_c; o++)
                epilogue_store(&p->epilogue, o, accumulate(p, in, y, x, o), res, from + (size_t)o,
                               out, to + (size_t)o);
        }
    }
}
