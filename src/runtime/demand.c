/* SPDX-License-Identifier: Apache-2.0
 *
 * Needs go backwards through a stage: what a step has to compute is known when all that read it have been visited.
 * Steps that compute more than is needed of them read inputs that were not made for it; such cells are read by nobody.
 */
#include "runtime/demand.h"

#include "base/mem.h"

/* The model of a rectangle's cost: kernels work in tiles of 4 x 4, and read weights again for each row of tiles, which
 * costs as much as RECT_COST more columns. From a part on, everything is run. */
enum { TILE = 4, RECT_COST = 4, WHOLE_PERCENT = 80, MAX_WAVE = 64 };

/* ---- making one ---- */

static bool can_run_in_part(const struct plan_step *p)
{
    return p->kind == STEP_CONV || p->kind == STEP_DWCONV || p->kind == STEP_DECONV;
}

/* The stages' ranges of steps; false when the steps are in another order, or one cannot be divided by rows. */
static bool find_stages(struct demand *d, const uint8_t *stage)
{
    const struct plan *const plan = d->plan;
    int i = 0;
    for (int st = 0; st < PLAN_STAGE_COUNT; st++) {
        d->begin[st] = i;
        for (; i < plan->n_steps && stage[i] == st; i++)
            if (st != PLAN_STAGE_CLASSES && plan->steps[i].kind == STEP_ATTENTION) return false;
    }
    d->begin[PLAN_STAGE_COUNT] = i;
    return i == plan->n_steps && d->begin[PLAN_STAGE_CLASSES + 1] < i;
}

static struct demand_step *late_step(const struct demand *d, int index)
{
    return &d->late[index - d->begin[PLAN_STAGE_CLASSES + 1]];
}

/* Rows and columns of its output that a cell of the step's grid makes. */
static void scale_of(const struct plan_step *p, int scale[2])
{
    for (int i = 0; i < 2; i++) scale[i] = p->kind == STEP_DECONV ? p->kernel[i] : 1;
}

uint64_t demand_size(const struct plan *plan, const uint8_t *stage)
{
    uint64_t size = 0;
    for (int i = 0; i < plan->n_steps; i++) {
        if (stage[i] == PLAN_STAGE_CLASSES) continue;
        const struct plan_step *const p = &plan->steps[i];
        const struct plan_tensor *const out = &plan->tensors[p->out];
        int scale[2];
        scale_of(p, scale);
        size += region_size(out->h / scale[0], out->w / scale[1]);
    }
    return size;
}

static bool fill_step(struct demand_step *s, const struct plan *plan, int index,
                      const struct step *step, struct arena *arena)
{
    const struct plan_step *const p = &plan->steps[index];
    const struct plan_tensor *const out = &plan->tensors[p->out];
    int scale[2];
    scale_of(p, scale);
    const int h = out->h / scale[0], w = out->w / scale[1];
    *s = (struct demand_step){
        .step = step, .index = index, .scale_h = scale[0], .scale_w = scale[1]};
    s->macs = plan_step_multiply_adds(plan, p) / ((uint64_t)h * (uint64_t)w);
    const int n_rects = region_max_rects(h, w);
    s->rects = arena_calloc(arena, (size_t)n_rects, sizeof *s->rects);
    return s->rects != NULL && region_init(&s->need, arena, h, w);
}

/* Writers of a tensor before step `before` that are of an earlier stage than `stage`, which reads it. */
static void need_whole(struct demand *d, uint32_t tensor, int before, const uint8_t *stages,
                       uint8_t stage)
{
    int i, end;
    plan_writers_of(&d->writers, &d->plan->tensors[tensor], &i, &end);
    for (; i < end; i++) {
        const int step = d->writers.items[i].step;
        if (step < before && stages[step] < stage) late_step(d, step)->is_whole = true;
    }
}

/* What a later stage reads, a step or the decoder, is computed completely in its own: what is needed is not known yet. */
static void find_whole(struct demand *d, const uint8_t *stage)
{
    const struct plan *const plan = d->plan;
    for (int i = d->begin[PLAN_STAGE_CLASSES + 1]; i < plan->n_steps; i++)
        for (int k = 0; k < plan->steps[i].n_in; k++)
            need_whole(d, plan->steps[i].in[k], i, stage, stage[i]);
    for (int i = 0; i < plan->n_outputs; i++)
        need_whole(d, plan->outputs[i].tensor, plan->n_steps, stage,
                   (uint8_t)plan_output_stages(&plan->head, (uint32_t)i).last);
}

