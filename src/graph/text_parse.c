/* SPDX-License-Identifier: Apache-2.0
 *
 * The text form of a graph: parsing. The format is described in text_print.c. Text is untrusted:
 * every length is checked against what the text itself holds before anything of that length is
 * allocated, and what was read is verified.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/format.h"
#include "base/mem.h"
#include "base/str.h"
#include "graph/graph.h"

struct parser {
    const char *p, *end; /* the rest of the current line is [p, end) */
    int line;
    struct graph *g;
    struct strbuf word; /* the last name or quoted text, terminated */
    struct itx_error *err;
};

static itx_status fail(struct parser *s, const char *what)
{
    const int rest = (int)(s->end - s->p > 40 ? 40 : s->end - s->p);
    return itx_fail(s->err, ITX_E_FORMAT, "line %d: %s at '%.*s'", s->line, what, rest, s->p);
}

static itx_status no_memory(struct parser *s)
{
    return itx_fail(s->err, ITX_E_NOMEM, "out of memory for the graph");
}

static void skip_blanks(struct parser *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\r')) s->p++;
}

/* Takes `text` when it comes next. */
static bool take(struct parser *s, const char *text)
{
    skip_blanks(s);
    const size_t len = strlen(text);
    if ((size_t)(s->end - s->p) < len || memcmp(s->p, text, len) != 0) return false;
    s->p += len;
    return true;
}

static itx_status expect(struct parser *s, const char *text)
{
    if (take(s, text)) return ITX_OK;
    char what[40];
    snprintf(what, sizeof what, "expected '%s'", text);
    return fail(s, what);
}

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("_./:+-", c) != NULL);
}

