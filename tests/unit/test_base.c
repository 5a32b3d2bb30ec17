/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/closeness.h"
#include "base/cpu.h"
#include "base/file.h"
#include "base/pool.h"
#include "base/str.h"
#include "base/vec.h"
#include "test.h"

static void test_arena__objects_are_zeroed_and_aligned(void)
{
    struct arena arena = {0};
    for (size_t size = 0; size < 200000; size = size * 3 + 1) {
        uint8_t *p = arena_alloc(&arena, size);
        REQUIRE(p != NULL);
        CHECK((uintptr_t)p % 16 == 0);
        for (size_t i = 0; i < size; i++)
            if (p[i] != 0) CHECK(p[i] == 0);
        memset(p, 0xff, size);
    }
    arena_release(&arena);
    CHECK(arena_calloc(&arena, SIZE_MAX / 2, 3) == NULL);
}

static void test_vec__push(void)
{
    VEC(int) v = {0};
    for (int i = 0; i < 1000; i++) CHECK(vec_push(&v, i));
    for (int i = 0; i < 1000; i++) CHECK(v.data[i] == i);
    vec_release(&v);
    CHECK(v.data == NULL && v.len == 0);
}

static void test_status__prefix(void)
{
    struct itx_error err;
    CHECK(itx_fail(&err, ITX_E_FORMAT, "bad %d\n", 7) == ITX_E_FORMAT);
    itx_error_prefix(&err, "file %s", "x");
    CHECK_STR(err.text, "file x: bad 7?");
    CHECK(itx_fail(NULL, ITX_E_IO, "nothing") == ITX_E_IO);
}

static void test_status__long_paths_keep_the_cause(void)
{
    char path[4001];
    memset(path, 'd', sizeof path);
    memcpy(path + 3990, "/photo.jpg", 11);
    struct itx_error err;
    errno = ENOENT;
    CHECK(itx_fail_errno(&err, "%s", path) == ITX_E_IO);
    const char *tail = "d/photo.jpg: No such file or directory";
    CHECK_STR(err.text + strlen(err.text) - strlen(tail), tail);
    CHECK(strncmp(err.text, "...d", 4) == 0 && strlen(err.text) < sizeof err.text);
    itx_fail(&err, ITX_E_FORMAT, "broken");
    itx_error_prefix(&err, "%s", path);
    CHECK_STR(err.text + strlen(err.text) - 20, "dd/photo.jpg: broken");
    itx_fail(&err, ITX_E_FORMAT, "%s", path);
    itx_error_prefix(&err, "a.bin");
    CHECK(strncmp(err.text, "a.bin: ddd", 10) == 0);
}

static void test_status__only_printable_text(void)
{
    struct itx_error err;
    itx_fail(&err, ITX_E_FORMAT, "a\033[1mb \xc3\xa4 \xe5\x86\x99 \xff\xfe \xc2\x9b \xe5\x86");
    CHECK_STR(err.text, "a?[1mb \xc3\xa4 \xe5\x86\x99 ?? ?? ??");
    char text[600];
    for (size_t i = 0; i + 1 < sizeof text; i += 2) memcpy(text + i, "\xc3\xa4", 2);
    text[598] = '\0';
    itx_fail(&err, ITX_E_FORMAT, "%s", text); /* cut inside a character */
    CHECK(err.text[498] == '?' && err.text[499] == '\0');
}

static void test_str__distance(void)
{
    CHECK(str_distance("segment", "segmnet") == 2);
    CHECK(str_distance("", "abc") == 3);
    struct strbuf b = {0};
    strbuf_addf(&b, "%s-%d", "a", 5);
    strbuf_add(&b, "xyz", 3);
    CHECK_STR(b.data, "a-5xyz");
    strbuf_release(&b);
}

static void test_file__write_then_map(void)
{
    char path[] = "/tmp/itx_test_XXXXXX";
    const int fd = mkstemp(path);
    REQUIRE(fd >= 0);
    close(fd);
    struct itx_error err;
    CHECK(file_write(path, "hello", 5, &err) == ITX_OK);
    struct file_map map;
    REQUIRE(file_map_open(&map, path, &err) == ITX_OK);
    CHECK(map.size == 5 && memcmp(map.data, "hello", 5) == 0);
    file_map_release(&map);
    unlink(path);
    CHECK(file_map_open(&map, path, &err) == ITX_E_IO);
    CHECK(strstr(err.text, path) != NULL);
    CHECK(file_map_open(&map, "/tmp", &err) == ITX_E_IO);
    CHECK(file_write("/nonexistent/x", "a", 1, &err) == ITX_E_IO);
    CHECK(file_write("/dev/null", "a", 1, &err) == ITX_OK);
    CHECK(file_write("/dev/full", "a", 1, &err) == ITX_E_IO);
    CHECK_STR(err.text, "/dev/full: cannot write: No space left on device");
    struct stat st;
    CHECK(stat("/dev/full", &st) == 0 && S_ISCHR(st.st_mode)); /* not replaced by a file */
}

