/* SPDX-License-Identifier: Apache-2.0
 *
 * One photo a lane. A lane has two runtimes of the plan. `whole` runs the photo before the float network does. In `alone`
 * every tensor holds the float network's values, rounded: when the float network has computed a value, the steps that
 * make it are run on what lies there, compared, and then overwritten with the rounded truth.
 */
#include "api/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/calibrate.h"
#include "base/cpu.h"
#include "base/mem.h"
#include "base/pool.h"
#include "runtime/runtime.h"

/* A lane holds every tensor of the network three times. */
#define MAX_LANES 4
/* Pixels that are looked at together: the channels of a tensor lie side by side, those of the float network far apart. */
#define TILE 256

#define NONE UINT32_MAX

/* Which tensors of the plan hold a value of the graph: all of it, or some of its channels. */
struct value_map {
    uint32_t *first;   /* [values]: its first tensor, NONE: there is none */
    uint32_t *next;    /* [tensors]: another one of the same value */
    uint32_t *channel; /* [tensors]: the value's channel where the tensor begins */
    uint32_t *step;    /* [tensors]: that writes it, NONE: no single one does */
};

struct lane {
    const struct plan *plan;
    const struct value_map *map;
    struct runtime *whole, *alone;
    struct float_run run;
    struct comparison *result; /* [n_tensors], of one photo */
    struct itx_error err;
    itx_status rc;
    bool is_used; /* it had something to run */
};

/* ---- tensors and values ---- */

struct named_value {
    const char *name;
    value_id id;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct named_value *)a)->name, ((const struct named_value *)b)->name);
}

/* The values that have a name and can be a tensor, sorted. Returns their number. */
static size_t list_values(struct named_value *list, const struct graph *g)
{
    size_t n = 0;
    for (value_id v = 1; v < g->values.len; v++) {
        const struct value *value = graph_value(g, v);
        if (value->data == NULL && value->shape.rank == 4 && value->name != NULL)
            list[n++] = (struct named_value){value->name, v};
    }
    qsort(list, n, sizeof *list, by_name);
    return n;
}

/* Tensors of one value lie in one buffer, and one of them begins with the value's first channel. */
static void set_channels(struct value_map *map, const struct plan *plan, uint32_t first)
{
    uint64_t least = UINT64_MAX;
    for (uint32_t i = first; i != NONE; i = map->next[i])
        if (plan->tensors[i].offset < least) least = plan->tensors[i].offset;
    for (uint32_t i = first; i != NONE; i = map->next[i]) {
        const struct plan_tensor *const t = &plan->tensors[i];
        map->channel[i] = (uint32_t)((t->offset - least) / (uint64_t)dtype_size(t->dtype));
    }
}

static void value_map_release(struct value_map *map)
{
    mem_free(map->first);
    mem_free(map->next);
    mem_free(map->channel);
    mem_free(map->step);
}

static itx_status value_map_create(struct value_map *map, const struct graph *g,
                                   const struct plan *plan, struct itx_error *err)
{
    const size_t n_tensors = (size_t)plan->n_tensors, n_values = g->values.len;
    struct named_value *list = mem_calloc(n_values, sizeof *list);
    map->first = mem_calloc(n_values, sizeof *map->first);
    map->next = mem_calloc(n_tensors, sizeof *map->next);
    map->channel = mem_calloc(n_tensors, sizeof *map->channel);
    map->step = mem_calloc(n_tensors, sizeof *map->step);
    if (list == NULL || map->first == NULL || map->next == NULL || map->channel == NULL ||
        map->step == NULL) {
        mem_free(list);
        return itx_fail(err, ITX_E_NOMEM, "out of memory");
    }
    for (size_t v = 0; v < n_values; v++) map->first[v] = NONE;
    for (size_t i = 0; i < n_tensors; i++) map->step[i] = NONE;
    for (int i = 0; i < plan->n_steps; i++) map->step[plan->steps[i].out] = (uint32_t)i;
    const size_t n = list_values(list, g);
    for (size_t i = n_tensors; i-- > 0;) {
        const struct named_value wanted = {plan->tensors[i].name, 0};
        const struct named_value *found = bsearch(&wanted, list, n, sizeof *list, by_name);
        map->next[i] = found != NULL ? map->first[found->id] : NONE;
        if (found != NULL) map->first[found->id] = (uint32_t)i;
    }
    for (size_t v = 0; v < n_values; v++) set_channels(map, plan, map->first[v]);
    mem_free(list);
    return ITX_OK;
}

