/* SPDX-License-Identifier: Apache-2.0
 *
 * hbDNNInfer and hbDNNRoiInfer: everything the program gives is checked and its memory kept before there is a task, so that
 * a task can only fail for want of memory.
 */
#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "dnn/log.h"
#include "dnn/picture.h"
#include "dnn/task.h"

/* Of the board's resizer. */
#define ROI_LEAST 2
#define ROI_MOST 4096
#define ROI_MOST_STEP 262143

/* One run of a network, or one for each part of pictures. */
struct infer {
    struct job job;
    int n_pictures;
    struct dnn_picture
        *pictures; /* [n_pictures] the network's input, or the pictures that parts are taken from */
    struct dnn_picture_part *part; /* [n_pictures]; NULL: the picture is what the network takes */
    uint8_t *scaled;               /* one part, as the network takes it */
    struct itx_numbers *numbers;   /* [inputs], of networks that take no pictures */
    void **outputs;                /* [outputs], results one after another */
    int n_blocks;
    struct sys_block **blocks; /* memory of numbers and outputs */
    uint64_t submit_ns;
};

static struct infer *infer_of(struct job *job)
{
    return (struct infer *)job;
}

static void destroy(struct job *job)
{
    struct infer *const f = infer_of(job);
    for (int i = 0; i < f->n_pictures; i++) dnn_picture_release(&f->pictures[i]);
    for (int i = 0; i < f->n_blocks; i++) sys_unpin(f->blocks[i]);
    mem_free(f->pictures);
    mem_free(f->part);
    mem_free_aligned(f->scaled);
    mem_free(f->numbers);
    mem_free(f->outputs);
    mem_free(f->blocks);
    mem_free(f);
}

/* ---- running ---- */

static struct itx_image image_of(const struct dnn_picture *p, const struct itx_input_info *in)
{
    return (struct itx_image){
        .format = in->format,
        .range = in->range,
        .width = p->w,
        .height = p->h,
        .plane = {p->plane[0].data, p->plane[1].data},
        .stride = {p->plane[0].row, p->plane[1].row},
    };
}

/* A picture of the network's size in f->scaled. */
static struct dnn_picture scaled_picture(const struct infer *f, const struct itx_input_info *in)
{
    const size_t row = (size_t)in->width, luma = row * (size_t)in->height;
    return (struct dnn_picture){
        .w = in->width,
        .h = in->height,
        .n_planes = in->format == ITX_IMAGE_NV12 ? 2 : 1,
        .plane = {{f->scaled, row, 1, 0}, {f->scaled + luma, (row + 1) / 2 * 2, 2, 1}},
    };
}

static itx_status run_once(const struct infer *f, int i, itx_session *session,
                           struct itx_error *err)
{
    const struct dnn_model *const m = f->job.model;
    if (f->numbers != NULL) return itx_session_run_numbers(session, f->numbers, m->n_inputs, err);
    const struct itx_input_info *const in = &m->inputs[0].info;
    struct itx_image image = image_of(&f->pictures[i], in);
    if (f->part != NULL) {
        const struct dnn_picture scaled = scaled_picture(f, in);
        dnn_picture_scale(&f->pictures[i], &f->part[i], &scaled);
        image = image_of(&scaled, in);
    }
    return itx_session_run(session, &image, err);
}

/* Where output k of result i goes. */
static void *place_of(const struct infer *f, int i, int k)
{
    return (uint8_t *)f->outputs[k] + (size_t)i * dnn_output_size(&f->job.model->outputs[k]);
}

enum where { TO_THE_PROGRAM, TO_THE_SESSION };

/* An output that the network cannot write to the program's memory is copied instead. */
static void bind_outputs(const struct infer *f, int i, itx_session *session, enum where where)
{
    const struct dnn_model *const m = f->job.model;
    for (int k = 0; k < m->n_outputs; k++) {
        void *const to = place_of(f, i, k);
        if (!dnn_output_is_direct(&m->outputs[k], to)) continue;
        itx_session_bind_output(session, k, where == TO_THE_PROGRAM ? to : NULL, NULL);
    }
}