static bool buffers_overlap(const struct plan *plan, uint32_t tensor_a, uint32_t tensor_b)
{
    const struct plan_buffer *const a = &plan->buffers[plan->tensors[tensor_a].buffer];
    const struct plan_buffer *const b = &plan->buffers[plan->tensors[tensor_b].buffer];
    return a->offset < b->offset + b->size && b->offset < a->offset + a->size;
}

/* Whether two steps may not run at the same time: one writes where the other reads or writes. */
static bool conflict(const struct plan *plan, const struct plan_step *a, const struct plan_step *b)
{
    if (buffers_overlap(plan, a->out, b->out)) return true;
    for (int k = 0; k < a->n_in; k++)
        if (buffers_overlap(plan, a->in[k], b->out)) return true;
    for (int k = 0; k < b->n_in; k++)
        if (buffers_overlap(plan, b->in[k], a->out)) return true;
    return false;
}

static void find_waves(struct demand *d)
{
    const struct plan *const plan = d->plan;
    for (int st = PLAN_STAGE_CLASSES + 1; st < PLAN_STAGE_COUNT; st++) {
        for (int i = d->begin[st], wave = i; i < d->begin[st + 1]; i++) {
            bool starts = i == d->begin[st] || i - wave >= MAX_WAVE;
            for (int j = wave; j < i && !starts; j++)
                starts = conflict(plan, &plan->steps[i], &plan->steps[j]);
            late_step(d, i)->starts_wave = starts;
            if (starts) wave = i;
        }
    }
}

static bool is_read(const struct plan *plan, uint32_t buffer)
{
    for (int i = 0; i < plan->n_steps; i++)
        for (int k = 0; k < plan->steps[i].n_in; k++)
            if (plan->tensors[plan->steps[i].in[k]].buffer == buffer) return true;
    return false;
}

/* The decoder reads the tensor's channels as class logits and as nothing else, by no other name. */
static bool has_only_classes(const struct plan *plan, uint32_t tensor)
{
    const struct plan_tensor *const t = &plan->tensors[tensor];
    for (int i = 0; i < plan->n_outputs; i++) {
        const struct plan_output_stages s = plan_output_stages(&plan->head, (uint32_t)i);
        const uint32_t other = plan->outputs[i].tensor;
        if (s.has_role && plan->tensors[other].buffer == t->buffer &&
            (other != tensor || s.last != PLAN_STAGE_CLASSES))
            return false;
    }
    return true;
}

/* False when out of memory. */
static bool add_gate(struct demand *d, int index, const struct step *step, struct arena *arena)
{
    struct demand_gate *const g = &d->gates[d->n_gates++];
    g->gate = gate_create(d->plan, &d->plan->steps[index], arena);
    return g->gate != NULL && fill_step(&g->step, d->plan, index, step, arena);
}

/* For outputs of class logits that nobody reads but the decoder. False when out of memory. */
static bool make_gates(struct demand *d, const struct step *steps, struct arena *arena)
{
    const struct plan *const plan = d->plan;
    for (int level = 0; level < plan->head.n_levels; level++) {
        const uint32_t tensor = plan->outputs[plan->head.level[level].cls].tensor;
        if (is_read(plan, plan->tensors[tensor].buffer) || !has_only_classes(plan, tensor))
            continue;
        for (int i = 0; i < d->begin[PLAN_STAGE_CLASSES + 1]; i++)
            if (plan->steps[i].out == tensor && gate_fits(plan, &plan->steps[i]) &&
                demand_gate_of_step(d, i) == NULL && !add_gate(d, i, &steps[i], arena))
                return false;
    }
    return true;
}

