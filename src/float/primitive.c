/* SPDX-License-Identifier: Apache-2.0
 *
 * A thin layer over oneDNN's C interface. Working memory is ours (scratchpad mode "user"), so that an executor may be run by
 * another thread than the one that built it.
 */
#include "base/mem.h"
#include "float/internal.h"
#include "tensor/fixed.h"

itx_status out_of_memory(struct itx_error *err)
{
    return itx_fail(err, ITX_E_NOMEM, "out of memory");
}

itx_status check_dnnl(dnnl_status_t status, const char *what, struct itx_error *err)
{
    if (status == dnnl_success) return ITX_OK;
    if (status == dnnl_out_of_memory) return out_of_memory(err);
    return itx_fail(err, ITX_E_UNSUPPORTED, "oneDNN refuses to %s (status %d)", what, (int)status);
}

dnnl_memory_desc_t strided_desc(int rank, const int64_t *dims, const int64_t *strides)
{
    dnnl_memory_desc_t desc;
    dnnl_dims_t all_dims = {0}, all_strides = {0};
    for (int i = 0; i < rank; i++) {
        all_dims[i] = dims[i];
        all_strides[i] = strides[i];
    }
    if (dnnl_memory_desc_init_by_strides(&desc, rank, all_dims, dnnl_f32, all_strides) !=
        dnnl_success)
        ITX_BUG();
    return desc;
}

struct window_dims window_dims(const struct window *w)
{
    struct window_dims d = {{0}, {0}, {0}, {0}, {0}};
    for (int i = 0; i < w->n; i++) {
        d.kernel[i] = w->kernel[i];
        d.stride[i] = w->stride[i];
        d.dilation[i] = w->dilation[i] - 1;
        d.begin[i] = w->begin[i];
        d.end[i] = w->end[i];
    }
    return d;
}

dnnl_memory_desc_t any_desc(const dnnl_memory_desc_t *of)
{
    dnnl_memory_desc_t desc;
    if (dnnl_memory_desc_init_by_tag(&desc, of->ndims, of->dims, dnnl_f32, dnnl_format_tag_any) !=
        dnnl_success)
        ITX_BUG();
    return desc;
}

dnnl_memory_desc_t layout_desc(const struct shape *s, enum layout layout)
{
    int64_t dims[SHAPE_MAX_RANK] = {1}, strides[SHAPE_MAX_RANK] = {1}, n = 1;
    for (int i = 0; i < s->rank; i++) dims[i] = s->dim[i];
    if (layout == LAYOUT_NHWC) {
        const int64_t c = dims[1], h = dims[2], w = dims[3];
        strides[0] = h * w * c;
        strides[1] = 1;
        strides[2] = w * c;
        strides[3] = c;
    } else {
        for (int i = s->rank - 1; i >= 0; i--) {
            strides[i] = n;
            n *= dims[i];
        }
    }
    return strided_desc(s->rank > 0 ? s->rank : 1, dims, strides);
}

bool eltwise_of(int64_t act, dnnl_alg_kind_t *alg, float *alpha)
{
    *alpha = act == ACT_SILU ? 1 : 0;
    *alg = act == ACT_RELU   ? dnnl_eltwise_relu
           : act == ACT_SILU ? dnnl_eltwise_swish
                             : dnnl_eltwise_logistic;
    return act != ACT_NONE;
}

void primitive_release(struct primitive *p)
{
    for (int i = 0; i < p->n_args; i++) dnnl_memory_destroy(p->args[i].memory);
    if (p->scratch != NULL) dnnl_memory_destroy(p->scratch);
    if (p->primitive != NULL) dnnl_primitive_destroy(p->primitive);
    if (p->desc != NULL) dnnl_primitive_desc_destroy(p->desc);
    p->n_args = 0;
}

/* In the arena, and in the list for destruction. */
static itx_status register_primitive(struct float_exec *e, struct primitive **p,
                                     struct itx_error *err)
{
    *p = arena_alloc(&e->arena, sizeof **p);
    return *p != NULL && vec_push(&e->primitives, *p) ? ITX_OK : out_of_memory(err);
}

/* From p->desc. */
static itx_status finish_primitive(struct float_exec *e, struct primitive *p, struct itx_error *err)
{
    ITX_TRY(check_dnnl(dnnl_primitive_create(&p->primitive, p->desc), "build a primitive", err));
    const dnnl_memory_desc_t *scratch =
        dnnl_primitive_desc_query_md(p->desc, dnnl_query_scratchpad_md, 0);
    const size_t size = scratch == NULL ? 0 : dnnl_memory_desc_get_size(scratch);
    if (size == 0) return ITX_OK;
    if (size > e->scratch_size) e->scratch_size = size;
    return check_dnnl(dnnl_memory_create(&p->scratch, scratch, e->engine, DNNL_MEMORY_NONE),
                      "describe memory", err);
}

