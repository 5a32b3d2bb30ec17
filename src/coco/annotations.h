/* SPDX-License-Identifier: Apache-2.0
 *
 * The part of a COCO annotations file (instances.json) that results refer to: ids of pictures and of categories.
 */
#ifndef COCO_ANNOTATIONS_H
#define COCO_ANNOTATIONS_H

#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

struct coco_image {
    int64_t id;
    const char *file_name; /* UTF-8, may hold folders; "" when the file does not say */
    const char *base_name; /* what follows the last / of it */
    int width, height;     /* 0 when the file does not say */
};

struct coco_category {
    int64_t id;
    const char *name; /* UTF-8 */
};

/* Zero-initialised is valid and empty. */
struct coco_annotations {
    struct arena arena; /* owns everything below */
    int n_images, n_categories;
    struct coco_image *images;        /* ordered by base name, then id */
    struct coco_category *categories; /* ordered by id; no two have the same */
};

/* From the bytes of a file, which may be anything. On failure `set` is empty. */
itx_status coco_annotations_parse(struct coco_annotations *set, const void *data, size_t size,
                                  struct itx_error *err);
/* The same from a file; errors name it. */
itx_status coco_annotations_read(struct coco_annotations *set, const char *path,
                                 struct itx_error *err);
/* The same from what json.h scanned. */
struct json_file;
itx_status coco_annotations_from_file(struct coco_annotations *set, const struct json_file *file,
                                      struct itx_error *err);
void coco_annotations_release(struct coco_annotations *set);

/* The first picture with the base name of `path`; NULL when there is none, or no base name. */
const struct coco_image *coco_find_image(const struct coco_annotations *set, const char *path);

/* category_id[k] = the category of class k: by name when every class has a category of its name, else by order when
 * there are as many categories as classes; anything else is an error. `set` NULL: k itself. */
itx_status coco_map_classes(const struct coco_annotations *set, const char *const *names,
                            int n_classes, int64_t *category_id, struct itx_error *err);

#endif
