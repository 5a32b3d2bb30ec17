/* SPDX-License-Identifier: Apache-2.0
 *
 * The queue. A task is collecting jobs (the last one said `more`), waiting in the queue, running in a worker, or done. It
 * lives as long as its handle, and while somebody waits for it or runs it.
 *
 * Workers are as many as processors, made with the first task. When a task begins, the processors are divided by the tasks
 * that run and wait: alone, it gets them all; when there are as many tasks as processors, each gets one.
 */
#include "dnn/task.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "dnn/log.h"
#include "dnn/state.h"

#define MAX_WORKERS TASK_MAX_ALIVE

/* Everything under the state's lock, except jobs while they run. */
struct task {
    struct task *next; /* in the queue */
    void *handle;
    int n_users; /* the handle, the worker, who waits */
    enum { COLLECTING, WAITING, RUNNING, DONE } state;
    int32_t status; /* when done */
    struct job_order order;
    struct job *first, **last;
    int n_jobs;
    pthread_cond_t changed;   /* of state or callback */
    hbDNNTaskDoneCb callback; /* NULL: none, or called */
    void *userdata;
    bool in_callback;
    struct caller *caller; /* of the callback */
};

/* A thread in a callback, and the task that it wants to release there and whose callback it waits for. */
struct caller {
    const struct task *waits_for;
};

/* Also under the state's lock. */
static struct {
    struct task *first; /* the next one to begin */
    int n_waiting, n_running, n_alive;
    pthread_t workers[MAX_WORKERS];
    int n_workers, n_processors;
    bool is_stopping;
    pthread_cond_t work, stopped;
} queue = {.work = PTHREAD_COND_INITIALIZER, .stopped = PTHREAD_COND_INITIALIZER};

static _Thread_local bool is_worker;
static _Thread_local struct caller this_caller;

/* ---- models ---- */

struct dnn_model *task_use_model(hbDNNHandle_t handle)
{
    state_lock();
    struct dnn_model *const m = handle_object(HANDLE_MODEL, handle);
    if (m != NULL) m->n_tasks++;
    state_unlock();
    return m;
}

void task_leave_model(struct dnn_model *model)
{
    if (model == NULL) return;
    state_lock();
    model->n_tasks--;
    state_unlock();
}

/* ---- one task ---- */

static void destroy(struct task *t)
{
    while (t->first != NULL) {
        struct job *const next = t->first->next;
        t->first->destroy(t->first);
        t->first = next;
    }
    pthread_cond_destroy(&t->changed);
    mem_free(t);
}

static void init_changed(struct task *t)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&t->changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

static struct task *create(void)
{
    struct task *const t = mem_calloc(1, sizeof *t);
    if (t == NULL) return NULL;
    init_changed(t);
    t->last = &t->first;
    t->n_users = 1;
    return t;
}

/* With the lock held, which is let go for a moment when it was the last user. */
static void leave(struct task *t)
{
    if (--t->n_users != 0) return;
    state_unlock();
    destroy(t);
    state_lock();
}

static bool is_before(const struct task *a, const struct task *b)
{
    if (a->order.priority != b->order.priority) return a->order.priority > b->order.priority;
    return a->order.custom_id < b->order.custom_id;
}

static void enqueue(struct task *t)
{
    struct task **at = &queue.first;
    while (*at != NULL && !is_before(t, *at)) at = &(*at)->next;
    t->next = *at;
    *at = t;
    t->state = WAITING;
    queue.n_waiting++;
    pthread_cond_signal(&queue.work);
}

static void unqueue(struct task *t)
{
    struct task **at = &queue.first;
    while (*at != t) at = &(*at)->next;
    *at = t->next;
    queue.n_waiting--;
}

