/* SPDX-License-Identifier: Apache-2.0
 *
 * makertbin: from the compiled program to the files that people keep: what it costs, measured here, and what it was told.
 */
#include "base/mem.h"
#include "cmd/json.h"
#include "rdk/made_name.h"
#include "rdk/mapper_work.h"
#include "rdk/modifier.h"
#include "rdk/perf.h"

/* ---- the static report ---- */

#define REPORT_NAME "main_graph_subgraph_0"

static json_t *layers_json(const struct perf_model *p)
{
    json_t *const list = json_array();
    for (int i = 0; i < p->n_layers; i++) {
        const struct perf_layer *const l = &p->layer[i];
        json_t *const layer = json_object();
        json_object_set_new(layer, "name", json_safe_string(l->info.name));
        json_object_set_new(layer, "kind", json_safe_string(l->info.kind));
        json_object_set_new(layer, "kernel", json_safe_string(l->kernel));
        json_object_set_new(layer, "milliseconds", json_real(span_mean_ms(&l->time, p->n_frames)));
        json_object_set_new(layer, "roofline_milliseconds", json_real(l->roofline_ms));
        json_object_set_new(layer, "multiply_adds",
                            json_integer((json_int_t)l->info.multiply_adds));
        json_object_set_new(layer, "bytes", json_integer((json_int_t)l->bytes));
        json_array_append_new(list, layer);
    }
    return list;
}

static uint64_t traffic(const struct perf_model *p)
{
    uint64_t bytes = 0;
    for (int i = 0; i < p->n_layers; i++) bytes += p->layer[i].bytes;
    return bytes;
}

/* What was read, and the model. */
static itx_status note_files(const struct mapper *m, struct file_set *used, struct itx_error *err)
{
    const struct itx_build_options *const b = &m->build;
    const char *const paths[] = {m->yaml[0] != '\0' ? m->yaml : NULL, m->onnx, m->bin};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) ITX_TRY(made_name_note(used, paths[i], err));
    for (int i = 0; b->images != NULL && i < b->n_images; i++)
        ITX_TRY(made_name_note(used, b->images[i], err));
    for (int i = 0; b->tensors != NULL && i < b->n_tensors; i++)
        ITX_TRY(made_name_note(used, b->tensors[i], err));
    return ITX_OK;
}

static itx_status write_in_folder(struct mapper *m, const char *name, const struct strbuf *text,
                                  struct itx_error *err)
{
    struct strbuf path = {0};
    struct file_set used = {0};
    strbuf_addf(&path, "%s/%s", m->folder, name);
    itx_status rc =
        text->failed ? itx_fail(err, ITX_E_NOMEM, "out of memory") : note_files(m, &used, err);
    if (rc == ITX_OK) rc = made_name_write(&used, &path, text->data, text->len, err);
    strbuf_release(&path);
    file_set_release(&used);
    return rc;
}

