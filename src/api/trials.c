/* SPDX-License-Identifier: Apache-2.0 */
#include "api/trials.h"

#include <string.h>

#include "api/calibrate.h"
#include "base/mem.h"

struct lane {
    struct itx_error err;
    itx_status rc;
};

struct round {
    const struct trials *trials;
    const struct variant *variants;
    struct verdict *verdicts;
    int n, first; /* lane i has variant first + i */
    struct lane *lanes;
};

itx_status trial_compile(struct plan *plan, struct arena *arena, const struct trials *t,
                         const struct variant *v, struct itx_error *err)
{
    const struct quant_options quant = {.thresholds = v->thresholds, .wide = v->wide};
    const size_t size = t->network->graph->values.len * sizeof *t->network->graph->values.data;
    struct graph g = *t->network->graph; /* with quantisations of its own: values and arena */
    g.arena = (struct arena){0};
    g.values.data = mem_alloc(size);
    if (g.values.data == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    memcpy(g.values.data, t->network->graph->values.data, size);
    itx_status rc = quant_assign(&g, t->stats, &quant, err);
    if (rc == ITX_OK) rc = lower_graph(plan, arena, &g, &t->network->head, t->lower, err);
    if (rc == ITX_OK) rc = plan_check(plan, err);
    arena_release(&g.arena);
    mem_free(g.values.data);
    return rc;
}

static itx_status run_variant(const struct trials *t, const struct variant *v,
                              struct verdict *verdict, struct itx_error *err)
{
    struct plan plan;
    struct arena arena = {0};
    itx_status rc = trial_compile(&plan, &arena, t, v, err);
    if (rc == ITX_OK) rc = judge_plan(t->judge, &plan, t->n_photos, 1, verdict, err);
    arena_release(&arena);
    return rc;
}

static void run_lane(void *ctx, int worker, int n_workers)
{
    const struct round *const r = ctx;
    struct lane *const lane = &r->lanes[worker];
    const int i = r->first + worker;
    (void)n_workers;
    lane->rc =
        i < r->n ? run_variant(r->trials, &r->variants[i], &r->verdicts[i], &lane->err) : ITX_OK;
}

itx_status trials_run(const struct trials *t, const struct variant *variants, int n,
                      struct verdict *verdicts, const char *stage, struct itx_error *err)
{
    if (n == 0) return ITX_OK;
    const int n_lanes = t->n_threads < n ? t->n_threads : n;
    struct pool *pool = NULL;
    struct lane *lanes = mem_calloc((size_t)n_lanes, sizeof *lanes);
    itx_status rc = lanes != NULL ? pool_create(&pool, n_lanes, err)
                                  : itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (int at = 0; rc == ITX_OK && at < n; at += n_lanes) {
        struct round round = {t, variants, verdicts, n, at, lanes};
        rc = build_progress(t->options, stage, at, n, err);
        if (rc == ITX_OK) pool_run(pool, run_lane, &round);
        for (int i = 0; rc == ITX_OK && i < n_lanes; i++) {
            rc = lanes[i].rc;
            if (rc != ITX_OK && err != NULL) *err = lanes[i].err;
        }
    }
    mem_free(lanes);
    pool_destroy(&pool);
    return rc;
}
