/* SPDX-License-Identifier: Apache-2.0
 *
 * Where values lie. Split and Slice make views; what a Concat joins is written straight into its place in the
 * concatenated buffer, wherever that is possible. Nothing is moved that need not be.
 */
#include "base/mem.h"
#include "lower/internal.h"
#include "quant/quant.h"

static int channels(const struct lowering *l, value_id v)
{
    return (int)graph_value(l->g, v)->shape.dim[1];
}

/* Follows views to the value whose channels these are. */
static struct place source_of(const struct lowering *l, value_id v)
{
    struct place p = {v, 0};
    while (l->view[p.of].of != 0)
        p = (struct place){l->view[p.of].of, p.channel + l->view[p.of].channel};
    return p;
}

static void find_views(struct lowering *l)
{
    const struct graph *g = l->g;
    for (size_t i = 0; i < g->nodes.len; i++) {
        const struct node *n = &g->nodes.data[i];
        int channel = 0;
        if (n->op == OP_SLICE && quant_slice_channels(g, n, &channel))
            l->view[n->outputs[0]] = (struct place){n->inputs[0], channel};
        if (n->op != OP_SPLIT) continue;
        for (int k = 0; k < n->n_outputs; k++) {
            l->view[n->outputs[k]] = (struct place){n->inputs[0], channel};
            channel += channels(l, n->outputs[k]);
        }
    }
}

/* True when channels [base, base + c) of the concatenation are exactly the channels of `root`. */
static bool covers(const struct lowering *l, const struct node *concat, value_id root, int base)
{
    int at = 0, covered = 0;
    for (int i = 0; i < concat->n_inputs; i++) {
        const int c = channels(l, concat->inputs[i]);
        if (at + c > base && at < base + channels(l, root)) {
            const struct place p = source_of(l, concat->inputs[i]);
            if (p.of != root || at - p.channel != base) return false;
            covered += c;
        }
        at += c;
    }
    return covered == channels(l, root);
}

static bool may_move(const struct lowering *l, value_id root, value_id concat)
{
    return root != concat && l->home[root].of == 0 && l->uses.producer[root] != NODE_NONE &&
           l->uses.n_output_uses[root] == 0;
}

/* Later concatenations first, so that one inside another finds its place in the outer one. */
static void find_homes(struct lowering *l)
{
    for (size_t i = l->g->nodes.len; i-- > 0;) {
        const struct node *n = &l->g->nodes.data[i];
        if (n->op != OP_CONCAT) continue;
        int at = 0;
        for (int k = 0; k < n->n_inputs; k++) {
            const struct place p = source_of(l, n->inputs[k]);
            const int base = at - p.channel;
            at += channels(l, n->inputs[k]);
            if (base >= 0 && may_move(l, p.of, n->outputs[0]) && covers(l, n, p.of, base))
                l->home[p.of] = (struct place){n->outputs[0], base};
        }
    }
}

itx_status place_values(struct lowering *l, struct itx_error *err)
{
    const size_t n = l->g->values.len;
    l->view = mem_calloc(n, sizeof *l->view);
    l->home = mem_calloc(n, sizeof *l->home);
    l->buffer = mem_calloc(n, sizeof *l->buffer);
    l->whole = mem_calloc(n, sizeof *l->whole);
    if (l->view == NULL || l->home == NULL || l->buffer == NULL || l->whole == NULL)
        return itx_fail(err, ITX_E_NOMEM, "out of memory for %zu values", n);
    for (size_t i = 0; i < n; i++) l->buffer[i] = l->whole[i] = NO_TENSOR;
    find_views(l);
    find_homes(l);
    return ITX_OK;
}

bool place_is_in_concat(const struct lowering *l, value_id concat, value_id input, int channel)
{
    const struct place p = source_of(l, input);
    return l->home[p.of].of == concat && l->home[p.of].channel + p.channel == channel;
}

/* The buffer's owner and the channel in it where the value begins. */
static struct place owner_of(const struct lowering *l, value_id v)
{
    struct place p = source_of(l, v);
    while (l->home[p.of].of != 0)
        p = (struct place){l->home[p.of].of, p.channel + l->home[p.of].channel};
    return p;
}

/* Elements from one pixel to the next: kernels read channels by fours, of 16 bits by twos. What leaves as the arithmetic
 * gives it is dense. */
