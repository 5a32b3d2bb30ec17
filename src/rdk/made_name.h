/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of files that the tools make up: none of them replaces what the call reads or has written.
 */
#ifndef RDK_MADE_NAME_H
#define RDK_MADE_NAME_H

#include "base/file_set.h"
#include "base/status.h"

/* Notes a file that is read or was written; NULL is nothing. */
itx_status made_name_note(struct file_set *used, const char *path, struct itx_error *err);
/* Gives the path a number where a file of the set lies, and says so. */
void made_name_choose(const struct file_set *used, struct strbuf *path);
/* Chooses, writes and notes; *path is where to. */
itx_status made_name_write(struct file_set *used, struct strbuf *path, const void *data,
                           size_t size, struct itx_error *err);

#endif
