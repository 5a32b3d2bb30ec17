/* SPDX-License-Identifier: Apache-2.0
 *
 * does: x * Sigmoid(x) -> Silu(x); x * HardSigmoid(x) with HardSwish's slope and offset -> HardSwish(x).
 * requires: nothing.
 * ensures: no such product is left.
 * breaks: nothing; a Sigmoid or HardSigmoid with other uses stays for them.
 */
#include "passes/pass.h"
#include "passes/rewrite.h"

/* What x times this gate of x is. */
static bool find_product(const struct node *gate, enum op *op)
{
    *op = gate->op == OP_SIGMOID ? OP_SILU : OP_HARD_SWISH;
    return gate->op == OP_SIGMOID ||
           (gate->op == OP_HARD_SIGMOID && node_float(gate, ATTR_ALPHA, 0.2f) == 1.0f / 6 &&
            node_float(gate, ATTR_BETA, 0.5f) == 0.5f);
}

static itx_status fuse(struct rewrite *r, node_id id, struct itx_error *err)
{
    const struct node *n = rewrite_node(r, id);
    if (n->op != OP_MUL) return ITX_OK;
    for (int i = 0; i < 2; i++) {
        const value_id x = n->inputs[i];
        const node_id gate = rewrite_producer(r, n->inputs[1 - i]);
        enum op op;
        if (gate != NODE_NONE && find_product(rewrite_node(r, gate), &op) &&
            rewrite_node(r, gate)->inputs[0] == x)
            return rewrite_become(r, id, op, 1, &x, err);
    }
    return ITX_OK;
}

itx_status pass_fuse_silu(struct graph *g, struct itx_error *err)
{
    struct rewrite r;
    ITX_TRY(rewrite_begin(&r, g, err));
    itx_status rc = ITX_OK;
    for (node_id i = 0; i < r.n_nodes && rc == ITX_OK; i++) rc = fuse(&r, i, err);
    return rewrite_end(&r, rc, err);
}
