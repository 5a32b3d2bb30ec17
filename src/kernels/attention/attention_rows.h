/* SPDX-License-Identifier: Apache-2.0
 *
 * The functions behind the rows of attention.def; for this folder only. Contracts: attention.h.
 */
#ifndef KERNELS_ATTENTION_ATTENTION_ROWS_H
#define KERNELS_ATTENTION_ATTENTION_ROWS_H

#include <math.h>

#include "kernels/attention/attention.h"
#include "tensor/fixed.h"

#define X(suffix, flags)                                                                           \
    size_t attention_s8_shared_size__##suffix(const struct attention_params *p);                   \
    size_t attention_s8_scratch_size__##suffix(const struct attention_params *p);                  \
    void attention_s8_prepare__##suffix(const struct attention_params *p,                          \
                                        const struct attention_io *io, void *shared);              \
    void attention_s8_run__##suffix(const struct attention_params *p,                              \
                                    const struct attention_io *io, const void *shared, int begin,  \
                                    int end, void *scratch);
#include "kernels/attention/attention.def"
#undef X

/* The last two lines of the contract for one channel. */
static inline int8_t attention_finish(const struct attention_params *p, int32_t num, int32_t den)
{
    const float exact = (float)((int64_t)num - (int64_t)p->v_zero * den);
    float f = exact / (float)den * p->out_scale;
    f = f > -65536.0f ? f : -65536.0f;
    f = f < 65536.0f ? f : 65536.0f;
    return fixed_sat8((int32_t)rintf(f) + p->out_zero);
}

#endif
