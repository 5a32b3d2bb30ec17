/* SPDX-License-Identifier: Apache-2.0
 *
 * A model's output on its way from a session to a program's memory.
 */
#ifndef DNN_OUTPUT_H
#define DNN_OUTPUT_H

#include <stddef.h>

#include "dnn/properties.h"

struct dnn_output {
    struct itx_tensor_info stored;
    hbDNNTensorProperties properties; /* its arrays are owned */
    bool is_float;
};

itx_status dnn_output_init(struct dnn_output *o, const itx_model *model, int i,
                           struct itx_error *err);
void dnn_output_release(struct dnn_output *o);

static inline size_t dnn_output_size(const struct dnn_output *o)
{
    return (size_t)o->properties.alignedByteSize;
}

/* Integers that lie in the session as the program wants them: the network may write to `to` itself. */
bool dnn_output_is_direct(const struct dnn_output *o, const void *to);

/* To [h, w, c]: the integers of output i of the session's last run, or (integer - zero point) * scale. Nothing is done
 * when they are there already. */
itx_status dnn_output_write(const struct dnn_output *o, itx_session *session, int i, void *to,
                            struct itx_error *err);

#endif
