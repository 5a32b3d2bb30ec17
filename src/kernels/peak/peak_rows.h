/* SPDX-License-Identifier: Apache-2.0
 *
 * The loops behind kernels_peak; for this folder only. Each runs n rounds and returns the multiply-adds it made.
 */
#ifndef KERNELS_PEAK_PEAK_ROWS_H
#define KERNELS_PEAK_PEAK_ROWS_H

#include <stdint.h>

#include "kernels/peak/peak.h"

typedef uint64_t peak_fn(int n);

peak_fn peak_8_bits__avx2, peak_16_bits__avx2, peak_8_bits__avxvnni, peak_16_bits__avxvnni,
    peak_8_bits__avx512vnni, peak_16_bits__avx512vnni;

#endif
