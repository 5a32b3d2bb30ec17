/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/runtime.h"

#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "base/mem.h"
#include "base/float_mode.h"
#include "runtime/border.h"
#include "runtime/demand.h"
#include "runtime/limit.h"
#include "runtime/step.h"

struct runtime {
    const struct plan *plan;
    struct runtime_options options;
    struct arena arena; /* steps, tables of this struct */
    struct pool *pool;
    struct step *steps; /* [n_steps] */
    uint64_t *step_ns;  /* [n_steps] */
    uint8_t *stage;     /* [n_steps], plan_stages' */
    struct border *border;
    struct demand *demand;  /* NULL: not asked for, or not possible */
    uint64_t multiply_adds; /* of the last run */
    uint64_t *begin;        /* [n_buffers]: of each in the memory of all */
    void **tensors;         /* [n_tensors], into data or the caller's memory */
    uint8_t *data;          /* of all buffers */
    uint8_t *packed;        /* weights of all steps */
    uint8_t *scratch;       /* one piece a worker, then what the workers share */
    size_t data_size, packed_size, scratch_size, piece_size;
};

/* ---- making one ---- */

void *step_room(const struct step_context *c, size_t n, size_t size)
{
    size_t bytes;
    if (!size_add(n, 64, &n) || !size_mul(n, size, &bytes) || !size_add(bytes, 128, &bytes))
        return NULL;
    uint8_t *const p = arena_alloc(c->arena, bytes);
    if (p == NULL) return NULL;
    return p + (size_align((uintptr_t)p, STEP_ALIGN) - (uintptr_t)p);
}

void *step_copy(const struct step_context *c, const void *array, size_t n, size_t size)
{
    if (n == 0) return NULL;
    void *const p = step_room(c, n, size);
    if (p != NULL) memcpy(p, array, n * size);
    return p;
}

static void point_tensors(struct runtime *r, uint8_t *data)
{
    for (int i = 0; i < r->plan->n_tensors; i++) {
        const struct plan_tensor *const t = &r->plan->tensors[i];
        r->tensors[i] = data + r->begin[t->buffer] + t->offset;
    }
}

static void point_step(const struct runtime *r, int i)
{
    const struct plan_step *const p = &r->plan->steps[i];
    struct step *const s = &r->steps[i];
    for (int k = 0; k < p->n_in; k++) s->in[k] = r->tensors[p->in[k]];
    s->in[0] = (const uint8_t *)s->in[0] + s->in_skip;
    s->out = s->own_out != NULL ? s->own_out : r->tensors[p->out];
}

/* Bytes of everything that was allocated or is about to be. */
static uint64_t memory_of(const struct runtime *r)
{
    return (uint64_t)r->arena.used + r->data_size + r->packed_size + r->scratch_size;
}

static bool has_room(const struct runtime *r, uint64_t more)
{
    return limit_memory(memory_of(r) + more, &r->options.limits, NULL) == ITX_OK;
}

static itx_status check_memory(const struct runtime *r, struct itx_error *err)
{
    return limit_memory(memory_of(r), &r->options.limits, err);
}

/* Where each buffer begins: as planned, or one after another. */
static itx_status place_tensors(struct runtime *r, struct itx_error *err)
{
    const struct plan *const plan = r->plan;
    r->begin = arena_calloc(&r->arena, (size_t)plan->n_buffers, sizeof *r->begin);
    r->tensors = arena_calloc(&r->arena, (size_t)plan->n_tensors, sizeof *r->tensors);
    if (r->begin == NULL || r->tensors == NULL)
        return itx_fail(err, ITX_E_NOMEM, "out of memory for %d tensors", plan->n_tensors);
    uint64_t end = 0; /* 65536 buffers of at most 2^32 bytes */
    for (int i = 0; i < plan->n_buffers; i++) {
        r->begin[i] = r->options.keep_tensors ? end : plan->buffers[i].offset;
        end += plan->buffers[i].size;
    }
    r->data_size = (size_t)(r->options.keep_tensors ? end : plan->arena_size) + PLAN_TAIL;
    if (r->options.guest) return ITX_OK;
    ITX_TRY(check_memory(r, err));
    r->data = mem_alloc_aligned(PLAN_ALIGN, r->data_size);
    if (r->data == NULL)
        return itx_fail(err, ITX_E_NOMEM, "out of memory for %zu bytes of tensors", r->data_size);
    point_tensors(r, r->data);
    return ITX_OK;
}

