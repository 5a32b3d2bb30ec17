/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/terminal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/printable.h"
#include "base/str.h"
#include "base/format.h"

#define WIPE "\r\033[K"

bool has_colors(FILE *out)
{
    const char *term = getenv("TERM");
    return isatty(fileno(out)) && getenv("NO_COLOR") == NULL &&
           (term == NULL || strcmp(term, "dumb") != 0);
}

static const char *color_code(enum color_name color)
{
    switch (color) {
    case COLOR_PLAIN:
        return "";
    case COLOR_RED:
        return "\033[31m";
    case COLOR_GREEN:
        return "\033[32m";
    case COLOR_YELLOW:
        return "\033[33m";
    case COLOR_BOLD:
        return "\033[1m";
    case COLOR_FAINT:
        return "\033[2m";
    }
    ITX_BUG();
}

void print_safely(FILE *out, const char *text)
{
    size_t n;
    for (const char *p = text; *p != '\0'; p += n) {
        const bool is_shown = printable_at(p, 4, &n);
        fwrite(is_shown ? p : "?", 1, is_shown ? n : 1, out);
    }
}

ITX_PRINTF(2, 0) static void print_formatted(FILE *out, const char *fmt, va_list args)
{
    struct strbuf text = {0};
    strbuf_addv(&text, fmt, args);
    print_safely(out, text.failed ? "out of memory" : text.data);
    strbuf_release(&text);
}

void print_line(FILE *out, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    print_formatted(out, fmt, args);
    va_end(args);
    fputc('\n', out);
}

ITX_PRINTF(2, 0) static void say(enum color_name color, const char *fmt, va_list args)
{
    const bool colored = has_colors(stderr);
    fflush(stdout);
    fprintf(stderr, "%sintarsia: %s", isatty(STDERR_FILENO) ? WIPE : "",
            colored ? color_code(color) : "");
    print_formatted(stderr, fmt, args);
    fprintf(stderr, "%s\n", colored ? "\033[0m" : "");
}

void say_error(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    say(COLOR_RED, fmt, args);
    va_end(args);
}

void say_warning(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    say(COLOR_YELLOW, fmt, args);
    va_end(args);
}

enum { REPEATED_SHOWN = 10 };

void repeated_warning(struct repeated *r, const char *fmt, ...)
{
    va_list args;
    if (r->n++ >= REPEATED_SHOWN) return;
    va_start(args, fmt);
    say(COLOR_YELLOW, fmt, args);
    va_end(args);
}

void repeated_end(struct repeated *r)
{
    if (r->n > REPEATED_SHOWN) say_warning("and %d more", r->n - REPEATED_SHOWN);
    r->n = 0;
}

/* ---- progress ---- */

void progress_update(struct progress *p, const char *stage, int done, int total)
{
    enum { WIDTH = 30 };
    const uint64_t now = clock_ns();
    if (p->start_ns == 0) p->start_ns = now;
    const bool is_new = p->stage == NULL || strcmp(p->stage, stage) != 0;
    p->stage = stage;
    if (now - p->start_ns < 500000000u || !isatty(STDERR_FILENO)) return;
    if (!is_new && done != total && now - p->shown_ns < 100000000u) return;
    p->shown_ns = now;
    p->is_shown = true;
    if (total <= 0) {
        fprintf(stderr, WIPE "%-12s ...", stage);
    } else {
        const int filled = (int)((int64_t)WIDTH * (done < total ? done : total) / total);
        fprintf(stderr, WIPE "%-12s [", stage);
        for (int i = 0; i < WIDTH; i++) fputc(i < filled ? '#' : '.', stderr);
        fprintf(stderr, "] %d of %d", done, total);
    }
    fflush(stderr);
}

void progress_clear(struct progress *p)
{
    if (p->is_shown) fprintf(stderr, WIPE);
    p->is_shown = false;
}

/* ---- tables ---- */

/* Characters of UTF-8 text. */
static int text_width(const char *text)
{
    int n = 0;
    for (const char *p = text; *p != '\0'; p++) n += ((unsigned char)*p & 0xc0) != 0x80;
    return n;
}

void table_cell(struct table *t, enum color_name color, const char *fmt, ...)
{
    char text[300];
    va_list args;
    va_start(args, fmt);
    format_textv(text, sizeof text, fmt, args);
    va_end(args);
    printable_make(text);
    int column = 0;
    for (size_t i = t->cells.len; i > 0 && !t->cells.data[i - 1].is_last; i--) column++;
    if (column >= TABLE_MAX_COLUMNS) ITX_BUG();
    const char *copy = arena_text(&t->arena, text, strlen(text));
    if (copy == NULL || !vec_push(&t->cells, (struct table_cell){copy, color, false})) return;
    const int width = text_width(copy);
    if (width > t->width[column]) t->width[column] = width;
}

void table_end_row(struct table *t)
{
    if (t->cells.len != 0) t->cells.data[t->cells.len - 1].is_last = true;
}

void table_print(const struct table *t, const char *align, FILE *out)
{
    const bool colored = has_colors(out);
    int column = 0;
    bool is_heading = true;
    for (size_t i = 0; i < t->cells.len; i++) {
        const struct table_cell *cell = &t->cells.data[i];
        const int gap = t->width[column] - text_width(cell->text);
        const enum color_name color = is_heading ? COLOR_BOLD : cell->color;
        if (column != 0) fprintf(out, "  ");
        if (align[column] == 'r') fprintf(out, "%*s", gap, "");
        if (colored && color != COLOR_PLAIN)
            fprintf(out, "%s%s\033[0m", color_code(color), cell->text);
        else
            fprintf(out, "%s", cell->text);
        if (align[column] == 'l' && !cell->is_last) fprintf(out, "%*s", gap, "");
        column++;
        if (!cell->is_last) continue;
        fprintf(out, "\n");
        column = 0;
        is_heading = false;
    }
}

void table_release(struct table *t)
{
    vec_release(&t->cells);
    arena_release(&t->arena);
}

const char *bytes_text(uint64_t bytes, char *text)
{
    if (bytes < 10000)
        snprintf(text, NUMBER_TEXT_SIZE, "%d B", (int)bytes);
    else if (bytes < 1000000)
        format_text(text, NUMBER_TEXT_SIZE, "%.1f kB", (double)bytes / 1e3);
    else
        format_text(text, NUMBER_TEXT_SIZE, "%.2f MB", (double)bytes / 1e6);
    return text;
}
