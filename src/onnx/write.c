/* SPDX-License-Identifier: Apache-2.0
 *
 * The model around the nodes: constants in use, inputs, outputs, shapes of everything between for viewers, metadata.
 */
#include "onnx/writer.h"

#include <limits.h>
#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "onnx/onnx.h"
#include "onnx/tensor.h"

#define WRITE_IR_VERSION 8
#define WRITE_OLD_IR_VERSION 6

/* protobuf-c has no const; nothing is written through these pointers. */
static char *text_of(const char *text)
{
    return (char *)(uintptr_t)text;
}

/* Numbers below that of a taken name's `id` and with it are taken too. */
const char *writer_unique(struct writer *w, struct names *taken, const char *wish)
{
    struct strbuf text = {0};
    struct name *const known = names_find(taken, wish);
    strbuf_addf(&text, "%s", wish);
    while (known != NULL && !w->is_failed && !text.failed) {
        text.len = 0;
        strbuf_addf(&text, "%s_%" PRIu32, wish, ++known->id);
        if (text.failed || names_find(taken, text.data) == NULL) break;
    }
    char *name = NULL;
    if (!w->is_failed && !text.failed) name = arena_text(&w->arena, text.data, text.len);
    strbuf_release(&text);
    if (name == NULL || names_add(taken, name) == NULL) w->is_failed = true;
    return w->is_failed ? NULL : name;
}

const char *writer_name(struct writer *w, const char *base, const char *part)
{
    struct strbuf wish = {0};
    const char *name = NULL;
    strbuf_addf(&wish, "%.512s/%s", base, part);
    if (wish.failed)
        w->is_failed = true;
    else
        name = writer_unique(w, &w->names, wish.data);
    strbuf_release(&wish);
    return name;
}

static void store_raw(uint8_t *raw, const void *data, size_t n, int size)
{
    const uint8_t *from = data;
    for (size_t i = 0; i < n; i++) {
        uint16_t v16;
        uint32_t v32;
        uint64_t v64;
        switch (size) {
        case 1:
            raw[i] = from[i];
            break;
        case 2:
            memcpy(&v16, from + 2 * i, sizeof v16);
            store_le16(raw + 2 * i, v16);
            break;
        case 4:
            memcpy(&v32, from + 4 * i, sizeof v32);
            store_le32(raw + 4 * i, v32);
            break;
        case 8:
            memcpy(&v64, from + 8 * i, sizeof v64);
            store_le64(raw + 8 * i, v64);
            break;
        default:
            ITX_BUG();
        }
    }
}

Onnx__TensorProto *writer_tensor(struct writer *w, const char *name, enum dtype dtype,
                                 const struct shape *shape, const void *data)
{
    Onnx__TensorProto *t = arena_alloc(&w->arena, sizeof *t);
    const size_t n = (size_t)shape_elements(shape), size = n * (size_t)dtype_size(dtype);
    uint8_t *raw = arena_alloc(&w->arena, size);
    int64_t *dims = arena_dup(&w->arena, shape->dim, (size_t)shape->rank * sizeof *dims);
    if (w->is_failed || t == NULL || raw == NULL || dims == NULL) {
        w->is_failed = true;
        return NULL;
    }
    onnx__tensor_proto__init(t);
    store_raw(raw, data, n, dtype_size(dtype));
    t->name = text_of(name);
    t->has_data_type = 1;
    t->data_type = dtype_to_onnx(dtype);
    t->n_dims = (size_t)shape->rank;
    t->dims = dims;
    t->has_raw_data = 1;
    t->raw_data = (ProtobufCBinaryData){size, raw};
    return t;
}

void writer_add_tensor(struct writer *w, const char *name, enum dtype dtype,
                       const struct shape *shape, const void *data)
{
    Onnx__TensorProto *t = writer_tensor(w, name, dtype, shape, data);
    if (t != NULL && !vec_push(&w->constants, t)) w->is_failed = true;
}

