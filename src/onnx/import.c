/* SPDX-License-Identifier: Apache-2.0
 *
 * A model: its operator sets, constants, inputs, nodes, outputs and metadata. Elements of the protobuf
 * structures are given back as soon as they are in the graph, so that weights are in memory twice only one at a time.
 */
#include "onnx/import.h"

#include <string.h>

#include "base/file.h"
#include "base/look.h"
#include "base/mem.h"
#include "base/str.h"
#include "onnx/onnx.h"
#include "onnx/wire.h"

#define MAX_META (1 << 20) /* bytes of one metadata text */

itx_status import_tensor(struct import *im, const char *name, const Onnx__TensorProto *p,
                         value_id *id, struct itx_error *err)
{
    struct tensor t;
    ITX_TRY(tensor_of_onnx(p, &im->external, &im->g->arena, &t, err));
    ITX_TRY(graph_add_value(im->g, name, t.dtype, &t.shape, id, err));
    graph_value(im->g, *id)->data = t.data;
    return ITX_OK;
}

itx_status import_rank(struct import *im, value_id id, int *rank, struct itx_error *err)
{
    for (; im->n_inferred < im->g->nodes.len; im->n_inferred++)
        /* what else is wrong with a node is said when the whole graph is inferred */
        if (graph_infer_node(im->g, im->n_inferred, NULL) == ITX_E_NOMEM)
            return itx_fail(err, ITX_E_NOMEM, "out of memory");
    *rank = graph_value(im->g, id)->shape.rank;
    return ITX_OK;
}

static itx_status check_text(const char *text, const char *what, struct itx_error *err)
{
    if (text == NULL || text[0] == '\0')
        return itx_fail(err, ITX_E_FORMAT, "malformed ONNX: %s without a name", what);
    if (strlen(text) > ONNX_MAX_TEXT)
        return itx_fail(err, ITX_E_RANGE, "the name of %s has %zu bytes, at most %d are supported",
                        what, strlen(text), ONNX_MAX_TEXT);
    return ITX_OK;
}

static itx_status read_opset(struct import *im, const Onnx__ModelProto *model,
                             struct itx_error *err)
{
    int64_t opset = 0;
    for (size_t i = 0; i < model->n_opset_import; i++) {
        const char *domain = model->opset_import[i]->domain;
        if (domain == NULL || domain[0] == '\0' || strcmp(domain, "ai.onnx") == 0)
            opset = model->opset_import[i]->version;
    }
    if (opset < ONNX_OPSET_MIN || opset > ONNX_OPSET_MAX)
        return itx_fail(err, ITX_E_VERSION,
                        "operator set %lld is not supported, only %d to %d: export with opset=17",
                        (long long)opset, ONNX_OPSET_MIN, ONNX_OPSET_MAX);
    im->opset = im->g->file.opset = (int)opset;
    return ITX_OK;
}

static itx_status copy_origin(struct import *im, const char *from, const char **to,
                              struct itx_error *err)
{
    *to = from == NULL ? "" : arena_text(&im->g->arena, from, strnlen(from, ONNX_MAX_TEXT));
    return *to != NULL ? ITX_OK : itx_fail(err, ITX_E_NOMEM, "out of memory");
}

static itx_status read_origin(struct import *im, const Onnx__ModelProto *model,
                              struct itx_error *err)
{
    struct graph_file *const f = &im->g->file;
    f->ir_version = model->ir_version;
    f->model_version = model->model_version;
    ITX_TRY(copy_origin(im, model->producer_name, &f->producer, err));
    ITX_TRY(copy_origin(im, model->producer_version, &f->producer_version, err));
    return copy_origin(im, model->domain, &f->domain, err);
}

