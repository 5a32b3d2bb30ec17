/* SPDX-License-Identifier: Apache-2.0
 *
 * Attention (kernels/attention/attention.h): exact products, the exponential as a table over differences of logits.
 */
#include "tensor/attention_limits.h"

#include <math.h>

#include "base/mem.h"
#include "export/program.h"
#include "tensor/exact.h"

/* [1, heads, channels of a head, tokens] */
static value_id divide_heads(struct program *p, const char *part, uint32_t tensor)
{
    const struct plan_tensor *const t = &p->plan->tensors[tensor];
    const int64_t heads = p->step->heads;
    return emit_reshape(p, part, program_centred(p, tensor),
                        (const int64_t[]){1, heads, t->c / heads, (int64_t)t->h * t->w});
}

static double reach_of(const struct plan_tensor *t)
{
    const int zero = t->zero_point[0];
    return zero < 0 ? 127 - zero : 128 + zero;
}

/* a x, exact, in this type. The magnitudes in a row of a add up to `sum`, x is at most `reach`. */
static value_id product(struct program *p, const char *part, value_id a, value_id x, double sum,
                        double reach, enum dtype dtype)
{
    const struct digits d = program_digits(p, x, reach, sum);
    value_id products[MAX_DIGITS];
    for (int i = 0; i < d.n; i++) products[i] = emit2(p, OP_MATMUL, part, a, d.digit[i]);
    return program_sum_digits(p, &d, products, dtype);
}

/* Weights of all differences up to the first that surely is 0, and of larger ones none: entry 0, then from the end. */
static value_id weight_table(struct program *p, int most, int tokens, int *n)
{
    const float weight_max = (float)attention_weight_max(tokens);
    const float scale = p->step->logit_scale;
    int last = 0;
    while (last < most && exact_exp2((float)-last * scale) * weight_max >= 0.49f) last++;
    *n = last + 1;
    float *data = mem_calloc((size_t)*n, sizeof *data);
    if (data == NULL) {
        program_check(p, itx_fail(p->err, ITX_E_NOMEM, "out of memory"));
        return 0;
    }
    for (int d = 0; d <= last; d++)
        data[d == 0 ? 0 : *n - d] = rintf(exact_exp2((float)-d * scale) * weight_max);
    const value_id table =
        constant(p, "exp_table", DTYPE_F32, &(struct shape){.rank = 1, .dim = {*n}}, data);
    mem_free(data);
    return table;
}

/* e[t, s] of logits [1, heads, t, s]. */
static value_id softmax_weights(struct program *p, value_id logits, int most, int tokens)
{
    const value_id axis = constant_ints(p, "axis", 1, (const int64_t[]){2});
    const value_id max = emit2(p, OP_REDUCE_MAX, "max", logits, axis);
    int n;
    const value_id table = weight_table(p, most, tokens, &n);
    const value_id difference = emit2(p, OP_SUB, "difference", logits, max);
    const int32_t least = 1 - n;
    const value_id limit = constant(p, "last", DTYPE_S32, &(struct shape){.rank = 0}, &least);
    return emit2(p, OP_GATHER, "exp", table, emit_clip(p, "cut", difference, limit, 0));
}

value_id program_attention(struct program *p)
{
    const struct plan_step *const s = p->step;
    const struct plan_tensor *const q = &p->plan->tensors[s->in[0]];
    const struct plan_tensor *const k = &p->plan->tensors[s->in[1]];
    const struct plan_tensor *const v = &p->plan->tensors[s->in[2]];
    const struct plan_tensor *const out = &p->plan->tensors[s->out];
    const int tokens = q->h * q->w, key_dim = q->c / s->heads;
    const double most = 2 * reach_of(q) * reach_of(k) * key_dim;
    const value_id queries = divide_heads(p, "queries", s->in[0]);
    const value_id keys = emit_transpose(p, "keys_transposed", divide_heads(p, "keys", s->in[1]),
                                         (const int64_t[]){0, 1, 3, 2});
    const value_id values = divide_heads(p, "values", s->in[2]);
    const value_id logits =
        product(p, "logits", keys, queries, reach_of(k) * key_dim, reach_of(q), DTYPE_S32);
    const value_id e = softmax_weights(p, logits, (int)fmin(most, INT32_MAX), tokens);
    const value_id numerator = product(p, "numerator", values, e, reach_of(v) * tokens,
                                       attention_weight_max(tokens), DTYPE_F64);
    const value_id axis = constant_ints(p, "axis", 1, (const int64_t[]){2});
    const value_id denominator = emit2(p, OP_REDUCE_SUM, "denominator", e, axis);
    const value_id mean = emit2(p, OP_DIV, "mean",
                                emit_cast(p, "numerator_float", numerator, DTYPE_F32), denominator);
    const value_id scaled =
        emit2(p, OP_MUL, "scale", mean, constant_float(p, "out_scale", s->out_scale));
    const value_id y =
        emit_reshape(p, "heads_joined", scaled, (const int64_t[]){1, out->c, out->h, out->w});
    return quantize(p, y, out);
}
