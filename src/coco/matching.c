/* SPDX-License-Identifier: Apache-2.0
 *
 * Truths and detections are put in order of category and picture, so that each such cell lies together; the cells are
 * matched by all workers, each a part of them, and then each worker sorts some categories by score.
 */
#include "coco/matching.h"

#include <math.h>
#include <stdlib.h>

/* Where a category in a picture lies in the sorted lists, and in the outcomes. */
struct cell {
    int category, image;
    uint32_t truth, n_truths, detection, n_detections;
    size_t outcome;
};

struct ranked {
    double score;
    size_t index; /* in the input, or of the outcome */
};

struct worker {
    struct coco_matcher matcher;
    VEC(const struct coco_truth *) truths; /* of a cell */
    VEC(const struct coco_detection *) detections;
    VEC(struct ranked) ranked;
    VEC(struct coco_outcome) outcomes; /* of a category */
    itx_status rc;
    struct itx_error err;
};

struct job {
    const struct coco_evaluate_input *in;
    struct coco_matching *result;
    uint32_t *truths, *detections; /* places in the input, by category, image, place */
    int *image, *category;         /* [larger of both]: keys to sort by */
    uint32_t *order;               /* as long */
    size_t *count;                 /* [larger of images and categories, + 1] */
    VEC(struct cell) cells;
    size_t n_outcomes;
    struct worker *workers;
    int n_workers;
};

static void release(struct job *j)
{
    for (int i = 0; j->workers != NULL && i < j->n_workers; i++) {
        struct worker *w = &j->workers[i];
        coco_matcher_release(&w->matcher);
        vec_release(&w->truths);
        vec_release(&w->detections);
        vec_release(&w->ranked);
        vec_release(&w->outcomes);
    }
    mem_free(j->workers);
    mem_free(j->truths);
    mem_free(j->detections);
    mem_free(j->order);
    mem_free(j->image);
    mem_free(j->category);
    mem_free(j->count);
    vec_release(&j->cells);
}

void coco_matching_release(struct coco_matching *m)
{
    mem_free(m->first);
    mem_free(m->outcomes);
    mem_free(m->first_wanted);
    mem_free(m->wanted);
    *m = (struct coco_matching){0};
}

/* ---- checks ---- */

static itx_status check_entry(const struct coco_evaluate_input *in, int image, int category,
                              double score, const struct rle *mask, const char *what, size_t index,
                              struct itx_error *err)
{
    if (image < 0 || image >= in->n_images || category < 0 || category >= in->n_categories)
        return itx_fail(err, ITX_E_INVAL, "%s %zu: image %d of %d, category %d of %d", what, index,
                        image, in->n_images, category, in->n_categories);
    if (!isfinite(score))
        return itx_fail(err, ITX_E_INVAL, "%s %zu: the score is no number", what, index);
    if (in->overlap == COCO_OVERLAP_MASK && mask == NULL)
        return itx_fail(err, ITX_E_INVAL, "%s %zu has no mask", what, index);
    return ITX_OK;
}

static itx_status check_input(const struct coco_evaluate_input *in, struct itx_error *err)
{
    if (in->n_categories < 1 || in->n_truths >= INT32_MAX || in->n_detections >= INT32_MAX)
        return itx_fail(err, ITX_E_INVAL, "nothing to evaluate, or too much");
    for (size_t i = 0; i < in->n_truths; i++) {
        const struct coco_truth *t = &in->truths[i];
        ITX_TRY(check_entry(in, t->image, t->category, 0, t->mask, "annotation", i, err));
    }
    for (size_t i = 0; i < in->n_detections; i++) {
        const struct coco_detection *d = &in->detections[i];
        ITX_TRY(check_entry(in, d->image, d->category, d->score, d->mask, "detection", i, err));
    }
    return ITX_OK;
}

/* ---- order ---- */

/* One pass of a counting sort: `from` (NULL: 0, 1, ...) to `to` by key, equal keys in the order they come in. */
static void sort_pass(struct job *j, const uint32_t *from, uint32_t *to, size_t n, int n_keys,
                      const int *key)
{
    size_t sum = 0;
    for (int k = 0; k < n_keys; k++) j->count[k] = 0;
    for (size_t i = 0; i < n; i++) j->count[key[i]]++;
    for (int k = 0; k < n_keys; k++) {
        const size_t here = j->count[k];
        j->count[k] = sum;
        sum += here;
    }
    for (size_t i = 0; i < n; i++) {
        const uint32_t item = from != NULL ? from[i] : (uint32_t)i;
        to[j->count[key[item]]++] = item;
    }
}

