/* SPDX-License-Identifier: Apache-2.0
 *
 * hb_perf: a page about a model's speed. The board's tool estimates; here a short run is measured.
 */
#include "rdk/perf.h"

#include "base/cpu.h"
#include "base/mem.h"
#include "base/pool.h"
#include "cmd/machine.h"
#include "cmd/terminal.h"
#include "rdk/rdk.h"
#include "rdk/rdk_bin.h"
#include "rdk/rdk_log.h"
#include "rdk/rdk_version.h"

enum { WARM_UP = 3, FRAMES = 10 };

struct perf_options {
    const char *model;
    bool packed, version;
};

static const struct option perf_rows[] = {
    {"model", 'm', OPTION_TEXT, offsetof(struct perf_options, model), "NAME", NULL, 0, 0, false,
     "only this one of several models"},
    {"packed", 'p', OPTION_FLAG, offsetof(struct perf_options, packed), "", NULL, 0, 0, false,
     "accepted: whether a file holds several models is seen"},
    {"version", 0, OPTION_FLAG, offsetof(struct perf_options, version), "", NULL, 0, 0, false,
     "the version"},
};

/* ---- measuring ---- */

/* A buffer is held from the first step that touches it to the last; inputs from the start, outputs to the end. */
static itx_status count_live(struct perf_model *m, struct itx_error *err)
{
    const struct plan *const p = m->plan;
    int *const first = mem_alloc((size_t)p->n_buffers * sizeof *first);
    int *const last = mem_alloc((size_t)p->n_buffers * sizeof *last);
    if (first == NULL || last == NULL) {
        mem_free(first);
        mem_free(last);
        return itx_fail(err, ITX_E_NOMEM, "out of memory");
    }
    for (int b = 0; b < p->n_buffers; b++) {
        first[b] = p->n_steps;
        last[b] = -1;
    }
    for (int i = p->n_steps - 1; i >= 0; i--) {
        const struct plan_step *const s = &p->steps[i];
        for (int k = 0; k <= s->n_in; k++) {
            const uint32_t b = p->tensors[k < s->n_in ? s->in[k] : s->out].buffer;
            first[b] = i;
            if (last[b] < i) last[b] = i;
        }
    }
    for (int i = 0; i < p->n_inputs; i++) first[p->tensors[p->inputs[i].tensor].buffer] = 0;
    for (int i = 0; i < p->n_outputs; i++)
        last[p->tensors[p->outputs[i].tensor].buffer] = p->n_steps - 1;
    for (int b = 0; b < p->n_buffers; b++)
        for (int i = first[b]; i <= last[b]; i++) m->live[i] += p->buffers[b].size;
    mem_free(first);
    mem_free(last);
    return ITX_OK;
}

static itx_status make_room(struct perf_model *m, struct itx_error *err)
{
    m->n_layers = m->plan->n_steps;
    m->layer = mem_calloc((size_t)m->n_layers, sizeof *m->layer);
    m->live = mem_calloc((size_t)m->n_layers, sizeof *m->live);
    m->output = mem_calloc((size_t)m->plan->n_outputs, sizeof *m->output);
    if (m->layer == NULL || m->live == NULL || m->output == NULL)
        return itx_fail(err, ITX_E_NOMEM, "out of memory");
    return count_live(m, err);
}

static void release(struct perf_model *m)
{
    mem_free(m->layer);
    mem_free(m->live);
    mem_free(m->output);
}

static itx_status measure_machine(struct perf_model *m, const itx_session *s, struct itx_error *err)
{
    struct pool *pool = NULL;
    for (int i = 0; i < 2; i++) m->peak[i] = itx_session_peak(s, i == 0 ? 8 : 16) * m->n_threads;
    ITX_TRY(pool_create(&pool, m->n_threads, err));
    m->copy_rate = machine_copy_rate(pool, m->info.arena_bytes);
    pool_destroy(&pool);
    return ITX_OK;
}

static void describe_layers(struct perf_model *m, const itx_model *model, const itx_session *s)
{
    for (int i = 0; i < m->n_layers; i++) {
        struct perf_layer *const l = &m->layer[i];
        int bits = 8;
        itx_model_get_step(model, i, &l->info, NULL);
        l->kernel = itx_session_step_kernel(s, i);
        l->products = itx_session_step_products(s, i, &bits);
        l->bytes = l->info.input_bytes + l->info.output_bytes + l->info.weight_bytes;
        const double peak = m->peak[bits == 16];
        const double compute = peak > 0 ? 1e3 * (double)l->products / peak : 0;
        const double memory = m->copy_rate > 0 ? 1e3 * (double)l->bytes / m->copy_rate : 0;
        l->roofline_ms = compute > memory ? compute : memory;
    }
}

static itx_status run_frames(struct perf_model *m, struct rdk_run *run, struct itx_error *err)
{
    struct rdk_frame frame = {0};
    itx_status rc = rdk_frame_make(&frame, m->plan, err);
    for (int i = 0; rc == ITX_OK && i < WARM_UP + FRAMES; i++) {
        rc = rdk_run_frame(run, &frame, err);
        if (rc != ITX_OK || i < WARM_UP) continue;
        m->n_frames++;
        rdk_span_add(&m->frame, run->total_ns);
        rdk_span_add(&m->network, run->timing.network_ns);
        rdk_span_add(&m->prepare, run->timing.prepare_ns);
        for (int k = 0; k < m->plan->n_outputs; k++) rdk_span_add(&m->output[k], run->output[k].ns);
        for (int k = 0; k < m->n_layers; k++)
            rdk_span_add(&m->layer[k].time, itx_session_step_ns(run->session, k));
    }
    rdk_frame_release(&frame);
    return rc;
}

