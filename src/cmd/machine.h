/* SPDX-License-Identifier: Apache-2.0
 *
 * What the machine can do, measured by running it, and what this process uses of it.
 */
#ifndef CMD_MACHINE_H
#define CMD_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"

/* Cycles a nanosecond of the core that runs this. */
double machine_clock_ghz(void);

/* Bytes a second, read and written together, that all threads of the pool reach when each copies its part of `size`
 * bytes again and again. 0 when out of memory. */
double machine_copy_rate(struct pool *pool, uint64_t size);

/* Bytes of memory that this process holds now, and the most it has held. */
struct machine_memory {
    uint64_t resident, peak;
};
/* False where the system does not say. */
bool machine_memory(struct machine_memory *memory);

#endif