static itx_status prepare_step(struct step *s, const struct step_context *c,
                               const struct plan_step *p, struct itx_error *err)
{
    switch (p->kind) {
    case STEP_CONV:
    case STEP_DWCONV:
    case STEP_DECONV:
        return step_prepare_conv(s, c, p, err);
    case STEP_ADD:
        return step_prepare_add(s, c, p, err);
    case STEP_LUT:
        return step_prepare_lut(s, c, p, err);
    case STEP_MAXPOOL:
        step_prepare_maxpool(s, c, p);
        return ITX_OK;
    case STEP_UPSAMPLE:
    case STEP_COPY:
        step_prepare_move(s, c, p);
        return ITX_OK;
    case STEP_ATTENTION:
        step_prepare_attention(s, c, p);
        return ITX_OK;
    case STEP_KIND_COUNT:
        break;
    }
    ITX_BUG();
}

/* Steps that are computed in another way than the plan has them: some tensor is never made then. Late steps run on cells
 * of the plan's tensors. */
static itx_status split_steps(struct runtime *r, const struct step_context *c,
                              struct itx_error *err)
{
    const uint8_t *const stage = r->stage;
    struct step_readers readers = {0};
    struct step_split split;
    if (r->options.keep_tensors || r->options.guest) return ITX_OK;
    itx_status rc = step_readers_find(&readers, r->plan, err);
    for (int i = 0; rc == ITX_OK && i < r->plan->n_steps; i++)
        if (stage[i] == PLAN_STAGE_CLASSES && step_find_split(r->plan, &readers, i, &split) &&
            stage[split.conv] == PLAN_STAGE_CLASSES && r->steps[split.conv].kernel == NULL &&
            has_room(r, step_split_size(r->plan, &split)))
            rc = step_prepare_split(&r->steps[i], &r->steps[split.conv], c, &split, err);
    step_readers_release(&readers);
    return rc;
}

static itx_status prepare_steps(struct runtime *r, struct itx_error *err)
{
    const struct plan *const plan = r->plan;
    const struct step_context context = {.plan = plan, .cpu = r->options.cpu, .arena = &r->arena};
    r->steps = arena_calloc(&r->arena, (size_t)plan->n_steps, sizeof *r->steps);
    r->step_ns = arena_calloc(&r->arena, (size_t)plan->n_steps, sizeof *r->step_ns);
    r->stage = arena_alloc(&r->arena, (size_t)plan->n_steps);
    if (r->steps == NULL || r->step_ns == NULL || r->stage == NULL)
        return itx_fail(err, ITX_E_NOMEM, "out of memory for %d steps", plan->n_steps);
    ITX_TRY(plan_stages(plan, r->stage, err));
    ITX_TRY(split_steps(r, &context, err));
    for (int i = 0; i < plan->n_steps; i++) {
        if (r->steps[i].kernel == NULL)
            ITX_TRY(prepare_step(&r->steps[i], &context, &plan->steps[i], err));
        point_step(r, i);
    }
    return ITX_OK;
}

/* One piece for all steps, so that it can lie in large pages: faults on small ones would take longer than the packing. */
static itx_status make_packed(struct runtime *r, struct itx_error *err)
{
    enum { READABLE = 64 }; /* past the last weight of a step */
    size_t size = 0;
    for (int i = 0; i < r->plan->n_steps; i++) {
        const size_t need = r->steps[i].packed_size;
        if (need > SIZE_MAX / 2 || !size_add(size, size_align(need + READABLE, STEP_ALIGN), &size))
            return itx_fail(err, ITX_E_NOMEM, "out of memory for the weights of '%s'",
                            r->plan->steps[i].name);
    }
    r->packed_size = size;
    ITX_TRY(check_memory(r, err));
    r->packed = mem_alloc_aligned(STEP_ALIGN, size);
    if (r->packed == NULL)
        return itx_fail(err, ITX_E_NOMEM, "out of memory for %zu bytes of weights", size);
    uint8_t *at = r->packed;
    for (int i = 0; i < r->plan->n_steps; i++) {
        r->steps[i].packed = at;
        at += size_align(r->steps[i].packed_size + READABLE, STEP_ALIGN);
    }
    return ITX_OK;
}

