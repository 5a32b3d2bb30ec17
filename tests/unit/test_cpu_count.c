/* SPDX-License-Identifier: Apache-2.0
 *
 * How many processors may be used: files as Linux shows them (cgroups(7), proc(5)) in a folder of the test's own, and
 * the real thing where the kernel lets us.
 */
#include "base/cpu.h"

#include <sched.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/file.h"

#include "test.h"

static char root[64];

static void put_file(const char *path, const char *text)
{
    char full[300];
    snprintf(full, sizeof full, "%s%s", root, path);
    char *const slash = strrchr(full, '/');
    *slash = '\0';
    CHECK(file_make_folders(full, NULL) == ITX_OK);
    *slash = '/';
    CHECK(file_write(full, text, strlen(text), NULL) == ITX_OK);
}

static void begin(const char *mountinfo, const char *group)
{
    snprintf(root, sizeof root, "/tmp/intarsia-test-XXXXXX");
    if (mkdtemp(root) == NULL) abort();
    put_file("/proc/self/mountinfo", mountinfo);
    put_file("/proc/self/cgroup", group);
}

static void end(void)
{
    char command[100];
    snprintf(command, sizeof command, "rm -r %s", root);
    CHECK(system(command) == 0);
}

#define DISK "25 30 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n"
#define V2 "31 25 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"

static void test_cpu_quota__version_2(void)
{
    static const struct {
        const char *leaf, *middle, *top; /* cpu.max; NULL: no file */
        int expected;
    } cases[] = {
        {NULL, NULL, NULL, 0},
        {"max 100000\n", "max 100000\n", NULL, 0},
        {"200000 100000\n", "max 100000\n", NULL, 2},
        {"150000 100000\n", NULL, NULL, 2}, /* rounded up */
        {"1000 100000\n", NULL, NULL, 1},   /* at least one */
        {"max 100000\n", "250000 100000\n", NULL, 3},
        {"400000 100000\n", "250000 100000\n", NULL, 3}, /* the least */
        {"100000 100000\n", "250000 100000\n", NULL, 1},
        {"max 100000\n", "max 100000\n", "50000 50000\n", 1}, /* in a container's namespace */
        {"100000", NULL, NULL, 0},
        {"", "x y\n", "-1 100000\n", 0},
        {"0 0\n", "100000 0\n", "1 -5\n", 0},
        {"9223372036854775807 1\n", NULL, NULL, INT32_MAX},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        begin(DISK V2, "0::/user.slice/run-7.scope\n");
        if (cases[i].leaf != NULL)
            put_file("/sys/fs/cgroup/user.slice/run-7.scope/cpu.max", cases[i].leaf);
        if (cases[i].middle != NULL) put_file("/sys/fs/cgroup/user.slice/cpu.max", cases[i].middle);
        if (cases[i].top != NULL) put_file("/sys/fs/cgroup/cpu.max", cases[i].top);
        /* not one of ours */
        put_file("/sys/fs/cgroup/user.slice/run-8.scope/cpu.max", "1 1\n");
        CHECK_MSG(cpu_quota(root) == cases[i].expected, "case %zu: %d", i, cpu_quota(root));
        end();
    }
}

