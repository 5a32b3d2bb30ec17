/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/status.h"
#include "cmd/perf.h"

enum { OPENINGS = 5 };

/* ---- series of times ---- */

static itx_status times_init(struct perf_times *t, int room, struct itx_error *err)
{
    t->ns = mem_calloc((size_t)room, sizeof t->ns[0]);
    return t->ns != NULL ? ITX_OK : itx_fail(err, ITX_E_NOMEM, "out of memory");
}

static void times_add(struct perf_times *t, uint64_t ns)
{
    t->ns[t->n++] = ns;
}

static int by_value(const void *a, const void *b)
{
    const uint64_t *p = a, *q = b;
    return (*p > *q) - (*p < *q);
}

static void times_sort(struct perf_times *t)
{
    if (t->n > 1) qsort(t->ns, (size_t)t->n, sizeof t->ns[0], by_value);
}

double perf_quantile_ms(const struct perf_times *t, double part)
{
    int i = (int)(part * t->n);
    if (i >= t->n) i = t->n - 1;
    return i >= 0 ? (double)t->ns[i] / 1e6 : 0;
}

/* ---- starting ---- */

static itx_status open_session(struct perf *p, struct net *net, struct itx_error *err)
{
    const uint64_t start = clock_ns();
    ITX_TRY(itx_model_open(&net->model, p->path, NULL, err));
    const uint64_t opened = clock_ns();
    itx_status rc = itx_session_create(&net->session, net->model, &net->options, err);
    if (rc != ITX_OK) {
        itx_error_prefix(err, "%s", p->path);
        return rc;
    }
    times_add(&p->create, clock_ns() - opened);
    times_add(&p->open, opened - start);
    return itx_model_get_info(net->model, &net->info, err);
}

static itx_status open_again(struct perf *p, struct itx_error *err)
{
    struct net net = {.options = p->net.options};
    const itx_status rc = open_session(p, &net, err);
    net_close(&net);
    return rc;
}

static itx_status start(struct perf *p, struct itx_error *err)
{
    ITX_TRY(times_init(&p->open, OPENINGS, err));
    ITX_TRY(times_init(&p->create, OPENINGS, err));
    return open_session(p, &p->net, err);
}

/* How many times each photo is run, so that all together are at least the wanted number of frames. */
static int rounds_of(const struct perf *p)
{
    const size_t n = p->photos.paths.len;
    return n > 1 ? (int)(((size_t)p->options->runs + n - 1) / n) : p->options->runs;
}

