/* SPDX-License-Identifier: Apache-2.0
 *
 * libdnn: memory.
 */
#include "network.h"

static void test_alloc__gives(void)
{
    hbSysMem a, b;
    REQUIRE(hbSysAllocMem(&a, 1000) == 0 && hbSysAllocCachedMem(&b, 1) == 0);
    CHECK(a.memSize == 1000 && a.virAddr != NULL && (uintptr_t)a.virAddr % 64 == 0);
    CHECK(a.phyAddr == (uint64_t)(uintptr_t)a.virAddr);
    CHECK(b.memSize == 1 && b.virAddr != a.virAddr);
    for (int i = 0; i < 1000; i++) CHECK(((uint8_t *)a.virAddr)[i] == 0);
    CHECK(hbSysFlushMem(&a, HB_SYS_MEM_CACHE_CLEAN) == 0);
    CHECK(hbSysFlushMem(&a, HB_SYS_MEM_CACHE_INVALIDATE) == 0);
    CHECK(hbSysFreeMem(&a) == 0 && hbSysFreeMem(&b) == 0);
    CHECK(a.virAddr == NULL && a.memSize == 0 && a.phyAddr == 0);
}

static void test_alloc__refuses(void)
{
    hbSysMem mem = {1, &mem, 2};
    CHECK(hbSysAllocMem(NULL, 10) == HB_SYS_INVALID_ARGUMENT);
    CHECK(hbSysAllocMem(&mem, 0) == HB_SYS_INVALID_ARGUMENT);
    CHECK(hbSysAllocCachedMem(NULL, 10) == HB_SYS_INVALID_ARGUMENT);
    CHECK(hbSysAllocCachedMem(&mem, 0) == HB_SYS_INVALID_ARGUMENT);
    for (long n = 0; n < 3; n++) {
        mem_fail_after(n);
        CHECK(hbSysAllocMem(&mem, 10) == HB_SYS_OUT_OF_MEMORY);
        mem_fail_after(-1);
    }
    CHECK(mem.phyAddr == 1 && mem.memSize == 2);
}

static void test_free__refuses(void)
{
    hbSysMem mem, copy, inside, foreign = {0, &mem, 10};
    CHECK(hbSysFreeMem(NULL) == HB_SYS_INVALID_ARGUMENT);
    CHECK(hbSysFreeMem(&foreign) == HB_SYS_INVALID_ARGUMENT);
    REQUIRE(hbSysAllocMem(&mem, 100) == 0);
    copy = inside = mem;
    inside.virAddr = (uint8_t *)mem.virAddr + 64;
    CHECK(hbSysFreeMem(&inside) == HB_SYS_INVALID_ARGUMENT);
    CHECK(hbSysFreeMem(&mem) == 0);
    CHECK(hbSysFreeMem(&mem) == HB_SYS_INVALID_ARGUMENT);
    CHECK(hbSysFreeMem(&copy) == HB_SYS_INVALID_ARGUMENT);
    CHECK(hbSysFlushMem(&copy, HB_SYS_MEM_CACHE_CLEAN) == HB_SYS_INVALID_ARGUMENT);
}

static void test_flush__refuses(void)
{
    hbSysMem mem, more;
    CHECK(hbSysFlushMem(NULL, HB_SYS_MEM_CACHE_CLEAN) == HB_SYS_INVALID_ARGUMENT);
    REQUIRE(hbSysAllocMem(&mem, 100) == 0);
    CHECK(hbSysFlushMem(&mem, 0) == HB_SYS_INVALID_ARGUMENT);
    CHECK(hbSysFlushMem(&mem, 3) == HB_SYS_INVALID_ARGUMENT);
    more = mem;
    more.memSize = 101;
    CHECK(hbSysFlushMem(&more, HB_SYS_MEM_CACHE_CLEAN) == HB_SYS_INVALID_ARGUMENT);
    CHECK(hbSysFreeMem(&mem) == 0);
    CHECK(hbSysFlushMem(&mem, HB_SYS_MEM_CACHE_CLEAN) == HB_SYS_INVALID_ARGUMENT);
}

