/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/writers.h"

#include <stdlib.h>

#include "base/mem.h"

static int compare(const void *a, const void *b)
{
    const struct plan_writer *const x = a, *const y = b;
    if (x->buffer != y->buffer) return x->buffer < y->buffer ? -1 : 1;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return x->step < y->step ? -1 : x->step > y->step;
}

static uint64_t end_of(const struct plan_tensor *t)
{
    return t->offset + (uint64_t)t->c * (uint64_t)dtype_size(t->dtype);
}

static void add(struct plan_writers *w, const struct plan *plan, uint32_t tensor, int step)
{
    const struct plan_tensor *const t = &plan->tensors[tensor];
    w->items[w->n_items++] = (struct plan_writer){t->buffer, tensor, step, t->offset, end_of(t)};
}

itx_status plan_writers_find(struct plan_writers *w, const struct plan *plan, int from,
                             struct itx_error *err)
{
    *w = (struct plan_writers){
        .items = mem_calloc((size_t)plan->n_inputs + (size_t)plan->n_steps, sizeof *w->items),
        .first = mem_calloc((size_t)plan->n_buffers + 1, sizeof *w->first),
    };
    if (w->items == NULL || w->first == NULL) {
        plan_writers_release(w);
        return itx_fail(err, ITX_E_NOMEM, "out of memory for %d steps", plan->n_steps);
    }
    for (int i = 0; from < 0 && i < plan->n_inputs; i++) add(w, plan, plan->inputs[i].tensor, -1);
    for (int i = from < 0 ? 0 : from; i < plan->n_steps; i++) add(w, plan, plan->steps[i].out, i);
    qsort(w->items, (size_t)w->n_items, sizeof *w->items, compare);
    for (int b = 0, i = 0; b <= plan->n_buffers; b++) {
        w->first[b] = i;
        while (i < w->n_items && w->items[i].buffer == (uint32_t)b) i++;
    }
    return ITX_OK;
}

void plan_writers_release(struct plan_writers *w)
{
    mem_free(w->items);
    mem_free(w->first);
    *w = (struct plan_writers){0};
}

/* The first item of [low, high) that begins at `place` or behind it. */
static int find(const struct plan_writers *w, int low, int high, uint64_t place)
{
    while (low < high) {
        const int mid = low + (high - low) / 2;
        if (w->items[mid].begin < place)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

void plan_writers_of(const struct plan_writers *w, const struct plan_tensor *tensor, int *begin,
                     int *end)
{
    const int first = w->first[tensor->buffer], last = w->first[tensor->buffer + 1];
    *end = find(w, first, last, end_of(tensor));
    *begin = find(w, first, *end, tensor->offset);
    if (*begin > first && w->items[*begin - 1].end > tensor->offset) (*begin)--;
}