/* shape of rank -1: left out, which ONNX allows only between nodes. */
static Onnx__ValueInfoProto *value_info(struct writer *w, const struct value *v)
{
    Onnx__ValueInfoProto *info = arena_alloc(&w->arena, sizeof *info);
    Onnx__TypeProto *type = arena_alloc(&w->arena, sizeof *type);
    Onnx__TypeProto__Tensor *tensor = arena_alloc(&w->arena, sizeof *tensor);
    Onnx__TensorShapeProto *shape = arena_alloc(&w->arena, sizeof *shape);
    const size_t rank = (size_t)v->shape.rank;
    Onnx__TensorShapeProto__Dimension **dims = arena_calloc(&w->arena, rank, sizeof *dims);
    if (info == NULL || type == NULL || tensor == NULL || shape == NULL || dims == NULL)
        return NULL;
    onnx__value_info_proto__init(info);
    onnx__type_proto__init(type);
    onnx__type_proto__tensor__init(tensor);
    onnx__tensor_shape_proto__init(shape);
    for (size_t i = 0; i < rank; i++) {
        dims[i] = arena_alloc(&w->arena, sizeof *dims[i]);
        if (dims[i] == NULL) return NULL;
        onnx__tensor_shape_proto__dimension__init(dims[i]);
        dims[i]->has_dim_value = 1;
        dims[i]->dim_value = v->shape.dim[i];
    }
    shape->n_dim = rank;
    shape->dim = dims;
    tensor->has_elem_type = 1;
    tensor->elem_type = dtype_to_onnx(v->dtype);
    tensor->shape = shape;
    type->tensor_type = tensor;
    info->name = text_of(v->name);
    info->type = type;
    return info;
}

