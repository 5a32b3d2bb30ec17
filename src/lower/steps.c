/* SPDX-License-Identifier: Apache-2.0
 *
 * One supported node becomes its steps. The numbers of stage A and C are worked out here (docs/arithmetic.md).
 */
#include <math.h>
#include <stdlib.h>

#include "lower/internal.h"
#include "quant/quant.h"

#define MAX_RANGE_LOG2 12

static itx_status push_step(struct lowering *l, const struct node *n, struct plan_step *s,
                            struct itx_error *err)
{
    struct plan_tensor *const out = &l->tensors.data[s->out];
    const struct plan so_far = {.tensors = l->tensors.data};
    if (out->dtype == DTYPE_S16) out->reach = plan_step_reach(&so_far, s);
    s->name = arena_text(l->arena, n->name, strlen(n->name));
    if (s->name == NULL || !vec_push(&l->steps, *s))
        return itx_fail(err, ITX_E_NOMEM, "out of memory");
    return ITX_OK;
}

static double scale_at(const struct plan_tensor *t, int c)
{
    return t->scale[t->n_quant > 1 ? c : 0];
}

static int32_t zero_at(const struct plan_tensor *t, int c)
{
    return t->zero_point[t->n_quant > 1 ? c : 0];
}

/* Largest magnitude a tensor can hold. An output that leaves in 16 bits has no reach yet, and the scale of 8 bits. */
static double bound(const struct plan_tensor *t, bool positive_only)
{
    double most = 0;
    if (t->reach != 0) {
        for (int c = 0; c < t->n_quant; c++) most = fmax(most, t->reach * (double)t->scale[c]);
        return most;
    }
    for (int c = 0; c < t->n_quant; c++) {
        most = fmax(most, (127 - t->zero_point[c]) * (double)t->scale[c]);
        if (!positive_only) most = fmax(most, (t->zero_point[c] + 128) * (double)t->scale[c]);
    }
    return most;
}

/* Smallest R = 8 << r that the values before the last rounding fit in. */
static int range_log2_for(double most)
{
    int r = 0;
    while (r < MAX_RANGE_LOG2 && most > (8 << r)) r++;
    return r;
}

static int16_t multiplier(double m)
{
    return (int16_t)fmin(32767, fmax(0, rint(m)));
}

struct stage_c {
    int16_t *mul, *res_mul;
    int32_t *offset;
};

/* An operand of stage C: what one of its units is worth, the zero point, the largest magnitude. */
struct operand {
    double unit;
    int32_t zero;
    int reach;
};

static struct operand operand_at(const struct plan_tensor *t, int c)
{
    return (struct operand){scale_at(t, c), zero_at(t, c), plan_tensor_reach(t)};
}

/* Stage C of channel c with a shift; false when a multiplier has more than 15 bits or the sum more than 32. */
static bool set_stage_c(struct stage_c *k, int c, const struct plan_tensor *out,
                        const struct operand *a, const struct operand *b, int shift)
{
    const double one = ldexp(1 / scale_at(out, c), shift);
    k->mul[c] = multiplier(a->unit * one);
    k->offset[c] = zero_at(out, c) * (1 << shift) + (1 << (shift - 1)) - a->zero * k->mul[c];
    int64_t sum = (int64_t)a->reach * k->mul[c];
    bool fits = a->unit * one < 32767.5;
    if (b != NULL) {
        k->res_mul[c] = multiplier(b->unit * one);
        k->offset[c] -= b->zero * k->res_mul[c];
        sum += (int64_t)b->reach * k->res_mul[c];
        fits = fits && b->unit * one < 32767.5;
    }
    return fits && sum + llabs((long long)k->offset[c]) <= INT32_MAX;
}

static itx_status alloc_stage_c(struct lowering *l, struct stage_c *c, int n, bool with_residual,
                                struct itx_error *err)
{
    const size_t room = size_align((size_t)n, 64);
    c->mul = arena_calloc(l->arena, room, sizeof *c->mul);
    c->offset = arena_calloc(l->arena, room, sizeof *c->offset);
    c->res_mul = with_residual ? arena_calloc(l->arena, room, sizeof *c->res_mul) : NULL;
    if (c->mul == NULL || c->offset == NULL || (with_residual && c->res_mul == NULL))
        return itx_fail(err, ITX_E_NOMEM, "out of memory");
    return ITX_OK;
}

/* Fills stage C of a step with the finest shift, `least` or more, at which all channels fit. Its operands: `a`, or when
 * that is NULL a result of stage B in this unit; and `b`, or none. */
