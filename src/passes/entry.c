/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/entry.h"

#include <string.h>

#include "base/str.h"
#include "passes/rewrite.h"

/* ---- inputs with channels last, chosen outputs ---- */

static bool turns_to_planes(const struct node *n)
{
    static const int64_t expected[] = {0, 3, 1, 2};
    int64_t perm[SHAPE_MAX_RANK];
    return n->op == OP_TRANSPOSE && node_ints(n, ATTR_PERM, -1, SHAPE_MAX_RANK, perm) == 4 &&
           memcmp(perm, expected, sizeof expected) == 0;
}

static bool is_turned(const struct rewrite *r, value_id v)
{
    const struct graph_uses *const u = &r->uses;
    if (graph_value(r->g, v)->shape.rank != 4 || u->n_output_uses[v] > 0) return false;
    for (uint32_t i = u->first[v]; i < u->first[v + 1]; i++)
        if (!turns_to_planes(rewrite_node(r, u->uses[i].node))) return false;
    return u->first[v] < u->first[v + 1];
}

itx_status entry_turn(struct graph *g, struct itx_error *err)
{
    struct rewrite r;
    ITX_TRY(rewrite_begin(&r, g, err));
    for (size_t k = 0; k < g->inputs.len; k++) {
        const value_id v = g->inputs.data[k];
        if (!is_turned(&r, v)) continue;
        struct shape *const s = &graph_value(g, v)->shape;
        const int64_t c = s->dim[3];
        s->dim[3] = s->dim[2];
        s->dim[2] = s->dim[1];
        s->dim[1] = c;
        for (uint32_t i = r.uses.first[v]; i < r.uses.first[v + 1]; i++) {
            const node_id n = r.uses.uses[i].node;
            rewrite_replace(&r, rewrite_node(&r, n)->outputs[0], v);
            rewrite_remove(&r, n);
        }
        r.is_changed = true;
    }
    return rewrite_end(&r, ITX_OK, err);
}

static const struct node *find_node(const struct graph *g, const char *name)
{
    for (size_t i = 0; i < g->nodes.len; i++)
        if (strcmp(g->nodes.data[i].name, name) == 0) return &g->nodes.data[i];
    return NULL;
}

static itx_status refuse_name(const struct graph *g, const char *name, struct itx_error *err)
{
    const char *near = NULL;
    int least = (int)strlen(name) / 3 + 1;
    for (size_t i = 0; i < g->nodes.len; i++) {
        const int d = str_distance(g->nodes.data[i].name, name);
        if (d >= least) continue;
        least = d;
        near = g->nodes.data[i].name;
    }
    return itx_fail(err, ITX_E_RANGE, "output node %s: the network has no such node%s%s%s", name,
                    near != NULL ? ", did you mean " : "", near != NULL ? near : "",
                    near != NULL ? "?" : "");
}

itx_status entry_stop_at(struct graph *g, const char *const *nodes, int n, struct itx_error *err)
{
    if (n == 0) return ITX_OK;
    g->outputs.len = 0;
    for (int i = 0; i < n; i++) {
        const struct node *const node = find_node(g, nodes[i]);
        if (node == NULL) return refuse_name(g, nodes[i], err);
        for (int k = 0; k < node->n_outputs; k++)
            if (node->outputs[k] != 0 && !vec_push(&g->outputs, node->outputs[k]))
                return itx_fail(err, ITX_E_NOMEM, "out of memory");
    }
    ITX_TRY(graph_remove_dead(g, err));
    return graph_compact(g, err);
}

/* ---- what reads the input ---- */

static bool has_padding(const struct node *n)
{
    int64_t pads[4];
    node_ints(n, ATTR_PADS, 0, 4, pads);
    return (pads[0] | pads[1] | pads[2] | pads[3]) != 0;
}

bool entry_can_shift(const struct graph *g, value_id v, bool is_far)
{
    for (size_t i = 0; i < g->outputs.len; i++)
        if (g->outputs.data[i] == v) return false;
    for (size_t i = 0; i < g->nodes.len; i++) {
        const struct node *const n = &g->nodes.data[i];
        for (int k = 0; k < n->n_inputs; k++) {
            if (n->inputs[k] != v) continue;
            if (n->op != OP_CONV || k != 0 || graph_value(g, n->inputs[1])->data == NULL)
                return false;
            if (node_input(n, 2) == 0 || graph_value(g, n->inputs[2])->data == NULL) return false;
            if (is_far && has_padding(n)) return false;
        }
    }
    return true;
}

