/* SPDX-License-Identifier: Apache-2.0 */
#include "vision/diagram.h"

#include <math.h>
#include <string.h>

#include <pango/pangocairo.h>

void diagram_add(struct diagram *d, struct diagram_shape shape)
{
    shape.text = arena_text(&d->arena, shape.text, strlen(shape.text));
    if (shape.text == NULL || !vec_push(&d->shapes, shape)) d->failed = true;
}

void diagram_release(struct diagram *d)
{
    vec_release(&d->shapes);
    arena_release(&d->arena);
    *d = (struct diagram){0};
}

static void set_color(cairo_t *cr, uint32_t color)
{
    cairo_set_source_rgb(cr, (color >> 16 & 255) / 255.0, (color >> 8 & 255) / 255.0,
                         (color & 255) / 255.0);
}

/* A layout of the font, NULL when none is installed. */
static PangoLayout *create_layout(cairo_t *cr)
{
    PangoFontDescription *const font = pango_font_description_from_string("sans");
    PangoLayout *layout = pango_cairo_create_layout(cr);
    pango_font_description_set_absolute_size(font, DIAGRAM_FONT * PANGO_SCALE);
    pango_layout_set_font_description(layout, font);
    PangoFont *const found = pango_context_load_font(pango_layout_get_context(layout), font);
    pango_font_description_free(font);
    if (found != NULL) {
        g_object_unref(found);
    } else {
        g_object_unref(layout);
        layout = NULL;
    }
    return layout;
}

/* `is_middle`: around (x, y); else from there on, y being the base line. */
static void paint_text(cairo_t *cr, PangoLayout *layout, const char *text, double x, double y,
                       bool is_middle)
{
    int w, h;
    if (layout == NULL) return;
    char *const valid = g_utf8_make_valid(text, -1);
    pango_layout_set_text(layout, valid, -1);
    g_free(valid);
    pango_layout_get_pixel_size(layout, &w, &h);
    const double base = (double)pango_layout_get_baseline(layout) / PANGO_SCALE;
    if (is_middle)
        cairo_move_to(cr, x - w / 2.0, y - h / 2.0);
    else
        cairo_move_to(cr, x, y - base);
    pango_cairo_show_layout(cr, layout);
}

static void trace_box(cairo_t *cr, const struct diagram_shape *s)
{
    const double r = DIAGRAM_ROUND, x1 = s->x + s->w, y1 = s->y + s->h, quarter = acos(0);
    cairo_new_sub_path(cr);
    cairo_arc(cr, x1 - r, s->y + r, r, -quarter, 0);
    cairo_arc(cr, x1 - r, y1 - r, r, 0, quarter);
    cairo_arc(cr, s->x + r, y1 - r, r, quarter, 2 * quarter);
    cairo_arc(cr, s->x + r, s->y + r, r, 2 * quarter, 3 * quarter);
    cairo_close_path(cr);
}

static void paint_shape(cairo_t *cr, PangoLayout *layout, const struct diagram_shape *s)
{
    set_color(cr, s->color);
    switch (s->kind) {
    case DIAGRAM_BOX:
        trace_box(cr, s);
        cairo_fill(cr);
        set_color(cr, 0xffffff);
        paint_text(cr, layout, s->text, s->x + s->w / 2.0, s->y + s->h / 2.0, true);
        break;
    case DIAGRAM_LINE:
        cairo_set_line_width(cr, 1);
        cairo_move_to(cr, s->x, s->y);
        cairo_line_to(cr, s->x + s->w, s->y + s->h);
        cairo_stroke(cr);
        break;
    case DIAGRAM_TEXT:
        paint_text(cr, layout, s->text, s->x, s->y, false);
        break;
    }
}

/* cairo's pixels are words of xrgb. */
static void copy_pixels(struct picture *picture, cairo_surface_t *surface)
{
    cairo_surface_flush(surface);
    const uint8_t *const data = cairo_image_surface_get_data(surface);
    const size_t stride = (size_t)cairo_image_surface_get_stride(surface);
    for (int y = 0; y < picture->height; y++)
        for (int x = 0; x < picture->width; x++) {
            uint32_t word;
            memcpy(&word, data + (size_t)y * stride + (size_t)x * 4, sizeof word);
            uint8_t *const to = picture->rgb + (size_t)y * picture->stride + (size_t)x * 3;
            to[0] = (uint8_t)(word >> 16);
            to[1] = (uint8_t)(word >> 8);
            to[2] = (uint8_t)word;
        }
}

itx_status diagram_paint(const struct diagram *d, struct picture *picture, struct itx_error *err)
{
    if (d->failed) return itx_fail(err, ITX_E_NOMEM, "out of memory for drawing");
    ITX_TRY(picture_create(picture, d->width, d->height, err));
    cairo_surface_t *const surface =
        cairo_image_surface_create(CAIRO_FORMAT_RGB24, d->width, d->height);
    cairo_t *const cr = cairo_create(surface);
    PangoLayout *const layout = create_layout(cr);
    set_color(cr, 0xffffff);
    cairo_paint(cr);
    for (size_t i = 0; i < d->shapes.len; i++) paint_shape(cr, layout, &d->shapes.data[i]);
    const bool done = cairo_status(cr) == CAIRO_STATUS_SUCCESS;
    if (done) copy_pixels(picture, surface);
    if (layout != NULL) g_object_unref(layout);
    cairo_destroy(cr);
    cairo_surface_destroy(surface);
    return done ? ITX_OK : itx_fail(err, ITX_E_NOMEM, "out of memory for drawing");
}
