/* SPDX-License-Identifier: Apache-2.0
 *
 * Which instruction sets this CPU has, and masks to use fewer. A kernel row names the flags it needs.
 */
#ifndef BASE_CPU_H
#define BASE_CPU_H

#include <stdbool.h>
#include <stdint.h>

/* columns: name, bit, text for --cpu. Levels are cumulative: naming one on the command line means it and every
 * level above it in this list that belongs to the same architecture. */
#define CPU_FLAG_LIST(X)                                                                           \
    X(CPU_AVX2, 0, "avx2")             /* AVX2, FMA not used */                                    \
    X(CPU_AVXVNNI, 1, "avxvnni")       /* AVX-VNNI, 256 bits */                                    \
    X(CPU_AVX512VNNI, 2, "avx512vnni") /* AVX-512 F BW DQ VL VNNI */                               \
    X(CPU_NEON, 8, "neon")                                                                         \
    X(CPU_DOTPROD, 9, "dotprod")

enum cpu_flags {
    CPU_SCALAR = 0,
#define ITX_X(name, bit, text) name = 1 << (bit),
    CPU_FLAG_LIST(ITX_X)
#undef ITX_X
};

#define CPU_ALL UINT32_MAX

/* Flags of the machine the program runs on. Pure; cheap enough to call when a session is made. */
uint32_t cpu_detect(void);

/* Every level there is, for whichever architecture, "scalar" first. */
struct cpu_level {
    const char *text;
    uint32_t mask;
};
extern const struct cpu_level cpu_levels[];
extern const int n_cpu_levels;

/* "scalar", "avx2", "avx512vnni", ... -> the mask of everything up to that level (avx512vnni implies avx2, not
 * avxvnni). False when unknown. */
bool cpu_parse(const char *text, uint32_t *mask);

/* Processors that this process may use, 1 to 256: how many threads to run when nobody says. As many as its affinity and
 * cpuset allow, and no more than the quota of its control group, or of one above it, pays for. */
int cpu_count(void);
/* That quota in processors, rounded up; 0: none. Files are looked for below `root`, "" but in tests. */
int cpu_quota(const char *root);

/* Name of the highest level in `flags` ("scalar" for none). */
const char *cpu_level_name(uint32_t flags);

/* "AMD EPYC ...", or "unknown"; at most `size` bytes with the zero. */
void cpu_model_name(char *text, int size);

#endif
