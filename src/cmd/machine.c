/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/machine.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

/* A chain of operations of one cycle each, every one waiting for the one before. */
double machine_clock_ghz(void)
{
    enum { ROUNDS = 2000000, OPERATIONS = 6, ATTEMPTS = 5 };
    uint64_t best = UINT64_MAX;
    volatile uint32_t sink = 1;
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        uint32_t x = sink;
        const uint64_t start = clock_ns();
        for (int i = 0; i < ROUNDS; i++) {
            x ^= x << 13;
            x ^= x >> 17;
            x ^= x << 5;
        }
        sink = x;
        const uint64_t ns = clock_ns() - start;
        if (ns < best) best = ns;
    }
    return (double)ROUNDS * OPERATIONS / (double)best;
}

struct copy {
    uint8_t *from, *to;
    int size;
};

static void copy_part(void *ctx, int worker, int n_workers)
{
    const struct copy *const c = ctx;
    int begin, end;
    pool_part(c->size, 64, worker, n_workers, &begin, &end);
    memcpy(c->to + begin, c->from + begin, (size_t)(end - begin));
}

double machine_copy_rate(struct pool *pool, uint64_t size)
{
    enum { ATTEMPTS = 20, MAX_SIZE = 1 << 30 };
    struct copy c = {.size = size / 2 < MAX_SIZE ? (int)(size / 2) : MAX_SIZE};
    uint64_t best = UINT64_MAX;
    c.from = mem_alloc_aligned(64, (size_t)c.size);
    c.to = mem_alloc_aligned(64, (size_t)c.size);
    for (int i = 0; i < ATTEMPTS && c.from != NULL && c.to != NULL; i++) {
        const uint64_t start = clock_ns();
        pool_run(pool, copy_part, &c);
        const uint64_t ns = clock_ns() - start;
        if (ns < best) best = ns;
    }
    mem_free_aligned(c.from);
    mem_free_aligned(c.to);
    return best != UINT64_MAX ? 2e9 * c.size / (double)best : 0;
}

/* The number of kB behind `key` at the start of a line. */
static void read_line(const char *line, const char *key, uint64_t *bytes)
{
    unsigned long long kb;
    const size_t len = strlen(key);
    if (strncmp(line, key, len) == 0 && sscanf(line + len, "%llu", &kb) == 1) *bytes = kb * 1024;
}

bool machine_memory(struct machine_memory *memory)
{
    char line[256];
    *memory = (struct machine_memory){0};
    FILE *file = fopen("/proc/self/status", "r");
    if (file == NULL) return false;
    while (fgets(line, sizeof line, file) != NULL) {
        read_line(line, "VmRSS:", &memory->resident);
        read_line(line, "VmHWM:", &memory->peak);
    }
    fclose(file);
    return memory->resident != 0 && memory->peak != 0;
}
