/* SPDX-License-Identifier: Apache-2.0
 *
 * The unit tests' harness: one binary per module, tests are functions test_module__case listed in a table.
 *
 *     static void test_str__distance(void) { CHECK(str_distance("a", "b") == 1); }
 *     TEST_MAIN(TEST(test_str__distance))
 *
 * A failed CHECK prints its place and fails the test, which goes on. SKIP says why and ends the test. The program ends with
 * "N passed, N failed, N skipped" and exits 1 when a test failed. An argument runs only tests whose name contains it.
 */
#ifndef TESTS_UNIT_TEST_H
#define TESTS_UNIT_TEST_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct test {
    const char *name;
    void (*run)(void);
};

static int test_n_failed_checks;
static int test_was_skipped;

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            printf("%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);                         \
            test_n_failed_checks++;                                                                \
        }                                                                                          \
    } while (0)

#define CHECK_MSG(condition, ...)                                                                  \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            printf("%s:%d: failed: %s: ", __FILE__, __LINE__, #condition);                         \
            printf(__VA_ARGS__);                                                                   \
            printf("\n");                                                                          \
            test_n_failed_checks++;                                                                \
        }                                                                                          \
    } while (0)

#define CHECK_STR(a, b) CHECK_MSG(strcmp((a), (b)) == 0, "got \"%s\", expected \"%s\"", (a), (b))

/* Ends the test when what follows would make no sense. */
#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        const int test_n_before = test_n_failed_checks;                                            \
        CHECK(condition);                                                                          \
        if (test_n_failed_checks != test_n_before) return;                                         \
    } while (0)

#define SKIP(why)                                                                                  \
    do {                                                                                           \
        printf("skipped: %s\n", why);                                                              \
        test_was_skipped = 1;                                                                      \
        return;                                                                                    \
    } while (0)

/* xorshift; the same numbers everywhere. */
static inline uint32_t test_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return (uint32_t)(*seed >> 16);
}

static inline int test_main(int argc, char **argv, const struct test *tests, size_t n)
{
    int passed = 0, failed = 0, skipped = 0;
    for (size_t i = 0; i < n; i++) {
        if (argc > 1 && strstr(tests[i].name, argv[1]) == NULL) continue;
        test_n_failed_checks = 0;
        test_was_skipped = 0;
        tests[i].run();
        if (test_n_failed_checks != 0) {
            printf("FAILED %s\n", tests[i].name);
            failed++;
        } else if (test_was_skipped) {
            printf("skipped %s\n", tests[i].name);
            skipped++;
        } else {
            passed++;
        }
    }
    printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
    return failed != 0;
}

#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }
#define TEST_MAIN(...)                                                                             \
    int main(int argc, char **argv)                                                                \
    {                                                                                              \
        static const struct test tests[] = {__VA_ARGS__};                                          \
        return test_main(argc, argv, tests, sizeof tests / sizeof tests[0]);                       \
    }

#endif
