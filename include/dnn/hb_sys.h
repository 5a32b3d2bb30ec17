/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory that networks read and write. A computer with one kind of memory needs no flushing: hbSysFlushMem only checks
 * its arguments. phyAddr is the address itself, as a number.
 */
#ifndef DNN_HB_SYS_H
#define DNN_HB_SYS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define HB_API
#else
#define HB_API __attribute__((visibility("default")))
#endif

typedef enum {
    HB_SYS_SUCCESS = 0,
    HB_SYS_INVALID_ARGUMENT = -6000129,
    HB_SYS_OUT_OF_MEMORY = -6000130,
    HB_SYS_REGISTER_MEM_FAILED = -6000131
} hbSysStatus;

typedef enum {
    HB_SYS_MEM_CACHE_INVALIDATE = 1, /* before the program reads what a network wrote */
    HB_SYS_MEM_CACHE_CLEAN = 2       /* after the program wrote what a network will read */
} hbSysMemFlushFlag;

typedef struct {
    uint64_t phyAddr;
    void *virAddr;
    uint32_t memSize; /* bytes */
} hbSysMem;

/* All return 0 or a code of hbSysStatus. */

/* Fill *mem with `size` bytes (more than 0), aligned to 64, zeroed; freed with hbSysFreeMem. */
HB_API int32_t hbSysAllocMem(hbSysMem *mem, uint32_t size);
HB_API int32_t hbSysAllocCachedMem(hbSysMem *mem, uint32_t size);
/* `flag` is one of hbSysMemFlushFlag. */
HB_API int32_t hbSysFlushMem(hbSysMem *mem, int32_t flag);
/* Sets *mem to zero. HB_SYS_INVALID_ARGUMENT for what is not allocated or was freed before. */
HB_API int32_t hbSysFreeMem(hbSysMem *mem);

/* Copy the first `size` bytes, at most memSize. */
HB_API int32_t hbSysWriteMem(hbSysMem *dest, char *src, uint32_t size);
HB_API int32_t hbSysReadMem(char *dest, hbSysMem *src, uint32_t size);

/* Given phyAddr and memSize of a range inside something that hbSysAllocMem gave, sets virAddr; else
 * HB_SYS_REGISTER_MEM_FAILED. The memory stays its owner's. */
HB_API int32_t hbSysRegisterMem(hbSysMem *mem);
/* Sets virAddr to NULL; HB_SYS_INVALID_ARGUMENT for what was not registered. */
HB_API int32_t hbSysUnregisterMem(hbSysMem *mem);

#ifdef __cplusplus
}
#endif
#endif