/* Calls it once, with the lock let go. Whoever releases the task meanwhile from elsewhere waits. */
static void call_back(struct task *t)
{
    const hbDNNTaskDoneCb callback = t->callback;
    if (callback == NULL) return;
    t->callback = NULL;
    t->in_callback = true;
    t->caller = &this_caller;
    state_unlock();
    callback(t->handle, t->status, t->userdata);
    state_lock();
    t->in_callback = false;
    pthread_cond_broadcast(&t->changed);
}

/* Its models may be released from now on. */
static void end(struct task *t, int32_t status)
{
    for (struct job *job = t->first; job != NULL; job = job->next)
        if (job->model != NULL) job->model->n_tasks--;
    t->state = DONE;
    t->status = status;
    pthread_cond_broadcast(&t->changed);
}

/* ---- workers ---- */

static int32_t run_job(struct job *job, int n_threads)
{
    struct itx_error err;
    struct dnn_session *session = NULL;
    if (job->model == NULL) return job->run(job, NULL);
    if (dnn_take_session(job->model, n_threads, &session, &err) != ITX_OK)
        return dnn_fail(HB_DNN_RUN_TASK_FAILED, "model %s: %s", job->model->name, err.text);
    const int32_t status = job->run(job, session);
    dnn_give_session(job->model, session);
    return status;
}

/* Halves of the processors, so that few kinds of sessions come to be. */
static int threads_for(int n_tasks)
{
    int n = queue.n_processors;
    while (n > 1 && n * n_tasks > queue.n_processors) n /= 2;
    return n;
}

/* Runs the first task of the queue; with the lock held, which is let go meanwhile. */
static void run_first(void)
{
    struct task *const t = queue.first;
    const int n_threads = threads_for(queue.n_running + queue.n_waiting);
    unqueue(t);
    t->state = RUNNING;
    t->n_users++;
    queue.n_running++;
    state_unlock();
    int32_t status = HB_DNN_SUCCESS;
    for (struct job *job = t->first; job != NULL && status == HB_DNN_SUCCESS; job = job->next)
        status = run_job(job, n_threads);
    state_lock();
    queue.n_running--;
    end(t, status);
    call_back(t);
    leave(t);
}

static void *work(void *arg)
{
    (void)arg;
    is_worker = true;
    state_lock();
    while (!queue.is_stopping) {
        if (queue.first != NULL)
            run_first();
        else
            pthread_cond_wait(&queue.work, state_mutex());
    }
    state_unlock();
    return NULL;
}

static int32_t start_workers(void)
{
    while (queue.is_stopping) pthread_cond_wait(&queue.stopped, state_mutex());
    if (queue.n_workers == 0) queue.n_processors = cpu_count();
    const int n = queue.n_processors < MAX_WORKERS ? queue.n_processors : MAX_WORKERS;
    while (queue.n_workers < n &&
           pthread_create(&queue.workers[queue.n_workers], NULL, work, NULL) == 0)
        queue.n_workers++;
    return queue.n_workers > 0 ? HB_DNN_SUCCESS : HB_DNN_OUT_OF_MEMORY;
}

void task_stop_workers(void)
{
    state_lock();
    if (state_is_empty() && queue.n_workers > 0 && !queue.is_stopping && !is_worker) {
        queue.is_stopping = true;
        pthread_cond_broadcast(&queue.work);
        state_unlock();
        for (int i = 0; i < queue.n_workers; i++) pthread_join(queue.workers[i], NULL);
        state_lock();
        queue.n_workers = 0;
        queue.is_stopping = false;
        pthread_cond_broadcast(&queue.stopped);
    }
    state_unlock();
}

static void forget_uses(void *model)
{
    ((struct dnn_model *)model)->n_tasks = 0;
}

/* Whoever waited for it is in the parent. */
static void outlive_fork(void *object)
{
    struct task *const t = object;
    init_changed(t);
    if (t->in_callback && t->caller != &this_caller) t->in_callback = false;
    if (t->state == COLLECTING) {
        for (struct job *job = t->first; job != NULL; job = job->next)
            if (job->model != NULL) job->model->n_tasks++;
    } else if (t->state != DONE) {
        t->state = DONE;
        t->status = HB_DNN_RUN_TASK_FAILED;
    }
}

