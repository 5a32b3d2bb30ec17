/* SPDX-License-Identifier: Apache-2.0
 *
 * Ultralytics' export: walks back from the output of rank 3 to the last convolutions. Every path is marked with what it met: a
 * Softmax means a box distribution, a Sigmoid alone class scores, neither mask coefficients.
 */
#include <string.h>

#include "base/mem.h"
#include "passes/find_head.h"

enum { MET_SIGMOID = 1, MET_SOFTMAX = 2, MET_ALL = 4 };

struct place {
    value_id v;
    int met;
};

struct walk {
    const struct rewrite *r;
    VEC(struct place) todo;
    uint8_t *seen;    /* [values]: bit `met` is set when the pair has been queued */
    bool is_hopeless; /* met something that is no part of a head */
};

/* The expectation over bins 0, 1, 2, ... as a 1x1 convolution. */
static bool is_dfl_conv(const struct graph *g, const struct node *n)
{
    const struct value *w = graph_value(g, n->inputs[1]);
    if (w->data == NULL || w->dtype != DTYPE_F32 || w->shape.rank != 4 || w->shape.dim[0] != 1 ||
        w->shape.dim[2] != 1 || w->shape.dim[3] != 1)
        return false;
    for (int64_t i = 0; i < w->shape.dim[1]; i++)
        if (((const float *)w->data)[i] != (float)i) return false;
    return w->shape.dim[1] > 1;
}

static bool is_tail_op(enum op op)
{
    static const enum op ops[] = {
        OP_ADD,     OP_CAST,    OP_CONCAT,    OP_CONV,       OP_DIV,       OP_EXPAND,
        OP_GATHER,  OP_GEMM,    OP_IDENTITY,  OP_MATMUL,     OP_MUL,       OP_POW,
        OP_NEG,     OP_RESHAPE, OP_SIGMOID,   OP_SLICE,      OP_SOFTMAX,   OP_SPLIT,
        OP_SQUEEZE, OP_SUB,     OP_TRANSPOSE, OP_REDUCE_SUM, OP_UNSQUEEZE,
    };
    for (size_t i = 0; i < ARRAY_LEN(ops); i++)
        if (ops[i] == op) return true;
    return false;
}

static bool push(struct walk *w, value_id v, int met)
{
    if (v == 0 || value_is_const(w->r->g, v) || (w->seen[v] & 1 << met) != 0) return true;
    w->seen[v] |= (uint8_t)(1 << met);
    return vec_push(&w->todo, (struct place){v, met});
}

/* One step back. False when out of memory. */
static bool visit(struct walk *w, struct place at, uint8_t *met_by)
{
    const struct graph *g = w->r->g;
    const node_id id = rewrite_producer(w->r, at.v);
    if (id == NODE_NONE || !is_tail_op(g->nodes.data[id].op)) {
        w->is_hopeless = true;
        return true;
    }
    const struct node *n = &g->nodes.data[id];
    if (n->op == OP_CONV && !is_dfl_conv(g, n)) {
        met_by[at.v] |= (uint8_t)(at.met | MET_ALL);
        return true;
    }
    if (n->op == OP_SIGMOID) at.met |= MET_SIGMOID;
    if (n->op == OP_SOFTMAX) at.met |= MET_SOFTMAX;
    for (int i = 0; i < n->n_inputs; i++)
        if (!push(w, n->inputs[i], at.met)) return false;
    return true;
}

static void sort_out(const struct rewrite *r, const uint8_t *met_by, struct found_head *f)
{
    static const struct {
        int met;
        enum found_role role;
    } roles[] = {{MET_ALL | MET_SIGMOID, FOUND_CLS},
                 {MET_ALL | MET_SOFTMAX, FOUND_BOX},
                 {MET_ALL, FOUND_COEF}};
    for (value_id v = 1; v < r->n_values; v++) {
        if (met_by[v] == 0) continue;
        const int stride = found_stride(r->g, v);
        bool is_known = false;
        for (size_t i = 0; i < ARRAY_LEN(roles) && stride != 0; i++)
            if (met_by[v] == roles[i].met) {
                found_add(f, roles[i].role, v, stride);
                is_known = true;
            }
        if (!is_known) f->is_ambiguous = true;
    }
}

/* The output has a place for everything that was found, and for nothing else. */
static bool fits_output(const struct graph *g, const struct found_head *f, value_id output)
{
    int64_t n_channels = 4, n_anchors = 0;
    for (int i = 0; i < f->n_levels; i++) {
        const value_id *part = f->level[i].part;
        if (part[FOUND_CLS] == 0) return false;
        const struct shape *s = &graph_value(g, part[FOUND_CLS])->shape;
        if (i == 0) n_channels += s->dim[1];
        if (i == 0 && part[FOUND_COEF] != 0)
            n_channels += graph_value(g, part[FOUND_COEF])->shape.dim[1];
        n_anchors += s->dim[2] * s->dim[3];
    }
    const struct shape *o = &graph_value(g, output)->shape;
    return (o->dim[1] == n_channels && o->dim[2] == n_anchors) ||
           (o->dim[2] == n_channels && o->dim[1] == n_anchors);
}

/* One output of rank 3; at most one other, of rank 4: the prototypes. */
static bool find_outputs(const struct graph *g, value_id *detections, value_id *proto)
{
    *detections = *proto = 0;
    for (size_t i = 0; i < g->outputs.len; i++) {
        const value_id v = g->outputs.data[i];
        const int rank = graph_value(g, v)->shape.rank;
        value_id *place = rank == 3 ? detections : proto;
        if ((rank != 3 && rank != 4) || *place != 0) return false;
        *place = v;
    }
    return *detections != 0;
}

itx_status head_tail_find(const struct rewrite *r, struct found_head *f, struct itx_error *err)
{
    value_id detections;
    if (!find_outputs(r->g, &detections, &f->proto)) return ITX_OK;
    struct walk w = {.r = r, .seen = mem_calloc(r->n_values, 1)};
    uint8_t *met_by = mem_calloc(r->n_values, 1);
    bool has_memory = w.seen != NULL && met_by != NULL && push(&w, detections, 0);
    while (has_memory && w.todo.len > 0 && !w.is_hopeless)
        has_memory = visit(&w, w.todo.data[--w.todo.len], met_by);
    if (has_memory && !w.is_hopeless) {
        sort_out(r, met_by, f);
        if (!fits_output(r->g, f, detections)) f->is_ambiguous = true;
    }
    mem_free(w.seen);
    mem_free(met_by);
    vec_release(&w.todo);
    return has_memory ? ITX_OK : itx_fail(err, ITX_E_NOMEM, "out of memory for the graph");
}
