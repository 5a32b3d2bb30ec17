/* SPDX-License-Identifier: Apache-2.0
 *
 * Class names, and what the text fixtures of tests/pass cannot say: failing allocations, dumps.
 */
#include "passes/pass.h"

#include "base/mem.h"
#include "passes/names.h"

#include "test.h"

static void check_names(const char *text, int n, const char *const *expected)
{
    struct arena arena = {0};
    const char *const *names = NULL;
    REQUIRE(names_read(text, n, &arena, &names, NULL) == ITX_OK);
    for (int i = 0; i < n; i++) CHECK_STR(names[i], expected[i]);
    arena_release(&arena);
}

static void test_names__python_dictionary(void)
{
    const char *text =
        "{0: 'person', 1: \"it's\", 2: 'say \\'\"hi\"\\'', 10: 'caf\\xe9', 3:'\\u4eba'}";
    CHECK(names_count(text) == 11);
    check_names(text, 5,
                (const char *const[]){"person", "it's", "say '\"hi\"'", "\xe4\xba\xba", "class 4"});
    check_names("{10: 'caf\\xe9'}", 11,
                (const char *const[]){"class 0", "class 1", "class 2", "class 3", "class 4",
                                      "class 5", "class 6", "class 7", "class 8", "class 9",
                                      "caf\xc3\xa9"});
}

static void test_names__other_forms(void)
{
    check_names("['a, b', \"c\",]", 3, (const char *const[]){"a, b", "c", "class 2"});
    check_names("{\"0\": \"person\", \"1\": \"car\"}", 2, (const char *const[]){"person", "car"});
    check_names("{0: 7, 1: None}", 2, (const char *const[]){"7", "None"});
    check_names("  { 0 : 'x' , 1 : 'y' } ", 2, (const char *const[]){"x", "y"});
    check_names(NULL, 1, (const char *const[]){"class 0"});
}

static void test_names__broken(void)
{
    static const char *const texts[] = {
        "",           "{",        "}",         "names",           "{0",         "{0:",
        "{0: 'a",     "{a: 'b'}", "{-1: 'a'}", "{99999999: 'a'}", "{0 'a'}",    "[",
        "{70000: 1}", "{: 'a'}",  "{0: 'a\\",  "{0: '\\x",        "{0: '\\u12",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        CHECK_MSG(names_count(texts[i]) == 0, "%s", texts[i]);
        check_names(texts[i], 1, (const char *const[]){"class 0"});
    }
    /* what comes before the fault counts */
    check_names("{0: 'a', 1: 'b", 2, (const char *const[]){"a", "class 1"});
    /* bytes that are no UTF-8, a control character, an empty name */
    check_names("{0: 'a\xff\xc3', 1: 'b\x01\\x00', 2: ''}", 3,
                (const char *const[]){"a??", "b??", "class 2"});
}

static void check_note(const char *text, int n, const char *expected)
{
    char note[NAMES_NOTE_SIZE];
    names_note(text, n, note);
    CHECK_STR(note, expected);
}

/* Names that do not fit are given to the classes that they mean, and a sentence says what was done. */
static void test_names__that_do_not_fit(void)
{
    check_note("{0: 'a', 1: 'b'}", 2, "");
    check_note("['a', 'b']", 2, "");
    check_note(NULL, 2, "");
    check_note("{0: 'a'}", 0, ""); /* no head */
    check_note("{0: 'a', 1: 'b'}", 4,
               "the file's metadata have 2 names for 4 classes: 2 classes are without a name, the "
               "first of them is called \"class 2\"");
    check_note("{0: 'a', 1: 'b', 2: 'c'}", 2,
               "the file's metadata have 3 names for 2 classes: 1 name is left out, 2 and above");
    check_names("{1: 'a', 2: 'b'}", 2, (const char *const[]){"a", "b"});
    CHECK(names_count("{1: 'a', 2: 'b'}") == 2);
    check_note("{1: 'a', 2: 'b'}", 2,
               "the file's metadata have 2 names for 2 classes, numbered from 1: name 1 is given "
               "to class 0, and so on");
    check_names("{1: 'a', 2: 'b', 3: 'c'}", 2, (const char *const[]){"a", "b"});
    check_note("{1: 'a', 2: 'b', 3: 'c'}", 2,
               "the file's metadata have 3 names for 2 classes, numbered from 1: name 1 is given "
               "to class 0, and so on; 1 name is left out, 3 and above");
    /* the first class may well have none */
    check_names("{1: 'a', 2: 'b'}", 3, (const char *const[]){"class 0", "a", "b"});
    check_note("{1: 'a', 2: 'b'}", 3,
               "the file's metadata have 2 names for 3 classes: 1 class is without a name, the "
               "first of them is called \"class 0\"");
    check_names("{0: 'a', 5: 'f'}", 2, (const char *const[]){"a", "class 1"});
    check_note("{0: 'a', 5: 'f'}", 2,
               "the file's metadata have 2 names for 2 classes: 1 class is without a name, the "
               "first of them is called \"class 1\"; 1 name is left out, 2 and above");
    check_note("bolt, nut", 2,
               "the file's metadata have 0 names for 2 classes: 2 classes are without a name, the "
               "first of them is called \"class 0\"");
    check_note("{0: 'a', 1: ''}", 2,
               "the file's metadata have 1 name for 2 classes: 1 class is without a name, the "
               "first of them is called \"class 1\"");
}

