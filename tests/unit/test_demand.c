/* SPDX-License-Identifier: Apache-2.0
 *
 * Heads on demand: sets of cells against tables of bools, and what is computed for needed cells against complete runs, on
 * random chains of every kind of step.
 */
#include <string.h>

#include "plan_build.h"
#include "runtime/gate.h"
#include "runtime/region.h"
#include "runtime/runtime.h"

/* ---- sets of cells ---- */

enum { MAX_H = 50, MAX_W = 200 };
#ifdef BUILD_WATCHES_RACES /* everything takes a hundred times as long then */
enum { N_SETS = 20, N_NETS = 8, NET_H = 9, NET_W = 20 };
#else
enum { N_SETS = 400, N_NETS = 150, NET_H = 24, NET_W = 90 };
#endif

struct table {
    int h, w;
    bool cell[MAX_H][MAX_W];
};

static int pick(uint64_t *seed, int low, int high)
{
    return low + (int)(test_random(seed) % (uint32_t)(high - low + 1));
}

/* A few rectangles, which may lie outside in part, or single cells. */
static void fill(struct region *r, struct table *t, uint64_t *seed)
{
    const int n = pick(seed, 0, 12), size = pick(seed, 0, 1) * 30;
    for (int i = 0; i < n; i++) {
        const int x = pick(seed, -5, t->w + 2), y = pick(seed, -5, t->h + 2);
        const struct rect rect = {x, y, x + pick(seed, 0, 1 + size), y + pick(seed, 0, 1 + size)};
        region_add(r, &rect);
        for (int v = rect.y0; v < rect.y1; v++)
            for (int u = rect.x0; u < rect.x1; u++)
                if (v >= 0 && v < t->h && u >= 0 && u < t->w) t->cell[v][u] = true;
    }
}

static int count_wrong(const struct region *r, const struct table *t)
{
    int n = 0;
    for (int y = 0; y < t->h; y++)
        for (int x = 0; x < t->w; x++) n += region_has(r, y, x) != t->cell[y][x];
    return n;
}

static bool column_has_cell(const struct table *t, const struct rect *r, int x)
{
    for (int y = r->y0; y < r->y1; y++)
        if (t->cell[y][x]) return true;
    return false;
}

/* Every cell lies in one rectangle, and none is larger at its sides than it must be. */
static void check_cover(const struct region *r, const struct table *t)
{
    static uint8_t covered[MAX_H][MAX_W];
    const int max = region_max_rects(t->h, t->w);
    struct rect *const rects = calloc((size_t)max, sizeof *rects);
    REQUIRE(rects != NULL);
    const int n = region_cover(r, rects);
    CHECK(n <= max);
    memset(covered, 0, sizeof covered);
    for (int i = 0; i < n; i++) {
        const struct rect *const a = &rects[i];
        CHECK(a->x0 >= 0 && a->x0 < a->x1 && a->x1 <= t->w);
        CHECK(a->y0 >= 0 && a->y0 < a->y1 && a->y1 <= t->h);
        CHECK(column_has_cell(t, a, a->x0) && column_has_cell(t, a, a->x1 - 1));
        for (int y = a->y0; y < a->y1; y++)
            for (int x = a->x0; x < a->x1; x++) covered[y][x]++;
    }
    int n_wrong = 0;
    for (int y = 0; y < t->h; y++)
        for (int x = 0; x < t->w; x++)
            n_wrong += covered[y][x] > 1 || (t->cell[y][x] && covered[y][x] == 0);
    CHECK_MSG(n_wrong == 0, "%d cells of %d x %d", n_wrong, t->h, t->w);
    free(rects);
}

