/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

/* As aligned as a mapped file. */
_Alignas(64) static const uint8_t empty_file[1];

itx_status file_map_open(struct file_map *map, const char *path, struct itx_error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return itx_fail_errno(err, "%s", path);
    struct stat st;
    itx_status rc = ITX_OK;
    if (fstat(fd, &st) != 0) {
        rc = itx_fail_errno(err, "%s", path);
    } else if (S_ISDIR(st.st_mode)) {
        rc = itx_fail(err, ITX_E_IO, "%s: is a folder, a file is needed", path);
    } else if (!S_ISREG(st.st_mode)) {
        rc = itx_fail(err, ITX_E_IO, "%s: is not a regular file", path);
    } else if (st.st_size == 0) {
        *map = (struct file_map){empty_file, 0};
    } else {
        void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED)
            rc = itx_fail_errno(err, "%s: cannot map", path);
        else
            *map = (struct file_map){p, (size_t)st.st_size};
    }
    close(fd);
    return rc;
}

void file_map_release(struct file_map *map)
{
    if (map->size != 0) munmap((void *)(uintptr_t)map->data, map->size);
    *map = (struct file_map){0};
}

static itx_status write_all(int fd, const uint8_t *data, size_t size)
{
    while (size != 0) {
        const ssize_t n = write(fd, data, size < INT_MAX ? size : INT_MAX);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return ITX_E_IO;
        data += n;
        size -= (size_t)n;
    }
    return ITX_OK;
}

/* Writes and closes fd, which `path` stands for in messages. */
static itx_status write_and_close(int fd, const char *path, const void *data, size_t size,
                                  struct itx_error *err)
{
    itx_status rc = write_all(fd, data, size);
    if (rc == ITX_OK && fsync(fd) != 0 && errno != EINVAL && errno != ENOTSUP) rc = ITX_E_IO;
    if (rc != ITX_OK) itx_fail_errno(err, "%s: cannot write", path);
    if (close(fd) != 0 && rc == ITX_OK) rc = itx_fail_errno(err, "%s: cannot write", path);
    return rc;
}

itx_status file_write(const char *path, const void *data, size_t size, struct itx_error *err)
{
    struct stat st;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        /* a terminal, a pipe, /dev/full: nothing to replace */
        const int fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0) return itx_fail_errno(err, "%s: cannot write", path);
        return write_and_close(fd, path, data, size, err);
    }
    char tmp[PATH_MAX];
    const int n = snprintf(tmp, sizeof tmp, "%s.tmp.%ld", path, (long)getpid());
    if (n < 0 || (size_t)n >= sizeof tmp)
        return itx_fail(err, ITX_E_IO, "%s: path is too long", path);
    const int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) return itx_fail_errno(err, "%s: cannot write", path);
    itx_status rc = write_and_close(fd, path, data, size, err);
    if (rc == ITX_OK && rename(tmp, path) != 0)
        rc = itx_fail_errno(err, "%s: cannot replace", path);
    if (rc != ITX_OK) unlink(tmp);
    return rc;
}

itx_status file_check_target(const char *path, struct itx_error *err)
{
    struct stat st;
    if (stat(path, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            return itx_fail(err, ITX_E_IO, "%s: is a folder, a file is needed", path);
        if (!S_ISREG(st.st_mode)) return ITX_OK;
    }
    const char *const slash = strrchr(path, '/');
    char folder[PATH_MAX];
    const int n = slash == NULL ? snprintf(folder, sizeof folder, ".")
                  : slash == path
                      ? snprintf(folder, sizeof folder, "/")
                      : snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
    if (n < 0 || (size_t)n >= sizeof folder || path[0] == '\0')
        return itx_fail(err, ITX_E_IO, "\"%s\": is no name for a file", path);
    if (access(folder, W_OK | X_OK) != 0) return itx_fail_errno(err, "%s: cannot write", path);
    if (slash != NULL && stat(folder, &st) == 0 && !S_ISDIR(st.st_mode))
        return itx_fail(err, ITX_E_IO, "%s: cannot write: %s is not a folder", path, folder);
    return ITX_OK;
}

bool file_is_same(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && S_ISREG(x.st_mode) && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}

itx_status file_make_folders(const char *path, struct itx_error *err)
{
    struct strbuf part = {0};
    itx_status rc = ITX_OK;
    for (const char *end = path; rc == ITX_OK && *end != '\0';) {
        end += strspn(end, "/");
        end += strcspn(end, "/");
        part.len = 0;
        strbuf_add(&part, path, (size_t)(end - path));
        if (part.failed)
            rc = itx_fail(err, ITX_E_NOMEM, "%s: out of memory", path);
        else if (mkdir(part.data, 0777) != 0 && errno != EEXIST)
            rc = itx_fail_errno(err, "%s", part.data);
    }
    struct stat st;
    if (rc == ITX_OK && (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)))
        rc = itx_fail(err, ITX_E_IO, "%s: is no folder", path);
    strbuf_release(&part);
    return rc;
}
