/* SPDX-License-Identifier: Apache-2.0
 *
 * Which pictures a command line means: files, folders, patterns.
 */
#ifndef VISION_FILES_H
#define VISION_FILES_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/status.h"
#include "base/vec.h"

/* Paths live in the arena. Zero-initialised is valid and empty. */
struct file_list {
    VEC(char *) paths;
    struct arena arena;
};

/* Adds what `path` means: a file is taken as it is, whatever its name, and even when it does not exist (reading it will
 * say so); of a folder every .jpg, .jpeg and .png in it, in order of name, but what `intarsia segment` painted of
 * another picture there (NAME_segmented.jpg beside NAME.jpg); a pattern (* ? [) that is not the name of a
 * file, what matches it, in order of name. A folder without pictures and a pattern without matches are errors. */
itx_status file_list_add(struct file_list *list, const char *path, struct itx_error *err);
/* Whether it is called .jpg, .jpeg or .png, in capitals or not. */
bool file_list_is_picture(const char *path);
void file_list_release(struct file_list *list);

#endif
