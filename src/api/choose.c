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

/* While measuring. */
struct chooser {
    const struct damage_setup *setup;
    struct quant_range *thresholds; /* [values] */
    const struct graph *g;
    struct choice *c;
    struct quant_groups groups;
    struct arena arena;
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
            k->c->groups[k->groups.of[n->outputs[out]]].is_forced = true;
        }
    }
    if (is_there) return ITX_OK;
    return itx_fail(err, ITX_E_INVAL, "int16: there is no node '%s', did you mean '%s'?", name,
                    like_name(g, name));
}

/* ---- measuring ---- */

static bool is_free(const struct choice *c, int i)
{
    return c->groups[i].can_be_wide && !c->groups[i].is_forced;
}

static double square(double x)
{
    return x * x;
}

static void set_shares(struct choice *c)
{
    double sum = 0;
    for (int i = 0; i < c->n; i++)
        if (is_free(c, i)) sum += square(c->groups[i].error);
    for (int i = 0; i < c->n; i++)
        if (is_free(c, i) && sum > 0) c->groups[i].share = square(c->groups[i].error) / sum;
}

static itx_status measure(struct chooser *k, struct itx_error *err)
{
    const int n = k->c->n;
    struct damage *const list = arena_calloc(&k->arena, (size_t)n, sizeof *list);
    if (list == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    int used = 0;
    for (int i = 0; i < n; i++)
        if (is_free(k->c, i)) list[used++] = (struct damage){(uint32_t)i, k->thresholds, 0};
    ITX_TRY(damage_measure(list, used, k->setup, &k->groups, "sensitivity", err));
    for (int i = 0; i < used; i++) k->c->groups[list[i].group].error = list[i].error;
    set_shares(k->c);
    return ITX_OK;
}

/* ---- thresholds ---- */

/* What thresholds are multiplied with. */
static const float factors[] = {0.7f, 0.85f, 1.15f, 1.4f};
#define N_FACTORS 4
#define WORTH_REFINING 0.004 /* of the damage */
#define WORTH_CHANGING 0.97  /* of the error: less is no more than chance */

/* The thresholds of one group's values, multiplied; as far as anything was seen there. */
static void scale_thresholds(const struct chooser *k, int group, float factor,
                             struct quant_range *thresholds)
{
    const struct quant_stats *const stats = k->setup->stats;
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
        if (!is_free(k->c, i) || k->c->groups[i].share < WORTH_REFINING) continue;
        for (int f = 0; f < N_FACTORS; f++) {
            struct quant_range *const mine = arena_dup(&arena, k->thresholds, size);
            if (mine == NULL) rc = itx_fail(err, ITX_E_NOMEM, "out of memory");
            if (rc != ITX_OK) break;
            scale_thresholds(k, i, factors[f], mine);
            list[n++] = (struct damage){(uint32_t)i, mine, 0};
        }
    }
    if (rc == ITX_OK) rc = damage_measure(list, n, k->setup, &k->groups, "thresholds", err);
    for (int i = 0; rc == ITX_OK && i < n; i += N_FACTORS) {
        struct choice_group *const group = &k->c->groups[list[i].group];
        double least = group->error * WORTH_CHANGING;
        float factor = 1;
        for (int f = 0; f < N_FACTORS; f++) {
            if (list[i + f].error >= least) continue;
            least = group->error = list[i + f].error;
            factor = factors[f];
        }
        if (factor != 1) scale_thresholds(k, (int)list[i].group, factor, k->thresholds);
    }
    if (rc == ITX_OK) set_shares(k->c);
    arena_release(&arena);
    return rc;
}

static itx_status open_groups(struct chooser *k, struct itx_error *err)
{
    struct choice *const c = k->c;
    ITX_TRY(quant_groups_create(&k->groups, k->g, err));
    c->n = k->groups.n;
    c->groups = mem_calloc((size_t)c->n + 1, sizeof *c->groups);
    c->wide = mem_calloc(k->g->values.len, sizeof *c->wide);
    if (c->groups == NULL || c->wide == NULL)
        return itx_fail(err, ITX_E_NOMEM, "out of memory for %d groups of values", c->n);
    for (int i = 0; i < c->n; i++)
        c->groups[i] =
            (struct choice_group){.node = NODE_NONE, .can_be_wide = k->groups.block[i].why == NULL};
    for (node_id i = 0; i < k->g->nodes.len; i++) {
        const uint32_t group = k->groups.of[k->g->nodes.data[i].outputs[0]];
        if (group != QUANT_NO_GROUP && c->groups[group].node == NODE_NONE)
            c->groups[group].node = i;
    }
    return ITX_OK;
}

