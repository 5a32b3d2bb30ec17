/* SPDX-License-Identifier: Apache-2.0
 *
 * Encoding looks for the places where a row differs from the one above, eight pixels at a time, and sorts them by
 * column: the mask is read by rows although the code runs down the columns.
 */
#include "yolo/rle.h"

#include <string.h>

#include "base/mem.h"

void rle_release(struct rle *rle)
{
    vec_release(&rle->run);
    rle->h = rle->w = 0;
}

/* Places where rows change, sorted by column, then row: those of column x are y[first[x]] ... y[first[x + 1] - 1]. */
struct changes {
    size_t *first; /* [w + 2] */
    uint32_t *y;
};

static uint64_t load8(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Calls for every column in which rows y - 1 and y differ; rows above and below the mask are 0. With y NULL it counts
 * into first[x + 2], else it stores row numbers through first[x + 1]. */
static void visit_row(struct changes *c, const uint8_t *above, const uint8_t *row, int w, int y)
{
    for (int x = 0; x < w;) {
        if (w - x >= 8) {
            const uint64_t a = above != NULL ? load8(above + x) : 0;
            const uint64_t b = row != NULL ? load8(row + x) : 0;
            if (a == b) {
                x += 8;
                continue;
            }
        }
        const int end = w - x >= 8 ? x + 8 : w;
        for (; x < end; x++) {
            if ((above != NULL && above[x]) == (row != NULL && row[x])) continue;
            if (c->y == NULL)
                c->first[x + 2]++;
            else
                c->y[c->first[x + 1]++] = (uint32_t)y;
        }
    }
}

static void visit_rows(struct changes *c, const uint8_t *mask, size_t stride,
                       const struct yolo_rect *rect)
{
    const uint8_t *above = NULL;
    for (int y = 0; y <= rect->h; y++) {
        const uint8_t *row = y < rect->h ? mask + (size_t)y * stride : NULL;
        visit_row(c, above, row, rect->w, y);
        above = row;
    }
}

static bool find_changes(struct changes *c, const uint8_t *mask, size_t stride,
                         const struct yolo_rect *rect)
{
    *c = (struct changes){.first = mem_calloc((size_t)rect->w + 2, sizeof *c->first)};
    if (c->first == NULL) return false;
    visit_rows(c, mask, stride, rect);
    for (int x = 0; x < rect->w; x++) c->first[x + 2] += c->first[x + 1];
    c->y = mem_calloc(c->first[rect->w + 1], sizeof *c->y);
    if (c->y == NULL) return false;
    /* storing advances first[x + 1] from the begin of column x to its end, the begin of column x + 1 */
    visit_rows(c, mask, stride, rect);
    return true;
}

/* Changes at places in rising order; two at one place, at the seam of full columns, undo each other. */
static bool change_at(struct rle *rle, uint64_t place, uint64_t *last)
{
    if (rle->run.len > 0 && place == *last) {
        *last -= rle->run.data[--rle->run.len];
        return true;
    }
    const uint32_t length = (uint32_t)(place - *last);
    *last = place;
    return vec_push(&rle->run, length);
}

itx_status rle_encode(struct rle *rle, const uint8_t *mask, size_t stride,
                      const struct yolo_rect *rect, int h, int w, struct itx_error *err)
{
    struct changes c;
    const uint64_t end = (uint64_t)h * (uint64_t)w;
    uint64_t last = 0;
    rle->h = h;
    rle->w = w;
    rle->run.len = 0;
    bool ok = find_changes(&c, mask, stride, rect);
    for (int x = 0; ok && x < rect->w; x++) {
        const uint64_t top = (uint64_t)(rect->x + x) * (uint64_t)h + (uint64_t)rect->y;
        for (size_t i = c.first[x]; ok && i < c.first[x + 1]; i++)
            ok = change_at(rle, top + c.y[i], &last);
    }
    if (ok && last < end) ok = vec_push(&rle->run, (uint32_t)(end - last));
    mem_free(c.first);
    mem_free(c.y);
    if (ok) return ITX_OK;
    rle_release(rle);
    return itx_fail(err, ITX_E_NOMEM, "out of memory for a mask's code");
}

/* Each length, from the fourth on less the one two before, as groups of five bits, lowest first, offset 48: bit 5
 * says that more follow, bit 4 of the last one is the sign. */
void rle_text(const struct rle *rle, struct strbuf *out)
{
    for (size_t i = 0; i < rle->run.len; i++) {
        int64_t v = rle->run.data[i];
        char group[8];
        size_t n = 0;
        bool more = true;
        if (i > 2) v -= rle->run.data[i - 2];
        while (more) {
            const int low = (int)(v & 31);
            v = (v - low) / 32;
            more = low & 16 ? v != -1 : v != 0;
            group[n++] = (char)(48 + (low | (more ? 32 : 0)));
        }
        strbuf_add(out, group, n);
    }
}

/* One number from text[*at]; false when it is cut short, has foreign characters or more than 40 bits. */
static bool parse_number(struct str text, size_t *at, int64_t *value)
{
    int64_t v = 0;
    for (int shift = 0; shift < 40 && *at < text.len; shift += 5) {
        const int group = (uint8_t)text.data[(*at)++] - 48;
        if (group < 0 || group > 63) return false;
        v += (int64_t)(group & 31) << shift;
        if (group & 32) continue;
        if (group & 16) v -= (int64_t)32 << shift;
        *value = v;
        return true;
    }
    return false;
}

static itx_status parse_runs(struct rle *rle, struct str text, struct itx_error *err)
{
    const int64_t end = (int64_t)rle->h * rle->w;
    int64_t sum = 0;
    if (!vec_reserve(&rle->run, text.len)) /* every run has a character at least */
        return itx_fail(err, ITX_E_NOMEM, "out of memory for a mask's code");
    for (size_t at = 0; at < text.len;) {
        const size_t n = rle->run.len;
        int64_t v;
        if (!parse_number(text, &at, &v))
            return itx_fail(err, ITX_E_FORMAT, "run-length code: bad number before character %zu",
                            at);
        if (n > 2) v += rle->run.data[n - 2];
        if (v < 0 || v > end - sum)
            return itx_fail(err, ITX_E_FORMAT, "run-length code: run %zu does not fit %d x %d", n,
                            rle->w, rle->h);
        sum += v;
        rle->run.data[rle->run.len++] = (uint32_t)v;
    }
    if (sum != end)
        return itx_fail(err, ITX_E_FORMAT, "run-length code: %lld of %lld pixels", (long long)sum,
                        (long long)end);
    return ITX_OK;
}

itx_status rle_parse(struct rle *rle, struct str text, int h, int w, struct itx_error *err)
{
    rle->run.len = 0;
    if (h < 1 || w < 1 || h > RLE_MAX_SIDE || w > RLE_MAX_SIDE) {
        rle_release(rle);
        return itx_fail(err, ITX_E_RANGE, "run-length code: size %d x %d, expected 1 to %d", w, h,
                        RLE_MAX_SIDE);
    }
    rle->h = h;
    rle->w = w;
    const itx_status rc = parse_runs(rle, text, err);
    if (rc != ITX_OK) rle_release(rle);
    return rc;
}

void rle_decode(const struct rle *rle, uint8_t *mask, size_t stride)
{
    int x = 0, y = 0;
    for (size_t i = 0; i < rle->run.len; i++) {
        for (uint32_t left = rle->run.data[i]; left > 0; left--) {
            mask[(size_t)y * stride + (size_t)x] = i & 1;
            if (++y < rle->h) continue;
            y = 0;
            x++;
        }
    }
}

uint64_t rle_area(const struct rle *rle)
{
    uint64_t area = 0;
    for (size_t i = 1; i < rle->run.len; i += 2) area += rle->run.data[i];
    return area;
}

/* Column and row, without a division for short runs. */
struct place {
    uint64_t x, y, h;
};

static void move(struct place *p, uint32_t n)
{
    p->y += n;
    if (p->y >= 8 * p->h) {
        p->x += p->y / p->h;
        p->y %= p->h;
    }
    for (; p->y >= p->h; p->y -= p->h) p->x++;
}

struct yolo_rect rle_bounds(const struct rle *rle)
{
    struct place at = {.h = (uint64_t)rle->h};
    uint64_t left = UINT64_MAX, right = 0, top = UINT64_MAX, bottom = 0;
    for (size_t i = 0; i < rle->run.len; i++) {
        const uint32_t n = rle->run.data[i];
        const struct place from = at;
        move(&at, n);
        if (i % 2 == 0 || n == 0) continue;
        /* the last pixel lies before `at` */
        const uint64_t last_x = at.y > 0 ? at.x : at.x - 1, last_y = at.y > 0 ? at.y - 1 : at.h - 1;
        const bool wraps = last_x > from.x;
        const uint64_t first = wraps ? 0 : from.y, last = wraps ? at.h - 1 : last_y;
        if (left == UINT64_MAX) left = from.x;
        right = last_x;
        if (first < top) top = first;
        if (last > bottom) bottom = last;
    }
    if (left == UINT64_MAX) return (struct yolo_rect){0};
    return (struct yolo_rect){(int)left, (int)top, (int)(right - left + 1),
                              (int)(bottom - top + 1)};
}
