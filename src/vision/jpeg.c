/* SPDX-License-Identifier: Apache-2.0
 *
 * JPEG through libjpeg-turbo. Its errors arrive by longjmp: everything that lives across a call of the library is in a
 * struct of the caller's, and functions that call setjmp have no locals that change after it.
 */
#include "vision/codec.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#include "base/format.h"
#include "base/mem.h"

/* A progressive picture has about ten scans; more is an attempt to keep us busy. Each walks over all pixels: all of them
 * together over as many as that number of scans of the largest picture that is allowed. */
#define MAX_SCANS 500
#define SCANS_OF_LARGEST 16

struct jpeg_errors {
    struct jpeg_error_mgr base; /* first: libjpeg gives us this one back */
    jmp_buf jump;
    bool out_of_data; /* the file ended before the picture */
    bool damaged;     /* a warning that means wrong pixels; its text is in `text` */
    char text[JMSG_LENGTH_MAX];
};

static void on_error(j_common_ptr info)
{
    struct jpeg_errors *errors = (struct jpeg_errors *)info->err;
    info->err->format_message(info, errors->text);
    longjmp(errors->jump, 1);
}

/* Warnings that leave every pixel as it should be are no reason to refuse. */
static void on_message(j_common_ptr info, int level)
{
    struct jpeg_errors *errors = (struct jpeg_errors *)info->err;
    if (level >= 0 || errors->damaged) return;
    switch (info->err->msg_code) {
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
    case JWRN_NOT_SEQUENTIAL:
    case JWRN_JPEG_EOF:
        info->err->format_message(info, errors->text);
        errors->damaged = true;
        break;
    default: /* an int from the library: extraneous bytes, unknown Adobe colour code, ... */
        break;
    }
}

static struct jpeg_error_mgr *errors_init(struct jpeg_errors *errors)
{
    jpeg_std_error(&errors->base);
    errors->base.error_exit = on_error;
    errors->base.emit_message = on_message;
    return &errors->base;
}

static itx_status fail(struct jpeg_errors *errors, const char *what, struct itx_error *err)
{
    if (errors->out_of_data)
        return itx_fail(err, ITX_E_FORMAT, "broken JPEG: premature end of file");
    if (errors->base.msg_code == JERR_OUT_OF_MEMORY)
        return itx_fail(err, ITX_E_NOMEM, "out of memory for a JPEG");
    static const char prefix[] = "Corrupt JPEG data: ";
    char *text = errors->text;
    if (strncmp(text, prefix, sizeof prefix - 1) == 0) text += sizeof prefix - 1;
    text[0] = ascii_lower(text[0]);
    return itx_fail(err, ITX_E_FORMAT, "%s: %s", what, text);
}

/* ---- reading ---- */

struct jpeg_reader {
    struct jpeg_decompress_struct info;
    struct jpeg_errors errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    struct picture *picture;
    struct turn turn;
    uint8_t *cmyk; /* one row */
};

static void source_nothing(j_decompress_ptr info)
{
    (void)info;
}

/* Past the end the decoder gets an end marker, so that it stops soon. */
static boolean source_fill(j_decompress_ptr info)
{
    static const JOCTET end[2] = {0xff, JPEG_EOI};
    ((struct jpeg_errors *)info->err)->out_of_data = true;
    info->src->next_input_byte = end;
    info->src->bytes_in_buffer = sizeof end;
    return TRUE;
}

static void source_skip(j_decompress_ptr info, long n)
{
    if (n <= 0) return;
    if ((size_t)n > info->src->bytes_in_buffer) {
        source_fill(info);
        return;
    }
    info->src->next_input_byte += n;
    info->src->bytes_in_buffer -= (size_t)n;
}

static void on_progress(j_common_ptr common)
{
    struct jpeg_decompress_struct *info = (struct jpeg_decompress_struct *)common;
    struct jpeg_errors *errors = (struct jpeg_errors *)info->err;
    if (errors->damaged) longjmp(errors->jump, 1);
    if (info->input_scan_number <= MAX_SCANS) return;
    snprintf(errors->text, sizeof errors->text, "more than %d scans", MAX_SCANS);
    longjmp(errors->jump, 1);
}

static int find_orientation(const struct jpeg_decompress_struct *info)
{
    for (const struct jpeg_marker_struct *m = info->marker_list; m != NULL; m = m->next)
        if (m->marker == JPEG_APP0 + 1 && m->data_length > 6 && memcmp(m->data, "Exif\0\0", 6) == 0)
            return exif_orientation(m->data + 6, m->data_length - 6);
    return 1;
}

