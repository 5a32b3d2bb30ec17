/* SPDX-License-Identifier: Apache-2.0
 *
 * bits of a handle: 63..56 its kind, in a range where no program has addresses; 55..20 a running number; 19..0 its place in
 * the table.
 */
#include "dnn/state.h"

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "dnn/sys.h"
#include "dnn/task.h"

#define PLACE_BITS 20
#define NUMBER_BITS 36
#define KIND_SHIFT (PLACE_BITS + NUMBER_BITS)
#define KIND_BASE 0x50u

_Static_assert(sizeof(void *) == 8, "handles hold 64 bits");

static struct {
    pthread_mutex_t lock;
    struct slot {
        uint64_t handle; /* 0: free */
        void *object;
    } * slots;
    size_t n_slots;
    uint64_t n_given;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void before_fork(void)
{
    pthread_mutex_lock(&state.lock);
    sys_lock();
}

static void after_fork(void)
{
    sys_unlock();
    pthread_mutex_unlock(&state.lock);
}

static void after_fork_in_child(void)
{
    sys_unlock();
    task_lose_workers();
    pthread_mutex_unlock(&state.lock);
}

static void watch_forks(void)
{
    pthread_atfork(before_fork, after_fork, after_fork_in_child);
}

void state_watch_forks(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch_forks);
}

void state_lock(void)
{
    state_watch_forks();
    pthread_mutex_lock(&state.lock);
}

void state_unlock(void)
{
    pthread_mutex_unlock(&state.lock);
}

pthread_mutex_t *state_mutex(void)
{
    return &state.lock;
}

bool state_is_empty(void)
{
    return state.n_slots == 0;
}

static bool grow(void)
{
    const size_t n = state.n_slots == 0 ? 16 : state.n_slots * 2;
    if (n > (size_t)1 << PLACE_BITS) return false;
    struct slot *const slots = mem_realloc(state.slots, n * sizeof *slots);
    if (slots == NULL) return false;
    for (size_t i = state.n_slots; i < n; i++) slots[i] = (struct slot){0};
    state.slots = slots;
    state.n_slots = n;
    return true;
}

void *handle_new(enum handle_kind kind, void *object)
{
    size_t place = 0;
    while (place < state.n_slots && state.slots[place].handle != 0) place++;
    if (place == state.n_slots && !grow()) return NULL;
    const uint64_t number = ++state.n_given & (((uint64_t)1 << NUMBER_BITS) - 1);
    const uint64_t handle =
        (uint64_t)(KIND_BASE + (unsigned)kind) << KIND_SHIFT | number << PLACE_BITS | place;
    state.slots[place] = (struct slot){handle, object};
    return (void *)(uintptr_t)handle;
}

static struct slot *find(enum handle_kind kind, const void *handle)
{
    const uint64_t h = (uint64_t)(uintptr_t)handle;
    const size_t place = (size_t)(h & (((uint64_t)1 << PLACE_BITS) - 1));
    if (h >> KIND_SHIFT != KIND_BASE + (unsigned)kind || place >= state.n_slots) return NULL;
    return state.slots[place].handle == h ? &state.slots[place] : NULL;
}

void *handle_object(enum handle_kind kind, const void *handle)
{
    const struct slot *const slot = find(kind, handle);
    return slot != NULL ? slot->object : NULL;
}

void handle_each(enum handle_kind kind, void (*visit)(void *object))
{
    for (size_t i = 0; i < state.n_slots; i++)
        if (state.slots[i].handle >> KIND_SHIFT == KIND_BASE + (unsigned)kind)
            visit(state.slots[i].object);
}

void handle_drop(enum handle_kind kind, const void *handle)
{
    struct slot *const slot = find(kind, handle);
    if (slot != NULL) *slot = (struct slot){0};
    for (size_t i = 0; i < state.n_slots; i++)
        if (state.slots[i].handle != 0) return;
    mem_free(state.slots); /* nothing is kept when nothing is alive */
    state.slots = NULL;
    state.n_slots = 0;
}
