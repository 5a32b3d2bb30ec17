/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/html_draw.h"

#include <math.h>

#include "base/printable.h"
#include "cmd/json.h"

void html_text(struct strbuf *b, const char *text)
{
    for (const char *p = text; *p != '\0';) {
        size_t n;
        const bool is_shown = printable_at(p, 4, &n);
        const char *name = *p == '&'   ? "&amp;"
                           : *p == '<' ? "&lt;"
                           : *p == '>' ? "&gt;"
                           : *p == '"' ? "&quot;"
                                       : NULL;
        if (name != NULL)
            strbuf_addf(b, "%s", name);
        else
            strbuf_add(b, is_shown ? p : "?", is_shown ? n : 1);
        p += n;
    }
}

/* ---- histograms ---- */

struct plot {
    double width, height;            /* of the drawing */
    double top, bottom, left, right; /* of the curve */
    double low, high;                /* values at its sides */
};

static double plot_x(const struct plot *p, double v)
{
    if (!(p->high > p->low)) return p->left;
    return p->left + (v - p->low) / (p->high - p->low) * (p->right - p->left);
}

/* Shares are shown on a scale of six decades: an outlier is one in a million. */
static double plot_y(const struct plot *p, double share)
{
    const double decades = share > 1e-6 ? (log10(share) + 6) / 6 : 0;
    return p->bottom - fmin(1, decades) * (p->bottom - p->top);
}

static double number_at(const json_t *array, size_t i)
{
    return json_number_value(json_array_get(array, i));
}

static void add_curve(struct strbuf *b, const struct plot *p, const json_t *parts, double least,
                      double most)
{
    const size_t n = json_array_size(parts);
    strbuf_addf(b, "<path class=\"area\" d=\"M%.1f %.1f", plot_x(p, least), p->bottom);
    for (size_t i = 0; i < n; i++) {
        const double end = least + (most - least) * (double)(i + 1) / (double)n;
        strbuf_addf(b, "V%.1fH%.1f", plot_y(p, number_at(parts, i)), plot_x(p, end));
    }
    strbuf_addf(b, "V%.1fZ\"/>", p->bottom);
}

static void add_threshold(struct strbuf *b, const struct plot *p, double v)
{
    const double x = plot_x(p, v);
    strbuf_addf(b, "<path class=\"thr\" d=\"M%.1f %.1fV%.1f\"/>", x, p->top - 2, p->bottom);
}

static void add_cut(struct strbuf *b, const struct plot *p, double from, double to)
{
    if (!(to > from)) return;
    const double x = plot_x(p, from);
    strbuf_addf(b, "<rect class=\"cut\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>", x,
                p->top, plot_x(p, to) - x, p->bottom - p->top);
}

static void add_label(struct strbuf *b, const struct plot *p, double v)
{
    const double x = plot_x(p, v);
    const char *anchor = x < p->left + 60 ? "start" : x > p->right - 60 ? "end" : "middle";
    strbuf_addf(b, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%.4g</text>", x, p->bottom + 15,
                anchor, v);
}

void html_histogram(struct strbuf *b, const json_t *layer, enum html_size size)
{
    const json_t *h = json_object_get(layer, "histogram"), *t = json_object_get(layer, "threshold");
    if (h == NULL) return;
    const json_t *range = json_object_get(h, "range");
    const double least = number_at(range, 0), most = number_at(range, 1);
    const bool has_threshold = json_is_array(t);
    const double low = has_threshold ? number_at(t, 0) : least;
    const double high = has_threshold ? number_at(t, 1) : most;
    const bool is_large = size == HTML_LARGE;
    struct plot p = {.width = is_large ? 480 : 150, .height = is_large ? 132 : 34};
    p.top = is_large ? 8 : 3;
    p.bottom = p.height - (is_large ? 22 : 2);
    p.left = 2;
    p.right = p.width - 2;
    p.low = fmin(least, low);
    p.high = fmax(most, high);
    strbuf_addf(b,
                "<svg class=\"%s\" viewBox=\"0 0 %.0f %.0f\" role=\"img\"><title>values %.4g to "
                "%.4g",
                is_large ? "histogram" : "small", p.width, p.height, least, most);
    if (has_threshold) strbuf_addf(b, ", thresholds %.4g and %.4g", low, high);
    strbuf_addf(b, "</title>");
    add_cut(b, &p, least, low);
    add_cut(b, &p, high, most);
    add_curve(b, &p, json_object_get(h, "parts"), least, most);
    strbuf_addf(b, "<path class=\"axis\" d=\"M%.1f %.1fH%.1f\"/>", p.left, p.bottom, p.right);
    if (has_threshold) {
        add_threshold(b, &p, low);
        add_threshold(b, &p, high);
    }
    if (is_large) {
        add_label(b, &p, low);
        add_label(b, &p, high);
        const double x = plot_x(&p, 0);
        if (low < 0 && x - plot_x(&p, low) > 90 && plot_x(&p, high) - x > 90) add_label(b, &p, 0);
    }
    strbuf_addf(b, "</svg>");
}