void task_lose_workers(void)
{
    queue.first = NULL;
    queue.n_waiting = queue.n_running = queue.n_workers = 0;
    queue.is_stopping = false;
    pthread_cond_init(&queue.work, NULL);
    pthread_cond_init(&queue.stopped, NULL);
    handle_each(HANDLE_MODEL, forget_uses);
    handle_each(HANDLE_TASK, outlive_fork);
}

/* ---- adding ---- */

static void append(struct task *t, struct job *job, const struct job_order *order)
{
    *t->last = job;
    t->last = &job->next;
    t->n_jobs++;
    t->order = *order;
    if (!order->more) enqueue(t);
}

static int32_t add_new(hbDNNTaskHandle_t *handle, struct job *job, const struct job_order *order)
{
    if (start_workers() != HB_DNN_SUCCESS) return HB_DNN_OUT_OF_MEMORY; /* may let go of the lock */
    if (queue.n_alive == TASK_MAX_ALIVE) return HB_DNN_TASK_NUM_EXCEED_LIMIT;
    struct task *const t = create();
    void *const h = t != NULL ? handle_new(HANDLE_TASK, t) : NULL;
    if (h == NULL) {
        if (t != NULL) destroy(t);
        return HB_DNN_OUT_OF_MEMORY;
    }
    t->handle = h;
    queue.n_alive++;
    *handle = h; /* before it is done and its callback called */
    append(t, job, order);
    return HB_DNN_SUCCESS;
}

static int32_t add_more(hbDNNTaskHandle_t handle, struct job *job, const struct job_order *order)
{
    struct task *const t = handle_object(HANDLE_TASK, handle);
    if (t == NULL) return HB_DNN_INVALID_TASK_HANDLE;
    if (t->state != COLLECTING) return HB_DNN_API_USE_ERROR;
    if (t->n_jobs == TASK_MAX_JOBS) return HB_DNN_TASK_BATCH_SIZE_EXCEED_LIMIT;
    append(t, job, order);
    return HB_DNN_SUCCESS;
}

int32_t task_add(const char *function, hbDNNTaskHandle_t *handle, struct job *job,
                 const struct job_order *order)
{
    state_lock();
    const int32_t code =
        *handle == NULL ? add_new(handle, job, order) : add_more(*handle, job, order);
    state_unlock();
    switch (code) {
    case HB_DNN_TASK_NUM_EXCEED_LIMIT:
        return dnn_fail(code, "%s: %d tasks are alive", function, TASK_MAX_ALIVE);
    case HB_DNN_OUT_OF_MEMORY:
        return dnn_fail(code, "%s: out of memory", function);
    case HB_DNN_INVALID_TASK_HANDLE:
        return dnn_fail(code, "%s: the task handle is neither NULL nor alive", function);
    case HB_DNN_API_USE_ERROR:
        return dnn_fail(code, "%s: nothing can be added to that task", function);
    case HB_DNN_TASK_BATCH_SIZE_EXCEED_LIMIT:
        return dnn_fail(code, "%s: the task has %d runs", function, TASK_MAX_JOBS);
    default:
        return code;
    }
}

/* ---- hb_dnn.h ---- */

/* False when the time came first. */
static bool wait_until(struct task *t, const struct timespec *end)
{
    while (t->state != DONE)
        if (pthread_cond_timedwait(&t->changed, state_mutex(), end) == ETIMEDOUT)
            return t->state == DONE;
    return true;
}

/* In a callback the thread is a worker's: it works meanwhile, or there might be nobody left who does. */
static void wait_for(struct task *t)
{
    while (t->state != DONE) {
        if (is_worker && queue.first != NULL)
            run_first();
        else
            pthread_cond_wait(&t->changed, state_mutex());
    }
}

