/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/cut.h"

#include <string.h>

#include "base/str.h"
#include "passes/rewrite.h"

enum { MAX_OUTPUTS = HEAD_MAX_LEVELS * 3 + 1 };

/* The head's maps as the file's graph has them, in the order of the new outputs. */
struct maps {
    int n;
    value_id map[MAX_OUTPUTS]; /* [1, c, h, w] */
};

static node_id find_producer(const struct graph *g, value_id v)
{
    for (size_t i = 0; i < g->nodes.len; i++)
        for (int k = 0; k < g->nodes.data[i].n_outputs; k++)
            if (g->nodes.data[i].outputs[k] == v) return (node_id)i;
    return NODE_NONE;
}

static bool is_same_shape(const struct shape *a, const struct shape *b)
{
    return a->rank == b->rank && memcmp(a->dim, b->dim, (size_t)a->rank * sizeof a->dim[0]) == 0;
}

/* Output `index` of the canonical graph; a file that is cut already has its transpose. */
static itx_status add_map(struct maps *m, const struct graph *g, const struct graph *canonical,
                          int index, struct itx_error *err)
{
    static const int64_t to_nhwc[] = {0, 2, 3, 1};
    const struct value *const v = graph_value(canonical, canonical->outputs.data[index]);
    value_id id = graph_find_value(g, v->name, strlen(v->name));
    node_id node = id != 0 ? find_producer(g, id) : NODE_NONE;
    int64_t perm[4];
    if (node != NODE_NONE && g->nodes.data[node].op == OP_TRANSPOSE &&
        node_ints(&g->nodes.data[node], ATTR_PERM, 0, 4, perm) == 4 &&
        memcmp(perm, to_nhwc, sizeof perm) == 0) {
        id = g->nodes.data[node].inputs[0];
        node = find_producer(g, id);
    }
    if (node == NODE_NONE || !is_same_shape(&graph_value(g, id)->shape, &v->shape))
        return itx_fail(err, ITX_E_UNSUPPORTED, "'%.200s' of the head is no value of the file",
                        v->name);
    m->map[m->n++] = id;
    return ITX_OK;
}

static itx_status find_maps(struct maps *m, const struct graph *g, const struct graph *canonical,
                            const struct head_info *head, struct itx_error *err)
{
    for (int i = 0; i < head->n_levels; i++) {
        const struct head_level *const level = &head->level[i];
        ITX_TRY(add_map(m, g, canonical, level->cls, err));
        ITX_TRY(add_map(m, g, canonical, level->box, err));
        if (level->coef >= 0) ITX_TRY(add_map(m, g, canonical, level->coef, err));
    }
    return head->proto >= 0 ? add_map(m, g, canonical, head->proto, err) : ITX_OK;
}

static int count(const struct graph *g, enum op op)
{
    int n = 0;
    for (size_t i = 0; i < g->nodes.len; i++) n += g->nodes.data[i].op == op;
    return n;
}

/* Outputs without a name of their own have torch's numbers, which no longer show in the file. Those of YOLO11n-seg and
 * YOLO11s-seg, which have the same nodes, are known. */
static bool has_known_numbers(const struct graph *g, const struct maps *m)
{
    return m->n == 10 && count(g, OP_CONV) == 99 && count(g, OP_SIGMOID) == 86 &&
           count(g, OP_CONV_TRANSPOSE) == 1 && count(g, OP_MATMUL) == 2;
}

/* "/model.23" of "/model.23/cv2.0/cv2.0.2/Conv" */
static struct str module_of(const char *name)
{
    const char *const end = name[0] == '/' ? strchr(name + 1, '/') : NULL;
    return (struct str){name, end != NULL ? (size_t)(end - name) : 0};
}

/* Names value v; whatever has that name is called after its node. */
static itx_status take_name(struct graph *g, value_id v, const char *name, struct itx_error *err)
{
    value_id other = graph_find_value(g, name, strlen(name)), taken;
    if (other == v) return ITX_OK;
    if (other == 0) {
        ITX_TRY(graph_add_value(g, name, DTYPE_NONE, NULL, &other, err));
        graph_swap_names(g, v, other);
        return ITX_OK;
    }
    graph_swap_names(g, v, other);
    const node_id node = find_producer(g, other);
    if (node == NODE_NONE) return ITX_OK;
    struct strbuf text = {0};
    strbuf_addf(&text, "%s_output_0", g->nodes.data[node].name);
    const itx_status rc = text.failed
                              ? itx_fail(err, ITX_E_NOMEM, "out of memory for the graph")
                              : graph_add_value(g, text.data, DTYPE_NONE, NULL, &taken, err);
    strbuf_release(&text);
    if (rc == ITX_OK) graph_swap_names(g, other, taken);
    return rc;
}

