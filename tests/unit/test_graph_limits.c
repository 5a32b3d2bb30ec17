/* SPDX-License-Identifier: Apache-2.0
 *
 * Small ONNX files that ask for much: constants that make gigabytes of others, and tens of thousands of nodes. What each
 * costs is measured in a process of its own.
 */
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "base/vec.h"
#include "intarsia/compiler.h"
#include "onnx/onnx.h"

#include "test.h"

#ifdef __has_feature
#define HAS_SANITIZER __has_feature(address_sanitizer)
#elif defined __SANITIZE_ADDRESS__
#define HAS_SANITIZER 1
#else
#define HAS_SANITIZER 0
#endif

struct cost {
    itx_status rc;
    long kilobytes, milliseconds;
    char text[sizeof((struct itx_error *)0)->text];
};

static long milliseconds(const struct rusage *r)
{
    return (r->ru_utime.tv_sec + r->ru_stime.tv_sec) * 1000 +
           (r->ru_utime.tv_usec + r->ru_stime.tv_usec) / 1000;
}

static void check_file(struct cost *cost, const char *path, int64_t max_constants)
{
    struct itx_build_options o = ITX_BUILD_OPTIONS_INIT;
    struct itx_error err = {.text = ""};
    struct rusage before, after;
    char *report = NULL;
    o.max_constants = max_constants;
    getrusage(RUSAGE_SELF, &before);
    cost->rc = itx_check_with(path, &o, &report, &err);
    getrusage(RUSAGE_SELF, &after);
    cost->kilobytes = after.ru_maxrss - before.ru_maxrss;
    cost->milliseconds = milliseconds(&after) - milliseconds(&before);
    memcpy(cost->text, err.text, sizeof cost->text);
    itx_text_free(report);
}

static struct cost cost_of(const char *path, int64_t max_constants)
{
    struct cost cost = {.rc = ITX_E_INTERNAL};
    int ends[2];
    if (pipe(ends) != 0) abort();
    fflush(stdout);
    const pid_t pid = fork();
    if (pid == 0) {
        check_file(&cost, path, max_constants);
        const bool done = write(ends[1], &cost, sizeof cost) == (ssize_t)sizeof cost;
        _exit(done ? 0 : 1);
    }
    close(ends[1]);
    CHECK(read(ends[0], &cost, sizeof cost) == (ssize_t)sizeof cost);
    close(ends[0]);
    waitpid(pid, NULL, 0);
    return cost;
}

static char path[] = "/tmp/itx_limits_XXXXXX";

/* Writes the file of a graph in text form. */
static void write_text(const struct strbuf *text)
{
    struct itx_error err = {.text = ""};
    struct graph *g = NULL;
    if (text->failed || graph_parse(&g, text->data, text->len, &err) != ITX_OK ||
        onnx_write(g, path, &err) != ITX_OK) {
        printf("%s\n", err.text);
        abort();
    }
    graph_destroy(&g);
}

/* ---- constants ---- */

/* A line for each of n nodes, numbered, between the constants and the network itself. Every one makes 256 MiB, or
 * reads as much. */
static const struct {
    const char *what, *constants, *line;
    int n;
} makers[] = {
    {"ConstantOfShape", "const %s: s64[1] = {67108864}\n",
     "%%v%d: f32[67108864] = ConstantOfShape(%%s)\n", 64},
    {"Expand", "const %c: f32[1] = {1}\nconst %s: s64[2] = {8192, 8192}\n",
     "%%v%d: f32[8192, 8192] = Expand(%%c, %%s)\n", 64},
    {"Tile", "const %c: f32[1, 4] = {1, 2, 3, 4}\nconst %s: s64[2] = {4096, 4096}\n",
     "%%v%d: f32[4096, 16384] = Tile(%%c, %%s)\n", 64},
    {"Range", "const %b: s64[] = {0}\nconst %e: s64[] = {33554432}\nconst %d: s64[] = {1}\n",
     "%%v%d: s64[33554432] = Range(%%b, %%e, %%d)\n", 64},
    {"Resize", "const %c: f32[1, 1, 2, 2] = {1, 2, 3, 4}\nconst %k: f32[4] = {1, 1, 4096, 4096}\n",
     "%%v%d: f32[1, 1, 8192, 8192] = Resize(%%c, _, %%k) {mode = \"nearest\"}\n", 64},
    {"Pad", "const %c: f32[1] = {1}\nconst %s: s64[2] = {0, 67108863}\n",
     "%%v%d: f32[67108864] = Pad(%%c, %%s)\n", 64},
    {"Add that broadcasts",
     "const %c: f32[1, 1] = {1}\nconst %s: s64[2] = {8192, 1}\nconst %t: s64[2] = {1, 8192}\n"
     "%a: f32[8192, 1] = Expand(%c, %s)\n%b: f32[1, 8192] = Expand(%c, %t)\n",
     "%%v%d: f32[8192, 8192] = Add(%%a, %%b)\n", 64},
    {"Concat", "const %s: s64[1] = {8388608}\n%a: f32[8388608] = ConstantOfShape(%s)\n",
     "%%v%d: f32[67108864] = Concat(%%a, %%a, %%a, %%a, %%a, %%a, %%a, %%a) {axis = 0}\n", 64},
    /* many small ones, as much in sum */
    {"small ones", "const %s: s64[1] = {8192}\n", "%%v%d: f32[8192] = ConstantOfShape(%%s)\n",
     40000},
    /* little is made, but much is read: hours of work */
    {"reductions", "const %s: s64[2] = {1, 33554432}\n%a: f32[1, 33554432] = ConstantOfShape(%s)\n",
     "%%v%d: f32[1, 1] = ReduceMax(%%a) {keepdims = 1}\n", 20000},
};

