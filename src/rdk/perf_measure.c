/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cpu.h"
#include "base/mem.h"
#include "base/pool.h"
#include "cmd/machine.h"
#include "rdk/perf.h"

enum { WARM_UP = 3, FRAMES = 10 };

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

void perf_model_release(struct perf_model *m)
{
    rdk_run_release(&m->run);
    itx_model_close(&m->model);
    mem_free(m->layer);
    mem_free(m->live);
    mem_free(m->output);
    *m = (struct perf_model){0};
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
        span_add(&m->frame, run->total_ns);
        span_add(&m->network, run->timing.network_ns);
        span_add(&m->prepare, run->timing.prepare_ns);
        for (int k = 0; k < m->plan->n_outputs; k++) span_add(&m->output[k], run->output[k].ns);
        for (int k = 0; k < m->n_layers; k++)
            span_add(&m->layer[k].time, itx_session_step_ns(run->session, k));
    }
    rdk_frame_release(&frame);
    return rc;
}

itx_status perf_model_measure(struct perf_model *m, const struct rdk_bin *bin,
                              const struct plan *plan, struct itx_error *err)
{
    m->plan = plan;
    ITX_TRY(rdk_bin_load(bin, plan->name, &m->model, err));
    ITX_TRY(itx_model_get_info(m->model, &m->info, err));
    ITX_TRY(make_room(m, err));
    ITX_TRY(rdk_run_open(&m->run, m->model, plan, 0, RDK_RUN_PROFILE, m->limits, err));
    m->n_threads = itx_session_n_threads(m->run.session);
    m->cpu = itx_session_cpu(m->run.session);
    ITX_TRY(measure_machine(m, m->run.session, err));
    ITX_TRY(run_frames(m, &m->run, err));
    describe_layers(m, m->model, m->run.session);
    return ITX_OK;
}
