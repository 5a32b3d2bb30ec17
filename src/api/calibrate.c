/* SPDX-License-Identifier: Apache-2.0
 *
 * Rounds of one photo a thread, so that progress and warnings come from the caller's thread and in the photos' order.
 */
#include "api/calibrate.h"

#include <string.h>

#include "base/mem.h"

struct lane {
    struct float_run run;
    struct quant_stats stats;
    struct photo_scorer scorer;
    struct itx_error err;
    itx_status rc;
    bool is_unreadable; /* the picture, not the network, is at fault */
};

struct round {
    const struct network *network;
    const struct itx_build_options *options;
    struct lane *lanes;
    struct photo_facts *facts; /* [n_samples] */
    int n_samples, first, n;   /* of `n` of them that are looked at */
    bool is_swapped;           /* only to see what the network makes of exchanged colours */
    int n_unreadable;
};

enum { WARNINGS_SHOWN = 10 }; /* of photos that cannot be read */

/* Number i of the round's photos, which are all or some, evenly spread. */
static int photo_of(const struct round *round, int i)
{
    return (int)((int64_t)i * round->n_samples / round->n);
}

/* The first value that is refused is remembered; the rest of the photo is run in vain. */
static void observe(void *ctx, value_id v, const struct tensor *t)
{
    struct lane *const lane = ctx;
    if (lane->rc == ITX_OK) lane->rc = quant_stats_add(&lane->stats, v, t, &lane->err);
}

/* What pictures hold is known; of numbers it has to be seen. */
static void observe_inputs(struct lane *lane, const struct graph *g)
{
    for (size_t i = 0; i < g->inputs.len; i++) {
        const value_id v = g->inputs.data[i];
        const struct tensor t = {DTYPE_F32, graph_value(g, v)->shape, lane->run.inputs[i]};
        observe(lane, v, &t);
    }
}

static itx_status run_sample(struct lane *lane, const struct round *round, int i,
                             struct sample *sample)
{
    struct photo_facts *const facts = &round->facts[i];
    ITX_TRY(sample_load(sample, &lane->run, round->options, i, &lane->err));
    if (round->is_swapped)
        return photo_look_swapped(facts, &lane->scorer, round->network, &lane->run, &lane->err);
    ITX_TRY(float_run_input(&lane->run, observe, lane, &lane->err));
    facts->is_used = true;
    if (sample->picture.rgb != NULL)
        photo_look(facts, &lane->scorer, round->network, &lane->run, &sample->picture);
    if (sample->is_numbers) photo_note_values(facts, sample->least, sample->most);
    if (!round->network->feed.is_picture) observe_inputs(lane, round->network->graph);
    return ITX_OK;
}

static itx_status run_photo(struct lane *lane, const struct round *round, int photo)
{
    struct sample sample = {0};
    const itx_status rc = run_sample(lane, round, photo, &sample);
    lane->is_unreadable = sample.is_unreadable;
    sample_release(&sample);
    return lane->rc != ITX_OK ? lane->rc : rc;
}

static void run_lane(void *ctx, int worker, int n_workers)
{
    const struct round *const round = ctx;
    struct lane *const lane = &round->lanes[worker];
    (void)n_workers;
    lane->rc = ITX_OK;
    const int i = round->first + worker;
    if (i >= round->n) return;
    const int photo = photo_of(round, i);
    if (!round->is_swapped || round->facts[photo].is_used) lane->rc = run_photo(lane, round, photo);
}

itx_status build_progress(const struct itx_build_options *o, const char *stage, int done, int total,
                          struct itx_error *err)
{
    if (o->progress == NULL || o->progress(o->ctx, stage, done, total) == 0) return ITX_OK;
    return itx_fail(err, ITX_E_CANCELLED, "cancelled");
}

static void give_warnings(const struct itx_build_options *o, const struct photo_warnings *w)
{
    for (int i = 0; i < w->n && o->warn != NULL; i++) o->warn(o->ctx, w->text[i]);
}

/* Judges what one round did; *n_used grows by the photos that counted. */
static itx_status end_round(struct round *round, int n_lanes, int *n_used, struct itx_error *err)
{
    for (int i = 0; i < n_lanes && round->first + i < round->n; i++) {
        const struct lane *lane = &round->lanes[i];
        if (lane->rc == ITX_OK) {
            ++*n_used;
        } else if (lane->is_unreadable) {
            if (round->n_unreadable++ < WARNINGS_SHOWN && round->options->warn != NULL)
                round->options->warn(round->options->ctx, lane->err.text);
        } else {
            if (err != NULL) *err = lane->err;
            return lane->rc;
        }
    }
    return ITX_OK;
}

