/* SPDX-License-Identifier: Apache-2.0
 *
 * makertbin: the work itself, and the log's phases while it goes on.
 */
#include <unistd.h>

#include "base/clock.h"
#include "base/md5.h"
#include "cmd/json.h"
#include "rdk/mapper_network.h"
#include "rdk/mapper_work.h"

/* ---- before ---- */

static itx_status say_first(struct mapper *m, struct itx_error *err)
{
    struct file_bytes map = {0};
    char sum[MD5_TEXT_SIZE];
    ITX_TRY(file_read(&map, m->files.data[0], SIZE_MAX, err));
    md5_text(map.data, map.size, sum);
    file_bytes_release(&map);
    rdk_say(&m->log, RDK_INFO, "*******************************************");
    rdk_say(&m->log, RDK_INFO, "First calibration picture name: %s",
            rdk_base_name(m->files.data[0]));
    rdk_say(&m->log, RDK_INFO, "First calibration picture md5: %s", sum);
    return ITX_OK;
}

static itx_status say_data(struct mapper *m, struct itx_error *err)
{
    if (m->build.random > 0) {
        rdk_say(&m->log, RDK_INFO, "calibration data: %d made-up inputs", m->build.random);
        return ITX_OK;
    }
    ITX_TRY(say_first(m, err));
    for (size_t i = 0; i < m->files.len; i++)
        rdk_say(&m->log, RDK_DETAIL, "Read %s file: %s", m->are_pictures ? "picture" : "raw",
                m->files.data[i]);
    rdk_say(&m->log, RDK_INFO, "num of calibration data: %zu", m->files.len / (size_t)m->n_inputs);
    for (int i = 0; i < m->n_inputs; i++) {
        struct strbuf shape = {0};
        mapper_add_shape(&shape, m->input[i].shape_text);
        rdk_say(&m->log, RDK_INFO, "calibration data shape: (%s)", shape.failed ? "" : shape.data);
        strbuf_release(&shape);
    }
    return ITX_OK;
}

static const char *method_text(const struct mapper *m)
{
    switch (m->build.method) {
    case ITX_METHOD_MINMAX:
        return "max";
    case ITX_METHOD_PERCENTILE:
        return "max-percentile";
    case ITX_METHOD_KL:
        return "kl";
    case ITX_METHOD_LEAST_SQUARES:
        return "least-squares";
    case ITX_METHOD_MEASURED:
        return "mix (measured at the outputs)";
    case ITX_METHOD_DEFAULT:
        break;
    }
    return m->build.effort == 0   ? "max"
           : m->build.effort == 1 ? "least-squares"
                                  : "measured at the outputs";
}

/* How ranges will be found, by the board's names. Every channel has its own range here, and a zero point. */
static void say_setup(struct mapper *m)
{
    rdk_say(&m->log, RDK_INFO,
            "The activation calibration parameters:\n    calibration_type:     ['%s']\n"
            "    max_percentile:       [%g]\n    per_channel:          [True]\n"
            "    asymmetric:           [True]",
            method_text(m), mapper_value(m, KEY_max_percentile)->number);
    rdk_say(&m->log, RDK_INFO, "effort %d of 3; %d nodes of 16 bits by name", m->build.effort,
            m->build.n_int16_nodes);
    for (int i = 0; i < m->n_inputs; i++)
        if (strcmp(mapper_input_source(m, i), "pyramid") == 0)
            rdk_say(&m->log, RDK_INFO, "input %s is from pyramid. Its layout is set to NHWC",
                    m->input[i].name);
    rdk_say(&m->log, RDK_INFO, "The specified model compilation architecture: %s.", m->march);
}

/* ---- phases ---- */

enum phase { PHASE_NONE, PHASE_PREPARE, PHASE_CALIBRATE, PHASE_QUANTIZE, PHASE_COMPILE };

/* Stages of itx_build that begin a phase; all others belong to the one that is under way. */
static enum phase phase_of(const char *stage, enum phase now)
{
    static const struct {
        const char *stage;
        enum phase phase;
    } begins[] = {
        {"import", PHASE_PREPARE},         {"calibrate", PHASE_CALIBRATE},
        {"round weights", PHASE_QUANTIZE}, {"compare", PHASE_QUANTIZE},
        {"write", PHASE_COMPILE},
    };
    for (size_t i = 0; i < ARRAY_LEN(begins); i++)
        if (strcmp(begins[i].stage, stage) == 0)
            return begins[i].phase > now ? begins[i].phase : now;
    return now;
}

