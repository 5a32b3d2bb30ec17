/* SPDX-License-Identifier: Apache-2.0
 *
 * The arithmetic is that of pycocotools (cocoeval.py, maskApi.c), operation by operation, so that comparisons with
 * thresholds fall alike.
 */
#include "coco/evaluate_match.h"

#include <math.h>

void coco_matcher_release(struct coco_matcher *m)
{
    vec_release(&m->iou);
    vec_release(&m->shapes);
    vec_release(&m->order);
    vec_release(&m->is_ignored);
    vec_release(&m->is_found);
    vec_release(&m->hopeful);
}

static bool reserve(struct coco_matcher *m, int n_truths, int n_detections)
{
    const size_t n = (size_t)n_truths;
    size_t n_pairs;
    return size_mul(n, (size_t)n_detections, &n_pairs) && size_add(n_pairs, 1, &n_pairs) &&
           vec_reserve(&m->iou, n_pairs) && vec_reserve(&m->shapes, n) &&
           vec_reserve(&m->order, n) && vec_reserve(&m->is_ignored, n) &&
           vec_reserve(&m->is_found, n) && vec_reserve(&m->hopeful, (size_t)n_detections);
}

/* Intersection over union; over the detection's own area for crowds. */
static double box_iou(const double d[4], const double g[4], bool is_crowd)
{
    const double w = fmin(d[2] + d[0], g[2] + g[0]) - fmax(d[0], g[0]);
    if (w <= 0) return 0;
    const double h = fmin(d[3] + d[1], g[3] + g[1]) - fmax(d[1], g[1]);
    if (h <= 0) return 0;
    const double both = w * h, area = d[2] * d[3];
    return both / (is_crowd ? area : area + g[2] * g[3] - both);
}

/* Masks of different sizes have nothing in common. */
static double mask_iou(struct coco_shape *d, const struct coco_shape *g, bool is_crowd)
{
    if (d->mask->h != g->mask->h || d->mask->w != g->mask->w) return 0;
    if (d->begin >= g->end || g->begin >= d->end) return 0;
    const uint64_t both = rle_intersection(d->mask, g->mask);
    if (both == 0) return 0;
    if (d->area == 0) d->area = rle_area(d->mask);
    return (double)both / (double)(is_crowd ? d->area : d->area + g->area - both);
}

static void find_box_ious(struct coco_matcher *m, const struct coco_cell *cell)
{
    double *iou = m->iou.data;
    for (int d = 0; d < cell->n_detections; d++)
        for (int g = 0; g < cell->n_truths; g++)
            *iou++ =
                box_iou(cell->detections[d]->box, cell->truths[g]->box, cell->truths[g]->is_crowd);
}

/* Without its area. The last run is of zeros when their number is odd. */
static struct coco_shape shape_of(const struct rle *mask)
{
    const uint32_t *run = mask->run.data;
    const size_t n = mask->run.len;
    if (n == 0) return (struct coco_shape){.mask = mask};
    const uint64_t whole = (uint64_t)mask->h * (uint64_t)mask->w;
    return (struct coco_shape){
        .mask = mask, .begin = run[0], .end = n % 2 == 1 ? whole - run[n - 1] : whole};
}

static void find_mask_ious(struct coco_matcher *m, const struct coco_cell *cell)
{
    struct coco_shape *truths = m->shapes.data;
    double *iou = m->iou.data;
    if (cell->n_detections == 0) return;
    for (int g = 0; g < cell->n_truths; g++) {
        truths[g] = shape_of(cell->truths[g]->mask);
        truths[g].area = rle_area(truths[g].mask);
    }
    for (int d = 0; d < cell->n_detections && cell->n_truths > 0; d++) {
        struct coco_shape shape = shape_of(cell->detections[d]->mask);
        for (int g = 0; g < cell->n_truths; g++)
            *iou++ = mask_iou(&shape, &truths[g], cell->truths[g]->is_crowd);
    }
}

static bool is_outside(double area, enum coco_area range)
{
    static const double limit[COCO_AREA_COUNT][2] = {
        [COCO_AREA_ALL] = {0, 1e5 * 1e5},
        [COCO_AREA_SMALL] = {0, 32 * 32},
        [COCO_AREA_MEDIUM] = {32 * 32, 96 * 96},
        [COCO_AREA_LARGE] = {96 * 96, 1e5 * 1e5},
    };
    return area < limit[range][0] || area > limit[range][1];
}