/* Inverted samples (255: no ink) to RGB as OpenCV does it. */
static void cmyk_to_rgb(uint8_t *rgb, const uint8_t *cmyk, int width, int invert)
{
    for (int x = 0; x < width; x++, rgb += 3, cmyk += 4) {
        const int k = cmyk[3] ^ invert;
        for (int i = 0; i < 3; i++) rgb[i] = (uint8_t)(k - ((255 - (cmyk[i] ^ invert)) * k >> 8));
    }
}

/* Scans that the file's markers announce, up to one more than are allowed: known before anything is decoded. */
static int count_scans(const uint8_t *data, size_t size)
{
    int n = 0;
    for (size_t at = 2; at + 4 <= size && n <= MAX_SCANS;) {
        const uint8_t *const mark = memchr(data + at, 0xff, size - 3 - at);
        if (mark == NULL) break;
        at = (size_t)(mark - data);
        const int code = mark[1];
        if (code == JPEG_EOI) break;
        n += code == 0xda;
        const bool is_alone = code == 0 || code == 1 || (code >= JPEG_RST0 && code < JPEG_EOI);
        if (code == 0xff)
            at++;
        else
            at += 2 + (is_alone ? 0 : (size_t)(mark[2] << 8 | mark[3]));
    }
    return n;
}

static itx_status check_size(const struct jpeg_decompress_struct *info, const uint8_t *data,
                             size_t size, int64_t max_pixels, struct itx_error *err)
{
    const int64_t w = info->image_width, h = info->image_height;
    const int64_t most = max_pixels == 0 ? PICTURE_DEFAULT_PIXELS : max_pixels;
    ITX_TRY(picture_check_size(w, h, max_pixels, err));
    const int n_scans = count_scans(data, size);
    if (n_scans > MAX_SCANS)
        return itx_fail(err, ITX_E_RANGE, "a JPEG of more than %d scans, the limit", MAX_SCANS);
    if (n_scans <= SCANS_OF_LARGEST || w * h <= SCANS_OF_LARGEST * most / n_scans) return ITX_OK;
    return itx_fail(err, ITX_E_RANGE,
                    "a JPEG of %lld x %lld in %d scans is too large: all scans have %lld pixels, "
                    "the limit is %lld (--max-pixels allows more)",
                    (long long)w, (long long)h, n_scans, (long long)(n_scans * w * h),
                    (long long)(SCANS_OF_LARGEST * most));
}

