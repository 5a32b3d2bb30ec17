/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/eval.h"

void dense_strides(const struct shape *shape, int64_t *stride)
{
    int64_t n = 1;
    for (int i = shape->rank - 1; i >= 0; i--) {
        stride[i] = n;
        n *= shape->dim[i] > 0 ? shape->dim[i] : 1;
    }
}

void walk_init(struct walk *w, const struct shape *shape)
{
    *w = (struct walk){.rank = shape->rank};
    for (int i = 0; i < shape->rank; i++) w->dim[i] = shape->dim[i];
}

void walk_broadcast(struct walk *w, int k, const struct shape *shape)
{
    int64_t own[SHAPE_MAX_RANK], stride[SHAPE_MAX_RANK] = {0};
    const int lead = w->rank - shape->rank;
    dense_strides(shape, own);
    for (int i = 0; i < shape->rank; i++)
        if (shape->dim[i] != 1) stride[lead + i] = own[i];
    walk_strides(w, k, stride, 0);
}

void walk_strides(struct walk *w, int k, const int64_t *stride, int64_t offset)
{
    for (int i = 0; i < w->rank; i++) w->stride[k][i] = stride[i];
    w->offset[k] = offset;
    w->n_operands = k + 1;
}

/* Dimension i and the one after it are one for every operand. */
static bool can_merge(const struct walk *w, int i)
{
    for (int k = 0; k < w->n_operands; k++)
        if (w->stride[k][i] != w->stride[k][i + 1] * w->dim[i + 1]) return false;
    return true;
}

static void remove_dim(struct walk *w, int i)
{
    w->rank--;
    for (int j = i; j < w->rank; j++) {
        w->dim[j] = w->dim[j + 1];
        for (int k = 0; k < w->n_operands; k++) w->stride[k][j] = w->stride[k][j + 1];
    }
}

bool walk_first(struct walk *w)
{
    for (int i = 0; i < w->rank; i++)
        if (w->dim[i] == 0) return false;
    for (int i = w->rank - 1; i >= 0; i--)
        if (w->dim[i] == 1) remove_dim(w, i);
    for (int i = w->rank - 2; i >= 0; i--)
        if (can_merge(w, i)) {
            w->dim[i + 1] *= w->dim[i];
            remove_dim(w, i);
        }
    w->row = w->rank == 0 ? 1 : w->dim[w->rank - 1];
    for (int k = 0; k < w->n_operands; k++)
        w->row_stride[k] = w->rank == 0 ? 1 : w->stride[k][w->rank - 1];
    return true;
}

bool walk_next(struct walk *w)
{
    for (int i = w->rank - 2; i >= 0; i--) {
        const bool wraps = ++w->index[i] == w->dim[i];
        const int64_t steps = wraps ? 1 - w->dim[i] : 1;
        for (int k = 0; k < w->n_operands; k++) w->offset[k] += steps * w->stride[k][i];
        if (!wraps) return true;
        w->index[i] = 0;
    }
    return false;
}

#define GET_ROW(type)                                                                              \
    do {                                                                                           \
        const type *p = (const type *)t->data + offset;                                            \
        for (int i = 0; i < n; i++) v[i] = p[i * stride];                                          \
    } while (0)

void row_get_real(const struct tensor *t, int64_t offset, int64_t stride, int n, double *v)
{
    if (t->dtype == DTYPE_F32) {
        const float *p = (const float *)t->data + offset;
        for (int i = 0; i < n; i++) v[i] = (double)p[i * stride];
    } else if (t->dtype == DTYPE_F64) {
        GET_ROW(double);
    } else {
        ITX_BUG();
    }
}

void row_get_integer(const struct tensor *t, int64_t offset, int64_t stride, int n, int64_t *v)
{
    if (t->dtype == DTYPE_S64) {
        GET_ROW(int64_t);
    } else if (t->dtype == DTYPE_S32) {
        GET_ROW(int32_t);
    } else if (t->dtype == DTYPE_S16) {
        GET_ROW(int16_t);
    } else if (t->dtype == DTYPE_S8) {
        GET_ROW(int8_t);
    } else if (t->dtype == DTYPE_U8 || t->dtype == DTYPE_BOOL) {
        GET_ROW(uint8_t);
    } else {
        ITX_BUG();
    }
}
#undef GET_ROW

void row_put_real(const struct tensor *t, int64_t offset, int n, const double *v)
{
    if (t->dtype == DTYPE_F32) {
        float *p = (float *)t->data + offset;
        for (int i = 0; i < n; i++) p[i] = (float)v[i];
    } else if (t->dtype == DTYPE_F64) {
        double *p = (double *)t->data + offset;
        for (int i = 0; i < n; i++) p[i] = v[i];
    } else {
        ITX_BUG();
    }
}

#define PUT_ROW(type)                                                                              \
    do {                                                                                           \
        type *p = (type *)t->data + offset;                                                        \
        for (int i = 0; i < n; i++) p[i] = (type)v[i];                                             \
    } while (0)

void row_put_integer(const struct tensor *t, int64_t offset, int n, const int64_t *v)
{
    if (t->dtype == DTYPE_S64) {
        PUT_ROW(int64_t);
    } else if (t->dtype == DTYPE_S32) {
        PUT_ROW(int32_t);
    } else if (t->dtype == DTYPE_S16) {
        PUT_ROW(int16_t);
    } else if (t->dtype == DTYPE_S8) {
        PUT_ROW(int8_t);
    } else if (t->dtype == DTYPE_U8) {
        PUT_ROW(uint8_t);
    } else if (t->dtype == DTYPE_BOOL) {
        uint8_t *p = (uint8_t *)t->data + offset;
        for (int i = 0; i < n; i++) p[i] = v[i] != 0;
    } else {
        ITX_BUG();
    }
}
#undef PUT_ROW
