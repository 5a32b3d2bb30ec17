/* SPDX-License-Identifier: Apache-2.0 */
#include "dnn/profile.h"

#include <inttypes.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/printable.h"
#include "base/str.h"

itx_status dnn_profile_init(struct dnn_profile *p, const itx_model *model, struct itx_error *err)
{
    struct itx_model_info info;
    ITX_TRY(itx_model_get_info(model, &info, err));
    *p = (struct dnn_profile){.n_outputs = info.n_outputs, .n_steps = info.n_steps};
    p->output = mem_calloc((size_t)p->n_outputs, sizeof *p->output);
    p->step = mem_calloc((size_t)p->n_steps, sizeof *p->step);
    if (p->output != NULL && p->step != NULL) return ITX_OK;
    dnn_profile_release(p);
    return itx_fail(err, ITX_E_NOMEM, "out of memory");
}

void dnn_profile_release(struct dnn_profile *p)
{
    mem_free(p->output);
    mem_free(p->step);
    *p = (struct dnn_profile){0};
}

void dnn_profile_clear(struct dnn_profile *p)
{
    p->n_frames = 0;
    p->run_ns = 0;
    p->frame = p->pending = p->prepare = p->network = (struct span){0};
    for (int i = 0; i < p->n_outputs; i++) p->output[i] = (struct span){0};
    for (int i = 0; i < p->n_steps; i++) p->step[i] = (struct span){0};
}

void dnn_profile_join(struct dnn_profile *p, const struct dnn_profile *other)
{
    p->n_frames += other->n_frames;
    span_join(&p->frame, &other->frame);
    span_join(&p->pending, &other->pending);
    span_join(&p->prepare, &other->prepare);
    span_join(&p->network, &other->network);
    for (int i = 0; i < p->n_outputs; i++) span_join(&p->output[i], &other->output[i]);
    for (int i = 0; i < p->n_steps; i++) span_join(&p->step[i], &other->step[i]);
}

void dnn_profile_add(struct dnn_profile *p, const itx_session *session)
{
    struct itx_timing timing = {0};
    itx_session_timing(session, &timing, NULL);
    p->n_frames++;
    span_add(&p->prepare, timing.prepare_ns);
    span_add(&p->network, timing.network_ns);
    for (int i = 0; i < p->n_steps; i++) span_add(&p->step[i], itx_session_step_ns(session, i));
}

/* ---- profiler.log ---- */

/* x with six decimals, and a point before them whatever the locale of the program around us. */
static void add_decimal(struct strbuf *to, double x)
{
    const uint64_t millionths = (uint64_t)(x * 1e6 + 0.5);
    strbuf_addf(to, "%" PRIu64 ".%06" PRIu64, millionths / 1000000, millionths % 1000000);
}

/* Text, then a decimal, then text. */
static void add_around(struct strbuf *to, const char *before, double x, const char *after)
{
    strbuf_addf(to, "%s", before);
    add_decimal(to, x);
    strbuf_addf(to, "%s", after);
}

/* A member, its name quoted already, of an object that goes on or ends with it. */
static void add_span(struct strbuf *to, const char *name, const struct span *s, int n, bool is_last)
{
    strbuf_addf(to, "    %s: {\n", name);
    add_around(to, "      \"avg_time\": ", span_mean_ms(s, n), ",\n");
    add_around(to, "      \"max_time\": ", (double)s->most / 1e6, ",\n");
    add_around(to, "      \"min_time\": ", (double)s->least / 1e6, "\n");
    strbuf_addf(to, "    }%s\n", is_last ? "" : ",");
}

static void add_conditions(struct strbuf *to, const struct dnn_profile *p, const char *name)
{
    const double fps = p->run_ns > 0 ? 1e9 * p->n_frames / (double)p->run_ns : 0;
    add_around(to, "{\n  \"perf_result\": {\n    \"FPS\": ", fps, ",\n");
    add_around(to, "    \"average_latency\": ", span_mean_ms(&p->frame, p->n_frames), "\n  },\n");
    strbuf_addf(to, "  \"running_condition\": {\n    \"core_id\": %d,\n    \"frame_count\": %d,\n",
                p->core_id, p->n_frames);
    strbuf_addf(to, "    \"model_name\": ");
    strbuf_add_json(to, str_of(name));
    add_around(to, ",\n    \"run_time\": ", (double)p->run_ns / 1e6, ",\n");
    strbuf_addf(to, "    \"thread_num\": %d\n  }\n}\n", p->n_threads);
}

