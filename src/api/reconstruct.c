/* SPDX-License-Identifier: Apache-2.0
 *
 * First every photo goes once through the float network, which leaves the sums of every convolution at some positions.
 * Then the int8 program runs in stages, all photos side by side, each in memory of its own: a stage's convolutions are
 * rounded, on inputs that are all there, before the stage runs.
 */
#include "api/reconstruct.h"

#include <math.h>
#include <string.h>

#include "api/calibrate.h"
#include "api/site.h"
#include "base/bytes.h"
#include "base/cpu.h"
#include "base/mem.h"
#include "runtime/runtime.h"

#define MAP 80 /* cells of a side of the map of objects: YOLO's finest grid at 640 */
#define LOGIT_OF_OBJECT (-2.2f) /* a score of 0.1 */
#define MEMORY_OF_PHOTOS ((uint64_t)400 << 20)
#define MEMORY_OF_SUMS ((uint64_t)300 << 20)

struct photo {
    int id; /* among the calibration pictures */
    bool is_used;
    uint8_t *memory;           /* of the plan's tensors */
    uint8_t weight[MAP * MAP]; /* how dense positions lie */
};

/* The upper half of a float: sums are kept with 8 bits, which is far finer than what is corrected. */
typedef uint16_t half_sum;

struct layer {
    struct site site;
    int n_positions;  /* in a photo */
    half_sum *sums;   /* [photos, n_positions, rows] */
    int16_t *patches; /* [photos, n_positions, patch_size], while its stage is at work */
};

struct lane {
    struct float_run run;
    struct runtime *runtime;
    struct itx_error err;
    itx_status rc;
    int photo; /* at work */
    float *patches, *sums;
    int *positions;
};

struct work {
    struct plan *plan;
    struct arena *arena;
    const struct network *network;
    const struct itx_build_options *o;
    const struct reconstruct_options *opt;
    struct pool *pool;
    int n_photos, n_layers, n_lanes;
    struct photo *photos;
    struct layer *layers;
    struct lane *lanes;
    int first_photo;            /* of the round */
    int first_layer, end_layer; /* of the stage */
};

/* ---- positions ---- */

/* A number from a number, evenly spread (the finaliser of C. Wellons' hash "lowbias32"). */
static uint32_t scatter(uint32_t x)
{
    x = (x ^ x >> 16) * 0x7feb352du;
    x = (x ^ x >> 15) * 0x846ca68bu;
    return x ^ x >> 16;
}

static uint64_t weight_at(const struct photo *photo, const struct patch_window *w, int y, int x)
{
    return photo->weight[y * MAP / w->out_h * MAP + x * MAP / w->out_w];
}

/* The grid's weights, one after another, are cut into as many equal parts as positions are wanted; in each part one point
 * is taken at random. Layers with the same grid look at the same positions. */
static void choose_positions(const struct layer *l, const struct photo *p, int *positions)
{
    const struct patch_window *const w = &l->site.window;
    uint64_t total = 0, seen = 0;
    for (int y = 0; y < w->out_h; y++)
        for (int x = 0; x < w->out_w; x++) total += weight_at(p, w, y, x);
    int i = 0;
    for (int y = 0; y < w->out_h; y++)
        for (int x = 0; x < w->out_w; x++) {
            seen += weight_at(p, w, y, x);
            for (; i < l->n_positions; i++) {
                const uint32_t seed = (uint32_t)p->id * 65536 + (uint32_t)i;
                const uint64_t at = ((uint64_t)i << 16) + (scatter(seed) >> 16);
                if (at * total >= (seen << 16) * (uint64_t)l->n_positions) break;
                positions[i] = y * w->out_w + x;
            }
        }
}

