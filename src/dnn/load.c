/* SPDX-License-Identifier: Apache-2.0
 *
 * hb_dnn.h, "models": loading, releasing, and everything one can ask of one.
 */
#include <string.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "dnn/log.h"
#include "dnn/model.h"
#include "dnn/state.h"
#include "dnn/task.h"

#define MAX_MODELS 256

/* All models of some files. */
struct packed {
    void *handle;
    int n_models;
    struct dnn_model models[MAX_MODELS];
    const char *names[MAX_MODELS];
};

/* Files by their paths, or their bytes. */
struct sources {
    int32_t n;
    const char **paths; /* NULL: data and sizes */
    const void **data;
    const int32_t *sizes;
};

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define DNN_VERSION "1.24.5"
_Static_assert(HB_DNN_VERSION_MAJOR == 1 && HB_DNN_VERSION_MINOR == 24 && HB_DNN_VERSION_PATCH == 5,
               "the text and the numbers");

const char *hbDNNGetVersion(void)
{
    return DNN_VERSION " (Intarsia " TEXT(ITX_VERSION_MAJOR) "." TEXT(ITX_VERSION_MINOR) "." TEXT(
        ITX_VERSION_PATCH) ")";
}
#undef TEXT
#undef TEXT_

/* ---- loading ---- */