static itx_status write_outputs(const struct infer *f, int i, struct dnn_session *session,
                                struct itx_error *err)
{
    const struct dnn_model *const m = f->job.model;
    struct span *const spans = session->profile.output;
    for (int k = 0; k < m->n_outputs; k++) {
        const uint64_t start = clock_ns();
        ITX_TRY(dnn_output_write(&m->outputs[k], session->session, k, place_of(f, i, k), err));
        if (spans != NULL) span_add(&spans[k], clock_ns() - start);
    }
    return ITX_OK;
}

static void dump(const struct infer *f, int i)
{
    struct dnn_model *const m = f->job.model;
    struct dnn_dump d;
    if (!dnn_dump_begin(&d, &m->record, m->name)) return;
    for (int k = 0; k < m->n_inputs && f->numbers != NULL; k++)
        dnn_dump_bytes(&d, "input", k, m->inputs[k].info.name, f->numbers[k].data,
                       (size_t)m->inputs[k].properties.alignedByteSize);
    if (f->numbers == NULL) {
        const struct itx_input_info *const in = &m->inputs[0].info;
        struct dnn_picture taken = f->part != NULL ? scaled_picture(f, in) : f->pictures[i];
        if (in->format == ITX_IMAGE_GRAY) taken.n_planes = 1; /* of NV12 */
        dnn_dump_picture(&d, in->name, &taken);
    }
    for (int k = 0; k < m->n_outputs; k++)
        dnn_dump_bytes(&d, "output", k, m->outputs[k].stored.name, place_of(f, i, k),
                       dnn_output_size(&m->outputs[k]));
}

/* What the task waited counts for its first frame. */
static void take_times(const struct infer *f, int i, struct dnn_session *session, uint64_t start)
{
    struct dnn_profile *const p = &session->profile;
    if (p->output == NULL) return;
    dnn_profile_add(p, session->session);
    span_add(&p->frame, clock_ns() - start);
    if (i == 0) span_add(&p->pending, start - f->submit_ns);
}

static itx_status run_frame(const struct infer *f, int i, struct dnn_session *session,
                            struct itx_error *err)
{
    const uint64_t start = clock_ns();
    bind_outputs(f, i, session->session, TO_THE_PROGRAM);
    itx_status rc = run_once(f, i, session->session, err);
    if (rc == ITX_OK) rc = write_outputs(f, i, session, err);
    if (rc == ITX_OK) take_times(f, i, session, start);
    if (rc == ITX_OK) dump(f, i);
    bind_outputs(f, i, session->session, TO_THE_SESSION);
    return rc;
}

static int32_t run(struct job *job, struct dnn_session *session)
{
    const struct infer *const f = infer_of(job);
    struct dnn_model *const m = job->model;
    const int n_runs = f->part != NULL ? f->n_pictures : 1;
    struct itx_error err;
    itx_status rc = ITX_OK;
    dnn_record_begin(&m->record);
    for (int i = 0; i < n_runs && rc == ITX_OK; i++) rc = run_frame(f, i, session, &err);
    dnn_record_end(&m->record);
    if (rc == ITX_OK) return HB_DNN_SUCCESS;
    return dnn_fail(HB_DNN_RUN_TASK_FAILED, "model %s: %s", m->name, err.text);
}

/* ---- checking ---- */

static struct infer *create(struct dnn_model *model, int n_pictures)
{
    struct infer *const f = mem_calloc(1, sizeof *f);
    if (f == NULL) return NULL;
    f->job = (struct job){.model = model, .run = run, .destroy = destroy};
    f->submit_ns = clock_ns();
    const size_t n_in = (size_t)model->n_inputs, n_out = (size_t)model->n_outputs;
    f->pictures = mem_calloc((size_t)n_pictures, sizeof *f->pictures);
    f->outputs = mem_calloc(n_out, sizeof *f->outputs);
    f->blocks = mem_calloc(n_in + n_out, sizeof *f->blocks);
    if (f->pictures != NULL && f->outputs != NULL && f->blocks != NULL) return f;
    destroy(&f->job);
    return NULL;
}

