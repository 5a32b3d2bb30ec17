/* SPDX-License-Identifier: Apache-2.0
 *
 * Heads of every form: which map is which, what settles it, what is refused, and that what `intarsia cut` writes is
 * read again. The truth is how the network was made here.
 */
#include <math.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/str.h"
#include "intarsia/compiler.h"
#include "onnx/onnx.h"
#include "passes/pass.h"

#include "test.h"

enum { SIDE = 64, N_LEVELS = 2 };
static const int strides[N_LEVELS] = {8, 16};

/* ---- making networks ---- */

enum act {
    NONE,
    RELU,
    SILU,
    LEAKY_RELU,
    ELU,
    RELU6,
    HARD_SWISH,
    HARD_SWISH_BY_HAND,
    HARD_SIGMOID,
    HARD_SIGMOID_GATE,
    SIGMOID,
    TANH,
    MISH,
    GELU,
    SOFTPLUS,
    PRELU,
    N_ACTS
};

struct spec {
    int classes, box, coefs; /* channels; no coefs: detection */
    int ch;                  /* of the features; 0: 8 */
    int cls_width, box_width,
        coef_width;     /* of the branches; 0: their last convolution reads the features */
    bool has_depthwise; /* in the class branch */
    enum act act;
    const char *order;      /* of a level's outputs: "cbm" */
    const char *words[4];   /* in node names of class, box, coefficients, prototypes; NULL: none */
    const char *key, *text; /* metadata */
    bool proto_at_8;        /* prototypes as large as the first level */
    bool is_nhwc, is_whole;
};

struct maker {
    struct graph *g;
    const struct spec *s;
    uint64_t seed;
    int n;
};

static value_id constant(struct maker *m, int rank, const int64_t *dim, float scale)
{
    struct shape shape = {.rank = rank};
    for (int i = 0; i < rank; i++) shape.dim[i] = dim[i];
    const int64_t n = shape_elements(&shape);
    float *const data = n >= 0 ? calloc((size_t)n, sizeof *data) : NULL;
    if (data == NULL) abort();
    for (int64_t i = 0; i < n; i++)
        data[i] = scale * ((float)(test_random(&m->seed) % 2001) / 1000 - 1);
    value_id id;
    if (graph_add_constant(m->g, NULL, DTYPE_F32, &shape, data, &id, NULL) != ITX_OK) abort();
    free(data);
    return id;
}

static value_id number(struct maker *m, float f)
{
    const struct shape shape = {.rank = 0};
    value_id id;
    if (graph_add_constant(m->g, NULL, DTYPE_F32, &shape, &f, &id, NULL) != ITX_OK) abort();
    return id;
}

static value_id integers(struct maker *m, int n, const int64_t *v)
{
    const struct shape shape = {.rank = 1, .dim = {n}};
    value_id id;
    if (graph_add_constant(m->g, NULL, DTYPE_S64, &shape, v, &id, NULL) != ITX_OK) abort();
    return id;
}

static node_id add(struct maker *m, enum op op, const char *word, int n_in, const value_id *in,
                   value_id *out)
{
    char name[80];
    node_id id;
    snprintf(name, sizeof name, "n%d%s%s", m->n, word != NULL ? "/" : "", word != NULL ? word : "");
    snprintf(name + strlen(name), 20, "/Op%d", m->n++);
    if (graph_add_value(m->g, NULL, DTYPE_F32, NULL, out, NULL) != ITX_OK ||
        graph_add_node(m->g, op, name, n_in, in, 1, out, &id, NULL) != ITX_OK)
        abort();
    return id;
}

static value_id unary(struct maker *m, enum op op, value_id x)
{
    value_id y;
    add(m, op, NULL, 1, &x, &y);
    return y;
}

static value_id binary(struct maker *m, enum op op, value_id a, value_id b)
{
    value_id y;
    add(m, op, NULL, 2, (const value_id[]){a, b}, &y);
    return y;
}

static value_id clip(struct maker *m, value_id x, float low, float high)
{
    value_id y;
    add(m, OP_CLIP, NULL, 3, (const value_id[]){x, number(m, low), number(m, high)}, &y);
    return y;
}

