/* SPDX-License-Identifier: Apache-2.0
 *
 * hb_model_modifier: takes quantise nodes off a model's inputs and dequantise nodes off its outputs, which then are
 * integers with scales. Nothing is computed again: the numbers are those behind the one node and before the other.
 */
#include <inttypes.h>
#include <unistd.h>

#include <jansson.h>

#include "base/mem.h"
#include "base/vec.h"
#include "cmd/json.h"
#include "cmd/terminal.h"
#include "rdk/made_name.h"
#include "rdk/modifier.h"
#include "rdk/rdk.h"

struct modifier_options {
    const char *model_file, *output;
    struct option_list remove, all;
};

static const struct option modifier_rows[] = {
    {"model_file", 0, OPTION_TEXT, offsetof(struct modifier_options, model_file), "MODEL.bin", NULL,
     0, 0, false, "the model, if it is not the argument"},
    {"remove", 'r', OPTION_LIST, offsetof(struct modifier_options, remove), "NODE", NULL, 0, 0,
     false, "remove this node; may be given again and again"},
    {"all", 'a', OPTION_LIST, offsetof(struct modifier_options, all), "TYPE", NULL, 0, 0, false,
     "remove every node of this type (Dequantize, Quantize); may be given again and again"},
    {"output", 'o', OPTION_TEXT, offsetof(struct modifier_options, output), "OUT.bin", NULL, 0, 0,
     false, "the file to write; without it NAME_modified.bin in the current folder"},
};

/* Types that the board's tool can take off. Here there are only nodes of the first two: the others that a network has at
 * its ends are part of the steps. */
enum { DEQUANTIZE, QUANTIZE };
static const char *const types[] = {"Dequantize", "Quantize", "DequantizeFilter", "Transpose",
                                    "Cast",       "Reshape",  "Softmax"};

/* A node that can go. */
struct end_node {
    int type;         /* DEQUANTIZE, of an output; QUANTIZE, of an input */
    int port;         /* of these */
    const char *name; /* its own; of what it reads, of the scales, of what it makes */
    const char *tensor, *scale, *made;
    const struct plan_tensor *stored;
};

struct modifier {
    struct rdk_log *log;
    struct plan *plan;
    struct arena *arena; /* for names */
    VEC(struct end_node) nodes;
    VEC(size_t) chosen; /* of nodes: which go, in the order in which they were named */
};

/* ---- what there is ---- */

static itx_status no_memory(struct itx_error *err)
{
    return itx_fail(err, ITX_E_NOMEM, "out of memory");
}

/* "NAME" and an ending, in the arena; NULL without memory. */
static const char *join(struct modifier *m, struct str name, const char *ending)
{
    struct strbuf text = {0};
    strbuf_addf(&text, "%.*s%s", (int)name.len, name.data, ending);
    const char *const made = text.failed ? NULL : arena_text(m->arena, text.data, text.len);
    strbuf_release(&text);
    return made;
}

static itx_status add_node(struct modifier *m, const struct end_node *n, struct itx_error *err)
{
    if (n->name == NULL || n->tensor == NULL || n->scale == NULL || n->made == NULL ||
        !vec_push(&m->nodes, *n))
        return no_memory(err);
    return ITX_OK;
}

/* Called after the input and the node that reads it, like the board's. */
static itx_status add_quantise(struct modifier *m, int i, struct itx_error *err)
{
    const struct plan_input *const in = &m->plan->inputs[i];
    const struct str name = {in->name, strlen(in->name)};
    const struct plan_step *const s = rdk_reader(m->plan, in->tensor);
    const char *own = in->name;
    if (s != NULL) {
        const char *const stem = join(m, name, "_");
        own = stem != NULL ? join(m, (struct str){stem, strlen(stem)}, s->name) : NULL;
        if (own == NULL) return no_memory(err);
    }
    const struct end_node n = {
        .type = QUANTIZE,
        .port = i,
        .name = join(m, (struct str){own, strlen(own)}, "_HzQuantize"),
        .tensor = in->name,
        .scale = join(m, name, "_HzCalibration_y_scale"),
        .made = join(m, name, "_quantized"),
        .stored = &m->plan->tensors[in->tensor],
    };
    return add_node(m, &n, err);
}

