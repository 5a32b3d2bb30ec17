/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/region.h"

#include <assert.h>
#include <string.h>

enum { LOOK_BACK = 64 }; /* rectangles that may still grow downwards */

bool region_init(struct region *r, struct arena *arena, int h, int w)
{
    assert(w <= REGION_MAX_W);
    const int words = (w + 63) / 64;
    uint64_t *const bits = arena_calloc(arena, (size_t)h * (size_t)words, sizeof *bits);
    *r = (struct region){.h = h, .w = w, .words = words, .bits = bits, .is_empty = true};
    return bits != NULL;
}

uint64_t *region_row(const struct region *r, int y)
{
    return r->bits + (size_t)y * (size_t)r->words;
}

void region_clear(struct region *r)
{
    if (r->is_empty) return;
    memset(r->bits, 0, (size_t)r->h * (size_t)r->words * sizeof *r->bits);
    r->is_empty = true;
}

static int clamp(int v, int high)
{
    return v < 0 ? 0 : v < high ? v : high;
}

/* Sets bits [x0, x1), x0 < x1. */
static void set_bits(uint64_t *row, int x0, int x1)
{
    const uint64_t first = UINT64_MAX << (x0 % 64);
    const uint64_t last = UINT64_MAX >> (63 - (x1 - 1) % 64);
    const int begin = x0 / 64, end = (x1 - 1) / 64;
    if (begin == end) {
        row[begin] |= first & last;
        return;
    }
    row[begin] |= first;
    for (int i = begin + 1; i < end; i++) row[i] = UINT64_MAX;
    row[end] |= last;
}

void region_add(struct region *r, const struct rect *rect)
{
    const int x0 = clamp(rect->x0, r->w), x1 = clamp(rect->x1, r->w);
    const int y0 = clamp(rect->y0, r->h), y1 = clamp(rect->y1, r->h);
    if (x0 >= x1 || y0 >= y1) return;
    r->is_empty = false;
    for (int y = y0; y < y1; y++) set_bits(region_row(r, y), x0, x1);
}

bool region_has(const struct region *r, int y, int x)
{
    return region_row(r, y)[x / 64] >> (x % 64) & 1;
}

/* The first column from x on whose bit is `bit`; past the last word's end when there is none. */
static int find_bit(const uint64_t *row, int words, int x, int bit)
{
    const uint64_t flip = bit ? 0 : UINT64_MAX;
    for (int i = x / 64; i < words; i++) {
        uint64_t word = row[i] ^ flip;
        if (i == x / 64) word &= UINT64_MAX << (x % 64);
        if (word != 0) return i * 64 + __builtin_ctzll(word);
    }
    return words * 64;
}

/* The next run of set bits from x1 on; false when there is none. */
static bool next_run(const uint64_t *row, int words, int *x0, int *x1)
{
    if (*x1 >= words * 64) return false;
    *x0 = find_bit(row, words, *x1, 1);
    if (*x0 >= words * 64) return false;
    *x1 = find_bit(row, words, *x0, 0);
    return true;
}

void region_widen(struct region *r)
{
    for (int y = 0; y < r->h; y++) {
        int x0, x1 = 0;
        if (next_run(region_row(r, y), r->words, &x0, &x1)) set_bits(region_row(r, y), 0, r->w);
    }
}

static int divide_down(int a, int b)
{
    return a >= 0 ? a / b : -((b - 1 - a) / b);
}

void region_add_needs(struct region *from, const struct region *to, const struct window *n)
{
    if (to->is_empty) return;
    for (int y = 0; y < to->h; y++) {
        const int top = y * n->stride_h - n->pad_top;
        for (int x0, x1 = 0; next_run(region_row(to, y), to->words, &x0, &x1);) {
            const int left = x0 * n->stride_w - n->pad_left;
            const int right = (x1 - 1) * n->stride_w - n->pad_left + n->extent_w - 1;
            region_add(from,
                       &(struct rect){.x0 = divide_down(left, n->down_w),
                                      .x1 = divide_down(right, n->down_w) + 1,
                                      .y0 = divide_down(top, n->down_h),
                                      .y1 = divide_down(top + n->extent_h - 1, n->down_h) + 1});
        }
    }
}

int region_max_rects(int h, int w)
{
    /* w / (gap + 2): the fewest cells a rectangle takes with the gap behind it; the last one needs none */
    return (h + REGION_BAND - 1) / REGION_BAND * ((w + REGION_GAP + 1) / (REGION_GAP + 2));
}

uint64_t region_size(int h, int w)
{
    const uint64_t words = ((uint64_t)w + 63) / 64;
    return (uint64_t)h * words * sizeof(uint64_t) +
           (uint64_t)region_max_rects(h, w) * sizeof(struct rect);
}

/* band |= row y; whether the row has a cell. */
static bool add_row(const struct region *r, int y, uint64_t *band)
{
    uint64_t any = 0;
    const uint64_t *const row = region_row(r, y);
    for (int i = 0; i < r->words; i++) {
        band[i] |= row[i];
        any |= row[i];
    }
    return any != 0;
}

/* The next run of a band's cells from x1 on, with those behind small gaps. */
static bool next_span(const uint64_t *band, int words, int *x0, int *x1)
{
    if (!next_run(band, words, x0, x1)) return false;
    for (int a, b = *x1; next_run(band, words, &a, &b) && a - *x1 <= REGION_GAP;) *x1 = b;
    return true;
}

/* Makes a rectangle, of the last ones, that ends above the new one and has its columns longer; false: there is none. */
static bool extend(struct rect *rects, int n, const struct rect *add)
{
    for (int i = n - 1; i >= 0 && i >= n - LOOK_BACK; i--) {
        if (rects[i].y1 != add->y0 || rects[i].x0 != add->x0 || rects[i].x1 != add->x1) continue;
        rects[i].y1 = add->y1;
        return true;
    }
    return false;
}

int region_cover(const struct region *r, struct rect *rects)
{
    uint64_t band[REGION_MAX_W / 64];
    int n = 0;
    if (r->is_empty) return 0;
    for (int y0 = 0, y1; y0 < r->h; y0 = y1) {
        y1 = y0 + 1;
        memset(band, 0, (size_t)r->words * sizeof *band);
        if (!add_row(r, y0, band)) continue;
        for (int y = y1; y < r->h && y < y0 + REGION_BAND; y++)
            if (add_row(r, y, band)) y1 = y + 1;
        for (int x0, x1 = 0; next_span(band, r->words, &x0, &x1);) {
            const struct rect span = {x0, y0, x1, y1};
            if (!extend(rects, n, &span)) rects[n++] = span;
        }
    }
    return n;
}
