/* SPDX-License-Identifier: Apache-2.0
 *
 * intarsia perf: how fast a NAME.bin runs here; every run sees the same picture of noise.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/status.h"
#include "cmd/cmd.h"
#include "cmd/json.h"
#include "cmd/net.h"
#include "cmd/terminal.h"

struct perf_options {
    const char *cpu;
    int threads, runs, warmup;
    bool layers, json;
};

#define AT(field) offsetof(struct perf_options, field)
static const struct option perf_rows[] = {
    {"threads", 't', OPTION_INT, AT(threads), "N", NULL, 1, 256, false,
     "without it one for each processor"},
    {"runs", 'n', OPTION_INT, AT(runs), "N", "100", 1, 100000, false, "frames that are measured"},
    {"warmup", 0, OPTION_INT, AT(warmup), "N", "10", 0, 100000, false,
     "frames before them that are not"},
    {"cpu", 0, OPTION_TEXT, AT(cpu), "LEVEL", NULL, 0, 0, false,
     "use instruction sets up to this one only: scalar, avx2, avx512vnni, ..."},
    {"layers", 0, OPTION_FLAG, AT(layers), "", NULL, 0, 0, false,
     "the time of every step, its share, and how much of the CPU it uses"},
    {"json", 0, OPTION_FLAG, AT(json), "", NULL, 0, 0, false, "print it as JSON"},
};
#undef AT

/* Times of all runs. */
struct measurement {
    const struct net *net;
    int n_runs, n_steps; /* n_steps 0: no profile */
    uint64_t *run_ns;    /* [n_runs] */
    uint64_t *step_ns;   /* [n_steps][n_runs] */
    double clock_ghz;
};

static int by_value(const void *a, const void *b)
{
    const uint64_t *p = a, *q = b;
    return (*p > *q) - (*p < *q);
}

/* The part of sorted values below which `part` of them lie. */
static double quantile_ms(const uint64_t *sorted, int n, double part)
{
    int i = (int)(part * n);
    if (i >= n) i = n - 1;
    return (double)sorted[i] / 1e6;
}

/* The clock of this core: a chain of operations of one cycle each, every one waiting for the one before. */
static double measure_clock_ghz(void)
{
    enum { ROUNDS = 2000000, OPERATIONS = 6 };
    uint64_t best = UINT64_MAX;
    volatile uint32_t sink = 1;
    for (int attempt = 0; attempt < 5; attempt++) {
        uint32_t x = sink;
        const uint64_t start = clock_ns();
        for (int i = 0; i < ROUNDS; i++) {
            x ^= x << 13;
            x ^= x >> 17;
            x ^= x << 5;
        }
        sink = x;
        const uint64_t ns = clock_ns() - start;
        if (ns < best) best = ns;
    }
    return (double)ROUNDS * OPERATIONS / (double)best;
}

/* ---- the input ---- */

struct input {
    struct itx_image image;
    uint8_t *bytes;
    float *numbers;
};

