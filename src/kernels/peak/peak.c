/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/peak/peak.h"

#include <stddef.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/cpu.h"
#include "kernels/peak/peak_rows.h"

struct peak_row {
    uint32_t cpu;
    peak_fn *loops[2]; /* by enum peak_kind */
};

/* Best first. */
static const struct peak_row rows[] = {
#if HAVE_X86
    {CPU_AVX512VNNI, {peak_8_bits__avx512vnni, peak_16_bits__avx512vnni}},
    {CPU_AVX2 | CPU_AVXVNNI, {peak_8_bits__avxvnni, peak_16_bits__avxvnni}},
    {CPU_AVX2, {peak_8_bits__avx2, peak_16_bits__avx2}},
#endif
    {CPU_SCALAR, {NULL, NULL}},
};

double kernels_peak(uint32_t cpu, enum peak_kind kind)
{
    enum { ROUNDS = 20000, ATTEMPTS = 25 };
    const struct peak_row *row = rows;
    while ((row->cpu & ~cpu) != 0) row++;
    if (row->loops[kind] == NULL) return 0;
    double best = 0;
    for (int i = 0; i < ATTEMPTS; i++) {
        const uint64_t start = clock_ns();
        const uint64_t n = row->loops[kind](ROUNDS);
        const uint64_t ns = clock_ns() - start;
        if (ns > 0 && (double)n / (double)ns > best) best = (double)n / (double)ns;
    }
    return best * 1e9;
}
