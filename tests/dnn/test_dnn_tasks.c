/* SPDX-License-Identifier: Apache-2.0
 *
 * libdnn: tasks run beside the program, in the order of their urgency, and can be waited for, called back from, collected
 * and cancelled; many threads use all of it at once. What happens when is decided by holding the library's threads in
 * callbacks, never by sleeping.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/wait.h>
#include <unistd.h>

#include "network.h"

#include "base/cpu.h"

enum { MOST_WORKERS = 16, MAX_TASKS = 32 };

/* ---- holding the library's threads ---- */

struct gate {
    sem_t entered, open;
    int n;
    hbDNNTaskHandle_t tasks[MOST_WORKERS];
    struct net_run runs[MOST_WORKERS]; /* they run at the same time */
};

static void hold(hbDNNTaskHandle_t task, int32_t status, void *userdata)
{
    struct gate *const g = userdata;
    (void)task;
    (void)status;
    sem_post(&g->entered);
    while (sem_wait(&g->open) != 0) {
    }
}

/* A task whose callback is in place before it can run. */
static hbDNNTaskHandle_t submit_with(struct net_run *r, const hbDNNInferCtrlParam *how,
                                     hbDNNTaskDoneCb callback, void *userdata)
{
    hbDNNTaskHandle_t task = NULL;
    hbDNNInferCtrlParam p = *how;
    p.more = 1;
    CHECK(net_submit(r, &task, &p) == 0);
    CHECK(hbDNNSetTaskDoneCb(task, callback, userdata) == 0);
    p.more = 0;
    CHECK(net_submit(r, &task, &p) == 0);
    return task;
}

static int n_workers(void)
{
    return cpu_count();
}

/* Holds `n` of the library's threads. */
static void gate_close(struct gate *g, hbDNNHandle_t model, int n)
{
    const hbDNNInferCtrlParam p = net_param();
    sem_init(&g->entered, 0, 0);
    sem_init(&g->open, 0, 0);
    g->n = n;
    for (int i = 0; i < n; i++) {
        g->runs[i] = net_run_of(model, 1, 99);
        g->tasks[i] = submit_with(&g->runs[i], &p, hold, g);
    }
    for (int i = 0; i < n; i++)
        while (sem_wait(&g->entered) != 0) {
        }
}

/* Lets `n` of them go on. */
static void gate_open(struct gate *g, int n)
{
    for (int i = 0; i < n; i++) sem_post(&g->open);
}

static void gate_release(struct gate *g)
{
    for (int i = 0; i < g->n; i++) {
        CHECK(hbDNNReleaseTask(g->tasks[i]) == 0);
        net_run_release(&g->runs[i]);
    }
    sem_destroy(&g->entered);
    sem_destroy(&g->open);
}

#define NEEDS_FEW_WORKERS()                                                                        \
    do {                                                                                           \
        if (n_workers() > MOST_WORKERS) SKIP("more processors than tasks may be alive");           \
    } while (0)

/* ---- order ---- */

struct order {
    pthread_mutex_t lock;
    sem_t one_more;
    int n;
    hbDNNTaskHandle_t tasks[MAX_TASKS];
};

static void note(hbDNNTaskHandle_t task, int32_t status, void *userdata)
{
    struct order *const o = userdata;
    CHECK(status == 0);
    pthread_mutex_lock(&o->lock);
    o->tasks[o->n++] = task;
    pthread_mutex_unlock(&o->lock);
    sem_post(&o->one_more);
}

