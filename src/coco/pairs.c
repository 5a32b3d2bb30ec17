/* SPDX-License-Identifier: Apache-2.0 */
#include "coco/pairs.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

static int by_cell(const struct coco_detection *a, const struct coco_detection *b)
{
    const int image = (a->image > b->image) - (a->image < b->image);
    return image != 0 ? image : (a->category > b->category) - (a->category < b->category);
}

/* By picture, category, falling score, then place in the list. */
static int by_cell_and_score(const void *x, const void *y)
{
    const struct coco_detection *a = *(const struct coco_detection *const *)x,
                                *b = *(const struct coco_detection *const *)y;
    const int cell = by_cell(a, b);
    if (cell != 0) return cell;
    const int score = (a->score < b->score) - (a->score > b->score);
    return score != 0 ? score : (a > b) - (a < b);
}

struct list {
    const struct coco_detection **item; /* of one input list, hence pointers compare */
    size_t n;
};

static bool sort_above(struct list *list, const struct coco_detection *all, size_t n, double score)
{
    list->item = mem_calloc(n, sizeof *list->item);
    if (list->item == NULL) return false;
    for (size_t i = 0; i < n; i++)
        if (all[i].score > score) list->item[list->n++] = &all[i];
    qsort(list->item, list->n, sizeof *list->item, by_cell_and_score);
    return true;
}

/* Of boxes x, y, w, h. */
static double box_iou(const double a[4], const double b[4])
{
    const double w = fmin(a[0] + a[2], b[0] + b[2]) - fmax(a[0], b[0]);
    const double h = fmin(a[1] + a[3], b[1] + b[3]) - fmax(a[1], b[1]);
    if (!(w > 0 && h > 0)) return 0;
    return w * h / (a[2] * a[3] + b[2] * b[3] - w * h);
}

/* Masks of different sizes have nothing in common. */
static double mask_iou(const struct rle *a, const struct rle *b)
{
    if (a->h != b->h || a->w != b->w) return 0;
    const uint64_t both = rle_intersection(a, b), either = rle_area(a) + rle_area(b) - both;
    return either > 0 ? (double)both / (double)either : 1;
}

/* The free one of n that overlaps most; NULL when none does enough. */
static const struct coco_detection **find_partner(const struct coco_detection **item, size_t n,
                                                  const struct coco_detection *d)
{
    const struct coco_detection **best = NULL;
    double most = COCO_PAIR_OVERLAP;
    for (size_t i = 0; i < n; i++) {
        if (item[i] == NULL) continue;
        const double overlap = box_iou(item[i]->box, d->box);
        if (overlap < most || (best != NULL && overlap == most)) continue;
        most = overlap;
        best = &item[i];
    }
    return best;
}

/* Pairs within one picture and category; what is taken becomes NULL. */
static double match_cell(const struct coco_detection **reference, size_t n_reference,
                         const struct coco_detection *const *candidate, size_t n_candidate,
                         size_t *n_matched)
{
    double sum = 0;
    for (size_t i = 0; i < n_candidate; i++) {
        const struct coco_detection **partner = find_partner(reference, n_reference, candidate[i]);
        if (partner == NULL) continue;
        sum += mask_iou((*partner)->mask, candidate[i]->mask);
        *partner = NULL;
        (*n_matched)++;
    }
    return sum;
}

static size_t cell_end(const struct list *list, size_t start)
{
    size_t end = start;
    while (end < list->n && by_cell(list->item[end], list->item[start]) == 0) end++;
    return end;
}

static void match(struct coco_pairs *result, struct list *reference, const struct list *candidate)
{
    double sum = 0;
    *result = (struct coco_pairs){.n_reference = reference->n};
    for (size_t r = 0, c = 0; r < reference->n && c < candidate->n;) {
        const int order = by_cell(reference->item[r], candidate->item[c]);
        const size_t r_end = cell_end(reference, r), c_end = cell_end(candidate, c);
        if (order == 0)
            sum += match_cell(reference->item + r, r_end - r, candidate->item + c, c_end - c,
                              &result->n_matched);
        if (order <= 0) r = r_end;
        if (order >= 0) c = c_end;
    }
    if (result->n_matched > 0) result->mask_iou = sum / (double)result->n_matched;
}

static itx_status check_masks(const struct list *list, const char *what, struct itx_error *err)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->item[i]->mask == NULL)
            return itx_fail(err, ITX_E_INVAL, "a %s detection has no mask", what);
    return ITX_OK;
}

itx_status coco_pair(struct coco_pairs *result, const struct coco_agreement_input *input,
                     struct itx_error *err)
{
    struct list reference = {0}, candidate = {0};
    itx_status rc = ITX_OK;
    if (!sort_above(&reference, input->reference, input->n_reference, COCO_AGREEMENT_SCORE) ||
        !sort_above(&candidate, input->candidate, input->n_candidate, -HUGE_VAL))
        rc = itx_fail(err, ITX_E_NOMEM, "out of memory");
    if (rc == ITX_OK) rc = check_masks(&reference, "reference", err);
    if (rc == ITX_OK) rc = check_masks(&candidate, "candidate", err);
    if (rc == ITX_OK) match(result, &reference, &candidate);
    mem_free(reference.item);
    mem_free(candidate.item);
    return rc;
}
