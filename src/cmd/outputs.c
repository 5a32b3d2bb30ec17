/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/outputs.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "vision/files.h"

/* What is there under the name, behind links; 0: nothing. */
static mode_t kind_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_mode & S_IFMT : 0;
}

/* Endings of formats that people expect, none of which is written. */
static bool is_other_format(const char *path)
{
    static const char *const endings[] = {
        ".avi",  ".avif", ".bmp", ".csv", ".dng",  ".eps",  ".flv", ".gif",  ".heic", ".heif",
        ".html", ".jfif", ".jp2", ".jpe", ".json", ".jxl",  ".m4v", ".mkv",  ".mov",  ".mp4",
        ".mpeg", ".mpg",  ".npy", ".npz", ".pbm",  ".pdf",  ".pgm", ".pnm",  ".ppm",  ".ps",
        ".svg",  ".tga",  ".tif", ".txt", ".tiff", ".webm", ".wmv", ".webp", ".xml",  ".yaml"};
    for (size_t i = 0; i < ARRAY_LEN(endings); i++)
        if (str_has_ending(path, endings[i])) return true;
    return false;
}

itx_status outputs_check_where(const char *where, struct itx_error *err)
{
    const mode_t kind = kind_of(where);
    if (kind == S_IFDIR || file_list_is_picture(where)) return ITX_OK;
    if (is_other_format(where))
        return itx_fail(err, ITX_E_UNSUPPORTED,
                        "-o %s: this format is not supported: pictures are written as .jpg, .jpeg "
                        "or .png; for a folder of this name write %s/",
                        where, where);
    if (kind == S_IFREG)
        return itx_fail(err, ITX_E_UNSUPPORTED,
                        "-o %s: is a file, but its name is not that of a picture: .jpg, .jpeg or "
                        ".png; a folder needs another name",
                        where);
    return ITX_OK;
}

bool outputs_is_file(const char *where)
{
    const mode_t kind = kind_of(where);
    return kind != S_IFDIR && (kind != 0 || file_list_is_picture(where));
}

itx_status outputs_check_folder(const char *option, const char *where, struct itx_error *err)
{
    const bool is_new = kind_of(where) != S_IFDIR;
    if (is_new && (is_other_format(where) || file_list_is_picture(where)))
        return itx_fail(err, ITX_E_INVAL,
                        "%s %s: names a folder, this looks like a file; for a folder of this name "
                        "write %s/",
                        option, where, where);
    return file_check_folder(where, err);
}

/* ---- files that are named ---- */

bool outputs_read(struct outputs *o, const char *path)
{
    return path == NULL || (file_set_add(&o->inputs, path) && file_set_add(&o->written, path));
}

itx_status outputs_name(struct outputs *o, const char *path, struct itx_error *err)
{
    if (path == NULL || file_is_stdio(path)) return ITX_OK;
    ITX_TRY(file_check_target(path, err));
    const mode_t kind = kind_of(path);
    if (kind != 0 && kind != S_IFREG) return ITX_OK;
    if (file_set_has(&o->inputs, path))
        return itx_fail(err, ITX_E_INVAL, "%s: is also read, the output needs another name", path);
    if (file_set_has(&o->written, path))
        return itx_fail(err, ITX_E_INVAL, "%s: is named for two outputs", path);
    return file_set_add(&o->written, path) ? ITX_OK : itx_fail(err, ITX_E_NOMEM, "out of memory");
}

/* ---- names that are made up ---- */

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

const char *outputs_path(struct outputs *o, const char *photo)
{
    o->number = 1;
    if (o->file != NULL) return o->file;
    const char *slash = strrchr(photo, '/');
    const char *name = slash != NULL ? slash + 1 : photo;
    const char *dot = strrchr(name, '.');
    const int n_stem = (int)(dot != NULL && dot != name ? (size_t)(dot - name) : strlen(name));
    const char *ending = str_has_ending(name, ".png") ? "png" : "jpg";
    const size_t n_folder = strlen(o->folder);
    const char *join = n_folder != 0 && o->folder[n_folder - 1] != '/' ? "/" : "";
    o->path.len = 0;
    strbuf_addf(&o->path, "%s%s%.*s_segmented.%s", o->folder, join, n_stem, name, ending);
    o->number = file_set_free_name(&o->written, &o->path);
    return o->path.failed ? NULL : o->path.data;
}

bool outputs_done(struct outputs *o)
{
    return o->file != NULL || file_set_add(&o->written, o->path.data);
}

bool outputs_written(struct outputs *o, const char *path)
{
    return path == NULL || file_is_stdio(path) || file_set_add(&o->written, path);
}

void outputs_release(struct outputs *o)
{
    file_set_release(&o->inputs);
    file_set_release(&o->written);
    strbuf_release(&o->path);
}
