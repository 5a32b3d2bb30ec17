/* SPDX-License-Identifier: Apache-2.0
 *
 * hrt_model_exec perf: several frames at work at the same time, each with a session that has its share of the
 * processors; so one thread has the best latency, several the best frame rate, as on the board.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "base/format.h"
#include "base/mem.h"
#include "base/pool.h"
#include "cmd/terminal.h"
#include "rdk/exec.h"

enum { ROUND = 200 /* frames between two lines */, DEFAULT_FRAMES = 200, WARM_UP = 3 };

struct worker {
    struct rdk_run run;
    struct dnn_profile times;
    itx_status rc;
    struct itx_error err;
};

struct job {
    const struct exec *exec;
    const struct rdk_frame *frame;
    struct worker *workers;
    int n_workers, n_frames;
    bool says;
    uint64_t end_ns; /* 0: none */
};

static void take_times(struct worker *w)
{
    const struct rdk_run *const r = &w->run;
    dnn_profile_add(&w->times, r->session);
    span_add(&w->times.frame, r->total_ns);
    for (int i = 0; i < r->n_outputs; i++) span_add(&w->times.output[i], r->output[i].ns);
}

static void serve(void *ctx, int worker, int n_workers)
{
    struct job *const job = ctx;
    struct worker *const w = &job->workers[worker];
    int begin, end;
    pool_part(job->n_frames, 1, worker, n_workers, &begin, &end);
    for (int i = begin; w->rc == ITX_OK && i < end; i++) {
        if (job->end_ns != 0 && clock_ns() >= job->end_ns) return;
        w->rc = rdk_run_frame(&w->run, job->frame, &w->err);
        if (w->rc == ITX_OK) take_times(w);
    }
}

/* ---- times of all ---- */

static void join(const struct job *job, struct dnn_profile *all)
{
    dnn_profile_clear(all);
    for (int k = 0; k < job->n_workers; k++) dnn_profile_join(all, &job->workers[k].times);
}

double exec_average_ms(const struct dnn_profile *t)
{
    return span_mean_ms(&t->frame, t->n_frames);
}

double exec_frames_a_second(const struct dnn_profile *t)
{
    return t->run_ns > 0 ? 1e9 * t->n_frames / (double)t->run_ns : 0;
}

static void print_count(const struct dnn_profile *t)
{
    format_out("Frame count: %d,  Thread Average: %f ms,  thread max latency: %f ms,  thread min "
               "latency: %f ms,  FPS: %f\n",
               t->n_frames, exec_average_ms(t), (double)t->frame.most / 1e6,
               (double)t->frame.least / 1e6, exec_frames_a_second(t));
    fflush(stdout);
}

static void print_result(const struct dnn_profile *t)
{
    format_out("\nRunning condition:\n  Thread number is: %d\n  Frame count   is: %d\n"
               "  Program run time: %f ms\nPerf result:\n  Frame totally latency is: %f ms\n"
               "  Average    latency    is: %f ms\n  Frame      rate       is: %f FPS\n",
               t->n_threads, t->n_frames, (double)t->run_ns / 1e6, (double)t->frame.sum / 1e6,
               exec_average_ms(t), exec_frames_a_second(t));
}

/* ---- running ---- */

static itx_status open_workers(struct job *job, struct itx_error *err)
{
    const int n_cpus = cpu_count();
    const int share = n_cpus > job->n_workers ? n_cpus / job->n_workers : 1;
    const bool profile = job->exec->options->profile_path != NULL;
    for (int k = 0; k < job->n_workers; k++) {
        struct worker *const w = &job->workers[k];
        ITX_TRY(dnn_profile_init(&w->times, job->exec->model, err));
        ITX_TRY(rdk_run_open(&w->run, job->exec->model, job->exec->plan, share,
                             profile ? RDK_RUN_PROFILE : 0, &job->exec->options->limits, err));
        for (int i = 0; i < WARM_UP; i++) ITX_TRY(rdk_run_frame(&w->run, job->frame, err));
    }
    return ITX_OK;
}

static itx_status run_rounds(struct job *job, struct dnn_profile *all, struct itx_error *err)
{
    const struct exec_options *const o = job->exec->options;
    const int wanted = o->perf_time > 0 ? 0 : o->frame_count > 0 ? o->frame_count : DEFAULT_FRAMES;
    struct pool *pool = NULL;
    ITX_TRY(pool_create(&pool, job->n_workers, err));
    const uint64_t start = clock_ns();
    if (o->perf_time > 0) job->end_ns = start + (uint64_t)o->perf_time * 60000000000u;
    itx_status rc = ITX_OK;
    do {
        const int left = wanted - all->n_frames;
        job->n_frames = wanted == 0 || left > ROUND ? ROUND : left;
        pool_run(pool, serve, job);
        for (int k = 0; rc == ITX_OK && k < job->n_workers; k++) {
            rc = job->workers[k].rc;
            if (rc != ITX_OK && err != NULL) *err = job->workers[k].err;
        }
        const uint64_t run_ns = clock_ns() - start;
        join(job, all);
        all->run_ns = run_ns;
        if (rc == ITX_OK && job->says) print_count(all);
    } while (rc == ITX_OK && (wanted == 0 ? clock_ns() < job->end_ns : all->n_frames < wanted));
    pool_destroy(&pool);
    return rc;
}

static itx_status measure(struct job *job, struct dnn_profile *all, struct itx_error *err)
{
    ITX_TRY(dnn_profile_init(all, job->exec->model, err));
    all->n_threads = job->n_workers;
    all->core_id = job->exec->options->core_id;
    ITX_TRY(open_workers(job, err));
    return run_rounds(job, all, err);
}

itx_status exec_perf_measure(const struct exec *e, int n_threads, bool says,
                             struct dnn_profile *times, struct itx_error *err)
{
    struct rdk_frame frame = {0};
    struct job job = {.exec = e, .frame = &frame, .n_workers = n_threads, .says = says};
    job.workers = mem_calloc((size_t)n_threads, sizeof *job.workers);
    if (job.workers == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    itx_status rc = exec_frame(e, &frame, err);
    if (rc == ITX_OK) rc = measure(&job, times, err);
    for (int k = 0; k < n_threads; k++) {
        rdk_run_release(&job.workers[k].run);
        dnn_profile_release(&job.workers[k].times);
    }
    mem_free(job.workers);
    rdk_frame_release(&frame);
    return rc;
}

itx_status exec_perf(struct exec *e, struct itx_error *err)
{
    const char *const folder = e->options->profile_path;
    const int given = e->options->thread_num;
    const int n = given > EXEC_MAX_THREADS ? EXEC_MAX_THREADS : given;
    struct dnn_profile times = {0};
    if (given > n) say_warning("--thread_num %d: %d are used, there are no more", given, n);
    if (folder != NULL) ITX_TRY(file_make_folders(folder, err));
    itx_status rc = exec_perf_measure(e, n, true, &times, err);
    if (rc == ITX_OK) print_result(&times);
    if (rc == ITX_OK && folder != NULL)
        rc = dnn_profile_write(&(struct dnn_profiled){e->model, &times}, 1, folder, &e->used, err);
    dnn_profile_release(&times);
    return rc;
}
