/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the painted pictures go.
 */
#ifndef CMD_OUTPUTS_H
#define CMD_OUTPUTS_H

#include "base/file_set.h"
#include "base/status.h"

/* Zero-initialised is valid and empty. */
struct outputs {
    const char *folder;      /* "" for the current one */
    const char *file;        /* the one and only; else NULL */
    struct file_set inputs;  /* what is read */
    struct file_set written; /* and what names that are made up must not meet either */
    struct strbuf path;      /* of the picture at hand */
    int number;              /* that its name got; 1: none */
};

/* Whether -o means one file: a name with a picture's ending, or of something that is there and no folder. */
bool outputs_is_file(const char *where);
/* Refuses for -o what is neither a folder nor a picture of a format that is written. */
itx_status outputs_check_where(const char *where, struct itx_error *err);
/* As file_check_folder, for the folder that an option names; one that is called like a file has to end with a slash, or to
 * be there. */
itx_status outputs_check_folder(const char *option, const char *where, struct itx_error *err);

/* What is read: no output replaces it. NULL is nothing. False when out of memory. */
bool outputs_read(struct outputs *o, const char *path);
/* Before long work: refuses a file that is named and cannot be written, that is also read, or that was named before;
 * NULL and "-" pass. */
itx_status outputs_name(struct outputs *o, const char *path, struct itx_error *err);

/* `where` as given by -o, or NULL; a folder is made when it is missing. */
itx_status outputs_init(struct outputs *o, const char *where, struct itx_error *err);
/* FOLDER/NAME_segmented.jpg, or .png for a PNG; numbered where that would replace what is read or was written. Valid until
 * the next call; NULL when out of memory. */
const char *outputs_path(struct outputs *o, const char *photo);
/* That picture, or a file that was named (NULL and "-" pass), is there now. False when out of memory. */
bool outputs_done(struct outputs *o);
bool outputs_written(struct outputs *o, const char *path);
void outputs_release(struct outputs *o);

#endif
