/* SPDX-License-Identifier: Apache-2.0
 *
 * Every step beside what the machine could do: the roofline is the longer of the time that its multiplications take at
 * the measured rate of the multiply instruction, and that its bytes take at the measured rate of a copy.
 */
#include <math.h>

#include "base/format.h"
#include "base/status.h"
#include "cmd/json.h"
#include "cmd/perf.h"

enum bound { BOUND_COMPUTE, BOUND_MEMORY };

struct layer {
    struct itx_step_info info;
    const char *kernel;
    double ms, share; /* median; of all steps */
    double gmac_s;    /* multiply-adds of the network a second */
    uint64_t products, bytes;
    double roofline_ms; /* 0: unknown */
    double peak_part;   /* products a second / what the multiply instruction could do; 0: unknown */
    enum bound bound;
};

static double step_ms(const struct perf *p, int k)
{
    return perf_quantile_ms(&p->step[k], 0.5);
}

static double sum_of_steps(const struct perf *p)
{
    double sum = 0;
    for (int k = 0; k < p->n_steps; k++) sum += step_ms(p, k);
    return sum;
}

static struct layer make_layer(const struct perf *p, int k, double sum_ms)
{
    struct layer l = {.ms = step_ms(p, k), .kernel = itx_session_step_kernel(p->net.session, k)};
    int bits = 8;
    itx_model_get_step(p->net.model, k, &l.info, NULL);
    l.products = itx_session_step_products(p->net.session, k, &bits);
    l.bytes = l.info.input_bytes + l.info.output_bytes + l.info.weight_bytes;
    if (sum_ms > 0) l.share = l.ms / sum_ms;
    if (l.ms > 0) l.gmac_s = (double)l.info.multiply_adds / l.ms / 1e6;
    const double peak = p->peak[bits == 16] * itx_session_n_threads(p->net.session);
    const double compute_ms = peak > 0 ? 1e3 * (double)l.products / peak : 0;
    const double memory_ms = p->copy_rate > 0 ? 1e3 * (double)l.bytes / p->copy_rate : 0;
    l.bound = compute_ms >= memory_ms ? BOUND_COMPUTE : BOUND_MEMORY;
    l.roofline_ms = fmax(compute_ms, memory_ms);
    if (l.ms > 0) l.peak_part = compute_ms / l.ms;
    return l;
}

static const char *bound_name(const struct layer *l)
{
    if (l->roofline_ms <= 0) return "";
    return l->bound == BOUND_COMPUTE ? "compute" : "memory";
}

static void print_layer(struct table *t, const struct layer *l)
{
    table_cell(t, COLOR_PLAIN, "%s", l->info.name);
    if (l->info.kernel_h != 0)
        table_cell(t, COLOR_PLAIN, "%s %dx%d/%d", l->info.kind, l->info.kernel_h, l->info.kernel_w,
                   l->info.stride_h);
    else
        table_cell(t, COLOR_PLAIN, "%s", l->info.kind);
    table_cell(t, COLOR_PLAIN, "%d x %d x %d", l->info.height, l->info.width, l->info.channels);
    table_cell(t, COLOR_PLAIN, "%s", l->kernel != NULL ? l->kernel : "");
    table_cell(t, COLOR_PLAIN, "%.3f", l->ms);
    table_cell(t, l->share >= 0.05 ? COLOR_YELLOW : COLOR_PLAIN, "%.1f", 100 * l->share);
    if (l->info.multiply_adds != 0)
        table_cell(t, COLOR_PLAIN, "%.1f", l->gmac_s);
    else
        table_cell(t, COLOR_FAINT, "-");
    if (l->peak_part > 0)
        table_cell(t, COLOR_PLAIN, "%.0f", 100 * l->peak_part);
    else
        table_cell(t, COLOR_FAINT, "-");
    table_cell(t, COLOR_PLAIN, "%.2f", (double)l->bytes / 1e6);
    table_cell(t, COLOR_PLAIN, "%.3f", l->roofline_ms);
    table_cell(t, COLOR_PLAIN, "%s", bound_name(l));
    table_end_row(t);
}

void perf_print_layers(const struct perf *p)
{
    static const char *const heading[] = {"step",   "kind",   "output", "kernel",      "ms",   "%",
                                          "GMAC/s", "% peak", "MB",     "roofline ms", "bound"};
    struct table t = {0};
    for (size_t i = 0; i < ARRAY_LEN(heading); i++) table_cell(&t, COLOR_BOLD, "%s", heading[i]);
    table_end_row(&t);
    const double sum = sum_of_steps(p);
    double roofline = 0, multiplying = 0, weighted = 0;
    for (int k = 0; k < p->n_steps; k++) {
        const struct layer l = make_layer(p, k, sum);
        roofline += l.roofline_ms;
        if (l.products > 0) multiplying += l.ms;
        weighted += l.peak_part * l.ms;
        print_layer(&t, &l);
    }
    table_print(&t, "llllrrrrrrl", stdout);
    table_release(&t);
    format_out(
        "\nsum of the steps %.3f ms, of their rooflines %.3f; the steps that multiply use %.0f %% "
        "of the peak\n",
        sum, roofline, multiplying > 0 ? 100 * weighted / multiplying : 0);
    format_out("measured here: clock %.2f GHz; %.0f GMAC/s a thread of 8 bits, %.0f of 16; copying "
               "%.1f GB/s\n\n",
               p->clock_ghz, p->peak[0] / 1e9, p->peak[1] / 1e9, p->copy_rate / 1e9);
}

json_t *perf_layers_json(const struct perf *p)
{
    const double sum = sum_of_steps(p);
    json_t *steps = json_array();
    for (int k = 0; k < p->n_steps; k++) {
        const struct layer l = make_layer(p, k, sum);
        json_array_append_new(
            steps,
            json_pack("{s:o, s:s, s:s?, s:f, s:f, s:I, s:I, s:I, s:f, s:f, s:f, s:s}", "name",
                      json_safe_string(l.info.name), "kind", l.info.kind, "kernel", l.kernel, "ms",
                      l.ms, "share", l.share, "multiply_adds", (json_int_t)l.info.multiply_adds,
                      "products", (json_int_t)l.products, "bytes", (json_int_t)l.bytes,
                      "gmac_a_second", l.gmac_s, "part_of_peak", l.peak_part, "roofline_ms",
                      l.roofline_ms, "bound", bound_name(&l)));
    }
    return steps;
}
