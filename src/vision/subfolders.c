/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/str.h"
#include "vision/files.h"

enum { MAX_DEPTH = 2, MAX_VISITED = 1000, MAX_SHOWN = 4 };

struct search {
    struct file_list found; /* relative to the first folder */
    const char *folder;
    int n_visited;
};

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static char *join(struct search *s, const char *folder, const char *name)
{
    struct strbuf path = {0};
    strbuf_addf(&path, "%s%s%s", folder, folder[0] != '\0' ? "/" : "", name);
    char *const copy = path.failed ? NULL : arena_text(&s->found.arena, path.data, path.len);
    strbuf_release(&path);
    return copy;
}

/* Looks into FOLDER/below; "" is the folder itself, whose pictures do not count. What cannot be read has none. */
static void search(struct search *s, char *below, int depth)
{
    bool has_pictures = false;
    VEC(char *) deeper = {0};
    const char *const path = below[0] != '\0' ? join(s, s->folder, below) : s->folder;
    DIR *const dir = path != NULL && s->n_visited++ < MAX_VISITED ? opendir(path) : NULL;
    if (dir == NULL) return;
    for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] == '.') continue;
        if (file_list_is_picture(e->d_name)) has_pictures = true;
        char *const whole = e->d_type == DT_REG ? NULL : join(s, path, e->d_name);
        if (whole == NULL || depth == MAX_DEPTH || !is_folder(whole)) continue;
        char *const name = join(s, below, e->d_name);
        if (name == NULL || !vec_push(&deeper, name)) break;
    }
    closedir(dir);
    if (has_pictures && depth > 0 && !vec_push(&s->found.paths, below)) deeper.len = 0;
    for (size_t i = 0; i < deeper.len; i++) search(s, deeper.data[i], depth + 1);
    vec_release(&deeper);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

bool file_list_subfolders(const char *folder, struct strbuf *names)
{
    struct search s = {.folder = folder};
    char top[] = "";
    search(&s, top, 0);
    const size_t n = s.found.paths.len;
    if (n > 0) qsort(s.found.paths.data, n, sizeof s.found.paths.data[0], by_name);
    for (size_t i = 0; i < n && i < MAX_SHOWN; i++)
        strbuf_addf(names, "%s%s",
                    i == 0       ? ""
                    : i + 1 == n ? " and "
                                 : ", ",
                    s.found.paths.data[i]);
    if (n > MAX_SHOWN) strbuf_addf(names, " and %zu more", n - MAX_SHOWN);
    file_list_release(&s.found);
    return n > 0 && !names->failed;
}
