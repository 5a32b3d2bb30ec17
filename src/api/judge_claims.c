/* SPDX-License-Identifier: Apache-2.0
 *
 * Which of the float network's objects a program finds, and the average precision of that, as COCO defines it (area
 * all, 100 detections a photo and class).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/judge_internal.h"
#include "base/mem.h"

#define FIND_CONF 0.001f
#define FIND_IOU 0.7
#define MAX_FOUND 300
#define MAX_OF_CLASS 100
#define N_RECALLS 101

double judge_overlap(const double a[4], const double b[4])
{
    const double w = fmin(a[2], b[2]) - fmax(a[0], b[0]), h = fmin(a[3], b[3]) - fmax(a[1], b[1]);
    if (!(w > 0) || !(h > 0)) return 0;
    const double common = w * h;
    return common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common);
}

double judge_mask_overlap(const struct judge_object *o, const struct yolo_rect *r,
                          const uint8_t *mask)
{
    const struct yolo_rect *const s = &o->rect;
    int64_t area = 0, common = 0;
    for (int64_t i = 0; i < (int64_t)r->w * r->h; i++) area += mask[i];
    const int left = s->x > r->x ? s->x : r->x, top = s->y > r->y ? s->y : r->y;
    const int right = s->x + s->w < r->x + r->w ? s->x + s->w : r->x + r->w;
    const int bottom = s->y + s->h < r->y + r->h ? s->y + s->h : r->y + r->h;
    for (int y = top; y < bottom; y++) {
        const uint8_t *a = o->mask + (ptrdiff_t)(y - s->y) * s->w - s->x;
        const uint8_t *b = mask + (ptrdiff_t)(y - r->y) * r->w - r->x;
        for (int x = left; x < right; x++) common += a[x] & b[x];
    }
    const int64_t all = area + o->area - common;
    return all > 0 ? (double)common / (double)all : 0;
}

itx_status judge_make_mask(struct judge_bench *b, const struct yolo_head *head,
                           const struct yolo_found *found, const struct letterbox *fit,
                           const struct yolo_rect *rect, struct itx_error *err)
{
    const size_t size = (size_t)rect->w * (size_t)rect->h;
    if (size > b->mask_size) {
        uint8_t *const mask = mem_realloc(b->mask, size);
        if (mask == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory for a mask");
        b->mask = mask;
        b->mask_size = size;
    }
    yolo_mask(b->masker, head, found, fit, rect, b->mask, (size_t)rect->w);
    return ITX_OK;
}

/* How well one detection covers each object of its class; 0 for others. */
struct cover {
    float box[MAX_FOUND], mask[MAX_FOUND]; /* the float network finds no more */
};

static itx_status cover_objects(struct cover *c, const struct judge_photo *p, struct judge_bench *b,
                                const struct yolo_head *head, const struct yolo_found *found,
                                const double box[4], const struct yolo_rect *rect,
                                struct itx_error *err)
{
    bool has_mask = false;
    for (int i = 0; i < p->n_objects; i++) {
        const struct judge_object *const o = &p->objects[i];
        const bool is_same = o->found.class_id == found->class_id;
        c->box[i] = is_same ? (float)judge_overlap(o->box, box) : 0;
        c->mask[i] = c->box[i];
        if (!(c->box[i] > 0) || head->n_coefs == 0) continue;
        if (!has_mask) ITX_TRY(judge_make_mask(b, head, found, &p->fit, rect, err));
        has_mask = true;
        c->mask[i] = (float)judge_mask_overlap(o, rect, b->mask);
    }
    return ITX_OK;
}

/* Takes, for each threshold, the free object that is covered best. taken[i] has a bit for each threshold. */
static uint16_t take(const float *cover, int n, uint16_t *taken)
{
    uint16_t hits = 0;
    for (int t = 0; t < JUDGE_THRESHOLDS; t++) {
        int best = -1;
        for (int i = 0; i < n; i++)
            if (!(taken[i] >> t & 1) && (double)cover[i] >= 0.5 + 0.05 * t &&
                (best < 0 || cover[i] > cover[best]))
                best = i;
        if (best < 0) continue;
        taken[best] = (uint16_t)(taken[best] | 1 << t);
        hits = (uint16_t)(hits | 1 << t);
    }
    return hits;
}

