/* SPDX-License-Identifier: Apache-2.0
 *
 * A YAML file as a tree whose parts know where in the file they stand.
 */
#ifndef RDK_CONF_H
#define RDK_CONF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/status.h"

/* From 1, as editors count. */
struct conf_place {
    int line, column;
};

enum conf_kind { CONF_TEXT, CONF_LIST, CONF_MAP };

struct conf_value {
    enum conf_kind kind;
    struct conf_place at;
    const char *text; /* of a CONF_TEXT, else "" */
    bool is_plain;    /* it has no quotes around it */
    int n;
    struct conf_item *items; /* [n] of a list or a map, in the file's order */
};

struct conf_item {
    const char *key; /* "" in a list; no two of a map are equal */
    struct conf_place at;
    struct conf_value value;
};

/* Zero-initialised is valid and empty. */
struct conf {
    struct arena arena;
    struct conf_value root;
};

/* One document, up to a megabyte and 16 levels deep, without anchors and aliases. Errors begin "NAME:LINE:COLUMN: ". */
itx_status conf_read(struct conf *conf, const char *name, const void *data, size_t size,
                     struct itx_error *err);
void conf_release(struct conf *conf);

/* What stands at `key` of a map; NULL when nothing does, or when it is no map. */
const struct conf_item *conf_find(const struct conf_value *map, const char *key);

/* True of what YAML, or Python's words, call nothing: an empty value, ~, null, None. */
bool conf_is_none(const struct conf_value *value);

#endif