/* "MODULE/Transpose_3", and with `tail` what torch calls its result. */
static itx_status make_name(struct strbuf *text, struct str module, int i, const char *tail,
                            struct itx_error *err)
{
    text->len = 0;
    strbuf_addf(text, "%.*s/Transpose", (int)module.len, module.data);
    if (i > 0) strbuf_addf(text, "_%d", i);
    strbuf_addf(text, "%s", tail);
    return text->failed ? itx_fail(err, ITX_E_NOMEM, "out of memory for the graph") : ITX_OK;
}

static itx_status add_output(struct graph *g, value_id map, const char *node_name, value_id *id,
                             struct itx_error *err)
{
    static const int64_t to_nhwc[] = {0, 2, 3, 1};
    const struct shape s = graph_value(g, map)->shape;
    const struct shape turned = {.rank = 4, .dim = {s.dim[0], s.dim[2], s.dim[3], s.dim[1]}};
    node_id node;
    ITX_TRY(graph_add_value(g, NULL, DTYPE_F32, &turned, id, err));
    ITX_TRY(graph_add_node(g, OP_TRANSPOSE, node_name, 1, &map, 1, id, &node, err));
    ITX_TRY(graph_set_ints(g, node, ATTR_PERM, 4, to_nhwc, err));
    return vec_push(&g->outputs, *id) ? ITX_OK
                                      : itx_fail(err, ITX_E_NOMEM, "out of memory for the graph");
}

static itx_status add_outputs(struct graph *g, const struct maps *m, struct strbuf *text,
                              struct itx_error *err)
{
    static const char *const numbers[] = {"output0", "output1", "514", "528", "536",
                                          "544",     "558",     "566", "574", "585"};
    const struct str module = module_of(g->nodes.data[find_producer(g, m->map[0])].name);
    value_id id[MAX_OUTPUTS];
    g->outputs.len = 0;
    for (int i = 0; i < m->n; i++) {
        ITX_TRY(make_name(text, module, i, "", err));
        ITX_TRY(add_output(g, m->map[i], text->data, &id[i], err));
    }
    ITX_TRY(graph_remove_dead(g, err));
    const bool is_known = has_known_numbers(g, m);
    for (int i = 0; i < m->n; i++) {
        ITX_TRY(make_name(text, module, i, "_output_0", err));
        ITX_TRY(take_name(g, id[i], i < 2 || is_known ? numbers[i] : text->data, err));
    }
    return graph_compact(g, err);
}

/* So that the file can be read again, whatever its nodes are called. */
static itx_status say_outputs(struct graph *g, const struct head_info *head, struct strbuf *text,
                              struct itx_error *err)
{
    text->len = 0;
    for (int i = 0; i < head->n_levels; i++)
        strbuf_addf(text, "%sclass,box%s", i > 0 ? "," : "",
                    head->level[i].coef >= 0 ? ",coefficients" : "");
    if (head->proto >= 0) strbuf_addf(text, ",prototypes");
    return text->failed ? itx_fail(err, ITX_E_NOMEM, "out of memory for the graph")
                        : graph_set_meta(g, HEAD_META_OUTPUTS, text->data, err);
}

itx_status cut_before_decoding(struct graph *g, const struct graph *canonical,
                               const struct head_info *head, struct itx_error *err)
{
    struct maps m = {0};
    struct strbuf text = {0};
    ITX_TRY(find_maps(&m, g, canonical, head, err));
    itx_status rc = add_outputs(g, &m, &text, err);
    if (rc == ITX_OK) rc = say_outputs(g, head, &text, err);
    strbuf_release(&text);
    return rc;
}

/* ---- softmax ---- */

/* What the nodes of one softmax are called: "/attn" of "/attn/Softmax". */
struct site {
    struct rewrite *r;
    struct str folder;
    node_id last; /* that was added */
};

