/* SPDX-License-Identifier: Apache-2.0
 *
 * A real network in many threads at once, and loaded many times: always the same outputs, and memory does not grow.
 * usage: often MODEL.bin FRAME.nv12 THREADS INFERENCES LOADS
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dnn/hb_dnn.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MEMORY_IS_KEPT 1 /* freed memory is not given back at once */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MEMORY_IS_KEPT 1
#endif
#endif

enum { MAX_THREADS = 8, MAX_OUTPUTS = 16, WARM_UP = 5, GROWTH_MIB = 16 };

#define TRY(call)                                                                                  \
    do {                                                                                           \
        const int32_t code = (call);                                                               \
        if (code != 0) {                                                                           \
            fprintf(stderr, "%s: %d\n", #call, (int)code);                                         \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

struct client {
    pthread_t thread;
    hbDNNHandle_t model;
    int n_inferences, n_outputs;
    hbDNNTensor input, outputs[MAX_OUTPUTS];
    uint64_t hash; /* of the first outputs */
    int n_wrong;
};

static uint64_t hash_outputs(const struct client *c)
{
    uint64_t hash = 14695981039346656037u;
    for (int i = 0; i < c->n_outputs; i++) {
        const uint32_t *const words = c->outputs[i].sysMem[0].virAddr;
        for (uint32_t k = 0; k < c->outputs[i].sysMem[0].memSize / 4; k++)
            hash = (hash ^ words[k]) * 1099511628211u;
    }
    return hash;
}

static void create(struct client *c, hbDNNHandle_t model, const char *frame)
{
    c->model = model;
    TRY(hbDNNGetOutputCount(&c->n_outputs, model));
    TRY(hbDNNGetInputTensorProperties(&c->input.properties, model, 0));
    const uint32_t size = (uint32_t)c->input.properties.alignedByteSize;
    TRY(hbSysAllocCachedMem(&c->input.sysMem[0], size));
    FILE *const f = fopen(frame, "rb");
    if (f == NULL || fread(c->input.sysMem[0].virAddr, 1, size, f) != size) exit(2);
    fclose(f);
    if (c->n_outputs > MAX_OUTPUTS) exit(2);
    for (int i = 0; i < c->n_outputs; i++) {
        hbDNNTensorProperties *const p = &c->outputs[i].properties;
        TRY(hbDNNGetOutputTensorProperties(p, model, i));
        TRY(hbSysAllocCachedMem(&c->outputs[i].sysMem[0], (uint32_t)p->alignedByteSize));
    }
}

static void release(struct client *c)
{
    TRY(hbSysFreeMem(&c->input.sysMem[0]));
    for (int i = 0; i < c->n_outputs; i++) TRY(hbSysFreeMem(&c->outputs[i].sysMem[0]));
}

static void *infer_often(void *arg)
{
    struct client *const c = arg;
    for (int i = 0; i < c->n_inferences; i++) {
        hbDNNTensor *outputs = c->outputs;
        hbDNNTaskHandle_t task = NULL;
        hbDNNInferCtrlParam how;
        HB_DNN_INITIALIZE_INFER_CTRL_PARAM(&how);
        for (int k = 0; k < c->n_outputs; k++) *(uint32_t *)c->outputs[k].sysMem[0].virAddr = 0;
        TRY(hbDNNInfer(&task, &outputs, &c->input, c->model, &how));
        TRY(hbDNNWaitTaskDone(task, 0));
        TRY(hbDNNReleaseTask(task));
        const uint64_t hash = hash_outputs(c);
        if (c->hash == 0) c->hash = hash;
        c->n_wrong += hash != c->hash;
    }
    return NULL;
}

/* Loads the model; runs it in so many threads, so often in each. */
static uint64_t run(const char *path, const char *frame, int n_threads, int n_inferences)
{
    static struct client clients[MAX_THREADS];
    const char **names;
    int32_t n_names;
    hbPackedDNNHandle_t packed;
    hbDNNHandle_t model;
    TRY(hbDNNInitializeFromFiles(&packed, &path, 1));
    TRY(hbDNNGetModelNameList(&names, &n_names, packed));
    TRY(hbDNNGetModelHandle(&model, packed, names[0]));
    for (int i = 0; i < n_threads; i++) {
        clients[i] = (struct client){.n_inferences = n_inferences};
        create(&clients[i], model, frame);
    }
    for (int i = 0; i < n_threads; i++)
        if (pthread_create(&clients[i].thread, NULL, infer_often, &clients[i]) != 0) exit(2);
    for (int i = 0; i < n_threads; i++) {
        pthread_join(clients[i].thread, NULL);
        if (clients[i].n_wrong != 0 || clients[i].hash != clients[0].hash) {
            fprintf(stderr, "thread %d has other outputs\n", i);
            exit(1);
        }
        release(&clients[i]);
    }
    TRY(hbDNNRelease(packed));
    return clients[0].hash;
}

/* Of memory that is in use. */
static double mebibytes(void)
{
    long whole = 0, resident = 0;
    FILE *const f = fopen("/proc/self/statm", "r");
    if (f == NULL || fscanf(f, "%ld %ld", &whole, &resident) != 2) exit(2);
    fclose(f);
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / (1024 * 1024);
}

int main(int argc, char **argv)
{
    if (argc != 6) return 2;
    const int n_threads = (int)strtol(argv[3], NULL, 10);
    const int n_inferences = (int)strtol(argv[4], NULL, 10);
    const int n_loads = (int)strtol(argv[5], NULL, 10);
    if (n_threads < 1 || n_threads > MAX_THREADS || n_inferences < 1 || n_loads < 1) return 2;
    const uint64_t hash = run(argv[1], argv[2], n_threads, n_inferences);
    double before = 0;
    for (int i = 0; i < n_loads + WARM_UP; i++) {
        if (i == WARM_UP) before = mebibytes();
        if (run(argv[1], argv[2], 1, 1) != hash) {
            fprintf(stderr, "load %d gives other outputs\n", i);
            return 1;
        }
    }
    const double growth = mebibytes() - before;
    printf("%d threads x %d inferences, %d loads: outputs %016llx, %.1f MiB more\n", n_threads,
           n_inferences, n_loads, (unsigned long long)hash, growth);
#ifdef MEMORY_IS_KEPT
    return 0;
#else
    return growth > GROWTH_MIB;
#endif
}
