/* SPDX-License-Identifier: Apache-2.0
 *
 * Operators whose form in some opset is not the one of graph/ops.def: attributes that became inputs, renamed operators,
 * defaults that changed. The attribute form is taken wherever it stands, so most rows do not look at the opset.
 */
#include "onnx/import.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "onnx/onnx.h"

#define TYPE(name) ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__##name

static itx_status nomem(struct itx_error *err)
{
    return itx_fail(err, ITX_E_NOMEM, "out of memory");
}

static void take(struct draft *d, const char *attr)
{
    if (d->n_taken == DRAFT_MAX_TAKEN) ITX_BUG();
    d->taken[d->n_taken++] = attr;
}

static void add_extra(struct draft *d, struct attr attr)
{
    if (d->n_extra == DRAFT_MAX_EXTRA) ITX_BUG();
    d->extra[d->n_extra++] = attr;
}

static value_id input(const struct draft *d, size_t index)
{
    return index < d->inputs.len ? d->inputs.data[index] : 0;
}

/* Puts `id` at input `index`, which must not be given yet. */
static itx_status set_input(struct draft *d, size_t index, value_id id, struct itx_error *err)
{
    while (d->inputs.len <= index)
        if (!vec_push(&d->inputs, 0)) return nomem(err);
    if (d->inputs.data[index] != 0)
        return itx_fail(err, ITX_E_FORMAT, "input %zu is given as an attribute too", index);
    d->inputs.data[index] = id;
    return ITX_OK;
}

/* The attribute `name`, marked as taken, in *attr; NULL when it is absent. */
static itx_status take_attr(struct draft *d, const char *name, int32_t type,
                            const Onnx__AttributeProto **attr, struct itx_error *err)
{
    *attr = import_attr(d->proto, name);
    if (*attr == NULL) return ITX_OK;
    take(d, name);
    return import_attr_type(*attr, type, err);
}

/* A value called "NODE/PART", not known further. */
static itx_status add_value(struct import *im, const struct draft *d, const char *part,
                            value_id *id, struct itx_error *err)
{
    struct strbuf name = {0};
    strbuf_addf(&name, "%.512s/%s", d->name, part);
    const itx_status rc =
        name.failed ? nomem(err) : graph_add_value(im->g, name.data, DTYPE_NONE, NULL, id, err);
    strbuf_release(&name);
    return rc;
}

/* A constant called "NODE/PART". */
static itx_status add_constant(struct import *im, const struct draft *d, const char *part,
                               struct tensor t, value_id *id, struct itx_error *err)
{
    struct strbuf name = {0};
    strbuf_addf(&name, "%.512s/%s", d->name, part);
    const itx_status rc =
        name.failed ? nomem(err)
                    : graph_add_constant(im->g, name.data, t.dtype, &t.shape, t.data, id, err);
    strbuf_release(&name);
    return rc;
}

/* Attribute of numbers -> constant input. */
static itx_status ints_to_input(struct import *im, struct draft *d, const char *name, size_t index,
                                struct itx_error *err)
{
    const Onnx__AttributeProto *attr;
    value_id id;
    ITX_TRY(take_attr(d, name, TYPE(INTS), &attr, err));
    if (attr == NULL) return ITX_OK;
    const struct tensor t = {DTYPE_S64, {.rank = 1, .dim = {(int64_t)attr->n_ints}}, attr->ints};
    ITX_TRY(add_constant(im, d, name, t, &id, err));
    return set_input(d, index, id, err);
}

static itx_status floats_to_input(struct import *im, struct draft *d, const char *name,
                                  size_t index, struct itx_error *err)
{
    const Onnx__AttributeProto *attr;
    value_id id;
    ITX_TRY(take_attr(d, name, TYPE(FLOATS), &attr, err));
    if (attr == NULL) return ITX_OK;
    const struct tensor t = {
        DTYPE_F32, {.rank = 1, .dim = {(int64_t)attr->n_floats}}, attr->floats};
    ITX_TRY(add_constant(im, d, name, t, &id, err));
    return set_input(d, index, id, err);
}

static itx_status float_to_input(struct import *im, struct draft *d, const char *name, size_t index,
                                 struct itx_error *err)
{
    const Onnx__AttributeProto *attr;
    value_id id;
    ITX_TRY(take_attr(d, name, TYPE(FLOAT), &attr, err));
    if (attr == NULL) return ITX_OK;
    float value = attr->f;
    const struct tensor t = {DTYPE_F32, {.rank = 0}, &value};
    ITX_TRY(add_constant(im, d, name, t, &id, err));
    return set_input(d, index, id, err);
}