static void test_task__urgent_ones_first(void)
{
    NEEDS_FEW_WORKERS();
    const hbPackedDNNHandle_t packed = net_load();
    const hbDNNHandle_t model = net_model(packed, "cam");
    static struct gate gate;
    gate_close(&gate, model, n_workers());
    struct net_run r = net_run_of(model, 1, 1);
    const struct {
        int32_t priority;
        int64_t custom_id;
        int place;
    } cases[] = {{0, 0, 5},   {0, 7, 7},  {0, 0, 6},   {255, 9, 1},
                 {255, 3, 0}, {10, 5, 3}, {10, -5, 2}, {10, 5, 4}};
    enum { N = ARRAY_LEN(cases) };
    struct order order = {.lock = PTHREAD_MUTEX_INITIALIZER};
    sem_init(&order.one_more, 0, 0);
    hbDNNTaskHandle_t tasks[N];
    for (int i = 0; i < N; i++) {
        hbDNNInferCtrlParam p = net_param();
        p.priority = cases[i].priority;
        p.customId = cases[i].custom_id;
        tasks[i] = submit_with(&r, &p, note, &order);
    }
    gate_open(&gate, 1); /* one thread works, so that they are done in the order they begin */
    for (int i = 0; i < N; i++) CHECK(hbDNNWaitTaskDone(tasks[i], 0) == 0);
    for (int i = 0; i < N; i++)
        while (sem_wait(&order.one_more) != 0) {
        }
    for (int i = 0; i < N; i++)
        CHECK_MSG(order.tasks[cases[i].place] == tasks[i], "task %d is not at %d", i,
                  cases[i].place);
    gate_open(&gate, n_workers());
    for (int i = 0; i < N; i++) CHECK(hbDNNReleaseTask(tasks[i]) == 0);
    gate_release(&gate);
    net_run_release(&r);
    sem_destroy(&order.one_more);
    CHECK(hbDNNRelease(packed) == 0);
}

/* ---- waiting ---- */

static void test_wait__times_out(void)
{
    NEEDS_FEW_WORKERS();
    const hbPackedDNNHandle_t packed = net_load();
    const hbDNNHandle_t model = net_model(packed, "cam");
    static struct gate gate;
    gate_close(&gate, model, n_workers());
    struct net_run r = net_run_of(model, 1, 1);
    hbDNNTaskHandle_t task = NULL;
    REQUIRE(net_submit(&r, &task, NULL) == 0);
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    CHECK(hbDNNWaitTaskDone(task, 30) == HB_DNN_TIMEOUT);
    clock_gettime(CLOCK_MONOTONIC, &after);
    CHECK((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec >= 30000000);
    CHECK(hbDNNWaitTaskDone(task, 1) == HB_DNN_TIMEOUT);
    CHECK(hbDNNRelease(packed) == HB_DNN_MODEL_IS_RUNNING);
    gate_open(&gate, n_workers());
    CHECK(hbDNNWaitTaskDone(task, INT32_MAX) == 0);
    CHECK(hbDNNWaitTaskDone(task, 0) == 0); /* as often as one likes */
    CHECK(hbDNNWaitTaskDone(task, -1) == 0);
    CHECK(hbDNNReleaseTask(task) == 0);
    gate_release(&gate);
    net_run_release(&r);
    CHECK(hbDNNRelease(packed) == 0);
}

static int somewhere;

static void test_task__refuses_handles(void)
{
    const hbPackedDNNHandle_t packed = net_load();
    struct net_run r = net_run_of(net_model(packed, "cam"), 1, 1);
    struct order order = {.lock = PTHREAD_MUTEX_INITIALIZER};
    hbDNNTaskHandle_t task = NULL;
    REQUIRE(net_submit(&r, &task, NULL) == 0);
    void *const wrong[] = {NULL, &somewhere, packed, r.model, (uint8_t *)task + 1};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        CHECK(hbDNNWaitTaskDone(wrong[i], 0) == HB_DNN_INVALID_TASK_HANDLE);
        CHECK(hbDNNWaitTaskDone(wrong[i], 10) == HB_DNN_INVALID_TASK_HANDLE);
        CHECK(hbDNNReleaseTask(wrong[i]) == HB_DNN_INVALID_TASK_HANDLE);
        CHECK(hbDNNSetTaskDoneCb(wrong[i], note, &order) == HB_DNN_INVALID_TASK_HANDLE);
    }
    CHECK(hbDNNSetTaskDoneCb(task, NULL, &order) == HB_DNN_INVALID_ARGUMENT);
    CHECK(hbDNNWaitTaskDone(task, 0) == 0);
    hbDNNTaskHandle_t again = task;
    CHECK(net_submit(&r, &again, NULL) == HB_DNN_API_USE_ERROR && again == task);
    CHECK(hbDNNReleaseTask(task) == 0);
    CHECK(hbDNNReleaseTask(task) == HB_DNN_INVALID_TASK_HANDLE);
    CHECK(hbDNNWaitTaskDone(task, 0) == HB_DNN_INVALID_TASK_HANDLE);
    CHECK(net_submit(&r, &again, NULL) == HB_DNN_INVALID_TASK_HANDLE);
    CHECK(order.n == 0);
    net_run_release(&r);
    CHECK(hbDNNRelease(packed) == 0);
}

