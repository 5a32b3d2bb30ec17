/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the painted pictures go.
 */
#ifndef CMD_OUTPUTS_H
#define CMD_OUTPUTS_H

#include "base/arena.h"
#include "base/status.h"
#include "base/vec.h"
#include "vision/files.h"

/* Zero-initialised is valid and empty. */
struct outputs {
    const char *folder; /* "" for the current one */
    const char *file;   /* the one and only; else NULL */
    struct arena arena;
    VEC(const char *) taken;
};

/* Whether -o means one file: a name with a picture's ending, or of something that is there and no folder. */
bool outputs_is_file(const char *where);

/* `where` as given by -o, or NULL; a folder is made when it is missing. */
itx_status outputs_init(struct outputs *o, const char *where, struct itx_error *err);
/* FOLDER/NAME_segmented.jpg, or .png for a PNG; numbered when two photos have the same name. Lives as long as `o`;
 * NULL when out of memory. */
const char *outputs_path(struct outputs *o, const char *photo);
void outputs_release(struct outputs *o);

/* Refuses, before long work, a file that cannot be written, or that is the model or one of the photos by any name. */
itx_status outputs_check_file(const char *path, const char *model, const struct file_list *photos,
                              struct itx_error *err);

#endif
