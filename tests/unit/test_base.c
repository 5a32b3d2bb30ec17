/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/closeness.h"
#include "base/cpu.h"
#include "base/format.h"
#include "base/md5.h"
#include "base/pool.h"
#include "base/printable.h"
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
    CHECK_STR(err.text, "a?[1mb \xc3\xa4 \xe5\x86\x99 ?? ? ??");
    char text[600];
    for (size_t i = 0; i + 1 < sizeof text; i += 2) memcpy(text + i, "\xc3\xa4", 2);
    text[598] = '\0';
    itx_fail(&err, ITX_E_FORMAT, "%s", text); /* cut inside a character */
    CHECK(err.text[498] == '?' && err.text[499] == '\0');
}

/* Unicode's categories Cc, Cf, Zl and Zp as Python's unicodedata 14.0 has them, and their neighbours. */
static void test_printable__categories(void)
{
    static const struct {
        const char *text;
        uint32_t code;
        bool is_shown;
    } cases[] = {
        {"\x1f", 0x1f, false},
        {" ", 0x20, true},
        {"~", 0x7e, true},
        {"\x7f", 0x7f, false},
        {"\xc2\x80", 0x80, false},
        {"\xc2\x9f", 0x9f, false},
        {"\xc2\xa0", 0xa0, true}, /* a space that does not break */
        {"\xc2\xad", 0xad, false},
        {"\xc3\xa4", 0xe4, true},
        {"\xd8\x9b", 0x61b, true},
        {"\xd8\x9c", 0x61c, false}, /* Arabic letter mark */
        {"\xe2\x80\x8a", 0x200a, true},
        {"\xe2\x80\x8b", 0x200b, false},
        {"\xe2\x80\x8f", 0x200f, false},
        {"\xe2\x80\x90", 0x2010, true},
        {"\xe2\x80\xa8", 0x2028, false},
        {"\xe2\x80\xae", 0x202e, false},
        {"\xe2\x80\xaf", 0x202f, true},
        {"\xe2\x81\xa0", 0x2060, false},
        {"\xe2\x81\xa9", 0x2069, false},
        {"\xe2\x81\xb0", 0x2070, true},
        {"\xef\xbb\xbf", 0xfeff, false},
        {"\xef\xbf\xbb", 0xfffb, false},
        {"\xef\xbf\xbd", 0xfffd, true},
        {"\xf0\x9f\x94\xa9", 0x1f529, true},  /* nut and bolt */
        {"\xf3\xa0\x80\xa0", 0xe0020, false}, /* a tag that is a space */
        {"\xff", UINT32_MAX, false},
        {"\xed\xa0\x80", UINT32_MAX, false}, /* a surrogate */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t len;
        const bool is_shown = printable_at(cases[i].text, strlen(cases[i].text), &len);
        CHECK_MSG(is_shown == cases[i].is_shown, "case %zu", i);
        CHECK(len == (cases[i].code == UINT32_MAX ? 1 : strlen(cases[i].text)));
        CHECK_MSG(printable_code(cases[i].text, len) == cases[i].code, "case %zu", i);
    }
    char text[] = "a\n\xe2\x80\xae\xf3\xa0\x80\xa0\xc3\xa4\t\xe2\x80", lines[sizeof text];
    memcpy(lines, text, sizeof text);
    printable_make(text);
    CHECK_STR(text, "a???\xc3\xa4???");
    printable_make_lines(lines);
    CHECK_STR(lines, "a\n??\xc3\xa4???");
}

