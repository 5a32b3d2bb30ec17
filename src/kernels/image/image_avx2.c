/* SPDX-License-Identifier: Apache-2.0
 *
 * Eight pixels a step for NV12 and the input tensor; the columns that are left at the right are the scalar row's. The
 * letterbox is in letterbox_avx2.c.
 */
#include "kernels/image/image_rows.h"

#include <immintrin.h>

#include "kernels/image/image_avx2.h"

/* ---- NV12 to RGB ---- */

static __m256 luma_8(const uint8_t *y, enum image_range range)
{
    const __m256i bytes = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)y));
    const __m256 v = _mm256_cvtepi32_ps(bytes);
    if (range == IMAGE_FULL) return v;
    return _mm256_div_ps(_mm256_mul_ps(_mm256_sub_ps(v, _mm256_set1_ps(16)), _mm256_set1_ps(255)),
                         _mm256_set1_ps(219));
}

/* One of the two, for eight pixels: every second byte of four pairs, twice each. */
static __m256 chroma_8(__m256i pairs, __m256i pick, enum image_range range)
{
    const __m256i bytes = _mm256_shuffle_epi8(pairs, pick);
    const __m256 v = _mm256_cvtepi32_ps(_mm256_sub_epi32(bytes, _mm256_set1_epi32(128)));
    if (range == IMAGE_FULL) return v;
    return _mm256_div_ps(v, _mm256_set1_ps((float)(224.0 / 255)));
}

static void nv12_8(const uint8_t *y, const uint8_t *uv, uint8_t *rgb, enum image_range range)
{
    const __m256i pick_u =
        _mm256_setr_epi8(0, -1, -1, -1, 0, -1, -1, -1, 2, -1, -1, -1, 2, -1, -1, -1, 4, -1, -1, -1,
                         4, -1, -1, -1, 6, -1, -1, -1, 6, -1, -1, -1);
    const __m256i pick_v =
        _mm256_setr_epi8(1, -1, -1, -1, 1, -1, -1, -1, 3, -1, -1, -1, 3, -1, -1, -1, 5, -1, -1, -1,
                         5, -1, -1, -1, 7, -1, -1, -1, 7, -1, -1, -1);
    const __m256i pairs = _mm256_broadcastsi128_si256(_mm_loadl_epi64((const __m128i *)uv));
    const __m256 l = luma_8(y, range);
    const __m256 u = chroma_8(pairs, pick_u, range), v = chroma_8(pairs, pick_v, range);
    const __m256 r = _mm256_add_ps(l, _mm256_mul_ps(_mm256_set1_ps(1.402f), v));
    const __m256 g = _mm256_sub_ps(_mm256_sub_ps(l, _mm256_mul_ps(_mm256_set1_ps(0.344136f), u)),
                                   _mm256_mul_ps(_mm256_set1_ps(0.714136f), v));
    const __m256 b = _mm256_add_ps(l, _mm256_mul_ps(_mm256_set1_ps(1.772f), u));
    /* lanes of r0 r1 r2 r3 b0 b1 b2 b3 g0 g1 g2 g3 g0 g1 g2 g3; saturation clamps */
    const __m256i rb = _mm256_packs_epi32(_mm256_cvtps_epi32(r), _mm256_cvtps_epi32(b));
    const __m256i gs = _mm256_cvtps_epi32(g);
    const __m256i planes = _mm256_packus_epi16(rb, _mm256_packs_epi32(gs, gs));
    const __m256i weave = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 8, 4, 1, 9, 5, 2, 10, 6, 3, 11, 7, -1, -1, -1, -1));
    store_rgb_8(rgb, _mm256_shuffle_epi8(planes, weave));
}

void image_nv12_to_rgb__avx2(const struct image *in, const struct rgb_rows *out)
{
    const int whole = in->w & ~7;
    for (int row = out->begin; row < out->end; row++) {
        const uint8_t *const y = in->plane[0] + (size_t)row * in->stride[0];
        const uint8_t *const uv = in->plane[1] + (size_t)(row / 2) * in->stride[1];
        uint8_t *const rgb = out->data + (size_t)row * out->stride;
        if (in->range == IMAGE_FULL)
            for (int x = 0; x < whole; x += 8) nv12_8(y + x, uv + x, rgb + 3 * x, IMAGE_FULL);
        else
            for (int x = 0; x < whole; x += 8) nv12_8(y + x, uv + x, rgb + 3 * x, IMAGE_VIDEO);
    }
    if (whole == in->w) return;
    struct image rest = *in;
    struct rgb_rows rest_out = *out;
    rest.w -= whole;
    rest.plane[0] += whole;
    rest.plane[1] += whole;
    rest_out.data += 3 * (size_t)whole;
    image_nv12_to_rgb__c(&rest, &rest_out);
}

/* ---- RGB to NV12 ---- */

struct rgb_8 {
    __m256 r, g, b;
};

static __m256 channel_8(__m256i pixels, __m256i pick)
{
    return _mm256_cvtepi32_ps(_mm256_shuffle_epi8(pixels, pick));
}

