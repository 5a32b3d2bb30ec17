/* SPDX-License-Identifier: Apache-2.0
 *
 * A job is announced by a new generation; threads, the caller among them, claim its parts one by one, so that a thread
 * which sleeps or is kept from running delays nothing that it has not begun. Both sides spin for a few microseconds
 * before they take the lock and sleep, since steps of a network follow each other closely.
 */
#include "base/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/float_mode.h"
#include "base/forks.h"
#include "base/mem.h"

#define SPIN_ROUNDS 4000

struct worker {
    struct pool *pool;
    pthread_t thread;
};

struct pool {
    int n_threads;
    unsigned n_forks; /* when it was made */
    pool_fn *fn;
    void *ctx;
    _Alignas(64) atomic_uint_fast64_t job; /* generation << 32 | parts claimed so far */
    _Alignas(64) atomic_int n_done;
    atomic_bool stop;
    pthread_mutex_t lock;
    pthread_cond_t start, finish;
    int n_started;
    struct worker workers[];
};

static inline void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static uint32_t generation_of(uint64_t job)
{
    return (uint32_t)(job >> 32);
}

/* The next part of job `generation`, or -1 when none is left. fn and ctx may be read only after a part was claimed:
 * until it is done, the caller stays in pool_run. */
static int claim(struct pool *pool, uint32_t generation)
{
    uint64_t job = atomic_load_explicit(&pool->job, memory_order_acquire);
    for (;;) {
        const uint32_t part = (uint32_t)job;
        if (generation_of(job) != generation || part >= (uint32_t)pool->n_threads) return -1;
        if (atomic_compare_exchange_weak_explicit(&pool->job, &job, job + 1, memory_order_acq_rel,
                                                  memory_order_acquire))
            return (int)part;
    }
}

static void run_parts(struct pool *pool, uint32_t generation)
{
    int part;
    while ((part = claim(pool, generation)) >= 0) {
        pool->fn(pool->ctx, part, pool->n_threads);
        if (atomic_fetch_add_explicit(&pool->n_done, 1, memory_order_acq_rel) + 1 !=
            pool->n_threads)
            continue;
        pthread_mutex_lock(&pool->lock);
        pthread_cond_signal(&pool->finish);
        pthread_mutex_unlock(&pool->lock);
    }
}

static uint32_t wait_for_job(struct pool *pool, uint32_t seen)
{
    uint32_t now;
    for (int i = 0; i < SPIN_ROUNDS; i++) {
        now = generation_of(atomic_load_explicit(&pool->job, memory_order_acquire));
        if (now != seen) return now;
        relax();
    }
    pthread_mutex_lock(&pool->lock);
    while ((now = generation_of(atomic_load_explicit(&pool->job, memory_order_acquire))) == seen)
        pthread_cond_wait(&pool->start, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
    return now;
}

static void *worker_main(void *arg)
{
    struct pool *const pool = ((struct worker *)arg)->pool;
    float_mode_enter(); /* whatever the thread that made this one had set */
    uint32_t seen = 0;
    for (;;) {
        seen = wait_for_job(pool, seen);
        if (atomic_load(&pool->stop)) return NULL;
        run_parts(pool, seen);
    }
}

static uint32_t announce(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    const uint32_t generation = generation_of(atomic_load(&pool->job)) + 1;
    atomic_store_explicit(&pool->job, (uint64_t)generation << 32, memory_order_release);
    pthread_cond_broadcast(&pool->start);
    pthread_mutex_unlock(&pool->lock);
    return generation;
}

itx_status pool_create(struct pool **out, int n_threads, struct itx_error *err)
{
    if (n_threads < 1 || n_threads > 256)
        return itx_fail(err, ITX_E_RANGE, "%d threads: 1 to 256 are possible", n_threads);
    struct pool *pool =
        mem_alloc_aligned(64, sizeof *pool + (size_t)n_threads * sizeof pool->workers[0]);
    if (pool == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory for %d threads", n_threads);
    pool->n_threads = n_threads;
    pool->n_forks = forks_count();
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->start, NULL);
    pthread_cond_init(&pool->finish, NULL);
    for (int i = 1; i < n_threads; i++) {
        pool->workers[i] = (struct worker){.pool = pool};
        if (pthread_create(&pool->workers[i].thread, NULL, worker_main, &pool->workers[i]) != 0) {
            pool_destroy(&pool);
            return itx_fail(err, ITX_E_NOMEM, "cannot start thread %d of %d", i + 1, n_threads);
        }
        pool->n_started = i;
    }
    *out = pool;
    return ITX_OK;
}

/* In a child the threads are not there, and the lock may be held by one of them for ever. */
static bool is_alone(const struct pool *pool)
{
    return pool->n_threads == 1 || pool->n_forks != forks_count();
}

static void stop_workers(struct pool *pool)
{
    atomic_store(&pool->stop, true);
    announce(pool);
    for (int i = 1; i <= pool->n_started; i++) pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->finish);
    pthread_cond_destroy(&pool->start);
    pthread_mutex_destroy(&pool->lock);
}

void pool_destroy(struct pool **pool_ptr)
{
    struct pool *const pool = *pool_ptr;
    if (pool == NULL) return;
    if (!is_alone(pool)) stop_workers(pool);
    mem_free_aligned(pool);
    *pool_ptr = NULL;
}

int pool_n_threads(const struct pool *pool)
{
    return pool != NULL ? pool->n_threads : 1;
}

void pool_run(struct pool *pool, pool_fn *fn, void *ctx)
{
    if (pool == NULL || is_alone(pool)) {
        const int n_workers = pool_n_threads(pool);
        const float_mode mode = float_mode_enter();
        for (int i = 0; i < n_workers; i++) fn(ctx, i, n_workers);
        float_mode_leave(mode);
        return;
    }
    pool->fn = fn;
    pool->ctx = ctx;
    atomic_store_explicit(&pool->n_done, 0, memory_order_relaxed);
    const float_mode mode = float_mode_enter();
    run_parts(pool, announce(pool));
    float_mode_leave(mode);
    for (int i = 0; i < SPIN_ROUNDS; i++) {
        if (atomic_load_explicit(&pool->n_done, memory_order_acquire) == pool->n_threads) return;
        relax();
    }
    pthread_mutex_lock(&pool->lock);
    while (atomic_load_explicit(&pool->n_done, memory_order_acquire) != pool->n_threads)
        pthread_cond_wait(&pool->finish, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}
