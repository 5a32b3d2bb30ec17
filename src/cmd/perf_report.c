/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/compiler.h"
#include "base/format.h"
#include "cmd/json.h"
#include "cmd/perf.h"

static const struct {
    const char *key, *title;
} series[PERF_SERIES_COUNT] = {
    [PERF_NETWORK] = {"network_ms", "network"},
    [PERF_RUN] = {"latency_ms", "raw outputs"},
    [PERF_DENSE] = {"dense_ms", "instances, dense"},
    [PERF_DECODE] = {"decode_ms", "  of it decoding"},
    [PERF_DEMAND] = {"demand_ms", "instances, on demand"},
    [PERF_MASKS] = {"masks_ms", "their masks"},
};

static void print_times(struct table *t, const char *title, const struct perf_times *times)
{
    if (times->n == 0) return;
    table_cell(t, COLOR_PLAIN, "%s", title);
    table_cell(t, COLOR_PLAIN, "%.3f", perf_quantile_ms(times, 0));
    table_cell(t, COLOR_PLAIN, "%.3f", perf_quantile_ms(times, 0.5));
    table_cell(t, COLOR_PLAIN, "%.3f", perf_quantile_ms(times, 0.99));
    table_end_row(t);
}

static void print_frames(const struct perf *p)
{
    struct table t = {0};
    static const char *const heading[] = {"ms a frame", "minimum", "median", "p99"};
    for (size_t i = 0; i < ARRAY_LEN(heading); i++) table_cell(&t, COLOR_BOLD, "%s", heading[i]);
    table_end_row(&t);
    for (int i = 0; i < PERF_SERIES_COUNT; i++) print_times(&t, series[i].title, &p->times[i]);
    print_times(&t, "raw outputs", &p->throughput.dense.frame);
    print_times(&t, "instances, on demand", &p->throughput.demand.frame);
    table_print(&t, "lrrr", stdout);
    table_release(&t);
}

static void print_memory(const struct perf *p)
{
    char text[3][NUMBER_TEXT_SIZE];
    const struct itx_memory *const m = &p->session_memory;
    printf("memory: ");
    if (p->has_memory)
        printf("%s resident, at most %s; ", bytes_text(p->memory.resident, text[0]),
               bytes_text(p->memory.peak, text[1]));
    printf("a session's tensors %s, packed weights %s, scratch %s\n",
           bytes_text(m->tensors, text[0]), bytes_text(m->weights, text[1]),
           bytes_text(m->scratch, text[2]));
}

static void print_input(const struct perf *p)
{
    if (p->net.info.input_format == ITX_IMAGE_NONE)
        printf("zeros");
    else if (p->photos.paths.len == 0)
        printf("noise (objects need photographs: name some)");
    else
        printf("%zu photo%s", p->photos.paths.len, p->photos.paths.len == 1 ? "" : "s");
}

static void print_start(const struct perf *p)
{
    format_out("start: open and check %.1f ms, session %.1f ms\n", perf_quantile_ms(&p->open, 0.5),
               perf_quantile_ms(&p->create, 0.5));
}

void perf_print(const struct perf *p)
{
    if (p->n_steps != 0) perf_print_layers(p);
    print_frames(p);
    printf("\n");
    if (p->throughput.n_sessions > 0) {
        const int n = p->throughput.n_sessions;
        format_out("%.1f frames a second", p->throughput.dense.frames_a_second);
        if (p->throughput.demand.frame.n > 0)
            format_out(", instances on demand %.1f", p->throughput.demand.frames_a_second);
        printf("; %d session%s of one thread, %d frames each of ", n, n == 1 ? "" : "s",
               p->options->runs);
        print_input(p);
        printf(", %s\n", p->throughput.cpu);
    } else {
        const int n = itx_session_n_threads(p->net.session);
        if (p->times[PERF_MASKS].n > 0)
            format_out("%.1f objects a frame, on demand %.0f %% of the multiplications; ",
                       p->objects, 100 * p->demand_part);
        printf("%d frames of ", p->n_frames);
        print_input(p);
        printf(", %d thread%s, %s\n", n, n == 1 ? "" : "s", itx_session_cpu(p->net.session));
    }
    print_start(p);
    print_memory(p);
}

