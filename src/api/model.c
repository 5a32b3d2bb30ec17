/* SPDX-License-Identifier: Apache-2.0
 *
 * Models: opening, closing, and everything one can ask of one.
 */
#include "api/model.h"

#include <stdint.h>
#include <string.h>

#include "base/look.h"
#include "base/mem.h"

const char *itx_version(void)
{
#define ITX_TEXT(x) #x
#define ITX_VERSION_TEXT(a, b, c) ITX_TEXT(a) "." ITX_TEXT(b) "." ITX_TEXT(c)
    return ITX_VERSION_TEXT(ITX_VERSION_MAJOR, ITX_VERSION_MINOR, ITX_VERSION_PATCH);
#undef ITX_VERSION_TEXT
#undef ITX_TEXT
}

void model_retain(const itx_model *model)
{
    atomic_fetch_add(&((itx_model *)(uintptr_t)model)->n_users, 1);
}

void model_release(const itx_model *shared)
{
    itx_model *model = (itx_model *)(uintptr_t)shared;
    if (model == NULL || atomic_fetch_sub(&model->n_users, 1) != 1) return;
    plan_file_release(&model->file);
    file_bytes_release(&model->bytes);
    mem_free_aligned(model->copy);
    mem_free(model->writer);
    mem_free(model);
}

static itx_status find_plan(itx_model *model, const char *name, struct itx_error *err)
{
    for (int i = 0; i < model->file.n_models; i++) {
        if (name != NULL && strcmp(name, model->file.models[i].name) != 0) continue;
        model->plan = &model->file.models[i];
        return ITX_OK;
    }
    return itx_fail(err, ITX_E_RANGE, "there is no model \"%s\" in the file, its first is \"%s\"",
                    name, model->file.models[0].name);
}

