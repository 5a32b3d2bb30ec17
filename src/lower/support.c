/* SPDX-License-Identifier: Apache-2.0
 *
 * Which nodes can become steps, and why others cannot. The one place that knows; `intarsia check` prints it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/format.h"
#include "lower/internal.h"
#include "quant/quant.h"
#include "tensor/attention_limits.h"

static bool refuse(char *reason, const char *fmt, ...) ITX_PRINTF(2, 3);
static bool refuse(char *reason, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    format_textv(reason, LOWER_REASON_SIZE, fmt, args);
    va_end(args);
    return false;
}

static bool is_feature_map(const struct value *v)
{
    return v->shape.rank == 4 && v->shape.dim[0] == 1 && v->data == NULL;
}

/* All that moves between steps is [1, c, h, w]. */
static bool values_fit(const struct graph *g, const struct node *n, int n_inputs, char *reason)
{
    char text[SHAPE_TEXT_SIZE];
    for (int i = 0; i < n->n_outputs + n_inputs; i++) {
        const value_id id = i < n->n_outputs ? n->outputs[i] : n->inputs[i - n->n_outputs];
        const struct value *v = graph_value(g, id);
        if (v->data != NULL) return refuse(reason, "its operand %s is a constant", v->name);
        if (!is_feature_map(v))
            return refuse(reason, "%s has shape %s, int8 steps work on [1, c, h, w]", v->name,
                          shape_text(&v->shape, text));
        for (int d = 1; d < 4; d++)
            if (v->shape.dim[d] < 1 || v->shape.dim[d] > PLAN_MAX_DIM)
                return refuse(reason, "%s has shape %s, sizes from 1 to %d are possible", v->name,
                              shape_text(&v->shape, text), PLAN_MAX_DIM);
    }
    return true;
}

static bool constant_weights(const struct graph *g, const struct node *n, char *reason)
{
    const struct value *w = graph_value(g, n->inputs[1]);
    if (w->data == NULL || w->dtype != DTYPE_F32)
        return refuse(reason, "its weights are not constant");
    if (w->shape.rank != 4) return refuse(reason, "only two-dimensional convolutions are possible");
    const value_id bias = node_input(n, 2);
    if (bias != 0 &&
        (graph_value(g, bias)->data == NULL || graph_value(g, bias)->dtype != DTYPE_F32))
        return refuse(reason, "its bias is not constant");
    for (int i = 2; i < 4; i++)
        if (w->shape.dim[i] > 255) return refuse(reason, "kernels up to 255x255 are possible");
    return true;
}

static bool supports_conv(const struct graph *g, const struct node *n, char *reason)
{
    if (!constant_weights(g, n, reason) || !values_fit(g, n, 1, reason)) return false;
    const int64_t group = node_int(n, ATTR_GROUP, 1);
    const int64_t in_c = graph_value(g, n->inputs[0])->shape.dim[1];
    if (group > LOWER_MAX_GROUPS && !conv_is_depthwise(g, n))
        return refuse(reason, "%lld groups: up to %d, or as many as channels, are possible",
                      (long long)group, LOWER_MAX_GROUPS);
    if (in_c % group != 0) return refuse(reason, "its channels do not divide into its groups");
    const value_id residual = node_input(n, 3);
    if (residual != 0 &&
        !shape_eq(&graph_value(g, residual)->shape, &graph_value(g, n->outputs[0])->shape))
        return refuse(reason, "the tensor added to it has another shape");
    return true;
}

static bool supports_conv_transpose(const struct graph *g, const struct node *n, char *reason)
{
    if (!constant_weights(g, n, reason) || !values_fit(g, n, 1, reason)) return false;
    const struct shape *w = &graph_value(g, n->inputs[1])->shape;
    int64_t strides[2], pads[4], extra[2], dilations[2];
    node_ints(n, ATTR_STRIDES, 1, 2, strides);
    node_ints(n, ATTR_PADS, 0, 4, pads);
    node_ints(n, ATTR_OUTPUT_PADDING, 0, 2, extra);
    node_ints(n, ATTR_DILATIONS, 1, 2, dilations);
    const bool plain = (pads[0] | pads[1] | pads[2] | pads[3] | extra[0] | extra[1]) == 0 &&
                       dilations[0] == 1 && dilations[1] == 1 && node_int(n, ATTR_GROUP, 1) == 1;
    if (!plain || strides[0] != strides[1] || w->dim[2] != strides[0] || w->dim[3] != strides[0])
        return refuse(reason, "transposed convolutions run when kernel and stride are equal and "
                              "there is no padding, dilation or group");
    return true;
}

static bool supports_max_pool(const struct graph *g, const struct node *n, char *reason)
{
    if (!values_fit(g, n, 1, reason)) return false;
    int64_t dilations[2], kernel[2], pads[4];
    node_ints(n, ATTR_DILATIONS, 1, 2, dilations);
    node_ints(n, ATTR_KERNEL_SHAPE, 1, 2, kernel);
    node_ints(n, ATTR_PADS, 0, 4, pads);
    if (dilations[0] != 1 || dilations[1] != 1)
        return refuse(reason, "pooling with dilation is not possible");
    if (kernel[0] > 255 || kernel[1] > 255)
        return refuse(reason, "pooling windows up to 255x255 are possible");
    if (pads[0] >= kernel[0] || pads[1] >= kernel[1] || pads[2] >= kernel[0] ||
        pads[3] >= kernel[1])
        return refuse(reason, "its padding is as large as its window");
    return true;
}

