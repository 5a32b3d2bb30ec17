/* SPDX-License-Identifier: Apache-2.0
 *
 * Which pictures a command line means: files, folders, patterns.
 */
#ifndef VISION_FILES_H
#define VISION_FILES_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/status.h"
#include "base/str.h"
#include "base/vec.h"

/* Paths and notes live in the arena. Zero-initialised is valid and empty. */
struct file_list {
    VEC(char *) paths;
    VEC(char *) notes; /* to be shown: what was left out, and why */
    struct arena arena;
};

/* Adds what `path` means: a file is taken as it is, whatever its name, and even when it does not exist (reading it will
 * say so), but a FIFO, a socket, a device and "-" are refused; of a folder every .jpg, .jpeg and .png in it, in order of name, but what `intarsia segment` painted of
 * another picture there (NAME_segmented.jpg beside NAME.jpg); a pattern (* ? [) that is not the name of a
 * file, what matches it, in order of name. A folder without pictures and a pattern without matches are errors. What a
 * folder or a pattern has besides files is left out with a note, and subfolders with pictures are named. */
itx_status file_list_add(struct file_list *list, const char *path, struct itx_error *err);
/* Whether it is called .jpg, .jpeg or .png, in capitals or not. */
bool file_list_is_picture(const char *path);
/* "train, val and 3 more": the subfolders that have pictures, down to two levels; false: there is none. */
bool file_list_subfolders(const char *folder, struct strbuf *names);
void file_list_release(struct file_list *list);

#endif
