/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/cpu.h"
#include "base/format.h"
#include "cmd/html_draw.h"
#include "cmd/html_style.h"
#include "rdk/perf.h"
#include "rdk/rdk_bin.h"

static double frame_ms(const struct perf_model *m)
{
    return span_mean_ms(&m->frame, m->n_frames);
}

static void add_fact(struct strbuf *b, const char *value, const char *unit, const char *what)
{
    strbuf_addf(b, "<div class=\"card\"><b>%s%s</b><span>%s</span></div>\n", value, unit, what);
}

static void add_facts(struct strbuf *b, const struct perf_model *m)
{
    char text[40];
    strbuf_addf(b, "<div class=\"facts\">\n");
    format_text(text, sizeof text, "%.2f", frame_ms(m));
    add_fact(b, text, " ms", "a frame, outputs included");
    format_text(text, sizeof text, "%.1f", 1e3 / frame_ms(m));
    add_fact(b, text, " FPS", "one frame after the other");
    format_text(text, sizeof text, "%.2f", (double)m->info.multiply_adds / 1e9);
    add_fact(b, text, " GMAC", "multiply-adds a frame");
    format_text(text, sizeof text, "%.2f", (double)m->info.weight_bytes / 1e6);
    add_fact(b, text, " MB", "weights");
    format_text(text, sizeof text, "%.2f", (double)m->info.arena_bytes / 1e6);
    add_fact(b, text, " MB", "tensors between the layers");
    strbuf_addf(b, "</div>\n");
}

static void add_row(struct strbuf *b, const char *name, const char *value)
{
    strbuf_addf(b, "<tr><td>%s</td><td>", name);
    html_text(b, value);
    strbuf_addf(b, "</td></tr>\n");
}

static void add_bytes(struct strbuf *b, const char *name, uint64_t bytes)
{
    char text[64];
    format_text(text, sizeof text, "%" PRIu64 " (%.2f MB)", bytes, (double)bytes / 1e6);
    add_row(b, name, text);
}

static void add_summary(struct strbuf *b, const struct perf_model *m)
{
    char text[160], cpu[100];
    uint64_t loaded = 0, stored = 0;
    for (int i = 0; i < m->n_layers; i++) {
        loaded += m->layer[i].info.input_bytes + m->layer[i].info.weight_bytes;
        stored += m->layer[i].info.output_bytes;
    }
    strbuf_addf(b, "<h2>Model Performance Summary</h2><div class=\"scroll\"><table>\n");
    add_row(b, "Model Name", m->plan->name);
    format_text(text, sizeof text, "%.3f", frame_ms(m));
    add_row(b, "Model Latency(ms)", text);
    add_bytes(b, "Total DDR (loaded+stored) bytes per frame", loaded + stored);
    add_bytes(b, "Loaded Bytes per Frame", loaded);
    add_bytes(b, "Stored Bytes per Frame", stored);
    cpu_model_name(cpu, sizeof cpu);
    snprintf(text, sizeof text, "%s, %s, %d thread%s, mean of %d frames", cpu, m->cpu, m->n_threads,
             m->n_threads == 1 ? "" : "s", m->n_frames);
    add_row(b, "Measured on", text);
    strbuf_addf(b, "</table></div>\n<p class=\"soft\">Bytes are those that the layers read and "
                   "write; caches keep many of them from the memory.</p>\n");
}

