/* SPDX-License-Identifier: Apache-2.0
 *
 * QuantizeLinear and DequantizeLinear, with one scale or one for each index of an axis.
 */
#include <math.h>

#include "graph/eval.h"
#include "graph/operands.h"

/* Runs of `inner` elements that share scale and zero point, which are those of index i of `n`, n of them one after another. */
struct steps {
    int64_t outer, n, inner;
};

static itx_status find_steps(const struct eval *c, struct steps *s)
{
    const struct shape *x = &c->in[0].shape;
    int axis;
    *s = (struct steps){1, 1, shape_elements(x)};
    if (shape_elements(&c->in[1].shape) == 1) return ITX_OK;
    ITX_TRY(operand_axis(node_int(c->node, ATTR_AXIS, 1), x->rank, &axis, c->err));
    s->n = x->dim[axis];
    s->inner = 1;
    for (int i = 0; i < axis; i++) s->outer *= x->dim[i];
    for (int i = axis + 1; i < x->rank; i++) s->inner *= x->dim[i];
    return ITX_OK;
}

static int64_t zero_point(const struct eval *c, int64_t i)
{
    int64_t zero = 0;
    if (node_input(c->node, 2) != 0) row_get_integer(&c->in[2], i, 1, 1, &zero);
    return zero;
}

static int piece_of(int64_t n, int64_t at)
{
    return n - at < EVAL_PIECE ? (int)(n - at) : EVAL_PIECE;
}

itx_status eval_quantize(const struct eval *c)
{
    const float *const x = c->in[0].data, *const scale = c->in[1].data;
    const struct tensor *const y = &c->out[0];
    const double low = y->dtype == DTYPE_U8 ? 0 : y->dtype == DTYPE_S8 ? INT8_MIN : INT16_MIN;
    const double high = y->dtype == DTYPE_U8   ? UINT8_MAX
                        : y->dtype == DTYPE_S8 ? INT8_MAX
                                               : INT16_MAX;
    struct steps s;
    ITX_TRY(find_steps(c, &s));
    for (int64_t row = 0; row < s.outer * s.n; row++) {
        const float step = scale[row % s.n];
        const double zero = (double)zero_point(c, row % s.n);
        for (int64_t at = 0; at < s.inner; at += EVAL_PIECE) {
            const int n = piece_of(s.inner, at);
            int64_t q[EVAL_PIECE];
            for (int i = 0; i < n; i++) {
                const double v = (double)rintf(x[row * s.inner + at + i] / step) + zero;
                q[i] = (int64_t)fmax(low, fmin(high, v)); /* a NaN becomes `high` */
            }
            row_put_integer(y, row * s.inner + at, n, q);
        }
    }
    return ITX_OK;
}

itx_status eval_dequantize(const struct eval *c)
{
    const float *const scale = c->in[1].data;
    float *const y = c->out[0].data;
    struct steps s;
    ITX_TRY(find_steps(c, &s));
    for (int64_t row = 0; row < s.outer * s.n; row++) {
        const float step = scale[row % s.n];
        const int64_t zero = zero_point(c, row % s.n);
        for (int64_t at = 0; at < s.inner; at += EVAL_PIECE) {
            const int n = piece_of(s.inner, at);
            int64_t q[EVAL_PIECE];
            row_get_integer(&c->in[0], row * s.inner + at, 1, n, q);
            for (int i = 0; i < n; i++) y[row * s.inner + at + i] = (float)(q[i] - zero) * step;
        }
    }
    return ITX_OK;
}
