/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/attention/attention_pack.h"

#include <string.h>

struct attention_sizes attention_sizes(const struct attention_params *p)
{
    struct attention_sizes s = {
        .tokens = ((size_t)p->n + 15) & ~(size_t)15,
        .key_pairs = ((size_t)p->key_dim + 1) / 2,
        .value_blocks = ((size_t)p->head_dim + 15) / 16,
    };
    s.keys = s.tokens * s.key_pairs * 2;
    s.values = s.tokens * s.value_blocks * 16;
    return s;
}

size_t attention_packed_size(const struct attention_params *p)
{
    const struct attention_sizes s = attention_sizes(p);
    return (size_t)p->heads * (s.keys + s.values) * sizeof(int16_t);
}

static void pack_keys(const struct attention_params *p, const struct attention_sizes *s,
                      const int8_t *k, int16_t *to)
{
    for (size_t t = 0; t < s->tokens; t++) {
        const int8_t *const from = k + (t < (size_t)p->n ? t : 0) * (size_t)p->k_pixel;
        int16_t *const block = to + t / 16 * s->key_pairs * 32 + t % 16 * 2;
        for (size_t d = 0; d < s->key_pairs * 2; d++)
            block[d / 2 * 32 + d % 2] = d < (size_t)p->key_dim ? from[d] : 0;
    }
}

/* Sixteen dimensions of one token. */
static void pack_value(const int8_t *from, size_t n, int16_t *to)
{
    for (size_t d = 0; d < n; d++) to[2 * d] = from[d];
}

static void pack_values(const struct attention_params *p, const struct attention_sizes *s,
                        const int8_t *v, int16_t *to)
{
    memset(to, 0, s->values * sizeof *to);
    for (size_t b = 0; b < s->value_blocks; b++, to += s->tokens * 16) {
        const size_t left = (size_t)p->head_dim - b * 16;
        for (size_t t = 0; t < (size_t)p->n; t++)
            pack_value(v + t * (size_t)p->v_pixel + b * 16, left < 16 ? left : 16,
                       to + t / 2 * 32 + t % 2);
    }
}

void attention_pack(const struct attention_params *p, const struct attention_io *io,
                    int16_t *packed)
{
    const struct attention_sizes s = attention_sizes(p);
    for (int head = 0; head < p->heads; head++)
        pack_keys(p, &s, io->k + (size_t)head * (size_t)p->key_dim, packed + (size_t)head * s.keys);
    packed += (size_t)p->heads * s.keys;
    for (int head = 0; head < p->heads; head++)
        pack_values(p, &s, io->v + (size_t)head * (size_t)p->head_dim,
                    packed + (size_t)head * s.values);
}

void attention_pack_queries(const struct attention_params *p, const int8_t *q, int count,
                            int queries, int16_t *packed)
{
    const size_t padded = attention_sizes(p).key_pairs * 2;
    for (int i = 0; i < queries; i++, packed += padded) {
        const int8_t *const from = q + (size_t)(i < count ? i : count - 1) * (size_t)p->q_pixel;
        packed[padded - 1] = 0;
        for (int d = 0; d < p->key_dim; d++) packed[d] = (int16_t)(from[d] - p->q_zero);
    }
}
