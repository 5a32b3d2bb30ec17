/* SPDX-License-Identifier: Apache-2.0 */
#include "api/quantise.h"

#include <stdio.h>

#include "api/reconstruct.h"
#include "base/mem.h"

/* With a target for the loss, as many photos as this are judged in the end. */
#define TARGET_PHOTOS 48

/* What an effort pays for. */
struct effort {
    int n_photos;  /* on which the damage of each group is measured; 0: it is not */
    int n_judged;  /* on which the whole is */
    double budget; /* of the network's cost, for 16 bits */
};

static const struct effort efforts[] = {
    {0, 0, 0},
    {4, 16, 0.07},
    {12, 32, 0.08},
    {24, 48, 0.09},
};

/* How weights are rounded; with effort 0 each to its nearest integer. */
static const struct reconstruct_options roundings[] = {
    {.max_photos = 0},
    RECONSTRUCT_OPTIONS_INIT,
    RECONSTRUCT_OPTIONS_INIT,
    RECONSTRUCT_OPTIONS_INIT,
};

static itx_status choose_types(struct choice *choice, const struct quantise_input *in,
                               struct quant_range *thresholds, struct itx_error *err)
{
    const struct itx_build_options *const o = in->options;
    const bool has_target = o->target_loss > 0;
    const struct effort *const effort = &efforts[has_target && o->effort == 0 ? 1 : o->effort];
    const struct choose_options choose = {
        .budget = effort->budget,
        .measure = effort->n_photos > 0,
        .refine_thresholds = in->refine_thresholds,
        .target_loss = (double)o->target_loss,
        .nodes = o->int16_nodes,
        .n_nodes = o->n_int16_nodes,
    };
    const int n_judged = has_target ? TARGET_PHOTOS : effort->n_judged;
    struct judge *judge = NULL;
    if (choose.measure)
        ITX_TRY(judge_create(&judge, in->network, o, n_judged, in->n_threads, "reference", err));
    const struct trials trials = {
        .network = in->network,
        .stats = in->stats,
        .lower = in->lower,
        .options = o,
        .judge = judge,
        .n_photos = effort->n_photos,
        .n_threads = in->n_threads,
    };
    const itx_status rc = choose_widths(choice, &trials, thresholds, &choose, err);
    judge_destroy(&judge);
    return rc;
}

static void warn_of_target(const struct itx_build_options *o, const struct choice *c)
{
    if (o->warn == NULL || !(o->target_loss > 0) || c->mixed.loss <= (double)o->target_loss) return;
    char text[200];
    snprintf(
        text, sizeof text,
        "the loss is %.2f %% with 16 bits wherever they are possible, more than the %.2f %% that "
        "were asked for",
        c->mixed.loss, (double)o->target_loss);
    o->warn(o->ctx, text);
}

itx_status quantise_network(struct plan *plan, struct arena *arena, struct choice *choice,
                            const struct quantise_input *in, struct itx_error *err)
{
    struct graph *const g = in->network->graph;
    struct quant_range *thresholds = NULL;
    ITX_TRY(quant_find_thresholds(&thresholds, g, in->stats, in->quant, err));
    itx_status rc = choose_types(choice, in, thresholds, err);
    if (rc == ITX_OK) warn_of_target(in->options, choice);
    const struct quant_options quant = {.thresholds = thresholds, .wide = choice->wide};
    if (rc == ITX_OK) rc = quant_assign(g, in->stats, &quant, err);
    if (rc == ITX_OK) rc = lower_graph(plan, arena, g, &in->network->head, in->lower, err);
    if (rc == ITX_OK && in->options->effort > 0)
        rc = reconstruct(plan, arena, in->network, in->options, in->n_threads,
                         &roundings[in->options->effort], err);
    if (rc == ITX_OK) rc = plan_check(plan, err);
    mem_free(thresholds);
    return rc;
}
