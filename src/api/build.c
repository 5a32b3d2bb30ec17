/* SPDX-License-Identifier: Apache-2.0
 *
 * itx_build: import, passes, calibration, quantisation, lowering, comparison, file.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/calibrate.h"
#include "api/feed.h"
#include "api/onnx_files.h"
#include "api/quantise.h"
#include "api/report.h"
#include "base/cpu.h"
#include "base/file.h"
#include "base/file_set.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "onnx/onnx.h"

/* Photos that the finished program is compared with the float network on. */
#define N_COMPARED 8

struct build {
    struct itx_build_options o;
    const char *onnx_path, *out_path;
    int n_threads;
    struct quant_options quant;
    const char *method;
    struct network network;
    struct quant_stats stats;
    struct quantised quantised;
    struct arena arena; /* of the plan */
    struct plan plan;
    struct comparison *comparison; /* [plan.n_tensors] */
    struct strbuf meta, detailed;
    char name[128]; /* of the model */
    struct calibration photos;
    int n_dumped;
    struct file_set own_files; /* that are read, and the output */
    struct strbuf temp;        /* a path of what is kept */
};

static itx_status read_options(struct build *b, const struct itx_build_options *given,
                               struct itx_error *err)
{
    struct itx_build_options *const o = &b->o;
    ITX_TRY(feed_options(o, given, err));
    ITX_TRY(feed_check_data(o, err));
    b->n_threads = o->n_threads != 0 ? o->n_threads : cpu_count();
    if (b->n_threads < 1 || b->n_threads > 256)
        return itx_fail(err, ITX_E_RANGE, "%d threads: 1 to 256 are possible", b->n_threads);
    const float percentile = o->percentile == 0 ? 99.99f : o->percentile;
    if (!(percentile > 50 && percentile <= 100))
        return itx_fail(err, ITX_E_RANGE, "percentile %g: above 50 and up to 100 is possible",
                        (double)percentile);
    static const struct {
        enum quant_method method;
        const char *name;
    } methods[] = {
        [ITX_METHOD_MINMAX] = {QUANT_MINMAX, "minmax"},
        [ITX_METHOD_PERCENTILE] = {QUANT_PERCENTILE, "percentile"},
        [ITX_METHOD_KL] = {QUANT_ENTROPY, "kl"},
        [ITX_METHOD_LEAST_SQUARES] = {QUANT_LEAST_SQUARES, "least-squares"},
        [ITX_METHOD_MEASURED] = {QUANT_LEAST_SQUARES, "measured"},
    };
    if ((size_t)o->method >= ARRAY_LEN(methods))
        return itx_fail(err, ITX_E_INVAL, "unknown calibration method %d", (int)o->method);
    if (o->effort < 0 || o->effort > 3)
        return itx_fail(err, ITX_E_RANGE, "effort %d: 0 to 3 are possible", o->effort);
    if (!(o->target_loss >= 0 && o->target_loss <= 100))
        return itx_fail(err, ITX_E_RANGE, "target loss %g: 0 (none) to 100 %% is possible",
                        (double)o->target_loss);
    for (int i = 0; i < o->n_int16_nodes; i++)
        if (o->int16_nodes == NULL || o->int16_nodes[i] == NULL)
            return itx_fail(err, ITX_E_INVAL, "int16 node %d is NULL", i);
    if (o->method == ITX_METHOD_DEFAULT)
        o->method = o->effort == 0   ? ITX_METHOD_MINMAX
                    : o->effort == 1 ? ITX_METHOD_LEAST_SQUARES
                                     : ITX_METHOD_MEASURED;
    if (o->method == ITX_METHOD_MEASURED && o->effort == 0)
        return itx_fail(err, ITX_E_INVAL, "method measured: effort 0 does not measure");
    b->quant = (struct quant_options){methods[o->method].method, percentile};
    b->method = methods[o->method].name;
    return ITX_OK;
}

/* What is read: no output may be one of them. */
static itx_status note_own_files(struct build *b, struct itx_error *err)
{
    bool done = file_set_add(&b->own_files, b->onnx_path);
    for (int i = 0; done && i < b->o.n_images && b->o.images != NULL; i++)
        done = file_set_add(&b->own_files, b->o.images[i]);
    for (int i = 0; done && i < b->o.n_tensors && b->o.tensors != NULL; i++)
        done = file_set_add(&b->own_files, b->o.tensors[i]);
    return done ? ITX_OK : itx_fail(err, ITX_E_NOMEM, "out of memory");
}

