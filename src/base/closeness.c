/* SPDX-License-Identifier: Apache-2.0 */
#include "base/closeness.h"

#include <math.h>

double closeness_cosine(const struct closeness *c)
{
    const double norm = sqrt(c->true_square) * sqrt(c->measured_square);
    if (norm > 0) return c->dot / norm;
    return c->n != 0 && c->true_square == c->measured_square ? 1 : 0;
}

double closeness_snr(const struct closeness *c)
{
    if (c->true_square <= 0) return 0;
    return c->error_square > 0 ? 10 * log10(c->true_square / c->error_square) : INFINITY;
}

double closeness_l1(const struct closeness *c)
{
    return c->n != 0 ? c->error_sum / (double)c->n : 0;
}

double closeness_l2(const struct closeness *c)
{
    return c->n != 0 ? sqrt(c->error_square) / (double)c->n : 0;
}

double closeness_chebyshev(const struct closeness *c)
{
    return c->error_max;
}
