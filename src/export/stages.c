/* SPDX-License-Identifier: Apache-2.0
 *
 * Stages A, B and C (tensor/fixed.h) on whole numbers in f32, and where 24 bits are not enough in f64.
 */
#include <math.h>
#include <stdio.h>

#include "base/mem.h"
#include "export/program.h"

/* --- stages A and B --- */

/* The function as a table over all t: numbers below 0 count from its end. Steps of one function and range share it. */
static value_id table_of(struct program *p, enum act act, int range_log2)
{
    value_id *const known = &p->table[act][range_log2];
    const char *const base = p->base;
    char name[64];
    if (*known != 0) return *known;
    float *data = mem_alloc(65536 * sizeof *data);
    if (data == NULL) {
        program_check(p, itx_fail(p->err, ITX_E_NOMEM, "out of memory"));
        return 0;
    }
    for (int t = -32768; t < 32768; t++)
        data[(uint16_t)t] = (float)fixed_act(act, (int16_t)t, range_log2);
    snprintf(name, sizeof name, "%s_%d", act_name(act), 8 << range_log2);
    p->base = "intarsia";
    *known = constant(p, name, DTYPE_F32, &(struct shape){.rank = 1, .dim = {65536}}, data);
    p->base = base;
    mem_free(data);
    return *known;
}

static value_id activate(struct program *p, value_id t)
{
    switch (p->step->act) {
    case ACT_NONE:
        return t;
    case ACT_RELU:
        return emit1(p, OP_RELU, "Relu", t);
    case ACT_SILU:
    case ACT_SIGMOID:
        return emit2(p, OP_GATHER, act_name(p->step->act),
                     table_of(p, p->step->act, p->step->range_log2),
                     emit_cast(p, "index", t, DTYPE_S32));
    case ACT_COUNT:
        break;
    }
    ITX_BUG();
}

/* --- stage C --- */

/* An operand, from which its zero point has been taken off, and by channel its factor in steps of the output. */
struct operand {
    value_id x;
    enum dtype dtype; /* of the plan's */
    const double *factor;
};

/* What is added, by channel, in steps of the output: its zero point, the half that makes truncation rounding, and without the
 * operands' zero points. */
struct stage_c {
    struct operand operand[2];
    int n;
    const double *offset;
};

static double *room(struct program *p, int n)
{
    double *const v = arena_calloc(&p->g->arena, (size_t)n, sizeof *v);
    if (v == NULL) program_check(p, itx_fail(p->err, ITX_E_NOMEM, "out of memory"));
    return v;
}

/* To 8 bits, from one operand of up to 16 bits and perhaps another of 8, with the offset that rounding asks for and no other:
 * then whatever f32 cannot hold saturates (docs/quantised-onnx.md). */
static bool fits_float(const struct program *p, const struct stage_c *k)
{
    const struct plan_tensor *const out = &p->plan->tensors[p->step->out];
    if (out->dtype != DTYPE_S8 || p->step->shift > 15) return false;
    if (k->n == 2 && k->operand[1].dtype != DTYPE_S8) return false;
    for (int c = 0; c < out->c; c++)
        if (k->offset[c] != tensor_zero(out, c) + 0.5) return false;
    return true;
}

/* Sum of the products in this type. */
static value_id sum_products(struct program *p, const struct stage_c *k, enum dtype dtype, int c)
{
    value_id sum = 0;
    for (int i = 0; i < k->n; i++) {
        const value_id x =
            dtype == DTYPE_F32 ? k->operand[i].x : emit_cast(p, "Cast", k->operand[i].x, dtype);
        const value_id product =
            emit2(p, OP_MUL, i == 0 ? "requantize" : "requantize_residual", x,
                  constant_channels(p, "factor", dtype, c, k->operand[i].factor));
        sum = i == 0 ? product : emit2(p, OP_ADD, "add", sum, product);
    }
    return sum;
}

/* floor(sum + 1/2) + zero: with half of the smallest difference added, no sum lies in the middle between two integers, so that it
 * does not matter where QuantizeLinear rounds these to. */
