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

void *mem_alloc_aligned(size_t align, size_t size)
{
    if (!may_allocate()) return NULL;
    size_t whole;
    if (size >= LARGE_PAGE && align < LARGE_PAGE) align = LARGE_PAGE;
    if (!size_add(size, align, &whole)) return NULL;
    whole = (whole - 1) & ~(align - 1);
    void *p = aligned_alloc(align, whole != 0 ? whole : align);
    if (p == NULL) return NULL;
#ifdef MADV_HUGEPAGE
    if (align == LARGE_PAGE) madvise(p, whole, MADV_HUGEPAGE); /* a wish: nothing depends on it */
#endif
    memset(p, 0, size);
    return p;
}

void mem_free_aligned(void *p)
{
    free(p);
}
