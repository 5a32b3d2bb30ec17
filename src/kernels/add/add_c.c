/* SPDX-License-Identifier: Apache-2.0
 *
 * The specification of the family: the formula of add.h as loops.
 */
#include "kernels/add/add_rows.h"

#include "tensor/fixed.h"

void add_s8_run__c(const struct add_params *p, const int8_t *a, const int8_t *b, int8_t *out,
                   int row_begin, int row_end)
{
    for (size_t i = (size_t)row_begin * (size_t)p->w; i < (size_t)row_end * (size_t)p->w; i++) {
        const int8_t *const pa = a + i * (size_t)p->a_pixel;
        const int8_t *const pb = b + i * (size_t)p->b_pixel;
        int8_t *const to = out + i * (size_t)p->out_pixel;
        for (int k = 0; k < p->c; k++)
            to[k] = fixed_requant(pa[k], p->mul[k], pb[k], p->res_mul[k], p->offset[k], p->shift);
    }
}