/* Cells near a place that some class's score says is an object. */
static void mark_objects(const struct work *k, const struct plan_tensor *t, const int32_t *logits,
                         uint8_t *weight)
{
    for (int y = 0; y < t->h; y++)
        for (int x = 0; x < t->w; x++) {
            float most = LOGIT_OF_OBJECT;
            for (int c = 0; c < t->c; c++)
                most = fmaxf(most, (float)logits[(y * t->w + x) * t->pixel + c] *
                                       t->scale[t->n_quant > 1 ? c : 0]);
            if (most <= LOGIT_OF_OBJECT) continue;
            const int top = (y - 1) * MAP / t->h, bottom = (y + 2) * MAP / t->h;
            const int left = (x - 1) * MAP / t->w, right = (x + 2) * MAP / t->w;
            for (int v = top < 0 ? 0 : top; v < bottom && v < MAP; v++)
                for (int u = left < 0 ? 0 : left; u < right && u < MAP; u++)
                    weight[v * MAP + u] = (uint8_t)k->opt->object_weight;
        }
}

static void make_map(const struct work *k, struct photo *photo)
{
    const struct plan *const plan = k->plan;
    memset(photo->weight, 1, sizeof photo->weight);
    for (int i = 0; i < plan->head.n_levels; i++) {
        const struct plan_tensor *const t =
            &plan->tensors[plan->outputs[plan->head.level[i].cls].tensor];
        if (t->dtype != DTYPE_S32) continue;
        mark_objects(k, t,
                     (const int32_t *)(const void *)(photo->memory +
                                                     plan->buffers[t->buffer].offset + t->offset),
                     photo->weight);
    }
}

/* ---- the float network's sums ---- */

/* What the observer of a float run needs. */
struct watch {
    const struct work *work;
    struct lane *lane;
};

static void keep_sums(void *ctx, value_id v, const struct tensor *t)
{
    const struct watch *const watch = ctx;
    struct lane *const lane = watch->lane;
    for (int i = 0; i < watch->work->n_layers; i++) {
        const struct layer *const l = &watch->work->layers[i];
        if (l->site.input != v) continue;
        choose_positions(l, &watch->work->photos[lane->photo], lane->positions);
        site_float_sums(&l->site, watch->work->plan, t->data, lane->positions, l->n_positions,
                        lane->patches, lane->sums);
        const size_t n = (size_t)l->n_positions * (size_t)l->site.rows;
        half_sum *const to = l->sums + (size_t)lane->photo * n;
        for (size_t j = 0; j < n; j++) /* to nearest */
            to[j] = (half_sum)((bits_of_float(lane->sums[j]) + 0x8000) >> 16);
    }
}

static void write_input(const struct work *k, const struct float_run *run, uint8_t *memory)
{
    void *tensors[PLAN_MAX_IO];
    for (int i = 0; i < k->plan->n_inputs; i++) {
        const struct plan_tensor *const t = &k->plan->tensors[k->plan->inputs[i].tensor];
        tensors[i] = memory + k->plan->buffers[t->buffer].offset + t->offset;
    }
    network_write_input(k->network, k->plan, run->frame.rgb, (const float *const *)run->inputs,
                        tensors);
}

static itx_status run_photo(const struct work *k, struct lane *lane, struct photo *photo)
{
    struct float_run *const run = &lane->run;
    struct sample sample;
    const itx_status rc = sample_load(&sample, run, k->o, photo->id, &lane->err);
    photo->is_used = !sample.is_unreadable;
    sample_release(&sample);
    if (!photo->is_used) return ITX_OK; /* warned about before */
    ITX_TRY(rc);
    write_input(k, run, photo->memory);
    runtime_use_memory(lane->runtime, photo->memory);
    runtime_run(lane->runtime);
    make_map(k, photo);
    write_input(k, run, photo->memory); /* its place may have been used again */
    struct watch watch = {k, lane};
    ITX_TRY(float_run_input(run, keep_sums, &watch, &lane->err));
    for (int i = 0; i < run->n_inputs; i++) { /* the observer sees what is computed */
        const struct tensor input = {.data = run->inputs[i]};
        keep_sums(&watch, k->network->graph->inputs.data[i], &input);
    }
    return ITX_OK;
}

