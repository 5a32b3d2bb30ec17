/* SPDX-License-Identifier: Apache-2.0
 *
 * does: turns the Slices that cut one value along one axis into consecutive pieces covering it into
 *   one Split.
 * requires: fold_const (starts, ends, axes and steps constant).
 * ensures: pieces are in order along the axis; equal pieces became one.
 * breaks: nothing. Slices that overlap or leave a gap stay.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

struct piece {
    node_id node;
    int axis;
    int64_t begin, end;
};

static bool read_slice(const struct rewrite *r, node_id id, struct piece *p)
{
    p->node = id;
    return slice_range(r->g, rewrite_node(r, id), &p->axis, &p->begin, &p->end);
}

static int compare_pieces(const void *a, const void *b)
{
    const struct piece *x = a, *y = b;
    if (x->axis != y->axis) return x->axis < y->axis ? -1 : 1;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end) return x->end < y->end ? -1 : 1;
    return x->node < y->node ? -1 : x->node > y->node;
}

/* pieces[0 .. n) of value v, of one axis and sorted. */
static itx_status merge(struct rewrite *r, value_id v, const struct piece *pieces, int n,
                        struct itx_error *err)
{
    enum { MAX_PIECES = 64 };
    int64_t sizes[MAX_PIECES];
    value_id outputs[MAX_PIECES], inputs[2] = {v};
    int n_out = 0;
    int64_t at = 0;
    for (int i = 0; i < n; i++) {
        const bool is_repeated =
            i > 0 && pieces[i].begin == pieces[i - 1].begin && pieces[i].end == pieces[i - 1].end;
        if (is_repeated) continue;
        if (pieces[i].begin != at || n_out == MAX_PIECES) return ITX_OK;
        sizes[n_out] = pieces[i].end - at;
        outputs[n_out++] = rewrite_node(r, pieces[i].node)->outputs[0];
        at = pieces[i].end;
    }
    if (at != graph_value(r->g, v)->shape.dim[pieces[0].axis]) return ITX_OK;
    for (int i = 0, piece = -1; i < n; i++) {
        const value_id v_i = rewrite_node(r, pieces[i].node)->outputs[0];
        if (piece >= 0 && pieces[i].begin == pieces[i - 1].begin)
            rewrite_replace(r, v_i, outputs[piece]);
        else
            piece++;
        rewrite_remove(r, pieces[i].node);
    }
    node_id split;
    ITX_TRY(add_ints(r->g, "sizes", n_out, sizes, &inputs[1], err));
    ITX_TRY(graph_add_node(r->g, OP_SPLIT, rewrite_node(r, pieces[0].node)->name, 2, inputs, n_out,
                           outputs, &split, err));
    return graph_set_int(r->g, split, ATTR_AXIS, pieces[0].axis, err);
}

static itx_status merge_of(struct rewrite *r, value_id v, struct piece *pieces,
                           struct itx_error *err)
{
    int n = 0;
    for (uint32_t u = r->uses.first[v]; u < r->uses.first[v + 1]; u++) {
        const struct graph_use *use = &r->uses.uses[u];
        if (use->input == 0 && rewrite_node(r, use->node)->op == OP_SLICE &&
            read_slice(r, use->node, &pieces[n]))
            n++;
    }
    qsort(pieces, (size_t)n, sizeof *pieces, compare_pieces);
    for (int begin = 0, end; begin < n; begin = end) {
        for (end = begin + 1; end < n && pieces[end].axis == pieces[begin].axis;) end++;
        if (end - begin > 1) ITX_TRY(merge(r, v, pieces + begin, end - begin, err));
    }
    return ITX_OK;
}

itx_status pass_merge_slices(struct graph *g, struct itx_error *err)
{
    struct rewrite r;
    ITX_TRY(rewrite_begin(&r, g, err));
    itx_status rc = ITX_OK;
    struct piece *pieces = mem_calloc(g->nodes.len, sizeof *pieces);
    if (pieces == NULL) rc = itx_fail(err, ITX_E_NOMEM, "out of memory for the graph");
    for (value_id v = 1; v < r.n_values && rc == ITX_OK; v++) rc = merge_of(&r, v, pieces, err);
    mem_free(pieces);
    return rewrite_end(&r, rc, err);
}
