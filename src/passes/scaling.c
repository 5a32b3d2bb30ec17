/* SPDX-License-Identifier: Apache-2.0
 *
 * Values that are computed from the input alone, channel by channel, are followed in the order of nodes. Where a single one
 * of them is still to be read, everything goes through it: it can be the input.
 */
#include "passes/scaling.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "passes/entry.h"
#include "passes/rewrite.h"

enum { MAX_CHANNELS = SCALING_MAX_CHANNELS, RANK = 4 };

/* Channel i of a value is channel from[i] of the input, times scale[i], plus add[i]. */
struct track {
    char order
        [RANK +
         1]; /* what its dimensions are: "nchw", "nhwc", "nhw" of a single channel, ...; "": not such */
    int n;
    int from[MAX_CHANNELS];
    double scale[MAX_CHANNELS], add[MAX_CHANNELS];
};

struct walk {
    struct graph *g;
    struct track *track;   /* [values] */
    uint32_t *n_open_uses; /* [values], by nodes that were not visited yet */
    int n_open;            /* values with such uses */
    value_id input, best;  /* best: the last that everything goes through; 0: none */
    bool is_stopped;
};

static int channel_axis(const struct track *t)
{
    const char *const at = strchr(t->order, 'c');
    return at != NULL ? (int)(at - t->order) : -1;
}

/* ---- nodes with one operand ---- */

static bool track_transpose(const struct node *n, const struct track *x, struct track *y)
{
    int64_t perm[SHAPE_MAX_RANK];
    const int rank = (int)strlen(x->order);
    if (node_ints(n, ATTR_PERM, -1, SHAPE_MAX_RANK, perm) != rank) return false;
    for (int i = 0; i < rank; i++) y->order[i] = x->order[perm[i]];
    return true;
}

/* The result has n channels, channel i being channel of[i] of x. */
static bool pick(const struct track *x, struct track *y, int n, const int64_t *of)
{
    if (n < 1 || n > MAX_CHANNELS) return false;
    y->n = n;
    for (int i = 0; i < n; i++) {
        if (of[i] < 0 || of[i] >= x->n) return false;
        y->from[i] = x->from[of[i]];
        y->scale[i] = x->scale[of[i]];
        y->add[i] = x->add[of[i]];
    }
    return true;
}

static bool track_gather(const struct graph *g, const struct node *n, const struct track *x,
                         struct track *y)
{
    int64_t of[MAX_CHANNELS];
    const int axis = axis_of(node_int(n, ATTR_AXIS, 0), (int)strlen(x->order));
    const int count = value_ints(g, n->inputs[1], MAX_CHANNELS, of);
    const int rank = graph_value(g, n->inputs[1])->shape.rank;
    if (axis < 0 || axis != channel_axis(x) || rank > 1) return false;
    for (int i = 0; i < count; i++)
        if (of[i] < 0) of[i] += x->n;
    if (rank == 0) memmove(y->order + axis, y->order + axis + 1, strlen(y->order + axis));
    return pick(x, y, count, of);
}

/* Along the channels alone, forwards or backwards. */
static bool track_slice(const struct graph *g, const struct node *n, const struct track *x,
                        struct track *y)
{
    int64_t begin, end, axis = 0, step = 1, of[MAX_CHANNELS];
    if (value_ints(g, n->inputs[1], 1, &begin) != 1 || value_ints(g, n->inputs[2], 1, &end) != 1 ||
        (node_input(n, 3) != 0 && value_ints(g, n->inputs[3], 1, &axis) != 1) ||
        (node_input(n, 4) != 0 && value_ints(g, n->inputs[4], 1, &step) != 1))
        return false;
    axis = axis_of(axis, (int)strlen(x->order));
    if (axis < 0 || axis != channel_axis(x) || (step != 1 && step != -1)) return false;
    const int64_t last = x->n - 1;
    if (begin < 0) begin += x->n;
    if (end < 0) end += end < -last - 1 ? 0 : x->n;
    if (begin > last) begin = step < 0 ? last : last + 1;
    int count = 0;
    for (int64_t c = begin; c >= 0 && c <= last && (step > 0 ? c < end : c > end); c += step)
        of[count++] = c;
    return pick(x, y, count, of);
}