/* --- one function an operator --- */

typedef itx_status upgrade_fn(struct import *im, struct draft *d, struct itx_error *err);

static itx_status upgrade_axes(struct import *im, struct draft *d, struct itx_error *err)
{
    return ints_to_input(im, d, "axes", 1, err);
}

static itx_status upgrade_clip(struct import *im, struct draft *d, struct itx_error *err)
{
    ITX_TRY(float_to_input(im, d, "min", 1, err));
    return float_to_input(im, d, "max", 2, err);
}

static itx_status upgrade_pad(struct import *im, struct draft *d, struct itx_error *err)
{
    ITX_TRY(ints_to_input(im, d, "pads", 1, err));
    return float_to_input(im, d, "value", 2, err);
}

static itx_status upgrade_slice(struct import *im, struct draft *d, struct itx_error *err)
{
    ITX_TRY(ints_to_input(im, d, "starts", 1, err));
    ITX_TRY(ints_to_input(im, d, "ends", 2, err));
    return ints_to_input(im, d, "axes", 3, err);
}

static itx_status upgrade_split(struct import *im, struct draft *d, struct itx_error *err)
{
    ITX_TRY(ints_to_input(im, d, "split", 1, err));
    if (input(d, 1) == 0 && import_attr(d->proto, "num_outputs") == NULL)
        add_extra(d, (struct attr){.id = ATTR_NUM_OUTPUTS, .i = (int64_t)d->proto->n_output});
    return ITX_OK;
}

static itx_status upgrade_average_pool(struct import *im, struct draft *d, struct itx_error *err)
{
    (void)im;
    const Onnx__AttributeProto *attr;
    ITX_TRY(take_attr(d, "dilations", TYPE(INTS), &attr, err));
    for (size_t i = 0; attr != NULL && i < attr->n_ints; i++)
        if (attr->ints[i] != 1)
            return itx_fail(err, ITX_E_UNSUPPORTED, "dilation %lld is not supported",
                            (long long)attr->ints[i]);
    return ITX_OK;
}

/* Statistics among the outputs mean training, whether somebody reads them or not. */
static itx_status upgrade_batch_norm(struct import *im, struct draft *d, struct itx_error *err)
{
    bool is_training = im->opset < 7 && import_attr(d->proto, "is_test") == NULL;
    for (size_t i = 1; i < d->proto->n_output; i++) is_training |= d->proto->output[i][0] != '\0';
    if (is_training)
        return itx_fail(err, ITX_E_UNSUPPORTED,
                        "it is in training mode: export the model for inference");
    return ITX_OK;
}

/* In opset 6 slopes belonged to channels; since, they broadcast as everything does. */
static itx_status upgrade_prelu(struct import *im, struct draft *d, struct itx_error *err)
{
    if (im->opset >= 7 || input(d, 1) == 0) return ITX_OK;
    if (shape_elements(&graph_value(im->g, d->inputs.data[1])->shape) != 1)
        return itx_fail(err, ITX_E_UNSUPPORTED,
                        "a slope for each channel is not supported before opset 7");
    return ITX_OK;
}

static itx_status upgrade_cast(struct import *im, struct draft *d, struct itx_error *err)
{
    (void)im;
    const Onnx__AttributeProto *attr;
    enum dtype dtype;
    ITX_TRY(take_attr(d, "to", TYPE(INT), &attr, err));
    if (attr == NULL) return itx_fail(err, ITX_E_FORMAT, "attribute 'to' is missing");
    if (attr->i < 0 || attr->i > 255)
        return itx_fail(err, ITX_E_FORMAT, "there is no type %lld", (long long)attr->i);
    ITX_TRY(dtype_of_onnx((int32_t)attr->i, "the type it casts to", &dtype, err));
    add_extra(d, (struct attr){.id = ATTR_TO, .i = dtype});
    return ITX_OK;
}