static value_id hard_sigmoid(struct maker *m, value_id x)
{
    value_id y;
    const node_id id = add(m, OP_HARD_SIGMOID, NULL, 1, &x, &y);
    if (graph_set_float(m->g, id, ATTR_ALPHA, 1.0f / 6, NULL) != ITX_OK) abort();
    return y;
}

static value_id activation(struct maker *m, value_id x)
{
    switch (m->s->act) {
    case RELU:
        return unary(m, OP_RELU, x);
    case SILU:
        return binary(m, OP_MUL, x, unary(m, OP_SIGMOID, x));
    case LEAKY_RELU:
        return unary(m, OP_LEAKY_RELU, x);
    case ELU:
        return unary(m, OP_ELU, x);
    case RELU6:
        return clip(m, x, 0, 6);
    case HARD_SWISH:
        return unary(m, OP_HARD_SWISH, x);
    case HARD_SWISH_BY_HAND:
        return binary(m, OP_DIV,
                      binary(m, OP_MUL, x, clip(m, binary(m, OP_ADD, x, number(m, 3)), 0, 6)),
                      number(m, 6));
    case HARD_SIGMOID:
        return hard_sigmoid(m, x);
    case HARD_SIGMOID_GATE:
        return binary(m, OP_MUL, x, hard_sigmoid(m, x));
    case SIGMOID:
        return unary(m, OP_SIGMOID, x);
    case TANH:
        return unary(m, OP_TANH, x);
    case MISH:
        return binary(m, OP_MUL, x, unary(m, OP_TANH, unary(m, OP_SOFTPLUS, x)));
    case GELU:
        return binary(
            m, OP_MUL,
            binary(m, OP_MUL, x,
                   binary(m, OP_ADD, unary(m, OP_ERF, binary(m, OP_DIV, x, number(m, 1.41421356f))),
                          number(m, 1))),
            number(m, 0.5f));
    case SOFTPLUS:
        return unary(m, OP_SOFTPLUS, x);
    case PRELU:
        return binary(m, OP_PRELU, x, number(m, 0.2f));
    case NONE:
    case N_ACTS:
        break;
    }
    return x;
}

/* A convolution with a bias; kernel = stride. */
static value_id conv(struct maker *m, enum op op, const char *word, value_id x, int from, int to,
                     int stride, int group)
{
    const int64_t w[] = {op == OP_CONV ? to : from, op == OP_CONV ? from / group : to, stride,
                         stride};
    const int64_t b[] = {to};
    const int64_t steps[] = {stride, stride};
    value_id y;
    const value_id in[] = {x, constant(m, 4, w, 0.5f), constant(m, 1, b, 1)};
    const node_id id = add(m, op, word, 3, in, &y);
    if (graph_set_ints(m->g, id, ATTR_STRIDES, 2, steps, NULL) != ITX_OK ||
        graph_set_int(m->g, id, ATTR_GROUP, group, NULL) != ITX_OK)
        abort();
    return y;
}

static int channels(const struct maker *m)
{
    return m->s->ch != 0 ? m->s->ch : 8;
}

static value_id branch(struct maker *m, value_id x, int role, int level)
{
    const struct spec *const s = m->s;
    const int c[] = {s->classes, s->box, s->coefs};
    const int widths[] = {s->cls_width, s->box_width, s->coef_width};
    char word[40];
    int from = channels(m);
    snprintf(word, sizeof word, "%s.%d", s->words[role] != NULL ? s->words[role] : "", level);
    if (role == 0 && s->has_depthwise)
        x = activation(m, conv(m, OP_CONV, NULL, x, from, from, 1, from));
    if (widths[role] != 0) {
        x = activation(m, conv(m, OP_CONV, NULL, x, from, widths[role], 1, 1));
        from = widths[role];
    }
    return conv(m, OP_CONV, s->words[role] != NULL ? word : NULL, x, from, c[role], 1, 1);
}

static value_id turned(struct maker *m, value_id x, int n, const int64_t *perm)
{
    value_id y;
    const node_id id = add(m, OP_TRANSPOSE, NULL, 1, &x, &y);
    if (graph_set_ints(m->g, id, ATTR_PERM, n, perm, NULL) != ITX_OK) abort();
    return y;
}

