/* SPDX-License-Identifier: Apache-2.0 */
#include "rdk/tensor.h"

#include <inttypes.h>
#include <string.h>

#include "base/format.h"
#include "cmd/terminal.h"
#include "dnn/properties.h"
#include "rdk/rdk_bin.h"

static const char *type_name(int32_t type)
{
    switch ((hbDNNDataType)type) {
#define NAME(id)                                                                                   \
    case HB_DNN_##id:                                                                              \
        return "HB_DNN_" #id;
        NAME(IMG_TYPE_Y)
        NAME(IMG_TYPE_NV12)
        NAME(IMG_TYPE_NV12_SEPARATE)
        NAME(IMG_TYPE_YUV444)
        NAME(IMG_TYPE_RGB)
        NAME(IMG_TYPE_BGR)
        NAME(TENSOR_TYPE_S4)
        NAME(TENSOR_TYPE_U4)
        NAME(TENSOR_TYPE_S8)
        NAME(TENSOR_TYPE_U8)
        NAME(TENSOR_TYPE_F16)
        NAME(TENSOR_TYPE_S16)
        NAME(TENSOR_TYPE_U16)
        NAME(TENSOR_TYPE_F32)
        NAME(TENSOR_TYPE_S32)
        NAME(TENSOR_TYPE_U32)
        NAME(TENSOR_TYPE_F64)
        NAME(TENSOR_TYPE_S64)
        NAME(TENSOR_TYPE_U64)
        NAME(TENSOR_TYPE_MAX)
#undef NAME
    }
    return "";
}

static const char *source_name(int32_t source)
{
    return source == HB_DNN_INPUT_FROM_PYRAMID   ? "HB_DNN_INPUT_FROM_PYRAMID"
           : source == HB_DNN_INPUT_FROM_RESIZER ? "HB_DNN_INPUT_FROM_RESIZER"
                                                 : "HB_DNN_INPUT_FROM_DDR";
}

static enum itx_dtype dtype_of(const struct plan_tensor *p)
{
    return p->dtype == DTYPE_S8 ? ITX_S8 : p->dtype == DTYPE_S16 ? ITX_S16 : ITX_S32;
}

static struct rdk_tensor tensor_of(const char *name, const struct dnn_form *f,
                                   const struct plan_tensor *p)
{
    struct rdk_tensor t = {
        .name = name,
        .type = type_name(f->type),
        .layout = f->layout == HB_DNN_LAYOUT_NHWC ? "NHWC" : "NCHW",
        .byte_size = f->size,
        .is_float = dnn_form_is_float(f),
        .n_scales = f->n_scales,
        .axis = f->axis,
        .scale = p->scale,
        .zero_point = p->zero_point,
    };
    memcpy(t.shape, f->valid, sizeof t.shape);
    memcpy(t.aligned, f->aligned, sizeof t.aligned);
    memcpy(t.stride, f->stride, sizeof t.stride);
    return t;
}

enum itx_image_format rdk_input_format(enum plan_input_kind kind)
{
    switch (kind) {
    case PLAN_INPUT_NV12:
        return ITX_IMAGE_NV12;
    case PLAN_INPUT_RGB:
        return ITX_IMAGE_RGB;
    case PLAN_INPUT_BGR:
        return ITX_IMAGE_BGR;
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

enum itx_dtype rdk_input_dtype(const struct plan *plan, int i)
{
    const struct plan_input *const in = &plan->inputs[i];
    return in->is_stored ? dtype_of(&plan->tensors[in->tensor]) : ITX_F32;
}

struct rdk_tensor rdk_input(const struct plan *plan, int i)
{
    const struct plan_input *const in = &plan->inputs[i];
    const struct plan_tensor *const p = &plan->tensors[in->tensor];
    const struct itx_input_info info = {.format = rdk_input_format(in->kind),
                                        .height = p->h,
                                        .width = p->w,
                                        .channels = p->c,
                                        .dtype = dtype_of(p),
                                        .n_quant = p->n_quant,
                                        .is_stored = in->is_stored};
    const struct dnn_form form = dnn_form_of_input(&info);
    struct rdk_tensor t = tensor_of(in->name, &form, p);
    t.source = source_name(form.source);
    return t;
}

struct rdk_tensor rdk_output(const struct plan *plan, int i)
{
    const struct plan_output *const out = &plan->outputs[i];
    const struct plan_tensor *const p = &plan->tensors[out->tensor];
    const struct plan_step *const s = rdk_writer(plan, out->tensor);
    const struct itx_tensor_info info = {
        .dtype = dtype_of(p),
        .height = p->h,
        .width = p->w,
        .channels = p->c,
        .n_quant = p->n_quant,
        .dequantize = out->dequantize,
    };
    const struct itx_step_info last = {.kind = s != NULL ? step_kind_name(s->kind) : "",
                                       .activation = s != NULL ? act_name(s->act) : ""};
    const struct dnn_form form = dnn_form_of_output(&info, &last);
    return tensor_of(out->name, &form, p);
}

static void print_shape(const char *name, const int *shape, FILE *out)
{
    fprintf(out, "%s: (%d,%d,%d,%d,)\n", name, shape[0], shape[1], shape[2], shape[3]);
}

static void print_scales(const struct rdk_tensor *t, FILE *out)
{
    bool has_zero_points = false;
    fprintf(out, "scale data: ");
    for (int i = 0; i < t->n_scales; i++) {
        format_file(out, "%g,", (double)t->scale[i]);
        has_zero_points = has_zero_points || t->zero_point[i] != 0;
    }
    fprintf(out, "\n");
    if (has_zero_points) {
        fprintf(out, "zero point data: ");
        for (int i = 0; i < t->n_scales; i++) fprintf(out, "%" PRId32 ",", t->zero_point[i]);
        fprintf(out, "\n");
    }
    if (t->n_scales > 1) fprintf(out, "quantizeAxis: %d\n", t->axis);
}

void rdk_print_tensor(const struct rdk_tensor *t, const char *kind, int i, FILE *out)
{
    fprintf(out, "%s[%d]: \nname: ", kind, i);
    print_safely(out, t->name);
    fprintf(out, "\n");
    if (t->source != NULL) fprintf(out, "input source: %s\n", t->source);
    print_shape("valid shape", t->shape, out);
    print_shape("aligned shape", t->aligned, out);
    fprintf(out, "aligned byte size: %" PRIu64 "\n", t->byte_size);
    fprintf(out, "tensor type: %s\ntensor layout: HB_DNN_LAYOUT_%s\nquanti type: %s\n", t->type,
            t->layout, t->n_scales > 0 ? "SCALE" : "NONE");
    fprintf(out, "stride: (%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",)\n", t->stride[0],
            t->stride[1], t->stride[2], t->stride[3]);
    if (t->n_scales > 0) print_scales(t, out);
}
