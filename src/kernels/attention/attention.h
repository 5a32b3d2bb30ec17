/* SPDX-License-Identifier: Apache-2.0
 *
 * Self-attention of s8, all heads at once, weights in up to 15 bits between an exponential that gives the same bits
 * everywhere and exact integer sums. q, k [n, heads * key_dim], v, out [n, heads * head_dim], n = h * w tokens.
 * For head i (channels from i * key_dim, i * head_dim on) and token s, the sums over all tokens t:
 *
 *   l[t]   = sum over d of (q[s, d] - zq) (k[t, d] - zk)                                 s32
 *   m      = max l[t]
 *   e[t]   = rne(exact_exp2((float)(l[t] - m) * logit_scale) * E)                       [0, E]
 *   den    = sum e[t],  num[d] = sum e[t] v[t, d]                                       s32
 *   f      = (float)(num[d] - zv den) / (float)den * out_scale                          [-2^16, 2^16], clamped
 *   out[s, d] = sat8(rne(f) + z_out)
 *
 * E = attention_weight_max(n); every float operation is rounded once, in the order written; num[d] - zv den is exact
 * before it becomes a float (it may need 33 bits). zk shifts all l of a row alike, so that it never matters.
 * logit_scale = log2(e) * scale of the softmax * scale of q * scale of k, finite, >= 0; out_scale = scale of v /
 * scale of out, finite, > 0. Sizes satisfy attention_fits (tensor/attention_limits.h); zero points in [-128, 127].
 *
 * Memory: tokens are `*_pixel` elements apart. q, k, v are readable 64 bytes past their last element; out is written
 * exactly and shares no element with q, k, v.
 */
#ifndef KERNELS_ATTENTION_ATTENTION_H
#define KERNELS_ATTENTION_ATTENTION_H

#include <stddef.h>
#include <stdint.h>

#define ATTENTION_GRAIN 8

struct attention_params {
    int n, heads, key_dim, head_dim;
    int q_pixel, k_pixel, v_pixel, out_pixel; /* elements from one token to the next */
    int q_zero, k_zero, v_zero, out_zero;
    float logit_scale, out_scale;
};

struct attention_io {
    const int8_t *q, *k, *v;
    int8_t *out;
};

struct attention_row {
    const char *name; /* attention_s8__ISA */
    uint32_t cpu;     /* flags it needs */
    /* Bytes that prepare() fills and every worker reads; bytes of scratch for one worker. Both aligned to 64. */
    size_t (*shared_size)(const struct attention_params *p);
    size_t (*scratch_size)(const struct attention_params *p);
    /* Packs k and v; once for each run of the step, before the work is divided. */
    void (*prepare)(const struct attention_params *p, const struct attention_io *io, void *shared);
    /* Computes items [begin, end) of heads * n; item = head * n + token. Parts that are no multiple of
     * ATTENTION_GRAIN items waste some work. */
    void (*run)(const struct attention_params *p, const struct attention_io *io, const void *shared,
                int begin, int end, void *scratch);
};

/* All rows of attention.def, best first, the scalar one last. */
const struct attention_row *attention_rows(int *n);
/* The best row that the flags allow; never NULL. */
const struct attention_row *attention_choose(uint32_t cpu);

#endif
