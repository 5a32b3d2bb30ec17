/* SPDX-License-Identifier: Apache-2.0
 *
 * hb_sys.h: every allocation is in a list, ordered by address, in which addresses are looked up.
 */
#include "dnn/sys.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "dnn/log.h"
#include "dnn/state.h"

struct sys_block {
    uint8_t *data;
    size_t size;
    int n_pins;       /* tasks that read or write it */
    int n_registered; /* hbSysRegisterMem */
    bool is_freed;    /* not in the list any more, gone with the last pin */
};

static struct {
    pthread_mutex_t lock; /* for all of it; nothing else is locked inside */
    struct sys_block **blocks;
    size_t n_blocks, n_room;
} heap = {.lock = PTHREAD_MUTEX_INITIALIZER};

void sys_lock(void)
{
    state_watch_forks();
    pthread_mutex_lock(&heap.lock);
}

void sys_unlock(void)
{
    pthread_mutex_unlock(&heap.lock);
}

/* How many blocks begin at or below p. */
static size_t n_below(const void *p)
{
    size_t low = 0, high = heap.n_blocks;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if ((uintptr_t)heap.blocks[middle]->data <= (uintptr_t)p)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct sys_block *block_around(const void *p)
{
    const size_t n = n_below(p);
    if (n == 0) return NULL;
    struct sys_block *const b = heap.blocks[n - 1];
    return (uintptr_t)p - (uintptr_t)b->data < b->size ? b : NULL;
}

static size_t bytes_from(const struct sys_block *b, const void *p)
{
    return b->size - (size_t)((uintptr_t)p - (uintptr_t)b->data);
}

static void destroy(struct sys_block *b)
{
    mem_free_aligned(b->data);
    mem_free(b);
}

static bool insert(struct sys_block *b)
{
    if (heap.n_blocks == heap.n_room) {
        const size_t n = heap.n_room == 0 ? 32 : heap.n_room * 2;
        struct sys_block **const blocks = mem_realloc(heap.blocks, n * sizeof(struct sys_block *));
        if (blocks == NULL) return false;
        heap.blocks = blocks;
        heap.n_room = n;
    }
    const size_t at = n_below(b->data);
    struct sys_block **const place = heap.blocks + at;
    memmove(place + 1, place, (heap.n_blocks - at) * sizeof(struct sys_block *));
    *place = b;
    heap.n_blocks++;
    return true;
}

static void take_out(const struct sys_block *b)
{
    const size_t at = n_below(b->data) - 1;
    struct sys_block **const place = heap.blocks + at;
    memmove(place, place + 1, (heap.n_blocks - at - 1) * sizeof(struct sys_block *));
    heap.n_blocks--;
    if (heap.n_blocks != 0) return;
    mem_free(heap.blocks); /* nothing is kept when nothing is alive */
    heap.blocks = NULL;
    heap.n_room = 0;
}

static int32_t refuse(const char *function, const char *why)
{
    return dnn_fail(HB_SYS_INVALID_ARGUMENT, "%s: %s", function, why);
}

static int32_t allocate(const char *function, hbSysMem *mem, uint32_t size)
{
    if (mem == NULL || size == 0) return refuse(function, "no hbSysMem, or a size of 0");
    struct sys_block *const b = mem_calloc(1, sizeof *b);
    if (b != NULL) b->data = mem_alloc_aligned(64, size);
    bool ok = b != NULL && b->data != NULL;
    if (ok) {
        b->size = size;
        sys_lock();
        ok = insert(b);
        sys_unlock();
    }
    if (!ok) {
        if (b != NULL) destroy(b);
        return dnn_fail(HB_SYS_OUT_OF_MEMORY, "%s: out of memory for %u bytes", function,
                        (unsigned)size);
    }
    *mem = (hbSysMem){(uint64_t)(uintptr_t)b->data, b->data, size};
    return HB_SYS_SUCCESS;
}

int32_t hbSysAllocMem(hbSysMem *mem, uint32_t size)
{
    return allocate("hbSysAllocMem", mem, size);
}

int32_t hbSysAllocCachedMem(hbSysMem *mem, uint32_t size)
{
    return allocate("hbSysAllocCachedMem", mem, size);
}

int32_t hbSysFreeMem(hbSysMem *mem)
{
    if (mem == NULL || mem->virAddr == NULL) return refuse("hbSysFreeMem", "no memory");
    sys_lock();
    struct sys_block *const b = block_around(mem->virAddr);
    const bool ok = b != NULL && b->data == mem->virAddr;
    bool is_last = false;
    if (ok) {
        take_out(b);
        b->is_freed = true;
        is_last = b->n_pins == 0;
    }
    sys_unlock();
    if (!ok) return refuse("hbSysFreeMem", "not allocated, or freed before");
    if (is_last) destroy(b);
    *mem = (hbSysMem){0};
    return HB_SYS_SUCCESS;
}

/* Of the program's own memory nothing is known but that its phyAddr is not the address: ours has that, even when freed. */
static bool is_there(const struct sys_block *b, const hbSysMem *mem, size_t size)
{
    if (mem->virAddr == NULL || size > mem->memSize) return false;
    if (b != NULL) return size <= bytes_from(b, mem->virAddr);
    return mem->phyAddr != (uint64_t)(uintptr_t)mem->virAddr;
}

bool sys_pin(const hbSysMem *mem, size_t size, struct sys_block **block)
{
    sys_lock();
    struct sys_block *const b = mem->virAddr != NULL ? block_around(mem->virAddr) : NULL;
    const bool ok = is_there(b, mem, size);
    if (ok && b != NULL) b->n_pins++;
    sys_unlock();
    if (ok) *block = b;
    return ok;
}

void sys_unpin(struct sys_block *b)
{
    if (b == NULL) return;
    sys_lock();
    const bool is_last = --b->n_pins == 0 && b->is_freed;
    sys_unlock();
    if (is_last) destroy(b);
}

int32_t hbSysFlushMem(hbSysMem *mem, int32_t flag)
{
    if (flag != HB_SYS_MEM_CACHE_INVALIDATE && flag != HB_SYS_MEM_CACHE_CLEAN)
        return refuse("hbSysFlushMem", "no such flag");
    struct sys_block *b;
    if (mem == NULL || !sys_pin(mem, mem->memSize, &b))
        return refuse("hbSysFlushMem", "no memory, or it was freed");
    sys_unpin(b);
    return HB_SYS_SUCCESS;
}

int32_t hbSysWriteMem(hbSysMem *dest, char *src, uint32_t size)
{
    struct sys_block *b;
    if (dest == NULL || src == NULL || !sys_pin(dest, size, &b))
        return refuse("hbSysWriteMem", "no memory, less than is to be written, or it was freed");
    memcpy(dest->virAddr, src, size);
    sys_unpin(b);
    return HB_SYS_SUCCESS;
}

int32_t hbSysReadMem(char *dest, hbSysMem *src, uint32_t size)
{
    struct sys_block *b;
    if (dest == NULL || src == NULL || !sys_pin(src, size, &b))
        return refuse("hbSysReadMem", "no memory, less than is to be read, or it was freed");
    memcpy(dest, src->virAddr, size);
    sys_unpin(b);
    return HB_SYS_SUCCESS;
}

int32_t hbSysRegisterMem(hbSysMem *mem)
{
    if (mem == NULL || mem->phyAddr == 0 || mem->memSize == 0)
        return refuse("hbSysRegisterMem", "no memory");
    void *const p = (void *)(uintptr_t)mem->phyAddr;
    sys_lock();
    struct sys_block *const b = block_around(p);
    const bool ok = b != NULL && mem->memSize <= bytes_from(b, p);
    if (ok) b->n_registered++;
    sys_unlock();
    if (!ok)
        return dnn_fail(HB_SYS_REGISTER_MEM_FAILED,
                        "hbSysRegisterMem: the range is not within memory of hbSysAllocMem");
    mem->virAddr = p;
    return HB_SYS_SUCCESS;
}

int32_t hbSysUnregisterMem(hbSysMem *mem)
{
    if (mem == NULL || mem->virAddr == NULL) return refuse("hbSysUnregisterMem", "no memory");
    sys_lock();
    struct sys_block *const b = block_around(mem->virAddr);
    const bool ok = b != NULL && b->n_registered > 0;
    if (ok) b->n_registered--;
    sys_unlock();
    if (!ok) return refuse("hbSysUnregisterMem", "not registered");
    mem->virAddr = NULL;
    return HB_SYS_SUCCESS;
}
