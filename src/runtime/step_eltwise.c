/* SPDX-License-Identifier: Apache-2.0
 *
 * Steps without weights that go through their tensors row by row: maximum, data movement, sum, table.
 */
#include "runtime/step.h"

static void run_maxpool(const struct step *s, int begin, int end, void *scratch)
{
    s->u.pool.row->run(&s->u.pool.shape, s->in[0], s->out, begin, end, scratch);
}

void step_prepare_maxpool(struct step *s, const struct step_context *c, const struct plan_step *p)
{
    const struct plan_tensor *const in = &c->plan->tensors[p->in[0]];
    const struct plan_tensor *const out = &c->plan->tensors[p->out];
    s->u.pool.row = pool_choose(c->cpu);
    s->u.pool.shape = (struct pool_shape){
        .in_h = in->h,
        .in_w = in->w,
        .out_h = out->h,
        .out_w = out->w,
        .c = in->c,
        .kernel_h = p->kernel[0],
        .kernel_w = p->kernel[1],
        .stride_h = p->stride[0],
        .stride_w = p->stride[1],
        .pad_top = p->pad[0],
        .pad_left = p->pad[1],
        .in_pixel = in->pixel,
        .out_pixel = out->pixel,
        .is_wide = in->dtype == DTYPE_S16,
    };
    s->kernel = s->u.pool.row->name;
    s->run = run_maxpool;
    s->scratch_size = s->u.pool.row->scratch_size(&s->u.pool.shape);
    s->n_items = out->h;
    s->grain = 1;
}

static void run_move(const struct step *s, int begin, int end, void *scratch)
{
    (void)scratch;
    s->u.move.row->run(&s->u.move.shape, s->in[0], s->out, begin, end);
}

void step_prepare_move(struct step *s, const struct step_context *c, const struct plan_step *p)
{
    const struct plan_tensor *const in = &c->plan->tensors[p->in[0]];
    const struct plan_tensor *const out = &c->plan->tensors[p->out];
    const size_t size = (size_t)dtype_size(in->dtype);
    s->u.move.row = move_choose(c->cpu);
    s->u.move.shape = (struct move_shape){
        .in_h = in->h,
        .in_w = in->w,
        .factor_h = p->kind == STEP_UPSAMPLE ? p->stride[0] : 1,
        .factor_w = p->kind == STEP_UPSAMPLE ? p->stride[1] : 1,
        .bytes = (size_t)in->c * size,
        .in_pixel = (size_t)in->pixel * size,
        .out_pixel = (size_t)out->pixel * size,
    };
    s->kernel = s->u.move.row->name;
    s->run = run_move;
    s->n_items = out->h;
    s->grain = 1;
}

static void run_add(const struct step *s, int begin, int end, void *scratch)
{
    (void)scratch;
    s->u.add.row->run(&s->u.add.params, s->in[0], s->in[1], s->out, begin, end);
}

itx_status step_prepare_add(struct step *s, const struct step_context *c, const struct plan_step *p,
                            struct itx_error *err)
{
    const struct plan_tensor *const a = &c->plan->tensors[p->in[0]];
    const struct plan_tensor *const b = &c->plan->tensors[p->in[1]];
    const struct plan_tensor *const out = &c->plan->tensors[p->out];
    const size_t n = (size_t)out->c;
    s->u.add.row = add_choose(c->cpu);
    s->u.add.params = (struct add_params){
        .h = out->h,
        .w = out->w,
        .c = out->c,
        .a_pixel = a->pixel,
        .b_pixel = b->pixel,
        .out_pixel = out->pixel,
        .is_a_wide = a->dtype == DTYPE_S16,
        .is_b_wide = b->dtype == DTYPE_S16,
        .is_out_wide = out->dtype == DTYPE_S16,
        .shift = p->shift,
        .mul = step_copy(c, p->mul, n, sizeof *p->mul),
        .res_mul = step_copy(c, p->res_mul, n, sizeof *p->res_mul),
        .offset = step_copy(c, p->offset, n, sizeof *p->offset),
    };
    if (s->u.add.params.mul == NULL || s->u.add.params.res_mul == NULL ||
        s->u.add.params.offset == NULL)
        return itx_fail(err, ITX_E_NOMEM, "out of memory for '%s'", p->name);
    s->kernel = s->u.add.row->name;
    s->run = run_add;
    s->n_items = out->h;
    s->grain = 1;
    return ITX_OK;
}

static void run_lut(const struct step *s, int begin, int end, void *scratch)
{
    (void)scratch;
    s->u.lut.row->run(&s->u.lut.params, s->in[0], s->out, begin, end);
}

itx_status step_prepare_lut(struct step *s, const struct step_context *c, const struct plan_step *p,
                            struct itx_error *err)
{
    const struct plan_tensor *const out = &c->plan->tensors[p->out];
    s->u.lut.row = lut_choose(c->cpu);
    s->u.lut.params = (struct lut_params){
        .h = out->h,
        .w = out->w,
        .c = out->c,
        .in_pixel = c->plan->tensors[p->in[0]].pixel,
        .out_pixel = out->pixel,
        .table = step_copy(c, p->table, 256, sizeof *p->table),
    };
    if (s->u.lut.params.table == NULL)
        return itx_fail(err, ITX_E_NOMEM, "out of memory for '%s'", p->name);
    s->kernel = s->u.lut.row->name;
    s->run = run_lut;
    s->n_items = out->h;
    s->grain = 1;
    return ITX_OK;
}
