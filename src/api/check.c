/* SPDX-License-Identifier: Apache-2.0
 *
 * itx_check: how every node of an ONNX file will run, or why it cannot.
 */
#include <stdlib.h>
#include <string.h>

#include "api/network.h"
#include "api/report.h"
#include "base/mem.h"
#include "lower/lower.h"
#include "onnx/onnx.h"
#include "quant/quant.h"

struct scan {
    struct strbuf json;
    struct strbuf ends; /* about the file, its inputs and outputs; empty when it cannot be read */
    int n_nodes;
    bool all_supported;
};

/* Leaves the object open. */
static void begin_node(struct scan *s, const char *name, const char *type, const char *runs,
                       const char *as, const char *reason)
{
    strbuf_addf(&s->json, s->n_nodes++ != 0 ? ",\n{\"name\": " : "\n{\"name\": ");
    json_text(&s->json, name);
    strbuf_addf(&s->json, ", \"type\": ");
    json_text(&s->json, type);
    strbuf_addf(&s->json, ", \"runs\": \"%s\", \"as\": \"%s\", \"reason\": ", runs, as);
    json_text(&s->json, reason);
}

static void add_node(struct scan *s, const char *name, const char *type, const char *runs,
                     const char *as, const char *reason)
{
    begin_node(s, name, type, runs, as, reason);
    strbuf_addf(&s->json, "}");
}

static void find_unsupported(void *ctx, const struct onnx_node_report *r)
{
    struct scan *const s = ctx;
    s->all_supported = s->all_supported && r->supported;
}

/* When the import already refuses something, that is what there is to say: how the other nodes run shows in the
 * finished graph only. */
static void add_scanned(void *ctx, const struct onnx_node_report *r)
{
    add_node(ctx, r->name, r->type, r->supported ? "open" : "no", "", r->reason);
}

/* Marks nodes of the file's graph whose results the canonical graph's outputs need. */
static void mark_needed(const struct graph *file, const struct graph *canonical, bool *is_needed,
                        bool *value_needed)
{
    for (size_t i = 0; i < canonical->outputs.len; i++) {
        const char *const name = graph_value(canonical, canonical->outputs.data[i])->name;
        value_needed[graph_find_value(file, name, strlen(name))] = true;
    }
    value_needed[0] = false;
    for (size_t i = file->nodes.len; i-- > 0;) {
        const struct node *n = &file->nodes.data[i];
        for (int k = 0; k < n->n_outputs; k++)
            is_needed[i] = is_needed[i] || value_needed[n->outputs[k]];
        for (int k = 0; is_needed[i] && k < n->n_inputs; k++) value_needed[n->inputs[k]] = true;
    }
}

/* Shape arithmetic and other things that are numbers before the network runs. */
static bool is_constant(const struct graph *g, const struct node *n, bool *value_constant)
{
    bool all = n->op == OP_SHAPE;
    if (!all) {
        all = true;
        for (int k = 0; k < n->n_inputs; k++) {
            const value_id v = n->inputs[k];
            all = all && (v == 0 || graph_value(g, v)->data != NULL || value_constant[v]);
        }
    }
    for (int k = 0; all && k < n->n_outputs; k++) value_constant[n->outputs[k]] = true;
    return all;
}

/* Nodes by operation and name, the first of several first. */
struct node_key {
    const char *name;
    enum op op;
    node_id id;
};
struct node_index {
    struct node_key *keys;
    size_t n;
};

static int compare_names(const struct node_key *x, const struct node_key *y)
{
    return x->op != y->op ? (x->op < y->op ? -1 : 1) : strcmp(x->name, y->name);
}

static int compare_keys(const void *a, const void *b)
{
    const struct node_key *x = a, *y = b;
    const int order = compare_names(x, y);
    return order != 0 ? order : (x->id > y->id) - (x->id < y->id);
}

static itx_status index_nodes(struct node_index *index, const struct graph *g,
                              struct itx_error *err)
{
    index->n = g->nodes.len;
    index->keys = mem_calloc(index->n, sizeof *index->keys);
    if (index->keys == NULL && index->n != 0) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (size_t i = 0; i < index->n; i++)
        index->keys[i] = (struct node_key){g->nodes.data[i].name, g->nodes.data[i].op, (node_id)i};
    if (index->n != 0) qsort(index->keys, index->n, sizeof *index->keys, compare_keys);
    return ITX_OK;
}