static void warn_of_more(const struct round *round)
{
    char text[80];
    const int n = round->n_unreadable - WARNINGS_SHOWN;
    if (n <= 0 || round->options->warn == NULL) return;
    snprintf(text, sizeof text, "and %d more calibration files cannot be read", n);
    round->options->warn(round->options->ctx, text);
}

/* All rounds of `r`, from its first photo to its last. */
static itx_status run_rounds(struct round *r, struct pool *pool, const char *stage, int *n_used,
                             struct itx_error *err)
{
    const int n_lanes = pool_n_threads(pool);
    for (; r->first < r->n; r->first += n_lanes) {
        ITX_TRY(build_progress(r->options, stage, r->first, r->n, err));
        pool_run(pool, run_lane, r);
        ITX_TRY(end_round(r, n_lanes, n_used, err));
    }
    warn_of_more(r);
    return build_progress(r->options, stage, r->n, r->n, err);
}

static itx_status look_swapped(const struct round *all, struct pool *pool, struct itx_error *err)
{
    struct round some = *all;
    int n_run = 0;
    if (all->network->head.task == HEAD_RAW || all->network->feed.n_channels != 3 ||
        !photos_are_blue(all->facts, all->n))
        return ITX_OK;
    some.first = 0;
    some.n = all->n < PHOTOS_SWAPPED ? all->n : PHOTOS_SWAPPED;
    some.is_swapped = true;
    return run_rounds(&some, pool, "colours", &n_run, err);
}

static itx_status run_photos(struct calibration *photos, struct round *all, struct pool *pool,
                             struct itx_error *err)
{
    photos->n_used = 0;
    ITX_TRY(run_rounds(all, pool, "calibrate", &photos->n_used, err));
    if (photos->n_used == 0)
        return itx_fail(err, ITX_E_INVAL, "none of the %d calibration pictures could be read",
                        all->n);
    if (!all->network->feed.is_picture || all->options->random > 0) return ITX_OK;
    ITX_TRY(look_swapped(all, pool, err));
    photos_judge(&photos->warnings, all->facts, all->n, all->network);
    give_warnings(all->options, &photos->warnings);
    return ITX_OK;
}

itx_status calibrate(struct quant_stats *stats, const struct network *n,
                     const struct itx_build_options *o, int n_threads, bool with_histogram,
                     struct calibration *photos, struct itx_error *err)
{
    const int n_samples = sample_count(o, n);
    const int n_lanes = n_threads < n_samples ? n_threads : n_samples;
    struct pool *pool = NULL;
    struct lane *lanes = mem_calloc((size_t)n_lanes, sizeof *lanes);
    struct photo_facts *facts = mem_calloc((size_t)n_samples, sizeof *facts);
    itx_status rc = lanes != NULL && facts != NULL ? pool_create(&pool, n_lanes, err)
                                                   : itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (int i = 0; rc == ITX_OK && i < n_lanes; i++) {
        rc = float_run_create(&lanes[i].run, n, 1, err);
        if (rc == ITX_OK) rc = photo_scorer_create(&lanes[i].scorer, n, err);
        if (rc == ITX_OK) rc = quant_stats_create(&lanes[i].stats, n->graph, with_histogram, err);
    }
    struct round all = {n, o, lanes, facts, n_samples, 0, n_samples, false};
    photos->n_given = n_samples;
    if (rc == ITX_OK) rc = run_photos(photos, &all, pool, err);
    if (rc == ITX_OK) {
        for (int i = 1; i < n_lanes; i++) quant_stats_merge(&lanes[0].stats, &lanes[i].stats);
        *stats = lanes[0].stats;
        lanes[0].stats = (struct quant_stats){0};
    }
    for (int i = 0; lanes != NULL && i < n_lanes; i++) {
        float_run_release(&lanes[i].run);
        photo_scorer_release(&lanes[i].scorer);
        quant_stats_release(&lanes[i].stats);
    }
    mem_free(lanes);
    mem_free(facts);
    pool_destroy(&pool);
    return rc;
}