static void output(struct maker *m, value_id v)
{
    static const int64_t to_nhwc[] = {0, 2, 3, 1};
    if (m->s->is_nhwc) v = turned(m, v, 4, to_nhwc);
    if (!vec_push(&m->g->outputs, v)) abort();
}

static value_id reshaped(struct maker *m, value_id x, int rank, const int64_t *dim)
{
    return binary(m, OP_RESHAPE, x, integers(m, rank, dim));
}

static value_id joined(struct maker *m, int axis, int n, const value_id *in)
{
    value_id y;
    const node_id id = add(m, OP_CONCAT, NULL, n, in, &y);
    if (graph_set_int(m->g, id, ATTR_AXIS, axis, NULL) != ITX_OK) abort();
    return y;
}

enum { N_CELLS = 8 * 8 + 4 * 4 };

static value_id joined_levels(struct maker *m, int c, value_id parts[N_LEVELS][3], int role)
{
    value_id flat[N_LEVELS];
    for (int i = 0; i < N_LEVELS; i++)
        flat[i] = reshaped(m, parts[i][role], 3,
                           (const int64_t[]){1, c, (SIDE / strides[i]) * (SIDE / strides[i])});
    return joined(m, 2, N_LEVELS, flat);
}

/* [1, 4 bins, cells] to [1, 4, cells]: the expectation of each distribution; distances as they are. */
static value_id distances(struct maker *m, value_id x)
{
    static const int64_t perm[] = {0, 2, 1, 3};
    const int bins = m->s->box / 4;
    if (bins == 1) return x;
    float w[64];
    value_id weights, y;
    for (int i = 0; i < bins; i++) w[i] = (float)i;
    const struct shape shape = {.rank = 4, .dim = {1, bins, 1, 1}};
    if (graph_add_constant(m->g, NULL, DTYPE_F32, &shape, w, &weights, NULL) != ITX_OK) abort();
    x = turned(m, reshaped(m, x, 4, (const int64_t[]){1, 4, bins, N_CELLS}), 4, perm);
    const node_id id = add(m, OP_SOFTMAX, NULL, 1, &x, &y);
    if (graph_set_int(m->g, id, ATTR_AXIS, 1, NULL) != ITX_OK) abort();
    return reshaped(m, binary(m, OP_CONV, y, weights), 3, (const int64_t[]){1, 4, N_CELLS});
}

static value_id sliced(struct maker *m, value_id x, int64_t begin, int64_t end)
{
    static const int64_t axis = 1;
    value_id y;
    const value_id in[] = {x, integers(m, 1, &begin), integers(m, 1, &end), integers(m, 1, &axis)};
    add(m, OP_SLICE, NULL, 4, in, &y);
    return y;
}

/* Ultralytics' decoding. */
static void decode(struct maker *m, value_id parts[N_LEVELS][3])
{
    static const int64_t two[] = {1, 2, N_CELLS};
    const value_id anchors = constant(m, 3, two, 4);
    const value_id d = distances(m, joined_levels(m, m->s->box, parts, 1));
    const value_id a = binary(m, OP_SUB, anchors, sliced(m, d, 0, 2));
    const value_id b = binary(m, OP_ADD, anchors, sliced(m, d, 2, 4));
    const value_id scores = unary(m, OP_SIGMOID, joined_levels(m, m->s->classes, parts, 0));
    value_id all[3] = {binary(m, OP_MUL, joined(m, 1, 2, (const value_id[]){a, b}), number(m, 8)),
                       scores, 0};
    if (m->s->coefs > 0) all[2] = joined_levels(m, m->s->coefs, parts, 2);
    if (!vec_push(&m->g->outputs, joined(m, 1, m->s->coefs > 0 ? 3 : 2, all))) abort();
}

