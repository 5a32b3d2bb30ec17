/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/format.h"
#include "base/mem.h"
#include "base/printable.h"

static bool make_room(struct strbuf *b, size_t extra)
{
    if (b->failed) return false;
    size_t need;
    if (!size_add(b->len, extra, &need) || !size_add(need, 1, &need)) return !(b->failed = true);
    if (need <= b->cap) return true;
    size_t cap = b->cap < 64 ? 64 : b->cap;
    while (cap < need)
        if (!size_mul(cap, 2, &cap)) return !(b->failed = true);
    char *p = mem_realloc(b->data, cap);
    if (p == NULL) return !(b->failed = true);
    b->data = p;
    b->cap = cap;
    return true;
}

bool str_has_ending(const char *text, const char *ending)
{
    const size_t len = strlen(text), n = strlen(ending);
    return len > n && ascii_compare(text + len - n, ending) == 0;
}

void strbuf_add(struct strbuf *b, const void *data, size_t len)
{
    if (!make_room(b, len)) return;
    if (len != 0) memcpy(b->data + b->len, data, len);
    b->len += len;
    b->data[b->len] = '\0';
}

void strbuf_addv(struct strbuf *b, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    const int n = format_textv(NULL, 0, fmt, args);
    if (n >= 0 && make_room(b, (size_t)n)) {
        format_textv(b->data + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

void strbuf_addf(struct strbuf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    strbuf_addv(b, fmt, args);
    va_end(args);
}

/* JSON's escape of a character, above U+FFFF as two surrogates; U+FFFD for a byte that is none. */
static void add_escape(struct strbuf *b, uint32_t code)
{
    if (code == UINT32_MAX) code = 0xfffd;
    if (code > 0xffff)
        strbuf_addf(b, "\\u%04x\\u%04x", 0xd800 + ((code - 0x10000) >> 10),
                    0xdc00 + ((code - 0x10000) & 0x3ff));
    else
        strbuf_addf(b, "\\u%04x", code);
}

void strbuf_add_json(struct strbuf *b, struct str text)
{
    strbuf_add(b, "\"", 1);
    for (size_t i = 0, n; i < text.len; i += n) {
        const char *const p = text.data + i;
        if (!printable_at(p, text.len - i, &n))
            add_escape(b, printable_code(p, n));
        else if (*p == '"' || *p == '\\')
            strbuf_addf(b, "\\%c", *p);
        else
            strbuf_add(b, p, n);
    }
    strbuf_add(b, "\"", 1);
}

void strbuf_add_json_piece(struct strbuf *b, struct str json)
{
    for (size_t i = 0, n; i < json.len; i += n) {
        const char *const p = json.data + i;
        if (!printable_at(p, json.len - i, &n) && (uint8_t)*p > 0x20)
            add_escape(b, printable_code(p, n));
        else
            strbuf_add(b, p, n);
    }
}

void strbuf_add_file_name(struct strbuf *b, const char *text)
{
    for (const char *p = text; *p != '\0';) {
        size_t n;
        const bool is_good = printable_at(p, 4, &n) && *p != '/' && (*p != '.' || p != text);
        strbuf_add(b, is_good ? p : "_", is_good ? n : 1);
        p += n;
    }
}

void strbuf_release(struct strbuf *b)
{
    mem_free(b->data);
    *b = (struct strbuf){0};
}

int str_distance(const char *a, const char *b)
{
    const size_t la = strlen(a), lb = strlen(b);
    if (la > 64 || lb > 64) return 1000;
    int row[65];
    for (size_t j = 0; j <= lb; j++) row[j] = (int)j;
    for (size_t i = 1; i <= la; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= lb; j++) {
            const int change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            int best = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
            if (change < best) best = change;
            row[j] = best;
        }
    }
    return row[lb];
}
