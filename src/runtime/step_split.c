/* SPDX-License-Identifier: Apache-2.0
 *
 * Products of enlarged channels at the size that they have before: a quarter of them, for a factor of 2.
 */
#include <string.h>

#include "base/mem.h"
#include "runtime/step.h"

/* Enlarged channels: with fewer, adding their sums costs what is saved. */
enum { MIN_C = 16 };

/* ---- finding ---- */

/* Whether the tensor has some of the channels [first, first + n) bytes of a buffer's pixels. */
static bool overlaps(const struct plan_tensor *t, const struct plan_tensor *other)
{
    const uint64_t size = (uint64_t)dtype_size(t->dtype);
    return t->buffer == other->buffer && t->offset < other->offset + (uint64_t)other->c * size &&
           other->offset < t->offset + (uint64_t)t->c * size;
}

enum { INPUTS = 3 };

itx_status step_readers_find(struct step_readers *r, const struct plan *plan, struct itx_error *err)
{
    const size_t n = (size_t)plan->n_steps * INPUTS;
    *r = (struct step_readers){mem_calloc((size_t)plan->n_buffers, sizeof *r->first),
                               mem_calloc(n, sizeof *r->next)};
    if (r->first == NULL || r->next == NULL) {
        step_readers_release(r);
        return itx_fail(err, ITX_E_NOMEM, "out of memory for %d steps", plan->n_steps);
    }
    for (int i = 0; i < plan->n_buffers; i++) r->first[i] = -1;
    for (int i = plan->n_steps - 1; i >= 0; i--) {
        for (int k = 0; k < plan->steps[i].n_in; k++) {
            int *const first = &r->first[plan->tensors[plan->steps[i].in[k]].buffer];
            r->next[i * INPUTS + k] = *first;
            *first = i * INPUTS + k;
        }
    }
    return ITX_OK;
}

void step_readers_release(struct step_readers *r)
{
    mem_free(r->first);
    mem_free(r->next);
    *r = (struct step_readers){0};
}

/* The one step that reads the tensor, or -1: none, several, or somebody outside. */
static int only_reader(const struct plan *plan, const struct step_readers *readers,
                       const struct plan_tensor *t)
{
    int reader = -1;
    for (int i = readers->first[t->buffer]; i >= 0; i = readers->next[i]) {
        const int step = i / INPUTS, k = i % INPUTS;
        if (!overlaps(&plan->tensors[plan->steps[step].in[k]], t)) continue;
        if (reader >= 0 || k > 0) return -1;
        reader = step;
    }
    for (int i = 0; reader >= 0 && i < plan->n_outputs; i++)
        if (overlaps(&plan->tensors[plan->outputs[i].tensor], t)) return -1;
    return reader;
}

bool step_find_split(const struct plan *plan, const struct step_readers *readers, int i,
                     struct step_split *split)
{
    const struct plan_step *const p = &plan->steps[i];
    if (p->kind != STEP_UPSAMPLE || p->stride[0] * p->stride[1] == 1) return false;
    const struct plan_tensor *const part = &plan->tensors[p->out];
    const int reader = only_reader(plan, readers, part);
    if (reader < 0 || !plan_step_is_pointwise(&plan->steps[reader])) return false;
    const struct plan_step *const conv = &plan->steps[reader];
    const struct plan_tensor *const whole = &plan->tensors[conv->in[0]];
    const struct plan_tensor *const out = &plan->tensors[conv->out];
    if (part->c < MIN_C || part->c >= whole->c || part->offset < whole->offset ||
        part->dtype != whole->dtype || out->dtype == DTYPE_S32 || out->h != part->h ||
        out->w != part->w)
        return false;
    const uint64_t skip = (part->offset - whole->offset) / (uint64_t)dtype_size(part->dtype);
    *split = (struct step_split){i, reader, (int)skip, part->c};
    return skip == 0 || skip + (uint64_t)part->c == (uint64_t)whole->c;
}

/* ---- making ---- */

/* Columns [first, first + n) of w [out_c, in_c]. */
static const int8_t *cut_weights(const struct step_context *c, const int8_t *w, int out_c, int in_c,
                                 int first, int n)
{
    int8_t *const part = arena_calloc(c->arena, (size_t)out_c, (size_t)n);
    for (int o = 0; part != NULL && o < out_c; o++)
        memcpy(part + (size_t)o * (size_t)n, w + (size_t)o * (size_t)in_c + first, (size_t)n);
    return part;
}

size_t step_split_size(const struct plan *plan, const struct step_split *split)
{
    const struct plan_step *const up = &plan->steps[split->enlarge];
    const struct plan_tensor *const a = &plan->tensors[up->in[0]];
    const int out_c = plan->tensors[plan->steps[split->conv].out].c;
    return (size_t)a->h * (size_t)a->w * (size_t)out_c * sizeof(int32_t);
}

/* The shape of the sums at the enlarged channels' own size. */
static struct conv_params coarse_params(const struct conv_params *whole,
                                        const struct plan_tensor *a, const int32_t *zeros)
{
    struct conv_params params = {
        .shape = whole->shape, .epilogue = {.out = EPILOGUE_S32}, .pad = whole->pad, .bias = zeros};
    struct conv_shape *const s = &params.shape;
    s->in_h = s->out_h = a->h;
    s->in_w = s->out_w = a->w;
    s->in_c = a->c;
    s->in_pixel = a->pixel;
    s->out_pixel = s->out_c;
    return params;
}

itx_status step_prepare_split(struct step *enlarge, struct step *conv, const struct step_context *c,
                              const struct step_split *split, struct itx_error *err)
{
    const struct plan *const plan = c->plan;
    const struct plan_step *const up = &plan->steps[split->enlarge];
    const struct plan_step *const p = &plan->steps[split->conv];
    const struct plan_tensor *const a = &plan->tensors[up->in[0]];
    const struct plan_tensor *const whole = &plan->tensors[p->in[0]];
    const int out_c = plan->tensors[p->out].c, rest = whole->c - split->n_c;
    const int first_rest = split->first_c == 0 ? split->n_c : 0;
    struct conv_params params;
    const int8_t *const w_a =
        cut_weights(c, p->weights, out_c, whole->c, split->first_c, split->n_c);
    const int8_t *const w_rest = cut_weights(c, p->weights, out_c, whole->c, first_rest, rest);
    const int32_t *const zeros = step_room(c, (size_t)out_c, sizeof *zeros);
    int32_t *const sums = step_room(c, (size_t)a->h * (size_t)a->w * (size_t)out_c, sizeof *sums);
    if (w_a == NULL || w_rest == NULL || zeros == NULL || sums == NULL ||
        !step_conv_params(&params, c, p))
        return itx_fail(err, ITX_E_NOMEM, "out of memory for '%s'", p->name);
    const struct conv_params coarse = coarse_params(&params, a, zeros);
    step_choose_conv(enlarge, c, &coarse, w_a);
    enlarge->own_out = sums;
    params.shape.in_c = rest;
    params.coarse = (struct conv_coarse){sums, up->stride[0], up->stride[1]};
    step_choose_conv(conv, c, &params, w_rest);
    conv->in_skip = (size_t)first_rest * (size_t)dtype_size(whole->dtype);
    return ITX_OK;
}
