/* SPDX-License-Identifier: Apache-2.0
 *
 * hb_mapper makertbin: from a yaml and an ONNX file to the .bin, with a log that tells it as the board's tool does.
 */
#include <errno.h>
#include <stdarg.h>

#include "base/cpu.h"
#include "base/format.h"
#include "rdk/mapper.h"
#include "rdk/mapper_work.h"
#include "rdk/model_info.h"
#include "rdk/rdk.h"
#include "rdk/rdk_version.h"

/* ---- what the other files use ---- */

const char *mapper_text(struct mapper *m, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    const int n = format_textv(NULL, 0, fmt, again);
    va_end(again);
    char *const text = n < 0 ? NULL : arena_alloc(&m->arena, (size_t)n + 1);
    if (text != NULL) format_textv(text, (size_t)n + 1, fmt, args);
    va_end(args);
    return text;
}

void mapper_wrong(struct mapper *m, enum mapper_key key, const char *fmt, ...)
{
    char text[600];
    const struct mapper_key_info *const info = mapper_key_info(key);
    va_list args;
    va_start(args, fmt);
    format_textv(text, sizeof text, fmt, args);
    va_end(args);
    mapper_mistake(&m->values, m->yaml, mapper_value(m, key)->at, "%s.%s: %s",
                   mapper_group_name(info->group), info->name, text);
}

itx_status mapper_say_mistakes(struct mapper *m, struct itx_error *err)
{
    const int n = m->values.n_mistakes;
    if (n == 0) return ITX_OK;
    if (m->values.mistakes.failed) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (char *line = m->values.mistakes.data; *line != '\0';) {
        const size_t len = strcspn(line, "\n");
        rdk_say(&m->log, RDK_ERROR, "%.*s", (int)len, line);
        line += len + (line[len] != '\0');
    }
    return itx_fail(err, ITX_E_INVAL, "%s: %d mistake%s, nothing is made", m->yaml, n,
                    n == 1 ? "" : "s");
}

void mapper_say_idle(struct mapper *m, enum mapper_group group)
{
    for (int i = 0; i < KEY_COUNT; i++) {
        const struct mapper_key_info *const info = mapper_key_info((enum mapper_key)i);
        if (info->group != group || info->when != WHEN_IDLE || m->values.key[i].given == NULL)
            continue;
        rdk_say(&m->log, RDK_INFO, "%s has no effect: %s", info->name, info->here);
    }
}

/* ---- the yaml ---- */

static itx_status read_yaml(struct mapper *m, const char *path, struct itx_error *err)
{
    struct file_bytes map = {0};
    m->yaml = path;
    ITX_TRY(file_read(&map, path, SIZE_MAX, err));
    const itx_status rc = mapper_values_read(&m->values, path, map.data, map.size, err);
    file_bytes_release(&map);
    return rc;
}

static void add_quoted(struct strbuf *text, const char *value)
{
    strbuf_addf(text, "'");
    for (const char *p = value; *p != '\0'; p++) strbuf_addf(text, *p == '\'' ? "''" : "%c", *p);
    strbuf_addf(text, "'");
}

/* What the network's inputs are when nobody says it: pictures by their channels. */
static const char *guess_types(const struct mapper_options *o, const char **rt,
                               struct itx_error *err)
{
    char *report = NULL;
    if (itx_check(o->model, &report, err) != ITX_OK) return NULL;
    json_t *const check = json_loads(report, 0, NULL);
    itx_text_free(report);
    const json_t *const inputs = json_object_get(check, "inputs");
    const json_t *const shape = json_object_get(json_array_get(inputs, 0), "shape");
    const json_int_t c =
        json_array_size(shape) == 4 ? json_integer_value(json_array_get(shape, 1)) : 0;
    const bool is_one = json_array_size(inputs) == 1;
    json_decref(check);
    *rt = is_one && c == 3 ? "nv12" : is_one && c == 1 ? "gray" : "featuremap";
    return is_one && c == 3 ? "rgb" : *rt;
}

