/* SPDX-License-Identifier: Apache-2.0
 *
 * The few compiler extensions we wrap, and ITX_BUG for broken invariants.
 */
#ifndef BASE_COMPILER_H
#define BASE_COMPILER_H

#include <stdio.h>
#include <stdlib.h>

#define ITX_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define ITX_NORETURN __attribute__((noreturn))
#define ITX_WARN_UNUSED __attribute__((warn_unused_result))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* A broken invariant of ours (never bad input): abort with the place, in every build. */
#define ITX_BUG()                                                                                  \
    do {                                                                                           \
        fprintf(stderr, "%s:%d: internal error, please report it\n", __FILE__, __LINE__);          \
        abort();                                                                                   \
    } while (0)

#endif
