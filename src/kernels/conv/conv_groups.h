/* SPDX-License-Identifier: Apache-2.0
 *
 * Weights as groups whose products add up in 16 bits. vpmaddubsw multiplies four u8 activations (a quad: input channels
 * c to c + 3 of a tap) by four s8 weights and adds them by twos; sums saturate. A group is two items, each a quad's
 * position and its weights for two output channels, such that in every one of the four sums of both items together
 * the weights above zero add up to at most 127, and so do those below: no activation can make a sum leave 16 bits, and
 * widening is needed once a group. A quad whose own weights are too large is two items that add up to it. Which items
 * meet in a group depends on the weights alone.
 *
 * The quads of a window are cut into parts that stay in the first level of cache together with a block of pixels.
 * Packed, for each phase (tap of a transposed convolution), part and pair of output channels: groups one after another.
 */
#ifndef KERNELS_CONV_CONV_GROUPS_H
#define KERNELS_CONV_CONV_GROUPS_H

#include "kernels/conv/conv.h"

enum {
    GROUPS_PX = 32,            /* of a block of pixels, or fewer */
    GROUPS_QUAD = 4,           /* channels */
    GROUPS_QUAD_SIZE = 4 * 32, /* bytes: a quad of all pixels of a block */
    GROUPS_PART = 96           /* quads, at most */
};

struct conv_group {
    uint32_t at[2];   /* of the items' activations: quad * GROUPS_QUAD_SIZE */
    uint32_t w[2][2]; /* [output channel][item]: four s8 */
};

/* The parts of packed weights. */
struct conv_groups {
    const uint32_t *begin; /* [phases, parts, pairs] and the end of the last: into group */
    const int32_t *sums;   /* [phases, pairs, 2]: -128 times the sum of a channel's weights */
    const struct conv_group *group;
};

static inline int groups_phases(const struct conv_shape *s)
{
    return s->upscale * s->upscale;
}

static inline int groups_pairs(const struct conv_shape *s)
{
    return (s->out_c + 1) / 2;
}

static inline int groups_quads_of_tap(const struct conv_shape *s)
{
    return (s->in_c + GROUPS_QUAD - 1) / GROUPS_QUAD;
}

/* Of a window. */
static inline int groups_quads(const struct conv_shape *s)
{
    return (s->upscale > 1 ? 1 : s->kernel_h * s->kernel_w) * groups_quads_of_tap(s);
}

static inline int groups_parts(const struct conv_shape *s)
{
    return (groups_quads(s) + GROUPS_PART - 1) / GROUPS_PART;
}

struct conv_groups groups_in(const struct conv_shape *s, const void *packed);

#endif