itx_status choose_measure(struct choice *c, const struct damage_setup *setup,
                          struct quant_range *thresholds, const struct choose_options *o,
                          struct itx_error *err)
{
    *c = (struct choice){0};
    struct chooser k = {
        .setup = setup, .thresholds = thresholds, .g = setup->network->graph, .c = c};
    itx_status rc = open_groups(&k, err);
    for (int i = 0; rc == ITX_OK && i < o->n_nodes; i++) rc = force_node(&k, o->nodes[i], err);
    if (rc == ITX_OK && o->measure) rc = measure(&k, err);
    if (rc == ITX_OK && o->measure && o->refine_thresholds) rc = refine_thresholds(&k, err);
    c->is_measured = o->measure;
    quant_groups_release(&k.groups);
    arena_release(&k.arena);
    if (rc == ITX_OK) return choose_within(c, k.g, 0, err);
    choice_release(c);
    return rc;
}

void choice_release(struct choice *c)
{
    mem_free(c->groups);
    mem_free(c->wide);
    *c = (struct choice){0};
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

/* While choosing. */
struct taking {
    struct choice *c;
    const struct graph *g;
    struct quant_groups groups;
    double int8_cost;
    bool *is_taken;       /* [n] */
    double *gain, *extra; /* [n]; the cost of each beside what is taken */
};

/* What all that is taken adds to the cost of the int8 network; leaves it in c->wide. */
static double cost_of(struct taking *t)
{
    for (value_id v = 0; v < t->g->values.len; v++) {
        const uint32_t group = t->groups.of[v];
        t->c->wide[v] = group != QUANT_NO_GROUP && t->is_taken[group];
    }
    return quant_cost(t->g, t->c->wide) / t->int8_cost - 1;
}

/* The cost of one group beside what is taken at `cost`. */
static double extra_of(struct taking *t, int i, double cost)
{
    if (t->is_taken[i] || !t->c->groups[i].can_be_wide) return INFINITY;
    t->is_taken[i] = true;
    const double extra = cost_of(t) - cost;
    t->is_taken[i] = false;
    return extra;
}

static void take(struct taking *t, double budget)
{
    struct choice *const c = t->c;
    for (int i = 0; i < c->n; i++) {
        const double cost = extra_of(t, i, 0);
        c->groups[i].cost = isfinite(cost) ? cost : 0;
        t->gain[i] = c->groups[i].share;
    }
    for (int i = 0; i < c->n; i++) t->is_taken[i] = c->groups[i].is_forced;
    for (;;) {
        c->cost = cost_of(t);
        for (int i = 0; i < c->n; i++) t->extra[i] = extra_of(t, i, c->cost);
        const int best = choose_best(t->gain, t->extra, t->is_taken, c->n, budget - c->cost);
        if (best < 0) break;
        t->is_taken[best] = true;
    }
    c->cost = cost_of(t);
    for (int i = 0; i < c->n; i++) c->groups[i].is_wide = t->is_taken[i];
}

itx_status choose_within(struct choice *c, const struct graph *g, double budget,
                         struct itx_error *err)
{
    const size_t n = (size_t)c->n;
    struct arena arena = {0};
    struct taking t = {
        .c = c,
        .g = g,
        .int8_cost = quant_cost(g, NULL),
        .is_taken = arena_calloc(&arena, n, sizeof *t.is_taken),
        .gain = arena_calloc(&arena, n, sizeof *t.gain),
        .extra = arena_calloc(&arena, n, sizeof *t.extra),
    };
    itx_status rc = t.is_taken != NULL && t.gain != NULL && t.extra != NULL
                        ? quant_groups_create(&t.groups, g, err)
                        : itx_fail(err, ITX_E_NOMEM, "out of memory for %d groups", c->n);
    if (rc == ITX_OK) take(&t, budget);
    quant_groups_release(&t.groups);
    arena_release(&arena);
    return rc;
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
    const struct choice_group *x = *(const struct choice_group *const *)a,
                              *y = *(const struct choice_group *const *)b;
    if (x->share != y->share) return x->share > y->share ? -1 : 1;
    return (x->node > y->node) - (x->node < y->node);
}

itx_status choice_report(const struct choice *c, const struct graph *g, struct strbuf *json,
                         struct itx_error *err)
{
    const struct choice_group **const order = mem_calloc((size_t)c->n + 1, sizeof *order);
    if (order == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    int n = 0;
    for (int i = 0; i < c->n; i++)
        if (c->groups[i].can_be_wide && c->groups[i].node != NODE_NONE) order[n++] = &c->groups[i];
    qsort(order, (size_t)n, sizeof *order, by_share);
    strbuf_addf(json, ", \"sensitivity\": [");
    for (int i = 0; i < n; i++) {
        strbuf_addf(json, i > 0 ? ",\n" : "\n");
        report_group(order[i], g, json);
    }
    strbuf_addf(json, "]");
    mem_free(order);
    return ITX_OK;
}
