/* SPDX-License-Identifier: Apache-2.0
 *
 * makertbin: what it was told, as the log's dump of the configuration, as the parameters of the build, and as the metadata that
 * hb_model_info prints.
 */
#include <stdlib.h>

#include "base/format.h"
#include "cmd/json.h"
#include "rdk/mapper_work.h"
#include "rdk/rdk_python.h"
#include "rdk/rdk_version.h"

/* A part of the yaml as JSON; NULL without memory. */
static json_t *conf_json(const struct conf_value *value)
{
    if (value->kind == CONF_TEXT) return json_safe_string(value->text);
    json_t *const whole = value->kind == CONF_MAP ? json_object() : json_array();
    for (int i = 0; i < value->n; i++) {
        json_t *const part = conf_json(&value->items[i].value);
        if (value->kind == CONF_MAP)
            json_object_set_new(whole, value->items[i].key, part);
        else
            json_array_append_new(whole, part);
    }
    return whole;
}

/* ---- the dump ---- */

static int by_name(const void *a, const void *b)
{
    const enum mapper_key *const x = a, *const y = b;
    return strcmp(mapper_key_info(*x)->name, mapper_key_info(*y)->name);
}

static void add_value(struct strbuf *text, const struct mapper_key_info *info,
                      const struct mapper_value *v)
{
    if (info->kind == KIND_FLAG) {
        strbuf_addf(text, "%s", v->flag ? "True" : "False");
    } else if (v->item != NULL && v->given != NULL && v->given->kind == CONF_LIST) {
        for (int i = 0; i < v->n; i++)
            strbuf_addf(text, "%s%s", i > 0 ? ";" : "", v->item[i] != NULL ? v->item[i] : "None");
    } else if (v->text != NULL) {
        strbuf_addf(text, "%s", v->text);
    } else if (v->given != NULL) {
        json_t *const value = conf_json(v->given);
        rdk_add_python(text, value);
        json_decref(value);
    }
}

void mapper_add_shape(struct strbuf *text, const char *shape)
{
    for (const char *p = shape; *p != '\0'; p++) strbuf_addf(text, *p == 'x' ? ", " : "%c", *p);
}

/* All groups and their keys in the order of their names, with what counts where nothing is given. */
void mapper_say_config(struct mapper *m)
{
    static const enum mapper_group order[] = {GROUP_CALIBRATION, GROUP_COMPILER, GROUP_CUSTOM_OP,
                                              GROUP_INPUT, GROUP_MODEL};
    struct strbuf text = {0};
    enum mapper_key keys[KEY_COUNT];
    for (int i = 0; i < KEY_COUNT; i++) keys[i] = (enum mapper_key)i;
    qsort(keys, KEY_COUNT, sizeof keys[0], by_name);
    for (size_t g = 0; g < ARRAY_LEN(order); g++) {
        const size_t begin = text.len;
        strbuf_addf(&text, "\n%s:", mapper_group_name(order[g]));
        const size_t head = text.len;
        for (int i = 0; i < KEY_COUNT; i++) {
            const struct mapper_key_info *const info = mapper_key_info(keys[i]);
            const struct mapper_value *const v = mapper_value(m, keys[i]);
            if (info->group != order[g] || (v->given == NULL && v->text == NULL)) continue;
            strbuf_addf(&text, "\n  %s: ", info->name);
            add_value(&text, info, v);
        }
        if (text.len == head) text.len = begin;
    }
    rdk_say(&m->log, RDK_INFO, "Dump config:%.*s", text.failed ? 0 : (int)text.len,
            text.failed ? "" : text.data);
    for (int i = 0; i < m->n_inputs; i++) {
        text.len = 0;
        mapper_add_shape(&text, m->input[i].shape_text);
        rdk_say(&m->log, RDK_INFO, "input '%s' : original model shape: [%s]", m->input[i].name,
                text.failed ? "" : text.data);
    }
    strbuf_release(&text);
}

const char *mapper_input_source(const struct mapper *m, int i)
{
    const struct mapper_input *const in = &m->input[i];
    const bool is_camera = strcmp(in->type_rt, "nv12") == 0 || strcmp(in->type_rt, "gray") == 0;
    const struct conf_value *const given = mapper_value(m, KEY_input_source)->given;
    const struct conf_item *const own = given != NULL ? conf_find(given, in->name) : NULL;
    return own != NULL ? own->value.text : is_camera ? "pyramid" : "ddr";
}

/* ---- the metadata ---- */

