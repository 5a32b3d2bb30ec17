/* SPDX-License-Identifier: Apache-2.0
 *
 * The specification of the family: the formula of move.h as copies. Where the pixels of both sides lie without gaps
 * a row is one copy.
 */
#include <string.h>

#include "kernels/move/move_rows.h"

void move_run__c(const struct move_shape *s, const void *in, void *out, int row_begin, int row_end)
{
    const size_t in_row = (size_t)s->in_w * s->in_pixel;
    const size_t out_row = (size_t)s->in_w * (size_t)s->factor_w * s->out_pixel;
    for (int y = row_begin; y < row_end; y++) {
        const uint8_t *from = (const uint8_t *)in + (size_t)(y / s->factor_h) * in_row;
        uint8_t *to = (uint8_t *)out + (size_t)y * out_row;
        if (s->factor_w == 1 && s->bytes == s->in_pixel && s->bytes == s->out_pixel) {
            memcpy(to, from, in_row);
            continue;
        }
        for (int x = 0; x < s->in_w; x++, from += s->in_pixel)
            for (int j = 0; j < s->factor_w; j++, to += s->out_pixel) memcpy(to, from, s->bytes);
    }
}
