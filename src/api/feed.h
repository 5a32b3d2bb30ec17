/* SPDX-License-Identifier: Apache-2.0
 *
 * What a network is fed: what its input is, and what a byte of a picture is worth in it. Shared by the build and the
 * float network.
 */
#ifndef API_FEED_H
#define API_FEED_H

#include "graph/graph.h"
#include "intarsia/compiler.h"
#include "kernels/image/image.h"
#include "passes/scaling.h"

/* What a network that scales its own input takes, as far as its constants tell. */
enum feed_units {
    FEED_UNITS_USUAL, /* it does not: bytes / 255 */
    FEED_UNITS_BYTES,
    FEED_UNITS_SHARE, /* bytes / 255 too, and scales them */
    FEED_UNITS_UNCLEAR
};

/* Zero-initialised: nothing is known of the input. */
struct feed {
    bool is_picture; /* else numbers */
    enum image_colours colours;
    int n_channels;      /* of a picture: 3 or 1 */
    float value[3][256]; /* what the graph sees for each byte of each channel */
    struct scaling own;  /* of the file, no longer in the graph */
    enum feed_units units;
};

/* A caller's options, those that its program does not know yet being the defaults. What they say of the network's input is
 * checked as far as that is possible without the network. */
itx_status feed_options(struct itx_build_options *o, const struct itx_build_options *given,
                        struct itx_error *err);
/* Checks what they say of calibration data. */
itx_status feed_check_data(const struct itx_build_options *o, struct itx_error *err);

/* The feed of a canonical graph that nothing is said about: its one input [1, 3 or 1, h, w] is an RGB or grey picture,
 * bytes 0..255 meaning 0..1, or what its own scaling wants; otherwise, numbers. A picture's value_quant is given, but
 * not that of one with own scaling, which feed_apply gives. */
itx_status feed_default(struct feed *feed, const struct scaling *own, struct graph *g,
                        struct itx_error *err);
/* Refuses a network whose own scaling does not tell what it takes, unless the options (NULL: none) say mean or scale. */
itx_status feed_check_units(const struct feed *feed, const struct graph *g,
                            const struct itx_build_options *o, struct itx_error *err);
/* RGB, the default, becomes GRAY for a network that takes pictures of one channel. */
void feed_choose_format(struct itx_build_options *o, const struct feed *feed);

enum feed_use {
    FEED_QUANTISED, /* as bytes hold it: a mean that is no whole number goes into the biases, its channels' zero points
                     * are given; padding of the first convolution then is up to half a level off */
    FEED_EXACT /* for the float network alone */
};
/* As the options say, and changes the graph where that is needed: for networks trained with BGR, and for means.
 * Options that do not fit the input are refused. */
itx_status feed_apply(struct feed *feed, struct graph *g, const struct itx_build_options *o,
                      enum feed_use use, struct itx_error *err);

/* A picture [n_pixels, 3], R first, as the network's input [n_channels, n_pixels]. */
void feed_convert(const struct feed *feed, const uint8_t *rgb, size_t n_pixels, float *input);

#endif