/* A copy of constant input k of node i, for it alone; *data is to be changed. */
static itx_status own_constant(struct graph *g, node_id i, int k, float **data,
                               struct itx_error *err)
{
    const struct node *const n = &g->nodes.data[i];
    const struct value old = *graph_value(g, n->inputs[k]);
    value_id inputs[4], id;
    void *room;
    ITX_TRY(graph_alloc_data(g, DTYPE_F32, &old.shape, &room, err));
    ITX_TRY(graph_add_value(g, old.name, DTYPE_F32, &old.shape, &id, err));
    memcpy(room, old.data, (size_t)shape_elements(&old.shape) * sizeof(float));
    graph_value(g, id)->data = room;
    const int n_inputs = g->nodes.data[i].n_inputs;
    memcpy(inputs, g->nodes.data[i].inputs, (size_t)n_inputs * sizeof *inputs);
    inputs[k] = id;
    *data = room;
    return graph_set_inputs(g, i, n_inputs, inputs, err);
}

/* ---- shifted ---- */

static itx_status shift_conv(struct graph *g, node_id i, const float *shift, struct itx_error *err)
{
    const struct node *const n = &g->nodes.data[i];
    const struct value *const w = graph_value(g, n->inputs[1]);
    const int64_t *const d = w->shape.dim; /* [out, in / groups, h, w] */
    const int64_t taps = d[2] * d[3], out = d[0], in = d[1];
    const int64_t groups = node_int(n, ATTR_GROUP, 1);
    const float *const weights = w->data;
    float *bias;
    ITX_TRY(own_constant(g, i, 2, &bias, err));
    for (int64_t o = 0; o < out; o++) {
        double sum = 0;
        for (int64_t c = 0; c < in; c++)
            for (int64_t t = 0; t < taps; t++)
                sum += (double)weights[(o * in + c) * taps + t] *
                       (double)shift[o / (out / groups) * in + c];
        bias[o] = (float)((double)bias[o] + sum);
    }
    return ITX_OK;
}

itx_status entry_shift(struct graph *g, value_id v, const float *shift, struct itx_error *err)
{
    for (node_id i = 0; i < g->nodes.len; i++)
        if (g->nodes.data[i].n_inputs > 0 && g->nodes.data[i].inputs[0] == v)
            ITX_TRY(shift_conv(g, i, shift, err));
    ITX_TRY(graph_remove_dead(g, err));
    return graph_compact(g, err);
}

/* A value like input v that every node reads in its place. */
static itx_status stand_in(struct graph *g, value_id v, const char *name, value_id *id,
                           struct itx_error *err)
{
    const struct shape shape = graph_value(g, v)->shape;
    ITX_TRY(graph_add_value(g, name, DTYPE_F32, &shape, id, err));
    graph_replace_uses(g, v, *id);
    return ITX_OK;
}

itx_status entry_shift_apart(struct graph *g, value_id v, const float *shift, struct itx_error *err)
{
    const int64_t c = graph_value(g, v)->shape.dim[1];
    const struct shape w_shape = {.rank = 4, .dim = {c, 1, 1, 1}},
                       b_shape = {.rank = 1, .dim = {c}};
    static const int64_t ones[2] = {1, 1}, zeros[4] = {0};
    value_id inputs[3] = {v}, out;
    node_id n;
    void *weights;
    ITX_TRY(stand_in(g, v, "input_shifted", &out, err));
    ITX_TRY(graph_alloc_data(g, DTYPE_F32, &w_shape, &weights, err));
    for (int64_t i = 0; i < c; i++) ((float *)weights)[i] = 1;
    ITX_TRY(graph_add_value(g, "input_weights", DTYPE_F32, &w_shape, &inputs[1], err));
    graph_value(g, inputs[1])->data = weights;
    ITX_TRY(graph_add_constant(g, "input_shift", DTYPE_F32, &b_shape, shift, &inputs[2], err));
    ITX_TRY(graph_insert_node(g, 0, OP_CONV, "input_shift", 3, inputs, 1, &out, &n, err));
    ITX_TRY(graph_set_ints(g, n, ATTR_KERNEL_SHAPE, 2, ones, err));
    ITX_TRY(graph_set_ints(g, n, ATTR_STRIDES, 2, ones, err));
    ITX_TRY(graph_set_ints(g, n, ATTR_PADS, 4, zeros, err));
    ITX_TRY(graph_set_ints(g, n, ATTR_DILATIONS, 2, ones, err));
    ITX_TRY(graph_set_int(g, n, ATTR_GROUP, c, err));
    return graph_compact(g, err);
}

