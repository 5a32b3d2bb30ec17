/* SPDX-License-Identifier: Apache-2.0
 *
 * Labelled tags. Text is set by pango on a small surface of its own, one for each tag, and laid over the picture here:
 * cairo's surfaces end at 32767 pixels, pictures do not.
 */
#include "base/format.h"
#include "vision/paint.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <pango/pangocairo.h>

#include "base/mem.h"

#define MAX_NAME 60 /* bytes of a class name that a tag shows */

struct rect {
    int x, y, w, h;
};

static int64_t overlap(struct rect a, struct rect b)
{
    const int w = (a.x + a.w < b.x + b.w ? a.x + a.w : b.x + b.w) - (a.x > b.x ? a.x : b.x);
    const int h = (a.y + a.h < b.y + b.h ? a.y + a.h : b.y + b.h) - (a.y > b.y ? a.y : b.y);
    return w > 0 && h > 0 ? (int64_t)w * h : 0;
}

/* ---- places ---- */

struct places {
    int width, height; /* of the picture */
    struct rect *taken;
    int n_taken;
};

/* Moves the place into the picture and adds up what it would cover of other tags. */
static int64_t try_place(const struct places *p, struct rect *r)
{
    if (r->x + r->w > p->width) r->x = p->width - r->w;
    if (r->y + r->h > p->height) r->y = p->height - r->h;
    if (r->x < 0) r->x = 0;
    if (r->y < 0) r->y = 0;
    int64_t covered = 0;
    for (int i = 0; i < p->n_taken; i++) covered += overlap(*r, p->taken[i]);
    return covered;
}

/* Above the object, below it, inside it, then further and further up and down; else where least is covered. */
static struct rect find_place(const struct places *p, const struct tag *tag, int w, int h)
{
    const int gap = h / 5 + 1;
    struct rect best = {0};
    int64_t least = INT64_MAX;
    for (int i = 0; i < 16; i++) {
        struct rect r = {tag->top_x - w / 2, tag->top_y - h - gap, w, h};
        if (i == 1) r = (struct rect){tag->bottom_x - w / 2, tag->bottom_y + gap, w, h};
        if (i == 2) r = (struct rect){tag->x + (tag->w - w) / 2, tag->y + (tag->h - h) / 2, w, h};
        if (i == 3) r = (struct rect){tag->x, tag->top_y - h - gap, w, h};
        if (i == 4) r = (struct rect){tag->x + tag->w - w, tag->top_y - h - gap, w, h};
        if (i > 4) r.y += (i % 2 != 0 ? -(i - 3) / 2 : (i - 2) / 2) * (h + 1);
        const int64_t covered = try_place(p, &r);
        if (covered < least) {
            least = covered;
            best = r;
        }
        if (least == 0) break;
    }
    return best;
}

/* ---- text ---- */

/* One for a thread, made when it first draws: fonts are searched for and read only once. */
struct typesetter {
    PangoContext *context;
    PangoLayout *layout;
    PangoFontDescription *font;
    double size; /* of the font, pixels */
    bool is_made, has_font;
};

static _Thread_local struct typesetter typesetter;

static void make_context(struct typesetter *t, PangoFontMap *map)
{
    t->context = pango_font_map_create_context(map);
    t->layout = pango_layout_new(t->context);
    t->font = pango_font_description_from_string("sans");
    cairo_font_options_t *options = cairo_font_options_create();
    cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_SLIGHT);
    pango_cairo_context_set_font_options(t->context, options);
    cairo_font_options_destroy(options);
    pango_layout_set_single_paragraph_mode(t->layout, TRUE);
}

static void set_size(struct typesetter *t, double size)
{
    t->size = size;
    pango_font_description_set_absolute_size(t->font, size * PANGO_SCALE);
    pango_layout_set_font_description(t->layout, t->font);
}

/* has_font is false where no font is installed. */
static struct typesetter *the_typesetter(void)
{
    struct typesetter *const t = &typesetter;
    if (t->is_made) return t;
    PangoFontMap *map = pango_cairo_font_map_get_default();
    make_context(t, map);
    set_size(t, 10);
    PangoFont *found = pango_font_map_load_font(map, t->context, t->font);
    t->has_font = found != NULL;
    t->is_made = true;
    if (found != NULL) g_object_unref(found);
    return t;
}

/* For a picture of that longer side; NULL: there is no font. */
static struct typesetter *typesetter_for(int side, int n_tags)
{
    struct typesetter *const t = the_typesetter();
    if (!t->has_font) return NULL;
    set_size(t, fmax(10, 0.135 * pow(side, 0.7)) * (n_tags > 20 ? 0.85 : 1));
    return t;
}

/* "name 0.87", the name bold. */
static void set_text(struct typesetter *t, const struct draw_instance *d)
{
    char text[MAX_NAME + 40];
    char *valid = d->name != NULL ? g_utf8_make_valid(d->name, -1) : NULL;
    if (valid != NULL && strlen(valid) > MAX_NAME)
        *g_utf8_find_prev_char(valid, valid + MAX_NAME + 1) = '\0';
    const int n_name = valid != NULL ? snprintf(text, sizeof text, "%s", valid)
                                     : snprintf(text, sizeof text, "%d", d->class_id);
    format_text(text + n_name, sizeof text - (size_t)n_name, " %.2f", (double)d->score);
    g_free(valid);
    PangoAttrList *attributes = pango_attr_list_new();
    PangoAttribute *bold = pango_attr_weight_new(PANGO_WEIGHT_BOLD);
    bold->end_index = (guint)n_name;
    pango_attr_list_insert(attributes, bold);
    pango_layout_set_text(t->layout, text, -1);
    pango_layout_set_attributes(t->layout, attributes);
    pango_attr_list_unref(attributes);
}

