/* SPDX-License-Identifier: Apache-2.0 */
#include "vision/files.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"

bool file_list_is_picture(const char *path)
{
    static const char *const endings[] = {".jpg", ".jpeg", ".png"};
    for (size_t i = 0; i < ARRAY_LEN(endings); i++)
        if (str_has_ending(path, endings[i])) return true;
    return false;
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static itx_status out_of_memory(struct itx_error *err)
{
    return itx_fail(err, ITX_E_NOMEM, "out of memory for a list of pictures");
}

/* folder and name joined by a slash; name may be empty. */
static itx_status push(struct file_list *list, const char *folder, const char *name,
                       struct itx_error *err)
{
    const size_t n_folder = strlen(folder), n_name = strlen(name);
    const bool slash = n_name != 0 && n_folder != 0 && folder[n_folder - 1] != '/';
    char *path = arena_alloc(&list->arena, n_folder + n_name + 2);
    if (path == NULL || !vec_reserve(&list->paths, list->paths.len + 1)) return out_of_memory(err);
    memcpy(path, folder, n_folder);
    if (slash) path[n_folder] = '/';
    memcpy(path + n_folder + slash, name, n_name);
    list->paths.data[list->paths.len++] = path;
    return ITX_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Whether `path` is what `intarsia segment` paints of one of the pictures: NAME_segmented.jpg or NAME_segmented_2.jpg
 * of NAME.jpg. */
static bool is_painted(const char *path, char *const *pictures, size_t n)
{
    static const char mark[] = "_segmented";
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    const char *at = NULL;
    for (const char *next = name; (next = strstr(next + 1, mark)) != NULL;) at = next;
    if (at == NULL) return false;
    const char *end = at + strlen(mark);
    if (*end == '_') end += 1 + strspn(end + 1, "0123456789");
    if (*end != '.') return false;
    const size_t stem = (size_t)(at - path);
    for (size_t i = 0; i < n; i++)
        if (strncmp(pictures[i], path, stem) == 0 && pictures[i][stem] == '.') return true;
    return false;
}

/* Of the pictures [first, len), ordered by name: a painted one comes after its own, '_' being greater than '.'. */
static void leave_out_painted(struct file_list *list, size_t first)
{
    char **pictures = list->paths.data + first;
    const size_t n = list->paths.len - first;
    size_t n_kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!is_painted(pictures[i], pictures, n_kept)) pictures[n_kept++] = pictures[i];
    list->paths.len = first + n_kept;
}

static itx_status add_note(struct file_list *list, const char *text, struct itx_error *err)
{
    char *const note = arena_text(&list->arena, text, strlen(text));
    return note != NULL && vec_push(&list->notes, note) ? ITX_OK : out_of_memory(err);
}

/* The path added last stays when it is a file, or nothing that reading it would not explain. */
static itx_status keep_last(struct file_list *list, struct itx_error *err)
{
    struct itx_error why;
    const char *const path = list->paths.data[list->paths.len - 1];
    if (file_check_source(path, &why) == ITX_OK) return ITX_OK;
    list->paths.len--;
    if (is_folder(path)) return ITX_OK;
    struct strbuf note = {0};
    strbuf_addf(&note, "%s; it is left out", why.text);
    const itx_status rc = note.failed ? out_of_memory(err) : add_note(list, note.data, err);
    strbuf_release(&note);
    return rc;
}

/* Of a folder in which `n` pictures were found. */
static itx_status tell_of_subfolders(struct file_list *list, const char *path, size_t n,
                                     struct itx_error *err)
{
    struct strbuf names = {0}, note = {0};
    itx_status rc = ITX_OK;
    const bool has_some = file_list_subfolders(path, &names);
    if (has_some && n > 0) {
        strbuf_addf(&note, "folder %s: its subfolders are not searched, there are pictures in %s",
                    path, names.data);
        rc = note.failed ? out_of_memory(err) : add_note(list, note.data, err);
    } else if (n == 0) {
        rc = itx_fail(err, ITX_E_IO, "folder %s has no JPEG or PNG pictures%s%s", path,
                      has_some ? "; its subfolders are not searched, there are some in " : "",
                      has_some ? names.data : "");
    }
    strbuf_release(&note);
    strbuf_release(&names);
    return rc;
}

static itx_status add_folder(struct file_list *list, const char *path, struct itx_error *err)
{
    DIR *dir = opendir(path);
    if (dir == NULL) return itx_fail_errno(err, "%s: cannot read the folder", path);
    const size_t first = list->paths.len;
    itx_status rc = ITX_OK;
    const struct dirent *entry;
    errno = 0;
    while (rc == ITX_OK && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.' && file_list_is_picture(entry->d_name)) {
            rc = push(list, path, entry->d_name, err);
            if (rc == ITX_OK) rc = keep_last(list, err);
        }
        errno = 0;
    }
    if (rc == ITX_OK && errno != 0) rc = itx_fail_errno(err, "%s: cannot read the folder", path);
    closedir(dir);
    const size_t n = list->paths.len - first;
    if (rc == ITX_OK) rc = tell_of_subfolders(list, path, n, err);
    if (rc != ITX_OK) return rc;
    qsort(list->paths.data + first, n, sizeof list->paths.data[0], by_name);
    leave_out_painted(list, first);
    return ITX_OK;
}

/* One of those that match a pattern. */
static itx_status add_match(struct file_list *list, const char *path, struct itx_error *err)
{
    if (is_folder(path)) return add_folder(list, path, err);
    ITX_TRY(push(list, path, "", err));
    return keep_last(list, err);
}

static itx_status add_pattern(struct file_list *list, const char *pattern, struct itx_error *err)
{
    glob_t found = {0};
    const int rc_glob = glob(pattern, 0, NULL, &found);
    itx_status rc = ITX_OK;
    if (rc_glob == GLOB_NOMATCH)
        rc = itx_fail(err, ITX_E_IO, "%s: nothing matches this pattern", pattern);
    else if (rc_glob == GLOB_NOSPACE)
        rc = out_of_memory(err);
    else if (rc_glob != 0)
        rc = itx_fail(err, ITX_E_IO, "%s: cannot read the folders of this pattern", pattern);
    for (size_t i = 0; rc == ITX_OK && i < found.gl_pathc; i++)
        rc = add_match(list, found.gl_pathv[i], err);
    globfree(&found);
    return rc;
}

itx_status file_list_add(struct file_list *list, const char *path, struct itx_error *err)
{
    struct stat st;
    if (is_folder(path)) return add_folder(list, path, err);
    if (strpbrk(path, "*?[") != NULL && stat(path, &st) != 0) return add_pattern(list, path, err);
    ITX_TRY(file_check_source(path, err));
    return push(list, path, "", err);
}

void file_list_release(struct file_list *list)
{
    vec_release(&list->paths);
    vec_release(&list->notes);
    arena_release(&list->arena);
}
