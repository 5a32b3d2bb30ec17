/* SPDX-License-Identifier: Apache-2.0
 *
 * hb_model_modifier: takes dequantise nodes off a model's outputs, which then are integers with scales. Nothing is
 * computed again: the numbers are those that stood before the node.
 */
#include <inttypes.h>
#include <unistd.h>

#include <jansson.h>

#include "base/mem.h"
#include "base/vec.h"
#include "cmd/json.h"
#include "cmd/terminal.h"
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
     "remove every node of this type (Dequantize); may be given again and again"},
    {"output", 'o', OPTION_TEXT, offsetof(struct modifier_options, output), "OUT.bin", NULL, 0, 0,
     false, "the file to write; without it NAME_modified.bin in the current folder"},
};

/* Types that the board's tool can take off. Here there are only nodes of the first: the others that a network has at its
 * ends are part of the steps before. */
static const char *const types[] = {"Dequantize", "DequantizeFilter", "Quantize", "Transpose",
                                    "Cast",       "Reshape",          "Softmax"};

struct modifier {
    struct rdk_log *log;
    struct plan *plan;
    VEC(int) outputs; /* whose nodes go, in the order in which they were named */
};

/* ---- what there is ---- */

/* The names of the node's two inputs: the integers and their scales. */
static void node_inputs(const struct plan *plan, const struct plan_output *output,
                        struct strbuf *tensor, struct strbuf *scale)
{
    const struct str name = rdk_dequantized_tensor(output->dequantize);
    const struct plan_step *const s = rdk_writer(plan, output->tensor);
    strbuf_addf(tensor, "%.*s_quantized", (int)name.len, name.data);
    if (plan->tensors[output->tensor].n_quant > 1 && s != NULL)
        strbuf_addf(scale, "%s_x_scale", s->name);
    else
        strbuf_addf(scale, "%.*s_HzCalibration_y_scale", (int)name.len, name.data);
}

static void write_details(struct modifier *m)
{
    for (int i = 0; i < m->plan->n_outputs; i++) {
        const struct plan_output *const out = &m->plan->outputs[i];
        struct strbuf tensor = {0}, scale = {0};
        if (!rdk_is_float_output(out)) continue;
        node_inputs(m->plan, out, &tensor, &scale);
        if (!tensor.failed && !scale.failed)
            rdk_say(m->log, RDK_DETAIL,
                    "input: \"%s\"\ninput: \"%s\"\noutput: \"%s\"\nname: \"%s\"\n", tensor.data,
                    scale.data, out->name, out->dequantize);
        strbuf_release(&tensor);
        strbuf_release(&scale);
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
    for (int i = 0; i < m->plan->n_outputs; i++)
        if (rdk_is_float_output(&m->plan->outputs[i]))
            add_name(&list, m->plan->outputs[i].dequantize);
    say_list(m, "Nodes that can be deleted", &list);
    strbuf_release(&list);
}

/* ---- what shall go ---- */

static itx_status choose_output(struct modifier *m, int output, struct itx_error *err)
{
    for (size_t i = 0; i < m->outputs.len; i++)
        if (m->outputs.data[i] == output) return ITX_OK;
    return vec_push(&m->outputs, output) ? ITX_OK : itx_fail(err, ITX_E_NOMEM, "out of memory");
}

static itx_status choose_node(struct modifier *m, const char *name, struct itx_error *err)
{
    const char *names[PLAN_MAX_IO];
    if (strpbrk(name, ";,") != NULL)
        return itx_fail(err, ITX_E_INVAL, "%s: a node's name has no ; or ,", name);
    int n = 0;
    for (int i = 0; i < m->plan->n_outputs; i++) {
        const char *const own = m->plan->outputs[i].dequantize;
        if (own[0] == '\0') continue;
        if (strcmp(name, own) == 0) return choose_output(m, i, err);
        names[n++] = own;
    }
    const char *const near = nearest_name(name, names, n);
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
                              "unknown type %s, removable are nodes of type Dequantize", type);
    const size_t before = m->outputs.len;
    for (int i = 0; strcmp(type, types[0]) == 0 && i < m->plan->n_outputs; i++)
        if (rdk_is_float_output(&m->plan->outputs[i])) ITX_TRY(choose_output(m, i, err));
    if (m->outputs.len == before)
        rdk_say(m->log, RDK_WARNING, "there is no further node of type '%s' at an input or output",
                type);
    return ITX_OK;
}

/* ---- removing ---- */

