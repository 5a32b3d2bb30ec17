/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Blocks of this size and more ask for large pages: faults and address translation cost less. */
#define LARGE_PAGE ((size_t)2 << 20)

static atomic_ullong n_allocations;
static atomic_long fail_at = -1;

static bool may_allocate(void)
{
    atomic_fetch_add_explicit(&n_allocations, 1, memory_order_relaxed);
    const long left = atomic_load_explicit(&fail_at, memory_order_relaxed);
    if (left < 0) return true;
    if (left == 0) return false;
    atomic_store_explicit(&fail_at, left - 1, memory_order_relaxed);
    return true;
}

void mem_fail_after(long n)
{
    atomic_store(&fail_at, n);
}

uint64_t mem_count(void)
{
    return atomic_load(&n_allocations);
}

void *mem_alloc(size_t size)
{
    return may_allocate() ? malloc(size != 0 ? size : 1) : NULL;
}

void *mem_calloc(size_t n, size_t size)
{
    if (!may_allocate()) return NULL;
    return n != 0 && size != 0 ? calloc(n, size) : calloc(1, 1);
}

void *mem_realloc(void *p, size_t size)
{
    return may_allocate() ? realloc(p, size != 0 ? size : 1) : NULL;
}

void mem_free(void *p)
{
    free(p);
}

/* What calloc gave lies before an aligned block. calloc knows memory that is fresh and need not be zeroed, and leaves
 * its pages to whoever touches them first. */
void *mem_alloc_aligned(size_t align, size_t size)
{
    if (!may_allocate()) return NULL;
    size_t whole;
    if (size >= LARGE_PAGE && align < LARGE_PAGE) align = LARGE_PAGE;
    if (align < sizeof(void *)) align = sizeof(void *);
    if (!size_add(size, align, &whole) || !size_add(whole, sizeof(void *), &whole)) return NULL;
    uint8_t *const raw = calloc(1, whole);
    if (raw == NULL) return NULL;
    const size_t before = size_align((uintptr_t)raw + sizeof(void *), align) - (uintptr_t)raw;
    uint8_t *const p = raw + before;
#ifdef MADV_HUGEPAGE
    if (align == LARGE_PAGE) madvise(p, size, MADV_HUGEPAGE); /* a wish: nothing depends on it */
#endif
    memcpy(p - sizeof raw, &raw, sizeof raw);
    return p;
}

void mem_free_aligned(void *p)
{
    void *raw;
    if (p == NULL) return;
    memcpy(&raw, (uint8_t *)p - sizeof raw, sizeof raw);
    free(raw);
}