static void test_region__cells(void)
{
    static struct table t;
    uint64_t seed = 31;
    for (int i = 0; i < N_SETS; i++) {
        struct arena arena = {0};
        struct region r;
        t = (struct table){.h = pick(&seed, 1, MAX_H), .w = pick(&seed, 1, MAX_W)};
        REQUIRE(region_init(&r, &arena, t.h, t.w));
        fill(&r, &t, &seed);
        CHECK(count_wrong(&r, &t) == 0);
        check_cover(&r, &t);
        region_widen(&r);
        for (int y = 0; y < t.h; y++)
            if (column_has_cell(&t, &(struct rect){0, y, 1, y + 1}, 0) ||
                memchr(t.cell[y], 1, (size_t)t.w) != NULL)
                memset(t.cell[y], 1, (size_t)t.w);
        CHECK(count_wrong(&r, &t) == 0);
        region_clear(&r);
        memset(t.cell, 0, sizeof t.cell);
        CHECK(count_wrong(&r, &t) == 0 && region_cover(&r, NULL) == 0);
        arena_release(&arena);
    }
}

static int floor_div(int a, int b)
{
    return a / b - (a % b < 0);
}

static void add_needs(struct table *from, const struct table *to, const struct window *w)
{
    for (int y = 0; y < to->h; y++) {
        for (int x = 0; x < to->w; x++) {
            for (int k = 0; to->cell[y][x] && k < w->extent_h * w->extent_w; k++) {
                const int v = floor_div(y * w->stride_h - w->pad_top + k / w->extent_w, w->down_h);
                const int u = floor_div(x * w->stride_w - w->pad_left + k % w->extent_w, w->down_w);
                if (v >= 0 && v < from->h && u >= 0 && u < from->w) from->cell[v][u] = true;
            }
        }
    }
}

static void test_region__needs(void)
{
    static struct table to, from;
    uint64_t seed = 32;
    for (int i = 0; i < N_SETS; i++) {
        struct arena arena = {0};
        struct region a, b;
        const struct window w = {
            .stride_h = pick(&seed, 1, 3),
            .stride_w = pick(&seed, 1, 3),
            .pad_top = pick(&seed, 0, 4),
            .pad_left = pick(&seed, 0, 4),
            .extent_h = pick(&seed, 1, 6),
            .extent_w =
                pick(&seed, 3, 6), /* as wide as the stride: no columns between that nobody reads */
            .down_h = pick(&seed, 1, 3),
            .down_w = pick(&seed, 1, 3),
        };
        to = (struct table){.h = pick(&seed, 1, MAX_H), .w = pick(&seed, 1, MAX_W)};
        from = (struct table){.h = pick(&seed, 1, MAX_H), .w = pick(&seed, 1, MAX_W)};
        REQUIRE(region_init(&a, &arena, to.h, to.w) && region_init(&b, &arena, from.h, from.w));
        fill(&a, &to, &seed);
        fill(&b, &from, &seed);
        region_add_needs(&b, &a, &w);
        add_needs(&from, &to, &w);
        CHECK(count_wrong(&b, &from) == 0);
        arena_release(&arena);
    }
}

/* ---- cells that stay below ---- */

enum { GATE_C = 37, GATE_K = 21, GATE_H = 33, GATE_W = 70 };

/* The 1x1 convolution under a gate, and its input: alike nearly everywhere, anything in `odd` of a hundred cells. */
struct gated {
    struct build b;
    struct gate *gate;
    struct arena arena;
    int16_t x[GATE_H][GATE_W][GATE_C];
    int8_t narrow[GATE_H][GATE_W][GATE_C];
    bool is_odd[GATE_H][GATE_W];
};

