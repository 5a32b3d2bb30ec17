/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"

/* ---- where to ---- */

/* Length of the folder's part, with its slash; 0: the current one. */
static size_t folder_length(const char *path)
{
    const char *const slash = strrchr(path, '/');
    return slash != NULL ? (size_t)(slash - path) + 1 : 0;
}

/* The folder's part of `path` and a name in it; false when that is too long. */
static bool join_name(char to[PATH_MAX], const char *path, const char *name)
{
    const int n = snprintf(to, PATH_MAX, "%.*s%s", (int)folder_length(path), path, name);
    return n >= 0 && n < PATH_MAX;
}

bool file_follow_links(char target[PATH_MAX], const char *path)
{
    enum { MAX_LINKS = 40 };
    char link[PATH_MAX], next[PATH_MAX];
    errno = ENAMETOOLONG;
    if (snprintf(target, PATH_MAX, "%s", path) >= PATH_MAX) return false;
    for (int i = 0; i < MAX_LINKS; i++) {
        const ssize_t n = readlink(target, link, sizeof link - 1);
        if (n < 0) return true;
        link[n] = '\0';
        const bool fits = link[0] == '/' ? snprintf(next, sizeof next, "%s", link) < PATH_MAX
                                         : join_name(next, target, link);
        errno = ENAMETOOLONG;
        if (!fits) return false;
        memcpy(target, next, strlen(next) + 1);
    }
    errno = ELOOP;
    return false;
}

static itx_status find_target(char target[PATH_MAX], const char *path, struct itx_error *err)
{
    return file_follow_links(target, path) ? ITX_OK : itx_fail_errno(err, "%s: cannot write", path);
}

static itx_status check_stdio(const char *path, struct itx_error *err)
{
    if (!file_is_stdio(path)) return ITX_OK;
    return itx_fail(err, ITX_E_UNSUPPORTED,
                    "-: the standard output is not supported here; a file of that name is ./-");
}

static itx_status check_folder_name(const char *path, struct itx_error *err)
{
    if (path[0] == '\0') return itx_fail(err, ITX_E_IO, "\"\": is no name for a folder");
    return check_stdio(path, err);
}

static itx_status check_name(const char *path, struct itx_error *err)
{
    if (path[0] == '\0') return itx_fail(err, ITX_E_IO, "\"\": is no name for a file");
    ITX_TRY(check_stdio(path, err));
    if (path[strlen(path) - 1] == '/')
        return itx_fail(err, ITX_E_IO, "%s: is a folder, a file is needed", path);
    return ITX_OK;
}

/* ---- the temporary file ---- */

/* In the folder of `target`. ENOENT: it is not there. */
static int create_beside(char temporary[PATH_MAX], const char *target, mode_t mode)
{
    enum { TRIES = 100 };
    char name[40];
    uint64_t number;
    for (int i = 0; i < TRIES; i++) {
        if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number) return -1;
        snprintf(name, sizeof name, ".intarsia.tmp.%016llx", (unsigned long long)number);
        errno = ENAMETOOLONG;
        if (!join_name(temporary, target, name)) return -1;
        const int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        if (fd >= 0 || errno != EEXIST) return fd;
    }
    return -1;
}

static itx_status make_folder_of(const char *target, struct itx_error *err)
{
    char folder[PATH_MAX];
    if (folder_length(target) == 0) return ITX_OK;
    join_name(folder, target, "");
    return file_make_folders(folder, err);
}

/* Where the group cannot be kept, the new one may do what others may. Bits that lend rights to programs are not kept. */
static void inherit(int fd, const struct stat *old)
{
    struct stat st;
    mode_t mode = old->st_mode & 0777;
    if (fstat(fd, &st) != 0) return;
    const bool same_group = st.st_gid == old->st_gid || fchown(fd, (uid_t)-1, old->st_gid) == 0;
    if (!same_group) mode = (mode & 0707) | (mode & 07) << 3;
    /* what is refused stays the writer's own */
    if (st.st_uid != old->st_uid && fchown(fd, old->st_uid, (gid_t)-1) != 0) errno = 0;
    if (fchmod(fd, mode) != 0) errno = 0;
}

