/* SPDX-License-Identifier: Apache-2.0
 *
 * One node: names to values, attributes to ours, old forms through upgrade.c, arity checked against ops.def.
 */
#include "onnx/import.h"

#include <string.h>

#include "base/mem.h"
#include "onnx/onnx.h"

#define MAX_INPUTS 1024
#define MAX_INTS 1024 /* numbers in one attribute */

const char *import_node_name(const Onnx__NodeProto *node)
{
    if (node->name != NULL && node->name[0] != '\0') return node->name;
    return node->n_output != 0 ? node->output[0] : "";
}

const Onnx__AttributeProto *import_attr(const Onnx__NodeProto *node, const char *name)
{
    for (size_t i = 0; i < node->n_attribute; i++) {
        const char *text = node->attribute[i]->name;
        if (text != NULL && strcmp(text, name) == 0) return node->attribute[i];
    }
    return NULL;
}

itx_status import_attr_type(const Onnx__AttributeProto *attr, int32_t type, struct itx_error *err)
{
    if (attr->ref_attr_name != NULL && attr->ref_attr_name[0] != '\0')
        return itx_fail(err, ITX_E_UNSUPPORTED, "attribute '%.64s' belongs to a function",
                        attr->name);
    if (attr->type != type)
        return itx_fail(err, ITX_E_FORMAT, "attribute '%.64s' has type %d, it should be %d",
                        attr->name, (int)attr->type, (int)type);
    return ITX_OK;
}

