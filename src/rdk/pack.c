/* SPDX-License-Identifier: Apache-2.0
 *
 * hb_pack: the models of several files in one.
 */
#include "base/mem.h"
#include "base/vec.h"
#include "cmd/terminal.h"
#include "rdk/rdk.h"
#include "rdk/rdk_bin.h"

struct pack_options {
    const char *output;
};

static const struct option pack_rows[] = {
    {"output", 'o', OPTION_TEXT, offsetof(struct pack_options, output), "OUT.bin", NULL, 0, 0, true,
     "the file to write"},
};

struct pack {
    struct rdk_bin bin[PLAN_MAX_MODELS];
    const struct plan *model[PLAN_MAX_MODELS];
    int n_bins, n_models;
};

static itx_status add_models(struct pack *p, const char *path, struct itx_error *err)
{
    struct rdk_bin *const bin = &p->bin[p->n_bins];
    ITX_TRY(rdk_bin_open(bin, path, err));
    p->n_bins++;
    for (int i = 0; i < bin->file.n_models; i++) {
        const struct plan *const model = &bin->file.models[i];
        for (int k = 0; k < p->n_models; k++)
            if (strcmp(model->name, p->model[k]->name) == 0)
                return itx_fail(err, ITX_E_INVAL,
                                "%s: a model called %s is there already, names in a file differ",
                                path, model->name);
        if (p->n_models == PLAN_MAX_MODELS)
            return itx_fail(err, ITX_E_RANGE, "%s: a file holds %d models, not more", path,
                            PLAN_MAX_MODELS);
        p->model[p->n_models++] = model;
    }
    return ITX_OK;
}

static itx_status write_pack(const struct pack *p, const char *path, struct itx_error *err)
{
    void *data = NULL;
    size_t size = 0;
    ITX_TRY(plan_write(p->model, p->n_models, &data, &size, err));
    const itx_status rc = file_write(path, data, size, err);
    mem_free(data);
    return rc;
}

static enum exit_code pack_run(const void *options, int n_args, const char *const *args)
{
    const struct pack_options *const o = options;
    struct itx_error err;
    struct pack *const p = mem_calloc(1, sizeof *p);
    itx_status rc = p != NULL ? ITX_OK : itx_fail(&err, ITX_E_NOMEM, "out of memory");
    if (rc == ITX_OK) rc = file_check_target(o->output, &err);
    for (int i = 0; rc == ITX_OK && i < n_args; i++) rc = add_models(p, args[i], &err);
    if (rc == ITX_OK) rc = write_pack(p, o->output, &err);
    if (rc == ITX_OK)
        for (int i = 0; i < p->n_models; i++) {
            print_safely(stdout, p->model[i]->name);
            printf("%s", i + 1 < p->n_models ? ", " : "");
        }
    if (rc == ITX_OK)
        print_line(stdout, ": %d models in %s", p->n_models, o->output);
    else
        say_error("%s", err.text);
    for (int i = 0; p != NULL && i < p->n_bins; i++) rdk_bin_release(&p->bin[i]);
    mem_free(p);
    return rc == ITX_OK ? EXIT_DONE : EXIT_FAILED;
}

const struct command command_hb_pack = {
    "hb_pack",
    "Puts the models of several files into one",
    "A.bin B.bin...",
    pack_rows,
    ARRAY_LEN(pack_rows),
    sizeof(struct pack_options),
    2,
    PLAN_MAX_MODELS,
    pack_run,
    true,
};