static itx_status open_temporary(struct file_out *out, const struct stat *old,
                                 struct itx_error *err)
{
    const mode_t mode = old != NULL ? 0600 : 0666;
    ITX_TRY(find_target(out->target, out->path, err));
    out->fd = create_beside(out->temporary, out->target, mode);
    if (out->fd < 0 && errno == ENOENT) {
        ITX_TRY(make_folder_of(out->target, err));
        out->fd = create_beside(out->temporary, out->target, mode);
    }
    if (out->fd < 0) {
        out->temporary[0] = '\0';
        return itx_fail_errno(err, "%s: cannot write", out->path);
    }
    if (old != NULL) inherit(out->fd, old);
    return ITX_OK;
}

/* A terminal, a pipe, /dev/full: nothing to replace. A FIFO that nobody reads is not waited for. */
static itx_status open_device(struct file_out *out, struct itx_error *err)
{
    out->fd = open(out->path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (out->fd < 0 && errno == ENXIO)
        return itx_fail(err, ITX_E_IO, "%s: cannot write: nobody reads it", out->path);
    if (out->fd < 0) return itx_fail_errno(err, "%s: cannot write", out->path);
    const int flags = fcntl(out->fd, F_GETFL);
    if (flags != -1) fcntl(out->fd, F_SETFL, flags & ~O_NONBLOCK);
    return ITX_OK;
}

itx_status file_out_open(struct file_out *out, const char *path, struct itx_error *err)
{
    struct stat st;
    out->path = path;
    out->fd = -1;
    out->target[0] = out->temporary[0] = '\0';
    ITX_TRY(check_name(path, err));
    const bool exists = stat(path, &st) == 0;
    out->is_regular = !exists || S_ISREG(st.st_mode);
    if (exists && S_ISDIR(st.st_mode))
        return itx_fail(err, ITX_E_IO, "%s: is a folder, a file is needed", path);
    return out->is_regular ? open_temporary(out, exists ? &st : NULL, err) : open_device(out, err);
}

itx_status file_out_write(struct file_out *out, const void *data, size_t size,
                          struct itx_error *err)
{
    for (const uint8_t *p = data; size != 0;) {
        const ssize_t n = write(out->fd, p, size < INT_MAX ? size : INT_MAX);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return itx_fail_errno(err, "%s: cannot write", out->path);
        p += n;
        size -= (size_t)n;
    }
    return ITX_OK;
}

itx_status file_out_write_at(struct file_out *out, const void *data, size_t size, uint64_t at,
                             struct itx_error *err)
{
    for (const uint8_t *p = data; size != 0;) {
        const ssize_t n = pwrite(out->fd, p, size < INT_MAX ? size : INT_MAX, (off_t)at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return itx_fail_errno(err, "%s: cannot write", out->path);
        p += n;
        at += (uint64_t)n;
        size -= (size_t)n;
    }
    return ITX_OK;
}

void file_out_cut(struct file_out *out, uint64_t size)
{
    /* what cannot be cut off is found when the file is read */
    if (ftruncate(out->fd, (off_t)size) != 0) errno = 0;
}

itx_status file_out_sync(struct file_out *out, struct itx_error *err)
{
    if (fsync(out->fd) == 0 || errno == EINVAL || errno == ENOTSUP) return ITX_OK;
    return itx_fail_errno(err, "%s: cannot write", out->path);
}

itx_status file_out_rename(struct file_out *out, struct itx_error *err)
{
    if (out->temporary[0] == '\0') return ITX_OK;
    if (rename(out->temporary, out->target) != 0)
        return itx_fail_errno(err, "%s: cannot replace", out->path);
    out->temporary[0] = '\0';
    return ITX_OK;
}

itx_status file_out_close(struct file_out *out, struct itx_error *err)
{
    const bool failed = close(out->fd) != 0;
    out->fd = -1;
    const itx_status rc = failed ? itx_fail_errno(err, "%s: cannot write", out->path) : ITX_OK;
    file_out_abandon(out);
    return rc;
}

void file_out_abandon(struct file_out *out)
{
    if (out->fd >= 0) close(out->fd);
    if (out->temporary[0] != '\0') unlink(out->temporary);
    out->fd = -1;
    out->temporary[0] = '\0';
}

itx_status file_write(const char *path, const void *data, size_t size, struct itx_error *err)
{
    struct file_out out;
    ITX_TRY(file_out_open(&out, path, err));
    itx_status rc = file_out_write(&out, data, size, err);
    if (rc == ITX_OK) rc = file_out_sync(&out, err);
    if (rc == ITX_OK) rc = file_out_rename(&out, err);
    if (rc == ITX_OK) return file_out_close(&out, err);
    file_out_abandon(&out);
    return rc;
}

/* ---- before long work ---- */

/* The folder of `path`, or the nearest above it that is there, with a slash. */
static void nearest_folder(char path[PATH_MAX])
{
    struct stat st;
    for (;;) {
        size_t n = folder_length(path);
        path[n] = '\0';
        if (n == 0 || stat(path, &st) == 0 || (errno != ENOENT && errno != ENOTDIR)) return;
        while (n > 1 && path[n - 1] == '/') path[--n] = '\0';
        if (n == 1 && path[0] == '/') return;
        if (lstat(path, &st) == 0) { /* a file, or a link to nothing: no folder can be made there */
            memcpy(path + n, "/", 2);
            return;
        }
    }
}

/* A file is made there and removed: permissions alone do not tell (full tables, /proc). */
static itx_status try_folder(char folder[PATH_MAX], const char *path, struct itx_error *err)
{
    char temporary[PATH_MAX];
    nearest_folder(folder);
    const size_t n = folder_length(folder);
    const int fd = create_beside(temporary, folder, 0600);
    if (fd < 0 && errno == ENOTDIR)
        return itx_fail(err, ITX_E_IO, "%s: cannot write: %.*s is not a folder", path,
                        (int)(n > 1 ? n - 1 : n), folder);
    if (fd < 0) return itx_fail_errno(err, "%s: cannot write", path);
    close(fd);
    unlink(temporary);
    return ITX_OK;
}

itx_status file_check_target(const char *path, struct itx_error *err)
{
    struct stat st;
    char target[PATH_MAX];
    ITX_TRY(check_name(path, err));
    if (stat(path, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            return itx_fail(err, ITX_E_IO, "%s: is a folder, a file is needed", path);
        if (!S_ISREG(st.st_mode)) return ITX_OK;
    } else if (errno == ENAMETOOLONG) {
        return itx_fail_errno(err, "%s: cannot write", path);
    }
    ITX_TRY(find_target(target, path, err));
    return try_folder(target, path, err);
}

itx_status file_check_folder(const char *path, struct itx_error *err)
{
    struct stat st;
    char inside[PATH_MAX];
    ITX_TRY(check_folder_name(path, err));
    if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
        return itx_fail(err, ITX_E_IO, "%s: is not a folder", path);
    if (snprintf(inside, sizeof inside, "%s/", path) >= PATH_MAX)
        return itx_fail(err, ITX_E_IO, "%s: path is too long", path);
    return try_folder(inside, path, err);
}

itx_status file_make_folders(const char *path, struct itx_error *err)
{
    struct strbuf part = {0};
    itx_status rc = check_folder_name(path, err);
    for (const char *end = path; rc == ITX_OK && *end != '\0';) {
        end += strspn(end, "/");
        end += strcspn(end, "/");
        part.len = 0;
        strbuf_add(&part, path, (size_t)(end - path));
        if (part.failed)
            rc = itx_fail(err, ITX_E_NOMEM, "%s: out of memory", path);
        else if (mkdir(part.data, 0777) != 0 && errno != EEXIST)
            rc = itx_fail_errno(err, "%s: cannot make the folder", part.data);
    }
    struct stat st;
    if (rc == ITX_OK && (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)))
        rc = itx_fail(err, ITX_E_IO, "%s: is not a folder", path);
    strbuf_release(&part);
    return rc;
}