/* By the keys in j->image and j->category. */
static void sort_by_cell(struct job *j, uint32_t *to, size_t n)
{
    sort_pass(j, NULL, j->order, n, j->in->n_images, j->image);
    sort_pass(j, j->order, to, n, j->in->n_categories, j->category);
}

static void sort_lists(struct job *j)
{
    const struct coco_evaluate_input *in = j->in;
    for (size_t i = 0; i < in->n_truths; i++) {
        j->image[i] = in->truths[i].image;
        j->category[i] = in->truths[i].category;
    }
    sort_by_cell(j, j->truths, in->n_truths);
    for (size_t i = 0; i < in->n_detections; i++) {
        j->image[i] = in->detections[i].image;
        j->category[i] = in->detections[i].category;
    }
    sort_by_cell(j, j->detections, in->n_detections);
}

static bool make_cells(struct job *j)
{
    const struct coco_evaluate_input *in = j->in;
    size_t t = 0, d = 0;
    while (t < in->n_truths || d < in->n_detections) {
        const struct coco_truth *truth = t < in->n_truths ? &in->truths[j->truths[t]] : NULL;
        const struct coco_detection *found =
            d < in->n_detections ? &in->detections[j->detections[d]] : NULL;
        const bool is_truth =
            truth != NULL && (found == NULL || truth->category < found->category ||
                              (truth->category == found->category && truth->image <= found->image));
        struct cell cell = {.category = is_truth ? truth->category : found->category,
                            .image = is_truth ? truth->image : found->image,
                            .truth = (uint32_t)t,
                            .detection = (uint32_t)d,
                            .outcome = j->n_outcomes};
        for (; t < in->n_truths; t++, cell.n_truths++) {
            truth = &in->truths[j->truths[t]];
            if (truth->category != cell.category || truth->image != cell.image) break;
        }
        for (; d < in->n_detections; d++, cell.n_detections++) {
            found = &in->detections[j->detections[d]];
            if (found->category != cell.category || found->image != cell.image) break;
        }
        j->n_outcomes +=
            cell.n_detections < COCO_MAX_DETECTIONS ? cell.n_detections : COCO_MAX_DETECTIONS;
        if (!vec_push(&j->cells, cell)) return false;
    }
    return true;
}

static bool allocate(struct job *j)
{
    const struct coco_evaluate_input *in = j->in;
    const size_t n_t = in->n_truths, n_d = in->n_detections, n_most = n_t > n_d ? n_t : n_d;
    const int n_keys = in->n_images > in->n_categories ? in->n_images : in->n_categories;
    struct coco_matching *r = j->result;
    r->n_categories = in->n_categories;
    r->first = mem_calloc((size_t)in->n_categories + 1, sizeof *r->first);
    r->first_wanted = mem_calloc((size_t)in->n_categories + 1, sizeof *r->first_wanted);
    r->outcomes = mem_calloc(n_d, sizeof *r->outcomes);
    j->truths = mem_calloc(n_t, sizeof *j->truths);
    j->detections = mem_calloc(n_d, sizeof *j->detections);
    j->order = mem_calloc(n_most, sizeof *j->order);
    j->image = mem_calloc(n_most, sizeof *j->image);
    j->category = mem_calloc(n_most, sizeof *j->category);
    j->count = mem_calloc((size_t)n_keys + 1, sizeof *j->count);
    j->workers = mem_calloc((size_t)j->n_workers, sizeof *j->workers);
    return r->first != NULL && r->first_wanted != NULL && r->outcomes != NULL &&
           j->truths != NULL && j->detections != NULL && j->order != NULL && j->image != NULL &&
           j->category != NULL && j->count != NULL && j->workers != NULL;
}

static itx_status sort_input(struct job *j, struct itx_error *err)
{
    const struct coco_evaluate_input *in = j->in;
    struct coco_matching *r = j->result;
    bool ok = allocate(j);
    if (ok) {
        sort_lists(j);
        ok = make_cells(j);
    }
    if (ok) {
        r->wanted = mem_calloc(j->cells.len, sizeof *r->wanted);
        ok = r->wanted != NULL;
    }
    if (!ok) return itx_fail(err, ITX_E_NOMEM, "out of memory for an evaluation");
    int k = 0;
    for (size_t i = 0; i < j->cells.len; i++)
        for (; k <= j->cells.data[i].category; k++) {
            r->first[k] = j->cells.data[i].outcome;
            r->first_wanted[k] = i;
        }
    for (; k <= in->n_categories; k++) {
        r->first[k] = j->n_outcomes;
        r->first_wanted[k] = j->cells.len;
    }
    return ITX_OK;
}

/* ---- matching ---- */

