/* SPDX-License-Identifier: Apache-2.0
 *
 * itx_cut: a network without its decoding, as a file of its own.
 */
#include "passes/cut.h"

#include "api/network.h"
#include "api/report.h"
#include "onnx/onnx.h"

static itx_status make_report(const struct graph *g, int n_softmax, char **report,
                              struct itx_error *err)
{
    struct strbuf json = {0};
    strbuf_addf(&json, "{\"softmax\": %d, \"outputs\": [", n_softmax);
    for (size_t i = 0; i < g->outputs.len; i++) {
        const struct value *const v = graph_value(g, g->outputs.data[i]);
        strbuf_addf(&json, i > 0 ? ",\n{\"name\": " : "\n{\"name\": ");
        json_text(&json, v->name);
        for (int d = 0; d < v->shape.rank; d++)
            strbuf_addf(&json, d > 0 ? ", %lld" : ", \"shape\": [%lld", (long long)v->shape.dim[d]);
        strbuf_addf(&json, "]}");
    }
    strbuf_addf(&json, "]}\n");
    if (json.failed) {
        strbuf_release(&json);
        return itx_fail(err, ITX_E_NOMEM, "out of memory");
    }
    *report = json.data;
    return ITX_OK;
}

static itx_status cut(struct graph *g, const struct network *net, enum itx_cut_softmax softmax,
                      int *n_softmax, struct itx_error *err)
{
    ITX_TRY(pass_fold_const(g, err));
    ITX_TRY(cut_before_decoding(g, net->graph, &net->head, err));
    if (softmax == ITX_CUT_SOFTMAX_DECOMPOSED) ITX_TRY(cut_write_softmax_out(g, n_softmax, err));
    return graph_check(g, err);
}

static itx_status cut_file(const char *path, const char *out_path, const struct network *net,
                           enum itx_cut_softmax softmax, int64_t max_constants, char **report,
                           struct itx_error *err)
{
    struct graph *g = NULL;
    int n_softmax = 0;
    if (net->head.task == HEAD_RAW)
        return itx_fail(err, ITX_E_UNSUPPORTED,
                        "%s: no head of a YOLO network for detection or segmentation (v8, v9, 11) "
                        "was found, so there is no decoding to cut off%s%s",
                        path, net->head.why[0] != '\0' ? ": " : "", net->head.why);
    ITX_TRY(network_read_graph(&g, path, max_constants, err));
    itx_status rc = cut(g, net, softmax, &n_softmax, err);
    if (rc != ITX_OK)
        itx_error_prefix(err, "%s", path);
    else
        rc = onnx_write_old(g, out_path, err);
    if (rc == ITX_OK && report != NULL) rc = make_report(g, n_softmax, report, err);
    graph_destroy(&g);
    return rc;
}

itx_status itx_cut(const char *path, const char *out_path, enum itx_cut_softmax softmax,
                   char **report, struct itx_error *err)
{
    return itx_cut_with(path, out_path, softmax, NULL, report, err);
}

itx_status itx_cut_with(const char *path, const char *out_path, enum itx_cut_softmax softmax,
                        const struct itx_build_options *options, char **report,
                        struct itx_error *err)
{
    struct itx_build_options o = ITX_BUILD_OPTIONS_INIT;
    struct network net;
    if (path == NULL || out_path == NULL)
        return itx_fail(err, ITX_E_INVAL, "itx_cut: an argument is NULL");
    if (options != NULL) ITX_TRY(feed_options(&o, options, err));
    const struct network_source source = {.path = path, .max_constants = o.max_constants};
    ITX_TRY(network_read(&net, &source, err));
    const itx_status rc = cut_file(path, out_path, &net, softmax, o.max_constants, report, err);
    network_release(&net);
    return rc;
}
