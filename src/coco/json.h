/* SPDX-License-Identifier: Apache-2.0
 *
 * COCO's files as slices of their text; for this folder only. The whole text is checked once; then only what is wanted
 * is looked at, entry by entry, by any number of threads. Nothing is copied.
 *
 * A value is a struct str from its first character to its last; an empty one is a value that is not there. Names that
 * are written with escapes are not recognised.
 */
#ifndef COCO_JSON_H
#define COCO_JSON_H

#include <stdint.h>

#include "base/status.h"
#include "base/str.h"
#include "base/vec.h"

#define JSON_MAX_DEPTH 100 /* lists and objects within each other */

/* A member of the outermost object; when the outermost value is a list or anything else, that alone, without a name. */
struct json_member {
    struct str name, value;
    size_t first, n; /* of a list: where its entries are in items */
};

/* Zero-initialised is valid and empty. */
struct json_file {
    VEC(struct json_member) members;
    VEC(struct str) items;
};

/* Checks that the bytes, which may be anything, are one JSON value (RFC 8259; of texts only that they end and hold no
 * control characters). On failure `file` is empty. The bytes must outlive it. */
itx_status json_scan(struct json_file *file, const void *data, size_t size, struct itx_error *err);
void json_file_release(struct json_file *file);
/* The entries of a list: of that under `name`, or with NULL of the outermost. False: there is none. */
bool json_find_list(const struct json_file *file, const char *name, const struct str **items,
                    size_t *n);

/* ---- values that were checked ---- */

static inline bool json_begins(struct str value, char c)
{
    return value.len > 0 && value.data[0] == c;
}
static inline bool json_is_list_text(struct str value)
{
    return json_begins(value, '[');
}
static inline bool json_is_object_text(struct str value)
{
    return json_begins(value, '{');
}
static inline bool json_is_quoted(struct str value)
{
    return json_begins(value, '"');
}

/* values[i] = the member called names[i] of an object; of several with one name the last. Anything else has none. */
void json_get_fields(struct str object, const char *const *names, int n, struct str *values);
/* The next entry of a list, of which `rest` is what follows its bracket or the entry before; false at its end. */
bool json_next(struct str *rest, struct str *entry);
struct str json_inside(struct str list);
/* Whether it is a list that is not empty. */
bool json_has_entries(struct str list);

/* False when it is no number; a whole one has neither point nor exponent and fits. */
bool json_get_number(struct str value, double *number);
bool json_get_whole(struct str value, int64_t *number);
/* The text without quotes and escapes; false when it is none, or no UTF-8. Lack of memory is remembered in `out`. */
bool json_get_text(struct str value, struct strbuf *out);

#endif
