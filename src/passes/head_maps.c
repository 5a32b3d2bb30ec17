/* SPDX-License-Identifier: Apache-2.0
 *
 * Heads whose outputs are maps: the Model Zoo's form (NHWC) and raw ones (NCHW), two or three maps
 * a level and prototypes, in any order.
 *
 * Levels are told apart by their size. Prototypes are the map without which every level has three; where that leaves a
 * choice, what they are called, and that they end in an activation or an enlargement, which the others do not. What the
 * others are is in head_reading.c.
 */
#include <string.h>

#include "passes/find_head.h"
#include "passes/names.h"

struct outputs {
    int n;
    struct map map[HEAD_MAX_MAPS];
    struct levels levels;
};

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

/* False when an output is no map. */
static bool read_outputs(const struct rewrite *r, struct outputs *o, struct found_head *f)
{
    const struct graph *g = r->g;
    if (g->outputs.len > HEAD_MAX_MAPS) return false;
    for (size_t i = 0; i < g->outputs.len; i++) {
        struct map *const m = &o->map[o->n++];
        m->output = g->outputs.data[i];
        m->v = strip_nhwc(r, m->output);
        if (rewrite_producer(r, m->v) == NODE_NONE || found_stride(g, m->v) == 0) return false;
        branch_describe(r, m);
        if (m->output == m->v) continue;
        f->renamed[f->n_renamed].output = m->output;
        f->renamed[f->n_renamed++].map = m->v;
    }
    return true;
}

/* What the file itself says of its outputs. False when it says that there is no head. */
static bool read_roles(const struct graph *g, struct outputs *o)
{
    static const struct {
        const char *word;
        int role;
    } words[] = {{"class", FOUND_CLS},
                 {"box", FOUND_BOX},
                 {"coefficients", FOUND_COEF},
                 {"prototypes", MAP_PROTO}};
    const char *p = graph_get_meta(g, HEAD_META_OUTPUTS);
    if (p == NULL) return true;
    if (strcmp(p, "raw") == 0) return false;
    for (int i = 0; i < o->n && *p != '\0'; i++) {
        const size_t len = strcspn(p, ",");
        for (size_t k = 0; k < sizeof words / sizeof words[0]; k++)
            if (strlen(words[k].word) == len && memcmp(p, words[k].word, len) == 0)
                o->map[i].role = words[k].role;
        p += len;
        if (*p == ',') p++;
    }
    return true;
}

/* Sorts the maps without `proto` into levels; false when they are not n_parts a level, all of them convolutions. */
static bool group(struct outputs *o, const struct map *proto)
{
    struct levels *const l = &o->levels;
    int n[HEAD_MAX_LEVELS] = {0};
    l->n_levels = 0;
    l->n_parts = proto != NULL ? 3 : 2;
    l->n_coefs = proto != NULL ? proto->c : 0;
    for (int i = 0; i < o->n; i++) {
        struct map *const m = &o->map[i];
        int level = 0;
        if (m == proto) continue;
        while (level < l->n_levels && l->map[level][0]->stride != m->stride) level++;
        if (level == HEAD_MAX_LEVELS || n[level] == l->n_parts || !m->is_conv) return false;
        l->map[level][n[level]++] = m;
        if (level == l->n_levels) l->n_levels++;
    }
    for (int i = 0; i < l->n_levels; i++)
        if (n[i] != l->n_parts) return false;
    return l->n_levels >= 2; /* a lone pair of maps says too little */
}

/* How much a map looks like prototypes. */
static int looks_like_prototypes(const struct outputs *o, const struct map *m)
{
    int n_same = 0;
    for (int i = 0; i < o->n; i++) n_same += o->map[i].stride == m->stride;
    return (m->role == MAP_PROTO ? 4 : 0) + (m->is_conv ? 0 : 2) + (n_same == 1 ? 1 : 0);
}

/* Finds the levels, and prototypes if there are any. */
static enum reading read_maps(struct outputs *o, struct map **proto)
{
    enum reading found = group(o, NULL) ? head_read_levels(&o->levels) : READING_NONE;
    int best = -1;
    *proto = NULL;
    for (int i = 0; found == READING_NONE && i < o->n; i++) {
        struct map *const m = &o->map[i];
        if (m->role != MAP_UNKNOWN && m->role != MAP_PROTO) continue;
        if (!group(o, m)) continue;
        const int score = looks_like_prototypes(o, m);
        if (score == best) *proto = NULL;
        if (score > best) *proto = m;
        if (score > best) best = score;
    }
    if (best < 0) return found;
    if (*proto == NULL) return READING_AMBIGUOUS;
    (void)group(o, *proto);
    return head_read_levels(&o->levels);
}

static itx_status refuse_ambiguous(const struct graph *g, const struct outputs *o,
                                   struct itx_error *err)
{
    const struct levels *const l = &o->levels;
    const char *const a = graph_value(g, l->map[0][0]->output)->name;
    const char *const b = graph_value(g, l->map[0][1]->output)->name;
    return itx_fail(err, ITX_E_UNSUPPORTED,
                    "the outputs are maps of a YOLO head, but nothing tells which are %s ('%.60s' "
                    "has %d channels, '%.60s' %d): any of these settles it: nodes or outputs named "
                    "as Ultralytics does (cv3.0 or cls, cv2.0 or box, cv4.0 or coef)%s; "
                    "metadata " HEAD_META_OUTPUTS
                    "=class,box,... in the order of the outputs, or =raw for no head",
                    l->n_parts == 3 ? "classes, boxes and coefficients" : "classes and boxes", a,
                    l->map[0][0]->c, b, l->map[0][1]->c,
                    l->same_classes ? "" : "; metadata names, one for each class");
}

itx_status head_maps_find(const struct rewrite *r, struct found_head *f, struct itx_error *err)
{
    const struct graph *g = r->g;
    struct outputs o = {.levels = {.n_names = names_count(graph_get_meta(g, "names"))}};
    struct map *proto;
    if (!read_outputs(r, &o, f)) return ITX_OK;
    if (!read_roles(g, &o)) return ITX_OK;
    const enum reading found = read_maps(&o, &proto);
    if (found == READING_AMBIGUOUS) return refuse_ambiguous(g, &o, err);
    if (found == READING_NONE) return ITX_OK;
    for (int i = 0; i < o.n; i++) {
        const struct map *const m = &o.map[i];
        if (m != proto && m->role == FOUND_BOX && m->c == 4) f->why = HEAD_DISTANCES;
    }
    if (f->why != NULL) return ITX_OK;
    f->proto = proto != NULL ? proto->v : 0;
    for (int i = 0; i < o.n; i++)
        if (&o.map[i] != proto)
            found_add(f, (enum found_role)o.map[i].role, o.map[i].v, o.map[i].stride);
    return ITX_OK;
}
