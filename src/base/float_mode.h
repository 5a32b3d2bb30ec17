/* SPDX-License-Identifier: Apache-2.0
 *
 * The floating-point environment of the arithmetic contract: rounding to nearest even, denormals kept, no traps. A
 * caller's program may have set another one, for a thread of its own or before ours were started.
 */
#ifndef BASE_FLOAT_MODE_H
#define BASE_FLOAT_MODE_H

#include <stdint.h>

#if defined(__x86_64__)
#include <xmmintrin.h>

typedef unsigned float_mode;

static inline float_mode float_mode_enter(void)
{
    const float_mode old = _mm_getcsr();
    _mm_setcsr(0x1f80); /* all exceptions masked, nearest even, neither FTZ nor DAZ */
    return old;
}

static inline void float_mode_leave(float_mode old)
{
    _mm_setcsr(old);
}

#elif defined(__aarch64__)

typedef uint64_t float_mode;

static inline void float_mode_leave(float_mode old)
{
    __asm__ volatile("msr fpcr, %0" : : "r"(old) : "memory");
}

static inline float_mode float_mode_enter(void)
{
    float_mode old;
    __asm__ volatile("mrs %0, fpcr" : "=r"(old));
    float_mode_leave(0);
    return old;
}

#else
#include <fenv.h>

typedef fenv_t float_mode;

static inline float_mode float_mode_enter(void)
{
    float_mode old;
    fegetenv(&old);
    fesetenv(FE_DFL_ENV);
    return old;
}

static inline void float_mode_leave(float_mode old)
{
    fesetenv(&old);
}

#endif
#endif