static int32_t no_memory(const char *function)
{
    return dnn_fail(HB_DNN_OUT_OF_MEMORY, "%s: out of memory", function);
}

/* Memory of floats or integers, which begins at a multiple of `align`. */
static int32_t keep(const char *function, const char *what, int i, const hbSysMem *mem, size_t size,
                    size_t align, struct infer *f)
{
    if (mem->virAddr != NULL && mem->memSize < size)
        return dnn_fail(HB_DNN_INVALID_ARGUMENT,
                        "%s: %s %d: tensor aligned shape size is %zu , but tensor hbSysMem memSize "
                        "is %u, tensor hbSysMem memSize should >= tensor aligned shape size!",
                        function, what, i, size, (unsigned)mem->memSize);
    if ((uintptr_t)mem->virAddr % align != 0 || !sys_pin(mem, size, &f->blocks[f->n_blocks]))
        return dnn_fail(HB_DNN_INVALID_ARGUMENT,
                        "%s: %s %d has no memory, or it was freed, or begins at no multiple of "
                        "%zu",
                        function, what, i, align);
    f->n_blocks++;
    return HB_DNN_SUCCESS;
}

static int32_t check_outputs(const char *function, const hbDNNTensor *outputs, int n_results,
                             struct infer *f)
{
    const struct dnn_model *const m = f->job.model;
    for (int i = 0; i < m->n_outputs; i++) {
        const size_t size = dnn_output_size(&m->outputs[i]) * (size_t)n_results;
        const int32_t code = keep(function, "output", i, &outputs[i].sysMem[0], size, 4, f);
        if (code != HB_DNN_SUCCESS) return code;
        f->outputs[i] = outputs[i].sysMem[0].virAddr;
    }
    return HB_DNN_SUCCESS;
}

static bool is_same_shape(const hbDNNTensorShape *a, const hbDNNTensorShape *b)
{
    return a->numDimensions == b->numDimensions &&
           memcmp(a->dimensionSize, b->dimensionSize, 4 * sizeof a->dimensionSize[0]) == 0;
}

static int32_t check_numbers(const char *function, const hbDNNTensor *inputs, struct infer *f)
{
    const struct dnn_model *const m = f->job.model;
    f->numbers = mem_calloc((size_t)m->n_inputs, sizeof *f->numbers);
    if (f->numbers == NULL) return no_memory(function);
    for (int i = 0; i < m->n_inputs; i++) {
        const hbDNNTensorProperties *const is = &inputs[i].properties;
        const hbDNNTensorProperties *const wanted = &m->inputs[i].properties;
        if (is->tensorType != wanted->tensorType ||
            !is_same_shape(&is->validShape, &wanted->validShape) ||
            !is_same_shape(&is->alignedShape, &wanted->validShape))
            return dnn_fail(HB_DNN_INVALID_ARGUMENT, "%s: input %d has another type or shape",
                            function, i);
        const int32_t code = keep(function, "input", i, &inputs[i].sysMem[0],
                                  (size_t)wanted->alignedByteSize, (size_t)wanted->stride[3], f);
        if (code != HB_DNN_SUCCESS) return code;
        const struct itx_input_info *const info = &m->inputs[i].info;
        f->numbers[i] = (struct itx_numbers){info->is_stored ? info->dtype : ITX_F32,
                                             inputs[i].sysMem[0].virAddr};
    }
    return HB_DNN_SUCCESS;
}

static bool fits(const hbDNNTensor *input, const struct dnn_picture *p, const struct dnn_model *m)
{
    const hbDNNTensorProperties *const wanted = &m->inputs[0].properties;
    if (wanted->tensorType == HB_DNN_IMG_TYPE_Y && p->type == HB_DNN_IMG_TYPE_NV12)
        return true; /* its Y plane */
    return p->type == wanted->tensorType && (wanted->tensorLayout != HB_DNN_LAYOUT_NHWC ||
                                             input->properties.tensorLayout == HB_DNN_LAYOUT_NHWC);
}