/* The first node of that operation and name, or NODE_NONE. */
static node_id index_find(const struct node_index *index, const char *name, enum op op)
{
    const struct node_key wanted = {name, op, 0};
    size_t begin = 0, end = index->n;
    while (begin < end) {
        const size_t middle = begin + (end - begin) / 2;
        if (compare_names(&index->keys[middle], &wanted) < 0)
            begin = middle + 1;
        else
            end = middle;
    }
    const bool is_found = begin < index->n && compare_names(&index->keys[begin], &wanted) == 0;
    return is_found ? index->keys[begin].id : NODE_NONE;
}

/* The file's graph and the one that it becomes. */
struct origin {
    const struct graph *file, *canonical;
    struct graph_uses file_uses, canonical_uses;
    struct node_index file_nodes, canonical_nodes;
    struct quant_groups groups; /* of the canonical graph */
    value_id *made; /* [nodes of the file]: the value that holds what it computes, or 0 */
};

/* For each node of the file the value of the canonical graph that holds what it computes: the one of its result's name,
 * else that of the first node that reads the result. */
static itx_status find_made(struct origin *o, struct itx_error *err)
{
    const struct graph *const file = o->file;
    o->made = mem_calloc(file->nodes.len, sizeof *o->made);
    if (o->made == NULL && file->nodes.len != 0) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (size_t i = file->nodes.len; i-- > 0;) {
        const value_id v = file->nodes.data[i].outputs[0];
        const char *const name = graph_value(file, v)->name;
        const value_id c = graph_find_value(o->canonical, name, strlen(name));
        const uint32_t first = o->file_uses.first[v];
        if (c != 0 && o->canonical_uses.producer[c] != NODE_NONE)
            o->made[i] = c;
        else if (first != o->file_uses.first[v + 1])
            o->made[i] = o->made[o->file_uses.uses[first].node];
    }
    return ITX_OK;
}

static itx_status origin_create(struct origin *o, const struct graph *file,
                                const struct graph *canonical, struct itx_error *err)
{
    *o = (struct origin){.file = file, .canonical = canonical};
    ITX_TRY(graph_uses(file, &o->file_uses, err));
    ITX_TRY(graph_uses(canonical, &o->canonical_uses, err));
    ITX_TRY(index_nodes(&o->file_nodes, file, err));
    ITX_TRY(index_nodes(&o->canonical_nodes, canonical, err));
    ITX_TRY(quant_groups_create(&o->groups, canonical, err));
    return find_made(o, err);
}

static void origin_release(struct origin *o)
{
    graph_uses_release(&o->file_uses);
    graph_uses_release(&o->canonical_uses);
    mem_free(o->file_nodes.keys);
    mem_free(o->canonical_nodes.keys);
    quant_groups_release(&o->groups);
    mem_free(o->made);
}

/* What the node is part of, whether its result can have 16 bits, and which nodes it reads. */
static void add_origin(struct scan *s, const struct origin *o, size_t at)
{
    const struct node *const n = &o->file->nodes.data[at];
    const value_id made = o->made[at];
    const struct node *const whole =
        made != 0 ? &o->canonical->nodes.data[o->canonical_uses.producer[made]] : NULL;
    struct itx_error why = {.text = ""};
    if (whole != NULL) (void)quant_groups_allow(&o->groups, o->canonical, made, &why);
    strbuf_addf(&s->json, ", \"part_of\": ");
    json_text(&s->json, whole != NULL ? whole->name : "");
    strbuf_addf(&s->json, ", \"not_int16\": ");
    json_text(&s->json, why.text);
    strbuf_addf(&s->json, ", \"reads\": [");
    for (int k = 0, n_read = 0; k < n->n_inputs; k++) {
        if (n->inputs[k] == 0 || graph_value(o->file, n->inputs[k])->data != NULL) continue;
        const node_id maker = o->file_uses.producer[n->inputs[k]];
        strbuf_addf(&s->json, n_read++ > 0 ? ", " : "");
        json_text(&s->json, maker != NODE_NONE ? o->file->nodes.data[maker].name : "");
    }
    strbuf_addf(&s->json, "]}");
}

