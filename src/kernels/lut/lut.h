/* SPDX-License-Identifier: Apache-2.0
 *
 * Any function of one s8 value, as a table:
 *
 *   out[y, x, k] = table[(uint8_t)in[y, x, k]]
 *
 * Entry 0 is for 0, entry 255 for -1. [h, w, c]; table [256].
 *
 * Memory: pixels are `*_pixel` elements apart, rows w * pixel. in is readable 64 bytes past its last element; out is
 * written exactly. out may be in's own place (with the same pixel), else they share no element.
 */
#ifndef KERNELS_LUT_LUT_H
#define KERNELS_LUT_LUT_H

#include <stddef.h>
#include <stdint.h>

struct lut_params {
    int h, w, c;
    int in_pixel, out_pixel; /* elements from one pixel to the next */
    const int8_t *table;     /* [256] */
};

struct lut_row {
    const char *name; /* lut_s8__ISA */
    uint32_t cpu;     /* flags it needs */
    /* Computes rows [row_begin, row_end); in, out point at their [0, 0, 0]. */
    void (*run)(const struct lut_params *p, const int8_t *in, int8_t *out, int row_begin,
                int row_end);
};

/* All rows of lut.def, best first, the scalar one last. */
const struct lut_row *lut_rows(int *n);
/* The best row that the flags allow; never NULL. */
const struct lut_row *lut_choose(uint32_t cpu);

#endif