static void remove_node(struct modifier *m, struct plan_output *out)
{
    struct strbuf tensor = {0}, scale = {0};
    const struct plan_tensor *const t = &m->plan->tensors[out->tensor];
    node_inputs(m->plan, out, &tensor, &scale);
    rdk_say(m->log, RDK_INFO, "Node '%s' found, its OP type is 'Dequantize'", out->dequantize);
    if (t->n_quant == 1)
        rdk_say(m->log, RDK_WARNING, "node name is %s, op type is Dequantize, no axis information",
                out->dequantize);
    rdk_say(m->log, RDK_INFO,
            "scale: %s; zero point: %" PRId32
            ". node info details are stored in hb_model_modifier log file",
            scale.failed ? "" : scale.data, t->zero_point[0]);
    rdk_say(m->log, RDK_INFO, "Node '%s' is removed", out->dequantize);
    out->dequantize = "";
    strbuf_release(&tensor);
    strbuf_release(&scale);
}

/* The metadata with the names added to "removed_nodes", for hb_model_info. */
static itx_status add_to_meta(struct modifier *m, struct arena *arena, struct itx_error *err)
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
    for (size_t i = 0; i < m->outputs.len; i++)
        json_array_append_new(removed,
                              json_safe_string(m->plan->outputs[m->outputs.data[i]].dequantize));
    struct strbuf text = {0};
    const bool done = json_add_text(&text, meta, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(meta);
    m->plan->meta = done ? arena_text(arena, text.data, text.len) : NULL;
    strbuf_release(&text);
    return m->plan->meta != NULL ? ITX_OK : itx_fail(err, ITX_E_NOMEM, "out of memory");
}

static itx_status remove_chosen(struct modifier *m, struct arena *arena, struct itx_error *err)
{
    struct strbuf list = {0};
    for (size_t i = 0; i < m->outputs.len; i++)
        add_name(&list, m->plan->outputs[m->outputs.data[i]].dequantize);
    say_list(m, "Nodes that will be removed from this model", &list);
    strbuf_release(&list);
    ITX_TRY(add_to_meta(m, arena, err));
    for (size_t i = 0; i < m->outputs.len; i++)
        remove_node(m, &m->plan->outputs[m->outputs.data[i]]);
    return ITX_OK;
}

itx_status rdk_remove_nodes(struct rdk_log *log, struct plan *plan, struct arena *arena,
                            const struct rdk_removal *what, int *n_removed, struct itx_error *err)
{
    struct modifier m = {.log = log, .plan = plan};
    itx_status rc = ITX_OK;
    for (int i = 0; rc == ITX_OK && i < what->n_names; i++)
        rc = choose_node(&m, what->names[i], err);
    for (int i = 0; rc == ITX_OK && i < what->n_types; i++)
        rc = choose_type(&m, what->types[i], err);
    *n_removed = (int)m.outputs.len;
    if (rc == ITX_OK && m.outputs.len > 0) rc = remove_chosen(&m, arena, err);
    vec_release(&m.outputs);
    return rc;
}

/* ---- the command ---- */

static itx_status write_model(const struct modifier *m, const char *source, const char *output,
                              struct itx_error *err)
{
    const struct plan *const model = m->plan;
    struct strbuf path = {0};
    const struct str stem = rdk_stem(source);
    if (output != NULL)
        strbuf_addf(&path, "%s", output);
    else
        strbuf_addf(&path, "%.*s_modified.bin", (int)stem.len, stem.data);
    void *data = NULL;
    size_t size = 0;
    itx_status rc = path.failed ? itx_fail(err, ITX_E_NOMEM, "out of memory")
                                : plan_write(&model, 1, &data, &size, err);
    if (rc == ITX_OK) rc = file_write(path.data, data, size, err);
    if (rc == ITX_OK) rdk_say(m->log, RDK_INFO, "modified model saved as %s", path.data);
    mem_free(data);
    strbuf_release(&path);
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

static itx_status modify(struct rdk_log *log, struct rdk_bin *bin, const char *path,
                         const struct modifier_options *o, struct itx_error *err)
{
    const struct rdk_removal what = {o->remove.item, o->remove.n, o->all.item, o->all.n};
    int n_removed = 0;
    ITX_TRY(open_model(bin, path, err));
    ITX_TRY(rdk_log_open(log, "hb_model_modifier.log", err));
    struct modifier m = {.log = log, .plan = &bin->file.models[0]};
    write_details(&m);
    if (what.n_names == 0 && what.n_types == 0) {
        list_nodes(&m);
        return ITX_OK;
    }
    ITX_TRY(rdk_remove_nodes(log, m.plan, &bin->file.arena, &what, &n_removed, err));
    if (n_removed == 0)
        return itx_fail(err, ITX_E_RANGE,
                        "none of these nodes is in the model, nothing is written");
    return write_model(&m, path, o->output, err);
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
    "Takes dequantise nodes off a model's outputs, or lists them",
    "[MODEL.bin]",
    modifier_rows,
    ARRAY_LEN(modifier_rows),
    sizeof(struct modifier_options),
    0,
    1,
    modifier_run,
    true,
};