itx_status demand_create(struct demand **out, const struct plan *plan, const uint8_t *stage,
                         const struct step *steps, struct arena *arena, struct itx_error *err)
{
    struct demand *const d = arena_alloc(arena, sizeof *d);
    if (d == NULL) goto no_memory;
    d->plan = plan;
    if (!find_stages(d, stage)) return ITX_OK;
    const int begin = d->begin[PLAN_STAGE_CLASSES + 1];
    d->late = arena_calloc(arena, (size_t)(plan->n_steps - begin), sizeof *d->late);
    if (d->late == NULL) goto no_memory;
    ITX_TRY(plan_writers_find(&d->writers, plan, begin, err));
    *out = d;
    for (int i = begin; i < plan->n_steps; i++)
        if (!fill_step(late_step(d, i), plan, i, &steps[i], arena)) goto no_memory;
    find_whole(d, stage);
    find_waves(d);
    if (!make_gates(d, steps, arena)) goto no_memory;
    return ITX_OK;
no_memory:
    return itx_fail(err, ITX_E_NOMEM, "out of memory for heads on demand");
}

void demand_release(struct demand **demand)
{
    if (*demand != NULL) plan_writers_release(&(*demand)->writers);
    *demand = NULL;
}

/* ---- what is needed ---- */

void demand_reset(struct demand *d)
{
    for (int i = d->begin[PLAN_STAGE_CLASSES + 1]; i < d->plan->n_steps; i++)
        region_clear(&late_step(d, i)->need);
}

void demand_add(struct demand *d, uint32_t tensor, const struct rect *cells)
{
    int i, end;
    plan_writers_of(&d->writers, &d->plan->tensors[tensor], &i, &end);
    for (; i < end; i++) {
        struct demand_step *const s = late_step(d, d->writers.items[i].step);
        const struct rect part = {cells->x0 / s->scale_w, cells->y0 / s->scale_h,
                                  (cells->x1 + s->scale_w - 1) / s->scale_w,
                                  (cells->y1 + s->scale_h - 1) / s->scale_h};
        region_add(&s->need, &part);
    }
}

/* What a cell of the step needs of its input k, whose cells are 1 / scale of the tensor's. */
static struct window window_of(const struct plan_step *p, int k, const struct demand_step *from)
{
    struct window w = {.stride_h = 1,
                       .stride_w = 1,
                       .extent_h = 1,
                       .extent_w = 1,
                       .down_h = from->scale_h,
                       .down_w = from->scale_w};
    if (p->kind == STEP_UPSAMPLE) {
        w.down_h *= p->stride[0];
        w.down_w *= p->stride[1];
    } else if (k == 0 &&
               (p->kind == STEP_CONV || p->kind == STEP_DWCONV || p->kind == STEP_MAXPOOL)) {
        w.stride_h = p->stride[0];
        w.stride_w = p->stride[1];
        w.pad_top = p->pad[0];
        w.pad_left = p->pad[1];
        w.extent_h = (p->kernel[0] - 1) * p->dilation[0] + 1;
        w.extent_w = (p->kernel[1] - 1) * p->dilation[1] + 1;
    }
    return w;
}

static void pass_needs_on(struct demand *d, const struct demand_step *s)
{
    const struct plan_step *const p = &d->plan->steps[s->index];
    for (int k = 0; k < p->n_in; k++) {
        int i, end;
        plan_writers_of(&d->writers, &d->plan->tensors[p->in[k]], &i, &end);
        for (; i < end; i++) {
            const int step = d->writers.items[i].step;
            struct demand_step *const from = late_step(d, step);
            const struct window w = window_of(p, k, from);
            if (step < s->index) region_add_needs(&from->need, &s->need, &w);
        }
    }
}

/* In cells, tails of the kernels' tiles and the cost of a start included. */
static uint64_t cost_of(const struct rect *r)
{
    const size_t w = size_align((size_t)(r->x1 - r->x0), TILE) + RECT_COST;
    return w * size_align((size_t)(r->y1 - r->y0), TILE);
}

/* What the step runs: rectangles, whole rows where it cannot do with less, or everything. */
static void choose_rects(struct demand_step *s, const struct plan_step *p)
{
    const struct rect whole = {0, 0, s->need.w, s->need.h};
    if (!can_run_in_part(p)) region_widen(&s->need);
    s->n_rects = region_cover(&s->need, s->rects);
    uint64_t cost = 0;
    for (int i = 0; i < s->n_rects; i++) cost += cost_of(&s->rects[i]);
    if (cost * 100 < cost_of(&whole) * WHOLE_PERCENT) return;
    s->rects[0] = whole;
    s->n_rects = 1;
}

