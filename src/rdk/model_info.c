/* SPDX-License-Identifier: Apache-2.0
 *
 * hb_model_info: how a model was made, and which dequantise nodes were taken off it. What hb_mapper was told is in the
 * metadata as "model_deps_info"; of a model that intarsia built its own options are shown under the same headings.
 */
#include <jansson.h>

#include "base/format.h"
#include "cmd/json.h"
#include "cmd/terminal.h"
#include "rdk/made_name.h"
#include "rdk/model_info.h"
#include "rdk/rdk.h"
#include "rdk/rdk_bin.h"
#include "rdk/rdk_python.h"
#include "rdk/rdk_version.h"
#include "rdk/tensor.h"

struct info_options {
    const char *model;
    bool version, verbose;
};

static const struct option info_rows[] = {
    {"model", 'm', OPTION_TEXT, offsetof(struct info_options, model), "NAME", NULL, 0, 0, false,
     "only this one of several models"},
    {"verbose", 'v', OPTION_FLAG, offsetof(struct info_options, verbose), "", NULL, 0, 0, false,
     "also what calibration said, how near the outputs are, and the layers"},
    {"version", 0, OPTION_FLAG, offsetof(struct info_options, version), "", NULL, 0, 0, false,
     "the version"},
};

/* ---- what the metadata say ---- */

struct meta {
    struct rdk_log *log;
    json_t *root;
    const json_t *options, *calibration, *deps; /* NULL where absent */
};

#define say(m, ...) rdk_say((m)->log, RDK_INFO, __VA_ARGS__)

static void say_field(const struct meta *m, const char *name, const char *value)
{
    if (value[0] != '\0') say(m, "%-20s: %s", name, value);
}

/* "name: value" when there is a value, else `otherwise`, unless that is empty. */
static void say_value(const struct meta *m, const char *name, const json_t *value,
                      const char *otherwise)
{
    struct strbuf text = {0};
    rdk_add_python(&text, value);
    say_field(m, name, text.data != NULL && !text.failed ? text.data : otherwise);
    strbuf_release(&text);
}

/* The same of what hb_mapper was told. */
static void say_dep(const struct meta *m, const char *name, const char *key, const char *otherwise)
{
    say_value(m, name, json_object_get(m->deps, key), otherwise);
}

/* The same of a list with one value for each input. */
static void say_input_dep(const struct meta *m, const char *name, const char *key, int i,
                          const char *otherwise)
{
    say_value(m, name, json_array_get(json_object_get(m->deps, key), (size_t)i), otherwise);
}

static void say_versions(const struct meta *m)
{
    say(m, "############# model deps info #############");
    say_dep(m, "hb_mapper version", "hb_mapper_version", RDK_BUILDER_VERSION);
    say_dep(m, "hbdk version", "hbdk_version", RDK_HBDK_VERSION);
    say_dep(m, "hbdk runtime version", "hbdk_runtime_version", RDK_HBRT_VERSION ".0");
    say_dep(m, "horizon_nn version", "horizon_nn_version", RDK_HORIZON_NN_VERSION);
    say_field(m, "producer", json_text_of(m->root, "producer"));
}

static void say_model(const struct meta *m, const struct plan *plan)
{
    say(m, "############# model_parameters info #############");
    say_dep(m, "onnx_model", "onnx_model", json_text_of(m->root, "source"));
    say_dep(m, "BPU march", "march", RDK_MARCH);
    say_dep(m, "layer_out_dump", "layer_out_dump", "False");
    say_dep(m, "log_level", "log_level", "");
    say_dep(m, "working dir", "working_dir", "");
    say_dep(m, "output_model_file_prefix", "model_prefix", plan->name);
    struct strbuf nodes = {0};
    rdk_add_python(&nodes, json_object_get(m->deps, "node_info"));
    if (nodes.len > 0 && !nodes.failed) say(m, "node info  : %s", nodes.data);
    strbuf_release(&nodes);
}

