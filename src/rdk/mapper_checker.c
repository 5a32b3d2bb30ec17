/* SPDX-License-Identifier: Apache-2.0
 *
 * hb_mapper checker: a table of all nodes, how they run, and what is in the way of those that do not.
 */
#include <string.h>

#include <jansson.h>

#include "base/str.h"
#include "cmd/json.h"
#include "intarsia/compiler.h"
#include "rdk/mapper.h"
#include "rdk/mapper_network.h"
#include "rdk/rdk.h"
#include "rdk/rdk_log.h"
#include "rdk/rdk_table.h"
#include "rdk/rdk_version.h"

static const char *const columns[] = {
    "Node", "ON", "Subgraph", "Type", "Cosine Similarity", "Threshold", "DataType",
};
enum { N_COLUMNS = ARRAY_LEN(columns) };

/* What a row says. Nothing has been measured yet: no cosine, and the thresholds of numbers up to 1. */
static void fill_row(const char **cell, const json_t *node)
{
    const char *const runs = json_text_of(node, "runs");
    const bool is_int8 = strcmp(runs, "int8") == 0 || strcmp(runs, "fused") == 0;
    const bool is_float = strcmp(runs, "decoding") == 0;
    cell[0] = json_text_of(node, "name");
    cell[1] = is_int8 ? "BPU" : is_float ? "CPU" : "--";
    cell[2] = is_int8 ? "id(0)" : "--";
    cell[3] = json_text_of(node, "type");
    if (is_int8) cell[3] = mapper_type_name(cell[3]);
    cell[4] = "--";
    cell[5] = is_int8 ? "1.0" : "--";
    cell[6] = is_int8 ? "int8" : is_float ? "float" : "--";
}

/* A row for each node that is left once constants are computed, and those that cannot run. */
static void say_nodes(struct rdk_log *log, const json_t *nodes)
{
    struct rdk_table table = {.columns = columns, .n_columns = N_COLUMNS};
    struct strbuf text = {0};
    const char *cell[N_COLUMNS];
    for (size_t n = 0; n < json_array_size(nodes); n++) {
        const json_t *const node = json_array_get(nodes, n);
        if (strcmp(json_text_of(node, "runs"), "folded") == 0) continue;
        fill_row(cell, node);
        for (int i = 0; i < N_COLUMNS; i++) rdk_table_add(&table, "%s", cell[i]);
    }
    rdk_table_text(&table, &text);
    rdk_say(log, RDK_INFO, "The converted model node information:%s",
            text.failed ? " out of memory" : text.data);
    strbuf_release(&text);
    rdk_table_release(&table);
}

/* Why nodes are on the CPU. */
static void say_decoding(struct rdk_log *log, const json_t *nodes)
{
    int n = 0;
    for (size_t i = 0; i < json_array_size(nodes); i++)
        n += strcmp(json_text_of(json_array_get(nodes, i), "runs"), "decoding") == 0;
    if (n > 0)
        rdk_say(log, RDK_INFO,
                "%d nodes on the CPU decode the outputs: they are no part of the compiled model, "
                "the program does that itself in float",
                n);
}

/* "1x3x640x640" */
static void add_shape(struct strbuf *text, const json_t *value)
{
    const json_t *const shape = json_object_get(value, "shape");
    text->len = 0;
    for (size_t i = 0; i < json_array_size(shape); i++)
        strbuf_addf(text, i > 0 ? "x%lld" : "%lld",
                    (long long)json_integer_value(json_array_get(shape, i)));
}

/* Shapes are those of the file: others are refused. */
static itx_status check_shape(const json_t *inputs, const char *name, const char *shape,
                              struct itx_error *err)
{
    const char *names[16];
    int n = 0;
    for (size_t i = 0; i < json_array_size(inputs); i++) {
        const json_t *const input = json_array_get(inputs, i);
        const char *const own = json_text_of(input, "name");
        if (n < (int)ARRAY_LEN(names)) names[n++] = own;
        if (strcmp(own, name) != 0) continue;
        struct strbuf text = {0};
        add_shape(&text, input);
        const bool fits = !text.failed && text.len > 0 && strcmp(text.data, shape) == 0;
        if (!fits)
            itx_fail(err, ITX_E_UNSUPPORTED,
                     "--input-shape: input %s has the shape %s in the file, not %s; shapes are "
                     "fixed when the network is exported",
                     name, text.len > 0 ? text.data : "", shape);
        strbuf_release(&text);
        return fits ? ITX_OK : ITX_E_UNSUPPORTED;
    }
    const char *const near = nearest_name(name, names, n);
    return itx_fail(err, ITX_E_INVAL, "--input-shape: there is no input %s%s%s%s", name,
                    near != NULL ? ", did you mean "
                    : n > 0      ? ", there is "
                                 : "",
                    near != NULL ? near
                    : n > 0      ? names[0]
                                 : "",
                    near != NULL ? "?" : "");
}