/* ---- reversed ---- */

static bool is_whole_conv(const struct graph *g, const struct node *n, value_id v)
{
    for (int k = 1; k < n->n_inputs; k++)
        if (n->inputs[k] == v) return false;
    return n->op == OP_CONV && node_int(n, ATTR_GROUP, 1) == 1 &&
           graph_value(g, n->inputs[1])->data != NULL;
}

static itx_status reverse_weights(struct graph *g, node_id i, struct itx_error *err)
{
    const struct value *const w = graph_value(g, g->nodes.data[i].inputs[1]);
    const int64_t taps = w->shape.dim[2] * w->shape.dim[3], out = w->shape.dim[0];
    const int64_t in = w->shape.dim[1];
    const float *const old = w->data;
    float *reversed;
    ITX_TRY(own_constant(g, i, 1, &reversed, err));
    for (int64_t o = 0; o < out; o++)
        for (int64_t c = 0; c < in; c++)
            memcpy(reversed + (o * in + c) * taps, old + (o * in + in - 1 - c) * taps,
                   (size_t)taps * sizeof *old);
    return ITX_OK;
}

/* Every node reads a value that is put together anew. */
static itx_status reverse_apart(struct graph *g, value_id v, struct itx_error *err)
{
    enum { MAX = 4 };
    struct shape one = graph_value(g, v)->shape;
    const int n = (int)one.dim[1];
    int64_t sizes[MAX];
    value_id split[2] = {v}, part[MAX], joined[MAX], out;
    node_id id;
    if (n > MAX) return itx_fail(err, ITX_E_UNSUPPORTED, "an input of %d channels", n);
    ITX_TRY(stand_in(g, v, "input_reversed", &out, err));
    one.dim[1] = 1;
    for (int i = 0; i < n; i++) {
        sizes[i] = 1;
        ITX_TRY(graph_add_value(g, "input_channel", DTYPE_F32, &one, &part[i], err));
        joined[n - 1 - i] = part[i];
    }
    ITX_TRY(add_ints(g, "sizes", n, sizes, &split[1], err));
    ITX_TRY(graph_insert_node(g, 0, OP_CONCAT, "input_reversed", n, joined, 1, &out, &id, err));
    ITX_TRY(graph_set_int(g, id, ATTR_AXIS, 1, err));
    ITX_TRY(graph_insert_node(g, 0, OP_SPLIT, "input_split", 2, split, n, part, &id, err));
    return graph_set_int(g, id, ATTR_AXIS, 1, err);
}

itx_status entry_reverse(struct graph *g, value_id v, struct itx_error *err)
{
    bool all = true;
    for (size_t i = 0; i < g->outputs.len; i++) all = all && g->outputs.data[i] != v;
    for (size_t i = 0; i < g->nodes.len; i++)
        for (int k = 0; k < g->nodes.data[i].n_inputs; k++)
            if (g->nodes.data[i].inputs[k] == v)
                all = all && is_whole_conv(g, &g->nodes.data[i], v);
    if (!all) ITX_TRY(reverse_apart(g, v, err));
    for (node_id i = 0; all && i < g->nodes.len; i++)
        if (g->nodes.data[i].n_inputs > 0 && g->nodes.data[i].inputs[0] == v)
            ITX_TRY(reverse_weights(g, i, err));
    ITX_TRY(graph_remove_dead(g, err));
    return graph_compact(g, err);
}
