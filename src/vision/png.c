/* SPDX-License-Identifier: Apache-2.0
 *
 * PNG through libpng. Its errors arrive by longjmp; the same care as in jpeg.c.
 */
#include "vision/codec.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <png.h>

#include "base/mem.h"

#define MAX_CHUNK ((size_t)8 << 20) /* of what libpng may keep of one chunk (profiles, text) */
#define MAX_CHUNKS 256

struct png_codec {
    png_structp png;
    png_infop info;
    const uint8_t *data; /* reading */
    size_t size, at;
    struct codec_sink sink; /* writing */
    char text[200];
};

static void on_error(png_structp png, png_const_charp text)
{
    struct png_codec *codec = png_get_error_ptr(png);
    if (codec->text[0] == '\0') snprintf(codec->text, sizeof codec->text, "%s", text);
    codec->text[0] = (char)tolower((unsigned char)codec->text[0]);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

/* ---- reading ---- */

static void source_read(png_structp png, png_bytep out, size_t n)
{
    struct png_codec *codec = png_get_io_ptr(png);
    if (n > codec->size - codec->at) png_error(png, "premature end of file");
    memcpy(out, codec->data + codec->at, n);
    codec->at += n;
}

static void ask_for_rgb8(png_structp png, png_infop info)
{
    png_set_expand(png);
    png_set_strip_16(png);
    png_set_strip_alpha(png);
    if ((png_get_color_type(png, info) & PNG_COLOR_MASK_COLOR) == 0) png_set_gray_to_rgb(png);
}

static itx_status read_info(struct png_codec *codec, struct picture *picture, int *orientation,
                            struct itx_error *err)
{
    png_structp png = codec->png;
    png_set_user_limits(png, PICTURE_MAX_SIDE, PICTURE_MAX_SIDE);
    png_set_chunk_cache_max(png, MAX_CHUNKS);
    png_set_chunk_malloc_max(png, MAX_CHUNK);
    png_set_read_fn(png, codec, source_read);
    png_read_info(png, codec->info);
    png_bytep exif;
    png_uint_32 n_exif;
    if (png_get_eXIf_1(png, codec->info, &n_exif, &exif) != 0)
        *orientation = exif_orientation(exif, n_exif);
    const png_uint_32 w = png_get_image_width(png, codec->info);
    const png_uint_32 h = png_get_image_height(png, codec->info);
    /* Deflate packs at most 1032 to 1, so a small file cannot make us reserve much. */
    if (png_get_rowbytes(png, codec->info) * (uint64_t)h / 1032 > codec->size)
        png_error(png, "premature end of file");
    ask_for_rgb8(png, codec->info);
    return picture_create(picture, w, h, err);
}

static void read_rows(struct png_codec *codec, const struct picture *picture)
{
    const int n_passes = png_set_interlace_handling(codec->png);
    png_read_update_info(codec->png, codec->info);
    if (png_get_rowbytes(codec->png, codec->info) != picture->stride)
        png_error(codec->png, "unknown kind of pixels");
    for (int pass = 0; pass < n_passes; pass++)
        for (int y = 0; y < picture->height; y++)
            png_read_row(codec->png, picture->rgb + (size_t)y * picture->stride, NULL);
}

static itx_status decode(struct png_codec *codec, struct picture *picture, int *orientation,
                         struct itx_error *err)
{
    codec->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, codec, on_error, on_warning);
    if (codec->png == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory for a PNG");
    if (setjmp(png_jmpbuf(codec->png)) != 0)
        return itx_fail(err, ITX_E_FORMAT, "broken PNG: %s", codec->text);
    codec->info = png_create_info_struct(codec->png);
    if (codec->info == NULL) png_error(codec->png, "out of memory");
    ITX_TRY(read_info(codec, picture, orientation, err));
    read_rows(codec, picture);
    return ITX_OK;
}

itx_status png_decode(struct picture *picture, int *orientation, const uint8_t *data, size_t size,
                      struct itx_error *err)
{
    struct png_codec codec = {.data = data, .size = size};
    const itx_status rc = decode(&codec, picture, orientation, err);
    png_destroy_read_struct(&codec.png, &codec.info, NULL);
    return rc;
}

/* ---- writing ---- */

static void sink_write(png_structp png, png_bytep data, size_t n)
{
    struct png_codec *codec = png_get_io_ptr(png);
    if (!codec_sink_grow(&codec->sink, n)) png_error(png, "out of memory");
    memcpy(codec->sink.data + codec->sink.size, data, n);
    codec->sink.size += n;
}

static void sink_flush(png_structp png)
{
    (void)png;
}

static itx_status encode(struct png_codec *codec, const struct picture *picture,
                         struct itx_error *err)
{
    codec->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, codec, on_error, on_warning);
    if (codec->png == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory for a PNG");
    if (setjmp(png_jmpbuf(codec->png)) != 0)
        return itx_fail(err, ITX_E_NOMEM, "cannot encode a PNG: %s", codec->text);
    codec->info = png_create_info_struct(codec->png);
    if (codec->info == NULL) png_error(codec->png, "out of memory");
    png_set_write_fn(codec->png, codec, sink_write, sink_flush);
    png_set_IHDR(codec->png, codec->info, (png_uint_32)picture->width, (png_uint_32)picture->height,
                 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    /* the fast end of both dials: a third of the time for a tenth more bytes */
    png_set_compression_level(codec->png, 3);
    png_set_filter(codec->png, 0, PNG_FILTER_SUB | PNG_FILTER_UP);
    png_write_info(codec->png, codec->info);
    for (int y = 0; y < picture->height; y++)
        png_write_row(codec->png, picture->rgb + (size_t)y * picture->stride);
    png_write_end(codec->png, codec->info);
    return ITX_OK;
}

itx_status picture_encode_png(const struct picture *picture, void **data, size_t *size,
                              struct itx_error *err)
{
    struct png_codec codec = {0};
    const itx_status rc = encode(&codec, picture, err);
    png_destroy_write_struct(&codec.png, &codec.info);
    if (rc == ITX_OK) {
        *data = codec.sink.data;
        *size = codec.sink.size;
    } else {
        mem_free(codec.sink.data);
    }
    return rc;
}
