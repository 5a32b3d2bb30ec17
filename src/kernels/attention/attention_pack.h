/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys and values in pairs of s16, as vpmaddwd and vpdpwssd take them; shared by the x86 rows.
 *
 *   keys    [heads, n / 16, key_dim / 2, 16 tokens, 2 dimensions]
 *   values  [heads, head_dim / 16, n / 2, 16 dimensions, 2 tokens]
 *
 * all divisions rounded up. Tokens past n have token 0's keys (so that they never raise a maximum) and values 0;
 * dimensions past the end are 0. A row of e needs an even number of tokens, of logits a multiple of 16.
 */
#ifndef KERNELS_ATTENTION_ATTENTION_PACK_H
#define KERNELS_ATTENTION_ATTENTION_PACK_H

#include "kernels/attention/attention.h"

struct attention_sizes {
    size_t tokens;       /* n, a multiple of 16 */
    size_t key_pairs;    /* of dimensions */
    size_t value_blocks; /* of 16 dimensions */
    size_t keys, values; /* s16 elements of one head */
};
struct attention_sizes attention_sizes(const struct attention_params *p);

/* Bytes; heads' keys, then heads' values. */
size_t attention_packed_size(const struct attention_params *p);
void attention_pack(const struct attention_params *p, const struct attention_io *io,
                    int16_t *packed);
/* The values alone, of all heads. */
void attention_pack_values(const struct attention_params *p, const int8_t *v, int16_t *to);

/* q - zq of `count` tokens of one head from token s on, as [queries, key_pairs, 2]; the last token is repeated up to
 * `queries`. */
void attention_pack_queries(const struct attention_params *p, const int8_t *q, int count,
                            int queries, int16_t *packed);

#endif
