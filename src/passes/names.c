/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/names.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

#define MAX_CLASSES 65536

/* A place in the literal, and the entry read last. */
struct reader {
    const char *p;
    bool is_list;
    int index;
    size_t len;
    char name[NAME_MAX_SIZE];
};

static void skip_blanks(struct reader *r)
{
    while (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r') r->p++;
}

static void put_byte(struct reader *r, uint8_t byte)
{
    if (r->len + 1 < sizeof r->name) memcpy(&r->name[r->len++], &byte, 1);
}

static void put_utf8(struct reader *r, uint32_t code)
{
    if (code == 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) code = '?';
    if (code < 0x80) {
        put_byte(r, (uint8_t)code);
    } else if (code < 0x800) {
        put_byte(r, (uint8_t)(0xc0 | code >> 6));
        put_byte(r, (uint8_t)(0x80 | (code & 0x3f)));
    } else {
        if (code < 0x10000) {
            put_byte(r, (uint8_t)(0xe0 | code >> 12));
        } else {
            put_byte(r, (uint8_t)(0xf0 | code >> 18));
            put_byte(r, (uint8_t)(0x80 | (code >> 12 & 0x3f)));
        }
        put_byte(r, (uint8_t)(0x80 | (code >> 6 & 0x3f)));
        put_byte(r, (uint8_t)(0x80 | (code & 0x3f)));
    }
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* What follows a backslash. */
static void read_escape(struct reader *r)
{
    const char c = *r->p;
    const int n_digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (c == '\0') return;
    r->p++;
    if (n_digits == 0) {
        put_byte(r, (uint8_t)(c == 'n' || c == 't' || c == 'r' ? ' ' : c));
        return;
    }
    uint32_t code = 0;
    for (int i = 0; i < n_digits && hex_digit(*r->p) >= 0; i++)
        code = code << 4 | (uint32_t)hex_digit(*r->p++);
    put_utf8(r, code);
}

/* Ends the name; a character cut in two at the end goes, other bytes that are no UTF-8 become '?'.
 * */
static void end_name(struct reader *r, bool is_cut)
{
    r->name[r->len] = '\0';
    for (size_t i = 0; i < r->len;) {
        const size_t n = utf8_length(r->name + i, r->len - i);
        if (n == 0 && is_cut && r->len - i < 4) {
            r->len = i;
            r->name[i] = '\0';
            return;
        }
        if (n == 0 || (uint8_t)r->name[i] < 0x20) r->name[i] = '?';
        i += n == 0 ? 1 : n;
    }
}

/* A quoted text, or a bare word up to the next separator. */
static bool read_text(struct reader *r)
{
    const char quote = *r->p == '\'' || *r->p == '"' ? *r->p++ : '\0';
    r->len = 0;
    if (quote == '\0') {
        while (*r->p != '\0' && strchr(",:]} \t\r\n", *r->p) == NULL) put_byte(r, (uint8_t)*r->p++);
        end_name(r, r->len + 1 == sizeof r->name);
        return r->len > 0;
    }
    while (*r->p != '\0' && *r->p != quote) {
        if (*r->p == '\\') {
            r->p++;
            read_escape(r);
        } else {
            put_byte(r, (uint8_t)*r->p++);
        }
    }
    end_name(r, r->len + 1 == sizeof r->name);
    return *r->p++ == quote;
}

/* The key of a dictionary; false when it is no class number. */
static bool read_key(struct reader *r)
{
    if (!read_text(r) || r->len > 5) return false;
    int n = 0;
    for (size_t i = 0; i < r->len; i++) {
        if (r->name[i] < '0' || r->name[i] > '9') return false;
        n = n * 10 + (r->name[i] - '0');
    }
    r->index = n;
    skip_blanks(r);
    return n < MAX_CLASSES && r->len > 0 && *r->p++ == ':';
}

static bool reader_begin(struct reader *r, const char *text)
{
    *r = (struct reader){.p = text != NULL ? text : "", .index = -1};
    skip_blanks(r);
    r->is_list = *r->p == '[' || *r->p == '(';
    if (!r->is_list && *r->p != '{') return false;
    r->p++;
    return true;
}

static bool reader_next(struct reader *r)
{
    skip_blanks(r);
    if (*r->p == '\0' || *r->p == '}' || *r->p == ']' || *r->p == ')') return false;
    if (r->is_list)
        r->index++;
    else if (!read_key(r))
        return false;
    skip_blanks(r);
    if (r->index >= MAX_CLASSES || !read_text(r)) return false;
    skip_blanks(r);
    if (*r->p == ',') r->p++;
    return true;
}

/* ---- all entries ---- */

struct survey {
    int n, most;                    /* names, and the largest of their numbers; -1 */
    uint8_t named[MAX_CLASSES / 8]; /* a bit each */
};

static bool is_named(const struct survey *s, int i)
{
    return i < MAX_CLASSES && (s->named[i / 8] >> i % 8 & 1) != 0;
}

static void survey(struct survey *s, const char *text)
{
    struct reader r;
    *s = (struct survey){.most = -1};
    if (!reader_begin(&r, text)) return;
    while (reader_next(&r)) {
        if (r.index > s->most) s->most = r.index;
        if (r.len == 0 || is_named(s, r.index)) continue;
        s->named[r.index / 8] |= (uint8_t)(1 << r.index % 8);
        s->n++;
    }
}

/* 1, 2, 3, ... without a gap. */
static bool begins_at_one(const struct survey *s)
{
    return s->n > 0 && !is_named(s, 0) && s->n == s->most;
}

/* What is taken off each number. A network of more classes leaves the first without a name. */
static int shift_of(const struct survey *s, int n_classes)
{
    return begins_at_one(s) && s->most >= n_classes ? 1 : 0;
}

int names_count(const char *text)
{
    struct survey s;
    survey(&s, text);
    return begins_at_one(&s) ? s.most : s.most + 1;
}

itx_status names_read(const char *text, int n, struct arena *arena, const char *const **names,
                      struct itx_error *err)
{
    const char **list = arena_calloc(arena, (size_t)n, sizeof *list);
    if (list == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory for class names");
    struct survey s;
    struct reader r;
    survey(&s, text);
    const int shift = shift_of(&s, n);
    const bool has_list = reader_begin(&r, text);
    while (has_list && reader_next(&r)) {
        const int i = r.index - shift;
        if (i < 0 || i >= n || r.len == 0) continue;
        list[i] = arena_text(arena, r.name, r.len);
        if (list[i] == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory for class names");
    }
    for (int i = 0; i < n; i++) {
        char made_up[32];
        if (list[i] != NULL) continue;
        const int len = snprintf(made_up, sizeof made_up, "class %d", i);
        list[i] = arena_text(arena, made_up, (size_t)len);
        if (list[i] == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory for class names");
    }
    *names = list;
    return ITX_OK;
}

/* ---- names that do not fit ---- */

/* The first class of n without a name, and how many there are. */
static int count_missing(const struct survey *s, int n, int shift, int *first)
{
    int n_missing = 0;
    for (int i = n; i-- > 0;) {
        if (is_named(s, i + shift)) continue;
        *first = i;
        n_missing++;
    }
    return n_missing;
}

void names_note(const char *text, int n, char note[NAMES_NOTE_SIZE])
{
    struct survey s;
    int first = 0, at = 0;
    note[0] = '\0';
    if (text == NULL || n <= 0) return;
    survey(&s, text);
    const int shift = shift_of(&s, n), n_missing = count_missing(&s, n, shift, &first);
    const int n_dropped = s.n - (n - n_missing);
    if (shift == 0 && n_missing == 0 && n_dropped == 0) return;
    at += snprintf(note + at, (size_t)(NAMES_NOTE_SIZE - at),
                   "the file's metadata have %d name%s for %d class%s", s.n, s.n == 1 ? "" : "s", n,
                   n == 1 ? "" : "es");
    if (shift != 0)
        at += snprintf(note + at, (size_t)(NAMES_NOTE_SIZE - at),
                       ", numbered from 1: name 1 is given to class 0, and so on");
    if (n_missing > 0)
        at += snprintf(note + at, (size_t)(NAMES_NOTE_SIZE - at),
                       "%s %d class%s without a name, the first of them is called \"class %d\"",
                       shift != 0 ? ";" : ":", n_missing, n_missing == 1 ? " is" : "es are", first);
    if (n_dropped > 0)
        snprintf(note + at, (size_t)(NAMES_NOTE_SIZE - at), "%s %d name%s left out, %d and above",
                 shift != 0 || n_missing > 0 ? ";" : ":", n_dropped,
                 n_dropped == 1 ? " is" : "s are", n + shift);
}
