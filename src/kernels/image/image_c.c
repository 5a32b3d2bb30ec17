/* SPDX-License-Identifier: Apache-2.0
 *
 * The specification of the family: the formulas of image.h and image_rows.h, pixel by pixel.
 */
#include <math.h>
#include <string.h>

#include "kernels/image/image_rows.h"

static uint8_t to_byte(float v)
{
    v = rintf(v);
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static void yuv_pixel(enum image_range range, uint8_t luma_byte, const uint8_t uv[2],
                      uint8_t rgb[3])
{
    float y = luma_byte;
    float u = (float)(uv[0] - 128), v = (float)(uv[1] - 128);
    if (range == IMAGE_VIDEO) {
        y = (y - 16) * 255 / 219;
        u = u / (float)(224.0 / 255);
        v = v / (float)(224.0 / 255);
    }
    rgb[0] = to_byte(y + 1.402f * v);
    rgb[1] = to_byte(y - 0.344136f * u - 0.714136f * v);
    rgb[2] = to_byte(y + 1.772f * u);
}

static void nv12_pixel(const struct image *in, int row, int column, uint8_t rgb[3])
{
    const uint8_t *const uv =
        in->plane[1] + (size_t)(row / 2) * in->stride[1] + (size_t)(column / 2) * 2;
    yuv_pixel(in->range, in->plane[0][(size_t)row * in->stride[0] + (size_t)column], uv, rgb);
}

static void pixel(const struct image *in, int row, int column, uint8_t rgb[3])
{
    const uint8_t *const line = in->plane[0] + (size_t)row * in->stride[0];
    const uint8_t *p;
    switch (in->format) {
    case IMAGE_RGB:
        memcpy(rgb, line + (size_t)column * 3, 3);
        break;
    case IMAGE_RGBA:
        memcpy(rgb, line + (size_t)column * 4, 3);
        break;
    case IMAGE_BGR:
        p = line + (size_t)column * 3;
        rgb[0] = p[2];
        rgb[1] = p[1];
        rgb[2] = p[0];
        break;
    case IMAGE_GRAY:
        memset(rgb, line[column], 3);
        break;
    case IMAGE_NV12:
        nv12_pixel(in, row, column, rgb);
        break;
    case IMAGE_YUV444:
        p = line + (size_t)column * 3;
        yuv_pixel(in->range, p[0], p + 1, rgb);
        break;
    case IMAGE_FORMAT_COUNT:
        break;
    }
}

void image_nv12_to_rgb__c(const struct image *in, const struct rgb_rows *out)
{
    for (int y = out->begin; y < out->end; y++) {
        uint8_t *const to = out->data + (size_t)y * out->stride;
        for (int x = 0; x < in->w; x++) nv12_pixel(in, y, x, to + (size_t)x * 3);
    }
}

static float luma(const uint8_t rgb[3])
{
    return 0.299f * rgb[0] + 0.587f * rgb[1] + 0.114f * rgb[2];
}

static void store_luma(const uint8_t *rgb, const struct image_nv12 *out, int row)
{
    uint8_t *const to = out->y + (size_t)row * out->y_stride;
    for (int x = 0; x < out->w; x++) {
        const float y = luma(rgb + (size_t)x * 3);
        to[x] = to_byte(out->range == IMAGE_VIDEO ? y * 219 / 255 + 16 : y);
    }
}

void image_rgb_to_nv12__c(const uint8_t *rgb, size_t stride, const struct image_nv12 *out,
                          int row_begin, int row_end)
{
    const float scale = out->range == IMAGE_VIDEO ? (float)(224.0 / 255) : 1;
    for (int row = row_begin; row < row_end; row++) {
        const int y0 = 2 * row, y1 = y0 + 1 < out->h ? y0 + 1 : y0;
        store_luma(rgb + (size_t)y0 * stride, out, y0);
        if (y1 != y0) store_luma(rgb + (size_t)y1 * stride, out, y1);
        uint8_t *to = out->uv + (size_t)row * out->uv_stride;
        for (int x0 = 0; x0 < out->w; x0 += 2, to += 2) {
            const int x1 = x0 + 1 < out->w ? x0 + 1 : x0;
            float u[4], v[4];
            for (int i = 0; i < 4; i++) {
                const uint8_t *const p =
                    rgb + (size_t)(i < 2 ? y0 : y1) * stride + (size_t)(i % 2 == 0 ? x0 : x1) * 3;
                const float y = luma(p);
                u[i] = (p[2] - y) * 0.564f;
                v[i] = (p[0] - y) * 0.713f;
            }
            to[0] = to_byte(((u[0] + u[1]) + (u[2] + u[3])) / 4 * scale + 128);
            to[1] = to_byte(((v[0] + v[1]) + (v[2] + v[3])) / 4 * scale + 128);
        }
    }
}

static void half_pixel(const struct image *in, int y, int x, uint8_t rgb[3])
{
    uint8_t p[4][3];
    for (int i = 0; i < 4; i++) pixel(in, 2 * y + i / 2, 2 * x + i % 2, p[i]);
    for (int c = 0; c < 3; c++)
        rgb[c] = (uint8_t)((p[0][c] + p[1][c] + p[2][c] + p[3][c] + 2) >> 2);
}

static void bilinear_pixel(const struct letterbox_table *t, const struct image *in, int y, int x,
                           uint8_t rgb[3])
{
    uint8_t p[4][3];
    for (int i = 0; i < 4; i++)
        pixel(in, i < 2 ? t->y0[y] : t->y1[y], i % 2 == 0 ? t->x0[x] : t->x1[x], p[i]);
    for (int c = 0; c < 3; c++) {
        const int h0 = (p[0][c] * t->alpha[x][0] + p[1][c] * t->alpha[x][1]) >> 4;
        const int h1 = (p[2][c] * t->alpha[x][0] + p[3][c] * t->alpha[x][1]) >> 4;
        rgb[c] = (uint8_t)(((h0 * t->beta[y][0] >> 16) + (h1 * t->beta[y][1] >> 16) + 2) >> 2);
    }
}

void image_letterbox__c(const struct letterbox *g, const void *table, const struct image *in,
                        const struct rgb_rows *out, void *scratch)
{
    (void)scratch;
    const struct letterbox_table t = letterbox_table(g, table);
    const int is_half = letterbox_is_half(g);
    const int is_copy = g->new_w == in->w && g->new_h == in->h; /* all fractions are 0 */
    for (int row = out->begin; row < out->end; row++) {
        uint8_t *const to = out->data + (size_t)row * out->stride;
        memset(to, LETTERBOX_BORDER, (size_t)g->out_w * 3);
        const int y = row - g->top;
        if (y < 0 || y >= g->new_h) continue;
        for (int x = 0; x < g->new_w; x++) {
            uint8_t *const rgb = to + (size_t)(g->left + x) * 3;
            if (is_copy)
                pixel(in, y, x, rgb);
            else if (is_half)
                half_pixel(in, y, x, rgb);
            else
                bilinear_pixel(&t, in, y, x, rgb);
        }
    }
}

void image_to_input__c(const uint8_t *rgb, size_t stride, int w, int8_t *out, int out_pixel,
                       int row_begin, int row_end)
{
    for (int y = row_begin; y < row_end; y++) {
        const uint8_t *from = rgb + (size_t)y * stride;
        int8_t *to = out + (size_t)y * (size_t)w * (size_t)out_pixel;
        for (int x = 0; x < w; x++, from += 3, to += out_pixel) {
            for (int c = 0; c < 3; c++) to[c] = (int8_t)(from[c] - 128);
            if (out_pixel == 4) to[3] = 0;
        }
    }
}
