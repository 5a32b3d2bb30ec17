/* SPDX-License-Identifier: Apache-2.0
 *
 * profiler.log, two JSON documents with a line "***" between them, and profiler.csv with a row a layer.
 */
#include <jansson.h>

#include "base/mem.h"
#include "cmd/json.h"
#include "rdk/exec.h"

static json_t *span_json(const struct rdk_span *s, int n)
{
    return json_pack("{s:f, s:f, s:f}", "avg_time", rdk_span_mean_ms(s, n), "max_time",
                     (double)s->most / 1e6, "min_time", (double)s->least / 1e6);
}

static json_t *run_json(const struct exec *e, const struct exec_times *t)
{
    return json_pack("{s:{s:f, s:f}, s:{s:i, s:i, s:o, s:f, s:i}}", "perf_result", "FPS",
                     1e9 * t->n_frames / (double)t->run_ns, "average_latency",
                     rdk_span_mean_ms(&t->frame, t->n_frames), "running_condition", "core_id",
                     e->options->core_id, "frame_count", t->n_frames, "model_name",
                     json_safe_string(e->plan->name), "run_time", (double)t->run_ns / 1e6,
                     "thread_num", t->n_threads);
}

/* Layers by the names that the board's log has: the network is the "BPU" part, what converts around it the CPU's. */
static json_t *model_json(const struct exec *e, const struct exec_times *t, struct rdk_span *cpu)
{
    json_t *const model = json_object();
    struct strbuf name = {0};
    json_object_set_new(model, "Preprocess", span_json(&t->prepare, t->n_frames));
    json_object_set_new(model, "BPU_main_graph_subgraph_0", span_json(&t->network, t->n_frames));
    *cpu = t->prepare;
    for (int i = 0; i < e->plan->n_outputs; i++) {
        const struct plan_output *const out = &e->plan->outputs[i];
        if (!rdk_is_float_output(out)) continue;
        name.len = 0;
        strbuf_addf(&name, "Dequantize_%s", out->dequantize);
        if (!name.failed)
            json_object_set_new(model, name.data, span_json(&t->output[i], t->n_frames));
        cpu->sum += t->output[i].sum;
        cpu->least += t->output[i].least;
        cpu->most += t->output[i].most;
    }
    strbuf_release(&name);
    return model;
}

static json_t *latency_json(const struct exec *e, const struct exec_times *t)
{
    struct rdk_span cpu;
    json_t *const model = model_json(e, t, &cpu);
    const struct rdk_span nothing = {0};
    return json_pack("{s:{s:o, s:o}, s:o, s:{s:o, s:o}}", "chip_latency", "BPU_inference_time_cost",
                     span_json(&t->network, t->n_frames), "CPU_inference_time_cost",
                     span_json(&cpu, t->n_frames), "model_latency", model, "task_latency",
                     "TaskPendingTime", span_json(&nothing, 1), "TaskRunningTime",
                     span_json(&t->frame, t->n_frames));
}

static itx_status add_json(struct strbuf *to, json_t *value, struct itx_error *err)
{
    const bool done = json_add_text(to, value, JSON_INDENT(2) | JSON_REAL_PRECISION(7));
    strbuf_addf(to, "\n");
    json_decref(value);
    return done && !to->failed ? ITX_OK : itx_fail(err, ITX_E_NOMEM, "out of memory");
}

static itx_status write_to(const char *folder, const char *file, const struct strbuf *text,
                           struct itx_error *err)
{
    struct strbuf path = {0};
    strbuf_addf(&path, "%s/%s", folder, file);
    const itx_status rc = path.failed || text->failed
                              ? itx_fail(err, ITX_E_NOMEM, "out of memory")
                              : file_write(path.data, text->data, text->len, err);
    strbuf_release(&path);
    return rc;
}

/* A name as a field of CSV. */
static void add_field(struct strbuf *to, const char *text)
{
    strbuf_addf(to, "\"");
    for (const char *p = text; *p != '\0'; p++) strbuf_addf(to, *p == '"' ? "\"%c" : "%c", *p);
    strbuf_addf(to, "\"");
}

static void add_rows(struct strbuf *csv, const struct exec *e, const struct exec_times *t)
{
    struct itx_step_info s;
    strbuf_addf(csv,
                "layer,type,height,width,channels,multiply_adds,bytes,average_ms,min_ms,max_ms\n");
    for (int i = 0; itx_model_get_step(e->model, i, &s, NULL) == ITX_OK; i++) {
        add_field(csv, s.name);
        strbuf_addf(csv, ",%s,%d,%d,%d,%llu,%llu,%.6f,%.6f,%.6f\n", s.kind, s.height, s.width,
                    s.channels, (unsigned long long)s.multiply_adds,
                    (unsigned long long)(s.input_bytes + s.output_bytes + s.weight_bytes),
                    rdk_span_mean_ms(&t->step[i], t->n_frames), (double)t->step[i].least / 1e6,
                    (double)t->step[i].most / 1e6);
    }
}

itx_status exec_profile_write(const struct exec *e, const struct exec_times *t, const char *folder,
                              struct itx_error *err)
{
    struct strbuf log = {0}, csv = {0};
    itx_status rc = add_json(&log, run_json(e, t), err);
    strbuf_addf(&log, "***\n");
    if (rc == ITX_OK) rc = add_json(&log, latency_json(e, t), err);
    if (rc == ITX_OK) rc = write_to(folder, "profiler.log", &log, err);
    add_rows(&csv, e, t);
    if (rc == ITX_OK) rc = write_to(folder, "profiler.csv", &csv, err);
    strbuf_release(&log);
    strbuf_release(&csv);
    return rc;
}
