/* SPDX-License-Identifier: Apache-2.0 */
#include "coco/entries.h"

#include "base/mem.h"

struct worker {
    struct mask_reader reader;
    itx_status rc;
    struct itx_error err;
};

struct job {
    const struct str *items;
    size_t n;
    entry_fn *fn;
    void *ctx;
    struct worker *workers;
};

static void read_part(void *ctx, int worker, int n_workers)
{
    const struct job *j = ctx;
    struct worker *w = &j->workers[worker];
    int begin, end;
    pool_part((int)j->n, 1, worker, n_workers, &begin, &end);
    for (int i = begin; i < end && w->rc == ITX_OK; i++) {
        w->rc = j->fn(j->ctx, &w->reader, (size_t)i, j->items[i], &w->err);
        if (w->rc != ITX_OK) itx_error_prefix(&w->err, "entry %d", i);
    }
}

itx_status entries_read(struct mask_store *store, const struct str *items, size_t n, entry_fn *fn,
                        void *ctx, struct pool *pool, struct itx_error *err)
{
    const int n_workers = pool != NULL ? pool_n_threads(pool) : 1;
    struct job j = {items, n, fn, ctx, mem_calloc((size_t)n_workers, sizeof *j.workers)};
    itx_status rc = ITX_OK;
    store->arenas = mem_calloc((size_t)n_workers, sizeof *store->arenas);
    if (j.workers == NULL || store->arenas == NULL) {
        mem_free(j.workers);
        return itx_fail(err, ITX_E_NOMEM, "out of memory");
    }
    store->n = n_workers;
    pool_run(pool, read_part, &j);
    for (int i = n_workers; i-- > 0;) {
        const struct worker *w = &j.workers[i];
        if (w->rc != ITX_OK) rc = itx_fail(err, w->rc, "%s", w->err.text);
        store->arenas[i] = w->reader.arena;
        mask_reader_release(&j.workers[i].reader);
    }
    mem_free(j.workers);
    return rc;
}

void mask_store_release(struct mask_store *store)
{
    for (int i = 0; i < store->n; i++) arena_release(&store->arenas[i]);
    mem_free(store->arenas);
    *store = (struct mask_store){0};
}