static void run_lane(void *ctx, int worker, int n_workers)
{
    const struct work *const k = ctx;
    struct lane *const lane = &k->lanes[worker];
    (void)n_workers;
    lane->photo = k->first_photo + worker;
    if (lane->photo < k->n_photos) lane->rc = run_photo(k, lane, &k->photos[lane->photo]);
}

/* Photos that could not be read leave no gap. */
static void drop_unused(struct work *k)
{
    int n = 0;
    for (int i = 0; i < k->n_photos; i++) {
        if (!k->photos[i].is_used) continue;
        for (int j = 0; i != n && j < k->n_layers; j++) {
            struct layer *const l = &k->layers[j];
            const size_t size = (size_t)l->n_positions * (size_t)l->site.rows;
            memcpy(l->sums + (size_t)n * size, l->sums + (size_t)i * size, size * sizeof *l->sums);
        }
        const struct photo unused = k->photos[n];
        k->photos[n++] = k->photos[i];
        if (i != n - 1) k->photos[i] = unused;
    }
    for (int i = n; i < k->n_photos; i++) {
        mem_free_aligned(k->photos[i].memory);
        k->photos[i].memory = NULL;
    }
    k->n_photos = n;
}

static itx_status run_photos(struct work *k, struct itx_error *err)
{
    for (int at = 0; at < k->n_photos; at += k->n_lanes) {
        k->first_photo = at;
        ITX_TRY(build_progress(k->o, "round weights", at, k->n_photos + k->plan->n_steps, err));
        pool_run(k->pool, run_lane, k);
        for (int i = 0; i < k->n_lanes; i++) {
            if (k->lanes[i].rc == ITX_OK) continue;
            if (err != NULL) *err = k->lanes[i].err;
            return k->lanes[i].rc;
        }
    }
    drop_unused(k);
    return ITX_OK;
}

/* ---- the int8 program, stage by stage ---- */

static void gather_part(void *ctx, int worker, int n_workers)
{
    const struct work *const k = ctx;
    int *const positions = k->lanes[worker].positions;
    for (int i = worker; i < k->n_photos; i += n_workers)
        for (int j = k->first_layer; j < k->end_layer; j++) {
            const struct layer *const l = &k->layers[j];
            const struct plan_tensor *const t =
                &k->plan->tensors[k->plan->steps[l->site.step].in[0]];
            const size_t n = (size_t)l->n_positions * (size_t)patch_size(&l->site.window);
            choose_positions(l, &k->photos[i], positions);
            site_patches(&l->site, k->plan,
                         k->photos[i].memory + k->plan->buffers[t->buffer].offset + t->offset,
                         positions, l->n_positions, l->patches + (size_t)i * n);
        }
}

static void run_stage_part(void *ctx, int worker, int n_workers)
{
    const struct work *const k = ctx;
    for (int i = worker; i < k->n_photos; i += n_workers) {
        runtime_use_memory(k->lanes[worker].runtime, k->photos[i].memory);
        runtime_run(k->lanes[worker].runtime);
    }
}

static itx_status make_runtimes(struct work *k, const struct plan *plan, struct itx_error *err)
{
    const struct runtime_options options = {.cpu = cpu_detect(), .n_threads = 1, .guest = true};
    for (int i = 0; i < k->n_lanes; i++) {
        runtime_destroy(&k->lanes[i].runtime);
        ITX_TRY(runtime_create(&k->lanes[i].runtime, plan, &options, err));
    }
    return ITX_OK;
}

