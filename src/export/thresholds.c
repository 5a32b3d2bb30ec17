/* SPDX-License-Identifier: Apache-2.0
 *
 * A float graph whose values are rounded where the integer program rounds them.
 */
#include <stdio.h>
#include <string.h>

#include "export/export.h"

/* base/PART of a value. */
static itx_status name_part(struct graph *g, value_id v, const char *part, const char **name,
                            struct itx_error *err)
{
    const char *const base = graph_value(g, v)->name;
    const size_t size = strlen(base) + strlen(part) + 2;
    char *text = arena_alloc(&g->arena, size);
    if (text == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    snprintf(text, size, "%s/%s", base, part);
    *name = text;
    return ITX_OK;
}

/* A node of one result behind x, called after `named`. */
static itx_status add(struct graph *g, enum op op, value_id named, int n, const value_id *in,
                      value_id *out, struct itx_error *err)
{
    const char *name = NULL;
    node_id node;
    ITX_TRY(name_part(g, named, op_info(op)->name, &name, err));
    ITX_TRY(graph_add_value(g, name, DTYPE_NONE, NULL, out, err));
    ITX_TRY(graph_add_node(g, op, name, n, in, 1, out, &node, err));
    const bool is_by_channel = (op == OP_QUANTIZE_LINEAR || op == OP_DEQUANTIZE_LINEAR) &&
                               graph_value(g, in[1])->shape.rank == 1;
    if (is_by_channel) ITX_TRY(graph_set_int(g, node, ATTR_AXIS, 1, err));
    return graph_infer_node(g, node, err);
}

static itx_status add_constant(struct graph *g, value_id named, const char *part, enum dtype dtype,
                               const struct shape *shape, const void *data, value_id *id,
                               struct itx_error *err)
{
    const char *name = NULL;
    ITX_TRY(name_part(g, named, part, &name, err));
    return graph_add_constant(g, name, dtype, shape, data, id, err);
}

/* QuantizeLinear and DequantizeLinear with the scales of the channels. */
static itx_status round_linear(struct graph *g, value_id v, const struct value_quant *q,
                               value_id *y, struct itx_error *err)
{
    const struct shape shape = {.rank = q->n > 1 ? 1 : 0, .dim = {q->n}};
    int8_t *zero = arena_calloc(&g->arena, (size_t)q->n, sizeof *zero);
    value_id in[3] = {v}, stored;
    if (zero == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (int i = 0; i < q->n; i++) zero[i] = (int8_t)q->zero_point[i];
    ITX_TRY(add_constant(g, v, "scale", DTYPE_F32, &shape, q->scale, &in[1], err));
    ITX_TRY(add_constant(g, v, "zero_point", DTYPE_S8, &shape, zero, &in[2], err));
    ITX_TRY(add(g, OP_QUANTIZE_LINEAR, v, 3, in, &stored, err));
    in[0] = stored;
    return add(g, OP_DEQUANTIZE_LINEAR, v, 3, in, y, err);
}

/* The numbers lowest and highest stored ones stand for, in steps; one of each, or one for each channel. */
static itx_status add_limits(struct graph *g, value_id v, const struct value_quant *q,
                             const struct shape *shape, value_id *low, value_id *high,
                             struct itx_error *err)
{
    float *limit[2];
    for (int k = 0; k < 2; k++) {
        limit[k] = arena_calloc(&g->arena, (size_t)q->n, sizeof *limit[k]);
        if (limit[k] == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    }
    for (int i = 0; i < q->n; i++) {
        const bool is_wide = q->dtype == DTYPE_S16;
        limit[0][i] = (float)((is_wide ? -q->reach : INT8_MIN) - q->zero_point[i]);
        limit[1][i] = (float)((is_wide ? q->reach : INT8_MAX) - q->zero_point[i]);
    }
    ITX_TRY(add_constant(g, v, "low", DTYPE_F32, shape, limit[0], low, err));
    return add_constant(g, v, "high", DTYPE_F32, shape, limit[1], high, err);
}

/* The same in float: 16 bits are no type of QuantizeLinear before operator set 21. */
static itx_status round_float(struct graph *g, value_id v, const struct value_quant *q, value_id *y,
                              struct itx_error *err)
{
    const struct shape shape = {.rank = q->n > 1 ? 4 : 0, .dim = {1, q->n, 1, 1}};
    value_id scale, low, high, x;
    ITX_TRY(add_constant(g, v, "scale", DTYPE_F32, &shape, q->scale, &scale, err));
    ITX_TRY(add_limits(g, v, q, &shape, &low, &high, err));
    ITX_TRY(add(g, OP_DIV, v, 2, (const value_id[]){v, scale}, &x, err));
    ITX_TRY(add(g, OP_ROUND, v, 1, (const value_id[]){x}, &x, err));
    ITX_TRY(add(g, OP_MAX, v, 2, (const value_id[]){x, low}, &x, err));
    ITX_TRY(add(g, OP_MIN, v, 2, (const value_id[]){x, high}, &x, err));
    return add(g, OP_MUL, v, 2, (const value_id[]){x, scale}, y, err);
}

/* How a value becomes rounded. ONNX Runtime makes integer operators of an Add between DequantizeLinear and QuantizeLinear,
 * which then refuses scales for each channel: there it is done in float. What only moves numbers that are rounded already
 * needs nothing. */
enum rounding { ROUND_NOT, ROUND_LINEAR, ROUND_FLOAT };

static enum rounding rounding_of(const struct value_quant *q, const struct node *producer)
{
    const bool is_narrow = q->dtype == DTYPE_S8, is_wide = q->dtype == DTYPE_S16 && q->reach != 0;
    if (q->n == 0 || (!is_narrow && !is_wide)) return ROUND_NOT;
    if (producer != NULL) {
        switch ((int)producer->op) {
        case OP_CONCAT:
        case OP_MAX_POOL:
        case OP_RESIZE:
        case OP_SLICE:
        case OP_SPLIT:
            return ROUND_NOT;
        case OP_ADD:
            return ROUND_FLOAT;
        }
    }
    return is_narrow ? ROUND_LINEAR : ROUND_FLOAT;
}

/* y is called as the output v was, v "NAME/float". */
static itx_status take_name(struct graph *g, value_id v, value_id y, struct itx_error *err)
{
    const char *name = NULL;
    value_id other;
    ITX_TRY(name_part(g, v, "float", &name, err));
    ITX_TRY(graph_add_value(g, name, DTYPE_NONE, NULL, &other, err));
    graph_swap_names(g, v, other);
    graph_swap_names(g, y, other); /* graph_compact drops it */
    return ITX_OK;
}

/* Readers of v, and an output that is v, have the rounded one from now on. */
static itx_status round_value(struct graph *g, value_id v, const struct value_quant *q,
                              enum rounding rounding, struct itx_error *err)
{
    const size_t first = g->nodes.len;
    bool is_output = false;
    value_id y;
    for (size_t i = 0; i < g->outputs.len; i++) is_output = is_output || g->outputs.data[i] == v;
    ITX_TRY(rounding == ROUND_LINEAR ? round_linear(g, v, q, &y, err)
                                     : round_float(g, v, q, &y, err));
    graph_replace_uses(g, v, y);
    g->nodes.data[first].inputs[0] = v;
    return is_output ? take_name(g, v, y, err) : ITX_OK;
}

static bool is_input(const struct graph *g, value_id v)
{
    for (size_t i = 0; i < g->inputs.len; i++)
        if (g->inputs.data[i] == v) return true;
    return false;
}

static itx_status round_values(struct graph *g, const struct graph *quantised,
                               const struct graph_uses *uses, enum export_inputs inputs,
                               struct itx_error *err)
{
    const size_t n = g->values.len;
    for (value_id v = 1; v < n; v++) {
        const struct value *const value = graph_value(g, v);
        const value_id like = graph_find_value(quantised, value->name, strlen(value->name));
        const node_id producer = uses->producer[v];
        if (like == 0 || value->data != NULL ||
            !shape_eq(&value->shape, &graph_value(quantised, like)->shape))
            continue;
        if (producer == NODE_NONE && (!is_input(g, v) || inputs == EXPORT_KEEP_INPUTS)) continue;
        const struct value_quant *const q = &graph_value(quantised, like)->quant;
        const enum rounding rounding =
            rounding_of(q, producer != NODE_NONE ? &g->nodes.data[producer] : NULL);
        if (rounding != ROUND_NOT) ITX_TRY(round_value(g, v, q, rounding, err));
    }
    return ITX_OK;
}

itx_status export_thresholds(struct graph *g, const struct graph *quantised,
                             enum export_inputs inputs, struct itx_error *err)
{
    struct graph_uses uses;
    ITX_TRY(graph_uses(g, &uses, err));
    const itx_status rc = round_values(g, quantised, &uses, inputs, err);
    graph_uses_release(&uses);
    ITX_TRY(rc);
    ITX_TRY(graph_sort(g, err));
    ITX_TRY(graph_compact(g, err));
    return graph_check(g, err);
}