static void test_task__at_most_32(void)
{
    const hbPackedDNNHandle_t packed = net_load();
    static struct net_run runs[MAX_TASKS];
    hbDNNTaskHandle_t tasks[MAX_TASKS], more = NULL;
    for (int i = 0; i < MAX_TASKS; i++) {
        runs[i] = net_run_of(net_model(packed, "cam"), 1, 1);
        tasks[i] = NULL;
        CHECK(net_submit(&runs[i], &tasks[i], NULL) == 0);
    }
    CHECK(net_submit(&runs[0], &more, NULL) == HB_DNN_TASK_NUM_EXCEED_LIMIT && more == NULL);
    CHECK(hbDNNWaitTaskDone(tasks[0], 0) == 0); /* done, but alive */
    CHECK(net_submit(&runs[0], &more, NULL) == HB_DNN_TASK_NUM_EXCEED_LIMIT);
    CHECK(hbDNNReleaseTask(tasks[0]) == 0);
    CHECK(net_submit(&runs[0], &more, NULL) == 0);
    CHECK(hbDNNReleaseTask(more) == 0);
    for (int i = 1; i < MAX_TASKS; i++) CHECK(hbDNNReleaseTask(tasks[i]) == 0);
    for (int i = 0; i < MAX_TASKS; i++) net_run_release(&runs[i]);
    CHECK(hbDNNRelease(packed) == 0);
}

/* ---- several runs in a task ---- */

static void test_more__runs_together(void)
{
    const hbPackedDNNHandle_t packed = net_load();
    struct net_truth truth = net_truth_of("cam"), odd_truth = net_truth_of("odd");
    struct net_run a = net_run_of(net_model(packed, "cam"), 1, 1);
    struct net_run b = net_run_of(net_model(packed, "cam"), 1, 2);
    struct net_run odd = net_run_of(net_model(packed, "odd"), 1, 3);
    hbDNNInferCtrlParam p = net_param();
    hbDNNTaskHandle_t task = NULL;
    p.more = 1;
    REQUIRE(net_submit(&a, &task, &p) == 0);
    const hbDNNTaskHandle_t first = task;
    CHECK(hbDNNWaitTaskDone(task, 0) == HB_DNN_API_USE_ERROR); /* it would be for ever */
    CHECK(hbDNNRelease(packed) == HB_DNN_MODEL_IS_RUNNING);
    REQUIRE(net_submit(&odd, &task, &p) == 0);
    p.more = 0;
    REQUIRE(net_submit(&b, &task, &p) == 0);
    CHECK(task == first);
    CHECK(hbDNNWaitTaskDone(task, 0) == 0);
    const uint8_t *const in[] = {a.inputs[0].sysMem[0].virAddr, b.inputs[0].sysMem[0].virAddr,
                                 odd.inputs[0].sysMem[0].virAddr};
    net_truth_run(&truth, in[0], in[0] + CAM_W * CAM_H, CAM_W, CAM_W, CAM_H);
    net_check(&truth, &a, 0);
    net_truth_run(&truth, in[1], in[1] + CAM_W * CAM_H, CAM_W, CAM_W, CAM_H);
    net_check(&truth, &b, 0);
    net_truth_run(&odd_truth, in[2], in[2] + 32 * 12, 32, 20, 12);
    net_check(&odd_truth, &odd, 0);
    CHECK(hbDNNReleaseTask(task) == 0);
    net_run_release(&a);
    net_run_release(&b);
    net_run_release(&odd);
    net_truth_release(&truth);
    net_truth_release(&odd_truth);
    CHECK(hbDNNRelease(packed) == 0);
}

static void test_more__at_most_255(void)
{
    const hbPackedDNNHandle_t packed = net_load();
    struct net_run r = net_run_of(net_model(packed, "cam"), 1, 1);
    hbDNNInferCtrlParam p = net_param();
    hbDNNTaskHandle_t task = NULL;
    p.more = 1;
    for (int i = 0; i < 255; i++) CHECK(net_submit(&r, &task, &p) == 0);
    CHECK(net_submit(&r, &task, &p) == HB_DNN_TASK_BATCH_SIZE_EXCEED_LIMIT);
    CHECK(hbDNNReleaseTask(task) == 0); /* it never began */
    CHECK(((uint8_t *)r.outputs[0].sysMem[0].virAddr)[0] == 0x77);
    net_run_release(&r);
    CHECK(hbDNNRelease(packed) == 0);
}

