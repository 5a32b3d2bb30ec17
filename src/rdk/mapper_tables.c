/* SPDX-License-Identifier: Apache-2.0
 *
 * makertbin: the tables of nodes and outputs, in the board's layout. A row is a step of the program: a convolution with its
 * activation and the addition behind it is one.
 */
#include <math.h>
#include <stdio.h>

#include "base/format.h"
#include "cmd/json.h"
#include "rdk/mapper_network.h"
#include "rdk/mapper_work.h"
#include "rdk/rdk_table.h"

/* The largest magnitude that the tensor can hold. */
static double threshold(const struct plan_tensor *t)
{
    const double least = t->dtype == DTYPE_S8 ? INT8_MIN : INT16_MIN;
    const double most = t->dtype == DTYPE_S8 ? INT8_MAX : INT16_MAX;
    double largest = 0;
    for (int c = 0; c < t->n_quant; c++) {
        const double low = (t->zero_point[c] - least) * (double)t->scale[c];
        const double high = (most - t->zero_point[c]) * (double)t->scale[c];
        largest = fmax(largest, fmax(low, high));
    }
    return largest;
}

/* As Python prints it: whole numbers with ".0". */
static void add_threshold(struct rdk_table *table, const struct plan_tensor *t)
{
    char text[32];
    format_text(text, sizeof text, "%.6g", threshold(t));
    rdk_table_add(table, "%s%s", text, strpbrk(text, ".e") == NULL ? ".0" : "");
}

/* What is read and what is made, when that differs. Sums of 32 bits are what 8 bits make before they are rounded. */
static void add_types(struct rdk_table *table, enum dtype in, enum dtype out)
{
    const int in_bits = in == DTYPE_S16 ? 16 : 8;
    const int out_bits = out == DTYPE_S16 ? 16 : out == DTYPE_S32 ? in_bits : 8;
    if (in_bits == out_bits)
        rdk_table_add(table, "int%d", in_bits);
    else
        rdk_table_add(table, "int%d/int%d", in_bits, out_bits);
}

static void add_number(struct rdk_table *table, const json_t *object, const char *key)
{
    const json_t *const value = json_object_get(object, key);
    if (json_is_number(value))
        rdk_table_add(table, "%.6f", json_number_value(value));
    else
        rdk_table_add(table, "--");
}

static void say_table(struct mapper *m, const char *title, struct rdk_table *table)
{
    struct strbuf text = {0};
    rdk_table_text(table, &text);
    rdk_say(&m->log, RDK_INFO, "%s%s", title, text.failed ? " out of memory" : text.data);
    strbuf_release(&text);
    rdk_table_release(table);
}

/* Colours, range and the way to the first step's bytes: of a picture, that is; numbers are quantised by the runtime. */
static void add_preprocess(struct rdk_table *table, const struct mapper *m)
{
    const struct plan_input *const input = &m->made.file.models[0].inputs[0];
    if (input->kind == PLAN_INPUT_TENSOR) return;
    rdk_table_add(table, "HZ_PREPROCESS_FOR_%s", input->name);
    rdk_table_add(table, "BPU");
    rdk_table_add(table, "id(0)");
    rdk_table_add(table, "HzSQuantizedPreprocess");
    if (m->has_input_cosine)
        rdk_table_add(table, "%.6f", m->input_cosine);
    else
        rdk_table_add(table, "--");
    rdk_table_add(table, "%d.0", INT8_MAX); /* bytes less 128 */
    rdk_table_add(table, "int8");
}

static void say_nodes(struct mapper *m)
{
    static const char *const columns[] = {
        "Node", "ON", "Subgraph", "Type", "Cosine Similarity", "Threshold", "DataType",
    };
    const struct plan *const plan = &m->made.file.models[0];
    const json_t *const layers = json_object_get(m->report, "layers");
    struct rdk_table table = {.columns = columns, .n_columns = ARRAY_LEN(columns)};
    add_preprocess(&table, m);
    for (int i = 0; i < plan->n_steps; i++) {
        const struct plan_step *const s = &plan->steps[i];
        const struct plan_tensor *const in = &plan->tensors[s->in[0]];
        rdk_table_add(&table, "%s", s->name);
        rdk_table_add(&table, "BPU");
        rdk_table_add(&table, "id(0)");
        rdk_table_add(&table, "%s", mapper_type_name(step_kind_name(s->kind)));
        add_number(&table, json_array_get(layers, (size_t)i), "cosine");
        add_threshold(&table, in);
        add_types(&table, in->dtype, plan->tensors[s->out].dtype);
    }
    say_table(m, "The main quantized node information:", &table);
}

static void say_outputs(struct mapper *m)
{
    static const char *const columns[] = {
        "Output", "Cosine Similarity", "L1 Distance", "L2 Distance", "Chebyshev Distance",
    };
    static const char *const keys[] = {"cosine", "l1", "l2", "chebyshev"};
    const json_t *const outputs = json_object_get(m->report, "outputs");
    struct rdk_table table = {.columns = columns, .n_columns = ARRAY_LEN(columns)};
    for (size_t i = 0; i < json_array_size(outputs); i++) {
        const json_t *const output = json_array_get(outputs, i);
        rdk_table_add(&table, "%s", json_text_of(output, "name"));
        for (size_t k = 0; k < ARRAY_LEN(keys); k++) add_number(&table, output, keys[k]);
    }
    say_table(m, "The quantized model output:", &table);
}

void mapper_say_tables(struct mapper *m)
{
    say_nodes(m);
    say_outputs(m);
}
