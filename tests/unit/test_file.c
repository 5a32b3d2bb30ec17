/* SPDX-License-Identifier: Apache-2.0
 *
 * Files: read whole, replaced whole, and nothing that is no file. Every test works in a folder of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "base/file_set.h"
#include "test.h"

/* ---- the folder ---- */

static char place[] = "/tmp/itx_test_file_XXXXXX";

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static void begin(void)
{
    memcpy(place + strlen(place) - 6, "XXXXXX", 6);
    if (mkdtemp(place) == NULL || chdir(place) != 0) abort();
}

static void end(void)
{
    if (chdir("/") != 0) abort();
    nftw(place, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void make(const char *path, const char *text)
{
    FILE *const f = fopen(path, "w");
    if (f == NULL) abort();
    fputs(text, f);
    fclose(f);
}

static bool holds(const char *path, const char *text)
{
    char got[100] = "";
    FILE *const f = fopen(path, "r");
    if (f == NULL) return false;
    const size_t n = fread(got, 1, sizeof got - 1, f);
    fclose(f);
    return n == strlen(text) && strcmp(got, text) == 0;
}

static mode_t mode_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_mode & 07777 : 0;
}

static int count_files(void)
{
    int n = 0;
    FILE *const list = popen("find . -type f | wc -l", "r");
    if (list == NULL || fscanf(list, "%d", &n) != 1) n = -1;
    if (list != NULL) pclose(list);
    return n;
}

static bool is_root(void)
{
    return geteuid() == 0;
}

/* ---- reading ---- */

static void test_read__bytes_and_limits(void)
{
    struct itx_error err;
    struct file_bytes b = {0};
    begin();
    make("five", "hello");
    make("empty", "");
    REQUIRE(file_read(&b, "five", 5, &err) == ITX_OK);
    CHECK(b.size == 5 && memcmp(b.data, "hello", 5) == 0 && (uintptr_t)b.data % 64 == 0);
    file_bytes_release(&b);
    REQUIRE(file_map(&b, "five", &err) == ITX_OK);
    CHECK(b.size == 5 && memcmp(b.data, "hello", 5) == 0);
    file_bytes_release(&b);
    CHECK(file_read(&b, "five", 4, &err) == ITX_E_RANGE);
    CHECK_STR(err.text, "five: a file of 5 bytes is too large (limit: 4)");
    REQUIRE(file_read(&b, "empty", 0, &err) == ITX_OK);
    CHECK(b.size == 0 && b.data != NULL);
    file_bytes_release(&b);
    CHECK(file_read(&b, "none", SIZE_MAX, &err) == ITX_E_IO);
    CHECK_STR(err.text, "none: No such file or directory");
    end();
}

/* What was read stays as it was, whoever shortens the file or writes to it. */
static void test_read__is_a_copy(void)
{
    struct file_bytes b = {0};
    begin();
    make("file", "before");
    REQUIRE(file_read(&b, "file", SIZE_MAX, NULL) == ITX_OK);
    make("file", "AFTER!");
    CHECK(memcmp(b.data, "before", 6) == 0);
    CHECK(truncate("file", 0) == 0);
    CHECK(b.size == 6 && memcmp(b.data, "before", 6) == 0);
    file_bytes_release(&b);
    end();
}

/* Nothing but files is opened, and nothing is waited for. */
static void test_read__odd_kinds(void)
{
    struct itx_error err;
    struct file_bytes b = {0};
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "socket"};
    begin();
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(mkfifo("fifo", 0666) == 0 && symlink("fifo", "link") == 0 && mkdir("folder", 0777) == 0);
    CHECK(bind(fd, (struct sockaddr *)&name, sizeof name) == 0);
    static const struct {
        const char *path, *text;
    } cases[] = {
        {"fifo", "fifo: is a FIFO, not a file"},
        {"link", "link: is a FIFO, not a file"},
        {"socket", "socket: is a socket, not a file"},
        {"folder", "folder: is a folder, a file is needed"},
        {"/dev/null", "/dev/null: is a character device, not a file"},
        {"-", "-: the standard input is not supported; a file of that name is ./-"},
    };
    alarm(20);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CHECK(file_read(&b, cases[i].path, SIZE_MAX, &err) != ITX_OK);
        CHECK_STR(err.text, cases[i].text);
        CHECK(file_map(&b, cases[i].path, &err) != ITX_OK);
        CHECK_STR(err.text, cases[i].text);
        CHECK(file_check_source(cases[i].path, &err) != ITX_OK);
        CHECK_STR(err.text, cases[i].text);
    }
    make("./-", "dash");
    CHECK(file_read(&b, "./-", SIZE_MAX, &err) == ITX_OK && b.size == 4);
    file_bytes_release(&b);
    CHECK(file_check_source("none", &err) == ITX_OK);
    alarm(0);
    close(fd);
    end();
}

