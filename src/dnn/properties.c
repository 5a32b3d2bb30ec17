/* SPDX-License-Identifier: Apache-2.0 */
#include "dnn/properties.h"

#include <string.h>

#include "base/mem.h"
#include "base/status.h"

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

/* The type of stored integers; their size in *size. */
static int32_t type_of(enum itx_dtype dtype, int *size)
{
    *size = dtype == ITX_S8 ? 1 : dtype == ITX_S16 ? 2 : 4;
    return dtype == ITX_S8    ? HB_DNN_TENSOR_TYPE_S8
           : dtype == ITX_S16 ? HB_DNN_TENSOR_TYPE_S16
           : dtype == ITX_S32 ? HB_DNN_TENSOR_TYPE_S32
                              : HB_DNN_TENSOR_TYPE_F32;
}

static void set_numbers(struct dnn_form *f, const struct itx_input_info *in)
{
    int size;
    f->type = type_of(in->is_stored ? in->dtype : ITX_F32, &size);
    f->n_scales = in->is_stored ? in->n_quant : 0;
    f->axis = f->n_scales > 1 ? 1 : 0;
    set_dense(f, size);
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
        set_numbers(&f, in);
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
    const bool is_float = out->dequantize[0] != '\0';
    int size;
    struct dnn_form f = {.layout = layout_of(out, last),
                         .type = type_of(is_float ? ITX_F32 : out->dtype, &size),
                         .n_scales = is_float ? 0 : out->n_quant};
    f.axis = f.n_scales > 1 ? 3 : 0;
    set_shape(&f, out->height, out->width, out->channels);
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
    p->quantizeAxis = f->axis;
    return true;
}

itx_status dnn_scales_init(hbDNNTensorProperties *p, int channels, const float *scale,
                           const int32_t *zero_point, struct itx_error *err)
{
    hbDNNQuantiScale *const q = &p->scale;
    if (p->quantiType != SCALE) return ITX_OK;
    q->scaleData = mem_calloc((size_t)channels, sizeof *q->scaleData);
    q->zeroPointData = mem_calloc((size_t)channels, 1);
    if (q->scaleData == NULL || q->zeroPointData == NULL)
        return itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (int i = 0; i < channels; i++) {
        q->scaleData[i] = scale[q->scaleLen > 1 ? i : 0];
        q->zeroPointData[i] = (int8_t)zero_point[q->scaleLen > 1 ? i : 0];
    }
    return ITX_OK;
}

void dnn_scales_release(hbDNNTensorProperties *p)
{
    mem_free(p->scale.scaleData);
    mem_free(p->scale.zeroPointData);
    p->scale = (hbDNNQuantiScale){0};
}
