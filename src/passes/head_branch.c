/* SPDX-License-Identifier: Apache-2.0
 *
 * Walks back from a map of a head: its activation, its last convolution, the branch before that, and what their names
 * tell.
 */
#include <string.h>

#include "passes/find_head.h"

/* ---- activations ---- */

enum { MAX_FRONT = 8, MAX_STEPS = 32 };

/* The values that elementwise nodes between here and the end come from. */
struct front {
    int n;
    struct {
        value_id v;
        uint32_t n_uses; /* by the nodes that were passed */
    } at[MAX_FRONT];
};

static bool front_add(const struct graph *g, struct front *f, value_id v)
{
    if (v == 0 || value_is_const(g, v)) return true;
    for (int i = 0; i < f->n; i++)
        if (f->at[i].v == v) {
            f->at[i].n_uses++;
            return true;
        }
    if (f->n == MAX_FRONT) return false;
    f->at[f->n].v = v;
    f->at[f->n++].n_uses = 1;
    return true;
}

/* Replaces the value that is made last by what its node reads; false when that is no elementwise node. */
static bool front_step(const struct rewrite *r, struct front *f)
{
    int last = -1;
    node_id made_by = NODE_NONE;
    for (int i = 0; i < f->n; i++) {
        const node_id id = rewrite_producer(r, f->at[i].v);
        if (id == NODE_NONE || (made_by != NODE_NONE && id < made_by)) continue;
        made_by = id;
        last = i;
    }
    if (last < 0 || (op_info(rewrite_node(r, made_by)->op)->flags & OP_ELT) == 0) return false;
    const struct node *n = rewrite_node(r, made_by);
    f->at[last] = f->at[--f->n];
    for (int i = 0; i < n->n_inputs; i++)
        if (!front_add(r->g, f, n->inputs[i])) return false;
    return true;
}

value_id branch_before_activation(const struct rewrite *r, value_id v, uint32_t *n_uses)
{
    struct front f = {.n = 1, .at = {{v, 0}}};
    value_id source = v;
    uint32_t uses = graph_n_uses(&r->uses, v);
    for (int i = 0; i < MAX_STEPS && front_step(r, &f) && f.n != 0; i++) {
        if (f.n != 1) continue;
        source = f.at[0].v;
        uses = f.at[0].n_uses;
    }
    if (n_uses != NULL) *n_uses = uses;
    return source;
}

/* ---- convolutions ---- */

static int64_t reads_channels(const struct graph *g, const struct node *conv)
{
    return graph_value(g, conv->inputs[0])->shape.dim[1];
}

static bool is_depthwise(const struct graph *g, const struct node *conv)
{
    const struct shape *w = &graph_value(g, conv->inputs[1])->shape;
    return conv->op == OP_CONV && w->rank == 4 && w->dim[1] == 1 && w->dim[0] > 1 &&
           node_int(conv, ATTR_GROUP, 1) == w->dim[0];
}

/* The convolution whose activation node `conv` alone reads, or NODE_NONE. */
static node_id conv_before(const struct rewrite *r, node_id conv)
{
    const value_id x = rewrite_node(r, conv)->inputs[0];
    uint32_t n_uses;
    if (!rewrite_is_private(r, x)) return NODE_NONE;
    const value_id source = branch_before_activation(r, x, &n_uses);
    if (source >= r->n_values || graph_n_uses(&r->uses, source) != n_uses) return NODE_NONE;
    return rewrite_made_by(r, source, OP_CONV);
}

/* ---- names ---- */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool same_word(const char *text, size_t len, const char *word)
{
    if (strlen(word) != len) return false;
    for (size_t i = 0; i < len; i++)
        if ((text[i] | 0x20) != word[i]) return false;
    return true;
}

