/* SPDX-License-Identifier: Apache-2.0
 *
 * Distances are sums of squares of 16-bit differences, so wide inputs are cut to about 9 bits: with x = 2^s q + r and
 * c = 2^s m + 2^(s-1), |x - c| <= 2^s |q - m| + 2^(s-1) sqrt(in_c). What only chooses c may be rounded in any way; what
 * bounds are compared with is exact, or rounded to the safe side.
 */
#include "runtime/gate.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

enum {
    MAX_IN_C = 4096, /* 4096 * 512^2 < 2^31 */
    MAX_OUT_C = 256,
    MAX_CELLS = 1 << 24, /* a sixteenth of them, of at most 256 each, are summed up */
    MAX_Q = 255,         /* of the point */
    SAMPLE = 4,          /* every fourth row and column makes the mean */
    N_MOVES = 16,
};
#define MOVE 0.07   /* of the sample's distance from its mean */
#define SAFE (1e-9) /* far above what doubles lose here */

struct gate {
    int h, w, in_c, out_c, pixel;
    bool is_wide;
    int shift;       /* s */
    int8_t *weights; /* [out_c, in_c] */
    int32_t *bias, *bound;
    double *length;    /* |w_k| */
    double *left;      /* [out_c]: radius that channel k leaves to the point being moved */
    float *cosine;     /* [out_c, out_c] of the angles between channels, rows made when asked for */
    bool *has_cosines; /* [out_c] */
    int32_t *sums;     /* [in_c] */
    double *point;     /* [in_c], in units of q */
    int16_t *m;        /* [in_c] */
    int32_t limit;     /* of (q - m)^2: at and above it cells are open */
};

bool gate_fits(const struct plan *plan, const struct plan_step *p)
{
    const struct plan_tensor *const in = &plan->tensors[p->in[0]];
    const struct plan_tensor *const out = &plan->tensors[p->out];
    return plan_step_is_pointwise(p) && p->n_in == 1 && out->dtype == DTYPE_S32 &&
           in->h == out->h && in->w == out->w && in->c <= MAX_IN_C && out->c <= MAX_OUT_C &&
           (int64_t)in->h * in->w <= MAX_CELLS;
}

static int bits_to_cut(const struct plan_tensor *in)
{
    int shift = 0;
    if (in->dtype == DTYPE_S16)
        while (in->reach >> shift > MAX_Q) shift++;
    return shift;
}

