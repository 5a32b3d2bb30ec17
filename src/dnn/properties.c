/* SPDX-License-Identifier: Apache-2.0 */
#include "dnn/properties.h"

#include <string.h>

static void set_shape(struct dnn_form *f, int a, int b, int c)
{
    const int shape[] = {1, a, b, c};
    memcpy(f->valid, shape, sizeof shape);
    memcpy(f->aligned, shape, sizeof shape);
}

/* Strides and size of dense elements of `size` bytes. */
static void set_dense(struct dnn_form *f, int size)
{
    f->size = (uint64_t)size;
    for (int i = 3; i >= 0; i--) {
        f->stride[i] = f->size;
        f->size *= (uint64_t)f->valid[i];
    }
}

/* A picture whose Y has rows of a multiple of 16 bytes, and UV behind it rows as long; n_rows in all. */
static void set_planes(struct dnn_form *f, int n_rows)
{
    f->source = HB_DNN_INPUT_FROM_PYRAMID;
    f->aligned[3] = (f->valid[3] + 15) / 16 * 16;
    f->size = (uint64_t)f->aligned[3] * (uint64_t)n_rows;
}

struct dnn_form dnn_form_of_input(const struct itx_input_info *in)
{
    const int h = in->height, w = in->width, c = in->channels;
    struct dnn_form f = {.layout = HB_DNN_LAYOUT_NCHW, .source = HB_DNN_INPUT_FROM_DDR};
    set_shape(&f, c, h, w);
    switch (in->format) {
    case ITX_IMAGE_NV12:
        f.type = HB_DNN_IMG_TYPE_NV12;
        set_planes(&f, h + (h + 1) / 2);
        return f;
    case ITX_IMAGE_GRAY:
        f.type = HB_DNN_IMG_TYPE_Y;
        set_planes(&f, h);
        return f;
    case ITX_IMAGE_RGB:
        f.type = HB_DNN_IMG_TYPE_RGB;
        break;
    case ITX_IMAGE_BGR:
        f.type = HB_DNN_IMG_TYPE_BGR;
        break;
    case ITX_IMAGE_YUV444:
        f.type = HB_DNN_IMG_TYPE_YUV444;
        break;
    case ITX_IMAGE_NONE:
    case ITX_IMAGE_RGBA: /* no model takes it */
        f.type = HB_DNN_TENSOR_TYPE_F32;
        set_dense(&f, (int)sizeof(float));
        return f;
    }
    f.layout = HB_DNN_LAYOUT_NHWC;
    set_shape(&f, h, w, c);
    set_dense(&f, 1);
    return f;
}

/* The board calls what a convolution with several channels writes NHWC and all else NCHW; it always lies as NHWC. */
static int32_t layout_of(const struct itx_tensor_info *out, const struct itx_step_info *last)
{
    const bool is_conv =
        last != NULL && strcmp(last->kind, "Conv") == 0 && strcmp(last->activation, "none") == 0;
    return is_conv && out->channels > 1 ? HB_DNN_LAYOUT_NHWC : HB_DNN_LAYOUT_NCHW;
}

struct dnn_form dnn_form_of_output(const struct itx_tensor_info *out,
                                   const struct itx_step_info *last)
{
    struct dnn_form f = {.layout = layout_of(out, last), .type = HB_DNN_TENSOR_TYPE_F32};
    int size = (int)sizeof(float);
    set_shape(&f, out->height, out->width, out->channels);
    if (out->dequantize[0] == '\0') {
        f.n_scales = out->n_quant;
        switch (out->dtype) {
        case ITX_S8:
            f.type = HB_DNN_TENSOR_TYPE_S8;
            size = 1;
            break;
        case ITX_S16:
            f.type = HB_DNN_TENSOR_TYPE_S16;
            size = 2;
            break;
        case ITX_S32:
            f.type = HB_DNN_TENSOR_TYPE_S32;
            break;
        case ITX_F32:
            break;
        }
    }
    set_dense(&f, size);
    return f;
}

bool dnn_form_properties(const struct dnn_form *f, hbDNNTensorProperties *p)
{
    memset(p, 0, sizeof *p);
    p->tensorType = f->type;
    p->tensorLayout = f->layout;
    p->validShape.numDimensions = p->alignedShape.numDimensions = 4;
    for (int i = 0; i < 4; i++) {
        if (f->stride[i] > INT32_MAX) return false;
        p->validShape.dimensionSize[i] = f->valid[i];
        p->alignedShape.dimensionSize[i] = f->aligned[i];
        p->stride[i] = (int32_t)f->stride[i];
    }
    if (f->size > INT32_MAX) return false;
    p->alignedByteSize = (int32_t)f->size;
    if (f->n_scales == 0) return true;
    p->quantiType = SCALE;
    p->scale.scaleLen = p->scale.zeroPointLen = f->n_scales;
    p->quantizeAxis = f->n_scales > 1 ? 3 : 0;
    return true;
}
