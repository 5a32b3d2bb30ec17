/* SPDX-License-Identifier: Apache-2.0 */
#include "api/output.h"

/* Numbers that are worked on at a time: a whole number of pixels, or a part of one, with their scales and zero points
 * spread out, so that one loop serves pixels of any size. */
enum { CHUNK = 256 };
struct chunk {
    size_t n;
    float scale[CHUNK];
    int32_t zero[CHUNK];
};

/* Channels from `first` on, of as many pixels as fit, at most n_pixels. */
static void spread(struct chunk *c, const struct plan_tensor *t, size_t first, size_t n_pixels)
{
    const size_t left = (size_t)t->c - first;
    const bool is_part = first > 0 || left > CHUNK;
    const size_t n_channels = left < CHUNK ? left : CHUNK;
    const size_t fit = is_part ? 1 : CHUNK / n_channels;
    c->n = n_channels * (fit < n_pixels ? fit : n_pixels);
    for (size_t k = 0; k < c->n; k++) {
        const size_t q = t->n_quant > 1 ? first + k % n_channels : 0;
        c->scale[k] = t->scale[q];
        c->zero[k] = t->zero_point[q];
    }
}

/* Sums of 32 bits have zero points of 0; others would wrap. */
#define X(name, type)                                                                              \
    static void real_##name(const struct chunk *c, size_t n, const type *from, float *restrict to) \
    {                                                                                              \
        for (size_t k = 0; k < n; k++)                                                             \
            to[k] = (float)(int32_t)((uint32_t)from[k] - (uint32_t)c->zero[k]) * c->scale[k];      \
    }
X(s8, int8_t)
X(s16, int16_t)
X(s32, int32_t)
#undef X

static void write_chunk(const struct chunk *c, size_t n, enum dtype dtype, const void *tensor,
                        size_t at, float *to)
{
    if (dtype == DTYPE_S8)
        real_s8(c, n, (const int8_t *)tensor + at, to);
    else if (dtype == DTYPE_S16)
        real_s16(c, n, (const int16_t *)tensor + at, to);
    else
        real_s32(c, n, (const int32_t *)tensor + at, to);
}

void output_write_real(const struct plan_tensor *t, const void *tensor, float *to, int begin,
                       int end)
{
    const size_t n_channels = (size_t)t->c, pixel = (size_t)t->pixel;
    const size_t first = (size_t)begin, n_pixels = (size_t)(end - begin);
    struct chunk c;
    if (pixel == n_channels && n_channels <= CHUNK) {
        const size_t n = n_pixels * n_channels;
        spread(&c, t, 0, n_pixels);
        for (size_t i = 0; i < n; i += c.n)
            write_chunk(&c, n - i < c.n ? n - i : c.n, t->dtype, tensor, first * pixel + i,
                        to + first * pixel + i);
        return;
    }
    for (size_t k = 0; k < n_channels; k += c.n) {
        spread(&c, t, k, 1);
        for (size_t i = first; i < first + n_pixels; i++)
            write_chunk(&c, c.n, t->dtype, tensor, i * pixel + k, to + i * n_channels + k);
    }
}
