/* SPDX-License-Identifier: Apache-2.0
 *
 * What a network is fed while it is built: where calibration data come from, what a pixel is worth.
 */
#ifndef API_FEED_H
#define API_FEED_H

#include "intarsia/compiler.h"

/* Checks all options that say what the network is fed, as far as that is possible without the network. */
itx_status feed_check(const struct itx_build_options *o, struct itx_error *err);

#endif
