/* SPDX-License-Identifier: Apache-2.0 */
#include "api/distribution.h"

#include <math.h>
#include <string.h>

#include "base/bytes.h"

enum { NEGATIVE = QUANT_BINS / 2 }; /* the sign is a bin's highest bit */

/* Bins by rising value: the negative ones backwards, then the others. Gives the ends of number i. */
static int bin_of_rank(int i, double *low, double *high)
{
    const int bin = i < NEGATIVE ? QUANT_BINS - 1 - i : i - NEGATIVE;
    const double inner = float_of_bits((uint32_t)bin << 17);
    const double outer = float_of_bits(((uint32_t)bin << 17) | 0x1ffff);
    *low = bin >= NEGATIVE ? outer : inner;
    *high = bin >= NEGATIVE ? inner : outer;
    return bin;
}

static double total(const struct distribution *d)
{
    double n = 0;
    for (int i = 0; i < QUANT_BINS; i++) n += (double)d->counted[i];
    return n;
}

bool distribution_of(struct distribution *d, const struct quant_stats *s, value_id v)
{
    if (v >= s->n_values || s->histogram[v] == NULL || s->first[v] == s->first[v + 1]) return false;
    *d = (struct distribution){.least = INFINITY, .most = -INFINITY, .counted = s->histogram[v]};
    for (uint32_t c = s->first[v]; c < s->first[v + 1]; c++) {
        d->least = fmin(d->least, (double)s->min[c]);
        d->most = fmax(d->most, (double)s->max[c]);
    }
    const double cut = total(d) * 0.0005;
    double low, high, seen = 0;
    if (!(d->least <= d->most)) return false; /* never observed */
    d->inner[0] = d->least;
    d->inner[1] = d->most;
    for (int i = 0; i < QUANT_BINS; i++) {
        seen += (double)d->counted[bin_of_rank(i, &low, &high)];
        if (seen <= cut) continue;
        d->inner[0] = fmax(d->least, low);
        break;
    }
    seen = 0;
    for (int i = QUANT_BINS - 1; i >= 0; i--) {
        seen += (double)d->counted[bin_of_rank(i, &low, &high)];
        if (seen <= cut) continue;
        d->inner[1] = fmin(d->most, high);
        break;
    }
    return true;
}

/* What lies in [low, high), spread evenly over it. */
static void spread(const struct distribution *d, double *parts, int n, double low, double high,
                   double share)
{
    const double width = (d->most - d->least) / n;
    if (!(width > 0)) {
        parts[0] += share;
        return;
    }
    low = fmax(low, d->least);
    high = fmin(high, d->most);
    const double begin = (low - d->least) / width, end = (high - d->least) / width;
    const int first = (int)fmin(n - 1, fmax(0, floor(begin)));
    const int last = (int)fmin(n - 1, fmax(first, floor(end)));
    for (int i = first; i <= last; i++) {
        const double part = fmin(end, i + 1) - fmax(begin, i);
        parts[i] += end > begin ? share * fmax(0, part) / (end - begin) : i == first ? share : 0;
    }
}

void distribution_parts(const struct distribution *d, double *parts, int n)
{
    const double all = total(d);
    memset(parts, 0, (size_t)n * sizeof *parts);
    for (int i = 0; i < QUANT_BINS; i++) {
        double low, high;
        const int bin = bin_of_rank(i, &low, &high);
        if (d->counted[bin] != 0) spread(d, parts, n, low, high, (double)d->counted[bin] / all);
    }
}
