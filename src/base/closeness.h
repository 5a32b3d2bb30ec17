/* SPDX-License-Identifier: Apache-2.0
 *
 * How near one list of numbers is to another: an int8 tensor to the float one, over any number of pictures.
 */
#ifndef BASE_CLOSENESS_H
#define BASE_CLOSENESS_H

#include <stdint.h>

/* Sums over n pairs of a true and a measured number. Zero-initialised is valid and empty. */
struct closeness {
    double dot, true_square, measured_square, error_square, error_sum, error_max;
    uint64_t n;
};

static inline void closeness_add(struct closeness *c, double truth, double measured)
{
    const double error = truth > measured ? truth - measured : measured - truth;
    c->dot += truth * measured;
    c->true_square += truth * truth;
    c->measured_square += measured * measured;
    c->error_square += error * error;
    c->error_sum += error;
    if (error > c->error_max) c->error_max = error;
    c->n++;
}

/* Cosine of the angle between both; 0 when one of them alone is all zero or there are no pairs. */
double closeness_cosine(const struct closeness *c);
/* Signal-to-noise in dB: 10 log10(sum of true^2 / sum of error^2). Infinite when nothing differs, 0 when there is no
 * signal. */
double closeness_snr(const struct closeness *c);
/* As the RDK's output table has them: mean of |error|; sqrt(sum of error^2) / n, which is not the root of the mean; the
 * largest |error|. 0 when there are no pairs. */
double closeness_l1(const struct closeness *c);
double closeness_l2(const struct closeness *c);
double closeness_chebyshev(const struct closeness *c);

#endif
