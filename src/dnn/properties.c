/* SPDX-License-Identifier: Apache-2.0 */
#include "dnn/properties.h"

#include <stdint.h>
#include <string.h>

static hbDNNTensorShape shape_of(int a, int b, int c)
{
    return (hbDNNTensorShape){.dimensionSize = {1, a, b, c}, .numDimensions = 4};
}

/* Strides and size of dense elements of `size` bytes. */
static bool set_dense(hbDNNTensorProperties *p, int size)
{
    int64_t stride = size;
    p->alignedShape = p->validShape;
    for (int i = 3; i >= 0; i--) {
        if (stride > INT32_MAX) return false;
        p->stride[i] = (int32_t)stride;
        stride *= p->validShape.dimensionSize[i];
    }
    p->alignedByteSize = (int32_t)stride;
    return stride <= INT32_MAX;
}

/* A picture whose Y has rows of a multiple of 16 bytes, and UV behind it rows as long. */
static bool set_planes(hbDNNTensorProperties *p, int h, int w, int n_rows)
{
    const int64_t row = ((int64_t)w + 15) / 16 * 16;
    p->alignedShape = p->validShape;
    p->alignedShape.dimensionSize[3] = (int32_t)row;
    p->alignedByteSize = (int32_t)(row * n_rows);
    return h > 0 && row * n_rows <= INT32_MAX;
}

bool properties_of_input(const struct itx_input_info *in, hbDNNTensorProperties *p)
{
    const int h = in->height, w = in->width, c = in->channels;
    memset(p, 0, sizeof *p);
    p->tensorLayout = HB_DNN_LAYOUT_NCHW;
    p->validShape = shape_of(c, h, w);
    switch (in->format) {
    case ITX_IMAGE_NV12:
        p->tensorType = HB_DNN_IMG_TYPE_NV12;
        return set_planes(p, h, w, h + (h + 1) / 2);
    case ITX_IMAGE_GRAY:
        p->tensorType = HB_DNN_IMG_TYPE_Y;
        return set_planes(p, h, w, h);
    case ITX_IMAGE_RGB:
        p->tensorType = HB_DNN_IMG_TYPE_RGB;
        break;
    case ITX_IMAGE_BGR:
        p->tensorType = HB_DNN_IMG_TYPE_BGR;
        break;
    case ITX_IMAGE_YUV444:
        p->tensorType = HB_DNN_IMG_TYPE_YUV444;
        break;
    case ITX_IMAGE_NONE:
    case ITX_IMAGE_RGBA: /* no model takes it */
        p->tensorType = HB_DNN_TENSOR_TYPE_F32;
        return set_dense(p, (int)sizeof(float));
    }
    p->tensorLayout = HB_DNN_LAYOUT_NHWC;
    p->validShape = shape_of(h, w, c);
    return set_dense(p, 1);
}

int32_t properties_source(const struct itx_input_info *in)
{
    return in->format == ITX_IMAGE_NV12 || in->format == ITX_IMAGE_GRAY ? HB_DNN_INPUT_FROM_PYRAMID
                                                                        : HB_DNN_INPUT_FROM_DDR;
}

static int element_size(enum itx_dtype dtype)
{
    return dtype == ITX_S8 ? 1 : dtype == ITX_S16 ? 2 : 4;
}

bool properties_of_output(const struct itx_tensor_info *out, const struct itx_step_info *last,
                          hbDNNTensorProperties *p)
{
    memset(p, 0, sizeof *p);
    p->validShape = shape_of(out->height, out->width, out->channels);
    /* The board calls what a convolution with several channels writes NHWC and all else NCHW; it always lies as NHWC. */
    const bool is_conv =
        last != NULL && strcmp(last->kind, "Conv") == 0 && strcmp(last->activation, "none") == 0;
    p->tensorLayout = is_conv && out->channels > 1 ? HB_DNN_LAYOUT_NHWC : HB_DNN_LAYOUT_NCHW;
    if (properties_is_float(out)) {
        p->tensorType = HB_DNN_TENSOR_TYPE_F32;
        return set_dense(p, (int)sizeof(float));
    }
    p->tensorType = out->dtype == ITX_S8    ? HB_DNN_TENSOR_TYPE_S8
                    : out->dtype == ITX_S16 ? HB_DNN_TENSOR_TYPE_S16
                    : out->dtype == ITX_S32 ? HB_DNN_TENSOR_TYPE_S32
                                            : HB_DNN_TENSOR_TYPE_F32;
    p->quantiType = SCALE;
    p->scale.scaleLen = p->scale.zeroPointLen = out->n_quant;
    p->quantizeAxis = out->n_quant > 1 ? 3 : 0;
    return set_dense(p, element_size(out->dtype));
}