static bool make_gated(struct gated *g, enum dtype dtype, int reach, int odd, uint64_t *seed)
{
    *g = (struct gated){.arena = {0}};
    build_init(&g->b, "gated", test_random(seed));
    const uint32_t in = build_tensor(&g->b, "in", dtype, GATE_H, GATE_W, GATE_C);
    if (dtype == DTYPE_S16) g->b.tensors[in].reach = reach;
    const uint32_t out = build_tensor(&g->b, "out", DTYPE_S32, GATE_H, GATE_W, GATE_K);
    struct plan_step *const s = build_step(&g->b, STEP_CONV, "step", 1, &in, out);
    build_window(s, 1, 1, 0);
    build_conv_arrays(&g->b, s, ACT_NONE);
    int usual[GATE_C];
    for (int c = 0; c < GATE_C; c++) usual[c] = pick(seed, -reach * 3 / 4, reach * 3 / 4);
    for (int y = 0; y < GATE_H; y++) {
        for (int x = 0; x < GATE_W; x++) {
            g->is_odd[y][x] = pick(seed, 0, 99) < odd;
            for (int c = 0; c < GATE_C; c++) {
                const int near = usual[c] + pick(seed, -reach / 20, reach / 20);
                g->x[y][x][c] = (int16_t)(g->is_odd[y][x] ? pick(seed, -reach, reach) : near);
                g->narrow[y][x][c] = (int8_t)g->x[y][x][c];
            }
        }
    }
    g->gate = gate_fits(&g->b.plan, s) ? gate_create(&g->b.plan, s, &g->arena) : NULL;
    CHECK(g->gate != NULL);
    return g->gate != NULL;
}

static int64_t sum_of(const struct gated *g, int y, int x, int k)
{
    int64_t sum = g->b.steps[0].bias[k];
    for (int c = 0; c < GATE_C; c++) sum += g->x[y][x][c] * g->b.steps[0].weights[k * GATE_C + c];
    return sum;
}

static bool passes(const struct gated *g, const int32_t *bound, int y, int x)
{
    for (int k = 0; k < GATE_K; k++)
        if (sum_of(g, y, x, k) >= bound[k]) return true;
    return false;
}

/* Bounds that no usual cell passes; with `margin` of the largest sums between. */
static void set_high_bounds(const struct gated *g, double margin, int32_t *bound)
{
    for (int k = 0; k < GATE_K; k++) {
        int64_t most = INT32_MIN, least = INT32_MAX;
        for (int y = 0; y < GATE_H; y++) {
            for (int x = 0; x < GATE_W; x++) {
                const int64_t sum = g->is_odd[y][x] ? most : sum_of(g, y, x, k);
                if (sum > most) most = sum;
                if (sum < least && !g->is_odd[y][x]) least = sum;
            }
        }
        bound[k] = (int32_t)(most + 1 + (int64_t)(margin * (double)(most - least)));
    }
}

/* How many cells are closed. */
static int count_closed(const struct gated *g)
{
    struct arena arena = {0};
    struct region open;
    const void *const in = g->b.tensors[0].dtype == DTYPE_S16 ? (const void *)g->x : g->narrow;
    int n_closed = 0, n_wrong = 0;
    const bool has_room = region_init(&open, &arena, GATE_H, GATE_W);
    CHECK(has_room);
    if (has_room && gate_aim(g->gate, in)) {
        gate_find_open(g->gate, in, &open, 0, 7);
        gate_find_open(g->gate, in, &open, 7, GATE_H);
        for (int y = 0; y < GATE_H; y++) {
            for (int x = 0; x < GATE_W; x++) {
                const bool is_closed = !region_has(&open, y, x);
                n_closed += is_closed;
                n_wrong += is_closed && passes(g, gate_bounds(g->gate), y, x);
            }
        }
    }
    CHECK_MSG(n_wrong == 0, "%d cells are closed that pass", n_wrong);
    arena_release(&arena);
    return n_closed;
}