/* Layers by the names that the board's log has: the network is the "BPU" part, what converts around it the CPU's. */
static void add_layers(struct strbuf *to, const itx_model *model, const struct dnn_profile *p,
                       struct span *cpu)
{
    struct itx_tensor_info out;
    struct strbuf name = {0}, quoted = {0};
    add_span(to, "\"BPU_main_graph_subgraph_0\"", &p->network, p->n_frames, false);
    *cpu = p->prepare;
    for (int i = 0; itx_model_get_output(model, i, &out, NULL) == ITX_OK; i++) {
        if (out.dequantize[0] == '\0') continue;
        name.len = quoted.len = 0;
        strbuf_addf(&name, "Dequantize_%s", out.dequantize);
        if (!name.failed) strbuf_add_json(&quoted, (struct str){name.data, name.len});
        if (name.failed || quoted.failed)
            to->failed = true;
        else
            add_span(to, quoted.data, &p->output[i], p->n_frames, false);
        cpu->sum += p->output[i].sum;
        cpu->least += p->output[i].least;
        cpu->most += p->output[i].most;
    }
    add_span(to, "\"Preprocess\"", &p->prepare, p->n_frames, true);
    strbuf_release(&name);
    strbuf_release(&quoted);
}

static void add_latencies(struct strbuf *to, const itx_model *model, const struct dnn_profile *p)
{
    struct strbuf layers = {0};
    struct span cpu;
    add_layers(&layers, model, p, &cpu);
    strbuf_addf(to, "{\n  \"chip_latency\": {\n");
    add_span(to, "\"BPU_inference_time_cost\"", &p->network, p->n_frames, false);
    add_span(to, "\"CPU_inference_time_cost\"", &cpu, p->n_frames, true);
    strbuf_addf(to, "  },\n  \"model_latency\": {\n");
    if (!layers.failed) strbuf_add(to, layers.data, layers.len);
    to->failed = to->failed || layers.failed;
    strbuf_addf(to, "  },\n  \"task_latency\": {\n");
    add_span(to, "\"TaskPendingTime\"", &p->pending, p->n_frames, false);
    add_span(to, "\"TaskRunningTime\"", &p->frame, p->n_frames, true);
    strbuf_addf(to, "  }\n}\n");
    strbuf_release(&layers);
}

/* ---- profiler.csv ---- */

/* A name as a field. */
static void add_field(struct strbuf *to, const char *text)
{
    strbuf_addf(to, "\"");
    size_t n;
    for (const char *p = text; *p != '\0'; p += n) {
        const bool is_shown = printable_at(p, 4, &n);
        if (*p == '"') strbuf_addf(to, "\"");
        strbuf_add(to, is_shown ? p : "?", is_shown ? n : 1);
    }
    strbuf_addf(to, "\"");
}

static void add_rows(struct strbuf *csv, const itx_model *model, const struct dnn_profile *p)
{
    struct itx_step_info s;
    for (int i = 0; itx_model_get_step(model, i, &s, NULL) == ITX_OK; i++) {
        add_field(csv, s.name);
        strbuf_addf(csv, ",%s,%d,%d,%d,%" PRIu64 ",%" PRIu64, s.kind, s.height, s.width, s.channels,
                    s.multiply_adds, s.input_bytes + s.output_bytes + s.weight_bytes);
        add_around(csv, ",", span_mean_ms(&p->step[i], p->n_frames), "");
        add_around(csv, ",", (double)p->step[i].least / 1e6, "");
        add_around(csv, ",", (double)p->step[i].most / 1e6, "\n");
    }
}

/* ---- files ---- */

static itx_status write_to(const char *folder, const char *file, const struct file_set *used,
                           const struct strbuf *text, struct itx_error *err)
{
    struct strbuf path = {0};
    strbuf_addf(&path, "%s/%s", folder, file);
    file_set_free_name(used, &path);
    const itx_status rc = path.failed || text->failed
                              ? itx_fail(err, ITX_E_NOMEM, "out of memory")
                              : file_write(path.data, text->data, text->len, err);
    strbuf_release(&path);
    return rc;
}

itx_status dnn_profile_write(const struct dnn_profiled *models, int n, const char *folder,
                             const struct file_set *used, struct itx_error *err)
{
    struct strbuf log = {0}, csv = {0};
    struct itx_model_info info;
    strbuf_addf(&csv,
                "layer,type,height,width,channels,multiply_adds,bytes,average_ms,min_ms,max_ms\n");
    itx_status rc = file_make_folders(folder, err);
    for (int i = 0; i < n && rc == ITX_OK; i++) {
        rc = itx_model_get_info(models[i].model, &info, err);
        if (rc != ITX_OK) break;
        if (i > 0) strbuf_addf(&log, "***\n");
        add_conditions(&log, models[i].profile, info.name);
        strbuf_addf(&log, "***\n");
        add_latencies(&log, models[i].model, models[i].profile);
        add_rows(&csv, models[i].model, models[i].profile);
    }
    if (rc == ITX_OK) rc = write_to(folder, "profiler.log", used, &log, err);
    if (rc == ITX_OK) rc = write_to(folder, "profiler.csv", used, &csv, err);
    strbuf_release(&log);
    strbuf_release(&csv);
    return rc;
}