/* The one number a tensor holds, when float32 holds it exactly. */
static bool exact_float(const struct tensor *t, float *value)
{
    double v = 0;
    int64_t whole;
    switch (t->dtype) {
    case DTYPE_F32:
        *value = *(const float *)t->data;
        return true;
    case DTYPE_F64:
        v = *(const double *)t->data;
        break;
    case DTYPE_S64:
        whole = *(const int64_t *)t->data;
        if (whole < -(1 << 24) || whole > 1 << 24) return false;
        v = (double)whole;
        break;
    case DTYPE_S32:
        v = *(const int32_t *)t->data;
        break;
    case DTYPE_S16:
        v = *(const int16_t *)t->data;
        break;
    case DTYPE_S8:
        v = *(const int8_t *)t->data;
        break;
    case DTYPE_U8:
    case DTYPE_BOOL:
        v = *(const uint8_t *)t->data;
        break;
    case DTYPE_NONE:
    case DTYPE_F16:
    case DTYPE_COUNT:
        ITX_BUG();
    }
    if (fabs(v) > 0x1.fffffep127) return false;
    *value = (float)v;
    return (double)*value == v;
}

static itx_status upgrade_constant_of_shape(struct import *im, struct draft *d,
                                            struct itx_error *err)
{
    const Onnx__AttributeProto *attr;
    struct tensor t = {.dtype = DTYPE_F32};
    float value = 0;
    ITX_TRY(take_attr(d, "value", TYPE(TENSOR), &attr, err));
    if (attr != NULL && attr->t != NULL) {
        ITX_TRY(tensor_of_onnx(attr->t, &im->external, &im->g->arena, &t, err));
        if (shape_elements(&t.shape) != 1 || !exact_float(&t, &value))
            return itx_fail(err, ITX_E_UNSUPPORTED,
                            "attribute 'value' must be one number that float32 can hold");
    }
    add_extra(d, (struct attr){.id = ATTR_VALUE, .f = value});
    add_extra(d, (struct attr){.id = ATTR_TO, .i = t.dtype});
    return ITX_OK;
}

/* Inference only: the ratio input does not matter. */
static itx_status upgrade_dropout(struct import *im, struct draft *d, struct itx_error *err)
{
    if (input(d, 2) != 0) {
        const struct value *v = graph_value(im->g, d->inputs.data[2]);
        const bool is_off =
            v->data != NULL && v->dtype == DTYPE_BOOL && *(const uint8_t *)v->data == 0;
        if (shape_elements(&v->shape) != 1 || !is_off)
            return itx_fail(err, ITX_E_UNSUPPORTED,
                            "it is in training mode: export the model for inference");
    }
    if (d->inputs.len > 1) d->inputs.len = 1;
    d->op = OP_IDENTITY;
    return ITX_OK;
}

/* Resize 10 and Upsample: pixel i comes from floor(i / scale). */
static itx_status upgrade_upsample(struct import *im, struct draft *d, struct itx_error *err)
{
    const value_id scales = input(d, 1);
    if (d->inputs.len > 1) d->inputs.len = 1;
    if (scales != 0) ITX_TRY(set_input(d, 2, scales, err));
    ITX_TRY(floats_to_input(im, d, "scales", 2, err));
    add_extra(d, (struct attr){.id = ATTR_COORDINATE_MODE, .text = "asymmetric"});
    add_extra(d, (struct attr){.id = ATTR_NEAREST_MODE, .text = "floor"});
    d->op = OP_RESIZE;
    return ITX_OK;
}

/* An operand that is there but empty is left out: that is how opset 11 had to say it. */
static itx_status upgrade_resize(struct import *im, struct draft *d, struct itx_error *err)
{
    if (im->opset < 11) return upgrade_upsample(im, d, err);
    const Onnx__AttributeProto *mode = import_attr(d->proto, "coordinate_transformation_mode");
    const bool is_crop =
        mode != NULL &&
        str_eq((struct str){(const char *)mode->s.data, mode->s.len}, "tf_crop_and_resize");
    for (size_t i = 1; i < d->inputs.len; i++) {
        const struct value *v = graph_value(im->g, d->inputs.data[i]);
        const bool is_empty = v->data != NULL && shape_elements(&v->shape) == 0;
        if (is_empty || (i == 1 && !is_crop)) d->inputs.data[i] = 0;
    }
    return ITX_OK;
}

