/* SPDX-License-Identifier: Apache-2.0
 *
 * Truths and detections are sorted so that a category, and in it a picture, lies together; each such cell is matched
 * alone, and the outcomes of a category's cells become its curves. As in evaluate_match.c, operations and their order
 * are pycocotools'.
 */
#include "coco/evaluate.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "coco/evaluate_match.h"

double coco_iou_threshold(int i)
{
    return i == COCO_N_IOUS - 1 ? 0.95 : i * ((0.95 - 0.5) / (COCO_N_IOUS - 1)) + 0.5;
}

double coco_recall_threshold(int i)
{
    return i == COCO_N_RECALLS - 1 ? 1 : i * (1.0 / (COCO_N_RECALLS - 1));
}

static const int limits[COCO_LIMIT_COUNT] = {1, 10, COCO_MAX_DETECTIONS};

static size_t recall_at(const struct coco_evaluation *e, int iou, int category, int area, int limit)
{
    return (((size_t)iou * (size_t)e->n_categories + (size_t)category) * COCO_AREA_COUNT +
            (size_t)area) *
               COCO_LIMIT_COUNT +
           (size_t)limit;
}

static size_t precision_at(const struct coco_evaluation *e, int iou, int recall, int category,
                           int area, int limit)
{
    return recall_at(e, iou * COCO_N_RECALLS + recall, category, area, limit);
}

double coco_precision(const struct coco_evaluation *e, int iou, int recall, int category,
                      enum coco_area area, enum coco_limit limit)
{
    return e->precision[precision_at(e, iou, recall, category, (int)area, (int)limit)];
}

double coco_recall(const struct coco_evaluation *e, int iou, int category, enum coco_area area,
                   enum coco_limit limit)
{
    return e->recall[recall_at(e, iou, category, (int)area, (int)limit)];
}

void coco_evaluation_release(struct coco_evaluation *e)
{
    mem_free(e->precision);
    mem_free(e->recall);
    *e = (struct coco_evaluation){0};
}

/* A truth or a detection with what it is sorted by: category, image, falling score, place in the input. */
struct entry {
    int category, image;
    double score;
    size_t index;
};

static int by_cell(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->category != y->category) return x->category < y->category ? -1 : 1;
    if (x->image != y->image) return x->image < y->image ? -1 : 1;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

/* An outcome's place in the category's curve: falling score, among equals the order of pictures and ranks. */
struct place {
    double score;
    size_t index; /* of the outcome */
};

