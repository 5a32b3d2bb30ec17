/* SPDX-License-Identifier: Apache-2.0
 *
 * What import.c (the model), order.c (of its nodes), node.c (one node) and upgrade.c (operators whose form changed) share.
 */
#ifndef ONNX_IMPORT_H
#define ONNX_IMPORT_H

#include "onnx.pb-c.h"

#include "graph/graph.h"
#include "onnx/names.h"
#include "onnx/tensor.h"

struct import {
    struct graph *g;
    int opset;
    struct names names; /* of the model's values; borrowed from the protobuf structures */
    struct external external;
    bool has_nms;       /* a NonMaxSuppression somewhere, and much around it that is no network */
    bool is_quantised;  /* a node that quantises or computes with quantised numbers somewhere */
    node_id n_inferred; /* nodes below it have been through shape inference */
};

/* One node on its way from ONNX's form to ours. Upgrades change it before it is added to the graph. */
#define DRAFT_MAX_EXTRA 4
#define DRAFT_MAX_TAKEN 4
struct draft {
    const Onnx__NodeProto *proto;
    const char *name; /* for the graph and for messages */
    enum op op;
    VEC(value_id) inputs;
    VEC(value_id) outputs;
    int n_extra, n_taken;
    struct attr extra[DRAFT_MAX_EXTRA]; /* set after the node's own attributes */
    const char *taken[DRAFT_MAX_TAKEN]; /* names of attributes that have become something else */
};

/* --- node.c --- */

/* The node's name, or its first output's. Never NULL. */
const char *import_node_name(const Onnx__NodeProto *node);
/* Adds the node to the graph and defines its outputs. Errors do not name the node. */
itx_status import_node(struct import *im, const Onnx__NodeProto *node, struct itx_error *err);
/* Defines all of the node's outputs as values of unknown type, after import_node failed. */
itx_status import_node_skip(struct import *im, const Onnx__NodeProto *node, struct itx_error *err);
/* The name becomes the name of `id`; refuses a second definition. */
itx_status import_define(struct import *im, const char *name, value_id id, struct itx_error *err);
/* NULL when absent. */
const Onnx__AttributeProto *import_attr(const Onnx__NodeProto *node, const char *name);
/* Refuses an attribute of another type: one of Onnx__AttributeProto__AttributeType. */
itx_status import_attr_type(const Onnx__AttributeProto *attr, int32_t type, struct itx_error *err);

/* --- order.c --- */

/* order[graph->n_node]: the nodes' numbers, each behind the producers of its inputs, as far as there are no cycles. */
itx_status import_order(const Onnx__GraphProto *graph, size_t *order, struct itx_error *err);

/* --- import.c --- */

/* A constant of the graph, copied once. */
itx_status import_tensor(struct import *im, const char *name, const Onnx__TensorProto *p,
                         value_id *id, struct itx_error *err);
/* Rank of a value as far as shapes follow from what was imported so far; -1 when they do not. */
itx_status import_rank(struct import *im, value_id id, int *rank, struct itx_error *err);

/* --- upgrade.c --- */

/* What a user does about a model that quantises. */
#define IMPORT_QUANTISED "the model is quantised already, give the float one"
/* QuantizeLinear, DequantizeLinear, and what dynamic quantisation and quantised operators are called. */
bool import_quantises(const char *op_type);

/* Brings a draft whose op_type is not, or not in this opset, one of ours to our form. Sets op. */
itx_status upgrade_draft(struct import *im, struct draft *d, struct itx_error *err);
/* The value that a Constant node stands for. */
itx_status upgrade_constant(struct import *im, const Onnx__NodeProto *node, value_id *id,
                            struct itx_error *err);

#endif
