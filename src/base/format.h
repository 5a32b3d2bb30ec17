/* SPDX-License-Identifier: Apache-2.0
 *
 * Text from numbers, numbers from text, and letters, as the locale "C" has them: what the libraries write and say is the
 * same whatever locale the program around them has set. The only place where numbers with a decimal point are
 * formatted or parsed (scripts/check_includes).
 */
#ifndef BASE_FORMAT_H
#define BASE_FORMAT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "base/compiler.h"

/* As snprintf, vsnprintf, printf, fprintf and vfprintf. */
int format_text(char *to, size_t size, const char *fmt, ...) ITX_PRINTF(3, 4);
int format_textv(char *to, size_t size, const char *fmt, va_list args) ITX_PRINTF(3, 0);
int format_out(const char *fmt, ...) ITX_PRINTF(1, 2);
int format_file(FILE *out, const char *fmt, ...) ITX_PRINTF(2, 3);
int format_filev(FILE *out, const char *fmt, va_list args) ITX_PRINTF(2, 0);

/* As strtod and strtof; `end` may be NULL. */
double parse_double(const char *text, char **end);
float parse_float(const char *text, char **end);

/* As strerror: no translation, and any thread may call it. */
const char *error_text(int code);

static inline char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static inline char ascii_upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* As strcasecmp. */
int ascii_compare(const char *a, const char *b);

#endif