static itx_status input_make(struct input *in, const struct itx_model_info *m,
                             struct itx_error *err)
{
    const size_t w = (size_t)m->input_width, h = (size_t)m->input_height,
                 c = (size_t)m->input_channels;
    if (m->input_format == ITX_IMAGE_NONE) {
        if (m->n_inputs != 1)
            return itx_fail(err, ITX_E_UNSUPPORTED,
                            "the model has %d inputs, only one can be made up", m->n_inputs);
        in->numbers = mem_calloc(w * h * c, sizeof(float));
        return in->numbers != NULL ? ITX_OK : itx_fail(err, ITX_E_NOMEM, "out of memory");
    }
    in->bytes = mem_alloc(w * h * 3);
    if (in->bytes == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    uint32_t seed = 1;
    for (size_t i = 0; i < w * h * 3; i++) {
        seed = seed * 1664525u + 1013904223u;
        in->bytes[i] = (uint8_t)(seed >> 24);
    }
    in->image = (struct itx_image){.format = ITX_IMAGE_RGB,
                                   .width = m->input_width,
                                   .height = m->input_height,
                                   .plane = {in->bytes},
                                   .stride = {w * 3}};
    if (m->input_format == ITX_IMAGE_NV12) {
        in->image.format = ITX_IMAGE_NV12;
        in->image.range = m->input_range;
        in->image.plane[1] = in->bytes + w * h;
        in->image.stride[0] = in->image.stride[1] = w;
    }
    return ITX_OK;
}

static void input_release(struct input *in)
{
    mem_free(in->bytes);
    mem_free(in->numbers);
}

static itx_status run_once(struct net *net, const struct input *in, struct itx_error *err)
{
    if (in->numbers == NULL) return itx_session_run(net->session, &in->image, err);
    const float *const inputs[] = {in->numbers};
    return itx_session_run_float(net->session, inputs, 1, err);
}

/* ---- measuring ---- */

static itx_status measure(struct measurement *m, struct net *net, const struct perf_options *o,
                          struct itx_error *err)
{
    struct input in = {0};
    struct progress progress = {0};
    itx_status rc = input_make(&in, &net->info, err);
    for (int i = 0; rc == ITX_OK && i < o->warmup; i++) rc = run_once(net, &in, err);
    for (int i = 0; rc == ITX_OK && i < o->runs; i++) {
        const uint64_t start = clock_ns();
        rc = run_once(net, &in, err);
        m->run_ns[i] = clock_ns() - start;
        for (int k = 0; k < m->n_steps; k++)
            m->step_ns[(size_t)k * (size_t)m->n_runs + (size_t)i] =
                itx_session_step_ns(net->session, k);
        progress_update(&progress, "measuring", i + 1, o->runs);
    }
    progress_clear(&progress);
    input_release(&in);
    qsort(m->run_ns, (size_t)m->n_runs, sizeof m->run_ns[0], by_value);
    for (int k = 0; k < m->n_steps; k++)
        qsort(m->step_ns + (size_t)k * (size_t)m->n_runs, (size_t)m->n_runs, sizeof m->step_ns[0],
              by_value);
    return rc;
}

static itx_status measurement_create(struct measurement *m, const struct net *net,
                                     const struct perf_options *o, struct itx_error *err)
{
    *m = (struct measurement){.net = net, .n_runs = o->runs};
    if (o->layers) m->n_steps = net->info.n_steps;
    m->run_ns = mem_calloc((size_t)o->runs, sizeof m->run_ns[0]);
    size_t n;
    if (size_mul((size_t)o->runs, (size_t)m->n_steps, &n))
        m->step_ns = mem_calloc(n, sizeof m->step_ns[0]);
    if (m->run_ns == NULL || m->step_ns == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    if (o->layers) m->clock_ghz = measure_clock_ghz();
    return ITX_OK;
}

static void measurement_release(struct measurement *m)
{
    mem_free(m->run_ns);
    mem_free(m->step_ns);
}

/* ---- reporting ---- */

/* What one row of the table of steps says. */
struct step_report {
    struct itx_step_info info;
    const char *kernel;
    double ms, share;         /* median; of all steps */
    double gmac_s, mac_cycle; /* a second; a cycle of each thread */
};

static double step_ms(const struct measurement *m, int k)
{
    return quantile_ms(m->step_ns + (size_t)k * (size_t)m->n_runs, m->n_runs, 0.5);
}

static struct step_report report_step(const struct measurement *m, int k, double sum_ms)
{
    struct step_report r = {.ms = step_ms(m, k),
                            .kernel = itx_session_step_kernel(m->net->session, k)};
    itx_model_get_step(m->net->model, k, &r.info, NULL);
    if (sum_ms > 0) r.share = r.ms / sum_ms;
    if (r.ms > 0) r.gmac_s = (double)r.info.multiply_adds / r.ms / 1e6;
    const int n_threads = itx_session_n_threads(m->net->session);
    if (m->clock_ghz > 0) r.mac_cycle = r.gmac_s / m->clock_ghz / n_threads;
    return r;
}

static double sum_of_steps(const struct measurement *m)
{
    double sum = 0;
    for (int k = 0; k < m->n_steps; k++) sum += step_ms(m, k);
    return sum;
}

static void print_steps(const struct measurement *m)
{
    static const char *const heading[] = {"step", "kind", "output", "kernel",
                                          "ms",   "%",    "GMAC/s", "MAC/cycle"};
    struct table t = {0};
    for (size_t i = 0; i < ARRAY_LEN(heading); i++) table_cell(&t, COLOR_BOLD, "%s", heading[i]);
    table_end_row(&t);
    const double sum = sum_of_steps(m);
    for (int k = 0; k < m->n_steps; k++) {
        const struct step_report r = report_step(m, k, sum);
        table_cell(&t, COLOR_PLAIN, "%s", r.info.name);
        if (r.info.kernel_h != 0)
            table_cell(&t, COLOR_PLAIN, "%s %dx%d/%d", r.info.kind, r.info.kernel_h,
                       r.info.kernel_w, r.info.stride_h);
        else
            table_cell(&t, COLOR_PLAIN, "%s", r.info.kind);
        table_cell(&t, COLOR_PLAIN, "%d x %d x %d", r.info.height, r.info.width, r.info.channels);
        table_cell(&t, COLOR_PLAIN, "%s", r.kernel != NULL ? r.kernel : "");
        table_cell(&t, COLOR_PLAIN, "%.3f", r.ms);
        table_cell(&t, r.share >= 0.05 ? COLOR_YELLOW : COLOR_PLAIN, "%.1f", 100 * r.share);
        if (r.info.multiply_adds != 0) {
            table_cell(&t, COLOR_PLAIN, "%.1f", r.gmac_s);
            table_cell(&t, COLOR_PLAIN, "%.1f", r.mac_cycle);
        } else {
            table_cell(&t, COLOR_FAINT, "-");
            table_cell(&t, COLOR_FAINT, "-");
        }
        table_end_row(&t);
    }
    table_print(&t, "llllrrrr", stdout);
    table_release(&t);
    printf("\nsum of the steps %.3f ms; clock %.2f GHz; MAC/cycle is for each thread\n\n", sum,
           m->clock_ghz);
}

static void print_text(const struct measurement *m)
{
    if (m->n_steps != 0) print_steps(m);
    const double median = quantile_ms(m->run_ns, m->n_runs, 0.5);
    printf("minimum %.3f ms, median %.3f ms, p99 %.3f ms, %.1f frames a second\n",
           (double)m->run_ns[0] / 1e6, median, quantile_ms(m->run_ns, m->n_runs, 0.99),
           1000 / median);
    const int n_threads = itx_session_n_threads(m->net->session);
    printf("%d runs, %d thread%s, %s\n", m->n_runs, n_threads, n_threads == 1 ? "" : "s",
           itx_session_cpu(m->net->session));
}

static bool print_json(const struct measurement *m)
{
    const double median = quantile_ms(m->run_ns, m->n_runs, 0.5);
    json_t *root =
        json_pack("{s:o, s:i, s:i, s:s, s:{s:f, s:f, s:f}, s:f}", "model",
                  json_safe_string(m->net->info.name), "runs", m->n_runs, "threads",
                  itx_session_n_threads(m->net->session), "cpu", itx_session_cpu(m->net->session),
                  "latency_ms", "minimum", (double)m->run_ns[0] / 1e6, "median", median, "p99",
                  quantile_ms(m->run_ns, m->n_runs, 0.99), "frames_a_second", 1000 / median);
    if (m->n_steps != 0) {
        const double sum = sum_of_steps(m);
        json_t *steps = json_array();
        for (int k = 0; k < m->n_steps; k++) {
            const struct step_report r = report_step(m, k, sum);
            json_array_append_new(steps,
                                  json_pack("{s:o, s:s, s:s?, s:f, s:f, s:I, s:f, s:f}", "name",
                                            json_safe_string(r.info.name), "kind", r.info.kind,
                                            "kernel", r.kernel, "ms", r.ms, "share", r.share,
                                            "multiply_adds", (json_int_t)r.info.multiply_adds,
                                            "gmac_a_second", r.gmac_s, "mac_a_cycle", r.mac_cycle));
        }
        json_object_set_new(root, "clock_ghz", json_real(m->clock_ghz));
        json_object_set_new(root, "steps", steps);
    }
    return json_print(root, 7);
}

static enum exit_code perf_run(const void *options, int n_args, const char *const *args)
{
    (void)n_args;
    const struct perf_options *o = options;
    if (!options_check_cpu(&command_perf, o->cpu)) return EXIT_USAGE;
    struct itx_session_options s = ITX_SESSION_OPTIONS_INIT;
    s.n_threads = o->threads;
    s.cpu = o->cpu;
    s.profile = o->layers;
    struct net net = {0};
    struct measurement m = {0};
    struct itx_error err;
    itx_status rc = net_open_compiled(&net, args[0], &s, &err);
    if (rc == ITX_OK) rc = measurement_create(&m, &net, o, &err);
    if (rc == ITX_OK) rc = measure(&m, &net, o, &err);
    bool done = rc == ITX_OK;
    if (!done)
        say_error("%s", err.text);
    else if (o->json)
        done = print_json(&m);
    else
        print_text(&m);
    measurement_release(&m);
    net_close(&net);
    return done ? EXIT_DONE : EXIT_FAILED;
}

const struct command command_perf = {
    "perf",
    "Measures how fast a NAME.bin runs on this machine",
    "NAME.bin",
    perf_rows,
    ARRAY_LEN(perf_rows),
    sizeof(struct perf_options),
    1,
    1,
    perf_run,
};
