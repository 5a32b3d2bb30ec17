/* SPDX-License-Identifier: Apache-2.0
 *
 * Attention: keys and values are packed once, then queries are divided among the workers.
 */
#include "runtime/step.h"

static void pack_keys_and_values(const struct step *s)
{
    const struct attention_io io = {s->in[0], s->in[1], s->in[2], s->out};
    s->u.attention.row->prepare(&s->u.attention.params, &io, s->shared);
}

static void run_attention(const struct step *s, int begin, int end, void *scratch)
{
    const struct attention_io io = {s->in[0], s->in[1], s->in[2], s->out};
    s->u.attention.row->run(&s->u.attention.params, &io, s->shared, begin, end, scratch);
}

void step_prepare_attention(struct step *s, const struct step_context *c, const struct plan_step *p)
{
    const struct plan_tensor *const q = &c->plan->tensors[p->in[0]];
    const struct plan_tensor *const k = &c->plan->tensors[p->in[1]];
    const struct plan_tensor *const v = &c->plan->tensors[p->in[2]];
    const struct plan_tensor *const out = &c->plan->tensors[p->out];
    struct attention_params *const a = &s->u.attention.params;
    *a = (struct attention_params){
        .n = q->h * q->w,
        .heads = p->heads,
        .key_dim = q->c / p->heads,
        .head_dim = v->c / p->heads,
        .q_pixel = q->pixel,
        .k_pixel = k->pixel,
        .v_pixel = v->pixel,
        .out_pixel = out->pixel,
        .q_zero = q->zero_point[0],
        .k_zero = k->zero_point[0],
        .v_zero = v->zero_point[0],
        .out_zero = out->zero_point[0],
        .logit_scale = p->logit_scale,
        .out_scale = p->out_scale,
    };
    s->u.attention.row = attention_choose(c->cpu);
    s->kernel = s->u.attention.row->name;
    s->run = run_attention;
    s->before = pack_keys_and_values;
    s->n_products =
        (uint64_t)a->heads * (uint64_t)a->n * (uint64_t)a->n * (uint64_t)(a->key_dim + a->head_dim);
    s->operands = PEAK_16_BITS;
    s->scratch_size = s->u.attention.row->scratch_size(a);
    s->shared_size = s->u.attention.row->shared_size(a);
    s->n_items = a->heads * a->n;
    s->grain = ATTENTION_GRAIN;
}