static void add_file_node(struct scan *s, const struct origin *o, size_t at, bool is_needed,
                          bool is_folded)
{
    const struct node *const n = &o->file->nodes.data[at];
    const char *const type = op_info(n->op)->name;
    const node_id id = index_find(&o->canonical_nodes, n->name, n->op);
    const struct node *const run = id != NODE_NONE ? &o->canonical->nodes.data[id] : NULL;
    char reason[LOWER_REASON_SIZE];
    if (is_folded)
        begin_node(s, n->name, type, "folded", "", "");
    else if (run != NULL && lower_supports(o->canonical, run, reason))
        begin_node(s, n->name, type, "int8", lower_step_name(o->canonical, run), "");
    else if (run != NULL)
        begin_node(s, n->name, type, "no", "", reason);
    else
        begin_node(s, n->name, type, is_needed ? "fused" : "decoding", "", "");
    if (!is_folded && (run != NULL || is_needed))
        add_origin(s, o, at);
    else
        strbuf_addf(&s->json, "}");
}

static itx_status add_all_nodes(struct scan *s, const struct origin *o, struct itx_error *err)
{
    const struct graph *const file = o->file;
    bool *is_needed = mem_calloc(file->nodes.len, sizeof *is_needed);
    bool *value_needed = mem_calloc(file->values.len, sizeof *value_needed);
    bool *value_constant = mem_calloc(file->values.len, sizeof *value_constant);
    itx_status rc = is_needed == NULL || value_needed == NULL || value_constant == NULL
                        ? itx_fail(err, ITX_E_NOMEM, "out of memory")
                        : ITX_OK;
    if (rc == ITX_OK) mark_needed(file, o->canonical, is_needed, value_needed);
    for (size_t i = 0; rc == ITX_OK && i < file->nodes.len; i++)
        add_file_node(s, o, i, is_needed[i],
                      is_constant(file, &file->nodes.data[i], value_constant));
    mem_free(is_needed);
    mem_free(value_needed);
    mem_free(value_constant);
    return rc;
}

/* What passes made and the lowering refuses has no node of its own in the file: it is listed too. */
static bool add_refused(struct scan *s, const struct origin *o)
{
    bool any = false;
    char reason[LOWER_REASON_SIZE];
    for (size_t i = 0; i < o->canonical->nodes.len; i++) {
        const struct node *n = &o->canonical->nodes.data[i];
        if (lower_supports(o->canonical, n, reason)) continue;
        any = true;
        if (index_find(&o->file_nodes, n->name, n->op) == NODE_NONE)
            add_node(s, n->name, op_info(n->op)->name, "no", "", reason);
    }
    return any;
}

static void add_values(struct strbuf *json, const char *what, const struct graph *g,
                       const value_id *ids, size_t n)
{
    strbuf_addf(json, ", \"%s\": [", what);
    for (size_t i = 0; i < n; i++) {
        const struct value *const v = graph_value(g, ids[i]);
        strbuf_addf(json, i > 0 ? ", {\"name\": " : "{\"name\": ");
        json_text(json, v->name);
        strbuf_addf(json, ", \"shape\": [");
        for (int d = 0; d < v->shape.rank; d++)
            strbuf_addf(json, d > 0 ? ", %lld" : "%lld", (long long)v->shape.dim[d]);
        strbuf_addf(json, "]}");
    }
    strbuf_addf(json, "]");
}

/* Elements of constants that nodes read. */
static long long count_parameters(const struct graph *g, bool *is_read)
{
    long long n = 0;
    for (size_t i = 0; i < g->nodes.len; i++)
        for (int k = 0; k < g->nodes.data[i].n_inputs; k++)
            is_read[g->nodes.data[i].inputs[k]] = true;
    for (size_t v = 1; v < g->values.len; v++)
        if (is_read[v] && g->values.data[v].data != NULL)
            n += (long long)shape_elements(&g->values.data[v].shape);
    return n;
}

