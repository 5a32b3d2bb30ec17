/* SPDX-License-Identifier: Apache-2.0
 *
 * hb_mapper: the options of its commands, and the commands.
 */
#ifndef RDK_MAPPER_H
#define RDK_MAPPER_H

#include "base/status.h"
#include "cmd/cmd.h"

struct mapper_options {
    const char *model_type, *march, *proto, *model, *output, *config;
    struct option_list input_shape; /* names */
    int max_pixels;
    bool fast_perf, version;
};

/* shapes [n_shapes]: of the inputs that input_shape names. */
enum exit_code mapper_checker(const struct mapper_options *o, int n_shapes,
                              const char *const *shapes);

enum exit_code mapper_makertbin(const struct mapper_options *o, int n_args);

/* What both take: --model-type onnx, and one of the boards. */
itx_status mapper_check_type(const struct mapper_options *o, struct itx_error *err);
itx_status mapper_check_march(const struct mapper_options *o, struct itx_error *err);

#endif