static void test_copy__both_ways(void)
{
    char text[] = "eight ch", back[9] = {0};
    hbSysMem mem, copy, own = {0, back, 9};
    REQUIRE(hbSysAllocMem(&mem, 9) == 0);
    CHECK(hbSysWriteMem(&mem, text, 9) == 0 && hbSysReadMem(back, &mem, 9) == 0);
    CHECK_STR(back, "eight ch");
    CHECK(hbSysWriteMem(&mem, text, 0) == 0);
    CHECK(hbSysWriteMem(&own, (char[]){"other"}, 6) == 0); /* the program's own memory */
    CHECK_STR(back, "other");
    CHECK(hbSysWriteMem(NULL, text, 9) == HB_SYS_INVALID_ARGUMENT);
    CHECK(hbSysWriteMem(&mem, NULL, 9) == HB_SYS_INVALID_ARGUMENT);
    CHECK(hbSysWriteMem(&mem, text, 10) == HB_SYS_INVALID_ARGUMENT);
    CHECK(hbSysReadMem(NULL, &mem, 9) == HB_SYS_INVALID_ARGUMENT);
    CHECK(hbSysReadMem(back, NULL, 9) == HB_SYS_INVALID_ARGUMENT);
    CHECK(hbSysReadMem(back, &mem, 10) == HB_SYS_INVALID_ARGUMENT);
    copy = mem;
    CHECK(hbSysFreeMem(&mem) == 0);
    CHECK(hbSysWriteMem(&copy, text, 9) == HB_SYS_INVALID_ARGUMENT);
    CHECK(hbSysReadMem(back, &copy, 9) == HB_SYS_INVALID_ARGUMENT);
}

static void test_register__ranges(void)
{
    hbSysMem mem;
    REQUIRE(hbSysAllocMem(&mem, 100) == 0);
    hbSysMem range = {mem.phyAddr + 20, NULL, 80}, beyond = {mem.phyAddr + 20, NULL, 81};
    hbSysMem nowhere = {64, NULL, 8}, empty = {mem.phyAddr, NULL, 0}, zero = {0, NULL, 10};
    CHECK(hbSysUnregisterMem(&mem) == HB_SYS_INVALID_ARGUMENT);
    REQUIRE(hbSysRegisterMem(&range) == 0);
    CHECK(range.virAddr == (uint8_t *)mem.virAddr + 20);
    CHECK(hbSysRegisterMem(&beyond) == HB_SYS_REGISTER_MEM_FAILED && beyond.virAddr == NULL);
    CHECK(hbSysRegisterMem(&nowhere) == HB_SYS_REGISTER_MEM_FAILED);
    CHECK(hbSysRegisterMem(&empty) == HB_SYS_INVALID_ARGUMENT);
    CHECK(hbSysRegisterMem(&zero) == HB_SYS_INVALID_ARGUMENT);
    CHECK(hbSysRegisterMem(NULL) == HB_SYS_INVALID_ARGUMENT);
    CHECK(hbSysUnregisterMem(NULL) == HB_SYS_INVALID_ARGUMENT);
    hbSysMem copy = range;
    CHECK(hbSysUnregisterMem(&range) == 0 && range.virAddr == NULL);
    CHECK(hbSysUnregisterMem(&range) == HB_SYS_INVALID_ARGUMENT);
    CHECK(hbSysUnregisterMem(&copy) == HB_SYS_INVALID_ARGUMENT);
    CHECK(hbSysFreeMem(&mem) == 0);
}

/* Looked up among many, in any order. */
static void test_alloc__many(void)
{
    enum { N = 500 };
    static hbSysMem mem[N];
    uint64_t seed = 3;
    for (int i = 0; i < N; i++) REQUIRE(hbSysAllocMem(&mem[i], 1 + test_random(&seed) % 300) == 0);
    for (int i = 0; i < N; i++) {
        hbSysMem last = {0, (uint8_t *)mem[i].virAddr + mem[i].memSize - 1, 1};
        CHECK(hbSysFlushMem(&last, HB_SYS_MEM_CACHE_CLEAN) == 0);
        last.memSize = 2;
        CHECK(hbSysFlushMem(&last, HB_SYS_MEM_CACHE_CLEAN) == HB_SYS_INVALID_ARGUMENT);
    }
    for (int i = 0; i < N; i++) CHECK(hbSysFreeMem(&mem[(i * 7) % N]) == 0);
    for (int i = 0; i < N; i++) CHECK(hbSysFreeMem(&mem[i]) == HB_SYS_INVALID_ARGUMENT);
}

TEST_MAIN(TEST(test_alloc__gives), TEST(test_alloc__refuses), TEST(test_free__refuses),
          TEST(test_flush__refuses), TEST(test_copy__both_ways), TEST(test_register__ranges),
          TEST(test_alloc__many))
