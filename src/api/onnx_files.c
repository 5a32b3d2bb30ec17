/* SPDX-License-Identifier: Apache-2.0 */
#include "api/onnx_files.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "export/export.h"
#include "onnx/onnx.h"
#include "passes/entry.h"
#include "passes/pass.h"

enum form { ORIGINAL, OPTIMIZED, CALIBRATED, QUANTIZED, FORM_COUNT };

static itx_status path_of(char *path, const char *prefix, enum form form, struct itx_error *err)
{
    static const char *const names[] = {"original_float", "optimized_float", "calibrated",
                                        "quantized"};
    if (snprintf(path, PATH_MAX, "%s_%s_model.onnx", prefix, names[form]) < PATH_MAX) return ITX_OK;
    return itx_fail(err, ITX_E_RANGE, "%.100s...: this path is too long", prefix);
}

itx_status onnx_files_check(const char *prefix, const struct file_set *own_files,
                            struct itx_error *err)
{
    char path[PATH_MAX];
    for (int form = 0; form < FORM_COUNT; form++) {
        ITX_TRY(path_of(path, prefix, (enum form)form, err));
        ITX_TRY(file_check_target(path, err));
        if (file_set_has(own_files, path))
            return itx_fail(err, ITX_E_INVAL,
                            "%s: is also read or written, the ONNX files need another prefix",
                            path);
    }
    return ITX_OK;
}

static itx_status write(const struct onnx_files *f, const struct graph *g, enum form form,
                        struct itx_error *err)
{
    char path[PATH_MAX];
    struct itx_error why;
    ITX_TRY(path_of(path, f->options->onnx_prefix, form, err));
    /* What RDK's tools read, where the network can be said in it. */
    if (form == ORIGINAL || form == OPTIMIZED) {
        const itx_status rc = onnx_write_old(g, path, &why);
        if (rc != ITX_E_UNSUPPORTED) {
            if (rc != ITX_OK && err != NULL) *err = why;
            return rc;
        }
    }
    return onnx_write(g, path, err);
}

/* Shapes that only folding constants finds: those of values of the same name. */
static itx_status infer_shapes(struct graph *g, struct itx_error *err)
{
    struct graph *folded = NULL;
    ITX_TRY(graph_infer(g, err));
    ITX_TRY(graph_copy(&folded, g, err));
    const itx_status rc = pass_fold_const(folded, err);
    for (value_id v = 1; rc == ITX_OK && v < g->values.len; v++) {
        struct value *const value = graph_value(g, v);
        const value_id like = graph_find_value(folded, value->name, strlen(value->name));
        if (like == 0 || value->shape.rank >= 0) continue;
        value->dtype = graph_value(folded, like)->dtype;
        value->shape = graph_value(folded, like)->shape;
    }
    graph_destroy(&folded);
    return rc;
}

static itx_status write_float(const struct onnx_files *f, struct graph *g, struct itx_error *err)
{
    /* the bytes of a picture are exact; inputs that are turned have no dimension of channels where it would be looked for */
    const enum export_inputs inputs = f->network->feed.is_picture || f->network->is_turned
                                          ? EXPORT_KEEP_INPUTS
                                          : EXPORT_QUANTISE_INPUTS;
    ITX_TRY(entry_stop_at(g, f->options->output_nodes, f->options->n_output_nodes, err));
    ITX_TRY(infer_shapes(g, err));
    ITX_TRY(write(f, g, ORIGINAL, err));
    ITX_TRY(passes_run(g, NULL, NULL, NULL, err));
    ITX_TRY(graph_remove_dead(g, err));
    ITX_TRY(graph_compact(g, err));
    ITX_TRY(write(f, g, OPTIMIZED, err));
    ITX_TRY(export_thresholds(g, f->network->graph, inputs, err));
    return write(f, g, CALIBRATED, err);
}

static itx_status write_quantized(const struct onnx_files *f, struct itx_error *err)
{
    struct graph *g = NULL;
    ITX_TRY(export_program(&g, f->plan, err));
    itx_status rc = ITX_OK;
    const struct graph *const from = f->network->graph;
    for (size_t i = 0; i < from->meta.len && rc == ITX_OK; i++)
        rc = graph_set_meta(g, from->meta.data[i].key, from->meta.data[i].text, err);
    if (rc == ITX_OK) rc = write(f, g, QUANTIZED, err);
    graph_destroy(&g);
    return rc;
}

itx_status onnx_files_write(const struct onnx_files *f, struct itx_error *err)
{
    struct graph *g = NULL;
    ITX_TRY(onnx_read(&g, f->path, err));
    itx_status rc = write_float(f, g, err);
    graph_destroy(&g);
    if (rc == ITX_OK) rc = write_quantized(f, err);
    return rc;
}