static void test_gate__what_passes_is_open(void)
{
    static const struct {
        enum dtype dtype;
        int reach;
    } types[] = {{DTYPE_S8, 127}, {DTYPE_S16, 200}, {DTYPE_S16, 8176}, {DTYPE_S16, 32767}};
    struct gated *const g = malloc(sizeof *g);
    uint64_t seed = 77;
    REQUIRE(g != NULL);
    for (int i = 0; i < 24; i++) {
        const int type = i % 4, odd = i % 3 * 10;
        if (!make_gated(g, types[type].dtype, types[type].reach, odd, &seed)) break;
        CHECK(count_closed(g) == 0); /* no bounds yet */
        int32_t *const bound = gate_bounds(g->gate);
        set_high_bounds(g, 4, bound);
        const int n_closed = count_closed(g);
        CHECK_MSG(n_closed > GATE_H * GATE_W * 6 / 10, "%d closed", n_closed);
        for (int again = 0; again < 6; again++) { /* some that usual cells pass now and then */
            set_high_bounds(g, -0.3 + 0.1 * again, bound);
            count_closed(g);
        }
        for (int k = 0; k < GATE_K; k++) bound[k] = INT32_MAX;
        CHECK(count_closed(g) == GATE_H * GATE_W);
        arena_release(&g->arena);
        build_release(&g->b);
    }
    free(g);
}

/* ---- random heads ---- */

enum { CLASSES = 3, BINS = 2, COEFS = 5 };
static const char *const class_names[CLASSES] = {"a", "b", "c"};

/* A network and which stage each of its steps belongs to. */
struct net {
    struct build b;
    uint8_t stage[BUILD_MAX];
    enum plan_stage now;
    bool has_shared; /* a step that boxes and masks read, which is computed completely */
};

static struct plan_step *add_step(struct net *n, enum step_kind kind, int n_in, const uint32_t *in,
                                  uint32_t out)
{
    n->stage[n->b.plan.n_steps] = (uint8_t)n->now;
    return build_step(&n->b, kind, "step", n_in, in, out);
}

static uint32_t add_conv(struct net *n, uint32_t in, int kernel, int c, enum dtype dtype)
{
    const struct plan_tensor *const t = &n->b.tensors[in];
    const uint32_t out = build_tensor(&n->b, "conv", dtype, t->h, t->w, c);
    struct plan_step *const s = add_step(n, STEP_CONV, 1, &in, out);
    build_window(s, kernel, 1, kernel / 2);
    build_conv_arrays(&n->b, s, ACT_SILU);
    return out;
}

/* Two convolutions that write one buffer, which is read as a whole. */
static uint32_t add_halves(struct net *n, uint32_t in)
{
    const int h = n->b.tensors[in].h, w = n->b.tensors[in].w;
    const uint32_t buffer = build_buffer(&n->b, h, w, 16, DTYPE_S8);
    const int half[3] = {h, w, 8}, whole[3] = {h, w, 16};
    for (int i = 0; i < 2; i++) {
        const uint32_t out = build_slice(&n->b, "half", DTYPE_S8, half, buffer, 16, 8 * i);
        struct plan_step *const s = add_step(n, STEP_CONV, 1, &in, out);
        build_window(s, 1 + 2 * i, 1, i);
        build_conv_arrays(&n->b, s, ACT_RELU);
    }
    return build_slice(&n->b, "halves", DTYPE_S8, whole, buffer, 16, 0);
}

/* Sum with what came before, by a step of its own or as a residual. */
static uint32_t add_sum(struct net *n, uint32_t in, bool is_residual)
{
    struct build *const b = &n->b;
    const struct plan_tensor *const t = &b->tensors[in];
    const uint32_t other = add_conv(n, in, 3, t->c, DTYPE_S8);
    const uint32_t out = build_tensor(b, "sum", DTYPE_S8, t->h, t->w, t->c);
    struct plan_step *const s =
        add_step(n, is_residual ? STEP_CONV : STEP_ADD, 2, (const uint32_t[]){other, in}, out);
    if (is_residual) {
        build_window(s, 3, 1, 1);
        build_conv_arrays(b, s, ACT_SILU);
        return out;
    }
    s->mul = build_multipliers(b, t->c, 3000);
    s->res_mul = build_multipliers(b, t->c, 3000);
    s->shift = 12;
    s->offset = build_room(b, (size_t)t->c, sizeof *s->offset);
    return out;
}

