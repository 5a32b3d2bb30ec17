/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: a graph of one node, its shapes inferred, its result computed.
 */
#ifndef TESTS_UNIT_ONE_NODE_H
#define TESTS_UNIT_ONE_NODE_H

#include "base/mem.h"
#include "graph/graph.h"

#include "test.h"

/* An operand; data NULL: an input of the graph; dtype DTYPE_NONE: left out. */
struct operand {
    enum dtype dtype;
    struct shape shape;
    const void *data;
};
#define DIMS(...)                                                                                  \
    {                                                                                              \
        sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t),                                        \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define F32_VAR(...)                                                                               \
    {                                                                                              \
        DTYPE_F32, DIMS(__VA_ARGS__), NULL                                                         \
    }
#define F32(values, ...)                                                                           \
    {                                                                                              \
        DTYPE_F32, DIMS(__VA_ARGS__), values                                                       \
    }
/* a constant vector of s64 */
#define S64S(...)                                                                                  \
    {                                                                                              \
        DTYPE_S64, {1, {sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)}}, (const int64_t[])    \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define LEFT_OUT                                                                                   \
    {                                                                                              \
        DTYPE_NONE, {0}, NULL                                                                      \
    }

/* Node 0 of the graph; n_outputs values of unknown shape. Destroyed by the caller. */
static inline struct graph *one_node(enum op op, int n_inputs, const struct operand *operands,
                                     int n_outputs)
{
    struct graph *g = NULL;
    value_id in[8] = {0}, out[8] = {0};
    CHECK(graph_create(&g, NULL) == ITX_OK);
    for (int i = 0; i < n_inputs; i++) {
        const struct operand *o = &operands[i];
        if (o->dtype == DTYPE_NONE) continue;
        if (o->data != NULL) {
            CHECK(graph_add_constant(g, "k", o->dtype, &o->shape, o->data, &in[i], NULL) == ITX_OK);
        } else {
            CHECK(graph_add_value(g, "x", o->dtype, &o->shape, &in[i], NULL) == ITX_OK);
            CHECK(vec_push(&g->inputs, in[i]));
        }
    }
    for (int i = 0; i < n_outputs; i++) {
        CHECK(graph_add_value(g, "y", DTYPE_NONE, NULL, &out[i], NULL) == ITX_OK);
        CHECK(vec_push(&g->outputs, out[i]));
    }
    CHECK(graph_add_node(g, op, "node", n_inputs, in, n_outputs, out, NULL, NULL) == ITX_OK);
    return g;
}

/* Output i as text: "f32 [1, 2]"; after inference. The error's text when it failed. */
static inline const char *inferred(struct graph *g, int i)
{
    static char text[600];
    char shape[SHAPE_TEXT_SIZE];
    struct itx_error err;
    if (graph_infer(g, &err) != ITX_OK) {
        snprintf(text, sizeof text, "%s", err.text);
        return text;
    }
    const struct value *v = graph_value(g, g->outputs.data[i]);
    snprintf(text, sizeof text, "%s %s", dtype_name(v->dtype), shape_text(&v->shape, shape));
    return text;
}

/* Evaluates node 0, whose operands are all constant; out[i].data is freed with mem_free. */
static inline itx_status evaluated(struct graph *g, struct tensor *out, struct itx_error *err)
{
    struct tensor in[8] = {0};
    const struct node *n = &g->nodes.data[0];
    for (int i = 0; i < n->n_outputs; i++) out[i] = (struct tensor){0};
    ITX_TRY(graph_infer(g, err));
    for (int i = 0; i < n->n_inputs; i++) {
        const struct value *v = graph_value(g, n->inputs[i]);
        if (n->inputs[i] == 0) continue;
        in[i] = (struct tensor){v->dtype, v->shape, NULL};
        memcpy(&in[i].data, &v->data, sizeof in[i].data);
    }
    for (int i = 0; i < n->n_outputs; i++) {
        const struct value *v = graph_value(g, n->outputs[i]);
        const int64_t elements = shape_elements(&v->shape);
        out[i] = (struct tensor){v->dtype, v->shape, NULL};
        if (elements < 0 || elements > 1 << 20) return itx_fail(err, ITX_E_RANGE, "no room");
        out[i].data = mem_calloc((size_t)elements + 1, (size_t)dtype_size(v->dtype));
        CHECK(out[i].data != NULL);
    }
    return graph_eval(n, in, out, err);
}

#endif