static itx_status describe(struct dnn_model *m, struct itx_error *err)
{
    struct itx_model_info info;
    ITX_TRY(itx_model_get_info(m->model, &info, err));
    m->name = info.name;
    m->n_inputs = info.n_inputs;
    m->inputs = mem_calloc((size_t)info.n_inputs, sizeof *m->inputs);
    m->outputs = mem_calloc((size_t)info.n_outputs, sizeof *m->outputs);
    if (m->inputs == NULL || m->outputs == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (int i = 0; i < m->n_inputs; i++) {
        struct dnn_input *const in = &m->inputs[i];
        ITX_TRY(itx_model_get_input(m->model, i, &in->info, err));
        const struct dnn_form form = dnn_form_of_input(&in->info);
        in->source = form.source;
        if (m->n_inputs > 1 && in->info.format != ITX_IMAGE_NONE)
            return itx_fail(err, ITX_E_UNSUPPORTED, "input %s is a picture beside other inputs",
                            in->info.name);
        if (!dnn_form_properties(&form, &in->properties))
            return itx_fail(err, ITX_E_UNSUPPORTED, "input %s has more than 2 GiB", in->info.name);
        ITX_TRY(dnn_scales_init(&in->properties, in->info.channels, in->info.scale,
                                in->info.zero_point, err));
    }
    for (int i = 0; i < info.n_outputs; i++) {
        m->n_outputs = i + 1;
        ITX_TRY(dnn_output_init(&m->outputs[i], m->model, i, err));
    }
    return ITX_OK;
}

/* The session is made now, so that what is wrong with the model shows, and the first task does not wait for it. */
static itx_status prepare(struct dnn_model *m, struct itx_error *err)
{
    struct dnn_session *session;
    ITX_TRY(describe(m, err));
    ITX_TRY(dnn_record_init(&m->record, m->model, err));
    m->n_processors = cpu_count();
    ITX_TRY(dnn_take_session(m, m->n_processors, &session, err));
    dnn_give_session(m, session);
    return ITX_OK;
}

static itx_status open_source(const struct sources *from, int32_t i, const char *name,
                              itx_model **model, struct itx_error *err)
{
    return from->paths != NULL
               ? itx_model_open(model, from->paths[i], name, err)
               : itx_model_open_memory(model, from->data[i], (size_t)from->sizes[i], name, err);
}

static bool has_name(const struct packed *p, const char *name)
{
    for (int i = 0; i < p->n_models; i++)
        if (strcmp(p->names[i], name) == 0) return true;
    return false;
}

/* The model becomes p's, or is closed. */
static int32_t add_model(struct packed *p, itx_model *model)
{
    struct itx_error err;
    if (p->n_models == MAX_MODELS) {
        itx_model_close(&model);
        return dnn_fail(HB_DNN_MODEL_NUMBER_EXCEED_LIMIT, "more than %d models", MAX_MODELS);
    }
    struct dnn_model *const m = &p->models[p->n_models];
    m->model = model;
    itx_status rc = prepare(m, &err);
    if (rc == ITX_OK && has_name(p, m->name))
        rc = itx_fail(&err, ITX_E_FORMAT, "there are two models called %s", m->name);
    if (rc != ITX_OK) {
        dnn_model_release(m);
        *m = (struct dnn_model){0};
        return dnn_fail_model(&err);
    }
    p->names[p->n_models++] = m->name;
    return HB_DNN_SUCCESS;
}

static int32_t add_source(struct packed *p, const struct sources *from, int32_t source)
{
    struct itx_error err;
    const itx_model *first = NULL;
    const char *name = NULL;
    for (int i = 1; i == 1 || name != NULL; i++) {
        itx_model *model = NULL;
        if (open_source(from, source, name, &model, &err) != ITX_OK) return dnn_fail_model(&err);
        if (first == NULL) first = model;
        if (i == 1 && from->paths != NULL) dnn_record_read(from->paths[source]);
        const int32_t code = add_model(p, model);
        if (code != HB_DNN_SUCCESS) return code;
        name = itx_model_name_in_file(first, i);
    }
    return HB_DNN_SUCCESS;
}

/* Times of all models, when the environment asks for them. */
static void write_record(struct packed *p)
{
    struct dnn_recorded list[MAX_MODELS];
    for (int i = 0; i < p->n_models; i++) {
        struct dnn_model *const m = &p->models[i];
        dnn_close_sessions(m);
        list[i] = (struct dnn_recorded){m->model, &m->record};
    }
    dnn_record_write(list, p->n_models);
}

static void destroy_packed(struct packed *p)
{
    for (int i = 0; i < p->n_models; i++) dnn_model_release(&p->models[i]);
    mem_free(p);
}

static void drop_handles(const struct packed *p)
{
    handle_drop(HANDLE_PACKED, p->handle);
    for (int i = 0; i < p->n_models; i++) handle_drop(HANDLE_MODEL, p->models[i].handle);
}

static bool give_handles(struct packed *p)
{
    state_lock();
    bool ok = (p->handle = handle_new(HANDLE_PACKED, p)) != NULL;
    for (int i = 0; ok && i < p->n_models; i++) {
        struct dnn_model *const m = &p->models[i];
        ok = (m->handle = handle_new(HANDLE_MODEL, m)) != NULL;
    }
    if (!ok) drop_handles(p);
    state_unlock();
    return ok;
}

static int32_t load(hbPackedDNNHandle_t *packed, const struct sources *from)
{
    struct packed *const p = mem_calloc(1, sizeof *p);
    if (p == NULL) return dnn_fail(HB_DNN_OUT_OF_MEMORY, "out of memory");
    int32_t code = HB_DNN_SUCCESS;
    for (int32_t i = 0; i < from->n && code == HB_DNN_SUCCESS; i++) code = add_source(p, from, i);
    if (code == HB_DNN_SUCCESS && !give_handles(p))
        code = dnn_fail(HB_DNN_OUT_OF_MEMORY, "out of memory");
    if (code == HB_DNN_SUCCESS)
        *packed = p->handle;
    else
        destroy_packed(p);
    return code;
}

int32_t hbDNNInitializeFromFiles(hbPackedDNNHandle_t *packed, const char **paths, int32_t n_paths)
{
    if (packed == NULL || paths == NULL || n_paths < 1)
        return dnn_fail(HB_DNN_INVALID_ARGUMENT, "hbDNNInitializeFromFiles: no files");
    for (int32_t i = 0; i < n_paths; i++)
        if (paths[i] == NULL)
            return dnn_fail(HB_DNN_INVALID_ARGUMENT, "hbDNNInitializeFromFiles: path %d is NULL",
                            (int)i);
    return load(packed, &(struct sources){.n = n_paths, .paths = paths});
}

int32_t hbDNNInitializeFromDDR(hbPackedDNNHandle_t *packed, const void **data, int32_t *sizes,
                               int32_t n_data)
{
    if (packed == NULL || data == NULL || sizes == NULL || n_data < 1)
        return dnn_fail(HB_DNN_INVALID_ARGUMENT, "hbDNNInitializeFromDDR: no data");
    for (int32_t i = 0; i < n_data; i++)
        if (data[i] == NULL || sizes[i] < 1)
            return dnn_fail(HB_DNN_INVALID_ARGUMENT, "hbDNNInitializeFromDDR: model %d is empty",
                            (int)i);
    return load(packed, &(struct sources){.n = n_data, .data = data, .sizes = sizes});
}

static bool is_running(const struct packed *p)
{
    for (int i = 0; i < p->n_models; i++)
        if (p->models[i].n_tasks != 0) return true;
    return false;
}

int32_t hbDNNRelease(hbPackedDNNHandle_t handle)
{
    state_lock();
    struct packed *const p = handle_object(HANDLE_PACKED, handle);
    const bool ok = p != NULL && !is_running(p);
    if (ok) drop_handles(p);
    state_unlock();
    if (p == NULL)
        return dnn_fail(HB_DNN_INVALID_PACKED_DNN_HANDLE, "hbDNNRelease: no such handle");
    if (!ok)
        return dnn_fail(HB_DNN_MODEL_IS_RUNNING, "hbDNNRelease: a task waits or runs, wait for it "
                                                 "or release it first");
    write_record(p);
    destroy_packed(p);
    task_stop_workers();
    return HB_DNN_SUCCESS;
}

/* ---- questions ---- */

int32_t hbDNNGetModelNameList(const char ***names, int32_t *n_names, hbPackedDNNHandle_t handle)
{
    if (names == NULL || n_names == NULL)
        return dnn_fail(HB_DNN_INVALID_ARGUMENT, "hbDNNGetModelNameList: an argument is NULL");
    state_lock();
    struct packed *const p = handle_object(HANDLE_PACKED, handle);
    if (p != NULL) {
        *names = p->names;
        *n_names = p->n_models;
    }
    state_unlock();
    if (p == NULL)
        return dnn_fail(HB_DNN_INVALID_PACKED_DNN_HANDLE, "hbDNNGetModelNameList: no such handle");
    return HB_DNN_SUCCESS;
}

int32_t hbDNNGetModelHandle(hbDNNHandle_t *model, hbPackedDNNHandle_t handle, const char *name)
{
    if (model == NULL || name == NULL)
        return dnn_fail(HB_DNN_INVALID_ARGUMENT, "hbDNNGetModelHandle: an argument is NULL");
    state_lock();
    const struct packed *const p = handle_object(HANDLE_PACKED, handle);
    void *found = NULL;
    for (int i = 0; p != NULL && found == NULL && i < p->n_models; i++)
        if (strcmp(p->names[i], name) == 0) found = p->models[i].handle;
    state_unlock();
    if (p == NULL)
        return dnn_fail(HB_DNN_INVALID_PACKED_DNN_HANDLE, "hbDNNGetModelHandle: no such handle");
    if (found == NULL)
        return dnn_fail(HB_DNN_INVALID_ARGUMENT, "hbDNNGetModelHandle: there is no model %s", name);
    *model = found;
    return HB_DNN_SUCCESS;
}

/* What the functions below ask of a model. */
enum question {
    INPUT_COUNT,
    INPUT_NAME,
    INPUT_PROPERTIES,
    INPUT_SOURCE,
    OUTPUT_COUNT,
    OUTPUT_NAME,
    OUTPUT_PROPERTIES
};

static void answer_input(const struct dnn_model *m, enum question question, int32_t i, void *answer)
{
    const struct dnn_input *const in = &m->inputs[i];
    if (question == INPUT_NAME)
        *(const char **)answer = in->info.name;
    else if (question == INPUT_SOURCE)
        *(int32_t *)answer = in->source;
    else
        *(hbDNNTensorProperties *)answer = in->properties;
}

static void answer_output(const struct dnn_model *m, enum question question, int32_t i,
                          void *answer)
{
    if (question == OUTPUT_NAME)
        *(const char **)answer = m->outputs[i].stored.name;
    else
        *(hbDNNTensorProperties *)answer = m->outputs[i].properties;
}

static int32_t ask(const char *function, enum question question, hbDNNHandle_t handle, int32_t i,
                   void *answer)
{
    if (answer == NULL) return dnn_fail(HB_DNN_INVALID_ARGUMENT, "%s: no place for it", function);
    state_lock();
    const struct dnn_model *const m = handle_object(HANDLE_MODEL, handle);
    const bool is_input = question < OUTPUT_COUNT;
    const int32_t n = m == NULL ? 0 : is_input ? m->n_inputs : m->n_outputs;
    const bool is_count = question == INPUT_COUNT || question == OUTPUT_COUNT;
    const bool ok = m != NULL && (is_count || (i >= 0 && i < n));
    if (ok && is_count)
        *(int32_t *)answer = n;
    else if (ok && is_input)
        answer_input(m, question, i, answer);
    else if (ok)
        answer_output(m, question, i, answer);
    state_unlock();
    if (m == NULL) return dnn_fail(HB_DNN_INVALID_DNN_HANDLE, "%s: no such handle", function);
    if (!ok)
        return dnn_fail(HB_DNN_INVALID_ARGUMENT, "%s: index %d, there are %d", function, (int)i,
                        (int)n);
    return HB_DNN_SUCCESS;
}

int32_t hbDNNGetInputCount(int32_t *count, hbDNNHandle_t model)
{
    return ask("hbDNNGetInputCount", INPUT_COUNT, model, 0, count);
}

int32_t hbDNNGetInputName(const char **name, hbDNNHandle_t model, int32_t index)
{
    return ask("hbDNNGetInputName", INPUT_NAME, model, index, name);
}

int32_t hbDNNGetInputTensorProperties(hbDNNTensorProperties *properties, hbDNNHandle_t model,
                                      int32_t index)
{
    return ask("hbDNNGetInputTensorProperties", INPUT_PROPERTIES, model, index, properties);
}

int32_t hbDNNGetInputSource(int32_t *source, hbDNNHandle_t model, int32_t index)
{
    return ask("hbDNNGetInputSource", INPUT_SOURCE, model, index, source);
}

int32_t hbDNNGetOutputCount(int32_t *count, hbDNNHandle_t model)
{
    return ask("hbDNNGetOutputCount", OUTPUT_COUNT, model, 0, count);
}

int32_t hbDNNGetOutputName(const char **name, hbDNNHandle_t model, int32_t index)
{
    return ask("hbDNNGetOutputName", OUTPUT_NAME, model, index, name);
}

int32_t hbDNNGetOutputTensorProperties(hbDNNTensorProperties *properties, hbDNNHandle_t model,
                                       int32_t index)
{
    return ask("hbDNNGetOutputTensorProperties", OUTPUT_PROPERTIES, model, index, properties);
}