/* ---- writing ---- */

static void test_write__modes(void)
{
    begin();
    const mode_t mask = umask(027);
    CHECK(file_write("new", "1", 1, NULL) == ITX_OK && mode_of("new") == 0640);
    make("old", "0");
    static const mode_t modes[] = {0600, 0644, 0666, 0755, 0444};
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        CHECK(chmod("old", modes[i]) == 0);
        CHECK(file_write("old", "1", 1, NULL) == ITX_OK && mode_of("old") == modes[i]);
    }
    CHECK(chmod("old", 04755) == 0);
    CHECK(file_write("old", "1", 1, NULL) == ITX_OK && mode_of("old") == 0755);
    umask(mask);
    end();
}

static void test_write__owner_is_kept(void)
{
    struct stat st;
    if (!is_root()) SKIP("only root can give a file away");
    begin();
    make("old", "0");
    CHECK(chown("old", 1234, 4321) == 0 && chmod("old", 0640) == 0);
    CHECK(file_write("old", "1", 1, NULL) == ITX_OK);
    CHECK(stat("old", &st) == 0 && st.st_uid == 1234 && st.st_gid == 4321);
    CHECK(mode_of("old") == 0640);
    end();
}

/* A link stays one; what it leads to is replaced, or made. */
static void test_write__through_links(void)
{
    struct itx_error err;
    struct stat st;
    begin();
    CHECK(mkdir("a", 0777) == 0 && mkdir("b", 0777) == 0);
    make("a/file", "old");
    CHECK(link("a/file", "second") == 0);
    CHECK(symlink("../a/file", "b/link") == 0 && symlink("b/link", "chain") == 0);
    CHECK(symlink("a/later", "dangling") == 0 && symlink("round", "round") == 0);
    CHECK(file_write("chain", "new", 3, &err) == ITX_OK);
    CHECK(lstat("chain", &st) == 0 && S_ISLNK(st.st_mode));
    CHECK(lstat("b/link", &st) == 0 && S_ISLNK(st.st_mode));
    CHECK(lstat("a/file", &st) == 0 && S_ISREG(st.st_mode) && holds("a/file", "new"));
    CHECK(holds("second", "old")); /* another name of the old file */
    CHECK(file_check_target("dangling", &err) == ITX_OK);
    CHECK(file_write("dangling", "made", 4, &err) == ITX_OK && holds("a/later", "made"));
    CHECK(lstat("dangling", &st) == 0 && S_ISLNK(st.st_mode));
    CHECK(file_check_target("round", &err) == ITX_E_IO);
    CHECK(file_write("round", "x", 1, &err) == ITX_E_IO);
    CHECK(count_files() == 3);
    end();
}

/* Links under the name that temporary files once had lead nowhere. */
static void test_write__temporary_names(void)
{
    char guess[64];
    struct file_out a, b;
    struct stat st;
    begin();
    make("victim", "precious");
    for (long i = -3; i <= 3; i++) {
        snprintf(guess, sizeof guess, "out.tmp.%ld", (long)getpid() + i);
        CHECK(symlink("victim", guess) == 0);
    }
    CHECK(file_write("out", "x", 1, NULL) == ITX_OK && holds("victim", "precious"));
    CHECK(file_out_open(&a, "out", NULL) == ITX_OK && file_out_open(&b, "out", NULL) == ITX_OK);
    CHECK(strcmp(a.temporary, b.temporary) != 0);
    CHECK(lstat(a.temporary, &st) == 0 && S_ISREG(st.st_mode));
    CHECK(strstr(a.temporary, "out") == NULL && strlen(a.temporary) > 16);
    file_out_abandon(&a);
    CHECK(file_out_close(&b, NULL) == ITX_OK); /* never renamed: removed */
    CHECK(holds("out", "x") && count_files() == 2);
    end();
}

