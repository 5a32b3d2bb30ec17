/* SPDX-License-Identifier: Apache-2.0
 *
 * Elementwise operations: one scalar function each, applied to rows. Reals are computed in f64 and rounded once; integers in
 * s64, wrapping.
 */
#include <math.h>
#include <string.h>

#include "graph/eval.h"

itx_status eval_refuse_dtype(const struct eval *c, enum dtype dtype)
{
    return itx_fail(c->err, ITX_E_UNSUPPORTED, "type %s is not supported", dtype_name(dtype));
}

static int piece_of(int64_t row, int64_t at)
{
    return row - at < EVAL_PIECE ? (int)(row - at) : EVAL_PIECE;
}

/* --- one operand --- */

struct unary {
    float alpha, beta;
};

static double real_abs(double x, const struct unary *u)
{
    (void)u;
    return fabs(x);
}

static double real_ceil(double x, const struct unary *u)
{
    (void)u;
    return ceil(x);
}

static double real_floor(double x, const struct unary *u)
{
    (void)u;
    return floor(x);
}

static double real_round(double x, const struct unary *u)
{
    (void)u;
    return rint(x);
}

static double real_neg(double x, const struct unary *u)
{
    (void)u;
    return -x;
}

static double real_exp(double x, const struct unary *u)
{
    (void)u;
    return exp(x);
}

static double real_log(double x, const struct unary *u)
{
    (void)u;
    return log(x);
}

static double real_erf(double x, const struct unary *u)
{
    (void)u;
    return erf(x);
}

static double real_sqrt(double x, const struct unary *u)
{
    (void)u;
    return sqrt(x);
}

static double real_tanh(double x, const struct unary *u)
{
    (void)u;
    return tanh(x);
}

static double real_reciprocal(double x, const struct unary *u)
{
    (void)u;
    return 1 / x;
}

static double real_relu(double x, const struct unary *u)
{
    (void)u;
    return x < 0 ? 0 : x;
}

static double real_sigmoid(double x, const struct unary *u)
{
    (void)u;
    return 1 / (1 + exp(-x));
}

static double real_silu(double x, const struct unary *u)
{
    (void)u;
    return x / (1 + exp(-x));
}