itx_status import_define(struct import *im, const char *text, value_id id, struct itx_error *err)
{
    struct name *name = names_add(&im->names, text);
    if (name == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    if (name->id != 0)
        return itx_fail(err, ITX_E_FORMAT, "malformed ONNX: '%.200s' is produced twice", text);
    name->id = id;
    return ITX_OK;
}

/* --- operands --- */

static itx_status resolve_inputs(const struct import *im, struct draft *d, struct itx_error *err)
{
    if (d->proto->n_input > MAX_INPUTS)
        return itx_fail(err, ITX_E_RANGE, "has %zu inputs, at most %d are supported",
                        d->proto->n_input, MAX_INPUTS);
    for (size_t i = 0; i < d->proto->n_input; i++) {
        const char *text = d->proto->input[i];
        value_id id = 0;
        if (text[0] != '\0') {
            const struct name *name = names_find(&im->names, text);
            if (name == NULL || name->id == 0)
                return itx_fail(err, ITX_E_FORMAT,
                                "malformed ONNX: its input '%.200s' is produced by no node before "
                                "it",
                                text);
            id = name->id;
        }
        if (!vec_push(&d->inputs, id)) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    }
    return ITX_OK;
}

/* Outputs that nobody uses and our form does not have are left out. */
static itx_status count_outputs(const struct import *im, const struct draft *d, int *n,
                                struct itx_error *err)
{
    const struct op_info *info = op_info(d->op);
    size_t count = d->proto->n_output;
    while (count > (size_t)info->max_outputs) {
        const char *text = d->proto->output[count - 1];
        const struct name *name = names_find(&im->names, text);
        if (name != NULL && name->is_used && text[0] != '\0')
            return itx_fail(err, ITX_E_UNSUPPORTED, "its output %zu ('%.200s') is not supported",
                            count, text);
        count--;
    }
    if (count < (size_t)info->min_outputs)
        return itx_fail(err, ITX_E_FORMAT, "has %zu outputs, at least %d are needed", count,
                        info->min_outputs);
    *n = (int)count;
    return ITX_OK;
}

static itx_status define_outputs(struct import *im, struct draft *d, struct itx_error *err)
{
    int n = 0;
    ITX_TRY(count_outputs(im, d, &n, err));
    for (int i = 0; i < n; i++) {
        const char *text = d->proto->output[i];
        if (strlen(text) > ONNX_MAX_TEXT)
            return itx_fail(err, ITX_E_RANGE,
                            "the name of output %d has %zu bytes, at most %d are "
                            "supported",
                            i, strlen(text), ONNX_MAX_TEXT);
        value_id id;
        const bool is_named = text[0] != '\0';
        ITX_TRY(graph_add_value(im->g, is_named ? text : NULL, DTYPE_NONE, NULL, &id, err));
        if (is_named) ITX_TRY(import_define(im, text, id, err));
        if (!vec_push(&d->outputs, id)) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    }
    return ITX_OK;
}

static itx_status check_inputs(struct draft *d, struct itx_error *err)
{
    const struct op_info *info = op_info(d->op);
    while (d->inputs.len != 0 && d->inputs.data[d->inputs.len - 1] == 0) d->inputs.len--;
    if (d->inputs.len < (size_t)info->min_inputs)
        return itx_fail(err, ITX_E_FORMAT, "%zu inputs are given, at least %d are needed",
                        d->inputs.len, info->min_inputs);
    if (d->inputs.len > (size_t)info->max_inputs)
        return itx_fail(err, ITX_E_FORMAT, "%zu inputs are given, at most %d are known",
                        d->inputs.len, info->max_inputs);
    for (int i = 0; i < info->min_inputs; i++)
        if (d->inputs.data[i] == 0)
            return itx_fail(err, ITX_E_FORMAT, "its input %d is left out", i);
    return ITX_OK;
}

/* --- attributes --- */

/* What training left behind, and options whose usual value is the only one we compute. columns: operator, attribute,
 * type, the value that may be left out (INT_ANY: every one) */
#define INT_ANY INT64_MIN
struct ignorable {
    const char *op, *attr;
    int64_t i;
    const char *text; /* not NULL: a text */
};
static const struct ignorable ignorables[] = {
    /* opset 6 had to ask for what is the rule since; where it differs there is an "axis" too, which is refused */
    {"Add", "broadcast", INT_ANY, NULL},
    {"Div", "broadcast", INT_ANY, NULL},
    {"Gemm", "broadcast", INT_ANY, NULL},
    {"Mul", "broadcast", INT_ANY, NULL},
    {"Pow", "broadcast", INT_ANY, NULL},
    {"Sub", "broadcast", INT_ANY, NULL},
    {"BatchNormalization", "is_test", 1, NULL},
    {"Dropout", "is_test", INT_ANY, NULL},
    {"BatchNormalization", "momentum", INT_ANY, NULL},
    {"BatchNormalization", "spatial", 1, NULL},
    {"BatchNormalization", "training_mode", 0, NULL},
    {"Cast", "saturate", INT_ANY, NULL},
    {"Dropout", "ratio", INT_ANY, NULL},
    {"Dropout", "seed", INT_ANY, NULL},
    {"MaxPool", "storage_order", INT_ANY, NULL},   /* of the indices, which are not supported */
    {"QuantizeLinear", "saturate", INT_ANY, NULL}, /* of float8, which is not supported */
    {"Resize", "antialias", 0, NULL},
    {"Resize", "keep_aspect_ratio_policy", 0, "stretch"},
};

static bool is_ignorable(const char *op, const Onnx__AttributeProto *attr)
{
    for (size_t i = 0; i < ARRAY_LEN(ignorables); i++) {
        const struct ignorable *row = &ignorables[i];
        if (strcmp(row->op, op) != 0 || strcmp(row->attr, attr->name) != 0) continue;
        if (row->text != NULL)
            return attr->s.len == strlen(row->text) &&
                   memcmp(attr->s.data, row->text, attr->s.len) == 0;
        return row->i == INT_ANY || row->i == attr->i;
    }
    return false;
}

static bool is_taken(const struct draft *d, const char *name)
{
    for (int i = 0; i < d->n_taken; i++)
        if (strcmp(d->taken[i], name) == 0) return true;
    return false;
}

static itx_status set_text(struct graph *g, node_id node, enum attr_id id, ProtobufCBinaryData s,
                           struct itx_error *err)
{
    char text[65];
    if (s.len >= sizeof text || (s.len != 0 && memchr(s.data, '\0', s.len) != NULL))
        return itx_fail(err, ITX_E_FORMAT, "attribute '%s' is no word", attr_info(id)->name);
    if (s.len != 0) memcpy(text, s.data, s.len);
    text[s.len] = '\0';
    return graph_set_text(g, node, id, text, err);
}

static itx_status set_attr(struct graph *g, node_id node, const Onnx__AttributeProto *attr,
                           enum attr_id id, struct itx_error *err)
{
    switch (attr_info(id)->kind) {
    case ATTR_KIND_INT:
        ITX_TRY(import_attr_type(attr, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT, err));
        return graph_set_int(g, node, id, attr->i, err);
    case ATTR_KIND_FLOAT:
        ITX_TRY(import_attr_type(attr, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT, err));
        return graph_set_float(g, node, id, attr->f, err);
    case ATTR_KIND_INTS:
        ITX_TRY(import_attr_type(attr, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS, err));
        if (attr->n_ints > MAX_INTS)
            return itx_fail(err, ITX_E_RANGE,
                            "attribute '%.64s' has %zu numbers, at most %d are "
                            "supported",
                            attr->name, attr->n_ints, MAX_INTS);
        return graph_set_ints(g, node, id, (int)attr->n_ints, attr->ints, err);
    case ATTR_KIND_TEXT:
        ITX_TRY(import_attr_type(attr, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING, err));
        return set_text(g, node, id, attr->s, err);
    }
    ITX_BUG();
}

/* Ours, or with another meaning than ONNX gives the name; such an attribute is set by upgrades only. */
static bool is_ours(enum attr_id id)
{
    return id == ATTR_ACT || id == ATTR_HEADS || id == ATTR_SCALE || id == ATTR_TO ||
           id == ATTR_VALUE;
}

static itx_status set_attrs(struct import *im, const struct draft *d, node_id node,
                            struct itx_error *err)
{
    for (size_t i = 0; i < d->proto->n_attribute; i++) {
        const Onnx__AttributeProto *attr = d->proto->attribute[i];
        enum attr_id id;
        if (attr->name == NULL) return itx_fail(err, ITX_E_FORMAT, "has an attribute without name");
        if (is_taken(d, attr->name) || is_ignorable(d->proto->op_type, attr)) continue;
        const bool is_known = attr_find(attr->name, &id) && !is_ours(id);
        const bool is_old_broadcast =
            is_known && id == ATTR_AXIS && (op_info(d->op)->flags & OP_ELT) != 0;
        if (!is_known || is_old_broadcast)
            return itx_fail(err, ITX_E_UNSUPPORTED, "attribute '%.64s' is not supported",
                            attr->name);
        ITX_TRY(set_attr(im->g, node, attr, id, err));
    }
    for (int i = 0; i < d->n_extra; i++) {
        const struct attr *a = &d->extra[i];
        switch (attr_info(a->id)->kind) {
        case ATTR_KIND_INT:
            ITX_TRY(graph_set_int(im->g, node, a->id, a->i, err));
            break;
        case ATTR_KIND_FLOAT:
            ITX_TRY(graph_set_float(im->g, node, a->id, a->f, err));
            break;
        case ATTR_KIND_INTS:
            ITX_TRY(graph_set_ints(im->g, node, a->id, a->n_ints, a->ints, err));
            break;
        case ATTR_KIND_TEXT:
            ITX_TRY(graph_set_text(im->g, node, a->id, a->text, err));
            break;
        }
    }
    return ITX_OK;
}

/* --- the node --- */

static itx_status add_draft(struct import *im, struct draft *d, struct itx_error *err)
{
    node_id node;
    ITX_TRY(resolve_inputs(im, d, err));
    ITX_TRY(upgrade_draft(im, d, err));
    ITX_TRY(check_inputs(d, err));
    ITX_TRY(define_outputs(im, d, err));
    ITX_TRY(graph_add_node(im->g, d->op, d->name, (int)d->inputs.len, d->inputs.data,
                           (int)d->outputs.len, d->outputs.data, &node, err));
    return set_attrs(im, d, node, err);
}

static itx_status import_constant_node(struct import *im, const Onnx__NodeProto *node,
                                       struct itx_error *err)
{
    value_id id;
    if (node->n_output != 1 || node->output[0][0] == '\0' || node->n_input != 0)
        return itx_fail(err, ITX_E_FORMAT, "malformed ONNX: a constant has one output, no input");
    ITX_TRY(upgrade_constant(im, node, &id, err));
    return import_define(im, node->output[0], id, err);
}

itx_status import_node(struct import *im, const Onnx__NodeProto *node, struct itx_error *err)
{
    struct draft d = {.proto = node, .name = import_node_name(node)};
    if (node->op_type == NULL || node->op_type[0] == '\0')
        return itx_fail(err, ITX_E_FORMAT, "malformed ONNX: a node without operator");
    if (strlen(d.name) > ONNX_MAX_TEXT)
        return itx_fail(err, ITX_E_RANGE, "its name has %zu bytes, at most %d are supported",
                        strlen(d.name), ONNX_MAX_TEXT);
    if (node->domain != NULL && node->domain[0] != '\0' && strcmp(node->domain, "ai.onnx") != 0)
        return itx_fail(err, ITX_E_UNSUPPORTED,
                        "operators of domain '%.64s' are not supported: export with ONNX's own "
                        "operators",
                        node->domain);
    if (strcmp(node->op_type, "Constant") == 0) return import_constant_node(im, node, err);
    const itx_status rc = add_draft(im, &d, err);
    vec_release(&d.inputs);
    vec_release(&d.outputs);
    return rc;
}

itx_status import_node_skip(struct import *im, const Onnx__NodeProto *node, struct itx_error *err)
{
    for (size_t i = 0; i < node->n_output; i++) {
        const char *text = node->output[i];
        const struct name *known = names_find(&im->names, text);
        if (text[0] == '\0' || (known != NULL && known->id != 0)) continue;
        value_id id;
        ITX_TRY(graph_add_value(im->g, NULL, DTYPE_NONE, NULL, &id, err));
        ITX_TRY(import_define(im, text, id, err));
    }
    return ITX_OK;
}
