/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/coco_rows.h"

#include <string.h>

#include "base/mem.h"

/* COCO numbers its 80 categories with gaps. */
static int coco_category(int class_id)
{
    static const uint8_t gaps[] = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83, 91};
    int id = class_id + 1;
    for (size_t i = 0; i < ARRAY_LEN(gaps); i++) id += id >= gaps[i];
    return id;
}

static bool has_coco_classes(const struct net *net)
{
    return net->info.n_classes == 80 && strcmp(net_class_name(net, 0), "person") == 0 &&
           strcmp(net_class_name(net, 79), "toothbrush") == 0;
}

itx_status coco_rows_categories(int64_t *category_id, const struct net *net,
                                const struct coco_annotations *annotations, struct itx_error *err)
{
    const int n = net->info.n_classes;
    if (annotations == NULL) {
        const bool is_coco = has_coco_classes(net);
        for (int i = 0; i < n; i++) category_id[i] = is_coco ? coco_category(i) : i + 1;
        return ITX_OK;
    }
    const char **names = mem_calloc((size_t)n, sizeof *names);
    if (names == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (int i = 0; i < n; i++) names[i] = net_class_name(net, i);
    const itx_status rc = coco_map_classes(annotations, names, n, category_id, err);
    mem_free(names);
    return rc;
}

itx_status coco_rows_add(struct list_file *rows, const struct coco_result *row,
                         struct itx_error *err)
{
    coco_add_result(list_file_entry(rows), row);
    return list_file_relieve(rows, err);
}

itx_status coco_rows_open(struct list_file *rows, const char *path, struct itx_error *err)
{
    return list_file_open(rows, path, "[", "\n]\n", err);
}
