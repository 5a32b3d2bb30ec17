/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/html_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/format.h"
#include "base/mem.h"
#include "cmd/build_report.h"
#include "cmd/html_draw.h"
#include "cmd/html_style.h"
#include "cmd/json.h"

enum { N_WORST = 5 };

/* ---- head ---- */

ITX_PRINTF(3, 4)
static void add_fact(struct strbuf *b, const char *what, const char *fmt, ...)
{
    char text[100];
    va_list args;
    va_start(args, fmt);
    format_textv(text, sizeof text, fmt, args);
    va_end(args);
    strbuf_addf(b, "<div class=\"card\"><b>");
    html_text(b, text);
    strbuf_addf(b, "</b><span>%s</span></div>\n", what);
}

static double lowest(const json_t *array, const char *key)
{
    double least = 1;
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *value = json_object_get(json_array_get(array, i), key);
        if (json_is_number(value) && json_number_value(value) < least)
            least = json_number_value(value);
    }
    return least;
}

static void add_facts(struct strbuf *b, const json_t *report, const struct html_photos *photos,
                      uint64_t size)
{
    const json_t *options = json_object_get(report, "options");
    const json_t *calibration = json_object_get(report, "calibration");
    const char *input = json_text_of(options, "input");
    char text[NUMBER_TEXT_SIZE];
    strbuf_addf(b, "<div class=\"facts\">\n");
    add_fact(b, "size of the file", "%s", bytes_text(size, text));
    add_fact(b, "layers", "%zu", json_array_size(json_object_get(report, "layers")));
    add_fact(b, "input", "%s%s%s", input, strcmp(input, "nv12") == 0 ? ", range " : "",
             strcmp(input, "nv12") == 0 ? json_text_of(options, "range") : "");
    add_fact(b, "effort and method", "%.0f, %s", json_number(options, "effort"),
             json_text_of(options, "method"));
    add_fact(b, "calibration photos", "%.0f", json_number(calibration, "images"));
    add_fact(b, "lowest cosine of an output", "%.5f",
             lowest(json_object_get(report, "outputs"), "cosine"));
    if (photos->n_pairs > 0)
        add_fact(b, "objects agree with float", "%.1f %%", 100 * photos->agreement);
    strbuf_addf(b, "</div>\n");
}

static void add_warnings(struct strbuf *b, const char *title, const json_t *list)
{
    if (json_array_size(list) == 0) return;
    strbuf_addf(b, "<div class=\"card warn\"><b>%s</b><ul>\n", title);
    for (size_t i = 0; i < json_array_size(list); i++) {
        strbuf_addf(b, "<li>");
        html_text(b, json_string_value(json_array_get(list, i)));
        strbuf_addf(b, "</li>\n");
    }
    strbuf_addf(b, "</ul></div>\n");
}

/* ---- layers ---- */

static void add_number(struct strbuf *b, const json_t *object, const char *key, int digits)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_number(value))
        strbuf_addf(b, "<td>%.*f</td>", digits, json_number_value(value));
    else
        strbuf_addf(b, "<td data-v=\"999\">–</td>");
}

static void add_cosine(struct strbuf *b, const json_t *object)
{
    const json_t *value = json_object_get(object, "cosine");
    if (json_is_number(value))
        strbuf_addf(b, "<td%s>%.6f</td>", json_number_value(value) < 0.99 ? " class=\"bad\"" : "",
                    json_number_value(value));
    else
        strbuf_addf(b, "<td data-v=\"9\">–</td>");
}

static void add_pair(struct strbuf *b, const json_t *pair)
{
    if (json_is_array(pair))
        strbuf_addf(b, "%.4g … %.4g", json_number_value(json_array_get(pair, 0)),
                    json_number_value(json_array_get(pair, 1)));
    else
        strbuf_addf(b, "–");
}

