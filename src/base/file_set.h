/* SPDX-License-Identifier: Apache-2.0
 *
 * Which files a call reads and has written, by whatever names: links, "./" and other folders on the way make no difference.
 * A name that the program makes up asks here first.
 */
#ifndef BASE_FILE_SET_H
#define BASE_FILE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct file_key {
    uint64_t device, inode; /* of the file, or of the folder that it would be in */
    uint64_t name;          /* 0, or a hash of the name of a file that is not there */
};

/* Zero-initialised is valid and empty. */
struct file_set {
    struct file_key *slots;
    size_t n, n_slots; /* a power of two, or 0 */
};

/* False when out of memory. */
bool file_set_add(struct file_set *set, const char *path);
bool file_set_has(const struct file_set *set, const char *path);
/* Puts "_2", "_3", ... before the ending of `path` until it is not in the set; 1: it is as it was, else the number. */
int file_set_free_name(const struct file_set *set, struct strbuf *path);
void file_set_release(struct file_set *set);

#endif
