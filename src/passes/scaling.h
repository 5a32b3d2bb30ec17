/* SPDX-License-Identifier: Apache-2.0
 *
 * What a network's file itself does to the pixels of its input before anything else reads them.
 */
#ifndef PASSES_SCALING_H
#define PASSES_SCALING_H

#include <stdbool.h>

#include "graph/graph.h"

#define SCALING_MAX_CHANNELS 4

/* Zero-initialised: nothing. What the network computes from is x[c] * scale[c] + add[c], x as the file wants it, in the
 * file's order of channels. Scales are above 0. */
struct scaling {
    bool is_there;
    bool is_integer; /* the file's input holds integers */
    bool
        is_negative; /* behind what was taken out pixels are multiplied by 0 or less: that stays in the graph */
    int n_channels;
    double scale[SCALING_MAX_CHANNELS], add[SCALING_MAX_CHANNELS];
};

/* Takes Add, Sub, Mul and Div by constants for all or for each channel, Neg, Cast, Identity, Transpose and what keeps or
 * reverses the order of channels (Gather, Slice, Split, Concat) off the only input, [1, c, h, w] or [1, h, w, c], as far
 * as all that reads the input goes through them; from then on the input is f32 [1, c, h, w] in the file's order of
 * channels, after the scaling. Constants have been computed, shapes are known. */
itx_status scaling_take(struct scaling *s, struct graph *g, struct itx_error *err);

#endif
