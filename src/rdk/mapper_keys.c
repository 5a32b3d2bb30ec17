/* SPDX-License-Identifier: Apache-2.0 */
#include "rdk/mapper_keys.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/format.h"
#include "base/vec.h"
#include "cmd/cmd.h"

#define MODEL GROUP_MODEL
#define INPUT GROUP_INPUT
#define CALIBRATION GROUP_CALIBRATION
#define COMPILER GROUP_COMPILER
#define CUSTOM_OP GROUP_CUSTOM_OP
static const struct mapper_key_info infos[KEY_COUNT] = {
#define X(group, name, kind, values, fallback, when, here)                                         \
    {group, #name, KIND_##kind, values, fallback, WHEN_##when, here},
#include "rdk/mapper_keys.def"
#undef X
};

static const char *const group_names[GROUP_COUNT] = {
    [GROUP_MODEL] = "model_parameters",
    [GROUP_INPUT] = "input_parameters",
    [GROUP_CALIBRATION] = "calibration_parameters",
    [GROUP_COMPILER] = "compiler_parameters",
    [GROUP_CUSTOM_OP] = "custom_op",
};

const char *mapper_group_name(enum mapper_group group)
{
    return group_names[group];
}

const struct mapper_key_info *mapper_key_info(enum mapper_key key)
{
    return &infos[key];
}

/* ---- mistakes ---- */

void mapper_mistake(struct mapper_values *values, const char *name, struct conf_place at,
                    const char *fmt, ...)
{
    char text[700];
    va_list args;
    va_start(args, fmt);
    format_textv(text, sizeof text, fmt, args);
    va_end(args);
    for (char *p = text; *p != '\0'; p++)
        if (*p == '\n') *p = ' ';
    if (at.line > 0)
        strbuf_addf(&values->mistakes, "%s:%d:%d: %s\n", name, at.line, at.column, text);
    else
        strbuf_addf(&values->mistakes, "%s: %s\n", name, text);
    values->n_mistakes++;
}

/* Reading one file. */
struct reader {
    struct mapper_values *values;
    const char *name;
    struct itx_error *err;
    itx_status rc;
};

static void no_memory(struct reader *r)
{
    r->rc = itx_fail(r->err, ITX_E_NOMEM, "%s: out of memory", r->name);
}

#define MAX_CHOICES 16
/* The alternatives of "a|b|c", in the arena. */
static int alternatives(struct reader *r, const char *values, const char **names)
{
    int n = 0;
    const char *const *const all = mapper_split(&r->values->conf.arena, values, "|", &n);
    if (all == NULL) {
        no_memory(r);
        return 0;
    }
    if (n > MAX_CHOICES) ITX_BUG();
    for (int i = 0; i < n; i++) names[i] = all[i];
    return n;
}

static void check_choice(struct reader *r, const struct mapper_key_info *k, const char *text,
                         struct conf_place at)
{
    const char *names[MAX_CHOICES];
    const int n = alternatives(r, k->values, names);
    struct strbuf list = {0};
    for (int i = 0; i < n; i++) {
        if (strcmp(names[i], text) == 0) {
            strbuf_release(&list);
            return;
        }
        strbuf_addf(&list, i == 0 ? "%s" : i + 1 < n ? ", %s" : " or %s", names[i]);
    }
    const char *const near = nearest_name(text, names, n);
    mapper_mistake(r->values, r->name, at, "%s.%s: \"%s\" is not %s%s%s", group_names[k->group],
                   k->name, text, list.failed || n == 0 ? "possible" : list.data,
                   near != NULL ? "; did you mean " : "", near != NULL ? near : "");
    strbuf_release(&list);
}

/* ---- values ---- */

const char *const *mapper_split(struct arena *arena, const char *text, const char *separators,
                                int *n)
{
    size_t count = 1;
    for (const char *p = text; (p = strpbrk(p, separators)) != NULL; p++) count++;
    const char **const list = arena_calloc(arena, count, sizeof *list);
    if (list == NULL) return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t len = strcspn(text, separators);
        const char *const next = text + len + (text[len] != '\0');
        while (len > 0 && strchr(" \t\n", *text) != NULL) text++, len--;
        while (len > 0 && strchr(" \t\n", text[len - 1]) != NULL) len--;
        list[i] = arena_text(arena, text, len);
        if (list[i] == NULL) return NULL;
        text = next;
    }
    *n = (int)count;
    return list;
}

/* Whether there is text alone, and what it is. */
static bool is_text(struct reader *r, const struct mapper_key_info *k, const struct conf_value *v)
{
    if (v->kind == CONF_TEXT) return true;
    mapper_mistake(r->values, r->name, v->at, "%s.%s: %s is expected, not a %s",
                   group_names[k->group], k->name, k->values, v->kind == CONF_MAP ? "map" : "list");
    return false;
}