static uint64_t area(const struct rect *r)
{
    return (uint64_t)(r->x1 - r->x0) * (uint64_t)(r->y1 - r->y0);
}

/* Multiply-adds of the chosen rectangles. */
static uint64_t macs_of(const struct demand_step *s)
{
    uint64_t sum = 0;
    for (int i = 0; i < s->n_rects; i++) sum += area(&s->rects[i]) * s->macs;
    return sum;
}

uint64_t demand_plan(struct demand *d, enum plan_stage stage)
{
    uint64_t macs = 0;
    for (int i = d->begin[stage + 1] - 1; i >= d->begin[stage]; i--) {
        struct demand_step *const s = late_step(d, i);
        if (s->is_whole) region_add(&s->need, &(struct rect){0, 0, s->need.w, s->need.h});
        pass_needs_on(d, s);
        choose_rects(s, &d->plan->steps[i]);
        macs += macs_of(s);
    }
    return macs;
}

struct demand_gate *demand_gate_of_step(struct demand *d, int index)
{
    for (int i = 0; i < d->n_gates; i++)
        if (d->gates[i].step.index == index) return &d->gates[i];
    return NULL;
}

struct demand_gate *demand_gate_of_tensor(struct demand *d, uint32_t tensor)
{
    for (int i = 0; i < d->n_gates; i++)
        if (d->plan->steps[d->gates[i].step.index].out == tensor) return &d->gates[i];
    return NULL;
}

uint64_t demand_plan_gate(const struct demand *d, struct demand_gate *g)
{
    choose_rects(&g->step, &d->plan->steps[g->step.index]);
    return macs_of(&g->step);
}

/* ---- running ---- */

int demand_wave_end(const struct demand *d, int begin, int end)
{
    int i = begin + 1;
    while (i < end && !late_step(d, i)->starts_wave) i++;
    return i;
}

const struct demand_step *demand_steps(const struct demand *d, int begin)
{
    return late_step(d, begin);
}

bool demand_is_idle(const struct demand_step *steps, int n)
{
    for (int i = 0; i < n; i++)
        if (steps[i].n_rects > 0) return false;
    return true;
}

static uint64_t cost_of_all(const struct demand_step *steps, int n)
{
    uint64_t sum = 0;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < steps[i].n_rects; k++)
            sum += area(&steps[i].rects[k]) * (steps[i].macs + 1);
    return sum;
}

static void run_rows(const struct demand_step *s, const struct rect *rect, int y0, int y1,
                     void *scratch)
{
    if (y0 >= y1) return;
    if (rect->x0 == 0 && rect->x1 == s->need.w)
        s->step->run(s->step, y0, y1, scratch);
    else
        s->step->run_columns(s->step, &(struct rect){rect->x0, y0, rect->x1, y1}, scratch);
}

/* Bands of rows are laid end to end; a worker has those whose middle lies in its share of the whole length. */
void demand_run(const struct demand_step *steps, int n, int worker, int n_workers, void *scratch)
{
    const uint64_t share = cost_of_all(steps, n) / (uint64_t)n_workers + 1;
    uint64_t at = 0;
    for (const struct demand_step *s = steps; s < steps + n; s++) {
        for (int k = 0; k < s->n_rects; k++) {
            const struct rect *const r = &s->rects[k];
            int y0 = r->y1, y1 = r->y1; /* of the worker */
            for (int y = r->y0, next; y < r->y1; y = next) {
                next = r->y1 - y < REGION_BAND ? r->y1 : y + REGION_BAND;
                const uint64_t cost = area(&(struct rect){r->x0, y, r->x1, next}) * (s->macs + 1);
                const uint64_t owner = (at + cost / 2) / share;
                at += cost;
                if (owner != (uint64_t)worker) continue;
                if (y < y0) y0 = y;
                y1 = next;
            }
            run_rows(s, r, y0, y1, scratch);
        }
    }
}
