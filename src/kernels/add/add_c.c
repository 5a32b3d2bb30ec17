/* SPDX-License-Identifier: Apache-2.0
 *
 * The specification of the family: the formula of add.h as loops.
 */
#include "kernels/add/add_rows.h"

#include "tensor/fixed.h"

static int16_t element(const void *from, bool is_wide, size_t at)
{
    return is_wide ? ((const int16_t *)from)[at] : ((const int8_t *)from)[at];
}

void add_s8_run__c(const struct add_params *p, const void *a, const void *b, void *out,
                   int row_begin, int row_end)
{
    for (size_t i = (size_t)row_begin * (size_t)p->w; i < (size_t)row_end * (size_t)p->w; i++) {
        for (size_t k = 0; k < (size_t)p->c; k++) {
            const int16_t v = element(a, p->is_a_wide, i * (size_t)p->a_pixel + k);
            const int16_t r = element(b, p->is_b_wide, i * (size_t)p->b_pixel + k);
            const int32_t y = fixed_requant(v, p->mul[k], r, p->res_mul[k], p->offset[k], p->shift);
            const size_t to = i * (size_t)p->out_pixel + k;
            if (p->is_out_wide)
                ((int16_t *)out)[to] = fixed_sat16(y);
            else
                ((int8_t *)out)[to] = fixed_sat8(y);
        }
    }
}