static void say_saving(struct mapper *m, const char *what)
{
    rdk_say(&m->log, RDK_INFO, "Saving model to: %s_%s.onnx.", m->prefix, what);
}

static void end_phase(struct mapper *m, enum phase phase)
{
    switch (phase) {
    case PHASE_PREPARE:
        rdk_say(&m->log, RDK_INFO, "End to prepare the onnx model.");
        say_saving(m, "original_float_model");
        rdk_say(&m->log, RDK_INFO, "Start to optimize the onnx model.");
        mapper_say_folding(&m->log, m->check);
        rdk_say(&m->log, RDK_INFO, "End to optimize the onnx model.");
        say_saving(m, "optimized_float_model");
        break;
    case PHASE_CALIBRATE:
        rdk_say(&m->log, RDK_INFO, "Select %s method.", method_text(m));
        rdk_say(&m->log, RDK_INFO, "End to calibrate the model.");
        say_saving(m, "calibrated_model");
        break;
    case PHASE_QUANTIZE:
        rdk_say(&m->log, RDK_INFO, "End to quantize the model.");
        say_saving(m, "quantized_model");
        break;
    case PHASE_COMPILE:
    case PHASE_NONE:
        break;
    }
}

static void begin_phase(struct mapper *m, enum phase phase)
{
    switch (phase) {
    case PHASE_PREPARE:
        rdk_say(&m->log, RDK_INFO, "Start to prepare the onnx model.");
        mapper_say_network(&m->log, m->check);
        break;
    case PHASE_CALIBRATE:
        rdk_say(&m->log, RDK_INFO, "Start to calibrate the model.");
        for (int i = 0; i < m->n_inputs && m->build.random == 0; i++)
            rdk_say(&m->log, RDK_INFO, "input name: %s,  number_of_samples: %zu", m->input[i].name,
                    m->files.len / (size_t)m->n_inputs);
        if (m->build.random == 0)
            rdk_say(&m->log, RDK_INFO, "There are %zu samples in the data set.",
                    m->files.len / (size_t)m->n_inputs);
        rdk_say(&m->log, RDK_INFO, "Run calibration model with %s method.", method_text(m));
        break;
    case PHASE_QUANTIZE:
        rdk_say(&m->log, RDK_INFO, "Start to quantize the model.");
        break;
    case PHASE_COMPILE:
        rdk_say(&m->log, RDK_INFO, "Start to compile the model with march %s.", m->march);
        break;
    case PHASE_NONE:
        break;
    }
}

static int show_progress(void *ctx, const char *stage, int done, int total)
{
    struct mapper *const m = ctx;
    const enum phase next = phase_of(stage, m->phase);
    if (next != (enum phase)m->phase) {
        progress_clear(&m->progress);
        /* every phase is told, also one in which there was nothing to do */
        while (m->phase < (int)next) {
            end_phase(m, m->phase);
            begin_phase(m, ++m->phase);
        }
    }
    progress_update(&m->progress, stage, done, total);
    return 0;
}

static void show_warning(void *ctx, const char *text)
{
    struct mapper *const m = ctx;
    progress_clear(&m->progress);
    rdk_say(&m->log, RDK_WARNING, "%s", text);
}

itx_status mapper_build(struct mapper *m, struct itx_error *err)
{
    struct itx_build_options *const b = &m->build;
    char *report = NULL;
    const uint64_t start = clock_ns();
    if (access(m->folder, F_OK) != 0)
        rdk_say(&m->log, RDK_INFO, "working_dir does not exist. Creating working_dir: %s",
                m->folder);
    ITX_TRY(file_make_folders(m->folder, err));
    ITX_TRY(say_data(m, err));
    mapper_say_params(m);
    b->name = m->prefix;
    b->onnx_prefix = mapper_text(m, "%s/%s", m->folder, m->prefix);
    if (b->onnx_prefix == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    b->progress = show_progress;
    b->warn = show_warning;
    b->ctx = m;
    rdk_say(&m->log, RDK_INFO, "Start to Horizon NN Model Convert.");
    say_setup(m);
    const itx_status rc = itx_build(m->onnx, m->bin, b, &report, err);
    progress_clear(&m->progress);
    if (rc != ITX_OK) return rc;
    m->report = json_loads(report, 0, NULL);
    itx_text_free(report);
    if (m->report == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    m->consumed_ns = clock_ns() - start;
    return rdk_bin_open(&m->made, m->bin, err);
}
