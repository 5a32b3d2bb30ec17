/* SPDX-License-Identifier: Apache-2.0
 *
 * Products of dense float matrices on oneDNN, on the calling thread alone: for statistics and least squares.
 */
#ifndef FLOAT_GEMM_H
#define FLOAT_GEMM_H

#include <stddef.h>

/* Matrices are row-major; `stride` is the number of elements from one row to the next. */
struct float_matrix {
    const float *data;
    size_t stride;
    enum { MATRIX_PLAIN, MATRIX_TRANSPOSED } form; /* how the product reads it */
};

/* c [m, n] := beta c + alpha a b, where a is read as [m, k] and b as [k, n]. c overlaps neither. The same operands give
 * the same bytes on the same machine. Sizes that are not positive leave c alone. */
struct float_product {
    int m, n, k;
    float alpha, beta;
    struct float_matrix a, b;
    float *c;
    size_t c_stride;
};
void float_gemm(const struct float_product *p);

#endif
