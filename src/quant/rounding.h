/* SPDX-License-Identifier: Apache-2.0
 *
 * Weights of one convolution, rounded together: not each to its nearest integer, but so that the sums they make come
 * close to the float network's, for inputs x as the int8 program sees them. With samples of x and of the target,
 * the squared error over the samples is a quadratic form in the weights, whose matrix H holds the second moments of x.
 *
 * The method, each step with its source:
 * - The bias is free, so moments are taken about the means (bias correction).
 * - The best real weights make up for what errors of the input cost: w + (H + damping)^-1 X (target - x w), where the
 *   target comes from the float network's own inputs (GPTAQ, Li et al. 2025).
 * - Rounding goes through the columns, and what each costs is made up for by those still free (OBS, Hassibi 1993; OPTQ,
 *   Frantar et al. 2022). That is Babai's nearest plane in the lattice of the Cholesky factor of H; the
 *   columns with the largest moments are rounded first, as long as many are free.
 * - Every output channel tries several scales and keeps the one with the least error.
 * - Coordinate descent: single weights move by whole steps while that lowers the error.
 */
#ifndef QUANT_ROUNDING_H
#define QUANT_ROUNDING_H

#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"
#include "base/status.h"

struct rounding_options {
    float damping;        /* added to the diagonal of H, relative to its mean, while rounding */
    float target_damping; /* likewise, where the best real weights are computed */
    int n_scales;         /* tried for each channel, [1, ROUNDING_MAX_SCALES] */
    int n_sweeps;         /* of coordinate descent, at most */
    int max_columns;      /* of H; wider layers go through in blocks */
};
#define ROUNDING_MAX_SCALES 8

/* One problem: n samples, k weights for each of `rows` sums. Channels of a transposed convolution have several sums (its
 * taps) with one scale: rows_per_scale. */
struct rounding {
    size_t n;
    int k, rows, rows_per_scale;
    const int16_t *x; /* [n, k]: stored inputs less their zero points */
    const float *w;   /* [rows, k]: real weights for these integers */
    float *
        target; /* [n, rows]: what the sums should be; on return less what the rounded weights and `shift` give */
    float *scale;  /* [rows / rows_per_scale]: the largest to try; on return the chosen one */
    int8_t *q;     /* out: [rows, k], in [-127, 127] */
    double *shift; /* out: [rows], to be added to the real bias */
};

/* The work is divided among the workers of `pool` (may be NULL) by shape alone: the result does not depend on their
 * number. Targets that are not finite are refused. */
itx_status rounding_solve(struct rounding *p, const struct rounding_options *o, struct pool *pool,
                          struct itx_error *err);

#endif
