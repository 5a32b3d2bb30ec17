/* SPDX-License-Identifier: Apache-2.0
 *
 * Class names as exporters put them into a file's metadata.
 */
#ifndef PASSES_NAMES_H
#define PASSES_NAMES_H

#include "base/arena.h"
#include "base/status.h"

#define NAME_MAX_SIZE 256 /* bytes of one name with the zero; longer ones are cut */

/* `text` is a Python or JSON literal, {0: 'person', 1: "it's"} or ['person', ...], or NULL; what is
 * no such literal ends the list. How many classes it names: one more than the largest number in it,
 * or that number where they are 1, 2, 3, ... without a gap. */
int names_count(const char *text);
/* n names, UTF-8, in the arena: those of the text, and "class 7" where it has none. Numbers 1, 2,
 * ... n, or more, mean the classes 0, 1, ... */
itx_status names_read(const char *text, int n, struct arena *arena, const char *const **names,
                      struct itx_error *err);

/* Room for a sentence about names that do not fit n classes. */
#define NAMES_NOTE_SIZE 300
/* What names_read does about such names, or "" where they fit, and where the text is NULL. */
void names_note(const char *text, int n, char note[NAMES_NOTE_SIZE]);

#endif