static void test_file__targets(void)
{
    struct itx_error err;
    char path[] = "/tmp/itx_test_XXXXXX";
    const int fd = mkstemp(path);
    REQUIRE(fd >= 0);
    close(fd);
    CHECK(file_check_target(path, &err) == ITX_OK);
    CHECK(file_check_target("/dev/null", &err) == ITX_OK);
    CHECK(file_check_target("x.bin", &err) == ITX_OK);
    CHECK(file_check_target("/tmp", &err) == ITX_E_IO);
    CHECK_STR(err.text, "/tmp: is a folder, a file is needed");
    CHECK(file_check_target("", &err) == ITX_E_IO);
    CHECK(file_check_target("/nonexistent/x.bin", &err) == ITX_E_IO);
    CHECK_STR(err.text, "/nonexistent/x.bin: cannot write: No such file or directory");
    char below[64], other[64];
    snprintf(below, sizeof below, "%s/x.bin", path);
    CHECK(file_check_target(below, &err) == ITX_E_IO);
    snprintf(other, sizeof other, "/tmp/../%s", path + 1);
    CHECK(file_is_same(path, other) && file_is_same(path, path));
    CHECK(!file_is_same(path, "/etc/passwd") && !file_is_same("/dev/null", "/dev/null"));
    unlink(path);
    CHECK(!file_is_same(path, path));
}

static void test_cpu__parse(void)
{
    uint32_t mask;
    CHECK(cpu_parse("scalar", &mask) && mask == 0);
    CHECK(cpu_parse("avx512vnni", &mask) && mask == (CPU_AVX2 | CPU_AVX512VNNI));
    CHECK(!cpu_parse("mmx", &mask));
}

struct sum {
    atomic_long total;
    atomic_int calls;
};

static void add_part(void *ctx, int worker, int n_workers)
{
    struct sum *const sum = ctx;
    int begin, end;
    pool_part(1001, 4, worker, n_workers, &begin, &end);
    for (int i = begin; i < end; i++) atomic_fetch_add(&sum->total, i);
    atomic_fetch_add(&sum->calls, 1);
}

static void test_pool__every_item_once(void)
{
    for (int n = 1; n <= 5; n++) {
        struct pool *pool = NULL;
        REQUIRE(pool_create(&pool, n, NULL) == ITX_OK);
        for (int round = 0; round < 200; round++) {
            struct sum sum = {0};
            pool_run(pool, add_part, &sum);
            CHECK(atomic_load(&sum.total) == 1001L * 1000 / 2);
            CHECK(atomic_load(&sum.calls) == n);
        }
        pool_destroy(&pool);
        CHECK(pool == NULL);
    }
    struct pool *pool = NULL;
    CHECK(pool_create(&pool, 0, NULL) == ITX_E_RANGE);
}

/* 3, 4, 0 measured as 3, 2, 2: errors 0, 2, 2. */
static void test_closeness__by_hand(void)
{
    struct closeness c = {0};
    CHECK(closeness_cosine(&c) == 0 && closeness_snr(&c) == 0 && closeness_l1(&c) == 0 &&
          closeness_l2(&c) == 0 && closeness_chebyshev(&c) == 0);
    closeness_add(&c, 3, 3);
    CHECK(closeness_cosine(&c) == 1 && closeness_snr(&c) == INFINITY);
    closeness_add(&c, 4, 2);
    closeness_add(&c, 0, 2);
    CHECK(c.n == 3);
    CHECK(fabs(closeness_cosine(&c) - 17 / (5 * sqrt(17))) < 1e-15);
    CHECK(fabs(closeness_snr(&c) - 10 * log10(25.0 / 8)) < 1e-14);
    CHECK(fabs(closeness_l1(&c) - 4.0 / 3) < 1e-15);
    CHECK(fabs(closeness_l2(&c) - sqrt(8) / 3) < 1e-15);
    CHECK(closeness_chebyshev(&c) == 2);
    struct closeness silent = {0};
    closeness_add(&silent, 0, 0);
    CHECK(closeness_cosine(&silent) == 1);
    closeness_add(&silent, 0, -1);
    CHECK(closeness_cosine(&silent) == 0 && closeness_snr(&silent) == 0);
}

TEST_MAIN(TEST(test_arena__objects_are_zeroed_and_aligned), TEST(test_vec__push),
          TEST(test_status__prefix), TEST(test_status__long_paths_keep_the_cause),
          TEST(test_status__only_printable_text), TEST(test_str__distance),
          TEST(test_file__write_then_map), TEST(test_file__targets), TEST(test_cpu__parse),
          TEST(test_pool__every_item_once), TEST(test_closeness__by_hand))
