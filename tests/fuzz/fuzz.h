/* SPDX-License-Identifier: Apache-2.0
 *
 * What every fuzz target defines: feeds `data` to one parser and checks one property (abort when it does not hold).
 * Returns 0, or -1 when the input says nothing (too large, say).
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
