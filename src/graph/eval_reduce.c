/* SPDX-License-Identifier: Apache-2.0
 *
 * Operations that combine many elements into one: reductions, global pools, softmax. Reals are summed in f64.
 */
#include <math.h>

#include "graph/eval.h"
#include "graph/operands.h"

/* Sum, mean, largest or smallest of the elements that `inner` visits. */
static double reduce_real(enum op op, const struct tensor *x, struct walk inner)
{
    const bool is_sum = op == OP_REDUCE_SUM || op == OP_REDUCE_MEAN || op == OP_GLOBAL_AVERAGE_POOL;
    const bool is_max = op == OP_REDUCE_MAX || op == OP_GLOBAL_MAX_POOL;
    double result = is_sum ? 0 : is_max ? -INFINITY : INFINITY;
    double n = 0;
    for (bool more = walk_first(&inner); more; more = walk_next(&inner))
        for (int64_t i = 0; i < inner.row; i++) {
            double v;
            row_get_real(x, inner.offset[0] + i * inner.row_stride[0], 1, 1, &v);
            result = is_sum ? result + v : is_max ? fmax(result, v) : fmin(result, v);
            n++;
        }
    return op == OP_REDUCE_MEAN || op == OP_GLOBAL_AVERAGE_POOL ? result / n : result;
}

static int64_t reduce_integer(enum op op, const struct tensor *x, struct walk inner)
{
    int64_t largest = INT64_MIN, smallest = INT64_MAX;
    uint64_t sum = 0;
    for (bool more = walk_first(&inner); more; more = walk_next(&inner))
        for (int64_t i = 0; i < inner.row; i++) {
            int64_t v;
            row_get_integer(x, inner.offset[0] + i * inner.row_stride[0], 1, 1, &v);
            sum += (uint64_t)v;
            largest = v > largest ? v : largest;
            smallest = v < smallest ? v : smallest;
        }
    return op == OP_REDUCE_SUM ? (int64_t)sum : op == OP_REDUCE_MAX ? largest : smallest;
}

/* Every output element from the elements along the axes in `mask`. */
static itx_status reduce(const struct eval *c, uint32_t mask)
{
    const struct tensor *x = &c->in[0];
    const enum op op = c->node->op;
    struct shape kept = {.rank = 0}, summed = {.rank = 0};
    int64_t stride[SHAPE_MAX_RANK], kept_stride[SHAPE_MAX_RANK], summed_stride[SHAPE_MAX_RANK];
    const bool is_real = dtype_is_real(x->dtype);
    if (!is_real && (!dtype_is_integer(x->dtype) || op == OP_REDUCE_MEAN ||
                     op == OP_GLOBAL_AVERAGE_POOL || op == OP_GLOBAL_MAX_POOL))
        return eval_refuse_dtype(c, x->dtype);
    dense_strides(&x->shape, stride);
    for (int i = 0; i < x->shape.rank; i++) {
        const bool is_kept = (mask >> i & 1) == 0;
        struct shape *s = is_kept ? &kept : &summed;
        (is_kept ? kept_stride : summed_stride)[s->rank] = stride[i];
        s->dim[s->rank++] = x->shape.dim[i];
    }
    if (shape_elements(&summed) == 0 && shape_elements(&kept) != 0 && op != OP_REDUCE_SUM)
        return itx_fail(c->err, ITX_E_RANGE, "nothing to reduce along an empty dimension");
    struct walk outer, inner;
    int64_t at = 0;
    walk_init(&outer, &kept);
    walk_strides(&outer, 0, kept_stride, 0);
    for (bool more = walk_first(&outer); more; more = walk_next(&outer))
        for (int64_t i = 0; i < outer.row; i++, at++) {
            walk_init(&inner, &summed);
            walk_strides(&inner, 0, summed_stride, outer.offset[0] + i * outer.row_stride[0]);
            if (is_real) {
                const double v = reduce_real(op, x, inner);
                row_put_real(&c->out[0], at, 1, &v);
            } else {
                const int64_t v = reduce_integer(op, x, inner);
                row_put_integer(&c->out[0], at, 1, &v);
            }
        }
    return ITX_OK;
}

itx_status eval_reduce(const struct eval *c)
{
    uint32_t mask;
    ITX_TRY(operand_reduced(c->node, &c->in[0].shape,
                            operand_present(c->node, 1) ? &c->in[1] : NULL, &mask, c->err));
    return reduce(c, mask);
}

itx_status eval_global_pool(const struct eval *c)
{
    const uint32_t all = (1u << c->in[0].shape.rank) - 1;
    return reduce(c, all & ~3u);
}

/* n numbers, `stride` apart. The largest is subtracted first, so that exp stays in [0, 1]. */
static void softmax_real(const struct tensor *x, const struct tensor *y, int64_t at, int64_t stride,
                         int64_t n)
{
    double largest = -INFINITY, sum = 0, v;
    for (int64_t i = 0; i < n; i++) {
        row_get_real(x, at + i * stride, 1, 1, &v);
        largest = fmax(largest, v);
    }
    for (int64_t i = 0; i < n; i++) {
        row_get_real(x, at + i * stride, 1, 1, &v);
        sum += exp(v - largest);
    }
    for (int64_t i = 0; i < n; i++) {
        row_get_real(x, at + i * stride, 1, 1, &v);
        v = exp(v - largest) / sum;
        row_put_real(y, at + i * stride, 1, &v);
    }
}

itx_status eval_softmax(const struct eval *c)
{
    const struct tensor *x = &c->in[0];
    int64_t stride[SHAPE_MAX_RANK];
    int axis;
    if (!dtype_is_real(x->dtype)) return eval_refuse_dtype(c, x->dtype);
    ITX_TRY(operand_axis(node_int(c->node, ATTR_AXIS, -1), x->shape.rank, &axis, c->err));
    dense_strides(&x->shape, stride);
    struct shape rest = x->shape;
    const int64_t n = rest.dim[axis];
    rest.dim[axis] = n > 0 ? 1 : 0;
    struct walk w;
    walk_init(&w, &rest);
    walk_strides(&w, 0, stride, 0);
    for (bool more = walk_first(&w); more; more = walk_next(&w))
        for (int64_t i = 0; i < w.row; i++)
            softmax_real(x, &c->out[0], w.offset[0] + i * w.row_stride[0], stride[axis], n);
    return ITX_OK;
}
