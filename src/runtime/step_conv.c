/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolutions of all kinds: shapes, packed weights, what is added for the kernels' sake. Arrays of the plan are
 * copied, since kernels read them in whole vectors.
 */
#include "runtime/step.h"

#include <string.h>

static void run_conv(const struct step *s, int begin, int end, void *scratch)
{
    s->u.conv.row->run(&s->u.conv.params, s->in[0], s->in[1], s->out, begin, end, scratch);
}

static void run_dwconv(const struct step *s, int begin, int end, void *scratch)
{
    s->u.dwconv.row->run(&s->u.dwconv.params, s->in[0], s->in[1], s->out, begin, end, scratch);
}

static struct conv_shape make_shape(const struct plan *plan, const struct plan_step *p)
{
    const struct plan_tensor *const in = &plan->tensors[p->in[0]];
    const struct plan_tensor *const out = &plan->tensors[p->out];
    struct conv_shape s = {
        .in_h = in->h,
        .in_w = in->w,
        .in_c = in->c,
        .out_h = out->h,
        .out_w = out->w,
        .out_c = out->c,
        .kernel_h = p->kernel[0],
        .kernel_w = p->kernel[1],
        .stride_h = p->stride[0],
        .stride_w = p->stride[1],
        .pad_top = p->pad[0],
        .pad_left = p->pad[1],
        .dilation_h = p->dilation[0],
        .dilation_w = p->dilation[1],
        .upscale = 1,
        .in_pixel = in->pixel,
        .out_pixel = out->pixel,
        .res_pixel = p->n_in == 2 ? plan->tensors[p->in[1]].pixel : 0,
    };
    if (p->kind == STEP_DECONV) {
        s.upscale = p->kernel[0];
        s.stride_h = s.stride_w = 1;
    }
    return s;
}

static enum epilogue_out epilogue_out(enum dtype dtype)
{
    return dtype == DTYPE_S8 ? EPILOGUE_S8 : dtype == DTYPE_S16 ? EPILOGUE_S16 : EPILOGUE_S32;
}

/* Stored values outside the image: what stands for zero. */
static int8_t *make_pad(const struct step_context *c, const struct plan_tensor *in)
{
    int8_t *const pad = step_room(c, (size_t)in->c, 1);
    for (int i = 0; pad != NULL && i < in->c; i++)
        pad[i] = (int8_t)in->zero_point[in->n_quant == 1 ? 0 : i];
    return pad;
}

/* False when out of memory. */
static bool make_params(struct conv_params *params, const struct step_context *c,
                        const struct plan_step *p)
{
    const struct plan_arrays n = plan_step_arrays(c->plan, p);
    struct epilogue *const e = &params->epilogue;
    *params = (struct conv_params){.shape = make_shape(c->plan, p)};
    e->out = epilogue_out(c->plan->tensors[p->out].dtype);
    e->act = p->act;
    e->range_log2 = p->range_log2;
    e->shift = p->shift;
    params->pad = make_pad(c, &c->plan->tensors[p->in[0]]);
    params->bias = step_copy(c, p->bias, (size_t)n.bias, sizeof *p->bias);
    e->scale = step_copy(c, p->scale, (size_t)n.scale, sizeof *p->scale);
    e->mul = step_copy(c, p->mul, (size_t)n.mul, sizeof *p->mul);
    e->res_mul = step_copy(c, p->res_mul, (size_t)n.res_mul, sizeof *p->res_mul);
    e->offset = step_copy(c, p->offset, (size_t)n.offset, sizeof *p->offset);
    return params->pad != NULL && params->bias != NULL && (n.scale == 0 || e->scale != NULL) &&
           (n.mul == 0 || e->mul != NULL) && (n.res_mul == 0 || e->res_mul != NULL) &&
           (n.offset == 0 || e->offset != NULL);
}

/* Chooses the row, makes room for its packed weights and fills it. */
#define PREPARE(member, choose, function)                                                          \
    do {                                                                                           \
        const struct conv_shape *const shape = &s->u.member.params.shape;                          \
        s->u.member.row = choose(c->cpu, shape);                                                   \
        s->run = function;                                                                         \
        s->kernel = s->u.member.row->name;                                                         \
        s->scratch_size = s->u.member.row->scratch_size(shape);                                    \
        packed = step_room(c, s->u.member.row->packed_size(shape), 1);                             \
        s->u.member.params.packed = packed;                                                        \
        if (packed != NULL) s->u.member.row->pack(shape, p->weights, packed);                      \
    } while (0)

itx_status step_prepare_conv(struct step *s, const struct step_context *c,
                             const struct plan_step *p, struct itx_error *err)
{
    struct conv_params params;
    void *packed = NULL;
    if (make_params(&params, c, p)) {
        if (p->kind == STEP_DWCONV) {
            s->u.dwconv.params = params;
            PREPARE(dwconv, dwconv_choose, run_dwconv);
        } else {
            s->u.conv.params = params;
            PREPARE(conv, conv_choose, run_conv);
        }
    }
    if (packed == NULL)
        return itx_fail(err, ITX_E_NOMEM, "out of memory for the weights of '%s'", p->name);
    s->n_items = params.shape.upscale > 1 ? params.shape.in_h : params.shape.out_h;
    s->grain = 1;
    return ITX_OK;
}

#undef PREPARE
