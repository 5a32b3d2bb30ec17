/* SPDX-License-Identifier: Apache-2.0
 *
 * Heads: what the float network sees, and how far a program is from it where that is.
 */
#include <math.h>
#include <string.h>

#include "api/judge_internal.h"
#include "base/mem.h"
#include "tensor/exact.h"

#define LIVE_CONF 0.01f   /* anchors with a score above are compared */
#define LEAST_LIVE 16     /* or the strongest ones, when there are fewer */
#define OBJECT_CONF 0.25f /* an object, as for the agreement of `intarsia eval` */
#define OBJECT_IOU 0.7

itx_status judge_bench_create(struct judge_bench *b, const struct yolo_head *head,
                              struct itx_error *err)
{
    *b = (struct judge_bench){0};
    itx_status rc = yolo_decoder_create(&b->decoder, head, err);
    if (rc == ITX_OK) rc = yolo_masker_create(&b->masker, head, err);
    if (rc == ITX_OK) {
        b->logit = mem_calloc((size_t)head->n_classes, sizeof *b->logit);
        b->n_of = mem_calloc((size_t)head->n_classes, sizeof *b->n_of);
        if (b->logit == NULL || b->n_of == NULL) rc = itx_fail(err, ITX_E_NOMEM, "out of memory");
    }
    if (rc != ITX_OK) judge_bench_release(b);
    return rc;
}

void judge_bench_release(struct judge_bench *b)
{
    yolo_decoder_destroy(&b->decoder);
    yolo_masker_destroy(&b->masker);
    mem_free(b->logit);
    mem_free(b->n_of);
    mem_free(b->mask);
    *b = (struct judge_bench){0};
}

static int anchor_of(const struct yolo_head *head, struct yolo_place at)
{
    int first = 0;
    for (int i = 0; i < at.level; i++) first += head->level[i].cls.h * head->level[i].cls.w;
    return first + at.y * head->level[at.level].cls.w + at.x;
}

/* ---- the float network ---- */

static struct yolo_params live_params(float conf)
{
    return (struct yolo_params){
        .conf = conf, .iou = OBJECT_IOU, .max_det = 1, .labels = YOLO_EVERY_LABEL};
}

