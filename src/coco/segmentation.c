/* SPDX-License-Identifier: Apache-2.0 */
#include "coco/segmentation.h"

#include "coco/outline.h"

void mask_reader_release(struct mask_reader *r)
{
    rle_release(&r->rle);
    rle_release(&r->part);
    rle_release(&r->both);
    strbuf_release(&r->text);
    vec_release(&r->xy);
}

itx_status numbers_read(double *numbers, size_t n, struct str list, const char *what,
                        struct itx_error *err)
{
    struct str rest = {0}, entry;
    size_t n_read = 0;
    if (json_is_list_text(list)) rest = json_inside(list);
    for (; n_read <= n && json_next(&rest, &entry); n_read++)
        if (n_read < n && !json_get_number(entry, &numbers[n_read]))
            return itx_fail(err, ITX_E_FORMAT, "%s: entry %zu is no number", what, n_read);
    return n_read == n ? ITX_OK
                       : itx_fail(err, ITX_E_FORMAT, "%s: expected a list of %zu numbers", what, n);
}

static itx_status read_polygon(struct mask_reader *r, struct rle *rle, struct str list, int h,
                               int w, struct itx_error *err)
{
    struct str rest = {0}, entry;
    double number = 0;
    r->xy.len = 0;
    if (json_is_list_text(list)) rest = json_inside(list);
    while (json_next(&rest, &entry)) {
        if (!json_get_number(entry, &number))
            return itx_fail(err, ITX_E_FORMAT, "polygon: entry %zu is no number", r->xy.len);
        if (!vec_push(&r->xy, number))
            return itx_fail(err, ITX_E_NOMEM, "out of memory for a polygon");
    }
    if (r->xy.len < 4 || r->xy.len % 2 != 0)
        return itx_fail(err, ITX_E_FORMAT, "polygon: expected a list of x, y, x, y, ...");
    return outline_to_rle(rle, r->xy.data, r->xy.len / 2, h, w, err);
}

static void swap(struct rle *a, struct rle *b)
{
    const struct rle kept = *a;
    *a = *b;
    *b = kept;
}

static itx_status read_polygons(struct mask_reader *r, struct str list, int h, int w,
                                struct itx_error *err)
{
    struct str rest = json_inside(list), entry;
    if (!json_next(&rest, &entry))
        return itx_fail(err, ITX_E_FORMAT, "segmentation: an empty list");
    ITX_TRY(read_polygon(r, &r->rle, entry, h, w, err));
    while (json_next(&rest, &entry)) {
        ITX_TRY(read_polygon(r, &r->part, entry, h, w, err));
        ITX_TRY(rle_union(&r->both, &r->rle, &r->part, err));
        swap(&r->rle, &r->both);
    }
    return ITX_OK;
}

static itx_status read_lengths(struct rle *rle, struct str counts, struct itx_error *err)
{
    const int64_t end = (int64_t)rle->h * rle->w;
    struct str rest = json_inside(counts), entry;
    int64_t sum = 0;
    for (size_t i = 0; json_next(&rest, &entry); i++) {
        int64_t length;
        if (!json_get_whole(entry, &length) || length < 0 || length > end - sum)
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

static itx_status read_code(struct mask_reader *r, struct str text, struct itx_error *err)
{
    r->text.len = 0;
    const bool ok = json_get_text(text, &r->text);
    if (r->text.failed) return itx_fail(err, ITX_E_NOMEM, "out of memory for a mask's code");
    if (!ok) return itx_fail(err, ITX_E_FORMAT, "segmentation: \"counts\" is no text");
    return rle_parse(&r->rle, (struct str){r->text.data, r->text.len}, r->rle.h, r->rle.w, err);
}

static itx_status read_runs(struct mask_reader *r, struct str object, struct itx_error *err)
{
    static const char *const names[] = {"size", "counts"};
    struct str field[2];
    double size[2];
    json_get_fields(object, names, 2, field);
    ITX_TRY(numbers_read(size, 2, field[0], "segmentation: size", err));
    if (!(size[0] >= 1 && size[1] >= 1 && size[0] <= RLE_MAX_SIDE && size[1] <= RLE_MAX_SIDE))
        return itx_fail(err, ITX_E_RANGE, "segmentation: size %g x %g, expected 1 to %d", size[1],
                        size[0], RLE_MAX_SIDE);
    r->rle.h = (int)size[0];
    r->rle.w = (int)size[1];
    r->rle.run.len = 0;
    if (json_is_quoted(field[1])) return read_code(r, field[1], err);
    if (json_is_list_text(field[1])) return read_lengths(&r->rle, field[1], err);
    return itx_fail(err, ITX_E_FORMAT, "segmentation: expected \"counts\" with run lengths");
}

/* What is in the reader's hands goes to the arena. */
static itx_status keep(struct mask_reader *r, struct rle *mask, struct itx_error *err)
{
    const size_t n = r->rle.run.len;
    uint32_t *data = arena_dup(&r->arena, r->rle.run.data, n * sizeof *data);
    if (data == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory for a mask's code");
    mask->h = r->rle.h;
    mask->w = r->rle.w;
    mask->run.data = data;
    mask->run.len = mask->run.cap = n;
    return ITX_OK;
}

bool mask_is_given(struct str segmentation)
{
    return json_is_object_text(segmentation) || json_has_entries(segmentation);
}

itx_status mask_read(struct mask_reader *r, struct rle *mask, struct str segmentation, int h, int w,
                     struct itx_error *err)
{
    ITX_TRY(json_is_list_text(segmentation) ? read_polygons(r, segmentation, h, w, err)
                                            : read_runs(r, segmentation, err));
    return keep(r, mask, err);
}

itx_status mask_of_box(struct mask_reader *r, struct rle *mask, const double box[4], int h, int w,
                       struct itx_error *err)
{
    const double x1 = box[0], y1 = box[1], x2 = box[0] + box[2], y2 = box[1] + box[3];
    const double corners[8] = {x1, y1, x1, y2, x2, y2, x2, y1};
    ITX_TRY(outline_to_rle(&r->rle, corners, 4, h, w, err));
    return keep(r, mask, err);
}