static int pixel_size(const struct value *owner)
{
    const int c = (int)owner->shape.dim[1];
    if (owner->quant.dtype == DTYPE_S8) return (c + 3) & ~3;
    return owner->quant.reach != 0 ? (c + 1) & ~1 : c;
}

static itx_status buffer_of(struct lowering *l, value_id owner, struct itx_error *err)
{
    if (l->buffer[owner] != NO_TENSOR) return ITX_OK;
    const struct value *v = graph_value(l->g, owner);
    const uint64_t pixels = (uint64_t)v->shape.dim[2] * (uint64_t)v->shape.dim[3];
    const uint64_t size = pixels * (uint64_t)pixel_size(v) * (uint64_t)dtype_size(v->quant.dtype);
    const struct plan_buffer buffer = {.size = (size + PLAN_ALIGN - 1) / PLAN_ALIGN * PLAN_ALIGN};
    l->buffer[owner] = (uint32_t)l->buffers.len;
    if (size > PLAN_MAX_ARENA || !vec_push(&l->buffers, buffer))
        return itx_fail(err, ITX_E_NOMEM, "%s needs too much memory", v->name);
    return ITX_OK;
}

/* Scales of channels [channel, channel + n), copied so that nothing refers to the graph. */
static itx_status set_quant(struct lowering *l, struct plan_tensor *t, const struct value_quant *q,
                            int channel, struct itx_error *err)
{
    t->n_quant = q->n > 1 ? t->c : 1;
    const size_t n = (size_t)t->n_quant, from = q->n > 1 ? (size_t)channel : 0;
    t->scale = arena_dup(l->arena, q->scale + from, n * sizeof *q->scale);
    t->zero_point = arena_dup(l->arena, q->zero_point + from, n * sizeof *q->zero_point);
    if (t->scale == NULL || t->zero_point == NULL)
        return itx_fail(err, ITX_E_NOMEM, "out of memory");
    return ITX_OK;
}

/* What steps so far wrote to the tensor's channels reaches as far as this. */
static int written_reach(const struct lowering *l, const struct plan_tensor *t)
{
    const uint64_t size = (uint64_t)dtype_size(t->dtype);
    int reach = 1;
    for (size_t i = 0; i < l->steps.len; i++) {
        const struct plan_tensor *const w = &l->tensors.data[l->steps.data[i].out];
        const bool meets = w->buffer == t->buffer &&
                           w->offset < t->offset + (uint64_t)t->c * size &&
                           t->offset < w->offset + (uint64_t)w->c * size;
        if (meets && w->reach > reach) reach = w->reach;
    }
    return reach;
}

itx_status place_source(struct lowering *l, value_id v, int channel, int n, uint32_t *tensor,
                        struct itx_error *err)
{
    ITX_TRY(place_tensor(l, v, channel, n, tensor, err));
    struct plan_tensor *const t = &l->tensors.data[*tensor];
    if (t->dtype == DTYPE_S16) t->reach = written_reach(l, t);
    return ITX_OK;
}

itx_status place_tensor(struct lowering *l, value_id v, int channel, int n, uint32_t *tensor,
                        struct itx_error *err)
{
    const bool is_whole = n == 0;
    if (is_whole && l->whole[v] != NO_TENSOR) {
        *tensor = l->whole[v];
        return ITX_OK;
    }
    const struct value *value = graph_value(l->g, v);
    const struct place p = owner_of(l, v);
    ITX_TRY(buffer_of(l, p.of, err));
    struct plan_tensor t = {
        .name = arena_text(l->arena, value->name, strlen(value->name)),
        .dtype = value->quant.dtype,
        .h = (int)value->shape.dim[2],
        .w = (int)value->shape.dim[3],
        .c = is_whole ? channels(l, v) : n,
        .pixel = pixel_size(graph_value(l->g, p.of)),
        .buffer = l->buffer[p.of],
        .offset = (uint64_t)(p.channel + channel) * (uint64_t)dtype_size(value->quant.dtype),
    };
    if (t.name == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    ITX_TRY(set_quant(l, &t, &value->quant, channel, err));
    if (!vec_push(&l->tensors, t)) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    *tensor = (uint32_t)(l->tensors.len - 1);
    if (is_whole) l->whole[v] = *tensor;
    return ITX_OK;
}