static uint32_t add_table(struct net *n, uint32_t in)
{
    const struct plan_tensor *const t = &n->b.tensors[in];
    const uint32_t out = build_tensor(&n->b, "table", DTYPE_S8, t->h, t->w, t->c);
    int8_t *const table = build_room(&n->b, 256, 1);
    for (int i = 0; i < 256; i++) table[i] = (int8_t)build_random(&n->b, -128, 127);
    add_step(n, STEP_LUT, 1, &in, out)->table = table;
    return out;
}

static uint32_t add_window(struct net *n, uint32_t in, enum step_kind kind)
{
    const struct plan_tensor *const t = &n->b.tensors[in];
    const uint32_t out = build_tensor(&n->b, "window", DTYPE_S8, t->h, t->w, t->c);
    struct plan_step *const s = add_step(n, kind, 1, &in, out);
    if (kind != STEP_COPY) build_window(s, 3, 1, 1);
    if (kind == STEP_DWCONV) build_conv_arrays(&n->b, s, ACT_SILU);
    return out;
}

/* Another size. */
static uint32_t add_scaled(struct net *n, uint32_t in, int choice)
{
    const struct plan_tensor t = n->b.tensors[in];
    if (choice == 0) {
        const uint32_t out = build_tensor(&n->b, "down", DTYPE_S8, (t.h + 1) / 2, (t.w + 1) / 2, 9);
        struct plan_step *const s = add_step(n, STEP_CONV, 1, &in, out);
        build_window(s, 3, 2, 1);
        build_conv_arrays(&n->b, s, ACT_SILU);
        return out;
    }
    const int c = choice == 1 ? 10 : t.c;
    const uint32_t out = build_tensor(&n->b, "up", DTYPE_S8, 2 * t.h, 2 * t.w, c);
    struct plan_step *const s = add_step(n, choice == 1 ? STEP_DECONV : STEP_UPSAMPLE, 1, &in, out);
    if (choice == 1) {
        build_window(s, 2, 2, 0);
        build_conv_arrays(&n->b, s, ACT_SILU);
    } else
        s->stride[0] = s->stride[1] = 2;
    return out;
}

/* A few steps that keep the size. */
static uint32_t add_chain(struct net *n, uint32_t at, int length)
{
    for (int i = 0; i < length; i++) {
        switch (build_random(&n->b, 0, 8)) {
        case 0:
            at = add_halves(n, at);
            break;
        case 1:
            at = add_sum(n, at, false);
            break;
        case 2:
            at = add_sum(n, at, true);
            break;
        case 3:
            at = add_table(n, at);
            break;
        case 4:
            at = add_window(n, at, STEP_MAXPOOL);
            break;
        case 5:
            at = add_window(n, at, STEP_DWCONV);
            break;
        case 6:
            at = add_window(n, at, STEP_COPY);
            break;
        default:
            at = add_conv(n, at, 1 + 2 * build_random(&n->b, 0, 2), build_random(&n->b, 3, 40),
                          DTYPE_S8);
        }
    }
    return at;
}