/* Ultralytics calls the branches of a head cv2.0, cv2.1, ..., cv3.0, ...; other convolutions are cv2 without a level. */
static int role_of_branch(const char *p)
{
    if ((p[0] | 0x20) != 'c' || (p[1] | 0x20) != 'v' || p[2] < '2' || p[2] > '4')
        return MAP_UNKNOWN;
    if ((p[3] != '.' && p[3] != '_') || !is_digit(p[4])) return MAP_UNKNOWN;
    static const int roles[] = {FOUND_BOX, FOUND_CLS, FOUND_COEF};
    return roles[p[2] - '2'];
}

static int role_of_word(const char *p, size_t len)
{
    static const struct {
        const char *word;
        int role;
    } words[] = {
        {"cls", FOUND_CLS},        {"class", FOUND_CLS},  {"classes", FOUND_CLS},
        {"score", FOUND_CLS},      {"scores", FOUND_CLS}, {"box", FOUND_BOX},
        {"bbox", FOUND_BOX},       {"boxes", FOUND_BOX},  {"bboxes", FOUND_BOX},
        {"dfl", FOUND_BOX},        {"reg", FOUND_BOX},    {"coef", FOUND_COEF},
        {"coefs", FOUND_COEF},     {"coeff", FOUND_COEF}, {"coeffs", FOUND_COEF},
        {"mask", FOUND_COEF},      {"masks", FOUND_COEF}, {"mc", FOUND_COEF},
        {"proto", MAP_PROTO},      {"protos", MAP_PROTO}, {"prototype", MAP_PROTO},
        {"prototypes", MAP_PROTO},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (same_word(p, len, words[i].word)) return words[i].role;
    return role_of_branch(p);
}

/* What the words of a name tell together; MAP_UNKNOWN when they tell nothing or two things. */
static int role_of_name(const char *name)
{
    int role = MAP_UNKNOWN;
    for (const char *p = name; *p != '\0';) {
        size_t len = 0;
        while (is_letter(p[len])) len++;
        const int told = len != 0 ? role_of_word(p, len) : MAP_UNKNOWN;
        if (told != MAP_UNKNOWN && role != MAP_UNKNOWN && told != role) return MAP_UNKNOWN;
        if (told != MAP_UNKNOWN) role = told;
        p += len != 0 ? len : 1;
    }
    return role;
}

/* Of the output, the map, the nodes from its activation to its convolution and this one's weights, the first that
 * tells something. */
static int role_of_map(const struct rewrite *r, const struct map *m, node_id conv)
{
    const struct graph *g = r->g;
    const node_id last = rewrite_producer(r, m->v);
    const char *names[5] = {graph_value(g, m->output)->name, graph_value(g, m->v)->name};
    int n = 2;
    if (last != NODE_NONE) names[n++] = rewrite_node(r, last)->name;
    if (conv != NODE_NONE) {
        names[n++] = rewrite_node(r, conv)->name;
        if (rewrite_node(r, conv)->n_inputs > 1)
            names[n++] = graph_value(g, rewrite_node(r, conv)->inputs[1])->name;
    }
    for (int i = 0; i < n; i++) {
        const int role = role_of_name(names[i]);
        if (role != MAP_UNKNOWN) return role;
    }
    return MAP_UNKNOWN;
}

void branch_describe(const struct rewrite *r, struct map *m)
{
    const struct graph *g = r->g;
    node_id conv = rewrite_made_by(r, m->v, OP_CONV);
    m->stride = found_stride(g, m->v);
    m->c = (int)graph_value(g, m->v)->shape.dim[1];
    m->is_conv = conv != NODE_NONE;
    if (!m->is_conv) conv = rewrite_producer(r, branch_before_activation(r, m->v, NULL));
    m->role = role_of_map(r, m, conv);
    if (!m->is_conv) return;
    m->width = (int)reads_channels(g, rewrite_node(r, conv));
    for (int steps = 0; steps < 16 && conv != NODE_NONE; steps++) {
        m->has_depthwise = m->has_depthwise || is_depthwise(g, rewrite_node(r, conv));
        m->entry = (int)reads_channels(g, rewrite_node(r, conv));
        conv = conv_before(r, conv);
    }
}