static bool track_split(const struct walk *w, const struct node *n, const struct track *x)
{
    const int axis = axis_of(node_int(n, ATTR_AXIS, 0), (int)strlen(x->order));
    int64_t at = 0;
    if (axis < 0 || axis != channel_axis(x)) return false;
    for (int i = 0; i < n->n_outputs; i++) {
        struct track *const y = &w->track[n->outputs[i]];
        const int64_t count = graph_value(w->g, n->outputs[i])->shape.dim[axis];
        int64_t of[MAX_CHANNELS];
        if (count < 1 || count > MAX_CHANNELS) return false;
        for (int k = 0; k < count; k++) of[k] = at + k;
        *y = *x;
        if (!pick(x, y, (int)count, of)) return false;
        at += count;
    }
    return true;
}

/* A single channel gets its dimension again. */
static bool track_unsqueeze(const struct graph *g, const struct node *n, const struct track *x,
                            struct track *y)
{
    int64_t axis;
    const int rank = (int)strlen(x->order);
    if (channel_axis(x) >= 0 || rank + 1 > RANK || value_ints(g, n->inputs[1], 1, &axis) != 1)
        return false;
    const int at = axis_of(axis, rank + 1);
    if (at < 0) return false;
    memmove(y->order + at + 1, x->order + at, (size_t)(rank - at + 1));
    y->order[at] = 'c';
    return true;
}

static bool is_real(enum dtype t)
{
    return t == DTYPE_F32 || t == DTYPE_F64;
}

/* ---- several operands ---- */

static bool track_concat(const struct walk *w, const struct node *n, struct track *y)
{
    const struct track *const first = &w->track[n->inputs[0]];
    const int axis = axis_of(node_int(n, ATTR_AXIS, 0), (int)strlen(first->order));
    if (first->n == 0 || axis < 0 || axis != channel_axis(first)) return false;
    *y = *first;
    y->n = 0;
    for (int i = 0; i < n->n_inputs; i++) {
        const struct track *const x = &w->track[n->inputs[i]];
        if (x->n == 0 || strcmp(x->order, y->order) != 0 || y->n + x->n > MAX_CHANNELS)
            return false;
        for (int k = 0; k < x->n; k++, y->n++) {
            y->from[y->n] = x->from[k];
            y->scale[y->n] = x->scale[k];
            y->add[y->n] = x->add[k];
        }
    }
    return true;
}

/* Element c of a constant that is one number for each channel of x, or one for all. */
static bool channel_constant(const struct value *v, const struct track *x, int c, double *k)
{
    const int rank = (int)strlen(x->order), ahead = rank - v->shape.rank;
    const int64_t n = shape_elements(&v->shape);
    if (v->data == NULL || !is_real(v->dtype) || ahead < 0) return false;
    if (n != 1 &&
        (n != x->n || channel_axis(x) < ahead || v->shape.dim[channel_axis(x) - ahead] != n))
        return false;
    const int64_t at = n == 1 ? 0 : c;
    *k = v->dtype == DTYPE_F64 ? ((const double *)v->data)[at] : ((const float *)v->data)[at];
    return isfinite(*k);
}