int32_t hbDNNWaitTaskDone(hbDNNTaskHandle_t handle, int32_t timeout)
{
    struct timespec time = {0};
    clock_gettime(CLOCK_MONOTONIC, &time);
    if (timeout > 0) {
        time.tv_sec += timeout / 1000;
        time.tv_nsec += (long)(timeout % 1000) * 1000000;
        time.tv_sec += time.tv_nsec / 1000000000;
        time.tv_nsec %= 1000000000;
    }
    int32_t code = HB_DNN_INVALID_TASK_HANDLE;
    state_lock();
    struct task *const t = handle_object(HANDLE_TASK, handle);
    if (t != NULL && t->state == COLLECTING) {
        code = HB_DNN_API_USE_ERROR;
    } else if (t != NULL) {
        bool done = true;
        t->n_users++;
        if (timeout > 0)
            done = wait_until(t, &time);
        else
            wait_for(t);
        code = done ? t->status : HB_DNN_TIMEOUT;
        leave(t);
    }
    state_unlock();
    if (code == HB_DNN_INVALID_TASK_HANDLE)
        return dnn_fail(code, "hbDNNWaitTaskDone: no such task");
    if (code == HB_DNN_API_USE_ERROR)
        return dnn_fail(code, "hbDNNWaitTaskDone: the task waits for more runs");
    return code;
}

/* The task's callback is under way on this thread, or waits there, by others or not, for one that is: it cannot end before we
 * return. */
static bool callback_waits_for_us(const struct task *t)
{
    for (; t != NULL && t->in_callback; t = t->caller->waits_for)
        if (t->caller == &this_caller) return true;
    return false;
}

/* Until nobody but us works on the task, as far as that can be waited for. */
static void wait_for_others(struct task *t)
{
    this_caller.waits_for = t;
    while (t->state == RUNNING || (t->in_callback && !callback_waits_for_us(t)))
        pthread_cond_wait(&t->changed, state_mutex());
    this_caller.waits_for = NULL;
}

int32_t hbDNNReleaseTask(hbDNNTaskHandle_t handle)
{
    state_lock();
    struct task *const t = handle_object(HANDLE_TASK, handle);
    if (t != NULL) {
        handle_drop(HANDLE_TASK, handle);
        t->callback = NULL;
        if (t->state == WAITING) unqueue(t);
        if (t->state == WAITING || t->state == COLLECTING) end(t, HB_DNN_RUN_TASK_FAILED);
        wait_for_others(t);
        queue.n_alive--;
        leave(t);
    }
    state_unlock();
    if (t == NULL) return dnn_fail(HB_DNN_INVALID_TASK_HANDLE, "hbDNNReleaseTask: no such task");
    task_stop_workers();
    return HB_DNN_SUCCESS;
}

int32_t hbDNNSetTaskDoneCb(hbDNNTaskHandle_t handle, hbDNNTaskDoneCb callback, void *userdata)
{
    if (callback == NULL)
        return dnn_fail(HB_DNN_INVALID_ARGUMENT, "hbDNNSetTaskDoneCb: no function");
    int32_t code = HB_DNN_INVALID_TASK_HANDLE;
    state_lock();
    struct task *const t = handle_object(HANDLE_TASK, handle);
    if (t != NULL && t->in_callback) {
        code = HB_DNN_API_USE_ERROR;
    } else if (t != NULL) {
        code = HB_DNN_SUCCESS;
        t->n_users++;
        t->callback = callback;
        t->userdata = userdata;
        if (t->state == DONE) call_back(t);
        leave(t);
    }
    state_unlock();
    if (code == HB_DNN_INVALID_TASK_HANDLE)
        return dnn_fail(code, "hbDNNSetTaskDoneCb: no such task");
    if (code == HB_DNN_API_USE_ERROR)
        return dnn_fail(code, "hbDNNSetTaskDoneCb: the task is calling one already");
    return code;
}