static int by_score(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

struct evaluator {
    const struct coco_evaluate_input *in;
    struct coco_evaluation *result;
    struct entry *truths, *detections;             /* sorted */
    const struct coco_truth **cell_truths;         /* [n_truths] */
    const struct coco_detection **cell_detections; /* [COCO_MAX_DETECTIONS] */
    struct coco_matcher matcher;
    /* of one category */
    struct coco_outcome *outcomes; /* [n_detections], n_outcomes used */
    struct place *places;
    double *curve_precision, *curve_recall;
    size_t n_outcomes;
    size_t n_wanted[COCO_AREA_COUNT];
};

static void release(struct evaluator *v)
{
    coco_matcher_release(&v->matcher);
    mem_free(v->truths);
    mem_free(v->detections);
    mem_free(v->cell_truths);
    mem_free(v->cell_detections);
    mem_free(v->outcomes);
    mem_free(v->places);
    mem_free(v->curve_precision);
    mem_free(v->curve_recall);
}

static itx_status check_entry(const struct coco_evaluate_input *in, const struct entry *e,
                              const struct rle *mask, const char *what, struct itx_error *err)
{
    if (e->image < 0 || e->image >= in->n_images || e->category < 0 ||
        e->category >= in->n_categories)
        return itx_fail(err, ITX_E_INVAL, "%s %zu: image %d of %d, category %d of %d", what,
                        e->index, e->image, in->n_images, e->category, in->n_categories);
    if (!isfinite(e->score))
        return itx_fail(err, ITX_E_INVAL, "%s %zu: the score is no number", what, e->index);
    if (in->overlap == COCO_OVERLAP_MASK && mask == NULL)
        return itx_fail(err, ITX_E_INVAL, "%s %zu has no mask", what, e->index);
    return ITX_OK;
}

static itx_status sort_input(struct evaluator *v, struct itx_error *err)
{
    const struct coco_evaluate_input *in = v->in;
    for (size_t i = 0; i < in->n_truths; i++) {
        const struct coco_truth *t = &in->truths[i];
        v->truths[i] = (struct entry){t->category, t->image, 0, i};
        ITX_TRY(check_entry(in, &v->truths[i], t->mask, "annotation", err));
    }
    for (size_t i = 0; i < in->n_detections; i++) {
        const struct coco_detection *d = &in->detections[i];
        v->detections[i] = (struct entry){d->category, d->image, d->score, i};
        ITX_TRY(check_entry(in, &v->detections[i], d->mask, "detection", err));
    }
    qsort(v->truths, in->n_truths, sizeof *v->truths, by_cell);
    qsort(v->detections, in->n_detections, sizeof *v->detections, by_cell);
    return ITX_OK;
}

static bool allocate(struct evaluator *v)
{
    const size_t n_truths = v->in->n_truths, n = v->in->n_detections;
    const int n_categories = v->in->n_categories;
    struct coco_evaluation *e = v->result;
    const size_t values = COCO_N_IOUS * COCO_AREA_COUNT * COCO_LIMIT_COUNT * sizeof(double);
    v->truths = mem_calloc(n_truths, sizeof *v->truths);
    v->detections = mem_calloc(n, sizeof *v->detections);
    v->cell_truths = mem_calloc(n_truths, sizeof *v->cell_truths);
    v->cell_detections = mem_calloc(COCO_MAX_DETECTIONS, sizeof *v->cell_detections);
    v->outcomes = mem_calloc(n, sizeof *v->outcomes);
    v->places = mem_calloc(n, sizeof *v->places);
    v->curve_precision = mem_calloc(n, sizeof *v->curve_precision);
    v->curve_recall = mem_calloc(n, sizeof *v->curve_recall);
    e->n_categories = n_categories;
    e->precision = mem_calloc((size_t)n_categories, COCO_N_RECALLS * values);
    e->recall = mem_calloc((size_t)n_categories, values);
    return v->truths != NULL && v->detections != NULL && v->cell_truths != NULL &&
           v->cell_detections != NULL && v->outcomes != NULL && v->places != NULL &&
           v->curve_precision != NULL && v->curve_recall != NULL && e->precision != NULL &&
           e->recall != NULL;
}

/* ---- one category ---- */

/* The entries of the category and image that begin at *at, which moves past them. */
static int take_truths(struct evaluator *v, size_t *at, int category, int image)
{
    int n = 0;
    for (; *at < v->in->n_truths; ++*at) {
        const struct entry *e = &v->truths[*at];
        if (e->category != category || e->image != image) break;
        v->cell_truths[n++] = &v->in->truths[e->index];
    }
    return n;
}

static int take_detections(struct evaluator *v, size_t *at, int category, int image)
{
    int n = 0;
    for (; *at < v->in->n_detections; ++*at) {
        const struct entry *e = &v->detections[*at];
        if (e->category != category || e->image != image) break;
        if (n < COCO_MAX_DETECTIONS) v->cell_detections[n++] = &v->in->detections[e->index];
    }
    return n;
}

/* The lowest image that has something of the category at the two places; -1: none has. */
static int next_image(const struct evaluator *v, size_t truth, size_t detection, int category)
{
    int image = -1;
    if (truth < v->in->n_truths && v->truths[truth].category == category)
        image = v->truths[truth].image;
    if (detection < v->in->n_detections && v->detections[detection].category == category &&
        (image < 0 || v->detections[detection].image < image))
        image = v->detections[detection].image;
    return image;
}

static itx_status match_category(struct evaluator *v, int category, size_t *truth,
                                 size_t *detection, struct itx_error *err)
{
    v->n_outcomes = 0;
    for (int a = 0; a < COCO_AREA_COUNT; a++) v->n_wanted[a] = 0;
    for (;;) {
        const int image = next_image(v, *truth, *detection, category);
        if (image < 0) break;
        const struct coco_cell cell = {
            .truths = v->cell_truths,
            .detections = v->cell_detections,
            .n_truths = take_truths(v, truth, category, image),
            .n_detections = take_detections(v, detection, category, image),
        };
        ITX_TRY(coco_match(&v->matcher, &cell, v->in->overlap, v->outcomes + v->n_outcomes,
                           v->n_wanted, err));
        v->n_outcomes += (size_t)cell.n_detections;
    }
    for (size_t i = 0; i < v->n_outcomes; i++)
        v->places[i] = (struct place){v->outcomes[i].score, i};
    qsort(v->places, v->n_outcomes, sizeof *v->places, by_score);
    return ITX_OK;
}

/* Precision and recall after each detection within the limit, precision then as its maximum from there on; returns
 * their number. */
static size_t trace_curve(struct evaluator *v, int iou, int area, int limit)
{
    const double n_wanted = (double)v->n_wanted[area];
    double hits = 0, misses = 0;
    size_t n = 0;
    for (size_t i = 0; i < v->n_outcomes; i++) {
        const struct coco_outcome *o = &v->outcomes[v->places[i].index];
        if (o->rank >= limits[limit]) continue;
        const bool is_matched = o->is_matched[area] >> iou & 1;
        const bool is_ignored = o->is_ignored[area] >> iou & 1;
        if (!is_ignored && is_matched) hits++;
        if (!is_ignored && !is_matched) misses++;
        v->curve_recall[n] = hits / n_wanted;
        v->curve_precision[n++] = hits / (misses + hits + DBL_EPSILON);
    }
    for (size_t i = n; i-- > 1;)
        if (v->curve_precision[i] > v->curve_precision[i - 1])
            v->curve_precision[i - 1] = v->curve_precision[i];
    return n;
}

static void store_curve(struct evaluator *v, int category, int iou, int area, int limit)
{
    struct coco_evaluation *e = v->result;
    const bool is_wanted = v->n_wanted[area] > 0;
    const size_t n = is_wanted ? trace_curve(v, iou, area, limit) : 0;
    size_t at = 0;
    for (int r = 0; r < COCO_N_RECALLS; r++) {
        while (at < n && v->curve_recall[at] < coco_recall_threshold(r)) at++;
        e->precision[precision_at(e, iou, r, category, area, limit)] = !is_wanted ? -1
                                                                       : at < n
                                                                           ? v->curve_precision[at]
                                                                           : 0;
    }
    e->recall[recall_at(e, iou, category, area, limit)] = !is_wanted ? -1
                                                          : n > 0    ? v->curve_recall[n - 1]
                                                                     : 0;
}

static itx_status evaluate_categories(struct evaluator *v, struct itx_error *err)
{
    size_t truth = 0, detection = 0;
    for (int k = 0; k < v->in->n_categories; k++) {
        ITX_TRY(match_category(v, k, &truth, &detection, err));
        for (int iou = 0; iou < COCO_N_IOUS; iou++)
            for (int a = 0; a < COCO_AREA_COUNT; a++)
                for (int m = 0; m < COCO_LIMIT_COUNT; m++) store_curve(v, k, iou, a, m);
    }
    return ITX_OK;
}

/* ---- the twelve numbers ---- */

/* Mean over categories with something to find, overlaps [first, last] and, for precision, recalls. */
static double mean_precision(const struct coco_evaluation *e, int first, int last, int area)
{
    double sum = 0;
    size_t n = 0;
    for (int iou = first; iou <= last; iou++)
        for (int k = 0; k < e->n_categories; k++) {
            double row = 0;
            if (e->precision[precision_at(e, iou, 0, k, area, COCO_LIMIT_100)] < 0) continue;
            for (int r = 0; r < COCO_N_RECALLS; r++)
                row += e->precision[precision_at(e, iou, r, k, area, COCO_LIMIT_100)];
            sum += row;
            n += COCO_N_RECALLS;
        }
    return n > 0 ? sum / (double)n : -1;
}

static double mean_recall(const struct coco_evaluation *e, int area, int limit)
{
    double sum = 0;
    size_t n = 0;
    for (int iou = 0; iou < COCO_N_IOUS; iou++)
        for (int k = 0; k < e->n_categories; k++) {
            const double recall = e->recall[recall_at(e, iou, k, area, limit)];
            if (recall < 0) continue;
            sum += recall;
            n++;
        }
    return n > 0 ? sum / (double)n : -1;
}

static void summarize(struct coco_evaluation *e)
{
    double *s = e->stats;
    const int last = COCO_N_IOUS - 1, at_75 = 5;
    *s++ = mean_precision(e, 0, last, COCO_AREA_ALL);
    *s++ = mean_precision(e, 0, 0, COCO_AREA_ALL);
    *s++ = mean_precision(e, at_75, at_75, COCO_AREA_ALL);
    for (int a = COCO_AREA_SMALL; a <= COCO_AREA_LARGE; a++) *s++ = mean_precision(e, 0, last, a);
    for (int m = COCO_LIMIT_1; m <= COCO_LIMIT_100; m++) *s++ = mean_recall(e, COCO_AREA_ALL, m);
    for (int a = COCO_AREA_SMALL; a <= COCO_AREA_LARGE; a++)
        *s++ = mean_recall(e, a, COCO_LIMIT_100);
}

itx_status coco_evaluate(struct coco_evaluation *result, const struct coco_evaluate_input *input,
                         struct itx_error *err)
{
    coco_evaluation_release(result);
    if (input->n_categories < 1 || input->n_truths > INT32_MAX || input->n_detections > INT32_MAX)
        return itx_fail(err, ITX_E_INVAL, "nothing to evaluate, or too much");
    struct evaluator v = {.in = input, .result = result};
    itx_status rc = allocate(&v) ? sort_input(&v, err)
                                 : itx_fail(err, ITX_E_NOMEM, "out of memory for an evaluation");
    if (rc == ITX_OK) rc = evaluate_categories(&v, err);
    if (rc == ITX_OK) summarize(result);
    release(&v);
    if (rc != ITX_OK) coco_evaluation_release(result);
    return rc;
}
