/* SPDX-License-Identifier: Apache-2.0
 *
 * hb_mapper's yaml: what is read, written as JSON (which YAML contains) and read again, is the same; the table of keys takes
 * it or counts what it says is wrong.
 */
#include <string.h>

#include "base/str.h"
#include "fuzz.h"
#include "rdk/mapper_keys.h"

/* Every character but printable ASCII as an escape. The texts are UTF-8, which libyaml has checked. */
static void write_text(struct strbuf *out, const char *text)
{
    strbuf_addf(out, "\"");
    for (const uint8_t *p = (const uint8_t *)text; *p != 0;) {
        const int more = *p < 0x80 ? 0 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : 3;
        uint32_t c = more == 0 ? *p : *p & (0x3fu >> more);
        p++;
        for (int i = 0; i < more; i++) c = c << 6 | (*p++ & 0x3fu);
        if (c >= ' ' && c < 0x7f && c != '"' && c != '\\')
            strbuf_addf(out, "%c", (int)c);
        else
            strbuf_addf(out, "\\U%08x", c);
    }
    strbuf_addf(out, "\"");
}

static void write_value(struct strbuf *out, const struct conf_value *v, int depth)
{
    FUZZ_REQUIRE(v->at.line > 0 && v->at.column > 0 && v->text != NULL && depth <= 17);
    if (v->kind == CONF_TEXT) {
        write_text(out, v->text);
        return;
    }
    strbuf_addf(out, v->kind == CONF_MAP ? "{" : "[");
    for (int i = 0; i < v->n; i++) {
        strbuf_addf(out, "%s", i > 0 ? ",\n" : "");
        if (v->kind == CONF_MAP) {
            strbuf_addf(out, "? ");
            write_text(out, v->items[i].key);
            strbuf_addf(out, " : ");
        }
        write_value(out, &v->items[i].value, depth + 1);
    }
    strbuf_addf(out, v->kind == CONF_MAP ? "}" : "]");
}

static void check_same(const struct conf_value *a, const struct conf_value *b)
{
    FUZZ_REQUIRE(a->kind == b->kind && a->n == b->n && strcmp(a->text, b->text) == 0);
    for (int i = 0; i < a->n; i++) {
        FUZZ_REQUIRE(strcmp(a->items[i].key, b->items[i].key) == 0);
        check_same(&a->items[i].value, &b->items[i].value);
    }
}

static void check_keys(const uint8_t *data, size_t size)
{
    struct mapper_values values;
    struct itx_error err;
    FUZZ_REQUIRE(mapper_values_read(&values, "f", data, size, &err) == ITX_OK);
    int n_lines = 0;
    for (size_t i = 0; i < values.mistakes.len; i++) n_lines += values.mistakes.data[i] == '\n';
    FUZZ_REQUIRE(n_lines == values.n_mistakes);
    for (int i = 0; i < KEY_COUNT; i++) {
        const struct mapper_key_info *const info = mapper_key_info((enum mapper_key)i);
        const struct mapper_value *const v = &values.key[i];
        for (int k = 0; k < v->n; k++) FUZZ_REQUIRE(v->item != NULL);
        if (values.n_mistakes == 0 && info->when == WHEN_NEEDED) FUZZ_REQUIRE(v->given != NULL);
        if (values.n_mistakes == 0 && i == KEY_max_percentile)
            FUZZ_REQUIRE(v->number >= 0.5 && v->number <= 1);
    }
    mapper_values_release(&values);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct conf conf, again;
    struct itx_error err;
    struct strbuf text = {0};
    if (size > 65536 || conf_read(&conf, "f", data, size, &err) != ITX_OK) return -1;
    write_value(&text, &conf.root, 0);
    FUZZ_REQUIRE(!text.failed);
    FUZZ_REQUIRE(conf_read(&again, "f", text.data, text.len, &err) == ITX_OK);
    check_same(&conf.root, &again.root);
    conf_release(&again);
    conf_release(&conf);
    strbuf_release(&text);
    check_keys(data, size);
    return 0;
}
