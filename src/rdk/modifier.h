/* SPDX-License-Identifier: Apache-2.0
 *
 * Taking quantise nodes off a model's inputs and dequantise nodes off its outputs: hb_model_modifier does it, and hb_mapper
 * when its yaml says so.
 */
#ifndef RDK_MODIFIER_H
#define RDK_MODIFIER_H

#include "rdk/rdk_bin.h"
#include "rdk/rdk_log.h"

struct rdk_removal {
    const char *const *names; /* of nodes */
    int n_names;
    const char *const *types; /* all nodes of these types */
    int n_types;
};

/* Changes the model and its metadata, whose new texts go into `arena`, and says what it does. A name that is not there is
 * warned about and skipped; an unknown type is an error. */
itx_status rdk_remove_nodes(struct rdk_log *log, struct plan *plan, struct arena *arena,
                            const struct rdk_removal *what, int *n_removed, struct itx_error *err);

#endif