static void add_worst(struct strbuf *b, const json_t *report)
{
    const json_t **worst;
    const size_t n = build_report_worst(report, &worst);
    strbuf_addf(b,
                "<h2>Layers that lose most</h2>\n<p class=\"soft\">By signal to noise when only "
                "the layer is in 8 bits. The histogram shows, on a logarithmic scale, how its "
                "values are distributed, with its thresholds; what lies outside is cut off.</p>\n"
                "<div class=\"worst\">\n");
    for (size_t i = 0; i < n && i < N_WORST; i++) {
        const json_t *layer = worst[i];
        strbuf_addf(b, "<div class=\"card\"><code>");
        html_text(b, json_text_of(layer, "name"));
        strbuf_addf(b,
                    "</code><p><b>%.1f dB</b> alone, %.1f dB with all before it<br/><span "
                    "class=\"soft\">%s, %s, thresholds ",
                    json_number(layer, "snr_alone_db"), json_number(layer, "snr_db"),
                    json_text_of(layer, "type"), json_text_of(layer, "dtype"));
        add_pair(b, json_object_get(layer, "threshold"));
        strbuf_addf(b, "</span></p>");
        html_histogram(b, layer, HTML_LARGE);
        if (*json_text_of(layer, "advice") != '\0') {
            strbuf_addf(b, "<p>");
            html_text(b, json_text_of(layer, "advice"));
            strbuf_addf(b, "</p>");
        }
        strbuf_addf(b, "</div>\n");
    }
    strbuf_addf(b, "</div>\n");
    mem_free(worst);
}

/* The groups of values that do most damage at the outputs, where that was measured. */
static void add_sensitivity(struct strbuf *b, const json_t *report)
{
    enum { N_GROUPS = 10 };
    const json_t *groups = json_object_get(report, "sensitivity");
    if (json_array_size(groups) == 0) return;
    strbuf_addf(b,
                "<h2>What 16 bits would bring</h2>\n<p class=\"soft\">How much of the error at the "
                "outputs goes when the values that a layer makes have 16 bits, and what that adds "
                "to the network's work.</p>\n<div class=\"card scroll\"><table class=\"sorts\">"
                "<thead><tr><th>layer</th><th>dtype</th><th>error less, %%</th><th>work more, "
                "%%</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < json_array_size(groups) && i < N_GROUPS; i++) {
        const json_t *group = json_array_get(groups, i);
        strbuf_addf(b, "<tr><td><code>");
        html_text(b, json_text_of(group, "node"));
        strbuf_addf(b, "</code></td><td>%s</td>", json_text_of(group, "dtype"));
        add_number(b, group, "gain_percent", 2);
        add_number(b, group, "cost_percent", 2);
        strbuf_addf(b, "</tr>\n");
    }
    strbuf_addf(b, "</tbody></table></div>\n");
}

static void add_errors(struct strbuf *b, const json_t *report)
{
    strbuf_addf(b,
                "<h2>Error along the network</h2>\n<p class=\"soft key\"><i "
                "style=\"background:var(--whole)\"></i>signal to noise (dB) of each layer's output "
                "with everything before it in 8 bits<i style=\"background:var(--alone)\"></i>with "
                "this layer only; higher is better</p>\n<div class=\"card scroll\">");
    html_error_chart(b, report);
    strbuf_addf(b, "</div>\n");
}

static void add_outputs(struct strbuf *b, const json_t *report)
{
    const json_t *outputs = json_object_get(report, "outputs");
    strbuf_addf(b,
                "<h2>Outputs</h2>\n<div class=\"card scroll\"><table class=\"sorts\"><thead><tr>"
                "<th>output</th><th>cosine</th><th>dB</th><th>L1</th><th>L2</th><th>Chebyshev</th>"
                "</tr></thead><tbody>\n");
    for (size_t i = 0; i < json_array_size(outputs); i++) {
        const json_t *o = json_array_get(outputs, i);
        strbuf_addf(b, "<tr><td><code>");
        html_text(b, json_text_of(o, "name"));
        strbuf_addf(b, "</code></td>");
        add_cosine(b, o);
        add_number(b, o, "snr_db", 1);
        add_number(b, o, "l1", 6);
        add_number(b, o, "l2", 6);
        add_number(b, o, "chebyshev", 4);
        strbuf_addf(b, "</tr>\n");
    }
    strbuf_addf(b, "</tbody></table></div>\n");
}