static double real_softplus(double x, const struct unary *u)
{
    (void)u;
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double real_elu(double x, const struct unary *u)
{
    return x < 0 ? (double)u->alpha * expm1(x) : x;
}

static double real_leaky_relu(double x, const struct unary *u)
{
    return x < 0 ? (double)u->alpha * x : x;
}

static double real_hard_sigmoid(double x, const struct unary *u)
{
    return fmax(0, fmin(1, (double)u->alpha * x + (double)u->beta));
}

static double real_hard_swish(double x, const struct unary *u)
{
    (void)u;
    return x * fmax(0, fmin(1, x / 6 + 0.5));
}

static int64_t integer_abs(int64_t x)
{
    return x < 0 ? (int64_t)(0 - (uint64_t)x) : x;
}

static int64_t integer_neg(int64_t x)
{
    return (int64_t)(0 - (uint64_t)x);
}

static int64_t integer_relu(int64_t x)
{
    return x < 0 ? 0 : x;
}

static const struct {
    double (*real)(double x, const struct unary *u);
    int64_t (*integer)(int64_t x); /* NULL: reals only */
    float alpha, beta;             /* where the attributes are absent */
} unary_table[OP_COUNT] = {
    [OP_ABS] = {real_abs, integer_abs},
    [OP_CEIL] = {real_ceil},
    [OP_ELU] = {real_elu, .alpha = 1},
    [OP_ERF] = {real_erf},
    [OP_EXP] = {real_exp},
    [OP_FLOOR] = {real_floor},
    [OP_HARD_SIGMOID] = {real_hard_sigmoid, .alpha = 0.2f, .beta = 0.5f},
    [OP_HARD_SWISH] = {real_hard_swish},
    [OP_LEAKY_RELU] = {real_leaky_relu, .alpha = 0.01f},
    [OP_LOG] = {real_log},
    [OP_NEG] = {real_neg, integer_neg},
    [OP_RECIPROCAL] = {real_reciprocal},
    [OP_RELU] = {real_relu, integer_relu},
    [OP_ROUND] = {real_round},
    [OP_SIGMOID] = {real_sigmoid},
    [OP_SILU] = {real_silu},
    [OP_SOFTPLUS] = {real_softplus},
    [OP_SQRT] = {real_sqrt},
    [OP_TANH] = {real_tanh},
};

itx_status eval_unary(const struct eval *c)
{
    const enum op op = c->node->op;
    const struct tensor *x = &c->in[0];
    const int64_t total = shape_elements(&x->shape);
    const struct unary u = {node_float(c->node, ATTR_ALPHA, unary_table[op].alpha),
                            node_float(c->node, ATTR_BETA, unary_table[op].beta)};
    const bool is_real = dtype_is_real(x->dtype);
    if (!is_real && (unary_table[op].integer == NULL || !dtype_is_integer(x->dtype)))
        return eval_refuse_dtype(c, x->dtype);
    for (int64_t at = 0; at < total; at += EVAL_PIECE) {
        const int n = piece_of(total, at);
        if (is_real) {
            double v[EVAL_PIECE];
            row_get_real(x, at, 1, n, v);
            for (int i = 0; i < n; i++) v[i] = unary_table[op].real(v[i], &u);
            row_put_real(&c->out[0], at, n, v);
        } else {
            int64_t v[EVAL_PIECE];
            row_get_integer(x, at, 1, n, v);
            for (int i = 0; i < n; i++) v[i] = unary_table[op].integer(v[i]);
            row_put_integer(&c->out[0], at, n, v);
        }
    }
    return ITX_OK;
}

/* --- two operands --- */

static double real_add(double a, double b)
{
    return a + b;
}

static double real_sub(double a, double b)
{
    return a - b;
}

static double real_mul(double a, double b)
{
    return a * b;
}

static double real_div(double a, double b)
{
    return a / b;
}

static double real_max(double a, double b)
{
    return a >= b || isnan(a) ? a : b;
}

static double real_min(double a, double b)
{
    return a <= b || isnan(a) ? a : b;
}

static double real_prelu(double a, double b)
{
    return a < 0 ? a * b : a;
}

static int64_t integer_add(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static int64_t integer_sub(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

static int64_t integer_mul(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a * (uint64_t)b);
}

/* b is not 0; towards 0; INT64_MIN / -1 wraps. */
static int64_t integer_div(int64_t a, int64_t b)
{
    return b == -1 ? integer_neg(a) : a / b;
}

static int64_t integer_max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t integer_min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* b is not negative. */
static int64_t integer_pow(int64_t a, int64_t b)
{
    int64_t power = 1;
    for (; b > 0; b >>= 1) {
        if ((b & 1) != 0) power = integer_mul(power, a);
        a = integer_mul(a, a);
    }
    return power;
}

static const struct {
    double (*real)(double a, double b);
    int64_t (*integer)(int64_t a, int64_t b); /* NULL: reals only */
} binary_table[OP_COUNT] = {
    [OP_ADD] = {real_add, integer_add}, [OP_SUB] = {real_sub, integer_sub},
    [OP_MUL] = {real_mul, integer_mul}, [OP_DIV] = {real_div, integer_div},
    [OP_MAX] = {real_max, integer_max}, [OP_MIN] = {real_min, integer_min},
    [OP_POW] = {pow, integer_pow},      [OP_PRELU] = {real_prelu, NULL},
};

/* Numbers of an operand of another type than the result's (an exponent) as reals. */
static void get_as_real(const struct tensor *t, int64_t offset, int64_t stride, int n, double *v)
{
    if (dtype_is_real(t->dtype)) {
        row_get_real(t, offset, stride, n, v);
        return;
    }
    int64_t integers[EVAL_PIECE];
    row_get_integer(t, offset, stride, n, integers);
    for (int i = 0; i < n; i++) v[i] = (double)integers[i];
}

static itx_status check_divisors(const struct eval *c, int n, const int64_t *b)
{
    for (int i = 0; i < n; i++) {
        if (c->node->op == OP_DIV && b[i] == 0)
            return itx_fail(c->err, ITX_E_RANGE, "division of an integer by 0");
        if (c->node->op == OP_POW && b[i] < 0)
            return itx_fail(c->err, ITX_E_RANGE, "negative power of an integer");
    }
    return ITX_OK;
}

/* out = a op b; out may be a itself when the shapes are equal. */
static itx_status apply_binary(const struct eval *c, const struct tensor *a, const struct tensor *b,
                               const struct tensor *out)
{
    const enum op op = c->node->op;
    struct walk w;
    int64_t position = 0;
    const bool is_real = dtype_is_real(a->dtype);
    if (!is_real && (binary_table[op].integer == NULL || !dtype_is_integer(a->dtype)))
        return eval_refuse_dtype(c, a->dtype);
    if (!dtype_is_integer(b->dtype) && !(is_real && dtype_is_real(b->dtype)))
        return eval_refuse_dtype(c, b->dtype);
    walk_init(&w, &out->shape);
    walk_broadcast(&w, 0, &a->shape);
    walk_broadcast(&w, 1, &b->shape);
    for (bool more = walk_first(&w); more; more = walk_next(&w))
        for (int64_t at = 0; at < w.row; at += EVAL_PIECE) {
            const int n = piece_of(w.row, at);
            const int64_t oa = w.offset[0] + at * w.row_stride[0];
            const int64_t ob = w.offset[1] + at * w.row_stride[1];
            if (is_real) {
                double va[EVAL_PIECE], vb[EVAL_PIECE];
                row_get_real(a, oa, w.row_stride[0], n, va);
                get_as_real(b, ob, w.row_stride[1], n, vb);
                for (int i = 0; i < n; i++) va[i] = binary_table[op].real(va[i], vb[i]);
                row_put_real(out, position, n, va);
            } else {
                int64_t va[EVAL_PIECE], vb[EVAL_PIECE];
                row_get_integer(a, oa, w.row_stride[0], n, va);
                row_get_integer(b, ob, w.row_stride[1], n, vb);
                ITX_TRY(check_divisors(c, n, vb));
                for (int i = 0; i < n; i++) va[i] = binary_table[op].integer(va[i], vb[i]);
                row_put_integer(out, position, n, va);
            }
            position += n;
        }
    return ITX_OK;
}

itx_status eval_binary(const struct eval *c)
{
    return apply_binary(c, &c->in[0], &c->in[1], &c->out[0]);
}

/* Max and Min of any number of operands. */
itx_status eval_fold(const struct eval *c)
{
    if (c->node->n_inputs == 1) return eval_copy(c);
    struct shape shape = c->out[0].shape;
    ITX_TRY(apply_binary(c, &c->in[0], &c->in[1], &c->out[0]));
    for (int i = 2; i < c->node->n_inputs; i++) {
        const struct tensor sum = {c->out[0].dtype, shape, c->out[0].data};
        ITX_TRY(apply_binary(c, &sum, &c->in[i], &c->out[0]));
    }
    return ITX_OK;
}

static bool compare_real(enum op op, double a, double b)
{
    return op == OP_EQUAL ? a == b : op == OP_LESS ? a < b : a > b;
}

static bool compare_integer(enum op op, int64_t a, int64_t b)
{
    return op == OP_EQUAL ? a == b : op == OP_LESS ? a < b : a > b;
}

itx_status eval_compare(const struct eval *c)
{
    const struct tensor *a = &c->in[0], *b = &c->in[1];
    const bool is_real = dtype_is_real(a->dtype);
    struct walk w;
    uint8_t *out = c->out[0].data;
    if (!is_real && !dtype_is_integer(a->dtype)) return eval_refuse_dtype(c, a->dtype);
    walk_init(&w, &c->out[0].shape);
    walk_broadcast(&w, 0, &a->shape);
    walk_broadcast(&w, 1, &b->shape);
    for (bool more = walk_first(&w); more; more = walk_next(&w))
        for (int64_t i = 0; i < w.row; i++) {
            const int64_t oa = w.offset[0] + i * w.row_stride[0];
            const int64_t ob = w.offset[1] + i * w.row_stride[1];
            if (is_real) {
                double va, vb;
                row_get_real(a, oa, 1, 1, &va);
                row_get_real(b, ob, 1, 1, &vb);
                *out++ = compare_real(c->node->op, va, vb);
            } else {
                int64_t va, vb;
                row_get_integer(a, oa, 1, 1, &va);
                row_get_integer(b, ob, 1, 1, &vb);
                *out++ = compare_integer(c->node->op, va, vb);
            }
        }
    return ITX_OK;
}

/* --- the rest --- */

static const struct tensor *limit_of(const struct eval *c, int i)
{
    return node_input(c->node, i) != 0 ? &c->in[i] : NULL;
}

static void clip_integers(int n, int64_t *v, const struct tensor *low, const struct tensor *high)
{
    int64_t limit;
    if (low != NULL) {
        row_get_integer(low, 0, 1, 1, &limit);
        for (int i = 0; i < n; i++) v[i] = integer_max(v[i], limit);
    }
    if (high != NULL) {
        row_get_integer(high, 0, 1, 1, &limit);
        for (int i = 0; i < n; i++) v[i] = integer_min(v[i], limit);
    }
}

static void clip_reals(int n, double *v, const struct tensor *low, const struct tensor *high)
{
    double limit;
    if (low != NULL) {
        row_get_real(low, 0, 1, 1, &limit);
        for (int i = 0; i < n; i++) v[i] = real_max(v[i], limit);
    }
    if (high != NULL) {
        row_get_real(high, 0, 1, 1, &limit);
        for (int i = 0; i < n; i++) v[i] = real_min(v[i], limit);
    }
}

itx_status eval_clip(const struct eval *c)
{
    const struct tensor *x = &c->in[0], *low = limit_of(c, 1), *high = limit_of(c, 2);
    const int64_t total = shape_elements(&x->shape);
    const bool is_real = dtype_is_real(x->dtype);
    if (!is_real && !dtype_is_integer(x->dtype)) return eval_refuse_dtype(c, x->dtype);
    for (int64_t at = 0; at < total; at += EVAL_PIECE) {
        const int n = piece_of(total, at);
        if (is_real) {
            double v[EVAL_PIECE];
            row_get_real(x, at, 1, n, v);
            clip_reals(n, v, low, high);
            row_put_real(&c->out[0], at, n, v);
        } else {
            int64_t v[EVAL_PIECE];
            row_get_integer(x, at, 1, n, v);
            clip_integers(n, v, low, high);
            row_put_integer(&c->out[0], at, n, v);
        }
    }
    return ITX_OK;
}

itx_status eval_where(const struct eval *c)
{
    const size_t size = (size_t)dtype_size(c->out[0].dtype);
    const uint8_t *condition = c->in[0].data, *a = c->in[1].data, *b = c->in[2].data;
    uint8_t *out = c->out[0].data;
    struct walk w;
    walk_init(&w, &c->out[0].shape);
    for (int k = 0; k < 3; k++) walk_broadcast(&w, k, &c->in[k].shape);
    for (bool more = walk_first(&w); more; more = walk_next(&w))
        for (int64_t i = 0; i < w.row; i++, out += size) {
            const bool is_first = condition[w.offset[0] + i * w.row_stride[0]] != 0;
            const int64_t at =
                is_first ? w.offset[1] + i * w.row_stride[1] : w.offset[2] + i * w.row_stride[2];
            memcpy(out, (is_first ? a : b) + (size_t)at * size, size);
        }
    return ITX_OK;
}

/* A real as an integer within the type's limits; NaN is 0. */
static int64_t saturate(double x, enum dtype dtype)
{
    static const struct {
        double low, high;
    } limits[DTYPE_COUNT] = {
        [DTYPE_S64] = {-0x1p63, 0x1p63},      [DTYPE_S32] = {INT32_MIN, INT32_MAX},
        [DTYPE_S16] = {INT16_MIN, INT16_MAX}, [DTYPE_S8] = {INT8_MIN, INT8_MAX},
        [DTYPE_U8] = {0, UINT8_MAX},
    };
    if (dtype == DTYPE_BOOL) return x != 0;
    if (isnan(x)) return 0;
    if (dtype == DTYPE_S64 && x >= 0x1p63) return INT64_MAX; /* which no double is */
    return (int64_t)fmax(limits[dtype].low, fmin(limits[dtype].high, x));
}

itx_status eval_cast(const struct eval *c)
{
    const struct tensor *x = &c->in[0], *y = &c->out[0];
    const int64_t total = shape_elements(&x->shape);
    const bool from_real = dtype_is_real(x->dtype), to_real = dtype_is_real(y->dtype);
    if (!from_real && !dtype_is_integer(x->dtype)) return eval_refuse_dtype(c, x->dtype);
    if (!to_real && !dtype_is_integer(y->dtype)) return eval_refuse_dtype(c, y->dtype);
    for (int64_t at = 0; at < total; at += EVAL_PIECE) {
        const int n = piece_of(total, at);
        double real[EVAL_PIECE];
        int64_t integer[EVAL_PIECE];
        if (to_real) {
            get_as_real(x, at, 1, n, real);
            row_put_real(y, at, n, real);
        } else if (from_real) {
            row_get_real(x, at, 1, n, real);
            for (int i = 0; i < n; i++) integer[i] = saturate(real[i], y->dtype);
            row_put_integer(y, at, n, integer);
        } else {
            row_get_integer(x, at, 1, n, integer);
            row_put_integer(y, at, n, integer);
        }
    }
    return ITX_OK;
}
