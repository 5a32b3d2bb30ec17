/* SPDX-License-Identifier: Apache-2.0
 *
 * makertbin: which nodes get 16 bits. The yaml names nodes of the file and speaks of what they read and make; what has a
 * type in the program is the result of the node that they became part of.
 */
#include <ctype.h>
#include <stdio.h>

#include "cmd/cmd.h"
#include "cmd/json.h"
#include "rdk/mapper_work.h"

static const json_t *all_nodes(const struct mapper *m)
{
    return json_object_get(m->check, "nodes");
}

static const json_t *find_node(const struct mapper *m, const char *name)
{
    const json_t *const nodes = all_nodes(m);
    for (size_t i = 0; i < json_array_size(nodes); i++) {
        const json_t *const node = json_array_get(nodes, i);
        if (strcmp(json_text_of(node, "name"), name) == 0) return node;
    }
    return NULL;
}

/* The member `key` of the nodes that is nearest to `text`; NULL when none is near. */
static const char *nearest_of(const struct mapper *m, const char *key, const char *text)
{
    const json_t *const nodes = all_nodes(m);
    const char *best = NULL;
    int least = 4;
    for (size_t i = 0; i < json_array_size(nodes); i++) {
        const char *const own = json_text_of(json_array_get(nodes, i), key);
        const int d = str_distance(text, own);
        if (d >= least) continue;
        least = d;
        best = own;
    }
    return best;
}

static itx_status add_wide(struct mapper *m, const char *name, struct itx_error *err)
{
    for (size_t i = 0; i < m->int16.len; i++)
        if (strcmp(m->int16.data[i], name) == 0) return ITX_OK;
    return vec_push(&m->int16, name) ? ITX_OK : itx_fail(err, ITX_E_NOMEM, "out of memory");
}

/* What the node makes gets 16 bits, where that is possible. */
static itx_status widen(struct mapper *m, const json_t *node, bool is_told, struct itx_error *err)
{
    const char *const name = json_text_of(node, "name"), *const runs = json_text_of(node, "runs");
    const char *const whole = json_text_of(node, "part_of");
    const char *const why = json_text_of(node, "not_int16");
    if (whole[0] != '\0' && why[0] == '\0') {
        if (is_told && strcmp(whole, name) != 0)
            rdk_say(&m->log, RDK_INFO, "node %s gets 16 bits as part of %s", name, whole);
        else if (is_told)
            rdk_say(&m->log, RDK_INFO, "node %s gets 16 bits", name);
        return add_wide(m, whole, err);
    }
    if (is_told)
        rdk_say(&m->log, RDK_WARNING, "node %s stays as it is: %s", name,
                why[0] != '\0'                  ? why
                : strcmp(runs, "folded") == 0   ? "it is computed beforehand"
                : strcmp(runs, "decoding") == 0 ? "it decodes the outputs, which is done in float"
                                                : "it is part of no other");
    return ITX_OK;
}

/* What the node reads gets 16 bits; only its input `which` unless that is negative. */
static itx_status widen_inputs(struct mapper *m, const json_t *node, int which, bool is_told,
                               struct itx_error *err)
{
    const json_t *const reads = json_object_get(node, "reads");
    const int n = (int)json_array_size(reads);
    if (which >= n && is_told)
        rdk_say(&m->log, RDK_WARNING, "node %s has no input %d that is computed",
                json_text_of(node, "name"), which);
    for (int i = 0; i < n; i++) {
        if (which >= 0 && i != which) continue;
        const char *const name = json_string_value(json_array_get(reads, (size_t)i));
        const json_t *const maker = name != NULL ? find_node(m, name) : NULL;
        if (maker != NULL)
            ITX_TRY(widen(m, maker, is_told, err));
        else if (is_told)
            rdk_say(&m->log, RDK_WARNING, "node %s reads the network's input, which has 8 bits",
                    json_text_of(node, "name"));
    }
    return ITX_OK;
}

/* ---- by name ---- */

static void say_missing(struct mapper *m, enum mapper_key key, const char *name)
{
    const char *const near = nearest_of(m, "name", name);
    rdk_say(&m->log, RDK_WARNING, "%s: there is no node %s in the network, it is skipped%s%s%s",
            mapper_key_info(key)->name, name, near != NULL ? "; did you mean " : "",
            near != NULL ? near : "", near != NULL ? "?" : "");
}

static void wrong_at(struct mapper *m, struct conf_place at, const char *node, const char *what,
                     const char *value, const char *possible)
{
    mapper_mistake(&m->values, m->yaml, at,
                   "model_parameters.node_info: %s: %s%s%s, possible is %s", node, what,
                   value[0] != '\0' ? " " : "", value, possible);
}

