/* SPDX-License-Identifier: Apache-2.0
 *
 * The yaml of hb_mapper: what the reader sees and where, what the table of keys takes, and the words for what it does not.
 */
#include "rdk/mapper_keys.h"

#include "base/file.h"
#include "base/mem.h"
#include "test.h"

static itx_status read_conf(struct conf *conf, const char *text, struct itx_error *err)
{
    return conf_read(conf, "f", text, strlen(text), err);
}

/* ---- the reader ---- */

static void test_conf__tree_and_places(void)
{
    struct conf conf;
    const char *const text = "a:\n  b: 'x y'\n  c: [1, \"2\", ~]\nd: {e: , f: {g: h}}\n";
    REQUIRE(read_conf(&conf, text, NULL) == ITX_OK);
    const struct conf_value *const root = &conf.root;
    CHECK(root->kind == CONF_MAP && root->n == 2);
    const struct conf_item *const a = conf_find(root, "a"), *const d = conf_find(root, "d");
    REQUIRE(a != NULL && d != NULL && conf_find(root, "b") == NULL);
    const struct conf_item *const b = conf_find(&a->value, "b"), *const c =
                                                                     conf_find(&a->value, "c");
    REQUIRE(b != NULL && c != NULL);
    CHECK_STR(b->value.text, "x y");
    CHECK(b->at.line == 2 && b->at.column == 3 && b->value.at.line == 2 && b->value.at.column == 6);
    CHECK(!b->value.is_plain && !conf_is_none(&b->value));
    REQUIRE(c->value.kind == CONF_LIST && c->value.n == 3);
    CHECK_STR(c->value.items[1].value.text, "2");
    CHECK(c->value.items[1].value.at.column == 10);
    CHECK(conf_is_none(&c->value.items[2].value));
    CHECK(conf_is_none(&conf_find(&d->value, "e")->value));
    CHECK_STR(conf_find(&conf_find(&d->value, "f")->value, "g")->value.text, "h");
    CHECK(conf_find(&b->value, "x y") == NULL);
    conf_release(&conf);
    CHECK(conf.root.n == 0);
}

static void test_conf__nothing(void)
{
    static const struct {
        const char *text;
        bool is_none;
    } cases[] = {
        {"a: ", true},       {"a: ~", true},   {"a: null", true}, {"a: None", true},
        {"a: 'None'", true}, {"a: ''", true},  {"a: '~'", false}, {"a: 'null'", false},
        {"a: 0", false},     {"a: []", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct conf conf;
        REQUIRE(read_conf(&conf, cases[i].text, NULL) == ITX_OK);
        CHECK(conf_is_none(&conf.root.items[0].value) == cases[i].is_none);
        conf_release(&conf);
    }
}

static void test_conf__refusals(void)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "f: is empty"},
        {"# only this\n", "f: is empty"},
        {"a: 1\nb: 2\na: 3\n", "f:3:1: a stands here again, it is in line 1 already"},
        {"a: &x 1\nb: *x\n", "f:2:4: anchors and aliases are not read"},
        {"a: 1\n---\nb: 2\n", "f:2:1: a second document begins, one is expected"},
        {"? [a, b]\n: 1\n", "f:1:3: a key has to be a word"},
        {"a: \"\\0\"\n", "f:1:4: there is a zero byte in a text"},
        {"a: [1, 2\n", "f:2:1: did not find expected ',' or ']', while parsing a flow sequence"},
        {"a: b: c\n", "f:1:5: mapping values are not allowed in this context"},
        {"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", "f:1:17: more than 16 levels of lists and maps"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct conf conf;
        struct itx_error err;
        CHECK(read_conf(&conf, cases[i].text, &err) == ITX_E_FORMAT);
        CHECK_STR(err.text, cases[i].message);
        CHECK(conf.arena.blocks == NULL);
    }
}

