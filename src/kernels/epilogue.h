/* SPDX-License-Identifier: Apache-2.0
 *
 * What follows a convolution, as parameters (formula and stages A, B, C: tensor/fixed.h, docs/arithmetic.md).
 * Shared by the families conv and dwconv.
 */
#ifndef KERNELS_EPILOGUE_H
#define KERNELS_EPILOGUE_H

#include <stddef.h>
#include <stdint.h>

#include "tensor/fixed.h"

enum epilogue_out {
    EPILOGUE_S8,  /* stages A, B, C */
    EPILOGUE_S16, /* stages A, B: v is stored */
    EPILOGUE_S32, /* the accumulator is stored */
};

/* Every array has one entry for each output channel and is readable (with any contents) up to the next multiple of
 * 64 entries. Only the arrays that `out` needs are set. */
struct epilogue {
    enum epilogue_out out;
    enum act act;
    int range_log2;         /* [0, 12] */
    int shift;              /* [8, 15]; 15 without a residual */
    const float *scale;     /* stage A */
    const int16_t *mul;     /* stage C, in [0, 32767] */
    const int16_t *res_mul; /* NULL: no residual; in [0, 32767] */
    const int32_t *offset;  /* stage C. Without a residual: (zero_point << 15) + 2^14, so that
                             * y = sat8(fixed_mulhrs(v, mul) + zero_point) */
};

/* The scalar form: stores one accumulator of `channel` at out[index], whose type is e->out's. res points at the
 * residual element, and is not read without a residual. */
void epilogue_store(const struct epilogue *e, int channel, int32_t acc, const int8_t *res,
                    void *out, size_t index);

#endif
