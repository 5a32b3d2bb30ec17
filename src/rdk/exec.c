/* SPDX-License-Identifier: Apache-2.0
 *
 * hrt_model_exec: the board's program that describes, runs and times models. Its output is read by other programs:
 * docs/rdk.md lists the lines they depend on.
 */
#include "rdk/exec.h"

#include <limits.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/format.h"
#include "base/look.h"
#include "base/mem.h"
#include "cmd/terminal.h"
#include "rdk/made_name.h"
#include "rdk/rdk.h"
#include "rdk/rdk_version.h"

#define ROW(name, kind, argument, fallback, min, max, help)                                        \
    {                                                                                              \
#name, 0, kind, offsetof(struct exec_options, name), argument, fallback, min, max, false,  \
            help                                                                                   \
    }

static const struct option exec_rows[] = {
    ROW(model_file, OPTION_TEXT, "FILES", NULL, 0, 0,
        "one NAME.bin or several with commas between them"),
    ROW(model_name, OPTION_TEXT, "NAME", NULL, 0, 0,
        "one model of those in the files; infer and perf need it when there are several"),
    ROW(core_id, OPTION_INT, "N", "0", 0, 2, "accepted, there are no BPU cores here"),
    ROW(input_file, OPTION_TEXT, "FILES", NULL, 0, 0,
        "a file for each input, with commas between them: bin, jpg, jpeg, png; for numbers bin, "
        "txt. infer needs it, perf makes a frame up without it"),
    OPTION_MAX_PIXELS("max_pixels", offsetof(struct exec_options, max_pixels)),
    OPTION_MODEL_LIMITS("max_", offsetof(struct exec_options, limits)),
    ROW(roi_infer, OPTION_SWITCH, "", NULL, 0, 0, "refused, resizer models are not made here"),
    ROW(roi, OPTION_TEXT, "L,T,R,B", NULL, 0, 0, "as roi_infer"),
    ROW(frame_count, OPTION_INT, "N", NULL, 0, 100000000,
        "frames to run (perf: 200 without it, infer: 1)"),
    ROW(perf_time, OPTION_INT, "MINUTES", "0", 0, 100000,
        "perf: run for this time, whatever frame_count says"),
    ROW(thread_num, OPTION_INT, "N", "1", 1, INT_MAX,
        "perf: frames at work at the same time, 1 to 8; larger numbers count as 8"),
    ROW(profile_path, OPTION_TEXT, "DIR", NULL, 0, 0,
        "perf: write profiler.log and profiler.csv, with the time of every layer, there; without "
        "it "
        "the environment's HB_DNN_PROFILER_LOG_PATH"),
    ROW(dump_intermediate, OPTION_INT, "LEVEL", "0", 0, 3,
        "infer: write what every layer makes, integers as they are stored: 1 as bin, 2 and 3 as "
        "bin and txt"),
    ROW(enable_dump, OPTION_SWITCH, "", NULL, 0, 0, "infer: write the inputs and outputs"),
    ROW(dump_format, OPTION_CHOICE, "bin|txt", "bin", 0, 0, "infer: of what is written"),
    ROW(dump_precision, OPTION_INT, "N", "9", 0, 60, "infer: decimals in a txt"),
    ROW(dump_txt_axis, OPTION_INT, "AXIS", "-1", -1, 4,
        "infer: a txt has the numbers of one index of this axis in a line; -1: one number in a "
        "line"),
    ROW(hybrid_dequantize_process, OPTION_SWITCH, "", NULL, 0, 0,
        "infer: outputs without a dequantise node are written as the real numbers they stand for"),
    ROW(enable_cls_post_process, OPTION_SWITCH, "", NULL, 0, 0,
        "accepted, networks for classification are not what this program is for"),
    ROW(dump_path, OPTION_TEXT, "DIR", NULL, 0, 0, "infer: where files go; made when missing"),
    {"version", 'v', OPTION_FLAG, offsetof(struct exec_options, version), "", NULL, 0, 0, false,
     "the version"},
};

/* ---- loading ---- */

/* Pieces of a list with commas. */
static itx_status split(struct exec *e, const char *text, exec_list *pieces, struct itx_error *err)
{
    for (const char *p = text; p != NULL && *p != '\0';) {
        const size_t n = strcspn(p, ",");
        if (n > 0) {
            const char *piece = arena_text(&e->arena, p, n);
            if (piece == NULL || !vec_push(pieces, piece))
                return itx_fail(err, ITX_E_NOMEM, "out of memory");
        }
        p += n + (p[n] == ',');
    }
    return ITX_OK;
}

