/* SPDX-License-Identifier: Apache-2.0 */
#include "coco/annotations.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "coco/json.h"

void coco_annotations_release(struct coco_annotations *set)
{
    arena_release(&set->arena);
    *set = (struct coco_annotations){0};
}

static int compare_ids(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int by_base_name(const void *a, const void *b)
{
    const struct coco_image *x = a, *y = b;
    const int order = strcmp(x->base_name, y->base_name);
    return order != 0 ? order : compare_ids(x->id, y->id);
}

static int by_id(const void *a, const void *b)
{
    return compare_ids(((const struct coco_category *)a)->id,
                       ((const struct coco_category *)b)->id);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static itx_status find_list(const struct json_file *file, const char *name,
                            const struct str **items, int *n, struct itx_error *err)
{
    size_t n_items;
    if (!json_find_list(file, name, items, &n_items))
        return itx_fail(err, ITX_E_FORMAT, "no list \"%s\" in the annotations", name);
    if (n_items >= INT32_MAX) return itx_fail(err, ITX_E_RANGE, "too many entries in \"%s\"", name);
    *n = (int)n_items;
    return ITX_OK;
}

/* "id" and a text of entry i of a list; the text is copied. */
static itx_status get_entry(struct coco_annotations *set, struct strbuf *text, const struct str *v,
                            const char *text_key, int i, int64_t *id, const char **copy,
                            struct itx_error *err)
{
    text->len = 0;
    const bool ok = json_get_whole(v[0], id) && json_get_text(v[1], text);
    if (!ok && !text->failed)
        return itx_fail(err, ITX_E_FORMAT,
                        "entry %d: expected a whole number \"id\" and a text \"%s\"", i, text_key);
    if (!text->failed) *copy = arena_text(&set->arena, text->data, text->len);
    return !text->failed && *copy != NULL ? ITX_OK : itx_fail(err, ITX_E_NOMEM, "out of memory");
}

static int get_side(struct str value)
{
    int64_t side;
    return json_get_whole(value, &side) && side > 0 && side <= INT32_MAX ? (int)side : 0;
}

static itx_status read_images(struct coco_annotations *set, const struct json_file *file,
                              struct strbuf *text, struct itx_error *err)
{
    static const char *const names[] = {"id", "file_name", "width", "height"};
    const struct str *items = NULL;
    struct str v[4];
    int n = 0;
    ITX_TRY(find_list(file, "images", &items, &n, err));
    set->images = arena_calloc(&set->arena, (size_t)n, sizeof *set->images);
    if (set->images == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (int i = 0; i < n; i++) {
        struct coco_image *image = &set->images[i];
        json_get_fields(items[i], names, 4, v);
        if (v[1].len == 0) v[1] = str_of("\"\"");
        const itx_status rc =
            get_entry(set, text, v, "file_name", i, &image->id, &image->file_name, err);
        if (rc != ITX_OK) {
            itx_error_prefix(err, "images");
            return rc;
        }
        image->base_name = base_name(image->file_name);
        image->width = get_side(v[2]);
        image->height = get_side(v[3]);
    }
    set->n_images = n;
    qsort(set->images, (size_t)n, sizeof *set->images, by_base_name);
    return ITX_OK;
}

static itx_status read_categories(struct coco_annotations *set, const struct json_file *file,
                                  struct strbuf *text, struct itx_error *err)
{
    static const char *const names[] = {"id", "name"};
    const struct str *items = NULL;
    struct str v[2];
    int n = 0;
    ITX_TRY(find_list(file, "categories", &items, &n, err));
    set->categories = arena_calloc(&set->arena, (size_t)n, sizeof *set->categories);
    if (set->categories == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (int i = 0; i < n; i++) {
        struct coco_category *c = &set->categories[i];
        json_get_fields(items[i], names, 2, v);
        const itx_status rc = get_entry(set, text, v, "name", i, &c->id, &c->name, err);
        if (rc != ITX_OK) {
            itx_error_prefix(err, "categories");
            return rc;
        }
    }
    set->n_categories = n;
    qsort(set->categories, (size_t)n, sizeof *set->categories, by_id);
    for (int i = 1; i < n; i++)
        if (set->categories[i].id == set->categories[i - 1].id)
            return itx_fail(err, ITX_E_FORMAT, "categories: id %lld occurs twice",
                            (long long)set->categories[i].id);
    return ITX_OK;
}

itx_status coco_annotations_from_file(struct coco_annotations *set, const struct json_file *file,
                                      struct itx_error *err)
{
    struct strbuf text = {0};
    *set = (struct coco_annotations){0};
    itx_status rc = read_images(set, file, &text, err);
    if (rc == ITX_OK) rc = read_categories(set, file, &text, err);
    strbuf_release(&text);
    if (rc != ITX_OK) coco_annotations_release(set);
    return rc;
}

itx_status coco_annotations_parse(struct coco_annotations *set, const void *data, size_t size,
                                  struct itx_error *err)
{
    struct json_file file;
    *set = (struct coco_annotations){0};
    ITX_TRY(json_scan(&file, data, size, err));
    const itx_status rc = coco_annotations_from_file(set, &file, err);
    json_file_release(&file);
    return rc;
}

itx_status coco_annotations_read(struct coco_annotations *set, const char *path,
                                 struct itx_error *err)
{
    struct file_bytes map;
    *set = (struct coco_annotations){0};
    ITX_TRY(file_read(&map, path, SIZE_MAX, err));
    const itx_status rc = coco_annotations_parse(set, map.data, map.size, err);
    file_bytes_release(&map);
    if (rc != ITX_OK) itx_error_prefix(err, "%s", path);
    return rc;
}

const struct coco_image *coco_find_image(const struct coco_annotations *set, const char *path)
{
    const char *name = base_name(path);
    int low = 0, high = set->n_images;
    while (low < high) {
        const int middle = low + (high - low) / 2;
        if (strcmp(set->images[middle].base_name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    const bool is_there = low < set->n_images && strcmp(set->images[low].base_name, name) == 0;
    return is_there && name[0] != '\0' ? &set->images[low] : NULL;
}

static const struct coco_category *find_category(const struct coco_annotations *set,
                                                 const char *name)
{
    for (int i = 0; i < set->n_categories; i++)
        if (strcmp(set->categories[i].name, name) == 0) return &set->categories[i];
    return NULL;
}

itx_status coco_map_classes(const struct coco_annotations *set, const char *const *names,
                            int n_classes, int64_t *category_id, struct itx_error *err)
{
    const char *unknown = NULL;
    for (int k = 0; set != NULL && k < n_classes && unknown == NULL; k++)
        if (find_category(set, names[k]) == NULL) unknown = names[k];
    if (unknown != NULL && set->n_categories != n_classes)
        return itx_fail(err, ITX_E_FORMAT,
                        "no category \"%s\" in the annotations, and %d categories for %d classes",
                        unknown, set->n_categories, n_classes);
    for (int k = 0; k < n_classes; k++)
        category_id[k] = set == NULL       ? k
                         : unknown == NULL ? find_category(set, names[k])->id
                                           : set->categories[k].id;
    return ITX_OK;
}