/* What would fail only after minutes of work, or destroy what is read. */
static itx_status check_output(struct build *b, struct itx_error *err)
{
    ITX_TRY(file_check_target(b->out_path, err));
    if (b->o.save_temps != NULL) ITX_TRY(file_check_folder(b->o.save_temps, err));
    ITX_TRY(note_own_files(b, err));
    if (file_is_same(b->out_path, b->onnx_path))
        return itx_fail(err, ITX_E_INVAL,
                        "%s: is the network itself, the output needs another name", b->out_path);
    if (file_set_has(&b->own_files, b->out_path))
        return itx_fail(err, ITX_E_INVAL, "%s: is also read, the output needs another name",
                        b->out_path);
    if (!file_set_add(&b->own_files, b->out_path))
        return itx_fail(err, ITX_E_NOMEM, "out of memory");
    return b->o.onnx_prefix != NULL ? onnx_files_check(b->o.onnx_prefix, &b->own_files, err)
                                    : ITX_OK;
}

/* The model's name: what the caller says, else the output's file name without its ending. Plans hold UTF-8 only: what is
 * none, or is cut in two by the length, becomes '?'. */
static void choose_name(struct build *b)
{
    const char *text = b->o.name;
    if (text == NULL) {
        const char *const slash = strrchr(b->out_path, '/');
        text = slash != NULL ? slash + 1 : b->out_path;
    }
    snprintf(b->name, sizeof b->name, "%s", text);
    char *const dot = strrchr(b->name, '.');
    if (b->o.name == NULL && dot != NULL && dot != b->name) *dot = '\0';
    for (char *p = b->name; *p != '\0';) {
        const size_t n = utf8_length(p, 4);
        if (n == 0) *p = '?';
        p += n != 0 ? n : 1;
    }
}

/* DIR/NAME, or numbered where that is a file that the build reads or writes. */
static const char *temp_name(struct build *b, const char *name, struct itx_error *err)
{
    b->temp.len = 0;
    strbuf_addf(&b->temp, "%s/%s", b->o.save_temps, name);
    file_set_free_name(&b->own_files, &b->temp);
    if (!b->temp.failed) return b->temp.data;
    itx_fail(err, ITX_E_NOMEM, "out of memory");
    return NULL;
}

/* DIR/NN_pass.txt, and the last as ONNX too. */
static itx_status dump_graph(void *ctx, const char *pass, const struct graph *g,
                             struct itx_error *err)
{
    struct build *const b = ctx;
    struct file_out out;
    char name[200];
    snprintf(name, sizeof name, "%02d_%s.txt", b->n_dumped++, pass);
    const char *const path = temp_name(b, name, err);
    if (path == NULL) return ITX_E_NOMEM;
    ITX_TRY(file_out_open(&out, path, err));
    FILE *const f = fdopen(dup(out.fd), "w");
    itx_status rc =
        f == NULL ? itx_fail_errno(err, "%s: cannot write", path) : graph_print(g, f, false, err);
    if (f != NULL && fclose(f) != 0 && rc == ITX_OK)
        rc = itx_fail_errno(err, "%s: cannot write", path);
    if (rc == ITX_OK) rc = file_out_rename(&out, err);
    if (rc == ITX_OK) return file_out_close(&out, err);
    file_out_abandon(&out);
    return rc;
}

static itx_status dump_canonical(struct build *b, struct itx_error *err)
{
    if (b->o.save_temps == NULL) return ITX_OK;
    ITX_TRY(dump_graph(b, "quantised", b->network.graph, err));
    const char *const path = temp_name(b, "canonical.onnx", err);
    return path != NULL ? onnx_write(b->network.graph, path, err) : ITX_E_NOMEM;
}

static enum plan_input_kind input_kind(enum itx_image_format format)
{
    switch (format) {
    case ITX_IMAGE_RGB:
        return PLAN_INPUT_RGB;
    case ITX_IMAGE_BGR:
        return PLAN_INPUT_BGR;
    case ITX_IMAGE_NV12:
        return PLAN_INPUT_NV12;
    case ITX_IMAGE_GRAY:
        return PLAN_INPUT_GRAY;
    case ITX_IMAGE_YUV444:
        return PLAN_INPUT_YUV444;
    case ITX_IMAGE_NONE:
    case ITX_IMAGE_RGBA:
        break;
    }
    return PLAN_INPUT_TENSOR;
}

/* That the model will give raw outputs is no surprise for a network that looks like no head at all. */
static itx_status check_support(const struct build *b, struct itx_error *err)
{
    const char *const why = b->network.head.why;
    ITX_TRY(network_check_int8(&b->network, err));
    if (why[0] == '\0' || b->o.warn == NULL) return ITX_OK;
    struct strbuf text = {0};
    strbuf_addf(&text, "no head was found that can be decoded, the model gives its raw outputs: %s",
                why);
    if (!text.failed) b->o.warn(b->o.ctx, text.data);
    strbuf_release(&text);
    return ITX_OK;
}

