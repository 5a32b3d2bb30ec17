/* SPDX-License-Identifier: Apache-2.0
 *
 * How the program talks: messages and progress on stderr, tables on stdout. Colours only where a terminal is.
 */
#ifndef CMD_TERMINAL_H
#define CMD_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/vec.h"

/* One line on stderr, "intarsia: ...", as print_line; a progress bar that stands there is wiped first. */
void say_error(const char *fmt, ...) ITX_PRINTF(1, 2);
void say_warning(const char *fmt, ...) ITX_PRINTF(1, 2);

/* Of one kind, of which there may be thousands: the first ten are said, the others counted. Zero-initialised is valid. */
struct repeated {
    int n;
};
void repeated_warning(struct repeated *r, const char *fmt, ...) ITX_PRINTF(2, 3);
/* "and 109 more", where there are; the next one begins anew. */
void repeated_end(struct repeated *r);

enum color_name { COLOR_PLAIN, COLOR_RED, COLOR_GREEN, COLOR_YELLOW, COLOR_BOLD, COLOR_FAINT };
bool has_colors(FILE *out);

/* ---- progress: appears once something has taken half a second, ten times a second at most ---- */

/* Zero-initialised is valid. */
struct progress {
    uint64_t start_ns, shown_ns;
    const char *stage;
    bool is_shown;
};
/* total 0: unknown. */
void progress_update(struct progress *p, const char *stage, int done, int total);
void progress_clear(struct progress *p);

/* ---- tables ---- */

enum { TABLE_MAX_COLUMNS = 12 };

/* Zero-initialised is valid and empty. Cells are copied; what may not be shown in them is replaced.
 * Without memory cells are missing. */
struct table {
    struct arena arena;
    VEC(struct table_cell {
        const char *text;
        enum color_name color;
        bool is_last; /* of its row */
    })
    cells;
    int width[TABLE_MAX_COLUMNS];
};
void table_cell(struct table *t, enum color_name color, const char *fmt, ...) ITX_PRINTF(3, 4);
void table_end_row(struct table *t);
/* align: one letter a column, 'l' or 'r'. The first row is the heading. */
void table_print(const struct table *t, const char *align, FILE *out);
void table_release(struct table *t);

/* Text from a file or a file's name: what may not be shown (base/printable.h) becomes question marks. */
void print_safely(FILE *out, const char *text);
/* Such a text, formatted, and the end of the line. */
void print_line(FILE *out, const char *fmt, ...) ITX_PRINTF(2, 3);

/* ---- numbers for people ---- */

#define NUMBER_TEXT_SIZE 32
/* "12.3 MB"; returns text. */
const char *bytes_text(uint64_t bytes, char *text);

#endif
