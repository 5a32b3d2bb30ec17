/* SPDX-License-Identifier: Apache-2.0
 *
 * does: recognises the head of a YOLO network of the v8 and v11 family and makes its last
 *   convolutions the outputs of the graph, in one order, whatever the exporter put behind them:
 *   - Ultralytics' export: one [1, 4 + classes (+ coefficients), anchors] and, for segmentation,
 *     prototypes. The last convolutions are found walking back; what is between them and the output
 *     tells which is which (head_tail.c).
 *   - the Model Zoo's form and raw heads: a class, a box (and a coefficient) map a level, and
 *     prototypes, as [1, c, h, w] or [1, h, w, c], in any order (head_maps.c).
 * requires: fold_const, normalize, simplify, fold_norm, fuse_silu (a Sigmoid that is left is no
 *   part of a SiLU).
 * ensures: `head` describes the outputs. What is no such head is left as it is: HEAD_RAW. Maps of a head of which
 *   nothing tells which is which are an error.
 * breaks: the outputs of the graph.
 */
#include <stdlib.h>

#include "passes/find_head.h"
#include "passes/names.h"
#include "passes/pass.h"

void found_add(struct found_head *f, enum found_role role, value_id v, int stride)
{
    int i = 0;
    while (i < f->n_levels && f->level[i].stride != stride) i++;
    if (i == HEAD_MAX_LEVELS) {
        f->is_ambiguous = true;
        return;
    }
    if (i == f->n_levels) f->level[f->n_levels++] = (struct found_level){.stride = stride};
    if (f->level[i].part[role] != 0 && f->level[i].part[role] != v) f->is_ambiguous = true;
    f->level[i].part[role] = v;
}

int found_stride(const struct graph *g, value_id v)
{
    const struct shape *x = &graph_value(g, g->inputs.data[0])->shape;
    const struct shape *y = &graph_value(g, v)->shape;
    if (y->rank != 4 || y->dim[0] != 1 || y->dim[2] <= 0 || y->dim[3] <= 0 ||
        x->dim[2] % y->dim[2] != 0 || x->dim[3] % y->dim[3] != 0)
        return 0;
    const int64_t stride = x->dim[2] / y->dim[2];
    return stride == x->dim[3] / y->dim[3] && stride <= 1024 ? (int)stride : 0;
}

static int compare_levels(const void *a, const void *b)
{
    const struct found_level *x = a, *y = b;
    return x->stride < y->stride ? -1 : x->stride > y->stride;
}

static int channels(const struct graph *g, value_id v)
{
    return (int)graph_value(g, v)->shape.dim[1];
}

/* Every level has every part, and each part the same number of channels at every level. */
static bool is_consistent(const struct graph *g, const struct found_head *f)
{
    const bool has_coefs = f->proto != 0;
    if (f->is_ambiguous || f->n_levels == 0) return false;
    for (int i = 0; i < f->n_levels; i++)
        for (int role = 0; role < FOUND_ROLES; role++) {
            const value_id v = f->level[i].part[role], first = f->level[0].part[role];
            if ((v != 0) != (role != FOUND_COEF || has_coefs)) return false;
            if (v != 0 && channels(g, v) != channels(g, first)) return false;
        }
    const int n_box = channels(g, f->level[0].part[FOUND_BOX]);
    /* One bin would be a distance, not a distribution: another decoding. */
    if (n_box % 4 != 0 || n_box < 8 || n_box > 4 * 64) return false;
    return !has_coefs || channels(g, f->proto) == channels(g, f->level[0].part[FOUND_COEF]);
}

static itx_status add_output(struct graph *g, value_id v, int *index, struct itx_error *err)
{
    if (!vec_push(&g->outputs, v)) return itx_fail(err, ITX_E_NOMEM, "out of memory for the graph");
    *index = (int)g->outputs.len - 1;
    return ITX_OK;
}

static itx_status use_head(struct graph *g, struct found_head *f, struct head_info *head,
                           struct itx_error *err)
{
    const bool has_coefs = f->proto != 0;
    qsort(f->level, (size_t)f->n_levels, sizeof *f->level, compare_levels);
    const value_id *part = f->level[0].part;
    head->task = has_coefs ? HEAD_SEGMENT : HEAD_DETECT;
    head->n_classes = channels(g, part[FOUND_CLS]);
    head->reg_max = channels(g, part[FOUND_BOX]) / 4;
    head->n_coefs = has_coefs ? channels(g, part[FOUND_COEF]) : 0;
    head->n_levels = f->n_levels;
    g->outputs.len = 0;
    for (int i = 0; i < f->n_levels; i++) {
        struct head_level *level = &head->level[i];
        *level = (struct head_level){.stride = f->level[i].stride, .coef = -1};
        ITX_TRY(add_output(g, f->level[i].part[FOUND_CLS], &level->cls, err));
        ITX_TRY(add_output(g, f->level[i].part[FOUND_BOX], &level->box, err));
        if (has_coefs) ITX_TRY(add_output(g, f->level[i].part[FOUND_COEF], &level->coef, err));
    }
    if (has_coefs) ITX_TRY(add_output(g, f->proto, &head->proto, err));
    return names_read(graph_get_meta(g, "names"), head->n_classes, &g->arena, &head->names, err);
}

/* A picture goes in. */
static bool may_have_head(const struct graph *g)
{
    if (g->inputs.len != 1) return false;
    const struct shape *x = &graph_value(g, g->inputs.data[0])->shape;
    return x->rank == 4 && x->dim[0] == 1 && x->dim[2] > 0 && x->dim[3] > 0;
}

itx_status pass_find_head(struct graph *g, struct head_info *head, struct itx_error *err)
{
    *head = (struct head_info){.task = HEAD_RAW, .proto = -1, .why = ""};
    if (g->inputs.len != 0) {
        const struct shape *x = &graph_value(g, g->inputs.data[0])->shape;
        if (x->rank == 4 && x->dim[2] <= INT32_MAX && x->dim[3] <= INT32_MAX) {
            head->input_h = (int)x->dim[2];
            head->input_w = (int)x->dim[3];
        }
    }
    ITX_TRY(head_other_task(g, &head->why, err));
    if (head->why[0] != '\0' || !may_have_head(g)) return ITX_OK;
    struct rewrite r;
    ITX_TRY(rewrite_begin(&r, g, err));
    struct found_head f = {0};
    itx_status rc = head_tail_find(&r, &f, err);
    if (rc == ITX_OK && f.why == NULL && !is_consistent(g, &f)) {
        f = (struct found_head){0};
        rc = head_maps_find(&r, &f, err);
    }
    if (f.why != NULL) head->why = f.why;
    if (rc == ITX_OK && f.why == NULL && is_consistent(g, &f)) {
        for (size_t i = 0; i < f.n_renamed; i++)
            graph_swap_names(g, f.renamed[i].output, f.renamed[i].map);
        rc = use_head(g, &f, head, err);
        r.is_changed = true;
    }
    return rewrite_end(&r, rc, err);
}
