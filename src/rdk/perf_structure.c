/* SPDX-License-Identifier: Apache-2.0
 *
 * hb_perf: the parts of a model, as SVG and as a picture.
 */
#include "base/format.h"
#include "cmd/html_draw.h"
#include "rdk/perf.h"
#include "rdk/rdk_bin.h"
#include "vision/diagram.h"

enum { BOX = 30, GAP = 16, BOX_WIDTH = 340, BASE = 19 /* of a text, from its box's top */ };
enum { GREY = 0x7b8682, GREEN = 0x0d6a5b, LINES = 0x8a9691, LETTERS = 0x74807b };

static void add_box(struct diagram *d, int x, int y, uint32_t color, const char *text)
{
    diagram_add(d, (struct diagram_shape){DIAGRAM_BOX, x, y, BOX_WIDTH, BOX, color, text});
}

static void add_line(struct diagram *d, int x1, int y1, int x2, int y2)
{
    diagram_add(d, (struct diagram_shape){DIAGRAM_LINE, x1, y1, x2 - x1, y2 - y1, LINES, ""});
}

/* Names are cut so that they fit their box. */
static void add_output(struct diagram *d, const struct plan_output *out, int y, int from)
{
    const int x = 2 * GAP + BOX_WIDTH + 40;
    char text[52];
    add_line(d, GAP + BOX_WIDTH, from, x, y + BOX / 2);
    if (rdk_is_float_output(out)) {
        const size_t n = strlen(out->dequantize);
        snprintf(text, sizeof text, "%s%s", n > 48 ? "..." : "",
                 out->dequantize + (n > 48 ? n - 45 : 0));
        add_box(d, x, y, GREY, text);
    } else {
        add_line(d, x, y + BOX / 2, x + BOX_WIDTH, y + BOX / 2);
    }
    diagram_add(d, (struct diagram_shape){.kind = DIAGRAM_TEXT,
                                          .x = x + BOX_WIDTH + 10,
                                          .y = y + BASE,
                                          .color = LETTERS,
                                          .text = out->name});
}

/* The program and what is in front of it, from there a line to each output, through its dequantise node. */
static void make(struct diagram *d, const struct perf_model *m)
{
    const struct plan *const p = m->plan;
    const int n = p->n_outputs > 2 ? p->n_outputs : 2;
    char text[80];
    d->width = 2 * BOX_WIDTH + 2 * GAP + 340;
    d->height = n * (BOX + GAP) + GAP;
    const int y = d->height / 2 - BOX - GAP / 2;
    for (int i = 0; i < p->n_outputs; i++)
        add_output(d, &p->outputs[i], GAP + i * (BOX + GAP), y + BOX + GAP + BOX / 2);
    format_text(text, sizeof text, "Preprocess: %.3f ms", span_mean_ms(&m->prepare, m->n_frames));
    add_box(d, GAP, y, GREY, text);
    add_line(d, GAP + BOX_WIDTH / 2, y + BOX, GAP + BOX_WIDTH / 2, y + BOX + GAP);
    format_text(text, sizeof text, "main_graph_subgraph_0: %d layers, %.3f ms", m->n_layers,
                span_mean_ms(&m->network, m->n_frames));
    add_box(d, GAP, y + BOX + GAP, GREEN, text);
}

/* ---- SVG ---- */

static void write_shape(struct strbuf *b, const struct diagram_shape *s)
{
    switch (s->kind) {
    case DIAGRAM_BOX:
        strbuf_addf(b,
                    "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"%d\" fill=\"#%06x\"/>"
                    "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\" style=\"fill:#fff;font:%dpx "
                    "sans-serif\">",
                    s->x, s->y, s->w, s->h, DIAGRAM_ROUND, s->color, s->x + s->w / 2, s->y + BASE,
                    DIAGRAM_FONT);
        break;
    case DIAGRAM_LINE:
        strbuf_addf(b, "<path d=\"M%d %dL%d %d\" stroke=\"#%06x\" fill=\"none\"/>\n", s->x, s->y,
                    s->x + s->w, s->y + s->h, s->color);
        return;
    case DIAGRAM_TEXT:
        strbuf_addf(b, "<text x=\"%d\" y=\"%d\" style=\"fill:#%06x;font:%dpx sans-serif\">", s->x,
                    s->y, s->color, DIAGRAM_FONT);
        break;
    }
    html_text(b, s->text);
    strbuf_addf(b, "</text>\n");
}

void perf_draw_structure(struct strbuf *b, const struct perf_model *m)
{
    struct diagram d = {0};
    make(&d, m);
    strbuf_addf(b,
                "<div class=\"scroll\"><svg viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
                "role=\"img\">\n",
                d.width, d.height, d.width, d.height);
    for (size_t i = 0; i < d.shapes.len; i++) write_shape(b, &d.shapes.data[i]);
    strbuf_addf(b, "</svg></div>\n");
    b->failed = b->failed || d.failed;
    diagram_release(&d);
}

/* ---- a picture ---- */

itx_status perf_paint_structure(const struct perf_model *m, struct picture *picture,
                                struct itx_error *err)
{
    struct diagram d = {0};
    make(&d, m);
    const itx_status rc = diagram_paint(&d, picture, err);
    diagram_release(&d);
    return rc;
}