static void test_conf__limits(void)
{
    struct strbuf text = {0};
    struct conf conf;
    struct itx_error err;
    for (int i = 0; i < 4097; i++) strbuf_addf(&text, "- %d\n", i);
    CHECK(conf_read(&conf, "f", text.data, text.len, &err) == ITX_E_FORMAT);
    CHECK_STR(err.text, "f:4097:3: more than 4096 things in a list or map");
    text.len = 0;
    for (int i = 0; i < 4096; i++) strbuf_addf(&text, "- %d\n", i);
    REQUIRE(conf_read(&conf, "f", text.data, text.len, &err) == ITX_OK);
    CHECK(conf.root.n == 4096);
    CHECK_STR(conf.root.items[4095].value.text, "4095");
    conf_release(&conf);
    while (text.len <= 1 << 20) strbuf_addf(&text, "%1000s", "\n");
    CHECK(conf_read(&conf, "f", text.data, text.len, &err) == ITX_E_FORMAT);
    CHECK_STR(err.text, "f: is larger than 1048576 bytes");
    strbuf_release(&text);
}

/* ---- the keys ---- */

static const char right[] =
    "model_parameters: {onnx_model: a.onnx, march: bayes-e}\n"
    "input_parameters:\n"
    "  input_type_rt: nv12;featuremap\n"
    "  input_type_train: [rgb, featuremap]\n"
    "  input_layout_train: NCHW;NCHW;\n"
    "  mean_value: '123.6 116.2, 103.5;None'\n"
    "  scale_value: None\n"
    "calibration_parameters: {max_percentile: '0.9999', preprocess_on: 'TRUE'}\n"
    "compiler_parameters: {jobs: '16'}\n";

static void test_keys__values(void)
{
    struct mapper_values v;
    REQUIRE(mapper_values_read(&v, "f", right, sizeof right - 1, NULL) == ITX_OK);
    CHECK(v.n_mistakes == 0 && v.mistakes.len == 0);
    CHECK_STR(v.key[KEY_onnx_model].text, "a.onnx");
    CHECK_STR(v.key[KEY_working_dir].text, "model_output");
    CHECK(v.key[KEY_working_dir].given == NULL && v.key[KEY_onnx_model].given != NULL);
    REQUIRE(v.key[KEY_input_type_rt].n == 2 && v.key[KEY_input_type_train].n == 2);
    CHECK_STR(v.key[KEY_input_type_rt].item[1], "featuremap");
    CHECK_STR(v.key[KEY_input_type_train].item[0], "rgb");
    CHECK(v.key[KEY_input_layout_train].n == 2);
    REQUIRE(v.key[KEY_mean_value].n == 2);
    CHECK_STR(v.key[KEY_mean_value].item[0], "123.6 116.2, 103.5");
    CHECK(v.key[KEY_mean_value].item[1] == NULL);
    CHECK(v.key[KEY_scale_value].given == NULL && v.key[KEY_scale_value].text == NULL);
    CHECK(v.key[KEY_max_percentile].number == 0.9999);
    CHECK(v.key[KEY_preprocess_on].flag && !v.key[KEY_per_channel].flag);
    CHECK(v.key[KEY_jobs].number == 16 && v.key[KEY_core_num].number == 1);
    CHECK_STR(v.key[KEY_optimize_level].text, "O1");
    CHECK(!v.has_group[GROUP_CUSTOM_OP] && v.has_group[GROUP_COMPILER]);
    mapper_values_release(&v);
}

static void test_keys__all_mistakes_at_once(void)
{
    static const char text[] = "model_parameters: {onnx_modle: a, march: bayes-f}\n"
                               "input_parameters: {input_type_rt: nv21, march: bayes}\n"
                               "compiler_parameters: {debug: 2, jobs: 0.5}\n"
                               "extra: 1\n";
    static const char expected[] =
        "f:1:20: model_parameters: unknown key \"onnx_modle\", did you mean onnx_model?\n"
        "f:2:41: input_parameters: march belongs into the group model_parameters\n"
        "f:4:1: unknown group \"extra\"\n"
        "f: Key 'model_parameters' error: Missing keys: 'onnx_model' (FILE)\n"
        "f: Key 'input_parameters' error: Missing keys: 'input_type_train' "
        "(rgb|bgr|yuv444|gray|featuremap), 'input_layout_train' (NCHW|NHWC)\n"
        "f: Missing keys: 'calibration_parameters'\n"
        "f:1:42: model_parameters.march: \"bayes-f\" is not bernoulli2, bayes or bayes-e; did you "
        "mean "
        "bayes-e\n"
        "f:2:35: input_parameters.input_type_rt: \"nv21\" is not rgb, bgr, yuv444, nv12, gray or "
        "featuremap; did you mean nv12\n"
        "f:3:30: compiler_parameters.debug: \"2\" is neither True nor False\n"
        "f:3:39: compiler_parameters.jobs: \"0.5\" is not a whole number from 1 to 1024\n";
    struct mapper_values v;
    REQUIRE(mapper_values_read(&v, "f", text, sizeof text - 1, NULL) == ITX_OK);
    CHECK(v.n_mistakes == 10);
    CHECK_STR(v.mistakes.data, expected);
    mapper_values_release(&v);
}

