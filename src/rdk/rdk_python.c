/* SPDX-License-Identifier: Apache-2.0 */
#include "rdk/rdk_python.h"

static void add_quoted(struct strbuf *text, const char *value)
{
    const char quote = strchr(value, '\'') != NULL && strchr(value, '"') == NULL ? '"' : '\'';
    strbuf_add(text, &quote, 1);
    for (const char *p = value; *p != '\0'; p++) {
        if (*p == quote || *p == '\\') strbuf_addf(text, "\\");
        strbuf_add(text, p, 1);
    }
    strbuf_add(text, &quote, 1);
}

/* Metadata nest as deep as the parser lets them, which is bounded. */
static void add_value(struct strbuf *text, const json_t *value)
{
    const char *key;
    json_t *item;
    size_t i = 0;
    switch (json_typeof(value)) {
    case JSON_STRING:
        add_quoted(text, json_string_value(value));
        break;
    case JSON_OBJECT:
        strbuf_addf(text, "{");
        json_object_foreach((json_t *)value, key, item)
        {
            strbuf_addf(text, "%s", i++ > 0 ? ", " : "");
            add_quoted(text, key);
            strbuf_addf(text, ": ");
            add_value(text, item);
        }
        strbuf_addf(text, "}");
        break;
    case JSON_ARRAY:
        strbuf_addf(text, "[");
        json_array_foreach(value, i, item)
        {
            strbuf_addf(text, "%s", i > 0 ? ", " : "");
            add_value(text, item);
        }
        strbuf_addf(text, "]");
        break;
    case JSON_INTEGER:
        strbuf_addf(text, "%lld", (long long)json_integer_value(value));
        break;
    case JSON_REAL:
        strbuf_addf(text, "%.9g", json_real_value(value));
        break;
    case JSON_TRUE:
        strbuf_addf(text, "True");
        break;
    case JSON_FALSE:
        strbuf_addf(text, "False");
        break;
    case JSON_NULL:
        strbuf_addf(text, "None");
        break;
    }
}

void rdk_add_python(struct strbuf *text, const json_t *value)
{
    if (json_is_string(value))
        strbuf_addf(text, "%s", json_string_value(value));
    else if (value != NULL)
        add_value(text, value);
}
