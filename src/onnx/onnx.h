/* SPDX-License-Identifier: Apache-2.0
 *
 * ONNX in and out. Reading brings operator sets 6 to 21 of the default domain to the form of graph/ops.def; float16 and
 * bfloat16 become float32 everywhere. What cannot be represented is refused by one line that names the node and says what
 * to do. Errors of functions that take a path begin with it.
 */
#ifndef ONNX_ONNX_H
#define ONNX_ONNX_H

#include "base/status.h"
#include "graph/graph.h"

#define ONNX_OPSET_MIN 6
#define ONNX_OPSET_MAX 21
#define ONNX_MAX_NODES 100000
#define ONNX_MAX_TEXT 1024 /* bytes in a name */

/* Creates *g, to be freed with graph_destroy; untouched on failure. Weights kept in files beside the model are read
 * too; a path that leaves the model's folder is refused. Memory: the graph, and while reading once more the size of the
 * file, given back as the weights are copied. */
itx_status onnx_read(struct graph **g, const char *path, struct itx_error *err);
/* Same from memory; a model whose weights are in other files is refused. */
itx_status onnx_read_memory(struct graph **g, const void *data, size_t size, struct itx_error *err);

/* One serialised TensorProto, as the ONNX conformance tests hold them; data lies in the arena. */
itx_status onnx_read_tensor_memory(const void *data, size_t size, struct arena *arena,
                                   struct tensor *t, struct itx_error *err);

/* What onnx_scan says of one node; valid during the call. */
struct onnx_node_report {
    const char *name;   /* the node's, or its first output's when it has none */
    const char *type;   /* operator */
    const char *domain; /* "" is the default one */
    bool supported;     /* import understands it; false: `reason` says why not */
    const char *reason; /* "" when supported */
};
typedef void onnx_scan_fn(void *ctx, const struct onnx_node_report *report);

/* Calls fn for every node in file order, whether it is supported or not. Fails only when the file is no ONNX model
 * that could be read if its nodes were supported. */
itx_status onnx_scan(const char *path, onnx_scan_fn *fn, void *ctx, struct itx_error *err);

#define ONNX_WRITE_OPSET 18
#define ONNX_WRITE_OLD_OPSET 11 /* for tools that read nothing newer */

/* Writes opset 18, ir version 8; our own operations are expanded. Shapes must have been inferred where Attention is
 * used, and types of the outputs. Quantisation is not written. */
itx_status onnx_write(const struct graph *g, const char *path, struct itx_error *err);
/* Same to memory, freed with mem_free. */
itx_status onnx_write_memory(const struct graph *g, uint8_t **data, size_t *size,
                             struct itx_error *err);

/* Writes opset 11, ir version 6; what that set has not is refused. All shapes must have been inferred. */
itx_status onnx_write_old(const struct graph *g, const char *path, struct itx_error *err);
itx_status onnx_write_old_memory(const struct graph *g, uint8_t **data, size_t *size,
                                 struct itx_error *err);

#endif