/* "None" where hb_mapper was not told. */
static void say_layout(const struct meta *m, const struct plan_input *in, int i)
{
    const json_t *const list = json_object_get(m->deps, "input_layout_rt");
    const json_t *const told = json_array_get(list, (size_t)i);
    if (json_is_string(told) && json_string_length(told) == 0)
        say_field(m, "input_layout_rt", "None");
    else
        say_value(m, "input_layout_rt", told, in->kind == PLAN_INPUT_TENSOR ? "NCHW" : "NHWC");
}

static void say_input(const struct meta *m, const struct plan *plan, int i)
{
    static const char *const kinds[] = {
        [PLAN_INPUT_TENSOR] = "featuremap", [PLAN_INPUT_RGB] = "rgb",
        [PLAN_INPUT_BGR] = "bgr",           [PLAN_INPUT_NV12] = "nv12",
        [PLAN_INPUT_GRAY] = "gray",         [PLAN_INPUT_YUV444] = "yuv444"};
    const struct plan_input *const in = &plan->inputs[i];
    const struct plan_tensor *const t = &plan->tensors[in->tensor];
    char shape[64];
    snprintf(shape, sizeof shape, "1x%dx%dx%d", t->c, t->h, t->w);
    say(m, "---------input info : %s ---------", in->name);
    say_field(m, "input_name", in->name);
    say_input_dep(m, "input_type_rt", "input_type_rt", i, kinds[in->kind]);
    say_input_dep(m, "input_space&range", "input_space_and_range", i,
                  in->kind != PLAN_INPUT_NV12 ? ""
                  : in->video_range           ? "bt601_video"
                                              : "regular");
    say_layout(m, in, i);
    say_input_dep(m, "input_type_train", "input_type_train", i,
                  in->kind == PLAN_INPUT_TENSOR ? "featuremap"
                  : in->kind == PLAN_INPUT_GRAY ? "gray"
                                                : "rgb");
    say_input_dep(m, "input_layout_train", "input_layout_train", i, "NCHW");
    say_input_dep(m, "norm_type", "norm_type", i, "");
    say_input_dep(m, "input_shape", "input_shape", i, shape);
    say_input_dep(m, "mean_value", "mean_value", i, "");
    say_input_dep(m, "scale_value", "scale_value", i, "");
    say_input_dep(m, "cal_data_dir", "cal_dir", i, "");
    say_input_dep(m, "cal_data_type", "cal_data_type", i, "");
    say(m, "---------input info : %s end -------", in->name);
}

static void say_inputs(const struct meta *m, const struct plan *plan)
{
    say(m, "############# input_parameters info #############");
    say(m, "------------------------------------------");
    for (int i = 0; i < plan->n_inputs; i++) say_input(m, plan, i);
    say(m, "------------------------------------------");
}

static void say_build(const struct meta *m)
{
    char number[32];
    say(m, "############# calibration_parameters info #############");
    say_dep(m, "preprocess_on", "preprocess_on", "");
    say_dep(m, "calibration_type:", "calibration_type", json_text_of(m->options, "method"));
    say_dep(m, "max_percentile", "max_percentile", "");
    say_dep(m, "per_channel", "per_channel", "");
    say_dep(m, "optimization", "optimization", "");
    format_text(number, sizeof number, "%.0f", json_number(m->calibration, "images"));
    say_field(m, "calibration images", m->calibration != NULL ? number : "");
    say(m, "############# compiler_parameters info #############");
    say_dep(m, "debug", "debug", "");
    say_dep(m, "compile_mode", "compile_mode", "");
    format_text(number, sizeof number, "%.0f", json_number(m->options, "effort"));
    say_field(m, "effort", m->options != NULL ? number : "");
    const json_t *const hbdk = json_object_get(m->deps, "hbdk_params");
    say_value(m, "hbdk_pass_through_params", json_object_get(hbdk, "hbdk_pass_through_params"), "");
    say_value(m, "input-source", json_object_get(hbdk, "input-source"), "");
}

