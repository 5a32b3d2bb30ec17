/* SPDX-License-Identifier: Apache-2.0 */
#include "rdk/run.h"

#include "base/clock.h"
#include "base/mem.h"
#include "cmd/net.h"
#include "dnn/values.h"

itx_status rdk_run_open(struct rdk_run *run, const itx_model *model, const struct plan *plan,
                        int n_threads, unsigned what, const struct model_limits *limits,
                        struct itx_error *err)
{
    struct itx_session_options o = ITX_SESSION_OPTIONS_INIT;
    o.n_threads = n_threads;
    o.profile = (what & RDK_RUN_PROFILE) != 0;
    o.keep_tensors = (what & RDK_RUN_TENSORS) != 0;
    o.dense = 1;
    if (limits != NULL) net_set_limits(&o, limits);
    run->plan = plan;
    ITX_TRY(itx_session_create(&run->session, model, &o, err));
    run->output = mem_calloc((size_t)plan->n_outputs, sizeof *run->output);
    if (run->output == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    run->n_outputs = plan->n_outputs;
    for (int i = 0; i < run->n_outputs; i++) {
        struct rdk_output *const out = &run->output[i];
        out->tensor = rdk_output(plan, i);
        ITX_TRY(itx_model_get_output(model, i, &out->stored, err));
        if (!out->tensor.is_float && out->stored.pixel == (size_t)out->stored.channels) continue;
        out->own = mem_alloc((size_t)out->tensor.byte_size);
        if (out->own == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    }
    return ITX_OK;
}

void rdk_run_release(struct rdk_run *run)
{
    for (int i = 0; i < run->n_outputs; i++) mem_free(run->output[i].own);
    mem_free(run->output);
    itx_session_destroy(&run->session);
    *run = (struct rdk_run){0};
}

static itx_status make_output(const struct rdk_run *run, int i, struct itx_error *err)
{
    struct rdk_output *const out = &run->output[i];
    const void *const stored = itx_session_output(run->session, i);
    const uint64_t start = clock_ns();
    out->data = out->own != NULL ? out->own : stored;
    if (out->tensor.is_float)
        ITX_TRY(itx_session_read_output(run->session, i, out->own, err));
    else if (out->own != NULL)
        dnn_values_dense(&out->stored, stored, out->own);
    out->ns = clock_ns() - start;
    return ITX_OK;
}

itx_status rdk_run_frame(struct rdk_run *run, const struct rdk_frame *frame, struct itx_error *err)
{
    const uint64_t start = clock_ns();
    if (frame->numbers != NULL)
        ITX_TRY(itx_session_run_numbers(run->session, frame->numbers, frame->n_numbers, err));
    else
        ITX_TRY(itx_session_run(run->session, &frame->image, err));
    for (int i = 0; i < run->n_outputs; i++) ITX_TRY(make_output(run, i, err));
    run->total_ns = clock_ns() - start;
    return itx_session_timing(run->session, &run->timing, err);
}

itx_status rdk_run_floats(const struct rdk_run *run, int i, float *to, struct itx_error *err)
{
    return itx_session_read_output(run->session, i, to, err);
}
