/* SPDX-License-Identifier: Apache-2.0
 *
 * Files: read whole, written beside their name and then renamed, so that nothing half-written is left; which of them are
 * the same.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/str.h"

/* ---- reading: file.c ---- */

/* "-", which stands for the standard input and output and is no file's name; a file of that name is "./-". */
bool file_is_stdio(const char *path);

/* Refuses what can never be read as a file: "-", folders, FIFOs, sockets, devices. What is not there passes. */
itx_status file_check_source(const char *path, struct itx_error *err);

/* Refuses what is not there or no folder. */
itx_status file_find_folder(const char *path, struct itx_error *err);

/* Opens a regular file; nothing else is waited for, or read. The caller closes *fd. */
itx_status file_open(int *fd, size_t *size, const char *path, struct itx_error *err);

/* Read-only bytes of a file; zero-initialised is valid and empty. */
struct file_bytes {
    const uint8_t *data; /* aligned to 64 bytes */
    size_t size;
    bool is_mapped;
};

/* Copies a regular file into memory, so that nobody who writes to it or shortens it later changes what was checked. More
 * than `limit` bytes are refused. Errors name the path. An empty file has size 0 and data non-NULL. */
itx_status file_read(struct file_bytes *bytes, const char *path, size_t limit,
                     struct itx_error *err);
/* Of the `size` bytes from `offset` on those that there are; *whole: bytes of the file. */
itx_status file_read_part(struct file_bytes *bytes, size_t *whole, const char *path, size_t offset,
                          size_t size, struct itx_error *err);
/* As file_read, without a copy: the file must stay as it is while they are used. */
itx_status file_map(struct file_bytes *bytes, const char *path, struct itx_error *err);
void file_bytes_release(struct file_bytes *bytes);

/* True when both paths lead to one regular file, by whatever names. */
bool file_is_same(const char *a, const char *b);

/* ---- writing: file_out.c ---- */

/* A file on its way to its name: it lies beside it under one that cannot be guessed. What is there and is not a regular
 * file (a pipe, a device) is written directly. */
struct file_out {
    const char *path; /* the caller's, for messages */
    int fd;
    bool is_regular;
    char target[PATH_MAX];    /* what `path` leads to, behind all links */
    char temporary[PATH_MAX]; /* empty: renamed, or never there */
};

/* Where writing to `path` leads, behind the links that it is, whether or not something is there. False, with errno: nowhere. */
bool file_follow_links(char target[PATH_MAX], const char *path);

/* Folders on the way that are missing are made. A new file gets the mode that the umask leaves; one that takes another's
 * place gets its permissions and, where that is possible, its owner. */
itx_status file_out_open(struct file_out *out, const char *path, struct itx_error *err);
itx_status file_out_write(struct file_out *out, const void *data, size_t size,
                          struct itx_error *err);
/* Of a regular file: at a place of it, which file_out_write does not move; and its end. */
itx_status file_out_write_at(struct file_out *out, const void *data, size_t size, uint64_t at,
                             struct itx_error *err);
void file_out_cut(struct file_out *out, uint64_t size);
/* Gives the file its name; it may still be written to. */
itx_status file_out_rename(struct file_out *out, struct itx_error *err);
itx_status file_out_sync(struct file_out *out, struct itx_error *err);
/* A file that has not got its name is removed. */
itx_status file_out_close(struct file_out *out, struct itx_error *err);
/* After a failure, instead of file_out_close. */
void file_out_abandon(struct file_out *out);

/* Opens, writes, syncs and renames. On failure nothing is left, and the message says which path and why. */
itx_status file_write(const char *path, const void *data, size_t size, struct itx_error *err);
/* To be asked before long work: refuses a path where file_write cannot succeed, in its words. Makes nothing. */
itx_status file_check_target(const char *path, struct itx_error *err);

/* Makes a folder and those above it; what is there already is no error. */
itx_status file_make_folders(const char *path, struct itx_error *err);
/* As file_check_target, of a folder that files will be written into and that may be missing. */
itx_status file_check_folder(const char *path, struct itx_error *err);

#endif
