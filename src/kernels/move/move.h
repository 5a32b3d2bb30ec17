/* SPDX-License-Identifier: Apache-2.0
 *
 * Data movement: nearest upsampling by whole factors; factors of 1 make it the copy of a slice.
 *
 *   out[y, x, 0 .. bytes) = in[y / factor_h, x / factor_w, 0 .. bytes),  y < in_h factor_h, x < in_w factor_w
 *
 * Elements of any type: everything here counts bytes.
 *
 * Memory: pixels are `*_pixel` bytes apart, rows w * pixel. in is readable 64 bytes past its last byte; out is
 * written exactly. in and out do not share a byte (two slices of one buffer may interleave).
 */
#ifndef KERNELS_MOVE_MOVE_H
#define KERNELS_MOVE_MOVE_H

#include <stddef.h>
#include <stdint.h>

struct move_shape {
    int in_h, in_w;
    int factor_h, factor_w;     /* >= 1 */
    size_t bytes;               /* of one pixel that are moved: channels * size of an element */
    size_t in_pixel, out_pixel; /* bytes from one pixel to the next */
};

struct move_row {
    const char *name; /* move__ISA */
    uint32_t cpu;     /* flags it needs */
    /* Writes output rows [row_begin, row_end); out points at out[0, 0, 0]. */
    void (*run)(const struct move_shape *s, const void *in, void *out, int row_begin, int row_end);
};

/* All rows of move.def, best first, the scalar one last. */
const struct move_row *move_rows(int *n);
/* The best row that the flags allow; never NULL. */
const struct move_row *move_choose(uint32_t cpu);

#endif
