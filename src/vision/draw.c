/* SPDX-License-Identifier: Apache-2.0 */
#include "vision/draw.h"

#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/mem.h"
#include "vision/paint.h"

/* Neighbours in the list differ much, since the frequent classes of most networks come first. Later rounds are darker,
 * lighter, and darker still. */
static struct color class_color(int class_id)
{
    static const struct color palette[] = {
        {255, 77, 109},  {46, 176, 255}, {255, 190, 11}, {61, 220, 132},
        {178, 102, 255}, {255, 127, 50}, {0, 201, 190},  {247, 110, 190},
        {164, 222, 62},  {99, 120, 255}, {232, 62, 54},  {126, 232, 250},
        {214, 170, 98},  {30, 160, 98},  {206, 72, 214}, {255, 226, 102},
    };
    static const struct {
        uint8_t to, alpha;
    } shades[] = {{0, 0}, {0, 40}, {255, 90}, {0, 80}};
    const unsigned id = (unsigned)class_id, round = id / ARRAY_LEN(palette) % ARRAY_LEN(shades);
    const struct color c = palette[id % ARRAY_LEN(palette)];
    const int to = shades[round].to, alpha = shades[round].alpha;
    return (struct color){color_mix(c.r, to, alpha), color_mix(c.g, to, alpha),
                          color_mix(c.b, to, alpha)};
}

struct ranked {
    float area;
    int index;
};

/* Large ones first, so that small ones lie on top; then in the order given. */
static int by_area(const void *a, const void *b)
{
    const struct ranked *p = a, *q = b;
    if (p->area != q->area) return p->area < q->area ? 1 : -1;
    return p->index - q->index;
}

/* The middle of the first and of the last run of the mask, where a tag may be attached. */
static void find_ends(struct tag *tag, const struct draw_mask *m)
{
    tag->x = m->x;
    tag->y = m->y;
    tag->w = m->w;
    tag->h = m->h;
    tag->top_x = tag->bottom_x = m->x + m->w / 2;
    tag->top_y = m->y;
    tag->bottom_y = m->y + m->h;
    bool found = false;
    for (int y = 0; m->data != NULL && y < m->h; y++) {
        const uint8_t *row = m->data + (size_t)y * (size_t)m->w;
        const uint8_t *first = memchr(row, 1, (size_t)m->w);
        if (first == NULL) continue;
        const uint8_t *last = memrchr(row, 1, (size_t)m->w);
        tag->bottom_x = m->x + (int)((first - row) + (last - row)) / 2;
        tag->bottom_y = m->y + y + 1;
        if (found) continue;
        tag->top_x = tag->bottom_x;
        tag->top_y = m->y + y;
        found = true;
    }
}

itx_status draw_instances(struct picture *picture, const struct draw_instance *instances, int n,
                          draw_mask_fn *mask_of, void *ctx, struct itx_error *err)
{
    if (n <= 0) return ITX_OK;
    struct brush brush = {0};
    struct ranked *order = mem_calloc((size_t)n, sizeof *order);
    struct tag *tags = mem_calloc((size_t)n, sizeof *tags);
    itx_status rc = ITX_OK;
    if (order == NULL || tags == NULL) rc = itx_fail(err, ITX_E_NOMEM, "out of memory for drawing");
    if (rc == ITX_OK)
        rc = brush_init(&brush, picture->width > picture->height ? picture->width : picture->height,
                        err);
    if (rc != ITX_OK) goto out;
    for (int i = 0; i < n; i++) {
        const struct draw_instance *d = &instances[i];
        order[i] = (struct ranked){(d->x2 - d->x1) * (d->y2 - d->y1), i};
        tags[i] = (struct tag){.instance = d, .color = class_color(d->class_id)};
    }
    qsort(order, (size_t)n, sizeof *order, by_area);
    for (int k = 0; k < n && rc == ITX_OK; k++) {
        struct tag *tag = &tags[order[k].index];
        struct draw_mask mask = {0};
        rc = mask_of(ctx, order[k].index, &mask, err);
        if (rc != ITX_OK) break;
        find_ends(tag, &mask);
        brush_paint(&brush, picture, &mask, tag->color);
    }
    if (rc == ITX_OK) rc = tags_paint(picture, tags, n, err);
out:
    brush_release(&brush);
    mem_free(order);
    mem_free(tags);
    return rc;
}
