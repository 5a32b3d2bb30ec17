/* SPDX-License-Identifier: Apache-2.0
 *
 * intarsia build: an ONNX file and photographs in, NAME.bin out, and a table of how close every layer stayed.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/file_set.h"
#include "base/format.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "cmd/build_report.h"
#include "cmd/cmd.h"
#include "cmd/html_report.h"
#include "cmd/json.h"
#include "cmd/net_feed.h"
#include "cmd/photos.h"
#include "cmd/terminal.h"
#include "intarsia/compiler.h"
#include "vision/files.h"

struct build_options {
    const char *calib, *output, *save_temps, *name, *int16, *report, *mean, *scale;
    int images, input, range, effort, method, threads, max_pixels, max_constants;
    float percentile, target_loss;
    bool layers, json;
};

#define AT(field) offsetof(struct build_options, field)
static const struct option build_rows[] = {
    {"calib", 0, OPTION_TEXT, AT(calib), "DIR", NULL, 0, 0, true,
     "photographs like those the network will see: a folder or a pattern of JPEG or PNG files"},
    {"output", 'o', OPTION_TEXT, AT(output), "NAME.bin", NULL, 0, 0, true, "the file to write"},
    {"images", 0, OPTION_INT, AT(images), "N", NULL, 1, 1000000, false,
     "use N of the pictures, spread evenly; without it all of them"},
    {"input", 0, OPTION_CHOICE, AT(input), "rgb|bgr|nv12|gray", NULL, 0, 0, false,
     "what the network will be fed (default: rgb, gray for a network of one channel)"},
    {"range", 0, OPTION_CHOICE, AT(range), "full|video", "full", 0, 0, false,
     "luma of NV12 (BT.601): 0 to 255, or 16 to 235"},
    OPTION_MEAN(AT(mean)),
    OPTION_SCALE(AT(scale)),
    {"effort", 0, OPTION_INT, AT(effort), "0..3", "1", 0, 3, false,
     "how much work goes into accuracy: 0 takes seconds, 3 minutes"},
    {"method", 0, OPTION_CHOICE, AT(method), "minmax|percentile|kl|least-squares|measured", NULL, 0,
     0, false, "how the range that 8 bits cover is chosen; without it as the effort says"},
    {"percentile", 0, OPTION_FLOAT, AT(percentile), "P", NULL, 50, 100, false,
     "for --method percentile: the part of all values that is kept, 99.99 without it"},
    {"int16", 0, OPTION_TEXT, AT(int16), "NODE,...", NULL, 0, 0, false,
     "keep the results of these nodes in 16 bits, beside those that the effort chooses"},
    {"target-loss", 0, OPTION_FLOAT, AT(target_loss), "PERCENT", NULL, 0, 100, false,
     "keep as many results in 16 bits as it takes to lose no more of the agreement with the float "
     "network"},
    {"name", 0, OPTION_TEXT, AT(name), "TEXT", NULL, 0, 0, false,
     "of the model in the file; without it the file's name"},
    {"threads", 0, OPTION_INT, AT(threads), "N", NULL, 1, 256, false,
     "without it one for each processor that may be used; the result is the same"},
    OPTION_MAX_PIXELS("max-pixels", AT(max_pixels)),
    OPTION_MAX_CONSTANTS("max-constants", AT(max_constants)),
    {"save-temps", 0, OPTION_TEXT, AT(save_temps), "DIR", NULL, 0, 0, false,
     "keep the graph after every pass there"},
    {"report", 0, OPTION_TEXT, AT(report), "FILE.html|FILE.json", NULL, 0, 0, false,
     "write the whole report there: a page with pictures, or JSON"},
    {"layers", 0, OPTION_FLAG, AT(layers), "", NULL, 0, 0, false,
     "show every layer, in order, instead of those that lose most"},
    {"json", 0, OPTION_FLAG, AT(json), "", NULL, 0, 0, false, "print the report as JSON"},
};
#undef AT

static int show_progress(void *ctx, const char *stage, int done, int total)
{
    progress_update(ctx, stage, done, total);
    return 0;
}

static void show_warning(void *ctx, const char *text)
{
    progress_clear(ctx);
    say_warning("warning: %s", text);
}

/* Keeps n of the paths, evenly spread. */
static void thin_out(struct file_list *list, int n)
{
    const size_t len = list->paths.len;
    if (n <= 0 || (size_t)n >= len) return;
    for (size_t i = 0; i < (size_t)n; i++)
        list->paths.data[i] = list->paths.data[i * len / (size_t)n];
    list->paths.len = (size_t)n;
}

