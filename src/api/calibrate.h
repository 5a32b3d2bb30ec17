/* SPDX-License-Identifier: Apache-2.0
 *
 * Calibration data through the float network, statistics out.
 */
#ifndef API_CALIBRATE_H
#define API_CALIBRATE_H

#include "api/network.h"
#include "api/photos.h"
#include "intarsia/compiler.h"
#include "api/sample.h"
#include "quant/quant.h"

/* The photos, or other data, that statistics were taken of. */
struct calibration {
    int n_given, n_used;
    struct photo_warnings warnings; /* that were given */
};

/* Photos in parallel, each on one thread; the result does not depend on their number. Pictures that cannot be read are
 * warned about and left out; none left is an error. What is wrong with the photos is warned about in the end. */
itx_status calibrate(struct quant_stats *stats, const struct network *n,
                     const struct itx_build_options *o, int n_threads, bool with_histogram,
                     struct calibration *photos, struct itx_error *err);

/* Calls o->progress; ITX_E_CANCELLED when it wants to stop. */
itx_status build_progress(const struct itx_build_options *o, const char *stage, int done, int total,
                          struct itx_error *err);

#endif
