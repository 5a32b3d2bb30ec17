/* SPDX-License-Identifier: Apache-2.0
 *
 * Small helpers around jansson.
 */
#ifndef CMD_JSON_H
#define CMD_JSON_H

#include <stdbool.h>

#include <jansson.h>

#include "base/str.h"

/* A member's text, or ""; its number, or 0. */
const char *json_text_of(const json_t *object, const char *key);
double json_number(const json_t *object, const char *key);

/* A string whatever the bytes; those that are no UTF-8 become '?'. NULL when out of memory. */
json_t *json_safe_string(const char *text);

/* Adds the value's text, with jansson's flags; keeps the reference. False without memory, or when it is NULL. */
bool json_add_text(struct strbuf *to, const json_t *value, size_t flags);

/* Prints the value on stdout, indented, numbers with `digits` digits; takes the reference. False, and an error said,
 * when it is NULL. */
bool json_print(json_t *value, int digits);

#endif
