/* SPDX-License-Identifier: Apache-2.0
 *
 * Sum of two tensors [h, w, c], each s8 or s16 with its scale and zero point, to s8 or s16:
 *
 *   out[y, x, k] = sat((a[y, x, k] mul[k] + b[y, x, k] res_mul[k] + offset[k]) >> shift)
 *
 * which is fixed_requant (tensor/fixed.h); mul, res_mul in [0, 32767], |offset| < 2^29, shift in [0, 15], and the sum
 * fits 32 bits.
 *
 * Memory: pixels are `*_pixel` elements apart, rows w * pixel. a, b, mul, res_mul, offset are readable 64
 * bytes past their last element; out is written exactly. out may be a's or b's own place (with the same pixel),
 * else it shares no element with them.
 */
#ifndef KERNELS_ADD_ADD_H
#define KERNELS_ADD_ADD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct add_params {
    int h, w, c;
    int a_pixel, b_pixel, out_pixel; /* elements from one pixel to the next */
    int shift;
    const int16_t *mul, *res_mul;           /* [c] */
    const int32_t *offset;                  /* [c] */
    bool is_a_wide, is_b_wide, is_out_wide; /* s16, else s8 */
};

struct add_row {
    const char *name; /* add_s8__ISA */
    uint32_t cpu;     /* flags it needs */
    /* Computes rows [row_begin, row_end); a, b, out point at their [0, 0, 0]. */
    void (*run)(const struct add_params *p, const void *a, const void *b, void *out, int row_begin,
                int row_end);
};

/* All rows of add.def, best first, the scalar one last. */
const struct add_row *add_rows(int *n);
/* The best row that the flags allow; never NULL. */
const struct add_row *add_choose(uint32_t cpu);

#endif