/* Truths with those to ignore last, each group in its order; returns how many are to be found. */
static int order_truths(struct coco_matcher *m, const struct coco_cell *cell, enum coco_area range)
{
    int n = 0;
    for (int g = 0; g < cell->n_truths; g++) {
        const struct coco_truth *truth = cell->truths[g];
        m->is_ignored.data[g] = truth->is_crowd || is_outside(truth->area, range);
        if (!m->is_ignored.data[g]) m->order.data[n++] = g;
    }
    const int n_wanted = n;
    for (int g = 0; g < cell->n_truths; g++)
        if (m->is_ignored.data[g]) m->order.data[n++] = g;
    return n_wanted;
}

/* The truth that a detection with these overlaps finds, or -1: the largest overlap of at least `threshold` with one that
 * nobody found before (crowds excepted), the last among equals; one to be ignored only when no other is left. */
static int find_truth(const struct coco_matcher *m, const struct coco_cell *cell, const double *iou,
                      double threshold)
{
    double best = fmin(threshold, 1 - 1e-10);
    int found = -1;
    for (int i = 0; i < cell->n_truths; i++) {
        const int g = m->order.data[i];
        if (m->is_found.data[g] && !cell->truths[g]->is_crowd) continue;
        if (found >= 0 && !m->is_ignored.data[found] && m->is_ignored.data[g]) break;
        if (iou[g] < best) continue;
        best = iou[g];
        found = g;
    }
    return found;
}

/* What overlaps no truth by the least threshold is unmatched at all of them, and takes nothing from others: most
 * detections. */
static bool is_hopeless(const double *iou, int n_truths)
{
    for (int g = 0; g < n_truths; g++)
        if (!(iou[g] < coco_iou_threshold(0))) return false;
    return true;
}

static void match_nothing(const struct coco_cell *cell, struct coco_outcome *outcome, int d)
{
    for (int range = 0; range < COCO_AREA_COUNT; range++)
        if (is_outside(cell->detections[d]->area, (enum coco_area)range))
            outcome->is_ignored[range] = (1u << COCO_N_IOUS) - 1;
}

static void match_at(struct coco_matcher *m, const struct coco_cell *cell, enum coco_area range,
                     int i, struct coco_outcome *outcomes)
{
    const uint16_t bit = (uint16_t)(1u << i);
    for (int g = 0; g < cell->n_truths; g++) m->is_found.data[g] = false;
    for (size_t h = 0; h < m->hopeful.len; h++) {
        const int d = m->hopeful.data[h];
        const double *iou = m->iou.data + (size_t)d * (size_t)cell->n_truths;
        const int found = find_truth(m, cell, iou, coco_iou_threshold(i));
        bool is_ignored;
        if (found >= 0) {
            m->is_found.data[found] = true;
            outcomes[d].is_matched[range] |= bit;
            is_ignored = m->is_ignored.data[found];
        } else {
            is_ignored = is_outside(cell->detections[d]->area, range);
        }
        if (is_ignored) outcomes[d].is_ignored[range] |= bit;
    }
}

itx_status coco_match(struct coco_matcher *m, const struct coco_cell *cell,
                      enum coco_overlap overlap, struct coco_outcome *outcomes,
                      uint32_t n_wanted[COCO_AREA_COUNT], struct itx_error *err)
{
    if (!reserve(m, cell->n_truths, cell->n_detections))
        return itx_fail(err, ITX_E_NOMEM, "out of memory for an evaluation");
    if (overlap == COCO_OVERLAP_BOX)
        find_box_ious(m, cell);
    else
        find_mask_ious(m, cell);
    m->hopeful.len = 0;
    for (int d = 0; d < cell->n_detections; d++) {
        outcomes[d] = (struct coco_outcome){.score = cell->detections[d]->score, .rank = d};
        if (is_hopeless(m->iou.data + (size_t)d * (size_t)cell->n_truths, cell->n_truths))
            match_nothing(cell, &outcomes[d], d);
        else
            m->hopeful.data[m->hopeful.len++] = d;
    }
    for (int range = 0; range < COCO_AREA_COUNT; range++) {
        n_wanted[range] = (uint32_t)order_truths(m, cell, (enum coco_area)range);
        for (int i = 0; m->hopeful.len > 0 && i < COCO_N_IOUS; i++)
            match_at(m, cell, (enum coco_area)range, i, outcomes);
    }
    return ITX_OK;
}