/* ---- cancelling ---- */

static void never(hbDNNTaskHandle_t task, int32_t status, void *userdata)
{
    (void)task;
    (void)status;
    *(int *)userdata = 1;
}

static void *wait_in_thread(void *task)
{
    return (void *)(intptr_t)hbDNNWaitTaskDone(task, 0);
}

static void test_release__cancels(void)
{
    NEEDS_FEW_WORKERS();
    const hbPackedDNNHandle_t packed = net_load();
    const hbDNNHandle_t model = net_model(packed, "cam");
    static struct gate gate;
    int was_called = 0;
    gate_close(&gate, model, n_workers());
    struct net_run r = net_run_of(model, 1, 1);
    hbDNNTaskHandle_t task = NULL;
    REQUIRE(net_submit(&r, &task, NULL) == 0);
    CHECK(hbDNNSetTaskDoneCb(task, never, &was_called) == 0);
    pthread_t waiter;
    REQUIRE(pthread_create(&waiter, NULL, wait_in_thread, task) == 0);
    CHECK(hbDNNReleaseTask(task) == 0);
    void *code;
    pthread_join(waiter, &code); /* it was either told, or came too late */
    CHECK((intptr_t)code == HB_DNN_RUN_TASK_FAILED || (intptr_t)code == HB_DNN_INVALID_TASK_HANDLE);
    gate_open(&gate, n_workers());
    gate_release(&gate);
    CHECK(hbDNNRelease(packed) == 0);
    CHECK(was_called == 0);
    for (int i = 0; i < N_OUT; i++)
        for (uint32_t k = 0; k < r.outputs[i].sysMem[0].memSize; k++)
            REQUIRE(((uint8_t *)r.outputs[i].sysMem[0].virAddr)[k] == 0x77);
    net_run_release(&r);
}

/* ---- callbacks ---- */

struct chain {
    struct net_run *run;
    sem_t done;
    int n_left;
    int32_t seen_status;
};

/* Releases its own task, and submits the next one. */
static void next_one(hbDNNTaskHandle_t task, int32_t status, void *userdata)
{
    struct chain *const c = userdata;
    if (status != 0) c->seen_status = status;
    CHECK(hbDNNSetTaskDoneCb(task, next_one, c) == HB_DNN_API_USE_ERROR);
    CHECK(hbDNNReleaseTask(task) == 0);
    const hbDNNInferCtrlParam p = net_param();
    if (--c->n_left > 0)
        submit_with(c->run, &p, next_one, c);
    else
        sem_post(&c->done);
}

static void test_callback__may_release_and_submit(void)
{
    const hbPackedDNNHandle_t packed = net_load();
    struct net_run r = net_run_of(net_model(packed, "cam"), 1, 1);
    const hbDNNInferCtrlParam p = net_param();
    struct chain chain = {.run = &r, .n_left = 50};
    sem_init(&chain.done, 0, 0);
    submit_with(&r, &p, next_one, &chain);
    while (sem_wait(&chain.done) != 0) {
    }
    CHECK(chain.n_left == 0 && chain.seen_status == 0);
    net_run_release(&r);
    CHECK(hbDNNRelease(packed) == 0);
    sem_destroy(&chain.done);
}

struct nested {
    struct net_run *run;
    sem_t done;
    int32_t code;
};

/* Runs another task from start to end: the thread itself must work, since all others may be held as well. */
static void infer_inside(hbDNNTaskHandle_t task, int32_t status, void *userdata)
{
    struct nested *const n = userdata;
    (void)task;
    n->code = status != 0 ? status : net_infer(n->run);
    sem_post(&n->done);
}

