/* SPDX-License-Identifier: Apache-2.0
 *
 * Annotations and results that are accepted can be evaluated, and whoever detects exactly what is annotated finds
 * everything.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "coco/dataset.h"

#include "fuzz.h"

#define MAX_TRUTHS 100 /* detections that count in a picture and category */

static void evaluate(const struct coco_evaluate_input *in, struct coco_evaluation *e)
{
    if (coco_evaluate(e, in, NULL) != ITX_OK) abort();
    for (int i = 0; i < COCO_N_STATS; i++)
        if (!(e->stats[i] >= -1 && e->stats[i] <= 1 + 1e-9)) abort();
}

/* The annotations whose masks anybody can find. */
static void find_exactly(const struct coco_dataset *set)
{
    struct coco_truth truths[MAX_TRUTHS];
    struct coco_detection detections[MAX_TRUTHS];
    size_t n = 0;
    for (size_t i = 0; i < set->n_truths && n < MAX_TRUTHS; i++) {
        const struct coco_truth *t = &set->truths[i];
        if (t->is_crowd || t->mask == NULL || rle_area(t->mask) == 0) continue;
        if (!(t->area >= 0 && t->area <= 1e10)) continue;
        detections[n] = (struct coco_detection){
            .image = t->image, .category = t->category, .score = 0.5, .mask = t->mask};
        truths[n++] = *t;
    }
    const struct coco_evaluate_input in = {.overlap = COCO_OVERLAP_MASK,
                                           .n_images = set->n_images,
                                           .n_categories = set->names.n_categories,
                                           .truths = truths,
                                           .n_truths = n,
                                           .detections = detections,
                                           .n_detections = n};
    struct coco_evaluation e = {0};
    evaluate(&in, &e);
    for (int k = 0; k < e.n_categories; k++) {
        const double recall = coco_recall(&e, COCO_N_IOUS - 1, k, COCO_AREA_ALL, COCO_LIMIT_100);
        if (recall != 1 && recall != -1) abort();
    }
    coco_evaluation_release(&e);
}

static const char pictures[] =
    "{\"images\": [{\"id\": 7, \"file_name\": \"a\", \"height\": 50, \"width\": 60}],"
    "\"categories\": [{\"id\": 1, \"name\": \"b\"}], \"annotations\": [{\"image_id\": 7,"
    "\"category_id\": 1, \"area\": 9, \"bbox\": [1, 1, 3, 3]}]}";

static void evaluate_results(const uint8_t *data, size_t size)
{
    struct coco_dataset set;
    struct coco_results results;
    if (coco_dataset_parse(&set, pictures, sizeof pictures - 1, NULL, NULL) != ITX_OK) abort();
    if (coco_results_parse(&results, &set, data, size, NULL, NULL) == ITX_OK) {
        const struct coco_evaluate_input in = {.n_images = set.n_images,
                                               .n_categories = set.names.n_categories,
                                               .truths = set.truths,
                                               .n_truths = set.n_truths,
                                               .detections = results.detections,
                                               .n_detections = results.n_detections};
        struct coco_evaluation e = {0};
        evaluate(&in, &e);
        coco_evaluation_release(&e);
        coco_results_release(&results);
    }
    coco_dataset_release(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct coco_dataset set;
    evaluate_results(data, size);
    if (coco_dataset_parse(&set, data, size, NULL, NULL) != ITX_OK) return 0;
    if (set.names.n_categories > 0 && set.names.n_categories < 1000) find_exactly(&set);
    coco_dataset_release(&set);
    return 0;
}
