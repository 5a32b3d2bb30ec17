/* SPDX-License-Identifier: Apache-2.0
 *
 * The arena over time: every element is written once and before it is read, within the reach it is read with, and buffers
 * that are in use during the same step do not overlap.
 */
#include "plan/check.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "plan/writers.h"

/* Steps [first, last] during which a buffer is alive; last < first: never. */
struct life {
    int first, last;
};

struct event {
    int step;
    uint32_t buffer;
};

/* A set of numbers below PLAN_MAX_TENSORS: a bit for each, and one for each word that has some. */
enum { WORDS = PLAN_MAX_TENSORS / 64 };
struct set {
    uint64_t bits[WORDS], words[WORDS / 64];
};

struct memory {
    struct plan_writers writers;
    struct life *lives;
    struct event *births, *deaths; /* one for each buffer, ordered by step, then by buffer */
    uint32_t *order;               /* buffers by place in the arena */
    int *rank;                     /* of a buffer in that order */
    struct set active;             /* ranks of those that are alive now; disjoint */
};

static void set_add(struct set *s, int i)
{
    s->bits[i / 64] |= UINT64_C(1) << (i % 64);
    s->words[i / 4096] |= UINT64_C(1) << (i / 64 % 64);
}

static void set_remove(struct set *s, int i)
{
    s->bits[i / 64] &= ~(UINT64_C(1) << (i % 64));
    if (s->bits[i / 64] == 0) s->words[i / 4096] &= ~(UINT64_C(1) << (i / 64 % 64));
}

static int lowest(uint64_t word)
{
    return __builtin_ctzll(word);
}

static int highest(uint64_t word)
{
    return 63 - __builtin_clzll(word);
}

static uint64_t below(uint64_t word, int i)
{
    return word & ((UINT64_C(1) << i) - 1);
}

static uint64_t above(uint64_t word, int i)
{
    return word & UINT64_MAX << i << 1;
}

/* The nearest number of the set below i, or -1. */
static int set_before(const struct set *s, int i)
{
    const uint64_t word = below(s->bits[i / 64], i % 64);
    if (word != 0) return i / 64 * 64 + highest(word);
    int k = i / 4096;
    uint64_t words = below(s->words[k], i / 64 % 64);
    while (words == 0 && k > 0) words = s->words[--k];
    if (words == 0) return -1;
    const int at = k * 64 + highest(words);
    return at * 64 + highest(s->bits[at]);
}

/* The nearest one above i, or -1. */
static int set_after(const struct set *s, int i)
{
    const uint64_t word = above(s->bits[i / 64], i % 64);
    if (word != 0) return i / 64 * 64 + lowest(word);
    int k = i / 4096;
    uint64_t words = above(s->words[k], i / 64 % 64);
    while (words == 0 && k + 1 < WORDS / 64) words = s->words[++k];
    if (words == 0) return -1;
    const int at = k * 64 + lowest(words);
    return at * 64 + lowest(s->bits[at]);
}

static itx_status check_writers(const struct memory *m, const struct plan *plan,
                                struct itx_error *err)
{
    const struct plan_writer *const items = m->writers.items;
    for (int i = 1; i < m->writers.n_items; i++) {
        const struct plan_writer *const a = &items[i - 1], *const b = &items[i];
        if (a->buffer == b->buffer && b->begin < a->end)
            return itx_fail(err, ITX_E_FORMAT,
                            "tensors '%s' and '%s' are written to the same place",
                            plan->tensors[a->tensor].name, plan->tensors[b->tensor].name);
    }
    for (int b = 0; b < plan->n_buffers; b++) {
        const int n = m->writers.first[b + 1] - m->writers.first[b];
        if (n > PLAN_MAX_WRITERS)
            return itx_fail(err, ITX_E_FORMAT,
                            "buffer %d is written in %d pieces, at most %d are possible", b, n,
                            PLAN_MAX_WRITERS);
    }
    return ITX_OK;
}