itx_status judge_claim_objects(struct judge_sums *sums, const struct judge *judge,
                               const struct judge_photo *p, struct judge_bench *b,
                               const struct yolo_head *head, struct itx_error *err)
{
    static const struct yolo_params params = {
        .conf = FIND_CONF, .iou = FIND_IOU, .max_det = MAX_FOUND, .labels = YOLO_EVERY_LABEL};
    const struct yolo_found *found;
    uint16_t boxes[MAX_FOUND] = {0}, masks[MAX_FOUND] = {0};
    struct cover cover;
    yolo_decoder_run(b->decoder, head, &params);
    const int n = yolo_decoder_found(b->decoder, &found);
    memset(b->n_of, 0, (size_t)head->n_classes * sizeof *b->n_of);
    for (int i = 0; i < n; i++) {
        const int class_id = found[i].class_id;
        double box[4];
        struct yolo_rect rect;
        if (!yolo_photo_place(&p->fit, found[i].box, box, &rect)) continue;
        if (judge->n_objects_of[class_id] == 0 || b->n_of[class_id]++ >= MAX_OF_CLASS) continue;
        ITX_TRY(cover_objects(&cover, p, b, head, &found[i], box, &rect, err));
        const struct judge_claim claim = {.score = found[i].score,
                                          .class_id = class_id,
                                          .box_hits = take(cover.box, p->n_objects, boxes),
                                          .mask_hits = take(cover.mask, p->n_objects, masks)};
        if (!vec_push(&sums->claims, claim)) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    }
    return ITX_OK;
}

/* ---- average precision ---- */

/* By class, then by falling score; equal ones count as one object or the other, so hits decide. */
static int by_class_and_score(const void *a, const void *b)
{
    const struct judge_claim *x = a, *y = b;
    if (x->class_id != y->class_id) return x->class_id < y->class_id ? -1 : 1;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    if (x->box_hits != y->box_hits) return x->box_hits > y->box_hits ? -1 : 1;
    return (x->mask_hits < y->mask_hits) - (x->mask_hits > y->mask_hits);
}

/* Of one class at one threshold: the mean over recalls 0, 0.01 ... 1 of the best precision at that recall or more.
 * Goes backwards, so that the best precision so far is at hand. */
static double average_precision(const struct judge_claim *claims, size_t n, int n_objects,
                                bool of_masks, int threshold)
{
    int n_hits = 0;
    for (size_t i = 0; i < n; i++)
        n_hits += (of_masks ? claims[i].mask_hits : claims[i].box_hits) >> threshold & 1;
    double best = 0, sum = 0;
    int recall = N_RECALLS - 1; /* the next one to be filled, in hundredths */
    for (size_t i = n; i-- > 0 && n_hits > 0;) {
        best = fmax(best, (double)n_hits / (double)(i + 1));
        const bool is_hit = (of_masks ? claims[i].mask_hits : claims[i].box_hits) >> threshold & 1;
        if (!is_hit) continue;
        for (; recall * 0.01 > (double)n_hits / n_objects; recall--) continue; /* never reached */
        n_hits--;
        for (; recall * 0.01 > (double)n_hits / n_objects; recall--) sum += best;
    }
    return (sum + best) / N_RECALLS; /* recall 0 is reached at once */
}

static int count_objects(const struct judge *judge, int n_photos, int class_id)
{
    int n = 0;
    for (int i = 0; i < n_photos; i++)
        for (int k = 0; k < judge->photos[i].n_objects; k++)
            n += judge->photos[i].objects[k].found.class_id == class_id;
    return n;
}

void judge_agreement(struct judge_sums *sums, const struct judge *judge, int n_photos, double *box,
                     double *mask)
{
    struct judge_claim *const claims = sums->claims.data;
    double of_boxes = 0, of_masks = 0, weight = 0;
    if (sums->claims.len > 0) qsort(claims, sums->claims.len, sizeof *claims, by_class_and_score);
    size_t at = 0;
    for (int k = 0; k < judge->head.n_classes; k++) {
        const int n_objects = count_objects(judge, n_photos, k);
        const size_t first = at;
        while (at < sums->claims.len && claims[at].class_id == k) at++;
        weight += n_objects;
        for (int t = 0; t < JUDGE_THRESHOLDS && n_objects > 0; t++) {
            const struct judge_claim *const of = claims + first;
            of_boxes += n_objects * average_precision(of, at - first, n_objects, false, t);
            of_masks += n_objects * average_precision(of, at - first, n_objects, true, t);
        }
    }
    *box = weight > 0 ? of_boxes / weight / JUDGE_THRESHOLDS : 1;
    *mask = weight > 0 ? of_masks / weight / JUDGE_THRESHOLDS : 1;
}
