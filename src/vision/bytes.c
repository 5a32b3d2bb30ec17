/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cpu.h"
#include "base/mem.h"
#include "kernels/image/image.h"
#include "vision/picture.h"

/* Conversions of one row of blocks of 2 x 2. */
typedef void rgb_to_nv12_fn(const uint8_t *rgb, size_t stride, const struct image_nv12 *out,
                            int row_begin, int row_end);

static void to_nv12(const struct picture *p, enum image_range range, rgb_to_nv12_fn *convert,
                    uint8_t *to)
{
    const size_t w = (size_t)p->width, h = (size_t)p->height;
    const struct image_nv12 out = {range, p->width, p->height, to, to + w * h, w, (w + 1) / 2 * 2};
    convert(p->rgb, p->stride, &out, 0, (p->height + 1) / 2);
}

/* Every pixel becomes a block of 2 x 2, which has a U and V of its own. */
static itx_status to_yuv444(const struct picture *p, enum image_range range,
                            rgb_to_nv12_fn *convert, uint8_t *to, struct itx_error *err)
{
    const size_t w = (size_t)p->width, row = 6 * w;
    uint8_t *const blocks = mem_alloc(2 * row + 6 * w);
    if (blocks == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    uint8_t *const luma = blocks + 2 * row, *const chroma = luma + 4 * w;
    const struct image_nv12 out = {range, 2 * p->width, 2, luma, chroma, 2 * w, 2 * w};
    for (int y = 0; y < p->height; y++) {
        const uint8_t *const rgb = p->rgb + (size_t)y * p->stride;
        for (size_t x = 0; x < 2 * w; x++)
            for (size_t k = 0; k < 3; k++)
                blocks[3 * x + k] = blocks[row + 3 * x + k] = rgb[x / 2 * 3 + k];
        convert(blocks, row, &out, 0, 1);
        for (size_t x = 0; x < w; x++, to += 3) {
            to[0] = luma[2 * x];
            to[1] = chroma[2 * x];
            to[2] = chroma[2 * x + 1];
        }
    }
    mem_free(blocks);
    return ITX_OK;
}

static void to_pixels(const struct picture *p, enum itx_image_format format, uint8_t *to)
{
    const size_t w = (size_t)p->width, n_channels = format == ITX_IMAGE_GRAY ? 1 : 3;
    for (int y = 0; y < p->height; y++, to += n_channels * w) {
        const uint8_t *const rgb = p->rgb + (size_t)y * p->stride;
        image_colours(rgb, format == ITX_IMAGE_GRAY ? IMAGE_AS_GRAY : IMAGE_AS_RGB, w, to);
        for (size_t x = 0; x < w && format == ITX_IMAGE_BGR; x++) {
            to[3 * x] = rgb[3 * x + 2];
            to[3 * x + 2] = rgb[3 * x];
        }
    }
}

itx_status picture_bytes(const struct picture *p, enum itx_image_format format,
                         enum itx_range range, uint8_t *to, struct itx_error *err)
{
    const enum image_range luma = range == ITX_RANGE_VIDEO ? IMAGE_VIDEO : IMAGE_FULL;
    rgb_to_nv12_fn *const convert = image_choose(cpu_detect())->rgb_to_nv12;
    if (format == ITX_IMAGE_YUV444) return to_yuv444(p, luma, convert, to, err);
    if (format == ITX_IMAGE_NV12)
        to_nv12(p, luma, convert, to);
    else
        to_pixels(p, format, to);
    return ITX_OK;
}
