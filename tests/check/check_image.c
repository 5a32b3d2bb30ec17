/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/image/image.h"

#include <stdio.h>
#include <string.h>

#include "check.h"

CHECK_ROWS(image)

struct pair {
    const struct image_row *row, *reference;
};

/* A picture whose rows end where the memory ends. */
static struct image pick_image(struct check *c, enum image_format format, int w, int h)
{
    static const int bytes[IMAGE_FORMAT_COUNT] = {3, 3, 4, 1, 1, 3};
    struct image image = {
        .format = format, .range = (enum image_range)check_pick(c, 0, 1), .w = w, .h = h};
    const int n_planes = format == IMAGE_NV12 ? 2 : 1;
    for (int i = 0; i < n_planes; i++) {
        const size_t line = i == 0 ? (size_t)w * (size_t)bytes[format] : (size_t)((w + 1) / 2) * 2;
        const size_t lines = (size_t)(i == 0 ? h : (h + 1) / 2);
        image.stride[i] = line + (size_t)(check_pick(c, 0, 1) * check_pick(c, 0, 9));
        const size_t size = (lines - 1) * image.stride[i] + line;
        uint8_t *const data = check_input(c, size, 0);
        check_fill_s8(c, data, size, check_pick_fill(c), 0, 255);
        image.plane[i] = data;
    }
    return image;
}

static struct check_layout rgb_layout(struct check *c, int w, int h)
{
    const size_t stride = (size_t)w * 3 + (size_t)(check_pick(c, 0, 1) * check_pick(c, 0, 9));
    return (struct check_layout){h, w, 3, 3, stride, 1};
}

static void check_nv12_to_rgb(struct check *c, const struct pair *rows)
{
    const int w = check_pick_size(c, 16, 300), h = check_pick(c, 1, 9);
    check_case(c, "NV12 to RGB, %d x %d", w, h);
    const struct image in = pick_image(c, IMAGE_NV12, w, h);
    const struct check_layout layout = rgb_layout(c, w, h);
    const size_t size = check_extent(&layout);
    uint8_t *const want = check_output(c, size), *const got = check_output(c, size);
    rows->reference->nv12_to_rgb(&in, &(struct rgb_rows){want, layout.row, 0, h});
    struct rgb_rows part = {got, layout.row, 0, 0};
    for (check_split(c, h); check_next_part(c, &part.begin, &part.end);)
        rows->row->nv12_to_rgb(&in, &part);
    check_same(c, want, got, &layout);
}

static void check_rgb_to_nv12(struct check *c, const struct pair *rows)
{
    const int w = check_pick_size(c, 16, 300), h = check_pick(c, 1, 9);
    const int half_w = (w + 1) / 2, half_h = (h + 1) / 2;
    check_case(c, "RGB to NV12, %d x %d", w, h);
    const struct image in = pick_image(c, IMAGE_RGB, w, h);
    const struct check_layout y = {h, w, 1, 1, (size_t)(w + check_pick(c, 0, 3)), 1};
    const struct check_layout uv = {
        half_h, half_w, 2, 2, (size_t)(2 * half_w + check_pick(c, 0, 3)), 1};
    struct image_nv12 out[2];
    for (int i = 0; i < 2; i++)
        out[i] = (struct image_nv12){.range = in.range,
                                     .w = w,
                                     .h = h,
                                     .y = check_output(c, check_extent(&y)),
                                     .uv = check_output(c, check_extent(&uv)),
                                     .y_stride = y.row,
                                     .uv_stride = uv.row};
    rows->reference->rgb_to_nv12(in.plane[0], in.stride[0], &out[0], 0, half_h);
    int begin, end;
    for (check_split(c, half_h); check_next_part(c, &begin, &end);)
        rows->row->rgb_to_nv12(in.plane[0], in.stride[0], &out[1], begin, end);
    if (check_same(c, out[0].y, out[1].y, &y)) check_same(c, out[0].uv, out[1].uv, &uv);
}

static void check_letterbox(struct check *c, const struct pair *rows)
{
    static const int formats[] = {IMAGE_RGB,  IMAGE_RGB,  IMAGE_BGR,   IMAGE_RGBA,
                                  IMAGE_GRAY, IMAGE_NV12, IMAGE_YUV444};
    const enum image_format format =
        (enum image_format)formats[check_pick(c, 0, ARRAY_LEN(formats) - 1)];
    const int out_w = check_pick_size(c, 16, 80), out_h = check_pick_size(c, 16, 80);
    int w = check_pick_size(c, 16, 200), h = check_pick_size(c, 16, 200);
    const int kind = check_pick(c, 0, 9);
    if (kind == 0) w = check_pick(c, 1000, 5000); /* far down */
    if (kind == 1 || kind == 2) w = kind * out_w; /* exactly one or two in each direction */
    if (kind == 1 || kind == 2) h = kind * check_pick(c, 1, out_h);
    check_case(c, "letterbox, format %d, %d x %d into %d x %d", format, w, h, out_w, out_h);
    const struct image in = pick_image(c, format, w, h);
    const struct letterbox g = letterbox_fit(w, h, out_w, out_h);
    void *const table = check_scratch(c, letterbox_table_size(out_w, out_h));
    void *const scratch = check_scratch(c, letterbox_scratch_size(out_w));
    letterbox_prepare(&g, table);
    const struct check_layout layout = rgb_layout(c, out_w, out_h);
    const size_t size = check_extent(&layout);
    uint8_t *const want = check_output(c, size), *const got = check_output(c, size);
    rows->reference->letterbox(&g, table, &in, &(struct rgb_rows){want, layout.row, 0, out_h},
                               scratch);
    struct rgb_rows part = {got, layout.row, 0, 0};
    for (check_split(c, out_h); check_next_part(c, &part.begin, &part.end);)
        rows->row->letterbox(&g, table, &in, &part, scratch);
    check_same(c, want, got, &layout);
}

