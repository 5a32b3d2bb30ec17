/* SPDX-License-Identifier: Apache-2.0
 *
 * The damage that each group does is measured alone (damage.h). To give 16 bits to one group of the int8 network, and to
 * compare that with the float network, says next to nothing: any change moves every rounding behind it, and that noise is
 * larger than most gains. Independent errors add in squares, so the squares are shares of the damage that all groups do
 * together. Groups are taken by the largest share for their cost, as long as the budget lasts.
 */
#include "api/choose.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/damage.h"
#include "api/report.h"
#include "base/mem.h"
#include "quant/cost.h"

/* Lengths of the list that are judged at once to reach a target. */
#define N_PROBES 7

struct chooser {
    const struct trials *trials;
    struct quant_range *thresholds; /* [values] */
    const struct choose_options *o;
    const struct graph *g;
    struct choice *c;
    struct quant_groups groups;
    struct arena arena;
    bool *is_forced; /* [n] */
    bool *is_taken;  /* [n]: the choice so far */
    double *gain;    /* [n]: share of the damage */
    double *extra;   /* [n]: cost beside the choice so far */
    double int8_cost;
};

/* ---- names ---- */

static bool contains(const char *text, const char *part)
{
    return part[0] != '\0' && strstr(text, part) != NULL;
}

/* A node whose name holds the text, else the one whose name is nearest to it. */
static const char *like_name(const struct graph *g, const char *text)
{
    const char *best = g->nodes.data[0].name;
    int least = INT32_MAX;
    for (size_t i = 0; i < g->nodes.len; i++) {
        const char *const name = g->nodes.data[i].name;
        if (contains(name, text)) return name;
        const int d = str_distance(text, name);
        if (d >= least) continue;
        least = d;
        best = name;
    }
    return best;
}

static itx_status force_node(struct chooser *k, const char *name, struct itx_error *err)
{
    const struct graph *const g = k->g;
    bool is_there = false;
    for (size_t i = 0; i < g->nodes.len; i++) {
        const struct node *const n = &g->nodes.data[i];
        if (strcmp(n->name, name) != 0) continue;
        is_there = true;
        for (int out = 0; out < n->n_outputs; out++) {
            ITX_TRY(quant_groups_allow(&k->groups, g, n->outputs[out], err));
            k->is_forced[k->groups.of[n->outputs[out]]] = true;
        }
    }
    if (is_there) return ITX_OK;
    return itx_fail(err, ITX_E_INVAL, "int16: there is no node '%s', did you mean '%s'?", name,
                    like_name(g, name));
}

/* ---- variants ---- */

/* The values of the groups that are taken. */
static void spread(const struct chooser *k, const bool *is_taken, bool *wide)
{
    for (value_id v = 0; v < k->g->values.len; v++) {
        const uint32_t group = k->groups.of[v];
        wide[v] = group != QUANT_NO_GROUP && is_taken[group];
    }
}

static double cost_of(const struct chooser *k, const bool *is_taken, bool *scratch)
{
    spread(k, is_taken, scratch);
    return quant_cost(k->g, scratch) / k->int8_cost - 1;
}

static bool is_free(const struct chooser *k, int i)
{
    return k->c->groups[i].can_be_wide && !k->is_forced[i];
}

static double square(double x)
{
    return x * x;
}

/* ---- choosing ---- */

int choose_best(const double *gain, const double *cost, const bool *is_taken, int n, double left)
{
    int best = -1;
    double most = 0;
    for (int i = 0; i < n; i++) {
        if (is_taken[i] || !(gain[i] > 0) || cost[i] > left) continue;
        const double value = gain[i] / fmax(cost[i], 1e-6);
        if (best >= 0 && value <= most) continue;
        best = i;
        most = value;
    }
    return best;
}

/* Takes groups, from those that are forced on, until nothing fits; `order` [n] gets them, *n_order how many. */
static void choose(struct chooser *k, double budget, bool *scratch, int *order, int *n_order)
{
    const int n = k->c->n;
    memcpy(k->is_taken, k->is_forced, (size_t)n * sizeof *k->is_taken);
    for (*n_order = 0;;) {
        const double cost = cost_of(k, k->is_taken, scratch);
        for (int i = 0; i < n; i++) {
            k->extra[i] = INFINITY;
            if (k->is_taken[i] || !k->c->groups[i].can_be_wide) continue;
            k->is_taken[i] = true;
            k->extra[i] = cost_of(k, k->is_taken, scratch) - cost;
            k->is_taken[i] = false;
        }
        const int best = choose_best(k->gain, k->extra, k->is_taken, n, budget - cost);
        if (best < 0) return;
        k->is_taken[best] = true;
        order[(*n_order)++] = best;
    }
}

