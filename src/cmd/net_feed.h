/* SPDX-License-Identifier: Apache-2.0
 *
 * How a compiled model says its network was trained to be fed, so that the float network beside it is fed alike.
 */
#ifndef CMD_NET_FEED_H
#define CMD_NET_FEED_H

#include <stdbool.h>

#include "cmd/cmd.h"
#include "intarsia/compiler.h"

struct net_feed {
    struct itx_build_options
        options; /* for itx_float_open_with; mean and scale point into this struct */
    float mean[3], scale[3];
};

/* The rows of the commands that take MODEL.onnx; their fields are texts, for net_feed_parse. */
#define OPTION_MEAN(at)                                                                            \
    {                                                                                              \
        "mean", 0, OPTION_TEXT, at, "M|R,G,B", NULL, 0, 0, false,                                  \
            "MODEL.onnx is fed (byte - mean) x scale (default: 0), one number or one a channel"    \
    }
#define OPTION_SCALE(at)                                                                           \
    {                                                                                              \
        "scale", 0, OPTION_TEXT, at, "S|R,G,B", NULL, 0, 0, false,                                 \
            "see --mean; 1 feeds bytes, 0.00392157 bytes / 255 (default: as the network's own "    \
            "scaling tells, else bytes / 255; 1 with --mean)"                                      \
    }
/* Reads the texts of these options, NULL where they are not given. False, and explained, when they are no such
 * numbers. *is_given: one is there. */
bool net_feed_parse(struct net_feed *feed, const struct command *command, const char *mean,
                    const char *scale, bool *is_given);

/* Reads a model's metadata; false, and *feed untouched, when there is nothing but the default. */
bool net_feed_read(struct net_feed *feed, const char *meta);

#endif
