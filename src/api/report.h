/* SPDX-License-Identifier: Apache-2.0
 *
 * Comparing the int8 program with the float network, tensor by tensor; and the model's metadata as JSON.
 */
#ifndef API_REPORT_H
#define API_REPORT_H

#include "api/network.h"
#include "base/closeness.h"
#include "base/str.h"
#include "intarsia/compiler.h"
#include "plan/plan.h"

/* Runs up to `n_photos` of the calibration pictures through both; *out [plan->n_tensors], mem_free. */
itx_status report_compare(struct closeness **out, const struct network *n, const struct plan *plan,
                          const struct itx_build_options *o, int n_threads, int n_photos,
                          struct itx_error *err);

/* Docs: docs/plan-format.md, "Metadata". */
void report_meta(struct strbuf *json, const struct network *n, const struct plan *plan,
                 const struct closeness *closeness, const struct itx_build_options *o,
                 const char *source, const char *method, int n_used);

/* A JSON text with its quotes; what is no UTF-8 becomes U+FFFD. */
void json_text(struct strbuf *json, const char *text);

#endif