/* "InputType", "InputType0", ...: -1, 0, ...; -2 when it is none. */
static int input_number(const char *key)
{
    static const char begin[] = "InputType";
    const size_t n = sizeof begin - 1;
    if (strncmp(key, begin, n) != 0) return -2;
    if (key[n] == '\0') return -1;
    return isdigit((unsigned char)key[n]) && key[n + 1] == '\0' ? key[n] - '0' : -2;
}

static itx_status read_node_field(struct mapper *m, const char *name, const json_t *node,
                                  const struct conf_item *field, struct itx_error *err)
{
    const char *const key = field->key, *const text = field->value.text;
    const int input = input_number(key);
    const bool is_place = strcmp(key, "ON") == 0, is_output = strcmp(key, "OutputType") == 0;
    if (!is_place && !is_output && input == -2) {
        wrong_at(m, field->at, name, "unknown key", key,
                 "ON, InputType, InputType0 ..., OutputType");
        return ITX_OK;
    }
    const bool is_cpu = strcmp(text, "CPU") == 0, is_int16 = strcmp(text, "int16") == 0;
    if (is_place ? !is_cpu && strcmp(text, "BPU") != 0 : !is_int16 && strcmp(text, "int8") != 0) {
        wrong_at(m, field->value.at, name, key, text, is_place ? "BPU or CPU" : "int8 or int16");
        return ITX_OK;
    }
    if (node == NULL) return ITX_OK;
    if (is_cpu)
        rdk_say(&m->log, RDK_INFO, "node %s: ON: CPU means 16 bits instead of float here", name);
    if (is_cpu || (is_output && is_int16)) return widen(m, node, true, err);
    return input != -2 && is_int16 ? widen_inputs(m, node, input, true, err) : ITX_OK;
}

static itx_status read_node_map(struct mapper *m, const struct conf_item *item,
                                struct itx_error *err)
{
    const json_t *const node = find_node(m, item->key);
    if (node == NULL) say_missing(m, KEY_node_info, item->key);
    if (item->value.kind != CONF_MAP) {
        wrong_at(m, item->value.at, item->key, "no map", "", "{ON: BPU, InputType: int8, ...}");
        return ITX_OK;
    }
    for (int i = 0; i < item->value.n; i++)
        ITX_TRY(read_node_field(m, item->key, node, &item->value.items[i], err));
    return ITX_OK;
}