static itx_status make_room(struct perf *p, struct itx_error *err)
{
    const size_t n_photos = p->photos.paths.len > 0 ? p->photos.paths.len : 1;
    p->n_frames = rounds_of(p) * (int)n_photos;
    for (int i = 0; i < PERF_SERIES_COUNT; i++) ITX_TRY(times_init(&p->times[i], p->n_frames, err));
    if (!p->options->layers) return ITX_OK;
    p->step = mem_calloc((size_t)p->net.info.n_steps, sizeof p->step[0]);
    if (p->step == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    p->n_steps = p->net.info.n_steps;
    for (int i = 0; i < p->n_steps; i++) ITX_TRY(times_init(&p->step[i], p->n_frames, err));
    return ITX_OK;
}

/* ---- one frame ---- */

static itx_status run_network(struct net *net, const struct perf_frame *frame,
                              struct itx_error *err)
{
    const float *const inputs[] = {frame->numbers};
    if (frame->numbers != NULL) return itx_session_run_float(net->session, inputs, 1, err);
    return itx_session_run(net->session, &frame->image, err);
}

static bool has_instances(const struct net *net)
{
    return net->info.task != ITX_TASK_RAW && net->info.input_format != ITX_IMAGE_NONE;
}

static void add_network(struct perf *p, const struct itx_timing *timing)
{
    times_add(&p->times[PERF_NETWORK], timing->network_ns);
    times_add(&p->times[PERF_RUN], timing->prepare_ns + timing->network_ns);
    for (int i = 0; i < p->n_steps; i++)
        times_add(&p->step[i], itx_session_step_ns(p->net.session, i));
}

/* All outputs, and decoded where they can be. */
static itx_status run_dense(struct perf *p, const struct perf_frame *frame, struct itx_error *err)
{
    itx_session *const session = p->net.session;
    struct itx_timing timing;
    const struct itx_instance *found;
    int n;
    const uint64_t begin = clock_ns();
    ITX_TRY(run_network(&p->net, frame, err));
    const uint64_t ready = clock_ns();
    ITX_TRY(itx_session_timing(session, &timing, err));
    add_network(p, &timing);
    if (!has_instances(&p->net)) return ITX_OK;
    const uint64_t again = clock_ns();
    ITX_TRY(itx_session_decode(session, &p->net.options, &found, &n, err));
    const uint64_t decode = clock_ns() - again;
    times_add(&p->times[PERF_DECODE], decode);
    times_add(&p->times[PERF_DENSE], ready - begin + decode);
    return ITX_OK;
}

/* The instances and their masks. Counts are added to the sums of `p`. */
static itx_status run_demand(struct perf *p, const struct perf_frame *frame, struct itx_error *err)
{
    struct itx_timing timing;
    const struct itx_instance *found;
    int n, x, y, w, h;
    const uint8_t *mask;
    const uint64_t begin = clock_ns();
    ITX_TRY(itx_session_segment(p->net.session, &frame->image, &found, &n, err));
    const uint64_t end = clock_ns();
    for (int i = 0; i < n; i++)
        ITX_TRY(itx_session_mask_box(p->net.session, i, &x, &y, &w, &h, &mask, err));
    times_add(&p->times[PERF_MASKS], clock_ns() - end);
    times_add(&p->times[PERF_DEMAND], end - begin);
    ITX_TRY(itx_session_timing(p->net.session, &timing, err));
    p->objects += n;
    p->demand_part += (double)timing.multiply_adds / (double)p->net.info.multiply_adds;
    return ITX_OK;
}

static const char *photo(const struct perf *p, size_t i)
{
    return i < p->photos.paths.len ? p->photos.paths.data[i] : NULL;
}

static itx_status run_frames(struct perf *p, struct progress *progress, struct itx_error *err)
{
    const int n_rounds = rounds_of(p);
    itx_status rc = ITX_OK;
    for (int i = 0; rc == ITX_OK && i < p->n_frames;) {
        struct perf_frame frame;
        rc = perf_frame_make(&frame, &p->net.info, photo(p, (size_t)(i / n_rounds)),
                             p->options->max_pixels, err);
        if (rc == ITX_OK) rc = run_network(&p->net, &frame, err); /* the picture into the cache */
        for (int k = 0; rc == ITX_OK && k < n_rounds; k++, i++) {
            rc = run_dense(p, &frame, err);
            if (rc == ITX_OK && has_instances(&p->net)) rc = run_demand(p, &frame, err);
            progress_update(progress, "measuring", i + 1, p->n_frames);
        }
        perf_frame_release(&frame);
    }
    p->objects /= p->n_frames;
    p->demand_part /= p->n_frames;
    return rc;
}

static itx_status warm_up(struct perf *p, struct itx_error *err)
{
    struct perf_frame frame;
    itx_status rc = perf_frame_make(&frame, &p->net.info, photo(p, 0), p->options->max_pixels, err);
    for (int i = 0; rc == ITX_OK && i < p->options->warmup; i++)
        rc = run_network(&p->net, &frame, err);
    perf_frame_release(&frame);
    return rc;
}

static itx_status measure_machine(struct perf *p, struct itx_error *err)
{
    struct pool *pool = NULL;
    p->clock_ghz = machine_clock_ghz();
    p->peak[0] = itx_session_peak(p->net.session, 8);
    p->peak[1] = itx_session_peak(p->net.session, 16);
    ITX_TRY(pool_create(&pool, itx_session_n_threads(p->net.session), err));
    p->copy_rate = machine_copy_rate(pool, p->net.info.arena_bytes);
    pool_destroy(&pool);
    return ITX_OK;
}

itx_status perf_measure(struct perf *p, struct itx_error *err)
{
    struct progress progress = {0};
    ITX_TRY(start(p, err));
    ITX_TRY(make_room(p, err));
    ITX_TRY(itx_session_memory(p->net.session, &p->session_memory, err));
    ITX_TRY(warm_up(p, err));
    p->has_memory = machine_memory(&p->memory);
    while (p->open.n < OPENINGS) ITX_TRY(open_again(p, err));
    if (p->options->layers) ITX_TRY(measure_machine(p, err));
    const itx_status rc = run_frames(p, &progress, err);
    progress_clear(&progress);
    for (int i = 0; i < PERF_SERIES_COUNT; i++) times_sort(&p->times[i]);
    for (int i = 0; i < p->n_steps; i++) times_sort(&p->step[i]);
    times_sort(&p->open);
    times_sort(&p->create);
    return rc;
}

/* ---- throughput ---- */

/* One session with a thread of its own. */
struct server {
    struct net net;
    struct perf_times times;
    itx_status rc;
    struct itx_error err;
};

enum service { SERVE_DENSE, SERVE_DEMAND };

struct serving {
    struct server *servers;
    const struct perf_frame *frames;
    int n_servers, n_frames, n_runs;
    enum service service;
};

static void serve(void *ctx, int worker, int n_workers)
{
    const struct serving *const job = ctx;
    struct server *const s = &job->servers[worker];
    const struct itx_instance *found;
    int n;
    for (int i = 0; s->rc == ITX_OK && i < job->n_runs; i++) {
        const int at = (i + worker * job->n_frames / n_workers) % job->n_frames;
        const struct perf_frame *const frame = &job->frames[at];
        const uint64_t begin = clock_ns();
        s->rc = job->service == SERVE_DENSE
                    ? run_network(&s->net, frame, &s->err)
                    : itx_session_segment(s->net.session, &frame->image, &found, &n, &s->err);
        times_add(&s->times, clock_ns() - begin);
    }
}

static itx_status open_server(struct perf *p, struct server *s, int room, struct itx_error *err)
{
    s->net.options = p->net.options;
    s->net.options.n_threads = 1;
    s->net.info = p->net.info;
    ITX_TRY(times_init(&s->times, room, err));
    return itx_session_create(&s->net.session, p->net.model, &s->net.options, err);
}

/* Every server's frames, once; wall time in nanoseconds. */
static itx_status run_all(struct serving *job, struct pool *pool, int n_runs, uint64_t *ns,
                          struct itx_error *err)
{
    for (int i = 0; i < job->n_servers; i++) job->servers[i].times.n = 0;
    job->n_runs = n_runs;
    const uint64_t begin = clock_ns();
    pool_run(pool, serve, job);
    *ns = clock_ns() - begin;
    for (int i = 0; i < job->n_servers; i++) {
        if (job->servers[i].rc == ITX_OK) continue;
        *err = job->servers[i].err;
        return job->servers[i].rc;
    }
    return ITX_OK;
}

static itx_status measure_service(const struct perf *p, struct serving *job, struct pool *pool,
                                  struct perf_service *service, struct itx_error *err)
{
    uint64_t ns;
    const int n_all = job->n_servers * p->options->runs;
    ITX_TRY(times_init(&service->frame, n_all, err));
    ITX_TRY(run_all(job, pool, p->options->warmup, &ns, err));
    ITX_TRY(run_all(job, pool, p->options->runs, &ns, err));
    service->frames_a_second = 1e9 * n_all / (double)ns;
    for (int i = 0; i < job->n_servers; i++) {
        const struct perf_times *const t = &job->servers[i].times;
        for (int k = 0; k < t->n; k++) times_add(&service->frame, t->ns[k]);
    }
    times_sort(&service->frame);
    return ITX_OK;
}

static itx_status run_servers(struct perf *p, struct serving *job, struct itx_error *err)
{
    struct pool *pool = NULL;
    ITX_TRY(pool_create(&pool, job->n_servers, err));
    itx_status rc = measure_service(p, job, pool, &p->throughput.dense, err);
    p->has_memory = machine_memory(&p->memory);
    job->service = SERVE_DEMAND;
    if (rc == ITX_OK && has_instances(&p->net))
        rc = measure_service(p, job, pool, &p->throughput.demand, err);
    pool_destroy(&pool);
    return rc;
}

static itx_status serve_frames(struct perf *p, const struct perf_frame *frames, int n_frames,
                               struct itx_error *err)
{
    const int n = itx_session_n_threads(p->net.session);
    const struct perf_options *const o = p->options;
    const int room = o->runs > o->warmup ? o->runs : o->warmup;
    struct serving job = {.frames = frames, .n_frames = n_frames, .n_servers = n};
    p->throughput.n_sessions = n;
    p->throughput.cpu = itx_session_cpu(p->net.session);
    itx_session_destroy(&p->net.session);
    job.servers = mem_calloc((size_t)n, sizeof job.servers[0]);
    if (job.servers == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    itx_status rc = ITX_OK;
    for (int i = 0; rc == ITX_OK && i < n; i++) rc = open_server(p, &job.servers[i], room, err);
    if (rc == ITX_OK) rc = itx_session_memory(job.servers[0].net.session, &p->session_memory, err);
    if (rc == ITX_OK) rc = run_servers(p, &job, err);
    for (int i = 0; i < n; i++) {
        net_close(&job.servers[i].net);
        mem_free(job.servers[i].times.ns);
    }
    mem_free(job.servers);
    return rc;
}

itx_status perf_measure_throughput(struct perf *p, struct itx_error *err)
{
    enum { MAX_FRAMES = 16 }; /* all lie in memory */
    struct perf_frame frames[MAX_FRAMES] = {0};
    const size_t n_photos = p->photos.paths.len > 0 ? p->photos.paths.len : 1;
    const int n = n_photos < MAX_FRAMES ? (int)n_photos : MAX_FRAMES;
    if (p->photos.paths.len > MAX_FRAMES) p->photos.paths.len = MAX_FRAMES;
    itx_status rc = start(p, err);
    for (int i = 0; rc == ITX_OK && i < n; i++)
        rc = perf_frame_make(&frames[i], &p->net.info, photo(p, (size_t)i), p->options->max_pixels,
                             err);
    if (rc == ITX_OK) rc = serve_frames(p, frames, n, err);
    for (int i = 0; i < n; i++) perf_frame_release(&frames[i]);
    return rc;
}

void perf_release(struct perf *p)
{
    for (int i = 0; i < PERF_SERIES_COUNT; i++) mem_free(p->times[i].ns);
    for (int i = 0; i < p->n_steps; i++) mem_free(p->step[i].ns);
    mem_free(p->step);
    mem_free(p->open.ns);
    mem_free(p->create.ns);
    mem_free(p->throughput.dense.frame.ns);
    mem_free(p->throughput.demand.frame.ns);
    net_close(&p->net);
    file_list_release(&p->photos);
    *p = (struct perf){0};
}