struct pack_job {
    const struct runtime *runtime;
    atomic_int next; /* step that nobody has taken */
};

/* Steps take very different times for the same size, so workers take one after another. */
static void pack_part(void *ctx, int worker, int n_workers)
{
    (void)worker;
    (void)n_workers;
    struct pack_job *const job = ctx;
    const struct plan *const plan = job->runtime->plan;
    for (int i; (i = atomic_fetch_add(&job->next, 1)) < plan->n_steps;) {
        struct step *const s = &job->runtime->steps[i];
        if (s->pack != NULL) s->pack(s, &plan->steps[i]);
    }
}

static itx_status make_scratch(struct runtime *r, struct itx_error *err)
{
    size_t piece = 0, shared = 0;
    for (int i = 0; i < r->plan->n_steps; i++) {
        const struct step *const s = &r->steps[i];
        size_t all;
        if (!size_mul(s->scratch_size, (size_t)r->options.n_threads, &all) ||
            !size_add(all, s->shared_size, &all))
            all = SIZE_MAX;
        ITX_TRY(limit_scratch(r->plan, i, all, &r->options.limits, err));
        if (s->scratch_size > piece) piece = s->scratch_size;
        if (s->shared_size > shared) shared = s->shared_size;
    }
    size_t pieces, all;
    if (piece > SIZE_MAX / 2 || shared > SIZE_MAX / 2 ||
        !size_mul(size_align(piece, STEP_ALIGN), (size_t)r->options.n_threads, &pieces) ||
        !size_add(pieces, size_align(shared, STEP_ALIGN), &all))
        return itx_fail(err, ITX_E_NOMEM, "out of memory for %zu bytes a thread", piece);
    r->piece_size = size_align(piece, STEP_ALIGN);
    r->scratch_size = all;
    ITX_TRY(check_memory(r, err));
    r->scratch = mem_alloc_aligned(STEP_ALIGN, all);
    if (r->scratch == NULL)
        return itx_fail(err, ITX_E_NOMEM, "out of memory for %zu bytes of scratch", all);
    for (int i = 0; i < r->plan->n_steps; i++) r->steps[i].shared = r->scratch + pieces;
    return ITX_OK;
}

