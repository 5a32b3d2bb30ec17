/* SPDX-License-Identifier: Apache-2.0
 *
 * MatMul, Gemm, Attention and Softmax.
 */
#include "float/internal.h"

struct product {
    dnnl_memory_desc_t a, b, y;
    buffer_id a_buffer, b_buffer, y_buffer;
    float scale; /* of the products */
};

static itx_status add_product(struct float_exec *e, const struct product *m, struct itx_error *err)
{
    dnnl_matmul_desc_t op;
    dnnl_post_ops_t post_ops;
    struct primitive *p = NULL;
    if (m->a.dims[m->a.ndims - 1] == 0)
        return itx_fail(err, ITX_E_UNSUPPORTED, "product over no elements");
    ITX_TRY(check_dnnl(dnnl_matmul_desc_init(&op, &m->a, &m->b, NULL, &m->y), "describe a product",
                       err));
    ITX_TRY(check_dnnl(dnnl_post_ops_create(&post_ops), "make attributes", err));
    dnnl_status_t appended = dnnl_success;
    if (m->scale != 1.0f)
        appended = dnnl_post_ops_append_eltwise(post_ops, 1, dnnl_eltwise_linear, m->scale, 0);
    itx_status status = check_dnnl(appended, "append a factor", err);
    if (status == ITX_OK) status = new_primitive(e, &op, post_ops, &p, err);
    dnnl_post_ops_destroy(post_ops);
    ITX_TRY(status);
    ITX_TRY(bind_buffer(e, p, DNNL_ARG_SRC, &m->a, m->a_buffer, err));
    ITX_TRY(bind_buffer(e, p, DNNL_ARG_WEIGHTS, &m->b, m->b_buffer, err));
    ITX_TRY(bind_buffer(e, p, DNNL_ARG_DST, &m->y, m->y_buffer, err));
    return add_primitive(e, p, err);
}

/* `s` with ones put before it up to `rank` dimensions. */
static struct shape with_rank(const struct shape *s, int rank)
{
    struct shape out = {.rank = rank};
    for (int i = 0; i < rank; i++)
        out.dim[i] = i < rank - s->rank ? 1 : s->dim[i - (rank - s->rank)];
    return out;
}

itx_status build_matmul(struct float_exec *e, const struct node *n, struct itx_error *err)
{
    struct shape a = input_value(e, n, 0)->shape, b = input_value(e, n, 1)->shape;
    struct product m = {.scale = 1};
    if (b.rank == 1) b = (struct shape){.rank = 2, .dim = {b.dim[0], 1}};
    int rank = a.rank > b.rank ? a.rank : b.rank;
    rank = rank < 2 ? 2 : rank;
    a = with_rank(&a, rank);
    b = with_rank(&b, rank);
    struct shape y = a;
    for (int i = 0; i < rank - 2; i++)
        if (a.dim[i] == 1) y.dim[i] = b.dim[i];
    y.dim[rank - 1] = b.dim[rank - 1];
    m.a = layout_desc(&a, LAYOUT_PLAIN);
    m.b = layout_desc(&b, LAYOUT_PLAIN);
    m.y = layout_desc(&y, LAYOUT_PLAIN);
    ITX_TRY(need_buffer(e, n->inputs[0], LAYOUT_PLAIN, &m.a_buffer, err));
    ITX_TRY(need_buffer(e, n->inputs[1], LAYOUT_PLAIN, &m.b_buffer, err));
    m.y_buffer = new_buffer(e, n->outputs[0], LAYOUT_PLAIN);
    return add_product(e, &m, err);
}

/* --- Gemm: alpha A B + beta C --- */

struct summand {
    buffer_id y, c;
    int64_t rows, columns, row_step, column_step; /* steps of c, 0 where it is broadcast */
    float beta;
};

static itx_status run_summand(struct float_exec *e, void *data, struct itx_error *err)
{
    const struct summand *s = data;
    float *y = buffer_data(e, s->y);
    const float *c = buffer_data(e, s->c);
    (void)err;
    for (int64_t i = 0; i < s->rows; i++)
        for (int64_t j = 0; j < s->columns; j++)
            *y++ += s->beta * c[i * s->row_step + j * s->column_step];
    return ITX_OK;
}

static dnnl_memory_desc_t matrix_desc(const struct shape *s, bool transposed)
{
    const int64_t dims[] = {s->dim[transposed], s->dim[!transposed]};
    const int64_t strides[] = {transposed ? 1 : s->dim[1], transposed ? s->dim[1] : 1};
    return strided_desc(2, dims, strides);
}

