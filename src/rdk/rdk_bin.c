/* SPDX-License-Identifier: Apache-2.0 */
#include "rdk/rdk_bin.h"

#include <sys/stat.h>

#include "base/look.h"
#include "base/mem.h"
#include "cmd/cmd.h"

itx_status rdk_bin_open(struct rdk_bin *bin, const char *path, struct itx_error *err)
{
    ITX_TRY(look_no_folder(LOOK_FOR_PLAN, path, err));
    ITX_TRY(file_read(&bin->bytes, path, SIZE_MAX, err));
    const itx_status rc = plan_read(&bin->file, bin->bytes.data, bin->bytes.size, err);
    if (rc == ITX_OK) return ITX_OK;
    itx_error_prefix(err, "%s", path);
    file_bytes_release(&bin->bytes);
    return rc;
}

itx_status rdk_bin_load(const struct rdk_bin *bin, const char *name, itx_model **model,
                        struct itx_error *err)
{
    return itx_model_open_memory(model, bin->bytes.data, bin->bytes.size, name, err);
}

void rdk_bin_release(struct rdk_bin *bin)
{
    plan_file_release(&bin->file);
    file_bytes_release(&bin->bytes);
    *bin = (struct rdk_bin){0};
}

itx_status rdk_bin_model(const struct rdk_bin *bin, const char *name, const struct plan **model,
                         struct itx_error *err)
{
    const char *names[PLAN_MAX_MODELS];
    const int n = bin->file.n_models;
    const bool any = name == NULL || name[0] == '\0';
    if (any && n == 1) {
        *model = &bin->file.models[0];
        return ITX_OK;
    }
    struct strbuf list = {0};
    for (int i = 0; i < n; i++) {
        names[i] = bin->file.models[i].name;
        strbuf_addf(&list, "%s%s", i > 0 ? ", " : "", names[i]);
        if (any || strcmp(names[i], name) != 0) continue;
        *model = &bin->file.models[i];
        strbuf_release(&list);
        return ITX_OK;
    }
    const char *near = any ? NULL : nearest_name(name, names, n);
    const char *known = list.failed ? names[0] : list.data;
    itx_status rc;
    if (any)
        rc = itx_fail(err, ITX_E_INVAL, "there are %d models, name one of them: %s", n, known);
    else if (near != NULL)
        rc = itx_fail(err, ITX_E_RANGE, "there is no model \"%s\", did you mean %s?", name, near);
    else
        rc = itx_fail(err, ITX_E_RANGE, "there is no model \"%s\", there is: %s", name, known);
    strbuf_release(&list);
    return rc;
}

const char *rdk_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

struct str rdk_stem(const char *path)
{
    const char *name = rdk_base_name(path), *dot = strrchr(name, '.');
    return (struct str){name, dot != NULL && dot != name ? (size_t)(dot - name) : strlen(name)};
}

struct str rdk_dequantized_tensor(const char *dequantize)
{
    static const char ending[] = "_HzDequantize";
    const size_t n = strlen(dequantize), m = sizeof ending - 1;
    const bool has = n > m && strcmp(dequantize + n - m, ending) == 0;
    return (struct str){dequantize, has ? n - m : n};
}

const struct plan_step *rdk_writer(const struct plan *plan, uint32_t tensor)
{
    const struct plan_step *found = NULL;
    for (int i = 0; i < plan->n_steps; i++) {
        if (plan->steps[i].out != tensor) continue;
        if (found != NULL) return NULL;
        found = &plan->steps[i];
    }
    return found;
}

const struct plan_step *rdk_reader(const struct plan *plan, uint32_t tensor)
{
    for (int i = 0; i < plan->n_steps; i++)
        for (int k = 0; k < plan->steps[i].n_in; k++)
            if (plan->steps[i].in[k] == tensor) return &plan->steps[i];
    return NULL;
}
