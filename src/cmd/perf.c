/* SPDX-License-Identifier: Apache-2.0
 *
 * intarsia perf: how fast a NAME.bin runs here, on photographs or on a picture of noise.
 */
#include <string.h>

#include "base/status.h"
#include "cmd/cmd.h"
#include "cmd/perf.h"
#include "cmd/photos.h"

#define AT(field) offsetof(struct perf_options, field)
static const struct option perf_rows[] = {
    {"threads", 't', OPTION_INT, AT(threads), "N", NULL, 1, 256, false,
     "without it one for each processor that may be used"},
    {"runs", 'n', OPTION_INT, AT(runs), "N", "100", 1, 100000, false,
     "frames that are measured, the photos in turn and each as often as the others"},
    {"warmup", 0, OPTION_INT, AT(warmup), "N", "10", 0, 100000, false,
     "frames before them that are not"},
    OPTION_MAX_PIXELS("max-pixels", AT(max_pixels)),
    OPTION_MODEL_LIMITS("max-", AT(limits)),
    {"cpu", 0, OPTION_TEXT, AT(cpu), "LEVEL", NULL, 0, 0, false,
     "use instruction sets up to this one only: scalar, avx2, avx512vnni, ..."},
    {"layers", 0, OPTION_FLAG, AT(layers), "", NULL, 0, 0, false,
     "the time of every step, and how near it is to what the machine can do"},
    {"throughput", 0, OPTION_FLAG, AT(throughput), "", NULL, 0, 0, false,
     "one session for each thread, all at work at the same time"},
    {"json", 0, OPTION_FLAG, AT(json), "", NULL, 0, 0, false, "print it as JSON"},
};
#undef AT

static enum exit_code perf_run(const void *options, int n_args, const char *const *args)
{
    const struct perf_options *o = options;
    if (!options_check_cpu(&command_perf, o->cpu)) return EXIT_USAGE;
    if (o->layers && o->throughput)
        return options_wrong(&command_perf, "--layers does not go with --throughput");
    struct perf p = {.options = o, .path = args[0]};
    const struct itx_session_options defaults = ITX_SESSION_OPTIONS_INIT;
    p.net.options = defaults;
    p.net.options.n_threads = o->threads;
    p.net.options.cpu = o->cpu;
    net_set_limits(&p.net.options, &o->limits);
    p.net.options.profile = o->layers;
    struct itx_error err;
    itx_status rc = ITX_OK;
    for (int i = 1; rc == ITX_OK && i < n_args; i++) rc = photos_add(&p.photos, args[i], &err);
    if (rc == ITX_OK)
        rc = o->throughput ? perf_measure_throughput(&p, &err) : perf_measure(&p, &err);
    bool done = rc == ITX_OK;
    if (!done)
        say_error("%s", err.text);
    else if (o->json)
        done = perf_print_json(&p);
    else
        perf_print(&p);
    perf_release(&p);
    return done ? EXIT_DONE : EXIT_FAILED;
}

const struct command command_perf = {
    "perf",
    "Measures how fast a NAME.bin runs on this machine",
    "NAME.bin [PHOTO...]",
    perf_rows,
    ARRAY_LEN(perf_rows),
    sizeof(struct perf_options),
    1,
    1000000,
    perf_run,
};
