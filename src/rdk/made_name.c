/* SPDX-License-Identifier: Apache-2.0 */
#include "rdk/made_name.h"

#include "base/file.h"
#include "cmd/terminal.h"

itx_status made_name_note(struct file_set *used, const char *path, struct itx_error *err)
{
    return path == NULL || file_set_add(used, path) ? ITX_OK
                                                    : itx_fail(err, ITX_E_NOMEM, "out of memory");
}

void made_name_choose(const struct file_set *used, struct strbuf *path)
{
    const int number = file_set_free_name(used, path);
    if (number > 1 && !path->failed)
        say_warning("%s: has the number %d, so that no input or earlier output is replaced",
                    path->data, number);
}

itx_status made_name_write(struct file_set *used, struct strbuf *path, const void *data,
                           size_t size, struct itx_error *err)
{
    made_name_choose(used, path);
    if (path->failed) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    ITX_TRY(file_write(path->data, data, size, err));
    return made_name_note(used, path->data, err);
}