/* Nearest, whole factors, and every rounding rule for which output x reads input x / factor. */
static bool supports_resize(const struct graph *g, const struct node *n, char *reason)
{
    if (!values_fit(g, n, 1, reason)) return false;
    const struct shape *in = &graph_value(g, n->inputs[0])->shape;
    const struct shape *out = &graph_value(g, n->outputs[0])->shape;
    if (strcmp(node_text(n, ATTR_MODE, "nearest"), "nearest") != 0)
        return refuse(reason, "only nearest resizing is possible, this is %s",
                      node_text(n, ATTR_MODE, "nearest"));
    if (out->dim[1] != in->dim[1] || out->dim[2] % in->dim[2] != 0 || out->dim[3] % in->dim[3] != 0)
        return refuse(reason, "only enlarging height and width by whole factors is possible");
    const char *const mode = node_text(n, ATTR_COORDINATE_MODE, "half_pixel");
    const char *const rounding = node_text(n, ATTR_NEAREST_MODE, "round_prefer_floor");
    const bool is_floor = strcmp(mode, "asymmetric") == 0 && strcmp(rounding, "floor") == 0;
    const bool is_centred =
        (strcmp(mode, "half_pixel") == 0 || strcmp(mode, "pytorch_half_pixel") == 0) &&
        (strcmp(rounding, "round_prefer_floor") == 0 || strcmp(rounding, "round_prefer_ceil") == 0);
    if (!is_floor && !is_centred)
        return refuse(reason, "nearest resizing by %s with %s is not possible", mode, rounding);
    return true;
}

static bool supports_attention(const struct graph *g, const struct node *n, char *reason)
{
    if (!values_fit(g, n, 3, reason)) return false;
    const struct shape *q = &graph_value(g, n->inputs[0])->shape;
    const struct shape *v = &graph_value(g, n->inputs[2])->shape;
    const int64_t heads = node_int(n, ATTR_HEADS, 1), tokens = q->dim[2] * q->dim[3];
    if (heads < 1 || q->dim[1] % heads != 0 || v->dim[1] % heads != 0)
        return refuse(reason, "its channels do not divide into %lld heads", (long long)heads);
    if (tokens > INT32_MAX ||
        !attention_fits((int)tokens, (int)(q->dim[1] / heads), (int)(v->dim[1] / heads)))
        return refuse(reason, "%lld tokens are too many for exact sums", (long long)tokens);
    return true;
}

static bool supports_add(const struct graph *g, const struct node *n, char *reason)
{
    if (!values_fit(g, n, 2, reason)) return false;
    if (!shape_eq(&graph_value(g, n->inputs[0])->shape, &graph_value(g, n->inputs[1])->shape))
        return refuse(reason, "it adds tensors of different shapes");
    return true;
}

static bool supports_channel_axis(const struct graph *g, const struct node *n, int n_inputs,
                                  char *reason)
{
    if (!values_fit(g, n, n_inputs, reason)) return false;
    const int64_t axis = node_int(n, ATTR_AXIS, n->op == OP_SPLIT ? 0 : 1);
    if (axis != 1 && axis != -3)
        return refuse(reason, "only the channel axis is possible, this is axis %lld",
                      (long long)axis);
    return true;
}

static bool supports_slice(const struct graph *g, const struct node *n, char *reason)
{
    if (!values_fit(g, n, 1, reason)) return false;
    int start;
    if (!quant_slice_channels(g, n, &start))
        return refuse(reason, "only slices of neighbouring channels are possible");
    return true;
}

bool lower_supports(const struct graph *g, const struct node *n, char *reason)
{
    reason[0] = '\0';
    switch (n->op) {
    case OP_CONV:
        return supports_conv(g, n, reason);
    case OP_CONV_TRANSPOSE:
        return supports_conv_transpose(g, n, reason);
    case OP_MAX_POOL:
        return supports_max_pool(g, n, reason);
    case OP_RESIZE:
        return supports_resize(g, n, reason);
    case OP_ATTENTION:
        return supports_attention(g, n, reason);
    case OP_ADD:
        return supports_add(g, n, reason);
    case OP_CONCAT:
        return supports_channel_axis(g, n, n->n_inputs, reason);
    case OP_SPLIT:
        return supports_channel_axis(g, n, 1, reason);
    case OP_SLICE:
        return supports_slice(g, n, reason);
    case OP_QUANTIZE_LINEAR:
    case OP_DEQUANTIZE_LINEAR:
        return refuse(reason, "the model is quantised already, give the float one");
    default:
        if (unary_is_table(n)) return values_fit(g, n, 1, reason);
        return refuse(reason, "%s has no int8 form", op_info(n->op)->name);
    }
}

const char *lower_step_name(const struct graph *g, const struct node *n)
{
    switch (n->op) {
    case OP_CONV:
        return step_kind_name(conv_is_depthwise(g, n) ? STEP_DWCONV : STEP_CONV);
    case OP_CONV_TRANSPOSE:
        return step_kind_name(STEP_DECONV);
    case OP_MAX_POOL:
        return step_kind_name(STEP_MAXPOOL);
    case OP_RESIZE:
        return step_kind_name(STEP_UPSAMPLE);
    case OP_ATTENTION:
        return step_kind_name(STEP_ATTENTION);
    case OP_ADD:
        return step_kind_name(STEP_ADD);
    case OP_CONCAT:
    case OP_SPLIT:
    case OP_SLICE:
        return "";
    default:
        return step_kind_name(STEP_LUT);
    }
}