/* "NODE:int16;NODE:int8" */
static itx_status read_short(struct mapper *m, enum mapper_key key, const char *text,
                             struct itx_error *err)
{
    int n = 0;
    const char *const *const parts = mapper_split(&m->arena, text, ";", &n);
    if (parts == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (int i = 0; i < n; i++) {
        if (parts[i][0] == '\0') continue;
        const char *const colon = strrchr(parts[i], ':');
        const char *const type = colon != NULL ? colon + 1 : "";
        const bool is_int16 = strcmp(type, "int16") == 0;
        if (!is_int16 && strcmp(type, "int8") != 0) {
            mapper_wrong(m, key, "\"%s\": NODE:int16 or NODE:int8 is expected", parts[i]);
            continue;
        }
        const char *const name = mapper_text(m, "%.*s", (int)(colon - parts[i]), parts[i]);
        if (name == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
        const json_t *const node = find_node(m, name);
        if (node == NULL)
            say_missing(m, key, name);
        else if (is_int16)
            ITX_TRY(widen(m, node, true, err));
    }
    return ITX_OK;
}

static itx_status read_node_info(struct mapper *m, struct itx_error *err)
{
    const struct mapper_value *const info = mapper_value(m, KEY_node_info);
    const struct mapper_value *const old = mapper_value(m, KEY_set_node_data_type);
    if (old->text != NULL) ITX_TRY(read_short(m, KEY_set_node_data_type, old->text, err));
    if (info->text != NULL) return read_short(m, KEY_node_info, info->text, err);
    for (int i = 0; info->given != NULL && i < info->given->n; i++)
        ITX_TRY(read_node_map(m, &info->given->items[i], err));
    return ITX_OK;
}

static itx_status read_places(struct mapper *m, enum mapper_key key, struct itx_error *err)
{
    const struct mapper_value *const v = mapper_value(m, key);
    for (int i = 0; i < v->n; i++) {
        if (v->item[i] == NULL || v->item[i][0] == '\0') continue;
        const json_t *const node = find_node(m, v->item[i]);
        if (node == NULL)
            say_missing(m, key, v->item[i]);
        else if (key == KEY_run_on_cpu)
            ITX_TRY(widen(m, node, true, err));
    }
    if (v->given != NULL)
        rdk_say(&m->log, RDK_INFO,
                key == KEY_run_on_cpu ? "run_on_cpu means 16 bits instead of float here"
                                      : "run_on_bpu: every node runs in integers in any case");
    return ITX_OK;
}

/* ---- optimization ---- */

static const struct {
    const char *name, *here;
} items[] = {
    {"asymmetric", "activations are asymmetric in any case"},
    {"bias_correction", "biases take up what rounding leaves, from optimize_level O1 on"},
    {"lstm_batch_last", "there are no LSTM nodes"},
    {"set_all_nodes_int16", NULL},
    {"set_model_output_int16", "outputs are integers, exact or of 16 bits; remove_node_type: "
                               "Dequantize hands them out as such"},
    {"set_model_output_int8", "outputs are integers, exact or of 16 bits; remove_node_type: "
                              "Dequantize hands them out as such"},
};

static itx_status widen_all(struct mapper *m, struct itx_error *err)
{
    const json_t *const nodes = all_nodes(m);
    for (size_t i = 0; i < json_array_size(nodes); i++)
        ITX_TRY(widen(m, json_array_get(nodes, i), false, err));
    rdk_say(&m->log, RDK_INFO, "All nodes that can have 16 bits get them: %zu", m->int16.len);
    return ITX_OK;
}

/* "set_KIND_input_int16" */
struct kind_item {
    char kind[64];
    bool is_input, is_int16;
};

static bool parse_kind(const char *text, struct kind_item *k)
{
    char end[16], type[16];
    const char *const at =
        strstr(text, "_input_") != NULL ? strstr(text, "_input_") : strstr(text, "_output_");
    if (strncmp(text, "set_", 4) != 0 || at == NULL || at <= text + 4 ||
        (size_t)(at - text - 4) >= sizeof k->kind)
        return false;
    snprintf(k->kind, sizeof k->kind, "%.*s", (int)(at - text - 4), text + 4);
    if (sscanf(at, "_%15[a-z]_%15s", end, type) != 2) return false;
    k->is_input = strcmp(end, "input") == 0;
    k->is_int16 = strcmp(type, "int16") == 0;
    return k->is_int16 || strcmp(type, "int8") == 0;
}

static itx_status widen_kind(struct mapper *m, const struct kind_item *k, struct itx_error *err)
{
    const json_t *const nodes = all_nodes(m);
    int n = 0;
    for (size_t i = 0; i < json_array_size(nodes); i++) {
        const json_t *const node = json_array_get(nodes, i);
        if (strcmp(json_text_of(node, "type"), k->kind) != 0) continue;
        n++;
        if (!k->is_int16) continue;
        ITX_TRY(k->is_input ? widen_inputs(m, node, -1, true, err) : widen(m, node, true, err));
    }
    const char *const near = n == 0 ? nearest_of(m, "type", k->kind) : NULL;
    if (n == 0)
        rdk_say(&m->log, RDK_WARNING, "optimization: there is no node of type %s%s%s%s", k->kind,
                near != NULL ? ", did you mean " : "", near != NULL ? near : "",
                near != NULL ? "?" : "");
    else
        rdk_say(&m->log, RDK_INFO, "The %s of all %s nodes are set to : %s",
                k->is_input ? "input" : "output", k->kind, k->is_int16 ? "int16" : "int8");
    return ITX_OK;
}

static itx_status read_item(struct mapper *m, const char *text, struct itx_error *err)
{
    const char *names[ARRAY_LEN(items)];
    struct kind_item k;
    for (size_t i = 0; i < ARRAY_LEN(items); i++) {
        names[i] = items[i].name;
        if (strcmp(items[i].name, text) != 0) continue;
        if (items[i].here == NULL) return widen_all(m, err);
        rdk_say(&m->log, RDK_INFO, "optimization: %s has no effect: %s", text, items[i].here);
        return ITX_OK;
    }
    if (parse_kind(text, &k)) return widen_kind(m, &k, err);
    const char *const near = nearest_name(text, names, (int)ARRAY_LEN(names));
    mapper_wrong(m, KEY_optimization, "unknown item \"%s\", %s%s%s", text,
                 near != NULL ? "did you mean " : "known are ",
                 near != NULL ? near
                              : "set_KIND_input_int16, set_KIND_output_int8 and the like, "
                                "set_all_nodes_int16, asymmetric, bias_correction",
                 near != NULL ? "?" : "");
    return ITX_OK;
}

itx_status mapper_read_nodes(struct mapper *m, struct itx_error *err)
{
    const struct mapper_value *const v = mapper_value(m, KEY_optimization);
    ITX_TRY(read_node_info(m, err));
    ITX_TRY(read_places(m, KEY_run_on_cpu, err));
    ITX_TRY(read_places(m, KEY_run_on_bpu, err));
    for (int i = 0; i < v->n; i++)
        if (v->item[i] != NULL && v->item[i][0] != '\0') ITX_TRY(read_item(m, v->item[i], err));
    m->build.int16_nodes = m->int16.data;
    m->build.n_int16_nodes = (int)m->int16.len;
    return mapper_say_mistakes(m, err);
}