static void write_makers(size_t k)
{
    struct strbuf text = {0};
    strbuf_addf(&text, "input %%x: f32[1, 4, 8, 8]\n%s", makers[k].constants);
    for (int i = 0; i < makers[k].n; i++) strbuf_addf(&text, makers[k].line, i);
    strbuf_addf(&text, "%%y: f32[1, 4, 8, 8] = Relu(%%x)\noutput %%y\n");
    for (int i = 0; i < makers[k].n; i++) strbuf_addf(&text, "output %%v%d\n", i);
    write_text(&text);
    strbuf_release(&text);
}

static void test_limits__constants(void)
{
    for (size_t k = 0; k < ARRAY_LEN(makers); k++) {
        write_makers(k);
        const struct cost cost = cost_of(path, 0);
        CHECK_MSG(cost.rc == ITX_E_RANGE &&
                      strstr(cost.text, "1024 MiB allowed (max_constants, --max-constants)") !=
                          NULL,
                  "%s: %s", makers[k].what, cost.text);
        CHECK_MSG(HAS_SANITIZER || (cost.milliseconds < 1000 && cost.kilobytes < 300 * 1024),
                  "%s: %ld ms, %ld kB", makers[k].what, cost.milliseconds, cost.kilobytes);
    }
}

static void test_limits__constants_raised(void)
{
    struct strbuf text = {0};
    strbuf_addf(&text, "input %%x: f32[1, 4, 8, 8]\nconst %%s: s64[1] = {1048576}\n");
    for (int i = 0; i < 8; i++)
        strbuf_addf(&text, "%%v%d: f32[1048576] = ConstantOfShape(%%s)\noutput %%v%d\n", i, i);
    strbuf_addf(&text, "%%y: f32[1, 4, 8, 8] = Relu(%%x)\noutput %%y\n");
    write_text(&text);
    strbuf_release(&text);
    const int64_t made = (int64_t)8 * 4 * 1048576;
    struct cost cost = cost_of(path, made - 1);
    CHECK_MSG(cost.rc == ITX_E_RANGE, "%s", cost.text);
    cost = cost_of(path, made);
    CHECK_MSG(cost.rc == ITX_OK, "%s", cost.text);
    cost = cost_of(path, -1);
    CHECK_MSG(cost.rc == ITX_E_RANGE &&
                  strstr(cost.text, "max_constants -1 is out of range") != NULL,
              "%s", cost.text);
}

/* A shape behind a constant that waits for its turn. */
static void test_limits__shape_behind_a_large_constant(void)
{
    struct strbuf whole = {0};
    strbuf_addf(
        &whole,
        "input %%x: f32[1, 4, 8, 8]\n"
        "const %%n: s64[] = {2000000}\nconst %%zero: s64[] = {0}\nconst %%one: s64[] = {1}\n"
        "const %%i: s64[2] = {4, 64}\n"
        "%%a: s64[2000000] = Range(%%zero, %%n, %%one)\n"
        "%%s: s64[2] = Gather(%%a, %%i) {axis = 0}\n"
        "%%r: none[?] = Reshape(%%x, %%s)\n"
        "%%y: f32[4, 64] = Relu(%%r)\noutput %%y\n");
    write_text(&whole);
    strbuf_release(&whole);
    const struct cost cost = cost_of(path, 0);
    CHECK_MSG(cost.rc == ITX_OK, "%s", cost.text);
}

/* ---- nodes ---- */