static struct graph *make(const struct spec *s)
{
    struct maker m = {.s = s, .seed = 7};
    value_id x, features[N_LEVELS], parts[N_LEVELS][3];
    const struct shape shape = {.rank = 4, .dim = {1, 3, SIDE, SIDE}};
    if (graph_create(&m.g, NULL) != ITX_OK ||
        graph_add_value(m.g, "images", DTYPE_F32, &shape, &x, NULL) != ITX_OK ||
        !vec_push(&m.g->inputs, x))
        abort();
    for (int i = 0; i < N_LEVELS; i++) {
        features[i] = activation(&m, conv(&m, OP_CONV, NULL, x, 3, channels(&m), strides[i], 1));
        for (int role = 0; role < (s->coefs > 0 ? 3 : 2); role++)
            parts[i][role] = branch(&m, features[i], role, i);
    }
    if (s->is_whole) decode(&m, parts);
    const char *const order = s->order != NULL ? s->order : "cbm";
    for (int i = 0; i < N_LEVELS && !s->is_whole; i++)
        for (const char *p = order; *p != '\0'; p++)
            if (*p != 'm' || s->coefs > 0) output(&m, parts[i][*p == 'c' ? 0 : *p == 'b' ? 1 : 2]);
    if (s->coefs > 0) {
        const int c = channels(&m);
        x = s->proto_at_8 ? features[0]
                          : conv(&m, OP_CONV_TRANSPOSE, NULL, features[0], c, c, 2, 1);
        output(&m, activation(&m, conv(&m, OP_CONV, s->words[3], x, c, s->coefs, 1, 1)));
    }
    if (s->key != NULL && graph_set_meta(m.g, s->key, s->text, NULL) != ITX_OK) abort();
    return m.g;
}

/* ---- what find_head makes of it ---- */

struct result {
    itx_status rc;
    struct head_info head;
    char why[sizeof((struct itx_error *)0)->text];
    bool is_right;    /* every map has its role, as the numbers of channels and names say */
    char last[3][80]; /* names of the first level's nodes: class, box, coefficients */
};

static void read_names(struct result *r, const struct graph *g)
{
    const int outputs[] = {r->head.level[0].cls, r->head.level[0].box, r->head.level[0].coef};
    for (int i = 0; i < 3; i++)
        for (size_t k = 0; outputs[i] >= 0 && k < g->nodes.len; k++)
            if (g->nodes.data[k].outputs[0] == g->outputs.data[outputs[i]])
                snprintf(r->last[i], sizeof r->last[i], "%s", g->nodes.data[k].name);
}

static struct result find(const struct spec *s)
{
    struct result r = {.rc = ITX_E_NOMEM};
    struct itx_error err = {.text = ""};
    struct graph *g = make(s);
    r.rc = passes_run(g, &r.head, NULL, NULL, &err);
    snprintf(r.why, sizeof r.why, "%s", r.rc != ITX_OK ? err.text : r.head.why);
    if (r.rc == ITX_OK && r.head.task != HEAD_RAW) read_names(&r, g);
    r.is_right = r.rc == ITX_OK && r.head.task == (s->coefs > 0 ? HEAD_SEGMENT : HEAD_DETECT) &&
                 r.head.n_classes == s->classes && r.head.reg_max * 4 == s->box &&
                 r.head.n_coefs == s->coefs && r.head.n_levels == N_LEVELS;
    graph_destroy(&g);
    return r;
}

/* The node numbers rise in the order in which make() makes a level's branches: class, box, coefficients. */
static bool in_order(const struct result *r)
{
    const int cls = atoi(r->last[0] + 1), box = atoi(r->last[1] + 1), coef = atoi(r->last[2] + 1);
    return cls < box && (r->last[2][0] == '\0' || box < coef);
}

static void check_found(const char *what, const struct spec *s)
{
    const struct result r = find(s);
    CHECK_MSG(r.is_right && in_order(&r), "%s: %d classes, %d bins, %d coefficients: %s", what,
              r.head.n_classes, r.head.reg_max, r.head.n_coefs, r.why);
}

static void check_refused(const char *what, const struct spec *s, const char *says)
{
    const struct result r = find(s);
    CHECK_MSG(r.rc == ITX_E_UNSUPPORTED && strstr(r.why, says) != NULL, "%s: status %d: %s", what,
              (int)r.rc, r.why);
}