static itx_status set_word(struct parser *s, const char *text, size_t len)
{
    s->word.len = 0;
    strbuf_add(&s->word, text, len);
    return s->word.failed ? no_memory(s) : ITX_OK;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

/* A word of name characters; a colon at its end belongs to what follows. */
static itx_status parse_word(struct parser *s)
{
    skip_blanks(s);
    const char *begin = s->p, *p = begin;
    while (p < s->end && is_word_char(*p)) p++;
    while (p > begin && p[-1] == ':') p--;
    if (p == begin) return fail(s, "expected a word");
    s->p = p;
    return set_word(s, begin, (size_t)(p - begin));
}

static itx_status parse_quoted(struct parser *s)
{
    ITX_TRY(expect(s, "\""));
    ITX_TRY(set_word(s, "", 0));
    while (s->p < s->end && *s->p != '"') {
        char c = *s->p++;
        if (c == '\0') return fail(s, "zero byte in text");
        if (c == '\\') {
            if (s->p == s->end) return fail(s, "unfinished text");
            c = *s->p++;
            if (c == 'x') {
                const int high = s->end - s->p < 2 ? -1 : hex_digit(s->p[0]);
                const int low = high < 0 ? -1 : hex_digit(s->p[1]);
                if (low < 0 || (high == 0 && low == 0)) return fail(s, "expected \\x01 to \\xff");
                const uint8_t byte = (uint8_t)(high * 16 + low);
                memcpy(&c, &byte, 1);
                s->p += 2;
            } else if (c != '"' && c != '\\') {
                return fail(s, "unknown escape");
            }
        }
        strbuf_add(&s->word, &c, 1);
    }
    if (s->word.failed) return no_memory(s);
    return expect(s, "\"");
}

/* %name or %"name" */
static itx_status parse_name(struct parser *s)
{
    ITX_TRY(expect(s, "%"));
    if (s->p < s->end && *s->p == '"') return parse_quoted(s);
    return parse_word(s);
}

static itx_status parse_used(struct parser *s, value_id *id)
{
    if (take(s, "_")) {
        *id = 0;
        return ITX_OK;
    }
    ITX_TRY(parse_name(s));
    *id = graph_find_value(s->g, s->word.data, s->word.len);
    if (*id == 0)
        return itx_fail(s->err, ITX_E_FORMAT, "line %d: no value '%s' so far", s->line,
                        s->word.data);
    return ITX_OK;
}

/* The next number as text in buf. */
static itx_status number_text(struct parser *s, char *buf, size_t size)
{
    skip_blanks(s);
    size_t n = 0;
    while (s->p + n < s->end && (is_word_char(s->p[n]))) n++;
    if (n == 0 || n >= size) return fail(s, "expected a number");
    memcpy(buf, s->p, n);
    buf[n] = '\0';
    return ITX_OK;
}

static itx_status parse_int(struct parser *s, int64_t *v)
{
    char buf[32], *end;
    ITX_TRY(number_text(s, buf, sizeof buf));
    errno = 0;
    const long long n = strtoll(buf, &end, 10);
    if (*end != '\0' || errno != 0) return fail(s, "expected an integer");
    s->p += end - buf;
    *v = n;
    return ITX_OK;
}

static itx_status parse_real(struct parser *s, double *v)
{
    char buf[40], *end;
    ITX_TRY(number_text(s, buf, sizeof buf));
    const double n = parse_double(buf, &end);
    if (*end != '\0') return fail(s, "expected a number");
    s->p += end - buf;
    *v = n;
    return ITX_OK;
}

static itx_status parse_dtype(struct parser *s, enum dtype *t)
{
    skip_blanks(s);
    for (int i = DTYPE_COUNT; i-- > 0;)
        if (take(s, dtype_name((enum dtype)i))) {
            *t = (enum dtype)i;
            return ITX_OK;
        }
    return fail(s, "expected a type");
}

static itx_status parse_shape(struct parser *s, struct shape *shape)
{
    *shape = (struct shape){.rank = -1};
    ITX_TRY(expect(s, "["));
    if (take(s, "?")) return expect(s, "]");
    shape->rank = 0;
    while (!take(s, "]")) {
        if (shape->rank > 0) ITX_TRY(expect(s, ","));
        if (shape->rank == SHAPE_MAX_RANK) return fail(s, "more than 8 dimensions");
        int64_t v = 0;
        ITX_TRY(parse_int(s, &v));
        if (v < 0) return fail(s, "negative dimension before");
        shape->dim[shape->rank++] = v;
    }
    return ITX_OK;
}

/* %name: type, a new value */
static itx_status parse_new(struct parser *s, value_id *id)
{
    enum dtype dtype = DTYPE_NONE;
    struct shape shape;
    ITX_TRY(parse_name(s));
    if (s->word.len == 0) return fail(s, "empty name before");
    if (graph_find_value(s->g, s->word.data, s->word.len) != 0)
        return itx_fail(s->err, ITX_E_FORMAT, "line %d: value '%s' is defined twice", s->line,
                        s->word.data);
    ITX_TRY(expect(s, ":"));
    ITX_TRY(parse_dtype(s, &dtype));
    ITX_TRY(parse_shape(s, &shape));
    return graph_add_value(s->g, s->word.data, dtype, &shape, id, s->err);
}

static itx_status parse_element(struct parser *s, enum dtype dtype, uint8_t *p)
{
    int64_t n = 0, low = 0, high = 0;
    double d = 0;
    float f = 0;
    switch (dtype) {
    case DTYPE_F32:
        /* Through double: the text has the nine digits that name one float, so the second rounding
         * changes nothing. */
        ITX_TRY(parse_real(s, &d));
        f = (float)d;
        memcpy(p, &f, sizeof f);
        return ITX_OK;
    case DTYPE_F64:
        ITX_TRY(parse_real(s, &d));
        memcpy(p, &d, sizeof d);
        return ITX_OK;
    case DTYPE_S64:
        ITX_TRY(parse_int(s, &n));
        memcpy(p, &n, sizeof n);
        return ITX_OK;
    case DTYPE_S8:
        low = INT8_MIN, high = INT8_MAX;
        break;
    case DTYPE_S16:
        low = INT16_MIN, high = INT16_MAX;
        break;
    case DTYPE_S32:
        low = INT32_MIN, high = INT32_MAX;
        break;
    case DTYPE_U8:
        high = UINT8_MAX;
        break;
    case DTYPE_BOOL:
        high = 1;
        break;
    case DTYPE_F16:
        high = UINT16_MAX;
        break;
    case DTYPE_NONE:
    case DTYPE_COUNT:
        return fail(s, "constant without a type before");
    }
    ITX_TRY(parse_int(s, &n));
    if (n < low || n > high) return fail(s, "number out of range before");
    if (dtype_size(dtype) == 1)
        *p = (uint8_t)n;
    else if (dtype_size(dtype) == 2)
        store_le16(p, (uint16_t)n);
    else
        store_le32(p, (uint32_t)n);
    return ITX_OK;
}

/* {1, 2, ...}: elements of `dtype` appended to `bytes`. */
static itx_status parse_elements(struct parser *s, enum dtype dtype, struct strbuf *bytes)
{
    ITX_TRY(expect(s, "{"));
    for (bool first = true; !take(s, "}"); first = false) {
        uint8_t element[8];
        if (!first) ITX_TRY(expect(s, ","));
        ITX_TRY(parse_element(s, dtype, element));
        strbuf_add(bytes, element, (size_t)dtype_size(dtype));
    }
    return bytes->failed ? no_memory(s) : ITX_OK;
}

static itx_status parse_hex(struct parser *s, struct strbuf *bytes)
{
    skip_blanks(s);
    while (s->end - s->p >= 2) {
        const int high = hex_digit(s->p[0]), low = hex_digit(s->p[1]);
        if (high < 0 || low < 0) break;
        const uint8_t byte = (uint8_t)(high * 16 + low);
        strbuf_add(bytes, &byte, 1);
        s->p += 2;
    }
    return bytes->failed ? no_memory(s) : ITX_OK;
}

static itx_status parse_constant(struct parser *s, struct strbuf *bytes)
{
    value_id id;
    ITX_TRY(parse_new(s, &id));
    const enum dtype dtype = graph_value(s->g, id)->dtype;
    const struct shape shape = graph_value(s->g, id)->shape;
    ITX_TRY(expect(s, "="));
    if (take(s, "digest"))
        return itx_fail(s->err, ITX_E_UNSUPPORTED,
                        "line %d: constant '%s' is only a digest: print the graph with data",
                        s->line, graph_value(s->g, id)->name);
    if (take(s, "data"))
        ITX_TRY(parse_hex(s, bytes));
    else
        ITX_TRY(parse_elements(s, dtype, bytes));
    const int64_t n = shape_elements(&shape);
    if (n < 0 || dtype == DTYPE_NONE || (size_t)n * (size_t)dtype_size(dtype) != bytes->len)
        return itx_fail(s->err, ITX_E_FORMAT,
                        "line %d: constant '%s' has %zu bytes of data, not "
                        "those of its shape",
                        s->line, graph_value(s->g, id)->name, bytes->len);
    void *data;
    ITX_TRY(graph_alloc_data(s->g, dtype, &shape, &data, s->err));
    if (bytes->len != 0) memcpy(data, bytes->data, bytes->len);
    graph_value(s->g, id)->data = data;
    return ITX_OK;
}

static itx_status parse_ints(struct parser *s, node_id node, enum attr_id id)
{
    VEC(int64_t) v = {0};
    itx_status rc = expect(s, "[");
    while (rc == ITX_OK && !take(s, "]")) {
        int64_t n = 0;
        if (v.len > 0) rc = expect(s, ",");
        if (rc == ITX_OK) rc = parse_int(s, &n);
        if (rc == ITX_OK && !vec_push(&v, n)) rc = no_memory(s);
    }
    if (rc == ITX_OK) rc = graph_set_ints(s->g, node, id, (int)v.len, v.data, s->err);
    vec_release(&v);
    return rc;
}

static itx_status parse_attr(struct parser *s, node_id node)
{
    enum attr_id id;
    int64_t i = 0;
    double d = 0;
    ITX_TRY(parse_word(s));
    if (!attr_find(s->word.data, &id)) return fail(s, "unknown attribute before");
    if (node_attr(&s->g->nodes.data[node], id) != NULL)
        return fail(s, "attribute given twice before");
    ITX_TRY(expect(s, "="));
    switch (attr_info(id)->kind) {
    case ATTR_KIND_INT:
        ITX_TRY(parse_int(s, &i));
        return graph_set_int(s->g, node, id, i, s->err);
    case ATTR_KIND_FLOAT:
        ITX_TRY(parse_real(s, &d));
        return graph_set_float(s->g, node, id, (float)d, s->err);
    case ATTR_KIND_INTS:
        return parse_ints(s, node, id);
    case ATTR_KIND_TEXT:
        ITX_TRY(parse_quoted(s));
        return graph_set_text(s->g, node, id, s->word.data, s->err);
    }
    ITX_BUG();
}

struct ids {
    VEC(value_id) in, out;
};

/* %a: type, %b: type = Op(%x, _, %y) @"name" {attr = 1} */
static itx_status parse_node(struct parser *s, struct ids *ids)
{
    enum op op;
    node_id node;
    do {
        value_id v;
        ITX_TRY(parse_new(s, &v));
        if (!vec_push(&ids->out, v)) return no_memory(s);
    } while (take(s, ","));
    ITX_TRY(expect(s, "="));
    ITX_TRY(parse_word(s));
    if (!op_find(s->word.data, &op)) return fail(s, "unknown operation before");
    ITX_TRY(expect(s, "("));
    while (!take(s, ")")) {
        value_id v;
        if (ids->in.len > 0) ITX_TRY(expect(s, ","));
        ITX_TRY(parse_used(s, &v));
        if (!vec_push(&ids->in, v)) return no_memory(s);
    }
    ITX_TRY(set_word(s, "", 0));
    if (take(s, "@")) ITX_TRY(parse_quoted(s));
    ITX_TRY(graph_add_node(s->g, op, s->word.data, (int)ids->in.len, ids->in.data,
                           (int)ids->out.len, ids->out.data, &node, s->err));
    if (!take(s, "{")) return ITX_OK;
    do {
        ITX_TRY(parse_attr(s, node));
    } while (take(s, ","));
    return expect(s, "}");
}

static itx_status parse_quant(struct parser *s, struct strbuf *scales, struct strbuf *zeros)
{
    value_id id;
    enum dtype dtype = DTYPE_NONE;
    ITX_TRY(parse_used(s, &id));
    ITX_TRY(expect(s, ":"));
    ITX_TRY(parse_dtype(s, &dtype));
    ITX_TRY(parse_elements(s, DTYPE_F32, scales));
    ITX_TRY(parse_elements(s, DTYPE_S32, zeros));
    if (id == 0 || scales->len == 0 || scales->len != zeros->len)
        return fail(s, "expected as many zero points as scales before");
    int64_t reach = 0;
    if (take(s, "reach ")) ITX_TRY(parse_int(s, &reach));
    if (reach < 0 || reach > 32768) return fail(s, "expected a reach up to 32768 before");
    graph_value(s->g, id)->quant = (struct value_quant){
        .dtype = dtype,
        .reach = (int)reach,
        .n = (int)(scales->len / sizeof(float)),
        .scale = arena_dup(&s->g->arena, scales->data, scales->len),
        .zero_point = arena_dup(&s->g->arena, zeros->data, zeros->len),
    };
    const struct value_quant *q = &graph_value(s->g, id)->quant;
    return q->scale == NULL || q->zero_point == NULL ? no_memory(s) : ITX_OK;
}

static itx_status parse_meta(struct parser *s)
{
    ITX_TRY(parse_quoted(s));
    const char *key = arena_text(&s->g->arena, s->word.data, s->word.len);
    if (key == NULL) return no_memory(s);
    ITX_TRY(parse_quoted(s));
    return graph_set_meta(s->g, key, s->word.data, s->err);
}

static itx_status parse_statement(struct parser *s)
{
    value_id id = 0;
    if (take(s, "input ")) {
        ITX_TRY(parse_new(s, &id));
        return vec_push(&s->g->inputs, id) ? ITX_OK : no_memory(s);
    }
    if (take(s, "output ")) {
        ITX_TRY(parse_used(s, &id));
        return vec_push(&s->g->outputs, id) ? ITX_OK : no_memory(s);
    }
    if (take(s, "const ")) {
        struct strbuf bytes = {0};
        const itx_status rc = parse_constant(s, &bytes);
        strbuf_release(&bytes);
        return rc;
    }
    if (take(s, "quant ")) {
        struct strbuf scales = {0}, zeros = {0};
        const itx_status rc = parse_quant(s, &scales, &zeros);
        strbuf_release(&scales);
        strbuf_release(&zeros);
        return rc;
    }
    if (take(s, "meta ")) return parse_meta(s);
    if (take(s, "graph ")) {
        ITX_TRY(parse_quoted(s));
        s->g->name = arena_text(&s->g->arena, s->word.data, s->word.len);
        return s->g->name != NULL ? ITX_OK : no_memory(s);
    }
    struct ids ids = {0};
    const itx_status rc = parse_node(s, &ids);
    vec_release(&ids.in);
    vec_release(&ids.out);
    return rc;
}

static itx_status parse_lines(struct parser *s, const char *text, size_t len)
{
    const char *const end = text + len;
    for (const char *p = text; p < end;) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        s->p = p;
        s->end = newline != NULL ? newline : end;
        s->line++;
        p = newline != NULL ? newline + 1 : end;
        skip_blanks(s);
        if (s->p == s->end || *s->p == '#') continue;
        ITX_TRY(parse_statement(s));
        skip_blanks(s);
        if (s->p != s->end && *s->p != '#') return fail(s, "unexpected text");
    }
    return graph_check(s->g, s->err);
}

itx_status graph_parse(struct graph **g, const char *text, size_t len, struct itx_error *err)
{
    struct parser s = {.err = err};
    ITX_TRY(graph_create(&s.g, err));
    const itx_status rc = parse_lines(&s, text, len);
    strbuf_release(&s.word);
    if (rc != ITX_OK) {
        graph_destroy(&s.g);
        return rc;
    }
    *g = s.g;
    return ITX_OK;
}
