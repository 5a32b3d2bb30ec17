/* SPDX-License-Identifier: Apache-2.0
 *
 * The order of the steps. Those that only serve boxes, and those that only serve masks, come last, so that a runtime can
 * leave them out or run them in part (plan_stages); memory is planned for that order.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "lower/internal.h"

/* Where a step goes: by stage, in the later stages by its distance from earlier ones (which puts steps of the head's
 * levels that do not wait for each other side by side), else as it was. */
struct rank {
    uint8_t stage;
    int depth, index;
};

static int by_rank(const void *a, const void *b)
{
    const struct rank *x = a, *y = b;
    if (x->stage != y->stage) return x->stage < y->stage ? -1 : 1;
    if (x->depth != y->depth) return x->depth < y->depth ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

/* depth[b]: of buffer b's writers in the stage `in`, the largest; -1: there are none. */
static void rank_steps(struct rank *rank, const struct plan *plan, const uint8_t *stage, int *depth)
{
    for (int st = 0; st < PLAN_STAGE_COUNT; st++) {
        for (int b = 0; b < plan->n_buffers; b++) depth[b] = -1;
        for (int i = 0; i < plan->n_steps; i++) {
            const struct plan_step *const s = &plan->steps[i];
            if (stage[i] != st) continue;
            rank[i] = (struct rank){.stage = stage[i], .index = i};
            if (st == PLAN_STAGE_CLASSES) continue;
            for (int k = 0; k < s->n_in; k++) {
                const int before = depth[plan->tensors[s->in[k]].buffer];
                if (rank[i].depth <= before) rank[i].depth = before + 1;
            }
            int *const out = &depth[plan->tensors[s->out].buffer];
            if (*out < rank[i].depth) *out = rank[i].depth;
        }
    }
}

itx_status order_steps(struct lowering *l, struct plan *plan, struct itx_error *err)
{
    const size_t n = (size_t)plan->n_steps;
    uint8_t *const stage = mem_alloc(n);
    struct rank *const rank = mem_calloc(n, sizeof *rank);
    int *const depth = mem_calloc((size_t)plan->n_buffers, sizeof *depth);
    struct plan_step *const ordered = arena_calloc(l->arena, n, sizeof *ordered);
    itx_status rc = stage != NULL && rank != NULL && depth != NULL && ordered != NULL
                        ? plan_stages(plan, stage, err)
                        : itx_fail(err, ITX_E_NOMEM, "out of memory");
    if (rc == ITX_OK) {
        rank_steps(rank, plan, stage, depth);
        qsort(rank, n, sizeof *rank, by_rank);
        for (size_t i = 0; i < n; i++) ordered[i] = plan->steps[rank[i].index];
        plan->steps = ordered;
    }
    mem_free(depth);
    mem_free(rank);
    mem_free(stage);
    return rc;
}
