/* SPDX-License-Identifier: Apache-2.0
 *
 * Heads whose outputs are maps: the Model Zoo's form (NHWC) and raw ones (NCHW), two or three maps
 * a level and prototypes, in any order.
 *
 * Levels are told apart by their size, prototypes because they alone end in an activation,
 * coefficients by the number of prototypes, boxes by 64 channels (16 bins). Where numbers of
 * channels leave a choice (64 classes, 32 classes): a class branch has depthwise convolutions
 * (YOLO11), else it is the wider one (YOLOv8), else the order of the outputs decides: class, box,
 * coefficients in NHWC files (the Model Zoo's), box, class, coefficients in NCHW ones (Ultralytics'
 * own).
 */
#include <string.h>

#include "passes/find_head.h"
#include "passes/names.h"

enum { MAX_MAPS = HEAD_MAX_LEVELS * FOUND_ROLES + 1 };

struct map {
    value_id v;      /* [1, c, h, w], a convolution's result */
    value_id output; /* of the file: v, or its transpose */
    int stride, c;
    int width; /* channels that the last convolution reads */
    bool has_depthwise;
};

/* The last convolutions that lead to v and to nothing else include a depthwise one. */
static bool has_depthwise(const struct rewrite *r, node_id conv)
{
    const struct graph *g = r->g;
    for (int steps = 0; steps < 16; steps++) {
        const struct node *n = &g->nodes.data[conv];
        const struct shape *w = n->op == OP_CONV ? &graph_value(g, n->inputs[1])->shape : NULL;
        if (w != NULL && w->dim[1] == 1 && w->dim[0] > 1 && node_int(n, ATTR_GROUP, 1) == w->dim[0])
            return true;
        const bool is_chain =
            n->op == OP_CONV || n->op == OP_SILU || n->op == OP_RELU || n->op == OP_SIGMOID;
        if (!is_chain || !rewrite_is_private(r, n->inputs[0])) return false;
        conv = rewrite_producer(r, n->inputs[0]);
        if (conv == NODE_NONE) return false;
    }
    return false;
}

/* Looks behind a transpose to [1, h, w, c]. */
static value_id strip_nhwc(const struct rewrite *r, value_id v)
{
    static const int64_t expected[] = {0, 2, 3, 1};
    int64_t perm[4];
    const node_id id = rewrite_made_by(r, v, OP_TRANSPOSE);
    if (id == NODE_NONE || node_ints(rewrite_node(r, id), ATTR_PERM, 0, 4, perm) != 4 ||
        memcmp(perm, expected, sizeof perm) != 0)
        return v;
    return rewrite_node(r, id)->inputs[0];
}

/* Sorts the outputs into maps and prototypes; the number of maps, or 0 when one is neither. */
static int read_outputs(const struct rewrite *r, struct map *maps, struct found_head *f)
{
    const struct graph *g = r->g;
    int n = 0;
    if (g->outputs.len > MAX_MAPS) return 0;
    for (size_t i = 0; i < g->outputs.len; i++) {
        const value_id output = g->outputs.data[i], v = strip_nhwc(r, output);
        const node_id id = rewrite_producer(r, v);
        const int stride = found_stride(g, v);
        if (id == NODE_NONE || stride == 0) return 0;
        if (output != v) {
            f->renamed[f->n_renamed].output = output;
            f->renamed[f->n_renamed++].map = v;
        }
        const struct node *n_v = rewrite_node(r, id);
        if (n_v->op != OP_CONV) {
            if (f->proto != 0 || (n_v->op != OP_SILU && n_v->op != OP_RELU)) return 0;
            f->proto = v;
            continue;
        }
        const struct shape *w = &graph_value(g, n_v->inputs[1])->shape;
        maps[n++] = (struct map){
            .v = v,
            .output = output,
            .stride = stride,
            .c = (int)graph_value(g, v)->shape.dim[1],
            .width = (int)(w->dim[1] * node_int(n_v, ATTR_GROUP, 1)),
            .has_depthwise = has_depthwise(r, id),
        };
    }
    return n;
}

/* How well the maps of one level fit the roles; -1 when they cannot. Earlier reasons outweigh all
 * later ones. */
static int judge(const struct map *cls, const struct map *box, const struct map *coef,
                 int n_classes, int n_coefs)
{
    if (box->c % 4 != 0 || box->c < 8 || (n_classes > 0 && cls->c != n_classes) ||
        (coef != NULL && coef->c != n_coefs))
        return -1;
    const bool is_nhwc = cls->v != cls->output;
    int score = 0;
    if (box->c == 64) score += 256;
    if (cls->has_depthwise && !box->has_depthwise) score += 128;
    if (coef != NULL && cls->has_depthwise && !coef->has_depthwise) score += 64;
    if (cls->width > box->width) score += 32;
    if (coef != NULL && cls->width > coef->width) score += 16;
    if ((cls < box) == is_nhwc) score += 4; /* place in the array: place among the outputs */
    if (coef != NULL && cls < coef) score += 2;
    if (coef != NULL && box < coef) score += 1;
    return score;
}

/* members: the maps of one level in the order of the outputs. */
static void assign_level(struct found_head *f, const struct map *const *members, int n,
                         int n_classes, int n_coefs)
{
    static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                    {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    int best = -1, best_order = 0;
    for (int o = 0; o < 6; o++) {
        const int *order = orders[o];
        if (n == 2 && order[2] != 2) continue;
        const int score = judge(members[order[0]], members[order[1]],
                                n == 3 ? members[order[2]] : NULL, n_classes, n_coefs);
        if (score > best) {
            best = score;
            best_order = o;
        }
    }
    if (best < 0) f->is_ambiguous = true;
    for (int role = 0; role < n && best >= 0; role++) {
        const struct map *m = members[orders[best_order][role]];
        found_add(f, (enum found_role)role, m->v, m->stride);
    }
}

void head_maps_find(const struct rewrite *r, struct found_head *f)
{
    const struct graph *g = r->g;
    struct map maps[MAX_MAPS];
    const int n = read_outputs(r, maps, f);
    const int n_parts = f->proto != 0 ? 3 : 2;
    const int n_classes = names_count(graph_get_meta(g, "names"));
    const int n_coefs = f->proto != 0 ? (int)graph_value(g, f->proto)->shape.dim[1] : 0;
    /* Two levels at least: a lone pair of maps says too little. */
    if (n < 2 * n_parts) return;
    for (int i = 0; i < n; i++) {
        const struct map *members[3];
        int n_members = 0;
        bool is_first = true;
        for (int k = 0; k < n; k++) {
            if (maps[k].stride != maps[i].stride) continue;
            if (k < i) is_first = false;
            if (n_members == n_parts) f->is_ambiguous = true;
            if (n_members < n_parts) members[n_members++] = &maps[k];
        }
        if (n_members != n_parts) f->is_ambiguous = true;
        if (is_first && !f->is_ambiguous) assign_level(f, members, n_parts, n_classes, n_coefs);
    }
}