static itx_status begin(struct jpeg_reader *r, const uint8_t *data, size_t size, int64_t max_pixels,
                        struct itx_error *err)
{
    struct jpeg_decompress_struct *info = &r->info;
    jpeg_create_decompress(info);
    r->source = (struct jpeg_source_mgr){data,          size,        source_nothing,
                                         source_fill,   source_skip, jpeg_resync_to_restart,
                                         source_nothing};
    info->src = &r->source;
    r->progress.progress_monitor = on_progress;
    info->progress = &r->progress;
    jpeg_save_markers(info, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(info, TRUE);
    ITX_TRY(check_size(info, data, size, max_pixels, err));
    info->out_color_space = info->num_components == 4 ? JCS_CMYK : JCS_RGB;
    info->dct_method = JDCT_ISLOW;
    /* A block of 64 samples takes at least one bit, so a small file cannot make us reserve much. */
    if (!info->arith_code && (uint64_t)info->image_width * info->image_height / 512 > size) {
        r->errors.out_of_data = true;
        return fail(&r->errors, "", err);
    }
    ITX_TRY(turn_init(&r->turn, r->picture, find_orientation(info), info->image_width,
                      info->image_height, max_pixels, err));
    if (info->out_color_space != JCS_CMYK) return ITX_OK;
    r->cmyk = mem_alloc((size_t)info->image_width * 4);
    return r->cmyk != NULL ? ITX_OK : itx_fail(err, ITX_E_NOMEM, "out of memory for a JPEG");
}

static void read_rows(struct jpeg_reader *r)
{
    struct jpeg_decompress_struct *info = &r->info;
    jpeg_start_decompress(info);
    /* several scans: all were read by now, and a missing one leaves no other trace */
    if (jpeg_has_multiple_scans(info) && r->errors.out_of_data) r->errors.damaged = true;
    while (info->output_scanline < info->output_height && !r->errors.damaged) {
        const int y = (int)info->output_scanline;
        uint8_t *rgb = turn_row(&r->turn, y, false);
        JSAMPROW row = r->cmyk != NULL ? r->cmyk : rgb;
        jpeg_read_scanlines(info, &row, 1);
        if (r->cmyk != NULL)
            cmyk_to_rgb(rgb, r->cmyk, r->turn.width, info->saw_Adobe_marker ? 0 : 255);
        turn_row_done(&r->turn, y);
    }
}

static itx_status decode(struct jpeg_reader *r, const uint8_t *data, size_t size,
                         int64_t max_pixels, struct itx_error *err)
{
    if (setjmp(r->errors.jump) != 0) return fail(&r->errors, "broken JPEG", err);
    ITX_TRY(begin(r, data, size, max_pixels, err));
    read_rows(r);
    return r->errors.damaged ? fail(&r->errors, "broken JPEG", err) : ITX_OK;
}

itx_status jpeg_decode(struct picture *picture, const uint8_t *data, size_t size,
                       int64_t max_pixels, struct itx_error *err)
{
    struct jpeg_reader r = {.picture = picture};
    r.info.err = errors_init(&r.errors);
    const itx_status rc = decode(&r, data, size, max_pixels, err);
    jpeg_destroy_decompress(&r.info);
    turn_release(&r.turn);
    mem_free(r.cmyk);
    return rc;
}

/* ---- writing ---- */

struct jpeg_writer {
    struct jpeg_compress_struct info;
    struct jpeg_errors errors;
    struct jpeg_destination_mgr destination;
    struct codec_sink sink;
};

static void sink_offer(struct jpeg_writer *w)
{
    if (!codec_sink_grow(&w->sink, 1)) {
        w->errors.base.msg_code = JERR_OUT_OF_MEMORY;
        longjmp(w->errors.jump, 1);
    }
    w->destination.next_output_byte = w->sink.data + w->sink.size;
    w->destination.free_in_buffer = w->sink.cap - w->sink.size;
}

static void sink_init(j_compress_ptr info)
{
    sink_offer((struct jpeg_writer *)info->client_data);
}

static boolean sink_full(j_compress_ptr info)
{
    struct jpeg_writer *w = (struct jpeg_writer *)info->client_data;
    w->sink.size =
        w->sink.cap; /* libjpeg's contract: all of it counts, whatever free_in_buffer says */
    sink_offer(w);
    return TRUE;
}

static void sink_end(j_compress_ptr info)
{
    struct jpeg_writer *w = (struct jpeg_writer *)info->client_data;
    w->sink.size = w->sink.cap - w->destination.free_in_buffer;
}

static itx_status encode(struct jpeg_writer *w, const struct picture *picture, int quality,
                         struct itx_error *err)
{
    if (setjmp(w->errors.jump) != 0) return fail(&w->errors, "cannot encode a JPEG", err);
    jpeg_create_compress(&w->info);
    w->info.client_data = w;
    w->destination = (struct jpeg_destination_mgr){NULL, 0, sink_init, sink_full, sink_end};
    w->info.dest = &w->destination;
    w->info.image_width = (JDIMENSION)picture->width;
    w->info.image_height = (JDIMENSION)picture->height;
    w->info.input_components = 3;
    w->info.in_color_space = JCS_RGB;
    jpeg_set_defaults(&w->info);
    jpeg_set_quality(&w->info, quality, TRUE);
    /* thin coloured outlines need their chroma */
    w->info.comp_info[0].h_samp_factor = w->info.comp_info[0].v_samp_factor = 1;
    jpeg_start_compress(&w->info, TRUE);
    while (w->info.next_scanline < w->info.image_height) {
        JSAMPROW row = picture->rgb + w->info.next_scanline * picture->stride;
        jpeg_write_scanlines(&w->info, &row, 1);
    }
    jpeg_finish_compress(&w->info);
    return ITX_OK;
}

itx_status picture_encode_jpeg(const struct picture *picture, int quality, void **data,
                               size_t *size, struct itx_error *err)
{
    struct jpeg_writer w = {0};
    w.info.err = errors_init(&w.errors);
    const itx_status rc = encode(&w, picture, quality, err);
    jpeg_destroy_compress(&w.info);
    if (rc == ITX_OK) {
        *data = w.sink.data;
        *size = w.sink.size;
    } else {
        mem_free(w.sink.data);
    }
    return rc;
}