static itx_status check_arguments(const struct mapper_options *o, int n_shapes,
                                  struct itx_error *err)
{
    ITX_TRY(mapper_check_type(o, err));
    ITX_TRY(mapper_check_march(o, err));
    if (o->fast_perf) return itx_fail(err, ITX_E_INVAL, "--fast-perf goes with makertbin");
    if (o->model == NULL) return itx_fail(err, ITX_E_INVAL, "--model is missing");
    if (n_shapes != o->input_shape.n)
        return itx_fail(err, ITX_E_INVAL,
                        "--input-shape takes a name and a shape: %d names, %d shapes were given",
                        o->input_shape.n, n_shapes);
    return ITX_OK;
}

static itx_status say_report(struct rdk_log *log, const struct mapper_options *o,
                             const char *const *shapes, const json_t *report, struct itx_error *err)
{
    const json_t *const nodes = json_object_get(report, "nodes"), *const inputs = json_object_get(
                                                                      report, "inputs");
    const int opset = (int)json_number(report, "opset");
    if (opset != 0 && opset != 10 && opset != 11)
        rdk_say(log, RDK_WARNING,
                "the board's tools read opset 10 and 11 only; here that makes no difference");
    if (inputs != NULL) mapper_say_network(log, report);
    if (inputs != NULL) mapper_say_folding(log, report);
    for (int i = 0; inputs != NULL && i < o->input_shape.n; i++)
        ITX_TRY(check_shape(inputs, o->input_shape.item[i], shapes[i], err));
    say_nodes(log, nodes);
    const int n_refused = mapper_say_refused(log, report);
    say_decoding(log, nodes);
    if (json_is_true(json_object_get(report, "ok"))) return ITX_OK;
    return itx_fail(err, ITX_E_UNSUPPORTED, "%s: %d of %zu nodes cannot run", o->model, n_refused,
                    json_array_size(nodes));
}

static itx_status check_model(struct rdk_log *log, const struct mapper_options *o,
                              const char *const *shapes, struct itx_error *err)
{
    char *text = NULL;
    rdk_say(log, RDK_INFO, "Model type: onnx");
    rdk_say(log, RDK_INFO, "march: %s; compiled models run on any CPU, whatever it says", o->march);
    if (o->output != NULL)
        rdk_say(log, RDK_WARNING, "--output has no meaning: the log is hb_mapper_checker.log");
    if (o->config != NULL)
        rdk_say(log, RDK_WARNING, "--config has no meaning for checker, makertbin reads it");
    rdk_say(log, RDK_INFO, "Begin model checking....");
    ITX_TRY(itx_check(o->model, &text, err));
    json_t *const report = json_loads(text, 0, NULL);
    itx_text_free(text);
    if (report == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    const itx_status rc = say_report(log, o, shapes, report, err);
    json_decref(report);
    return rc;
}

enum exit_code mapper_checker(const struct mapper_options *o, int n_shapes,
                              const char *const *shapes)
{
    struct rdk_log log = {0};
    struct itx_error err;
    itx_status rc = check_arguments(o, n_shapes, &err);
    if (rc != ITX_OK) return options_wrong(&command_hb_mapper, "checker: %s", err.text);
    rc = rdk_log_open(&log, "hb_mapper_checker.log", o->model, &err);
    if (rc == ITX_OK) {
        rdk_say(&log, RDK_INFO, "Start hb_mapper....");
        rdk_say(&log, RDK_INFO, "hbdk version %s", RDK_HBDK_VERSION);
        rdk_say(&log, RDK_INFO, "horizon_nn version %s", RDK_HORIZON_NN_VERSION);
        rdk_say(&log, RDK_INFO, "hb_mapper version %s", RDK_BUILDER_VERSION);
        rc = check_model(&log, o, shapes, &err);
    }
    if (rc == ITX_OK)
        rdk_say(&log, RDK_INFO, "End model checking....");
    else
        rdk_say(&log, RDK_ERROR, "%s", err.text);
    rdk_log_close(&log);
    return rc == ITX_OK ? EXIT_DONE : EXIT_FAILED;
}