static itx_status make_stage_c(struct lowering *l, struct plan_step *s, const struct plan_tensor *a,
                               double unit, const struct plan_tensor *b, int least,
                               struct itx_error *err)
{
    const struct plan_tensor *const out = &l->tensors.data[s->out];
    struct stage_c k;
    ITX_TRY(alloc_stage_c(l, &k, out->c, b != NULL, err));
    bool fits = false;
    for (int shift = 15; !fits && shift >= least; shift--) {
        fits = true;
        for (int c = 0; c < out->c; c++) {
            const struct operand first =
                a != NULL ? operand_at(a, c) : (struct operand){unit, 0, PLAN_MAX_REACH};
            const struct operand second = b != NULL ? operand_at(b, c) : (struct operand){0};
            fits = set_stage_c(&k, c, out, &first, b != NULL ? &second : NULL, shift) && fits;
        }
        s->shift = shift;
    }
    s->mul = k.mul;
    s->res_mul = k.res_mul;
    s->offset = k.offset;
    return ITX_OK;
}

/* R of an output with 16 bits, whose bound is R and what the residual adds (quant/wide.c). */
static double range_of_wide(const struct plan_tensor *out, int reach, const struct plan_tensor *res)
{
    double most = 0;
    for (int c = 0; c < out->n_quant; c++) most = fmax(most, reach * (double)out->scale[c]);
    if (res != NULL) most -= bound(res, false);
    double range = 8;
    while (2 * range <= most) range *= 2;
    return range;
}

