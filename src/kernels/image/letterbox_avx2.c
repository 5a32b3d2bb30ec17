/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of the picture are first scaled horizontally into lines of s16, four channels a pixel (R, G, B, unused), of
 * which the last two are kept; a row of the frame mixes two of them. Four pixels a step: eight bytes hold both
 * neighbours of a pixel in every format, a shuffle pairs them by channel, vpmaddwd weighs them.
 */
#include <immintrin.h>
#include <string.h>

#include "kernels/image/image_avx2.h"
#include "kernels/image/image_rows.h"

/* How a pixel's two neighbours lie in eight bytes. */
struct layout {
    int bytes;    /* of a pixel */
    __m256i pair; /* r0 r1 g0 g1 b0 b1 - - as s16; lane 1 takes the upper eight bytes */
};

static struct layout layout_of(enum image_format format)
{
    static const int8_t first[IMAGE_FORMAT_COUNT][4] = {
        {3, 0, 1, 2}, {3, 2, 1, 0}, {4, 0, 1, 2}, {1, 0, 0, 0}, {3, 0, 1, 2}};
    const int8_t *const f = first[format];
    int8_t pair[32];
    memset(pair, -1, sizeof pair);
    for (int i = 0; i < 3; i++) {
        pair[4 * i] = f[1 + i];
        pair[4 * i + 2] = (int8_t)(f[1 + i] + f[0]);
        pair[16 + 4 * i] = (int8_t)(8 + pair[4 * i]);
        pair[16 + 4 * i + 2] = (int8_t)(8 + pair[4 * i + 2]);
    }
    return (struct layout){f[0], _mm256_loadu_si256((const __m256i *)pair)};
}

struct scaler {
    struct letterbox_table table;
    struct layout layout;
    int new_w, is_half;
    int16_t *lines[2]; /* [new_w, 4] and room for a vector */
    int line_of[2];    /* rows of the picture; -1: none */
    uint8_t *stretch;  /* RGB of a piece of an NV12 row */
};

static __m256i two_pixels(const uint8_t *a, const uint8_t *b, __m256i pair, __m256i alpha)
{
    const __m128i both = _mm_unpacklo_epi64(_mm_loadl_epi64((const __m128i *)a),
                                            _mm_loadl_epi64((const __m128i *)b));
    return _mm256_madd_epi16(_mm256_shuffle_epi8(_mm256_broadcastsi128_si256(both), pair), alpha);
}

/* Four pixels from the eight bytes at each p; alpha has two coefficients for each. */
static inline __m256i four_pixels(const uint8_t *const p[4], __m256i pair, const int16_t *alpha,
                                  int is_half)
{
    const __m256i four = _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)alpha));
    const __m256i even = _mm256_setr_epi32(0, 0, 0, 0, 2, 2, 2, 2);
    const __m256i odd = _mm256_setr_epi32(1, 1, 1, 1, 3, 3, 3, 3);
    __m256i even_alpha = _mm256_permutevar8x32_epi32(four, even);
    __m256i odd_alpha = _mm256_permutevar8x32_epi32(four, odd);
    if (is_half) even_alpha = odd_alpha = _mm256_set1_epi16(1);
    __m256i a = two_pixels(p[0], p[2], pair, even_alpha);
    __m256i b = two_pixels(p[1], p[3], pair, odd_alpha);
    if (!is_half) {
        a = _mm256_srli_epi32(a, 4);
        b = _mm256_srli_epi32(b, 4);
    }
    return _mm256_packs_epi32(a, b);
}

/* Columns [begin, end) of a line; from points at pixel `base` of a row that is readable up to pixel n. The end is
 * rounded up to four: tables and lines have room. */
static void scale_columns(const struct scaler *s, const uint8_t *from, int base, int n, int begin,
                          int end, int16_t *line)
{
    const int32_t *const x0 = s->table.x0;
    const int bytes = s->layout.bytes;
    const uint8_t *const stop = from + (size_t)(n - base) * (size_t)bytes;
    int x = begin;
    for (; x < end; x += 4) {
        const uint8_t *p[4];
        for (int i = 0; i < 4; i++) {
            const int at = s->is_half ? 2 * (x + i) : x0[x + i];
            p[i] = from + (ptrdiff_t)(at - base) * bytes;
        }
        if (stop - p[3] < 8) break;
        _mm256_storeu_si256((__m256i *)(line + 4 * (size_t)x),
                            four_pixels(p, s->layout.pair, s->table.alpha[x], s->is_half));
    }
    /* near the end of the row: what there is of the eight bytes */
    for (; x < end; x += 4) {
        uint8_t part[4][8] = {{0}};
        for (int i = 0; i < 4 && x + i < end; i++) {
            const int at = s->is_half ? 2 * (x + i) : x0[x + i];
            const uint8_t *const p = from + (ptrdiff_t)(at - base) * bytes;
            memcpy(part[i], p, stop - p < 8 ? (size_t)(stop - p) : 8);
        }
        const uint8_t *const p[4] = {part[0], part[1], part[2], part[3]};
        _mm256_storeu_si256((__m256i *)(line + 4 * (size_t)x),
                            four_pixels(p, s->layout.pair, s->table.alpha[x], s->is_half));
    }
}

