/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cpu.h"

#include <stdio.h>
#include <string.h>

#include "base/compiler.h"

#if defined(__x86_64__)
#include <cpuid.h>

static bool has_avxvnni(void)
{
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & 1u << 4) != 0;
}
#endif

uint32_t cpu_detect(void)
{
    uint32_t flags = 0;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2")) flags |= CPU_AVX2;
    if ((flags & CPU_AVX2) != 0 && has_avxvnni()) flags |= CPU_AVXVNNI;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512vnni"))
        flags |= CPU_AVX512VNNI;
#elif defined(__aarch64__)
    flags |= CPU_NEON;
#endif
    return flags;
}

const struct cpu_level cpu_levels[] = {
    {"scalar", CPU_SCALAR},
    {"avx2", CPU_AVX2},
    {"avxvnni", CPU_AVX2 | CPU_AVXVNNI},
    {"avx512vnni", CPU_AVX2 | CPU_AVX512VNNI},
    {"neon", CPU_NEON},
    {"dotprod", CPU_NEON | CPU_DOTPROD},
};
const int n_cpu_levels = (int)ARRAY_LEN(cpu_levels);

bool cpu_parse(const char *text, uint32_t *mask)
{
    if (strcmp(text, "all") == 0 || strcmp(text, "native") == 0) {
        *mask = CPU_ALL;
        return true;
    }
    for (int i = 0; i < n_cpu_levels; i++)
        if (strcmp(text, cpu_levels[i].text) == 0) {
            *mask = cpu_levels[i].mask;
            return true;
        }
    return false;
}

const char *cpu_level_name(uint32_t flags)
{
    const char *best = "scalar";
#define ITX_X(name, bit, text)                                                                     \
    if (flags & (uint32_t)name) best = text;
    CPU_FLAG_LIST(ITX_X)
#undef ITX_X
    return best;
}

void cpu_model_name(char *text, int size)
{
    snprintf(text, (size_t)size, "unknown");
    FILE *f = fopen("/proc/cpuinfo", "r");
    if (f == NULL) return;
    char line[256];
    while (fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, "model name", 10) != 0) continue;
        const char *colon = strchr(line, ':');
        if (colon == NULL) break;
        line[strcspn(line, "\n")] = '\0';
        snprintf(text, (size_t)size, "%s", colon[1] == ' ' ? colon + 2 : colon + 1);
        break;
    }
    fclose(f);
}
