/* SPDX-License-Identifier: Apache-2.0
 *
 * MaxPool and AveragePool, BatchNormalization. Common max pools run on oneDNN; the rest are plain loops, since oneDNN
 * counts padding differently in ceil mode.
 */
#include <math.h>

#include "float/internal.h"
#include "graph/operands.h"

struct pool {
    struct shape x, y;
    struct window w;
    buffer_id from, to;
    bool is_max, counts_padding;
};

/* The part of window `o` of one dimension that lies in the input, and how many positions count for an average. */
static void window_range(const struct pool *p, int i, int64_t o, int64_t *begin, int64_t *end,
                         int64_t *counted)
{
    const int64_t d = p->x.dim[2 + i], step = p->w.dilation[i];
    const int64_t at = o * p->w.stride[i] - p->w.begin[i];
    *begin = at < 0 ? (-at + step - 1) / step : 0;
    *end = at >= d ? 0 : (d - at + step - 1) / step;
    if (*end > p->w.kernel[i]) *end = p->w.kernel[i];
    if (*end < *begin) *end = *begin;
    /* of the window, what lies inside the padded input; only ceil mode reaches beyond */
    const int64_t padded = (d + p->w.end[i] - at + step - 1) / step;
    *counted =
        p->counts_padding ? (padded < p->w.kernel[i] ? padded : p->w.kernel[i]) : *end - *begin;
}

/* Combines one window, dimension by dimension. `x` points to the channel; its strides follow from the shape. */
static float pool_window(const struct pool *p, const float *x, const int64_t *o)
{
    int64_t begin[WINDOW_MAX_DIMS], end[WINDOW_MAX_DIMS], k[WINDOW_MAX_DIMS], counted, n = 1;
    const int dims = p->w.n;
    double sum = 0;
    float largest = -INFINITY;
    for (int i = 0; i < dims; i++) {
        window_range(p, i, o[i], &begin[i], &end[i], &counted);
        n *= counted;
        k[i] = begin[i];
        if (begin[i] == end[i]) return p->is_max ? largest : 0.0f;
    }
    for (int i = dims; i >= 0;) {
        int64_t at = 0;
        for (int j = 0; j < dims; j++)
            at = at * p->x.dim[2 + j] + o[j] * p->w.stride[j] - p->w.begin[j] +
                 k[j] * p->w.dilation[j];
        sum += (double)x[at];
        largest = x[at] > largest || isnan(x[at]) ? x[at] : largest;
        for (i = dims - 1; i >= 0; i--) {
            if (++k[i] < end[i]) break;
            k[i] = begin[i];
        }
    }
    return p->is_max ? largest : (float)(sum / (double)n);
}

static itx_status run_pool(struct float_exec *e, void *data, struct itx_error *err)
{
    const struct pool *p = data;
    const float *x = buffer_data(e, p->from);
    float *y = buffer_data(e, p->to);
    int64_t x_plane = 1, y_plane = 1;
    (void)err;
    for (int i = 0; i < p->w.n; i++) {
        x_plane *= p->x.dim[2 + i];
        y_plane *= p->y.dim[2 + i];
    }
    for (int64_t c = 0; c < p->x.dim[0] * p->x.dim[1]; c++, x += x_plane) {
        int64_t o[WINDOW_MAX_DIMS] = {0};
        for (int64_t i = 0; i < y_plane; i++) {
            *y++ = pool_window(p, x, o);
            for (int k = p->w.n - 1; k >= 0; k--) {
                if (++o[k] < p->y.dim[2 + k]) break;
                o[k] = 0;
            }
        }
    }
    return ITX_OK;
}

itx_status build_pool(struct float_exec *e, const struct node *n, struct itx_error *err)
{
    int64_t out[WINDOW_MAX_DIMS];
    struct pool *p = arena_alloc(&e->arena, sizeof *p);
    if (p == NULL) return out_of_memory(err);
    *p = (struct pool){.x = input_value(e, n, 0)->shape,
                       .y = output_value(e, n, 0)->shape,
                       .is_max = n->op == OP_MAX_POOL,
                       .counts_padding = node_int(n, ATTR_COUNT_INCLUDE_PAD, 0) != 0};
    ITX_TRY(operand_window(n, &p->x, NULL, &p->w, out, err));
    ITX_TRY(need_buffer(e, n->inputs[0], LAYOUT_PLAIN, &p->from, err));
    p->to = new_buffer(e, n->outputs[0], LAYOUT_PLAIN);
    ITX_TRY(add_step(e, run_pool, p, err));
    step_touches(e, p->from);
    step_touches(e, p->to);
    return ITX_OK;
}

