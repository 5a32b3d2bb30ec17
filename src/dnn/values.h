/* SPDX-License-Identifier: Apache-2.0
 *
 * The integers of a model's tensor, as a session holds them, on their way out: without gaps, as they are or as the real
 * numbers they stand for. For libdnn, the RDK's commands and the Python packages. Pure.
 */
#ifndef DNN_VALUES_H
#define DNN_VALUES_H

#include "intarsia/intarsia.h"

/* Bytes of a stored number. */
size_t dnn_value_size(const struct itx_tensor_info *t);
/* to [height, width, channels] numbers of that size: what is at `stored`, without gaps. */
void dnn_values_dense(const struct itx_tensor_info *t, const void *stored, void *to);
/* to [height, width, channels]: (stored - zero point) * scale. Of integers only: `t` is a compiled model's. */
void dnn_values_real(const struct itx_tensor_info *t, const void *stored, float *to);

#endif
