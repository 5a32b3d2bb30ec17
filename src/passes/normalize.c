/* SPDX-License-Identifier: Apache-2.0
 *
 * does: brings every node to one spelling. Conv, ConvTranspose and pools have all their geometry as
 *   attributes; convolutions have a bias; Split has sizes; axes count from the front; Flatten,
 *   Squeeze and Unsqueeze are Reshape to a written-out shape; Resize has scales; defaults that mean
 *   nothing are gone.
 * requires: fold_const (shapes and constants known, auto_pad resolved).
 * ensures: the above, so that later passes match one form and two exports become one graph.
 * breaks: nothing.
 */
#include <string.h>

#include "passes/pass.h"
#include "passes/rewrite.h"

static const struct shape *shape_of(const struct rewrite *r, value_id v)
{
    return &graph_value(r->g, v)->shape;
}

static itx_status spell_geometry(struct rewrite *r, node_id id, struct itx_error *err)
{
    struct graph *g = r->g;
    const struct node *n = rewrite_node(r, id);
    const int n_spatial = shape_of(r, n->inputs[0])->rank - 2;
    int64_t kernel[SHAPE_MAX_RANK], stride[SHAPE_MAX_RANK], dilation[SHAPE_MAX_RANK];
    int64_t pads[2 * SHAPE_MAX_RANK];
    if (n_spatial < 1) return ITX_OK;
    const bool is_conv = n->op == OP_CONV || n->op == OP_CONV_TRANSPOSE;
    node_ints(n, ATTR_STRIDES, 1, n_spatial, stride);
    node_ints(n, ATTR_DILATIONS, 1, n_spatial, dilation);
    if (node_ints(n, ATTR_KERNEL_SHAPE, 1, n_spatial, kernel) == 0 && is_conv)
        for (int i = 0; i < n_spatial; i++) kernel[i] = shape_of(r, n->inputs[1])->dim[i + 2];
    node_ints(n, ATTR_PADS, 0, 2 * n_spatial, pads);
    ITX_TRY(graph_set_ints(g, id, ATTR_KERNEL_SHAPE, n_spatial, kernel, err));
    ITX_TRY(graph_set_ints(g, id, ATTR_STRIDES, n_spatial, stride, err));
    ITX_TRY(graph_set_ints(g, id, ATTR_PADS, 2 * n_spatial, pads, err));
    ITX_TRY(graph_set_ints(g, id, ATTR_DILATIONS, n_spatial, dilation, err));
    if (is_conv)
        ITX_TRY(
            graph_set_int(g, id, ATTR_GROUP, node_int(rewrite_node(r, id), ATTR_GROUP, 1), err));
    else if (node_int(rewrite_node(r, id), ATTR_CEIL_MODE, 0) == 0)
        graph_clear_attr(g, id, ATTR_CEIL_MODE);
    return ITX_OK;
}

static itx_status add_bias(struct rewrite *r, node_id id, struct itx_error *err)
{
    const struct node *n = rewrite_node(r, id);
    if (node_input(n, 2) != 0) return ITX_OK;
    const struct shape shape = {.rank = 1, .dim = {shape_of(r, n->outputs[0])->dim[1]}};
    void *zeros;
    value_id bias;
    ITX_TRY(graph_alloc_data(r->g, DTYPE_F32, &shape, &zeros, err));
    ITX_TRY(graph_add_value(r->g, "bias", DTYPE_F32, &shape, &bias, err));
    graph_value(r->g, bias)->data = zeros;
    const value_id inputs[] = {n->inputs[0], n->inputs[1], bias, node_input(n, 3)};
    return graph_set_inputs(r->g, id, inputs[3] != 0 ? 4 : 3, inputs, err);
}

static itx_status spell_axis(struct rewrite *r, node_id id, int64_t otherwise,
                             struct itx_error *err)
{
    const struct node *n = rewrite_node(r, id);
    const int axis = axis_of(node_int(n, ATTR_AXIS, otherwise), shape_of(r, n->inputs[0])->rank);
    return axis < 0 ? ITX_OK : graph_set_int(r->g, id, ATTR_AXIS, axis, err);
}

static itx_status spell_split(struct rewrite *r, node_id id, struct itx_error *err)
{
    ITX_TRY(spell_axis(r, id, 0, err));
    const struct node *n = rewrite_node(r, id);
    const int axis = (int)node_int(n, ATTR_AXIS, 0);
    if (n->n_outputs > 256 || axis < 0 || axis >= SHAPE_MAX_RANK) return ITX_OK;
    int64_t sizes[256], given[256];
    for (int i = 0; i < n->n_outputs; i++) sizes[i] = shape_of(r, n->outputs[i])->dim[axis];
    graph_clear_attr(r->g, id, ATTR_NUM_OUTPUTS);
    if (value_ints(r->g, node_input(n, 1), 256, given) == n->n_outputs) return ITX_OK;
    value_id inputs[2] = {n->inputs[0]};
    ITX_TRY(add_ints(r->g, "sizes", n->n_outputs, sizes, &inputs[1], err));
    return graph_set_inputs(r->g, id, 2, inputs, err);
}