/* ---- details ---- */

static void say_warnings(const struct meta *m)
{
    const json_t *const warnings = json_object_get(m->calibration, "warnings");
    for (size_t i = 0; i < json_array_size(warnings); i++)
        if (json_is_string(json_array_get(warnings, i)))
            say(m, "calibration said: %s", json_string_value(json_array_get(warnings, i)));
}

static void add_number(struct table *t, const json_t *object, const char *key)
{
    const json_t *const value = json_object_get(object, key);
    if (json_is_number(value))
        table_cell(t, COLOR_PLAIN, "%.6f", json_number_value(value));
    else
        table_cell(t, COLOR_PLAIN, "--");
}

static void print_outputs(const struct meta *m)
{
    static const char *const heading[] = {"Output", "Cosine", "L1", "L2", "Chebyshev"};
    static const char *const keys[] = {"cosine", "l1", "l2", "chebyshev"};
    const json_t *const outputs = json_object_get(m->root, "outputs");
    struct table t = {0};
    for (size_t i = 0; i < ARRAY_LEN(heading); i++) table_cell(&t, COLOR_BOLD, "%s", heading[i]);
    table_end_row(&t);
    for (size_t i = 0; i < json_array_size(outputs); i++) {
        const json_t *const output = json_array_get(outputs, i);
        table_cell(&t, COLOR_PLAIN, "%s", json_text_of(output, "name"));
        for (size_t k = 0; k < ARRAY_LEN(keys); k++) add_number(&t, output, keys[k]);
        table_end_row(&t);
    }
    table_print(&t, "lrrrr", stdout);
    table_release(&t);
}

static void print_layers(const struct meta *m)
{
    static const char *const heading[] = {"Node", "Kind", "Stored as", "Cosine"};
    const json_t *const layers = json_object_get(m->root, "layers");
    struct table t = {0};
    for (size_t i = 0; i < ARRAY_LEN(heading); i++) table_cell(&t, COLOR_BOLD, "%s", heading[i]);
    table_end_row(&t);
    for (size_t i = 0; i < json_array_size(layers); i++) {
        const json_t *const layer = json_array_get(layers, i);
        table_cell(&t, COLOR_PLAIN, "%s", json_text_of(layer, "name"));
        table_cell(&t, COLOR_PLAIN, "%s", json_text_of(layer, "type"));
        table_cell(&t, COLOR_PLAIN, "%s", json_text_of(layer, "dtype"));
        add_number(&t, layer, "cosine");
        table_end_row(&t);
    }
    table_print(&t, "lllr", stdout);
    table_release(&t);
}

/* ---- types and deleted nodes ---- */

static void say_types(const struct meta *m, const struct plan *plan, bool inputs)
{
    struct strbuf list = {0};
    const int n = inputs ? plan->n_inputs : plan->n_outputs;
    for (int i = 0; i < n; i++) {
        const struct rdk_tensor t = inputs ? rdk_input(plan, i) : rdk_output(plan, i);
        strbuf_addf(&list, "%s%s", i > 0 ? ", " : "", strrchr(t.type, '_') + 1);
    }
    say(m, "model %s types : [%s]", inputs ? "input" : "output",
        list.data != NULL && !list.failed ? list.data : "");
    strbuf_release(&list);
}

/* Says them and adds them to `text`, a line each. */
static void say_deleted(const struct meta *m, struct strbuf *text)
{
    const json_t *const removed = json_object_get(m->root, "removed_nodes");
    if (json_array_size(removed) > 0) say(m, "--------- deleted nodes -");
    for (size_t i = 0; i < json_array_size(removed); i++) {
        const char *const name = json_string_value(json_array_get(removed, i));
        if (name == NULL) continue;
        say(m, "deleted nodes: %s", name);
        strbuf_addf(text, "%s\n", name);
    }
}

