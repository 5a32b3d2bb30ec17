/* SPDX-License-Identifier: Apache-2.0
 *
 * Ultralytics' export: walks back from the output of rank 3 to the last convolutions. Every path is
 * marked with what it met: a Softmax means a box distribution, a Sigmoid alone class scores,
 * neither mask coefficients. Exporters join the maps of a level, and then all levels, and split
 * classes from boxes again: so a path carries the range of channels (dimension 1) it is about.
 */
#include <string.h>

#include "base/mem.h"
#include "passes/find_head.h"

/* Channels [begin, end) of v, reached through `met`. */
struct place {
    value_id v;
    int met;
    int64_t begin, end;
};

#define MAX_PLACES 10000 /* a head has about a hundred */

struct walk {
    const struct rewrite *r;
    VEC(struct place) places; /* every one once, in the order of discovery */
    bool is_hopeless;         /* met something that is no part of a head */
    bool is_partial;          /* met a part of a convolution's channels, as no head of ours has */
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

static int64_t n_channels(const struct walk *w, value_id v)
{
    const struct shape *s = &graph_value(w->r->g, v)->shape;
    return s->rank < 2 ? 1 : s->dim[1];
}

/* False when out of memory. */
static bool push(struct walk *w, struct place at)
{
    if (at.v == 0 || value_is_const(w->r->g, at.v) || at.begin >= at.end) return true;
    for (size_t i = 0; i < w->places.len; i++) {
        const struct place *p = &w->places.data[i];
        if (p->v == at.v && p->met == at.met && p->begin == at.begin && p->end == at.end)
            return true;
    }
    if (w->places.len == MAX_PLACES) w->is_hopeless = true;
    return w->is_hopeless || vec_push(&w->places, at);
}

static bool push_concat(struct walk *w, const struct node *n, struct place at)
{
    int64_t first = 0; /* of this operand in the result */
    for (int i = 0; i < n->n_inputs; i++) {
        const int64_t c = n_channels(w, n->inputs[i]);
        struct place p = {n->inputs[i], at.met, at.begin - first, at.end - first};
        if (p.begin < 0) p.begin = 0;
        if (p.end > c) p.end = c;
        if (!push(w, p)) return false;
        first += c;
    }
    return true;
}

/* Where the channels of the result begin in the operand; -1 when they are not a range of its
 * channels. */
static int64_t channel_offset(const struct walk *w, const struct node *n, struct place at)
{
    const struct graph *g = w->r->g;
    int64_t perm[SHAPE_MAX_RANK], begin, end, offset = 0;
    int axis;
    switch ((int)n->op) {
    case OP_SPLIT:
        if (node_int(n, ATTR_AXIS, 0) != 1) return 0;
        for (int i = 0; n->outputs[i] != at.v; i++) offset += n_channels(w, n->outputs[i]);
        return offset;
    case OP_SLICE:
        if (!slice_range(g, n, &axis, &begin, &end)) return -1;
        return axis == 1 ? begin : 0;
    case OP_TRANSPOSE:
        node_ints(n, ATTR_PERM, -1, SHAPE_MAX_RANK, perm);
        return perm[1] == 1 ? 0 : -1;
    case OP_SOFTMAX:
    case OP_SIGMOID:
    case OP_ADD:
    case OP_SUB:
    case OP_MUL:
    case OP_DIV:
    case OP_CONCAT: /* along another axis */
        return 0;
    case OP_RESHAPE:
        return n_channels(w, n->inputs[0]) == n_channels(w, at.v) ? 0 : -1;
    default:
        return -1;
    }
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
        if (at.begin != 0 || at.end != n_channels(w, at.v)) w->is_partial = true;
        met_by[at.v] |= (uint8_t)(at.met | MET_ALL);
        return true;
    }
    if (n->op == OP_SIGMOID) at.met |= MET_SIGMOID;
    if (n->op == OP_SOFTMAX) at.met |= MET_SOFTMAX;
    if (n->op == OP_CONCAT && node_int(n, ATTR_AXIS, 0) == 1) return push_concat(w, n, at);
    const int64_t offset = channel_offset(w, n, at);
    for (int i = 0; i < n->n_inputs; i++) {
        const int64_t c = n_channels(w, n->inputs[i]);
        /* What broadcasts, or rearranges channels, needs them all. */
        const bool is_range = offset >= 0 && at.end + offset <= c;
        const struct place p = {n->inputs[i], at.met, is_range ? at.begin + offset : 0,
                                is_range ? at.end + offset : c};
        if (!push(w, p)) return false;
    }
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
    int64_t n_rows = 4, n_anchors = 0;
    for (int i = 0; i < f->n_levels; i++) {
        const value_id *part = f->level[i].part;
        if (part[FOUND_CLS] == 0) return false;
        const struct shape *s = &graph_value(g, part[FOUND_CLS])->shape;
        if (i == 0) n_rows += s->dim[1];
        if (i == 0 && part[FOUND_COEF] != 0)
            n_rows += graph_value(g, part[FOUND_COEF])->shape.dim[1];
        n_anchors += s->dim[2] * s->dim[3];
    }
    const struct shape *o = &graph_value(g, output)->shape;
    return (o->dim[1] == n_rows && o->dim[2] == n_anchors) ||
           (o->dim[2] == n_rows && o->dim[1] == n_anchors);
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
    struct walk w = {.r = r};
    uint8_t *met_by = mem_calloc(r->n_values, 1);
    bool has_memory =
        met_by != NULL && push(&w, (struct place){detections, 0, 0, n_channels(&w, detections)});
    for (size_t i = 0; has_memory && i < w.places.len && !w.is_hopeless; i++)
        has_memory = visit(&w, w.places.data[i], met_by);
    if (has_memory && !w.is_hopeless) {
        sort_out(r, met_by, f);
        if (w.is_partial || !fits_output(r->g, f, detections)) f->is_ambiguous = true;
        f->why = head_other_form(r, met_by);
    }
    mem_free(met_by);
    vec_release(&w.places);
    return has_memory ? ITX_OK : itx_fail(err, ITX_E_NOMEM, "out of memory for the graph");
}
