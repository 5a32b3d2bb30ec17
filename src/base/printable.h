/* SPDX-License-Identifier: Apache-2.0
 *
 * What of a text from a file may be shown: on a terminal, in a log, on a page. Not: control characters, which can act on
 * a terminal; format characters, which are not seen themselves and can change how the rest is read (order of writing,
 * width zero, tags); bytes that are no UTF-8.
 */
#ifndef BASE_PRINTABLE_H
#define BASE_PRINTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Looks at the first character of n bytes, n > 0. *len: its bytes, 1 where they are no character. True when it may be
 * shown. */
bool printable_at(const char *p, size_t n, size_t *len);
/* The character of `len` bytes that printable_at has found: its number; UINT32_MAX for a byte that is none. */
uint32_t printable_code(const char *p, size_t len);

/* Makes question marks of what may not be shown, one for each character. */
void printable_make(char *text);
/* The same of a text of several lines: line ends stay. */
void printable_make_lines(char *text);

#endif