static struct rgb_8 unpack_8(const uint8_t *rgb)
{
    const __m256i pick =
        _mm256_setr_epi8(0, -1, -1, -1, 3, -1, -1, -1, 6, -1, -1, -1, 9, -1, -1, -1, 4, -1, -1, -1,
                         7, -1, -1, -1, 10, -1, -1, -1, 13, -1, -1, -1);
    /* the next byte; what was -1 gets other high bits than the lowest, bit 7 of which still says zero */
    const __m256i next = _mm256_set1_epi32(1);
    const __m256i pixels = load_rgb_8(rgb);
    const __m256i pick_g = _mm256_add_epi32(pick, next);
    return (struct rgb_8){channel_8(pixels, pick), channel_8(pixels, pick_g),
                          channel_8(pixels, _mm256_add_epi32(pick_g, next))};
}

static __m256 luma_of(const struct rgb_8 *p)
{
    return _mm256_add_ps(_mm256_add_ps(_mm256_mul_ps(_mm256_set1_ps(0.299f), p->r),
                                       _mm256_mul_ps(_mm256_set1_ps(0.587f), p->g)),
                         _mm256_mul_ps(_mm256_set1_ps(0.114f), p->b));
}

static void store_luma_8(uint8_t *to, __m256 y, enum image_range range)
{
    if (range == IMAGE_VIDEO)
        y = _mm256_add_ps(_mm256_div_ps(_mm256_mul_ps(y, _mm256_set1_ps(219)), _mm256_set1_ps(255)),
                          _mm256_set1_ps(16));
    const __m256i whole = _mm256_cvtps_epi32(y);
    const __m128i words =
        _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
    _mm_storel_epi64((__m128i *)to, _mm_packus_epi16(words, words));
}

/* Sums of neighbours, lanes of u01 u23 v01 v23. */
static __m256 chroma_sums(const struct rgb_8 *p, __m256 y)
{
    const __m256 u = _mm256_mul_ps(_mm256_sub_ps(p->b, y), _mm256_set1_ps(0.564f));
    const __m256 v = _mm256_mul_ps(_mm256_sub_ps(p->r, y), _mm256_set1_ps(0.713f));
    return _mm256_hadd_ps(u, v);
}

static void store_chroma_8(uint8_t *to, __m256 sums, enum image_range range)
{
    __m256 mean = _mm256_mul_ps(sums, _mm256_set1_ps(0.25f));
    if (range == IMAGE_VIDEO) mean = _mm256_mul_ps(mean, _mm256_set1_ps((float)(224.0 / 255)));
    const __m256i whole = _mm256_cvtps_epi32(_mm256_add_ps(mean, _mm256_set1_ps(128)));
    const __m128i words =
        _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
    const __m128i weave = _mm_setr_epi8(0, 2, 1, 3, 4, 6, 5, 7, -1, -1, -1, -1, -1, -1, -1, -1);
    _mm_storel_epi64((__m128i *)to, _mm_shuffle_epi8(_mm_packus_epi16(words, words), weave));
}

void image_rgb_to_nv12__avx2(const uint8_t *rgb, size_t stride, const struct image_nv12 *out,
                             int row_begin, int row_end)
{
    const int whole = out->w & ~7;
    for (int row = row_begin; row < row_end; row++) {
        const int has_two = 2 * row + 1 < out->h;
        const uint8_t *const top = rgb + (size_t)row * 2 * stride;
        const uint8_t *const bottom = has_two ? top + stride : top;
        uint8_t *const y_top = out->y + (size_t)row * 2 * out->y_stride;
        uint8_t *const y_bottom = has_two ? y_top + out->y_stride : y_top;
        uint8_t *const uv = out->uv + (size_t)row * out->uv_stride;
        for (int x = 0; x < whole; x += 8) {
            const struct rgb_8 a = unpack_8(top + 3 * x), b = unpack_8(bottom + 3 * x);
            const __m256 y_a = luma_of(&a), y_b = luma_of(&b);
            store_luma_8(y_top + x, y_a, out->range);
            store_luma_8(y_bottom + x, y_b, out->range);
            store_chroma_8(uv + x, _mm256_add_ps(chroma_sums(&a, y_a), chroma_sums(&b, y_b)),
                           out->range);
        }
    }
    if (whole == out->w) return;
    struct image_nv12 rest = *out;
    rest.w -= whole;
    rest.y += whole;
    rest.uv += whole;
    image_rgb_to_nv12__c(rgb + 3 * (size_t)whole, stride, &rest, row_begin, row_end);
}

/* ---- input tensor ---- */

static void to_input_row(const uint8_t *from, int w, int8_t *to)
{
    const __m256i spread = _mm256_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1, 4,
                                            5, 6, -1, 7, 8, 9, -1, 10, 11, 12, -1, 13, 14, 15, -1);
    const __m256i flip = _mm256_set1_epi32(0x00808080);
    int x = 0;
    for (; x + 8 <= w; x += 8, from += 24, to += 32)
        _mm256_storeu_si256((__m256i *)to,
                            _mm256_xor_si256(_mm256_shuffle_epi8(load_rgb_8(from), spread), flip));
    for (; x < w; x++, from += 3, to += 4) {
        for (int c = 0; c < 3; c++) to[c] = (int8_t)(from[c] - 128);
        to[3] = 0;
    }
}

void image_to_input__avx2(const uint8_t *rgb, size_t stride, int w, int8_t *out, int out_pixel,
                          int row_begin, int row_end)
{
    if (out_pixel != 4) {
        image_to_input__c(rgb, stride, w, out, out_pixel, row_begin, row_end);
        return;
    }
    for (int y = row_begin; y < row_end; y++)
        to_input_row(rgb + (size_t)y * stride, w, out + (size_t)y * (size_t)w * 4);
}
