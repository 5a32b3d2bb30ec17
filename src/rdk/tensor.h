/* SPDX-License-Identifier: Apache-2.0
 *
 * Inputs and outputs of a model as the RDK's runtime describes them (hbDNNTensorProperties).
 */
#ifndef RDK_TENSOR_H
#define RDK_TENSOR_H

#include <stdio.h>

#include "intarsia/intarsia.h"
#include "plan/plan.h"

struct rdk_tensor {
    const char *name;
    const char *source; /* inputs: "HB_DNN_INPUT_FROM_PYRAMID", ...; else NULL */
    const char *type;   /* "HB_DNN_TENSOR_TYPE_F32", ... */
    const char *layout; /* as it is labelled; outputs lie in memory as NHWC whatever the label */
    int shape[4];       /* of the layout in memory; NV12: [1, 3, h, w] */
    int aligned[4];     /* what it takes there: rows of NV12 are multiples of 16 */
    uint64_t byte_size;
    uint64_t stride[4]; /* bytes; NV12: 0 */
    bool is_float;      /* 32 bits a number */
    int n_scales;       /* 0: quanti type NONE */
    int axis;           /* of several: the dimension of channels */
    const float *scale;
    const int32_t *zero_point;
};

/* ITX_IMAGE_NONE: numbers, of the type rdk_input_dtype. */
enum itx_image_format rdk_input_format(enum plan_input_kind kind);
enum itx_dtype rdk_input_dtype(const struct plan *plan, int i);

struct rdk_tensor rdk_input(const struct plan *plan, int i);
struct rdk_tensor rdk_output(const struct plan *plan, int i);

/* The lines of one tensor, `kind` being "input" or "output". */
void rdk_print_tensor(const struct rdk_tensor *t, const char *kind, int i, FILE *out);

#endif