static itx_status use_name(struct import *im, const char *text, struct itx_error *err)
{
    if (text == NULL || text[0] == '\0') return ITX_OK;
    ITX_TRY(check_text(text, "a value", err));
    struct name *name = names_add(&im->names, text);
    if (name == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    name->is_used = true;
    return ITX_OK;
}

/* Marks the names that are used anywhere, so that outputs nobody uses can be dropped. */
static itx_status read_uses(struct import *im, const Onnx__GraphProto *graph, struct itx_error *err)
{
    if (graph->n_node > ONNX_MAX_NODES)
        return itx_fail(err, ITX_E_RANGE, "the model has %zu nodes, at most %d are supported",
                        graph->n_node, ONNX_MAX_NODES);
    for (size_t i = 0; i < graph->n_node; i++) {
        const char *type = graph->node[i]->op_type;
        if (type != NULL && strcmp(type, "NonMaxSuppression") == 0) im->has_nms = true;
        if (type != NULL && import_quantises(type)) im->is_quantised = true;
        for (size_t k = 0; k < graph->node[i]->n_input; k++)
            ITX_TRY(use_name(im, graph->node[i]->input[k], err));
    }
    for (size_t i = 0; i < graph->n_output; i++) {
        ITX_TRY(check_text(graph->output[i]->name, "an output", err));
        ITX_TRY(use_name(im, graph->output[i]->name, err));
    }
    return ITX_OK;
}

static itx_status read_initializer(struct import *im, Onnx__TensorProto *p, struct itx_error *err)
{
    ITX_TRY(check_text(p->name, "an initializer", err));
    value_id id;
    const itx_status rc = import_tensor(im, p->name, p, &id, err);
    if (rc != ITX_OK) {
        itx_error_prefix(err, "initializer '%s'", p->name);
        return rc;
    }
    return import_define(im, p->name, id, err);
}

/* "[batch, 3, ?, 640]" */
static void describe_shape(const Onnx__TensorShapeProto *shape, struct strbuf *text)
{
    strbuf_addf(text, "[");
    for (size_t i = 0; i < shape->n_dim && text->len < 100; i++) {
        const Onnx__TensorShapeProto__Dimension *dim = shape->dim[i];
        if (i != 0) strbuf_addf(text, ", ");
        if (dim->has_dim_value)
            strbuf_addf(text, "%lld", (long long)dim->dim_value);
        else
            strbuf_addf(text, "%.32s",
                        dim->dim_param != NULL && dim->dim_param[0] != '\0' ? dim->dim_param : "?");
    }
    strbuf_addf(text, "]");
}

static itx_status read_input_shape(const char *name, const Onnx__TensorShapeProto *from,
                                   struct shape *shape, struct itx_error *err)
{
    if (from == NULL)
        return itx_fail(err, ITX_E_UNSUPPORTED,
                        "input '%s' has no shape: export with fixed sizes (dynamic=False)", name);
    if (from->n_dim > SHAPE_MAX_RANK)
        return itx_fail(err, ITX_E_RANGE, "input '%s' has %zu dimensions, at most %d are supported",
                        name, from->n_dim, SHAPE_MAX_RANK);
    *shape = (struct shape){.rank = (int)from->n_dim};
    for (int i = 0; i < shape->rank; i++) {
        if (!from->dim[i]->has_dim_value || from->dim[i]->dim_value < 0) {
            struct strbuf text = {0};
            describe_shape(from, &text);
            itx_fail(err, ITX_E_UNSUPPORTED,
                     "input '%s' has dynamic shape %s: export with fixed sizes (dynamic=False)",
                     name, text.data != NULL ? text.data : "");
            strbuf_release(&text);
            return ITX_E_UNSUPPORTED;
        }
        shape->dim[i] = from->dim[i]->dim_value;
    }
    if (shape_elements(shape) < 0)
        return itx_fail(err, ITX_E_RANGE, "input '%s' has more than %lld elements", name,
                        (long long)SHAPE_MAX_ELEMENTS);
    return ITX_OK;
}

static itx_status read_input(struct import *im, const Onnx__ValueInfoProto *input,
                             struct itx_error *err)
{
    ITX_TRY(check_text(input->name, "an input", err));
    const struct name *known = names_find(&im->names, input->name);
    if (known != NULL && known->id != 0 && graph_value(im->g, known->id)->data != NULL)
        return ITX_OK; /* before ir version 4 constants were listed as inputs too */
    if (input->type == NULL || input->type->tensor_type == NULL)
        return itx_fail(err, ITX_E_UNSUPPORTED, "input '%s' is no tensor", input->name);
    const Onnx__TypeProto__Tensor *type = input->type->tensor_type;
    struct shape shape;
    enum dtype dtype;
    value_id id;
    ITX_TRY(read_input_shape(input->name, type->shape, &shape, err));
    const itx_status rc = dtype_of_onnx(type->elem_type, "its element type", &dtype, err);
    if (rc != ITX_OK) {
        itx_error_prefix(err, "input '%s'", input->name);
        return rc;
    }
    if (dtype == DTYPE_F64)
        return itx_fail(err, ITX_E_UNSUPPORTED,
                        "input '%s' is float64, which is not supported: export the model in "
                        "float32",
                        input->name);
    ITX_TRY(graph_add_value(im->g, input->name, dtype, &shape, &id, err));
    if (!vec_push(&im->g->inputs, id)) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    return import_define(im, input->name, id, err);
}

static itx_status read_outputs(struct import *im, const Onnx__GraphProto *graph,
                               struct itx_error *err)
{
    for (size_t i = 0; i < graph->n_output; i++) {
        const struct name *name = names_find(&im->names, graph->output[i]->name);
        if (name == NULL || name->id == 0)
            return itx_fail(err, ITX_E_FORMAT, "malformed ONNX: nothing produces the output '%s'",
                            graph->output[i]->name);
        if (!vec_push(&im->g->outputs, name->id))
            return itx_fail(err, ITX_E_NOMEM, "out of memory");
    }
    return ITX_OK;
}

static itx_status read_meta(struct import *im, const Onnx__ModelProto *model, struct itx_error *err)
{
    for (size_t i = 0; i < model->n_metadata_props; i++) {
        const char *key = model->metadata_props[i]->key, *text = model->metadata_props[i]->value;
        if (key == NULL || text == NULL) continue;
        ITX_TRY(check_text(key, "a metadata entry", err));
        if (strlen(text) > MAX_META)
            return itx_fail(err, ITX_E_RANGE,
                            "metadata '%s' has %zu bytes, at most %d are "
                            "supported",
                            key, strlen(text), MAX_META);
        ITX_TRY(graph_set_meta(im->g, key, text, err));
    }
    return ITX_OK;
}

/* Says behind whatever is not supported in a quantised model what to do about it. */
static itx_status add_hint(const struct import *im, itx_status rc, struct itx_error *err)
{
    if (rc != ITX_E_UNSUPPORTED || !im->is_quantised || err == NULL ||
        strstr(err->text, IMPORT_QUANTISED) != NULL)
        return rc;
    const struct itx_error what = *err;
    return itx_fail(err, rc, "%s: " IMPORT_QUANTISED, what.text);
}

/* Who hears of nodes; fn NULL: the first that is not supported is an error. */
struct scan {
    onnx_scan_fn *fn;
    void *ctx;
};

static itx_status read_node(struct import *im, const Onnx__NodeProto *node, const struct scan *scan,
                            struct itx_error *err)
{
    struct itx_error why = {.text = ""};
    const char *type = node->op_type != NULL ? node->op_type : "";
    struct itx_error *const e = scan->fn != NULL ? &why : err;
    const itx_status rc = add_hint(im, import_node(im, node, e), e);
    if (scan->fn == NULL) {
        if (rc != ITX_OK)
            itx_error_prefix(err, "node '%.200s' (%.64s)", import_node_name(node), type);
        return rc;
    }
    const struct onnx_node_report report = {.name = import_node_name(node),
                                            .type = type,
                                            .domain = node->domain != NULL ? node->domain : "",
                                            .supported = rc == ITX_OK,
                                            .reason = why.text};
    if (rc == ITX_E_NOMEM) return itx_fail(err, rc, "%s", why.text);
    scan->fn(scan->ctx, &report);
    return rc == ITX_OK ? ITX_OK : import_node_skip(im, node, err);
}

static itx_status read_nodes(struct import *im, const Onnx__GraphProto *graph,
                             const struct scan *scan, struct itx_error *err)
{
    size_t *order = mem_calloc(graph->n_node, sizeof *order);
    if (order == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    itx_status rc = import_order(graph, order, err);
    for (size_t i = 0; i < graph->n_node && rc == ITX_OK; i++)
        rc = read_node(im, graph->node[order[i]], scan, err);
    mem_free(order);
    return rc;
}

static itx_status read_graph(struct import *im, struct wire *wire, Onnx__ModelProto *model,
                             const struct scan *scan, struct itx_error *err)
{
    Onnx__GraphProto *graph = model->graph;
    ITX_TRY(read_opset(im, model, err));
    ITX_TRY(read_origin(im, model, err));
    ITX_TRY(read_uses(im, graph, err));
    if (graph->n_sparse_initializer != 0)
        return itx_fail(err, ITX_E_UNSUPPORTED, "sparse initializers are not supported");
    for (size_t i = 0; i < graph->n_initializer; i++) {
        ITX_TRY(read_initializer(im, graph->initializer[i], err));
        wire_drop_elements(wire, graph->initializer[i]);
    }
    for (size_t i = 0; i < graph->n_input; i++) ITX_TRY(read_input(im, graph->input[i], err));
    ITX_TRY(read_nodes(im, graph, scan, err));
    ITX_TRY(read_outputs(im, graph, err));
    if (graph->n_output == 0)
        return itx_fail(err, ITX_E_FORMAT, "malformed ONNX: the model has no output");
    if (graph->name != NULL) {
        im->g->name = arena_text(&im->g->arena, graph->name, strnlen(graph->name, ONNX_MAX_TEXT));
        if (im->g->name == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    }
    return read_meta(im, model, err);
}

/* Takes `model`. */
static itx_status read_model(struct graph **g, struct wire *wire, Onnx__ModelProto *model,
                             const char *folder, const struct scan *scan, struct itx_error *err)
{
    struct import im = {.external = {.folder = folder}};
    itx_status rc = graph_create(&im.g, err);
    if (rc == ITX_OK) rc = add_hint(&im, read_graph(&im, wire, model, scan, err), err);
    names_release(&im.names);
    external_release(&im.external);
    wire_free_model(wire, model);
    if (rc == ITX_OK)
        *g = im.g;
    else
        graph_destroy(&im.g);
    return rc;
}

/* The folder a path lies in, without the last "/"; freed with mem_free. NULL when out of memory. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *from = slash != NULL ? path : ".";
    const size_t len = slash != NULL ? (size_t)(slash - path) : 1;
    char *folder = mem_alloc(len + 1);
    if (folder == NULL) return NULL;
    memcpy(folder, from, len);
    folder[len] = '\0';
    return folder;
}

static itx_status read_file(struct graph **g, const char *path, const struct scan *scan,
                            struct itx_error *err)
{
    struct file_bytes map;
    struct wire wire;
    Onnx__ModelProto *model;
    ITX_TRY(look_no_folder(LOOK_FOR_ONNX, path, err));
    ITX_TRY(file_read(&map, path, SIZE_MAX, err));
    wire_init(&wire, map.size);
    char *folder = folder_of(path);
    itx_status rc = folder != NULL ? ITX_OK : itx_fail(err, ITX_E_NOMEM, "out of memory");
    if (rc == ITX_OK) rc = wire_read_model(&wire, map.data, map.size, &model, err);
    file_bytes_release(&map); /* everything has been copied */
    if (rc == ITX_OK) rc = read_model(g, &wire, model, folder, scan, err);
    if (rc != ITX_OK) itx_error_prefix(err, "%s", path);
    mem_free(folder);
    return rc;
}

itx_status onnx_read(struct graph **g, const char *path, struct itx_error *err)
{
    const struct scan none = {0};
    return read_file(g, path, &none, err);
}

itx_status onnx_read_memory(struct graph **g, const void *data, size_t size, struct itx_error *err)
{
    const struct scan none = {0};
    struct wire wire;
    Onnx__ModelProto *model;
    wire_init(&wire, size);
    ITX_TRY(wire_read_model(&wire, data, size, &model, err));
    return read_model(g, &wire, model, NULL, &none, err);
}

itx_status onnx_scan(const char *path, onnx_scan_fn *fn, void *ctx, struct itx_error *err)
{
    const struct scan scan = {fn, ctx};
    struct graph *g = NULL;
    ITX_TRY(read_file(&g, path, &scan, err));
    graph_destroy(&g);
    return ITX_OK;
}
