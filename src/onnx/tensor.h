/* SPDX-License-Identifier: Apache-2.0
 *
 * TensorProto to dense memory in our types.
 */
#ifndef ONNX_TENSOR_H
#define ONNX_TENSOR_H

#include "onnx.pb-c.h"

#include "base/file.h"
#include "base/status.h"
#include "graph/graph.h"

/* Files beside the model that hold weights; zero-initialised is valid: none may be opened. */
struct external {
    const char *folder;     /* of the model; NULL when it came from memory */
    struct file_bytes part; /* what was read last */
};
void external_release(struct external *ext);

/* Ours for an ONNX element type, float16 and bfloat16 as DTYPE_F32; `what` names the owner in the message. */
itx_status dtype_of_onnx(int32_t type, const char *what, enum dtype *dtype, struct itx_error *err);
/* And back; 0 for types ONNX does not have. */
int32_t dtype_to_onnx(enum dtype dtype);

/* *t gets its own copy of the elements in the arena. Errors do not name the tensor. */
itx_status tensor_of_onnx(const Onnx__TensorProto *p, struct external *ext, struct arena *arena,
                          struct tensor *t, struct itx_error *err);

#endif
