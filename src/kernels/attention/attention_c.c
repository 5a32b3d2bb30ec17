/* SPDX-License-Identifier: Apache-2.0
 *
 * The specification of the family: the lines of attention.h as loops. Nothing is packed.
 */
#include "kernels/attention/attention_rows.h"

#include "tensor/attention_limits.h"
#include "tensor/exact.h"

size_t attention_s8_shared_size__c(const struct attention_params *p)
{
    (void)p;
    return 0;
}

size_t attention_s8_scratch_size__c(const struct attention_params *p)
{
    return (size_t)p->n * sizeof(int32_t);
}

void attention_s8_prepare__c(const struct attention_params *p, const struct attention_io *io,
                             void *shared)
{
    (void)p;
    (void)io;
    (void)shared;
}

/* l[t] for all t; returns their maximum. */
static int32_t logits(const struct attention_params *p, const int8_t *q, const int8_t *k,
                      int32_t *l)
{
    int32_t max = INT32_MIN;
    for (int t = 0; t < p->n; t++, k += p->k_pixel) {
        int32_t sum = 0;
        for (int d = 0; d < p->key_dim; d++) sum += (q[d] - p->q_zero) * (k[d] - p->k_zero);
        l[t] = sum;
        if (sum > max) max = sum;
    }
    return max;
}

/* e[t] in place of l[t]; returns their sum. */
static int32_t weights(const struct attention_params *p, int32_t max, int32_t *l)
{
    const float weight_max = (float)attention_weight_max(p->n);
    int32_t den = 0;
    for (int t = 0; t < p->n; t++) {
        const float x = (float)(l[t] - max) * p->logit_scale;
        l[t] = (int32_t)rintf(exact_exp2(x) * weight_max);
        den += l[t];
    }
    return den;
}

void attention_s8_run__c(const struct attention_params *p, const struct attention_io *io,
                         const void *shared, int begin, int end, void *scratch)
{
    (void)shared;
    int32_t *const l = scratch;
    for (int item = begin; item < end; item++) {
        const size_t head = (size_t)(item / p->n), s = (size_t)(item % p->n);
        const int8_t *const q = io->q + s * (size_t)p->q_pixel + head * (size_t)p->key_dim;
        const int8_t *const k = io->k + head * (size_t)p->key_dim;
        const int32_t max = logits(p, q, k, l);
        const int32_t den = weights(p, max, l);
        int8_t *const out = io->out + s * (size_t)p->out_pixel + head * (size_t)p->head_dim;
        for (int d = 0; d < p->head_dim; d++) {
            const int8_t *v = io->v + head * (size_t)p->head_dim + (size_t)d;
            int32_t num = 0;
            for (int t = 0; t < p->n; t++, v += p->v_pixel) num += l[t] * *v;
            out[d] = attention_finish(p, num, den);
        }
    }
}