static void say_done(const char *path, const json_t *report, uint64_t ns)
{
    const double n_images = json_number(json_object_get(report, "calibration"), "images");
    struct stat st;
    char size[NUMBER_TEXT_SIZE] = "?";
    if (stat(path, &st) == 0) bytes_text((uint64_t)st.st_size, size);
    fflush(stdout);
    print_line(stderr, "%s: %s, calibrated with %.0f picture%s, %.1f s", path, size, n_images,
               n_images == 1 ? "" : "s", (double)ns / 1e9);
}

/* The parts of a text between commas; all of them lie in *copy. */
struct names {
    char *copy;
    VEC(const char *) list;
};

static bool split_names(struct names *n, const char *text)
{
    if (text == NULL) return true;
    const size_t size = strlen(text) + 1;
    n->copy = mem_alloc(size);
    if (n->copy == NULL) return false;
    memcpy(n->copy, text, size);
    for (char *p = n->copy; p != NULL;) {
        char *const comma = strchr(p, ',');
        if (comma != NULL) *comma = '\0';
        if (*p != '\0' && !vec_push(&n->list, p)) return false;
        p = comma != NULL ? comma + 1 : NULL;
    }
    return true;
}

static void release_names(struct names *n)
{
    vec_release(&n->list);
    mem_free(n->copy);
}

/* ---- the report as a file ---- */

/* What would be found wrong only after the work, or destroy what is read or made. */
static itx_status check_report(const char *onnx, const struct build_options *o,
                               const struct itx_build_options *b, struct itx_error *err)
{
    struct file_set used = {0};
    if (o->report == NULL) return ITX_OK;
    ITX_TRY(file_check_target(o->report, err));
    bool done = file_set_add(&used, onnx) && file_set_add(&used, o->output);
    for (int i = 0; done && i < b->n_images; i++) done = file_set_add(&used, b->images[i]);
    itx_status rc = done ? ITX_OK : itx_fail(err, ITX_E_NOMEM, "out of memory");
    if (rc == ITX_OK && file_set_has(&used, o->report))
        rc = itx_fail(err, ITX_E_INVAL, "%s: the report needs a name of its own", o->report);
    file_set_release(&used);
    return rc;
}

static itx_status write_page(const char *onnx, const struct build_options *o,
                             const struct itx_build_options *b, const json_t *report,
                             struct progress *progress, struct itx_error *err)
{
    const struct html_photos_input in = {.compiled = o->output,
                                         .onnx = onnx,
                                         .images = b->images,
                                         .n_images = b->n_images,
                                         .n_threads = o->threads,
                                         .max_pixels = o->max_pixels,
                                         .max_constants = b->max_constants,
                                         .progress = progress};
    struct html_photos photos = {0};
    struct strbuf page = {0};
    struct stat st;
    const char *const slash = strrchr(o->output, '/');
    itx_status rc = html_photos_find(&photos, &in, err);
    if (rc == ITX_OK && stat(o->output, &st) != 0)
        rc = itx_fail_errno(err, "%s: cannot read", o->output);
    if (rc == ITX_OK)
        rc = html_report_make(&page, report, &photos, slash != NULL ? slash + 1 : o->output,
                              (uint64_t)st.st_size, err);
    if (rc == ITX_OK) rc = file_write(o->report, page.data, page.len, err);
    strbuf_release(&page);
    html_photos_release(&photos);
    return rc;
}

