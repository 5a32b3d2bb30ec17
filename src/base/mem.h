/* SPDX-License-Identifier: Apache-2.0
 *
 * The only allocator, and checked size arithmetic. Every allocation may fail; tests make the n-th one fail
 * (mem_fail_after).
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

/* NULL when out of memory. Sizes of zero give a valid pointer. */
void *mem_alloc(size_t size);
void *mem_calloc(size_t n, size_t size); /* zeroed; n * size is checked */
void *mem_realloc(void *p, size_t size);
void mem_free(void *p);

/* `align` is a power of two; zeroed; freed with mem_free_aligned. */
void *mem_alloc_aligned(size_t align, size_t size);
void mem_free_aligned(void *p);

/* For tests: the n-th allocation from now on and all later ones fail; negative switches this off. */
void mem_fail_after(long n);
/* For tests: number of allocations made by this process so far. */
uint64_t mem_count(void);

/* False on overflow; *out is then untouched. */
static inline bool size_add(size_t a, size_t b, size_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

static inline bool size_mul(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

static inline size_t size_align(size_t n, size_t align)
{
    return (n + align - 1) & ~(align - 1);
}

#endif
