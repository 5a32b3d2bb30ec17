/* SPDX-License-Identifier: Apache-2.0 */
#include "vision/picture.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/format.h"
#include "base/look.h"
#include "base/mem.h"
#include "vision/codec.h"

#define JPEG_QUALITY 92 /* of pictures that are written for people */

itx_status picture_check_size(int64_t width, int64_t height, int64_t max_pixels,
                              struct itx_error *err)
{
    if (width < 1 || height < 1) return itx_fail(err, ITX_E_FORMAT, "the picture is empty");
    if (width > PICTURE_MAX_SIDE || height > PICTURE_MAX_SIDE)
        return itx_fail(err, ITX_E_RANGE,
                        "a picture of %lld x %lld is too large (limit: %d a side)",
                        (long long)width, (long long)height, PICTURE_MAX_SIDE);
    if (max_pixels == 0) max_pixels = PICTURE_DEFAULT_PIXELS;
    if (width * height <= max_pixels) return ITX_OK;
    char hint[60] = "";
    if (max_pixels < PICTURE_MAX_PIXELS)
        snprintf(hint, sizeof hint, " (--max-pixels allows up to %lld)",
                 (long long)PICTURE_MAX_PIXELS);
    return itx_fail(
        err, ITX_E_RANGE,
        "a picture of %lld x %lld is too large: it has %lld pixels, the limit is %lld%s",
        (long long)width, (long long)height, (long long)(width * height), (long long)max_pixels,
        hint);
}

itx_status picture_create(struct picture *picture, int64_t width, int64_t height,
                          struct itx_error *err)
{
    ITX_TRY(picture_check_size(width, height, PICTURE_MAX_PIXELS, err));
    uint8_t *rgb = mem_calloc((size_t)height, (size_t)width * 3);
    if (rgb == NULL)
        return itx_fail(err, ITX_E_NOMEM, "out of memory for a picture of %lld x %lld",
                        (long long)width, (long long)height);
    *picture = (struct picture){(int)width, (int)height, (size_t)width * 3, rgb};
    return ITX_OK;
}

void picture_release(struct picture *picture)
{
    mem_free(picture->rgb);
    *picture = (struct picture){0};
}

int exif_orientation(const uint8_t *tiff, size_t size)
{
    if (size < 8) return 1;
    const bool big = memcmp(tiff, "MM\0*", 4) == 0;
    if (!big && memcmp(tiff, "II*\0", 4) != 0) return 1;
    uint32_t at = load_le32(tiff + 4);
    if (big) at = __builtin_bswap32(at);
    if (at > size - 2) return 1;
    const int n = big ? tiff[at] << 8 | tiff[at + 1] : load_le16(tiff + at);
    const uint8_t *entry = tiff + at + 2;
    for (int i = 0; i < n && (size_t)(tiff + size - entry) >= 12; i++, entry += 12) {
        const int tag = big ? entry[0] << 8 | entry[1] : load_le16(entry);
        const int value = big ? entry[8] << 8 | entry[9] : load_le16(entry + 8);
        if (tag == 0x0112) return value >= 1 && value <= 8 ? value : 1;
    }
    return 1;
}

itx_status picture_read_memory(struct picture *picture, const void *data, size_t size,
                               int64_t max_pixels, struct itx_error *err)
{
    static const uint8_t png_signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    static const uint8_t jpeg_signature[3] = {0xff, 0xd8, 0xff};
    struct picture result = {0};
    itx_status rc;
    if (size >= sizeof png_signature && memcmp(data, png_signature, sizeof png_signature) == 0)
        rc = png_decode(&result, data, size, max_pixels, err);
    else if (size >= sizeof jpeg_signature &&
             memcmp(data, jpeg_signature, sizeof jpeg_signature) == 0)
        rc = jpeg_decode(&result, data, size, max_pixels, err);
    else
        rc = size == 0 ? itx_fail(err, ITX_E_FORMAT, "the file is empty")
                       : look_refuse(LOOK_FOR_PICTURE, data, size, err);
    if (rc == ITX_OK)
        *picture = result;
    else
        picture_release(&result);
    return rc;
}

itx_status picture_read(struct picture *picture, const char *path, int64_t max_pixels,
                        struct itx_error *err)
{
    struct file_bytes map = {0};
    ITX_TRY(file_read(&map, path, PICTURE_MAX_FILE, err));
    const itx_status rc = picture_read_memory(picture, map.data, map.size, max_pixels, err);
    if (rc != ITX_OK) itx_error_prefix(err, "%s", path);
    file_bytes_release(&map);
    return rc;
}

bool codec_sink_grow(struct codec_sink *sink, size_t extra)
{
    size_t need, cap = sink->cap < 65536 ? 65536 : sink->cap;
    if (!size_add(sink->size, extra, &need)) return false;
    while (cap < need)
        if (!size_mul(cap, 2, &cap)) return false;
    if (cap == sink->cap) return true;
    uint8_t *data = mem_realloc(sink->data, cap);
    if (data == NULL) return false;
    sink->data = data;
    sink->cap = cap;
    return true;
}

itx_status picture_write(const struct picture *picture, const char *path, struct itx_error *err)
{
    const size_t len = strlen(path);
    const bool is_png = len >= 4 && ascii_compare(path + len - 4, ".png") == 0;
    void *data = NULL;
    size_t size = 0;
    itx_status rc = is_png ? picture_encode_png(picture, &data, &size, err)
                           : picture_encode_jpeg(picture, JPEG_QUALITY, &data, &size, err);
    if (rc != ITX_OK)
        itx_error_prefix(err, "%s", path);
    else
        rc = file_write(path, data, size, err);
    mem_free(data);
    return rc;
}