static void read_flag(struct reader *r, const struct mapper_key_info *k, struct mapper_value *v)
{
    static const char *const words[] = {"false", "no", "off", "0", "true", "yes", "on", "1"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (ascii_compare(v->text, words[i]) == 0) {
            v->flag = i >= ARRAY_LEN(words) / 2;
            return;
        }
    mapper_mistake(r->values, r->name, v->at, "%s.%s: \"%s\" is neither True nor False",
                   group_names[k->group], k->name, v->text);
}

/* False unless the whole text is a finite number. */
static bool parse_number(const char *text, double *number)
{
    char *end;
    errno = 0;
    *number = parse_double(text, &end);
    return end != text && end[strspn(end, " ")] == '\0' && errno == 0 && isfinite(*number);
}

static void read_number(struct reader *r, const struct mapper_key_info *k, struct mapper_value *v)
{
    const double least = parse_double(k->values, NULL),
                 most = parse_double(strstr(k->values, "..") + 2, NULL);
    const bool is_whole = k->kind == KIND_INT;
    if (parse_number(v->text, &v->number) && v->number >= least && v->number <= most &&
        (!is_whole || v->number == floor(v->number)))
        return;
    mapper_mistake(r->values, r->name, v->at, "%s.%s: \"%s\" is not a %snumber from %.10g to %.10g",
                   group_names[k->group], k->name, v->text, is_whole ? "whole " : "", least, most);
    v->number = least;
}

static void check_numbers(struct reader *r, const struct mapper_key_info *k,
                          const struct mapper_value *v)
{
    for (int i = 0; i < v->n; i++) {
        int n = 0;
        if (v->item[i] == NULL) continue;
        const char *const *const parts = mapper_split(&r->values->conf.arena, v->item[i], " ,", &n);
        if (parts == NULL) {
            no_memory(r);
            return;
        }
        for (int j = 0; j < n; j++) {
            double number;
            if (parts[j][0] == '\0' || parse_number(parts[j], &number)) continue;
            mapper_mistake(r->values, r->name, v->at, "%s.%s: \"%s\" is not a number",
                           group_names[k->group], k->name, parts[j]);
        }
    }
}

/* The text of a list's item, NULL of a None. */
static const char *item_text(const char *text)
{
    return strcmp(text, "None") == 0 ? NULL : text;
}

static void read_yaml_list(struct reader *r, const struct mapper_key_info *k,
                           struct mapper_value *v)
{
    const struct conf_value *const list = v->given;
    const char **const item = arena_calloc(&r->values->conf.arena, (size_t)list->n, sizeof *item);
    if (item == NULL) {
        no_memory(r);
        return;
    }
    for (int i = 0; i < list->n; i++) {
        const struct conf_value *const one = &list->items[i].value;
        if (!is_text(r, k, one)) return;
        item[i] = conf_is_none(one) ? NULL : one->text;
    }
    v->n = list->n;
    v->item = item;
}

static void read_list(struct reader *r, const struct mapper_key_info *k, struct mapper_value *v)
{
    if (v->given != NULL && v->given->kind == CONF_LIST) {
        read_yaml_list(r, k, v);
    } else if (v->text != NULL) {
        int n = 0;
        const char *const *const parts =
            mapper_split(&r->values->conf.arena, v->text, k->kind == KIND_ITEMS ? "," : ";", &n);
        const char **const item =
            parts != NULL ? arena_calloc(&r->values->conf.arena, (size_t)n, sizeof *item) : NULL;
        if (item == NULL) {
            no_memory(r);
            return;
        }
        if (n > 1 && parts[n - 1][0] == '\0') n--; /* "a;b;" */
        for (int i = 0; i < n; i++) item[i] = item_text(parts[i]);
        v->n = n;
        v->item = item;
    }
    for (int i = 0; k->kind == KIND_CHOICES && i < v->n; i++)
        if (v->item[i] != NULL) check_choice(r, k, v->item[i], v->at);
    if (k->kind == KIND_NUMBERS) check_numbers(r, k, v);
}

static void read_value(struct reader *r, enum mapper_key key)
{
    const struct mapper_key_info *const k = &infos[key];
    struct mapper_value *const v = &r->values->key[key];
    const bool is_list = k->kind == KIND_LIST || k->kind == KIND_CHOICES ||
                         k->kind == KIND_NUMBERS || k->kind == KIND_ITEMS;
    if (v->given != NULL && v->given->kind == CONF_TEXT)
        v->text = v->given->text;
    else if (v->given == NULL)
        v->text = k->fallback;
    else if (!is_list &&
             (k->kind == KIND_NODES || k->kind == KIND_SOURCES ? v->given->kind != CONF_MAP
                                                               : !is_text(r, k, v->given)))
        v->given = NULL;
    else if (is_list && v->given->kind == CONF_MAP && !is_text(r, k, v->given))
        v->given = NULL;
    if (is_list) read_list(r, k, v);
    if (v->text == NULL) return;
    if (k->kind == KIND_FLAG)
        read_flag(r, k, v);
    else if (k->kind == KIND_INT || k->kind == KIND_NUMBER)
        read_number(r, k, v);
    else if (k->kind == KIND_CHOICE)
        check_choice(r, k, v->text, v->at);
}

/* ---- keys ---- */

static void unknown_group(struct reader *r, const struct conf_item *item)
{
    const char *const near = nearest_name(item->key, group_names, GROUP_COUNT);
    for (int i = 0; i < KEY_COUNT; i++)
        if (strcmp(infos[i].name, item->key) == 0) {
            mapper_mistake(r->values, r->name, item->at, "%s belongs into the group %s", item->key,
                           group_names[infos[i].group]);
            return;
        }
    mapper_mistake(r->values, r->name, item->at, "unknown group \"%s\"%s%s%s", item->key,
                   near != NULL ? ", did you mean " : "", near != NULL ? near : "",
                   near != NULL ? "?" : "");
}

static void unknown_key(struct reader *r, enum mapper_group group, const struct conf_item *item)
{
    const char *names[KEY_COUNT];
    int n = 0;
    for (int i = 0; i < KEY_COUNT; i++) {
        if (infos[i].group == group) names[n++] = infos[i].name;
        if (strcmp(infos[i].name, item->key) != 0) continue;
        mapper_mistake(r->values, r->name, item->at, "%s: %s belongs into the group %s",
                       group_names[group], item->key, group_names[infos[i].group]);
        return;
    }
    const char *const near = nearest_name(item->key, names, n);
    mapper_mistake(r->values, r->name, item->at, "%s: unknown key \"%s\"%s%s%s", group_names[group],
                   item->key, near != NULL ? ", did you mean " : "", near != NULL ? near : "",
                   near != NULL ? "?" : "");
}

static void read_group(struct reader *r, enum mapper_group group, const struct conf_item *item)
{
    const struct conf_value *const map = &item->value;
    r->values->has_group[group] = true;
    if (conf_is_none(map)) return;
    if (map->kind != CONF_MAP) {
        mapper_mistake(r->values, r->name, map->at, "%s: keys and values are expected",
                       group_names[group]);
        return;
    }
    for (int i = 0; i < map->n; i++) {
        int key = 0;
        while (key < KEY_COUNT &&
               (infos[key].group != group || strcmp(infos[key].name, map->items[i].key) != 0))
            key++;
        if (key == KEY_COUNT) {
            unknown_key(r, group, &map->items[i]);
            continue;
        }
        struct mapper_value *const v = &r->values->key[key];
        v->at = map->items[i].at;
        /* an empty text is a value of a list of names: the only input's */
        if (!conf_is_none(&map->items[i].value)) v->given = &map->items[i].value;
        if (v->given != NULL) v->at = v->given->at;
    }
}

/* In the words of the board's tool, and how it is meant. */
static void check_missing(struct reader *r, enum mapper_group group)
{
    struct strbuf names = {0};
    if (!r->values->has_group[group]) {
        if (group == GROUP_CUSTOM_OP) return;
        mapper_mistake(r->values, r->name, (struct conf_place){0}, "Missing keys: '%s'",
                       group_names[group]);
        return;
    }
    for (int i = 0; i < KEY_COUNT; i++)
        if (infos[i].group == group && infos[i].when == WHEN_NEEDED &&
            r->values->key[i].given == NULL)
            strbuf_addf(&names, "%s'%s' (%s)", names.len > 0 ? ", " : "", infos[i].name,
                        infos[i].values);
    if (names.len > 0)
        mapper_mistake(r->values, r->name, (struct conf_place){0},
                       "Key '%s' error: Missing keys: %s", group_names[group],
                       names.failed ? "" : names.data);
    strbuf_release(&names);
}

static void read_groups(struct reader *r)
{
    const struct conf_value *const root = &r->values->conf.root;
    if (root->kind != CONF_MAP) {
        mapper_mistake(r->values, r->name, root->at,
                       "groups of keys are expected: model_parameters, input_parameters, ...");
        return;
    }
    for (int i = 0; i < root->n; i++) {
        int group = 0;
        while (group < GROUP_COUNT && strcmp(group_names[group], root->items[i].key) != 0) group++;
        if (group < GROUP_COUNT)
            read_group(r, (enum mapper_group)group, &root->items[i]);
        else
            unknown_group(r, &root->items[i]);
    }
    for (int group = 0; group < GROUP_COUNT; group++) check_missing(r, (enum mapper_group)group);
    for (int key = 0; key < KEY_COUNT; key++) read_value(r, (enum mapper_key)key);
}

itx_status mapper_values_read(struct mapper_values *values, const char *name, const void *data,
                              size_t size, struct itx_error *err)
{
    struct reader r = {.values = values, .name = name, .err = err};
    *values = (struct mapper_values){0};
    ITX_TRY(conf_read(&values->conf, name, data, size, err));
    read_groups(&r);
    if (r.rc == ITX_OK && values->mistakes.failed) no_memory(&r);
    if (r.rc != ITX_OK) mapper_values_release(values);
    return r.rc;
}

void mapper_values_release(struct mapper_values *values)
{
    conf_release(&values->conf);
    strbuf_release(&values->mistakes);
    *values = (struct mapper_values){0};
}