/* Each key can be found by its name in one group only, and says what it does; its own default is possible. */
static void test_keys__table(void)
{
    for (int i = 0; i < KEY_COUNT; i++) {
        const struct mapper_key_info *const k = mapper_key_info((enum mapper_key)i);
        CHECK(k->values[0] != '\0' && k->here[0] != '\0');
        for (int j = 0; j < i; j++)
            CHECK(strcmp(k->name, mapper_key_info((enum mapper_key)j)->name) != 0);
        if (k->fallback == NULL) continue;
        char text[400];
        snprintf(text, sizeof text, "%s: {%s: '%s'}", mapper_group_name(k->group), k->name,
                 k->fallback);
        struct mapper_values v;
        REQUIRE(mapper_values_read(&v, "f", text, strlen(text), NULL) == ITX_OK);
        CHECK(strstr(v.mistakes.data, k->name) == NULL);
        CHECK_STR(v.key[i].text, k->fallback);
        mapper_values_release(&v);
    }
}

/* docs/rdk.md has a row for each key, with its values and what it is without it. */
static void test_keys__are_documented(void)
{
    struct file_bytes docs;
    struct itx_error err;
    REQUIRE(file_read(&docs, GOLDEN_DIR "/../../docs/rdk.md", SIZE_MAX, &err) == ITX_OK);
    for (int i = 0; i < KEY_COUNT; i++) {
        const struct mapper_key_info *const k = mapper_key_info((enum mapper_key)i);
        struct strbuf row = {0};
        strbuf_addf(&row, "\n| `%s` | ", k->name);
        for (const char *p = k->values; *p != '\0'; p++)
            strbuf_addf(&row, *p == '|' ? "\\%c" : "%c", *p);
        const char *const quote = k->fallback != NULL ? "`" : "";
        strbuf_addf(&row, " | %s%s%s |", quote,
                    k->fallback != NULL      ? k->fallback
                    : k->when == WHEN_NEEDED ? "needed"
                                             : "",
                    quote);
        CHECK_MSG(memmem(docs.data, docs.size, row.data, row.len) != NULL, "no row%s", row.data);
        strbuf_release(&row);
    }
    file_bytes_release(&docs);
}

static void test_keys__split(void)
{
    struct arena arena = {0};
    int n = 0;
    const char *const *const parts = mapper_split(&arena, " a; b c ;;\td", ";", &n);
    REQUIRE(parts != NULL && n == 4);
    CHECK_STR(parts[0], "a");
    CHECK_STR(parts[1], "b c");
    CHECK_STR(parts[2], "");
    CHECK_STR(parts[3], "d");
    arena_release(&arena);
}

static void test_keys__without_memory(void)
{
    struct mapper_values v;
    struct itx_error err;
    for (long n = 0;; n++) {
        mem_fail_after(n);
        const itx_status rc = mapper_values_read(&v, "f", right, sizeof right - 1, &err);
        mem_fail_after(-1);
        if (rc == ITX_OK) break;
        REQUIRE(rc == ITX_E_NOMEM && n < 1000);
    }
    CHECK(v.n_mistakes == 0);
    mapper_values_release(&v);
}

TEST_MAIN(TEST(test_conf__tree_and_places), TEST(test_conf__nothing), TEST(test_conf__refusals),
          TEST(test_conf__limits), TEST(test_keys__values), TEST(test_keys__all_mistakes_at_once),
          TEST(test_keys__table), TEST(test_keys__are_documented), TEST(test_keys__split),
          TEST(test_keys__without_memory))
