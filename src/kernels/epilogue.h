/* SPDX-License-Identifier: Apache-2.0
 *
 * What follows a convolution, as parameters (formula and stages A, B, C: tensor/fixed.h, docs/arithmetic.md).
 * Shared by the families conv and dwconv.
 */
#ifndef KERNELS_EPILOGUE_H
#define KERNELS_EPILOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/fixed.h"

enum epilogue_out {
    EPILOGUE_S8,   /* stages A, B, C */
    EPILOGUE_WIDE, /* stages A, B, C, to 16 bits */
    EPILOGUE_S16,  /* stages A, B: v is stored */
    EPILOGUE_S32,  /* the accumulator is stored */
};

/* Every array has one entry for each output channel and is readable (with any contents) up to the next multiple of
 * 64 entries. Only the arrays that `out` needs are set. */
struct epilogue {
    enum epilogue_out out;
    enum act act;
    int range_log2;         /* [0, 12] */
    int shift;              /* [1, 15]; 15 without a residual */
    bool is_res_wide;       /* the residual is s16, else s8 */
    const float *scale;     /* stage A */
    const int16_t *mul;     /* stage C, in [0, 32767] */
    const int16_t *res_mul; /* NULL: no residual; in [0, 32767] */
    const int32_t *offset;  /* stage C. Without a residual: (zero_point << 15) + 2^14, so that
                             * y = sat(fixed_mulhrs(v, mul) + zero_point); the zero point of s16 is 0 */
};

/* Bytes of an element of the output. */
static inline size_t epilogue_out_size(const struct epilogue *e)
{
    static const uint8_t sizes[] = {
        [EPILOGUE_S8] = 1, [EPILOGUE_WIDE] = 2, [EPILOGUE_S16] = 2, [EPILOGUE_S32] = 4};
    return sizes[e->out];
}

/* Bytes of an element of the residual. */
static inline size_t epilogue_res_size(const struct epilogue *e)
{
    return e->is_res_wide ? 2 : 1;
}

/* The scalar form: stores one accumulator of `channel` at out[index], whose type is e->out's. The residual is
 * res[res_index]; nothing is read without one. */
void epilogue_store(const struct epilogue *e, int channel, int32_t acc, const void *res,
                    size_t res_index, void *out, size_t index);

#endif
