/* SPDX-License-Identifier: Apache-2.0
 *
 * The arena over time: every element is written once and before it is read, within the reach it is read with, and buffers
 * that are in use during the same step do not overlap.
 */
#include "plan/check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* A range of channels of one buffer and the step that writes it; -1: the caller, before the first step. */
struct writer {
    uint32_t buffer, tensor;
    int step;
    uint64_t begin, end; /* bytes within a pixel */
};

/* Steps [first, last] during which a buffer is alive; last < first: never. */
struct life {
    int first, last;
};

struct event {
    int step;
    uint32_t buffer;
};

struct memory {
    struct writer *writers; /* ordered by buffer, then by place */
    int n_writers;
    int *buffer_begin; /* [n_buffers + 1], into writers */
    struct life *lives;
    struct event *births, *deaths; /* one for each buffer, ordered by step, then by buffer */
    uint32_t *active;              /* buffers alive now, by place in the arena; disjoint */
    int n_active;
};

static int compare_writers(const void *a, const void *b)
{
    const struct writer *const x = a, *const y = b;
    if (x->buffer != y->buffer) return x->buffer < y->buffer ? -1 : 1;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return x->step < y->step ? -1 : x->step > y->step;
}

static void add_writer(struct memory *m, const struct plan *plan, uint32_t tensor, int step)
{
    const struct plan_tensor *const t = &plan->tensors[tensor];
    const uint64_t size = (uint64_t)t->c * (uint64_t)dtype_size(t->dtype);
    m->writers[m->n_writers++] =
        (struct writer){t->buffer, tensor, step, t->offset, t->offset + size};
}

static itx_status collect_writers(struct memory *m, const struct plan *plan, struct itx_error *err)
{
    for (int i = 0; i < plan->n_inputs; i++) add_writer(m, plan, plan->inputs[i].tensor, -1);
    for (int i = 0; i < plan->n_steps; i++) add_writer(m, plan, plan->steps[i].out, i);
    qsort(m->writers, (size_t)m->n_writers, sizeof *m->writers, compare_writers);
    for (int i = 1; i < m->n_writers; i++) {
        const struct writer *const a = &m->writers[i - 1], *const b = &m->writers[i];
        if (a->buffer == b->buffer && b->begin < a->end)
            return itx_fail(err, ITX_E_FORMAT,
                            "tensors '%s' and '%s' are written to the same place",
                            plan->tensors[a->tensor].name, plan->tensors[b->tensor].name);
    }
    int i = 0;
    for (int b = 0; b < plan->n_buffers; b++) {
        m->buffer_begin[b] = i;
        while (i < m->n_writers && m->writers[i].buffer == (uint32_t)b) i++;
        if (i - m->buffer_begin[b] > PLAN_MAX_WRITERS)
            return itx_fail(err, ITX_E_FORMAT,
                            "buffer %d is written in %d pieces, at most %d are possible", b,
                            i - m->buffer_begin[b], PLAN_MAX_WRITERS);
    }
    m->buffer_begin[plan->n_buffers] = i;
    return ITX_OK;
}

/* All bytes of the tensor's pixels have been written before `step` begins. The writers are ordered and disjoint. */
static itx_status check_read(struct memory *m, const struct plan *plan, uint32_t tensor, int step,
                             struct itx_error *err)
{
    const struct plan_tensor *const t = &plan->tensors[tensor];
    const uint64_t end = t->offset + (uint64_t)t->c * (uint64_t)dtype_size(t->dtype);
    uint64_t done = t->offset;
    for (int i = m->buffer_begin[t->buffer]; i < m->buffer_begin[t->buffer + 1]; i++) {
        const struct writer *const w = &m->writers[i];
        if (w->step >= step || w->end <= t->offset || end <= w->begin) continue;
        if (w->begin <= done && done < w->end) done = w->end;
        const struct plan_tensor *const source = &plan->tensors[w->tensor];
        if (source->reach > t->reach)
            return itx_fail(err, ITX_E_FORMAT,
                            "tensor '%s' has reach %d, '%s' that is written there has %d", t->name,
                            t->reach, source->name, source->reach);
    }
    if (done < end)
        return itx_fail(err, ITX_E_FORMAT, "tensor '%s' is read before it is written", t->name);
    if (m->lives[t->buffer].last < step) m->lives[t->buffer].last = step;
    return ITX_OK;
}