static value_id finish_float(struct program *p, const struct stage_c *k)
{
    const struct plan_tensor *const out = &p->plan->tensors[p->step->out];
    const double nudge = ldexp(1, -p->step->shift - 1);
    const value_id sum = sum_products(p, k, DTYPE_F32, out->c);
    return quantize(
        p, emit2(p, OP_ADD, "nudge", sum, constant_channels(p, "nudge", DTYPE_F32, 1, &nudge)),
        out);
}

static value_id finish_double(struct program *p, const struct stage_c *k)
{
    const struct plan_tensor *const out = &p->plan->tensors[p->step->out];
    const bool is_wide = out->dtype == DTYPE_S16;
    const double low = is_wide ? INT16_MIN : INT8_MIN, high = is_wide ? INT16_MAX : INT8_MAX;
    const value_id sum = sum_products(p, k, DTYPE_F64, out->c);
    const value_id offset = constant_channels(p, "offset", DTYPE_F64, out->c, k->offset);
    const value_id y = emit1(p, OP_FLOOR, "Floor", emit2(p, OP_ADD, "add_offset", sum, offset));
    const value_id cut = emit_clip(p, "Clip", y, constant_channels(p, "low", DTYPE_F64, 1, &low),
                                   constant_channels(p, "high", DTYPE_F64, 1, &high));
    return emit_cast(p, "stored", cut, is_wide ? DTYPE_F32 : DTYPE_S8);
}

/* a: the first operand; in[b] of the step is the second, when it has that many. */
static value_id stage_c(struct program *p, struct operand a, const struct plan_tensor *a_tensor)
{
    const struct plan_step *const s = p->step;
    const int c = p->plan->tensors[s->out].c;
    const double unit = ldexp(1, -s->shift);
    double *const first = room(p, c), *const second = room(p, c), *const offset = room(p, c);
    struct stage_c k = {.n = s->n_in, .offset = offset};
    if (first == NULL || second == NULL || offset == NULL) return 0;
    const struct plan_tensor *const b = s->n_in == 2 ? &p->plan->tensors[s->in[1]] : NULL;
    for (int i = 0; i < c; i++) {
        int64_t sum = s->offset[i];
        first[i] = s->mul[i] * unit;
        if (a_tensor != NULL) sum += (int64_t)tensor_zero(a_tensor, i) * s->mul[i];
        if (b != NULL) {
            second[i] = s->res_mul[i] * unit;
            sum += (int64_t)tensor_zero(b, i) * s->res_mul[i];
        }
        offset[i] = (double)sum * unit;
    }
    a.factor = first;
    k.operand[0] = a;
    if (b != NULL) k.operand[1] = (struct operand){program_centred(p, s->in[1]), b->dtype, second};
    return fits_float(p, &k) ? finish_float(p, &k) : finish_double(p, &k);
}

/* --- the whole --- */

value_id program_epilogue(struct program *p, value_id acc)
{
    const struct plan_step *const s = p->step;
    const struct plan_tensor *const out = &p->plan->tensors[s->out];
    if (out->dtype == DTYPE_S32) return acc;
    double *const scale = room(p, out->c);
    if (scale == NULL) return 0;
    for (int c = 0; c < out->c; c++) scale[c] = (double)s->scale[c];
    const value_id scaled = emit2(p, OP_MUL, "scale", emit_cast(p, "float", acc, DTYPE_F32),
                                  constant_channels(p, "scale", DTYPE_F32, out->c, scale));
    const value_id t = emit_clip(p, "Clip", emit1(p, OP_ROUND, "Round", scaled), p->low, p->high);
    const value_id v = activate(p, t);
    if (out->dtype == DTYPE_S16 && s->shift == 0) return v;
    return stage_c(p, (struct operand){.x = v, .dtype = DTYPE_S16}, NULL);
}

value_id program_add(struct program *p)
{
    const uint32_t a = p->step->in[0];
    const struct plan_tensor *const t = &p->plan->tensors[a];
    return stage_c(p, (struct operand){.x = program_centred(p, a), .dtype = t->dtype}, t);
}
