/* SPDX-License-Identifier: Apache-2.0
 *
 * What commands that write COCO results share: ids of categories, and the list in a file.
 */
#ifndef CMD_COCO_ROWS_H
#define CMD_COCO_ROWS_H

#include "cmd/list_file.h"
#include "cmd/net.h"
#include "coco/annotations.h"
#include "coco/results.h"

/* category_id[k] of the network's class k. Without annotations (NULL) ids count from 1, or are COCO's when the classes
 * are COCO's 80. */
itx_status coco_rows_categories(int64_t *category_id, const struct net *net,
                                const struct coco_annotations *annotations, struct itx_error *err);

/* An entry of the list; committed with its photo. */
itx_status coco_rows_add(struct list_file *rows, const struct coco_result *row,
                         struct itx_error *err);
itx_status coco_rows_open(struct list_file *rows, const char *path, struct itx_error *err);

#endif
