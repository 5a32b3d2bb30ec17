/* SPDX-License-Identifier: Apache-2.0
 *
 * One arena for all buffers: the largest first, each into the lowest gap that is free while it is alive (the
 * greedy-by-size method of Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020).
 */
#include <limits.h>
#include <stdlib.h>

#include "base/mem.h"
#include "lower/internal.h"

struct life {
    uint32_t buffer;
    int first, last; /* steps; -1: before the first */
    uint64_t size;
};

static void touch(struct life *lives, const struct plan *plan, uint32_t tensor, int step)
{
    struct life *life = &lives[plan->tensors[tensor].buffer];
    if (step < life->first) life->first = step;
    if (step > life->last) life->last = step;
}

static void find_lives(struct life *lives, const struct plan *plan)
{
    for (int i = 0; i < plan->n_buffers; i++)
        lives[i] = (struct life){(uint32_t)i, INT_MAX, INT_MIN, plan->buffers[i].size};
    for (int i = 0; i < plan->n_inputs; i++) touch(lives, plan, plan->inputs[i].tensor, -1);
    for (int i = 0; i < plan->n_steps; i++) {
        const struct plan_step *s = &plan->steps[i];
        for (int k = 0; k < s->n_in; k++) touch(lives, plan, s->in[k], i);
        touch(lives, plan, s->out, i);
    }
    for (int i = 0; i < plan->n_outputs; i++)
        touch(lives, plan, plan->outputs[i].tensor, plan->n_steps);
}

static int by_size(const void *a, const void *b)
{
    const struct life *x = a, *y = b;
    if (x->size != y->size) return x->size > y->size ? -1 : 1;
    return x->buffer < y->buffer ? -1 : 1;
}

/* The lowest offset where `size` bytes overlap none of the buffers placed so far that are alive at the same time. */
static uint64_t lowest_gap(const struct plan *plan, const struct life *lives, int n_placed)
{
    const struct life *mine = &lives[n_placed];
    uint64_t offset = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (int i = 0; i < n_placed; i++) {
            if (lives[i].last < mine->first || lives[i].first > mine->last) continue;
            const struct plan_buffer *other = &plan->buffers[lives[i].buffer];
            if (offset + mine->size <= other->offset || other->offset + other->size <= offset)
                continue;
            offset = other->offset + other->size;
            moved = true;
        }
    }
    return offset;
}

itx_status memory_plan(struct plan *plan, struct itx_error *err)
{
    struct life *lives = mem_calloc((size_t)plan->n_buffers, sizeof *lives);
    if (lives == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    find_lives(lives, plan);
    qsort(lives, (size_t)plan->n_buffers, sizeof *lives, by_size);
    plan->arena_size = 0;
    for (int i = 0; i < plan->n_buffers; i++) {
        const uint64_t offset = lowest_gap(plan, lives, i), end = offset + lives[i].size;
        plan->buffers[lives[i].buffer].offset = offset;
        if (end > plan->arena_size) plan->arena_size = end;
    }
    mem_free(lives);
    if (plan->arena_size > PLAN_MAX_ARENA)
        return itx_fail(
            err, ITX_E_RANGE, "the network needs %llu MB for its tensors, %llu are possible",
            (unsigned long long)plan->arena_size >> 20, (unsigned long long)PLAN_MAX_ARENA >> 20);
    return ITX_OK;
}
