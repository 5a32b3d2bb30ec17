/* SPDX-License-Identifier: Apache-2.0
 *
 * batch_perf: every model of a folder, timed with one frame at a time, with two, ...; one table in Markdown.
 */
#include <dirent.h>
#include <stdlib.h>

#include "base/mem.h"
#include "cmd/terminal.h"
#include "rdk/exec.h"
#include "rdk/rdk.h"

struct batch_options {
    const char *file;
    int max, frame_count;
    struct model_limits limits;
};

static const struct option batch_rows[] = {
    {"file", 0, OPTION_TEXT, offsetof(struct batch_options, file), "DIR", NULL, 0, 0, false,
     "the folder, if it is not the argument"},
    {"max", 0, OPTION_INT, offsetof(struct batch_options, max), "N", "1", 1, EXEC_MAX_THREADS,
     false, "measure with 1 to N frames at work at the same time"},
    {"frame_count", 0, OPTION_INT, offsetof(struct batch_options, frame_count), "N", "200", 1,
     1000000, false, "frames of each measurement"},
    OPTION_MODEL_LIMITS("max_", offsetof(struct batch_options, limits)),
};

/* ---- the folder ---- */

struct names {
    struct arena arena;
    VEC(const char *) paths;
};

static bool is_bin(const char *name)
{
    const size_t n = strlen(name);
    return n > 4 && strcmp(name + n - 4, ".bin") == 0;
}

static int by_name(const void *a, const void *b)
{
    const char *const *p = a, *const *q = b;
    return strcmp(*p, *q);
}

static itx_status add_path(struct names *names, const char *folder, const char *name,
                           struct itx_error *err)
{
    struct strbuf path = {0};
    strbuf_addf(&path, "%s/%s", folder, name);
    const char *copy = path.failed ? NULL : arena_text(&names->arena, path.data, path.len);
    strbuf_release(&path);
    if (copy != NULL && vec_push(&names->paths, copy)) return ITX_OK;
    return itx_fail(err, ITX_E_NOMEM, "out of memory");
}

/* What is no file is left out with a warning. */
static itx_status add_source(struct names *names, const char *folder, const char *name,
                             struct itx_error *err)
{
    struct itx_error why;
    ITX_TRY(add_path(names, folder, name, err));
    if (file_check_source(names->paths.data[names->paths.len - 1], &why) == ITX_OK) return ITX_OK;
    say_warning("warning: %s; it is left out", why.text);
    names->paths.len--;
    return ITX_OK;
}

/* The .bin files of a folder, by name. */
static itx_status list_folder(struct names *names, const char *folder, struct itx_error *err)
{
    DIR *const dir = opendir(folder);
    if (dir == NULL) return itx_fail_errno(err, "%s", folder);
    itx_status rc = ITX_OK;
    for (const struct dirent *e; rc == ITX_OK && (e = readdir(dir)) != NULL;)
        if (is_bin(e->d_name)) rc = add_source(names, folder, e->d_name, err);
    closedir(dir);
    if (rc == ITX_OK && names->paths.len == 0)
        rc = itx_fail(err, ITX_E_INVAL, "%s: there is no .bin in this folder", folder);
    if (rc == ITX_OK)
        qsort(names->paths.data, names->paths.len, sizeof names->paths.data[0], by_name);
    return rc;
}

static void release(struct names *names)
{
    vec_release(&names->paths);
    arena_release(&names->arena);
}

/* ---- measuring ---- */

static itx_status add_cell(struct strbuf *row, const struct exec *e, int n_threads,
                           struct itx_error *err)
{
    struct dnn_profile times = {0};
    const itx_status rc = exec_perf_measure(e, n_threads, false, &times, err);
    if (rc == ITX_OK)
        strbuf_addf(row, "%s%.1f ms / %.1f FPS (%d thread%s)", n_threads > 1 ? " <br/> " : "",
                    exec_average_ms(&times), exec_frames_a_second(&times), n_threads,
                    n_threads > 1 ? "s" : "  ");
    dnn_profile_release(&times);
    return rc;
}

static itx_status time_model(const char *path, const struct rdk_bin *bin, const struct plan *plan,
                             const struct batch_options *o, struct itx_error *err)
{
    const struct exec_options options = {.frame_count = o->frame_count, .limits = o->limits};
    itx_model *model = NULL;
    struct strbuf row = {0};
    const bool is_packed = bin->file.n_models > 1;
    ITX_TRY(rdk_bin_load(bin, plan->name, &model, err));
    const struct exec e = {.options = &options, .plan = plan, .model = model};
    itx_status rc = ITX_OK;
    for (int k = 1; rc == ITX_OK && k <= o->max; k++) rc = add_cell(&row, &e, k, err);
    if (rc == ITX_OK && row.failed) rc = itx_fail(err, ITX_E_NOMEM, "out of memory");
    if (rc == ITX_OK) {
        printf("| ");
        print_safely(stdout, rdk_base_name(path));
        if (is_packed) printf(": ");
        if (is_packed) print_safely(stdout, plan->name);
        printf(" | %s |\n", row.data);
        fflush(stdout);
    }
    strbuf_release(&row);
    itx_model_close(&model);
    return rc;
}

static itx_status time_file(const char *path, const struct batch_options *o, struct itx_error *err)
{
    struct rdk_bin bin = {0};
    itx_status rc = rdk_bin_open(&bin, path, err);
    for (int i = 0; rc == ITX_OK && i < bin.file.n_models; i++)
        rc = time_model(path, &bin, &bin.file.models[i], o, err);
    rdk_bin_release(&bin);
    return rc;
}

static enum exit_code batch_run(const void *options, int n_args, const char *const *args)
{
    const struct batch_options *const o = options;
    struct names names = {0};
    struct itx_error err;
    if ((n_args > 0) == (o->file != NULL))
        return options_wrong(&command_batch_perf, "%s",
                             n_args > 0 ? "the folder is given twice" : "the folder is missing");
    if (list_folder(&names, n_args > 0 ? args[0] : o->file, &err) != ITX_OK) {
        say_error("%s", err.text);
        release(&names);
        return EXIT_FAILED;
    }
    enum exit_code code = EXIT_DONE;
    printf("| Model | Latency / frame rate |\n|---|---|\n");
    for (size_t i = 0; i < names.paths.len; i++) {
        if (time_file(names.paths.data[i], o, &err) == ITX_OK) continue;
        say_error("%s", err.text);
        code = EXIT_FAILED;
    }
    release(&names);
    return code;
}

const struct command command_batch_perf = {
    "batch_perf",
    "Times every model of a folder; a table in Markdown",
    "[DIR]",
    batch_rows,
    ARRAY_LEN(batch_rows),
    sizeof(struct batch_options),
    0,
    1,
    batch_run,
    true,
};
