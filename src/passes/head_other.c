/* SPDX-License-Identifier: Apache-2.0
 *
 * Heads that are recognised so that they can be refused by name.
 */
#include <string.h>

#include "base/str.h"
#include "passes/find_head.h"

/* The convolutions of one size. */
struct counts {
    int n_scores, n_plain, n_four; /* behind a Sigmoid; behind nothing; of these with 4 channels */
    bool has_softmax;
    int64_t c; /* channels of the last one with scores */
};

static struct counts count_size(const struct rewrite *r, const uint8_t *met_by, int stride)
{
    struct counts n = {0};
    for (value_id v = 1; v < r->n_values; v++) {
        if (met_by[v] == 0 || found_stride(r->g, v) != stride) continue;
        const int64_t c = graph_value(r->g, v)->shape.dim[1];
        n.has_softmax = n.has_softmax || (met_by[v] & MET_SOFTMAX) != 0;
        if ((met_by[v] & MET_SIGMOID) != 0) {
            n.n_scores++;
            n.c = c;
        } else {
            n.n_plain++;
            n.n_four += c == 4;
        }
    }
    return n;
}

/* Anchors times (4 + objectness + classes): three in all published networks. */
static bool is_anchors(int64_t c)
{
    return c % 3 == 0 && c / 3 >= 6;
}

const char *head_other_form(const struct rewrite *r, const uint8_t *met_by)
{
    int stride = 0;
    for (value_id v = 1; v < r->n_values && stride == 0; v++)
        if (met_by[v] != 0) stride = found_stride(r->g, v);
    if (stride == 0) return NULL;
    const struct counts n = count_size(r, met_by, stride);
    if (n.has_softmax) return NULL;
    if (n.n_scores == 1 && n.n_four >= 1) return HEAD_DISTANCES;
    if (n.n_scores == 2 && n.n_four == 1) return HEAD_OBJECTNESS;
    if (n.n_scores == 1 && n.n_plain == 0 && is_anchors(n.c)) return HEAD_ANCHORS;
    return NULL;
}

itx_status head_other_task(struct graph *g, const char **why, struct itx_error *err)
{
    const char *const task = graph_get_meta(g, "task");
    struct strbuf text = {0};
    *why = "";
    if (task == NULL || strcmp(task, "detect") == 0 || strcmp(task, "segment") == 0) return ITX_OK;
    strbuf_addf(&text, "its metadata says that it is for the task '%.32s'" HEAD_SUPPORTED, task);
    if (!text.failed) *why = arena_text(&g->arena, text.data, text.len);
    strbuf_release(&text);
    if (*why != NULL && (*why)[0] != '\0') return ITX_OK;
    return itx_fail(err, ITX_E_NOMEM, "out of memory for the graph");
}
