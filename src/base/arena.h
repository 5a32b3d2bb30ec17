/* SPDX-License-Identifier: Apache-2.0
 *
 * Bump allocator: many small objects with one lifetime. Blocks are chained; nothing is freed singly.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena_block;

/* Zero-initialised is valid and empty. */
struct arena {
    struct arena_block *blocks;
    size_t used; /* bytes handed out, for reports */
};

/* 16-byte aligned and zeroed; NULL when out of memory. */
void *arena_alloc(struct arena *arena, size_t size);
/* n elements of `size` bytes, overflow checked. */
void *arena_calloc(struct arena *arena, size_t n, size_t size);
/* Copies, with a terminating zero for text. */
void *arena_dup(struct arena *arena, const void *data, size_t size);
char *arena_text(struct arena *arena, const char *data, size_t len);
void arena_release(struct arena *arena);

#endif
