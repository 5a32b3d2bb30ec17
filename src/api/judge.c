/* SPDX-License-Identifier: Apache-2.0
 *
 * Photos through the float network, and what is kept of that.
 */
#include "api/judge_internal.h"

#include <string.h>

#include "api/calibrate.h"
#include "base/cpu.h"
#include "base/float_mode.h"
#include "base/mem.h"

/* ---- the float network ---- */

struct lane {
    struct float_run run;
    struct judge_bench bench;
    struct yolo_head head;
    struct itx_error err;
    itx_status rc;
};

struct round {
    struct judge *judge;
    const struct itx_build_options *options;
    const int *order; /* which pictures */
    int n, first;     /* of `order`; lane i has picture first + i */
    struct lane *lanes;
};

static itx_status keep_outputs(struct judge_photo *p, const struct judge *judge,
                               const struct float_exec *exec, struct itx_error *err)
{
    const size_t n = judge->network->graph->outputs.len;
    p->outputs = arena_calloc(&p->arena, n, sizeof *p->outputs);
    if (p->outputs == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        const struct tensor *t = float_exec_output(exec, (int)i);
        p->outputs[i] =
            arena_dup(&p->arena, t->data, (size_t)shape_elements(&t->shape) * sizeof(float));
        if (p->outputs[i] == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    }
    return ITX_OK;
}

static itx_status keep_photo(struct judge_photo *p, struct lane *lane, const struct judge *judge,
                             struct itx_error *err)
{
    const struct frame *f = &lane->run.frame;
    p->fit = f->letterbox;
    p->is_used = true;
    ITX_TRY(kept_input_take(&p->input, &lane->run, &p->arena, err));
    ITX_TRY(float_run_input(&lane->run, NULL, NULL, err));
    if (judge->network->head.task == HEAD_RAW) return keep_outputs(p, judge, lane->run.exec, err);
    network_head_data(&lane->head, judge->network, lane->run.exec);
    const float_mode mode = float_mode_enter();
    const itx_status rc = judge_keep(p, &lane->bench, &lane->head, judge->n_anchors, err);
    float_mode_leave(mode);
    return rc;
}

static void run_lane(void *ctx, int worker, int n_workers)
{
    const struct round *const r = ctx;
    struct lane *const lane = &r->lanes[worker];
    (void)n_workers;
    lane->rc = ITX_OK;
    if (r->first + worker >= r->n) return;
    struct sample sample;
    lane->rc =
        sample_load(&sample, &lane->run, r->options, r->order[r->first + worker], &lane->err);
    if (lane->rc == ITX_OK)
        lane->rc = keep_photo(&r->judge->photos[r->first + worker], lane, r->judge, &lane->err);
    else if (sample.is_unreadable)
        lane->rc = ITX_OK; /* warned about by calibration */
    sample_release(&sample);
}

static itx_status open_lane(struct lane *lane, struct judge *judge, struct itx_error *err)
{
    ITX_TRY(float_run_create(&lane->run, judge->network, 1, err));
    if (judge->network->head.task == HEAD_RAW) return ITX_OK;
    lane->head = judge->head;
    return judge_bench_create(&lane->bench, &judge->head, err);
}

void judge_count_objects(struct judge *judge)
{
    for (int i = 0; i < judge->n_photos; i++)
        for (int k = 0; k < judge->photos[i].n_objects; k++)
            judge->n_objects_of[judge->photos[i].objects[k].found.class_id]++;
}

/* Those that could not be read leave no gap. */
static void close_gaps(struct judge *judge)
{
    int n = 0;
    for (int i = 0; i < judge->n_photos; i++)
        if (judge->photos[i].is_used) judge->photos[n++] = judge->photos[i];
    for (int i = n; i < judge->n_photos; i++) judge->photos[i] = (struct judge_photo){0};
    judge->n_photos = n;
}

static itx_status run_photos(struct judge *judge, const struct itx_build_options *o,
                             const int *order, int n_threads, const char *stage,
                             struct itx_error *err)
{
    const int n = judge->n_photos, n_lanes = n_threads < n ? n_threads : n;
    struct pool *pool = NULL;
    struct lane *lanes = mem_calloc((size_t)n_lanes, sizeof *lanes);
    itx_status rc = lanes != NULL ? pool_create(&pool, n_lanes, err)
                                  : itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (int i = 0; rc == ITX_OK && i < n_lanes; i++) rc = open_lane(&lanes[i], judge, err);
    for (int at = 0; rc == ITX_OK && at < n; at += n_lanes) {
        struct round round = {judge, o, order, n, at, lanes};
        rc = build_progress(o, stage, at, n, err);
        if (rc == ITX_OK) pool_run(pool, run_lane, &round);
        for (int i = 0; rc == ITX_OK && i < n_lanes; i++) {
            rc = lanes[i].rc;
            if (rc != ITX_OK && err != NULL) *err = lanes[i].err;
        }
    }
    for (int i = 0; lanes != NULL && i < n_lanes; i++) {
        float_run_release(&lanes[i].run);
        judge_bench_release(&lanes[i].bench);
    }
    mem_free(lanes);
    pool_destroy(&pool);
    return rc;
}

itx_status judge_open(struct judge **out, const struct network *n, int n_photos,
                      struct itx_error *err)
{
    const bool has_head = n->head.task != HEAD_RAW;
    struct judge *j = mem_calloc(1, sizeof *j);
    if (j == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    j->network = n;
    j->n_photos = n_photos;
    if (has_head) j->head = network_head(n);
    for (int i = 0; i < j->head.n_levels; i++)
        j->n_anchors += j->head.level[i].cls.h * j->head.level[i].cls.w;
    j->photos = mem_calloc((size_t)n_photos, sizeof *j->photos);
    j->n_objects_of = mem_calloc(has_head ? (size_t)j->head.n_classes : 1, sizeof(int));
    if (j->photos != NULL && j->n_objects_of != NULL) {
        *out = j;
        return ITX_OK;
    }
    judge_destroy(&j);
    return itx_fail(err, ITX_E_NOMEM, "out of memory for %d photos", n_photos);
}

itx_status judge_create(struct judge **out, const struct network *n,
                        const struct itx_build_options *o, int max_photos, int n_threads,
                        const char *stage, struct itx_error *err)
{
    const int n_samples = sample_count(o, n);
    const int n_photos = max_photos < n_samples ? max_photos : n_samples;
    struct judge *j = NULL;
    int *const order = mem_calloc((size_t)n_photos, sizeof *order);
    if (order == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (int i = 0; i < n_photos; i++) order[i] = (int)((int64_t)i * n_samples / n_photos);
    itx_status rc = judge_open(&j, n, n_photos, err);
    if (rc == ITX_OK) rc = run_photos(j, o, order, n_threads, stage, err);
    mem_free(order);
    if (rc == ITX_OK) {
        close_gaps(j);
        judge_count_objects(j);
        *out = j;
    } else {
        judge_destroy(&j);
    }
    return rc;
}

void judge_destroy(struct judge **judge)
{
    struct judge *const j = *judge;
    if (j == NULL) return;
    for (int i = 0; j->photos != NULL && i < j->n_photos; i++) arena_release(&j->photos[i].arena);
    mem_free(j->photos);
    mem_free(j->n_objects_of);
    mem_free(j);
    *judge = NULL;
}

int judge_n_photos(const struct judge *judge)
{
    return judge->n_photos;
}