/* Attributes every primitive has; the caller destroys them. */
static itx_status new_attributes(dnnl_primitive_attr_t *attr, const_dnnl_post_ops_t post_ops,
                                 struct itx_error *err)
{
    ITX_TRY(check_dnnl(dnnl_primitive_attr_create(attr), "make attributes", err));
    dnnl_status_t status =
        dnnl_primitive_attr_set_scratchpad_mode(*attr, dnnl_scratchpad_mode_user);
    if (status == dnnl_success && post_ops != NULL)
        status = dnnl_primitive_attr_set_post_ops(*attr, post_ops);
    if (status == dnnl_success) return ITX_OK;
    dnnl_primitive_attr_destroy(*attr);
    return check_dnnl(status, "set attributes", err);
}

itx_status new_primitive(struct float_exec *e, const void *op_desc, const_dnnl_post_ops_t post_ops,
                         struct primitive **p, struct itx_error *err)
{
    dnnl_primitive_attr_t attr;
    ITX_TRY(register_primitive(e, p, err));
    ITX_TRY(new_attributes(&attr, post_ops, err));
    const dnnl_status_t status =
        dnnl_primitive_desc_create(&(*p)->desc, op_desc, attr, e->engine, NULL);
    dnnl_primitive_attr_destroy(attr);
    ITX_TRY(check_dnnl(status, "compute this", err));
    return finish_primitive(e, *p, err);
}

itx_status new_reorder(struct float_exec *e, const dnnl_memory_desc_t *from,
                       const dnnl_memory_desc_t *to, struct primitive **p, struct itx_error *err)
{
    dnnl_primitive_attr_t attr;
    ITX_TRY(register_primitive(e, p, err));
    ITX_TRY(new_attributes(&attr, NULL, err));
    const dnnl_status_t status =
        dnnl_reorder_primitive_desc_create(&(*p)->desc, from, e->engine, to, e->engine, attr);
    dnnl_primitive_attr_destroy(attr);
    ITX_TRY(check_dnnl(status, "reorder", err));
    return finish_primitive(e, *p, err);
}

static itx_status bind(struct float_exec *e, struct primitive *p, int arg,
                       const dnnl_memory_desc_t *desc, void *data, struct itx_error *err)
{
    if (p->n_args == PRIMITIVE_MAX_ARGS) ITX_BUG();
    ITX_TRY(check_dnnl(dnnl_memory_create(&p->args[p->n_args].memory, desc, e->engine, data),
                       "describe memory", err));
    p->args[p->n_args++].arg = arg;
    return ITX_OK;
}

itx_status bind_buffer(struct float_exec *e, struct primitive *p, int arg,
                       const dnnl_memory_desc_t *desc, buffer_id buffer, struct itx_error *err)
{
    ITX_TRY(bind(e, p, arg, desc, DNNL_MEMORY_NONE, err));
    p->args[p->n_args - 1].buffer = buffer;
    return ITX_OK;
}

itx_status bind_data(struct float_exec *e, struct primitive *p, int arg,
                     const dnnl_memory_desc_t *desc, const void *data, struct itx_error *err)
{
    ITX_TRY(bind(e, p, arg, desc, (void *)data, err)); /* oneDNN only reads sources */
    p->args[p->n_args - 1].is_fixed = true;
    return ITX_OK;
}

itx_status add_primitive(struct float_exec *e, struct primitive *p, struct itx_error *err)
{
    ITX_TRY(add_step(e, run_primitive, p, err));
    for (int i = 0; i < p->n_args; i++)
        if (!p->args[i].is_fixed) step_touches(e, p->args[i].buffer);
    return ITX_OK;
}

itx_status run_primitive(struct float_exec *e, void *data, struct itx_error *err)
{
    struct primitive *p = data;
    dnnl_exec_arg_t args[PRIMITIVE_MAX_ARGS + 1];
    int n = 0;
    dnnl_status_t status = dnnl_success;
    for (; n < p->n_args && status == dnnl_success; n++) {
        if (!p->args[n].is_fixed)
            status =
                dnnl_memory_set_data_handle(p->args[n].memory, buffer_data(e, p->args[n].buffer));
        args[n] = (dnnl_exec_arg_t){p->args[n].arg, p->args[n].memory};
    }
    if (p->scratch != NULL && status == dnnl_success) {
        status = dnnl_memory_set_data_handle(p->scratch, e->scratch);
        args[n++] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, p->scratch};
    }
    if (status == dnnl_success) status = dnnl_primitive_execute(p->primitive, e->stream, n, args);
    if (status == dnnl_success) status = dnnl_stream_wait(e->stream);
    return check_dnnl(status, "run a primitive", err);
}

itx_status add_eltwise(struct float_exec *e, dnnl_alg_kind_t alg, float alpha, float beta,
                       const dnnl_memory_desc_t *desc, buffer_id from, buffer_id to,
                       struct itx_error *err)
{
    dnnl_eltwise_desc_t op;
    struct primitive *p;
    ITX_TRY(check_dnnl(
        dnnl_eltwise_forward_desc_init(&op, dnnl_forward_inference, alg, desc, alpha, beta),
        "describe an activation", err));
    ITX_TRY(new_primitive(e, &op, NULL, &p, err));
    ITX_TRY(bind_buffer(e, p, DNNL_ARG_SRC, desc, from, err));
    ITX_TRY(bind_buffer(e, p, DNNL_ARG_DST, desc, to, err));
    return add_primitive(e, p, err);
}
