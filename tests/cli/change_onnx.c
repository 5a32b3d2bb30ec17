/* SPDX-License-Identifier: Apache-2.0
 *
 * usage: change_onnx MODEL.onnx OUT.onnx FORM    the same network, behind what exporters put before it: "none"; "div" (255);
 * "nhwc": u8 [1, h, w, c], Cast, Div and Transpose; "bgr": red and blue exchanged, then Div; "third": x * 0.3, which does not tell what
 * x is; "names=TEXT": with these class names in the metadata
 */
#include <stdio.h>
#include <string.h>

#include "onnx/onnx.h"
#include "passes/pass.h"

static struct itx_error err;

static value_id scalar(struct graph *g, float v)
{
    const struct shape shape = {.rank = 0};
    value_id id = 0;
    if (graph_add_constant(g, "k", DTYPE_F32, &shape, &v, &id, &err) != ITX_OK) return 0;
    return id;
}

/* A node before all others; its result has the shape. */
static value_id add(struct graph *g, node_id at, enum op op, const struct shape *shape, value_id a,
                    value_id b)
{
    const value_id in[2] = {a, b};
    value_id out = 0;
    node_id n;
    if (graph_add_value(g, "scaled", DTYPE_F32, shape, &out, &err) != ITX_OK ||
        graph_insert_node(g, at, op, "scaling", b != 0 ? 2 : 1, in, 1, &out, &n, &err) != ITX_OK)
        return 0;
    return out;
}

static itx_status scale(struct graph *g, const char *form)
{
    const value_id input = g->inputs.data[0];
    const struct shape planes = graph_value(g, input)->shape;
    value_id behind, v = input;
    node_id at = 0;
    ITX_TRY(graph_add_value(g, "behind", DTYPE_F32, &planes, &behind, &err));
    graph_replace_uses(g, input, behind);
    if (strcmp(form, "nhwc") == 0) {
        static const int64_t perm[] = {0, 3, 1, 2};
        const struct shape last = {4, {1, planes.dim[2], planes.dim[3], planes.dim[1]}};
        graph_value(g, input)->shape = last;
        graph_value(g, input)->dtype = DTYPE_U8;
        v = add(g, at++, OP_CAST, &last, v, 0);
        ITX_TRY(graph_set_int(g, at - 1, ATTR_TO, 1, &err));
        v = add(g, at++, OP_DIV, &last, v, scalar(g, 255));
        v = add(g, at++, OP_TRANSPOSE, &planes, v, 0);
        ITX_TRY(graph_set_ints(g, at - 1, ATTR_PERM, 4, perm, &err));
    } else if (strcmp(form, "bgr") == 0) {
        static const int64_t order[] = {2, 1, 0};
        const struct shape three = {1, {3}};
        value_id indices;
        ITX_TRY(graph_add_constant(g, "order", DTYPE_S64, &three, order, &indices, &err));
        v = add(g, at++, OP_GATHER, &planes, v, indices);
        ITX_TRY(graph_set_int(g, at - 1, ATTR_AXIS, 1, &err));
        v = add(g, at++, OP_DIV, &planes, v, scalar(g, 255));
    } else {
        v = add(g, at++, strcmp(form, "div") == 0 ? OP_DIV : OP_MUL, &planes, v,
                scalar(g, strcmp(form, "div") == 0 ? 255 : 0.3f));
    }
    graph_replace_uses(g, behind, v);
    return graph_compact(g, &err);
}

int main(int argc, char **argv)
{
    struct graph *g = NULL;
    if (argc != 4) return 2;
    itx_status rc = onnx_read(&g, argv[1], &err);
    if (rc == ITX_OK && strncmp(argv[3], "names=", 6) == 0)
        rc = graph_set_meta(g, "names", argv[3] + 6, &err);
    else if (rc == ITX_OK && strcmp(argv[3], "none") != 0)
        rc = scale(g, argv[3]);
    if (rc == ITX_OK) rc = pass_fold_const(g, &err); /* shapes of the outputs */
    if (rc == ITX_OK) rc = onnx_write(g, argv[2], &err);
    if (rc != ITX_OK) fprintf(stderr, "%s\n", err.text);
    graph_destroy(&g);
    return rc != ITX_OK;
}
