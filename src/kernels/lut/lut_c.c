/* SPDX-License-Identifier: Apache-2.0
 *
 * The specification of the family: the formula of lut.h as loops.
 */
#include "kernels/lut/lut_rows.h"

void lut_s8_run__c(const struct lut_params *p, const int8_t *in, int8_t *out, int row_begin,
                   int row_end)
{
    for (size_t i = (size_t)row_begin * (size_t)p->w; i < (size_t)row_end * (size_t)p->w; i++) {
        const int8_t *const from = in + i * (size_t)p->in_pixel;
        int8_t *const to = out + i * (size_t)p->out_pixel;
        for (int k = 0; k < p->c; k++) to[k] = p->table[(uint8_t)from[k]];
    }
}
