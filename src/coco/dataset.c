/* SPDX-License-Identifier: Apache-2.0 */
#include "coco/dataset.h"

#include <stdlib.h>

#include "base/file.h"

void coco_dataset_release(struct coco_dataset *set)
{
    mask_store_release(&set->masks);
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

/* ---- annotations ---- */

struct truth_job {
    struct coco_dataset *set;
    struct rle *masks; /* one for each entry */
};

/* One annotation; its category is -1 when it is not of a known image and category. */
static itx_status read_truth(void *ctx, struct mask_reader *reader, size_t i, struct str entry,
                             struct itx_error *err)
{
    enum { IMAGE_ID, CATEGORY_ID, AREA, BOX, CROWD, SEGMENTATION, COUNT };
    static const char *const names[] = {"image_id", "category_id", "area",
                                        "bbox",     "iscrowd",     "segmentation"};
    const struct truth_job *j = ctx;
    struct coco_truth *truth = &j->set->truths[i];
    struct str v[COUNT];
    int64_t image_id, category_id;
    double crowd = 0;
    json_get_fields(entry, names, COUNT, v);
    if (!json_get_whole(v[IMAGE_ID], &image_id) || !json_get_whole(v[CATEGORY_ID], &category_id) ||
        !json_get_number(v[AREA], &truth->area))
        return itx_fail(err, ITX_E_FORMAT,
                        "expected whole numbers \"image_id\", \"category_id\" and an \"area\"");
    truth->image = coco_image_index(j->set, image_id);
    truth->category = coco_category_index(j->set, category_id);
    truth->is_crowd =
        json_begins(v[CROWD], 't') || (json_get_number(v[CROWD], &crowd) && crowd != 0);
    if (truth->image < 0) truth->category = -1;
    if (truth->category < 0) return ITX_OK;
    ITX_TRY(numbers_read(truth->box, 4, v[BOX], "bbox", err));
    if (!mask_is_given(v[SEGMENTATION])) return ITX_OK;
    const int *size = j->set->image_size[truth->image];
    truth->mask = &j->masks[i];
    return mask_read(reader, &j->masks[i], v[SEGMENTATION], size[0], size[1], err);
}

static itx_status read_truths(struct coco_dataset *set, const struct json_file *file,
                              struct pool *pool, struct itx_error *err)
{
    const struct str *items = NULL;
    size_t n = 0;
    if (!json_find_list(file, "annotations", &items, &n))
        return itx_fail(err, ITX_E_FORMAT, "no list \"annotations\" in the annotations");
    if (n >= INT32_MAX) return itx_fail(err, ITX_E_RANGE, "too many entries in \"annotations\"");
    struct truth_job job = {set, arena_calloc(&set->arena, n, sizeof *job.masks)};
    set->truths = arena_calloc(&set->arena, n, sizeof *set->truths);
    if (set->truths == NULL || job.masks == NULL)
        return itx_fail(err, ITX_E_NOMEM, "out of memory");
    const itx_status rc = entries_read(&set->masks, items, n, read_truth, &job, pool, err);
    if (rc != ITX_OK) itx_error_prefix(err, "annotations");
    for (size_t i = 0; rc == ITX_OK && i < n; i++)
        if (set->truths[i].category >= 0) set->truths[set->n_truths++] = set->truths[i];
    return rc;
}

itx_status coco_dataset_parse(struct coco_dataset *set, const void *data, size_t size,
                              struct pool *pool, struct itx_error *err)
{
    struct json_file file;
    *set = (struct coco_dataset){0};
    ITX_TRY(json_scan(&file, data, size, err));
    itx_status rc = coco_annotations_from_file(&set->names, &file, err);
    if (rc == ITX_OK) rc = index_images(set, err);
    if (rc == ITX_OK) rc = read_truths(set, &file, pool, err);
    json_file_release(&file);
    if (rc != ITX_OK) coco_dataset_release(set);
    return rc;
}

itx_status coco_dataset_read(struct coco_dataset *set, const char *path, struct pool *pool,
                             struct itx_error *err)
{
    struct file_bytes map;
    *set = (struct coco_dataset){0};
    ITX_TRY(file_read(&map, path, SIZE_MAX, err));
    const itx_status rc = coco_dataset_parse(set, map.data, map.size, pool, err);
    file_bytes_release(&map);
    if (rc != ITX_OK) itx_error_prefix(err, "%s", path);
    return rc;
}
