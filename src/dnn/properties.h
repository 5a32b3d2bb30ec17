/* SPDX-License-Identifier: Apache-2.0
 *
 * Inputs and outputs of a model as the RDK's runtime describes them: the one place that says which shape, type, layout and
 * strides they have, for libdnn and for the RDK's commands. Pure, but for the arrays of scales.
 */
#ifndef DNN_PROPERTIES_H
#define DNN_PROPERTIES_H

#include <stdbool.h>
#include <stdint.h>

#include "dnn/hb_dnn_ext.h"
#include "intarsia/intarsia.h"

struct dnn_form {
    int32_t type, layout, source; /* hbDNNDataType, hbDNNTensorLayout; of inputs hbDNNInputSource */
    int valid[4], aligned[4];     /* of the layout in memory */
    uint64_t stride[4], size;     /* bytes; strides of pictures of planes are 0 */
    int n_scales;                 /* 0: quantiType NONE */
    int axis;                     /* of several scales: the dimension of channels */
};

struct dnn_form dnn_form_of_input(const struct itx_input_info *in);
/* `last`: the step that writes it, or NULL when that is not one. */
struct dnn_form dnn_form_of_output(const struct itx_tensor_info *out,
                                   const struct itx_step_info *last);

/* Everything but the arrays of scales. False when sizes are beyond what the structure can say. */
bool dnn_form_properties(const struct dnn_form *form, hbDNNTensorProperties *p);

/* Those arrays, where there are scales: [channels] numbers also where one is for all. `p` is to be released, also after a
 * failure. */
itx_status dnn_scales_init(hbDNNTensorProperties *p, int channels, const float *scale,
                           const int32_t *zero_point, struct itx_error *err);
void dnn_scales_release(hbDNNTensorProperties *p);

/* Floats are taken or handed out: its quantise or dequantise node was not removed. */
static inline bool dnn_form_is_float(const struct dnn_form *form)
{
    return form->type == HB_DNN_TENSOR_TYPE_F32;
}

#endif