static void test_names__long_ones_are_cut_between_characters(void)
{
    char text[600] = "['";
    size_t len = 2;
    for (int i = 0; i < 150; i++, len += 3) memcpy(text + len, "\xe4\xba\xba", 3);
    memcpy(text + len, "']", 3);
    struct arena arena = {0};
    const char *const *names = NULL;
    REQUIRE(names_read(text, 1, &arena, &names, NULL) == ITX_OK);
    CHECK(strlen(names[0]) == 255); /* 85 characters of three bytes */
    CHECK(memcmp(names[0] + 252, "\xe4\xba\xba", 4) == 0);
    arena_release(&arena);
}

/* A convolution written with everything the passes look for. */
static const char network[] = "input %x: f32[1, 2, 8, 8]\n"
                              "%shape: none[?] = Shape(%x)\n"
                              "const %one: s64[1] = {1}\n"
                              "%c: none[?] = Gather(%shape, %one) {axis = 0}\n"
                              "const %zero: s64[1] = {0}\n"
                              "%s0: none[?] = Slice(%x, %zero, %one, %one)\n"
                              "%s1: none[?] = Slice(%x, %one, %c, %one)\n"
                              "const %w: f32[4, 1, 1, 1] = {1, 2, 3, 4}\n"
                              "%y0: none[?] = Conv(%s0, %w)\n"
                              "const %four: f32[4] = {1, 2, 3, 4}\n"
                              "%n: none[?] = BatchNormalization(%y0, %four, %four, %four, %four)\n"
                              "%g: none[?] = Sigmoid(%n)\n"
                              "%y: none[?] = Mul(%g, %n)\n"
                              "%z: none[?] = Conv(%s1, %w)\n"
                              "%i: none[?] = Identity(%z)\n"
                              "%a: none[?] = Add(%y, %i)\n"
                              "%t: none[?] = Transpose(%a) {perm = [0, 2, 3, 1]}\n"
                              "output %t\n";

static itx_status count_dumps(void *ctx, const char *pass, const struct graph *g,
                              struct itx_error *err)
{
    (void)err;
    int *n = ctx;
    CHECK(pass[0] != '\0' && g->outputs.len == 1);
    ++*n;
    return ITX_OK;
}

static void test_passes__run(void)
{
    struct graph *g = NULL;
    struct head_info head;
    struct itx_error err = {0};
    int n_dumps = 0;
    REQUIRE(graph_parse(&g, network, sizeof network - 1, &err) == ITX_OK);
    CHECK_MSG(passes_run(g, &head, count_dumps, &n_dumps, &err) == ITX_OK, "%s", err.text);
    CHECK(n_dumps >= 10);
    CHECK(head.task == HEAD_RAW && head.proto == -1 && head.input_h == 8);
    REQUIRE(g->nodes.len == 3); /* Split, two Conv of which one took the sum */
    CHECK(g->nodes.data[0].op == OP_SPLIT && g->nodes.data[1].op == OP_CONV);
    CHECK(g->nodes.data[2].op == OP_CONV && g->nodes.data[2].n_inputs == 4);
    CHECK_STR(graph_value(g, g->outputs.data[0])->name, "t");
    graph_destroy(&g);
}

static void test_passes__out_of_memory(void)
{
    for (long n = 0; n < 3000; n++) {
        struct graph *g = NULL;
        struct head_info head;
        REQUIRE(graph_parse(&g, network, sizeof network - 1, NULL) == ITX_OK);
        mem_fail_after(n);
        const itx_status rc = passes_run(g, &head, NULL, NULL, NULL);
        mem_fail_after(-1);
        graph_destroy(&g);
        CHECK(rc == ITX_OK || rc == ITX_E_NOMEM);
        if (rc == ITX_OK) return;
    }
    CHECK(!"never enough memory");
}

TEST_MAIN(TEST(test_names__python_dictionary), TEST(test_names__other_forms),
          TEST(test_names__broken), TEST(test_names__that_do_not_fit),
          TEST(test_names__long_ones_are_cut_between_characters), TEST(test_passes__run),
          TEST(test_passes__out_of_memory))
