/* SPDX-License-Identifier: Apache-2.0 */
#include "coco/json.h"

#include <math.h>
#include <stdlib.h>

#include "base/format.h"
#include "base/utf8.h"

/* ---- strings ---- */

static uint64_t has_zero(uint64_t v)
{
    return (v - 0x0101010101010101u) & ~v & 0x8080808080808080u;
}

/* None of eight bytes is a quote, a backslash or a control character; false may also be said of others. */
static bool is_plain(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    const uint64_t control = (v - 0x2020202020202020u) & ~v & 0x8080808080808080u;
    return (has_zero(v ^ 0x2222222222222222u) | has_zero(v ^ 0x5c5c5c5c5c5c5c5cu) | control) == 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Four hexadecimal digits; -1: they are not there. */
static int hex_number(const char *p, const char *end)
{
    int v = 0;
    for (int i = 0; i < 4; i++) {
        const int digit = p + i < end ? hex_digit(p[i]) : -1;
        if (digit < 0) return -1;
        v = v * 16 + digit;
    }
    return v;
}

/* Behind an escape, which begins at p; NULL: it is none. */
static const char *escape_end(const char *p, const char *end)
{
    if (end - p < 2) return NULL;
    if (p[1] == 'u') return hex_number(p + 2, end) >= 0 ? p + 6 : NULL;
    return p[1] != '\0' && strchr("\"\\/bfnrt", p[1]) != NULL ? p + 2 : NULL;
}

/* Behind the closing quote of the string that begins at p; NULL: it does not end, or holds what it must not. */
static const char *string_end(const char *p, const char *end)
{
    p++;
    while (p < end) {
        if (end - p >= 8 && is_plain(p)) {
            p += 8;
        } else if (*p == '"') {
            return p + 1;
        } else if (*p == '\\') {
            p = escape_end(p, end);
            if (p == NULL) return NULL;
        } else if ((uint8_t)*p < 0x20) {
            return NULL;
        } else {
            p++;
        }
    }
    return NULL;
}

/* ---- the check of everything ---- */

struct scanner {
    const char *at, *end;
    const char
        *wanted; /* what was not found at `at`; NULL: nothing failed yet, or memory was missing */
    struct json_file *file;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static void skip_space(struct scanner *s)
{
    while (s->at < s->end && is_space(*s->at)) s->at++;
}

static bool want(struct scanner *s, const char *what)
{
    if (s->wanted == NULL) s->wanted = what;
    return false;
}

static bool take(struct scanner *s, char c)
{
    skip_space(s);
    if (s->at == s->end || *s->at != c) return false;
    s->at++;
    return true;
}

static bool take_digits(struct scanner *s)
{
    const char *start = s->at;
    while (s->at < s->end && *s->at >= '0' && *s->at <= '9') s->at++;
    return s->at > start;
}

static bool scan_number(struct scanner *s)
{
    if (*s->at == '-') s->at++;
    const bool is_zero = s->at < s->end && *s->at == '0';
    if (is_zero)
        s->at++;
    else if (!take_digits(s))
        return want(s, "a number");
    if (s->at < s->end && *s->at == '.') {
        s->at++;
        if (!take_digits(s)) return want(s, "digits");
    }
    if (s->at < s->end && (*s->at == 'e' || *s->at == 'E')) {
        s->at++;
        if (s->at < s->end && (*s->at == '+' || *s->at == '-')) s->at++;
        if (!take_digits(s)) return want(s, "digits");
    }
    return true;
}

static bool scan_string(struct scanner *s)
{
    const char *end = string_end(s->at, s->end);
    if (end == NULL) return want(s, "a text that ends, without control characters");
    s->at = end;
    return true;
}

static bool scan_word(struct scanner *s)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        const size_t n = strlen(words[i]);
        if ((size_t)(s->end - s->at) < n || memcmp(s->at, words[i], n) != 0) continue;
        s->at += n;
        return true;
    }
    return want(s, "a value");
}

/* Which entries are kept: those of a list, the members of an object, and the entries of its lists. */
enum keep { KEEP_NOTHING, KEEP_ITEMS, KEEP_MEMBERS };

static bool scan_value(struct scanner *s, int depth, enum keep keep);

static bool keep_item(struct scanner *s, const char *from)
{
    const struct str item = {from, (size_t)(s->at - from)};
    return vec_push(&s->file->items, item);
}

static bool scan_list(struct scanner *s, int depth, enum keep keep)
{
    s->at++;
    if (take(s, ']')) return true;
    do {
        skip_space(s);
        const char *from = s->at;
        if (!scan_value(s, depth + 1, KEEP_NOTHING)) return false;
        if (keep == KEEP_ITEMS && !keep_item(s, from)) return false;
    } while (take(s, ','));
    return take(s, ']') || want(s, "',' or ']'");
}

/* A value with what is kept of it, as a member. */
static bool scan_member(struct scanner *s, struct str name, int depth)
{
    struct json_member member = {.name = name, .first = s->file->items.len};
    skip_space(s);
    const char *from = s->at;
    if (!scan_value(s, depth, KEEP_ITEMS)) return false;
    member.value = (struct str){from, (size_t)(s->at - from)};
    member.n = s->file->items.len - member.first;
    return vec_push(&s->file->members, member);
}

