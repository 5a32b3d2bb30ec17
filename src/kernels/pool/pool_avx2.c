/* SPDX-License-Identifier: Apache-2.0
 *
 * Max-pooling in two steps for each output row: down the columns into a row of maxima [in_w, c], then along that row.
 * A 5 x 5 window costs 10 maxima instead of 25. Vectors hold 32 bytes of channels; the last one of a pixel reads on into
 * what follows (readable by contract) and stores only its own.
 */
#include "kernels/pool/pool_rows.h"

#include <immintrin.h>
#include <string.h>

static size_t element_size(const struct pool_shape *s)
{
    return s->is_wide ? 2 : 1;
}

/* Bytes of a pixel's channels in whole vectors. */
static size_t padded_size(const struct pool_shape *s)
{
    return ((size_t)s->c * element_size(s) + 31) & ~(size_t)31;
}

size_t maxpool_s8_scratch_size__avx2(const struct pool_shape *s)
{
    return (size_t)s->in_w * padded_size(s);
}

struct range {
    int begin, end;
};

/* Positions of window i that lie inside [0, n). */
static struct range window(int i, int stride, int kernel, int pad, int n)
{
    const int64_t begin = (int64_t)i * stride - pad, end = begin + kernel;
    return (struct range){begin > 0 ? (int)(begin < n ? begin : n) : 0,
                          end < n ? (int)(end > 0 ? end : 0) : n};
}

/* `wide` is constant at every call. */
static inline __m256i lowest(bool wide)
{
    return wide ? _mm256_set1_epi16(INT16_MIN) : _mm256_set1_epi8(INT8_MIN);
}

static inline __m256i max_of(__m256i a, __m256i b, bool wide)
{
    return wide ? _mm256_max_epi16(a, b) : _mm256_max_epi8(a, b);
}

static inline void max_of_columns(const struct pool_shape *s, const uint8_t *in, struct range rows,
                                  uint8_t *columns, bool wide)
{
    const size_t size = padded_size(s), pixel = (size_t)s->in_pixel * element_size(s);
    const size_t row_step = (size_t)s->in_w * pixel;
    const uint8_t *from = in + (size_t)rows.begin * row_step;
    for (int x = 0; x < s->in_w; x++, from += pixel) {
        for (size_t k = 0; k < size; k += 32, columns += 32) {
            __m256i max = lowest(wide);
            const uint8_t *p = from + k;
            for (int y = rows.begin; y < rows.end; y++, p += row_step)
                max = max_of(max, _mm256_loadu_si256((const __m256i *)p), wide);
            _mm256_store_si256((__m256i *)columns, max);
        }
    }
}

static void store_part(uint8_t *to, __m256i v, size_t n)
{
    if (n >= 32) {
        _mm256_storeu_si256((__m256i *)to, v);
        return;
    }
    uint8_t part[32];
    _mm256_storeu_si256((__m256i *)part, v);
    memcpy(to, part, n);
}

static inline void run(const struct pool_shape *s, const uint8_t *in, uint8_t *out, int row_begin,
                       int row_end, uint8_t *columns, bool wide)
{
    const size_t step = padded_size(s), pixel = (size_t)s->out_pixel * element_size(s);
    const size_t size = (size_t)s->c * element_size(s);
    for (int y = row_begin; y < row_end; y++) {
        const struct range rows = window(y, s->stride_h, s->kernel_h, s->pad_top, s->in_h);
        max_of_columns(s, in, rows, columns, wide);
        uint8_t *to = out + (size_t)y * (size_t)s->out_w * pixel;
        for (int x = 0; x < s->out_w; x++, to += pixel) {
            const struct range part = window(x, s->stride_w, s->kernel_w, s->pad_left, s->in_w);
            for (size_t k = 0; k < size; k += 32) {
                __m256i max = lowest(wide);
                const uint8_t *p = columns + (size_t)part.begin * step + k;
                for (int j = part.begin; j < part.end; j++, p += step)
                    max = max_of(max, _mm256_load_si256((const __m256i *)p), wide);
                store_part(to + k, max, size - k);
            }
        }
    }
}

void maxpool_s8_run__avx2(const struct pool_shape *s, const void *in, void *out, int row_begin,
                          int row_end, void *scratch)
{
    if (s->is_wide)
        run(s, in, out, row_begin, row_end, scratch, true);
    else
        run(s, in, out, row_begin, row_end, scratch, false);
}
