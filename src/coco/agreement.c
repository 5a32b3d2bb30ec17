/* SPDX-License-Identifier: Apache-2.0 */
#include "coco/agreement.h"

#include "base/mem.h"

/* The reference as truths; its area is that of the mask. */
static itx_status make_truths(const struct coco_agreement_input *in, struct coco_truth *truths,
                              size_t *n_truths, struct itx_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < in->n_reference; i++) {
        const struct coco_detection *d = &in->reference[i];
        if (!(d->score > COCO_AGREEMENT_SCORE)) continue;
        if (d->mask == NULL)
            return itx_fail(err, ITX_E_INVAL, "reference detection %zu has no mask", i);
        truths[n++] = (struct coco_truth){
            .image = d->image,
            .category = d->category,
            .box = {d->box[0], d->box[1], d->box[2], d->box[3]},
            .area = (double)rle_area(d->mask),
            .mask = d->mask,
        };
    }
    if (n == 0)
        return itx_fail(err, ITX_E_INVAL, "no reference detection with a score above %g",
                        COCO_AGREEMENT_SCORE);
    *n_truths = n;
    return ITX_OK;
}

/* Mean over overlaps [first, last] and recalls of one category. */
static double category_mean(const struct coco_evaluation *e, int first, int last, int category)
{
    double sum = 0;
    for (int iou = first; iou <= last; iou++)
        for (int r = 0; r < COCO_N_RECALLS; r++)
            sum += coco_precision(e, iou, r, category, COCO_AREA_ALL, COCO_LIMIT_100);
    return sum / ((last - first + 1) * COCO_N_RECALLS);
}

static double weighted_mean(const struct coco_evaluation *e, int first, int last,
                            const struct coco_evaluate_input *in, const size_t *weight)
{
    double sum = 0;
    for (int k = 0; k < in->n_categories; k++)
        if (weight[k] > 0) sum += category_mean(e, first, last, k) * (double)weight[k];
    return sum / (double)in->n_truths;
}

static itx_status measure(double ap[3], const struct coco_evaluate_input *in, const size_t *weight,
                          struct itx_error *err)
{
    struct coco_evaluation e = {0};
    ITX_TRY(coco_evaluate(&e, in, err));
    ap[0] = weighted_mean(&e, 0, COCO_N_IOUS - 1, in, weight);
    ap[1] = weighted_mean(&e, 0, 0, in, weight);
    ap[2] = weighted_mean(&e, 5, 5, in, weight);
    coco_evaluation_release(&e);
    return ITX_OK;
}

static itx_status measure_both(struct coco_agreement *result, struct coco_evaluate_input *in,
                               size_t *weight, struct itx_error *err)
{
    struct coco_agreement found;
    in->overlap = COCO_OVERLAP_BOX; /* also checks that categories are within range */
    for (size_t i = 0; i < in->n_truths; i++) {
        const int k = in->truths[i].category;
        if (k >= 0 && k < in->n_categories) weight[k]++;
    }
    ITX_TRY(measure(found.box, in, weight, err));
    in->overlap = COCO_OVERLAP_MASK;
    ITX_TRY(measure(found.mask, in, weight, err));
    *result = found;
    return ITX_OK;
}

itx_status coco_agreement(struct coco_agreement *result, const struct coco_agreement_input *input,
                          struct itx_error *err)
{
    if (input->n_categories < 1) return itx_fail(err, ITX_E_INVAL, "no categories");
    struct coco_truth *truths = mem_calloc(input->n_reference, sizeof *truths);
    size_t *weight = mem_calloc((size_t)input->n_categories, sizeof *weight);
    struct coco_evaluate_input in = {
        .n_images = input->n_images,
        .n_categories = input->n_categories,
        .truths = truths,
        .detections = input->candidate,
        .n_detections = input->n_candidate,
        .pool = input->pool,
    };
    itx_status rc = truths != NULL && weight != NULL
                        ? make_truths(input, truths, &in.n_truths, err)
                        : itx_fail(err, ITX_E_NOMEM, "out of memory for an evaluation");
    if (rc == ITX_OK) rc = measure_both(result, &in, weight, err);
    mem_free(truths);
    mem_free(weight);
    return rc;
}