static enum exit_code build(const char *onnx, const struct build_options *o,
                            const struct file_list *list, const struct names *int16,
                            const struct net_feed *feed)
{
    static const enum itx_image_format formats[] = {ITX_IMAGE_RGB, ITX_IMAGE_BGR, ITX_IMAGE_NV12,
                                                    ITX_IMAGE_GRAY};
    struct progress progress = {0};
    struct itx_build_options b = ITX_BUILD_OPTIONS_INIT;
    b.images = (const char *const *)list->paths.data;
    b.n_images = (int)list->paths.len;
    b.input_format = formats[o->input < 0 ? 0 : o->input];
    b.mean = feed->mean;
    b.scale = feed->scale;
    b.n_mean = feed->options.n_mean;
    b.n_scale = feed->options.n_scale;
    b.input_range = o->range == 1 ? ITX_RANGE_VIDEO : ITX_RANGE_FULL;
    b.effort = o->effort;
    b.method = (enum itx_method)(o->method + 1); /* not given, -1: ITX_METHOD_DEFAULT */
    b.percentile = o->percentile;
    b.int16_nodes = int16->list.data;
    b.n_int16_nodes = (int)int16->list.len;
    b.target_loss = o->target_loss;
    b.n_threads = o->threads;
    b.max_pixels = o->max_pixels;
    b.max_constants = option_mib(o->max_constants);
    b.save_temps = o->save_temps;
    b.name = o->name;
    b.progress = show_progress;
    b.warn = show_warning;
    b.ctx = &progress;
    b.histograms = o->report != NULL;
    char *report = NULL;
    struct itx_error err;
    const uint64_t start = clock_ns();
    itx_status rc = check_report(onnx, o, &b, &err);
    if (rc == ITX_OK) rc = itx_build(onnx, o->output, &b, &report, &err);
    json_t *parsed = rc == ITX_OK ? json_loads(report, 0, NULL) : NULL;
    if (rc == ITX_OK && o->report != NULL)
        rc = str_has_ending(o->report, ".json")
                 ? file_write(o->report, report, strlen(report), &err)
                 : write_page(onnx, o, &b, parsed, &progress, &err);
    progress_clear(&progress);
    if (rc != ITX_OK)
        say_error("%s", err.text);
    else if (o->json)
        printf("%s\n", report);
    else
        build_report_print(parsed, o->layers, stdout);
    if (rc == ITX_OK) say_done(o->output, parsed, clock_ns() - start);
    json_decref(parsed);
    itx_text_free(report);
    return rc == ITX_OK ? EXIT_DONE : EXIT_FAILED;
}

static enum exit_code build_run(const void *options, int n_args, const char *const *args)
{
    (void)n_args;
    const struct build_options *o = options;
    if (o->percentile != 0 && o->method != ITX_METHOD_PERCENTILE - 1)
        return options_wrong(&command_build, "--percentile goes with --method percentile");
    if (o->report != NULL && !str_has_ending(o->report, ".html") &&
        !str_has_ending(o->report, ".json"))
        return options_wrong(&command_build, "--report: %s ends neither in .html nor in .json",
                             o->report);
    struct net_feed feed;
    bool is_fed;
    if (!net_feed_parse(&feed, &command_build, o->mean, o->scale, &is_fed)) return EXIT_USAGE;
    struct file_list list = {0};
    struct names int16 = {0};
    struct itx_error err;
    enum exit_code code = EXIT_FAILED;
    if (!split_names(&int16, o->int16)) {
        say_error("out of memory");
    } else if (access(o->calib, F_OK) != 0 && strpbrk(o->calib, "*?[") == NULL) {
        say_error("%s: %s", o->calib, error_text(errno));
    } else if (photos_add(&list, o->calib, &err) != ITX_OK) {
        say_error("%s", err.text);
    } else {
        thin_out(&list, o->images);
        code = build(args[0], o, &list, &int16, &feed);
    }
    file_list_release(&list);
    release_names(&int16);
    return code;
}

const struct command command_build = {
    "build",
    "Compiles an ONNX network to an int8 NAME.bin, calibrated with photographs",
    "MODEL.onnx",
    build_rows,
    ARRAY_LEN(build_rows),
    sizeof(struct build_options),
    1,
    1,
    build_run,
};
