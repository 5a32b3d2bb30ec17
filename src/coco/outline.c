/* SPDX-License-Identifier: Apache-2.0
 *
 * The rule of pycocotools (maskApi.c, rleFrPoly), on which every published figure for masks rests: the outline is
 * walked on a grid five times as fine; where it passes the middle of a column of pixels, the row there (in the code's
 * order, column after column) is a place where the mask changes. Two changes at one place undo each other.
 */
#include "coco/outline.h"

#include <math.h>
#include <stdlib.h>

#define FINE 5
#define MAX_STEPS ((uint64_t)FINE << 26)

struct tracer {
    int h, w;
    int u, v; /* where the walk stands on the fine grid */
    bool has_start;
    uint64_t n_steps;
    VEC(uint32_t) change;
};

/* Coordinates on the fine grid u, v; the columns' middles are at u = 5 x + 2 and between it and the next. */
static bool visit(struct tracer *t, int u, int v)
{
    const int column = u < t->u ? u : u - 1, row = v < t->v ? v : t->v;
    const bool is_change = t->has_start && u != t->u && column >= FINE / 2 &&
                           column % FINE == FINE / 2 && column / FINE < t->w;
    t->u = u;
    t->v = v;
    t->has_start = true;
    if (!is_change) return true;
    int y = row <= FINE / 2 ? 0 : (row + FINE / 2) / FINE; /* rounded up */
    if (y > t->h) y = t->h;
    return vec_push(&t->change, (uint32_t)(column / FINE) * (uint32_t)t->h + (uint32_t)y);
}

/* From one point to the next, both included, in steps of one along the longer side. The shorter side is computed from
 * the end with the smaller coordinate, in either direction. */
static bool walk(struct tracer *t, int xs, int ys, int xe, int ye)
{
    const int dx = abs(xe - xs), dy = abs(ye - ys), n = dx >= dy ? dx : dy;
    const bool is_flat = dx >= dy, is_back = is_flat ? xs > xe : ys > ye;
    const int x = is_back ? xe : xs, y = is_back ? ye : ys;
    const int far_x = is_back ? xs : xe, far_y = is_back ? ys : ye;
    const double slope = n == 0 ? 0 : is_flat ? (double)(far_y - y) / dx : (double)(far_x - x) / dy;
    bool ok = true;
    for (int d = 0; ok && d <= n; d++) {
        const int i = is_back ? n - d : d;
        ok = is_flat ? visit(t, x + i, (int)(y + slope * i + 0.5))
                     : visit(t, (int)(x + slope * i + 0.5), y + i);
    }
    return ok;
}

static int to_fine(double coordinate)
{
    return (int)(FINE * coordinate + 0.5);
}

static itx_status trace(struct tracer *t, const double *xy, size_t n, struct itx_error *err)
{
    for (size_t i = 0; i < 2 * n; i++)
        if (!(fabs(xy[i]) <= 2.0 * RLE_MAX_SIDE))
            return itx_fail(err, ITX_E_RANGE, "polygon: coordinate %g, limit %d", xy[i],
                            2 * RLE_MAX_SIDE);
    for (size_t i = 0; i < n; i++) {
        const size_t next = i + 1 < n ? i + 1 : 0;
        const int xs = to_fine(xy[2 * i]), ys = to_fine(xy[2 * i + 1]);
        const int xe = to_fine(xy[2 * next]), ye = to_fine(xy[2 * next + 1]);
        const int dx = abs(xe - xs), dy = abs(ye - ys);
        t->n_steps += (uint64_t)(dx >= dy ? dx : dy) + 1;
        if (t->n_steps > MAX_STEPS)
            return itx_fail(err, ITX_E_RANGE, "polygon: outline longer than %d pixels", 1 << 26);
        if (!walk(t, xs, ys, xe, ye))
            return itx_fail(err, ITX_E_NOMEM, "out of memory for a polygon");
    }
    return ITX_OK;
}

static int by_place(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Lengths between the places, in which equal ones cancel in pairs. */
static bool add_runs(struct rle *rle, const struct tracer *t)
{
    const uint32_t end = (uint32_t)t->h * (uint32_t)t->w, *place = t->change.data;
    const size_t n = t->change.len;
    uint32_t last = 0;
    for (size_t i = 0; i < n; i++) {
        if (i + 1 < n && place[i] == place[i + 1]) {
            i++;
            continue;
        }
        if (!vec_push(&rle->run, place[i] - last)) return false;
        last = place[i];
    }
    return last == end || vec_push(&rle->run, end - last);
}

itx_status outline_to_rle(struct rle *rle, const double *xy, size_t n_points, int h, int w,
                          struct itx_error *err)
{
    struct tracer t = {.h = h, .w = w};
    rle->run.len = 0;
    if (h < 1 || w < 1 || h > RLE_MAX_SIDE || w > RLE_MAX_SIDE) {
        rle_release(rle);
        return itx_fail(err, ITX_E_RANGE, "polygon: in a picture %d x %d, expected 1 to %d", w, h,
                        RLE_MAX_SIDE);
    }
    rle->h = h;
    rle->w = w;
    itx_status rc = trace(&t, xy, n_points, err);
    if (rc == ITX_OK && t.change.len > 0)
        qsort(t.change.data, t.change.len, sizeof *t.change.data, by_place);
    if (rc == ITX_OK && !add_runs(rle, &t))
        rc = itx_fail(err, ITX_E_NOMEM, "out of memory for a polygon");
    vec_release(&t.change);
    if (rc != ITX_OK) rle_release(rle);
    return rc;
}