/* out = op(in...), a new node and value. */
static itx_status add_step(struct site *s, enum op op, const char *part, int n_inputs,
                           const value_id *inputs, value_id *out, struct itx_error *err)
{
    struct strbuf name = {0};
    strbuf_addf(&name, "%.*s%s", (int)s->folder.len, s->folder.data, part);
    const size_t len = name.len;
    strbuf_addf(&name, "_output_0");
    itx_status rc = name.failed ? itx_fail(err, ITX_E_NOMEM, "out of memory for the graph")
                                : graph_add_value(s->r->g, name.data, DTYPE_NONE, NULL, out, err);
    if (rc == ITX_OK) {
        name.data[len] = '\0';
        rc = graph_add_node(s->r->g, op, name.data, n_inputs, inputs, 1, out, &s->last, err);
    }
    strbuf_release(&name);
    return rc;
}

static itx_status add_turn(struct site *s, const char *part, value_id in, const int64_t *perm,
                           value_id *out, struct itx_error *err)
{
    ITX_TRY(add_step(s, OP_TRANSPOSE, part, 1, &in, out, err));
    return graph_set_ints(s->r->g, s->last, ATTR_PERM, 4, perm, err);
}

static itx_status add_reduction(struct site *s, enum op op, const char *part, value_id in,
                                int64_t axis, value_id *out, struct itx_error *err)
{
    value_id inputs[2] = {in};
    ITX_TRY(add_ints(s->r->g, "axes", 1, &axis, &inputs[1], err));
    ITX_TRY(add_step(s, op, part, 2, inputs, out, err));
    return graph_set_int(s->r->g, s->last, ATTR_KEEPDIMS, 1, err);
}

static itx_status write_out(struct rewrite *r, node_id id, struct itx_error *err)
{
    static const int64_t to_channels[] = {0, 3, 1, 2}, back[] = {0, 2, 3, 1};
    const struct node *const n = rewrite_node(r, id);
    const value_id y = n->outputs[0];
    const int rank = graph_value(r->g, y)->shape.rank;
    int axis = axis_of(node_int(n, ATTR_AXIS, -1), rank);
    const char *const slash = strrchr(n->name, '/');
    struct site s = {r, {n->name, slash != NULL ? (size_t)(slash + 1 - n->name) : 0}, NODE_NONE};
    value_id x = n->inputs[0], max, sub, exp, sum, div;
    if (axis < 0) return itx_fail(err, ITX_E_INVAL, "node '%.200s': no such axis", n->name);
    const bool is_turned = rank == 4 && axis == 3;
    if (is_turned) {
        ITX_TRY(add_turn(&s, "Softmax/Transpose", x, to_channels, &x, err));
        axis = 1;
    }
    ITX_TRY(add_reduction(&s, OP_REDUCE_MAX, "ReduceMax", x, axis, &max, err));
    ITX_TRY(add_step(&s, OP_SUB, "Sub", 2, (const value_id[]){x, max}, &sub, err));
    ITX_TRY(add_step(&s, OP_EXP, "Exp", 1, &sub, &exp, err));
    ITX_TRY(add_reduction(&s, OP_REDUCE_SUM, "ReduceSum", exp, axis, &sum, err));
    ITX_TRY(add_step(&s, OP_DIV, "Div", 2, (const value_id[]){exp, sum}, &div, err));
    if (is_turned) ITX_TRY(add_turn(&s, "Softmax/Transpose_1", div, back, &div, err));
    rewrite_remove(r, id);
    rewrite_replace(r, y, div);
    return ITX_OK;
}

itx_status cut_write_softmax_out(struct graph *g, int *n, struct itx_error *err)
{
    struct rewrite r;
    ITX_TRY(rewrite_begin(&r, g, err));
    itx_status rc = ITX_OK;
    *n = 0;
    for (node_id i = 0; i < r.n_nodes && rc == ITX_OK; i++) {
        if (rewrite_node(&r, i)->op != OP_SOFTMAX) continue;
        rc = write_out(&r, i, err);
        ++*n;
    }
    rc = rewrite_end(&r, rc, err);
    return rc == ITX_OK ? graph_infer(g, err) : rc;
}
