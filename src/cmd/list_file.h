/* SPDX-License-Identifier: Apache-2.0
 *
 * A list in JSON that is written while its entries come. A regular file is complete JSON after every commit, so that a
 * program that is stopped, or a disk that is full, loses nothing that was committed; pipes get the end of the list with
 * list_file_close. Memory does not grow with the entries.
 */
#ifndef CMD_LIST_FILE_H
#define CMD_LIST_FILE_H

#include "base/file.h"
#include "base/str.h"

/* Zero-initialised is valid and closed. */
struct list_file {
    struct file_out out;
    bool is_stdout, is_open, is_broken; /* broken: it could not be written; everybody stops */
    const char *tail;
    uint64_t end;       /* behind the last commit; of a regular file the tail lies there */
    uint64_t at;        /* behind what is written */
    size_t n, n_new;    /* entries: committed, and begun since then */
    struct strbuf text; /* not written yet */
};

/* `head` ends with the list's bracket, `tail` begins with it and outlives the file. "-" is the standard output. What was
 * there under that name is gone from now on. */
itx_status list_file_open(struct list_file *f, const char *path, const char *head, const char *tail,
                          struct itx_error *err);
/* Where the next entry's text is appended to. */
struct strbuf *list_file_entry(struct list_file *f);
/* Called now and then while a long entry is made, so that its text does not stay in memory. */
itx_status list_file_relieve(struct list_file *f, struct itx_error *err);
itx_status list_file_commit(struct list_file *f, struct itx_error *err);
/* Takes back what came after the last commit; false: parts of it have already left through a pipe. */
bool list_file_discard(struct list_file *f);
/* Of a broken file the failure has been told. */
itx_status list_file_close(struct list_file *f, struct itx_error *err);
/* Of an open file: as it is after the last commit. */
void list_file_release(struct list_file *f);

#endif