static void rounded_box(cairo_t *cr, double w, double h, double radius)
{
    const double right = w - radius, bottom = h - radius;
    cairo_new_sub_path(cr);
    cairo_arc(cr, right, radius, radius, -G_PI / 2, 0);
    cairo_arc(cr, right, bottom, radius, 0, G_PI / 2);
    cairo_arc(cr, radius, bottom, radius, G_PI / 2, G_PI);
    cairo_arc(cr, radius, radius, radius, G_PI, 3 * G_PI / 2);
    cairo_close_path(cr);
}

/* The tag on a surface of its own; NULL when out of memory. */
static cairo_surface_t *make_tag(struct typesetter *t, const struct tag *tag)
{
    set_text(t, tag->instance);
    PangoRectangle ink, logical;
    pango_layout_get_pixel_extents(t->layout, &ink, &logical);
    const int pad_x = (int)ceil(t->size * 0.36), pad_y = (int)ceil(t->size * 0.12);
    const int w = logical.width + 2 * pad_x, h = logical.height + 2 * pad_y;
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, w, h);
    cairo_t *cr = cairo_create(surface);
    const struct color c = tag->color;
    rounded_box(cr, w, h, t->size * 0.28);
    cairo_set_source_rgba(cr, c.r / 255.0, c.g / 255.0, c.b / 255.0, 0.94);
    cairo_fill(cr);
    const double luma = (0.299 * c.r + 0.587 * c.g + 0.114 * c.b) / 255;
    if (luma > 0.5)
        cairo_set_source_rgb(cr, 0.06, 0.07, 0.09);
    else
        cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_move_to(cr, pad_x - logical.x, pad_y - logical.y);
    pango_cairo_show_layout(cr, t->layout);
    const bool failed = cairo_status(cr) != CAIRO_STATUS_SUCCESS;
    cairo_destroy(cr);
    cairo_surface_flush(surface);
    if (!failed) return surface;
    cairo_surface_destroy(surface);
    return NULL;
}

/* Lays premultiplied pixels over the picture; what reaches out of it is cut. */
static void lay_over(struct picture *picture, cairo_surface_t *surface, struct rect r)
{
    const uint8_t *data = cairo_image_surface_get_data(surface);
    const size_t stride = (size_t)cairo_image_surface_get_stride(surface);
    for (int y = 0; y < r.h && r.y + y < picture->height; y++) {
        uint8_t *rgb = picture->rgb + (size_t)(r.y + y) * picture->stride + (size_t)r.x * 3;
        for (int x = 0; x < r.w && r.x + x < picture->width; x++, rgb += 3) {
            uint32_t argb;
            memcpy(&argb, data + (size_t)y * stride + (size_t)x * 4, 4);
            const unsigned rest = 255 - (argb >> 24);
            for (int k = 0; k < 3; k++)
                rgb[k] = (uint8_t)((argb >> (16 - 8 * k) & 255) + (rgb[k] * rest + 127) / 255);
        }
    }
}

itx_status tags_paint(struct picture *picture, const struct tag *tags, int n, struct itx_error *err)
{
    const int side = picture->width > picture->height ? picture->width : picture->height;
    struct typesetter *const t = typesetter_for(side, n);
    if (t == NULL) return ITX_OK;
    struct places places = {picture->width, picture->height, NULL, 0};
    places.taken = mem_calloc((size_t)n, sizeof *places.taken);
    itx_status rc = ITX_OK;
    if (places.taken == NULL) rc = itx_fail(err, ITX_E_NOMEM, "out of memory for drawing");
    for (int i = 0; i < n && rc == ITX_OK; i++) {
        cairo_surface_t *surface = make_tag(t, &tags[i]);
        if (surface == NULL) {
            rc = itx_fail(err, ITX_E_NOMEM, "out of memory for drawing");
            break;
        }
        const struct rect place =
            find_place(&places, &tags[i], cairo_image_surface_get_width(surface),
                       cairo_image_surface_get_height(surface));
        lay_over(picture, surface, place);
        places.taken[places.n_taken++] = place;
        cairo_surface_destroy(surface);
    }
    mem_free(places.taken);
    return rc;
}

/* Every character that names mostly have, both weights. */
itx_status draw_setup(struct itx_error *err)
{
    const struct draw_instance d = {
        .score = 0.5f,
        .name = "abcdefghijklmnopqrstuvwxyz 0123456789 ABCDEFGHIJKLMNOPQRSTUV",
    };
    const struct tag tag = {.instance = &d};
    struct typesetter *const t = typesetter_for(640, 1);
    cairo_surface_t *const surface = t != NULL ? make_tag(t, &tag) : NULL;
    if (t != NULL && surface == NULL)
        return itx_fail(err, ITX_E_NOMEM, "out of memory for drawing");
    if (surface != NULL) cairo_surface_destroy(surface);
    return ITX_OK;
}
