/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes as ONNX: most keep their form; Silu, Attention and what convolutions have taken in are written out again.
 */
#include "onnx/writer.h"

#include <string.h>

#include "onnx/onnx.h"
#include "onnx/tensor.h"
#include "tensor/fixed.h"

/* Room for attributes in every node: the graph's own and what an expansion adds. */
#define MAX_ATTRS (ATTR_ID_COUNT + 2)

static char *text_of(const char *text)
{
    return (char *)(uintptr_t)text;
}

static char **texts(struct writer *w, int n, const char *const *names)
{
    char **list = arena_calloc(&w->arena, (size_t)n, sizeof *list);
    for (int i = 0; list != NULL && i < n; i++) list[i] = text_of(names[i]);
    return list;
}

/* ONNX Runtime refuses two nodes of one name. */
static Onnx__NodeProto *add(struct writer *w, const char *type, const char *wish, int n_inputs,
                            const char *const *inputs, int n_outputs, const char *const *outputs)
{
    const char *name = writer_unique(w, &w->node_names, wish);
    if (name == NULL) return NULL;
    Onnx__NodeProto *node = arena_alloc(&w->arena, sizeof *node);
    char **in = texts(w, n_inputs, inputs), **out = texts(w, n_outputs, outputs);
    Onnx__AttributeProto **attrs = arena_calloc(&w->arena, MAX_ATTRS, sizeof *attrs);
    if (node == NULL || in == NULL || out == NULL || attrs == NULL || !vec_push(&w->nodes, node)) {
        w->is_failed = true;
        return NULL;
    }
    onnx__node_proto__init(node);
    node->op_type = text_of(type);
    node->name = text_of(name);
    node->n_input = (size_t)n_inputs;
    node->input = in;
    node->n_output = (size_t)n_outputs;
    node->output = out;
    node->attribute = attrs;
    return node;
}

/* An operation with one output, called "BASE/PART" unless `out` is given. Returns the output's name. */
static const char *step(struct writer *w, const char *type, const char *base, int n_inputs,
                        const char *const *inputs, const char *out)
{
    if (out == NULL) out = writer_name(w, base, type);
    return add(w, type, base, n_inputs, inputs, 1, &out) != NULL ? out : NULL;
}

static Onnx__AttributeProto *add_attr(struct writer *w, Onnx__NodeProto *node, const char *name,
                                      int32_t type)
{
    if (w->is_failed || node == NULL) return NULL;
    if (node->n_attribute == MAX_ATTRS) ITX_BUG();
    Onnx__AttributeProto *attr = arena_alloc(&w->arena, sizeof *attr);
    if (attr == NULL) {
        w->is_failed = true;
        return NULL;
    }
    onnx__attribute_proto__init(attr);
    attr->name = text_of(name);
    attr->has_type = 1;
    attr->type = type;
    node->attribute[node->n_attribute++] = attr;
    return attr;
}

#define TYPE(name) ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__##name

static void add_int(struct writer *w, Onnx__NodeProto *node, const char *name, int64_t v)
{
    Onnx__AttributeProto *attr = add_attr(w, node, name, TYPE(INT));
    if (attr == NULL) return;
    attr->has_i = 1;
    attr->i = v;
}

static void add_float(struct writer *w, Onnx__NodeProto *node, const char *name, float v)
{
    Onnx__AttributeProto *attr = add_attr(w, node, name, TYPE(FLOAT));
    if (attr == NULL) return;
    attr->has_f = 1;
    attr->f = v;
}

static void add_ints(struct writer *w, Onnx__NodeProto *node, const char *name, int n,
                     const int64_t *v)
{
    Onnx__AttributeProto *attr = add_attr(w, node, name, TYPE(INTS));
    if (attr == NULL) return;
    attr->ints = arena_dup(&w->arena, v, (size_t)n * sizeof *v);
    attr->n_ints = (size_t)n;
    if (attr->ints == NULL) w->is_failed = true;
}

static void add_graph_attr(struct writer *w, Onnx__NodeProto *node, const struct attr *a)
{
    const char *name = attr_info(a->id)->name;
    Onnx__AttributeProto *attr;
    switch (attr_info(a->id)->kind) {
    case ATTR_KIND_INT:
        add_int(w, node, name, a->i);
        return;
    case ATTR_KIND_FLOAT:
        attr = add_attr(w, node, name, TYPE(FLOAT));
        if (attr == NULL) return;
        attr->has_f = 1;
        attr->f = a->f;
        return;
    case ATTR_KIND_INTS:
        add_ints(w, node, name, a->n_ints, a->ints);
        return;
    case ATTR_KIND_TEXT:
        attr = add_attr(w, node, name, TYPE(STRING));
        if (attr == NULL) return;
        attr->has_s = 1;
        attr->s = (ProtobufCBinaryData){strlen(a->text), (uint8_t *)text_of(a->text)};
        return;
    }
}

