/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/border.h"

#include <string.h>

#include "base/pool.h"

/* Rows are computed in tiles of up to TILE; ranges are used from a saving on that pays for what they cost besides. */
enum { TILE = 4, WORTH_PERCENT = 95 };

/* Rows [begin, end) are alike; none: begin == end. */
struct band {
    int begin, end;
};

struct bands {
    struct band top, bottom;
    bool is_written; /* else nothing of the buffer was, in this run */
};

struct border {
    const struct plan *plan;
    const struct move_row *move;
    struct bands *of; /* [n_buffers] */
};

struct border *border_create(const struct plan *plan, uint32_t cpu, struct arena *arena)
{
    struct border *const b = arena_alloc(arena, sizeof *b);
    if (b == NULL) return NULL;
    b->plan = plan;
    b->move = move_choose(cpu);
    b->of = arena_calloc(arena, (size_t)plan->n_buffers, sizeof *b->of);
    return b->of != NULL ? b : NULL;
}

/* ---- which rows are alike ---- */

void border_begin(struct border *b, const void *input)
{
    const struct plan_tensor *const t = &b->plan->tensors[b->plan->inputs[0].tensor];
    const size_t row = (size_t)t->w * (size_t)t->pixel * (size_t)dtype_size(t->dtype);
    const size_t used = row - (size_t)(t->pixel - t->c) * (size_t)dtype_size(t->dtype);
    memset(b->of, 0, (size_t)b->plan->n_buffers * sizeof *b->of);
    if (input == NULL) return;
    const uint8_t *const first = input, *const last = first + (size_t)(t->h - 1) * row;
    int top = 1, bottom = t->h - 1;
    while (top < t->h && memcmp(first + (size_t)top * row, first, used) == 0) top++;
    if (top == t->h) return; /* no picture */
    while (memcmp(first + (size_t)(bottom - 1) * row, last, used) == 0) bottom--;
    b->of[t->buffer] = (struct bands){{0, top}, {bottom, t->h}, true};
}

static struct band intersect(struct band a, struct band b)
{
    const struct band both = {a.begin > b.begin ? a.begin : b.begin, a.end < b.end ? a.end : b.end};
    return both.begin < both.end ? both : (struct band){0, 0};
}

static int divide_up(int a, int b)
{
    return (a + b - 1) / b;
}

/* The rows whose windows lie in a band. */
static struct band through_window(struct band in, const struct plan_step *p)
{
    const int extent = (p->kernel[0] - 1) * p->dilation[0] + 1;
    if (in.end - in.begin < extent) return (struct band){0, 0};
    const struct band out = {divide_up(in.begin + p->pad[0], p->stride[0]),
                             (in.end - extent + p->pad[0]) / p->stride[0] + 1};
    return out.begin < out.end ? out : (struct band){0, 0};
}

/* What a step makes of rows of its input k that are alike. */
static struct band through(struct band in, const struct plan_step *p, int k)
{
    switch (p->kind) {
    case STEP_CONV:
    case STEP_DWCONV:
    case STEP_MAXPOOL:
        return k == 0 ? through_window(in, p) : in;
    case STEP_UPSAMPLE:
        return (struct band){in.begin * p->stride[0], in.end * p->stride[0]};
    case STEP_COPY:
    case STEP_ADD:
    case STEP_LUT:
        return in;
    default:
        return (struct band){0, 0};
    }
}

static struct bands bands_of(const struct border *b, const struct plan_step *p)
{
    const int h = b->plan->tensors[p->out].h;
    struct bands out = {{0, h}, {0, h}, true};
    for (int k = 0; k < p->n_in; k++) {
        const struct bands *const in = &b->of[b->plan->tensors[p->in[k]].buffer];
        out.top = intersect(out.top, through(in->top, p, k));
        out.bottom = intersect(out.bottom, through(in->bottom, p, k));
    }
    if (out.top.end > out.bottom.begin) out.bottom = (struct band){0, 0};
    return out;
}

/* Of a buffer that several steps write: rows that are alike in all of it. */
static void write_bands(struct bands *buffer, const struct bands *written)
{
    if (!buffer->is_written) {
        *buffer = *written;
        return;
    }
    buffer->top = intersect(buffer->top, written->top);
    buffer->bottom = intersect(buffer->bottom, written->bottom);
}

/* ---- what is computed ---- */

static void add_range(struct border_rows *rows, int y0, struct band next, int h)
{
    const bool has_next = next.begin < next.end;
    struct border_range *const r = &rows->range[rows->n];
    *r = (struct border_range){y0, has_next ? next.begin + 1 : h, 0};
    if (has_next) r->n_copies = next.end - next.begin - 1;
    if (r->y0 < r->y1) rows->n++;
}

static int rows_in_tiles(const struct border_rows *rows)
{
    int sum = 0;
    for (int i = 0; i < rows->n; i++)
        sum += divide_up(rows->range[i].y1 - rows->range[i].y0, TILE) * TILE;
    return sum;
}

void border_plan(struct border *b, int step, struct border_rows *rows)
{
    const struct plan_step *const p = &b->plan->steps[step];
    const struct plan_tensor *const out = &b->plan->tensors[p->out];
    const struct bands bands = bands_of(b, p);
    int y = 0;
    rows->n = 0;
    write_bands(&b->of[out->buffer], &bands);
    if (p->kind != STEP_CONV && p->kind != STEP_DWCONV) return;
    if (bands.top.begin < bands.top.end) {
        add_range(rows, y, bands.top, out->h);
        y = bands.top.end;
    }
    if (bands.bottom.begin < bands.bottom.end) {
        add_range(rows, y, bands.bottom, out->h);
        y = bands.bottom.end;
    }
    add_range(rows, y, (struct band){0, 0}, out->h);
    if (rows_in_tiles(rows) * 100 > out->h * WORTH_PERCENT) rows->n = 0;
}

/* Row y of the output, n times below. */
static void copy_row(const struct border *b, const struct step *s, const struct plan_step *p, int y,
                     int n)
{
    const struct plan_tensor *const out = &b->plan->tensors[p->out];
    const size_t size = (size_t)dtype_size(out->dtype);
    const size_t pixel = (size_t)out->pixel * size;
    uint8_t *const from = (uint8_t *)s->out + (size_t)y * (size_t)out->w * pixel;
    const struct move_shape shape = {.in_h = 1,
                                     .in_w = out->w,
                                     .factor_h = n,
                                     .factor_w = 1,
                                     .bytes = (size_t)out->c * size,
                                     .in_pixel = pixel,
                                     .out_pixel = pixel};
    b->move->run(&shape, from, from + (size_t)out->w * pixel, 0, n);
}

/* Ranges are laid end to end and divided evenly; copies are made by who has the row. */
void border_run(const struct border *b, const struct step *s, const struct plan_step *p,
                const struct border_rows *rows, int worker, int n_workers, void *scratch)
{
    int total = 0, at = 0, begin, end;
    for (int i = 0; i < rows->n; i++) total += rows->range[i].y1 - rows->range[i].y0;
    pool_part(total, 1, worker, n_workers, &begin, &end);
    for (int i = 0; i < rows->n; i++) {
        const struct border_range *const r = &rows->range[i];
        const int first = at, length = r->y1 - r->y0;
        at += length;
        const int y0 = begin > first ? begin - first : 0;
        const int y1 = end < at ? end - first : length;
        if (y0 >= y1) continue;
        s->run(s, r->y0 + y0, r->y0 + y1, scratch);
        if (y1 == length && r->n_copies > 0) copy_row(b, s, p, r->y1 - 1, r->n_copies);
    }
}