itx_status build_gemm(struct float_exec *e, const struct node *n, struct itx_error *err)
{
    const struct shape *a = &input_value(e, n, 0)->shape, *b = &input_value(e, n, 1)->shape;
    const struct shape *y = &output_value(e, n, 0)->shape;
    struct product m = {.a = matrix_desc(a, node_int(n, ATTR_TRANS_A, 0) != 0),
                        .b = matrix_desc(b, node_int(n, ATTR_TRANS_B, 0) != 0),
                        .y = layout_desc(y, LAYOUT_PLAIN),
                        .scale = node_float(n, ATTR_ALPHA, 1)};
    ITX_TRY(need_buffer(e, n->inputs[0], LAYOUT_PLAIN, &m.a_buffer, err));
    ITX_TRY(need_buffer(e, n->inputs[1], LAYOUT_PLAIN, &m.b_buffer, err));
    m.y_buffer = new_buffer(e, n->outputs[0], LAYOUT_PLAIN);
    ITX_TRY(add_product(e, &m, err));
    if (node_input(n, 2) == 0) return ITX_OK;
    const struct shape c = with_rank(&input_value(e, n, 2)->shape, 2);
    struct summand *s = arena_alloc(&e->arena, sizeof *s);
    if (s == NULL) return out_of_memory(err);
    *s = (struct summand){.y = m.y_buffer,
                          .rows = y->dim[0],
                          .columns = y->dim[1],
                          .row_step = c.dim[0] == 1 ? 0 : c.dim[1],
                          .column_step = c.dim[1] == 1 ? 0 : 1,
                          .beta = node_float(n, ATTR_BETA, 1)};
    ITX_TRY(need_buffer(e, n->inputs[2], LAYOUT_PLAIN, &s->c, err));
    ITX_TRY(add_step(e, run_summand, s, err));
    step_touches(e, s->y);
    step_touches(e, s->c);
    return ITX_OK;
}

/* --- Softmax --- */

static itx_status add_softmax(struct float_exec *e, const dnnl_memory_desc_t *desc, int axis,
                              buffer_id from, buffer_id to, struct itx_error *err)
{
    dnnl_softmax_desc_t op;
    struct primitive *p;
    ITX_TRY(check_dnnl(dnnl_softmax_forward_desc_init(&op, dnnl_forward_inference, desc, axis),
                       "describe a softmax", err));
    ITX_TRY(new_primitive(e, &op, NULL, &p, err));
    ITX_TRY(bind_buffer(e, p, DNNL_ARG_SRC, desc, from, err));
    ITX_TRY(bind_buffer(e, p, DNNL_ARG_DST, desc, to, err));
    return add_primitive(e, p, err);
}

itx_status build_softmax(struct float_exec *e, const struct node *n, struct itx_error *err)
{
    const struct shape *x = &input_value(e, n, 0)->shape;
    const dnnl_memory_desc_t desc = layout_desc(x, LAYOUT_PLAIN);
    const int axis = (int)node_int(n, ATTR_AXIS, -1);
    buffer_id from;
    ITX_TRY(need_buffer(e, n->inputs[0], LAYOUT_PLAIN, &from, err));
    const buffer_id to = new_buffer(e, n->outputs[0], LAYOUT_PLAIN);
    return add_softmax(e, &desc, axis < 0 ? axis + x->rank : axis, from, to, err);
}

/* --- Attention --- */

/* [n, heads, tokens, dim] inside a value [n, heads * dim, h, w] with channels last; `swapped`: the last two exchanged. */
static dnnl_memory_desc_t head_desc(const struct shape *s, int64_t heads, bool swapped)
{
    const int64_t c = s->dim[1], tokens = s->dim[2] * s->dim[3], dim = c / heads;
    const int64_t dims[] = {s->dim[0], heads, swapped ? dim : tokens, swapped ? tokens : dim};
    const int64_t strides[] = {tokens * c, dim, swapped ? 1 : c, swapped ? c : 1};
    return strided_desc(4, dims, strides);
}

itx_status build_attention(struct float_exec *e, const struct node *n, struct itx_error *err)
{
    const struct shape *q = &input_value(e, n, 0)->shape, *v = &input_value(e, n, 2)->shape;
    const int64_t heads = node_int(n, ATTR_HEADS, 1), tokens = q->dim[2] * q->dim[3];
    const struct shape scores = {.rank = 4, .dim = {q->dim[0], heads, tokens, tokens}};
    const int64_t n_scores = shape_elements(&scores);
    if (n_scores < 0) return itx_fail(err, ITX_E_RANGE, "%d tokens are too many", (int)tokens);
    struct product similar = {.a = head_desc(q, heads, false),
                              .b = head_desc(q, heads, true),
                              .y = layout_desc(&scores, LAYOUT_PLAIN),
                              .scale = node_float(n, ATTR_SCALE, 1)};
    struct product mixed = {.a = similar.y,
                            .b = head_desc(v, heads, false),
                            .y = head_desc(v, heads, false),
                            .scale = 1};
    ITX_TRY(need_buffer(e, n->inputs[0], LAYOUT_NHWC, &similar.a_buffer, err));
    ITX_TRY(need_buffer(e, n->inputs[1], LAYOUT_NHWC, &similar.b_buffer, err));
    ITX_TRY(need_buffer(e, n->inputs[2], LAYOUT_NHWC, &mixed.b_buffer, err));
    ITX_TRY(new_temporary(e, (size_t)n_scores * sizeof(float), &similar.y_buffer, err));
    ITX_TRY(add_product(e, &similar, err));
    mixed.a_buffer = similar.y_buffer;
    ITX_TRY(add_softmax(e, &similar.y, 3, similar.y_buffer, similar.y_buffer, err));
    mixed.y_buffer = new_buffer(e, n->outputs[0], LAYOUT_NHWC);
    return add_product(e, &mixed, err);
}
