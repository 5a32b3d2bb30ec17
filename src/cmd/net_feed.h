/* SPDX-License-Identifier: Apache-2.0
 *
 * How a compiled model says its network was trained to be fed, so that the float network beside it is fed alike.
 */
#ifndef CMD_NET_FEED_H
#define CMD_NET_FEED_H

#include <stdbool.h>

#include "intarsia/compiler.h"

struct net_feed {
    struct itx_build_options
        options; /* for itx_float_open_with; mean and scale point into this struct */
    float mean[3], scale[3];
};

/* Reads a model's metadata; false, and *feed untouched, when there is nothing but the default. */
bool net_feed_read(struct net_feed *feed, const char *meta);

#endif
