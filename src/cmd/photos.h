/* SPDX-License-Identifier: Apache-2.0
 *
 * The photographs of a command line.
 */
#ifndef CMD_PHOTOS_H
#define CMD_PHOTOS_H

#include "vision/files.h"

/* As file_list_add; what was left out is said as warnings. */
itx_status photos_add(struct file_list *list, const char *path, struct itx_error *err);

#endif