static void add_layers(struct strbuf *b, const json_t *report)
{
    const json_t *layers = json_object_get(report, "layers");
    strbuf_addf(b,
                "<h2>All layers</h2>\n<p class=\"soft\">In order; a click on a heading sorts.</p>\n"
                "<div class=\"card scroll\"><table class=\"sorts\"><thead><tr><th>layer</th>"
                "<th>#</th><th>type</th><th>dtype</th><th>thresholds</th><th>scale</th>"
                "<th>cosine</th><th>dB</th><th>dB alone</th><th>values</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < json_array_size(layers); i++) {
        const json_t *layer = json_array_get(layers, i);
        strbuf_addf(b, "<tr><td><code>");
        html_text(b, json_text_of(layer, "name"));
        strbuf_addf(b, "</code></td><td>%zu</td><td>%s</td><td>%s</td><td data-v=\"%g\">", i + 1,
                    json_text_of(layer, "type"), json_text_of(layer, "dtype"),
                    json_number_value(json_array_get(json_object_get(layer, "threshold"), 1)));
        add_pair(b, json_object_get(layer, "threshold"));
        strbuf_addf(b, "</td><td>%.4g</td>", json_number(layer, "scale"));
        add_cosine(b, layer);
        add_number(b, layer, "snr_db", 1);
        add_number(b, layer, "snr_alone_db", 1);
        strbuf_addf(b, "<td>");
        html_histogram(b, layer, HTML_SMALL);
        strbuf_addf(b, "</td></tr>\n");
    }
    strbuf_addf(b, "</tbody></table></div>\n");
}

/* ---- photos ---- */

static void add_picture(struct strbuf *b, const struct strbuf *jpeg, const char *network, int n)
{
    strbuf_addf(b, "<figure><img alt=\"what the %s network finds\" src=\"data:image/jpeg;base64,",
                network);
    strbuf_add(b, jpeg->data, jpeg->len);
    strbuf_addf(b, "\"/><figcaption>%s: %d object%s</figcaption></figure>\n", network, n,
                n == 1 ? "" : "s");
}

static void add_photos(struct strbuf *b, const struct html_photos *photos)
{
    if (photos->n_pairs == 0) return;
    strbuf_addf(b,
                "<h2>Photos that change most</h2>\n<p class=\"soft\">Of %d calibration photos, "
                "those where float and compiled network agree least: twice the overlap of the "
                "objects that both found, over the number that each found.</p>\n<div "
                "class=\"pairs\">\n",
                photos->n_compared);
    for (int i = 0; i < photos->n_pairs; i++) {
        const struct html_pair *p = &photos->pairs[i];
        const char *base = strrchr(p->path, '/');
        strbuf_addf(b, "<div class=\"card\"><p><b>%.1f %%</b> <code>", 100 * p->agreement);
        html_text(b, base != NULL ? base + 1 : p->path);
        strbuf_addf(b, "</code></p><div class=\"pair\">\n");
        add_picture(b, &p->float_jpeg, "float", p->n_float);
        add_picture(b, &p->int8_jpeg, "compiled", p->n_int8);
        strbuf_addf(b, "</div></div>\n");
    }
    strbuf_addf(b, "</div>\n");
}

itx_status html_report_make(struct strbuf *b, const json_t *report,
                            const struct html_photos *photos, const char *name, uint64_t size,
                            struct itx_error *err)
{
    strbuf_addf(b, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\n<meta "
                   "name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>");
    html_text(b, name);
    strbuf_addf(b, "</title>\n<style>\n%s</style></head>\n<body><main>\n<h1>", html_style);
    html_text(b, name);
    strbuf_addf(b, "</h1>\n<p class=\"soft\">compiled from ");
    html_text(b, json_text_of(report, "source"));
    strbuf_addf(b, " by ");
    html_text(b, json_text_of(report, "producer"));
    strbuf_addf(b, "</p>\n");
    add_facts(b, report, photos, size);
    add_warnings(b, "Network", json_object_get(report, "warnings"));
    add_warnings(b, "Calibration photos",
                 json_object_get(json_object_get(report, "calibration"), "warnings"));
    add_worst(b, report);
    add_sensitivity(b, report);
    add_errors(b, report);
    add_photos(b, photos);
    add_outputs(b, report);
    add_layers(b, report);
    strbuf_addf(b, "</main>\n<script>\n%s</script></body></html>\n", html_script);
    return b->failed ? itx_fail(err, ITX_E_NOMEM, "out of memory") : ITX_OK;
}