static itx_status add_dequantise(struct modifier *m, int i, struct itx_error *err)
{
    const struct plan_output *const out = &m->plan->outputs[i];
    const struct plan_tensor *const t = &m->plan->tensors[out->tensor];
    const struct plan_step *const s = rdk_writer(m->plan, out->tensor);
    const struct str name = rdk_dequantized_tensor(out->dequantize);
    const bool is_per_channel = t->n_quant > 1 && s != NULL;
    const struct end_node n = {
        .type = DEQUANTIZE,
        .port = i,
        .name = out->dequantize,
        .tensor = join(m, name, "_quantized"),
        .scale = is_per_channel ? join(m, (struct str){s->name, strlen(s->name)}, "_x_scale")
                                : join(m, name, "_HzCalibration_y_scale"),
        .made = out->name,
        .stored = t,
    };
    return add_node(m, &n, err);
}

static itx_status find_nodes(struct modifier *m, struct itx_error *err)
{
    for (int i = 0; i < m->plan->n_inputs; i++)
        if (rdk_is_float_input(&m->plan->inputs[i])) ITX_TRY(add_quantise(m, i, err));
    for (int i = 0; i < m->plan->n_outputs; i++)
        if (rdk_is_float_output(&m->plan->outputs[i])) ITX_TRY(add_dequantise(m, i, err));
    return ITX_OK;
}

static void release(struct modifier *m)
{
    vec_release(&m->nodes);
    vec_release(&m->chosen);
}

static void write_details(struct modifier *m)
{
    for (size_t i = 0; i < m->nodes.len; i++) {
        const struct end_node *const n = &m->nodes.data[i];
        rdk_say(m->log, RDK_DETAIL, "input: \"%s\"\ninput: \"%s\"\noutput: \"%s\"\nname: \"%s\"\n",
                n->tensor, n->scale, n->made, n->name);
    }
}

/* "['a', 'b']" */
static void add_name(struct strbuf *list, const char *name)
{
    strbuf_addf(list, "%s'%s'", list->len > 0 ? ", " : "", name);
}

static void say_list(struct modifier *m, const char *what, const struct strbuf *list)
{
    rdk_say(m->log, RDK_INFO, "%s: [%s]", what, list->len > 0 && !list->failed ? list->data : "");
}

static void list_nodes(struct modifier *m)
{
    struct strbuf list = {0};
    for (size_t i = 0; i < m->nodes.len; i++) add_name(&list, m->nodes.data[i].name);
    say_list(m, "Nodes that can be deleted", &list);
    strbuf_release(&list);
}

/* ---- what shall go ---- */

static itx_status choose(struct modifier *m, size_t node, struct itx_error *err)
{
    for (size_t i = 0; i < m->chosen.len; i++)
        if (m->chosen.data[i] == node) return ITX_OK;
    return vec_push(&m->chosen, node) ? ITX_OK : no_memory(err);
}

static itx_status choose_node(struct modifier *m, const char *name, struct itx_error *err)
{
    const char *names[2 * PLAN_MAX_IO];
    if (strpbrk(name, ";,") != NULL)
        return itx_fail(err, ITX_E_INVAL, "%s: a node's name has no ; or ,", name);
    for (size_t i = 0; i < m->nodes.len; i++) {
        names[i] = m->nodes.data[i].name;
        if (strcmp(name, names[i]) == 0) return choose(m, i, err);
    }
    const char *const near = nearest_name(name, names, (int)m->nodes.len);
    if (near != NULL)
        rdk_say(m->log, RDK_WARNING, "Node '%s' is not found and skipped, did you mean '%s'?", name,
                near);
    else
        rdk_say(m->log, RDK_WARNING, "Node '%s' is not found and skipped", name);
    return ITX_OK;
}