static itx_status fill(struct runtime *r, struct itx_error *err)
{
    ITX_TRY(limit_work(r->plan, &r->options.limits, err));
    ITX_TRY(pool_create(&r->pool, r->options.n_threads, err));
    ITX_TRY(place_tensors(r, err));
    ITX_TRY(prepare_steps(r, err));
    ITX_TRY(make_packed(r, err));
    ITX_TRY(make_scratch(r, err));
    r->border = border_create(r->plan, r->options.cpu, &r->arena);
    if (r->border == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory for a session");
    if (r->options.demand && has_room(r, demand_size(r->plan, r->stage)))
        ITX_TRY(demand_create(&r->demand, r->plan, r->stage, r->steps, &r->arena, err));
    struct pack_job job = {.runtime = r};
    pool_run(r->pool, pack_part, &job);
    return ITX_OK;
}

itx_status runtime_create(struct runtime **runtime, const struct plan *plan,
                          const struct runtime_options *options, struct itx_error *err)
{
    struct runtime *r = mem_calloc(1, sizeof *r);
    if (r == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory for a session");
    r->plan = plan;
    r->options = *options;
    r->options.cpu &= cpu_detect();
    const itx_status status = fill(r, err);
    if (status != ITX_OK)
        runtime_destroy(&r);
    else
        *runtime = r;
    return status;
}

void runtime_destroy(struct runtime **runtime)
{
    struct runtime *const r = *runtime;
    if (r == NULL) return;
    pool_destroy(&r->pool);
    demand_release(&r->demand);
    mem_free_aligned(r->scratch);
    mem_free_aligned(r->packed);
    mem_free_aligned(r->data);
    arena_release(&r->arena);
    mem_free(r);
    *runtime = NULL;
}

/* ---- running ---- */

struct job {
    const struct runtime *runtime;
    const struct step *step;
};

static void run_part(void *ctx, int worker, int n_workers)
{
    const struct job *const job = ctx;
    const struct step *const s = job->step;
    int begin, end;
    pool_part(s->n_items, s->grain, worker, n_workers, &begin, &end);
    if (begin == end) return;
    s->run(s, begin, end, job->runtime->scratch + (size_t)worker * job->runtime->piece_size);
}

static void run_step(const struct runtime *r, const struct step *s)
{
    struct job job = {r, s};
    if (s->before != NULL) s->before(s);
    pool_run(r->pool, run_part, &job);
}

struct border_job {
    const struct runtime *runtime;
    int step;
    struct border_rows rows;
};

static void run_border_part(void *ctx, int worker, int n_workers)
{
    const struct border_job *const job = ctx;
    const struct runtime *const r = job->runtime;
    border_run(r->border, &r->steps[job->step], &r->plan->steps[job->step], &job->rows, worker,
               n_workers, r->scratch + (size_t)worker * r->piece_size);
}

/* All of a step; returns its multiply-adds. */
static uint64_t run_whole(const struct runtime *r, int i)
{
    struct border_job job = {.runtime = r, .step = i};
    border_plan(r->border, i, &job.rows);
    if (job.rows.n > 0)
        pool_run(r->pool, run_border_part, &job);
    else
        run_step(r, &r->steps[i]);
    return plan_step_multiply_adds(r->plan, &r->plan->steps[i]);
}

/* run(i) does step i and returns multiply-adds. */
static void run_steps(struct runtime *r, int begin, int end,
                      uint64_t (*run)(const struct runtime *r, int i))
{
    const float_mode mode = float_mode_enter();
    for (int i = begin; i < end; i++) {
        const uint64_t start = r->options.profile ? clock_ns() : 0;
        r->multiply_adds += run(r, i);
        if (r->options.profile) r->step_ns[i] = clock_ns() - start;
    }
    float_mode_leave(mode);
}

void runtime_run_step(struct runtime *r, int i)
{
    const float_mode mode = float_mode_enter();
    run_step(r, &r->steps[i]);
    float_mode_leave(mode);
}

static void begin_run(struct runtime *r)
{
    const bool has_one = r->plan->n_inputs == 1;
    border_begin(r->border, has_one ? r->tensors[r->plan->inputs[0].tensor] : NULL);
    r->multiply_adds = 0;
}

void runtime_run(struct runtime *r)
{
    begin_run(r);
    run_steps(r, 0, r->plan->n_steps, run_whole);
}

bool runtime_has_demand(const struct runtime *r)
{
    return r->demand != NULL;
}

struct wave_job {
    const struct runtime *runtime;
    const struct demand_step *steps;
    int n;
};

static void run_wave_part(void *ctx, int worker, int n_workers)
{
    const struct wave_job *const job = ctx;
    const struct runtime *const r = job->runtime;
    demand_run(job->steps, job->n, worker, n_workers, r->scratch + (size_t)worker * r->piece_size);
}

static void run_wave(const struct runtime *r, const struct demand_step *steps, int n)
{
    struct wave_job job = {r, steps, n};
    if (!demand_is_idle(steps, n)) pool_run(r->pool, run_wave_part, &job);
}

/* With a profile each step by itself, so that its time can be told. */
static void run_waves(struct runtime *r, int begin, int end)
{
    for (int i = begin, next; i < end; i = next) {
        next = r->options.profile ? i + 1 : demand_wave_end(r->demand, i, end);
        const uint64_t start = r->options.profile ? clock_ns() : 0;
        run_wave(r, demand_steps(r->demand, i), next - i);
        if (r->options.profile) r->step_ns[i] = clock_ns() - start;
    }
}

struct gate_job {
    struct demand_gate *gate;
    const void *in;
};

static void find_open_part(void *ctx, int worker, int n_workers)
{
    const struct gate_job *const job = ctx;
    struct region *const open = &job->gate->step.need;
    int begin, end;
    pool_part(open->h, 1, worker, n_workers, &begin, &end);
    gate_find_open(job->gate->gate, job->in, open, begin, end);
}

/* A step of the first stage: where its gate is open, or completely. */
static uint64_t run_gated(const struct runtime *r, int i)
{
    struct demand_gate *const g = demand_gate_of_step(r->demand, i);
    if (g == NULL) return run_whole(r, i);
    struct gate_job job = {g, r->steps[i].in[0]};
    struct region *const open = &g->step.need;
    region_clear(open);
    if (gate_aim(g->gate, job.in)) {
        open->is_empty = false;
        pool_run(r->pool, find_open_part, &job);
    } else {
        region_add(open, &(struct rect){0, 0, open->w, open->h});
    }
    const uint64_t macs = demand_plan_gate(r->demand, g);
    run_wave(r, &g->step, 1);
    return macs;
}

void runtime_run_stage(struct runtime *r, enum plan_stage stage)
{
    const int begin = r->demand->begin[stage], end = r->demand->begin[stage + 1];
    if (stage == PLAN_STAGE_CLASSES) {
        begin_run(r);
        demand_reset(r->demand);
        run_steps(r, begin, end, run_gated);
        return;
    }
    r->multiply_adds += demand_plan(r->demand, stage);
    run_waves(r, begin, end);
}

int32_t *runtime_bounds(struct runtime *r, uint32_t tensor)
{
    struct demand_gate *const g =
        r->demand != NULL ? demand_gate_of_tensor(r->demand, tensor) : NULL;
    return g != NULL ? gate_bounds(g->gate) : NULL;
}

const uint64_t *runtime_open_cells(const struct runtime *r, uint32_t tensor, int *words)
{
    const struct demand_gate *const g = demand_gate_of_tensor(r->demand, tensor);
    if (g == NULL) return NULL;
    *words = g->step.need.words;
    return g->step.need.bits;
}

void runtime_need(struct runtime *r, uint32_t tensor, const struct runtime_cells *c)
{
    demand_add(r->demand, tensor, &(struct rect){c->x, c->y, c->x + c->w, c->y + c->h});
}

uint64_t runtime_multiply_adds(const struct runtime *r)
{
    return r->multiply_adds;
}

/* ---- asking ---- */

void *runtime_tensor(const struct runtime *r, uint32_t i)
{
    return r->tensors[i];
}

void runtime_use_memory(struct runtime *r, void *data)
{
    point_tensors(r, data != NULL ? data : r->data);
    for (int i = 0; i < r->plan->n_steps; i++) point_step(r, i);
}

/* Nothing but one step touches the buffer of the tensor. */
static bool is_only_written(const struct plan *plan, uint32_t tensor)
{
    for (int i = 0; i < plan->n_tensors; i++)
        if ((uint32_t)i != tensor && plan->tensors[i].buffer == plan->tensors[tensor].buffer)
            return false;
    for (int i = 0; i < plan->n_steps; i++)
        for (int k = 0; k < plan->steps[i].n_in; k++)
            if (plan->steps[i].in[k] == tensor) return false;
    for (int i = 0; i < plan->n_inputs; i++)
        if (plan->inputs[i].tensor == tensor) return false;
    return true;
}

bool runtime_bind(struct runtime *r, uint32_t tensor, void *data)
{
    const struct plan_tensor *const t = &r->plan->tensors[tensor];
    if (!is_only_written(r->plan, tensor)) return false;
    r->tensors[tensor] = data != NULL ? data : r->data + r->begin[t->buffer] + t->offset;
    for (int i = 0; i < r->plan->n_steps; i++)
        if (r->plan->steps[i].out == tensor) point_step(r, i);
    return true;
}

uint64_t runtime_step_ns(const struct runtime *r, int i)
{
    return i >= 0 && i < r->plan->n_steps ? r->step_ns[i] : 0;
}

const char *runtime_step_kernel(const struct runtime *r, int i)
{
    return i >= 0 && i < r->plan->n_steps ? r->steps[i].kernel : NULL;
}

uint64_t runtime_step_products(const struct runtime *r, int i, enum peak_kind *operands)
{
    if (i < 0 || i >= r->plan->n_steps) return 0;
    *operands = r->steps[i].operands;
    return r->steps[i].n_products;
}

struct pool *runtime_pool(const struct runtime *r)
{
    return r->pool;
}

uint32_t runtime_cpu(const struct runtime *r)
{
    return r->options.cpu;
}

struct runtime_memory runtime_memory(const struct runtime *r)
{
    return (struct runtime_memory){.arena = r->data_size,
                                   .weights = r->arena.used + r->packed_size,
                                   .scratch = r->scratch_size};
}