static void test_str__json_is_shown(void)
{
    struct strbuf b = {0};
    strbuf_add_json(&b, str_of("a\"\\\n\x7f\xc2\x9b\xe2\x80\xae\xf3\xa0\x80\xa0\xc3\xa4\xff"));
    CHECK_STR(b.data, "\"a\\\"\\\\\\u000a\\u007f\\u009b\\u202e\\udb40\\udc20\xc3\xa4\\ufffd\"");
    b.len = 0;
    strbuf_add_json_piece(&b, str_of("{\n  \"\xc3\xa4\\u0009\": \"\xe2\x80\xae\xc2\x9b\x7f\"\n}"));
    CHECK_STR(b.data, "{\n  \"\xc3\xa4\\u0009\": \"\\u202e\\u009b\\u007f\"\n}");
    b.len = 0;
    strbuf_add_file_name(&b, ".a/b\n\xe2\x80\xae\xc3\xa4.bin");
    CHECK_STR(b.data, "_a_b__\xc3\xa4.bin");
    strbuf_release(&b);
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

static void test_format__as_c_has_it(void)
{
    char text[64], *end;
    CHECK(format_text(text, sizeof text, "%.2f %g %s", 1234.5, 1e-7, "x") == 15);
    CHECK_STR(text, "1234.50 1e-07 x");
    CHECK(format_text(text, 4, "%.1f", 12.5) == 4);
    CHECK_STR(text, "12.");
    CHECK(parse_double("2.5,", &end) == 2.5 && *end == ',');
    CHECK(parse_float("0.1", NULL) == 0.1f);
    CHECK_STR(error_text(ENOENT), "No such file or directory");
    CHECK(ascii_lower('I') == 'i' && ascii_lower('z') == 'z' && ascii_upper('i') == 'I');
    CHECK(ascii_compare("A.BIN", "a.bin") == 0 && ascii_compare("a", "ab") < 0 &&
          ascii_compare("b", "AB") > 0 && ascii_compare("", "") == 0);
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

/* The parts of a child: 0 when all were run and nothing waited for ever. */
static int use_pool_in_child(struct pool *pool)
{
    struct sum sum = {0};
    alarm(20);
    pool_run(pool, add_part, &sum);
    pool_destroy(&pool);
    return pool == NULL && atomic_load(&sum.total) == 1001 * 1000 / 2 ? 0 : 1;
}

static void test_pool__in_a_child(void)
{
    for (int n = 1; n <= 4; n += 3) {
        struct pool *pool = NULL;
        struct sum sum = {0};
        REQUIRE(pool_create(&pool, n, NULL) == ITX_OK);
        pool_run(pool, add_part, &sum);
        fflush(NULL);
        const pid_t child = fork();
        if (child == 0) _exit(use_pool_in_child(pool));
        int status = -1;
        REQUIRE(waitpid(child, &status, 0) == child);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        pool_run(pool, add_part, &sum);
        CHECK(atomic_load(&sum.total) == 2 * (1001 * 1000 / 2));
        pool_destroy(&pool);
    }
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

/* The vectors of RFC 1321, and lengths around the ends of blocks. */
static void test_md5__vectors(void)
{
    static const struct {
        const char *text, *sum;
    } vectors[] = {
        {"", "d41d8cd98f00b204e9800998ecf8427e"},
        {"a", "0cc175b9c0f1b6a831c399e269772661"},
        {"abc", "900150983cd24fb0d6963f7d28e17f72"},
        {"message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
        {"abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"},
        {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
         "d174ab98d277d9f5a5611c2c9f419d9f"},
        {"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
         "57edf4a22be3c955ac49da2e2107b67a"},
    };
    char got[MD5_TEXT_SIZE];
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        md5_text(vectors[i].text, strlen(vectors[i].text), got);
        CHECK_STR(got, vectors[i].sum);
    }
    static const struct {
        size_t n;
        const char *sum;
    } lengths[] = {
        {55, "04364420e25c512fd958a70738aa8f72"},  {56, "668a72d5ba17f08e62dabcafad6db14b"},
        {57, "693037871c4a9d3d8685018905cb530a"},  {63, "7dc2ca208106a2f703567bdff99d8981"},
        {64, "c1bb4f81d892b2d57947682aeb252456"},  {65, "1bc932052302d074bdec39795fe00cf6"},
        {119, "ab347a5f68c8a443cfcddc633f12c24f"}, {120, "fb98667f98096de92620b64f46e1c5b5"},
        {128, "d69cb61a6ee87200676eb0d4b90edbcb"}, {129, "3926841d393c00c3f36260e5ace10dc1"},
    };
    char run[129];
    memset(run, 'x', sizeof run);
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        md5_text(run, lengths[i].n, got);
        CHECK_STR(got, lengths[i].sum);
    }
}

TEST_MAIN(TEST(test_arena__objects_are_zeroed_and_aligned), TEST(test_vec__push),
          TEST(test_status__prefix), TEST(test_status__long_paths_keep_the_cause),
          TEST(test_status__only_printable_text), TEST(test_printable__categories),
          TEST(test_str__json_is_shown), TEST(test_str__distance), TEST(test_format__as_c_has_it),
          TEST(test_cpu__parse), TEST(test_pool__every_item_once), TEST(test_pool__in_a_child),
          TEST(test_closeness__by_hand), TEST(test_md5__vectors))