static itx_status keep_live(struct judge_photo *p, struct judge_bench *b,
                            const struct yolo_head *head, int n_anchors, struct itx_error *err)
{
    const struct yolo_place *places;
    p->conf = LIVE_CONF;
    for (;; p->conf /= 10) {
        const struct yolo_params params = live_params(p->conf);
        yolo_decoder_scan(b->decoder, head, &params, NULL);
        p->n_live = yolo_decoder_places(b->decoder, &places);
        if (p->n_live >= LEAST_LIVE || p->n_live == n_anchors || p->conf < 1e-20f) break;
    }
    p->live = arena_calloc(&p->arena, (size_t)p->n_live, sizeof *p->live);
    p->live_of = arena_calloc(&p->arena, (size_t)n_anchors, sizeof *p->live_of);
    if (p->live == NULL || p->live_of == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (int i = 0; i < n_anchors; i++) p->live_of[i] = -1;
    for (int i = 0; i < p->n_live; i++) {
        struct judge_live *const live = &p->live[i];
        live->place = places[i];
        p->live_of[anchor_of(head, places[i])] = i;
        yolo_tensor_pixel(&head->level[places[i].level].cls, places[i].y, places[i].x, b->logit);
        for (int k = 1; k < head->n_classes; k++)
            if (b->logit[k] > b->logit[live->class_id]) live->class_id = k;
        live->logit = b->logit[live->class_id];
        live->best = exact_sigmoid(live->logit);
        yolo_head_box(head, live->place, live->box);
    }
    return ITX_OK;
}

static itx_status keep_objects(struct judge_photo *p, struct judge_bench *b,
                               const struct yolo_head *head, struct itx_error *err)
{
    const struct yolo_params params = {
        .conf = OBJECT_CONF, .iou = OBJECT_IOU, .max_det = 300, .labels = YOLO_EVERY_LABEL};
    const struct yolo_found *found;
    yolo_decoder_run(b->decoder, head, &params);
    const int n = yolo_decoder_found(b->decoder, &found);
    p->objects = arena_calloc(&p->arena, (size_t)n, sizeof *p->objects);
    if (p->objects == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (int i = 0; i < n; i++) {
        struct judge_object *const o = &p->objects[p->n_objects];
        if (!yolo_photo_place(&p->fit, found[i].box, o->box, &o->rect)) continue;
        p->n_objects++;
        o->found = found[i];
        const size_t size = (size_t)o->rect.w * (size_t)o->rect.h;
        o->mask = arena_alloc(&p->arena, size);
        if (o->mask == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
        yolo_mask(b->masker, head, &o->found, &p->fit, &o->rect, o->mask, (size_t)o->rect.w);
        for (size_t k = 0; k < size; k++) o->area += o->mask[k];
    }
    return ITX_OK;
}

itx_status judge_keep(struct judge_photo *p, struct judge_bench *b, const struct yolo_head *head,
                      int n_anchors, struct itx_error *err)
{
    ITX_TRY(keep_live(p, b, head, n_anchors, err));
    return keep_objects(p, b, head, err);
}

/* ---- a program ---- */

/* Errors beyond these count as these: one object that is lost altogether shall not decide what matters. */
#define MOST_LOGIT 1.0
#define MOST_OVERLAP 0.15

static double square_up_to(double x, double most)
{
    return x < most ? x * x : most * most;
}

static double logit(double score)
{
    return log(score / (1 - score));
}

/* The strongest class of an anchor where the float network sees something. */
static void compare_score(struct judge_sums *sums, const struct yolo_head *head,
                          struct judge_bench *b, const struct judge_live *live)
{
    const struct yolo_place at = live->place;
    yolo_tensor_pixel(&head->level[at.level].cls, at.y, at.x, b->logit);
    const double e = fabs((double)b->logit[live->class_id] - (double)live->logit);
    sums->score_error += (double)live->best * square_up_to(e, MOST_LOGIT);
    sums->score_weight += (double)live->best;
}

/* An anchor where it sees nothing above p->conf, but the program does. */
static void compare_ghost(struct judge_sums *sums, const struct yolo_head *head,
                          struct judge_bench *b, struct yolo_place at, float conf)
{
    float most = 0;
    yolo_tensor_pixel(&head->level[at.level].cls, at.y, at.x, b->logit);
    for (int k = 0; k < head->n_classes; k++)
        most = k == 0 || b->logit[k] > most ? b->logit[k] : most;
    const double e = (double)most - logit((double)conf);
    if (e > 0) sums->score_error += (double)exact_sigmoid(most) * square_up_to(e, MOST_LOGIT);
}

static void compare_box(struct judge_sums *sums, const struct yolo_head *head,
                        const struct judge_live *live)
{
    float box[4];
    double a[4], b[4];
    yolo_head_box(head, live->place, box);
    for (int i = 0; i < 4; i++) {
        a[i] = (double)box[i];
        b[i] = (double)live->box[i];
    }
    sums->box_error += (double)live->best * square_up_to(1 - judge_overlap(a, b), MOST_OVERLAP);
    sums->box_weight += (double)live->best;
}

itx_status judge_compare(struct judge_sums *sums, const struct judge *judge,
                         const struct judge_photo *p, struct judge_bench *b,
                         const struct yolo_head *head, struct itx_error *err)
{
    const struct yolo_params params = live_params(p->conf);
    const struct yolo_place *places;
    yolo_decoder_scan(b->decoder, head, &params, NULL);
    const int n_places = yolo_decoder_places(b->decoder, &places);
    for (int i = 0; i < n_places; i++)
        if (p->live_of[anchor_of(head, places[i])] < 0)
            compare_ghost(sums, head, b, places[i], p->conf);
    for (int i = 0; i < p->n_live; i++) {
        compare_score(sums, head, b, &p->live[i]);
        compare_box(sums, head, &p->live[i]);
    }
    for (int i = 0; i < p->n_objects && head->n_coefs > 0; i++) {
        const struct judge_object *const o = &p->objects[i];
        if (o->area == 0) continue;
        ITX_TRY(judge_make_mask(b, head, &o->found, &p->fit, &o->rect, err));
        const double e = 1 - judge_mask_overlap(o, &o->rect, b->mask);
        sums->mask_error += square_up_to(e, MOST_OVERLAP);
        sums->n_objects++;
    }
    return judge_claim_objects(sums, judge, p, b, head, err);
}
