/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/json.h"

#include "cmd/terminal.h"

const char *json_text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

double json_number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

json_t *json_safe_string(const char *text)
{
    json_t *string = json_string(text);
    if (string != NULL) return string;
    struct strbuf b = {0};
    for (const char *p = text; *p != '\0'; p++)
        strbuf_add(&b, (unsigned char)*p < 0x80 ? p : "?", 1);
    if (!b.failed) string = json_string(b.data != NULL ? b.data : "");
    strbuf_release(&b);
    return string;
}

static int add_piece(const char *text, size_t size, void *to)
{
    strbuf_add_json_piece(to, (struct str){text, size});
    return 0;
}

bool json_add_text(struct strbuf *to, const json_t *value, size_t flags)
{
    return value != NULL && json_dump_callback(value, add_piece, to, flags) == 0 && !to->failed;
}

bool json_print(json_t *value, int digits)
{
    struct strbuf text = {0};
    const bool done =
        json_add_text(&text, value, JSON_INDENT(2) | JSON_REAL_PRECISION((size_t)digits));
    if (done)
        printf("%s\n", text.data);
    else
        say_error("out of memory");
    strbuf_release(&text);
    json_decref(value);
    return done;
}