static itx_status add_folding(struct scan *s, const struct graph *g, const char *key,
                              struct itx_error *err)
{
    bool *const is_read = mem_calloc(g->values.len, sizeof *is_read);
    if (is_read == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    strbuf_addf(&s->ends, ", \"%s\": {\"nodes\": %zu, \"parameters\": %lld}", key, g->nodes.len,
                count_parameters(g, is_read));
    mem_free(is_read);
    return ITX_OK;
}

static void add_file(struct strbuf *json, const struct graph_file *f)
{
    strbuf_addf(json,
                ", \"opset\": %d, \"ir_version\": %lld, \"model_version\": %lld, \"producer\": ",
                f->opset, (long long)f->ir_version, (long long)f->model_version);
    json_text(json, f->producer);
    strbuf_addf(json, ", \"producer_version\": ");
    json_text(json, f->producer_version);
    strbuf_addf(json, ", \"domain\": ");
    json_text(json, f->domain);
}

static itx_status add_ends(struct scan *s, struct graph *file, struct itx_error *err)
{
    ITX_TRY(add_folding(s, file, "whole", err));
    ITX_TRY(pass_fold_const(file, err)); /* also for the shapes of the outputs */
    ITX_TRY(add_folding(s, file, "folded", err));
    add_file(&s->ends, &file->file);
    add_values(&s->ends, "inputs", file, file->inputs.data, file->inputs.len);
    add_values(&s->ends, "outputs", file, file->outputs.data, file->outputs.len);
    return ITX_OK;
}

static itx_status check_nodes(struct scan *s, const struct graph *file, const struct network *net,
                              bool *ok, struct itx_error *err)
{
    struct origin origin;
    itx_status rc = origin_create(&origin, file, net->graph, err);
    if (rc == ITX_OK) rc = add_all_nodes(s, &origin, err);
    if (rc == ITX_OK) *ok = !add_refused(s, &origin);
    origin_release(&origin);
    return rc;
}

static itx_status check_imported(struct scan *s, const char *path, int64_t max_constants, bool *ok,
                                 struct itx_error *err)
{
    const struct network_source source = {.path = path, .max_constants = max_constants};
    struct network net;
    struct graph *file = NULL;
    ITX_TRY(network_read(&net, &source, err)); /* one reason for the whole file */
    itx_status rc = network_read_graph(&file, path, max_constants, err);
    if (rc == ITX_OK) rc = check_nodes(s, file, &net, ok, err);
    if (rc == ITX_OK && !*ok && net.head.why[0] != '\0')
        rc = itx_fail(err, ITX_E_UNSUPPORTED, "%s: %s", path, net.head.why);
    if (rc == ITX_OK) rc = add_ends(s, file, err);
    graph_destroy(&file);
    network_release(&net);
    return rc;
}

itx_status itx_check(const char *path, char **report, struct itx_error *err)
{
    return itx_check_with(path, NULL, report, err);
}

itx_status itx_check_with(const char *path, const struct itx_build_options *options, char **report,
                          struct itx_error *err)
{
    struct itx_build_options o = ITX_BUILD_OPTIONS_INIT;
    if (path == NULL || report == NULL)
        return itx_fail(err, ITX_E_INVAL, "itx_check: an argument is NULL");
    if (options != NULL) ITX_TRY(feed_options(&o, options, err));
    struct scan s = {.all_supported = true};
    bool ok = false;
    itx_status rc = onnx_scan(path, find_unsupported, &s, err);
    if (rc == ITX_OK && !s.all_supported)
        rc = onnx_scan(path, add_scanned, &s, err);
    else if (rc == ITX_OK)
        rc = check_imported(&s, path, o.max_constants, &ok, err);
    struct strbuf whole = {0};
    strbuf_addf(&whole, "{\"ok\": %s, \"model\": ", ok ? "true" : "false");
    json_text(&whole, path);
    strbuf_addf(&whole, ", \"nodes\": [");
    if (s.json.data != NULL) strbuf_add(&whole, s.json.data, s.json.len);
    strbuf_addf(&whole, "]");
    if (s.ends.data != NULL) strbuf_add(&whole, s.ends.data, s.ends.len);
    strbuf_addf(&whole, "}\n");
    if (rc == ITX_OK && (whole.failed || s.json.failed || s.ends.failed))
        rc = itx_fail(err, ITX_E_NOMEM, "out of memory");
    if (rc == ITX_OK)
        *report = whole.data;
    else
        strbuf_release(&whole);
    strbuf_release(&s.json);
    strbuf_release(&s.ends);
    return rc;
}