static itx_status write_json(struct mapper *m, const struct perf_model *p, struct itx_error *err)
{
    struct strbuf text = {0};
    json_t *const whole = json_object();
    const double ms = span_mean_ms(&p->frame, p->n_frames);
    json_object_set_new(whole, "model", json_safe_string(m->prefix));
    json_object_set_new(whole, "cpu", json_safe_string(p->cpu));
    json_object_set_new(whole, "threads", json_integer(p->n_threads));
    json_object_set_new(whole, "frames", json_integer(p->n_frames));
    json_object_set_new(whole, "fps", json_real(1e3 / ms));
    json_object_set_new(whole, "latency_us", json_real(1e3 * ms));
    json_object_set_new(whole, "ddr_bytes", json_integer((json_int_t)traffic(p)));
    json_object_set_new(whole, "layers", layers_json(p));
    json_add_text(&text, whole, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    json_decref(whole);
    const itx_status rc = write_in_folder(m, REPORT_NAME ".json", &text, err);
    strbuf_release(&text);
    return rc;
}

static itx_status write_page(struct mapper *m, const struct perf_model *p, struct itx_error *err)
{
    struct strbuf page = {0};
    perf_page(&page, p);
    const itx_status rc = write_in_folder(m, REPORT_NAME ".html", &page, err);
    strbuf_release(&page);
    return rc;
}

static itx_status say_measured(struct mapper *m, const struct perf_model *p, struct itx_error *err)
{
    const double ms = span_mean_ms(&p->frame, p->n_frames);
    ITX_TRY(write_page(m, p, err));
    ITX_TRY(write_json(m, p, err));
    rdk_say(&m->log, RDK_INFO,
            "FPS=%.2f, latency = %.1f us, DDR = %llu bytes   (see " REPORT_NAME ".html)", 1e3 / ms,
            1e3 * ms, (unsigned long long)traffic(p));
    rdk_say(&m->log, RDK_INFO,
            "measured on this machine: %d frame%s, %d thread%s, %s; %zu bytes of program, %llu of "
            "weights, %llu of memory for values",
            p->n_frames, p->n_frames == 1 ? "" : "s", p->n_threads, p->n_threads == 1 ? "" : "s",
            p->cpu, m->made.bytes.size, (unsigned long long)p->info.weight_bytes,
            (unsigned long long)p->info.arena_bytes);
    return ITX_OK;
}

itx_status mapper_estimate(struct mapper *m, struct itx_error *err)
{
    struct perf_model p = {0};
    rdk_say(&m->log, RDK_INFO, "Compile submodel: " REPORT_NAME);
    rdk_say(&m->log, RDK_INFO, "consumed time %.2f", (double)m->consumed_ns / 1e9);
    itx_status rc = perf_model_measure(&p, &m->made, &m->made.file.models[0], err);
    if (rc == ITX_OK) rc = say_measured(m, &p, err);
    perf_model_release(&p);
    if (rc == ITX_OK)
        rdk_say(&m->log, RDK_INFO, "End to compile the model with march %s.", m->march);
    return rc;
}

/* ---- the file ---- */

static itx_status remove_nodes(struct mapper *m, struct plan *plan, struct itx_error *err)
{
    const struct mapper_value *const names = mapper_value(m, KEY_remove_node_name);
    const struct mapper_value *const types = mapper_value(m, KEY_remove_node_type);
    const struct rdk_removal what = {names->item, names->n, types->item, types->n};
    int n_removed = 0;
    if (what.n_names == 0 && what.n_types == 0) return ITX_OK;
    ITX_TRY(rdk_remove_nodes(&m->log, plan, &m->made.file.arena, &what, &n_removed, err));
    if (n_removed == 0) rdk_say(&m->log, RDK_WARNING, "no node was removed");
    return ITX_OK;
}

static itx_status add_deps(struct mapper *m, struct plan *plan, struct itx_error *err)
{
    struct strbuf text = {0};
    json_t *const meta = json_loads(plan->meta, 0, NULL);
    json_object_set(meta, "model_deps_info", m->deps);
    const bool done = json_add_text(&text, meta, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(meta);
    plan->meta = done ? arena_text(&m->made.file.arena, text.data, text.len) : NULL;
    strbuf_release(&text);
    return plan->meta != NULL ? ITX_OK : itx_fail(err, ITX_E_NOMEM, "out of memory");
}

itx_status mapper_finish_bin(struct mapper *m, struct itx_error *err)
{
    struct plan *const plan = &m->made.file.models[0];
    const struct plan *const model = plan;
    void *data = NULL;
    size_t size = 0;
    rdk_say(&m->log, RDK_INFO, "start convert to *.bin file....");
    rdk_say(&m->log, RDK_INFO, "ONNX model output num : %d", plan->n_outputs);
    ITX_TRY(remove_nodes(m, plan, err));
    ITX_TRY(mapper_make_deps(m, err));
    ITX_TRY(add_deps(m, plan, err));
    ITX_TRY(plan_write(&model, 1, &data, &size, err));
    const itx_status rc = file_write(m->bin, data, size, err);
    mem_free(data);
    return rc;
}