/* Stem, one level of class logits, boxes and coefficients, prototypes; boxes and masks share a step now and then. */
static void make_net(struct net *n, uint64_t seed)
{
    struct build *const b = &n->b;
    build_init(b, "net", seed);
    const int h = build_random(b, 1, NET_H), w = build_random(b, 1, NET_W);
    n->now = PLAN_STAGE_CLASSES;
    const uint32_t in = build_tensor(b, "in", DTYPE_S8, h, w, 3);
    build_input(b, in, PLAN_INPUT_RGB);
    const uint32_t stem = add_conv(n, in, 3, 20, DTYPE_S8);
    build_output(b, add_conv(n, stem, 1, CLASSES, DTYPE_S32));
    n->now = PLAN_STAGE_BOXES;
    const uint32_t shared = add_chain(n, stem, build_random(b, 0, 1));
    build_output(b, add_conv(n, add_chain(n, shared, 2), 1, 4 * BINS, DTYPE_S32));
    n->now = PLAN_STAGE_MASKS;
    const uint32_t from = build_random(b, 0, 1) ? shared : stem;
    n->has_shared = from != stem;
    build_output(b, add_conv(n, add_chain(n, from, 2), 1, COEFS, DTYPE_S32));
    uint32_t proto = add_chain(n, stem, 1);
    proto = add_scaled(n, proto, build_random(b, 0, 2));
    build_output(b, add_conv(n, add_chain(n, proto, 1), 3, COEFS, DTYPE_S16));
    b->plan.head = (struct plan_head){.task = PLAN_SEGMENT,
                                      .n_classes = CLASSES,
                                      .reg_max = BINS,
                                      .n_coefs = COEFS,
                                      .n_levels = 1,
                                      .proto = 3,
                                      .names = class_names};
    b->plan.head.level[0].stride = 8;
    b->plan.head.level[0].box = 1;
    b->plan.head.level[0].coef = 2;
}

static struct runtime *make_runtime(const struct plan *plan, uint32_t cpu, int n_threads)
{
    struct itx_error err = {0};
    struct runtime *r = NULL;
    const struct runtime_options o = {.cpu = cpu, .n_threads = n_threads, .demand = true};
    CHECK_MSG(plan_check(plan, &err) == ITX_OK, "%s", err.text);
    CHECK_MSG(runtime_create(&r, plan, &o, &err) == ITX_OK, "%s", err.text);
    return r;
}

/* The input by chance, everything else a pattern that no step leaves by chance: a cell that was not computed is seen. */
static void set_tensors(const struct net *n, struct runtime *r, uint64_t seed)
{
    const struct plan *const plan = &n->b.plan;
    for (int i = 1; i < plan->n_tensors; i++) {
        const struct plan_tensor *const t = &plan->tensors[i];
        memset(runtime_tensor(r, (uint32_t)i), 0x5b, (size_t)plan_tensor_extent(t));
    }
    uint8_t *const in = runtime_tensor(r, 0);
    for (uint64_t i = 0; i < plan_tensor_extent(&plan->tensors[0]); i++)
        in[i] = (uint8_t)test_random(&seed);
}

/* Asks for a few parts of an output, and remembers them. */
static void need_parts(const struct net *n, struct runtime *r, int output, uint64_t *seed,
                       struct table *needed)
{
    const uint32_t tensor = n->b.outputs[output].tensor;
    const struct plan_tensor *const t = &n->b.tensors[tensor];
    *needed = (struct table){.h = t->h, .w = t->w};
    for (int k = pick(seed, 0, 4); k > 0; k--) {
        const int w = pick(seed, 1, t->w < 12 ? t->w : 12), h = pick(seed, 1, t->h < 6 ? t->h : 6);
        const struct runtime_cells c = {pick(seed, 0, t->w - w), pick(seed, 0, t->h - h), w, h};
        runtime_need(r, tensor, &c);
        for (int y = c.y; y < c.y + h; y++) memset(&needed->cell[y][c.x], 1, (size_t)w);
    }
}

/* Needed cells as in a complete run. */
static int count_different(const struct net *n, const struct runtime *got,
                           const struct runtime *want, int output, const struct table *needed)
{
    const uint32_t tensor = n->b.outputs[output].tensor;
    const struct plan_tensor *const t = &n->b.tensors[tensor];
    const size_t size = (size_t)(t->c * dtype_size(t->dtype));
    const uint8_t *const a = runtime_tensor(got, tensor), *const b = runtime_tensor(want, tensor);
    int different = 0;
    for (int y = 0; y < t->h; y++) {
        for (int x = 0; x < t->w; x++) {
            const size_t i = (size_t)(y * t->w + x) * size;
            different += needed->cell[y][x] && memcmp(a + i, b + i, size) != 0;
        }
    }
    return different;
}

