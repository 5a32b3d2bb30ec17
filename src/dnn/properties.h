/* SPDX-License-Identifier: Apache-2.0
 *
 * Inputs and outputs of a model as the RDK's runtime describes them: the one place that says which shape, type, layout and
 * strides they have for a program. Pure.
 */
#ifndef DNN_PROPERTIES_H
#define DNN_PROPERTIES_H

#include <stdbool.h>

#include "dnn/hb_dnn_ext.h"
#include "intarsia/intarsia.h"

/* False when its size is beyond what the structure can say. */
bool properties_of_input(const struct itx_input_info *in, hbDNNTensorProperties *p);
/* One of hbDNNInputSource. */
int32_t properties_source(const struct itx_input_info *in);

/* `last`: the step that writes it, or NULL when that is not one. Everything but the arrays of scales: quantiType says
 * whether there are any, scale.scaleLen and .zeroPointLen how many. */
bool properties_of_output(const struct itx_tensor_info *out, const struct itx_step_info *last,
                          hbDNNTensorProperties *p);

/* Floats are handed out: its dequantise node was not removed. */
static inline bool properties_is_float(const struct itx_tensor_info *out)
{
    return out->dequantize[0] != '\0';
}

#endif
