/* SPDX-License-Identifier: Apache-2.0
 *
 * Cases of the families conv and dwconv: shapes, and parameters as extreme as the contract allows.
 */
#ifndef TESTS_CHECK_CHECK_CONV_CASE_H
#define TESTS_CHECK_CHECK_CONV_CASE_H

#include "check.h"
#include "kernels/conv/conv.h"

enum conv_kind { CONV_DENSE, CONV_DEPTHWISE };

/* The largest reach of a wide input for which the sums keep to the contract. */
int conv_case_most_reach(const struct conv_shape *s, enum conv_kind kind);

struct conv_case {
    struct conv_params params; /* packed is left to the rows */
    const int8_t *weights;
    const void *in, *res;
    bool is_in_place; /* the residual lies in the output */
    struct check_layout out_layout;
    size_t out_size;
    int grid_h, grid_w; /* what run()'s rows count, and conv_columns */
};

struct conv_shape conv_case_shape(struct check *c, enum conv_kind kind);

/* Every operand at its limit (the sums are the largest there are), or each array filled by chance. */
enum conv_operands { CONV_LIMITS, CONV_BY_CHANCE };
/* Describes the case and allocates its buffers. */
struct conv_case conv_case_create(struct check *c, enum conv_kind kind,
                                  const struct conv_shape *shape, enum conv_operands operands);

/* What run() is given for columns [begin, end) of the grid; params.packed is left to the rows. */
struct conv_part {
    struct conv_params params;
    const uint8_t *res;
    void *out;
};
struct conv_part conv_case_columns(const struct conv_case *t, void *out, int begin, int end);

/* A layer of conv_layers.def: SiLU, S8, no residual. */
struct conv_layer {
    const char *family;
    int in_h, in_c, out_c, kernel, stride, upscale, n;
};
extern const struct conv_layer conv_layers[];
extern const int n_conv_layers;

struct conv_shape conv_layer_shape(const struct conv_layer *layer, bool is_wide);
struct conv_case conv_layer_case(struct check *c, const struct conv_layer *layer, bool is_wide);
double conv_layer_macs(const struct conv_layer *layer);

#endif