/* ---- numbers ---- */

/* Round to nearest, ties to even, of numbers below 2^51. */
static double rounded(double v)
{
    const double shift = 0x1.8p52;
    return (v + shift) - shift;
}

/* n elements of a channel. */
static void load(const struct plan_tensor *t, const void *channel, size_t n, double scale,
                 double zero, double *out)
{
    const size_t pixel = (size_t)t->pixel;
    if (t->dtype == DTYPE_S8)
        for (size_t i = 0; i < n; i++)
            out[i] = (((const int8_t *)channel)[i * pixel] - zero) * scale;
    else if (t->dtype == DTYPE_S16)
        for (size_t i = 0; i < n; i++)
            out[i] = (((const int16_t *)channel)[i * pixel] - zero) * scale;
    else
        for (size_t i = 0; i < n; i++)
            out[i] = (((const int32_t *)channel)[i * pixel] - zero) * scale;
}

static void store(const struct plan_tensor *t, void *channel, size_t n, const double *stored)
{
    const size_t pixel = (size_t)t->pixel;
    if (t->dtype == DTYPE_S8)
        for (size_t i = 0; i < n; i++) ((int8_t *)channel)[i * pixel] = (int8_t)stored[i];
    else if (t->dtype == DTYPE_S16)
        for (size_t i = 0; i < n; i++) ((int16_t *)channel)[i * pixel] = (int16_t)stored[i];
    else
        for (size_t i = 0; i < n; i++) ((int32_t *)channel)[i * pixel] = (int32_t)stored[i];
}

static void merge_closeness(struct closeness *into, const struct closeness *from)
{
    into->dot += from->dot;
    into->true_square += from->true_square;
    into->measured_square += from->measured_square;
    into->error_square += from->error_square;
    into->error_sum += from->error_sum;
    into->error_max = fmax(into->error_max, from->error_max);
    into->n += from->n;
}

static void add_pairs(struct closeness *c, const float *a, const double *b, size_t n)
{
    struct closeness sum = {0};
    for (size_t i = 0; i < n; i++) closeness_add(&sum, (double)a[i], b[i]);
    merge_closeness(c, &sum);
}

static void stored_limits(enum dtype dtype, double *least, double *most)
{
    *least = dtype == DTYPE_S8 ? INT8_MIN : dtype == DTYPE_S16 ? INT16_MIN : INT32_MIN;
    *most = dtype == DTYPE_S8 ? INT8_MAX : dtype == DTYPE_S16 ? INT16_MAX : INT32_MAX;
}

/* out[i] = x[i] as the tensor stores it. */
static void quantise(const struct plan_tensor *t, const float *x, size_t n, double scale,
                     double zero, struct comparison *sum, double *out)
{
    double least, most, square = 0, stored = 0;
    uint64_t n_clipped = 0;
    stored_limits(t->dtype, &least, &most);
    for (size_t i = 0; i < n; i++) {
        const double q = (double)x[i] / scale + zero;
        n_clipped += q < least - 0.5 || q > most + 0.5;
        out[i] = rounded(q < least ? least : q > most ? most : q);
        const double e = (out[i] - zero) * scale - (double)x[i];
        square += e * e;
        stored += (out[i] - zero) * (out[i] - zero);
    }
    sum->stored_square += stored;
    sum->n_stored += n;
    sum->rounding_square += square;
    sum->n_clipped += n_clipped;
}

