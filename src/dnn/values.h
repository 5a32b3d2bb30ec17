/* SPDX-License-Identifier: Apache-2.0
 *
 * The integers of a model's tensor, as a session holds them, on their way out: without gaps. For libdnn, the RDK's
 * commands and the Python packages. Pure.
 */
#ifndef DNN_VALUES_H
#define DNN_VALUES_H

#include "intarsia/intarsia.h"

/* Bytes of a stored number. */
size_t dnn_value_size(const struct itx_tensor_info *t);
/* to [height, width, channels] numbers of that size: what is at `stored`, without gaps. */
void dnn_values_dense(const struct itx_tensor_info *t, const void *stored, void *to);

#endif
