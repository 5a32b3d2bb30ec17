/* SPDX-License-Identifier: Apache-2.0
 *
 * The keys of makertbin's yaml: which there are, and a file's values for them, checked. mapper_keys.def lists them.
 */
#ifndef RDK_MAPPER_KEYS_H
#define RDK_MAPPER_KEYS_H

#include "base/str.h"
#include "rdk/conf.h"

enum mapper_group {
    GROUP_MODEL,
    GROUP_INPUT,
    GROUP_CALIBRATION,
    GROUP_COMPILER,
    GROUP_CUSTOM_OP,
    GROUP_COUNT
};
const char *mapper_group_name(enum mapper_group group); /* "model_parameters" */

enum mapper_kind {
    KIND_TEXT,
    KIND_FLAG,
    KIND_INT,
    KIND_NUMBER,
    KIND_CHOICE,
    /* several, with ';' between them, or a YAML list: */
    KIND_LIST,
    KIND_CHOICES,
    KIND_NUMBERS, /* of each input one or several numbers */
    /* with ',' between them: */
    KIND_ITEMS,
    /* maps, read by those who know what they mean: */
    KIND_NODES,
    KIND_SOURCES
};

enum mapper_when { WHEN_OBEYED, WHEN_NEEDED, WHEN_IDLE };

enum mapper_key {
#define X(group, name, ...) KEY_##name,
#include "rdk/mapper_keys.def"
#undef X
    KEY_COUNT
};

struct mapper_key_info {
    enum mapper_group group;
    const char *name;
    enum mapper_kind kind;
    const char *values, *fallback; /* NULL: nothing */
    enum mapper_when when;
    const char *here; /* what it does; of an idle key why it does nothing */
};
const struct mapper_key_info *mapper_key_info(enum mapper_key key);

/* What a file says about one key. */
struct mapper_value {
    const struct conf_value *given; /* NULL: it is not there, or nothing */
    struct conf_place at;
    const char *text; /* one value as text, or the default; NULL when there is none */
    double number;
    bool flag;
    int n; /* of a list; "None" is NULL */
    const char *const *item;
};

/* Zero-initialised is valid and empty. */
struct mapper_values {
    struct conf conf;
    struct mapper_value key[KEY_COUNT];
    bool has_group[GROUP_COUNT];
    int n_mistakes;
    struct strbuf mistakes; /* a line each: "NAME:LINE:COLUMN: what is wrong" */
};

/* Reads and checks a whole file. ITX_OK also with mistakes in keys and values: they are counted, and listed. An error when it is no
 * YAML. */
itx_status mapper_values_read(struct mapper_values *values, const char *name, const void *data,
                              size_t size, struct itx_error *err);
void mapper_values_release(struct mapper_values *values);

/* Notes one more. `near`: of n names the one that was perhaps meant is added. */
void mapper_mistake(struct mapper_values *values, const char *name, struct conf_place at,
                    const char *fmt, ...) ITX_PRINTF(4, 5);

/* The parts of a text between separators, blanks at their ends taken off, in the arena. NULL without memory. */
const char *const *mapper_split(struct arena *arena, const char *text, const char *separators,
                                int *n);

#endif
