/* SPDX-License-Identifier: Apache-2.0 */
#include "coco/dataset.h"

#include <stdlib.h>

#include "base/file.h"
#include "coco/json.h"
#include "coco/outline.h"

void coco_dataset_release(struct coco_dataset *set)
{
    for (size_t i = 0; i < set->n_masks; i++) rle_release(&set->masks[i]);
    arena_release(&set->arena);
    coco_annotations_release(&set->names);
    *set = (struct coco_dataset){0};
}

/* Place of `id` in rising numbers; -1: it is not there. */
static int find_id(const int64_t *ids, int n, int64_t id)
{
    int low = 0, high = n;
    while (low < high) {
        const int middle = low + (high - low) / 2;
        if (ids[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && ids[low] == id ? low : -1;
}

int coco_image_index(const struct coco_dataset *set, int64_t id)
{
    return find_id(set->image_id, set->n_images, id);
}

int coco_category_index(const struct coco_dataset *set, int64_t id)
{
    const struct coco_category *c = set->names.categories;
    int low = 0, high = set->names.n_categories;
    while (low < high) {
        const int middle = low + (high - low) / 2;
        if (c[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < set->names.n_categories && c[low].id == id ? low : -1;
}

static int by_id(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static itx_status index_images(struct coco_dataset *set, struct itx_error *err)
{
    const int n = set->names.n_images;
    set->image_id = arena_calloc(&set->arena, (size_t)n, sizeof *set->image_id);
    set->image_size = arena_calloc(&set->arena, (size_t)n, sizeof *set->image_size);
    if (set->image_id == NULL || set->image_size == NULL)
        return itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (int i = 0; i < n; i++) set->image_id[i] = set->names.images[i].id;
    set->n_images = n;
    qsort(set->image_id, (size_t)n, sizeof *set->image_id, by_id);
    for (int i = 1; i < n; i++)
        if (set->image_id[i] == set->image_id[i - 1])
            return itx_fail(err, ITX_E_FORMAT, "images: id %lld occurs twice",
                            (long long)set->image_id[i]);
    for (int i = 0; i < n; i++) {
        const struct coco_image *image = &set->names.images[i];
        int *size = set->image_size[coco_image_index(set, image->id)];
        size[0] = image->height;
        size[1] = image->width;
    }
    return ITX_OK;
}

static bool has_mask(const json_t *segmentation)
{
    return json_is_object(segmentation) || json_array_size(segmentation) > 0;
}

/* One annotation, if it is of a known image and category. */
static itx_status read_truth(struct coco_dataset *set, const json_t *entry, struct itx_error *err)
{
    const json_t *image_id = json_object_get(entry, "image_id");
    const json_t *category_id = json_object_get(entry, "category_id");
    const json_t *area = json_object_get(entry, "area");
    const json_t *crowd = json_object_get(entry, "iscrowd");
    const json_t *segmentation = json_object_get(entry, "segmentation");
    if (!json_is_integer(image_id) || !json_is_integer(category_id) || !json_is_number(area))
        return itx_fail(err, ITX_E_FORMAT,
                        "expected whole numbers \"image_id\", \"category_id\" and an \"area\"");
    struct coco_truth truth = {
        .image = coco_image_index(set, json_integer_value(image_id)),
        .category = coco_category_index(set, json_integer_value(category_id)),
        .area = json_number_value(area),
        .is_crowd = json_is_true(crowd) || json_number_value(crowd) != 0,
    };
    if (truth.image < 0 || truth.category < 0) return ITX_OK;
    ITX_TRY(coco_numbers_from_json(truth.box, 4, json_object_get(entry, "bbox"), "bbox", err));
    if (has_mask(segmentation)) {
        struct rle *mask = &set->masks[set->n_masks];
        const int *size = set->image_size[truth.image];
        ITX_TRY(coco_mask_from_json(mask, segmentation, size[0], size[1], err));
        set->n_masks++;
        truth.mask = mask;
    }
    set->truths[set->n_truths++] = truth;
    return ITX_OK;
}

static itx_status read_truths(struct coco_dataset *set, const json_t *root, struct itx_error *err)
{
    const json_t *list = NULL;
    int n = 0;
    ITX_TRY(coco_json_list(root, "annotations", &list, &n, err));
    set->truths = arena_calloc(&set->arena, (size_t)n, sizeof *set->truths);
    set->masks = arena_calloc(&set->arena, (size_t)n, sizeof *set->masks);
    if (set->truths == NULL || set->masks == NULL)
        return itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (int i = 0; i < n; i++) {
        const itx_status rc = read_truth(set, json_array_get(list, (size_t)i), err);
        if (rc != ITX_OK) {
            itx_error_prefix(err, "annotations: entry %d", i);
            return rc;
        }
    }
    return ITX_OK;
}

itx_status coco_dataset_parse(struct coco_dataset *set, const void *data, size_t size,
                              struct itx_error *err)
{
    *set = (struct coco_dataset){0};
    json_t *root = coco_json_load(data, size, err);
    if (root == NULL) return ITX_E_FORMAT;
    itx_status rc = coco_annotations_from_json(&set->names, root, err);
    if (rc == ITX_OK) rc = index_images(set, err);
    if (rc == ITX_OK) rc = read_truths(set, root, err);
    json_decref(root);
    if (rc != ITX_OK) coco_dataset_release(set);
    return rc;
}

itx_status coco_dataset_read(struct coco_dataset *set, const char *path, struct itx_error *err)
{
    struct file_map map;
    *set = (struct coco_dataset){0};
    ITX_TRY(file_map_open(&map, path, err));
    const itx_status rc = coco_dataset_parse(set, map.data, map.size, err);
    file_map_release(&map);
    if (rc != ITX_OK) itx_error_prefix(err, "%s", path);
    return rc;
}

/* ---- results ---- */

void coco_results_release(struct coco_results *results)
{
    for (size_t i = 0; i < results->n_masks; i++) rle_release(&results->masks[i]);
    arena_release(&results->arena);
    *results = (struct coco_results){0};
}

static itx_status box_to_rle(struct rle *mask, const double box[4], const int size[2],
                             struct itx_error *err)
{
    const double x1 = box[0], y1 = box[1], x2 = box[0] + box[2], y2 = box[1] + box[3];
    const double corners[8] = {x1, y1, x1, y2, x2, y2, x2, y1};
    return outline_to_rle(mask, corners, 4, size[0], size[1], err);
}

enum result_kind { RESULT_WITH_BOX, RESULT_MASK_ONLY };

/* Box, area and mask, whichever the entry has and whichever follow from another. */
static itx_status read_shape(struct coco_results *results, struct coco_detection *d,
                             const json_t *entry, const int size[2], enum result_kind kind,
                             struct itx_error *err)
{
    const json_t *segmentation = json_object_get(entry, "segmentation");
    const json_t *box = json_object_get(entry, "bbox");
    struct rle *mask = &results->masks[results->n_masks];
    if (kind == RESULT_WITH_BOX || box != NULL)
        ITX_TRY(coco_numbers_from_json(d->box, 4, box, "bbox", err));
    if (has_mask(segmentation))
        ITX_TRY(coco_mask_from_json(mask, segmentation, size[0], size[1], err));
    else if (kind == RESULT_MASK_ONLY)
        return itx_fail(err, ITX_E_FORMAT, "neither \"bbox\" nor \"segmentation\"");
    else if (size[0] > 0 && size[1] > 0)
        ITX_TRY(box_to_rle(mask, d->box, size, err));
    if (mask->run.len > 0) {
        results->n_masks++;
        d->mask = mask;
    }
    if (kind == RESULT_WITH_BOX) {
        d->area = d->box[2] * d->box[3];
        return ITX_OK;
    }
    d->area = (double)rle_area(mask);
    if (box == NULL) {
        const struct yolo_rect bounds = rle_bounds(mask);
        const double from_mask[4] = {bounds.x, bounds.y, bounds.w, bounds.h};
        for (int i = 0; i < 4; i++) d->box[i] = from_mask[i];
    }
    return ITX_OK;
}

static itx_status read_result(struct coco_results *results, const struct coco_dataset *set,
                              const json_t *entry, enum result_kind kind, struct itx_error *err)
{
    const json_t *image_id = json_object_get(entry, "image_id");
    const json_t *category_id = json_object_get(entry, "category_id");
    const json_t *score = json_object_get(entry, "score");
    if (!json_is_integer(image_id) || !json_is_integer(category_id) || !json_is_number(score))
        return itx_fail(err, ITX_E_FORMAT,
                        "expected whole numbers \"image_id\", \"category_id\" and a \"score\"");
    struct coco_detection d = {
        .image = coco_image_index(set, json_integer_value(image_id)),
        .category = coco_category_index(set, json_integer_value(category_id)),
        .score = json_number_value(score),
    };
    if (d.image < 0)
        return itx_fail(err, ITX_E_FORMAT, "no image %lld in the annotations",
                        (long long)json_integer_value(image_id));
    if (d.category < 0) return ITX_OK;
    ITX_TRY(read_shape(results, &d, entry, set->image_size[d.image], kind, err));
    results->detections[results->n_detections++] = d;
    return ITX_OK;
}

static itx_status read_results(struct coco_results *results, const struct coco_dataset *set,
                               const json_t *list, struct itx_error *err)
{
    const size_t n = json_array_size(list);
    if (!json_is_array(list) || n > INT32_MAX)
        return itx_fail(err, ITX_E_FORMAT, "expected a list of results");
    results->detections = arena_calloc(&results->arena, n, sizeof *results->detections);
    results->masks = arena_calloc(&results->arena, n, sizeof *results->masks);
    if (results->detections == NULL || results->masks == NULL)
        return itx_fail(err, ITX_E_NOMEM, "out of memory");
    const json_t *first_box = json_object_get(json_array_get(list, 0), "bbox");
    const enum result_kind kind =
        json_array_size(first_box) > 0 ? RESULT_WITH_BOX : RESULT_MASK_ONLY;
    for (size_t i = 0; i < n; i++) {
        const itx_status rc = read_result(results, set, json_array_get(list, i), kind, err);
        if (rc != ITX_OK) {
            itx_error_prefix(err, "entry %zu", i);
            return rc;
        }
    }
    return ITX_OK;
}

itx_status coco_results_parse(struct coco_results *results, const struct coco_dataset *set,
                              const void *data, size_t size, struct itx_error *err)
{
    *results = (struct coco_results){0};
    json_t *root = coco_json_load(data, size, err);
    if (root == NULL) return ITX_E_FORMAT;
    const itx_status rc = read_results(results, set, root, err);
    json_decref(root);
    if (rc != ITX_OK) coco_results_release(results);
    return rc;
}

itx_status coco_results_read(struct coco_results *results, const struct coco_dataset *set,
                             const char *path, struct itx_error *err)
{
    struct file_map map;
    *results = (struct coco_results){0};
    ITX_TRY(file_map_open(&map, path, err));
    const itx_status rc = coco_results_parse(results, set, map.data, map.size, err);
    file_map_release(&map);
    if (rc != ITX_OK) itx_error_prefix(err, "%s", path);
    return rc;
}