static int32_t refuse_type(const char *function, int i, const hbDNNTensor *input,
                           const struct dnn_model *m)
{
    const hbDNNTensorProperties *const is = &input->properties;
    const hbDNNTensorProperties *const wanted = &m->inputs[0].properties;
    return dnn_fail(
        HB_DNN_INVALID_ARGUMENT,
        "%s: picture %d has type %d and layout %d, the model takes type %d and layout %d", function,
        i, (int)is->tensorType, (int)is->tensorLayout, (int)wanted->tensorType,
        (int)wanted->tensorLayout);
}

static int32_t check_picture(const char *function, const hbDNNTensor *input, struct infer *f)
{
    const struct dnn_model *const m = f->job.model;
    const struct itx_input_info *const in = &m->inputs[0].info;
    struct dnn_picture *const p = &f->pictures[0];
    const int32_t code = dnn_picture_of(function, input, p);
    if (code != HB_DNN_SUCCESS) return code;
    f->n_pictures = 1;
    if (!fits(input, p, m)) return refuse_type(function, 0, input, m);
    if (p->w != in->width || p->h != in->height)
        return dnn_fail(HB_DNN_INVALID_ARGUMENT,
                        "%s: the input has %dx%d pixels, the model takes %dx%d", function, p->w,
                        p->h, in->width, in->height);
    return HB_DNN_SUCCESS;
}

static bool takes_picture(const struct dnn_model *m)
{
    return m->inputs[0].info.format != ITX_IMAGE_NONE;
}

static int32_t check_part(const char *function, int i, const hbDNNRoi *roi, struct infer *f)
{
    const struct itx_input_info *const in = &f->job.model->inputs[0].info;
    const struct dnn_picture *const p = &f->pictures[i];
    if (roi->left < 0 || roi->top < 0 || roi->right >= p->w || roi->bottom >= p->h ||
        roi->left > roi->right || roi->top > roi->bottom)
        return dnn_fail(HB_DNN_INVALID_ARGUMENT,
                        "%s: part %d (%d, %d) to (%d, %d) is not within %dx%d pixels", function, i,
                        (int)roi->left, (int)roi->top, (int)roi->right, (int)roi->bottom, p->w,
                        p->h);
    const struct dnn_picture_part part = {roi->left, roi->top, roi->right - roi->left + 1,
                                          roi->bottom - roi->top + 1};
    if (part.w < ROI_LEAST || part.h < ROI_LEAST || part.w > ROI_MOST || part.h > ROI_MOST)
        return dnn_fail(HB_DNN_INVALID_ARGUMENT,
                        "%s: part %d has %dx%d pixels, %d to %d are possible", function, i, part.w,
                        part.h, ROI_LEAST, ROI_MOST);
    if (dnn_picture_step(part.w, in->width) > ROI_MOST_STEP ||
        dnn_picture_step(part.h, in->height) > ROI_MOST_STEP)
        return dnn_fail(HB_DNN_INVALID_ARGUMENT,
                        "%s: part %d of %dx%d pixels is more than 4 times the model's %dx%d",
                        function, i, part.w, part.h, in->width, in->height);
    f->part[i] = part;
    return HB_DNN_SUCCESS;
}

static int32_t check_parts(const char *function, const hbDNNTensor *inputs, const hbDNNRoi *rois,
                           int n, struct infer *f)
{
    const struct itx_input_info *const in = &f->job.model->inputs[0].info;
    const size_t w = (size_t)in->width, h = (size_t)in->height;
    f->part = mem_calloc((size_t)n, sizeof *f->part);
    f->scaled = mem_alloc_aligned(64, w * h + (w + 1) / 2 * 2 * ((h + 1) / 2));
    if (f->part == NULL || f->scaled == NULL) return no_memory(function);
    for (int i = 0; i < n; i++) {
        int32_t code = dnn_picture_of(function, &inputs[i], &f->pictures[i]);
        if (code != HB_DNN_SUCCESS) return code;
        f->n_pictures = i + 1;
        if (!fits(&inputs[i], &f->pictures[i], f->job.model))
            return refuse_type(function, i, &inputs[i], f->job.model);
        code = check_part(function, i, &rois[i], f);
        if (code != HB_DNN_SUCCESS) return code;
    }
    return HB_DNN_SUCCESS;
}