#define SETTLES "any of these settles it"

static void test_head__any_activation(void)
{
    for (int act = 0; act < N_ACTS; act++)
        for (int form = 0; form < 3; form++) {
            char what[40];
            snprintf(what, sizeof what, "activation %d, form %d", act, form);
            const struct spec s = {.classes = 3,
                                   .box = 64,
                                   .coefs = 5,
                                   .act = (enum act)act,
                                   .is_nhwc = form == 1,
                                   .is_whole = form == 2,
                                   .cls_width = 6};
            check_found(what, &s);
        }
}

/* Prototypes as large as a level: found by what they end in or are called. */
static void test_head__prototypes_at_a_level(void)
{
    struct spec s = {.classes = 3, .box = 64, .coefs = 5, .proto_at_8 = true, .act = ELU};
    check_found("by their activation", &s);
    s.act = NONE;
    check_refused("by nothing", &s, SETTLES);
    s.words[3] = "proto.cv3";
    check_found("by their name", &s);
}

/* As many classes as box channels, equal widths: the order of outputs says nothing. */
static void test_head__equal_maps_are_refused(void)
{
    static const char *const orders[] = {"cbm", "bcm", "mcb", "bmc"};
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++)
        for (int form = 0; form < 2; form++) {
            struct spec s = {.classes = 64,
                             .box = 64,
                             .order = orders[i],
                             .is_nhwc = form == 1,
                             .ch = 64,
                             .cls_width = 64,
                             .box_width = 64};
            check_refused("64 and 64", &s, SETTLES);
            s.coefs = 5;
            s.coef_width = 16;
            check_refused("64 and 64 with masks", &s, SETTLES);
            s.key = "names";
            s.text = "['a', 'b']"; /* that do not fit tell nothing */
            check_refused("64 and 64 with two names", &s, SETTLES);
        }
    const struct spec branches = {.classes = 64, .box = 64, .coefs = 64, .act = SILU};
    check_refused("prototypes as wide as each branch", &branches, SETTLES);
    const struct spec coefs = {.classes = 32,
                               .box = 64,
                               .coefs = 32,
                               .ch = 32,
                               .cls_width = 32,
                               .box_width = 64,
                               .coef_width = 32};
    check_refused("as many classes as coefficients", &coefs, SETTLES);
}

static void test_head__names_of_nodes_settle_it(void)
{
    static const char *const orders[] = {"cbm", "bcm", "mcb", "bmc"};
    static const struct {
        const char *words[4];
    } calls[] = {{{"cv3", "cv2", "cv4", "proto"}},
                 {{"one2one_cv3", "one2one_cv2", "cv4", NULL}},
                 {{"cls", "bbox", "mc", NULL}},
                 {{"class_scores", "BOX", "mask", NULL}},
                 {{"cv3", NULL, "cv4", NULL}}};
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++)
        for (size_t k = 0; k < sizeof calls / sizeof calls[0]; k++) {
            struct spec s = {
                .classes = 64, .box = 64, .coefs = 64, .order = orders[i], .act = LEAKY_RELU};
            memcpy(s.words, calls[k].words, sizeof s.words);
            check_found(calls[k].words[0], &s);
        }
    /* convolutions inside other blocks are called cv2 and cv3 too, without a level */
    struct spec s = {.classes = 64, .box = 64, .words = {"m/cv2/conv", "m/cv3/conv"}};
    check_refused("cv2 without a level", &s, SETTLES);
}

static void test_head__names_of_classes_settle_it(void)
{
    static const char names[] =
        "{0: 'a', 1: 'b', 2: 'c', 3: 'd', 4: 'e', 5: 'f', 6: 'g', 7: 'h', 8: 'i', 9: 'j', "
        "10: 'k', 11: 'l', 12: 'm', 13: 'n', 14: 'o', 15: 'p'}";
    struct spec s = {.classes = 16, .box = 32, .order = "bc"};
    check_refused("16 and 32 channels", &s, "; metadata names, one for each class");
    s.key = "names";
    s.text = names;
    check_found("16 names", &s);
    s = (struct spec){.classes = 16, .box = 64, .order = "bc"};
    check_found("16 bins", &s);
    /* more bins than usual: names are surer than that */
    s = (struct spec){.classes = 64, .box = 16, .key = "names", .text = names};
    const struct result r = find(&s);
    CHECK(r.rc == ITX_OK && r.head.n_classes == 16 && r.head.reg_max == 16);
}