/* One number of the type that ATTR_TO says. */
static itx_status add_fill(struct writer *w, Onnx__NodeProto *node, const struct node *n,
                           struct itx_error *err)
{
    const float value = node_float(n, ATTR_VALUE, 0);
    const enum dtype dtype = (enum dtype)node_int(n, ATTR_TO, DTYPE_F32);
    const struct shape shape = {.rank = 1, .dim = {1}};
    union {
        float f32;
        double f64;
        int64_t s64;
        int32_t s32;
        int16_t s16;
        int8_t s8;
        uint8_t u8;
    } one = {0};
    switch (dtype) {
    case DTYPE_F32:
        one.f32 = value;
        break;
    case DTYPE_F64:
        one.f64 = value;
        break;
    case DTYPE_S64:
        one.s64 = (int64_t)value;
        break;
    case DTYPE_S32:
        one.s32 = (int32_t)value;
        break;
    case DTYPE_S16:
        one.s16 = (int16_t)value;
        break;
    case DTYPE_S8:
        one.s8 = (int8_t)value;
        break;
    case DTYPE_U8:
    case DTYPE_BOOL:
        one.u8 = (uint8_t)value;
        break;
    case DTYPE_NONE:
    case DTYPE_F16:
    case DTYPE_COUNT:
        return itx_fail(err, ITX_E_UNSUPPORTED, "type %d cannot be written", (int)dtype);
    }
    Onnx__AttributeProto *attr = add_attr(w, node, "value", TYPE(TENSOR));
    if (attr != NULL) attr->t = writer_tensor(w, NULL, dtype, &shape, &one);
    return ITX_OK;
}

static const char *value_name(const struct writer *w, value_id id)
{
    return id != 0 ? graph_value(w->g, id)->name : "";
}

/* --- operator set 11, where inputs of later sets are attributes --- */

static const struct {
    enum op op;
    const char *name; /* of input 1 as an attribute */
} old_attributes[] = {
    {OP_REDUCE_MAX, "axes"}, {OP_REDUCE_MEAN, "axes"}, {OP_REDUCE_MIN, "axes"},
    {OP_REDUCE_SUM, "axes"}, {OP_SQUEEZE, "axes"},     {OP_UNSQUEEZE, "axes"},
    {OP_SPLIT, "split"},
};

/* NULL: an input there too. */
static const char *old_attribute(enum op op)
{
    for (size_t i = 0; i < ARRAY_LEN(old_attributes); i++)
        if (old_attributes[i].op == op) return old_attributes[i].name;
    return NULL;
}

bool writer_is_attribute(const struct writer *w, const struct node *n, int i)
{
    return w->opset == ONNX_WRITE_OLD_OPSET && i == 1 && old_attribute(n->op) != NULL;
}

static itx_status add_old_input(struct writer *w, Onnx__NodeProto *node, const struct node *n,
                                struct itx_error *err)
{
    const char *name = old_attribute(n->op);
    const value_id v = node_input(n, 1);
    if (v == 0) return ITX_OK;
    const struct value *value = graph_value(w->g, v);
    if (value->data == NULL || value->dtype != DTYPE_S64 || value->shape.rank != 1)
        return itx_fail(err, ITX_E_UNSUPPORTED, "operator set 11 knows %s as constants only", name);
    add_ints(w, node, name, (int)value->shape.dim[0], value->data);
    return ITX_OK;
}

/* Attributes that came later than set 11, and say there what needs no saying. */
static bool is_new_attribute(const struct node *n, const struct attr *a)
{
    bool is_all_one = true;
    for (int i = 0; i < a->n_ints; i++) is_all_one = is_all_one && a->ints[i] == 1;
    switch ((int)a->id) {
    case ATTR_ALLOWZERO:
    case ATTR_NOOP_EMPTY_AXES:
        return a->i == 0;
    case ATTR_NUM_OUTPUTS:
        return true;
    case ATTR_DILATIONS:
        return n->op == OP_AVERAGE_POOL && is_all_one;
    default:
        return false;
    }
}

/* What says something else in set 11, or is not there. */
static itx_status check_old(const struct writer *w, const struct node *n, struct itx_error *err)
{
    const char *what = NULL;
    const int rank = graph_value(w->g, n->inputs[0])->shape.rank;
    const int64_t axis = node_int(n, ATTR_AXIS, -1);
    if (n->op == OP_SOFTMAX && axis != -1 && axis != rank - 1)
        what = "a softmax along a dimension that is not the last";
    if (n->op == OP_PAD && node_input(n, 3) != 0) what = "axes";
    if (n->op == OP_SHAPE && n->n_attrs != 0) what = "start and end";
    if (n->op == OP_RESHAPE && node_int(n, ATTR_ALLOWZERO, 0) != 0) what = "allowzero";
    if (node_int(n, ATTR_NOOP_EMPTY_AXES, 0) != 0) what = "noop_with_empty_axes";
    return what == NULL ? ITX_OK
                        : itx_fail(err, ITX_E_UNSUPPORTED, "operator set 11 has not got %s", what);
}

