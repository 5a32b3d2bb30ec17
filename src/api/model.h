/* SPDX-License-Identifier: Apache-2.0
 *
 * What an itx_model is, for the rest of src/api.
 */
#ifndef API_MODEL_H
#define API_MODEL_H

#include <stdatomic.h>

#include "base/file.h"
#include "intarsia/intarsia.h"
#include "plan/plan.h"

struct itx_model {
    atomic_int n_users;      /* the handle itself and its sessions */
    struct file_bytes bytes; /* of a model opened from a file */
    void *copy;              /* of a model opened from memory */
    struct plan_file file;
    const struct plan *plan; /* one of file.models */
    int *writer;             /* [n_tensors]: the one step that writes it; -1: none, -2: several */
};

void model_retain(const itx_model *model);
void model_release(const itx_model *model); /* frees it when nobody uses it any more */

enum itx_dtype public_dtype(enum dtype dtype);
void describe_tensor(const struct plan_tensor *t, struct itx_tensor_info *info);
enum itx_task public_task(const struct plan_head *head);

#endif
