/* SPDX-License-Identifier: Apache-2.0
 *
 * Precision over recall as pictures.
 */
#ifndef CMD_CURVES_H
#define CMD_CURVES_H

#include "base/file_set.h"
#include "cmd/scores.h"

/* FOLDER/box.svg and, where masks were evaluated, FOLDER/mask.svg; the folder is made when it is missing. Curves are for
 * overlaps of 0.50, 0.75 and the mean of all ten, each the mean over the categories that occur. Names that would meet a
 * file of `used` are numbered. */
itx_status curves_write(const struct scores *s, const char *folder, const struct file_set *used,
                        struct itx_error *err);

#endif
