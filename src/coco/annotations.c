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

json_t *coco_json_load(const void *data, size_t size, struct itx_error *err)
{
    json_error_t json_err;
    json_t *root = json_loadb(data, size, 0, &json_err);
    if (root == NULL) itx_fail(err, ITX_E_FORMAT, "line %d: %s", json_err.line, json_err.text);
    return root;
}

itx_status coco_json_list(const json_t *root, const char *key, const json_t **list, int *n,
                          struct itx_error *err)
{
    *list = json_object_get(root, key);
    if (!json_is_array(*list))
        return itx_fail(err, ITX_E_FORMAT, "no list \"%s\" in the annotations", key);
    if (json_array_size(*list) > INT32_MAX)
        return itx_fail(err, ITX_E_RANGE, "too many entries in \"%s\"", key);
    *n = (int)json_array_size(*list);
    return ITX_OK;
}

/* "id" and a text of entry i of a list; the text is copied. */
static itx_status get_entry(struct coco_annotations *set, const json_t *list, int i,
                            const char *text_key, int64_t *id, const char **text,
                            struct itx_error *err)
{
    const json_t *entry = json_array_get(list, (size_t)i);
    const json_t *number = json_object_get(entry, "id");
    const json_t *string = json_object_get(entry, text_key);
    if (!json_is_integer(number) || !json_is_string(string))
        return itx_fail(err, ITX_E_FORMAT,
                        "entry %d: expected a whole number \"id\" and a text \"%s\"", i, text_key);
    *id = json_integer_value(number);
    *text = arena_text(&set->arena, json_string_value(string), json_string_length(string));
    return *text != NULL ? ITX_OK : itx_fail(err, ITX_E_NOMEM, "out of memory");
}

static int get_side(const json_t *entry, const char *key)
{
    const json_int_t side = json_integer_value(json_object_get(entry, key));
    return side > 0 && side <= INT32_MAX ? (int)side : 0;
}

static itx_status read_images(struct coco_annotations *set, const json_t *root,
                              struct itx_error *err)
{
    const json_t *list = NULL;
    int n = 0;
    ITX_TRY(coco_json_list(root, "images", &list, &n, err));
    set->images = arena_calloc(&set->arena, (size_t)n, sizeof *set->images);
    if (set->images == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (int i = 0; i < n; i++) {
        struct coco_image *image = &set->images[i];
        const itx_status rc =
            get_entry(set, list, i, "file_name", &image->id, &image->file_name, err);
        if (rc != ITX_OK) {
            itx_error_prefix(err, "images");
            return rc;
        }
        image->base_name = base_name(image->file_name);
        image->width = get_side(json_array_get(list, (size_t)i), "width");
        image->height = get_side(json_array_get(list, (size_t)i), "height");
    }
    set->n_images = n;
    qsort(set->images, (size_t)n, sizeof *set->images, by_base_name);
    return ITX_OK;
}

static itx_status read_categories(struct coco_annotations *set, const json_t *root,
                                  struct itx_error *err)
{
    const json_t *list = NULL;
    int n = 0;
    ITX_TRY(coco_json_list(root, "categories", &list, &n, err));
    set->categories = arena_calloc(&set->arena, (size_t)n, sizeof *set->categories);
    if (set->categories == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (int i = 0; i < n; i++) {
        struct coco_category *c = &set->categories[i];
        const itx_status rc = get_entry(set, list, i, "name", &c->id, &c->name, err);
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

itx_status coco_annotations_from_json(struct coco_annotations *set, const json_t *root,
                                      struct itx_error *err)
{
    *set = (struct coco_annotations){0};
    itx_status rc = read_images(set, root, err);
    if (rc == ITX_OK) rc = read_categories(set, root, err);
    if (rc != ITX_OK) coco_annotations_release(set);
    return rc;
}

itx_status coco_annotations_parse(struct coco_annotations *set, const void *data, size_t size,
                                  struct itx_error *err)
{
    *set = (struct coco_annotations){0};
    json_t *root = coco_json_load(data, size, err);
    if (root == NULL) return ITX_E_FORMAT;
    const itx_status rc = coco_annotations_from_json(set, root, err);
    json_decref(root);
    return rc;
}

itx_status coco_annotations_read(struct coco_annotations *set, const char *path,
                                 struct itx_error *err)
{
    struct file_map map;
    *set = (struct coco_annotations){0};
    ITX_TRY(file_map_open(&map, path, err));
    const itx_status rc = coco_annotations_parse(set, map.data, map.size, err);
    file_map_release(&map);
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
    return low < set->n_images && strcmp(set->images[low].base_name, name) == 0 ? &set->images[low]
                                                                                : NULL;
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
