/* SPDX-License-Identifier: Apache-2.0
 *
 * Crack following. Going along a row, every change between 0 and 1 is a vertical edge of some outline. The first edge
 * met of each outline starts a walk around it that marks all its vertical edges. A change to 1 that no walk has marked
 * belongs to a new part (its first pixel has nothing above or to its left); one to 0, to a hole that begins here.
 */
#include "yolo/polygon.h"

#include <string.h>

#include "base/compiler.h"
#include "base/mem.h"

/* The vertical edges of row y: x[first[y]] ... x[first[y + 1] - 1], rising; in turn 0 to 1 and 1 to 0. */
struct edges {
    VEC(int) x;
    size_t *first; /* [h + 1] */
    int *polygon;  /* which outline an edge belongs to; -1: none yet */
};

struct tracer {
    struct polygon_list *list;
    const uint8_t *mask;
    size_t stride;
    const struct yolo_rect *rect;
    struct edges edges;
};

void polygon_list_release(struct polygon_list *list)
{
    vec_release(&list->point);
    vec_release(&list->polygon);
    list->n_parts = 0;
}

static bool row_edges(struct edges *e, const uint8_t *row, int w)
{
    uint8_t value = 0;
    for (int x = 0; x < w;) {
        const uint8_t *change = memchr(row + x, 1 - value, (size_t)(w - x));
        if (change == NULL) break;
        x = (int)(change - row);
        value = 1 - value;
        if (!vec_push(&e->x, x)) return false;
    }
    return value == 0 || vec_push(&e->x, w);
}

static bool find_edges(struct tracer *t)
{
    struct edges *e = &t->edges;
    e->first = mem_calloc((size_t)t->rect->h + 1, sizeof *e->first);
    if (e->first == NULL) return false;
    for (int y = 0; y < t->rect->h; y++) {
        if (!row_edges(e, t->mask + (size_t)y * t->stride, t->rect->w)) return false;
        e->first[y + 1] = e->x.len;
    }
    e->polygon = mem_calloc(e->x.len, sizeof *e->polygon);
    if (e->polygon == NULL) return false;
    for (size_t i = 0; i < e->x.len; i++) e->polygon[i] = -1;
    return true;
}

/* The edge at (x, y), which exists. */
static size_t edge_at(const struct edges *e, int x, int y)
{
    size_t low = e->first[y], high = e->first[y + 1];
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (e->x.data[middle] <= x)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static bool is_set(const struct tracer *t, int x, int y)
{
    return x >= 0 && y >= 0 && x < t->rect->w && y < t->rect->h &&
           t->mask[(size_t)y * t->stride + (size_t)x];
}

/* ORDER direction: each is a right turn from the one before */
enum { RIGHT, DOWN, LEFT, UP };
static const int step_x[4] = {1, 0, -1, 0}, step_y[4] = {0, 1, 0, -1};
/* The pixels ahead of a corner (x, y), to the left and to the right of the way, from (x, y) */
static const int left_x[4] = {0, 0, -1, -1}, left_y[4] = {-1, 0, 0, -1};
static const int right_x[4] = {0, -1, -1, 0}, right_y[4] = {0, 0, -1, -1};

/* Walks from corner (x, y) with the mask on the right until the first edge comes again. Turning left whenever the
 * pixel there is set is what makes pixels that touch at a corner belong together. */
static bool walk(struct tracer *t, int x, int y, int direction)
{
    struct polygon_list *list = t->list;
    const int start_x = x, start_y = y, start = direction;
    const int id = (int)list->polygon.len - 1;
    do {
        if (direction == UP) t->edges.polygon[edge_at(&t->edges, x, y - 1)] = id;
        if (direction == DOWN) t->edges.polygon[edge_at(&t->edges, x, y)] = id;
        x += step_x[direction];
        y += step_y[direction];
        int turn = 0;
        if (is_set(t, x + left_x[direction], y + left_y[direction]))
            turn = 3;
        else if (!is_set(t, x + right_x[direction], y + right_y[direction]))
            turn = 1;
        if (turn == 0) continue;
        direction = (direction + turn) & 3;
        const struct polygon_point corner = {t->rect->x + x, t->rect->y + y};
        if (!vec_push(&list->point, corner)) return false;
    } while (x != start_x || y != start_y || direction != start);
    struct polygon *p = &list->polygon.data[id];
    p->n = list->point.len - p->first;
    return true;
}

static bool trace_row(struct tracer *t, int y)
{
    struct polygon_list *list = t->list;
    const struct edges *e = &t->edges;
    for (size_t i = e->first[y]; i < e->first[y + 1]; i++) {
        if (e->polygon[i] >= 0) continue;
        const bool is_outer = (i - e->first[y]) % 2 == 0;
        /* a hole is in the part to which the run of pixels before it belongs */
        const int part = is_outer ? list->n_parts++ : list->polygon.data[e->polygon[i - 1]].part;
        const struct polygon p = {list->point.len, 0, part,
                                  is_outer ? POLYGON_OUTER : POLYGON_HOLE};
        if (!vec_push(&list->polygon, p)) return false;
        if (!walk(t, e->x.data[i], is_outer ? y + 1 : y, is_outer ? UP : DOWN)) return false;
    }
    return true;
}

/* Outlines are found row by row; holes go behind their part's outer one. */
static bool order_by_part(struct polygon_list *list)
{
    const size_t n = list->polygon.len, n_parts = (size_t)list->n_parts;
    size_t *place = mem_calloc(n_parts + 1, sizeof *place);
    struct polygon *sorted = mem_calloc(n, sizeof *sorted);
    const bool ok = place != NULL && sorted != NULL;
    if (ok && n > 0) {
        for (size_t i = 0; i < n; i++) place[list->polygon.data[i].part + 1]++;
        for (size_t k = 0; k < n_parts; k++) place[k + 1] += place[k];
        for (size_t i = 0; i < n; i++)
            sorted[place[list->polygon.data[i].part]++] = list->polygon.data[i];
        memcpy(list->polygon.data, sorted, n * sizeof *sorted);
    }
    mem_free(sorted);
    mem_free(place);
    return ok;
}

itx_status polygon_trace(struct polygon_list *list, const uint8_t *mask, size_t stride,
                         const struct yolo_rect *rect, struct itx_error *err)
{
    struct tracer t = {list, mask, stride, rect, {{0}}};
    list->point.len = list->polygon.len = 0;
    list->n_parts = 0;
    bool ok = find_edges(&t);
    for (int y = 0; ok && y < rect->h; y++) ok = trace_row(&t, y);
    ok = ok && order_by_part(list);
    mem_free(t.edges.polygon);
    mem_free(t.edges.first);
    vec_release(&t.edges.x);
    if (ok) return ITX_OK;
    polygon_list_release(list);
    return itx_fail(err, ITX_E_NOMEM, "out of memory for outlines");
}
