/* SPDX-License-Identifier: Apache-2.0
 *
 * makertbin: input_parameters.
 */
#include <stdlib.h>

#include "base/format.h"
#include "cmd/cmd.h"
#include "cmd/json.h"
#include "rdk/mapper_work.h"

/* Which types the program may be fed (columns) for what the network was trained with (rows). */
enum { TYPE_RGB, TYPE_BGR, TYPE_YUV444, TYPE_NV12, TYPE_GRAY, TYPE_FEATUREMAP, N_TYPES };
static const struct {
    const char *name;
    enum itx_image_format format;
    int n_channels; /* 0: any */
    bool from[N_TYPES];
} types[N_TYPES] = {
    {"rgb", ITX_IMAGE_RGB, 3, {[TYPE_RGB] = 1, [TYPE_BGR] = 1, [TYPE_YUV444] = 1, [TYPE_NV12] = 1}},
    {"bgr", ITX_IMAGE_BGR, 3, {[TYPE_RGB] = 1, [TYPE_BGR] = 1, [TYPE_YUV444] = 1, [TYPE_NV12] = 1}},
    {"yuv444", ITX_IMAGE_YUV444, 3, {[TYPE_YUV444] = 1, [TYPE_NV12] = 1}},
    {"nv12", ITX_IMAGE_NV12, 3, {0}},
    {"gray", ITX_IMAGE_GRAY, 1, {[TYPE_GRAY] = 1}},
    {"featuremap", ITX_IMAGE_NONE, 0, {[TYPE_FEATUREMAP] = 1}},
};

static int type_index(const char *name)
{
    int i = 0;
    while (i < N_TYPES && strcmp(types[i].name, name) != 0) i++;
    return i;
}

/* What a list of values says about input i. */
static const char *value_of(const struct mapper *m, enum mapper_key key, int i)
{
    const struct mapper_value *const v = mapper_value(m, key);
    const char *const text = i < v->n && v->item[i] != NULL ? v->item[i] : "";
    return v->given == NULL && v->text != NULL ? v->text : text;
}

/* ---- the network's own inputs ---- */

static itx_status read_network_input(struct mapper *m, int i, struct itx_error *err)
{
    const json_t *const from = json_array_get(json_object_get(m->check, "inputs"), (size_t)i);
    const json_t *const shape = json_object_get(from, "shape");
    struct mapper_input *const in = &m->input[i];
    struct strbuf text = {0};
    in->name = json_text_of(from, "name");
    in->n_elements = 1;
    for (size_t d = 0; d < json_array_size(shape); d++) {
        const long long n = (long long)json_integer_value(json_array_get(shape, d));
        in->n_elements *= (uint64_t)n;
        strbuf_addf(&text, d > 0 ? "x%lld" : "%lld", n);
    }
    const bool is_nhwc = strcmp(in->layout_train, "NHWC") == 0;
    in->n_channels =
        (int)json_integer_value(json_array_get(shape, is_nhwc ? json_array_size(shape) - 1 : 1));
    in->shape_text = text.failed ? NULL : arena_text(&m->arena, text.data, text.len);
    strbuf_release(&text);
    return in->shape_text != NULL ? ITX_OK : itx_fail(err, ITX_E_NOMEM, "out of memory");
}

/* A list has a value for each input, or is not given. */
static void check_counts(struct mapper *m)
{
    for (int key = 0; key < KEY_COUNT; key++) {
        const struct mapper_key_info *const info = mapper_key_info((enum mapper_key)key);
        const struct mapper_value *const v = &m->values.key[key];
        const bool is_for_inputs = (info->group == GROUP_INPUT && key != KEY_separate_name) ||
                                   key == KEY_cal_data_dir || key == KEY_cal_data_type;
        if (!is_for_inputs || v->given == NULL || v->n == 0 || v->n == m->n_inputs) continue;
        mapper_wrong(m, (enum mapper_key)key, "%d value%s, the network has %d input%s", v->n,
                     v->n == 1 ? "" : "s", m->n_inputs, m->n_inputs == 1 ? "" : "s");
    }
}

