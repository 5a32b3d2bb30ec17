/* SPDX-License-Identifier: Apache-2.0
 *
 * The protobuf layer: bytes to protobuf-c's structures under a memory limit that follows from the number of bytes.
 */
#ifndef ONNX_WIRE_H
#define ONNX_WIRE_H

#include <stdbool.h>
#include <stddef.h>

#include "onnx.pb-c.h"

#include "base/status.h"

/* Must outlive, unmoved, what was unpacked with it. */
struct wire {
    ProtobufCAllocator allocator;
    size_t used, limit;     /* bytes */
    bool is_over, is_nomem; /* why unpacking failed, when it was not the input's fault */
};

void wire_init(struct wire *wire, size_t input_size);

/* On success *model is freed with wire_free_model and its graph is not NULL. Errors say what the bytes look like when they
 * are no ONNX model. */
itx_status wire_read_model(struct wire *wire, const void *data, size_t size,
                           Onnx__ModelProto **model, struct itx_error *err);
void wire_free_model(struct wire *wire, Onnx__ModelProto *model); /* accepts NULL */
itx_status wire_read_tensor(struct wire *wire, const void *data, size_t size,
                            Onnx__TensorProto **tensor, struct itx_error *err);
void wire_free_tensor(struct wire *wire, Onnx__TensorProto *tensor); /* accepts NULL */
/* Gives back the elements of a tensor inside a model; its name stays. */
void wire_drop_elements(struct wire *wire, Onnx__TensorProto *tensor);

#endif