static void set_text(json_t *deps, const char *name, const char *text)
{
    json_object_set_new(deps, name, json_safe_string(text));
}

static json_t *list_of_floats(const float *values, size_t n)
{
    json_t *const list = json_array();
    for (size_t i = 0; i < n; i++) json_array_append_new(list, json_real((double)values[i]));
    return list;
}

static void set_flag(struct mapper *m, const char *name, enum mapper_key key)
{
    json_object_set_new(m->deps, name, json_boolean(mapper_value(m, key)->flag));
}

static void set_given(struct mapper *m, const char *name, enum mapper_key key)
{
    const struct mapper_value *const v = mapper_value(m, key);
    if (v->given != NULL) json_object_set_new(m->deps, name, conf_json(v->given));
}

static void set_inputs(struct mapper *m)
{
    static const struct {
        const char *name;
        size_t offset;
    } lists[] = {
        {"input_names", offsetof(struct mapper_input, name)},
        {"input_type_rt", offsetof(struct mapper_input, type_rt)},
        {"input_space_and_range", offsetof(struct mapper_input, range)},
        {"input_type_train", offsetof(struct mapper_input, type_train)},
        {"input_layout_rt", offsetof(struct mapper_input, layout_rt)},
        {"input_layout_train", offsetof(struct mapper_input, layout_train)},
        {"norm_type", offsetof(struct mapper_input, norm)},
        {"scale_value", offsetof(struct mapper_input, scale_text)},
        {"mean_value", offsetof(struct mapper_input, mean_text)},
        {"input_shape", offsetof(struct mapper_input, shape_text)},
        {"cal_dir", offsetof(struct mapper_input, data_dir)},
        {"cal_data_type", offsetof(struct mapper_input, data_type)},
    };
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        json_t *const list = json_array();
        for (int k = 0; k < m->n_inputs; k++) {
            const char *text;
            memcpy(&text, (const char *)&m->input[k] + lists[i].offset, sizeof text);
            json_array_append_new(list, json_safe_string(text != NULL ? text : ""));
        }
        json_object_set_new(m->deps, lists[i].name, list);
    }
    json_object_set_new(m->deps, "input_batch", json_array());
}

/* In the board's words what its compiler would have been told. */
static json_t *hbdk_params(struct mapper *m)
{
    json_t *const hbdk = json_object(), *const source = json_object();
    const char *const level = mapper_value(m, KEY_optimize_level)->text;
    const char *const mode = mapper_value(m, KEY_compile_mode)->text;
    const char *const jobs =
        mapper_value(m, KEY_jobs)->given != NULL ? mapper_value(m, KEY_jobs)->text : NULL;
    const char *const text = mapper_text(m, "--%s%s --core-num 1%s%s%s", level,
                                         mapper_value(m, KEY_debug)->flag ? " --debug" : "",
                                         strcmp(mode, "latency") == 0 ? " --fast" : "",
                                         jobs != NULL ? " --jobs " : "", jobs != NULL ? jobs : "");
    set_text(hbdk, "hbdk_pass_through_params", text != NULL ? text : "");
    for (int i = 0; i < m->n_inputs; i++)
        set_text(source, m->input[i].name, mapper_input_source(m, i));
    json_object_set_new(source, "_default_value", json_string("ddr"));
    json_object_set_new(hbdk, "input-source", source);
    return hbdk;
}

static void set_compiler(struct mapper *m)
{
    json_object_set_new(m->deps, "hbdk_params", hbdk_params(m));
    set_flag(m, "debug", KEY_debug);
    set_text(m->deps, "compile_mode", mapper_value(m, KEY_compile_mode)->text);
}