static void check_names(struct mapper *m)
{
    const struct mapper_value *const v = mapper_value(m, KEY_input_name);
    const char *names[MAPPER_MAX_INPUTS];
    for (int i = 0; i < m->n_inputs; i++) names[i] = m->input[i].name;
    if (m->n_inputs > 1 && v->given == NULL)
        mapper_wrong(m, KEY_input_name, "is needed, since the network has %d inputs", m->n_inputs);
    for (int i = 0; i < v->n && i < m->n_inputs; i++) {
        if (v->item[i] == NULL || v->item[i][0] == '\0' || strcmp(v->item[i], names[i]) == 0)
            continue;
        const char *const near = nearest_name(v->item[i], names, m->n_inputs);
        mapper_wrong(m, KEY_input_name, "\"%s\": input %d of the network is %s%s", v->item[i], i,
                     names[i], near != NULL && near != names[i] ? ": name them in its order" : "");
    }
}

static void check_shape(struct mapper *m, int i)
{
    const char *const given = value_of(m, KEY_input_shape, i);
    if (given[0] == '\0' || strcmp(given, m->input[i].shape_text) == 0) return;
    mapper_wrong(m, KEY_input_shape,
                 "%s: input %s has the shape %s in the file; shapes are fixed when the network is "
                 "exported",
                 given, m->input[i].name, m->input[i].shape_text);
}

/* ---- types ---- */

static void check_type(struct mapper *m, const struct mapper_input *in)
{
    const int train = type_index(in->type_train), rt = type_index(in->type_rt);
    if (train >= N_TYPES || rt >= N_TYPES) {
        mapper_wrong(m, train >= N_TYPES ? KEY_input_type_train : KEY_input_type_rt,
                     "input %s has none", in->name);
        return;
    }
    if (!types[train].from[rt]) {
        struct strbuf list = {0};
        for (int i = 0; i < N_TYPES; i++)
            if (types[train].from[i])
                strbuf_addf(&list, "%s%s", list.len > 0 ? ", " : "", types[i].name);
        mapper_wrong(m, KEY_input_type_rt,
                     "%s cannot become what the network was trained with, %s: %s", in->type_rt,
                     in->type_train, list.len > 0 && !list.failed ? list.data : "nothing can");
        strbuf_release(&list);
    }
    if (types[train].n_channels != 0 && types[train].n_channels != in->n_channels)
        mapper_wrong(m, KEY_input_type_train,
                     "%s has %d channel%s, input %s of layout %s and shape %s has %d",
                     in->type_train, types[train].n_channels,
                     types[train].n_channels == 1 ? "" : "s", in->name, in->layout_train,
                     in->shape_text, in->n_channels);
    if (in->layout_train[0] == '\0')
        mapper_wrong(m, KEY_input_layout_train, "input %s has none", in->name);
    if (strcmp(in->range, "bt601_video") == 0 && rt != TYPE_NV12)
        mapper_wrong(m, KEY_input_space_and_range, "bt601_video is for nv12, input %s gets %s",
                     in->name, in->type_rt);
}

static void say_layout(struct mapper *m, const struct mapper_input *in)
{
    const bool is_feature = strcmp(in->type_rt, "featuremap") == 0;
    const char *const fed = is_feature ? "NCHW" : "NHWC";
    if (strcmp(in->type_rt, "nv12") == 0) {
        rdk_say(&m->log, RDK_INFO, "nv12 input type rt received.");
        if (in->layout_rt[0] != '\0')
            rdk_say(&m->log, RDK_INFO, "input_layout_rt has no meaning for nv12");
    } else if (in->layout_rt[0] != '\0' && strcmp(in->layout_rt, fed) != 0) {
        rdk_say(&m->log, RDK_WARNING, "input_layout_rt %s: input %s is fed as %s here, %s",
                in->layout_rt, in->name, fed, is_feature ? "plane by plane" : "pixel by pixel");
    }
}

/* ---- mean and scale ---- */

static itx_status add_number(struct mapper *m, bool is_mean, float number, struct itx_error *err)
{
    const bool done = is_mean ? vec_push(&m->mean, number) : vec_push(&m->scale, number);
    return done ? ITX_OK : itx_fail(err, ITX_E_NOMEM, "out of memory");
}

