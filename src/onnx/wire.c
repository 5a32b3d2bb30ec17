/* SPDX-License-Identifier: Apache-2.0
 *
 * protobuf-c copies every field it reads, known or not. A message of a few bytes becomes a structure of a few hundred, so
 * the allocator counts and stops at a multiple of the input: real models stay below 4 times their size.
 */
#include "onnx/wire.h"

#include <limits.h>
#include <string.h>

#include "base/compiler.h"
#include "base/look.h"
#include "base/mem.h"

#define LIMIT_BASE ((size_t)4 << 20)
#define LIMIT_FACTOR 32

/* Every block is preceded by its size; 16 bytes keep the alignment. */
#define HEADER 16

static void *counted_alloc(void *ctx, size_t size)
{
    struct wire *wire = ctx;
    size_t whole, used;
    if (!size_add(size, HEADER, &whole) || !size_add(wire->used, whole, &used) ||
        used > wire->limit) {
        wire->is_over = true;
        return NULL;
    }
    uint8_t *p = mem_alloc(whole);
    if (p == NULL) {
        wire->is_nomem = true;
        return NULL;
    }
    memcpy(p, &whole, sizeof whole);
    wire->used = used;
    return p + HEADER;
}

static void counted_free(void *ctx, void *p)
{
    if (p == NULL) return;
    struct wire *wire = ctx;
    uint8_t *block = (uint8_t *)p - HEADER;
    size_t whole;
    memcpy(&whole, block, sizeof whole);
    wire->used -= whole;
    mem_free(block);
}

void wire_init(struct wire *wire, size_t input_size)
{
    size_t limit;
    if (!size_mul(input_size, LIMIT_FACTOR, &limit) || !size_add(limit, LIMIT_BASE, &limit))
        limit = SIZE_MAX;
    *wire = (struct wire){.allocator = {counted_alloc, counted_free, wire}, .limit = limit};
}

static itx_status refuse(const uint8_t *data, size_t size, struct itx_error *err)
{
    /* every exporter begins with field 1, ir_version, a small number */
    if (size >= 3 && data[0] == 0x08 && data[1] < 0x20 && !look_is_other(LOOK_FOR_ONNX, data, size))
        return itx_fail(err, ITX_E_FORMAT,
                        "not a whole ONNX file: it begins like one, but is cut short or damaged "
                        "(%zu bytes)",
                        size);
    return look_refuse(LOOK_FOR_ONNX, data, size, err);
}

static itx_status unpack(struct wire *wire, const ProtobufCMessageDescriptor *type,
                         const void *data, size_t size, ProtobufCMessage **message,
                         struct itx_error *err)
{
    if (size > INT_MAX)
        return itx_fail(err, ITX_E_RANGE,
                        "%zu bytes, more than the 2 GiB of protobuf: export with external data",
                        size);
    *message = protobuf_c_message_unpack(type, &wire->allocator, size, data);
    if (*message != NULL) return ITX_OK;
    if (wire->is_nomem) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    if (wire->is_over)
        return itx_fail(err, ITX_E_RANGE, "malformed ONNX: %zu bytes would unpack to more than %zu",
                        size, wire->limit);
    return refuse(data, size, err);
}

itx_status wire_read_model(struct wire *wire, const void *data, size_t size,
                           Onnx__ModelProto **model, struct itx_error *err)
{
    ProtobufCMessage *message;
    ITX_TRY(unpack(wire, &onnx__model_proto__descriptor, data, size, &message, err));
    Onnx__ModelProto *m = (Onnx__ModelProto *)message;
    if (m->graph == NULL || m->n_opset_import == 0) {
        const bool is_near =
            (m->has_ir_version || m->graph != NULL) && !look_is_other(LOOK_FOR_ONNX, data, size);
        wire_free_model(wire, m);
        if (is_near) return itx_fail(err, ITX_E_FORMAT, "not an ONNX model: it holds no graph");
        return refuse(data, size, err);
    }
    *model = m;
    return ITX_OK;
}

void wire_free_model(struct wire *wire, Onnx__ModelProto *model)
{
    onnx__model_proto__free_unpacked(model, &wire->allocator);
}

itx_status wire_read_tensor(struct wire *wire, const void *data, size_t size,
                            Onnx__TensorProto **tensor, struct itx_error *err)
{
    ProtobufCMessage *message;
    ITX_TRY(unpack(wire, &onnx__tensor_proto__descriptor, data, size, &message, err));
    *tensor = (Onnx__TensorProto *)message;
    return ITX_OK;
}

void wire_free_tensor(struct wire *wire, Onnx__TensorProto *tensor)
{
    onnx__tensor_proto__free_unpacked(tensor, &wire->allocator);
}

void wire_drop_elements(struct wire *wire, Onnx__TensorProto *t)
{
    counted_free(wire, t->raw_data.data);
    counted_free(wire, t->float_data);
    counted_free(wire, t->int32_data);
    counted_free(wire, t->int64_data);
    counted_free(wire, t->double_data);
    t->has_raw_data = 0;
    t->raw_data = (ProtobufCBinaryData){0};
    t->float_data = NULL;
    t->int32_data = NULL;
    t->int64_data = NULL;
    t->double_data = NULL;
    t->n_float_data = t->n_int32_data = t->n_int64_data = t->n_double_data = 0;
}
