/* SPDX-License-Identifier: Apache-2.0
 *
 * Shapes of tensors in a graph.
 */
#ifndef TENSOR_SHAPE_H
#define TENSOR_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

#define SHAPE_MAX_RANK 8
#define SHAPE_MAX_ELEMENTS ((int64_t)1 << 31) /* more is refused: no tensor of ours comes near */

/* rank -1: not known (yet); a scalar has rank 0. Every known dimension is >= 0. */
struct shape {
    int rank;
    int64_t dim[SHAPE_MAX_RANK];
};

/* Number of elements, or -1 when the rank is unknown or the product exceeds SHAPE_MAX_ELEMENTS. */
static inline int64_t shape_elements(const struct shape *s)
{
    if (s->rank < 0) return -1;
    int64_t n = 1;
    for (int i = 0; i < s->rank; i++)
        if (__builtin_mul_overflow(n, s->dim[i], &n) || n > SHAPE_MAX_ELEMENTS) return -1;
    return n;
}

static inline bool shape_eq(const struct shape *a, const struct shape *b)
{
    if (a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i]) return false;
    return true;
}

/* Prints "[1, 3, 640, 640]" into text and returns it; needs at most SHAPE_TEXT_SIZE bytes. */
#define SHAPE_TEXT_SIZE 180
const char *shape_text(const struct shape *s, char *text);

#endif