static void *element(const struct runtime *r, const struct plan *plan, uint32_t tensor, size_t i)
{
    const enum dtype dtype = plan->tensors[tensor].dtype;
    return (uint8_t *)runtime_tensor(r, tensor) + i * (size_t)dtype_size(dtype);
}

/* Compares the tensor, which holds x [c, h w], in both runtimes; then it holds x rounded in `alone`. */
static void compare_tensor(struct lane *lane, uint32_t index, const float *x)
{
    const struct plan_tensor *const t = &lane->plan->tensors[index];
    struct comparison *const sum = &lane->result[index];
    const size_t plane = (size_t)t->h * (size_t)t->w;
    const bool is_made = lane->map->step[index] != NONE;
    double values[TILE];
    for (size_t at = 0; at < plane; at += TILE) {
        const size_t n = plane - at < TILE ? plane - at : TILE;
        for (int c = 0; c < t->c; c++) {
            const float *const truth = x + (size_t)c * plane + at;
            const size_t i = at * (size_t)t->pixel + (size_t)c;
            void *const alone = element(lane->alone, lane->plan, index, i);
            const double scale = t->scale[t->n_quant > 1 ? c : 0];
            const double zero = t->zero_point[t->n_quant > 1 ? c : 0];
            if (is_made) {
                load(t, element(lane->whole, lane->plan, index, i), n, scale, zero, values);
                add_pairs(&sum->whole, truth, values, n);
                load(t, alone, n, scale, zero, values);
                add_pairs(&sum->alone, truth, values, n);
            }
            quantise(t, truth, n, scale, zero, sum, values);
            store(t, alone, n, values);
        }
    }
}

/* Called by the float network for each value it computes, in the order of the nodes, which is that of the steps. */
static void compare_value(void *ctx, value_id v, const struct tensor *x)
{
    struct lane *const lane = ctx;
    const struct value_map *const map = lane->map;
    for (uint32_t i = map->first[v]; i != NONE; i = map->next[i])
        if (map->step[i] != NONE) runtime_run_step(lane->alone, (int)map->step[i]);
    for (uint32_t i = map->first[v]; i != NONE; i = map->next[i]) {
        const struct plan_tensor *const t = &lane->plan->tensors[i];
        const size_t plane = (size_t)t->h * (size_t)t->w;
        compare_tensor(lane, i, (const float *)x->data + map->channel[i] * plane);
    }
}

/* ---- photos ---- */

struct round {
    const struct itx_build_options *options;
    struct lane *lanes;
    int first, n; /* lane i has sample first + i */
};

static void write_inputs(const struct lane *lane, const struct runtime *r)
{
    void *tensors[PLAN_MAX_IO];
    for (int i = 0; i < lane->plan->n_inputs; i++)
        tensors[i] = runtime_tensor(r, lane->plan->inputs[i].tensor);
    network_write_input(lane->run.network, lane->plan, lane->run.frame.rgb,
                        (const float *const *)lane->run.inputs, tensors);
}

static itx_status compare_sample(struct lane *lane, const struct itx_build_options *o, int i)
{
    struct sample sample;
    itx_status rc = sample_load(&sample, &lane->run, o, i, &lane->err);
    lane->is_used = !sample.is_unreadable;
    sample_release(&sample);
    if (!lane->is_used) return ITX_OK; /* warned about before */
    ITX_TRY(rc);
    write_inputs(lane, lane->whole);
    write_inputs(lane, lane->alone);
    runtime_run(lane->whole);
    return float_run_input(&lane->run, compare_value, lane, &lane->err);
}

static void run_lane(void *ctx, int worker, int n_workers)
{
    const struct round *const round = ctx;
    struct lane *const lane = &round->lanes[worker];
    (void)n_workers;
    lane->rc = ITX_OK;
    lane->is_used = false;
    if (worker < round->n) lane->rc = compare_sample(lane, round->options, round->first + worker);
}

