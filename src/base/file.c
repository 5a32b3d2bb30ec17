/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

enum { ALIGN = 64 };

static _Alignas(ALIGN) const uint8_t empty_file[1];

bool file_is_stdio(const char *path)
{
    return strcmp(path, "-") == 0;
}

/* What a file is that is none; NULL: it is one. */
static const char *odd_kind(mode_t mode)
{
    if (S_ISREG(mode)) return NULL;
    if (S_ISDIR(mode)) return "a folder, a file is needed";
    if (S_ISFIFO(mode)) return "a FIFO, not a file";
    if (S_ISSOCK(mode)) return "a socket, not a file";
    return S_ISCHR(mode)   ? "a character device, not a file"
           : S_ISBLK(mode) ? "a block device, not a file"
                           : "not a regular file";
}

static itx_status check_kind(const char *path, mode_t mode, struct itx_error *err)
{
    const char *const odd = odd_kind(mode);
    return odd == NULL ? ITX_OK : itx_fail(err, ITX_E_IO, "%s: is %s", path, odd);
}

itx_status file_check_source(const char *path, struct itx_error *err)
{
    struct stat st;
    if (file_is_stdio(path))
        return itx_fail(err, ITX_E_IO,
                        "-: the standard input is not supported; a file of that name is ./-");
    return stat(path, &st) == 0 ? check_kind(path, st.st_mode, err) : ITX_OK;
}

itx_status file_find_folder(const char *path, struct itx_error *err)
{
    struct stat st;
    if (stat(path, &st) != 0) return itx_fail_errno(err, "%s", path);
    return S_ISDIR(st.st_mode) ? ITX_OK : itx_fail(err, ITX_E_IO, "%s: is not a folder", path);
}

/* A FIFO is not even opened, since that would wake who writes to it; if it takes the file's place in between, it does not
 * make us wait. */
itx_status file_open(int *out, size_t *size, const char *path, struct itx_error *err)
{
    struct stat st;
    ITX_TRY(file_check_source(path, err));
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return itx_fail_errno(err, "%s", path);
    const itx_status rc =
        fstat(fd, &st) != 0 ? itx_fail_errno(err, "%s", path) : check_kind(path, st.st_mode, err);
    if (rc != ITX_OK) {
        close(fd);
        return rc;
    }
    *out = fd;
    *size = (size_t)st.st_size;
    return ITX_OK;
}

/* Up to `size` bytes from `offset` on; *got is less where the file is shorter now. */
static itx_status read_all(int fd, uint8_t *data, size_t offset, size_t size, size_t *got,
                           const char *path, struct itx_error *err)
{
    *got = 0;
    while (*got < size) {
        const size_t left = size - *got;
        const off_t at = (off_t)(offset + *got);
        const ssize_t n = pread(fd, data + *got, left < INT_MAX ? left : INT_MAX, at);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return itx_fail_errno(err, "%s: cannot read", path);
        if (n == 0) break;
        *got += (size_t)n;
    }
    return ITX_OK;
}

static itx_status read_open(struct file_bytes *bytes, int fd, size_t offset, size_t size,
                            const char *path, struct itx_error *err)
{
    uint8_t *const data = mem_alloc_aligned(ALIGN, size);
    size_t got;
    if (data == NULL)
        return itx_fail(err, ITX_E_NOMEM, "%s: out of memory for its %zu bytes", path, size);
    const itx_status rc = read_all(fd, data, offset, size, &got, path, err);
    if (rc == ITX_OK && got > 0)
        *bytes = (struct file_bytes){data, got, false};
    else
        mem_free_aligned(data);
    return rc;
}

itx_status file_read(struct file_bytes *bytes, const char *path, size_t limit,
                     struct itx_error *err)
{
    int fd = -1;
    size_t size = 0;
    ITX_TRY(file_open(&fd, &size, path, err));
    itx_status rc = ITX_OK;
    *bytes = (struct file_bytes){empty_file, 0, false};
    if (size > limit)
        rc = itx_fail(err, ITX_E_RANGE, "%s: a file of %zu bytes is too large (limit: %zu)", path,
                      size, limit);
    else if (size > 0)
        rc = read_open(bytes, fd, 0, size, path, err);
    close(fd);
    return rc;
}

itx_status file_read_part(struct file_bytes *bytes, size_t *whole, const char *path, size_t offset,
                          size_t size, struct itx_error *err)
{
    int fd = -1;
    ITX_TRY(file_open(&fd, whole, path, err));
    itx_status rc = ITX_OK;
    *bytes = (struct file_bytes){empty_file, 0, false};
    const size_t left = offset < *whole ? *whole - offset : 0, n = size < left ? size : left;
    if (n > 0) rc = read_open(bytes, fd, offset, n, path, err);
    close(fd);
    return rc;
}

itx_status file_map(struct file_bytes *bytes, const char *path, struct itx_error *err)
{
    int fd = -1;
    size_t size = 0;
    ITX_TRY(file_open(&fd, &size, path, err));
    itx_status rc = ITX_OK;
    *bytes = (struct file_bytes){empty_file, 0, false};
    void *const p = size > 0 ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
    if (p == MAP_FAILED)
        rc = itx_fail_errno(err, "%s: cannot map", path);
    else if (p != NULL)
        *bytes = (struct file_bytes){p, size, true};
    close(fd);
    return rc;
}

void file_bytes_release(struct file_bytes *bytes)
{
    void *const data = (void *)(uintptr_t)bytes->data;
    if (bytes->is_mapped)
        munmap(data, bytes->size);
    else if (bytes->size != 0)
        mem_free_aligned(data);
    *bytes = (struct file_bytes){0};
}

bool file_is_same(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && S_ISREG(x.st_mode) && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}
