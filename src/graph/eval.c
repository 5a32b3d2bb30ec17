/* SPDX-License-Identifier: Apache-2.0
 *
 * graph_eval: checks operands by the rules of shape inference, then calls the operation's function.
 */
#include "graph/eval.h"

#include "base/mem.h"
#include "graph/operands.h"

static itx_status eval_constant_of_shape(const struct eval *c)
{
    const struct tensor *y = &c->out[0];
    const int64_t n = shape_elements(&y->shape);
    const float value = node_float(c->node, ATTR_VALUE, 0);
    const double real = (double)value;
    if (!dtype_is_real(y->dtype) && !dtype_is_integer(y->dtype))
        return eval_refuse_dtype(c, y->dtype);
    if (!(value >= -0x1p62f && value <= 0x1p62f) && dtype_is_integer(y->dtype))
        return itx_fail(c->err, ITX_E_RANGE, "value %g is no integer", real);
    const int64_t integer = dtype_is_integer(y->dtype) ? (int64_t)value : 0;
    for (int64_t i = 0; i < n; i++) {
        if (dtype_is_real(y->dtype)) {
            row_put_real(y, i, 1, &real);
        } else {
            row_put_integer(y, i, 1, &integer);
        }
    }
    return ITX_OK;
}

static itx_status eval_range(const struct eval *c)
{
    const struct tensor *y = &c->out[0];
    const int64_t n = y->shape.dim[0];
    for (int64_t i = 0; i < n; i++) {
        if (dtype_is_real(y->dtype)) {
            double start, step;
            row_get_real(&c->in[0], 0, 1, 1, &start);
            row_get_real(&c->in[2], 0, 1, 1, &step);
            start += (double)i * step;
            row_put_real(y, i, 1, &start);
        } else {
            int64_t start, step;
            row_get_integer(&c->in[0], 0, 1, 1, &start);
            row_get_integer(&c->in[2], 0, 1, 1, &step);
            start += i * step; /* between start and limit, as inference counted */
            row_put_integer(y, i, 1, &start);
        }
    }
    return ITX_OK;
}

static itx_status eval_shape(const struct eval *c)
{
    const int64_t rank = c->in[0].shape.rank, n = c->out[0].shape.dim[0];
    int64_t start = node_int(c->node, ATTR_START, 0);
    start = start < -rank ? 0 : start < 0 ? start + rank : start;
    if (n > 0) row_put_integer(&c->out[0], 0, (int)n, &c->in[0].shape.dim[start]);
    return ITX_OK;
}