static void test_callback__may_wait(void)
{
    NEEDS_FEW_WORKERS();
    const hbPackedDNNHandle_t packed = net_load();
    const hbDNNHandle_t model = net_model(packed, "cam");
    static struct gate gate;
    gate_close(&gate, model, n_workers() - 1);
    struct net_run a = net_run_of(model, 1, 1), b = net_run_of(model, 1, 2);
    struct nested nested = {.run = &b, .code = -1};
    sem_init(&nested.done, 0, 0);
    const hbDNNInferCtrlParam p = net_param();
    const hbDNNTaskHandle_t task = submit_with(&a, &p, infer_inside, &nested);
    while (sem_wait(&nested.done) != 0) {
    }
    CHECK(nested.code == 0);
    gate_open(&gate, n_workers());
    gate_release(&gate);
    CHECK(hbDNNReleaseTask(task) == 0);
    net_run_release(&a);
    net_run_release(&b);
    CHECK(hbDNNRelease(packed) == 0);
    sem_destroy(&nested.done);
}

/* Set when the task is done already, it is called at once and here. */
static void test_callback__after_the_end(void)
{
    const hbPackedDNNHandle_t packed = net_load();
    struct net_run r = net_run_of(net_model(packed, "cam"), 1, 1);
    struct order order = {.lock = PTHREAD_MUTEX_INITIALIZER};
    sem_init(&order.one_more, 0, 0);
    hbDNNTaskHandle_t task = NULL;
    REQUIRE(net_submit(&r, &task, NULL) == 0);
    CHECK(hbDNNWaitTaskDone(task, 0) == 0);
    CHECK(hbDNNSetTaskDoneCb(task, note, &order) == 0);
    CHECK(order.n == 1 && order.tasks[0] == task);
    CHECK(hbDNNReleaseTask(task) == 0);
    CHECK(order.n == 1);
    net_run_release(&r);
    CHECK(hbDNNRelease(packed) == 0);
    sem_destroy(&order.one_more);
}

/* Everything is released in a callback, the models too. */
static void release_all(hbDNNTaskHandle_t task, int32_t status, void *userdata)
{
    struct chain *const c = userdata;
    c->seen_status = status;
    CHECK(hbDNNReleaseTask(task) == 0);
    CHECK(hbDNNRelease(c->run->model) == 0);
    sem_post(&c->done);
}

static void test_callback__may_release_models(void)
{
    const hbPackedDNNHandle_t packed = net_load();
    struct net_run r = net_run_of(net_model(packed, "cam"), 1, 1);
    struct net_run inside = {.model = packed};
    const hbDNNInferCtrlParam p = net_param();
    struct chain chain = {.run = &inside, .seen_status = -1};
    sem_init(&chain.done, 0, 0);
    submit_with(&r, &p, release_all, &chain);
    while (sem_wait(&chain.done) != 0) {
    }
    CHECK(chain.seen_status == 0);
    net_run_release(&r);
    CHECK(hbDNNRelease(packed) == HB_DNN_INVALID_PACKED_DNN_HANDLE);
    sem_destroy(&chain.done);
    CHECK(hbDNNRelease(net_load()) == 0); /* and the threads end with the next one */
}

/* Callbacks that are under way at the same time, each of which releases the next one's task. */
enum { MAX_RING = 3 };
struct ring {
    pthread_barrier_t all;
    int n;
    hbDNNTaskHandle_t tasks[MAX_RING];
    int32_t codes[MAX_RING];
    struct ring_part {
        struct ring *ring;
        int i;
        pthread_t thread;
    } parts[MAX_RING];
};

static void release_next(hbDNNTaskHandle_t task, int32_t status, void *userdata)
{
    const struct ring_part *const p = userdata;
    (void)task;
    (void)status;
    pthread_barrier_wait(&p->ring->all);
    p->ring->codes[p->i] = hbDNNReleaseTask(p->ring->tasks[(p->i + 1) % p->ring->n]);
}

static void *set_callback(void *arg)
{
    struct ring_part *const p = arg;
    CHECK(hbDNNSetTaskDoneCb(p->ring->tasks[p->i], release_next, p) == 0); /* called here */
    return NULL;
}

