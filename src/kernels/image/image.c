/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/image/image.h"

#include <math.h>
#include <string.h>

#include "base/compiler.h"
#include "base/cpu.h"
#include "kernels/image/image_rows.h"

static const struct image_row rows[] = {
#define X(suffix, flags)                                                                           \
    {"image__" #suffix,           flags,                                                           \
     image_nv12_to_rgb__##suffix, image_rgb_to_nv12__##suffix,                                     \
     image_letterbox__##suffix,   image_to_input__##suffix},
#include "kernels/image/image.def"
#undef X
};

const struct image_row *image_rows(int *n)
{
    *n = (int)ARRAY_LEN(rows);
    return rows;
}

const struct image_row *image_choose(uint32_t cpu)
{
    const struct image_row *row = rows;
    while ((row->cpu & ~cpu) != 0) row++;
    return row;
}

static uint8_t to_byte(float v)
{
    v = rintf(v);
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

void image_colours(const uint8_t *rgb, enum image_colours colours, size_t n, uint8_t *out)
{
    if (colours == IMAGE_AS_RGB) {
        memcpy(out, rgb, 3 * n);
        return;
    }
    for (size_t i = 0; i < n; i++, rgb += 3) {
        const float y = 0.299f * rgb[0] + 0.587f * rgb[1] + 0.114f * rgb[2];
        *out++ = to_byte(y);
        if (colours == IMAGE_AS_GRAY) continue;
        *out++ = to_byte((rgb[2] - y) * 0.564f + 128);
        *out++ = to_byte((rgb[0] - y) * 0.713f + 128);
    }
}

static int at_least_one(double v)
{
    return v < 1 ? 1 : (int)v;
}

struct letterbox letterbox_fit(int in_w, int in_h, int out_w, int out_h)
{
    const double scale = fmin((double)out_h / in_h, (double)out_w / in_w);
    const int new_w = at_least_one(rint(in_w * scale)), new_h = at_least_one(rint(in_h * scale));
    return (struct letterbox){
        .in_w = in_w,
        .in_h = in_h,
        .out_w = out_w,
        .out_h = out_h,
        .new_w = new_w,
        .new_h = new_h,
        .left = (int)rint((out_w - new_w) / 2.0 - 0.1),
        .top = (int)rint((out_h - new_h) / 2.0 - 0.1),
    };
}

size_t letterbox_table_size(int out_w, int out_h)
{
    return ((size_t)out_w + LETTERBOX_SPARE + (size_t)out_h) *
           (2 * sizeof(int32_t) + 2 * sizeof(int16_t));
}

struct tap {
    int32_t at[2];
    int16_t coefficient[2];
};

enum edge { EDGE_HOLD, EDGE_KEEP_FRACTION };

/* Where output position i of n_out reads, as cv::resize computes it: position in double, kept as float. At the edges
 * both taps fall on the last pixel; horizontally OpenCV then forgets the fraction, vertically it does not (whose
 * truncated halves can differ by one from the whole). */
static struct tap tap_at(int i, int n_in, int n_out, enum edge edge)
{
    const double scale = 1 / ((double)n_out / n_in);
    float f = (float)((i + 0.5) * scale - 0.5);
    const float whole = floorf(f);
    int s = (int)whole;
    f -= whole;
    if (edge == EDGE_HOLD && (s < 0 || s >= n_in - 1)) {
        f = 0;
        s = s < 0 ? 0 : n_in - 1;
    }
    const int next = s + 1;
    return (struct tap){
        .at = {s < 0      ? 0
               : s < n_in ? s
                          : n_in - 1,
               next < n_in ? next : n_in - 1},
        .coefficient = {(int16_t)rintf((1 - f) * 2048), (int16_t)rintf(f * 2048)},
    };
}

void letterbox_prepare(const struct letterbox *g, void *table)
{
    const struct letterbox_table t = letterbox_table(g, table);
    for (int x = 0; x < g->new_w + LETTERBOX_SPARE; x++) {
        const struct tap tap =
            tap_at(x < g->new_w ? x : g->new_w - 1, g->in_w, g->new_w, EDGE_HOLD);
        t.x0[x] = tap.at[0];
        t.x1[x] = tap.at[1];
        t.alpha[x][0] = tap.coefficient[0];
        t.alpha[x][1] = tap.coefficient[1];
    }
    for (int y = 0; y < g->new_h; y++) {
        const struct tap tap = tap_at(y, g->in_h, g->new_h, EDGE_KEEP_FRACTION);
        t.y0[y] = tap.at[0];
        t.y1[y] = tap.at[1];
        t.beta[y][0] = tap.coefficient[0];
        t.beta[y][1] = tap.coefficient[1];
    }
}

size_t letterbox_scratch_size(int out_w)
{
    /* two rows of h, four channels a pixel, and the stretch of NV12 that is being converted */
    return 2 * ((size_t)out_w * 4 + 64) * sizeof(int16_t) + 4 * LETTERBOX_STRETCH + 64;
}
