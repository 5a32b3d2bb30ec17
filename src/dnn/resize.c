/* SPDX-License-Identifier: Apache-2.0
 *
 * hbDNNResize: a task without a network.
 */
#include "base/mem.h"
#include "dnn/log.h"
#include "dnn/picture.h"
#include "dnn/task.h"

struct resize {
    struct job job;
    struct dnn_picture from, to;
    struct dnn_picture_part part;
};

static void destroy(struct job *job)
{
    struct resize *const r = (struct resize *)job;
    dnn_picture_release(&r->from);
    dnn_picture_release(&r->to);
    mem_free(r);
}

static int32_t run(struct job *job, struct dnn_session *session)
{
    const struct resize *const r = (struct resize *)job;
    (void)session;
    dnn_picture_scale(&r->from, &r->part, &r->to);
    return HB_DNN_SUCCESS;
}

static bool is_within(const hbDNNRoi *roi, const struct dnn_picture *p)
{
    return roi->left >= 0 && roi->top >= 0 && roi->left <= roi->right && roi->top <= roi->bottom &&
           roi->right < p->w && roi->bottom < p->h;
}

static int32_t prepare(struct resize *r, const hbDNNTensor *output, const hbDNNTensor *input,
                       const hbDNNRoi *roi)
{
    int32_t code = dnn_picture_of("hbDNNResize: input", input, &r->from);
    if (code == HB_DNN_SUCCESS) code = dnn_picture_of("hbDNNResize: output", output, &r->to);
    if (code != HB_DNN_SUCCESS) return code;
    if (r->from.type != r->to.type || r->from.n_planes != r->to.n_planes)
        return dnn_fail(HB_DNN_INVALID_ARGUMENT,
                        "hbDNNResize: input and output have different types or layouts");
    if (roi != NULL && !is_within(roi, &r->from))
        return dnn_fail(HB_DNN_INVALID_ARGUMENT, "hbDNNResize: the part is not within the picture");
    r->part = (struct dnn_picture_part){0, 0, r->from.w, r->from.h};
    if (roi != NULL)
        r->part = (struct dnn_picture_part){roi->left, roi->top, roi->right - roi->left + 1,
                                            roi->bottom - roi->top + 1};
    return HB_DNN_SUCCESS;
}

int32_t hbDNNResize(hbDNNTaskHandle_t *task, hbDNNTensor *output, const hbDNNTensor *input,
                    const hbDNNRoi *roi, hbDNNResizeCtrlParam *param)
{
    if (task == NULL || output == NULL || input == NULL || param == NULL ||
        param->bpuCoreId < HB_BPU_CORE_ANY || param->bpuCoreId > HB_BPU_CORE_1 ||
        param->priority < HB_DNN_PRIORITY_LOWEST || param->priority > HB_DNN_PRIORITY_HIGHEST ||
        param->resizeType != HB_DNN_RESIZE_TYPE_BILINEAR)
        return dnn_fail(HB_DNN_INVALID_ARGUMENT,
                        "hbDNNResize: an argument is NULL, or the parameters are out of range");
    struct resize *const r = mem_calloc(1, sizeof *r);
    if (r == NULL) return dnn_fail(HB_DNN_OUT_OF_MEMORY, "hbDNNResize: out of memory");
    r->job = (struct job){.run = run, .destroy = destroy};
    const struct job_order order = {.priority = param->priority};
    int32_t code = prepare(r, output, input, roi);
    if (code == HB_DNN_SUCCESS) code = task_add("hbDNNResize", task, &r->job, &order);
    if (code != HB_DNN_SUCCESS) destroy(&r->job);
    return code;
}
