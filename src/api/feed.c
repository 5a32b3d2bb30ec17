/* SPDX-License-Identifier: Apache-2.0 */
#include "api/feed.h"

#include <math.h>

#include "base/status.h"

#define MAX_RANDOM 10000

static itx_status check_formats(const struct itx_build_options *o, struct itx_error *err)
{
    const enum itx_image_format in = o->input_format, train = o->train_format;
    if (in != ITX_IMAGE_NONE && in != ITX_IMAGE_RGB && in != ITX_IMAGE_BGR &&
        in != ITX_IMAGE_NV12 && in != ITX_IMAGE_YUV444 && in != ITX_IMAGE_GRAY)
        return itx_fail(err, ITX_E_INVAL,
                        "input format: RGB, BGR, NV12, YUV444, GRAY or none is possible");
    if (train != ITX_IMAGE_NONE && train != ITX_IMAGE_RGB && train != ITX_IMAGE_BGR &&
        train != ITX_IMAGE_YUV444 && train != ITX_IMAGE_GRAY)
        return itx_fail(err, ITX_E_INVAL,
                        "format of training: RGB, BGR, YUV444 or GRAY is possible");
    if (train == ITX_IMAGE_NONE) return ITX_OK;
    if (in == ITX_IMAGE_NONE)
        return itx_fail(err, ITX_E_INVAL,
                        "format of training: the input is no picture, so it has none");
    if ((train == ITX_IMAGE_GRAY) != (in == ITX_IMAGE_GRAY))
        return itx_fail(err, ITX_E_INVAL,
                        "grey and coloured: a network that was trained with the one cannot be fed "
                        "with the other");
    if (train == ITX_IMAGE_YUV444 && (in == ITX_IMAGE_RGB || in == ITX_IMAGE_BGR))
        return itx_fail(err, ITX_E_INVAL,
                        "a network that was trained with YUV444 can be fed with YUV444 or NV12");
    return ITX_OK;
}

static itx_status check_numbers(const struct itx_build_options *o, struct itx_error *err)
{
    if (o->n_mean < 0 || o->n_scale < 0 || (o->n_mean > 0 && o->mean == NULL) ||
        (o->n_scale > 0 && o->scale == NULL))
        return itx_fail(err, ITX_E_INVAL, "mean or scale: the numbers are not there");
    if ((o->n_mean > 0 || o->n_scale > 0) && o->input_format == ITX_IMAGE_NONE)
        return itx_fail(err, ITX_E_INVAL,
                        "mean and scale belong to pictures, and the input is none");
    for (int i = 0; i < o->n_mean; i++)
        if (!(fabsf(o->mean[i]) <= 65535))
            return itx_fail(err, ITX_E_RANGE, "mean %g: -65535 to 65535 is possible",
                            (double)o->mean[i]);
    for (int i = 0; i < o->n_scale; i++)
        if (!(o->scale[i] >= 1e-9f && o->scale[i] <= 1e9f))
            return itx_fail(err, ITX_E_RANGE, "scale %g: 1e-9 to 1e9 is possible",
                            (double)o->scale[i]);
    return ITX_OK;
}

static itx_status check_texts(const char *const *texts, int n, const char *what,
                              struct itx_error *err)
{
    if (n < 0) return itx_fail(err, ITX_E_INVAL, "%d %ss", n, what);
    for (int i = 0; i < n; i++)
        if (texts == NULL || texts[i] == NULL)
            return itx_fail(err, ITX_E_INVAL, "%s %d is NULL", what, i);
    return ITX_OK;
}

static itx_status check_data(const struct itx_build_options *o, struct itx_error *err)
{
    ITX_TRY(check_texts(o->images, o->n_images, "calibration picture", err));
    ITX_TRY(check_texts(o->tensors, o->n_tensors, "calibration file", err));
    if ((int)o->tensors_type < ITX_TENSOR_F32 || o->tensors_type > ITX_TENSOR_S32)
        return itx_fail(err, ITX_E_INVAL, "unknown type %d of calibration files",
                        (int)o->tensors_type);
    if (o->random < 0 || o->random > MAX_RANDOM)
        return itx_fail(err, ITX_E_RANGE, "%d made-up inputs: up to %d are possible", o->random,
                        MAX_RANDOM);
    const int n_kinds = (o->n_images > 0) + (o->n_tensors > 0) + (o->random > 0);
    if (n_kinds == 0) return itx_fail(err, ITX_E_INVAL, "there are no calibration pictures");
    if (n_kinds > 1)
        return itx_fail(err, ITX_E_INVAL,
                        "calibration data: either pictures, or files of numbers, or made-up "
                        "inputs");
    if (o->n_images > 0 && o->input_format == ITX_IMAGE_NONE)
        return itx_fail(err, ITX_E_INVAL,
                        "calibration pictures: the input is none; files of numbers are needed");
    return ITX_OK;
}

/* What the compiler cannot do yet. */
static itx_status refuse_unfinished(const struct itx_build_options *o, struct itx_error *err)
{
    if (o->input_format != ITX_IMAGE_RGB && o->input_format != ITX_IMAGE_BGR &&
        o->input_format != ITX_IMAGE_NV12)
        return itx_fail(err, ITX_E_UNSUPPORTED, "input format: RGB, BGR or NV12 is possible");
    if (o->train_format != ITX_IMAGE_NONE && o->train_format != ITX_IMAGE_RGB)
        return itx_fail(err, ITX_E_UNSUPPORTED, "format of training: RGB is possible");
    if (o->n_mean > 0 || o->n_scale > 0)
        return itx_fail(err, ITX_E_UNSUPPORTED, "mean and scale are not possible yet");
    if (o->n_tensors > 0 || o->random > 0)
        return itx_fail(err, ITX_E_UNSUPPORTED, "calibration with pictures only is possible");
    if (o->n_output_nodes > 0)
        return itx_fail(err, ITX_E_UNSUPPORTED, "choosing output nodes is not possible yet");
    return ITX_OK;
}

itx_status feed_check(const struct itx_build_options *o, struct itx_error *err)
{
    ITX_TRY(check_formats(o, err));
    ITX_TRY(check_numbers(o, err));
    ITX_TRY(check_data(o, err));
    ITX_TRY(check_texts(o->output_nodes, o->n_output_nodes, "output node", err));
    return refuse_unfinished(o, err);
}