/* All bytes of the tensor's pixels have been written before `step` begins. The writers are ordered and disjoint. */
static itx_status check_read(struct memory *m, const struct plan *plan, uint32_t tensor, int step,
                             struct itx_error *err)
{
    const struct plan_tensor *const t = &plan->tensors[tensor];
    const uint64_t end = t->offset + (uint64_t)t->c * (uint64_t)dtype_size(t->dtype);
    uint64_t done = t->offset;
    int i, last;
    plan_writers_of(&m->writers, t, &i, &last);
    for (; i < last; i++) {
        const struct plan_writer *const w = &m->writers.items[i];
        if (w->step >= step) continue;
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
    for (int i = 0; i < m->writers.n_items; i++) {
        const struct plan_writer *const w = &m->writers.items[i];
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

static itx_status activate(struct memory *m, const struct plan *plan, uint32_t buffer,
                           struct itx_error *err)
{
    const struct plan_buffer *const b = &plan->buffers[buffer];
    const int rank = m->rank[buffer];
    const int sides[2] = {set_before(&m->active, rank), set_after(&m->active, rank)};
    for (int i = 0; i < 2; i++) {
        if (sides[i] < 0) continue;
        const struct plan_buffer *const other = &plan->buffers[m->order[sides[i]]];
        if (b->offset < other->offset + other->size && other->offset < b->offset + b->size)
            return itx_fail(err, ITX_E_FORMAT,
                            "buffers %" PRIu32 " and %" PRIu32
                            " overlap while both are in use (step %d)",
                            m->order[sides[i]], buffer, m->lives[buffer].first);
    }
    set_add(&m->active, rank);
    return ITX_OK;
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
            set_remove(&m->active, m->rank[m->deaths[n_dead].buffer]);
        ITX_TRY(activate(m, plan, m->births[i].buffer, err));
    }
    return ITX_OK;
}

struct place {
    uint64_t offset;
    uint32_t buffer;
};

static int compare_places(const void *a, const void *b)
{
    const struct place *const x = a, *const y = b;
    if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
    return x->buffer < y->buffer ? -1 : x->buffer > y->buffer;
}

static itx_status order_buffers(struct memory *m, const struct plan *plan, struct itx_error *err)
{
    const size_t n = (size_t)plan->n_buffers;
    struct place *const places = mem_calloc(n, sizeof *places);
    if (places == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory for %zu buffers", n);
    for (size_t i = 0; i < n; i++) places[i] = (struct place){plan->buffers[i].offset, (uint32_t)i};
    qsort(places, n, sizeof *places, compare_places);
    for (size_t i = 0; i < n; i++) {
        m->order[i] = places[i].buffer;
        m->rank[places[i].buffer] = (int)i;
    }
    mem_free(places);
    return ITX_OK;
}

static itx_status check_order(struct memory *m, const struct plan *plan, struct itx_error *err)
{
    ITX_TRY(plan_writers_find(&m->writers, plan, -1, err));
    ITX_TRY(check_writers(m, plan, err));
    ITX_TRY(find_lives(m, plan, err));
    ITX_TRY(order_buffers(m, plan, err));
    return check_overlap(m, plan, err);
}

itx_status check_memory(const struct plan *plan, struct itx_error *err)
{
    const size_t n = (size_t)plan->n_buffers;
    struct memory m = {
        .lives = mem_calloc(n, sizeof *m.lives),
        .births = mem_calloc(n, sizeof *m.births),
        .deaths = mem_calloc(n, sizeof *m.deaths),
        .order = mem_calloc(n, sizeof *m.order),
        .rank = mem_calloc(n, sizeof *m.rank),
    };
    const bool has_memory = m.lives != NULL && m.births != NULL && m.deaths != NULL &&
                            m.order != NULL && m.rank != NULL;
    const itx_status status =
        has_memory ? check_order(&m, plan, err)
                   : itx_fail(err, ITX_E_NOMEM, "out of memory for %d buffers", plan->n_buffers);
    plan_writers_release(&m.writers);
    mem_free(m.lives);
    mem_free(m.births);
    mem_free(m.deaths);
    mem_free(m.order);
    mem_free(m.rank);
    return status;
}