itx_status mapper_make_deps(struct mapper *m, struct itx_error *err)
{
    m->deps = json_object();
    if (m->deps == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    set_text(m->deps, "hb_mapper_version", RDK_BUILDER_VERSION);
    set_text(m->deps, "hbdk_version", RDK_HBDK_VERSION);
    set_text(m->deps, "hbdk_runtime_version", RDK_HBRT_VERSION ".0");
    set_text(m->deps, "horizon_nn_version", RDK_HORIZON_NN_VERSION);
    set_text(m->deps, "onnx_model", m->onnx);
    set_text(m->deps, "march", m->march);
    set_flag(m, "layer_out_dump", KEY_layer_out_dump);
    set_text(m->deps, "log_level", "DEBUG");
    set_text(m->deps, "working_dir", m->folder);
    set_text(m->deps, "model_prefix", m->prefix);
    set_given(m, "node_info", KEY_node_info);
    set_inputs(m);
    set_flag(m, "preprocess_on", KEY_preprocess_on);
    set_text(m->deps, "calibration_type", mapper_value(m, KEY_calibration_type)->text);
    set_given(m, "max_percentile", KEY_max_percentile);
    set_flag(m, "per_channel", KEY_per_channel);
    set_given(m, "optimization", KEY_optimization);
    set_given(m, "run_on_cpu", KEY_run_on_cpu);
    set_given(m, "remove_node_type", KEY_remove_node_type);
    set_given(m, "remove_node_name", KEY_remove_node_name);
    set_compiler(m);
    struct strbuf text = {0};
    rdk_add_python(&text, m->deps);
    rdk_say(&m->log, RDK_DETAIL, "model_deps_info: %s", text.failed ? "" : text.data);
    const bool failed = text.failed;
    strbuf_release(&text);
    return failed ? itx_fail(err, ITX_E_NOMEM, "out of memory") : ITX_OK;
}

/* ---- the parameters of the build ---- */

/* What the network reads once the input has been converted, by the board's names. */
static const char *expected_type(const char *type_rt)
{
    static const char *const types[][2] = {{"nv12", "YUV444_128"},
                                           {"yuv444", "YUV444_128"},
                                           {"rgb", "RGB_128"},
                                           {"bgr", "BGR_128"},
                                           {"gray", "GRAY_128"}};
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (strcmp(types[i][0], type_rt) == 0) return types[i][1];
    return type_rt;
}

static json_t *input_params(struct mapper *m, const struct mapper_input *in)
{
    json_t *const input = json_object();
    json_t *const shape = json_array();
    const char *p = in->shape_text;
    while (*p != '\0') {
        char *end;
        json_array_append_new(shape, json_integer(strtol(p, &end, 10)));
        p = *end == 'x' ? end + 1 : "";
    }
    json_object_set_new(input, "input_shape", shape);
    set_text(input, "expected_input_type", expected_type(in->type_rt));
    char train[16];
    size_t n = 0;
    for (; in->type_train[n] != '\0' && n + 1 < sizeof train; n++)
        train[n] = ascii_upper(in->type_train[n]);
    train[n] = '\0';
    set_text(input, "original_input_type", train);
    set_text(input, "original_input_layout", in->layout_train);
    if (m->mean.len > 0)
        json_object_set_new(input, "means", list_of_floats(m->mean.data, m->mean.len));
    if (m->scale.len > 0)
        json_object_set_new(input, "scales", list_of_floats(m->scale.data, m->scale.len));
    return input;
}

static json_t *calibration_params(struct mapper *m)
{
    json_t *const cali = json_object(), *const data = json_object();
    set_text(cali, "calibration_type", mapper_value(m, KEY_calibration_type)->text);
    for (int i = 0; i < m->n_inputs && m->build.random == 0; i++)
        set_text(data, m->input[i].name, m->input[i].data_dir);
    json_object_set_new(cali, "calibration_data", data);
    return cali;
}

void mapper_say_params(struct mapper *m)
{
    json_t *const params = json_object(), *const inputs = json_object(),
                  *const optimization = json_array();
    const struct mapper_value *const wishes = mapper_value(m, KEY_optimization);
    const struct mapper_value *const nodes = mapper_value(m, KEY_node_info);
    struct strbuf text = {0};
    set_text(params, "march", m->march);
    json_object_set_new(params, "save_model", json_true());
    set_text(params, "name_prefix", m->prefix);
    for (int i = 0; i < m->n_inputs; i++)
        json_object_set_new(inputs, m->input[i].name, input_params(m, &m->input[i]));
    json_object_set_new(params, "input_dict", inputs);
    json_object_set_new(params, "cali_dict", calibration_params(m));
    json_object_set_new(params, "hbdk_dict", hbdk_params(m));
    json_object_set_new(params, "node_dict",
                        nodes->given != NULL ? conf_json(nodes->given) : json_object());
    json_object_set_new(params, "check_mode", json_false());
    for (int i = 0; i < wishes->n; i++)
        if (wishes->item[i] != NULL)
            json_array_append_new(optimization, json_safe_string(wishes->item[i]));
    json_object_set_new(params, "optimization", optimization);
    rdk_add_python(&text, params);
    rdk_say(&m->log, RDK_DETAIL, "call build params: %s", text.failed ? "" : text.data);
    strbuf_release(&text);
    json_decref(params);
}
