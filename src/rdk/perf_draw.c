/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "base/format.h"
#include "cmd/html_draw.h"
#include "rdk/perf.h"

enum { WIDTH = 760, HEIGHT = 260, LEFT = 64, BOTTOM = 34, TOP = 12, RIGHT = 30 };

struct axes {
    double x0, x1, y0, y1; /* what the edges stand for */
};

static double place_x(const struct axes *a, double x)
{
    return LEFT + (WIDTH - LEFT - RIGHT) * (x - a->x0) / (a->x1 - a->x0);
}

static double place_y(const struct axes *a, double y)
{
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (y - a->y0) / (a->y1 - a->y0);
}

static void begin_chart(struct strbuf *b)
{
    strbuf_addf(b,
                "<div class=\"card scroll\"><svg class=\"chart\" viewBox=\"0 0 %d %d\" "
                "role=\"img\">\n<path class=\"axis\" d=\"M%d %dV%dH%d\"/>\n",
                WIDTH, HEIGHT, LEFT, TOP, HEIGHT - BOTTOM, WIDTH - RIGHT);
}

static void end_chart(struct strbuf *b, const char *x, const char *y)
{
    strbuf_addf(b,
                "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text><text x=\"%d\" "
                "y=\"%d\">%s</text></svg></div>\n",
                WIDTH - RIGHT, HEIGHT - 4, x, LEFT + 6, TOP + 10, y);
}

static void add_tick_x(struct strbuf *b, const struct axes *a, double at, const char *text)
{
    strbuf_addf(b, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", place_x(a, at),
                HEIGHT - BOTTOM + 14, text);
}

static void add_tick_y(struct strbuf *b, const struct axes *a, double at, const char *text)
{
    strbuf_addf(b,
                "<path class=\"grid\" d=\"M%d %.1fH%d\"/><text x=\"%d\" y=\"%.1f\" "
                "text-anchor=\"end\">%s</text>\n",
                LEFT, place_y(a, at), WIDTH - RIGHT, LEFT - 6, place_y(a, at) + 4, text);
}

/* Layers without multiplications, and those too quick for the clock, have no place in it. */
static bool layer_point(const struct perf_model *m, const struct perf_layer *l, double *x,
                        double *y)
{
    const double ms = span_mean_ms(&l->time, m->n_frames);
    if (l->info.multiply_adds == 0 || l->bytes == 0 || ms <= 0) return false;
    *x = log10((double)l->info.multiply_adds / (double)l->bytes);
    *y = log10((double)l->info.multiply_adds / ms * 1e3);
    return true;
}

static struct axes roofline_axes(const struct perf_model *m)
{
    struct axes a = {0, 1, 9, 10};
    double x, y;
    for (int i = 0; i < m->n_layers; i++) {
        if (!layer_point(m, &m->layer[i], &x, &y)) continue;
        a.x0 = fmin(a.x0, floor(x));
        a.x1 = fmax(a.x1, ceil(x));
        a.y0 = fmin(a.y0, floor(y));
        a.y1 = fmax(a.y1, ceil(y));
    }
    if (m->peak[0] > 0) a.y1 = fmax(a.y1, ceil(log10(m->peak[0])));
    return a;
}

void perf_draw_roofline(struct strbuf *b, const struct perf_model *m)
{
    const struct axes a = roofline_axes(m);
    double x, y;
    char text[32];
    begin_chart(b);
    for (double t = a.x0; t <= a.x1; t++) {
        format_text(text, sizeof text, "%g", pow(10, t));
        add_tick_x(b, &a, t, text);
    }
    for (double t = a.y0; t <= a.y1; t++) {
        format_text(text, sizeof text, "%g", pow(10, t - 9));
        add_tick_y(b, &a, t, text);
    }
    if (m->peak[0] > 0 && m->copy_rate > 0) {
        const double top = log10(m->peak[0]), slope = log10(m->copy_rate);
        const double knee = fmin(fmax(top - slope, a.x0), a.x1);
        const double begin = fmax(a.x0, fmin(knee, a.y0 - slope));
        strbuf_addf(b, "<path class=\"thr\" d=\"M%.1f %.1fL%.1f %.1fL%.1f %.1f\"/>\n",
                    place_x(&a, begin), place_y(&a, fmin(slope + begin, top)), place_x(&a, knee),
                    place_y(&a, fmin(slope + knee, top)), place_x(&a, a.x1),
                    place_y(&a, fmin(slope + a.x1, top)));
    }
    for (int i = 0; i < m->n_layers; i++) {
        if (!layer_point(m, &m->layer[i], &x, &y)) continue;
        strbuf_addf(b, "<circle class=\"whole\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"><title>",
                    place_x(&a, x), place_y(&a, y));
        html_text(b, m->layer[i].info.name);
        strbuf_addf(b, ": %.4f ms</title></circle>\n",
                    span_mean_ms(&m->layer[i].time, m->n_frames));
    }
    end_chart(b, "multiply-adds a byte", "GMAC/s");
}

void perf_draw_memory(struct strbuf *b, const struct perf_model *m)
{
    double sum = 0, most = 0, at = 0;
    for (int i = 0; i < m->n_layers; i++) {
        sum += span_mean_ms(&m->layer[i].time, m->n_frames);
        most = fmax(most, (double)m->live[i] / 1e6);
    }
    const struct axes a = {0, sum > 0 ? sum : 1, 0, most > 0 ? most : 1};
    char text[32];
    begin_chart(b);
    for (int i = 0; i <= 4; i++) {
        format_text(text, sizeof text, "%.2f", a.x1 * i / 4);
        add_tick_x(b, &a, a.x1 * i / 4, text);
        format_text(text, sizeof text, "%.2f", a.y1 * i / 4);
        add_tick_y(b, &a, a.y1 * i / 4, text);
    }
    strbuf_addf(b, "<path class=\"area\" d=\"M%d %d", LEFT, HEIGHT - BOTTOM);
    for (int i = 0; i < m->n_layers; i++) {
        const double y = place_y(&a, (double)m->live[i] / 1e6);
        strbuf_addf(b, "L%.1f %.1f", place_x(&a, at), y);
        at += span_mean_ms(&m->layer[i].time, m->n_frames);
        strbuf_addf(b, "H%.1f", place_x(&a, at));
    }
    strbuf_addf(b, "V%dZ\"/>\n", HEIGHT - BOTTOM);
    end_chart(b, "ms", "MB");
}