static void test_callback__release_each_other(void)
{
    const hbPackedDNNHandle_t packed = net_load();
    alarm(60); /* instead of waiting for ever */
    for (int n = 1; n <= MAX_RING; n++) {
        struct ring ring = {.n = n};
        struct net_run runs[MAX_RING];
        pthread_barrier_init(&ring.all, NULL, (unsigned)n);
        for (int i = 0; i < n; i++) {
            runs[i] = net_run_of(net_model(packed, "cam"), 1, 1);
            REQUIRE(net_submit(&runs[i], &ring.tasks[i], NULL) == 0);
            CHECK(hbDNNWaitTaskDone(ring.tasks[i], 0) == 0);
            ring.parts[i] = (struct ring_part){.ring = &ring, .i = i};
        }
        for (int i = 0; i < n; i++)
            REQUIRE(pthread_create(&ring.parts[i].thread, NULL, set_callback, &ring.parts[i]) == 0);
        for (int i = 0; i < n; i++) {
            pthread_join(ring.parts[i].thread, NULL);
            CHECK(ring.codes[i] == 0);
            CHECK(hbDNNWaitTaskDone(ring.tasks[i], 0) == HB_DNN_INVALID_TASK_HANDLE);
            net_run_release(&runs[i]);
        }
        pthread_barrier_destroy(&ring.all);
    }
    alarm(0);
    CHECK(hbDNNRelease(packed) == 0);
}

/* ---- children ---- */

/* What a child finds: 0, or the line of what is wrong. */
static int use_in_child(hbPackedDNNHandle_t packed, hbDNNTaskHandle_t waiting,
                        hbDNNTaskHandle_t collecting, struct net_run *r, const uint8_t *expected)
{
#define NEED(condition)                                                                            \
    if (!(condition)) return __LINE__ % 251 + 1
    alarm(20);
    NEED(hbDNNWaitTaskDone(waiting, 0) == HB_DNN_RUN_TASK_FAILED);
    NEED(hbDNNReleaseTask(waiting) == 0);
    NEED(hbDNNReleaseTask(collecting) == 0);
    hbDNNTaskHandle_t task = NULL;
    NEED(net_submit(r, &task, NULL) == 0);
    NEED(hbDNNWaitTaskDone(task, 0) == 0);
    NEED(hbDNNReleaseTask(task) == 0);
    NEED(memcmp(r->outputs[0].sysMem[0].virAddr, expected, r->outputs[0].sysMem[0].memSize) == 0);
    hbSysMem mem;
    NEED(hbSysAllocMem(&mem, 100) == 0 && hbSysFreeMem(&mem) == 0);
    NEED(hbDNNRelease(packed) != HB_DNN_INVALID_PACKED_DNN_HANDLE);
#undef NEED
    return 0;
}

/* With tasks that run, wait and collect; the parent goes on as if nothing had been. */
static void test_fork__child_goes_on(void)
{
    NEEDS_FEW_WORKERS();
#ifdef BUILD_WATCHES_RACES
    SKIP("ThreadSanitizer starts no threads in a child");
#endif
    const hbPackedDNNHandle_t packed = net_load();
    const hbDNNHandle_t model = net_model(packed, "cam");
    struct net_run r = net_run_of(model, 1, 1), s = net_run_of(model, 1, 1);
    hbDNNTaskHandle_t task = NULL, waiting = NULL, collecting = NULL;
    REQUIRE(net_submit(&r, &task, NULL) == 0 && hbDNNWaitTaskDone(task, 0) == 0);
    CHECK(hbDNNReleaseTask(task) == 0);
    const size_t size = r.outputs[0].sysMem[0].memSize;
    uint8_t *const expected = malloc(size);
    REQUIRE(expected != NULL);
    memcpy(expected, r.outputs[0].sysMem[0].virAddr, size);
    static struct gate gate;
    gate_close(&gate, model, n_workers());
    REQUIRE(net_submit(&s, &waiting, NULL) == 0);
    hbDNNInferCtrlParam more = net_param();
    more.more = 1;
    REQUIRE(net_submit(&s, &collecting, &more) == 0);
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) _exit(use_in_child(packed, waiting, collecting, &r, expected));
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s %d",
              WIFSIGNALED(status) ? "signal" : "line",
              WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    gate_open(&gate, n_workers());
    gate_release(&gate);
    CHECK(hbDNNWaitTaskDone(waiting, 0) == 0);
    CHECK(hbDNNReleaseTask(waiting) == 0 && hbDNNReleaseTask(collecting) == 0);
    free(expected);
    net_run_release(&r);
    net_run_release(&s);
    CHECK(hbDNNRelease(packed) == 0);
}

/* ---- many threads ---- */

enum { N_THREADS = 8, N_INFERENCES = 1000 };