static void test_write__renamed_while_open(void)
{
    struct file_out out;
    begin();
    make("file", "old");
    REQUIRE(file_out_open(&out, "file", NULL) == ITX_OK);
    CHECK(file_out_write(&out, "ab", 2, NULL) == ITX_OK && holds("file", "old"));
    CHECK(file_out_rename(&out, NULL) == ITX_OK && holds("file", "ab"));
    CHECK(file_out_write(&out, "cd", 2, NULL) == ITX_OK && holds("file", "abcd"));
    CHECK(file_out_close(&out, NULL) == ITX_OK && holds("file", "abcd") && count_files() == 1);
    end();
}

static void test_write__makes_folders(void)
{
    struct itx_error err;
    begin();
    CHECK(file_check_target("x/y/z/file", &err) == ITX_OK);
    CHECK(access("x", F_OK) != 0); /* asking makes nothing */
    CHECK(file_write("x/y/z/file", "1", 1, &err) == ITX_OK && holds("x/y/z/file", "1"));
    CHECK(file_check_folder("p/q", &err) == ITX_OK && access("p", F_OK) != 0);
    CHECK(file_make_folders("p/q", &err) == ITX_OK && file_make_folders("p/q/", &err) == ITX_OK);
    char deep[PATH_MAX];
    snprintf(deep, sizeof deep, "%s/m/n/file", place);
    CHECK(file_check_target(deep, &err) == ITX_OK);
    CHECK(file_write(deep, "1", 1, &err) == ITX_OK && holds("m/n/file", "1"));
    char name[NAME_MAX + 1] = "";
    memset(name, 'n', NAME_MAX);
    CHECK(file_write(name, "1", 1, &err) == ITX_OK && holds(name, "1")); /* the longest there is */
    end();
}

