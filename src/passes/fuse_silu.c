/* SPDX-License-Identifier: Apache-2.0
 *
 * does: x * Sigmoid(x) -> Silu(x).
 * requires: nothing.
 * ensures: no such product is left.
 * breaks: nothing; a Sigmoid with other uses stays for them.
 */
#include "passes/pass.h"
#include "passes/rewrite.h"

static itx_status fuse(struct rewrite *r, node_id id, struct itx_error *err)
{
    const struct node *n = rewrite_node(r, id);
    if (n->op != OP_MUL) return ITX_OK;
    for (int i = 0; i < 2; i++) {
        const value_id x = n->inputs[i];
        const node_id sigmoid = rewrite_made_by(r, n->inputs[1 - i], OP_SIGMOID);
        if (sigmoid != NODE_NONE && rewrite_node(r, sigmoid)->inputs[0] == x)
            return rewrite_become(r, id, OP_SILU, 1, &x, err);
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