/* Reshape, Flatten, Squeeze, Unsqueeze */
static itx_status spell_reshape(struct rewrite *r, node_id id, struct itx_error *err)
{
    const struct node *n = rewrite_node(r, id);
    const struct shape *y = shape_of(r, n->outputs[0]);
    int64_t given[SHAPE_MAX_RANK];
    if (n->op == OP_RESHAPE && n->n_attrs == 0 &&
        value_ints(r->g, n->inputs[1], SHAPE_MAX_RANK, given) == y->rank &&
        memcmp(given, y->dim, sizeof given[0] * (size_t)y->rank) == 0)
        return ITX_OK;
    value_id inputs[2] = {n->inputs[0]};
    ITX_TRY(add_ints(r->g, "shape", y->rank, y->dim, &inputs[1], err));
    return rewrite_become(r, id, OP_RESHAPE, 2, inputs, err);
}

/* Scales when they are whole numbers; no roi, no attributes of other modes. */
static itx_status spell_resize(struct rewrite *r, node_id id, struct itx_error *err)
{
    const struct node *n = rewrite_node(r, id);
    const struct shape *x = shape_of(r, n->inputs[0]), *y = shape_of(r, n->outputs[0]);
    const char *coordinates = node_text(n, ATTR_COORDINATE_MODE, "half_pixel");
    const bool is_nearest = strcmp(node_text(n, ATTR_MODE, "nearest"), "nearest") == 0;
    if (strcmp(coordinates, "tf_crop_and_resize") == 0) return ITX_OK;
    graph_clear_attr(r->g, id, ATTR_EXTRAPOLATION);
    if (is_nearest) {
        graph_clear_attr(r->g, id, ATTR_CUBIC_COEFF_A);
        graph_clear_attr(r->g, id, ATTR_EXCLUDE_OUTSIDE);
    }
    value_id inputs[3] = {n->inputs[0], 0, node_input(n, 2)};
    if (inputs[2] == 0 || shape_elements(shape_of(r, inputs[2])) == 0) {
        const struct shape shape = {.rank = 1, .dim = {x->rank}};
        float scales[SHAPE_MAX_RANK];
        for (int i = 0; i < x->rank; i++) {
            if (x->dim[i] == 0 || y->dim[i] % x->dim[i] != 0) return ITX_OK;
            scales[i] = (float)(y->dim[i] / x->dim[i]);
        }
        ITX_TRY(graph_add_constant(r->g, "scales", DTYPE_F32, &shape, scales, &inputs[2], err));
    }
    ITX_TRY(graph_set_inputs(r->g, id, 3, inputs, err));
    ITX_TRY(graph_set_text(r->g, id, ATTR_MODE,
                           node_text(rewrite_node(r, id), ATTR_MODE, "nearest"), err));
    ITX_TRY(graph_set_text(r->g, id, ATTR_COORDINATE_MODE, coordinates, err));
    if (!is_nearest) {
        graph_clear_attr(r->g, id, ATTR_NEAREST_MODE);
        return ITX_OK;
    }
    return graph_set_text(r->g, id, ATTR_NEAREST_MODE,
                          node_text(rewrite_node(r, id), ATTR_NEAREST_MODE, "round_prefer_floor"),
                          err);
}

static itx_status spell_node(struct rewrite *r, node_id id, struct itx_error *err)
{
    const struct node *n = rewrite_node(r, id);
    switch ((int)n->op) {
    case OP_CONV:
    case OP_CONV_TRANSPOSE:
        ITX_TRY(spell_geometry(r, id, err));
        return add_bias(r, id, err);
    case OP_MAX_POOL:
    case OP_AVERAGE_POOL:
        return spell_geometry(r, id, err);
    case OP_SPLIT:
        return spell_split(r, id, err);
    case OP_CONCAT:
    case OP_GATHER:
        return spell_axis(r, id, 0, err);
    case OP_SOFTMAX:
        return spell_axis(r, id, -1, err);
    case OP_RESHAPE:
    case OP_FLATTEN:
    case OP_SQUEEZE:
    case OP_UNSQUEEZE:
        return spell_reshape(r, id, err);
    case OP_RESIZE:
        return spell_resize(r, id, err);
    default:
        return ITX_OK;
    }
}

itx_status pass_normalize(struct graph *g, struct itx_error *err)
{
    struct rewrite r;
    ITX_TRY(rewrite_begin(&r, g, err));
    r.is_changed = true;
    itx_status rc = ITX_OK;
    for (node_id i = 0; i < r.n_nodes && rc == ITX_OK; i++) rc = spell_node(&r, i, err);
    return rewrite_end(&r, rc, err);
}
