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

/* b may be NULL: zeros. */
static void interleave(const int8_t *a, const int8_t *b, size_t n, int16_t *to)
{
    for (size_t i = 0; i < n; i++) {
        to[2 * i] = a[i];
        to[2 * i + 1] = b != NULL ? b[i] : 0;
    }
}

static void pack_keys(const struct attention_params *p, const struct attention_sizes *s,
                      const int8_t *k, int16_t *to)
{
    const size_t whole = (size_t)p->key_dim / 2;
    for (size_t t = 0; t < s->tokens; t++) {
        const int8_t *const from = k + (t < (size_t)p->n ? t : 0) * (size_t)p->k_pixel;
        int16_t *pair = to + t / 16 * s->key_pairs * 32 + t % 16 * 2;
        for (size_t d = 0; d < whole; d++, pair += 32) {
            pair[0] = from[2 * d];
            pair[1] = from[2 * d + 1];
        }
        if (whole == s->key_pairs) continue;
        pair[0] = from[2 * whole];
        pair[1] = 0;
    }
}

static void pack_values(const struct attention_params *p, const struct attention_sizes *s,
                        const int8_t *v, int16_t *to)
{
    const size_t n = (size_t)p->n, step = (size_t)p->v_pixel;
    memset(to, 0, s->values * sizeof *to);
    for (size_t b = 0; b < s->value_blocks; b++, to += s->tokens * 16) {
        const int8_t *from = v + b * 16;
        const size_t left = (size_t)p->head_dim - b * 16, count = left < 16 ? left : 16;
        for (size_t t = 0; t < n; t += 2, from += 2 * step)
            interleave(from, t + 1 < n ? from + step : NULL, count, to + t * 16);
    }
}

void attention_pack_values(const struct attention_params *p, const int8_t *v, int16_t *to)
{
    const struct attention_sizes s = attention_sizes(p);
    for (int head = 0; head < p->heads; head++)
        pack_values(p, &s, v + (size_t)head * (size_t)p->head_dim, to + (size_t)head * s.values);
}

void attention_pack(const struct attention_params *p, const struct attention_io *io,
                    int16_t *packed)
{
    const struct attention_sizes s = attention_sizes(p);
    for (int head = 0; head < p->heads; head++)
        pack_keys(p, &s, io->k + (size_t)head * (size_t)p->key_dim, packed + (size_t)head * s.keys);
    attention_pack_values(p, io->v, packed + (size_t)p->heads * s.keys);
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
