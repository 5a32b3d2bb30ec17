/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/photos.h"

#include "cmd/terminal.h"

itx_status photos_add(struct file_list *list, const char *path, struct itx_error *err)
{
    struct repeated warnings = {0};
    const size_t first = list->notes.len;
    const itx_status rc = file_list_add(list, path, err);
    for (size_t i = first; i < list->notes.len; i++)
        repeated_warning(&warnings, "warning: %s", list->notes.data[i]);
    repeated_end(&warnings);
    return rc;
}
