/* SPDX-License-Identifier: Apache-2.0
 *
 * What shape inference, evaluation and the float executor must agree about: the meaning of shape operands and of
 * window attributes. Internal to src/graph, except struct window, which src/float uses too.
 *
 * Messages do not name the node: graph_infer_node and graph_eval put its name before them.
 */
#ifndef GRAPH_OPERANDS_H
#define GRAPH_OPERANDS_H

#include "graph/graph.h"

#define WINDOW_MAX_DIMS (SHAPE_MAX_RANK - 2)

/* A sliding window over the `n` spatial dimensions of [n, c, ...]: Conv, ConvTranspose, pools. auto_pad is resolved:
 * begin and end are numbers. Every field is at most OPERAND_LIMIT, so that products fit 64 bits. */
#define OPERAND_LIMIT ((int64_t)1 << 30)
struct window {
    int n;
    int64_t kernel[WINDOW_MAX_DIMS], stride[WINDOW_MAX_DIMS], dilation[WINDOW_MAX_DIMS];
    int64_t begin[WINDOW_MAX_DIMS], end[WINDOW_MAX_DIMS];
};

/* The window of a Conv or pool on x and its output's spatial sizes. `kernel`: n sizes, NULL: from kernel_shape. */
itx_status operand_window(const struct node *n, const struct shape *x, const int64_t *kernel,
                          struct window *w, int64_t *out, struct itx_error *err);
/* Same for ConvTranspose. output_shape and auto_pad are resolved; `end` may be negative then (rows past the last
 * product, which hold the bias only). */
itx_status operand_transposed_window(const struct node *n, const struct shape *x,
                                     const int64_t *kernel, struct window *w, int64_t *out,
                                     struct itx_error *err);

/* Integers of a constant s64 or s32 tensor of rank 0 or 1, at most `max`; `what` names it in messages. */
itx_status operand_ints(const struct tensor *t, const char *what, int max, int64_t *v, int *count,
                        struct itx_error *err);
/* A possibly negative axis in [-rank, rank) made positive. */
itx_status operand_axis(int64_t axis, int rank, int *out, struct itx_error *err);
/* Bit i of *mask: axis i is named. `axes` NULL: `otherwise`. Doubled axes are refused. */
itx_status operand_axes(const struct tensor *axes, int rank, uint32_t otherwise, uint32_t *mask,
                        struct itx_error *err);

/* The axes a Reduce node sums over; axes may be NULL. */
itx_status operand_reduced(const struct node *n, const struct shape *x, const struct tensor *axes,
                           uint32_t *mask, struct itx_error *err);

/* out[i] = in[start + i * step] in each dimension. */
struct slice {
    int64_t start[SHAPE_MAX_RANK], step[SHAPE_MAX_RANK], count[SHAPE_MAX_RANK];
};
/* axes and steps may be NULL. */
itx_status operand_slice(const struct shape *x, const struct tensor *starts,
                         const struct tensor *ends, const struct tensor *axes,
                         const struct tensor *steps, struct slice *s, struct itx_error *err);

/* Elements added at both ends of each dimension; negative: removed. */
struct padding {
    int64_t begin[SHAPE_MAX_RANK], end[SHAPE_MAX_RANK];
};
/* axes may be NULL. */
itx_status operand_padding(const struct shape *x, const struct tensor *pads,
                           const struct tensor *axes, struct padding *p, struct itx_error *err);

/* Broadcasts b onto a as ONNX (NumPy) does. */
itx_status operand_broadcast(struct shape *a, const struct shape *b, struct itx_error *err);

/* Is input i given, and are its numbers known? */
static inline bool operand_present(const struct node *n, int i)
{
    return node_input(n, i) != 0;
}

/* Computes dtype and shape of every output from the inputs' dtypes, shapes and, where known (data not NULL), numbers.
 * Outputs that cannot be known yet get rank -1. What graph_infer_node does to a graph, on tensors. */
itx_status operand_infer(const struct node *n, const struct tensor *in, struct tensor *out,
                         struct itx_error *err);

#endif