static bool track_arithmetic(const struct walk *w, const struct node *n, struct track *y)
{
    const int other = w->track[n->inputs[0]].n != 0 ? 1 : 0; /* which operand is the constant */
    const struct track *const x = &w->track[n->inputs[1 - other]];
    if (n->op == OP_DIV && other == 0) return false;
    for (int c = 0; c < x->n; c++) {
        double k;
        if (!channel_constant(graph_value(w->g, n->inputs[other]), x, c, &k)) return false;
        const bool is_turned = n->op == OP_SUB && other == 0; /* k - x */
        const double factor = n->op == OP_MUL ? k : n->op == OP_DIV ? 1 / k : is_turned ? -1 : 1;
        y->scale[c] = x->scale[c] * factor;
        y->add[c] = x->add[c] * factor + (n->op == OP_ADD || is_turned ? k
                                          : n->op == OP_SUB            ? -k
                                                                       : 0);
        if (!isfinite(y->scale[c]) || !isfinite(y->add[c])) return false;
    }
    return true;
}

/* ---- the walk ---- */

static bool track_unary(const struct walk *w, const struct node *n, const struct track *x,
                        struct track *y)
{
    switch (n->op) {
    case OP_IDENTITY:
        return true;
    case OP_CAST:
        return is_real(graph_value(w->g, n->outputs[0])->dtype);
    case OP_NEG:
        for (int c = 0; c < x->n; c++) {
            y->scale[c] = -x->scale[c];
            y->add[c] = -x->add[c];
        }
        return is_real(graph_value(w->g, n->outputs[0])->dtype);
    case OP_TRANSPOSE:
        return track_transpose(n, x, y);
    case OP_GATHER:
        return track_gather(w->g, n, x, y);
    case OP_SLICE:
        return track_slice(w->g, n, x, y);
    case OP_UNSQUEEZE:
        return track_unsqueeze(w->g, n, x, y);
    default:
        return false;
    }
}

/* False when a result is none that can be followed. */
static bool track_node(const struct walk *w, const struct node *n)
{
    struct track *const y = &w->track[n->outputs[0]];
    const struct track *const x = &w->track[n->inputs[0]];
    switch (n->op) {
    case OP_ADD:
    case OP_SUB:
    case OP_MUL:
    case OP_DIV:
        if (!is_real(graph_value(w->g, n->outputs[0])->dtype)) return false;
        *y = x->n != 0 ? *x : w->track[n->inputs[1]];
        return track_arithmetic(w, n, y);
    case OP_CONCAT:
        return track_concat(w, n, y);
    case OP_SPLIT:
        return x->n != 0 && track_split(w, n, x);
    default:
        *y = *x;
        return x->n != 0 && track_unary(w, n, x, y);
    }
}

/* In the input's order of channels, or in the reverse one. */
static bool keeps_order(const struct track *t, int n_channels)
{
    bool same = t->n == n_channels, reversed = same;
    for (int c = 0; c < t->n; c++) {
        same = same && t->from[c] == c;
        reversed = reversed && t->from[c] == n_channels - 1 - c;
    }
    return same || reversed;
}

static bool is_positive(const struct track *t)
{
    for (int c = 0; c < t->n; c++)
        if (!(t->scale[c] >= 1e-9 && t->scale[c] <= 1e9)) return false;
    return true;
}

static void take_if_all(struct walk *w, value_id v)
{
    const struct track *const t = &w->track[v];
    if (w->n_open == 1 && w->n_open_uses[v] > 0 && strcmp(t->order, "nchw") == 0 &&
        graph_value(w->g, v)->dtype == DTYPE_F32 && keeps_order(t, w->track[w->input].n) &&
        is_positive(t))
        w->best = v;
}

/* One use of v is behind us. */
static void close_use(struct walk *w, value_id v)
{
    if (v != 0 && w->track[v].n != 0 && --w->n_open_uses[v] == 0) w->n_open--;
}

static void visit(struct walk *w, const struct node *n, const struct graph_uses *u)
{
    bool reads = false;
    for (int k = 0; k < n->n_inputs; k++)
        reads = reads || (n->inputs[k] != 0 && w->track[n->inputs[k]].n != 0);
    if (!reads) return;
    if (!track_node(w, n)) {
        for (int i = 0; i < n->n_outputs; i++) w->track[n->outputs[i]].n = 0;
        w->is_stopped = true;
        return;
    }
    for (int k = 0; k < n->n_inputs; k++) close_use(w, n->inputs[k]);
    for (int i = 0; i < n->n_outputs; i++) {
        const value_id v = n->outputs[i];
        w->n_open_uses[v] = u->first[v + 1] - u->first[v];
        w->n_open += w->n_open_uses[v] > 0;
        w->is_stopped = w->is_stopped || u->n_output_uses[v] > 0;
    }
    if (!w->is_stopped && n->n_outputs == 1) take_if_all(w, n->outputs[0]);
}

