/* SPDX-License-Identifier: Apache-2.0
 *
 * Masks. First the logits of all prototype cells under the box, then the photo's rows from two enlarged rows of logits
 * each. Columns go in tiles, so that scratch memory does not depend on the photo.
 */
#include "yolo/mask.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

enum { TILE = 1024 };

struct yolo_masker {
    float *pixels;    /* [pw, n_coefs], one row of prototypes */
    float *logit;     /* [ph, pw] or the part under a box, densely */
    int left[TILE];   /* of the column: the cell left of its centre, and how far the centre is */
    float part[TILE]; /* from there to the next cell */
    float row[2][TILE];
};

static double clip(double v, double max)
{
    return v > 0 ? (v < max ? v : max) : 0; /* NaN gives 0 */
}

/* From a place in the network's input to the photo's pixels; `size` is what the photo's `photo` pixels became. */
static double photo_at(double at, int border, int size, int photo)
{
    return clip((at - border) / ((double)size / photo), photo);
}

void yolo_photo_box(const struct letterbox *fit, const float box[4], double out[4])
{
    for (int i = 0; i < 4; i += 2) {
        out[i] = photo_at((double)box[i], fit->left, fit->new_w, fit->in_w);
        out[i + 1] = photo_at((double)box[i + 1], fit->top, fit->new_h, fit->in_h);
    }
}

struct yolo_rect yolo_photo_rect(const double box[4])
{
    const int x = (int)ceil(box[0]), y = (int)ceil(box[1]);
    const int w = (int)ceil(box[2]) - x, h = (int)ceil(box[3]) - y;
    return (struct yolo_rect){x, y, w > 0 ? w : 0, h > 0 ? h : 0};
}

bool yolo_photo_place(const struct letterbox *fit, const float box[4], double out[4],
                      struct yolo_rect *rect)
{
    yolo_photo_box(fit, box, out);
    *rect = yolo_photo_rect(out);
    return rect->w > 0 && rect->h > 0 && (float)out[0] < (float)out[2] &&
           (float)out[1] < (float)out[3];
}

itx_status yolo_masker_create(struct yolo_masker **masker, const struct yolo_head *head,
                              struct itx_error *err)
{
    const bool has_masks = head->n_coefs > 0;
    const size_t w = has_masks ? (size_t)head->proto.w : 1;
    const size_t h = has_masks ? (size_t)head->proto.h : 1;
    const size_t c = has_masks ? (size_t)head->n_coefs : 1;
    struct yolo_masker *m = mem_calloc(1, sizeof *m);
    if (m != NULL) {
        m->pixels = mem_calloc(w * c, sizeof *m->pixels);
        m->logit = mem_calloc(w * h, sizeof *m->logit);
    }
    if (m == NULL || m->pixels == NULL || m->logit == NULL) {
        yolo_masker_destroy(&m);
        return itx_fail(err, ITX_E_NOMEM, "out of memory for masks");
    }
    *masker = m;
    return ITX_OK;
}

void yolo_masker_destroy(struct yolo_masker **masker)
{
    struct yolo_masker *m = *masker;
    if (m == NULL) return;
    mem_free(m->logit);
    mem_free(m->pixels);
    mem_free(m);
    *masker = NULL;
}

/* One direction of the photo in prototype cells. */
struct axis {
    int cells, border; /* border: input pixels before the photo */
    double step, grid; /* input pixels a photo pixel; cells an input pixel */
};

static struct axis axis_x(const struct yolo_head *head, const struct letterbox *fit)
{
    return (struct axis){head->proto.w, fit->left, (double)fit->new_w / fit->in_w,
                         (double)head->proto.w / fit->out_w};
}

static struct axis axis_y(const struct yolo_head *head, const struct letterbox *fit)
{
    return (struct axis){head->proto.h, fit->top, (double)fit->new_h / fit->in_h,
                         (double)head->proto.h / fit->out_h};
}

/* The cell before pixel i's centre, and the part of the way to the next one: 0 at the map's edges. */
static int axis_at(const struct axis *a, int i, float *part)
{
    const double exact = (a->border + (i + 0.5) * a->step) * a->grid - 0.5;
    const float at = (float)clip(exact, a->cells - 1);
    const int cell = (int)at;
    *part = at - (float)cell;
    return cell;
}

struct span {
    int begin, end;
};

/* The cells that n >= 1 pixels from i on need. */
static struct span axis_span(const struct axis *a, int i, int n)
{
    float part;
    const int first = axis_at(a, i, &part), last = axis_at(a, i + n - 1, &part);
    return (struct span){first, last + (part > 0) + 1};
}