static void print_time(FILE *out)
{
    struct timespec now;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &tm);
    fprintf(out, "(%04d-%02d-%02d,%d:%d:%d.%ld.%ld)", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
            tm.tm_hour, tm.tm_min, tm.tm_sec, now.tv_nsec / 1000000, now.tv_nsec / 10000 % 100);
}

static void print_preamble(void)
{
    fprintf(stderr, "[HBRT] set log level as 0. version = %s.0\n", RDK_HBRT_VERSION);
    fprintf(stderr, "[DNN] Runtime version = %s_(%s HBRT)\n", RDK_DNN_VERSION, RDK_HBRT_VERSION);
}

static itx_status load(struct exec *e, struct itx_error *err)
{
    print_preamble();
    const uint64_t start = clock_ns();
    for (size_t i = 0; i < e->paths.len; i++) {
        if (!vec_push(&e->files, (struct exec_file){0}))
            return itx_fail(err, ITX_E_NOMEM, "out of memory");
        ITX_TRY(rdk_bin_open(&e->files.data[i].bin, e->paths.data[i], err));
        fprintf(stderr, "[A][DNN][packed_model.cpp:247][Model]");
        print_time(stderr);
        fprintf(stderr, " [HorizonRT] The model builder version = %s\n", RDK_BUILDER_VERSION);
    }
    format_out("Load model to DDR cost %.3fms.\n", (double)(clock_ns() - start) / 1e6);
    return ITX_OK;
}

static int n_models(const struct exec *e)
{
    int n = 0;
    for (size_t i = 0; i < e->files.len; i++) n += e->files.data[i].bin.file.n_models;
    return n;
}

/* For infer and perf: the one model, or that of the name. */
static itx_status choose(struct exec *e, struct itx_error *err)
{
    const char *const name = e->options->model_name;
    const bool any = name == NULL || name[0] == '\0';
    if (any && n_models(e) > 1)
        return itx_fail(err, ITX_E_INVAL, "there are %d models, say which with --model_name",
                        n_models(e));
    itx_status rc = ITX_E_RANGE;
    for (size_t i = 0; rc != ITX_OK && i < e->files.len; i++) {
        struct exec_file *const f = &e->files.data[i];
        rc = rdk_bin_model(&f->bin, name, &e->plan, err);
        if (rc != ITX_OK) continue;
        ITX_TRY(rdk_bin_load(&f->bin, e->plan->name, &f->model, err));
        e->model = f->model;
    }
    return rc;
}

itx_status exec_frame(const struct exec *e, struct rdk_frame *frame, struct itx_error *err)
{
    if (e->inputs.len == 0) return rdk_frame_make(frame, e->plan, err);
    return rdk_frame_read(frame, e->plan, e->inputs.data, (int)e->inputs.len,
                          e->options->max_pixels, err);
}

static void release(struct exec *e)
{
    for (size_t i = 0; i < e->files.len; i++) {
        itx_model_close(&e->files.data[i].model);
        rdk_bin_release(&e->files.data[i].bin);
    }
    vec_release(&e->files);
    vec_release(&e->paths);
    vec_release(&e->inputs);
    file_set_release(&e->used);
    arena_release(&e->arena);
}

/* ---- model_info ---- */

static const char rule[] = "---------------------------------------------------------------------";

static void print_model(const struct plan *plan)
{
    printf("%s\n[model name]: ", rule);
    print_safely(stdout, plan->name);
    printf("\n");
    for (int i = 0; i < plan->n_inputs; i++) {
        const struct rdk_tensor t = rdk_input(plan, i);
        printf("\n");
        rdk_print_tensor(&t, "input", i, stdout);
    }
    for (int i = 0; i < plan->n_outputs; i++) {
        const struct rdk_tensor t = rdk_output(plan, i);
        printf("\n");
        rdk_print_tensor(&t, "output", i, stdout);
    }
    printf("\n");
}

static itx_status model_info(struct exec *e, struct itx_error *err)
{
    const char *const name = e->options->model_name;
    const bool one = name != NULL && name[0] != '\0';
    if (one) ITX_TRY(choose(e, err));
    for (size_t i = 0; i < e->files.len; i++) {
        const struct plan_file *const file = &e->files.data[i].bin.file;
        printf("This model file has %d model:\n", file->n_models);
        for (int k = 0; k < file->n_models; k++) {
            printf("%s[", k > 0 ? "\t" : "");
            print_safely(stdout, file->models[k].name);
            printf("]");
        }
        printf("\n");
        for (int k = 0; k < file->n_models; k++)
            if (!one || &file->models[k] == e->plan) print_model(&file->models[k]);
        printf("%s\n", rule);
    }
    return ITX_OK;
}