/* Lines of one unit of a network: %d is its number, the value before it %v(number - 1). */
static const struct {
    const char *what, *constants, *line;
    int nodes; /* of a unit */
} chains[] = {
    {"Relu", "", "%%v%1$d: none[?] = Relu(%%v%2$d)\n", 1},
    {"nodes of one name", "", "%%v%1$d: none[?] = Relu(%%v%2$d) @\"same\"\n", 1},
    {"Identity", "", "%%v%1$d: none[?] = Identity(%%v%2$d)\n", 1},
    {"Transpose", "", "%%v%1$d: none[?] = Transpose(%%v%2$d) {perm = [0, 1, 3, 2]}\n", 1},
    {"Reshape", "const %s: s64[4] = {1, 4, 8, 8}\n", "%%v%1$d: none[?] = Reshape(%%v%2$d, %%s)\n",
     1},
    {"Softmax", "", "%%v%1$d: none[?] = Softmax(%%v%2$d) {axis = 1}\n", 1},
    {"Conv", "const %w: f32[4, 1, 1, 1] = {1, 1, 1, 1}\n",
     "%%v%1$d: none[?] = Conv(%%v%2$d, %%w) {group = 4}\n", 1},
    {"Conv and BatchNormalization",
     "const %w: f32[4, 1, 1, 1] = {1, 1, 1, 1}\nconst %b: f32[4] = {1, 1, 1, 1}\n",
     "%%c%1$d: none[?] = Conv(%%v%2$d, %%w) {group = 4}\n"
     "%%v%1$d: none[?] = BatchNormalization(%%c%1$d, %%b, %%b, %%b, %%b)\n",
     2},
    {"BatchNormalization", "const %b: f32[4] = {1, 1, 1, 1}\n",
     "%%v%1$d: none[?] = BatchNormalization(%%v%2$d, %%b, %%b, %%b, %%b)\n", 1},
    {"residuals", "const %w: f32[4, 1, 1, 1] = {1, 1, 1, 1}\n",
     "%%c%1$d: none[?] = Conv(%%v%2$d, %%w) {group = 4}\n%%v%1$d: none[?] = Add(%%c%1$d, "
     "%%v%2$d)\n",
     2},
    {"slices",
     "const %o: s64[1] = {0}\nconst %h: s64[1] = {2}\nconst %e: s64[1] = {4}\nconst %a: s64[1] = "
     "{1}\n",
     "%%p%1$d: none[?] = Slice(%%v%2$d, %%o, %%h, %%a)\n%%q%1$d: none[?] = Slice(%%v%2$d, %%h, "
     "%%e, %%a)\n"
     "%%v%1$d: none[?] = Concat(%%p%1$d, %%q%1$d) {axis = 1}\n",
     3},
    {"pads",
     "const %w: f32[4, 1, 3, 3] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, "
     "1, 1, 1, 1, "
     "1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}\nconst %p: s64[8] = {0, 0, 1, 1, 0, 0, 1, 1}\n",
     "%%c%1$d: none[?] = Pad(%%v%2$d, %%p)\n%%v%1$d: none[?] = Conv(%%c%1$d, %%w) {group = 4}\n",
     2},
    {"outputs", "",
     "%%v%1$d: none[?] = Relu(%%v%2$d)\n%%i%1$d: f32[1, 4, 8, 8] = Identity(%%v%1$d)\noutput "
     "%%i%1$d\n",
     2},
    {"shapes", "",
     "%%s%1$d: none[?] = Shape(%%v%2$d)\n%%v%1$d: none[?] = Reshape(%%v%2$d, %%s%1$d)\n", 2},
};

static struct cost cost_of_chain(size_t k, int n_nodes)
{
    struct strbuf text = {0};
    const int n = n_nodes / chains[k].nodes;
    strbuf_addf(&text, "input %%v0: f32[1, 4, 8, 8]\n%s", chains[k].constants);
    for (int i = 1; i <= n; i++) strbuf_addf(&text, chains[k].line, i, i - 1);
    strbuf_addf(&text, "%%y: f32[1, 4, 8, 8] = Relu(%%v%d)\noutput %%y\n", n);
    write_text(&text);
    strbuf_release(&text);
    return cost_of(path, 0);
}

/* Ten times the nodes take ten times as long, not a hundred: what is quadratic anywhere in them shows. */
static void test_limits__time_is_linear_in_nodes(void)
{
    for (size_t k = 0; k < ARRAY_LEN(chains); k++) {
        const int many = k == 0 ? 60000 : 20000;
        const struct cost few = cost_of_chain(k, many / 10), all = cost_of_chain(k, many);
        CHECK_MSG(few.rc == all.rc && all.rc == ITX_OK, "%s: %s", chains[k].what, all.text);
        CHECK_MSG(all.milliseconds < 30 * (few.milliseconds + 50),
                  "%s: %d nodes %ld ms, %d nodes %ld ms", chains[k].what, many / 10,
                  few.milliseconds, many, all.milliseconds);
    }
}

static void test_limits__clean_up(void)
{
    CHECK(unlink(path) == 0);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(test_limits__constants), TEST(test_limits__constants_raised),
        TEST(test_limits__shape_behind_a_large_constant),
        TEST(test_limits__time_is_linear_in_nodes), TEST(test_limits__clean_up)};
    const int file = mkstemp(path);
    if (file < 0) abort();
    close(file);
    return test_main(argc, argv, tests, ARRAY_LEN(tests));
}
