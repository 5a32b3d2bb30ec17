/* SPDX-License-Identifier: Apache-2.0
 *
 * What the instruction sets' epilogues share.
 */
#ifndef KERNELS_SIMD_TILE_H
#define KERNELS_SIMD_TILE_H

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

#include "kernels/epilogue.h"

/* Arguments that are constants at the call must be constants in the body. */
#define SIMD_INLINE static inline __attribute__((always_inline))

/* Makes v here: compilers may move that to where v is read, and keep all that it is made of until then. */
#define SIMD_PIN(v) __asm__("" : "+v"(v))

/* Accumulators that are read behind the last pixel's acc_step, with any contents, where that is half of the sixteen that are
 * read together. */
enum { EPILOGUE_SLACK = 8 };

/* A tile of accumulators and where it goes: pixel p's channel c0 + i is at acc[p * acc_step + i]. */
struct epilogue_tile {
    const int32_t
        *acc;     /* [n_px, acc_step], readable EPILOGUE_SLACK behind the end where acc_step is 8 */
    int acc_step; /* 8 or a multiple of 16, at least n_channels */
    int n_px, n_channels, c0;
    const uint8_t *res;        /* pixel 0, channel c0; NULL: none */
    uint8_t *out;              /* pixel 0, channel c0 */
    size_t res_step, out_step; /* bytes from one pixel to the next */
};

/* All stages of a tile (epilogue_ISA.c). Longer tiles are faster. */
typedef void epilogue_tile_fn(const struct epilogue *e, const struct epilogue_tile *t);
epilogue_tile_fn epilogue_tile_avx2, epilogue_tile_avx512;

#endif