/* ---- the command ---- */

/* One line for each flag that was given and has no meaning here. */
static void say_meaningless(const struct exec_options *o, bool is_perf)
{
    if (o->core_id != 0)
        say_warning(
            "--core_id has no meaning here: there are no BPU cores, every frame uses the CPU");
    if (o->enable_cls_post_process)
        say_warning("--enable_cls_post_process has no meaning here: this program runs networks for "
                    "segmentation and detection");
    if (is_perf && (o->enable_dump || o->hybrid_dequantize_process || o->dump_intermediate > 0))
        say_warning("perf writes no values, infer does");
    if (!is_perf && o->profile_path != NULL)
        say_warning("--profile_path has no meaning for infer, perf writes the profile");
}

/* Before anything is loaded: what is read is no FIFO, and folders can be written to. */
static itx_status check_files(struct exec *e, bool is_perf, struct itx_error *err)
{
    const struct exec_options *const o = e->options;
    const exec_list *const lists[] = {&e->paths, &e->inputs};
    for (size_t k = 0; k < ARRAY_LEN(lists); k++)
        for (size_t i = 0; i < lists[k]->len; i++) {
            if (lists[k] == &e->paths)
                ITX_TRY(look_no_folder(LOOK_FOR_PLAN, lists[k]->data[i], err));
            ITX_TRY(file_check_source(lists[k]->data[i], err));
            ITX_TRY(made_name_note(&e->used, lists[k]->data[i], err));
        }
    const char *const folder = is_perf ? o->profile_path : o->dump_path;
    return folder != NULL ? file_check_folder(folder, err) : ITX_OK;
}

static itx_status run_command(struct exec *e, const char *what, struct itx_error *err)
{
    const struct exec_options *const o = e->options;
    ITX_TRY(split(e, o->model_file, &e->paths, err));
    ITX_TRY(split(e, o->input_file, &e->inputs, err));
    if (e->paths.len == 0) return itx_fail(err, ITX_E_INVAL, "--model_file is missing");
    if (o->roi_infer || o->roi != NULL)
        return itx_fail(
            err, ITX_E_UNSUPPORTED,
            "--roi_infer and --roi are for resizer models, which are not made here: cut "
            "the region out of the picture first");
    const bool is_info = strcmp(what, "model_info") == 0, is_perf = strcmp(what, "perf") == 0;
    if (!is_info && !is_perf && e->inputs.len == 0)
        return itx_fail(err, ITX_E_INVAL, "infer needs --input_file");
    if (!is_info) say_meaningless(o, is_perf);
    ITX_TRY(check_files(e, is_perf, err));
    ITX_TRY(load(e, err));
    if (is_info) return model_info(e, err);
    ITX_TRY(choose(e, err));
    return is_perf ? exec_perf(e, err) : exec_infer(e, err);
}

static enum exit_code exec_run(const void *options, int n_args, const char *const *args)
{
    static const char *const names[] = {"model_info", "infer", "perf"};
    const struct exec_options *const o = options;
    if (o->version) {
        printf("%s (intarsia %s)\n", RDK_DNN_VERSION, itx_version());
        return EXIT_DONE;
    }
    if (n_args == 0) {
        options_help(&command_hrt_model_exec, stdout);
        return EXIT_DONE;
    }
    const char *const near = nearest_name(args[0], names, ARRAY_LEN(names));
    if (near == NULL || strcmp(near, args[0]) != 0)
        return near != NULL
                   ? options_wrong(&command_hrt_model_exec,
                                   "unknown sub-command %s, did you mean %s?", args[0], near)
                   : options_wrong(&command_hrt_model_exec,
                                   "unknown sub-command %s, there are model_info, infer and perf",
                                   args[0]);
    struct exec_options own = *o;
    if (own.profile_path == NULL && strcmp(near, "perf") == 0)
        own.profile_path = getenv("HB_DNN_PROFILER_LOG_PATH");
    struct exec e = {.options = &own};
    struct itx_error err;
    const itx_status rc = run_command(&e, near, &err);
    release(&e);
    if (rc != ITX_OK) say_error("%s", err.text);
    return rc == ITX_OK ? EXIT_DONE : EXIT_FAILED;
}

const struct command command_hrt_model_exec = {
    "hrt_model_exec",
    "Describes, runs and times models",
    "model_info|infer|perf --model_file NAME.bin",
    exec_rows,
    ARRAY_LEN(exec_rows),
    sizeof(struct exec_options),
    0,
    INT_MAX,
    exec_run,
    true,
};