static json_t *times_json(const struct perf_times *t)
{
    return json_pack("{s:f, s:f, s:f}", "minimum", perf_quantile_ms(t, 0), "median",
                     perf_quantile_ms(t, 0.5), "p99", perf_quantile_ms(t, 0.99));
}

static void add_memory(json_t *root, const struct perf *p)
{
    const struct itx_memory *const m = &p->session_memory;
    json_t *memory = json_pack("{s:I, s:I, s:I}", "tensors", (json_int_t)m->tensors, "weights",
                               (json_int_t)m->weights, "scratch", (json_int_t)m->scratch);
    if (p->has_memory) {
        json_object_set_new(memory, "resident", json_integer((json_int_t)p->memory.resident));
        json_object_set_new(memory, "peak", json_integer((json_int_t)p->memory.peak));
    }
    json_object_set_new(root, "memory_bytes", memory);
}

static void add_layers(json_t *root, const struct perf *p)
{
    json_object_set_new(root, "clock_ghz", json_real(p->clock_ghz));
    json_object_set_new(root, "peak_gmac_a_second_and_thread",
                        json_pack("{s:f, s:f}", "8", p->peak[0] / 1e9, "16", p->peak[1] / 1e9));
    json_object_set_new(root, "copy_gb_a_second", json_real(p->copy_rate / 1e9));
    json_object_set_new(root, "steps", perf_layers_json(p));
}

static void add_frames(json_t *root, const struct perf *p)
{
    for (int i = 0; i < PERF_SERIES_COUNT; i++)
        if (p->times[i].n > 0) json_object_set_new(root, series[i].key, times_json(&p->times[i]));
    if (p->times[PERF_MASKS].n > 0) {
        json_object_set_new(root, "objects_a_frame", json_real(p->objects));
        json_object_set_new(root, "demand_part_of_multiplications", json_real(p->demand_part));
    }
    if (p->throughput.n_sessions == 0) {
        json_object_set_new(root, "frames_a_second",
                            json_real(1000 / perf_quantile_ms(&p->times[PERF_RUN], 0.5)));
        return;
    }
    const struct perf_service *const dense = &p->throughput.dense, *const demand =
                                                                       &p->throughput.demand;
    json_object_set_new(root, series[PERF_RUN].key, times_json(&dense->frame));
    json_object_set_new(root, "frames_a_second", json_real(dense->frames_a_second));
    if (demand->frame.n == 0) return;
    json_object_set_new(root, series[PERF_DEMAND].key, times_json(&demand->frame));
    json_object_set_new(root, "demand_frames_a_second", json_real(demand->frames_a_second));
}

bool perf_print_json(const struct perf *p)
{
    const bool serves = p->throughput.n_sessions > 0;
    json_t *root = json_pack(
        "{s:o, s:s, s:i, s:i, s:i, s:i}", "model", json_safe_string(p->net.info.name), "cpu",
        serves ? p->throughput.cpu : itx_session_cpu(p->net.session), "sessions",
        serves ? p->throughput.n_sessions : 1, "threads",
        serves ? 1 : itx_session_n_threads(p->net.session), "photos", (int)p->photos.paths.len,
        "runs", serves ? p->throughput.dense.frame.n : p->n_frames);
    add_frames(root, p);
    json_object_set_new(root, "start_ms",
                        json_pack("{s:f, s:f}", "open", perf_quantile_ms(&p->open, 0.5), "session",
                                  perf_quantile_ms(&p->create, 0.5)));
    add_memory(root, p);
    if (p->n_steps != 0) add_layers(root, p);
    return json_print(root, 7);
}