static itx_status compile(struct build *b, struct itx_error *err)
{
    struct itx_build_options *const o = &b->o;
    ITX_TRY(build_progress(o, "import", 0, 1, err));
    const struct network_source source = {
        .path = b->onnx_path,
        .output_nodes = o->output_nodes,
        .n_output_nodes = o->n_output_nodes,
        .is_numbers = o->input_format == ITX_IMAGE_NONE,
        .max_constants = o->max_constants,
        .dump = o->save_temps != NULL ? dump_graph : NULL,
        .ctx = b,
    };
    ITX_TRY(network_read(&b->network, &source, err));
    network_warn(&b->network, o);
    feed_choose_format(o, &b->network.feed);
    itx_status rc = check_support(b, err);
    if (rc == ITX_OK) rc = network_feed(&b->network, o, FEED_QUANTISED, err);
    if (rc == ITX_OK) rc = sample_check(o, &b->network, err);
    if (rc == ITX_OK)
        rc = calibrate(&b->stats, &b->network, o, b->n_threads,
                       b->quant.method != QUANT_MINMAX || o->histograms, &b->photos, err);
    const bool has_range = o->input_format == ITX_IMAGE_NV12 || o->input_format == ITX_IMAGE_YUV444;
    const struct lower_options lower = {
        .name = b->name,
        .input_kind = input_kind(o->input_format),
        .video_range = has_range && o->input_range == ITX_RANGE_VIDEO,
        .is_yuv = b->network.feed.is_picture && b->network.feed.colours == IMAGE_AS_YUV,
    };
    const struct quantise_input in = {
        .network = &b->network,
        .stats = &b->stats,
        .quant = &b->quant,
        .refine_thresholds = o->method == ITX_METHOD_MEASURED,
        .lower = &lower,
        .options = o,
        .n_threads = b->n_threads,
    };
    if (rc == ITX_OK) rc = quantise_network(&b->plan, &b->arena, &b->quantised, &in, err);
    if (rc == ITX_OK) rc = dump_canonical(b, err);
    if (rc != ITX_OK) itx_error_prefix(err, "%s", b->onnx_path);
    return rc;
}

static itx_status compare_and_write(struct build *b, struct itx_error *err)
{
    const struct itx_build_options *const o = &b->o;
    ITX_TRY(build_progress(o, "compare", 0, 1, err));
    ITX_TRY(
        compare_network(&b->comparison, &b->network, &b->plan, o, b->n_threads, N_COMPARED, err));
    const struct report report = {
        .network = &b->network,
        .plan = &b->plan,
        .comparison = b->comparison,
        .quantised = &b->quantised,
        .options = o,
        .source = b->onnx_path,
        .method = b->method,
        .photos = &b->photos,
        .stats = &b->stats,
        .is_minmax = b->quant.method == QUANT_MINMAX,
    };
    ITX_TRY(report_meta(&b->meta, &report, REPORT_BRIEF, err));
    if (o->histograms) ITX_TRY(report_meta(&b->detailed, &report, REPORT_HISTOGRAMS, err));
    b->plan.meta = b->meta.data;
    ITX_TRY(build_progress(o, "write", 0, 1, err));
    const struct onnx_files files = {
        .path = b->onnx_path,
        .options = o,
        .network = &b->network,
        .plan = &b->plan,
    };
    if (o->onnx_prefix != NULL) ITX_TRY(onnx_files_write(&files, err));
    const struct plan *models[] = {&b->plan};
    void *data = NULL;
    size_t size = 0;
    ITX_TRY(plan_write(models, 1, &data, &size, err));
    const itx_status rc = file_write(b->out_path, data, size, err);
    mem_free(data);
    return rc;
}

itx_status itx_build(const char *onnx_path, const char *out_path,
                     const struct itx_build_options *options, char **report, struct itx_error *err)
{
    if (onnx_path == NULL || out_path == NULL || options == NULL)
        return itx_fail(err, ITX_E_INVAL, "itx_build: an argument is NULL");
    struct build *b = mem_calloc(1, sizeof *b);
    if (b == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    b->onnx_path = onnx_path;
    b->out_path = out_path;
    itx_status rc = read_options(b, options, err);
    if (rc == ITX_OK) rc = check_output(b, err);
    if (rc == ITX_OK) {
        choose_name(b);
        rc = compile(b, err);
    }
    if (rc == ITX_OK) rc = compare_and_write(b, err);
    if (rc == ITX_OK && report != NULL) {
        struct strbuf *const given = b->o.histograms ? &b->detailed : &b->meta;
        *report = given->data;
        *given = (struct strbuf){0};
    }
    network_release(&b->network);
    quant_stats_release(&b->stats);
    quantised_release(&b->quantised);
    arena_release(&b->arena);
    mem_free(b->comparison);
    strbuf_release(&b->meta);
    strbuf_release(&b->detailed);
    strbuf_release(&b->temp);
    file_set_release(&b->own_files);
    mem_free(b);
    return rc;
}

void itx_text_free(char *text)
{
    mem_free(text);
}
