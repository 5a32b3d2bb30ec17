/* SPDX-License-Identifier: Apache-2.0
 *
 * Sessions of a model. One with many threads answers a single task soonest, many with one thread each get through most
 * tasks; which of them a task gets is decided when it begins (task.c), so both kinds may be there.
 */
#include "base/mem.h"
#include "base/status.h"
#include "dnn/model.h"
#include "dnn/state.h"

static void destroy(struct dnn_session *session)
{
    itx_session_destroy(&session->session);
    dnn_profile_release(&session->profile);
    mem_free(session);
}

static itx_status create(struct dnn_session **out, const struct dnn_model *model, int n_threads,
                         struct itx_error *err)
{
    const bool profile = model->record.profile_folder != NULL;
    struct itx_session_options o = ITX_SESSION_OPTIONS_INIT;
    o.n_threads = n_threads;
    o.dense = 1;
    o.profile = profile;
    struct dnn_session *const s = mem_calloc(1, sizeof *s);
    if (s == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    s->n_threads = n_threads;
    itx_status rc = itx_session_create(&s->session, model->model, &o, err);
    if (rc == ITX_OK && profile) rc = dnn_profile_init(&s->profile, model->model, err);
    if (rc == ITX_OK)
        *out = s;
    else
        destroy(s);
    return rc;
}

itx_status dnn_take_session(struct dnn_model *model, int n_threads, struct dnn_session **session,
                            struct itx_error *err)
{
    state_lock();
    struct dnn_session **at = &model->idle;
    while (*at != NULL && (*at)->n_threads != n_threads) at = &(*at)->next;
    struct dnn_session *found = *at;
    if (found != NULL) *at = found->next;
    state_unlock();
    if (found == NULL) ITX_TRY(create(&found, model, n_threads, err));
    *session = found;
    return ITX_OK;
}

static void close_session(struct dnn_model *model, struct dnn_session *session)
{
    dnn_record_join(&model->record, &session->profile);
    destroy(session);
}

/* Idle sessions keep at most as many threads as one of each kind for every processor. */
static struct dnn_session *surplus(struct dnn_model *model)
{
    int n_threads = 0;
    struct dnn_session **at = &model->idle, **last = at;
    for (; *at != NULL; at = &(*at)->next) {
        n_threads += (*at)->n_threads;
        last = at;
    }
    if (n_threads <= 2 * model->n_processors) return NULL;
    struct dnn_session *const oldest = *last;
    *last = NULL;
    return oldest;
}

void dnn_give_session(struct dnn_model *model, struct dnn_session *session)
{
    state_lock();
    session->next = model->idle;
    model->idle = session;
    struct dnn_session *const closed = surplus(model);
    state_unlock();
    if (closed != NULL) close_session(model, closed);
}

void dnn_close_sessions(struct dnn_model *model)
{
    while (model->idle != NULL) {
        struct dnn_session *const next = model->idle->next;
        close_session(model, model->idle);
        model->idle = next;
    }
}

void dnn_model_release(struct dnn_model *model)
{
    dnn_close_sessions(model);
    dnn_record_release(&model->record);
    for (int i = 0; i < model->n_outputs && model->outputs != NULL; i++)
        dnn_output_release(&model->outputs[i]);
    mem_free(model->outputs);
    for (int i = 0; i < model->n_inputs && model->inputs != NULL; i++)
        dnn_scales_release(&model->inputs[i].properties);
    mem_free(model->inputs);
    itx_model_close(&model->model);
}
