/* SPDX-License-Identifier: Apache-2.0
 *
 * Between the files of graph_eval: the functions by operation, the strided walk they share, and rows of numbers in and
 * out of tensors of any type. Internal to src/graph.
 */
#ifndef GRAPH_EVAL_H
#define GRAPH_EVAL_H

#include "graph/graph.h"

/* What an evaluation function sees: operands that shape inference has accepted, outputs of the inferred shapes. */
struct eval {
    const struct node *node;
    const struct tensor *in;
    struct tensor *out;
    struct itx_error *err;
};
typedef itx_status eval_fn(const struct eval *c);

/* eval_elt.c */
eval_fn eval_unary, eval_binary, eval_compare, eval_fold, eval_clip, eval_where, eval_cast;
/* eval_move.c */
eval_fn eval_copy, eval_concat, eval_expand, eval_gather, eval_pad, eval_slice, eval_split,
    eval_tile, eval_transpose;
/* eval_reduce.c */
eval_fn eval_reduce, eval_global_pool, eval_softmax;
/* eval_quantize.c */
eval_fn eval_quantize, eval_dequantize;
/* eval_resize.c */
eval_fn eval_resize;

/* --- eval_walk.c --- */

/* Visits the elements of a shape row by row, with one offset (in elements) for each of up to four operands. Dimensions that
 * are contiguous for every operand are merged, so that plain cases are one long row.
 *
 *     walk_init(&w, &shape); walk_broadcast(&w, 0, &a); ...
 *     for (bool more = walk_first(&w); more; more = walk_next(&w))
 *         use rows of w.row elements at w.offset[k], w.row_stride[k] apart
 */
#define WALK_MAX_OPERANDS 4
struct walk {
    int rank, n_operands;
    int64_t dim[SHAPE_MAX_RANK], index[SHAPE_MAX_RANK];
    int64_t stride[WALK_MAX_OPERANDS][SHAPE_MAX_RANK];
    int64_t offset[WALK_MAX_OPERANDS], row_stride[WALK_MAX_OPERANDS], row;
};
void walk_init(struct walk *w, const struct shape *shape);
/* Operand k is dense of this shape and broadcasts to the walked one. Operands are given in order from 0. */
void walk_broadcast(struct walk *w, int k, const struct shape *shape);
/* Operand k has these strides, one for each dimension of the walked shape, and begins at `offset`. */
void walk_strides(struct walk *w, int k, const int64_t *stride, int64_t offset);
/* False: there is nothing to visit. */
bool walk_first(struct walk *w);
bool walk_next(struct walk *w);

/* Distances between elements of a dense tensor. */
void dense_strides(const struct shape *shape, int64_t *stride);

/* Rows are handled in pieces of this many numbers. */
#define EVAL_PIECE 512

static inline bool dtype_is_real(enum dtype t)
{
    return t == DTYPE_F32 || t == DTYPE_F64;
}

static inline bool dtype_is_integer(enum dtype t)
{
    return t == DTYPE_S64 || t == DTYPE_S32 || t == DTYPE_S16 || t == DTYPE_S8 || t == DTYPE_U8 ||
           t == DTYPE_BOOL;
}

/* n elements of a real (integer) tensor from `offset` on, `stride` apart. f32 arithmetic done in f64 and rounded once by
 * row_put_real gives what f32 arithmetic gives for +, -, *, / and square roots. */
void row_get_real(const struct tensor *t, int64_t offset, int64_t stride, int n, double *v);
void row_get_integer(const struct tensor *t, int64_t offset, int64_t stride, int n, int64_t *v);
/* Dense. Integers wrap; bool is "not 0". */
void row_put_real(const struct tensor *t, int64_t offset, int n, const double *v);
void row_put_integer(const struct tensor *t, int64_t offset, int n, const int64_t *v);

/* out[i, j, ...] = in[map 0[i], map 1[j], ...]; `maps` holds one number for each index of each output dimension, one
 * dimension after the other; negative: `fill` (one element). eval_move.c */
void eval_by_maps(const struct tensor *in, const struct tensor *out, const int64_t *maps,
                  const void *fill);
/* Room for such maps, freed with mem_free; NULL when out of memory. */
int64_t *eval_new_maps(const struct shape *out);

itx_status eval_refuse_dtype(const struct eval *c, enum dtype dtype);

#endif