/* Row `row` of an NV12 picture, piece by piece: as many columns as need LETTERBOX_STRETCH pixels or less. */
static void scale_nv12_row(const struct scaler *s, const struct image *in, int row, int16_t *line)
{
    for (int begin = 0, end; begin < s->new_w; begin = end) {
        const int base = (s->is_half ? 2 * begin : s->table.x0[begin]) & ~1;
        int stop = 0;
        for (end = begin; end < s->new_w; end += 4) {
            const int last = end + 3 < s->new_w ? end + 3 : s->new_w - 1;
            const int needed = (s->is_half ? 2 * last + 1 : s->table.x1[last]) + 1;
            if (needed - base > LETTERBOX_STRETCH) break;
            stop = needed;
        }
        struct image piece = *in;
        piece.w = stop - base;
        piece.plane[0] += base;
        piece.plane[1] += base;
        image_nv12_to_rgb__avx2(&piece, &(struct rgb_rows){s->stretch, 0, row, row + 1});
        scale_columns(s, s->stretch, base, stop, begin, end < s->new_w ? end : s->new_w, line);
    }
}

/* The line of row `row`: kept, or made in the place of the other one that `keep` does not name. */
static const int16_t *line_at(struct scaler *s, const struct image *in, int row, int keep)
{
    for (int i = 0; i < 2; i++)
        if (s->line_of[i] == row) return s->lines[i];
    const int i = s->line_of[0] == keep ? 1 : 0;
    s->line_of[i] = row;
    if (in->format == IMAGE_NV12)
        scale_nv12_row(s, in, row, s->lines[i]);
    else
        scale_columns(s, in->plane[0] + (size_t)row * in->stride[0], 0, in->w, 0, s->new_w,
                      s->lines[i]);
    return s->lines[i];
}

/* Four pixels of a row of the frame, still s16. */
static __m256i mix(const int16_t *a, const int16_t *b, __m256i beta_a, __m256i beta_b, int is_half)
{
    __m256i va = _mm256_loadu_si256((const __m256i *)a);
    __m256i vb = _mm256_loadu_si256((const __m256i *)b);
    if (!is_half) {
        va = _mm256_mulhi_epi16(va, beta_a);
        vb = _mm256_mulhi_epi16(vb, beta_b);
    }
    return _mm256_srli_epi16(_mm256_add_epi16(_mm256_add_epi16(va, vb), _mm256_set1_epi16(2)), 2);
}

static void mix_lines(const struct scaler *s, const int16_t *a, const int16_t *b,
                      const int16_t beta[2], uint8_t *rgb)
{
    const __m256i beta_a = _mm256_set1_epi16(beta[0]), beta_b = _mm256_set1_epi16(beta[1]);
    const __m256i squeeze = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1));
    for (int x = 0; x < s->new_w; x += 8, a += 32, b += 32, rgb += 24) {
        const __m256i lo = mix(a, b, beta_a, beta_b, s->is_half);
        const __m256i hi = mix(a + 16, b + 16, beta_a, beta_b, s->is_half);
        const __m256i bytes =
            _mm256_permute4x64_epi64(_mm256_packus_epi16(lo, hi), _MM_SHUFFLE(3, 1, 2, 0));
        const __m256i eight = _mm256_shuffle_epi8(bytes, squeeze);
        if (x + 8 <= s->new_w) {
            store_rgb_8(rgb, eight);
            continue;
        }
        uint8_t part[24];
        store_rgb_8(part, eight);
        memcpy(rgb, part, (size_t)(s->new_w - x) * 3);
    }
}

static void scale_row(struct scaler *s, const struct image *in, int y, uint8_t *rgb)
{
    static const int16_t unused[2] = {0, 0};
    const int y0 = s->is_half ? 2 * y : s->table.y0[y];
    const int y1 = s->is_half ? 2 * y + 1 : s->table.y1[y];
    const int16_t *const a = line_at(s, in, y0, y1);
    const int16_t *const b = line_at(s, in, y1, y0);
    mix_lines(s, a, b, s->is_half ? unused : s->table.beta[y], rgb);
}

void image_letterbox__avx2(const struct letterbox *g, const void *table, const struct image *in,
                           const struct rgb_rows *out, void *scratch)
{
    /* four columns of an NV12 picture must fit the stretch; YUV444 is rare */
    if (in->format == IMAGE_YUV444 ||
        (in->format == IMAGE_NV12 && in->w / g->new_w >= LETTERBOX_STRETCH / 8)) {
        image_letterbox__c(g, table, in, out, scratch);
        return;
    }
    struct scaler s = {
        .table = letterbox_table(g, table),
        .layout = layout_of(in->format),
        .new_w = g->new_w,
        .is_half = letterbox_is_half(g),
        .lines = {scratch, (int16_t *)scratch + (size_t)g->out_w * 4 + 64},
        .line_of = {-1, -1},
    };
    s.stretch = (uint8_t *)(s.lines[1] + (size_t)g->out_w * 4 + 64);
    const int is_copy = in->format == IMAGE_RGB && g->new_w == in->w && g->new_h == in->h;
    for (int row = out->begin; row < out->end; row++) {
        uint8_t *const to = out->data + (size_t)row * out->stride;
        const int y = row - g->top;
        if (y < 0 || y >= g->new_h) {
            memset(to, LETTERBOX_BORDER, (size_t)g->out_w * 3);
            continue;
        }
        const size_t left = (size_t)g->left * 3, width = (size_t)g->new_w * 3;
        memset(to, LETTERBOX_BORDER, left);
        memset(to + left + width, LETTERBOX_BORDER, (size_t)g->out_w * 3 - left - width);
        if (is_copy)
            memcpy(to + left, in->plane[0] + (size_t)y * in->stride[0], width);
        else
            scale_row(&s, in, y, to + left);
    }
}