/* a + b + c + ...: all but the last addition are made here. */
static itx_status upgrade_sum(struct import *im, struct draft *d, struct itx_error *err)
{
    if (d->inputs.len == 0) return itx_fail(err, ITX_E_FORMAT, "has no input");
    for (size_t i = 0; i < d->inputs.len; i++)
        if (d->inputs.data[i] == 0) return itx_fail(err, ITX_E_FORMAT, "input %zu is left out", i);
    d->op = d->inputs.len == 1 ? OP_IDENTITY : OP_ADD;
    while (d->inputs.len > 2) {
        value_id sum;
        node_id node;
        ITX_TRY(add_value(im, d, "Sum", &sum, err));
        ITX_TRY(graph_add_node(im->g, OP_ADD, d->name, 2, d->inputs.data, 1, &sum, &node, err));
        d->inputs.len--;
        memmove(d->inputs.data + 1, d->inputs.data + 2,
                (d->inputs.len - 1) * sizeof *d->inputs.data);
        d->inputs.data[0] = sum;
    }
    return ITX_OK;
}

static itx_status add_step(struct import *im, const struct draft *d, enum op op, value_id in,
                           value_id *out, node_id *node, struct itx_error *err)
{
    ITX_TRY(add_value(im, d, op_info(op)->name, out, err));
    return graph_add_node(im->g, op, d->name, 1, &in, 1, out, node, err);
}

/* Before opset 13 softmax ran over all of the dimensions from `axis` on, as one. Where these are more than the last (or may
 * be), that is Reshape(Softmax(Flatten(x)), Shape(x)). */
static itx_status upgrade_softmax(struct import *im, struct draft *d, struct itx_error *err)
{
    const Onnx__AttributeProto *attr;
    value_id flat, soft, shape;
    node_id node;
    if (im->opset >= 13) return ITX_OK;
    ITX_TRY(take_attr(d, "axis", TYPE(INT), &attr, err));
    if (input(d, 0) == 0) return itx_fail(err, ITX_E_FORMAT, "has no input");
    const int64_t axis = attr != NULL ? attr->i : 1;
    int rank;
    ITX_TRY(import_rank(im, d->inputs.data[0], &rank, err));
    if (axis == -1 || axis == rank - 1) {
        add_extra(d, (struct attr){.id = ATTR_AXIS, .i = -1});
        return ITX_OK;
    }
    ITX_TRY(add_step(im, d, OP_FLATTEN, d->inputs.data[0], &flat, &node, err));
    ITX_TRY(graph_set_int(im->g, node, ATTR_AXIS, axis, err));
    ITX_TRY(add_step(im, d, OP_SOFTMAX, flat, &soft, &node, err));
    ITX_TRY(graph_set_int(im->g, node, ATTR_AXIS, -1, err));
    ITX_TRY(add_step(im, d, OP_SHAPE, d->inputs.data[0], &shape, &node, err));
    d->op = OP_RESHAPE;
    d->inputs.data[0] = soft;
    return set_input(d, 1, shape, err);
}

/* columns: ONNX operator, ours, function */
struct upgrade {
    const char *type;
    enum op op;
    upgrade_fn *fn;
};
static const struct upgrade upgrades[] = {
    {"AveragePool", OP_AVERAGE_POOL, upgrade_average_pool},
    {"BatchNormalization", OP_BATCH_NORM, upgrade_batch_norm},
    {"Cast", OP_CAST, upgrade_cast},
    {"Clip", OP_CLIP, upgrade_clip},
    {"ConstantOfShape", OP_CONSTANT_OF_SHAPE, upgrade_constant_of_shape},
    {"Dropout", OP_IDENTITY, upgrade_dropout},
    {"PRelu", OP_PRELU, upgrade_prelu},
    {"Pad", OP_PAD, upgrade_pad},
    {"ReduceMax", OP_REDUCE_MAX, upgrade_axes},
    {"ReduceMean", OP_REDUCE_MEAN, upgrade_axes},
    {"ReduceMin", OP_REDUCE_MIN, upgrade_axes},
    {"ReduceSum", OP_REDUCE_SUM, upgrade_axes},
    {"Resize", OP_RESIZE, upgrade_resize},
    {"Slice", OP_SLICE, upgrade_slice},
    {"Softmax", OP_SOFTMAX, upgrade_softmax},
    {"Split", OP_SPLIT, upgrade_split},
    {"Squeeze", OP_SQUEEZE, upgrade_axes},
    {"Sum", OP_ADD, upgrade_sum},
    {"Unsqueeze", OP_UNSQUEEZE, upgrade_axes},
    {"Upsample", OP_RESIZE, upgrade_upsample},
};

