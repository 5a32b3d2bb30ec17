/* SPDX-License-Identifier: Apache-2.0
 *
 * Files as slices: map or read whole, and write-then-rename so that nothing half-written is left.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Read-only bytes of a file; zero-initialised is valid and empty. */
struct file_map {
    const uint8_t *data;
    size_t size;
};

/* Maps a regular file. Errors name the path. An empty file has size 0 and data non-NULL. */
itx_status file_map_open(struct file_map *map, const char *path, struct itx_error *err);
void file_map_release(struct file_map *map);

/* Writes PATH.tmp.PID, syncs, renames; on failure removes it and says which path and why. What exists and is not a regular
 * file (a pipe, a device) is written directly. */
itx_status file_write(const char *path, const void *data, size_t size, struct itx_error *err);
/* To be asked before long work: refuses a path where file_write cannot succeed, in its words. */
itx_status file_check_target(const char *path, struct itx_error *err);

/* Makes a folder and those above it; what is there already is no error. */
itx_status file_make_folders(const char *path, struct itx_error *err);

/* True when both paths lead to one regular file, by whatever names. */
bool file_is_same(const char *a, const char *b);

#endif
