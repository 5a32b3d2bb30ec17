/* SPDX-License-Identifier: Apache-2.0
 *
 * Who found what does not change with the draw, so it is found out once. Of a draw only the weights of the images are
 * needed: a hit or a miss counts as often as its image was drawn.
 */
#include "coco/kept.h"

#include <float.h>
#include <stdlib.h>

#include "base/mem.h"
#include "coco/matching.h"

/* An outcome of a matching: bit i is for overlap i. */
struct mark {
    int image;
    uint16_t hit, miss;
};

/* A matching without what the draws do not need. */
struct marks {
    struct coco_matching matching; /* for its places */
    struct mark *mark;
};

/* A hit of a curve. */
struct point {
    double precision, recall;
};

struct worker {
    uint32_t *weight;    /* [n_images] */
    struct point *curve; /* [COCO_N_IOUS, most hits] */
};

struct job {
    const struct coco_kept_input *in;
    struct marks candidate, reference;
    size_t n_most; /* hits in a category */
    struct worker *workers;
    int n_workers;
    double (*ap)[2]; /* [n_draws + 1] candidate, reference; the last is of the images as they are */
};

static const unsigned all_overlaps = (1u << COCO_N_IOUS) - 1;

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* u n / 2^64 */
static uint64_t scale_random(uint64_t u, uint64_t n)
{
    return ((u >> 32) * n + ((u & UINT32_MAX) * n >> 32)) >> 32;
}

static void draw(const struct coco_kept_input *in, int i, uint32_t *weight)
{
    uint64_t state = in->seed + ((uint64_t)i << 32);
    for (int k = 0; k < in->n_images; k++) weight[k] = 0;
    for (int k = 0; k < in->n_drawn; k++) {
        const uint64_t at = scale_random(next_random(&state), (uint64_t)in->n_drawn);
        weight[in->drawn[at]]++;
    }
}

/* ---- average precision with weights ---- */

/* Fills the curves with hits; n_hits[iou] of them. */
static void trace(const struct job *j, const struct worker *w, const struct marks *m, int category,
                  double n_wanted, size_t n_hits[COCO_N_IOUS])
{
    uint64_t hits[COCO_N_IOUS] = {0}, misses[COCO_N_IOUS] = {0}, misses_at_all = 0;
    for (int i = 0; i < COCO_N_IOUS; i++) n_hits[i] = 0;
    for (size_t i = m->matching.first[category]; i < m->matching.first[category + 1]; i++) {
        const struct mark *mark = &m->mark[i];
        const uint32_t weight = w->weight[mark->image];
        if (mark->miss == all_overlaps) {
            misses_at_all += weight;
            continue;
        }
        if (weight == 0) continue;
        for (int iou = 0; iou < COCO_N_IOUS; iou++) {
            if (mark->miss >> iou & 1) misses[iou] += weight;
            if (!(mark->hit >> iou & 1)) continue;
            hits[iou] += weight;
            const double h = (double)hits[iou], f = (double)(misses[iou] + misses_at_all);
            w->curve[(size_t)iou * j->n_most + n_hits[iou]++] =
                (struct point){h / (f + h + DBL_EPSILON), h / n_wanted};
        }
    }
}

/* Sum over the recalls of the best precision there or above. */
static double sum_recalls(struct point *curve, size_t n)
{
    double sum = 0;
    size_t at = 0;
    for (size_t i = n; i-- > 1;)
        if (curve[i].precision > curve[i - 1].precision)
            curve[i - 1].precision = curve[i].precision;
    for (int r = 0; r < COCO_N_RECALLS; r++) {
        while (at < n && curve[at].recall < coco_recall_threshold(r)) at++;
        if (at == n) break;
        sum += curve[at].precision;
    }
    return sum;
}

static double average_precision(const struct job *j, const struct worker *w, const struct marks *m)
{
    const struct coco_matching *matching = &m->matching;
    double sum = 0;
    size_t n = 0;
    for (int k = 0; k < matching->n_categories; k++) {
        uint64_t n_wanted = 0;
        size_t n_hits[COCO_N_IOUS];
        for (size_t i = matching->first_wanted[k]; i < matching->first_wanted[k + 1]; i++)
            n_wanted += (uint64_t)matching->wanted[i].n[COCO_AREA_ALL] *
                        w->weight[matching->wanted[i].image];
        if (n_wanted == 0) continue;
        trace(j, w, m, k, (double)n_wanted, n_hits);
        for (int iou = 0; iou < COCO_N_IOUS; iou++)
            sum += sum_recalls(w->curve + (size_t)iou * j->n_most, n_hits[iou]);
        n += COCO_N_IOUS * COCO_N_RECALLS;
    }
    return n > 0 ? sum / (double)n : 0;
}

static void run_draws(void *ctx, int worker, int n_workers)
{
    const struct job *j = ctx;
    const struct worker *w = &j->workers[worker];
    int begin, end;
    pool_part(j->in->n_draws + 1, 1, worker, n_workers, &begin, &end);
    for (int i = begin; i < end; i++) {
        if (i < j->in->n_draws)
            draw(j->in, i, w->weight);
        else
            for (int k = 0; k < j->in->n_images; k++) w->weight[k] = 1;
        j->ap[i][0] = average_precision(j, w, &j->candidate);
        j->ap[i][1] = average_precision(j, w, &j->reference);
    }
}