/* The metadata of a model, to be released with json_decref(root). */
static struct meta read_meta(struct rdk_log *log, const struct plan *plan)
{
    struct meta m = {.log = log, .root = json_loads(plan->meta, 0, NULL)};
    m.options = json_object_get(m.root, "options");
    m.calibration = json_object_get(m.root, "calibration");
    m.deps = json_object_get(m.root, "model_deps_info");
    return m;
}

static void say_parameters(const struct meta *m, const struct plan *plan)
{
    say_versions(m);
    say_model(m, plan);
    say_inputs(m, plan);
    say_build(m);
}

void rdk_say_parameters(struct rdk_log *log, const struct plan *plan)
{
    const struct meta m = read_meta(log, plan);
    say_parameters(&m, plan);
    json_decref(m.root);
}

/* The tool writes no log file. */
static void show(const struct plan *plan, bool is_verbose, struct strbuf *deleted)
{
    struct rdk_log log = {0};
    const struct meta m = read_meta(&log, plan);
    say(&m, "******** %s info *********", plan->name);
    say_parameters(&m, plan);
    if (is_verbose) {
        say_warnings(&m);
        print_outputs(&m);
        print_layers(&m);
    }
    say(&m, "--------- input/output types -");
    say_types(&m, plan, true);
    say_types(&m, plan, false);
    say_deleted(&m, deleted);
    json_decref(m.root);
}

static itx_status write_deleted(const char *model, const struct strbuf *text, struct itx_error *err)
{
    struct file_set used = {0};
    struct strbuf path = {0};
    strbuf_addf(&path, "deleted_nodes_info.txt");
    itx_status rc = made_name_note(&used, model, err);
    if (rc == ITX_OK) rc = made_name_write(&used, &path, text->data, text->len, err);
    strbuf_release(&path);
    file_set_release(&used);
    return rc;
}

static itx_status run(const struct info_options *o, const char *path, struct itx_error *err)
{
    struct rdk_bin bin = {0};
    struct rdk_log log = {0};
    struct strbuf deleted = {0};
    const struct plan *one = NULL;
    ITX_TRY(rdk_bin_open(&bin, path, err));
    itx_status rc = o->model != NULL ? rdk_bin_model(&bin, o->model, &one, err) : ITX_OK;
    if (rc == ITX_OK) {
        rdk_say(&log, RDK_INFO, "Start hb_model_info....");
        rdk_say(&log, RDK_INFO, "hb_model_info version %s", RDK_BUILDER_VERSION);
        for (int i = 0; i < bin.file.n_models; i++)
            if (one == NULL || one == &bin.file.models[i])
                show(&bin.file.models[i], o->verbose, &deleted);
    }
    if (deleted.failed) rc = itx_fail(err, ITX_E_NOMEM, "out of memory");
    if (rc == ITX_OK && deleted.len > 0) rc = write_deleted(path, &deleted, err);
    strbuf_release(&deleted);
    rdk_bin_release(&bin);
    return rc;
}

static enum exit_code info_run(const void *options, int n_args, const char *const *args)
{
    const struct info_options *const o = options;
    struct itx_error err;
    if (o->version) {
        printf("hb_model_info, version %s\n", RDK_BUILDER_VERSION);
        return EXIT_DONE;
    }
    if (n_args == 0) return options_wrong(&command_hb_model_info, "the model is missing");
    if (run(o, args[0], &err) == ITX_OK) return EXIT_DONE;
    say_error("%s", err.text);
    return EXIT_FAILED;
}

const struct command command_hb_model_info = {
    "hb_model_info",
    "Says how a model was made",
    "[MODEL.bin]",
    info_rows,
    ARRAY_LEN(info_rows),
    sizeof(struct info_options),
    0,
    1,
    info_run,
    true,
};