static void test_cpu_quota__version_1(void)
{
    static const struct {
        const char *mount, *group, *folder; /* where the quota of 3.5 processors lies */
    } cases[] = {
        {"40 31 0:35 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n",
         "4:cpu,cpuacct:/user.slice/a\n", "/sys/fs/cgroup/cpu,cpuacct/user.slice"},
        /* a container that sees its own group only, by the name that it has outside */
        {"40 31 0:35 /docker/0a1b /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n",
         "9:memory:/x\n4:cpu:/docker/0a1b\n0::/system.slice\n", "/sys/fs/cgroup/cpu"},
        {"40 31 0:35 /docker/0a1b /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n",
         "4:cpu:/docker/0a1b/inner\n", "/sys/fs/cgroup/cpu/inner"},
        /* another one's name for the group */
        {"40 31 0:35 /docker/0a1b /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n", "4:cpu:/\n",
         "/sys/fs/cgroup/cpu"},
        {"40 31 0:35 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n", "4:cpu:/../other\n",
         "/sys/fs/cgroup/cpu"},
        {"40 31 0:35 / /sys/fs/my\\040groups rw - cgroup cgroup rw,cpu\n", "4:cpu:/a\n",
         "/sys/fs/my groups/a"},
        /* version 2 beside it, without quotas of its own */
        {"39 31 0:34 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
         "40 31 0:35 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n",
         "4:cpu:/a\n0::/a\n", "/sys/fs/cgroup/cpu/a"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char path[200];
        begin(cases[i].mount, cases[i].group);
        CHECK(cpu_quota(root) == 0);
        snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", cases[i].folder);
        put_file(path, "-1\n");
        snprintf(path, sizeof path, "%s/cpu.cfs_period_us", cases[i].folder);
        put_file(path, "20000\n");
        CHECK(cpu_quota(root) == 0);
        snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", cases[i].folder);
        put_file(path, "70000\n");
        CHECK_MSG(cpu_quota(root) == 4, "case %zu: %d", i, cpu_quota(root));
        end();
    }
}

static void test_cpu_quota__strange_files(void)
{
    begin("", "");
    CHECK(cpu_quota(root) == 0);
    end();
    begin(DISK "31 25 0:27\n - cgroup2\n - cgroup2 x y\nno line end", "::::\n0:\n\n");
    CHECK(cpu_quota(root) == 0);
    end();
    /* a line of ten thousand letters before the one that counts */
    char *const text = malloc(11000);
    memset(text, 'x', 10000);
    snprintf(text + 10000, 1000, "\n%s", V2);
    begin(text, "0::/\n");
    put_file("/sys/fs/cgroup/cpu.max", "200000 100000\n");
    CHECK(cpu_quota(root) == 2);
    end();
    free(text);
    CHECK(cpu_quota("/no/such/folder") == 0);
}

/* What cpu_count gives in a process of its own that `prepare` changes first; -1: that was not possible. */
static int count_in_child(bool (*prepare)(const char *), const char *arg)
{
    fflush(stdout);
    const pid_t pid = fork();
    if (pid == 0) _exit(prepare(arg) ? cpu_count() : 255);
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) != 255 ? WEXITSTATUS(status) : -1;
}

static bool pin(const char *unused)
{
    cpu_set_t set;
    (void)unused;
    const int own = sched_getcpu();
    CPU_ZERO(&set);
    CPU_SET(own < 0 ? 0 : own, &set);
    return sched_setaffinity(0, sizeof set, &set) == 0;
}

static void test_cpu_count__affinity(void)
{
    CHECK(cpu_count() >= 1);
    const int n = count_in_child(pin, NULL);
    if (n < 0) SKIP("affinity cannot be set");
    CHECK_MSG(n == 1, "%d", n);
}

static bool write_text(const char *folder, const char *name, const char *text)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "we");
    if (f == NULL) return false;
    const bool wrote = fputs(text, f) >= 0;
    return fclose(f) == 0 && wrote;
}

static bool join_group(const char *folder)
{
    char pid[20];
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    return write_text(folder, "cgroup.procs", pid);
}

static void test_cpu_count__real_quota(void)
{
    static const char *const places[] = {"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"};
    int n = -1;
    for (size_t i = 0; i < ARRAY_LEN(places) && n < 0; i++) {
        char folder[100];
        snprintf(folder, sizeof folder, "%s/intarsia-test-%ld", places[i], (long)getpid());
        if (mkdir(folder, 0777) != 0) continue;
        if (write_text(folder, "cpu.cfs_period_us", "100000") &&
            write_text(folder, "cpu.cfs_quota_us", "70000"))
            n = count_in_child(join_group, folder);
        CHECK(rmdir(folder) == 0);
    }
    if (n < 0) SKIP("no control group of version 1 can be made");
    CHECK_MSG(n == 1, "%d", n);
}

TEST_MAIN(TEST(test_cpu_quota__version_2), TEST(test_cpu_quota__version_1),
          TEST(test_cpu_quota__strange_files), TEST(test_cpu_count__affinity),
          TEST(test_cpu_count__real_quota))