/* Resize takes all of region, scales and sizes there: those that are left out are empty. */
static int complete_resize(struct writer *w, const struct node *n, const char **inputs)
{
    static const float none[1];
    for (int i = 1; i < 3; i++) {
        if (node_input(n, i) != 0) continue;
        inputs[i] = writer_name(w, n->name, i == 1 ? "roi" : "scales");
        if (inputs[i] != NULL)
            writer_add_tensor(w, inputs[i], DTYPE_F32, &(struct shape){.rank = 1}, none);
    }
    return node_input(n, 3) != 0 ? 4 : 3;
}

static itx_status add_attrs(struct writer *w, Onnx__NodeProto *node, const struct node *n,
                            struct itx_error *err)
{
    if (n->op == OP_CAST) {
        const enum dtype to = (enum dtype)node_int(n, ATTR_TO, DTYPE_F32);
        add_int(w, node, "to", dtype_to_onnx(to));
        return ITX_OK;
    }
    if (n->op == OP_CONSTANT_OF_SHAPE) return add_fill(w, node, n, err);
    const bool is_old = w->opset == ONNX_WRITE_OLD_OPSET;
    for (int i = 0; i < n->n_attrs; i++) {
        if (n->attrs[i].id == ATTR_ACT || (is_old && is_new_attribute(n, &n->attrs[i]))) continue;
        add_graph_attr(w, node, &n->attrs[i]);
    }
    if (is_old && n->op == OP_SOFTMAX && node_attr(n, ATTR_AXIS) == NULL)
        add_int(w, node, "axis", -1);
    return is_old && old_attribute(n->op) != NULL ? add_old_input(w, node, n, err) : ITX_OK;
}

/* Writes `n` with the first n_inputs of its inputs and, when out is not NULL, with another name for its one output. */
static itx_status add_plain(struct writer *w, const struct node *n, int n_inputs, const char *out,
                            struct itx_error *err)
{
    const bool is_old = w->opset == ONNX_WRITE_OLD_OPSET;
    if (is_old) ITX_TRY(check_old(w, n, err));
    if (is_old && old_attribute(n->op) != NULL) n_inputs = 1;
    const int room = n->op == OP_RESIZE ? 4 : n_inputs;
    const char **inputs = arena_calloc(&w->arena, (size_t)room, sizeof *inputs);
    const char **outputs = arena_calloc(&w->arena, (size_t)n->n_outputs, sizeof *outputs);
    if (inputs == NULL || outputs == NULL) {
        w->is_failed = true;
        return ITX_OK;
    }
    for (int i = 0; i < n_inputs; i++) inputs[i] = value_name(w, n->inputs[i]);
    for (int i = 0; i < n->n_outputs; i++) outputs[i] = value_name(w, n->outputs[i]);
    if (out != NULL) outputs[0] = out;
    if (is_old && n->op == OP_RESIZE) n_inputs = complete_resize(w, n, inputs);
    Onnx__NodeProto *node =
        add(w, op_info(n->op)->name, n->name, n_inputs, inputs, n->n_outputs, outputs);
    return add_attrs(w, node, n, err);
}

/* --- expansions --- */

static const char *add_silu(struct writer *w, const char *base, const char *x, const char *out)
{
    const char *gate = step(w, "Sigmoid", base, 1, &x, NULL);
    return step(w, "Mul", base, 2, (const char *const[]){x, gate}, out);
}

static void add_hard_swish(struct writer *w, const char *base, const char *x, const char *out)
{
    const char *gate = writer_name(w, base, "HardSigmoid");
    Onnx__NodeProto *const node = add(w, "HardSigmoid", base, 1, &x, 1, &gate);
    add_float(w, node, "alpha", 1.0f / 6);
    add_float(w, node, "beta", 0.5f);
    step(w, "Mul", base, 2, (const char *const[]){x, gate}, out);
}