static bool scan_object(struct scanner *s, int depth, enum keep keep)
{
    s->at++;
    if (take(s, '}')) return true;
    do {
        skip_space(s);
        const char *from = s->at;
        if (s->at == s->end || *s->at != '"') return want(s, "a name in quotes");
        if (!scan_string(s)) return false;
        const struct str name = {from + 1, (size_t)(s->at - from) - 2};
        if (!take(s, ':')) return want(s, "':'");
        const bool ok = keep == KEEP_MEMBERS ? scan_member(s, name, depth + 1)
                                             : scan_value(s, depth + 1, KEEP_NOTHING);
        if (!ok) return false;
    } while (take(s, ','));
    return take(s, '}') || want(s, "',' or '}'");
}

static bool scan_value(struct scanner *s, int depth, enum keep keep)
{
    skip_space(s);
    if (s->at == s->end) return want(s, "a value");
    if (depth > JSON_MAX_DEPTH) return want(s, "less depth");
    if (*s->at == '[') return scan_list(s, depth, keep);
    if (*s->at == '{') return scan_object(s, depth, keep);
    if (*s->at == '"') return scan_string(s);
    return *s->at == '-' || (*s->at >= '0' && *s->at <= '9') ? scan_number(s) : scan_word(s);
}

static itx_status explain(const struct scanner *s, const char *start, struct itx_error *err)
{
    size_t line = 1;
    if (s->wanted == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory");
    for (const char *p = start; p < s->at; p++) line += *p == '\n';
    return itx_fail(err, ITX_E_FORMAT, "line %zu: expected %s", line, s->wanted);
}

itx_status json_scan(struct json_file *file, const void *data, size_t size, struct itx_error *err)
{
    *file = (struct json_file){0};
    const char *start = data;
    struct scanner s = {.at = start, .end = start + size, .file = file};
    skip_space(&s);
    const bool is_object = s.at < s.end && *s.at == '{';
    bool ok = is_object ? scan_value(&s, 0, KEEP_MEMBERS) : scan_member(&s, (struct str){0}, 0);
    skip_space(&s);
    if (ok && s.at != s.end) ok = want(&s, "nothing more");
    const itx_status rc = ok ? ITX_OK : explain(&s, start, err);
    if (!ok) json_file_release(file);
    return rc;
}

void json_file_release(struct json_file *file)
{
    vec_release(&file->members);
    vec_release(&file->items);
}

bool json_find_list(const struct json_file *file, const char *name, const struct str **items,
                    size_t *n)
{
    for (size_t i = file->members.len; i-- > 0;) {
        const struct json_member *m = &file->members.data[i];
        if (name != NULL ? !str_eq(m->name, name) : m->name.data != NULL) continue;
        if (!json_is_list_text(m->value)) return false;
        *items = m->n > 0 ? file->items.data + m->first : NULL;
        *n = m->n;
        return true;
    }
    return false;
}

/* ---- values that were checked ---- */

/* As string_end: behind the first quote that no odd number of backslashes precedes. */
static const char *checked_string_end(const char *p, const char *end)
{
    for (const char *from = p + 1;;) {
        const char *quote = memchr(from, '"', (size_t)(end - from)), *escape = quote;
        while (escape[-1] == '\\') escape--; /* stops at the opening quote */
        if ((quote - escape) % 2 == 0) return quote + 1;
        from = quote + 1;
    }
}

static const char *value_end(const char *p, const char *end)
{
    int depth = 0;
    do {
        if (*p == '"') {
            p = checked_string_end(p, end);
        } else if (*p == '[' || *p == '{') {
            depth++;
            p++;
        } else if (*p == ']' || *p == '}') {
            depth--;
            p++;
        } else if (depth > 0) {
            p++;
        } else {
            while (p < end && *p != ',' && *p != ']' && *p != '}' && !is_space(*p)) p++;
        }
    } while (depth > 0);
    return p;
}

/* From anywhere between two values to the next; false when none follows. */
static bool skip_to_value(struct str *rest)
{
    while (rest->len > 0 && (is_space(*rest->data) || *rest->data == ',' || *rest->data == ':')) {
        rest->data++;
        rest->len--;
    }
    return rest->len > 0 && *rest->data != ']' && *rest->data != '}';
}

bool json_next(struct str *rest, struct str *entry)
{
    if (!skip_to_value(rest)) return false;
    const char *end = value_end(rest->data, rest->data + rest->len);
    *entry = (struct str){rest->data, (size_t)(end - rest->data)};
    rest->len -= entry->len;
    rest->data = end;
    return true;
}

struct str json_inside(struct str list)
{
    return (struct str){list.data + 1, list.len - 1};
}

bool json_has_entries(struct str list)
{
    if (!json_is_list_text(list)) return false;
    struct str rest = json_inside(list);
    return skip_to_value(&rest);
}

void json_get_fields(struct str object, const char *const *names, int n, struct str *values)
{
    struct str rest, name, value;
    for (int i = 0; i < n; i++) values[i] = (struct str){0};
    if (!json_is_object_text(object)) return;
    rest = json_inside(object);
    while (json_next(&rest, &name) && json_next(&rest, &value)) {
        const struct str bare = {name.data + 1, name.len - 2};
        for (int i = 0; i < n; i++)
            if (bare.len > 0 && bare.data[0] == names[i][0] && str_eq(bare, names[i]))
                values[i] = value;
    }
}

/* A number of at most 2^53 with at most 22 places behind or zeros: then one correctly rounded operation on exact numbers
 * gives what strtod gives. */
static bool get_short_number(struct str v, double *number)
{
    static const double power[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const bool is_negative = v.data[0] == '-';
    uint64_t digits = 0;
    int n_behind = 0;
    bool is_behind = false;
    for (size_t i = is_negative; i < v.len; i++) {
        const char c = v.data[i];
        if (c == '.') {
            is_behind = true;
            continue;
        }
        if (c < '0' || c > '9') return false;
        digits = digits * 10 + (uint64_t)(c - '0');
        n_behind += is_behind;
        if (digits > (uint64_t)1 << 53 || n_behind > 22) return false;
    }
    *number = (double)digits / power[n_behind];
    if (is_negative) *number = -*number;
    return true;
}

bool json_get_number(struct str v, double *number)
{
    char text[400];
    if (v.len == 0 || !(v.data[0] == '-' || (v.data[0] >= '0' && v.data[0] <= '9'))) return false;
    if (get_short_number(v, number)) return true;
    if (v.len >= sizeof text) return false;
    memcpy(text, v.data, v.len);
    text[v.len] = '\0';
    *number = parse_double(text, NULL);
    return isfinite(*number);
}

bool json_get_whole(struct str v, int64_t *number)
{
    const bool is_negative = json_begins(v, '-');
    int64_t n = 0;
    if (v.len == is_negative) return false;
    for (size_t i = is_negative; i < v.len; i++) {
        if (v.data[i] < '0' || v.data[i] > '9') return false;
        const int digit = v.data[i] - '0';
        if (__builtin_mul_overflow(n, 10, &n) ||
            __builtin_add_overflow(n, is_negative ? -digit : digit, &n))
            return false;
    }
    *number = n;
    return true;
}

static void add_utf8(struct strbuf *out, uint32_t c)
{
    const char four[4] = {(char)(0xf0 | c >> 18), (char)(0x80 | (c >> 12 & 63)),
                          (char)(0x80 | (c >> 6 & 63)), (char)(0x80 | (c & 63))};
    const char three[3] = {(char)(0xe0 | c >> 12), four[2], four[3]};
    const char two[2] = {(char)(0xc0 | c >> 6), four[3]};
    const char one = (char)c;
    if (c < 0x80)
        strbuf_add(out, &one, 1);
    else if (c < 0x800)
        strbuf_add(out, two, 2);
    else if (c < 0x10000)
        strbuf_add(out, three, 3);
    else
        strbuf_add(out, four, 4);
}

/* The escape at p; behind it, or NULL when it is half of a pair, or zero, which ends a text. */
static const char *add_escape(struct strbuf *out, const char *p, const char *end)
{
    static const char letters[] = "bfnrt", meant[] = "\b\f\n\r\t";
    if (p[1] != 'u') {
        const char *letter = strchr(letters, p[1]);
        strbuf_add(out, letter != NULL ? &meant[letter - letters] : &p[1], 1);
        return p + 2;
    }
    uint32_t c = (uint32_t)hex_number(p + 2, end);
    p += 6;
    if (c >= 0xd800 && c < 0xdc00) {
        const int low = end - p >= 6 && p[0] == '\\' && p[1] == 'u' ? hex_number(p + 2, end) : -1;
        if (low < 0xdc00 || low > 0xdfff) return NULL;
        c = 0x10000 + ((c - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
        p += 6;
    } else if (c == 0 || (c >= 0xdc00 && c < 0xe000)) {
        return NULL;
    }
    add_utf8(out, c);
    return p;
}

/* Eight bytes at a time while they are ASCII. */
static bool is_utf8(const char *p, const char *end)
{
    while (p < end) {
        uint64_t v = UINT64_MAX;
        if (end - p >= 8) memcpy(&v, p, sizeof v);
        const size_t n = (v & 0x8080808080808080u) == 0 ? 8 : utf8_length(p, (size_t)(end - p));
        if (n == 0) return false;
        p += n;
    }
    return true;
}

bool json_get_text(struct str v, struct strbuf *out)
{
    if (!json_is_quoted(v)) return false;
    const char *p = v.data + 1, *const end = v.data + v.len - 1;
    while (p < end) {
        const char *stop = memchr(p, '\\', (size_t)(end - p));
        const char *part = stop != NULL ? stop : end;
        if (!is_utf8(p, part)) return false;
        strbuf_add(out, p, (size_t)(part - p));
        p = part;
        if (stop != NULL) p = add_escape(out, stop, end);
        if (p == NULL) return false;
    }
    return true;
}