static bool read_order(const hbDNNInferCtrlParam *p, struct job_order *order)
{
    if (p == NULL || p->bpuCoreId < HB_BPU_CORE_ANY || p->bpuCoreId > HB_BPU_CORE_1 ||
        p->dspCoreId < HB_DSP_CORE_ANY || p->dspCoreId > HB_DSP_CORE_1 ||
        p->priority < HB_DNN_PRIORITY_LOWEST || p->priority > HB_DNN_PRIORITY_HIGHEST ||
        p->more < 0 || p->more > 1)
        return false;
    *order = (struct job_order){p->priority, p->customId, p->more != 0};
    return true;
}

/* rois NULL: hbDNNInfer. */
static int32_t submit(const char *function, hbDNNTaskHandle_t *task, const hbDNNTensor *outputs,
                      const hbDNNTensor *inputs, const hbDNNRoi *rois, int n,
                      struct dnn_model *model, const struct job_order *order)
{
    struct infer *const f = create(model, n);
    if (f == NULL) return no_memory(function);
    int32_t code = rois != NULL           ? check_parts(function, inputs, rois, n, f)
                   : takes_picture(model) ? check_picture(function, inputs, f)
                                          : check_numbers(function, inputs, f);
    if (code == HB_DNN_SUCCESS) code = check_outputs(function, outputs, n, f);
    if (code == HB_DNN_SUCCESS) code = task_add(function, task, &f->job, order);
    if (code != HB_DNN_SUCCESS) destroy(&f->job);
    return code;
}

int32_t hbDNNInfer(hbDNNTaskHandle_t *task, hbDNNTensor **outputs, const hbDNNTensor *inputs,
                   hbDNNHandle_t handle, hbDNNInferCtrlParam *param)
{
    static const char function[] = "hbDNNInfer";
    struct job_order order;
    if (task == NULL || outputs == NULL || *outputs == NULL || inputs == NULL ||
        !read_order(param, &order))
        return dnn_fail(HB_DNN_INVALID_ARGUMENT,
                        "%s: an argument is NULL, or the parameters are out of range", function);
    struct dnn_model *const m = task_use_model(handle);
    if (m == NULL) return dnn_fail(HB_DNN_INVALID_DNN_HANDLE, "%s: no such model", function);
    const int32_t code = submit(function, task, *outputs, inputs, NULL, 1, m, &order);
    if (code != HB_DNN_SUCCESS) task_leave_model(m);
    return code;
}

int32_t hbDNNRoiInfer(hbDNNTaskHandle_t *task, hbDNNTensor **outputs, const hbDNNTensor *inputs,
                      hbDNNRoi *rois, int32_t n_rois, hbDNNHandle_t handle,
                      hbDNNInferCtrlParam *param)
{
    static const char function[] = "hbDNNRoiInfer";
    struct job_order order;
    if (task == NULL || outputs == NULL || *outputs == NULL || inputs == NULL || rois == NULL ||
        n_rois < 1 || !read_order(param, &order))
        return dnn_fail(HB_DNN_INVALID_ARGUMENT,
                        "%s: an argument is NULL, or the parameters are out of range", function);
    if (n_rois > TASK_MAX_JOBS)
        return dnn_fail(HB_DNN_TASK_BATCH_SIZE_EXCEED_LIMIT, "%s: %d parts, %d are possible",
                        function, (int)n_rois, TASK_MAX_JOBS);
    struct dnn_model *const m = task_use_model(handle);
    if (m == NULL) return dnn_fail(HB_DNN_INVALID_DNN_HANDLE, "%s: no such model", function);
    const enum itx_image_format format = m->inputs[0].info.format;
    int32_t code;
    if (format == ITX_IMAGE_NV12 || format == ITX_IMAGE_GRAY)
        code = submit(function, task, *outputs, inputs, rois, n_rois, m, &order);
    else
        code = dnn_fail(HB_DNN_API_USE_ERROR, "%s: model %s takes no NV12", function, m->name);
    if (code != HB_DNN_SUCCESS) task_leave_model(m);
    return code;
}