/* act(conv(x)) + residual */
static itx_status add_conv(struct writer *w, const struct node *n, struct itx_error *err)
{
    const enum act act = (enum act)node_int(n, ATTR_ACT, ACT_NONE);
    const char *residual = n->op == OP_CONV ? value_name(w, node_input(n, 3)) : "";
    const char *out = value_name(w, n->outputs[0]);
    const bool has_residual = residual[0] != '\0';
    int n_inputs = n->n_inputs < 3 ? n->n_inputs : 3;
    if (n_inputs == 3 && n->inputs[2] == 0) n_inputs = 2;
    if (act == ACT_NONE && !has_residual) return add_plain(w, n, n_inputs, NULL, err);
    const char *conv = writer_name(w, out, op_info(n->op)->name);
    const char *act_out = has_residual ? NULL : out, *y = NULL;
    ITX_TRY(add_plain(w, n, n_inputs, conv, err));
    switch (act) {
    case ACT_NONE:
        y = conv;
        break;
    case ACT_RELU:
        y = step(w, "Relu", out, 1, &conv, act_out);
        break;
    case ACT_SILU:
        y = add_silu(w, out, conv, act_out);
        break;
    case ACT_SIGMOID:
        y = step(w, "Sigmoid", out, 1, &conv, act_out);
        break;
    case ACT_COUNT:
        ITX_BUG();
    }
    if (has_residual) step(w, "Add", out, 2, (const char *const[]){y, residual}, out);
    return ITX_OK;
}

static const char *add_reshape(struct writer *w, const char *base, const char *x,
                               const int64_t *dims, const char *out)
{
    const char *shape = writer_name(w, base, "shape");
    if (shape == NULL) return NULL;
    writer_add_tensor(w, shape, DTYPE_S64, &(struct shape){.rank = 1, .dim = {4}}, dims);
    return step(w, "Reshape", base, 2, (const char *const[]){x, shape}, out);
}

static const char *add_transpose(struct writer *w, const char *base, const char *x)
{
    const char *out = writer_name(w, base, "Transpose");
    add_ints(w, add(w, "Transpose", base, 1, &x, 1, &out), "perm", 4, (int64_t[]){0, 1, 3, 2});
    return out;
}

/* v softmax(scale q' k)', for each head; tokens are the pixels. */
static itx_status add_attention(struct writer *w, const struct node *n, struct itx_error *err)
{
    const struct shape *q = &graph_value(w->g, n->inputs[0])->shape;
    const struct shape *v = &graph_value(w->g, n->inputs[2])->shape;
    const int64_t heads = node_int(n, ATTR_HEADS, 1);
    const float scale = node_float(n, ATTR_SCALE, 1);
    if (q->rank != 4 || v->rank != 4 || heads < 1 || q->dim[1] % heads != 0 ||
        v->dim[1] % heads != 0)
        return itx_fail(err, ITX_E_INVAL, "shapes of its inputs are not known yet");
    const int64_t tokens = q->dim[2] * q->dim[3];
    const int64_t q_dims[4] = {q->dim[0], heads, q->dim[1] / heads, tokens};
    const int64_t v_dims[4] = {v->dim[0], heads, v->dim[1] / heads, tokens};
    const char *y = value_name(w, n->outputs[0]);
    const char *qr = add_reshape(w, y, value_name(w, n->inputs[0]), q_dims, NULL);
    const char *kr = add_reshape(w, y, value_name(w, n->inputs[1]), q_dims, NULL);
    const char *vr = add_reshape(w, y, value_name(w, n->inputs[2]), v_dims, NULL);
    const char *qt = add_transpose(w, y, qr);
    const char *dots = step(w, "MatMul", y, 2, (const char *const[]){qt, kr}, NULL);
    const char *factor = writer_name(w, y, "scale");
    if (factor != NULL) writer_add_tensor(w, factor, DTYPE_F32, &(struct shape){.rank = 0}, &scale);
    const char *scaled = step(w, "Mul", y, 2, (const char *const[]){dots, factor}, NULL);
    const char *weights = writer_name(w, y, "Softmax");
    add_int(w, add(w, "Softmax", y, 1, &scaled, 1, &weights), "axis", -1);
    const char *wt = add_transpose(w, y, weights);
    const char *sums = step(w, "MatMul", y, 2, (const char *const[]){vr, wt}, NULL);
    add_reshape(w, y, sums, v->dim, y);
    return ITX_OK;
}

itx_status writer_add_node(struct writer *w, node_id id, struct itx_error *err)
{
    const struct node *n = &w->g->nodes.data[id];
    const char *in = value_name(w, node_input(n, 0)), *out = value_name(w, n->outputs[0]);
    if (n->op == OP_CONV || n->op == OP_CONV_TRANSPOSE) return add_conv(w, n, err);
    if (n->op == OP_ATTENTION) return add_attention(w, n, err);
    if (n->op == OP_SILU)
        add_silu(w, out, in, out);
    else if (n->op == OP_HARD_SWISH && w->opset == ONNX_WRITE_OLD_OPSET)
        add_hard_swish(w, out, in, out);
    else
        return add_plain(w, n, n->n_inputs, NULL, err);
    return ITX_OK;
}
