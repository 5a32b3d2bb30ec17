/* SPDX-License-Identifier: Apache-2.0
 *
 * What jansson takes for JSON, we do too (unless it lies too deep), and see the same numbers, texts and entries in it. What
 * only we take is something jansson refuses for its contents: text that is no UTF-8, numbers that are too large.
 */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "coco/json.h"

#include "fuzz.h"

static int depth_of(const json_t *v)
{
    int most = 0;
    size_t i;
    const char *key;
    json_t *entry;
    json_array_foreach(json_is_array(v) ? v : NULL, i, entry)
    {
        const int depth = depth_of(entry);
        if (depth > most) most = depth;
    }
    json_object_foreach((json_t *)(json_is_object(v) ? v : NULL), key, entry)
    {
        const int depth = depth_of(entry);
        if (depth > most) most = depth;
    }
    return most + 1;
}

static void compare(const json_t *theirs, struct str ours);

static void compare_lists(const json_t *theirs, struct str ours)
{
    struct str rest = json_inside(ours), entry;
    size_t n = 0;
    while (json_next(&rest, &entry)) compare(json_array_get(theirs, n++), entry);
    if (n != json_array_size(theirs)) abort();
}

/* Names with escapes, which we do not recognise, are looked up by nobody. */
static void compare_objects(const json_t *theirs, struct str ours)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)theirs, key, value)
    {
        struct str found;
        json_get_fields(ours, &key, 1, &found);
        if (found.len > 0) compare(value, found);
    }
}

static void compare_texts(const json_t *theirs, struct str ours)
{
    struct strbuf text = {0};
    if (!json_get_text(ours, &text) || text.failed) abort();
    if (text.len != json_string_length(theirs)) abort();
    if (text.len > 0 && memcmp(text.data, json_string_value(theirs), text.len) != 0) abort();
    strbuf_release(&text);
}

static void compare(const json_t *theirs, struct str ours)
{
    double number;
    int64_t whole;
    if (json_is_array(theirs)) compare_lists(theirs, ours);
    if (json_is_object(theirs)) compare_objects(theirs, ours);
    if (json_is_string(theirs)) compare_texts(theirs, ours);
    if (json_get_whole(ours, &whole) != json_is_integer(theirs)) abort();
    if (json_is_integer(theirs) && whole != json_integer_value(theirs)) abort();
    if (ours.len >= 400) return; /* longer numbers are none to us */
    if (json_get_number(ours, &number) != json_is_number(theirs)) abort();
    if (json_is_number(theirs) && number != json_number_value(theirs)) abort();
    if (json_is_list_text(ours) != json_is_array(theirs)) abort();
    if (json_has_entries(ours) != (json_array_size(theirs) > 0)) abort();
}

/* Jansson looks at objects with a name twice as at one; so do we, at the last. It takes a zero byte for the end. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0 && memchr(data, '\0', size) != NULL) return 0;
    struct json_file file;
    json_error_t error;
    const itx_status rc = json_scan(&file, data, size, NULL);
    json_t *theirs = json_loadb((const char *)data, size, JSON_DECODE_ANY, &error);
    if (rc == ITX_OK && theirs == NULL) {
        const enum json_error_code code = json_error_code(&error);
        if (code == json_error_invalid_syntax && strstr(error.text, "invalid Unicode") == NULL)
            abort();
    }
    if (rc != ITX_OK && theirs != NULL && depth_of(theirs) <= JSON_MAX_DEPTH) abort();
    if (rc == ITX_OK && theirs != NULL && file.members.len > 0 &&
        file.members.data[0].name.data == NULL)
        compare(theirs, file.members.data[0].value);
    json_decref(theirs);
    if (rc == ITX_OK) json_file_release(&file);
    return 0;
}
