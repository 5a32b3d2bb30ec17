/* SPDX-License-Identifier: Apache-2.0
 *
 * Thresholds by relative entropy, as TensorRT's calibration chooses them (Migacz, "8-bit inference with TensorRT",
 * 2017), for two ends: the range whose 256 steps tell least from the distribution that was seen.
 */
#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "quant/quant.h"

#define LEVELS 256
#define COARSE 8 /* bins from one candidate to the next */

/* Bins of the window that fall to one step. */
static int level_begin(int level, int n_bins)
{
    return (int)((int64_t)level * n_bins / LEVELS);
}

double quant_divergence(const double *count, int n, int begin, int end)
{
    const int m = end - begin;
    double below = 0, inside = 0, above = 0;
    for (int i = 0; i < begin; i++) below += count[i];
    for (int i = begin; i < end; i++) inside += count[i];
    for (int i = end; i < n; i++) above += count[i];
    const double total = below + inside + above;
    if (m < 1 || !(inside > 0)) return INFINITY;
    double sum = 0;
    for (int level = 0; level < LEVELS; level++) {
        const int from = begin + level_begin(level, m), to = begin + level_begin(level + 1, m);
        double in_level = 0;
        int n_filled = 0;
        for (int i = from; i < to; i++) {
            const double p = count[i] + (i == begin ? below : 0) + (i == end - 1 ? above : 0);
            in_level += count[i];
            n_filled += p > 0;
        }
        if (n_filled == 0) continue;
        const double q = in_level / n_filled / inside;
        for (int i = from; i < to; i++) {
            const double p =
                (count[i] + (i == begin ? below : 0) + (i == end - 1 ? above : 0)) / total;
            if (p > 0) sum += q > 0 ? p * log(p / q) : INFINITY;
        }
    }
    return sum;
}

/* Counts of equal ratio become counts of equal width: each is spread evenly over what its bin covers. */
static void spread(double *count, const uint64_t *histogram, double low, double high)
{
    const double width = (high - low) / QUANT_ENTROPY_BINS;
    memset(count, 0, QUANT_ENTROPY_BINS * sizeof *count);
    for (uint32_t i = 0; i < QUANT_BINS; i++) {
        if (histogram[i] == 0) continue;
        const double a = float_of_bits(i << 17), b = float_of_bits((i << 17) + (1u << 17) - 1);
        const double from = (fmax(fmin(a, b), low) - low) / width;
        const double to = (fmin(fmax(a, b), high) - low) / width;
        const int first = (int)fmin(QUANT_ENTROPY_BINS - 1, fmax(0, floor(from)));
        const int last = (int)fmin(QUANT_ENTROPY_BINS - 1, fmax(first, floor(to)));
        for (int k = first; k <= last; k++) {
            const double part = first == last ? 1 : (fmin(k + 1, to) - fmax(k, from)) / (to - from);
            count[k] += fmax(part, 0) * (double)histogram[i];
        }
    }
}

void quant_search_entropy(const uint64_t *histogram, float *low, float *high)
{
    const double full_low = *low, width = ((double)*high - *low) / QUANT_ENTROPY_BINS;
    if (!(width > 0)) return;
    double count[QUANT_ENTROPY_BINS];
    spread(count, histogram, *low, *high);
    /* The range keeps zero, and at least as many bins as there are steps. */
    const int zero = (int)fmin(QUANT_ENTROPY_BINS - 1, floor(-full_low / width));
    int begin = 0, end = QUANT_ENTROPY_BINS;
    double best = quant_divergence(count, QUANT_ENTROPY_BINS, begin, end);
    for (int e = QUANT_ENTROPY_BINS - COARSE; e > zero && e - begin >= LEVELS; e -= COARSE) {
        const double d = quant_divergence(count, QUANT_ENTROPY_BINS, begin, e);
        if (d < best) {
            best = d;
            end = e;
        }
    }
    for (int b = COARSE; b <= zero && end - b >= LEVELS; b += COARSE) {
        const double d = quant_divergence(count, QUANT_ENTROPY_BINS, b, end);
        if (d < best) {
            best = d;
            begin = b;
        }
    }
    if (begin > 0) *low = (float)(full_low + begin * width);
    if (end < QUANT_ENTROPY_BINS) *high = (float)(full_low + end * width);
}
