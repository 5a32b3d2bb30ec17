/* SPDX-License-Identifier: Apache-2.0
 *
 * itx_check: how every node of an ONNX file will run, or why it cannot.
 */
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
        for (size_t v = 1; v < file->values.len; v++)
            if (strcmp(file->values.data[v].name, name) == 0) value_needed[v] = true;
    }
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

static const struct node *find_canonical(const struct graph *g, const char *name, enum op op)
{
    for (size_t i = 0; i < g->nodes.len; i++)
        if (g->nodes.data[i].op == op && strcmp(g->nodes.data[i].name, name) == 0)
            return &g->nodes.data[i];
    return NULL;
}

/* The node that makes a value; NULL for inputs and constants. */
static const struct node *maker_of(const struct graph *g, value_id v)
{
    for (size_t i = 0; i < g->nodes.len; i++)
        for (int k = 0; k < g->nodes.data[i].n_outputs; k++)
            if (g->nodes.data[i].outputs[k] == v) return &g->nodes.data[i];
    return NULL;
}

/* The file's node and the graphs that it is in and becomes part of. */
struct origin {
    const struct graph *file, *canonical;
    const struct quant_groups *groups; /* of the canonical graph */
};

/* The node that computes what node `at` of the file computes: the one that makes a value of that name, else of the
 * nodes that read it, the first that has one. */
static const struct node *find_whole(const struct origin *o, size_t at, value_id *made)
{
    value_id v = o->file->nodes.data[at].outputs[0];
    for (size_t i = at; i < o->file->nodes.len; i++) {
        const struct node *const n = &o->file->nodes.data[i];
        bool is_next = i == at;
        for (int k = 0; k < n->n_inputs && !is_next; k++) is_next = n->inputs[k] == v;
        if (!is_next) continue;
        v = n->outputs[0];
        const char *const name = graph_value(o->file, v)->name;
        for (value_id c = 1; c < o->canonical->values.len; c++) {
            const struct node *const whole = strcmp(graph_value(o->canonical, c)->name, name) == 0
                                                 ? maker_of(o->canonical, c)
                                                 : NULL;
            if (whole == NULL) continue;
            *made = c;
            return whole;
        }
    }
    return NULL;
}

/* What the node is part of, whether its result can have 16 bits, and which nodes it reads. */
static void add_origin(struct scan *s, const struct origin *o, size_t at)
{
    const struct node *const n = &o->file->nodes.data[at];
    value_id made = 0;
    const struct node *const whole = find_whole(o, at, &made);
    struct itx_error why = {.text = ""};
    if (whole != NULL) (void)quant_groups_allow(o->groups, o->canonical, made, &why);
    strbuf_addf(&s->json, ", \"part_of\": ");
    json_text(&s->json, whole != NULL ? whole->name : "");
    strbuf_addf(&s->json, ", \"not_int16\": ");
    json_text(&s->json, why.text);
    strbuf_addf(&s->json, ", \"reads\": [");
    for (int k = 0, n_read = 0; k < n->n_inputs; k++) {
        if (n->inputs[k] == 0 || graph_value(o->file, n->inputs[k])->data != NULL) continue;
        const struct node *const maker = maker_of(o->file, n->inputs[k]);
        strbuf_addf(&s->json, n_read++ > 0 ? ", " : "");
        json_text(&s->json, maker != NULL ? maker->name : "");
    }
    strbuf_addf(&s->json, "]}");
}

static itx_status add_all_nodes(struct scan *s, const struct graph *file, const struct network *net,
                                struct itx_error *err)
{
    bool *is_needed = mem_calloc(file->nodes.len, sizeof *is_needed);
    bool *value_needed = mem_calloc(file->values.len, sizeof *value_needed);
    bool *value_constant = mem_calloc(file->values.len, sizeof *value_constant);
    struct quant_groups groups = {0};
    itx_status rc = is_needed == NULL || value_needed == NULL || value_constant == NULL
                        ? itx_fail(err, ITX_E_NOMEM, "out of memory")
                        : quant_groups_create(&groups, net->graph, err);
    const struct origin origin = {file, net->graph, &groups};
    if (rc == ITX_OK) mark_needed(file, net->graph, is_needed, value_needed);
    char reason[LOWER_REASON_SIZE];
    for (size_t i = 0; rc == ITX_OK && i < file->nodes.len; i++) {
        const struct node *n = &file->nodes.data[i];
        const char *const type = op_info(n->op)->name;
        const struct node *run = find_canonical(net->graph, n->name, n->op);
        const bool constant = is_constant(file, n, value_constant);
        if (constant)
            begin_node(s, n->name, type, "folded", "", "");
        else if (run != NULL && lower_supports(net->graph, run, reason))
            begin_node(s, n->name, type, "int8", lower_step_name(net->graph, run), "");
        else if (run != NULL)
            begin_node(s, n->name, type, "no", "", reason);
        else
            begin_node(s, n->name, type, is_needed[i] ? "fused" : "decoding", "", "");
        if (!constant && (run != NULL || is_needed[i]))
            add_origin(s, &origin, i);
        else
            strbuf_addf(&s->json, "}");
    }
    quant_groups_release(&groups);
    mem_free(is_needed);
    mem_free(value_needed);
    mem_free(value_constant);
    return rc;
}

/* What passes made and the lowering refuses has no node of its own in the file: it is listed too. */
static bool add_refused(struct scan *s, const struct graph *file, const struct graph *canonical)
{
    bool any = false;
    char reason[LOWER_REASON_SIZE];
    for (size_t i = 0; i < canonical->nodes.len; i++) {
        const struct node *n = &canonical->nodes.data[i];
        if (lower_supports(canonical, n, reason)) continue;
        any = true;
        bool is_listed = false;
        for (size_t k = 0; k < file->nodes.len; k++)
            is_listed = is_listed || (file->nodes.data[k].op == n->op &&
                                      strcmp(file->nodes.data[k].name, n->name) == 0);
        if (!is_listed) add_node(s, n->name, op_info(n->op)->name, "no", "", reason);
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

static itx_status check_imported(struct scan *s, const char *path, bool *ok, struct itx_error *err)
{
    struct network net;
    struct graph *file = NULL;
    ITX_TRY(network_read(&net, &(struct network_source){.path = path},
                         err)); /* one reason for the whole file */
    itx_status rc = onnx_read(&file, path, err);
    if (rc == ITX_OK) rc = add_all_nodes(s, file, &net, err);
    if (rc == ITX_OK) *ok = !add_refused(s, file, net.graph);
    if (rc == ITX_OK) rc = add_ends(s, file, err);
    graph_destroy(&file);
    network_release(&net);
    return rc;
}

itx_status itx_check(const char *path, char **report, struct itx_error *err)
{
    if (path == NULL || report == NULL)
        return itx_fail(err, ITX_E_INVAL, "itx_check: an argument is NULL");
    struct scan s = {.all_supported = true};
    bool ok = false;
    itx_status rc = onnx_scan(path, find_unsupported, &s, err);
    if (rc == ITX_OK && !s.all_supported)
        rc = onnx_scan(path, add_scanned, &s, err);
    else if (rc == ITX_OK)
        rc = check_imported(&s, path, &ok, err);
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