/* Bounds at the values of a few cells of the complete run, so that some cells pass. */
static void bound_classes(const struct net *n, struct runtime *r, const struct runtime *whole,
                          uint64_t *seed)
{
    const uint32_t tensor = n->b.outputs[0].tensor;
    const struct plan_tensor *const t = &n->b.tensors[tensor];
    int32_t *const bound = runtime_bounds(r, tensor);
    CHECK(bound != NULL && runtime_bounds(r, n->b.outputs[1].tensor) == NULL);
    if (bound == NULL) return;
    const int32_t *const want = runtime_tensor(whole, tensor);
    for (int k = 0; k < CLASSES; k++) {
        bound[k] = INT32_MIN;
        for (int i = 0; i < 9; i++) {
            const int32_t value = want[pick(seed, 0, t->h * t->w - 1) * CLASSES + k];
            if (value > bound[k]) bound[k] = value;
        }
        bound[k] += pick(seed, -2, 4) * 1000;
    }
}

/* Where a class passes its bound as in the complete run, and said to be so. */
static int count_lost(const struct net *n, struct runtime *r, const struct runtime *whole)
{
    const uint32_t tensor = n->b.outputs[0].tensor;
    const struct plan_tensor *const t = &n->b.tensors[tensor];
    const int32_t *const want = runtime_tensor(whole, tensor), *const got =
                                                                   runtime_tensor(r, tensor);
    const int32_t *const bound = runtime_bounds(r, tensor);
    int words = 0, lost = 0;
    const uint64_t *const open = runtime_open_cells(r, tensor, &words);
    if (bound == NULL || open == NULL) return -1;
    for (int i = 0; i < t->h * t->w; i++) {
        const int y = i / t->w, x = i % t->w;
        const bool is_open = open[y * words + x / 64] >> (x % 64) & 1;
        bool does_pass = false, differs = false;
        for (int k = 0; k < CLASSES; k++) {
            does_pass |= want[i * CLASSES + k] >= bound[k];
            differs |= want[i * CLASSES + k] != got[i * CLASSES + k];
        }
        lost += (does_pass && !is_open) || (is_open && differs);
    }
    return lost;
}

static void check_run(const struct net *n, struct runtime *r, const struct runtime *whole, int i)
{
    static struct table needed;
    uint64_t seed = 900 + (uint64_t)i;
    set_tensors(n, r, 7);
    bound_classes(n, r, whole, &seed);
    runtime_run_stage(r, PLAN_STAGE_CLASSES);
    CHECK_MSG(count_lost(n, r, whole) == 0, "classes, case %d", i);
    const uint64_t first = runtime_multiply_adds(r);
    need_parts(n, r, 1, &seed, &needed);
    runtime_run_stage(r, PLAN_STAGE_BOXES);
    CHECK_MSG(count_different(n, r, whole, 1, &needed) == 0, "boxes, case %d", i);
    static struct table coefs, protos;
    need_parts(n, r, 2, &seed, &coefs);
    need_parts(n, r, 3, &seed, &protos);
    runtime_run_stage(r, PLAN_STAGE_MASKS);
    CHECK_MSG(count_different(n, r, whole, 2, &coefs) == 0, "coefficients, case %d", i);
    CHECK_MSG(count_different(n, r, whole, 3, &protos) == 0, "prototypes, case %d", i);
    CHECK(first <= runtime_multiply_adds(r) &&
          runtime_multiply_adds(r) <= runtime_multiply_adds(whole));
}

