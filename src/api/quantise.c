/* SPDX-License-Identifier: Apache-2.0 */
#include "api/quantise.h"

#include <math.h>
#include <stdio.h>

#include "api/calibrate.h"
#include "api/reconstruct.h"
#include "base/format.h"
#include "base/mem.h"

/* What an effort pays for. */
struct effort {
    int n_photos;  /* on which the damage of each group is measured; 0: it is not */
    int n_judged;  /* on which the result is */
    double budget; /* for 16 bits, relative to the int8 network's cost */
};

static const struct effort efforts[] = {
    {0, 0, 0},
    {4, 16, 0.035},
    {6, 24, 0.08},
    {12, 48, 0.085},
};

/* How weights are rounded; with effort 0 each to its nearest integer. */
static const struct reconstruct_options roundings[] = {
    {.max_photos = 0},
    RECONSTRUCT_OPTIONS_INIT,
    RECONSTRUCT_OPTIONS_INIT,
    RECONSTRUCT_OPTIONS_INIT,
};

/* With a target for the loss: that many photos, and these budgets one after another until it is met. */
#define TARGET_PHOTOS 48
static const double budgets[] = {0, 0.02, 0.04, 0.08, 0.16, 0.32, INFINITY};

/* One network being quantised. */
struct work {
    const struct quantise_input *in;
    const struct effort *effort;
    struct quant_range *thresholds; /* [values] */
    struct judge *judge;            /* NULL: nothing is measured */
    struct plan *plan;
    struct arena *arena; /* of the plan */
    struct quantised *result;
};

static itx_status measure(struct work *w, struct itx_error *err)
{
    const struct quantise_input *const in = w->in;
    const struct itx_build_options *const o = in->options;
    const struct choose_options choose = {
        .nodes = o->int16_nodes,
        .n_nodes = o->n_int16_nodes,
        .measure = w->effort->n_photos > 0,
        .refine_thresholds = in->refine_thresholds,
    };
    const int n_judged = o->target_loss > 0 ? TARGET_PHOTOS : w->effort->n_judged;
    if (choose.measure)
        ITX_TRY(judge_create(&w->judge, in->network, o, n_judged, in->n_threads, "reference", err));
    const struct damage_setup setup = {
        .network = in->network,
        .stats = in->stats,
        .options = o,
        .judge = w->judge,
        .n_photos = w->effort->n_photos,
        .n_threads = in->n_threads,
    };
    return choose_measure(&w->result->choice, &setup, w->thresholds, &choose, err);
}

/* The plan of what is chosen, in the place of an earlier one. */
static itx_status make_plan(struct work *w, struct itx_error *err)
{
    const struct quantise_input *const in = w->in;
    const struct quant_options quant = {.thresholds = w->thresholds,
                                        .wide = w->result->choice.wide};
    struct graph *const g = in->network->graph;
    arena_release(w->arena);
    ITX_TRY(quant_assign(g, in->stats, &quant, err));
    ITX_TRY(lower_graph(w->plan, w->arena, g, &in->network->head, in->lower, err));
    if (in->options->effort > 0)
        ITX_TRY(reconstruct(w->plan, w->arena, in->network, in->options, in->n_threads,
                            &roundings[in->options->effort], err));
    return plan_check(w->plan, err);
}

static itx_status judge_result(struct work *w, struct itx_error *err)
{
    if (w->judge == NULL) return ITX_OK;
    w->result->n_judged = judge_n_photos(w->judge);
    return judge_plan(w->judge, w->plan, w->result->n_judged, w->in->n_threads, &w->result->verdict,
                      err);
}

static itx_status spend(struct work *w, double budget, struct itx_error *err)
{
    if (w->judge != NULL)
        ITX_TRY(choose_within(&w->result->choice, w->in->network->graph, budget, err));
    ITX_TRY(make_plan(w, err));
    return judge_result(w, err);
}

static void warn_of_target(const struct itx_build_options *o, double loss)
{
    char text[200];
    if (o->warn == NULL) return;
    format_text(text, sizeof text,
                "target loss: %.2f %% are lost with 16 bits wherever they are possible, more than "
                "the %g %% that were asked for",
                loss, (double)o->target_loss);
    o->warn(o->ctx, text);
}

static itx_status meet_target(struct work *w, struct itx_error *err)
{
    const struct itx_build_options *const o = w->in->options;
    double cost = -1;
    for (size_t i = 0; i < ARRAY_LEN(budgets); i++) {
        ITX_TRY(choose_within(&w->result->choice, w->in->network->graph, budgets[i], err));
        if (w->result->choice.cost == cost) continue; /* nothing more fits */
        cost = w->result->choice.cost;
        ITX_TRY(build_progress(o, "target", (int)i, (int)ARRAY_LEN(budgets), err));
        ITX_TRY(spend(w, budgets[i], err));
        if (w->result->verdict.loss <= (double)o->target_loss) return ITX_OK;
    }
    warn_of_target(o, w->result->verdict.loss);
    return ITX_OK;
}

itx_status quantise_network(struct plan *plan, struct arena *arena, struct quantised *result,
                            const struct quantise_input *in, struct itx_error *err)
{
    const struct itx_build_options *const o = in->options;
    const bool has_target = o->target_loss > 0;
    struct work w = {
        .in = in,
        .effort = &efforts[has_target && o->effort == 0 ? 1 : o->effort],
        .plan = plan,
        .arena = arena,
        .result = result,
    };
    *result = (struct quantised){0};
    ITX_TRY(quant_find_thresholds(&w.thresholds, in->network->graph, in->stats, in->quant, err));
    itx_status rc = measure(&w, err);
    if (rc == ITX_OK) rc = has_target ? meet_target(&w, err) : spend(&w, w.effort->budget, err);
    judge_destroy(&w.judge);
    mem_free(w.thresholds);
    return rc;
}

void quantised_release(struct quantised *q)
{
    choice_release(&q->choice);
}