static void test_head__structure_settles_it(void)
{
    struct spec s = {.classes = 64,
                     .box = 64,
                     .coefs = 64,
                     .has_depthwise = true,
                     .act = RELU6,
                     .order = "bcm",
                     .words = {NULL, NULL, "cv4", NULL}};
    check_found("depthwise", &s);
    s.act = MISH;
    check_found("depthwise, behind an activation of several nodes", &s);
    /* YOLOv8s with 64 classes: widths 128, 64, 32 */
    s = (struct spec){.classes = 64,
                      .box = 64,
                      .coefs = 32,
                      .ch = 128,
                      .cls_width = 128,
                      .box_width = 64,
                      .coef_width = 32,
                      .act = SILU,
                      .order = "bcm"};
    check_found("widths", &s);
}

static void test_head__metadata_settles_it(void)
{
    struct spec s = {.classes = 64,
                     .box = 64,
                     .coefs = 64,
                     .order = "bmc",
                     .act = RELU,
                     .key = HEAD_META_OUTPUTS,
                     .text = "box,coefficients,class,box,coefficients,class,prototypes"};
    check_found("intarsia_outputs", &s);
    s.text = "raw";
    const struct result r = find(&s);
    CHECK_MSG(r.rc == ITX_OK && r.head.task == HEAD_RAW, "%s", r.why);
}

/* Whole exports tell by what is behind the maps: nothing is ambiguous. */
static void test_head__whole_exports(void)
{
    const struct spec equal = {.classes = 64, .box = 64, .coefs = 64, .act = ELU, .is_whole = true};
    check_found("64, 64 and 64", &equal);
    const struct spec detect = {.classes = 8, .box = 8, .act = NONE, .is_whole = true};
    check_found("8 and 8", &detect);
}

static void check_named(const char *what, const struct spec *s, const char *says)
{
    const struct result r = find(s);
    CHECK_MSG(r.rc == ITX_OK && r.head.task == HEAD_RAW && strstr(r.why, says) != NULL &&
                  strstr(r.why, "supported are") != NULL,
              "%s: status %d, task %d: %s", what, (int)r.rc, (int)r.head.task, r.why);
}

static void test_head__others_are_named(void)
{
    struct spec s = {.classes = 2, .box = 4, .is_whole = true};
    check_named("YOLO26", &s, "of the form of YOLO26");
    s.classes = 4;
    check_named("YOLO26, four classes", &s, "of the form of YOLO26");
    s.coefs = 4;
    check_named("YOLO26, masks", &s, "of the form of YOLO26");
    s = (struct spec){.classes = 4, .box = 4};
    check_refused("four and four", &s, SETTLES);
    s.words[0] = "cv3";
    check_named("YOLO26's maps", &s, "of the form of YOLO26");
    /* read as 4 classes and 20 bins before */
    s = (struct spec){.classes = 80, .box = 4, .words = {"one2one_cv3", "one2one_cv2"}};
    check_named("YOLO26's maps, COCO", &s, "of the form of YOLO26");
    s.words[0] = s.words[1] = NULL;
    check_refused("the same without names", &s, SETTLES);
    s = (struct spec){.classes = 4, .box = 64, .order = "bc"};
    check_found("four classes and 16 bins", &s);
    s = (struct spec){.classes = 3, .box = 64, .is_whole = true, .key = "task", .text = "pose"};
    check_named("another task", &s, "for the task 'pose'");
}

/* ---- files ---- */

static void write_file(const struct spec *s, const char *path)
{
    struct graph *g = make(s);
    struct itx_error err = {.text = ""};
    CHECK_MSG(graph_infer(g, &err) == ITX_OK && onnx_write(g, path, &err) == ITX_OK, "%s",
              err.text);
    graph_destroy(&g);
}

