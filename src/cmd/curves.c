/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/curves.h"

#include "base/file.h"
#include "base/str.h"
#include "cmd/terminal.h"

/* Pixels. */
enum { WIDTH = 640, HEIGHT = 520, LEFT = 64, TOP = 48, PLOT_WIDTH = 548, PLOT_HEIGHT = 408 };

struct curve {
    const char *name, *color;
    int first_iou, last_iou;
};

static const struct curve curves[] = {
    {"IoU 0.50", "#1b7f5c", 0, 0},
    {"IoU 0.75", "#c2571a", 5, 5},
    {"IoU 0.50:0.95", "#2b4c9b", 0, COCO_N_IOUS - 1},
};

static double plot_x(double recall)
{
    return LEFT + recall * PLOT_WIDTH;
}

static double plot_y(double precision)
{
    return TOP + (1 - precision) * PLOT_HEIGHT;
}

/* Mean over the categories that have something to find; 0 without any. */
static double mean_precision(const struct coco_evaluation *e, const struct curve *c, int recall)
{
    double sum = 0;
    int n = 0;
    for (int k = 0; k < e->n_categories; k++)
        for (int iou = c->first_iou; iou <= c->last_iou; iou++) {
            const double p = coco_precision(e, iou, recall, k, COCO_AREA_ALL, COCO_LIMIT_100);
            if (p < 0) continue;
            sum += p;
            n++;
        }
    return n > 0 ? sum / n : 0;
}

static void add_axes(struct strbuf *svg)
{
    for (int i = 0; i <= 10; i += 2) {
        const double v = i / 10.0, x = plot_x(v), y = plot_y(v);
        strbuf_addf(svg,
                    "<path d=\"M%.1f %d V%d M%d %.1f H%d\" stroke=\"#ddd\"/>\n"
                    "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.1f</text>\n"
                    "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.1f</text>\n",
                    x, TOP, TOP + PLOT_HEIGHT, LEFT, y, LEFT + PLOT_WIDTH, x,
                    TOP + PLOT_HEIGHT + 18, v, LEFT - 8, y + 4, v);
    }
    strbuf_addf(svg,
                "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" "
                "stroke=\"#555\"/>\n",
                LEFT, TOP, PLOT_WIDTH, PLOT_HEIGHT);
    strbuf_addf(svg, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">recall</text>\n",
                LEFT + PLOT_WIDTH / 2, HEIGHT - 18);
    strbuf_addf(svg,
                "<text transform=\"translate(20 %d) rotate(-90)\" text-anchor=\"middle\">precision"
                "</text>\n",
                TOP + PLOT_HEIGHT / 2);
}

/* The line, and its row in the legend: name and mean. */
static void add_curve(struct strbuf *svg, const struct coco_evaluation *e, int row)
{
    const struct curve *c = &curves[row];
    double sum = 0;
    strbuf_addf(svg, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" points=\"",
                c->color);
    for (int r = 0; r < COCO_N_RECALLS; r++) {
        const double p = mean_precision(e, c, r);
        sum += p;
        strbuf_addf(svg, "%s%.1f,%.1f", r > 0 ? " " : "", plot_x(coco_recall_threshold(r)),
                    plot_y(p));
    }
    const int x = LEFT + PLOT_WIDTH - 176, y = TOP + 24 + 20 * row;
    strbuf_addf(svg,
                "\"/>\n<path d=\"M%d %d h24\" stroke=\"%s\" stroke-width=\"3\"/>\n"
                "<text x=\"%d\" y=\"%d\">%s: %.3f</text>\n",
                x, y - 4, c->color, x + 32, y, c->name, sum / COCO_N_RECALLS);
}

static itx_status write_picture(const struct coco_evaluation *e, const char *folder,
                                const struct file_set *used, const char *name, const char *title,
                                struct itx_error *err)
{
    struct strbuf svg = {0}, path = {0};
    strbuf_addf(&path, "%s/%s", folder, name);
    if (file_set_free_name(used, &path) > 1)
        say_warning("%s/%s is read or written by this call: the curves go to %s", folder, name,
                    path.data);
    strbuf_addf(&svg,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
                "font-family=\"sans-serif\" font-size=\"13\">\n"
                "<rect width=\"%d\" height=\"%d\" fill=\"white\"/>\n"
                "<text x=\"%d\" y=\"28\" font-size=\"16\">%s</text>\n",
                WIDTH, HEIGHT, WIDTH, HEIGHT, LEFT, title);
    add_axes(&svg);
    for (int i = 0; i < (int)ARRAY_LEN(curves); i++) add_curve(&svg, e, i);
    strbuf_addf(&svg, "</svg>\n");
    const itx_status rc = svg.failed || path.failed ? itx_fail(err, ITX_E_NOMEM, "out of memory")
                                                    : file_write(path.data, svg.data, svg.len, err);
    strbuf_release(&svg);
    strbuf_release(&path);
    return rc;
}

itx_status curves_write(const struct scores *s, const char *folder, const struct file_set *used,
                        struct itx_error *err)
{
    ITX_TRY(file_make_folders(folder, err));
    ITX_TRY(write_picture(&s->box, folder, used, "box.svg", "Boxes: precision over recall", err));
    if (!s->has_masks) return ITX_OK;
    return write_picture(&s->mask, folder, used, "mask.svg", "Masks: precision over recall", err);
}
