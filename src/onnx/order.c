/* SPDX-License-Identifier: Apache-2.0
 *
 * Converters (to float16, for one) append nodes to the end of a file that belong at its beginning. Each node goes right
 * behind the last of its operands' producers; a sorted file keeps its order.
 */
#include "onnx/import.h"

#include "base/mem.h"

struct visit {
    size_t node, next_input;
};

struct sorter {
    const Onnx__GraphProto *graph;
    struct names producers; /* name.id: number of the node + 1 */
    bool *is_seen;
    struct visit *path; /* from a node to the operand that is being looked at, no node twice */
    size_t *order, n_ordered;
};

static itx_status find_producers(struct sorter *s, struct itx_error *err)
{
    for (size_t i = 0; i < s->graph->n_node; i++)
        for (size_t k = 0; k < s->graph->node[i]->n_output; k++) {
            struct name *name = names_add(&s->producers, s->graph->node[i]->output[k]);
            if (name == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
            if (name->id == 0) name->id = (value_id)(i + 1);
        }
    return ITX_OK;
}

/* Orders `node` behind all it needs. On a cycle the node that closes it comes first, which import_node then refuses. */
static void visit(struct sorter *s, size_t node)
{
    size_t depth = 0;
    if (s->is_seen[node]) return;
    s->is_seen[node] = true;
    s->path[depth++] = (struct visit){node, 0};
    while (depth != 0) {
        struct visit *at = &s->path[depth - 1];
        const Onnx__NodeProto *n = s->graph->node[at->node];
        if (at->next_input == n->n_input) {
            s->order[s->n_ordered++] = at->node;
            depth--;
            continue;
        }
        const char *text = n->input[at->next_input++];
        const struct name *name = text[0] != '\0' ? names_find(&s->producers, text) : NULL;
        if (name == NULL || s->is_seen[name->id - 1]) continue;
        s->is_seen[name->id - 1] = true;
        s->path[depth++] = (struct visit){name->id - 1, 0};
    }
}

itx_status import_order(const Onnx__GraphProto *graph, size_t *order, struct itx_error *err)
{
    struct sorter s = {.graph = graph, .order = order};
    s.is_seen = mem_calloc(graph->n_node, sizeof *s.is_seen);
    s.path = mem_calloc(graph->n_node, sizeof *s.path);
    itx_status rc = ITX_OK;
    if (graph->n_node != 0 && (s.is_seen == NULL || s.path == NULL))
        rc = itx_fail(err, ITX_E_NOMEM, "out of memory");
    if (rc == ITX_OK) rc = find_producers(&s, err);
    for (size_t i = 0; i < graph->n_node && rc == ITX_OK; i++) visit(&s, i);
    mem_free(s.is_seen);
    mem_free(s.path);
    names_release(&s.producers);
    return rc;
}