static itx_status write_infos(struct writer *w, size_t n, const value_id *ids, size_t *n_infos,
                              Onnx__ValueInfoProto ***infos, struct itx_error *err)
{
    *infos = arena_calloc(&w->arena, n, sizeof **infos);
    if (*infos == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        const struct value *v = graph_value(w->g, ids[i]);
        if (dtype_to_onnx(v->dtype) == 0 || v->shape.rank < 0)
            return itx_fail(err, ITX_E_INVAL, "type and shape of '%.200s' are not known yet",
                            v->name);
        (*infos)[i] = value_info(w, v);
        if ((*infos)[i] == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    }
    *n_infos = n;
    return ITX_OK;
}

/* Shapes of what nodes produce, but for the outputs of the graph. */
static itx_status write_value_infos(struct writer *w, const struct graph_uses *uses,
                                    Onnx__GraphProto *graph, struct itx_error *err)
{
    const struct graph *g = w->g;
    VEC(value_id) ids = {0};
    itx_status rc = ITX_OK;
    for (value_id id = 1; id < g->values.len && rc == ITX_OK; id++) {
        const struct value *v = graph_value(g, id);
        const bool is_known = dtype_to_onnx(v->dtype) != 0 && v->shape.rank >= 0;
        if (uses->producer[id] == NODE_NONE || uses->n_output_uses[id] != 0 || !is_known) continue;
        if (!vec_push(&ids, id)) rc = itx_fail(err, ITX_E_NOMEM, "out of memory");
    }
    if (rc == ITX_OK)
        rc = write_infos(w, ids.len, ids.data, &graph->n_value_info, &graph->value_info, err);
    vec_release(&ids);
    return rc;
}

/* Some node reads it as an input, or it is an output. */
static bool is_wanted(const struct writer *w, const struct graph_uses *uses, value_id id)
{
    bool wanted = uses->n_output_uses[id] != 0;
    for (uint32_t i = uses->first[id]; i < uses->first[id + 1]; i++) {
        const struct graph_use *use = &uses->uses[i];
        wanted = wanted || !writer_is_attribute(w, &w->g->nodes.data[use->node], use->input);
    }
    return wanted;
}

/* Those that some node reads or that are outputs, once each, in the order of the values. */
static itx_status write_constants(struct writer *w, const struct graph_uses *uses,
                                  struct itx_error *err)
{
    for (value_id id = 1; id < w->g->values.len; id++) {
        const struct value *v = graph_value(w->g, id);
        if (v->data == NULL || !is_wanted(w, uses, id)) continue;
        if (dtype_to_onnx(v->dtype) == 0)
            return itx_fail(err, ITX_E_UNSUPPORTED,
                            "constant '%.200s' has type %s, which ONNX has not", v->name,
                            dtype_name(v->dtype));
        writer_add_tensor(w, v->name, v->dtype, &v->shape, v->data);
    }
    return ITX_OK;
}

static itx_status write_meta(struct writer *w, Onnx__ModelProto *model, struct itx_error *err)
{
    const size_t n = w->g->meta.len;
    Onnx__StringStringEntryProto *entries = arena_calloc(&w->arena, n, sizeof *entries);
    Onnx__StringStringEntryProto **list = arena_calloc(&w->arena, n, sizeof *list);
    if (entries == NULL || list == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        onnx__string_string_entry_proto__init(&entries[i]);
        entries[i].key = text_of(w->g->meta.data[i].key);
        entries[i].value = text_of(w->g->meta.data[i].text);
        list[i] = &entries[i];
    }
    model->n_metadata_props = n;
    model->metadata_props = list;
    return ITX_OK;
}

static itx_status write_nodes(struct writer *w, struct itx_error *err)
{
    for (node_id i = 0; i < w->g->nodes.len; i++) {
        const itx_status rc = writer_add_node(w, i, err);
        if (rc != ITX_OK) {
            const struct node *n = &w->g->nodes.data[i];
            itx_error_prefix(err, "node '%.200s' (%s)", n->name, op_info(n->op)->name);
            return rc;
        }
    }
    return ITX_OK;
}

static itx_status write_graph(struct writer *w, Onnx__GraphProto *graph, struct itx_error *err)
{
    const struct graph *g = w->g;
    struct graph_uses uses;
    for (value_id id = 1; id < g->values.len; id++)
        if (names_add(&w->names, graph_value(g, id)->name) == NULL)
            return itx_fail(err, ITX_E_NOMEM, "out of memory");
    ITX_TRY(graph_uses(g, &uses, err));
    itx_status rc = write_constants(w, &uses, err);
    if (rc == ITX_OK) rc = write_value_infos(w, &uses, graph, err);
    graph_uses_release(&uses);
    ITX_TRY(rc);
    ITX_TRY(write_nodes(w, err));
    ITX_TRY(write_infos(w, g->inputs.len, g->inputs.data, &graph->n_input, &graph->input, err));
    ITX_TRY(write_infos(w, g->outputs.len, g->outputs.data, &graph->n_output, &graph->output, err));
    if (w->is_failed) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    graph->name = text_of(g->name != NULL && g->name[0] != '\0' ? g->name : "graph");
    graph->n_node = w->nodes.len;
    graph->node = w->nodes.data;
    graph->n_initializer = w->constants.len;
    graph->initializer = w->constants.data;
    return ITX_OK;
}

static itx_status pack(const Onnx__ModelProto *model, uint8_t **data, size_t *size,
                       struct itx_error *err)
{
    const size_t packed = onnx__model_proto__get_packed_size(model);
    if (packed > INT_MAX)
        return itx_fail(err, ITX_E_RANGE,
                        "as ONNX it has %zu bytes, more than the 2 GiB of "
                        "protobuf",
                        packed);
    uint8_t *bytes = mem_alloc(packed);
    if (bytes == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    *size = onnx__model_proto__pack(model, bytes);
    *data = bytes;
    return ITX_OK;
}

static itx_status write_model(const struct graph *g, int version, uint8_t **data, size_t *size,
                              struct itx_error *err)
{
    struct writer w = {.g = g, .opset = version};
    Onnx__ModelProto model = ONNX__MODEL_PROTO__INIT;
    Onnx__GraphProto graph = ONNX__GRAPH_PROTO__INIT;
    Onnx__OperatorSetIdProto opset = ONNX__OPERATOR_SET_ID_PROTO__INIT, *opsets = &opset;
    opset.domain = text_of("");
    opset.has_version = 1;
    opset.version = version;
    model.has_ir_version = 1;
    model.ir_version = version == ONNX_WRITE_OPSET ? WRITE_IR_VERSION : WRITE_OLD_IR_VERSION;
    model.producer_name = text_of("intarsia");
    model.graph = &graph;
    model.n_opset_import = 1;
    model.opset_import = &opsets;
    itx_status rc = write_graph(&w, &graph, err);
    if (rc == ITX_OK) rc = write_meta(&w, &model, err);
    if (rc == ITX_OK) rc = pack(&model, data, size, err);
    vec_release(&w.nodes);
    vec_release(&w.constants);
    names_release(&w.names);
    names_release(&w.node_names);
    arena_release(&w.arena);
    return rc;
}

static itx_status write_path(const struct graph *g, int version, const char *path,
                             struct itx_error *err)
{
    uint8_t *data;
    size_t size;
    const itx_status rc = write_model(g, version, &data, &size, err);
    if (rc != ITX_OK) {
        itx_error_prefix(err, "%s", path);
        return rc;
    }
    const itx_status result = file_write(path, data, size, err);
    mem_free(data);
    return result;
}

itx_status onnx_write_memory(const struct graph *g, uint8_t **data, size_t *size,
                             struct itx_error *err)
{
    return write_model(g, ONNX_WRITE_OPSET, data, size, err);
}

itx_status onnx_write(const struct graph *g, const char *path, struct itx_error *err)
{
    return write_path(g, ONNX_WRITE_OPSET, path, err);
}

itx_status onnx_write_old_memory(const struct graph *g, uint8_t **data, size_t *size,
                                 struct itx_error *err)
{
    return write_model(g, ONNX_WRITE_OLD_OPSET, data, size, err);
}

itx_status onnx_write_old(const struct graph *g, const char *path, struct itx_error *err)
{
    return write_path(g, ONNX_WRITE_OLD_OPSET, path, err);
}
