/* SPDX-License-Identifier: Apache-2.0
 *
 * Element types of tensors, in graphs and plans.
 */
#ifndef TENSOR_DTYPE_H
#define TENSOR_DTYPE_H

#include <stdint.h>

/* columns: name, text, size in bytes. Values are written into plan files: append only. */
#define DTYPE_LIST(X)                                                                              \
    X(DTYPE_NONE, "none", 0)                                                                       \
    X(DTYPE_F32, "f32", 4)                                                                         \
    X(DTYPE_S8, "s8", 1)                                                                           \
    X(DTYPE_S16, "s16", 2)                                                                         \
    X(DTYPE_S32, "s32", 4)                                                                         \
    X(DTYPE_U8, "u8", 1)                                                                           \
    X(DTYPE_S64, "s64", 8)                                                                         \
    X(DTYPE_BOOL, "bool", 1)                                                                       \
    X(DTYPE_F64, "f64", 8)                                                                         \
    X(DTYPE_F16, "f16", 2)

enum dtype {
#define ITX_X(name, text, size) name,
    DTYPE_LIST(ITX_X)
#undef ITX_X
        DTYPE_COUNT
};

static inline int dtype_size(enum dtype t)
{
    static const uint8_t sizes[] = {
#define ITX_X(name, text, size) size,
        DTYPE_LIST(ITX_X)
#undef ITX_X
    };
    return sizes[t];
}

static inline const char *dtype_name(enum dtype t)
{
    static const char *const names[] = {
#define ITX_X(name, text, size) text,
        DTYPE_LIST(ITX_X)
#undef ITX_X
    };
    return names[t];
}

#endif
