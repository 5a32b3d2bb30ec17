/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"

#define BLOCK_SIZE ((size_t)64 * 1024)

struct arena_block {
    struct arena_block *next;
    size_t size, used; /* of data */
    _Alignas(16) uint8_t data[];
};

/* Each object is followed by at least one byte nobody owns, so that neighbours do not touch. */
void *arena_alloc(struct arena *arena, size_t size)
{
    size_t whole;
    if (!size_add(size, 16, &whole)) return NULL;
    whole &= ~(size_t)15;
    struct arena_block *block = arena->blocks;
    if (block == NULL || block->size - block->used < whole) {
        const size_t room = whole > BLOCK_SIZE ? whole : BLOCK_SIZE;
        size_t bytes;
        if (!size_add(room, sizeof *block, &bytes)) return NULL;
        block = mem_calloc(1, bytes);
        if (block == NULL) return NULL;
        block->size = room;
        /* A large object must not hide the room left in the current block. */
        if (whole > BLOCK_SIZE && arena->blocks != NULL) {
            block->next = arena->blocks->next;
            arena->blocks->next = block;
        } else {
            block->next = arena->blocks;
            arena->blocks = block;
        }
    }
    void *p = block->data + block->used;
    block->used += whole;
    arena->used += whole;
    return p;
}

void *arena_calloc(struct arena *arena, size_t n, size_t size)
{
    size_t bytes;
    return size_mul(n, size, &bytes) ? arena_alloc(arena, bytes) : NULL;
}

void *arena_dup(struct arena *arena, const void *data, size_t size)
{
    void *p = arena_alloc(arena, size);
    if (p != NULL && size != 0) memcpy(p, data, size);
    return p;
}

char *arena_text(struct arena *arena, const char *data, size_t len)
{
    char *p = arena_alloc(arena, len + 1);
    if (p != NULL && len != 0) memcpy(p, data, len);
    return p;
}

void arena_release(struct arena *arena)
{
    struct arena_block *block = arena->blocks;
    while (block != NULL) {
        struct arena_block *next = block->next;
        mem_free(block);
        block = next;
    }
    *arena = (struct arena){0};
}