/* What to do about operators that people meet. columns: operator, hint */
struct hint {
    const char *type, *text;
};
static const struct hint hints[] = {
    {"NonMaxSuppression", "export without nms="},
    {"TopK", "export without the end-to-end head (end2end=False)"},
    {"GatherElements", "export without the end-to-end head (end2end=False)"},
    {"Mod", "export without the end-to-end head (end2end=False)"},
    {"If", "export with fixed sizes (dynamic=False, simplify=True)"},
    {"Loop", "export with fixed sizes (dynamic=False, simplify=True)"},
    {"Scan", "export with fixed sizes (dynamic=False, simplify=True)"},
};

bool import_quantises(const char *type)
{
    static const char *const names[] = {"QuantizeLinear", "DequantizeLinear",
                                        "DynamicQuantizeLinear", "ConvInteger", "MatMulInteger"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i], type) == 0) return true;
    return strncmp(type, "QLinear", strlen("QLinear")) == 0; /* QLinearConv, QLinearAdd, ... */
}

static itx_status refuse(const struct import *im, const char *type, struct itx_error *err)
{
    if (import_quantises(type))
        return itx_fail(err, ITX_E_UNSUPPORTED, "this operator is not supported");
    if (im->has_nms) type = "NonMaxSuppression"; /* what is around it goes with it */
    for (size_t i = 0; i < ARRAY_LEN(hints); i++)
        if (strcmp(hints[i].type, type) == 0)
            return itx_fail(err, ITX_E_UNSUPPORTED, "this operator is not supported: %s",
                            hints[i].text);
    return itx_fail(err, ITX_E_UNSUPPORTED,
                    "this operator is not supported: export the network without it");
}

itx_status upgrade_draft(struct import *im, struct draft *d, struct itx_error *err)
{
    const char *type = d->proto->op_type;
    for (size_t i = 0; i < ARRAY_LEN(upgrades); i++) {
        if (strcmp(upgrades[i].type, type) != 0) continue;
        d->op = upgrades[i].op;
        return upgrades[i].fn(im, d, err);
    }
    if (!op_find(type, &d->op) || (op_info(d->op)->flags & OP_OURS) != 0)
        return refuse(im, type, err);
    return ITX_OK;
}

/* --- Constant --- */

static itx_status constant_of(struct import *im, const char *name, struct tensor t, value_id *id,
                              struct itx_error *err)
{
    return graph_add_constant(im->g, name, t.dtype, &t.shape, t.data, id, err);
}

itx_status upgrade_constant(struct import *im, const Onnx__NodeProto *node, value_id *id,
                            struct itx_error *err)
{
    if (node->n_attribute != 1 || node->attribute[0]->name == NULL)
        return itx_fail(err, ITX_E_FORMAT, "malformed ONNX: a constant has one attribute");
    Onnx__AttributeProto *a = node->attribute[0];
    const char *name = node->output[0];
    const struct shape scalar = {.rank = 0};
    if (strcmp(a->name, "value") == 0) {
        ITX_TRY(import_attr_type(a, TYPE(TENSOR), err));
        if (a->t == NULL) return itx_fail(err, ITX_E_FORMAT, "malformed ONNX: it has no value");
        return import_tensor(im, name, a->t, id, err);
    }
    if (strcmp(a->name, "value_float") == 0) {
        ITX_TRY(import_attr_type(a, TYPE(FLOAT), err));
        return constant_of(im, name, (struct tensor){DTYPE_F32, scalar, &a->f}, id, err);
    }
    if (strcmp(a->name, "value_int") == 0) {
        ITX_TRY(import_attr_type(a, TYPE(INT), err));
        return constant_of(im, name, (struct tensor){DTYPE_S64, scalar, &a->i}, id, err);
    }
    if (strcmp(a->name, "value_floats") == 0) {
        ITX_TRY(import_attr_type(a, TYPE(FLOATS), err));
        const struct shape shape = {.rank = 1, .dim = {(int64_t)a->n_floats}};
        return constant_of(im, name, (struct tensor){DTYPE_F32, shape, a->floats}, id, err);
    }
    if (strcmp(a->name, "value_ints") == 0) {
        ITX_TRY(import_attr_type(a, TYPE(INTS), err));
        const struct shape shape = {.rank = 1, .dim = {(int64_t)a->n_ints}};
        return constant_of(im, name, (struct tensor){DTYPE_S64, shape, a->ints}, id, err);
    }
    return itx_fail(err, ITX_E_UNSUPPORTED, "attribute '%.64s' is not supported", a->name);
}