static itx_status round_layer(struct work *k, struct layer *l, struct itx_error *err)
{
    const size_t n = (size_t)k->n_photos * (size_t)l->n_positions;
    const size_t n_sums = n * (size_t)l->site.rows;
    float *const sums = mem_calloc(n_sums, sizeof *sums);
    if (sums == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory for %zu sums", n_sums);
    for (size_t i = 0; i < n_sums; i++) sums[i] = float_of_bits((uint32_t)l->sums[i] << 16);
    const itx_status rc = site_round(&l->site, k->plan, k->arena, n, l->patches, sums,
                                     &k->opt->rounding, k->pool, err);
    mem_free(sums);
    mem_free(l->sums);
    l->sums = NULL;
    return rc;
}

static itx_status round_stage(struct work *k, struct itx_error *err)
{
    for (int i = k->first_layer; i < k->end_layer; i++) {
        struct layer *const l = &k->layers[i];
        const size_t n = (size_t)k->n_photos * (size_t)l->n_positions;
        l->patches = mem_calloc(n, (size_t)patch_size(&l->site.window) * sizeof *l->patches);
        if (l->patches == NULL)
            return itx_fail(err, ITX_E_NOMEM, "out of memory for %zu samples", n);
    }
    pool_run(k->pool, gather_part, k);
    for (int i = k->first_layer; i < k->end_layer; i++) {
        struct layer *const l = &k->layers[i];
        ITX_TRY(round_layer(k, l, err));
        mem_free(l->patches);
        l->patches = NULL;
    }
    return ITX_OK;
}

/* True when a step in [begin, step) writes into the buffer that convolution `step` reads. */
static bool needs_stage(const struct plan *plan, int begin, int step)
{
    const uint32_t buffer = plan->tensors[plan->steps[step].in[0]].buffer;
    for (int i = begin; i < step; i++)
        if (plan->tensors[plan->steps[i].out].buffer == buffer) return true;
    return false;
}

static itx_status run_stages(struct work *k, struct itx_error *err)
{
    const struct plan *const plan = k->plan;
    for (int begin = 0, end = 0; begin < plan->n_steps; begin = end) {
        k->first_layer = k->end_layer;
        for (; end < plan->n_steps; end++) {
            if (k->end_layer == k->n_layers || k->layers[k->end_layer].site.step != end) continue;
            if (needs_stage(plan, begin, end)) break;
            k->end_layer++;
        }
        ITX_TRY(build_progress(k->o, "round weights", k->n_photos + begin,
                               k->n_photos + plan->n_steps, err));
        ITX_TRY(round_stage(k, err));
        struct plan stage = *plan;
        stage.steps += begin;
        stage.n_steps = end - begin;
        ITX_TRY(make_runtimes(k, &stage, err));
        pool_run(k->pool, run_stage_part, k);
    }
    return ITX_OK;
}

/* ---- the whole ---- */

/* How much of what is asked for fits in memory. */
static itx_status make_layers(struct work *k, struct itx_error *err)
{
    struct site *sites = NULL;
    ITX_TRY(sites_make(&sites, &k->n_layers, k->plan, k->network->graph, err));
    uint64_t rows = 0;
    for (int i = 0; i < k->n_layers; i++) rows += (uint64_t)sites[i].rows;
    uint64_t n = MEMORY_OF_SUMS / (sizeof(half_sum) * (rows + 1));
    if (n > (uint64_t)k->opt->n_positions) n = (uint64_t)k->opt->n_positions;
    n = n / (uint64_t)k->n_photos + 1;
    k->layers = mem_calloc((size_t)k->n_layers + 1, sizeof *k->layers);
    if (k->layers == NULL) goto no_memory;
    for (int i = 0; i < k->n_layers; i++) {
        struct layer *const l = &k->layers[i];
        l->site = sites[i];
        const uint64_t all = (uint64_t)l->site.window.out_h * (uint64_t)l->site.window.out_w;
        l->n_positions = (int)(n < all ? n : all);
        l->sums = mem_calloc((size_t)k->n_photos * (size_t)l->n_positions,
                             (size_t)l->site.rows * sizeof *l->sums);
        if (l->sums == NULL) goto no_memory;
    }
    mem_free(sites);
    return ITX_OK;

no_memory:
    mem_free(sites);
    return itx_fail(err, ITX_E_NOMEM, "out of memory for the sums of %d layers", k->n_layers);
}

static itx_status make_photos(struct work *k, struct itx_error *err)
{
    const uint64_t each = k->plan->arena_size + PLAN_TAIL;
    uint64_t n = MEMORY_OF_PHOTOS / each + 1;
    if (n > (uint64_t)k->opt->max_photos) n = (uint64_t)k->opt->max_photos;
    const int n_samples = sample_count(k->o, k->network);
    if (n > (uint64_t)n_samples) n = (uint64_t)n_samples;
    k->photos = mem_calloc((size_t)n, sizeof *k->photos);
    if (k->photos == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    k->n_photos = (int)n;
    for (int i = 0; i < k->n_photos; i++) {
        k->photos[i].id = (int)((long long)i * n_samples / k->n_photos);
        k->photos[i].memory = mem_alloc_aligned(PLAN_ALIGN, (size_t)each);
        if (k->photos[i].memory == NULL)
            return itx_fail(err, ITX_E_NOMEM, "out of memory for %d photos", k->n_photos);
    }
    return ITX_OK;
}

static itx_status make_lanes(struct work *k, int n_threads, struct itx_error *err)
{
    size_t patches = 0, sums = 0, positions = 0;
    for (int i = 0; i < k->n_layers; i++) {
        const struct layer *const l = &k->layers[i];
        const size_t n = (size_t)l->n_positions;
        const size_t size = n * (size_t)patch_size(&l->site.window);
        patches = size > patches ? size : patches;
        sums = n * (size_t)l->site.rows > sums ? n * (size_t)l->site.rows : sums;
        positions = n > positions ? n : positions;
    }
    k->n_lanes = n_threads < k->n_photos ? n_threads : k->n_photos;
    k->lanes = mem_calloc((size_t)k->n_lanes, sizeof *k->lanes);
    if (k->lanes == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (int i = 0; i < k->n_lanes; i++) {
        struct lane *const lane = &k->lanes[i];
        ITX_TRY(float_run_create(&lane->run, k->network, 1, err));
        lane->patches = mem_calloc(patches, sizeof *lane->patches);
        lane->sums = mem_calloc(sums, sizeof *lane->sums);
        lane->positions = mem_calloc(positions, sizeof *lane->positions);
        if (lane->patches == NULL || lane->sums == NULL || lane->positions == NULL)
            return itx_fail(err, ITX_E_NOMEM, "out of memory for samples");
    }
    ITX_TRY(make_runtimes(k, k->plan, err));
    return pool_create(&k->pool, k->n_lanes, err);
}

static void release(struct work *k)
{
    for (int i = 0; k->lanes != NULL && i < k->n_lanes; i++) {
        float_run_release(&k->lanes[i].run);
        runtime_destroy(&k->lanes[i].runtime);
        mem_free(k->lanes[i].patches);
        mem_free(k->lanes[i].sums);
        mem_free(k->lanes[i].positions);
    }
    for (int i = 0; k->layers != NULL && i < k->n_layers; i++) {
        mem_free(k->layers[i].sums);
        mem_free(k->layers[i].patches);
    }
    for (int i = 0; k->photos != NULL && i < k->n_photos; i++)
        mem_free_aligned(k->photos[i].memory);
    mem_free(k->lanes);
    mem_free(k->layers);
    mem_free(k->photos);
    pool_destroy(&k->pool);
}

itx_status reconstruct(struct plan *plan, struct arena *arena, const struct network *n,
                       const struct itx_build_options *o, int n_threads,
                       const struct reconstruct_options *opt, struct itx_error *err)
{
    struct work k = {.plan = plan, .arena = arena, .network = n, .o = o, .opt = opt};
    itx_status rc = make_photos(&k, err);
    if (rc == ITX_OK) rc = make_layers(&k, err);
    if (rc == ITX_OK) rc = make_lanes(&k, n_threads, err);
    if (rc == ITX_OK) rc = run_photos(&k, err);
    if (rc == ITX_OK) rc = run_stages(&k, err);
    release(&k);
    return rc;
}
