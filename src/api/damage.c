/* SPDX-License-Identifier: Apache-2.0 */
#include "api/damage.h"

#include <math.h>
#include <string.h>

#include "api/calibrate.h"
#include "base/mem.h"

struct lane {
    const struct quant_groups *groups;
    const struct damage *damage;
    struct graph graph; /* the network's, with quantisations of its own: values and arena */
    struct float_run run;
    struct itx_error err;
    itx_status rc;
};

struct round {
    const struct damage_setup *setup;
    struct damage *list;
    int n, first; /* lane i has damage first + i */
    struct lane *lanes;
};

/* x rounded to n values that lie `step` apart, all with one scale. */
static void round_run(float *x, int64_t n, ptrdiff_t step, float scale, int32_t zero)
{
    const float low = (float)(-128 - zero), high = (float)(127 - zero), inverse = 1 / scale;
    for (int64_t i = 0; i < n; i++, x += step) {
        float q = rintf(*x * inverse);
        q = q < low ? low : q > high ? high : q;
        *x = q * scale;
    }
}

static void round_value(void *ctx, value_id v, const struct shape *shape, bool channels_last,
                        float *data)
{
    const struct lane *const lane = ctx;
    const struct quant_range *const r = &lane->damage->thresholds[v];
    if (lane->groups->of[v] != lane->damage->group || !(r->high > r->low)) return;
    const struct value_quant *const q = &graph_value(&lane->graph, v)->quant;
    const int64_t c = shape->dim[1], plane = shape_elements(shape) / c;
    if (q->n == 1) {
        round_run(data, c * plane, 1, q->scale[0], q->zero_point[0]);
        return;
    }
    for (int64_t k = 0; k < c; k++) {
        float *const first = data + (channels_last ? k : k * plane);
        round_run(first, plane, channels_last ? (ptrdiff_t)c : 1, q->scale[k], q->zero_point[k]);
    }
}

static itx_status open_lane(struct lane *lane, const struct damage_setup *t,
                            const struct quant_groups *groups, struct itx_error *err)
{
    const struct graph *const g = t->network->graph;
    const size_t size = g->values.len * sizeof *g->values.data;
    lane->groups = groups;
    lane->graph = *g;
    lane->graph.arena = (struct arena){0};
    lane->graph.values.data = mem_alloc(size);
    if (lane->graph.values.data == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    memcpy(lane->graph.values.data, g->values.data, size);
    ITX_TRY(float_run_create(&lane->run, t->network, 1, err));
    float_exec_alter(lane->run.exec, round_value, lane);
    return ITX_OK;
}

static void close_lane(struct lane *lane)
{
    float_run_release(&lane->run);
    mem_free(lane->graph.values.data);
}

static void run_lane(void *ctx, int worker, int n_workers)
{
    const struct round *const r = ctx;
    struct lane *const lane = &r->lanes[worker];
    (void)n_workers;
    lane->rc = ITX_OK;
    if (r->first + worker >= r->n) return;
    struct damage *const d = &r->list[r->first + worker];
    const struct quant_options quant = {.thresholds = d->thresholds};
    struct verdict verdict;
    lane->damage = d;
    lane->rc = quant_assign(&lane->graph, r->setup->stats, &quant, &lane->err);
    if (lane->rc == ITX_OK)
        lane->rc =
            judge_float(r->setup->judge, &lane->run, r->setup->n_photos, &verdict, &lane->err);
    if (lane->rc == ITX_OK) d->error = verdict.error;
    arena_release(&lane->graph.arena);
}

itx_status damage_measure(struct damage *list, int n, const struct damage_setup *t,
                          const struct quant_groups *groups, const char *stage,
                          struct itx_error *err)
{
    if (n == 0) return ITX_OK;
    const int n_lanes = t->n_threads < n ? t->n_threads : n;
    struct pool *pool = NULL;
    struct lane *lanes = mem_calloc((size_t)n_lanes, sizeof *lanes);
    itx_status rc = lanes != NULL ? pool_create(&pool, n_lanes, err)
                                  : itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (int i = 0; rc == ITX_OK && i < n_lanes; i++) rc = open_lane(&lanes[i], t, groups, err);
    for (int at = 0; rc == ITX_OK && at < n; at += n_lanes) {
        struct round round = {t, list, n, at, lanes};
        rc = build_progress(t->options, stage, at, n, err);
        if (rc == ITX_OK) pool_run(pool, run_lane, &round);
        for (int i = 0; rc == ITX_OK && i < n_lanes; i++) {
            rc = lanes[i].rc;
            if (rc != ITX_OK && err != NULL) *err = lanes[i].err;
        }
    }
    for (int i = 0; lanes != NULL && i < n_lanes; i++) close_lane(&lanes[i]);
    mem_free(lanes);
    pool_destroy(&pool);
    return rc;
}