/* The yaml that --fast-perf stands for. */
static itx_status make_yaml(struct mapper *m, const struct mapper_options *o, struct itx_error *err)
{
    struct strbuf text = {0};
    const char *rt = NULL;
    const char *const train = guess_types(o, &rt, err);
    if (train == NULL) return err->code;
    const struct str stem = rdk_stem(o->model);
    const char *const prefix = mapper_text(m, "%.*s", (int)stem.len, stem.data);
    m->yaml = "--fast-perf";
    strbuf_addf(&text, "model_parameters:\n  march: %s\n  onnx_model: ", o->march);
    add_quoted(&text, o->model);
    strbuf_addf(&text, "\n  output_model_file_prefix: ");
    add_quoted(&text, prefix != NULL ? prefix : "");
    const bool is_picture = strcmp(rt, "featuremap") != 0;
    strbuf_addf(&text,
                "\n  remove_node_type: %sDequantize\n"
                "input_parameters:\n  input_type_rt: %s\n  input_type_train: %s\n"
                "  input_layout_train: NCHW\n%s"
                "calibration_parameters:\n  calibration_type: skip\n"
                "compiler_parameters:\n  optimize_level: O0\n",
                is_picture ? "" : "Quantize;", rt, train,
                is_picture ? "  norm_type: data_scale\n  scale_value: 0.003921568627451\n" : "");
    const itx_status rc = text.failed || prefix == NULL
                              ? itx_fail(err, ITX_E_NOMEM, "out of memory")
                              : mapper_values_read(&m->values, m->yaml, text.data, text.len, err);
    strbuf_release(&text);
    return rc;
}

static void read_compiler(struct mapper *m)
{
    const struct mapper_value *const jobs = mapper_value(m, KEY_jobs);
    m->build.effort = strcmp(mapper_value(m, KEY_optimize_level)->text, "O0") == 0 ? 0 : 1;
    if (jobs->given != NULL)
        m->build.n_threads = jobs->number < cpu_count() ? (int)jobs->number : cpu_count();
}

static void say_compiler(struct mapper *m)
{
    rdk_say(&m->log, RDK_INFO, "validating compiler_parameters...");
    rdk_say(&m->log, RDK_INFO, "optimize_level %s: effort %d of 3 for accuracy",
            mapper_value(m, KEY_optimize_level)->text, m->build.effort);
    mapper_say_idle(m, GROUP_COMPILER);
    rdk_say(&m->log, RDK_INFO, "validating compiler_parameters finished");
}

static void say_custom(struct mapper *m)
{
    rdk_say(&m->log, RDK_INFO, "validating custom_op...");
    if (m->values.has_group[GROUP_CUSTOM_OP])
        mapper_say_idle(m, GROUP_CUSTOM_OP);
    else
        rdk_say(&m->log, RDK_INFO, "custom_op does not exist, skipped");
    rdk_say(&m->log, RDK_INFO, "validating custom_op finished");
}

/* They are obeyed all the same. */
static void say_deprecated(struct mapper *m)
{
    static const enum mapper_key keys[] = {KEY_set_node_data_type, KEY_run_on_cpu, KEY_run_on_bpu};
    rdk_say(&m->log, RDK_INFO, "validating deprecated parameters...");
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (mapper_value(m, keys[i])->given != NULL)
            rdk_say(&m->log, RDK_WARNING, "%s is deprecated: node_info says the same",
                    mapper_key_info(keys[i])->name);
    rdk_say(&m->log, RDK_INFO, "validating deprecated parameters finished");
}

static itx_status configure(struct mapper *m, const struct mapper_options *o, struct itx_error *err)
{
    ITX_TRY(o->fast_perf ? make_yaml(m, o, err) : read_yaml(m, o->config, err));
    if (mapper_value(m, KEY_caffe_model)->given != NULL ||
        mapper_value(m, KEY_prototxt)->given != NULL)
        return itx_fail(err, ITX_E_UNSUPPORTED,
                        "%s: caffe networks are not read: export the network as ONNX", m->yaml);
    ITX_TRY(mapper_say_mistakes(m, err));
    read_compiler(m);
    ITX_TRY(mapper_read_model(m, err));
    ITX_TRY(mapper_read_inputs(m, err));
    ITX_TRY(mapper_read_calibration(m, err));
    say_custom(m);
    say_compiler(m);
    say_deprecated(m);
    mapper_say_config(m);
    return ITX_OK;
}

