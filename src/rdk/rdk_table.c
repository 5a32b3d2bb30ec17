/* SPDX-License-Identifier: Apache-2.0 */
#include "rdk/rdk_table.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/printable.h"

#include "base/format.h"

enum { MAX_COLUMNS = 12 };

void rdk_table_add(struct rdk_table *t, const char *fmt, ...)
{
    char text[600];
    va_list args;
    va_start(args, fmt);
    format_textv(text, sizeof text, fmt, args);
    va_end(args);
    printable_make(text);
    const char *const cell = text[0] == '\0' ? "--" : arena_text(&t->arena, text, strlen(text));
    if (cell == NULL || !vec_push(&t->cells, cell)) t->failed = true;
}

static void add_rule(struct strbuf *text, char c, size_t n)
{
    strbuf_addf(text, "\n");
    for (size_t i = 0; i < n; i++) strbuf_add(text, &c, 1);
}

static void add_row(struct strbuf *text, const char *const *cells, const size_t *width, int n)
{
    strbuf_addf(text, "\n");
    for (int i = 0; i < n; i++) strbuf_addf(text, "%-*s  ", (int)width[i], cells[i]);
}

void rdk_table_text(const struct rdk_table *t, struct strbuf *text)
{
    const size_t n = (size_t)t->n_columns;
    size_t width[MAX_COLUMNS], whole = 2 * n;
    if (n > MAX_COLUMNS) ITX_BUG();
    for (size_t i = 0; i < n; i++) width[i] = strlen(t->columns[i]);
    for (size_t i = 0; i < t->cells.len; i++) {
        const size_t len = strlen(t->cells.data[i]);
        if (len > width[i % n]) width[i % n] = len;
    }
    for (size_t i = 0; i < n; i++) whole += width[i];
    add_rule(text, '=', whole);
    add_row(text, t->columns, width, t->n_columns);
    add_rule(text, '-', whole);
    for (size_t i = 0; i + n <= t->cells.len; i += n)
        add_row(text, &t->cells.data[i], width, t->n_columns);
    if (t->failed) strbuf_addf(text, "\nout of memory");
}

void rdk_table_release(struct rdk_table *t)
{
    arena_release(&t->arena);
    vec_release(&t->cells);
}
