/* SPDX-License-Identifier: Apache-2.0
 *
 * The outcomes of a category's detections become its curves. As in evaluate_match.c, operations and their order are
 * pycocotools'.
 */
#include "coco/evaluate.h"

#include <float.h>
#include <math.h>

#include "coco/matching.h"

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

/* ---- curves ---- */

/* Of one category, for each overlap: how many misses lie before a hit. */
struct tracer {
    uint32_t *misses; /* [COCO_N_IOUS, n_truths] */
    double *curve;    /* [n_truths] precision */
    size_t n_hits[COCO_N_IOUS];
};

struct job {
    const struct coco_matching *matching;
    struct coco_evaluation *result;
    struct tracer *tracers; /* [n_workers] */
    size_t n_truths;        /* the most that a category has to find */
};

/* Walks along the detections within the limit. */
static void trace(const struct job *j, struct tracer *t, int category, int area, int limit)
{
    const struct coco_matching *m = j->matching;
    uint32_t misses[COCO_N_IOUS] = {0}, misses_at_all = 0;
    const unsigned all = (1u << COCO_N_IOUS) - 1;

    for (int i = 0; i < COCO_N_IOUS; i++) t->n_hits[i] = 0;
    for (size_t i = m->first[category]; i < m->first[category + 1]; i++) {
        const struct coco_outcome *o = &m->outcomes[i];
        if (o->rank >= limits[limit]) continue;

        const unsigned hit = o->is_matched[area] & ~(unsigned)o->is_ignored[area] & all;
        const unsigned miss = ~(unsigned)(o->is_matched[area] | o->is_ignored[area]) & all;
        if (miss == all) {
            misses_at_all++;
            continue;
        }
        for (int iou = 0; iou < COCO_N_IOUS; iou++) {
            misses[iou] += miss >> iou & 1;
            if (hit >> iou & 1)
                t->misses[(size_t)iou * j->n_truths + t->n_hits[iou]++] =
                    misses[iou] + misses_at_all;
        }
    }
}

/* Precision after each hit, then as its maximum from there on. Misses in between have a lower one, so that the best at or
 * above a recall is always after a hit. */
static void find_precision(const struct job *j, struct tracer *t, int iou)
{
    const size_t n = t->n_hits[iou];
    for (size_t i = 0; i < n; i++) {
        const double hits = (double)(i + 1), misses = t->misses[(size_t)iou * j->n_truths + i];
        t->curve[i] = hits / (misses + hits + DBL_EPSILON);
    }
    for (size_t i = n; i-- > 1;)
        if (t->curve[i] > t->curve[i - 1]) t->curve[i - 1] = t->curve[i];
}

static void store_curve(const struct job *j, const struct tracer *t, int category, int iou,
                        int area, int limit, double n_wanted)
{
    struct coco_evaluation *e = j->result;
    const size_t n = t->n_hits[iou];
    size_t at = 0;
    for (int r = 0; r < COCO_N_RECALLS; r++) {
        while (at < n && (double)(at + 1) / n_wanted < coco_recall_threshold(r)) at++;
        e->precision[precision_at(e, iou, r, category, area, limit)] = at < n ? t->curve[at] : 0;
    }
    e->recall[recall_at(e, iou, category, area, limit)] = (double)n / n_wanted;
}

/* Nothing to find: -1 everywhere. */
static void store_nothing(const struct job *j, int category, int iou, int area, int limit)
{
    struct coco_evaluation *e = j->result;
    for (int r = 0; r < COCO_N_RECALLS; r++)
        e->precision[precision_at(e, iou, r, category, area, limit)] = -1;
    e->recall[recall_at(e, iou, category, area, limit)] = -1;
}

static uint64_t count_wanted(const struct coco_matching *m, int category, int area)
{
    uint64_t n = 0;
    for (size_t i = m->first_wanted[category]; i < m->first_wanted[category + 1]; i++)
        n += m->wanted[i].n[area];
    return n;
}

static void evaluate_category(const struct job *j, struct tracer *t, int category)
{
    for (int area = 0; area < COCO_AREA_COUNT; area++) {
        const uint64_t n_wanted = count_wanted(j->matching, category, area);
        for (int limit = 0; limit < COCO_LIMIT_COUNT; limit++) {
            if (n_wanted > 0) trace(j, t, category, area, limit);
            for (int iou = 0; iou < COCO_N_IOUS; iou++) {
                if (n_wanted == 0) {
                    store_nothing(j, category, iou, area, limit);
                    continue;
                }
                find_precision(j, t, iou);
                store_curve(j, t, category, iou, area, limit, (double)n_wanted);
            }
        }
    }
}

/* Categories that begin in this worker's share of all detections. */
static void evaluate_categories(void *ctx, int worker, int n_workers)
{
    const struct job *j = ctx;
    const size_t *first = j->matching->first;
    const int n = j->matching->n_categories;
    int begin, end;
    pool_part((int)first[n] + 1, 1, worker, n_workers, &begin, &end);
    for (int k = 0; k < n; k++)
        if (first[k] >= (size_t)begin && first[k] < (size_t)end)
            evaluate_category(j, &j->tracers[worker], k);
}

static bool allocate(struct job *j, int n_workers)
{
    const struct coco_matching *m = j->matching;
    struct coco_evaluation *e = j->result;
    const size_t n = (size_t)m->n_categories;
    const size_t values = COCO_N_IOUS * COCO_AREA_COUNT * COCO_LIMIT_COUNT * sizeof(double);
    for (int k = 0; k < m->n_categories; k++) {
        const uint64_t n_wanted = count_wanted(m, k, COCO_AREA_ALL);
        if (n_wanted > j->n_truths) j->n_truths = (size_t)n_wanted;
    }
    e->n_categories = m->n_categories;
    e->precision = mem_calloc(n, COCO_N_RECALLS * values);
    e->recall = mem_calloc(n, values);
    j->tracers = mem_calloc((size_t)n_workers, sizeof *j->tracers);
    bool ok = e->precision != NULL && e->recall != NULL && j->tracers != NULL;
    for (int i = 0; ok && i < n_workers; i++) {
        j->tracers[i].misses = mem_calloc(j->n_truths, COCO_N_IOUS * sizeof(uint32_t));
        j->tracers[i].curve = mem_calloc(j->n_truths, sizeof(double));
        ok = j->tracers[i].misses != NULL && j->tracers[i].curve != NULL;
    }
    return ok;
}

static itx_status evaluate_matching(struct coco_evaluation *result, const struct coco_matching *m,
                                    struct pool *pool, struct itx_error *err)
{
    const int n_workers = pool != NULL ? pool_n_threads(pool) : 1;
    struct job j = {.matching = m, .result = result};
    const bool ok = allocate(&j, n_workers);
    if (ok) pool_run(pool, evaluate_categories, &j);
    for (int i = 0; j.tracers != NULL && i < n_workers; i++) {
        mem_free(j.tracers[i].misses);
        mem_free(j.tracers[i].curve);
    }
    mem_free(j.tracers);
    return ok ? ITX_OK : itx_fail(err, ITX_E_NOMEM, "out of memory for an evaluation");
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
    struct coco_matching matching;
    coco_evaluation_release(result);
    ITX_TRY(coco_matching_create(&matching, input, err));
    const itx_status rc = evaluate_matching(result, &matching, input->pool, err);
    coco_matching_release(&matching);
    if (rc == ITX_OK)
        summarize(result);
    else
        coco_evaluation_release(result);
    return rc;
}