/* The numbers of the yaml, which are checked to be such. */
static itx_status read_numbers(struct mapper *m, const struct mapper_input *in, bool is_mean,
                               struct itx_error *err)
{
    const enum mapper_key key = is_mean ? KEY_mean_value : KEY_scale_value;
    const char *const text = is_mean ? in->mean_text : in->scale_text;
    int n = 0, n_numbers = 0;
    const char *const *const parts = mapper_split(&m->arena, text, " ,", &n);
    if (parts == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (int i = 0; i < n; i++) {
        if (parts[i][0] == '\0') continue;
        const float number = parse_float(parts[i], NULL);
        n_numbers++;
        if (!is_mean && !(number > 0))
            mapper_wrong(m, key, "%s: scales have to be above 0", parts[i]);
        ITX_TRY(add_number(m, is_mean, number, err));
    }
    if (n_numbers == 0)
        mapper_wrong(m, key, "is needed with norm_type: %s", in->norm);
    else if (n_numbers != 1 && n_numbers != in->n_channels)
        mapper_wrong(m, key, "%d numbers, input %s has %d channels", n_numbers, in->name,
                     in->n_channels);
    return ITX_OK;
}

static itx_status read_norm(struct mapper *m, const struct mapper_input *in, struct itx_error *err)
{
    const bool has_mean = strstr(in->norm, "mean") != NULL;
    const bool has_scale = strstr(in->norm, "scale") != NULL;
    if (strcmp(in->type_rt, "featuremap") == 0) {
        if (has_mean || has_scale)
            mapper_wrong(m, KEY_norm_type,
                         "%s: a featuremap is fed as the network takes it, with no_preprocess",
                         in->norm);
        return ITX_OK;
    }
    if (has_mean) ITX_TRY(read_numbers(m, in, true, err));
    if (has_scale) ITX_TRY(read_numbers(m, in, false, err));
    if (!has_mean && !has_scale) {
        ITX_TRY(add_number(m, false, 1, err));
        rdk_say(&m->log, RDK_INFO,
                "norm_type no_preprocess: the network is given pixel values of 0 to 255 as they "
                "are");
    }
    if ((!has_mean && in->mean_text[0] != '\0') || (!has_scale && in->scale_text[0] != '\0'))
        rdk_say(&m->log, RDK_WARNING, "%s is not used with norm_type: %s",
                has_mean || in->mean_text[0] == '\0' ? "scale_value" : "mean_value", in->norm);
    return ITX_OK;
}

/* ---- input_source ---- */

static void check_sources(struct mapper *m)
{
    static const char *const sources[] = {"ddr", "pyramid", "resizer"};
    const struct mapper_value *const v = mapper_value(m, KEY_input_source);
    const struct conf_value *const map = v->given;
    for (int i = 0; i < m->n_inputs && map == NULL; i++) {
        const int rt = type_index(m->input[i].type_rt);
        rdk_say(&m->log, RDK_INFO,
                "Input node %s's input_source not set, it will be set to %s by default",
                m->input[i].name, rt == TYPE_NV12 || rt == TYPE_GRAY ? "pyramid" : "ddr");
    }
    for (int i = 0; map != NULL && map->kind == CONF_MAP && i < map->n; i++) {
        const struct conf_item *const item = &map->items[i];
        bool is_input = strcmp(item->key, "_default_value") == 0;
        for (int k = 0; k < m->n_inputs; k++)
            is_input = is_input || strcmp(item->key, m->input[k].name) == 0;
        const char *const text = item->value.text;
        const char *const near = nearest_name(text, sources, (int)ARRAY_LEN(sources));
        if (!is_input)
            mapper_wrong(m, KEY_input_source, "there is no input \"%s\"", item->key);
        else if (strcmp(text, "resizer") == 0)
            mapper_wrong(
                m, KEY_input_source,
                "resizer: cutting pictures out of pictures is the program's own work here");
        else if (near == NULL || strcmp(near, text) != 0)
            mapper_wrong(m, KEY_input_source, "\"%s\" is not ddr, pyramid or resizer", text);
    }
}

/* ---- all together ---- */

static itx_status read_input(struct mapper *m, int i, struct itx_error *err)
{
    struct mapper_input *const in = &m->input[i];
    in->type_train = value_of(m, KEY_input_type_train, i);
    in->type_rt = value_of(m, KEY_input_type_rt, i);
    in->layout_train = value_of(m, KEY_input_layout_train, i);
    in->layout_rt = value_of(m, KEY_input_layout_rt, i);
    in->range = value_of(m, KEY_input_space_and_range, i);
    in->norm = value_of(m, KEY_norm_type, i);
    if (in->norm[0] == '\0') in->norm = mapper_key_info(KEY_norm_type)->fallback;
    if (in->range[0] == '\0') in->range = mapper_key_info(KEY_input_space_and_range)->fallback;
    in->mean_text = value_of(m, KEY_mean_value, i);
    in->scale_text = value_of(m, KEY_scale_value, i);
    return read_network_input(m, i, err);
}

/* The library takes one description for all inputs: several are feature maps. */
static void fill_build(struct mapper *m)
{
    const struct mapper_input *const in = &m->input[0];
    struct itx_build_options *const b = &m->build;
    const int train = type_index(in->type_train), rt = type_index(in->type_rt);
    for (int i = 1; i < m->n_inputs; i++)
        if (strcmp(m->input[i].type_rt, "featuremap") != 0 || rt != TYPE_FEATUREMAP) {
            mapper_wrong(m, KEY_input_type_rt,
                         "a network with several inputs can be fed featuremaps only");
            return;
        }
    b->input_format = types[rt].format;
    b->input_range = strcmp(in->range, "bt601_video") == 0 ? ITX_RANGE_VIDEO : ITX_RANGE_FULL;
    b->train_format = types[train].format;
    b->mean = m->mean.data;
    b->n_mean = (int)m->mean.len;
    b->scale = m->scale.data;
    b->n_scale = (int)m->scale.len;
}

itx_status mapper_read_inputs(struct mapper *m, struct itx_error *err)
{
    rdk_say(&m->log, RDK_INFO, "validating input_parameters...");
    const size_t n = json_array_size(json_object_get(m->check, "inputs"));
    if (n < 1 || n > MAPPER_MAX_INPUTS)
        return itx_fail(err, ITX_E_UNSUPPORTED, "%s: %zu inputs, 1 to %d are possible", m->onnx, n,
                        MAPPER_MAX_INPUTS);
    m->n_inputs = (int)n;
    for (int i = 0; i < m->n_inputs; i++) ITX_TRY(read_input(m, i, err));
    check_counts(m);
    check_names(m);
    ITX_TRY(mapper_say_mistakes(m, err));
    if (mapper_value(m, KEY_input_name)->n == 0 ||
        mapper_value(m, KEY_input_name)->item[0] == NULL ||
        mapper_value(m, KEY_input_name)->item[0][0] == '\0')
        rdk_say(&m->log, RDK_INFO,
                "Model name not given in yaml_file, using model name from model file");
    if (mapper_value(m, KEY_input_shape)->given == NULL)
        rdk_say(&m->log, RDK_INFO,
                "Model input shape not given in yaml_file, using shape from model file");
    for (int i = 0; i < m->n_inputs; i++) {
        check_shape(m, i);
        check_type(m, &m->input[i]);
    }
    ITX_TRY(mapper_say_mistakes(m, err));
    for (int i = 0; i < m->n_inputs; i++) {
        say_layout(m, &m->input[i]);
        ITX_TRY(read_norm(m, &m->input[i], err));
    }
    fill_build(m);
    check_sources(m);
    if (mapper_value(m, KEY_input_batch)->number > 1)
        mapper_wrong(m, KEY_input_batch,
                     "%s: a .bin takes one picture at a time; several run side by side in threads",
                     mapper_value(m, KEY_input_batch)->text);
    ITX_TRY(mapper_say_mistakes(m, err));
    mapper_say_idle(m, GROUP_INPUT);
    rdk_say(&m->log, RDK_INFO, "validating input_parameters finished");
    return ITX_OK;
}
