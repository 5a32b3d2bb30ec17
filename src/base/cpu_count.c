/* SPDX-License-Identifier: Apache-2.0
 *
 * How many processors this process may use: by affinity (which cpusets are part of), and by the quotas of its control
 * groups (cgroups(7); cpu.max of version 2, cpu.cfs_quota_us of version 1).
 */
#include "base/cpu.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE = 4096 };

/* A line without its end; what is longer than LINE is left out. False at the end of the file. */
static bool read_line(FILE *f, char *line)
{
    while (fgets(line, LINE, f) != NULL) {
        char *const end = strchr(line, '\n');
        if (end != NULL || feof(f)) {
            if (end != NULL) *end = '\0';
            return true;
        }
        for (int c = fgetc(f); c != '\n' && c != EOF;) c = fgetc(f);
    }
    return false;
}

static FILE *open_in(const char *root, const char *path)
{
    char full[PATH_MAX];
    const int n = snprintf(full, sizeof full, "%s%s", root, path);
    return n > 0 && (size_t)n < sizeof full ? fopen(full, "re") : NULL;
}

/* Whether `word` is one of a list with commas. */
static bool has_word(const char *list, const char *word)
{
    const size_t len = strlen(word);
    for (const char *p = list; *p != '\0';) {
        const size_t n = strcspn(p, ",");
        if (n == len && memcmp(p, word, n) == 0) return true;
        p += n + (p[n] == ',');
    }
    return false;
}

/* ---- the quota of one group ---- */

/* The first numbers of a file: how many there are. "max" is none. */
static int read_numbers(const char *folder, const char *name, long long *numbers, int n)
{
    char path[PATH_MAX], line[LINE];
    const int len = snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = len > 0 && (size_t)len < sizeof path ? fopen(path, "re") : NULL;
    if (f == NULL) return 0;
    int n_read = 0;
    if (read_line(f, line)) {
        const char *p = line;
        for (char *end; n_read < n; p = end, n_read++) {
            numbers[n_read] = strtoll(p, &end, 10);
            if (end == p) break;
        }
    }
    fclose(f);
    return n_read;
}

/* Processors' worth of time, rounded up; 0: no quota. */
static int group_quota(const char *folder, bool is_v2)
{
    long long v[2] = {0, 0};
    const bool is_there = is_v2 ? read_numbers(folder, "cpu.max", v, 2) == 2
                                : read_numbers(folder, "cpu.cfs_quota_us", &v[0], 1) == 1 &&
                                      read_numbers(folder, "cpu.cfs_period_us", &v[1], 1) == 1;
    if (!is_there || v[0] <= 0 || v[1] <= 0) return 0;
    const long long n = v[0] / v[1] + (v[0] % v[1] != 0);
    return n < INT_MAX ? (int)n : INT_MAX;
}

/* ---- which groups ---- */

/* The process's group in a hierarchy: of version 2, or the one of version 1 that has the controller "cpu". */
static bool own_group(const char *root, bool is_v2, char *group)
{
    char line[LINE];
    FILE *f = open_in(root, "/proc/self/cgroup");
    if (f == NULL) return false;
    bool found = false;
    while (!found && read_line(f, line)) { /* ID:CONTROLLERS:GROUP */
        char *const controllers = strchr(line, ':');
        char *const path = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
        if (path == NULL) continue;
        *path = '\0';
        found = is_v2 ? controllers[1] == '\0' : has_word(controllers + 1, "cpu");
        if (found) memcpy(group, path + 1, strlen(path + 1) + 1);
    }
    fclose(f);
    return found;
}

/* Turns \040 into a space, and so on. */
static void unescape(char *text)
{
    char *to = text;
    for (const char *p = text; *p != '\0'; to++) {
        unsigned code;
        if (*p == '\\' && strspn(p + 1, "01234567") >= 3 && sscanf(p + 1, "%3o", &code) == 1) {
            *to = (char)code;
            p += 4;
        } else {
            *to = *p++;
        }
    }
    *to = '\0';
}

struct mount {
    char root[LINE], point[LINE]; /* which group is mounted, and where */
    bool is_v2;
};

/* Whether a line of mountinfo (proc(5)) is a hierarchy that may have quotas. */
static bool parse_mount(const char *line, struct mount *m)
{
    char type[LINE], options[LINE];
    const char *const rest = strstr(line, " - ");
    if (rest == NULL || sscanf(line, "%*s %*s %*s %s %s", m->root, m->point) != 2 ||
        sscanf(rest, " - %s %*s %s", type, options) != 2)
        return false;
    m->is_v2 = strcmp(type, "cgroup2") == 0;
    unescape(m->root);
    unescape(m->point);
    return m->is_v2 || (strcmp(type, "cgroup") == 0 && has_word(options, "cpu"));
}

/* What of `group` lies below the mount; "" when it is not there: its own top is all that can be seen then. */
static const char *below(const char *mounted, const char *group)
{
    const size_t n = strcmp(mounted, "/") == 0 ? 0 : strlen(mounted);
    const bool is_below = strncmp(group, mounted, n) == 0 && (group[n] == '/' || group[n] == '\0');
    return is_below && strstr(group, "/..") == NULL && strcmp(group + n, "/") != 0 ? group + n : "";
}

/* The least quota from the group up to the top of the mount. */
static int least_quota(const char *root, const struct mount *m)
{
    char group[LINE], path[PATH_MAX];
    if (!own_group(root, m->is_v2, group)) return 0;
    const size_t top = strlen(root) + strlen(m->point);
    const int n = snprintf(path, sizeof path, "%s%s%s", root, m->point, below(m->root, group));
    if (n < 0 || (size_t)n >= sizeof path) return 0;
    int least = 0;
    for (size_t len = (size_t)n; len >= top; len--) {
        if (len != (size_t)n && len != top && path[len] != '/') continue;
        path[len] = '\0';
        const int quota = group_quota(path, m->is_v2);
        if (quota != 0 && (least == 0 || quota < least)) least = quota;
        if (len == 0) break;
    }
    return least;
}

int cpu_quota(const char *root)
{
    char line[LINE];
    int least = 0;
    FILE *f = open_in(root, "/proc/self/mountinfo");
    if (f == NULL) return 0;
    while (read_line(f, line)) {
        struct mount m;
        if (!parse_mount(line, &m)) continue;
        const int quota = least_quota(root, &m);
        if (quota != 0 && (least == 0 || quota < least)) least = quota;
    }
    fclose(f);
    return least;
}

/* ---- all of it ---- */

/* Processors that the calling thread, and threads that it starts, may run on. */
static int allowed_cpus(void)
{
    cpu_set_t set[8]; /* of 1024 processors each */
    memset(set, 0, sizeof set);
    if (sched_getaffinity(0, sizeof set, set) == 0) return CPU_COUNT_S(sizeof set, set);
    const long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < INT_MAX ? (int)n : INT_MAX;
}

int cpu_count(void)
{
    const int allowed = allowed_cpus(), quota = cpu_quota("");
    const int n = quota != 0 && quota < allowed ? quota : allowed;
    return n < 1 ? 1 : n > 256 ? 256 : n;
}
