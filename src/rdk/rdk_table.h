/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables as the hb_ tools print them: left-justified columns with two blanks behind each, a line of '=' above the heading
 * and one of '-' below it.
 */
#ifndef RDK_TABLE_H
#define RDK_TABLE_H

#include "base/arena.h"
#include "base/str.h"
#include "base/vec.h"

/* `arena` and `cells` may be zero. Without memory cells are missing, and `failed` is set. */
struct rdk_table {
    const char *const *columns;
    int n_columns;
    struct arena arena;
    VEC(const char *) cells; /* row by row */
    bool failed;
};

/* The next cell; "--" for an empty text. */
void rdk_table_add(struct rdk_table *t, const char *fmt, ...) ITX_PRINTF(2, 3);
/* Appends it to the text, each line with a line feed before it. */
void rdk_table_text(const struct rdk_table *t, struct strbuf *text);
void rdk_table_release(struct rdk_table *t);

#endif