static itx_status choose_type(struct modifier *m, const char *type, struct itx_error *err)
{
    const char *const near = nearest_name(type, types, ARRAY_LEN(types));
    if (near == NULL || strcmp(near, type) != 0)
        return near != NULL
                   ? itx_fail(err, ITX_E_INVAL, "unknown type %s, did you mean %s?", type, near)
                   : itx_fail(err, ITX_E_INVAL,
                              "unknown type %s, removable are nodes of types Dequantize and "
                              "Quantize",
                              type);
    const size_t before = m->chosen.len;
    for (size_t i = 0; i < m->nodes.len; i++)
        if (strcmp(type, types[m->nodes.data[i].type]) == 0) ITX_TRY(choose(m, i, err));
    if (m->chosen.len == before)
        rdk_say(m->log, RDK_WARNING, "there is no further node of type '%s' at an input or output",
                type);
    return ITX_OK;
}

/* ---- removing ---- */

static void remove_node(struct modifier *m, const struct end_node *n)
{
    const char *const type = types[n->type];
    rdk_say(m->log, RDK_INFO, "Node '%s' found, its OP type is '%s'", n->name, type);
    if (n->stored->n_quant == 1)
        rdk_say(m->log, RDK_WARNING, "node name is %s, op type is %s, no axis information", n->name,
                type);
    rdk_say(m->log, RDK_INFO,
            "scale: %s; zero point: %" PRId32
            ". node info details are stored in hb_model_modifier log file",
            n->scale, n->stored->zero_point[0]);
    rdk_say(m->log, RDK_INFO, "Node '%s' is removed", n->name);
    if (n->type == QUANTIZE)
        m->plan->inputs[n->port].is_stored = 1;
    else
        m->plan->outputs[n->port].dequantize = "";
}

