/* SPDX-License-Identifier: Apache-2.0
 *
 * The four ONNX files that show what the compiler did (docs/quantised-onnx.md).
 */
#ifndef API_ONNX_FILES_H
#define API_ONNX_FILES_H

#include "api/network.h"
#include "base/file_set.h"
#include "plan/plan.h"

struct onnx_files {
    const char *path; /* of the network */
    const struct itx_build_options *options;
    const struct network *network; /* read from there, with the quantisation of every value */
    const struct plan *plan;
};

/* Refuses paths that cannot be written, and those of files that the build reads or writes besides. */
itx_status onnx_files_check(const char *prefix, const struct file_set *own_files,
                            struct itx_error *err);
/* Four files, called as options->onnx_prefix begins. */
itx_status onnx_files_write(const struct onnx_files *files, struct itx_error *err);

#endif
