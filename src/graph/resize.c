/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/resize.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "graph/operands.h"

static const char *const mode_names[] = {"nearest", "linear", "cubic"};
static const char *const coordinate_names[] = {"half_pixel",           "pytorch_half_pixel",
                                               "half_pixel_symmetric", "align_corners",
                                               "asymmetric",           "tf_crop_and_resize"};
static const char *const rounding_names[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                             "ceil"};

static itx_status choose(const struct node *n, enum attr_id id, const char *const *names,
                         int n_names, int *out, struct itx_error *err)
{
    const char *text = node_text(n, id, names[0]);
    for (*out = 0; *out < n_names; ++*out)
        if (strcmp(text, names[*out]) == 0) return ITX_OK;
    return itx_fail(err, ITX_E_UNSUPPORTED, "%s '%s' is unknown", attr_info(id)->name, text);
}

static itx_status read_scales(const struct tensor *scales, struct resize *r, struct itx_error *err)
{
    if (scales->dtype != DTYPE_F32)
        return itx_fail(err, ITX_E_FORMAT, "scales have type %s, expected f32",
                        dtype_name(scales->dtype));
    for (int i = 0; i < r->in.rank; i++) {
        r->scale[i] = ((const float *)scales->data)[i];
        /* in float, as ONNX Runtime does: 10 * 0.7f is 7 */
        const float d = floorf((float)r->in.dim[i] * r->scale[i]);
        if (!(r->scale[i] > 0) || !(d <= (float)SHAPE_MAX_ELEMENTS))
            return itx_fail(err, ITX_E_RANGE, "scale %g is out of range", (double)r->scale[i]);
        r->out.dim[i] = (int64_t)d;
    }
    return ITX_OK;
}

static itx_status read_sizes(const struct tensor *sizes, struct resize *r, struct itx_error *err)
{
    int n;
    ITX_TRY(operand_ints(sizes, "sizes", SHAPE_MAX_RANK, r->out.dim, &n, err));
    for (int i = 0; i < r->in.rank; i++) {
        if (r->out.dim[i] < 0 || r->out.dim[i] > SHAPE_MAX_ELEMENTS)
            return itx_fail(err, ITX_E_RANGE, "size %" PRId64 " is out of range", r->out.dim[i]);
        r->scale[i] = r->in.dim[i] == 0 ? 1.0f : (float)r->out.dim[i] / (float)r->in.dim[i];
    }
    return ITX_OK;
}

static itx_status read_region(const struct tensor *roi, struct resize *r, struct itx_error *err)
{
    const int rank = r->in.rank;
    if (roi == NULL || roi->dtype != DTYPE_F32 || roi->shape.rank != 1 ||
        roi->shape.dim[0] != 2 * rank)
        return itx_fail(err, ITX_E_FORMAT, "tf_crop_and_resize needs a roi of %d floats", 2 * rank);
    for (int i = 0; i < rank; i++) {
        r->begin[i] = ((const float *)roi->data)[i];
        r->end[i] = ((const float *)roi->data)[rank + i];
    }
    return ITX_OK;
}

static bool is_empty(const struct tensor *t)
{
    return t == NULL || (t->shape.rank == 1 && t->shape.dim[0] == 0);
}

itx_status resize_operands(const struct node *n, const struct shape *x, const struct tensor *roi,
                           const struct tensor *scales, const struct tensor *sizes,
                           struct resize *r, struct itx_error *err)
{
    int mode, coordinates, rounding;
    ITX_TRY(choose(n, ATTR_MODE, mode_names, RESIZE_MODE_COUNT, &mode, err));
    ITX_TRY(choose(n, ATTR_COORDINATE_MODE, coordinate_names, RESIZE_COORDINATES_COUNT,
                   &coordinates, err));
    ITX_TRY(choose(n, ATTR_NEAREST_MODE, rounding_names, RESIZE_ROUNDING_COUNT, &rounding, err));
    *r = (struct resize){.in = *x,
                         .out = {.rank = x->rank},
                         .mode = (enum resize_mode)mode,
                         .coordinates = (enum resize_coordinates)coordinates,
                         .rounding = (enum resize_rounding)rounding,
                         .cubic_a = node_float(n, ATTR_CUBIC_COEFF_A, -0.75f),
                         .extrapolation = node_float(n, ATTR_EXTRAPOLATION, 0.0f),
                         .exclude_outside = node_int(n, ATTR_EXCLUDE_OUTSIDE, 0) != 0};
    if (is_empty(scales) == is_empty(sizes))
        return itx_fail(err, ITX_E_FORMAT, "exactly one of scales and sizes must be given");
    const struct tensor *given = is_empty(scales) ? sizes : scales;
    if (given->shape.rank != 1 || given->shape.dim[0] != x->rank)
        return itx_fail(err, ITX_E_FORMAT, "scales or sizes do not count %d dimensions", x->rank);
    if (r->coordinates == RESIZE_CROP) ITX_TRY(read_region(roi, r, err));
    return given == scales ? read_scales(scales, r, err) : read_sizes(sizes, r, err);
}

double resize_coordinate(const struct resize *r, int k, int64_t i)
{
    const double x = (double)i, scale = (double)r->scale[k];
    const double in = (double)r->in.dim[k], out = (double)r->out.dim[k];
    switch (r->coordinates) {
    case RESIZE_HALF_PIXEL:
        return (x + 0.5) / scale - 0.5;
    case RESIZE_PYTORCH_HALF_PIXEL:
        return out > 1 ? (x + 0.5) / scale - 0.5 : 0;
    case RESIZE_HALF_PIXEL_SYMMETRIC: {
        /* the output is centred on the input where out was rounded down from in * scale */
        const double adjustment = out / (scale * in);
        return in / 2 * (1 - adjustment) + (x + 0.5) / scale - 0.5;
    }
    case RESIZE_ALIGN_CORNERS:
        return out > 1 ? x * (in - 1) / (out - 1) : 0;
    case RESIZE_ASYMMETRIC:
        return x / scale;
    case RESIZE_CROP: {
        const double begin = (double)r->begin[k] * (in - 1), end = (double)r->end[k] * (in - 1);
        return out > 1 ? begin + x * (end - begin) / (out - 1) : (begin + end) / 2;
    }
    case RESIZE_COORDINATES_COUNT:
        break;
    }
    ITX_BUG();
}
