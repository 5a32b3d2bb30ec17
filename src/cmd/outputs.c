/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/outputs.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"

enum file_kind { FILE_OTHER, FILE_FOLDER };

static bool exists_as(const char *path, enum file_kind kind)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode) == (kind == FILE_FOLDER);
}

bool outputs_is_file(const char *where)
{
    if (exists_as(where, FILE_FOLDER)) return false;
    return exists_as(where, FILE_OTHER) || file_list_is_picture(where);
}

itx_status outputs_init(struct outputs *o, const char *where, struct itx_error *err)
{
    o->folder = "";
    if (where == NULL) return ITX_OK;
    if (outputs_is_file(where)) {
        o->file = where;
        return ITX_OK;
    }
    o->folder = where;
    return file_make_folders(where, err);
}

static bool is_taken(const struct outputs *o, const char *path)
{
    for (size_t i = 0; i < o->taken.len; i++)
        if (strcmp(o->taken.data[i], path) == 0) return true;
    return false;
}

const char *outputs_path(struct outputs *o, const char *photo)
{
    if (o->file != NULL) return o->file;
    const char *slash = strrchr(photo, '/');
    const char *name = slash != NULL ? slash + 1 : photo;
    const char *dot = strrchr(name, '.');
    const int n_stem = (int)(dot != NULL && dot != name ? (size_t)(dot - name) : strlen(name));
    const char *ending = str_has_ending(name, ".png") ? "png" : "jpg";
    const size_t n_folder = strlen(o->folder);
    const char *join = n_folder != 0 && o->folder[n_folder - 1] != '/' ? "/" : "";
    struct strbuf b = {0};
    const char *path = NULL;
    for (int number = 1; path == NULL && !b.failed; number++) {
        b.len = 0;
        strbuf_addf(&b, "%s%s%.*s_segmented", o->folder, join, n_stem, name);
        if (number > 1) strbuf_addf(&b, "_%d", number);
        strbuf_addf(&b, ".%s", ending);
        if (b.failed || is_taken(o, b.data)) continue;
        path = arena_text(&o->arena, b.data, b.len);
        if (path == NULL || !vec_push(&o->taken, path)) b.failed = true;
    }
    if (b.failed) path = NULL;
    strbuf_release(&b);
    return path;
}

void outputs_release(struct outputs *o)
{
    vec_release(&o->taken);
    arena_release(&o->arena);
}

itx_status outputs_check_file(const char *path, const char *model, const struct file_list *photos,
                              struct itx_error *err)
{
    ITX_TRY(file_check_target(path, err));
    const char *same = file_is_same(path, model) ? model : NULL;
    for (size_t i = 0; same == NULL && i < photos->paths.len; i++)
        if (file_is_same(path, photos->paths.data[i])) same = photos->paths.data[i];
    if (same == NULL) return ITX_OK;
    return itx_fail(err, ITX_E_INVAL, "%s: is also read, the output needs another name", same);
}