/* ---- from the input to the shares ---- */

static itx_status make_marks(struct job *j, struct marks *m, const struct coco_detection *found,
                             size_t n_found, struct itx_error *err)
{
    const struct coco_kept_input *in = j->in;
    const struct coco_evaluate_input one = {in->overlap, in->n_images, in->n_categories,
                                            in->truths,  in->n_truths, found,
                                            n_found,     in->pool};
    struct coco_matching *matching = &m->matching;
    ITX_TRY(coco_matching_create(matching, &one, err));
    const size_t n = matching->first[in->n_categories];
    m->mark = mem_calloc(n, sizeof *m->mark);
    if (m->mark == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory for an evaluation");
    size_t n_hits = 0;
    for (size_t i = 0, k = 0; i < n; i++) {
        const struct coco_outcome *o = &matching->outcomes[i];
        const unsigned matched = o->is_matched[COCO_AREA_ALL],
                       ignored = o->is_ignored[COCO_AREA_ALL];
        m->mark[i] = (struct mark){o->image, (uint16_t)(matched & ~ignored),
                                   (uint16_t)(~(matched | ignored) & all_overlaps)};
        for (; i >= matching->first[k + 1]; k++) n_hits = 0;
        n_hits += m->mark[i].hit != 0;
        if (n_hits > j->n_most) j->n_most = n_hits;
    }
    mem_free(matching->outcomes);
    matching->outcomes = NULL;
    return ITX_OK;
}

static bool allocate(struct job *j)
{
    j->workers = mem_calloc((size_t)j->n_workers, sizeof *j->workers);
    j->ap = mem_calloc((size_t)j->in->n_draws + 1, sizeof *j->ap);
    bool ok = j->workers != NULL && j->ap != NULL;
    for (int i = 0; ok && i < j->n_workers; i++) {
        struct worker *w = &j->workers[i];
        w->weight = mem_calloc((size_t)j->in->n_images, sizeof *w->weight);
        w->curve = mem_calloc(j->n_most, COCO_N_IOUS * sizeof *w->curve);
        ok = w->weight != NULL && w->curve != NULL;
    }
    return ok;
}

static void release(struct job *j)
{
    coco_matching_release(&j->candidate.matching);
    coco_matching_release(&j->reference.matching);
    mem_free(j->candidate.mark);
    mem_free(j->reference.mark);
    for (int i = 0; j->workers != NULL && i < j->n_workers; i++) {
        mem_free(j->workers[i].weight);
        mem_free(j->workers[i].curve);
    }
    mem_free(j->workers);
    mem_free(j->ap);
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of n rising numbers. */
static double percentile(const double *v, int n, double share)
{
    const double at = share * (n - 1);
    const int below = (int)at, above = below + 1 < n ? below + 1 : below;
    return v[below] + (at - below) * (v[above] - v[below]);
}

static itx_status summarize(struct coco_kept *result, const struct job *j, struct itx_error *err)
{
    const int n_draws = j->in->n_draws;
    double *share = mem_calloc((size_t)n_draws, sizeof *share);
    if (share == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    int n = 0;
    for (int i = 0; i < n_draws; i++)
        if (j->ap[i][1] > 0) share[n++] = j->ap[i][0] / j->ap[i][1];
    qsort(share, (size_t)n, sizeof *share, by_size);
    *result = (struct coco_kept){.candidate = j->ap[n_draws][0], .reference = j->ap[n_draws][1]};
    if (result->reference > 0 && n > 0) {
        result->share = result->candidate / result->reference;
        result->low = percentile(share, n, 0.025);
        result->high = percentile(share, n, 0.975);
        result->n_draws = n;
    }
    mem_free(share);
    return ITX_OK;
}

itx_status coco_kept(struct coco_kept *result, const struct coco_kept_input *in,
                     struct itx_error *err)
{
    if (in->n_draws < 1 || in->n_draws == INT32_MAX || in->n_drawn < 1)
        return itx_fail(err, ITX_E_INVAL, "%d draws of %d images", in->n_draws, in->n_drawn);
    for (int i = 0; i < in->n_drawn; i++)
        if (in->drawn[i] < 0 || in->drawn[i] >= in->n_images)
            return itx_fail(err, ITX_E_INVAL, "image %d of %d", in->drawn[i], in->n_images);
    struct job j = {.in = in, .n_workers = in->pool != NULL ? pool_n_threads(in->pool) : 1};
    itx_status rc = make_marks(&j, &j.candidate, in->candidate, in->n_candidate, err);
    if (rc == ITX_OK) rc = make_marks(&j, &j.reference, in->reference, in->n_reference, err);
    if (rc == ITX_OK && !allocate(&j)) rc = itx_fail(err, ITX_E_NOMEM, "out of memory");
    if (rc == ITX_OK) {
        pool_run(in->pool, run_draws, &j);
        rc = summarize(result, &j, err);
    }
    release(&j);
    return rc;
}