/* Dimensions of a picture [1, c, h, w] or [1, h, w, c]; false: it is none. */
static bool track_input(const struct value *v, struct track *t)
{
    const struct shape *const s = &v->shape;
    const bool is_planes = s->rank == RANK && (s->dim[1] == 3 || s->dim[1] == 1);
    const bool is_last = s->rank == RANK && (s->dim[3] == 3 || s->dim[3] == 1);
    if (!is_planes && !is_last) return false;
    memcpy(t->order, is_planes ? "nchw" : "nhwc", RANK + 1);
    t->n = (int)s->dim[is_planes ? 1 : 3];
    for (int c = 0; c < t->n; c++) {
        t->from[c] = c;
        t->scale[c] = 1;
    }
    return true;
}

static void follow(struct walk *w, const struct graph_uses *u)
{
    const value_id v = w->input;
    w->n_open_uses[v] = u->first[v + 1] - u->first[v];
    w->n_open = w->n_open_uses[v] > 0;
    w->is_stopped = u->n_output_uses[v] > 0;
    for (size_t i = 0; i < w->g->nodes.len && !w->is_stopped && w->n_open > 0; i++)
        visit(w, &w->g->nodes.data[i], u);
}

/* Whether a value that was followed is multiplied by 0 or less. */
static bool any_negative(const struct walk *w)
{
    for (size_t v = 1; v < w->g->values.len; v++)
        if (w->track[v].n != 0 && !is_positive(&w->track[v])) return true;
    return false;
}

/* ---- what it is for ---- */

static itx_status take_out(struct scaling *s, const struct walk *w, struct itx_error *err)
{
    const struct track *const t = &w->track[w->best];
    struct value *const input = graph_value(w->g, w->input);
    s->is_there = true;
    s->n_channels = t->n;
    for (int c = 0; c < t->n; c++) {
        s->scale[t->from[c]] = t->scale[c];
        s->add[t->from[c]] = t->add[c];
    }
    input->dtype = DTYPE_F32;
    input->shape = graph_value(w->g, w->best)->shape;
    graph_replace_uses(w->g, w->best, w->input);
    ITX_TRY(graph_remove_dead(w->g, err));
    return t->from[0] != 0 ? entry_reverse(w->g, w->input, err) : graph_compact(w->g, err);
}

itx_status scaling_take(struct scaling *s, struct graph *g, struct itx_error *err)
{
    struct walk w = {.g = g};
    struct graph_uses uses;
    *s = (struct scaling){0};
    if (g->inputs.len != 1) return ITX_OK;
    w.input = g->inputs.data[0];
    ITX_TRY(graph_uses(g, &uses, err));
    w.track = mem_calloc(g->values.len, sizeof *w.track);
    w.n_open_uses = mem_calloc(g->values.len, sizeof *w.n_open_uses);
    itx_status rc = ITX_OK;
    if (w.track == NULL || w.n_open_uses == NULL)
        rc = itx_fail(err, ITX_E_NOMEM, "out of memory for the graph");
    if (rc == ITX_OK && track_input(graph_value(g, w.input), &w.track[w.input])) {
        s->is_integer = !is_real(graph_value(g, w.input)->dtype);
        follow(&w, &uses);
        s->is_negative = any_negative(&w);
        if (w.best != 0) rc = take_out(s, &w, err);
    }
    mem_free(w.track);
    mem_free(w.n_open_uses);
    graph_uses_release(&uses);
    return rc;
}
