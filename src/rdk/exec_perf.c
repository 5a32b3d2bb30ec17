/* SPDX-License-Identifier: Apache-2.0
 *
 * hrt_model_exec perf: several frames at work at the same time, each with a session that has its share of the
 * processors; so one thread has the best latency, several the best frame rate, as on the board.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "base/mem.h"
#include "base/pool.h"
#include "cmd/terminal.h"
#include "rdk/exec.h"

enum { ROUND = 200 /* frames between two lines */, DEFAULT_FRAMES = 200, WARM_UP = 3 };

struct worker {
    struct rdk_run run;
    struct exec_times times;
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
    struct exec_times *const t = &w->times;
    t->n_frames++;
    rdk_span_add(&t->frame, r->total_ns);
    rdk_span_add(&t->prepare, r->timing.prepare_ns);
    rdk_span_add(&t->network, r->timing.network_ns);
    for (int i = 0; i < r->n_outputs; i++) rdk_span_add(&t->output[i], r->output[i].ns);
    for (int i = 0; t->step != NULL && i < r->plan->n_steps; i++)
        rdk_span_add(&t->step[i], itx_session_step_ns(r->session, i));
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

static itx_status times_init(struct exec_times *t, const struct exec *e, struct itx_error *err)
{
    *t = (struct exec_times){0};
    t->output = mem_calloc((size_t)e->plan->n_outputs, sizeof *t->output);
    if (t->output == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    if (e->options->profile_path == NULL) return ITX_OK;
    t->step = mem_calloc((size_t)e->plan->n_steps, sizeof *t->step);
    return t->step != NULL ? ITX_OK : itx_fail(err, ITX_E_NOMEM, "out of memory");
}

void exec_times_release(struct exec_times *t)
{
    mem_free(t->output);
    mem_free(t->step);
}

static void join(const struct job *job, struct exec_times *all)
{
    const struct plan *const plan = job->exec->plan;
    all->n_frames = 0;
    all->frame = all->prepare = all->network = (struct rdk_span){0};
    memset(all->output, 0, (size_t)plan->n_outputs * sizeof *all->output);
    if (all->step != NULL) memset(all->step, 0, (size_t)plan->n_steps * sizeof *all->step);
    for (int k = 0; k < job->n_workers; k++) {
        const struct exec_times *const t = &job->workers[k].times;
        all->n_frames += t->n_frames;
        rdk_span_join(&all->frame, &t->frame);
        rdk_span_join(&all->prepare, &t->prepare);
        rdk_span_join(&all->network, &t->network);
        for (int i = 0; i < plan->n_outputs; i++) rdk_span_join(&all->output[i], &t->output[i]);
        for (int i = 0; all->step != NULL && i < plan->n_steps; i++)
            rdk_span_join(&all->step[i], &t->step[i]);
    }
}

double exec_average_ms(const struct exec_times *t)
{
    return rdk_span_mean_ms(&t->frame, t->n_frames);
}

double exec_frames_a_second(const struct exec_times *t)
{
    return t->run_ns > 0 ? 1e9 * t->n_frames / (double)t->run_ns : 0;
}

static void print_count(const struct exec_times *t)
{
    printf("Frame count: %d,  Thread Average: %f ms,  thread max latency: %f ms,  thread min "
           "latency: %f ms,  FPS: %f\n",
           t->n_frames, exec_average_ms(t), (double)t->frame.most / 1e6,
           (double)t->frame.least / 1e6, exec_frames_a_second(t));
    fflush(stdout);
}

static void print_result(const struct exec_times *t)
{
    printf("\nRunning condition:\n  Thread number is: %d\n  Frame count   is: %d\n"
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
        ITX_TRY(times_init(&w->times, job->exec, err));
        ITX_TRY(rdk_run_open(&w->run, job->exec->model, job->exec->plan, share, profile, err));
        for (int i = 0; i < WARM_UP; i++) ITX_TRY(rdk_run_frame(&w->run, job->frame, err));
    }
    return ITX_OK;
}

static itx_status run_rounds(struct job *job, struct exec_times *all, struct itx_error *err)
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
        all->run_ns = clock_ns() - start;
        join(job, all);
        if (rc == ITX_OK && job->says) print_count(all);
    } while (rc == ITX_OK && (wanted == 0 ? clock_ns() < job->end_ns : all->n_frames < wanted));
    pool_destroy(&pool);
    return rc;
}

static itx_status measure(struct job *job, struct exec_times *all, struct itx_error *err)
{
    ITX_TRY(times_init(all, job->exec, err));
    all->n_threads = job->n_workers;
    ITX_TRY(open_workers(job, err));
    return run_rounds(job, all, err);
}

itx_status exec_perf_measure(const struct exec *e, int n_threads, bool says,
                             struct exec_times *times, struct itx_error *err)
{
    struct rdk_frame frame = {0};
    struct job job = {.exec = e, .frame = &frame, .n_workers = n_threads, .says = says};
    job.workers = mem_calloc((size_t)n_threads, sizeof *job.workers);
    if (job.workers == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    itx_status rc = exec_frame(e, &frame, err);
    if (rc == ITX_OK) rc = measure(&job, times, err);
    for (int k = 0; k < n_threads; k++) {
        rdk_run_release(&job.workers[k].run);
        exec_times_release(&job.workers[k].times);
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
    struct exec_times times = {0};
    if (given > n) say_warning("--thread_num %d: %d are used, there are no more", given, n);
    if (folder != NULL) ITX_TRY(rdk_make_folders(folder, err));
    itx_status rc = exec_perf_measure(e, n, true, &times, err);
    if (rc == ITX_OK) print_result(&times);
    if (rc == ITX_OK && folder != NULL) rc = exec_profile_write(e, &times, folder, err);
    exec_times_release(&times);
    return rc;
}