/* Operations that are absent are the heavy ones. */
static eval_fn *const eval_table[OP_COUNT] = {
    [OP_ABS] = eval_unary,
    [OP_ADD] = eval_binary,
    [OP_CAST] = eval_cast,
    [OP_CEIL] = eval_unary,
    [OP_CLIP] = eval_clip,
    [OP_CONCAT] = eval_concat,
    [OP_CONSTANT_OF_SHAPE] = eval_constant_of_shape,
    [OP_DEQUANTIZE_LINEAR] = eval_dequantize,
    [OP_DIV] = eval_binary,
    [OP_ELU] = eval_unary,
    [OP_EQUAL] = eval_compare,
    [OP_ERF] = eval_unary,
    [OP_EXP] = eval_unary,
    [OP_EXPAND] = eval_expand,
    [OP_FLATTEN] = eval_copy,
    [OP_FLOOR] = eval_unary,
    [OP_GATHER] = eval_gather,
    [OP_GLOBAL_AVERAGE_POOL] = eval_global_pool,
    [OP_GLOBAL_MAX_POOL] = eval_global_pool,
    [OP_GREATER] = eval_compare,
    [OP_HARD_SIGMOID] = eval_unary,
    [OP_HARD_SWISH] = eval_unary,
    [OP_IDENTITY] = eval_copy,
    [OP_LEAKY_RELU] = eval_unary,
    [OP_LESS] = eval_compare,
    [OP_LOG] = eval_unary,
    [OP_MAX] = eval_fold,
    [OP_MIN] = eval_fold,
    [OP_MUL] = eval_binary,
    [OP_NEG] = eval_unary,
    [OP_PAD] = eval_pad,
    [OP_POW] = eval_binary,
    [OP_PRELU] = eval_binary,
    [OP_QUANTIZE_LINEAR] = eval_quantize,
    [OP_RANGE] = eval_range,
    [OP_RECIPROCAL] = eval_unary,
    [OP_REDUCE_MAX] = eval_reduce,
    [OP_REDUCE_MEAN] = eval_reduce,
    [OP_REDUCE_MIN] = eval_reduce,
    [OP_REDUCE_SUM] = eval_reduce,
    [OP_RELU] = eval_unary,
    [OP_RESHAPE] = eval_copy,
    [OP_RESIZE] = eval_resize,
    [OP_ROUND] = eval_unary,
    [OP_SHAPE] = eval_shape,
    [OP_SIGMOID] = eval_unary,
    [OP_SLICE] = eval_slice,
    [OP_SOFTMAX] = eval_softmax,
    [OP_SOFTPLUS] = eval_unary,
    [OP_SPLIT] = eval_split,
    [OP_SQRT] = eval_unary,
    [OP_SQUEEZE] = eval_copy,
    [OP_SUB] = eval_binary,
    [OP_TANH] = eval_unary,
    [OP_TILE] = eval_tile,
    [OP_TRANSPOSE] = eval_transpose,
    [OP_UNSQUEEZE] = eval_copy,
    [OP_WHERE] = eval_where,
    [OP_SILU] = eval_unary,
};

bool graph_can_eval(enum op op)
{
    return eval_table[op] != NULL;
}

/* Outputs have the types and shapes that the operands, now with their numbers, ask for. */
static itx_status check_outputs(const struct node *n, const struct tensor *in,
                                const struct tensor *out, struct itx_error *err)
{
    char text[2][SHAPE_TEXT_SIZE];
    struct tensor *expected = mem_calloc((size_t)n->n_outputs, sizeof *expected);
    if (expected == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    itx_status status = operand_infer(n, in, expected, err);
    for (int i = 0; i < n->n_outputs && status == ITX_OK; i++)
        if (out[i].dtype != expected[i].dtype || expected[i].shape.rank < 0 ||
            !shape_eq(&out[i].shape, &expected[i].shape))
            status =
                itx_fail(err, ITX_E_FORMAT, "output %d is %s %s, but %s %s was declared", i,
                         dtype_name(expected[i].dtype), shape_text(&expected[i].shape, text[0]),
                         dtype_name(out[i].dtype), shape_text(&out[i].shape, text[1]));
    mem_free(expected);
    return status;
}

static itx_status eval_node(const struct node *n, const struct tensor *in, struct tensor *out,
                            struct itx_error *err)
{
    const struct eval c = {n, in, out, err};
    if (eval_table[n->op] == NULL)
        return itx_fail(err, ITX_E_UNSUPPORTED, "only the float executor computes it");
    /* Shape is about the operand, not its numbers. */
    for (int i = 0; i < n->n_inputs && n->op != OP_SHAPE; i++)
        if (operand_present(n, i) && in[i].data == NULL)
            return itx_fail(err, ITX_E_INVAL, "input %d has no numbers", i);
    ITX_TRY(check_outputs(n, in, out, err));
    return eval_table[n->op](&c);
}

itx_status graph_eval(const struct node *n, const struct tensor *in, struct tensor *out,
                      struct itx_error *err)
{
    const itx_status status = eval_node(n, in, out, err);
    if (status != ITX_OK) itx_error_prefix(err, "node '%s' (%s)", n->name, op_info(n->op)->name);
    return status;
}
