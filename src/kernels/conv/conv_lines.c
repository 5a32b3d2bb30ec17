/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/conv/conv_lines.h"

#include <string.h>

#include "base/mem.h"

enum { SLACK = 64 };

static void set_geometry(struct conv_lines *l, const struct conv_shape *s,
                         const struct conv_element *e)
{
    const bool is_upscale = s->upscale > 1;
    l->element = e;
    l->kernel_h = is_upscale ? 1 : s->kernel_h;
    l->kernel_w = is_upscale ? 1 : s->kernel_w;
    l->grid_w = s->out_w / s->upscale;
    l->channels = (s->in_c + e->group - 1) / e->group * e->group;
    const bool is_dilated = s->dilation_w > 1 && l->kernel_w > 1;
    l->runs.n_segments = is_dilated ? l->kernel_h * l->kernel_w : l->kernel_h;
    l->runs.run = is_dilated ? l->channels : l->channels * l->kernel_w;
    l->n_lines = (l->kernel_h - 1) * s->dilation_h + 1;
    l->line_w = (l->grid_w - 1) * s->stride_w + (l->kernel_w - 1) * s->dilation_w + 1;
    const size_t pixel_size = (size_t)l->channels * e->size;
    l->runs.step = pixel_size * (size_t)s->stride_w;
    l->line_size = size_align(pixel_size * (size_t)l->line_w + SLACK, 64);
}

size_t conv_lines_size(const struct conv_shape *s, const struct conv_element *e)
{
    struct conv_lines l;
    set_geometry(&l, s, e);
    return size_align((size_t)l.runs.n_segments * sizeof *l.runs.segment, 64) +
           size_align((size_t)l.channels * e->size + SLACK, 64) + l.line_size * (size_t)l.n_lines;
}

int conv_lines_depth(const struct conv_shape *s, int group)
{
    const int n_taps = s->upscale > 1 ? 1 : s->kernel_h * s->kernel_w;
    return (s->in_c + group - 1) / group * group * n_taps;
}

static conv_convert_fn *convert_of(const struct conv_lines *l, const struct conv_shape *s)
{
    return s->is_wide ? l->element->convert_wide : l->element->convert;
}

void conv_lines_init(struct conv_lines *l, const struct conv_params *p,
                     const struct conv_element *e, int row_begin, void *scratch)
{
    set_geometry(l, &p->shape, e);
    uint8_t *at = scratch;
    l->runs.segment = scratch;
    at += size_align((size_t)l->runs.n_segments * sizeof *l->runs.segment, 64);
    l->pad = at;
    at += size_align((size_t)l->channels * e->size + SLACK, 64);
    l->lines = at;
    l->next_row = row_begin * p->shape.stride_h - p->shape.pad_top;
    convert_of(l, &p->shape)(l->pad, 0, p->pad, 0, 1, l->channels);
}

/* Line of image row y, which may lie outside the image. */
static uint8_t *line_of(const struct conv_lines *l, const struct conv_shape *s, int y)
{
    return l->lines + (size_t)((y + s->pad_top) % l->n_lines) * l->line_size;
}

static int clamp(int v, int low, int high)
{
    return v < low ? low : v > high ? high : v;
}

static void fill_line(const struct conv_lines *l, const struct conv_params *p, const void *in,
                      int y)
{
    const struct conv_shape *const s = &p->shape;
    const size_t pixel_size = (size_t)l->channels * l->element->size;
    uint8_t *const line = line_of(l, s, y);
    const bool is_inside = y >= 0 && y < s->in_h;
    const int begin = is_inside ? clamp(s->pad_left, 0, l->line_w) : l->line_w;
    const int end = clamp(s->pad_left + s->in_w, begin, l->line_w);
    const int first = s->pad_left < 0 ? -s->pad_left : 0;
    for (int x = 0; x < begin; x++) memcpy(line + (size_t)x * pixel_size, l->pad, pixel_size);
    if (end > begin) {
        conv_convert_fn *const convert = convert_of(l, s);
        const size_t from_step = (size_t)s->in_pixel * (s->is_wide ? 2 : 1);
        const uint8_t *const from =
            (const uint8_t *)in + ((size_t)y * (size_t)s->in_w + (size_t)first) * from_step;
        uint8_t *const to = line + (size_t)begin * pixel_size;
        if (s->in_pixel == l->channels)
            convert(to, 0, from, 0, 1, (end - begin) * l->channels);
        else
            convert(to, pixel_size, from, from_step, end - begin, l->channels);
    }
    for (int x = end; x < l->line_w; x++) memcpy(line + (size_t)x * pixel_size, l->pad, pixel_size);
}

void conv_lines_seek(struct conv_lines *l, const struct conv_params *p, const void *in, int y)
{
    const struct conv_shape *const s = &p->shape;
    const int top = y * s->stride_h - s->pad_top;
    if (l->next_row < top) l->next_row = top;
    for (; l->next_row < top + l->n_lines; l->next_row++) fill_line(l, p, in, l->next_row);
    const size_t tap_size = (size_t)l->channels * l->element->size * (size_t)s->dilation_w;
    const int n_columns = l->runs.n_segments / l->kernel_h;
    for (int i = 0; i < l->runs.n_segments; i++)
        l->runs.segment[i] =
            line_of(l, s, top + i / n_columns * s->dilation_h) + (size_t)(i % n_columns) * tap_size;
}