static void test_write__what_cannot_be(void)
{
    struct itx_error err;
    struct stat st;
    char name[NAME_MAX + 2] = "";
    memset(name, 'n', NAME_MAX + 1);
    begin();
    make("file", "x");
    CHECK(mkdir("folder", 0777) == 0 && symlink("nowhere", "gone") == 0);
    static const struct {
        const char *path, *text;
    } cases[] = {
        {"", "\"\": is no name for a file"},
        {"-", "-: the standard output is not supported here; a file of that name is ./-"},
        {"folder", "folder: is a folder, a file is needed"},
        {"none/", "none/: is a folder, a file is needed"},
        {"file/x", "file/x: cannot write: file is not a folder"},
        {"file/x/y", "file/x/y: cannot write: file is not a folder"},
        {"/proc/x.bin", "/proc/x.bin: cannot write: No such file or directory"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CHECK(file_check_target(cases[i].path, &err) != ITX_OK);
        CHECK_STR(err.text, cases[i].text);
        CHECK_MSG(file_write(cases[i].path, "1", 1, &err) != ITX_OK, "%s", cases[i].path);
    }
    CHECK(file_check_target(name, &err) == ITX_E_IO && file_write(name, "1", 1, &err) == ITX_E_IO);
    CHECK(file_check_target("gone/x", &err) == ITX_E_IO);
    CHECK(file_write("gone/x", "1", 1, &err) == ITX_E_IO);
    CHECK(file_check_folder("file", &err) == ITX_E_IO);
    CHECK_STR(err.text, "file: is not a folder");
    CHECK(file_check_folder("file/x", &err) == ITX_E_IO);
    CHECK(file_check_folder("", &err) == ITX_E_IO);
    CHECK(file_check_folder("-", &err) == ITX_E_UNSUPPORTED);
    CHECK(file_make_folders("-", &err) == ITX_E_UNSUPPORTED && access("./-", F_OK) != 0);
    CHECK(file_check_folder("folder/", &err) == ITX_OK && file_check_folder(".", &err) == ITX_OK);
    CHECK(holds("file", "x") && count_files() == 1);
    CHECK(file_check_target("/dev/null", &err) == ITX_OK);
    CHECK(file_write("/dev/null", "a", 1, &err) == ITX_OK);
    CHECK(file_write("/dev/full", "a", 1, &err) == ITX_E_IO);
    CHECK_STR(err.text, "/dev/full: cannot write: No space left on device");
    CHECK(stat("/dev/full", &st) == 0 && S_ISCHR(st.st_mode)); /* not replaced by a file */
    CHECK(mkfifo("fifo", 0666) == 0);
    alarm(20);
    CHECK(file_write("fifo", "a", 1, &err) == ITX_E_IO);
    CHECK_STR(err.text, "fifo: cannot write: nobody reads it");
    alarm(0);
    end();
}

static void test_same__by_any_name(void)
{
    char other[PATH_MAX + 16];
    begin();
    make("file", "x");
    make("another", "x");
    CHECK(symlink("file", "soft") == 0 && link("file", "hard") == 0);
    snprintf(other, sizeof other, "%s/../%s/./file", place, strrchr(place, '/') + 1);
    CHECK(file_is_same("file", other) && file_is_same("file", "./file"));
    CHECK(file_is_same("soft", "hard") && file_is_same("file", "file"));
    CHECK(!file_is_same("file", "another") && !file_is_same("/dev/null", "/dev/null"));
    CHECK(!file_is_same("none", "none"));
    end();
}

/* A name that is made up never meets a file of the set, by whatever name that is there. */
static void test_set__by_any_name(void)
{
    struct file_set set = {0};
    struct strbuf path = {0};
    begin();
    make("a.jpg", "x");
    make("b.jpg", "x");
    CHECK(mkdir("d", 0777) == 0 && symlink("../a.jpg", "d/soft.jpg") == 0);
    CHECK(link("a.jpg", "hard.jpg") == 0 && symlink("d", "e") == 0);
    CHECK(symlink("none.jpg", "d/dangling.jpg") == 0);
    CHECK(!file_set_has(&set, "a.jpg"));
    CHECK(file_set_add(&set, "a.jpg") && file_set_add(&set, "d/none.jpg"));
    static const char *const in[] = {
        "a.jpg",      "./a.jpg",       "hard.jpg",           "d/soft.jpg",
        "e/soft.jpg", "d/../hard.jpg", ".//d/../e/none.jpg", "e/dangling.jpg"};
    static const char *const out[] = {"b.jpg", "none.jpg", "d/other.jpg", "no/folder/none.jpg"};
    for (size_t i = 0; i < ARRAY_LEN(in); i++) CHECK_MSG(file_set_has(&set, in[i]), "%s", in[i]);
    for (size_t i = 0; i < ARRAY_LEN(out); i++)
        CHECK_MSG(!file_set_has(&set, out[i]), "%s", out[i]);
    static const char *const names[][2] = {{"b.jpg", "b.jpg"},
                                           {"./a.jpg", "./a_3.jpg"},
                                           {"e/soft.jpg", "e/soft_2.jpg"},
                                           {"d/none.jpg", "d/none_2.jpg"}};
    CHECK(link("a.jpg", "a_2.jpg") == 0);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        path.len = 0;
        strbuf_addf(&path, "%s", names[i][0]);
        const int number = file_set_free_name(&set, &path);
        CHECK_STR(path.data, names[i][1]);
        CHECK(number == (i == 0 ? 1 : i == 1 ? 3 : 2));
    }
    strbuf_release(&path);
    file_set_release(&set);
    end();
}

static void test_set__thousands(void)
{
    struct file_set set = {0};
    char name[32];
    begin();
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "%d", i);
        CHECK(file_set_add(&set, name) && file_set_add(&set, name));
    }
    CHECK(set.n == 5000);
    for (int i = 0; i < 6000; i++) {
        snprintf(name, sizeof name, "%d", i);
        CHECK(file_set_has(&set, name) == (i < 5000));
    }
    file_set_release(&set);
    end();
}

TEST_MAIN(TEST(test_read__bytes_and_limits), TEST(test_read__is_a_copy), TEST(test_read__odd_kinds),
          TEST(test_write__modes), TEST(test_write__owner_is_kept), TEST(test_write__through_links),
          TEST(test_write__temporary_names), TEST(test_write__renamed_while_open),
          TEST(test_write__makes_folders), TEST(test_write__what_cannot_be),
          TEST(test_same__by_any_name), TEST(test_set__by_any_name), TEST(test_set__thousands))
