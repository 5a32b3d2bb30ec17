/* SPDX-License-Identifier: Apache-2.0
 *
 * PNG through libpng. Its errors arrive by longjmp; the same care as in jpeg.c.
 */
#include "vision/codec.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <png.h>

#include "base/bytes.h"
#include "base/format.h"
#include "base/mem.h"

#define MAX_EXIF 65535   /* as in a JPEG */
#define MAX_EXCESS 65536 /* bytes of compressed pixels behind the last one */

struct png_codec {
    png_structp png;
    png_infop info;
    const uint8_t *data; /* reading */
    size_t size, at;
    struct turn turn;
    int64_t rows_left;      /* of all passes */
    size_t excess;          /* bytes read since there are none */
    struct codec_sink sink; /* writing */
    char text[200];
};

static void on_error(png_structp png, png_const_charp text)
{
    struct png_codec *codec = png_get_error_ptr(png);
    if (codec->text[0] == '\0') snprintf(codec->text, sizeof codec->text, "%s", text);
    codec->text[0] = ascii_lower(codec->text[0]);
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
    if (codec->rows_left > 0) return;
    codec->excess += n;
    /* libpng expands all of it, to a thousand times its size, only to throw it away */
    if (codec->excess > MAX_EXCESS) png_error(png, "too many bytes behind the last pixel");
}

/* Only counts: called for every row that is decoded. */
static void on_row(png_structp png, png_row_infop row, png_bytep data)
{
    struct png_codec *codec = png_get_user_transform_ptr(png);
    (void)row;
    (void)data;
    codec->rows_left--;
}

/* Of what may stand in front of the pixels nothing else is of use, and texts and profiles can expand to a thousand times
 * their size. Chunks begin with their length and name, and end with four bytes of checksum. */
static int find_orientation(const uint8_t *data, size_t size)
{
    for (size_t at = 8; at + 12 <= size;) {
        const uint8_t *const chunk = data + at;
        const size_t n = __builtin_bswap32(load_le32(chunk));
        if (n > size - at - 12 || memcmp(chunk + 4, "IDAT", 4) == 0) break;
        if (memcmp(chunk + 4, "eXIf", 4) == 0)
            return n <= MAX_EXIF ? exif_orientation(chunk + 8, n) : 1;
        at += 12 + n;
    }
    return 1;
}

static void ask_for_rgb8(png_structp png, png_infop info)
{
    png_set_expand(png);
    png_set_strip_16(png);
    png_set_strip_alpha(png);
    if ((png_get_color_type(png, info) & PNG_COLOR_MASK_COLOR) == 0) png_set_gray_to_rgb(png);
}

static itx_status read_info(struct png_codec *codec, struct picture *picture, int64_t max_pixels,
                            struct itx_error *err)
{
    png_structp png = codec->png;
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX); /* ours are told in our words */
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_read_fn(png, codec, source_read);
    codec->rows_left = 1;
    png_read_info(png, codec->info);
    const png_uint_32 w = png_get_image_width(png, codec->info);
    const png_uint_32 h = png_get_image_height(png, codec->info);
    ITX_TRY(picture_check_size(w, h, max_pixels, err));
    /* Deflate packs at most 1032 to 1, so a small file cannot make us reserve much. */
    if (png_get_rowbytes(png, codec->info) * (uint64_t)h / 1032 > codec->size)
        png_error(png, "premature end of file");
    ask_for_rgb8(png, codec->info);
    return turn_init(&codec->turn, picture, find_orientation(codec->data, codec->size), w, h,
                     max_pixels, err);
}

/* Rows that the file has: of an interlaced picture those of seven smaller ones. */
static int64_t count_rows(const struct turn *t, int n_passes)
{
    if (n_passes == 1) return t->height;
    int64_t n = 0;
    for (int pass = 0; pass < n_passes; pass++)
        if (PNG_PASS_COLS((png_uint_32)t->width, pass) != 0)
            n += PNG_PASS_ROWS((png_uint_32)t->height, pass);
    return n;
}

static void read_rows(struct png_codec *codec)
{
    struct turn *const t = &codec->turn;
    const int n_passes = png_set_interlace_handling(codec->png);
    png_set_read_user_transform_fn(codec->png, on_row);
    png_set_user_transform_info(codec->png, codec, 0, 0);
    png_read_update_info(codec->png, codec->info);
    if (png_get_rowbytes(codec->png, codec->info) != turn_stride(t))
        png_error(codec->png, "unknown kind of pixels");
    codec->rows_left = count_rows(t, n_passes);
    for (int pass = 0; pass < n_passes; pass++)
        for (int y = 0; y < t->height; y++) {
            png_read_row(codec->png, turn_row(t, y, n_passes > 1), NULL);
            turn_row_done(t, y);
        }
}

static itx_status decode(struct png_codec *codec, struct picture *picture, int64_t max_pixels,
                         struct itx_error *err)
{
    codec->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, codec, on_error, on_warning);
    if (codec->png == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory for a PNG");
    if (setjmp(png_jmpbuf(codec->png)) != 0)
        return itx_fail(err, ITX_E_FORMAT, "broken PNG: %s", codec->text);
    codec->info = png_create_info_struct(codec->png);
    if (codec->info == NULL) png_error(codec->png, "out of memory");
    ITX_TRY(read_info(codec, picture, max_pixels, err));
    read_rows(codec);
    return ITX_OK;
}

itx_status png_decode(struct picture *picture, const uint8_t *data, size_t size, int64_t max_pixels,
                      struct itx_error *err)
{
    struct png_codec codec = {.data = data, .size = size};
    const itx_status rc = decode(&codec, picture, max_pixels, err);
    png_destroy_read_struct(&codec.png, &codec.info, NULL);
    turn_release(&codec.turn);
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
