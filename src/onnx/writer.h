/* SPDX-License-Identifier: Apache-2.0
 *
 * A model on its way out: protobuf structures in an arena, appended to by write.c (the model) and write_node.c (nodes).
 */
#ifndef ONNX_WRITER_H
#define ONNX_WRITER_H

#include "onnx.pb-c.h"

#include "graph/graph.h"
#include "onnx/names.h"

struct writer {
    const struct graph *g;
    int opset;          /* ONNX_WRITE_OPSET or ONNX_WRITE_OLD_OPSET */
    struct arena arena; /* owns everything below but the vectors */
    VEC(Onnx__NodeProto *) nodes;
    VEC(Onnx__TensorProto *) constants;
    struct names names;      /* of all values, so that new ones differ */
    struct names node_names; /* likewise */
    bool is_failed;          /* out of memory; stays set, later calls do nothing */
};

/* `wish`, or "WISH_1", ...: what is not in `taken` yet. All of these give NULL or do nothing once the writer has failed. */
const char *writer_unique(struct writer *w, struct names *taken, const char *wish);
/* A new name "BASE/PART" for a value. */
const char *writer_name(struct writer *w, const char *base, const char *part);
void writer_add_tensor(struct writer *w, const char *name, enum dtype dtype,
                       const struct shape *shape, const void *data);
/* The node numbered `node`, expanded when it is one of ours. */
itx_status writer_add_node(struct writer *w, node_id node, struct itx_error *err);

/* Input i of the node is an attribute in the operator set that is written. */
bool writer_is_attribute(const struct writer *w, const struct node *n, int i);

/* A TensorProto of raw data; `name` may be NULL. */
Onnx__TensorProto *writer_tensor(struct writer *w, const char *name, enum dtype dtype,
                                 const struct shape *shape, const void *data);

#endif