static itx_status find_writers(itx_model *model, struct itx_error *err)
{
    const struct plan *const p = model->plan;
    model->writer = mem_alloc((size_t)p->n_tensors * sizeof *model->writer);
    if (model->writer == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (int i = 0; i < p->n_tensors; i++) model->writer[i] = -1;
    for (int i = 0; i < p->n_steps; i++) {
        int *const writer = &model->writer[p->steps[i].out];
        *writer = *writer == -1 ? i : -2;
    }
    return ITX_OK;
}

static itx_status open_data(itx_model *model, const void *data, size_t size, const char *name,
                            struct itx_error *err)
{
    ITX_TRY(plan_read(&model->file, data, size, err));
    ITX_TRY(find_plan(model, name, err));
    return find_writers(model, err);
}

static itx_model *new_model(void)
{
    itx_model *model = mem_calloc(1, sizeof *model);
    if (model != NULL) atomic_init(&model->n_users, 1);
    return model;
}

/* All of the file, unless its first bytes show that it is none of ours, however large. */
static itx_status read_bytes(itx_model *model, const char *path, struct itx_error *err)
{
    size_t whole;
    ITX_TRY(file_read_part(&model->bytes, &whole, path, 0, LOOK_BYTES, err));
    if (!plan_is_header(model->bytes.data, model->bytes.size)) return ITX_OK; /* refused soon */
    file_bytes_release(&model->bytes);
    return file_read(&model->bytes, path, SIZE_MAX, err);
}

itx_status itx_model_open(itx_model **out, const char *path, const char *name,
                          struct itx_error *err)
{
    if (out == NULL || path == NULL)
        return itx_fail(err, ITX_E_INVAL, "itx_model_open: an argument is NULL");
    itx_model *model = new_model();
    if (model == NULL) return itx_fail(err, ITX_E_NOMEM, "%s: out of memory", path);
    itx_status rc = look_no_folder(LOOK_FOR_PLAN, path, err);
    if (rc == ITX_OK) rc = read_bytes(model, path, err);
    if (rc == ITX_OK) {
        rc = open_data(model, model->bytes.data, model->bytes.size, name, err);
        if (rc != ITX_OK) itx_error_prefix(err, "%s", path);
    }
    if (rc == ITX_OK)
        *out = model;
    else
        model_release(model);
    return rc;
}

itx_status itx_model_open_memory(itx_model **out, const void *data, size_t size, const char *name,
                                 struct itx_error *err)
{
    if (out == NULL || data == NULL)
        return itx_fail(err, ITX_E_INVAL, "itx_model_open_memory: an argument is NULL");
    itx_model *model = new_model();
    if (model != NULL) model->copy = mem_alloc_aligned(PLAN_ALIGN, size);
    if (model == NULL || model->copy == NULL) {
        model_release(model);
        return itx_fail(err, ITX_E_NOMEM, "out of memory");
    }
    memcpy(model->copy, data, size);
    const itx_status rc = open_data(model, model->copy, size, name, err);
    if (rc == ITX_OK)
        *out = model;
    else
        model_release(model);
    return rc;
}

void itx_model_close(itx_model **model)
{
    if (model == NULL) return;
    model_release(*model);
    *model = NULL;
}

enum itx_task public_task(const struct plan_head *head)
{
    switch (head->task) {
    case PLAN_DETECT:
        return ITX_TASK_DETECT;
    case PLAN_SEGMENT:
        return ITX_TASK_SEGMENT;
    case PLAN_RAW:
    case PLAN_TASK_COUNT:
        break;
    }
    return ITX_TASK_RAW;
}

static enum itx_image_format public_format(enum plan_input_kind kind)
{
    switch (kind) {
    case PLAN_INPUT_RGB:
        return ITX_IMAGE_RGB;
    case PLAN_INPUT_BGR:
        return ITX_IMAGE_BGR;
    case PLAN_INPUT_NV12:
        return ITX_IMAGE_NV12;
    case PLAN_INPUT_GRAY:
        return ITX_IMAGE_GRAY;
    case PLAN_INPUT_YUV444:
        return ITX_IMAGE_YUV444;
    case PLAN_INPUT_TENSOR:
    case PLAN_INPUT_KIND_COUNT:
        break;
    }
    return ITX_IMAGE_NONE;
}

static uint64_t pixels(const struct plan_tensor *t)
{
    return (uint64_t)t->h * (uint64_t)t->w;
}

/* Multiplications and weights of a step. */
static void count_work(const struct plan *p, const struct plan_step *s, uint64_t *macs,
                       uint64_t *weights)
{
    const struct plan_tensor *in = &p->tensors[s->in[0]], *out = &p->tensors[s->out];
    const uint64_t taps = (uint64_t)s->kernel[0] * (uint64_t)s->kernel[1];
    *macs = *weights = 0;
    switch (s->kind) {
    case STEP_CONV:
        *weights = taps * (uint64_t)in->c * (uint64_t)out->c;
        *macs = *weights * pixels(out);
        break;
    case STEP_DECONV:
        *weights = taps * (uint64_t)in->c * (uint64_t)out->c;
        *macs = *weights * pixels(in);
        break;
    case STEP_DWCONV:
        *weights = taps * (uint64_t)out->c;
        *macs = *weights * pixels(out);
        break;
    case STEP_ATTENTION:
        *macs = pixels(out) * pixels(out) * (uint64_t)(in->c + out->c);
        break;
    case STEP_LUT:
        *weights = 256;
        break;
    case STEP_MAXPOOL:
    case STEP_UPSAMPLE:
    case STEP_COPY:
    case STEP_ADD:
    case STEP_KIND_COUNT:
        break;
    }
}

itx_status itx_model_get_info(const itx_model *model, struct itx_model_info *info,
                              struct itx_error *err)
{
    if (model == NULL || info == NULL)
        return itx_fail(err, ITX_E_INVAL, "itx_model_get_info: an argument is NULL");
    const struct plan *p = model->plan;
    struct itx_model_info i = {
        .name = p->name,
        .meta = p->meta,
        .task = public_task(&p->head),
        .n_inputs = p->n_inputs,
        .n_outputs = p->n_outputs,
        .n_steps = p->n_steps,
        .n_tensors = p->n_tensors,
        .n_classes = p->head.n_classes,
        .arena_bytes = p->arena_size,
    };
    if (p->n_inputs > 0) {
        const struct plan_tensor *t = &p->tensors[p->inputs[0].tensor];
        i.input_format = public_format(p->inputs[0].kind);
        i.input_range = p->inputs[0].video_range ? ITX_RANGE_VIDEO : ITX_RANGE_FULL;
        i.input_width = t->w;
        i.input_height = t->h;
        i.input_channels = t->c;
    }
    for (int k = 0; k < p->n_steps; k++) {
        uint64_t macs, weights;
        count_work(p, &p->steps[k], &macs, &weights);
        i.multiply_adds += macs;
        i.weight_bytes += weights;
    }
    *info = i;
    return ITX_OK;
}

itx_status itx_model_get_input(const itx_model *model, int i, struct itx_input_info *info,
                               struct itx_error *err)
{
    if (model == NULL || info == NULL)
        return itx_fail(err, ITX_E_INVAL, "itx_model_get_input: an argument is NULL");
    if (i < 0 || i >= model->plan->n_inputs)
        return itx_fail(err, ITX_E_RANGE, "input %d: there are %d", i, model->plan->n_inputs);
    const struct plan_input *const in = &model->plan->inputs[i];
    const struct plan_tensor *const t = &model->plan->tensors[in->tensor];
    *info = (struct itx_input_info){
        .name = in->name,
        .format = public_format(in->kind),
        .range = in->video_range ? ITX_RANGE_VIDEO : ITX_RANGE_FULL,
        .height = t->h,
        .width = t->w,
        .channels = t->c,
        .dtype = public_dtype(t->dtype),
        .n_quant = t->n_quant,
        .scale = t->scale,
        .zero_point = t->zero_point,
        .is_stored = in->is_stored,
    };
    return ITX_OK;
}

const char *itx_model_name_in_file(const itx_model *model, int i)
{
    return model != NULL && i >= 0 && i < model->file.n_models ? model->file.models[i].name : NULL;
}

const char *itx_model_class_name(const itx_model *model, int class_id)
{
    if (model == NULL || class_id < 0 || class_id >= model->plan->head.n_classes) return NULL;
    return model->plan->head.names[class_id];
}

enum itx_dtype public_dtype(enum dtype dtype)
{
    return dtype == DTYPE_S8 ? ITX_S8 : dtype == DTYPE_S16 ? ITX_S16 : ITX_S32;
}

void describe_tensor(const struct plan_tensor *t, struct itx_tensor_info *info)
{
    *info = (struct itx_tensor_info){
        .name = t->name,
        .dtype = public_dtype(t->dtype),
        .height = t->h,
        .width = t->w,
        .channels = t->c,
        .pixel = (size_t)t->pixel,
        .row = (size_t)t->pixel * (size_t)t->w,
        .n_quant = t->n_quant,
        .scale = t->scale,
        .zero_point = t->zero_point,
        .dequantize = "",
        .step = -1,
    };
}

static int writer(const itx_model *model, uint32_t tensor)
{
    return model->writer[tensor] < 0 ? -1 : model->writer[tensor];
}

itx_status itx_model_get_output(const itx_model *model, int i, struct itx_tensor_info *info,
                                struct itx_error *err)
{
    if (model == NULL || info == NULL)
        return itx_fail(err, ITX_E_INVAL, "itx_model_get_output: an argument is NULL");
    if (i < 0 || i >= model->plan->n_outputs)
        return itx_fail(err, ITX_E_RANGE, "output %d: there are %d", i, model->plan->n_outputs);
    const struct plan_output *const out = &model->plan->outputs[i];
    describe_tensor(&model->plan->tensors[out->tensor], info);
    info->name = out->name;
    info->dequantize = out->dequantize;
    info->step = writer(model, out->tensor);
    return ITX_OK;
}

itx_status itx_model_get_tensor(const itx_model *model, int i, struct itx_tensor_info *info,
                                struct itx_error *err)
{
    if (model == NULL || info == NULL)
        return itx_fail(err, ITX_E_INVAL, "itx_model_get_tensor: an argument is NULL");
    if (i < 0 || i >= model->plan->n_tensors)
        return itx_fail(err, ITX_E_RANGE, "tensor %d: there are %d", i, model->plan->n_tensors);
    describe_tensor(&model->plan->tensors[i], info);
    info->step = writer(model, (uint32_t)i);
    return ITX_OK;
}

static uint64_t tensor_bytes(const struct plan_tensor *t)
{
    return (uint64_t)t->h * (uint64_t)t->w * (uint64_t)t->c * (uint64_t)dtype_size(t->dtype);
}

itx_status itx_model_get_step(const itx_model *model, int i, struct itx_step_info *info,
                              struct itx_error *err)
{
    if (model == NULL || info == NULL)
        return itx_fail(err, ITX_E_INVAL, "itx_model_get_step: an argument is NULL");
    if (i < 0 || i >= model->plan->n_steps)
        return itx_fail(err, ITX_E_RANGE, "step %d: there are %d", i, model->plan->n_steps);
    const struct plan *p = model->plan;
    const struct plan_step *s = &p->steps[i];
    *info = (struct itx_step_info){
        .name = s->name,
        .kind = step_kind_name(s->kind),
        .output_tensor = (int)s->out,
        .height = p->tensors[s->out].h,
        .width = p->tensors[s->out].w,
        .channels = p->tensors[s->out].c,
        .input_channels = p->tensors[s->in[0]].c,
        .kernel_h = s->kernel[0],
        .kernel_w = s->kernel[1],
        .stride_h = s->stride[0],
        .stride_w = s->stride[1],
        .activation = act_name(s->act),
        .output_bytes = tensor_bytes(&p->tensors[s->out]),
    };
    for (int k = 0; k < s->n_in; k++) info->input_bytes += tensor_bytes(&p->tensors[s->in[k]]);
    count_work(p, s, &info->multiply_adds, &info->weight_bytes);
    return ITX_OK;
}