static itx_status make(struct mapper *m, const struct mapper_options *o, struct itx_error *err)
{
    rdk_say(&m->log, RDK_INFO, "Start hb_mapper....");
    rdk_say(&m->log, RDK_INFO, "hbdk version %s", RDK_HBDK_VERSION);
    rdk_say(&m->log, RDK_INFO, "horizon_nn version %s", RDK_HORIZON_NN_VERSION);
    rdk_say(&m->log, RDK_INFO, "hb_mapper version %s", RDK_BUILDER_VERSION);
    rdk_say(&m->log, RDK_INFO, "Start Model Convert....");
    ITX_TRY(configure(m, o, err));
    ITX_TRY(mapper_build(m, err));
    ITX_TRY(mapper_estimate(m, err));
    ITX_TRY(mapper_compare_input(m, err));
    mapper_say_tables(m);
    rdk_say(&m->log, RDK_INFO, "End to Horizon NN Model Convert.");
    ITX_TRY(mapper_finish_bin(m, err));
    rdk_say_parameters(&m->log, &m->made.file.models[0]);
    rdk_say(&m->log, RDK_INFO, "Convert to runtime bin file successfully!");
    rdk_say(&m->log, RDK_INFO, "End Model Convert");
    return ITX_OK;
}

static void release(struct mapper *m)
{
    rdk_log_close(&m->log);
    rdk_bin_release(&m->made);
    mapper_values_release(&m->values);
    vec_release(&m->mean);
    vec_release(&m->scale);
    vec_release(&m->int16);
    vec_release(&m->files);
    json_decref(m->check);
    json_decref(m->report);
    json_decref(m->deps);
    arena_release(&m->arena);
}

static itx_status check_arguments(const struct mapper_options *o, int n_args, struct itx_error *err)
{
    ITX_TRY(mapper_check_type(o, err));
    if (n_args > o->input_shape.n) return itx_fail(err, ITX_E_INVAL, "an argument too many");
    if (o->fast_perf && o->config != NULL)
        return itx_fail(err, ITX_E_INVAL, "--fast-perf takes no --config");
    if (!o->fast_perf && o->config == NULL)
        return itx_fail(err, ITX_E_INVAL,
                        "--config FILE is missing, or --fast-perf --march M --model FILE");
    if (!o->fast_perf && (o->model != NULL || o->march != NULL || o->input_shape.n > 0))
        return itx_fail(err, ITX_E_INVAL, "%s goes with --fast-perf: without it the yaml says that",
                        o->model != NULL   ? "--model"
                        : o->march != NULL ? "--march"
                                           : "--input-shape");
    if (!o->fast_perf) return ITX_OK;
    ITX_TRY(mapper_check_march(o, err));
    if (o->model == NULL) return itx_fail(err, ITX_E_INVAL, "--model is missing");
    if (o->input_shape.n > 0)
        return itx_fail(err, ITX_E_UNSUPPORTED,
                        "--input-shape: shapes are fixed when the network is exported");
    return ITX_OK;
}

enum exit_code mapper_makertbin(const struct mapper_options *o, int n_args)
{
    struct mapper m = {.yaml = "", .build = ITX_BUILD_OPTIONS_INIT};
    struct itx_error err = {.text = ""};
    m.build.max_pixels = o->max_pixels;
    itx_status rc = check_arguments(o, n_args, &err);
    if (rc != ITX_OK) return options_wrong(&command_hb_mapper, "makertbin: %s", err.text);
    rc = rdk_log_open(&m.log, "hb_mapper_makertbin.log", o->fast_perf ? o->model : o->config, &err);
    if (rc == ITX_OK) rc = make(&m, o, &err);
    if (rc != ITX_OK && m.log.file != NULL)
        rdk_say(&m.log, RDK_ERROR, "%s", err.text);
    else if (rc != ITX_OK)
        say_error("%s", err.text);
    release(&m);
    return rc == ITX_OK ? EXIT_DONE : EXIT_FAILED;
}
