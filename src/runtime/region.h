/* SPDX-License-Identifier: Apache-2.0
 *
 * Sets of cells of a grid, and how few rectangles hold them: what of a step's output somebody needs.
 */
#ifndef RUNTIME_REGION_H
#define RUNTIME_REGION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

/* Columns [x0, x1) of rows [y0, y1). */
struct rect {
    int x0, y0, x1, y1;
};

struct region {
    int h, w;
    int words;      /* of 64 cells, in a row */
    uint64_t *bits; /* [h, words] */
    bool is_empty;
};

#define REGION_MAX_W 65536

/* False when out of memory. w <= REGION_MAX_W. */
bool region_init(struct region *r, struct arena *arena, int h, int w);
void region_clear(struct region *r);
/* The part of the rectangle outside the grid does not count. */
void region_add(struct region *r, const struct rect *rect);
/* Adds the rest of every row that has a cell. */
void region_widen(struct region *r);
bool region_has(const struct region *r, int y, int x);
/* Row y's bits, column x in bit x % 64 of word x / 64; who sets some takes away is_empty. */
uint64_t *region_row(const struct region *r, int y);

/* How a step's cells depend on those before it: cell (y, x) needs rows [(y stride_h - pad_top) / down_h,
 * (y stride_h - pad_top + extent_h - 1) / down_h], columns likewise; / rounds down. */
struct window {
    int stride_h, stride_w, pad_top, pad_left, extent_h, extent_w, down_h, down_w;
};
/* Adds to `from` what the cells of `to` need, and columns that a wide stride leaves out between them. */
void region_add_needs(struct region *from, const struct region *to, const struct window *window);

/* Rectangles, none empty, without a common cell, that hold every cell of the region and few others: bands of at most
 * REGION_BAND rows, whose cells with up to REGION_GAP others between are one rectangle; equal ones of neighbouring
 * bands are one. By band, then from left to right. Writes at most region_max_rects, returns how many. */
enum { REGION_BAND = 4, REGION_GAP = 4 };
int region_max_rects(int h, int w);
/* Bytes of a region and of its rectangles. */
uint64_t region_size(int h, int w);
int region_cover(const struct region *r, struct rect *rects);

#endif
