/* SPDX-License-Identifier: Apache-2.0
 *
 * usage: check [--cpu LEVEL] [--family NAME] [--row NAME] [--seed N] [--repeat N] [--list] [--bench]
 *
 * Runs every row of every family that this CPU can run; names those it cannot. Exits 1 when a row failed.
 */
#include <getopt.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cpu.h"
#include "check_state.h"

#define FAMILY(name) extern const struct check_family check_##name;
#include "families.def"
#undef FAMILY

static const struct check_family *const families[] = {
#define FAMILY(name) &check_##name,
#include "families.def"
#undef FAMILY
};

struct options {
    uint32_t cpu;
    const char *family, *row; /* NULL: all */
    uint64_t seed;
    long repeat;
    bool list, bench;
};

/* Where a signal handler returns to; the only state that a handler can reach. */
static sigjmp_buf crash;

static void on_signal(int number)
{
    siglongjmp(crash, number);
}

static void catch_signals(void)
{
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_NODEFER;
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) sigaction(numbers[i], &action, NULL);
}

static const void *scalar_row(const struct check_family *family)
{
    struct check_row row;
    const void *last = NULL;
    for (int i = 0; family->row(i, &row); i++) last = row.row;
    return last;
}

typedef void check_function(struct check *c, const void *row, const void *reference);

/* A signal during the call fails the row. */
static void call_guarded(struct check *c, check_function *function, const void *row,
                         const void *reference)
{
    const int number = sigsetjmp(crash, 1);
    if (number == 0)
        function(c, row, reference);
    else
        check_fail(c, "crashed: %s", strsignal(number));
}

/* False when the row failed. */
static bool run_row(struct check *c, const struct check_family *family, const struct check_row *row,
                    const struct options *o)
{
    const void *const reference = scalar_row(family);
    for (long i = 0; i < o->repeat && !c->has_failed; i++) {
        c->seed = o->seed + (uint64_t)i;
        c->random = c->seed * 0x9e3779b97f4a7c15u + 88172645463325252u;
        snprintf(c->description, sizeof c->description, "before the first case");
        call_guarded(c, o->bench ? family->bench : family->check, row->row, reference);
        check_release_buffers(c);
    }
    return !c->has_failed;
}

static bool is_chosen(const struct options *o, const struct check_family *family,
                      const struct check_row *row)
{
    return (o->family == NULL || strcmp(o->family, family->name) == 0) &&
           (o->row == NULL || strcmp(o->row, row->name) == 0);
}

static long parse_number(const char *text, const char *option)
{
    char *end;
    const long n = strtol(text, &end, 10);
    if (*text != '\0' && *end == '\0' && n >= 0) return n;
    fprintf(stderr, "check: --%s needs a number\n", option);
    exit(2);
}

static struct options parse_options(int argc, char **argv)
{
    static const struct option known[] = {
        {"cpu", required_argument, NULL, 'c'},    {"family", required_argument, NULL, 'f'},
        {"row", required_argument, NULL, 'r'},    {"seed", required_argument, NULL, 's'},
        {"repeat", required_argument, NULL, 'n'}, {"list", no_argument, NULL, 'l'},
        {"bench", no_argument, NULL, 'b'},        {NULL, 0, NULL, 0},
    };
    struct options o = {.cpu = CPU_ALL, .seed = 1, .repeat = 1};
    int option;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == 'c' && !cpu_parse(optarg, &o.cpu)) {
            fprintf(stderr, "check: unknown CPU level %s\n", optarg);
            exit(2);
        }
        if (option == 'f') o.family = optarg;
        if (option == 'r') o.row = optarg;
        if (option == 's') o.seed = (uint64_t)parse_number(optarg, "seed");
        if (option == 'n') o.repeat = parse_number(optarg, "repeat");
        if (option == 'l') o.list = true;
        if (option == 'b') o.bench = true;
        if (option == '?') exit(2);
    }
    return o;
}

static int compare_ns(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

struct timing {
    double median, spread; /* ns for one call; (p90 - p10) / median */
};

/* Time this thread has had, so that other programs disturb less. */
static uint64_t thread_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Up to 101 samples within 100 ms, at least one, after one call to warm up; a sample is many calls of quick work. */
static struct timing measure(check_work *work, void *ctx)
{
    uint64_t samples[101];
    uint64_t start = thread_ns();
    work(ctx);
    const uint64_t once = thread_ns() - start + 1;
    const uint64_t calls = once > 20000 ? 1 : 20000 / once;
    int n = 0;
    for (uint64_t spent = 0; n == 0 || (n < 101 && spent < 100000000); spent += samples[n++]) {
        start = thread_ns();
        for (uint64_t i = 0; i < calls; i++) work(ctx);
        samples[n] = thread_ns() - start;
    }
    qsort(samples, (size_t)n, sizeof *samples, compare_ns);
    const double median = (double)samples[n / 2];
    return (struct timing){median / (double)calls,
                           (double)(samples[n * 9 / 10] - samples[n / 10]) / median};
}

double check_time(struct check *c, const struct check_bench *bench)
{
    const struct timing t = measure(bench->work, bench->ctx);
    const struct timing scalar = measure(bench->work, bench->reference_ctx);
    printf("%-28s %-34s %10.1f us  +-%4.1f %%  %7.2f x scalar", c->row_name, bench->label,
           t.median / 1000, t.spread * 50, scalar.median / t.median);
    if (bench->amount > 0) printf("  %8.2f G%s/s", bench->amount / t.median, bench->unit);
    printf("\n");
    fflush(stdout);
    return t.median;
}

int main(int argc, char **argv)
{
    const struct options o = parse_options(argc, argv);
    const uint32_t cpu = cpu_detect() & o.cpu;
    int n_passed = 0, n_failed = 0, n_skipped = 0;
    static struct check c;
    catch_signals();
    if (!o.list) printf("seed %llu\n", (unsigned long long)o.seed);
    for (size_t f = 0; f < ARRAY_LEN(families); f++) {
        struct check_row row;
        for (int i = 0; families[f]->row(i, &row); i++) {
            if (!is_chosen(&o, families[f], &row)) continue;
            const bool has_cpu = (row.cpu & ~cpu) == 0;
            if (o.list || !has_cpu) printf("%s%s\n", has_cpu ? "" : "skipped ", row.name);
            if (!has_cpu) n_skipped++;
            if (o.list || !has_cpu) continue;
            c = (struct check){.row_name = row.name, .family_name = families[f]->name};
            if (run_row(&c, families[f], &row, &o))
                n_passed++;
            else
                n_failed++;
        }
    }
    if (!o.list) printf("%d passed, %d failed, %d skipped\n", n_passed, n_failed, n_skipped);
    return n_failed != 0;
}
