/* SPDX-License-Identifier: Apache-2.0 */
#include "rdk/tensor.h"

#include <inttypes.h>

#include "cmd/terminal.h"
#include "rdk/rdk_bin.h"

static void set_shape(struct rdk_tensor *t, int a, int b, int c, int size)
{
    const int shape[] = {1, a, b, c};
    uint64_t stride = (uint64_t)size;
    for (int i = 3; i >= 0; i--) {
        t->shape[i] = shape[i];
        t->stride[i] = stride;
        stride *= (uint64_t)shape[i];
    }
    t->byte_size = stride;
}

struct rdk_tensor rdk_input(const struct plan *plan, int i)
{
    const struct plan_input *const in = &plan->inputs[i];
    const struct plan_tensor *const p = &plan->tensors[in->tensor];
    struct rdk_tensor t = {.name = in->name, .source = "HB_DNN_INPUT_FROM_DDR", .layout = "NHWC"};
    switch (in->kind) {
    case PLAN_INPUT_NV12:
        t.source = "HB_DNN_INPUT_FROM_PYRAMID";
        t.type = "HB_DNN_IMG_TYPE_NV12";
        t.layout = "NCHW";
        set_shape(&t, p->c, p->h, p->w, 1);
        memset(t.stride, 0, sizeof t.stride);
        t.byte_size = (uint64_t)p->h * (((uint64_t)p->w + 15) & ~(uint64_t)15) * 3 / 2;
        return t;
    case PLAN_INPUT_RGB:
        t.type = "HB_DNN_IMG_TYPE_RGB";
        set_shape(&t, p->h, p->w, p->c, 1);
        return t;
    case PLAN_INPUT_BGR:
        t.type = "HB_DNN_IMG_TYPE_BGR";
        set_shape(&t, p->h, p->w, p->c, 1);
        return t;
    case PLAN_INPUT_YUV444:
        t.type = "HB_DNN_IMG_TYPE_YUV444";
        set_shape(&t, p->h, p->w, p->c, 1);
        return t;
    case PLAN_INPUT_GRAY:
        t.type = "HB_DNN_IMG_TYPE_Y";
        set_shape(&t, p->h, p->w, p->c, 1);
        return t;
    case PLAN_INPUT_TENSOR:
    case PLAN_INPUT_KIND_COUNT:
        break;
    }
    t.type = "HB_DNN_TENSOR_TYPE_F32";
    t.layout = "NCHW";
    t.is_float = true;
    set_shape(&t, p->c, p->h, p->w, 4);
    return t;
}

/* The board's tools call the outputs of convolutions with several channels NHWC and all others NCHW. */
static const char *output_layout(const struct plan *plan, const struct plan_output *output)
{
    const struct plan_step *const s = rdk_writer(plan, output->tensor);
    const struct plan_tensor *const p = &plan->tensors[output->tensor];
    return s != NULL && s->kind == STEP_CONV && s->act == ACT_NONE && p->c > 1 ? "NHWC" : "NCHW";
}

struct rdk_tensor rdk_output(const struct plan *plan, int i)
{
    const struct plan_output *const out = &plan->outputs[i];
    const struct plan_tensor *const p = &plan->tensors[out->tensor];
    struct rdk_tensor t = {.name = out->name, .layout = output_layout(plan, out)};
    if (rdk_is_float_output(out)) {
        t.is_float = true;
        t.type = "HB_DNN_TENSOR_TYPE_F32";
    } else {
        t.type = p->dtype == DTYPE_S8    ? "HB_DNN_TENSOR_TYPE_S8"
                 : p->dtype == DTYPE_S16 ? "HB_DNN_TENSOR_TYPE_S16"
                                         : "HB_DNN_TENSOR_TYPE_S32";
        t.n_scales = p->n_quant;
        t.scale = p->scale;
        t.zero_point = p->zero_point;
    }
    set_shape(&t, p->h, p->w, p->c, t.is_float ? 4 : dtype_size(p->dtype));
    return t;
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
        fprintf(out, "%g,", (double)t->scale[i]);
        has_zero_points = has_zero_points || t->zero_point[i] != 0;
    }
    fprintf(out, "\n");
    if (has_zero_points) {
        fprintf(out, "zero point data: ");
        for (int i = 0; i < t->n_scales; i++) fprintf(out, "%" PRId32 ",", t->zero_point[i]);
        fprintf(out, "\n");
    }
    if (t->n_scales > 1) fprintf(out, "quantizeAxis: 3\n");
}

void rdk_print_tensor(const struct rdk_tensor *t, const char *kind, int i, FILE *out)
{
    fprintf(out, "%s[%d]: \nname: ", kind, i);
    print_safely(out, t->name);
    fprintf(out, "\n");
    if (t->source != NULL) fprintf(out, "input source: %s\n", t->source);
    print_shape("valid shape", t->shape, out);
    print_shape("aligned shape", t->shape, out);
    fprintf(out, "aligned byte size: %" PRIu64 "\n", t->byte_size);
    fprintf(out, "tensor type: %s\ntensor layout: HB_DNN_LAYOUT_%s\nquanti type: %s\n", t->type,
            t->layout, t->n_scales > 0 ? "SCALE" : "NONE");
    fprintf(out, "stride: (%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",)\n", t->stride[0],
            t->stride[1], t->stride[2], t->stride[3]);
    if (t->n_scales > 0) print_scales(t, out);
}
