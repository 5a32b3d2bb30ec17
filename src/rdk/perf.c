/* SPDX-License-Identifier: Apache-2.0
 *
 * hb_perf: a page about a model's speed. The board's tool estimates; here a short run is measured.
 */
#include "rdk/perf.h"

#include <string.h>

#include "cmd/terminal.h"
#include "rdk/made_name.h"
#include "rdk/rdk.h"
#include "rdk/rdk_bin.h"
#include "rdk/rdk_log.h"
#include "rdk/rdk_version.h"

struct perf_options {
    const char *model;
    bool packed, version;
    struct model_limits limits;
};

static const struct option perf_rows[] = {
    {"model", 'm', OPTION_TEXT, offsetof(struct perf_options, model), "NAME", NULL, 0, 0, false,
     "only this one of several models"},
    {"packed", 'p', OPTION_FLAG, offsetof(struct perf_options, packed), "", NULL, 0, 0, false,
     "accepted: whether a file holds several models is seen"},
    {"version", 0, OPTION_FLAG, offsetof(struct perf_options, version), "", NULL, 0, 0, false,
     "the version"},
    OPTION_MODEL_LIMITS("max-", offsetof(struct perf_options, limits)),
};

/* ---- writing ---- */

static itx_status write_page(const struct perf_model *m, struct strbuf *path, struct file_set *used,
                             struct itx_error *err)
{
    struct strbuf page = {0};
    perf_page(&page, m);
    const itx_status rc = page.failed ? itx_fail(err, ITX_E_NOMEM, "out of memory")
                                      : made_name_write(used, path, page.data, page.len, err);
    strbuf_release(&page);
    return rc;
}

static itx_status write_picture(const struct perf_model *m, struct strbuf *path,
                                struct file_set *used, struct itx_error *err)
{
    struct picture picture = {0};
    made_name_choose(used, path);
    itx_status rc = perf_paint_structure(m, &picture, err);
    if (rc == ITX_OK) rc = picture_write(&picture, path->data, err);
    if (rc == ITX_OK) rc = made_name_note(used, path->data, err);
    picture_release(&picture);
    return rc;
}

/* FOLDER/NAME.html, whose path stays in *page, and FOLDER/NAME.png. */
static itx_status write_results(const struct perf_model *m, const struct strbuf *name,
                                const char *folder, struct strbuf *page, struct file_set *used,
                                struct itx_error *err)
{
    struct strbuf picture = {0};
    strbuf_addf(page, "%s/%s.html", folder, name->data);
    strbuf_addf(&picture, "%s/%s.png", folder, name->data);
    itx_status rc = page->failed || picture.failed ? itx_fail(err, ITX_E_NOMEM, "out of memory")
                                                   : file_make_folders(folder, err);
    if (rc == ITX_OK) rc = write_page(m, page, used, err);
    if (rc == ITX_OK) rc = write_picture(m, &picture, used, err);
    strbuf_release(&picture);
    return rc;
}

/* The model's name; the file's without its ending, where the model has none. */
static void add_result_name(struct strbuf *name, const char *path, const struct plan *plan)
{
    struct strbuf stem = {0};
    const char *const base = rdk_base_name(path), *const dot = strrchr(base, '.');
    strbuf_add(&stem, base, dot != NULL && dot != base ? (size_t)(dot - base) : strlen(base));
    strbuf_add_file_name(name, plan->name[0] != '\0' || stem.failed ? plan->name : stem.data);
    name->failed = name->failed || stem.failed;
    strbuf_release(&stem);
}

static itx_status report(const struct perf_model *m, const char *path, struct rdk_log *log,
                         struct file_set *used, struct itx_error *err)
{
    struct strbuf name = {0}, folder = {0}, page = {0};
    add_result_name(&name, path, m->plan);
    if (!name.failed) strbuf_addf(&folder, "hb_perf_result/%s", name.data);
    const itx_status rc = name.failed || folder.failed
                              ? itx_fail(err, ITX_E_NOMEM, "out of memory")
                              : write_results(m, &name, folder.data, &page, used, err);
    if (rc == ITX_OK)
        rdk_say(log, RDK_INFO, "%s: %.3f ms a frame, see %s",
                m->plan->name[0] != '\0' ? m->plan->name : name.data,
                span_mean_ms(&m->frame, m->n_frames), page.data);
    strbuf_release(&name);
    strbuf_release(&folder);
    strbuf_release(&page);
    return rc;
}

static itx_status run_model(const struct perf_options *o, const char *path,
                            const struct rdk_bin *bin, const struct plan *plan, struct rdk_log *log,
                            struct file_set *used, struct itx_error *err)
{
    struct perf_model m = {.limits = &o->limits};
    itx_status rc = perf_model_measure(&m, bin, plan, err);
    if (rc == ITX_OK) rc = report(&m, path, log, used, err);
    perf_model_release(&m);
    return rc;
}

static itx_status run(const struct perf_options *o, const char *path, struct itx_error *err)
{
    struct rdk_bin bin = {0};
    struct rdk_log log = {0};
    struct file_set used = {0};
    const struct plan *one = NULL;
    ITX_TRY(rdk_bin_open(&bin, path, err));
    itx_status rc = o->model != NULL ? rdk_bin_model(&bin, o->model, &one, err) : ITX_OK;
    if (rc == ITX_OK) rc = file_check_folder("hb_perf_result", err);
    if (rc == ITX_OK) rc = made_name_note(&used, path, err);
    if (rc == ITX_OK) rdk_say(&log, RDK_INFO, "Start hb_perf....");
    for (int i = 0; rc == ITX_OK && i < bin.file.n_models; i++)
        if (one == NULL || one == &bin.file.models[i])
            rc = run_model(o, path, &bin, &bin.file.models[i], &log, &used, err);
    rdk_bin_release(&bin);
    file_set_release(&used);
    return rc;
}

static enum exit_code perf_run(const void *options, int n_args, const char *const *args)
{
    const struct perf_options *const o = options;
    struct itx_error err;
    if (o->version) {
        printf("hb_perf, version %s\n", RDK_BUILDER_VERSION);
        return EXIT_DONE;
    }
    if (n_args == 0) return options_wrong(&command_hb_perf, "the model is missing");
    if (run(o, args[0], &err) == ITX_OK) return EXIT_DONE;
    say_error("%s", err.text);
    return EXIT_FAILED;
}

const struct command command_hb_perf = {
    "hb_perf",
    "Measures a model and writes a page about its speed",
    "[MODEL.bin]",
    perf_rows,
    ARRAY_LEN(perf_rows),
    sizeof(struct perf_options),
    0,
    1,
    perf_run,
    true,
};
