/* SPDX-License-Identifier: Apache-2.0
 *
 * What commands that write COCO results share: ids of categories, and the list in a file.
 */
#ifndef CMD_COCO_ROWS_H
#define CMD_COCO_ROWS_H

#include "cmd/net.h"
#include "coco/annotations.h"
#include "coco/results.h"

/* category_id[k] of the network's class k. Without annotations (NULL) ids count from 1, or are COCO's when the classes
 * are COCO's 80. */
itx_status coco_rows_categories(int64_t *category_id, const struct net *net,
                                const struct coco_annotations *annotations, struct itx_error *err);

/* Zero-initialised is valid and empty. Lack of memory is remembered until it is written. */
struct coco_rows {
    struct strbuf text;
    size_t n;
};

void coco_rows_add(struct coco_rows *rows, const struct coco_result *row);
/* "-" is the standard output. */
itx_status coco_rows_write(const struct coco_rows *rows, const char *path, struct itx_error *err);
void coco_rows_release(struct coco_rows *rows);

/* `head`, the gathered text, "\n]" and `tail`, as a file. Releases `head`. */
itx_status list_write(const char *path, struct strbuf *head, const struct strbuf *text,
                      const char *tail, struct itx_error *err);

#endif
