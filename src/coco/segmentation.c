/* SPDX-License-Identifier: Apache-2.0
 *
 * The forms a mask takes in COCO's files.
 */
#include <math.h>

#include "coco/json.h"
#include "coco/outline.h"

itx_status coco_numbers_from_json(double *numbers, size_t n, const json_t *list, const char *what,
                                  struct itx_error *err)
{
    if (!json_is_array(list) || json_array_size(list) != n)
        return itx_fail(err, ITX_E_FORMAT, "%s: expected a list of %zu numbers", what, n);
    for (size_t i = 0; i < n; i++) {
        const json_t *number = json_array_get(list, i);
        if (!json_is_number(number))
            return itx_fail(err, ITX_E_FORMAT, "%s: entry %zu is no number", what, i);
        numbers[i] = json_number_value(number);
    }
    return ITX_OK;
}

static itx_status read_polygon(struct rle *rle, const json_t *list, int h, int w,
                               struct itx_error *err)
{
    const size_t n = json_array_size(list);
    if (!json_is_array(list) || n < 4 || n % 2 != 0)
        return itx_fail(err, ITX_E_FORMAT, "polygon: expected a list of x, y, x, y, ...");
    double *xy = mem_calloc(n, sizeof *xy);
    itx_status rc = xy != NULL ? coco_numbers_from_json(xy, n, list, "polygon", err)
                               : itx_fail(err, ITX_E_NOMEM, "out of memory for a polygon");
    if (rc == ITX_OK) rc = outline_to_rle(rle, xy, n / 2, h, w, err);
    mem_free(xy);
    return rc;
}

static void swap(struct rle *a, struct rle *b)
{
    const struct rle kept = *a;
    *a = *b;
    *b = kept;
}

static itx_status read_polygons(struct rle *rle, const json_t *list, int h, int w,
                                struct itx_error *err)
{
    struct rle part = {0}, both = {0};
    const size_t n = json_array_size(list);
    itx_status rc = n > 0 ? read_polygon(rle, json_array_get(list, 0), h, w, err)
                          : itx_fail(err, ITX_E_FORMAT, "segmentation: an empty list");
    for (size_t i = 1; rc == ITX_OK && i < n; i++) {
        rc = read_polygon(&part, json_array_get(list, i), h, w, err);
        if (rc == ITX_OK) rc = rle_union(&both, rle, &part, err);
        if (rc == ITX_OK) swap(rle, &both);
    }
    rle_release(&part);
    rle_release(&both);
    return rc;
}

static itx_status read_lengths(struct rle *rle, const json_t *counts, struct itx_error *err)
{
    const int64_t end = (int64_t)rle->h * rle->w;
    int64_t sum = 0;
    for (size_t i = 0; i < json_array_size(counts); i++) {
        const json_t *number = json_array_get(counts, i);
        const json_int_t length = json_is_integer(number) ? json_integer_value(number) : -1;
        if (length < 0 || length > end - sum)
            return itx_fail(err, ITX_E_FORMAT, "segmentation: run %zu does not fit %d x %d", i,
                            rle->w, rle->h);
        sum += length;
        if (!vec_push(&rle->run, (uint32_t)length))
            return itx_fail(err, ITX_E_NOMEM, "out of memory for a mask's code");
    }
    return sum == end ? ITX_OK
                      : itx_fail(err, ITX_E_FORMAT, "segmentation: %lld of %lld pixels",
                                 (long long)sum, (long long)end);
}

itx_status coco_mask_from_json(struct rle *rle, const json_t *segmentation, int h, int w,
                               struct itx_error *err)
{
    double size[2];
    const json_t *counts = json_object_get(segmentation, "counts");
    itx_status rc = ITX_OK;
    if (json_is_array(segmentation)) {
        rc = read_polygons(rle, segmentation, h, w, err);
        if (rc != ITX_OK) rle_release(rle);
        return rc;
    }
    rle->run.len = 0;
    rc = coco_numbers_from_json(size, 2, json_object_get(segmentation, "size"),
                                "segmentation: size", err);
    if (rc == ITX_OK &&
        !(size[0] >= 1 && size[1] >= 1 && size[0] <= RLE_MAX_SIDE && size[1] <= RLE_MAX_SIDE))
        rc = itx_fail(err, ITX_E_RANGE, "segmentation: size %g x %g, expected 1 to %d", size[1],
                      size[0], RLE_MAX_SIDE);
    if (rc == ITX_OK) {
        rle->h = (int)size[0];
        rle->w = (int)size[1];
        rc =
            json_is_string(counts)
                ? rle_parse(rle,
                            (struct str){json_string_value(counts), json_string_length(counts)},
                            rle->h, rle->w, err)
            : json_is_array(counts)
                ? read_lengths(rle, counts, err)
                : itx_fail(err, ITX_E_FORMAT, "segmentation: expected \"counts\" with run lengths");
    }
    if (rc != ITX_OK) rle_release(rle);
    return rc;
}
