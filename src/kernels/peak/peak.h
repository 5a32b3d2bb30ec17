/* SPDX-License-Identifier: Apache-2.0
 *
 * How many products this machine's multiply instructions make: the limit that a kernel's speed is held against.
 */
#ifndef KERNELS_PEAK_PEAK_H
#define KERNELS_PEAK_PEAK_H

#include <stdint.h>

/* Operands of a product. Without an instruction for the exact sum of 8-bit products, what widens sums counts too. */
enum peak_kind { PEAK_8_BITS, PEAK_16_BITS };

/* Multiply-adds a second on the calling thread, by a loop of the multiplications alone: the best of some milliseconds.
 * cpu: flags that may be used and that this CPU has. 0 when none of them has such an instruction. */
double kernels_peak(uint32_t cpu, enum peak_kind kind);

#endif