/* ---- error along the network ---- */

enum { CHART_WIDTH = 1000, CHART_HEIGHT = 320, LEFT = 46, RIGHT = 990, TOP = 14, BOTTOM = 290 };

struct chart {
    size_t n;
    double most; /* dB at the top */
};

static double chart_x(const struct chart *c, size_t i)
{
    return LEFT + 8 + (double)i * (RIGHT - LEFT - 16) / (double)(c->n > 1 ? c->n - 1 : 1);
}

static double chart_y(const struct chart *c, double db)
{
    return BOTTOM - fmax(0, fmin(c->most, db)) / c->most * (BOTTOM - TOP);
}

static void add_dots(struct strbuf *b, const struct chart *c, const json_t *layers, const char *key,
                     const char *kind)
{
    for (size_t i = 0; i < c->n; i++) {
        const json_t *layer = json_array_get(layers, i), *db = json_object_get(layer, key);
        if (!json_is_number(db)) continue;
        strbuf_addf(b, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"><title>", kind,
                    chart_x(c, i), chart_y(c, json_number_value(db)));
        html_text(b, json_text_of(layer, "name"));
        strbuf_addf(b, ": %.1f dB</title></circle>", json_number_value(db));
    }
}

void html_error_chart(struct strbuf *b, const json_t *report)
{
    const json_t *layers = json_object_get(report, "layers");
    struct chart c = {json_array_size(layers), 20};
    for (size_t i = 0; i < c.n; i++) {
        const json_t *layer = json_array_get(layers, i);
        const double most = fmax(json_number(layer, "snr_db"), json_number(layer, "snr_alone_db"));
        while (c.most < 100 && c.most < most) c.most += 10;
    }
    strbuf_addf(b,
                "<svg class=\"chart\" viewBox=\"0 0 %d %d\" role=\"img\"><title>signal to noise of "
                "each layer</title>",
                CHART_WIDTH, CHART_HEIGHT);
    for (int db = 0; db <= (int)c.most; db += 10)
        strbuf_addf(b,
                    "<path class=\"grid\" d=\"M%d %.1fH%d\"/><text x=\"%d\" y=\"%.1f\" "
                    "text-anchor=\"end\">%d</text>",
                    LEFT, chart_y(&c, db), RIGHT, LEFT - 8, chart_y(&c, db) + 4, db);
    strbuf_addf(b,
                "<text x=\"%d\" y=\"%d\">first layer</text><text x=\"%d\" y=\"%d\" "
                "text-anchor=\"end\">last layer</text>",
                LEFT, CHART_HEIGHT - 10, RIGHT, CHART_HEIGHT - 10);
    strbuf_addf(b, "<polyline class=\"whole\" points=\"");
    for (size_t i = 0; i < c.n; i++) {
        const json_t *db = json_object_get(json_array_get(layers, i), "snr_db");
        if (json_is_number(db))
            strbuf_addf(b, "%.1f,%.1f ", chart_x(&c, i), chart_y(&c, json_number_value(db)));
    }
    strbuf_addf(b, "\"/>");
    add_dots(b, &c, layers, "snr_db", "whole");
    add_dots(b, &c, layers, "snr_alone_db", "alone");
    strbuf_addf(b, "</svg>");
}