/* Eight partial sums, index modulo 8, then pairs: a fixed order that vectors can follow. */
static float dot(const float *a, const float *b, int n)
{
    float s[8] = {0};
    int i = 0;
    for (; i + 8 <= n; i += 8)
        for (int j = 0; j < 8; j++) s[j] += a[i + j] * b[i + j];
    for (int j = 0; i + j < n; j++) s[j] += a[i + j] * b[i + j];
    for (int j = 0; j < 4; j++) s[j] += s[j + 4];
    return (s[0] + s[2]) + (s[1] + s[3]);
}

/* logit[y, x] = sum over k of coef[k] * proto[y, x, k] for the cells under the box. */
static void make_logits(struct yolo_masker *m, const struct yolo_head *head, const float *coef,
                        const struct yolo_rect *cells)
{
    const int c = head->n_coefs;
    float *out = m->logit;
    for (int y = 0; y < cells->h; y++) {
        yolo_tensor_row(&head->proto, cells->y + y, cells->x, cells->w, m->pixels);
        for (int x = 0; x < cells->w; x++) *out++ = dot(coef, m->pixels + (ptrdiff_t)x * c, c);
    }
}

/* One row of logits at the n columns of a tile. */
static void widen(const struct yolo_masker *m, const float *logit, int n, float *out)
{
    for (int x = 0; x < n; x++) {
        const float *p = logit + m->left[x];
        out[x] = p[0] * (1 - m->part[x]) + p[m->part[x] > 0] * m->part[x];
    }
}

static void threshold(const float *above, const float *below, float part, int n, uint8_t *mask)
{
    const float rest = 1 - part;
    for (int x = 0; x < n; x++) mask[x] = above[x] * rest + below[x] * part > 0;
}

struct yolo_rect yolo_mask_cells(const struct yolo_head *head, const struct letterbox *fit,
                                 const struct yolo_rect *rect)
{
    if (rect->w < 1 || rect->h < 1 || head->n_coefs == 0) return (struct yolo_rect){0};
    const struct axis ax = axis_x(head, fit), ay = axis_y(head, fit);
    const struct span sx = axis_span(&ax, rect->x, rect->w), sy = axis_span(&ay, rect->y, rect->h);
    return (struct yolo_rect){sx.begin, sy.begin, sx.end - sx.begin, sy.end - sy.begin};
}

/* Columns [x, x + n) of the photo, every row of the box. */
static void make_tile(struct yolo_masker *m, const struct axis *ax, const struct axis *ay,
                      const struct yolo_rect *cells, const struct yolo_rect *part, uint8_t *mask,
                      size_t stride)
{
    int made[2] = {-1, -1}; /* which row of cells m->row holds, by parity */
    for (int x = 0; x < part->w; x++) m->left[x] = axis_at(ax, part->x + x, &m->part[x]) - cells->x;
    for (int y = 0; y < part->h; y++, mask += stride) {
        float down;
        const int cell = axis_at(ay, part->y + y, &down);
        const int row[2] = {cell, cell + (down > 0)};
        for (int i = 0; i < 2; i++) {
            if (made[row[i] & 1] == row[i]) continue;
            const ptrdiff_t at = (ptrdiff_t)(row[i] - cells->y) * cells->w;
            widen(m, m->logit + at, part->w, m->row[row[i] & 1]);
            made[row[i] & 1] = row[i];
        }
        threshold(m->row[row[0] & 1], m->row[row[1] & 1], down, part->w, mask);
    }
}

void yolo_mask(struct yolo_masker *m, const struct yolo_head *head, const struct yolo_found *found,
               const struct letterbox *fit, const struct yolo_rect *rect, uint8_t *mask,
               size_t stride)
{
    if (rect->w < 1 || rect->h < 1) return;
    if (head->n_coefs == 0) {
        for (int y = 0; y < rect->h; y++) memset(mask + (size_t)y * stride, 1, (size_t)rect->w);
        return;
    }
    float coef[YOLO_MAX_COEFS];
    const struct axis ax = axis_x(head, fit), ay = axis_y(head, fit);
    const struct yolo_rect cells = yolo_mask_cells(head, fit, rect);
    yolo_head_coefs(head, found->place, coef);
    make_logits(m, head, coef, &cells);
    for (int x = 0; x < rect->w; x += TILE) {
        const int n = rect->w - x < TILE ? rect->w - x : TILE;
        const struct yolo_rect part = {rect->x + x, rect->y, n, rect->h};
        make_tile(m, &ax, &ay, &cells, &part, mask + x, stride);
    }
}