/* Boxes of the float network on a grey picture, summed up. */
static double run_float(const char *path, struct itx_model_info *info)
{
    static uint8_t pixels[SIDE * SIDE * 3];
    const struct itx_image frame = {.format = ITX_IMAGE_RGB,
                                    .width = SIDE,
                                    .height = SIDE,
                                    .plane = {pixels},
                                    .stride = {SIDE * 3}};
    struct itx_session_options o = ITX_SESSION_OPTIONS_INIT;
    struct itx_error err = {.text = ""};
    const struct itx_instance *found;
    itx_float *net = NULL;
    double sum = 0;
    int n = 0;
    o.conf = 0.01f;
    for (int i = 0; i < SIDE * SIDE * 3; i++) pixels[i] = (uint8_t)(i * 7 % 251);
    CHECK_MSG(itx_float_open(&net, path, 1, &err) == ITX_OK &&
                  itx_float_get_info(net, info, &err) == ITX_OK &&
                  itx_float_segment(net, &frame, &o, &found, &n, &err) == ITX_OK,
              "%s", err.text);
    for (int i = 0; i < n; i++)
        sum += (double)found[i].x1 + (double)found[i].y2 + (double)found[i].score;
    for (int i = 0; i < n; i++) {
        int x, y, w, h;
        const uint8_t *mask;
        if (info->task != ITX_TASK_SEGMENT) continue;
        CHECK(itx_float_mask_box(net, i, &x, &y, &w, &h, &mask, &err) == ITX_OK);
        for (int k = 0; k < w * h; k++) sum += mask[k];
    }
    itx_float_close(&net);
    return sum;
}

static void make_path(char *path, const char *folder, const char *name)
{
    snprintf(path, 80, "%s/%s", folder, name);
}

static void test_head__cut_is_read_again(void)
{
    char folder[] = "/tmp/itx_head_XXXXXX", whole[80], cut[80];
    struct itx_error err = {.text = ""};
    REQUIRE(mkdtemp(folder) != NULL);
    make_path(whole, folder, "whole.onnx");
    make_path(cut, folder, "cut.onnx");
    for (int act = 0; act < N_ACTS; act++) {
        /* nothing but the file itself tells its three maps of 64 channels apart */
        const struct spec s = {.classes = act % 2 == 0 ? 64 : 3,
                               .box = 64,
                               .coefs = act % 2 == 0 ? 64 : 5,
                               .act = (enum act)act,
                               .is_whole = true};
        struct itx_model_info a, b;
        write_file(&s, whole);
        CHECK_MSG(itx_cut(whole, cut, ITX_CUT_SOFTMAX_KEEP, NULL, &err) == ITX_OK, "%d: %s", act,
                  err.text);
        const double sum = run_float(whole, &a), again = run_float(cut, &b);
        CHECK_MSG(a.task == ITX_TASK_SEGMENT && b.task == ITX_TASK_SEGMENT &&
                      a.n_classes == b.n_classes && sum > 0 && fabs(sum - again) <= 1e-3 * sum,
                  "activation %d: %g and %g", act, sum, again);
    }
    unlink(whole);
    unlink(cut);
    CHECK(rmdir(folder) == 0);
}

static void warn(void *ctx, const char *text)
{
    snprintf(ctx, 400, "%s", text);
}