struct client {
    pthread_t thread;
    struct net_run run;
    uint8_t *expected[N_OUT];
    int n_wrong;
};

static void *infer_often(void *arg)
{
    struct client *const c = arg;
    for (int i = 0; i < N_INFERENCES; i++) {
        for (int k = 0; k < N_OUT; k++) memset(c->run.outputs[k].sysMem[0].virAddr, 0, 8);
        hbDNNTaskHandle_t task = NULL;
        int32_t code = net_submit(&c->run, &task, NULL);
        if (code == 0) code = hbDNNWaitTaskDone(task, 0);
        if (code == 0) code = hbDNNReleaseTask(task);
        c->n_wrong += code != 0;
        for (int k = 0; k < N_OUT; k++)
            c->n_wrong += memcmp(c->run.outputs[k].sysMem[0].virAddr, c->expected[k],
                                 c->run.outputs[k].sysMem[0].memSize) != 0;
    }
    return NULL;
}

static void test_threads__one_model(void)
{
    const hbPackedDNNHandle_t packed = net_load();
    static struct client clients[N_THREADS];
    for (int i = 0; i < N_THREADS; i++) {
        struct client *const c = &clients[i];
        c->run = net_run_of(net_model(packed, "cam"), 1, (uint64_t)i + 1);
        REQUIRE(net_infer(&c->run) == 0);
        for (int k = 0; k < N_OUT; k++) {
            const hbSysMem *const mem = &c->run.outputs[k].sysMem[0];
            c->expected[k] = malloc(mem->memSize);
            memcpy(c->expected[k], mem->virAddr, mem->memSize);
        }
    }
    for (int i = 0; i < N_THREADS; i++)
        REQUIRE(pthread_create(&clients[i].thread, NULL, infer_often, &clients[i]) == 0);
    for (int i = 0; i < N_THREADS; i++) {
        pthread_join(clients[i].thread, NULL);
        CHECK_MSG(clients[i].n_wrong == 0, "thread %d: %d", i, clients[i].n_wrong);
        for (int k = 0; k < N_OUT; k++) free(clients[i].expected[k]);
        net_run_release(&clients[i].run);
    }
    CHECK(hbDNNRelease(packed) == 0);
}

static void test_load__a_thousand_times(void)
{
    size_t size = 0;
    void *const data = net_file(&size);
    const void *list = data;
    int32_t bytes = (int32_t)size;
    for (int i = 0; i < 1000; i++) {
        hbPackedDNNHandle_t packed = NULL;
        REQUIRE(hbDNNInitializeFromDDR(&packed, &list, &bytes, 1) == 0);
        if (i % 10 == 0) {
            struct net_run r = net_run_of(net_model(packed, "cam"), 1, 1);
            CHECK(net_infer(&r) == 0);
            net_run_release(&r);
        }
        REQUIRE(hbDNNRelease(packed) == 0);
    }
    mem_free(data);
}

/* Threads that load, run and release while others do the same. */
static void *load_often(void *arg)
{
    int *const n_wrong = arg;
    for (int i = 0; i < 20; i++) {
        const hbPackedDNNHandle_t packed = net_load();
        struct net_run r = net_run_of(net_model(packed, "odd"), 1, 1);
        *n_wrong += net_infer(&r) != 0;
        net_run_release(&r);
        *n_wrong += hbDNNRelease(packed) != 0;
    }
    return NULL;
}

static void test_threads__load(void)
{
    pthread_t threads[4];
    int n_wrong[4] = {0};
    for (int i = 0; i < 4; i++)
        REQUIRE(pthread_create(&threads[i], NULL, load_often, &n_wrong[i]) == 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        CHECK(n_wrong[i] == 0);
    }
}

TEST_MAIN(TEST(test_task__urgent_ones_first), TEST(test_wait__times_out),
          TEST(test_task__refuses_handles), TEST(test_task__at_most_32),
          TEST(test_more__runs_together), TEST(test_more__at_most_255), TEST(test_release__cancels),
          TEST(test_callback__may_release_and_submit), TEST(test_callback__may_wait),
          TEST(test_callback__after_the_end), TEST(test_callback__may_release_models),
          TEST(test_callback__release_each_other), TEST(test_fork__child_goes_on),
          TEST(test_threads__one_model), TEST(test_load__a_thousand_times),
          TEST(test_threads__load))
