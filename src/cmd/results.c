/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/results.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static itx_status open_files(struct results *r, struct itx_error *err)
{
    struct strbuf head = {0};
    if (r->coco_path != NULL) ITX_TRY(coco_rows_open(&r->rows, r->coco_path, err));
    if (r->json_path == NULL) return ITX_OK;
    strbuf_addf(&head, "{\"model\": ");
    strbuf_add_json(&head, str_of(r->net->info.name));
    strbuf_addf(&head, ", \"photos\": [");
    const itx_status rc = head.failed
                              ? itx_fail(err, ITX_E_NOMEM, "out of memory")
                              : list_file_open(&r->json, r->json_path, head.data, "\n]}\n", err);
    strbuf_release(&head);
    return rc;
}

itx_status results_begin(struct results *r, const char *json_path, const char *coco_path,
                         const char *annotations_path, const struct net *net, struct itx_error *err)
{
    r->json_path = json_path;
    r->coco_path = coco_path;
    r->net = net;
    const int n = net->info.n_classes;
    r->category_id = mem_calloc((size_t)n, sizeof r->category_id[0]);
    if (r->category_id == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    if (annotations_path != NULL) {
        ITX_TRY(coco_annotations_read(&r->annotations, annotations_path, err));
        r->has_annotations = true;
    }
    const itx_status rc =
        coco_rows_categories(r->category_id, net, r->has_annotations ? &r->annotations : NULL, err);
    if (rc != ITX_OK) itx_error_prefix(err, "%s", annotations_path);
    return rc == ITX_OK ? open_files(r, err) : rc;
}

bool results_wanted(const struct results *r)
{
    return r->json_path != NULL || r->coco_path != NULL;
}

/* ---- photos ---- */

static itx_status find_image_id(struct results *r, const char *path, struct itx_error *err)
{
    if (r->has_annotations) {
        const struct coco_image *image = coco_find_image(&r->annotations, path);
        if (image == NULL) return itx_fail(err, ITX_E_RANGE, "%s: is not in the annotations", path);
        r->image_id = image->id;
        return ITX_OK;
    }
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    const char *digits = name + strcspn(name, "0123456789");
    char *end = NULL;
    errno = 0;
    r->image_id = strtoll(digits, &end, 10);
    if (errno != 0)
        return itx_fail(err, ITX_E_RANGE, "%s: its number is too large for an image_id, give --ann",
                        path);
    if (end == digits)
        return itx_fail(err, ITX_E_RANGE,
                        "%s: has no number in its name for COCO's image_id, give --ann", path);
    return ITX_OK;
}

static struct strbuf *begin_entry(struct results *r, const char *path)
{
    struct strbuf *const text = list_file_entry(&r->json);
    strbuf_addf(text, "{\"file\": ");
    strbuf_add_json(text, str_of(path));
    return text;
}

itx_status results_begin_photo(struct results *r, const char *path, int width, int height,
                               struct itx_error *err)
{
    r->n_instances = 0;
    if (r->coco_path != NULL) ITX_TRY(find_image_id(r, path, err));
    if (r->json_path == NULL) return ITX_OK;
    strbuf_addf(begin_entry(r, path), ", \"width\": %d, \"height\": %d, \"instances\": [", width,
                height);
    r->is_begun = true;
    return ITX_OK;
}

itx_status results_add(struct results *r, const struct itx_instance *found, const uint8_t *mask,
                       const struct yolo_rect *rect, int width, int height, struct itx_error *err)
{
    ITX_TRY(rle_encode(&r->rle, mask, (size_t)rect->w, rect, height, width, err));
    if (r->coco_path != NULL) {
        const struct coco_result row = {
            r->image_id,
            r->category_id[found->class_id],
            {(double)found->x1, (double)found->y1, (double)found->x2, (double)found->y2},
            found->score,
            &r->rle};
        ITX_TRY(coco_rows_add(&r->rows, &row, err));
    }
    if (r->json_path == NULL) return ITX_OK;
    ITX_TRY(polygon_trace(&r->polygons, mask, (size_t)rect->w, rect, err));
    const struct instance_text item = {
        found->class_id, net_class_name(r->net, found->class_id),
        found->score,    {found->x1, found->y1, found->x2, found->y2},
        &r->rle,         &r->polygons};
    strbuf_addf(&r->json.text, "%s\n  ", r->n_instances++ != 0 ? "," : "");
    json_add_instance(&r->json.text, &item);
    return list_file_relieve(&r->json, err);
}

static itx_status commit(struct results *r, struct itx_error *err)
{
    r->is_begun = false;
    if (r->coco_path != NULL) ITX_TRY(list_file_commit(&r->rows, err));
    return r->json_path != NULL ? list_file_commit(&r->json, err) : ITX_OK;
}

itx_status results_end_photo(struct results *r, const char *times, struct itx_error *err)
{
    if (r->json_path != NULL) strbuf_addf(&r->json.text, "], \"ms\": %s}", times);
    return commit(r, err);
}

/* An entry that has left through a pipe in part is ended, any other made anew. */
itx_status results_failed_photo(struct results *r, const char *path, const char *why,
                                struct itx_error *err)
{
    if (r->coco_path != NULL) list_file_discard(&r->rows);
    if (r->json_path != NULL) {
        const bool is_new = list_file_discard(&r->json) || !r->is_begun;
        struct strbuf *const text = is_new ? begin_entry(r, path) : &r->json.text;
        strbuf_addf(text, "%s, \"error\": ", is_new ? "" : "]");
        strbuf_add_json(text, str_of(why));
        strbuf_addf(text, "}");
    }
    return commit(r, err);
}

bool results_broken(const struct results *r)
{
    return r->json.is_broken || r->rows.is_broken;
}

/* ---- the end ---- */

itx_status results_end(struct results *r, struct itx_error *err)
{
    const itx_status rc = list_file_close(&r->rows, err);
    struct itx_error second;
    const itx_status rc_json = list_file_close(&r->json, rc == ITX_OK ? err : &second);
    return rc != ITX_OK ? rc : rc_json;
}

void results_release(struct results *r)
{
    coco_annotations_release(&r->annotations);
    mem_free(r->category_id);
    list_file_release(&r->json);
    list_file_release(&r->rows);
    rle_release(&r->rle);
    polygon_list_release(&r->polygons);
    *r = (struct results){0};
}