static void check_to_input(struct check *c, const struct pair *rows)
{
    const int w = check_pick_size(c, 16, 100), h = check_pick(c, 1, 5);
    const int pixel = check_pick(c, 0, 2) == 0 ? check_pick(c, 3, 9) : 4;
    check_case(c, "to input, %d x %d, pixel %d", w, h, pixel);
    const struct image in = pick_image(c, IMAGE_RGB, w, h);
    const struct check_layout layout = {h, w, pixel == 4 ? 4 : 3, (size_t)pixel, 0, 1};
    const size_t size = check_extent(&layout);
    int8_t *const want = check_output(c, size), *const got = check_output(c, size);
    rows->reference->to_input(in.plane[0], in.stride[0], w, want, pixel, 0, h);
    int begin, end;
    for (check_split(c, h); check_next_part(c, &begin, &end);)
        rows->row->to_input(in.plane[0], in.stride[0], w, got, pixel, begin, end);
    check_same(c, want, got, &layout);
}

static void check(struct check *c, const void *row, const void *reference)
{
    const struct pair rows = {row, reference};
    for (int i = 0; i < 150 && !check_has_failed(c); i++) {
        check_nv12_to_rgb(c, &rows);
        check_rgb_to_nv12(c, &rows);
        check_letterbox(c, &rows);
        check_letterbox(c, &rows);
        check_to_input(c, &rows);
    }
}

/* ---- timing, at 640 x 640 ---- */

enum { SIZE = 640 };

struct work {
    const struct image_row *row;
    struct image in;
    struct rgb_rows rgb;
    struct image_nv12 nv12;
    struct letterbox fit;
    void *table, *scratch;
    int8_t *tensor;
};

static void work_nv12_to_rgb(void *ctx)
{
    const struct work *const w = ctx;
    w->row->nv12_to_rgb(&w->in, &w->rgb);
}

static void work_rgb_to_nv12(void *ctx)
{
    const struct work *const w = ctx;
    w->row->rgb_to_nv12(w->rgb.data, w->rgb.stride, &w->nv12, 0, SIZE / 2);
}

static void work_letterbox(void *ctx)
{
    const struct work *const w = ctx;
    letterbox_prepare(&w->fit, w->table);
    w->row->letterbox(&w->fit, w->table, &w->in, &w->rgb, w->scratch);
}

static void work_to_input(void *ctx)
{
    const struct work *const w = ctx;
    w->row->to_input(w->rgb.data, w->rgb.stride, SIZE, w->tensor, 4, 0, SIZE);
}

static void bench(struct check *c, const void *row, const void *reference)
{
    static const struct {
        enum image_format format;
        int w, h;
    } photos[] = {{IMAGE_RGB, 640, 480},   {IMAGE_RGB, 500, 375},    {IMAGE_RGB, 1280, 720},
                  {IMAGE_BGR, 1920, 1080}, {IMAGE_NV12, 1920, 1080}, {IMAGE_RGBA, 500, 375}};
    uint8_t *const y = check_output(c, SIZE * SIZE), *const uv = check_output(c, SIZE * SIZE / 2);
    struct work a = {
        .row = row,
        .in = pick_image(c, IMAGE_NV12, SIZE, SIZE),
        .rgb = {check_output(c, 3 * SIZE * SIZE), 3 * SIZE, 0, SIZE},
        .nv12 = {IMAGE_FULL, SIZE, SIZE, y, uv, SIZE, SIZE},
        .table = check_scratch(c, letterbox_table_size(SIZE, SIZE)),
        .scratch = check_scratch(c, letterbox_scratch_size(SIZE)),
        .tensor = check_output(c, 4 * SIZE * SIZE),
    };
    struct work b = a;
    b.row = reference;
    const double n = SIZE * SIZE;
    check_time(c, &(struct check_bench){"NV12 to RGB", work_nv12_to_rgb, &a, &b, n, "pixel"});
    check_time(c, &(struct check_bench){"RGB to NV12", work_rgb_to_nv12, &a, &b, n, "pixel"});
    check_time(c, &(struct check_bench){"to input", work_to_input, &a, &b, n, "pixel"});
    for (size_t i = 0; i < ARRAY_LEN(photos); i++) {
        a.in = b.in = pick_image(c, photos[i].format, photos[i].w, photos[i].h);
        a.fit = b.fit = letterbox_fit(photos[i].w, photos[i].h, SIZE, SIZE);
        char label[64];
        snprintf(label, sizeof label, "letterbox, format %d, %d x %d", photos[i].format,
                 photos[i].w, photos[i].h);
        check_time(c, &(struct check_bench){label, work_letterbox, &a, &b, n, "pixel"});
    }
}

const struct check_family check_image = {"image", image_check_row, check, bench};
