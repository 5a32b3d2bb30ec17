/* SPDX-License-Identifier: Apache-2.0 */
#include "rdk/conf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <yaml.h>

#include "base/format.h"
#include "base/vec.h"

enum { MAX_DEPTH = 16, MAX_ITEMS = 4096, MAX_SIZE = 1 << 20 };

struct reader {
    yaml_parser_t parser;
    struct conf *conf;
    const char *name;
    int depth;
};

static struct conf_place place_of(yaml_mark_t mark)
{
    return (struct conf_place){(int)mark.line + 1, (int)mark.column + 1};
}

static itx_status no_memory(const struct reader *r, struct itx_error *err)
{
    return itx_fail(err, ITX_E_NOMEM, "%s: out of memory", r->name);
}

ITX_PRINTF(4, 5)
static itx_status wrong(const struct reader *r, struct conf_place at, struct itx_error *err,
                        const char *fmt, ...)
{
    char text[300];
    va_list args;
    va_start(args, fmt);
    format_textv(text, sizeof text, fmt, args);
    va_end(args);
    return itx_fail(err, ITX_E_FORMAT, "%s:%d:%d: %s", r->name, at.line, at.column, text);
}

/* The next event, to be deleted by the caller. */
static itx_status next_event(struct reader *r, yaml_event_t *event, struct itx_error *err)
{
    yaml_parser_t *const p = &r->parser;
    if (yaml_parser_parse(p, event)) return ITX_OK;
    if (p->error == YAML_MEMORY_ERROR) return no_memory(r, err);
    const char *const problem = p->problem != NULL ? p->problem : "is no YAML";
    if (p->error == YAML_READER_ERROR)
        return itx_fail(err, ITX_E_FORMAT, "%s: %s, at byte %zu", r->name, problem,
                        p->problem_offset);
    const struct conf_place at = place_of(p->problem_mark);
    return p->context != NULL ? wrong(r, at, err, "%s, %s", problem, p->context)
                              : wrong(r, at, err, "%s", problem);
}

static itx_status copy_text(struct reader *r, const yaml_event_t *event, const char **text,
                            struct itx_error *err)
{
    const char *const from = (const char *)event->data.scalar.value;
    const size_t len = event->data.scalar.length;
    if (memchr(from, '\0', len) != NULL)
        return wrong(r, place_of(event->start_mark), err, "there is a zero byte in a text");
    *text = arena_text(&r->conf->arena, from, len);
    return *text != NULL ? ITX_OK : no_memory(r, err);
}

static itx_status read_value(struct reader *r, const yaml_event_t *event, struct conf_value *value,
                             struct itx_error *err);

typedef VEC(struct conf_item) item_vec;

/* `event` is the key, or in a list the item itself. */
static itx_status read_item(struct reader *r, const yaml_event_t *event, bool is_map,
                            item_vec *items, struct itx_error *err)
{
    struct conf_item item = {.key = "", .at = place_of(event->start_mark)};
    if (items->len == MAX_ITEMS)
        return wrong(r, item.at, err, "more than %d things in a list or map", MAX_ITEMS);
    if (!is_map) {
        ITX_TRY(read_value(r, event, &item.value, err));
        return vec_push(items, item) ? ITX_OK : no_memory(r, err);
    }
    if (event->type != YAML_SCALAR_EVENT) return wrong(r, item.at, err, "a key has to be a word");
    ITX_TRY(copy_text(r, event, &item.key, err));
    for (size_t i = 0; i < items->len; i++)
        if (strcmp(items->data[i].key, item.key) == 0)
            return wrong(r, item.at, err, "%s stands here again, it is in line %d already",
                         item.key, items->data[i].at.line);
    yaml_event_t behind;
    ITX_TRY(next_event(r, &behind, err));
    const itx_status rc = read_value(r, &behind, &item.value, err);
    yaml_event_delete(&behind);
    if (rc != ITX_OK) return rc;
    return vec_push(items, item) ? ITX_OK : no_memory(r, err);
}