static int by_score(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

/* The strongest of the cell. */
static bool take_detections(const struct job *j, struct worker *w, const struct cell *c)
{
    w->detections.len = w->ranked.len = 0;
    if (!vec_reserve(&w->ranked, c->n_detections)) return false;
    for (uint32_t i = 0; i < c->n_detections; i++) {
        const size_t at = j->detections[c->detection + i];
        w->ranked.data[i] = (struct ranked){j->in->detections[at].score, at};
    }
    if (c->n_detections > 1)
        qsort(w->ranked.data, c->n_detections, sizeof *w->ranked.data, by_score);
    for (uint32_t i = 0; i < c->n_detections && i < COCO_MAX_DETECTIONS; i++)
        if (!vec_push(&w->detections, &j->in->detections[w->ranked.data[i].index])) return false;
    return true;
}

static itx_status match_cell(const struct job *j, struct worker *w, size_t index)
{
    const struct cell *c = &j->cells.data[index];
    struct coco_wanted *wanted = &j->result->wanted[index];
    struct coco_outcome *outcomes = j->result->outcomes + c->outcome;
    w->truths.len = 0;
    bool ok = take_detections(j, w, c);
    for (uint32_t i = 0; ok && i < c->n_truths; i++)
        ok = vec_push(&w->truths, &j->in->truths[j->truths[c->truth + i]]);
    if (!ok) return itx_fail(&w->err, ITX_E_NOMEM, "out of memory for an evaluation");
    const struct coco_cell cell = {w->truths.data, w->detections.data, (int)w->truths.len,
                                   (int)w->detections.len};
    wanted->image = c->image;
    ITX_TRY(coco_match(&w->matcher, &cell, j->in->overlap, outcomes, wanted->n, &w->err));
    for (size_t i = 0; i < w->detections.len; i++) outcomes[i].image = c->image;
    return ITX_OK;
}

/* Those whose outcomes begin in this worker's share of all. */
static void match_cells(void *ctx, int worker, int n_workers)
{
    const struct job *j = ctx;
    struct worker *w = &j->workers[worker];
    int begin, end;
    pool_part((int)j->n_outcomes + 1, 1, worker, n_workers, &begin, &end);
    for (size_t i = 0; i < j->cells.len && w->rc == ITX_OK; i++) {
        const size_t at = j->cells.data[i].outcome;
        if (at >= (size_t)begin && at < (size_t)end) w->rc = match_cell(j, w, i);
    }
}

static itx_status sort_category(const struct job *j, struct worker *w, int k)
{
    const size_t first = j->result->first[k], n = j->result->first[k + 1] - first;
    struct coco_outcome *outcomes = j->result->outcomes + first;
    if (!vec_reserve(&w->ranked, n) || !vec_reserve(&w->outcomes, n))
        return itx_fail(&w->err, ITX_E_NOMEM, "out of memory for an evaluation");
    for (size_t i = 0; i < n; i++) {
        w->ranked.data[i] = (struct ranked){outcomes[i].score, i};
        w->outcomes.data[i] = outcomes[i];
    }
    if (n > 1) qsort(w->ranked.data, n, sizeof *w->ranked.data, by_score);
    for (size_t i = 0; i < n; i++) outcomes[i] = w->outcomes.data[w->ranked.data[i].index];
    return ITX_OK;
}

static void sort_categories(void *ctx, int worker, int n_workers)
{
    const struct job *j = ctx;
    struct worker *w = &j->workers[worker];
    int begin, end;
    pool_part((int)j->n_outcomes + 1, 1, worker, n_workers, &begin, &end);
    for (int k = 0; k < j->in->n_categories && w->rc == ITX_OK; k++) {
        const size_t at = j->result->first[k];
        if (at >= (size_t)begin && at < (size_t)end) w->rc = sort_category(j, w, k);
    }
}

/* The first worker's failure, so that it does not depend on time. */
static itx_status run(struct job *j, pool_fn *fn, struct itx_error *err)
{
    pool_run(j->in->pool, fn, j);
    for (int i = 0; i < j->n_workers; i++)
        if (j->workers[i].rc != ITX_OK)
            return itx_fail(err, j->workers[i].rc, "%s", j->workers[i].err.text);
    return ITX_OK;
}

itx_status coco_matching_create(struct coco_matching *result,
                                const struct coco_evaluate_input *input, struct itx_error *err)
{
    *result = (struct coco_matching){0};
    ITX_TRY(check_input(input, err));
    struct job j = {.in = input,
                    .result = result,
                    .n_workers = input->pool != NULL ? pool_n_threads(input->pool) : 1};
    itx_status rc = sort_input(&j, err);
    if (rc == ITX_OK) rc = run(&j, match_cells, err);
    if (rc == ITX_OK) rc = run(&j, sort_categories, err);
    release(&j);
    if (rc != ITX_OK) coco_matching_release(result);
    return rc;
}
