/* SPDX-License-Identifier: Apache-2.0
 *
 * A model's metadata as JSON: how it was built, and how near each layer came to the float network.
 */
#ifndef API_REPORT_H
#define API_REPORT_H

#include "api/calibrate.h"
#include "api/compare.h"
#include "api/quantise.h"
#include "base/str.h"

struct report {
    const struct network *network;
    const struct plan *plan;
    const struct comparison *comparison; /* [plan->n_tensors] */
    const struct quantised *quantised;
    const struct itx_build_options *options;
    const char *source; /* path of the network */
    const char *method;
    const struct calibration *photos;
    const struct quant_stats *stats;
    bool is_minmax; /* thresholds are all that was seen */
};

/* Docs: docs/plan-format.md, "Metadata". */
enum report_detail {
    REPORT_BRIEF,
    REPORT_HISTOGRAMS /* how the values of each layer are distributed */
};
itx_status report_meta(struct strbuf *json, const struct report *report, enum report_detail detail,
                       struct itx_error *err);

/* A JSON text with its quotes; what is no UTF-8 becomes U+FFFD. */
void json_text(struct strbuf *json, const char *text);
/* "NAME": V with so many digits behind the point, or, negative, so many significant ones; with a point in every locale. */
void json_value(struct strbuf *json, const char *name, int digits, double v);

#endif