static void check_net(struct net *n, int i)
{
    static const uint32_t masks[] = {CPU_SCALAR, CPU_AVX2 & BUILD_CPU, BUILD_CPU};
    uint8_t stage[BUILD_MAX];
    REQUIRE(plan_stages(&n->b.plan, stage, NULL) == ITX_OK);
    CHECK_MSG(memcmp(stage, n->stage, (size_t)n->b.plan.n_steps) == 0, "case %d", i);
    struct runtime *whole = make_runtime(&n->b.plan, CPU_SCALAR, 1);
    REQUIRE(whole != NULL);
    set_tensors(n, whole, 7);
    runtime_run(whole);
    for (int k = 0; k < 3; k++) {
        struct runtime *r = make_runtime(&n->b.plan, masks[k], 1 + (i + k) % 4);
        REQUIRE(r != NULL && runtime_has_demand(r));
        for (int again = 0; again < 3; again++) check_run(n, r, whole, 3 * i + again);
        runtime_destroy(&r);
    }
    runtime_destroy(&whole);
}

static void test_demand__needed_cells_are_as_in_a_complete_run(void)
{
    struct net *const n = malloc(sizeof *n);
    REQUIRE(n != NULL);
    for (int i = 0; i < N_NETS; i++) {
        make_net(n, 77003 * (uint64_t)(i + 1));
        check_net(n, i);
        build_release(&n->b);
    }
    free(n);
}

/* Nothing beyond the first stage is needed: nothing beyond it is written. */
static void test_demand__empty(void)
{
    struct net *const n = malloc(sizeof *n);
    REQUIRE(n != NULL);
    make_net(n, 5);
    for (uint64_t seed = 6; n->has_shared; seed++) {
        build_release(&n->b);
        make_net(n, seed);
    }
    struct runtime *r = make_runtime(&n->b.plan, BUILD_CPU, 2);
    REQUIRE(r != NULL);
    set_tensors(n, r, 7);
    for (int st = 0; st < PLAN_STAGE_COUNT; st++) runtime_run_stage(r, (enum plan_stage)st);
    uint64_t macs = 0;
    for (int i = 0; i < n->b.plan.n_steps; i++)
        if (n->stage[i] == PLAN_STAGE_CLASSES)
            macs += plan_step_multiply_adds(&n->b.plan, &n->b.steps[i]);
    CHECK(runtime_multiply_adds(r) == macs);
    const uint8_t *const box = runtime_tensor(r, n->b.outputs[1].tensor);
    CHECK(box[0] == 0x5b && box[1] == 0x5b);
    runtime_run(r);
    CHECK(runtime_multiply_adds(r) > macs && (box[0] != 0x5b || box[1] != 0x5b));
    runtime_destroy(&r);
    build_release(&n->b);
    free(n);
}

/* Plans whose steps are in another order, or that have no head, run completely only. */
static void test_demand__other_plans(void)
{
    struct net *const n = malloc(sizeof *n);
    REQUIRE(n != NULL);
    make_net(n, 6);
    const struct plan_step classes = n->b.steps[1];
    memmove(&n->b.steps[1], &n->b.steps[2], (size_t)(n->b.plan.n_steps - 2) * sizeof classes);
    n->b.steps[n->b.plan.n_steps - 1] = classes;
    struct runtime *r = make_runtime(&n->b.plan, BUILD_CPU, 1);
    CHECK(r != NULL && !runtime_has_demand(r));
    runtime_destroy(&r);
    n->b.plan.head = (struct plan_head){.task = PLAN_RAW};
    r = make_runtime(&n->b.plan, BUILD_CPU, 1);
    CHECK(r != NULL && !runtime_has_demand(r));
    runtime_destroy(&r);
    build_release(&n->b);
    free(n);
}

TEST_MAIN(TEST(test_region__cells), TEST(test_region__needs), TEST(test_gate__what_passes_is_open),
          TEST(test_demand__needed_cells_are_as_in_a_complete_run), TEST(test_demand__empty),
          TEST(test_demand__other_plans))
