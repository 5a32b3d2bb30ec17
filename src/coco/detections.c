/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists of results, from any program.
 */
#include "base/file.h"
#include "coco/dataset.h"

void coco_results_release(struct coco_results *results)
{
    mask_store_release(&results->masks);
    arena_release(&results->arena);
    *results = (struct coco_results){0};
}

struct result_job {
    struct coco_results *results;
    const struct coco_dataset *set;
    struct rle *masks; /* one for each entry */
    bool is_boxed; /* the first entry has a box, so all do; else boxes and areas are the masks' */
};

enum { IMAGE_ID, CATEGORY_ID, SCORE, BOX, SEGMENTATION, N_FIELDS };

/* Box, area and mask, whichever the entry has and whichever follow from another. */
static itx_status read_shape(const struct result_job *j, struct mask_reader *reader, size_t i,
                             const struct str v[N_FIELDS], struct itx_error *err)
{
    struct coco_detection *d = &j->results->detections[i];
    struct rle *mask = &j->masks[i];
    const int *size = j->set->image_size[d->image];
    const bool has_box = v[BOX].len > 0;
    if (j->is_boxed || has_box) ITX_TRY(numbers_read(d->box, 4, v[BOX], "bbox", err));
    if (mask_is_given(v[SEGMENTATION]))
        ITX_TRY(mask_read(reader, mask, v[SEGMENTATION], size[0], size[1], err));
    else if (!j->is_boxed)
        return itx_fail(err, ITX_E_FORMAT, "neither \"bbox\" nor \"segmentation\"");
    else if (size[0] > 0 && size[1] > 0)
        ITX_TRY(mask_of_box(reader, mask, d->box, size[0], size[1], err));
    if (mask->run.len > 0) d->mask = mask;
    d->area = j->is_boxed ? d->box[2] * d->box[3] : (double)rle_area(mask);
    if (!has_box) {
        const struct yolo_rect r = rle_bounds(mask);
        const double bounds[4] = {r.x, r.y, r.w, r.h};
        for (int k = 0; k < 4; k++) d->box[k] = bounds[k];
    }
    return ITX_OK;
}

/* One result; its category stays -1 when nobody knows it. */
static itx_status read_result(void *ctx, struct mask_reader *reader, size_t i, struct str entry,
                              struct itx_error *err)
{
    static const char *const names[] = {"image_id", "category_id", "score", "bbox", "segmentation"};
    const struct result_job *j = ctx;
    struct coco_detection *d = &j->results->detections[i];
    struct str v[N_FIELDS];
    int64_t image_id, category_id;
    json_get_fields(entry, names, N_FIELDS, v);
    if (!json_get_whole(v[IMAGE_ID], &image_id) || !json_get_whole(v[CATEGORY_ID], &category_id) ||
        !json_get_number(v[SCORE], &d->score))
        return itx_fail(err, ITX_E_FORMAT,
                        "expected whole numbers \"image_id\", \"category_id\" and a \"score\"");
    d->image = coco_image_index(j->set, image_id);
    d->category = coco_category_index(j->set, category_id);
    if (d->image < 0)
        return itx_fail(err, ITX_E_FORMAT, "no image %lld in the annotations", (long long)image_id);
    return d->category >= 0 ? read_shape(j, reader, i, v, err) : ITX_OK;
}

static itx_status read_results(struct coco_results *results, const struct coco_dataset *set,
                               const struct json_file *file, struct pool *pool,
                               struct itx_error *err)
{
    static const char *const box[] = {"bbox"};
    const struct str *items = NULL;
    struct str first_box = {0};
    size_t n = 0;
    if (!json_find_list(file, NULL, &items, &n) || n >= INT32_MAX)
        return itx_fail(err, ITX_E_FORMAT, "expected a list of results");
    if (n > 0) json_get_fields(items[0], box, 1, &first_box);
    struct result_job job = {results, set, arena_calloc(&results->arena, n, sizeof *job.masks),
                             json_has_entries(first_box)};
    results->detections = arena_calloc(&results->arena, n, sizeof *results->detections);
    if (results->detections == NULL || job.masks == NULL)
        return itx_fail(err, ITX_E_NOMEM, "out of memory");
    ITX_TRY(entries_read(&results->masks, items, n, read_result, &job, pool, err));
    for (size_t i = 0; i < n; i++)
        if (results->detections[i].category >= 0)
            results->detections[results->n_detections++] = results->detections[i];
    return ITX_OK;
}

itx_status coco_results_parse(struct coco_results *results, const struct coco_dataset *set,
                              const void *data, size_t size, struct pool *pool,
                              struct itx_error *err)
{
    struct json_file file;
    *results = (struct coco_results){0};
    ITX_TRY(json_scan(&file, data, size, err));
    const itx_status rc = read_results(results, set, &file, pool, err);
    json_file_release(&file);
    if (rc != ITX_OK) coco_results_release(results);
    return rc;
}

itx_status coco_results_read(struct coco_results *results, const struct coco_dataset *set,
                             const char *path, struct pool *pool, struct itx_error *err)
{
    struct file_bytes map;
    *results = (struct coco_results){0};
    ITX_TRY(file_read(&map, path, SIZE_MAX, err));
    const itx_status rc = coco_results_parse(results, set, map.data, map.size, pool, err);
    file_bytes_release(&map);
    if (rc != ITX_OK) itx_error_prefix(err, "%s", path);
    return rc;
}