static itx_status measure(struct perf_model *m, const itx_model *model, struct rdk_run *run,
                          struct itx_error *err)
{
    ITX_TRY(itx_model_get_info(model, &m->info, err));
    ITX_TRY(make_room(m, err));
    ITX_TRY(rdk_run_open(run, model, m->plan, 0, true, err));
    m->n_threads = itx_session_n_threads(run->session);
    m->cpu = itx_session_cpu(run->session);
    ITX_TRY(measure_machine(m, run->session, err));
    ITX_TRY(run_frames(m, run, err));
    describe_layers(m, model, run->session);
    return ITX_OK;
}

/* ---- writing ---- */

/* A model's name as a file's: no folder, nothing hidden. */
static void add_file_name(struct strbuf *b, const char *name)
{
    for (const char *p = name; *p != '\0'; p++)
        strbuf_addf(b, "%c",
                    *p == '/' || (unsigned char)*p < 0x20 || (*p == '.' && p == name) ? '_' : *p);
}

static itx_status write_as(const char *folder, const struct strbuf *name, const char *ending,
                           const struct strbuf *text, struct itx_error *err)
{
    struct strbuf path = {0};
    strbuf_addf(&path, "%s/%s%s", folder, name->data, ending);
    const itx_status rc = path.failed || text->failed
                              ? itx_fail(err, ITX_E_NOMEM, "out of memory")
                              : file_write(path.data, text->data, text->len, err);
    strbuf_release(&path);
    return rc;
}

static itx_status write_results(const struct perf_model *m, const struct strbuf *name,
                                const char *folder, struct itx_error *err)
{
    struct strbuf page = {0}, picture = {0};
    perf_page(&page, m);
    perf_draw_structure(&picture, m, true);
    itx_status rc = rdk_make_folders(folder, err);
    if (rc == ITX_OK) rc = write_as(folder, name, ".html", &page, err);
    if (rc == ITX_OK) rc = write_as(folder, name, ".svg", &picture, err);
    strbuf_release(&page);
    strbuf_release(&picture);
    return rc;
}

static itx_status report(const struct perf_model *m, struct rdk_log *log, struct itx_error *err)
{
    struct strbuf name = {0}, folder = {0};
    add_file_name(&name, m->plan->name);
    strbuf_addf(&folder, "hb_perf_result/%s", name.data != NULL ? name.data : "");
    const itx_status rc = name.data == NULL || name.failed || folder.failed
                              ? itx_fail(err, ITX_E_NOMEM, "out of memory")
                              : write_results(m, &name, folder.data, err);
    if (rc == ITX_OK)
        rdk_say(log, RDK_INFO, "%s: %.3f ms a frame, see %s/%s.html", m->plan->name,
                rdk_span_mean_ms(&m->frame, m->n_frames), folder.data, name.data);
    strbuf_release(&name);
    strbuf_release(&folder);
    return rc;
}

static itx_status run_model(const char *path, const struct plan *plan, struct rdk_log *log,
                            struct itx_error *err)
{
    itx_model *model = NULL;
    struct rdk_run run = {0};
    struct perf_model m = {.plan = plan};
    ITX_TRY(itx_model_open(&model, path, plan->name, err));
    itx_status rc = measure(&m, model, &run, err);
    if (rc == ITX_OK) rc = report(&m, log, err);
    rdk_run_release(&run);
    release(&m);
    itx_model_close(&model);
    return rc;
}

static itx_status run(const struct perf_options *o, const char *path, struct itx_error *err)
{
    struct rdk_bin bin = {0};
    struct rdk_log log = {0};
    const struct plan *one = NULL;
    ITX_TRY(rdk_bin_open(&bin, path, err));
    itx_status rc = o->model != NULL ? rdk_bin_model(&bin, o->model, &one, err) : ITX_OK;
    if (rc == ITX_OK) rdk_say(&log, RDK_INFO, "Start hb_perf....");
    for (int i = 0; rc == ITX_OK && i < bin.file.n_models; i++)
        if (one == NULL || one == &bin.file.models[i])
            rc = run_model(path, &bin.file.models[i], &log, err);
    rdk_bin_release(&bin);
    return rc;
}

static enum exit_code perf_run(const void *options, int n_args, const char *const *args)
{
    const struct perf_options *const o = options;
    struct itx_error err;
    if (o->version) {
        printf("hb_perf, version %s\n", RDK_BUILDER_VERSION);
        return EXIT_DONE;
    }
    if (n_args == 0) return options_wrong(&command_hb_perf, "the model is missing");
    if (run(o, args[0], &err) == ITX_OK) return EXIT_DONE;
    say_error("%s", err.text);
    return EXIT_FAILED;
}

const struct command command_hb_perf = {
    "hb_perf",
    "Measures a model and writes a page about its speed",
    "[MODEL.bin]",
    perf_rows,
    ARRAY_LEN(perf_rows),
    sizeof(struct perf_options),
    0,
    1,
    perf_run,
    true,
};