static int32_t product(const int8_t *a, const int8_t *b, int n)
{
    int32_t sum = 0;
    for (int i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

static const int8_t *weights_of(const struct gate *g, int k)
{
    return g->weights + (size_t)k * (size_t)g->in_c;
}

struct gate *gate_create(const struct plan *plan, const struct plan_step *p, struct arena *arena)
{
    const struct plan_tensor *const in = &plan->tensors[p->in[0]];
    const size_t n_in = (size_t)in->c, n_out = (size_t)plan->tensors[p->out].c;
    struct gate *const g = arena_alloc(arena, sizeof *g);
    if (g == NULL) return NULL;
    *g = (struct gate){
        .h = in->h,
        .w = in->w,
        .in_c = in->c,
        .out_c = (int)n_out,
        .pixel = in->pixel,
        .is_wide = in->dtype == DTYPE_S16,
        .shift = bits_to_cut(in),
        .weights = arena_dup(arena, p->weights, n_out * n_in),
        .bias = arena_dup(arena, p->bias, n_out * sizeof *g->bias),
        .bound = arena_calloc(arena, n_out, sizeof *g->bound),
        .length = arena_calloc(arena, n_out, sizeof *g->length),
        .left = arena_calloc(arena, n_out, sizeof *g->left),
        .cosine = arena_calloc(arena, n_out * n_out, sizeof *g->cosine),
        .has_cosines = arena_calloc(arena, n_out, sizeof *g->has_cosines),
        .sums = arena_calloc(arena, n_in, sizeof *g->sums),
        .point = arena_calloc(arena, n_in, sizeof *g->point),
        .m = arena_calloc(arena, n_in, sizeof *g->m),
    };
    if (g->weights == NULL || g->bias == NULL || g->bound == NULL || g->length == NULL ||
        g->left == NULL || g->cosine == NULL || g->has_cosines == NULL || g->sums == NULL ||
        g->point == NULL || g->m == NULL)
        return NULL;
    for (int k = 0; k < g->out_c; k++) {
        g->bound[k] = INT32_MIN;
        g->length[k] = sqrt((double)product(weights_of(g, k), weights_of(g, k), g->in_c));
    }
    return g;
}

int32_t *gate_bounds(struct gate *g)
{
    return g->bound;
}

/* ---- the point ---- */

static const uint8_t *cell_of(const struct gate *g, const void *in, int y, int x)
{
    const size_t at = ((size_t)y * (size_t)g->w + (size_t)x) * (size_t)g->pixel;
    return (const uint8_t *)in + at * (g->is_wide ? 2 : 1);
}

/* Adds a cell's q to the sums of the channels; returns the sum of their squares. */
static int32_t add_s8(const int8_t *x, int n, int32_t *sums)
{
    int32_t squares = 0; /* at most 4096 * 256^2 */
    for (int i = 0; i < n; i++) {
        sums[i] += x[i];
        squares += x[i] * x[i];
    }
    return squares;
}

static int32_t add_s16(const int16_t *x, int n, int shift, int32_t *sums)
{
    int32_t squares = 0;
    for (int i = 0; i < n; i++) {
        const int q = x[i] >> shift;
        sums[i] += q;
        squares += q * q;
    }
    return squares;
}

/* The sample's mean in `point`; returns how far its cells lie from it, as a root of the mean square. */
static double find_mean(const struct gate *g, const void *in)
{
    const int first_y = g->h > SAMPLE / 2 ? SAMPLE / 2 : 0;
    const int first_x = g->w > SAMPLE / 2 ? SAMPLE / 2 : 0;
    double squares = 0, n = 0;
    memset(g->sums, 0, (size_t)g->in_c * sizeof *g->sums);
    for (int y = first_y; y < g->h; y += SAMPLE) {
        for (int x = first_x; x < g->w; x += SAMPLE, n++) {
            const void *const cell = cell_of(g, in, y, x);
            squares += g->is_wide ? add_s16(cell, g->in_c, g->shift, g->sums)
                                  : add_s8(cell, g->in_c, g->sums);
        }
    }
    squares /= n;
    for (int i = 0; i < g->in_c; i++) {
        g->point[i] = g->sums[i] / n;
        squares -= g->point[i] * g->point[i];
    }
    return squares > 0 ? sqrt(squares) : 0;
}

static void find_cosines(struct gate *g, int k)
{
    float *const row = g->cosine + (size_t)k * (size_t)g->out_c;
    for (int j = 0; j < g->out_c; j++) {
        const double lengths = g->length[k] * g->length[j];
        const int32_t both = product(weights_of(g, k), weights_of(g, j), g->in_c);
        row[j] = lengths > 0 ? (float)(both / lengths) : 0;
    }
    g->has_cosines[k] = true;
}

/* Of all channels, the one whose bound is nearest. */
static int nearest(const struct gate *g)
{
    int least = 0;
    for (int k = 1; k < g->out_c; k++)
        if (g->left[k] < g->left[least]) least = k;
    return least;
}

static void round_point(struct gate *g)
{
    for (int i = 0; i < g->in_c; i++) {
        const double q = rint(g->point[i]);
        g->m[i] = (int16_t)(q < -MAX_Q - 1 ? -MAX_Q - 1 : q > MAX_Q ? MAX_Q : q);
    }
}

static int half_of(const struct gate *g)
{
    return g->shift > 0 ? 1 << (g->shift - 1) : 0;
}

/* How far channel k's sum at the rounded point is below its bound. */
static int64_t find_gap(const struct gate *g, int k)
{
    const int8_t *const w = weights_of(g, k);
    int32_t with_m = 0, sum = 0; /* at most 4096 * 127 * 256 */
    for (int i = 0; i < g->in_c; i++) {
        with_m += w[i] * g->m[i];
        sum += w[i];
    }
    const int64_t at = (int64_t)with_m * (1 << g->shift) + (int64_t)sum * half_of(g);
    return g->bound[k] - (g->bias[k] + at);
}

/* Away from one channel after the other, each by the same distance. */
static void move_point(struct gate *g, double by)
{
    const double unit = 1 << g->shift;
    for (int k = 0; k < g->out_c; k++)
        g->left[k] = g->length[k] > 0 ? (double)find_gap(g, k) / (unit * g->length[k]) : INFINITY;
    for (int n = 0; n < N_MOVES; n++) {
        const int k = nearest(g);
        if (!(g->length[k] > 0)) return;
        if (!g->has_cosines[k]) find_cosines(g, k);
        const float *const cosine = g->cosine + (size_t)k * (size_t)g->out_c;
        for (int j = 0; j < g->out_c; j++) g->left[j] += by * (double)cosine[j];
        const double each = by / g->length[k];
        for (int i = 0; i < g->in_c; i++) g->point[i] -= each * weights_of(g, k)[i];
    }
}

/* The radius around the rounded point, in units of x; none is below zero. */
static double find_radius(const struct gate *g)
{
    double radius = INFINITY;
    for (int k = 0; k < g->out_c; k++) {
        const double gap = (double)find_gap(g, k);
        if (gap <= 0) return -1;
        if (g->length[k] > 0 && gap / g->length[k] < radius) radius = gap / g->length[k];
    }
    return radius * (1 - SAFE) - half_of(g) * sqrt((double)g->in_c) * (1 + SAFE);
}

bool gate_aim(struct gate *g, const void *in)
{
    const double spread = find_mean(g, in);
    round_point(g);
    move_point(g, MOVE * spread);
    round_point(g);
    const double radius = find_radius(g) / (1 << g->shift);
    if (!(radius > 0)) return false;
    const double square = radius * radius * (1 - SAFE);
    g->limit = square < INT32_MAX ? (int32_t)square : INT32_MAX;
    return true;
}

/* ---- the cells ---- */

static int32_t distance_s8(const int8_t *x, const int16_t *m, int n)
{
    int32_t sum = 0;
    for (int i = 0; i < n; i++) {
        const int16_t d = (int16_t)(x[i] - m[i]);
        sum += d * d;
    }
    return sum;
}

static int32_t distance_s16(const int16_t *x, const int16_t *m, int n, int shift)
{
    int32_t sum = 0;
    for (int i = 0; i < n; i++) {
        const int16_t d = (int16_t)((x[i] >> shift) - m[i]);
        sum += d * d;
    }
    return sum;
}

void gate_find_open(const struct gate *g, const void *in, struct region *open, int y0, int y1)
{
    for (int y = y0; y < y1; y++) {
        uint64_t *const bits = region_row(open, y);
        for (int x = 0; x < g->w; x++) {
            const void *const cell = cell_of(g, in, y, x);
            const int32_t distance = g->is_wide ? distance_s16(cell, g->m, g->in_c, g->shift)
                                                : distance_s8(cell, g->m, g->in_c);
            bits[x / 64] |= (uint64_t)(distance >= g->limit) << (x % 64);
        }
    }
}
