/* SPDX-License-Identifier: Apache-2.0
 *
 * Preloaded into a process whose libraries have UD2 in place of CPUID (avx2_only.py): the signal of UD2 is answered with
 * what CPUID says, less every instruction set beyond AVX2 and FMA. What the libraries then run is their code for a CPU
 * without AVX-512, VNNI and AMX, at this CPU's speed. Linux on x86-64 only.
 */
#define _GNU_SOURCE /* the names of registers */
#include <cpuid.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>

enum { UD2_SIZE = 2 };

/* The registers of leaf 7: AVX-512 (F, DQ, IFMA, PF, ER, CD, BW, VL), (VBMI, VBMI2, VNNI, BITALG, VPOPCNTDQ), (4VNNIW,
 * 4FMAPS, VP2INTERSECT, AMX-BF16, FP16, AMX-TILE, AMX-INT8). */
static const uint32_t hidden_ebx =
    1u << 16 | 1u << 17 | 1u << 21 | 1u << 26 | 1u << 27 | 1u << 28 | 1u << 30 | 1u << 31;
static const uint32_t hidden_ecx = 1u << 1 | 1u << 6 | 1u << 11 | 1u << 12 | 1u << 14;
static const uint32_t hidden_edx =
    1u << 2 | 1u << 3 | 1u << 8 | 1u << 22 | 1u << 23 | 1u << 24 | 1u << 25;

static void answer(int number, siginfo_t *info, void *context)
{
    (void)info;
    greg_t *const r = ((ucontext_t *)context)->uc_mcontext.gregs;
    const uint8_t *const code = (const uint8_t *)r[REG_RIP];
    if (code[0] != 0x0f || code[1] != 0x0b) {
        signal(number, SIG_DFL); /* a real one: it comes again */
        return;
    }
    const uint32_t leaf = (uint32_t)r[REG_RAX], sub = (uint32_t)r[REG_RCX];
    uint32_t a, b, c, d;
    __cpuid_count(leaf, sub, a, b, c, d);
    if (leaf == 7 && sub == 0) {
        b &= ~hidden_ebx;
        c &= ~hidden_ecx;
        d &= ~hidden_edx;
    } else if (leaf == 7 || leaf == 0x1d || leaf == 0x1e || leaf == 0x24) {
        a = b = c = d = 0; /* AVX-VNNI, AVX512-BF16, AVX-IFMA; AMX; AVX10 */
    }
    r[REG_RAX] = a;
    r[REG_RBX] = b;
    r[REG_RCX] = c;
    r[REG_RDX] = d;
    r[REG_RIP] += UD2_SIZE;
}

__attribute__((constructor)) static void install(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = answer;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    sigaction(SIGILL, &action, NULL);
}