/* build, check and segment tell the same story. */
static void test_head__commands_agree(void)
{
    char folder[] = "/tmp/itx_head_XXXXXX", onnx[80], bin[80], warning[400] = "";
    struct itx_error err = {.text = ""};
    struct itx_build_options o = ITX_BUILD_OPTIONS_INIT;
    char *report = NULL;
    o.random = 1;
    o.effort = 0;
    o.warn = warn;
    o.ctx = warning;
    REQUIRE(mkdtemp(folder) != NULL);
    make_path(onnx, folder, "net.onnx");
    make_path(bin, folder, "net.bin");
    struct spec s = {.classes = 64, .box = 64};
    write_file(&s, onnx);
    CHECK(itx_build(onnx, bin, &o, NULL, &err) == ITX_E_UNSUPPORTED &&
          strstr(err.text, SETTLES) != NULL);
    CHECK(itx_check(onnx, &report, &err) == ITX_E_UNSUPPORTED && strstr(err.text, SETTLES) != NULL);
    s = (struct spec){.classes = 2, .box = 4, .is_whole = true};
    write_file(&s, onnx);
    CHECK(itx_build(onnx, bin, &o, NULL, &err) == ITX_E_UNSUPPORTED &&
          strstr(err.text, "YOLO26") != NULL);
    CHECK(itx_check(onnx, &report, &err) == ITX_E_UNSUPPORTED &&
          strstr(err.text, "YOLO26") != NULL);
    CHECK(itx_cut(onnx, bin, ITX_CUT_SOFTMAX_KEEP, NULL, &err) == ITX_E_UNSUPPORTED &&
          strstr(err.text, "YOLO26") != NULL);
    /* its maps alone run, but not as a head */
    s = (struct spec){.classes = 2, .box = 4, .words = {"cv3", "cv2"}};
    write_file(&s, onnx);
    CHECK_MSG(itx_build(onnx, bin, &o, NULL, &err) == ITX_OK, "%s", err.text);
    CHECK_MSG(strstr(warning, "raw outputs") != NULL && strstr(warning, "YOLO26") != NULL, "%s",
              warning);
    unlink(onnx);
    unlink(bin);
    CHECK(rmdir(folder) == 0);
}

/* As ONNX Runtime's static quantisation writes it: pools between QuantizeLinear and DequantizeLinear. */
static void test_head__quantised_is_refused_as_such(void)
{
    static const char text[] =
        "input %images: f32[1, 3, 64, 64]\n"
        "const %s: f32[] = {0.00390625}\n"
        "const %z: u8[] = {0}\n"
        "%q: none[?] = QuantizeLinear(%images, %s, %z)\n"
        "%p: none[?] = MaxPool(%q) {kernel_shape = [2, 2], strides = [2, 2]}\n"
        "%y: none[?] = DequantizeLinear(%p, %s, %z)\n"
        "output %y\n";
    char folder[] = "/tmp/itx_head_XXXXXX", onnx[80], bin[80];
    struct itx_error err = {.text = ""};
    struct itx_build_options o = ITX_BUILD_OPTIONS_INIT;
    struct graph *g = NULL;
    char *report = NULL;
    itx_float *net = NULL;
    o.random = 1;
    REQUIRE(mkdtemp(folder) != NULL);
    make_path(onnx, folder, "net.onnx");
    make_path(bin, folder, "net.bin");
    REQUIRE(graph_parse(&g, text, strlen(text), &err) == ITX_OK);
    CHECK(graph_infer(g, &err) == ITX_OK && onnx_write(g, onnx, &err) == ITX_OK);
    graph_destroy(&g);
    static const char hint[] = "the model is quantised already, give the float one";
    CHECK(itx_check(onnx, &report, &err) == ITX_E_UNSUPPORTED && strstr(err.text, hint) != NULL);
    CHECK(itx_build(onnx, bin, &o, NULL, &err) == ITX_E_UNSUPPORTED &&
          strstr(err.text, hint) != NULL);
    CHECK(itx_cut(onnx, bin, ITX_CUT_SOFTMAX_KEEP, NULL, &err) == ITX_E_UNSUPPORTED &&
          strstr(err.text, hint) != NULL);
    CHECK(itx_float_open(&net, onnx, 1, &err) == ITX_E_UNSUPPORTED &&
          strstr(err.text, hint) != NULL);
    unlink(onnx);
    CHECK(rmdir(folder) == 0);
}

TEST_MAIN(TEST(test_head__any_activation), TEST(test_head__prototypes_at_a_level),
          TEST(test_head__equal_maps_are_refused), TEST(test_head__names_of_nodes_settle_it),
          TEST(test_head__names_of_classes_settle_it), TEST(test_head__structure_settles_it),
          TEST(test_head__metadata_settles_it), TEST(test_head__whole_exports),
          TEST(test_head__others_are_named), TEST(test_head__cut_is_read_again),
          TEST(test_head__commands_agree), TEST(test_head__quantised_is_refused_as_such))