/* Fills stage A and C of a convolution. `reach` is the one that an output with 16 bits should keep to. */
static itx_status set_epilogue(struct lowering *l, struct plan_step *s,
                               const struct quant_weights *q, int reach,
                               const struct plan_tensor *res, struct itx_error *err)
{
    const struct plan_tensor *const out = &l->tensors.data[s->out];
    if (out->dtype == DTYPE_S32) return ITX_OK;
    const bool is_wide = out->dtype == DTYPE_S16 && reach != 0;
    double most = s->act == ACT_SIGMOID ? 8 : bound(out, s->act != ACT_NONE);
    if (res != NULL) most += bound(res, false);
    if (is_wide) most = range_of_wide(out, reach, res);
    /* Scales lie on a grid of 2^e / k (quant_snap_scale): a range of at least 2^e keeps the multipliers whole. */
    for (int c = 0; c < out->n_quant && out->dtype == DTYPE_S8; c++)
        most = fmax(most, 255.99 * (double)out->scale[c]);
    /* The conversion of stage A holds 2^31 units even for sums that calibration never saw. */
    most = fmax(most, q->reach / 65535);
    if (most > 8 << MAX_RANGE_LOG2)
        return itx_fail(err, ITX_E_UNSUPPORTED,
                        "tensor %s: values up to %.3g are possible, %.3g can be computed with; "
                        "are its weights broken?",
                        out->name, fmax(most, q->reach), (double)(8 << MAX_RANGE_LOG2));
    s->range_log2 = range_log2_for(most);
    const double range = 8 << s->range_log2;
    const size_t room = size_align((size_t)out->c, 64);
    float *scale = arena_calloc(l->arena, room, sizeof *scale);
    if (scale == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (int c = 0; c < out->c; c++) scale[c] = (float)(q->scale[c] * 32768.0 / range);
    s->scale = scale;
    if (out->dtype == DTYPE_S16 && !is_wide) return ITX_OK;
    const double unit = s->act == ACT_SIGMOID ? 1.0 / 32768 : range / 32768;
    const int least = res == NULL ? 15 : is_wide ? 1 : 8;
    return make_stage_c(l, s, NULL, unit, res, least, err);
}

/* Outputs that leave in 16 and 32 bits have the scales that the arithmetic gives, known only now. */
static itx_status set_raw_scale(struct lowering *l, const struct plan_step *s, const float *real,
                                struct itx_error *err)
{
    struct plan_tensor *out = &l->tensors.data[s->out];
    if (out->dtype == DTYPE_S8 || s->mul != NULL) return ITX_OK;
    out->n_quant = out->dtype == DTYPE_S32 ? out->c : 1;
    float *scale = arena_calloc(l->arena, (size_t)out->n_quant, sizeof *scale);
    out->zero_point = arena_calloc(l->arena, (size_t)out->n_quant, sizeof *out->zero_point);
    if (scale == NULL || out->zero_point == NULL)
        return itx_fail(err, ITX_E_NOMEM, "out of memory");
    if (out->dtype == DTYPE_S32)
        memcpy(scale, real, (size_t)out->c * sizeof *scale);
    else
        scale[0] = s->act == ACT_SIGMOID ? 1.0f / 32768 : (float)(8 << s->range_log2) / 32768;
    out->scale = scale;
    return ITX_OK;
}

static void copy_ints(int *to, const int64_t *from, int n)
{
    for (int i = 0; i < n; i++) to[i] = (int)from[i];
}

static void set_window(struct plan_step *s, const struct node *n, const int64_t kernel[2])
{
    int64_t strides[2], pads[4], dilations[2];
    node_ints(n, ATTR_STRIDES, 1, 2, strides);
    node_ints(n, ATTR_PADS, 0, 4, pads);
    node_ints(n, ATTR_DILATIONS, 1, 2, dilations);
    copy_ints(s->kernel, kernel, 2);
    copy_ints(s->stride, strides, 2);
    copy_ints(s->pad, pads, 4);
    copy_ints(s->dilation, dilations, 2);
}

/* The part of a convolution that belongs to one group: channel counts of a group, and its first ones. */
struct group {
    int in_c, out_c, in_at, out_at;
    bool is_whole;
};

static itx_status conv_step(struct lowering *l, const struct node *n, enum step_kind kind,
                            const struct group *group, struct itx_error *err)
{
    const struct graph *g = l->g;
    const struct value *w = graph_value(g, n->inputs[1]);
    const value_id bias = node_input(n, 2), residual = node_input(n, 3);
    const int in_n = group->is_whole ? 0 : group->in_c, out_n = group->is_whole ? 0 : group->out_c;
    struct plan_step s = {.kind = kind, .n_in = residual != 0 ? 2 : 1};
    ITX_TRY(place_source(l, n->inputs[0], group->in_at, in_n, &s.in[0], err));
    if (residual != 0) ITX_TRY(place_source(l, residual, group->out_at, out_n, &s.in[1], err));
    ITX_TRY(place_tensor(l, n->outputs[0], group->out_at, out_n, &s.out, err));
    set_window(&s, n, &w->shape.dim[2]);
    s.act = (enum act)node_int(n, ATTR_ACT, ACT_NONE);

    const struct plan_tensor *in = &l->tensors.data[s.in[0]];
    const size_t w_at =
        (size_t)group->out_at * (size_t)(w->shape.dim[1] * w->shape.dim[2] * w->shape.dim[3]);
    const struct quant_conv conv = {
        .kind = kind == STEP_DWCONV   ? QUANT_DEPTHWISE
                : kind == STEP_DECONV ? QUANT_TRANSPOSED
                                      : QUANT_CONV,
        .w = (const float *)w->data + (kind == STEP_DECONV ? 0 : w_at),
        .bias = bias != 0 ? (const float *)graph_value(g, bias)->data + group->out_at : NULL,
        .out_c = group->out_c,
        .in_c = kind == STEP_DWCONV ? 1 : group->in_c,
        .kh = s.kernel[0],
        .kw = s.kernel[1],
        .in_scale = in->scale,
        .in_zero = in->zero_point,
        .n_in_quant = in->n_quant,
        .in_reach = plan_tensor_reach(in),
    };
    struct quant_weights q;
    ITX_TRY(quant_weights_make(&q, l->arena, &conv, err));
    s.weights = q.w;
    s.bias = q.bias;
    ITX_TRY(set_epilogue(l, &s, &q, graph_value(g, n->outputs[0])->quant.reach,
                         residual != 0 ? &l->tensors.data[s.in[1]] : NULL, err));
    ITX_TRY(set_raw_scale(l, &s, q.scale, err));
    return push_step(l, n, &s, err);
}

static itx_status conv_steps(struct lowering *l, const struct node *n, struct itx_error *err)
{
    const int in_c = (int)graph_value(l->g, n->inputs[0])->shape.dim[1];
    const int out_c = (int)graph_value(l->g, n->outputs[0])->shape.dim[1];
    const struct group whole = {in_c, out_c, 0, 0, true};
    if (n->op == OP_CONV_TRANSPOSE) return conv_step(l, n, STEP_DECONV, &whole, err);
    if (conv_is_depthwise(l->g, n)) return conv_step(l, n, STEP_DWCONV, &whole, err);
    const int groups = (int)node_int(n, ATTR_GROUP, 1);
    if (groups == 1) return conv_step(l, n, STEP_CONV, &whole, err);
    for (int i = 0; i < groups; i++) {
        const struct group part = {in_c / groups, out_c / groups, i * (in_c / groups),
                                   i * (out_c / groups), false};
        ITX_TRY(conv_step(l, n, STEP_CONV, &part, err));
    }
    return ITX_OK;
}

static itx_status move_step(struct lowering *l, const struct node *n, enum step_kind kind,
                            struct itx_error *err)
{
    struct plan_step s = {.kind = kind, .n_in = 1};
    ITX_TRY(place_source(l, n->inputs[0], 0, 0, &s.in[0], err));
    ITX_TRY(place_tensor(l, n->outputs[0], 0, 0, &s.out, err));
    if (kind == STEP_MAXPOOL) {
        int64_t kernel[2];
        node_ints(n, ATTR_KERNEL_SHAPE, 1, 2, kernel);
        set_window(&s, n, kernel);
    } else {
        const struct plan_tensor *in = &l->tensors.data[s.in[0]], *out = &l->tensors.data[s.out];
        s.stride[0] = out->h / in->h;
        s.stride[1] = out->w / in->w;
    }
    return push_step(l, n, &s, err);
}

/* Inputs that could not be written into their place by who makes them. */
static itx_status concat_steps(struct lowering *l, const struct node *n, struct itx_error *err)
{
    int at = 0;
    for (int i = 0; i < n->n_inputs; i++) {
        const int c = (int)graph_value(l->g, n->inputs[i])->shape.dim[1];
        if (!place_is_in_concat(l, n->outputs[0], n->inputs[i], at)) {
            struct plan_step s = {.kind = STEP_COPY, .n_in = 1};
            ITX_TRY(place_source(l, n->inputs[i], 0, 0, &s.in[0], err));
            ITX_TRY(place_tensor(l, n->outputs[0], at, c, &s.out, err));
            ITX_TRY(push_step(l, n, &s, err));
        }
        at += c;
    }
    return ITX_OK;
}

static itx_status add_step(struct lowering *l, const struct node *n, struct itx_error *err)
{
    struct plan_step s = {.kind = STEP_ADD, .n_in = 2};
    for (int i = 0; i < 2; i++) ITX_TRY(place_source(l, n->inputs[i], 0, 0, &s.in[i], err));
    ITX_TRY(place_tensor(l, n->outputs[0], 0, 0, &s.out, err));
    ITX_TRY(make_stage_c(l, &s, &l->tensors.data[s.in[0]], 0, &l->tensors.data[s.in[1]], 1, err));
    return push_step(l, n, &s, err);
}

static itx_status table_step(struct lowering *l, const struct node *n, struct itx_error *err)
{
    struct plan_step s = {.kind = STEP_LUT, .n_in = 1};
    ITX_TRY(place_source(l, n->inputs[0], 0, 0, &s.in[0], err));
    ITX_TRY(place_tensor(l, n->outputs[0], 0, 0, &s.out, err));
    const struct plan_tensor *in = &l->tensors.data[s.in[0]], *out = &l->tensors.data[s.out];
    int8_t *table = arena_alloc(l->arena, 256 + PLAN_TAIL);
    if (table == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (int q = -128; q < 128; q++) {
        const double y = unary_value(l->g, n, (q - in->zero_point[0]) * (double)in->scale[0]);
        const double stored = rint(y / out->scale[0]) + out->zero_point[0];
        table[(uint8_t)q] = (int8_t)fmin(127, fmax(-128, stored));
    }
    s.table = table;
    return push_step(l, n, &s, err);
}

static itx_status attention_step(struct lowering *l, const struct node *n, struct itx_error *err)
{
    struct plan_step s = {
        .kind = STEP_ATTENTION, .n_in = 3, .heads = (int)node_int(n, ATTR_HEADS, 1)};
    for (int i = 0; i < 3; i++) ITX_TRY(place_source(l, n->inputs[i], 0, 0, &s.in[i], err));
    ITX_TRY(place_tensor(l, n->outputs[0], 0, 0, &s.out, err));
    const struct plan_tensor *t = l->tensors.data;
    const double log2_e = 1.4426950408889634;
    s.logit_scale = (float)(log2_e * (double)node_float(n, ATTR_SCALE, 1) * t[s.in[0]].scale[0] *
                            t[s.in[1]].scale[0]);
    s.out_scale = t[s.in[2]].scale[0] / t[s.out].scale[0];
    return push_step(l, n, &s, err);
}

itx_status steps_of_node(struct lowering *l, const struct node *n, struct itx_error *err)
{
    switch (n->op) {
    case OP_CONV:
    case OP_CONV_TRANSPOSE:
        return conv_steps(l, n, err);
    case OP_MAX_POOL:
        return move_step(l, n, STEP_MAXPOOL, err);
    case OP_RESIZE:
        return move_step(l, n, STEP_UPSAMPLE, err);
    case OP_CONCAT:
        return concat_steps(l, n, err);
    case OP_SPLIT:
    case OP_SLICE:
        return ITX_OK;
    case OP_ADD:
        return add_step(l, n, err);
    case OP_ATTENTION:
        return attention_step(l, n, err);
    default:
        return table_step(l, n, err);
    }
}