static void set_shares(struct chooser *k)
{
    struct choice *const c = k->c;
    double sum = 0;
    for (int i = 0; i < c->n; i++)
        if (is_free(k, i)) sum += square(c->groups[i].error);
    for (int i = 0; i < c->n; i++)
        if (is_free(k, i) && sum > 0)
            c->groups[i].share = k->gain[i] = square(c->groups[i].error) / sum;
}

static itx_status measure(struct chooser *k, struct itx_error *err)
{
    const int n = k->c->n;
    struct damage *const list = arena_calloc(&k->arena, (size_t)n, sizeof *list);
    if (list == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    int used = 0;
    for (int i = 0; i < n; i++)
        if (is_free(k, i)) list[used++] = (struct damage){(uint32_t)i, k->thresholds, 0};
    ITX_TRY(damage_measure(list, used, k->trials, &k->groups, "sensitivity", err));
    for (int i = 0; i < used; i++) k->c->groups[list[i].group].error = list[i].error;
    set_shares(k);
    return ITX_OK;
}

/* ---- thresholds ---- */

/* What thresholds are multiplied with. */
static const float factors[] = {0.7f, 0.85f, 1.15f, 1.4f};
#define N_FACTORS 4
#define WORTH_REFINING 0.002 /* of the damage */
#define WORTH_CHANGING 0.97  /* of the error: less is no more than chance */

/* The thresholds of one group's values, multiplied; as far as anything was seen there. */
static void scale_thresholds(const struct chooser *k, int group, float factor,
                             struct quant_range *thresholds)
{
    const struct quant_stats *const stats = k->trials->stats;
    for (value_id v = 1; v < k->g->values.len; v++) {
        if (k->groups.of[v] != (uint32_t)group) continue;
        struct quant_range seen = {0, 0};
        for (uint32_t i = stats->first[v]; i < stats->first[v + 1]; i++)
            quant_range_include(&seen, stats->min[i], stats->max[i]);
        struct quant_range *const r = &thresholds[v];
        r->low = fmaxf(r->low * factor, fminf(r->low, seen.low));
        r->high = fminf(r->high * factor, fmaxf(r->high, seen.high));
    }
}

/* Tries each group that does much damage with other thresholds, and keeps those with which it does least. */
static itx_status refine_thresholds(struct chooser *k, struct itx_error *err)
{
    const size_t n_values = k->g->values.len, size = n_values * sizeof *k->thresholds;
    struct arena arena = {0};
    const size_t most = (size_t)k->c->n * N_FACTORS;
    struct damage *const list = arena_calloc(&arena, most, sizeof *list);
    itx_status rc = list != NULL ? ITX_OK : itx_fail(err, ITX_E_NOMEM, "out of memory");
    int n = 0;
    for (int i = 0; rc == ITX_OK && i < k->c->n; i++) {
        if (!is_free(k, i) || k->c->groups[i].share < WORTH_REFINING) continue;
        for (int f = 0; f < N_FACTORS; f++) {
            struct quant_range *const mine = arena_dup(&arena, k->thresholds, size);
            if (mine == NULL) rc = itx_fail(err, ITX_E_NOMEM, "out of memory");
            if (rc != ITX_OK) break;
            scale_thresholds(k, i, factors[f], mine);
            list[n++] = (struct damage){(uint32_t)i, mine, 0};
        }
    }
    if (rc == ITX_OK) rc = damage_measure(list, n, k->trials, &k->groups, "thresholds", err);
    for (int i = 0; rc == ITX_OK && i < n; i += N_FACTORS) {
        struct choice_group *const group = &k->c->groups[list[i].group];
        double least = group->error * WORTH_CHANGING;
        for (int f = 0; f < N_FACTORS; f++) {
            if (list[i + f].error >= least) continue;
            least = group->error = list[i + f].error;
            group->factor = factors[f];
        }
        scale_thresholds(k, (int)list[i].group, group->factor, k->thresholds);
    }
    if (rc == ITX_OK) set_shares(k);
    arena_release(&arena);
    return rc;
}

/* ---- a target ---- */

/* The shortest beginning of the order that keeps the loss within the target; all of it where none does. */
static itx_status meet_target(struct chooser *k, const int *order, int n_order,
                              struct itx_error *err)
{
    struct trials trials = *k->trials;
    trials.n_photos = judge_n_photos(trials.judge);
    const int n = k->c->n;
    const size_t n_values = k->g->values.len;
    bool *const wide = arena_calloc(&k->arena, N_PROBES * n_values, sizeof *wide);
    if (wide == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    int low = -1, high = n_order; /* low is too short; high will do, or is all there is */
    while (high - low > 1) {
        struct variant variants[N_PROBES];
        struct verdict verdicts[N_PROBES];
        int length[N_PROBES], n_probes = 0;
        for (int i = 1; i <= N_PROBES; i++) {
            const int at = low + (int)((int64_t)(high - low) * i / (N_PROBES + 1));
            if (at <= low || (n_probes > 0 && at == length[n_probes - 1])) continue;
            memcpy(k->is_taken, k->is_forced, (size_t)n * sizeof *k->is_taken);
            for (int m = 0; m < at; m++) k->is_taken[order[m]] = true;
            bool *const mine = wide + (size_t)n_probes * n_values;
            spread(k, k->is_taken, mine);
            variants[n_probes] = (struct variant){k->thresholds, mine};
            length[n_probes++] = at;
        }
        ITX_TRY(trials_run(&trials, variants, n_probes, verdicts, "target", err));
        for (int i = 0; i < n_probes && length[i] < high; i++) {
            if (verdicts[i].loss <= k->o->target_loss)
                high = length[i];
            else
                low = length[i];
        }
    }
    memcpy(k->is_taken, k->is_forced, (size_t)n * sizeof *k->is_taken);
    for (int m = 0; m < high; m++) k->is_taken[order[m]] = true;
    return ITX_OK;
}

static itx_status measure_and_choose(struct chooser *k, struct itx_error *err)
{
    bool *const scratch = arena_calloc(&k->arena, k->g->values.len, sizeof *scratch);
    int *const order = arena_calloc(&k->arena, (size_t)k->c->n, sizeof *order);
    if (scratch == NULL || order == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    const bool has_target = k->o->target_loss > 0;
    int n_order = 0;
    ITX_TRY(measure(k, err));
    if (k->o->refine_thresholds) ITX_TRY(refine_thresholds(k, err));
    choose(k, has_target ? INFINITY : k->o->budget, scratch, order, &n_order);
    return has_target ? meet_target(k, order, n_order, err) : ITX_OK;
}

/* ---- the whole ---- */

static itx_status open_groups(struct chooser *k, struct itx_error *err)
{
    struct choice *const c = k->c;
    const size_t n_values = k->g->values.len;
    ITX_TRY(quant_groups_create(&k->groups, k->g, err));
    const size_t n = (size_t)k->groups.n;
    c->n = k->groups.n;
    c->groups = mem_calloc(n + 1, sizeof *c->groups);
    c->wide = mem_calloc(n_values, sizeof *c->wide);
    k->is_forced = arena_calloc(&k->arena, n, sizeof *k->is_forced);
    k->is_taken = arena_calloc(&k->arena, n, sizeof *k->is_taken);
    k->gain = arena_calloc(&k->arena, n, sizeof *k->gain);
    k->extra = arena_calloc(&k->arena, n, sizeof *k->extra);
    bool *const scratch = arena_calloc(&k->arena, n_values, sizeof *scratch);
    if (c->groups == NULL || c->wide == NULL || k->is_forced == NULL || k->is_taken == NULL ||
        k->gain == NULL || k->extra == NULL || scratch == NULL)
        return itx_fail(err, ITX_E_NOMEM, "out of memory for %zu groups of values", n);
    k->int8_cost = quant_cost(k->g, NULL);
    for (int i = 0; i < c->n; i++) {
        c->groups[i] = (struct choice_group){.node = NODE_NONE,
                                             .can_be_wide = k->groups.block[i].why == NULL,
                                             .error = NAN,
                                             .factor = 1};
        if (!c->groups[i].can_be_wide) continue;
        k->is_taken[i] = true;
        c->groups[i].cost = cost_of(k, k->is_taken, scratch);
        k->is_taken[i] = false;
    }
    for (node_id i = 0; i < k->g->nodes.len; i++) {
        const uint32_t group = k->groups.of[k->g->nodes.data[i].outputs[0]];
        if (group != QUANT_NO_GROUP && c->groups[group].node == NODE_NONE)
            c->groups[group].node = i;
    }
    return ITX_OK;
}

/* Judges what was chosen, beside the network with 8 bits everywhere. */
static itx_status close_choice(struct chooser *k, struct itx_error *err)
{
    struct choice *const c = k->c;
    c->cost = cost_of(k, k->is_taken, c->wide); /* fills c->wide */
    for (int i = 0; i < c->n; i++) c->groups[i].is_wide = k->is_taken[i];
    if (!k->o->measure) return ITX_OK;
    c->is_measured = true;
    struct trials trials = *k->trials;
    trials.n_photos = judge_n_photos(trials.judge);
    struct verdict verdicts[2];
    const struct variant variants[2] = {{k->thresholds, NULL}, {k->thresholds, c->wide}};
    ITX_TRY(trials_run(&trials, variants, 2, verdicts, "int16", err));
    c->int8 = verdicts[0];
    c->mixed = verdicts[1];
    return ITX_OK;
}

itx_status choose_widths(struct choice *c, const struct trials *t, struct quant_range *thresholds,
                         const struct choose_options *o, struct itx_error *err)
{
    *c = (struct choice){0};
    struct chooser k = {
        .trials = t, .thresholds = thresholds, .o = o, .g = t->network->graph, .c = c};
    itx_status rc = open_groups(&k, err);
    for (int i = 0; rc == ITX_OK && i < o->n_nodes; i++) rc = force_node(&k, o->nodes[i], err);
    if (rc == ITX_OK) {
        memcpy(k.is_taken, k.is_forced, (size_t)c->n * sizeof *k.is_taken);
        if (o->measure) rc = measure_and_choose(&k, err);
    }
    if (rc == ITX_OK) rc = close_choice(&k, err);
    quant_groups_release(&k.groups);
    arena_release(&k.arena);
    if (rc != ITX_OK) choice_release(c);
    return rc;
}

void choice_release(struct choice *c)
{
    mem_free(c->groups);
    mem_free(c->wide);
    *c = (struct choice){0};
}

/* ---- the report ---- */

static void report_group(const struct choice_group *group, const struct graph *g,
                         struct strbuf *json)
{
    strbuf_addf(json, "{\"node\": ");
    json_text(json, g->nodes.data[group->node].name);
    strbuf_addf(json, ", \"dtype\": \"%s\", ", dtype_name(group->is_wide ? DTYPE_S16 : DTYPE_S8));
    if (group->error > 0)
        json_value(json, "snr_alone_db", 2, -20 * log10(group->error));
    else
        strbuf_addf(json, "\"snr_alone_db\": null");
    strbuf_addf(json, ", ");
    json_value(json, "gain_percent", 3, 100 * group->share);
    strbuf_addf(json, ", ");
    json_value(json, "cost_percent", 3, 100 * group->cost);
    strbuf_addf(json, "}");
}

/* Groups by falling share, then in the order of the network. */
static int by_share(const void *a, const void *b)
{
    const struct choice_group *x = a, *y = b;
    if (x->share != y->share) return x->share > y->share ? -1 : 1;
    return (x->node > y->node) - (x->node < y->node);
}

void choice_report(struct choice *c, const struct graph *g, struct strbuf *json)
{
    qsort(c->groups, (size_t)c->n, sizeof *c->groups, by_share);
    strbuf_addf(json, ", \"sensitivity\": [");
    bool is_first = true;
    for (int i = 0; i < c->n; i++) {
        const struct choice_group *const group = &c->groups[i];
        if (!group->can_be_wide || group->node == NODE_NONE) continue;
        strbuf_addf(json, is_first ? "\n" : ",\n");
        is_first = false;
        report_group(group, g, json);
    }
    strbuf_addf(json, "]");
}