static itx_status read_items(struct reader *r, struct conf_value *value, item_vec *items,
                             struct itx_error *err)
{
    const yaml_event_type_t end =
        value->kind == CONF_MAP ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
    for (bool is_end = false; !is_end;) {
        yaml_event_t event;
        ITX_TRY(next_event(r, &event, err));
        is_end = event.type == end;
        const itx_status rc =
            is_end ? ITX_OK : read_item(r, &event, value->kind == CONF_MAP, items, err);
        yaml_event_delete(&event);
        if (rc != ITX_OK) return rc;
    }
    value->n = (int)items->len;
    if (value->n == 0) return ITX_OK;
    value->items = arena_dup(&r->conf->arena, items->data, items->len * sizeof *items->data);
    return value->items != NULL ? ITX_OK : no_memory(r, err);
}

static itx_status read_value(struct reader *r, const yaml_event_t *event, struct conf_value *value,
                             struct itx_error *err)
{
    *value = (struct conf_value){.at = place_of(event->start_mark), .text = ""};
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        value->is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
        return copy_text(r, event, &value->text, err);
    case YAML_SEQUENCE_START_EVENT:
        value->kind = CONF_LIST;
        break;
    case YAML_MAPPING_START_EVENT:
        value->kind = CONF_MAP;
        break;
    case YAML_ALIAS_EVENT:
        return wrong(r, value->at, err, "anchors and aliases are not read");
    default:
        return wrong(r, value->at, err, "a value is missing");
    }
    if (r->depth == MAX_DEPTH)
        return wrong(r, value->at, err, "more than %d levels of lists and maps", MAX_DEPTH);
    item_vec items = {0};
    r->depth++;
    const itx_status rc = read_items(r, value, &items, err);
    r->depth--;
    vec_release(&items);
    return rc;
}

/* Reads up to the event of `type`, which the caller deletes. */
static itx_status skip_to(struct reader *r, yaml_event_type_t type, yaml_event_t *event,
                          struct itx_error *err)
{
    for (;;) {
        ITX_TRY(next_event(r, event, err));
        const struct conf_place at = place_of(event->start_mark);
        const yaml_event_type_t got = event->type;
        if (got == type) return ITX_OK;
        yaml_event_delete(event);
        if (got == YAML_STREAM_END_EVENT)
            return itx_fail(err, ITX_E_FORMAT, "%s: is empty", r->name);
        if (type == YAML_STREAM_END_EVENT && got == YAML_DOCUMENT_START_EVENT)
            return wrong(r, at, err, "a second document begins, one is expected");
    }
}

static itx_status read_document(struct reader *r, struct itx_error *err)
{
    yaml_event_t event;
    ITX_TRY(skip_to(r, YAML_DOCUMENT_START_EVENT, &event, err));
    yaml_event_delete(&event);
    ITX_TRY(next_event(r, &event, err));
    itx_status rc = read_value(r, &event, &r->conf->root, err);
    yaml_event_delete(&event);
    if (rc == ITX_OK) rc = skip_to(r, YAML_STREAM_END_EVENT, &event, err);
    if (rc == ITX_OK) yaml_event_delete(&event);
    return rc;
}

itx_status conf_read(struct conf *conf, const char *name, const void *data, size_t size,
                     struct itx_error *err)
{
    struct reader r = {.conf = conf, .name = name};
    *conf = (struct conf){.root = {.text = ""}};
    if (size > MAX_SIZE)
        return itx_fail(err, ITX_E_FORMAT, "%s: is larger than %d bytes", name, MAX_SIZE);
    if (!yaml_parser_initialize(&r.parser)) return no_memory(&r, err);
    yaml_parser_set_input_string(&r.parser, data, size);
    const itx_status rc = read_document(&r, err);
    yaml_parser_delete(&r.parser);
    if (rc != ITX_OK) conf_release(conf);
    return rc;
}

void conf_release(struct conf *conf)
{
    arena_release(&conf->arena);
    *conf = (struct conf){.root = {.text = ""}};
}

const struct conf_item *conf_find(const struct conf_value *map, const char *key)
{
    for (int i = 0; map->kind == CONF_MAP && i < map->n; i++)
        if (strcmp(map->items[i].key, key) == 0) return &map->items[i];
    return NULL;
}

bool conf_is_none(const struct conf_value *value)
{
    static const char *const words[] = {"~", "null", "Null", "NULL"};
    if (value->kind != CONF_TEXT) return false;
    if (value->text[0] == '\0' || strcmp(value->text, "None") == 0) return true;
    for (size_t i = 0; value->is_plain && i < ARRAY_LEN(words); i++)
        if (strcmp(value->text, words[i]) == 0) return true;
    return false;
}
