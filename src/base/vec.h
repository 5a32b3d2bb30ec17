/* SPDX-License-Identifier: Apache-2.0
 *
 * The one generic macro: a growable typed array. Zero-initialised is valid and empty.
 *
 *     VEC(int) v = {0};
 *     if (!vec_push(&v, 7)) return out of memory;
 *     for (size_t i = 0; i < v.len; i++) use(v.data[i]);
 *     vec_release(&v);
 */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include <stdbool.h>
#include <stddef.h>

#define VEC(type)                                                                                  \
    struct {                                                                                       \
        type *data;                                                                                \
        size_t len, cap;                                                                           \
    }

/* Both are true on success; on failure the vector is unchanged. */
#define vec_push(v, ...)                                                                           \
    (vec_reserve(v, (v)->len + 1) ? ((v)->data[(v)->len++] = (__VA_ARGS__), true) : false)
#define vec_reserve(v, n)                                                                          \
    ((n) <= (v)->cap || vec_grow((void **)&(v)->data, &(v)->cap, (n), sizeof *(v)->data))
#define vec_release(v) (mem_free((v)->data), (v)->data = NULL, (v)->len = 0, (v)->cap = 0, (void)0)

#include "base/mem.h"

static inline bool vec_grow(void **data, size_t *cap, size_t need, size_t size)
{
    size_t room = *cap < 8 ? 8 : *cap, bytes;
    while (room < need)
        if (!size_mul(room, 2, &room)) return false;
    if (!size_mul(room, size, &bytes)) return false;
    void *p = mem_realloc(*data, bytes);
    if (p == NULL) return false;
    *data = p;
    *cap = room;
    return true;
}

#endif