/* In the order of the photos, so that sums are the same for any number of lanes. *done grows by those that were used. */
static itx_status end_round(struct comparison *sum, const struct round *round, int *done,
                            struct itx_error *err)
{
    for (int k = 0; k < round->n; k++) {
        struct lane *const lane = &round->lanes[k];
        if (lane->rc != ITX_OK) {
            if (err != NULL) *err = lane->err;
            return lane->rc;
        }
        *done += lane->is_used;
        for (int i = 0; i < lane->plan->n_tensors; i++) {
            merge_closeness(&sum[i].whole, &lane->result[i].whole);
            merge_closeness(&sum[i].alone, &lane->result[i].alone);
            sum[i].rounding_square += lane->result[i].rounding_square;
            sum[i].stored_square += lane->result[i].stored_square;
            sum[i].n_stored += lane->result[i].n_stored;
            sum[i].n_clipped += lane->result[i].n_clipped;
        }
        memset(lane->result, 0, (size_t)lane->plan->n_tensors * sizeof *lane->result);
    }
    return ITX_OK;
}

static itx_status lane_create(struct lane *lane, const struct network *n, const struct plan *plan,
                              const struct value_map *map, struct itx_error *err)
{
    const struct runtime_options o = {.cpu = cpu_detect(), .n_threads = 1, .keep_tensors = true};
    lane->plan = plan;
    lane->map = map;
    lane->result = mem_calloc((size_t)plan->n_tensors, sizeof *lane->result);
    if (lane->result == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    ITX_TRY(runtime_create(&lane->whole, plan, &o, err));
    ITX_TRY(runtime_create(&lane->alone, plan, &o, err));
    return float_run_create(&lane->run, n, 1, err);
}

static void lane_release(struct lane *lane)
{
    float_run_release(&lane->run);
    runtime_destroy(&lane->alone);
    runtime_destroy(&lane->whole);
    mem_free(lane->result);
}

/* Pictures that cannot be read are passed over. */
static itx_status run_rounds(struct comparison *sum, struct lane *lanes, int n_lanes,
                             const struct itx_build_options *o, int n_photos, struct itx_error *err)
{
    const int n_samples = sample_count(o, lanes->run.network);
    struct pool *pool = NULL;
    itx_status rc = pool_create(&pool, n_lanes, err);
    for (int at = 0, done = 0; rc == ITX_OK && at < n_samples && done < n_photos;) {
        int n = n_samples - at < n_lanes ? n_samples - at : n_lanes;
        n = n_photos - done < n ? n_photos - done : n;
        struct round round = {o, lanes, at, n};
        pool_run(pool, run_lane, &round);
        rc = end_round(sum, &round, &done, err);
        at += n;
    }
    pool_destroy(&pool);
    return rc;
}

itx_status compare_network(struct comparison **out, const struct network *n,
                           const struct plan *plan, const struct itx_build_options *o,
                           int n_threads, int n_photos, struct itx_error *err)
{
    const int most = n_threads < MAX_LANES ? n_threads : MAX_LANES;
    const int n_lanes = n_photos < most ? n_photos : most;
    struct lane lanes[MAX_LANES] = {{0}};
    struct value_map map = {0};
    struct comparison *sum = mem_calloc((size_t)plan->n_tensors, sizeof *sum);
    itx_status rc = sum != NULL ? value_map_create(&map, n->graph, plan, err)
                                : itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (int i = 0; rc == ITX_OK && i < n_lanes; i++)
        rc = lane_create(&lanes[i], n, plan, &map, err);
    for (value_id v = 1; rc == ITX_OK && v < n->graph->values.len; v++)
        for (uint32_t i = map.first[v]; i != NONE; i = map.next[i]) sum[i].value = v;
    if (rc == ITX_OK) rc = run_rounds(sum, lanes, n_lanes, o, n_photos, err);
    if (rc == ITX_OK)
        *out = sum;
    else
        mem_free(sum);
    for (int i = 0; i < n_lanes; i++) lane_release(&lanes[i]);
    value_map_release(&map);
    return rc;
}