static void add_parts(struct strbuf *b, const struct perf_model *m)
{
    double outputs = 0;
    for (int i = 0; i < m->plan->n_outputs; i++)
        if (rdk_is_float_output(&m->plan->outputs[i]))
            outputs += span_mean_ms(&m->output[i], m->n_frames);
    strbuf_addf(b, "<h2>Details</h2><div class=\"scroll\"><table><tr><th>Name</th><th>Calculation "
                   "Load (MACpf)</th><th>Latency (ms)</th></tr>\n");
    strbuf_addf(b, "<tr><td>Preprocess</td><td>0</td><td>%.3f</td></tr>\n",
                span_mean_ms(&m->prepare, m->n_frames));
    strbuf_addf(b, "<tr><td>main_graph_subgraph_0</td><td>%" PRIu64 "</td><td>%.3f</td></tr>\n",
                m->info.multiply_adds, span_mean_ms(&m->network, m->n_frames));
    strbuf_addf(b, "<tr><td>Dequantize</td><td>0</td><td>%.3f</td></tr>\n</table></div>\n",
                outputs);
}

static void add_layer(struct strbuf *b, const struct perf_model *m, const struct perf_layer *l,
                      double sum)
{
    const double ms = span_mean_ms(&l->time, m->n_frames);
    strbuf_addf(b, "<tr><td>");
    html_text(b, l->info.name);
    strbuf_addf(b, "</td><td>%s</td><td>%d x %d x %d</td><td>", l->info.kind, l->info.height,
                l->info.width, l->info.channels);
    html_text(b, l->kernel != NULL ? l->kernel : "");
    strbuf_addf(b,
                "</td><td>%" PRIu64 "</td><td>%" PRIu64 "</td><td>%" PRIu64
                "</td><td>%.4f</td><td>%.1f</td><td>%.4f</td></tr>\n",
                l->info.multiply_adds, l->info.input_bytes + l->info.weight_bytes,
                l->info.output_bytes, ms, sum > 0 ? 100 * ms / sum : 0, l->roofline_ms);
}

static void add_layers(struct strbuf *b, const struct perf_model *m)
{
    double sum = 0;
    for (int i = 0; i < m->n_layers; i++) sum += span_mean_ms(&m->layer[i].time, m->n_frames);
    strbuf_addf(
        b, "<h2>Layer Details</h2><p class=\"soft\">A click on a heading sorts. The roofline is "
           "the time that this machine needs at least, by its measured rates.</p>\n"
           "<div class=\"scroll\"><table class=\"sorts\"><thead><tr><th>layer</th><th>ops</th>"
           "<th>output</th><th>kernel</th><th>MAC</th><th>load, bytes</th><th>store, "
           "bytes</th><th>ms</th><th>%%</th><th>roofline, ms</th></tr></thead><tbody>\n");
    for (int i = 0; i < m->n_layers; i++) add_layer(b, m, &m->layer[i], sum);
    strbuf_addf(b, "</tbody></table></div>\n");
}

static void add_drawing(struct strbuf *b, const char *heading, const char *text)
{
    strbuf_addf(b, "<h2>%s</h2><p class=\"soft\">%s</p>\n", heading, text);
}

void perf_page(struct strbuf *page, const struct perf_model *m)
{
    strbuf_addf(page, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/><meta "
                      "name=\"viewport\" content=\"width=device-width,initial-scale=1\"/><title>");
    html_text(page, m->plan->name);
    strbuf_addf(page, "</title><style>\n%s</style></head><body><main>\n<h1>", html_style);
    html_text(page, m->plan->name);
    strbuf_addf(page, "</h1>\n");
    add_facts(page, m);
    add_summary(page, m);
    add_parts(page, m);
    add_drawing(
        page, "BIN Model Structure",
        "What the network computes in integers is one part; grey is what converts around it. "
        "hb_model_modifier takes dequantise nodes off.");
    perf_draw_structure(page, m);
    add_drawing(
        page, "Roofline",
        "Every layer that multiplies: multiply-adds for each byte it touches, and "
        "how many it does in a second. The line is what this machine was measured to allow.");
    perf_draw_roofline(page, m);
    add_drawing(page, "Memory over time", "Bytes of tensors that are held while a layer runs.");
    perf_draw_memory(page, m);
    add_layers(page, m);
    strbuf_addf(page, "</main><script>\n%s</script></body></html>\n", html_script);
}
