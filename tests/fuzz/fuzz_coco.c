/* SPDX-License-Identifier: Apache-2.0
 *
 * Annotations that are accepted can be used: every picture is found by its name, classes named like the categories
 * map to them.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "coco/annotations.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct coco_annotations set;
    if (coco_annotations_parse(&set, data, size, NULL) != ITX_OK) return 0;
    for (int i = 0; i < set.n_images; i++) {
        const struct coco_image *found = coco_find_image(&set, set.images[i].file_name);
        if (set.images[i].base_name[0] == '\0' && found == NULL) continue;
        if (found == NULL || strcmp(found->base_name, set.images[i].base_name) != 0) abort();
    }
    const size_t n = (size_t)set.n_categories;
    const char **names = mem_calloc(n, sizeof *names);
    int64_t *ids = mem_calloc(n, sizeof *ids);
    if (names == NULL || ids == NULL) abort();
    for (size_t k = 0; k < n; k++) names[k] = set.categories[k].name;
    if (coco_map_classes(&set, names, (int)n, ids, NULL) != ITX_OK) abort();
    for (size_t k = 0; k < n; k++) {
        size_t of = 0;
        while (of < n && set.categories[of].id != ids[k]) of++;
        if (of == n || strcmp(set.categories[of].name, names[k]) != 0) abort();
    }
    mem_free(ids);
    mem_free(names);
    coco_annotations_release(&set);
    return 0;
}