static itx_status find_lives(struct memory *m, const struct plan *plan, struct itx_error *err)
{
    for (int i = 0; i < plan->n_buffers; i++)
        m->lives[i] = (struct life){.first = plan->n_steps, .last = -1};
    for (int i = 0; i < m->n_writers; i++) {
        const struct writer *const w = &m->writers[i];
        struct life *const life = &m->lives[w->buffer];
        if (w->step < life->first) life->first = w->step;
        if (w->step > life->last) life->last = w->step;
    }
    for (int i = 0; i < plan->n_steps; i++) {
        const struct plan_step *const s = &plan->steps[i];
        for (int k = 0; k < s->n_in; k++) {
            const itx_status status = check_read(m, plan, s->in[k], i, err);
            if (status != ITX_OK) {
                itx_error_prefix(err, CHECK_STEP_PREFIX, i, step_kind_name(s->kind), s->name);
                return status;
            }
        }
    }
    for (int i = 0; i < plan->n_outputs; i++)
        ITX_TRY(check_read(m, plan, plan->outputs[i].tensor, plan->n_steps, err));
    return ITX_OK;
}

/* Index in `active` of the first buffer that begins at `offset` or after it. */
static int find_place(const struct memory *m, const struct plan *plan, uint64_t offset)
{
    int low = 0, high = m->n_active;
    while (low < high) {
        const int mid = low + (high - low) / 2;
        if (plan->buffers[m->active[mid]].offset < offset)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static itx_status activate(struct memory *m, const struct plan *plan, uint32_t buffer,
                           struct itx_error *err)
{
    const struct plan_buffer *const b = &plan->buffers[buffer];
    const int at = find_place(m, plan, b->offset);
    for (int i = at - 1; i <= at; i++) {
        if (i < 0 || i >= m->n_active) continue;
        const struct plan_buffer *const other = &plan->buffers[m->active[i]];
        if (b->offset < other->offset + other->size && other->offset < b->offset + b->size)
            return itx_fail(err, ITX_E_FORMAT,
                            "buffers %" PRIu32 " and %" PRIu32
                            " overlap while both are in use (step %d)",
                            m->active[i], buffer, m->lives[buffer].first);
    }
    memmove(&m->active[at + 1], &m->active[at], (size_t)(m->n_active - at) * sizeof *m->active);
    m->active[at] = buffer;
    m->n_active++;
    return ITX_OK;
}

static void retire(struct memory *m, const struct plan *plan, uint32_t buffer)
{
    const int at = find_place(m, plan, plan->buffers[buffer].offset);
    m->n_active--;
    memmove(&m->active[at], &m->active[at + 1], (size_t)(m->n_active - at) * sizeof *m->active);
}

static int compare_events(const void *a, const void *b)
{
    const struct event *const x = a, *const y = b;
    if (x->step != y->step) return x->step < y->step ? -1 : 1;
    return x->buffer < y->buffer ? -1 : x->buffer > y->buffer;
}

/* Goes through the births in order; before each, buffers that died in an earlier step make room. */
static itx_status check_overlap(struct memory *m, const struct plan *plan, struct itx_error *err)
{
    int n = 0, n_dead = 0;
    for (int i = 0; i < plan->n_buffers; i++) {
        if (m->lives[i].last < m->lives[i].first) continue;
        m->births[n] = (struct event){m->lives[i].first, (uint32_t)i};
        m->deaths[n++] = (struct event){m->lives[i].last, (uint32_t)i};
    }
    qsort(m->births, (size_t)n, sizeof *m->births, compare_events);
    qsort(m->deaths, (size_t)n, sizeof *m->deaths, compare_events);
    for (int i = 0; i < n; i++) {
        for (; m->deaths[n_dead].step < m->births[i].step; n_dead++)
            retire(m, plan, m->deaths[n_dead].buffer);
        ITX_TRY(activate(m, plan, m->births[i].buffer, err));
    }
    return ITX_OK;
}

static itx_status check_order(struct memory *m, const struct plan *plan, struct itx_error *err)
{
    ITX_TRY(collect_writers(m, plan, err));
    ITX_TRY(find_lives(m, plan, err));
    return check_overlap(m, plan, err);
}

itx_status check_memory(const struct plan *plan, struct itx_error *err)
{
    const size_t n = (size_t)plan->n_buffers;
    struct memory m = {
        .writers = mem_calloc((size_t)plan->n_inputs + (size_t)plan->n_steps, sizeof *m.writers),
        .buffer_begin = mem_calloc(n + 1, sizeof *m.buffer_begin),
        .lives = mem_calloc(n, sizeof *m.lives),
        .births = mem_calloc(n, sizeof *m.births),
        .deaths = mem_calloc(n, sizeof *m.deaths),
        .active = mem_calloc(n, sizeof *m.active),
    };
    const bool has_memory = m.writers != NULL && m.buffer_begin != NULL && m.lives != NULL &&
                            m.births != NULL && m.deaths != NULL && m.active != NULL;
    const itx_status status =
        has_memory ? check_order(&m, plan, err)
                   : itx_fail(err, ITX_E_NOMEM, "out of memory for %d buffers", plan->n_buffers);
    mem_free(m.writers);
    mem_free(m.buffer_begin);
    mem_free(m.lives);
    mem_free(m.births);
    mem_free(m.deaths);
    mem_free(m.active);
    return status;
}