itx_status build_max_pool(struct float_exec *e, const struct node *n, struct itx_error *err)
{
    const struct shape *x = &input_value(e, n, 0)->shape, *y = &output_value(e, n, 0)->shape;
    int64_t out[WINDOW_MAX_DIMS];
    struct window w;
    ITX_TRY(operand_window(n, x, NULL, &w, out, err));
    bool is_common = x->rank == 4;
    for (int i = 0; i < w.n; i++) {
        /* in ceil mode the last window reaches further than the padding says */
        const int64_t reach = (out[i] - 1) * w.stride[i] + w.kernel[i] - x->dim[2 + i] - w.begin[i];
        if (w.end[i] < reach) w.end[i] = reach;
        is_common =
            is_common && w.dilation[i] == 1 && w.begin[i] < w.kernel[i] && w.end[i] < w.kernel[i];
    }
    if (!is_common) return build_pool(e, n, err);
    dnnl_pooling_v2_desc_t op;
    struct primitive *p;
    const struct window_dims d = window_dims(&w);
    buffer_id from;
    const dnnl_memory_desc_t src = layout_desc(x, LAYOUT_NHWC), dst = layout_desc(y, LAYOUT_NHWC);
    ITX_TRY(check_dnnl(dnnl_pooling_v2_forward_desc_init(&op, dnnl_forward_inference,
                                                         dnnl_pooling_max, &src, &dst, d.stride,
                                                         d.kernel, d.dilation, d.begin, d.end),
                       "describe a pool", err));
    ITX_TRY(new_primitive(e, &op, NULL, &p, err));
    ITX_TRY(need_buffer(e, n->inputs[0], LAYOUT_NHWC, &from, err));
    const buffer_id to = new_buffer(e, n->outputs[0], LAYOUT_NHWC);
    ITX_TRY(bind_buffer(e, p, DNNL_ARG_SRC, &src, from, err));
    ITX_TRY(bind_buffer(e, p, DNNL_ARG_DST, &dst, to, err));
    return add_primitive(e, p, err);
}

/* --- BatchNormalization: (x - mean) / sqrt(variance + epsilon) * scale + bias, a channel at a time --- */

struct norm {
    buffer_id x, y, scale, bias, mean, variance;
    int64_t n, channels, plane;
    float epsilon;
};

static itx_status run_norm(struct float_exec *e, void *data, struct itx_error *err)
{
    const struct norm *m = data;
    const float *x = buffer_data(e, m->x), *scale = buffer_data(e, m->scale);
    const float *bias = buffer_data(e, m->bias), *mean = buffer_data(e, m->mean);
    const float *variance = buffer_data(e, m->variance);
    float *y = buffer_data(e, m->y);
    (void)err;
    for (int64_t i = 0; i < m->n * m->channels; i++, x += m->plane, y += m->plane) {
        const int64_t c = i % m->channels;
        const float factor = scale[c] / sqrtf(variance[c] + m->epsilon);
        for (int64_t k = 0; k < m->plane; k++) y[k] = (x[k] - mean[c]) * factor + bias[c];
    }
    return ITX_OK;
}

itx_status build_batch_norm(struct float_exec *e, const struct node *n, struct itx_error *err)
{
    const struct shape *x = &input_value(e, n, 0)->shape;
    struct norm *m = arena_alloc(&e->arena, sizeof *m);
    if (m == NULL) return out_of_memory(err);
    *m = (struct norm){.n = x->dim[0],
                       .channels = x->dim[1],
                       .plane = 1,
                       .epsilon = node_float(n, ATTR_EPSILON, 1e-5f)};
    for (int i = 2; i < x->rank; i++) m->plane *= x->dim[i];
    buffer_id *const in[] = {&m->x, &m->scale, &m->bias, &m->mean, &m->variance};
    for (int i = 0; i < 5; i++) ITX_TRY(need_buffer(e, n->inputs[i], LAYOUT_PLAIN, in[i], err));
    m->y = new_buffer(e, n->outputs[0], LAYOUT_PLAIN);
    ITX_TRY(add_step(e, run_norm, m, err));
    for (int i = 0; i < 5; i++) step_touches(e, *in[i]);
    step_touches(e, m->y);
    return ITX_OK;
}