/* The metadata with the names added to "removed_nodes", for hb_model_info. */
static itx_status add_to_meta(struct modifier *m, struct itx_error *err)
{
    json_t *meta = json_loads(m->plan->meta, 0, NULL);
    if (!json_is_object(meta)) {
        json_decref(meta);
        meta = json_object();
    }
    json_t *removed = json_object_get(meta, "removed_nodes");
    if (!json_is_array(removed)) {
        removed = json_array();
        json_object_set_new(meta, "removed_nodes", removed);
    }
    for (size_t i = 0; i < m->chosen.len; i++)
        json_array_append_new(removed, json_safe_string(m->nodes.data[m->chosen.data[i]].name));
    struct strbuf text = {0};
    const bool done = json_add_text(&text, meta, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(meta);
    m->plan->meta = done ? arena_text(m->arena, text.data, text.len) : NULL;
    strbuf_release(&text);
    return m->plan->meta != NULL ? ITX_OK : no_memory(err);
}

static itx_status remove_chosen(struct modifier *m, struct itx_error *err)
{
    struct strbuf list = {0};
    for (size_t i = 0; i < m->chosen.len; i++)
        add_name(&list, m->nodes.data[m->chosen.data[i]].name);
    say_list(m, "Nodes that will be removed from this model", &list);
    strbuf_release(&list);
    ITX_TRY(add_to_meta(m, err));
    for (size_t i = 0; i < m->chosen.len; i++) remove_node(m, &m->nodes.data[m->chosen.data[i]]);
    return ITX_OK;
}

static itx_status choose_all(struct modifier *m, const struct rdk_removal *what,
                             struct itx_error *err)
{
    for (int i = 0; i < what->n_names; i++) ITX_TRY(choose_node(m, what->names[i], err));
    for (int i = 0; i < what->n_types; i++) ITX_TRY(choose_type(m, what->types[i], err));
    return ITX_OK;
}

itx_status rdk_remove_nodes(struct rdk_log *log, struct plan *plan, struct arena *arena,
                            const struct rdk_removal *what, int *n_removed, struct itx_error *err)
{
    struct modifier m = {.log = log, .plan = plan, .arena = arena};
    itx_status rc = find_nodes(&m, err);
    if (rc == ITX_OK) rc = choose_all(&m, what, err);
    *n_removed = (int)m.chosen.len;
    if (rc == ITX_OK && m.chosen.len > 0) rc = remove_chosen(&m, err);
    release(&m);
    return rc;
}

/* ---- the command ---- */

static itx_status write_model(struct rdk_log *log, const struct plan *model, const char *source,
                              const char *output, struct itx_error *err)
{
    struct strbuf path = {0};
    const struct str stem = rdk_stem(source);
    if (output != NULL)
        strbuf_addf(&path, "%s", output);
    else
        strbuf_addf(&path, "%.*s_modified.bin", (int)stem.len, stem.data);
    void *data = NULL;
    size_t size = 0;
    struct file_set used = {0};
    itx_status rc = made_name_note(&used, source, err);
    if (output == NULL) made_name_choose(&used, &path);
    if (rc == ITX_OK)
        rc = path.failed ? itx_fail(err, ITX_E_NOMEM, "out of memory")
                         : plan_write(&model, 1, &data, &size, err);
    if (rc == ITX_OK) rc = file_write(path.data, data, size, err);
    if (rc == ITX_OK) rdk_say(log, RDK_INFO, "modified model saved as %s", path.data);
    mem_free(data);
    strbuf_release(&path);
    file_set_release(&used);
    return rc;
}

/* The page's command leaves ".bin" out. */
static itx_status open_model(struct rdk_bin *bin, const char *path, struct itx_error *err)
{
    struct strbuf longer = {0};
    strbuf_addf(&longer, "%s.bin", path);
    const bool is_short =
        access(path, F_OK) != 0 && !longer.failed && access(longer.data, F_OK) == 0;
    itx_status rc = rdk_bin_open(bin, is_short ? longer.data : path, err);
    strbuf_release(&longer);
    if (rc == ITX_OK && bin->file.n_models > 1)
        rc =
            itx_fail(err, ITX_E_UNSUPPORTED, "%s: pack model is not supported (it holds %d models)",
                     path, bin->file.n_models);
    return rc;
}

/* The log file gets what every node is like, the console their names where no node was named. */
static itx_status show(struct rdk_log *log, struct rdk_bin *bin, bool with_list,
                       struct itx_error *err)
{
    struct modifier m = {.log = log, .plan = &bin->file.models[0], .arena = &bin->file.arena};
    const itx_status rc = find_nodes(&m, err);
    if (rc == ITX_OK) write_details(&m);
    if (rc == ITX_OK && with_list) list_nodes(&m);
    release(&m);
    return rc;
}

static itx_status modify(struct rdk_log *log, struct rdk_bin *bin, const char *path,
                         const struct modifier_options *o, struct itx_error *err)
{
    const struct rdk_removal what = {o->remove.item, o->remove.n, o->all.item, o->all.n};
    const bool only_lists = what.n_names == 0 && what.n_types == 0;
    int n_removed = 0;
    ITX_TRY(open_model(bin, path, err));
    if (o->output != NULL) ITX_TRY(file_check_target(o->output, err));
    ITX_TRY(rdk_log_open(log, "hb_model_modifier.log", path, err));
    ITX_TRY(show(log, bin, only_lists, err));
    if (only_lists) return ITX_OK;
    struct plan *const model = &bin->file.models[0];
    ITX_TRY(rdk_remove_nodes(log, model, &bin->file.arena, &what, &n_removed, err));
    if (n_removed == 0)
        return itx_fail(err, ITX_E_RANGE,
                        "none of these nodes is in the model, nothing is written");
    return write_model(log, model, path, o->output, err);
}

static enum exit_code modifier_run(const void *options, int n_args, const char *const *args)
{
    const struct modifier_options *const o = options;
    struct rdk_log log = {0};
    struct rdk_bin bin = {0};
    struct itx_error err;
    if ((n_args > 0) == (o->model_file != NULL))
        return options_wrong(&command_hb_model_modifier, "%s",
                             n_args > 0 ? "the model is given twice" : "the model is missing");
    const itx_status rc = modify(&log, &bin, n_args > 0 ? args[0] : o->model_file, o, &err);
    if (rc != ITX_OK && log.file != NULL)
        rdk_say(&log, RDK_ERROR, "%s", err.text);
    else if (rc != ITX_OK)
        say_error("%s", err.text);
    rdk_log_close(&log);
    rdk_bin_release(&bin);
    return rc == ITX_OK ? EXIT_DONE : EXIT_FAILED;
}

const struct command command_hb_model_modifier = {
    "hb_model_modifier",
    "Takes quantise nodes off a model's inputs and dequantise nodes off its outputs, or lists them",
    "[MODEL.bin]",
    modifier_rows,
    ARRAY_LEN(modifier_rows),
    sizeof(struct modifier_options),
    0,
    1,
    modifier_run,
    true,
};
