/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolutions of all kinds: shapes, packed weights, what is added for the kernels' sake. Arrays of the plan are
 * copied, since kernels read them in whole vectors.
 */
#include "runtime/step.h"

static void run_conv(const struct step *s, int begin, int end, void *scratch)
{
    s->u.conv.row->run(&s->u.conv.params, s->in[0], s->in[1], s->out, begin, end, scratch);
}

static void run_dwconv(const struct step *s, int begin, int end, void *scratch)
{
    s->u.dwconv.row->run(&s->u.dwconv.params, s->in[0], s->in[1], s->out, begin, end, scratch);
}

/* What differs for columns of a rectangle: the shape, and where res and out are. */
static void move_to_columns(const struct step *s, struct conv_params *params, const struct rect *r,
                            const void **res, void **out)
{
    const size_t first = (size_t)r->x0 * (size_t)params->shape.upscale;
    params->shape = conv_columns(&params->shape, r->x0, r->x1);
    const size_t res_at = first * (size_t)params->shape.res_pixel * s->res_size;
    *res = s->in[1] != NULL ? (const uint8_t *)s->in[1] + res_at : NULL;
    *out = (uint8_t *)s->out + first * (size_t)params->shape.out_pixel * s->out_size;
}

static void run_conv_columns(const struct step *s, const struct rect *r, void *scratch)
{
    struct conv_params params = s->u.conv.params;
    const void *res;
    void *out;
    move_to_columns(s, &params, r, &res, &out);
    s->u.conv.row->run(&params, s->in[0], res, out, r->y0, r->y1, scratch);
}

static void run_dwconv_columns(const struct step *s, const struct rect *r, void *scratch)
{
    struct conv_params params = s->u.dwconv.params;
    const void *res;
    void *out;
    move_to_columns(s, &params, r, &res, &out);
    s->u.dwconv.row->run(&params, s->in[0], res, out, r->y0, r->y1, scratch);
}

static void pack_conv(struct step *s, const struct plan_step *p)
{
    (void)p;
    s->u.conv.params.packed = s->packed;
    s->u.conv.row->pack(&s->u.conv.params.shape, s->weights, s->packed);
}

static void pack_dwconv(struct step *s, const struct plan_step *p)
{
    s->u.dwconv.params.packed = s->packed;
    s->u.dwconv.row->pack(&s->u.dwconv.params.shape, p->weights, s->packed);
}

/* The largest sum of |w| of an output channel; channels have `depth` weights. */
static int32_t largest_sum(const int8_t *w, int n_channels, size_t depth)
{
    int32_t largest = 0;
    for (int o = 0; o < n_channels; o++, w += depth) {
        int32_t sum = 0;
        for (size_t i = 0; i < depth; i++) sum += w[i] < 0 ? -w[i] : w[i];
        if (sum > largest) largest = sum;
    }
    return largest;
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
        .is_wide = in->dtype == DTYPE_S16,
        .reach = in->reach,
    };
    const int n_taps = p->kernel[0] * p->kernel[1];
    if (p->kind == STEP_CONV && n_taps > 1) /* nobody asks otherwise */
        s.weight_sum = largest_sum(p->weights, out->c, (size_t)n_taps * (size_t)in->c);
    if (p->kind == STEP_DECONV) {
        s.upscale = p->kernel[0];
        s.stride_h = s.stride_w = 1;
    }
    return s;
}

static enum epilogue_out epilogue_out(enum dtype dtype, const struct plan_step *p)
{
    if (dtype == DTYPE_S16) return p->mul != NULL ? EPILOGUE_WIDE : EPILOGUE_S16;
    return dtype == DTYPE_S8 ? EPILOGUE_S8 : EPILOGUE_S32;
}

/* Stored values outside the image: what stands for zero. */
static void *make_pad(const struct step_context *c, const struct plan_tensor *in)
{
    int8_t *const pad = step_room(c, (size_t)in->c, (size_t)dtype_size(in->dtype));
    if (in->dtype == DTYPE_S16) return pad; /* zeros */
    for (int i = 0; pad != NULL && i < in->c; i++)
        pad[i] = (int8_t)in->zero_point[in->n_quant == 1 ? 0 : i];
    return pad;
}

bool step_conv_params(struct conv_params *params, const struct step_context *c,
                      const struct plan_step *p)
{
    const struct plan_arrays n = plan_step_arrays(c->plan, p);
    struct epilogue *const e = &params->epilogue;
    *params = (struct conv_params){.shape = make_shape(c->plan, p)};
    e->out = epilogue_out(c->plan->tensors[p->out].dtype, p);
    e->is_res_wide = p->n_in == 2 && c->plan->tensors[p->in[1]].dtype == DTYPE_S16;
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

static void set_items(struct step *s, const struct conv_params *params)
{
    s->n_items = params->shape.upscale > 1 ? params->shape.in_h : params->shape.out_h;
    s->grain = 1;
}

void step_choose_conv(struct step *s, const struct step_context *c,
                      const struct conv_params *params, const int8_t *weights)
{
    const struct conv_row *const row = conv_choose(c->cpu, &params->shape);
    s->packed_size = row->packed_size(&params->shape, weights);
    s->scratch_size = row->scratch_size(&params->shape);
    s->kernel = row->name;
    s->weights = weights;
    s->pack = pack_conv;
    s->run = run_conv;
    s->run_columns = run_conv_columns;
    s->n_products = row->products(&params->shape);
    s->operands = row->operands;
    s->u.conv.row = row;
    s->u.conv.params = *params;
    set_items(s, params);
}

static void choose_dwconv(struct step *s, const struct step_context *c,
                          const struct conv_params *params)
{
    const struct dwconv_row *const row = dwconv_choose(c->cpu, &params->shape);
    s->packed_size = row->packed_size(&params->shape);
    s->scratch_size = row->scratch_size(&params->shape);
    s->kernel = row->name;
    s->pack = pack_dwconv;
    s->run = run_dwconv;
    s->run_columns = run_dwconv_columns;
    const struct conv_shape *const shape = &params->shape;
    s->n_products = (uint64_t)shape->out_h * (uint64_t)shape->out_w * (uint64_t)shape->out_c *
                    (uint64_t)(shape->kernel_h * shape->kernel_w);
    s->operands = PEAK_16_BITS;
    s->u.dwconv.row = row;
    s->u.dwconv.params = *params;
    set_items(s, params);
}

itx_status step_prepare_conv(struct step *s, const struct step_context *c,
                             const struct plan_step *p, struct itx_error *err)
{
    struct conv_params params;
    if (!step_conv_params(&params, c, p))
        return itx_fail(err, ITX_E_NOMEM, "out of memory for '%s'", p->name);
    if (p->kind == STEP_DWCONV)
        choose_dwconv(s, c, &params);
    else
        step_choose_conv(s, c, &params, p->weights);
    s->out_size = (size_t)dtype_size(c->plan->tensors[p->out].dtype);
    if (p->n_in == 2) s->res_size = (size_t)dtype_size(c->plan->tensors[p->in[1]].dtype);
    return ITX_OK;
}
