/* SPDX-License-Identifier: Apache-2.0
 *
 * Slices of text (never assumed terminated) and a string builder.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/compiler.h"

struct str {
    const char *data;
    size_t len;
};

static inline struct str str_of(const char *text)
{
    return (struct str){text, strlen(text)};
}

static inline bool str_eq(struct str a, const char *b)
{
    return strlen(b) == a.len && (a.len == 0 || memcmp(a.data, b, a.len) == 0);
}

/* Whether `ending` is how `text` ends, in capitals or not, with something before it. */
bool str_has_ending(const char *text, const char *ending);

/* Growable text. Once an append fails, `failed` stays set and later appends do nothing, so that a caller
 * may check once at the end. `data` is terminated, or NULL while empty. */
struct strbuf {
    char *data;
    size_t len, cap;
    bool failed;
};

void strbuf_add(struct strbuf *b, const void *data, size_t len);
void strbuf_addf(struct strbuf *b, const char *fmt, ...) ITX_PRINTF(2, 3);
void strbuf_addv(struct strbuf *b, const char *fmt, va_list args) ITX_PRINTF(2, 0);
/* A JSON string, in quotes; bytes that are no UTF-8 become U+FFFD, and what may not be shown (base/printable.h) escapes. */
void strbuf_add_json(struct strbuf *b, struct str text);
/* A piece of JSON as it is, but that what may not be shown in its strings becomes escapes. */
void strbuf_add_json_piece(struct strbuf *b, struct str json);
/* Text as a file's name, or the beginning of one: no folder, nothing hidden, '_' for what cannot be there or may not be
 * shown. */
void strbuf_add_file_name(struct strbuf *b, const char *text);
void strbuf_release(struct strbuf *b);

/* Edit distance for "did you mean". Both up to 64 characters; longer ones give a large number. */
int str_distance(const char *a, const char *b);

#endif
