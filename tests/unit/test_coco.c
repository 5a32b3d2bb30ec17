/* SPDX-License-Identifier: Apache-2.0
 *
 * Annotations in, results out; what is written is read again with jansson.
 */
#include "coco/annotations.h"
#include "coco/json.h"
#include "coco/results.h"

#include <jansson.h>
#include <math.h>

#include "base/compiler.h"
#include "base/mem.h"

#include "test.h"

static const char good[] =
    "{\"info\": {}, \"images\": ["
    "{\"id\": 397133, \"file_name\": \"000000397133.jpg\", \"width\": 640},"
    "{\"id\": 7, \"file_name\": \"val2017/b.jpg\"},"
    "{\"file_name\": \"a.jpg\", \"id\": -9007199254740993},"
    "{\"id\": 8, \"file_name\": \"other/b.jpg\"}],"
    "\"categories\": [{\"id\": 90, \"name\": \"toothbrush\"}, {\"id\": 1, \"name\": \"person\"},"
    "{\"id\": 3, \"name\": \"Fahrrad \\u00fc\"}]}";

static void test_coco__annotations(void)
{
    struct coco_annotations set;
    REQUIRE(coco_annotations_parse(&set, good, sizeof good - 1, NULL) == ITX_OK);
    CHECK(set.n_images == 4 && set.n_categories == 3);
    const struct coco_image *image = coco_find_image(&set, "/data/photos/b.jpg");
    REQUIRE(image != NULL);
    CHECK(image->id == 7);
    CHECK(coco_find_image(&set, "000000397133.jpg")->id == 397133);
    CHECK(coco_find_image(&set, "x/a.jpg")->id == -9007199254740993);
    CHECK(coco_find_image(&set, "val2017/c.jpg") == NULL);
    CHECK(coco_find_image(&set, "val2017/") == NULL);
    CHECK(set.categories[0].id == 1 && set.categories[1].id == 3 && set.categories[2].id == 90);
    CHECK_STR(set.categories[1].name, "Fahrrad \xc3\xbc");
    coco_annotations_release(&set);
    CHECK(set.images == NULL && set.n_images == 0);
}

static void test_coco__map_classes(void)
{
    static const char *const by_name[] = {"toothbrush", "person"};
    static const char *const by_order[] = {"person", "bicycle", "brush"};
    static const char *const neither[] = {"person", "bicycle"};
    struct coco_annotations set;
    struct itx_error err = {0};
    int64_t id[3] = {-1, -1, -1};
    REQUIRE(coco_annotations_parse(&set, good, sizeof good - 1, NULL) == ITX_OK);
    CHECK(coco_map_classes(&set, by_name, 2, id, &err) == ITX_OK);
    CHECK(id[0] == 90 && id[1] == 1);
    CHECK(coco_map_classes(&set, by_order, 3, id, &err) == ITX_OK);
    CHECK(id[0] == 1 && id[1] == 3 && id[2] == 90);
    CHECK(coco_map_classes(&set, neither, 2, id, &err) == ITX_E_FORMAT);
    CHECK_STR(err.text,
              "no category \"bicycle\" in the annotations, and 3 categories for 2 classes");
    CHECK(coco_map_classes(NULL, by_name, 2, id, &err) == ITX_OK);
    CHECK(id[0] == 0 && id[1] == 1);
    coco_annotations_release(&set);
}

static void test_coco__refusals(void)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "line 1: expected a value"},
        {"{\n\"images\": [,]}", "line 2: expected a value"},
        {"[1, 2]", "no list \"images\" in the annotations"},
        {"{\"images\": {}}", "no list \"images\" in the annotations"},
        {"{\"images\": []}", "no list \"categories\" in the annotations"},
        {"{\"images\": [{\"id\": \"7\", \"file_name\": \"a\"}]}",
         "images: entry 0: expected a whole number \"id\" and a text \"file_name\""},
        {"{\"images\": [{\"id\": 7.5, \"file_name\": \"a\"}]}",
         "images: entry 0: expected a whole number \"id\" and a text \"file_name\""},
        {"{\"images\": [], \"categories\": [{\"id\": 7, \"name\": \"a\"}, 5]}",
         "categories: entry 1: expected a whole number \"id\" and a text \"name\""},
        {"{\"images\": [], \"categories\": [{\"id\": 7, \"name\": \"a\"}, {\"id\": 7, \"name\": "
         "\"b\"}]}",
         "categories: id 7 occurs twice"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct coco_annotations set;
        struct itx_error err = {0};
        CHECK(coco_annotations_parse(&set, cases[i].text, strlen(cases[i].text), &err) ==
              ITX_E_FORMAT);
        CHECK_STR(err.text, cases[i].message);
        CHECK(set.images == NULL && set.categories == NULL);
    }
    struct coco_annotations set;
    struct itx_error err = {0};
    CHECK(coco_annotations_read(&set, "/nowhere/instances.json", &err) == ITX_E_IO);
    CHECK(strstr(err.text, "/nowhere/instances.json") != NULL);
}

/* ---- JSON; what it takes and refuses is compared with jansson's in tests/fuzz ---- */

static void test_json__refusals(void)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "line 1: expected a value"},
        {"[1,\n2,\n]", "line 3: expected a value"},
        {"[1 2]", "line 1: expected ',' or ']'"},
        {"{\"a\" 1}", "line 1: expected ':'"},
        {"{\"a\": 1", "line 1: expected ',' or '}'"},
        {"{a: 1}", "line 1: expected a name in quotes"},
        {"[01]", "line 1: expected ',' or ']'"},
        {"[-]", "line 1: expected a number"},
        {"[1.]", "line 1: expected digits"},
        {"[1e+]", "line 1: expected digits"},
        {"\"a\nb\"", "line 1: expected a text that ends, without control characters"},
        {"\"\\x\"", "line 1: expected a text that ends, without control characters"},
        {"\"\\u12g4\"", "line 1: expected a text that ends, without control characters"},
        {"nul", "line 1: expected a value"},
        {"1 1", "line 1: expected nothing more"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct json_file file;
        struct itx_error err = {0};
        CHECK(json_scan(&file, cases[i].text, strlen(cases[i].text), &err) == ITX_E_FORMAT);
        CHECK_STR(err.text, cases[i].message);
        CHECK(file.members.data == NULL && file.items.data == NULL);
    }
    char deep[2 * (JSON_MAX_DEPTH + 2)];
    struct json_file file;
    const size_t half = sizeof deep / 2;
    memset(deep, '[', half);
    memset(deep + half, ']', half);
    CHECK(json_scan(&file, deep, sizeof deep, NULL) == ITX_E_FORMAT);
    CHECK(json_scan(&file, deep + 1, sizeof deep - 2, NULL) == ITX_OK);
    json_file_release(&file);
}

static void check_decimal(const char *text)
{
    const struct str v = str_of(text);
    double got = -1;
    CHECK_MSG(json_get_number(v, &got) && got == strtod(text, NULL), "%s gave %.17g", text, got);
}

static void test_json__numbers(void)
{
    uint64_t seed = 9;
    char text[64];
    for (int i = 0; i < 20000; i++) {
        const uint64_t digits = (uint64_t)test_random(&seed) << 32 | test_random(&seed);
        const int n_behind = (int)(test_random(&seed) % 20);
        snprintf(text, sizeof text, "%s%llu.%0*llu", i & 1 ? "-" : "",
                 (unsigned long long)(digits >> (test_random(&seed) % 64)), n_behind + 1,
                 (unsigned long long)(test_random(&seed) % 1000));
        check_decimal(text);
        snprintf(text, sizeof text, "%.*g", (int)(test_random(&seed) % 18),
                 (double)digits * 1e-30 * (double)test_random(&seed));
        check_decimal(text);
    }
    check_decimal("9007199254740993");
    check_decimal("9007199254740993.0");
    check_decimal("0.30000000000000004");
    check_decimal("1e-400");
    check_decimal("2.2250738585072011e-308");
    double number;
    int64_t whole = 5;
    CHECK(!json_get_number(str_of("1e999"), &number) && !json_get_number(str_of("null"), &number));
    CHECK(!json_get_number((struct str){0}, &number));
    CHECK(json_get_whole(str_of("-9223372036854775808"), &whole) && whole == INT64_MIN);
    CHECK(json_get_whole(str_of("9223372036854775807"), &whole) && whole == INT64_MAX);
    CHECK(!json_get_whole(str_of("9223372036854775808"), &whole));
    CHECK(!json_get_whole(str_of("1.0"), &whole) && !json_get_whole(str_of("1e3"), &whole));
    CHECK(!json_get_whole(str_of("-"), &whole) && !json_get_whole((struct str){0}, &whole));
}

static void test_json__texts(void)
{
    struct strbuf b = {0};
    CHECK(json_get_text(str_of("\"a\\u00fc\\ud83d\\ude00 \\\"\\\\\\/\\n\\t 12345678 \xc3\xbc\""),
                        &b));
    CHECK_STR(b.data, "a\xc3\xbc\xf0\x9f\x98\x80 \"\\/\n\t 12345678 \xc3\xbc");
    static const char *const bad[] = {"\"\\ud800\"",
                                      "\"\\ude00\"",
                                      "\"\\u0000\"",
                                      "\"\\ud800\\u0041\"",
                                      "\"\xc3\"",
                                      "\"abcdefgh\xff\"",
                                      "7"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_MSG(!json_get_text(str_of(bad[i]), &b), "%zu", i);
    strbuf_release(&b);
}

/* What a file holds: of two members with one name the last counts. */
static void test_json__lists_and_members(void)
{
    static const char text[] = " {\"a\": [1, [2, \"]\"], {}], \"b\": 5, \"a\" : [7 ,8 ] } ";
    static const char *const names[] = {"b", "c", "a"};
    struct json_file file;
    const struct str *items;
    struct str v[3], rest, entry;
    size_t n;
    REQUIRE(json_scan(&file, text, sizeof text - 1, NULL) == ITX_OK);
    CHECK(file.items.len == 5 && str_eq(file.items.data[1], "[2, \"]\"]"));
    REQUIRE(json_find_list(&file, "a", &items, &n) && n == 2);
    CHECK(str_eq(items[0], "7") && str_eq(items[1], "8"));
    CHECK(!json_find_list(&file, "b", &items, &n) && !json_find_list(&file, NULL, &items, &n));
    json_file_release(&file);
    json_get_fields(str_of("{\"a\": [1, {\"b\": 2}], \"b\":\"x\\\"y\"}"), names, 3, v);
    CHECK(str_eq(v[0], "\"x\\\"y\"") && v[1].len == 0 && str_eq(v[2], "[1, {\"b\": 2}]"));
    CHECK(json_has_entries(v[2]) && !json_has_entries(str_of("[ ]")) && !json_has_entries(v[1]));
    rest = json_inside(v[2]);
    CHECK(json_next(&rest, &entry) && str_eq(entry, "1"));
    CHECK(json_next(&rest, &entry) && str_eq(entry, "{\"b\": 2}"));
    CHECK(!json_next(&rest, &entry));
    json_get_fields(str_of("[1]"), names, 3, v);
    CHECK(v[0].len == 0 && v[2].len == 0);
}

static void test_coco__out_of_memory(void)
{
    int n = 0;
    for (;; n++) {
        struct coco_annotations set;
        mem_fail_after(n);
        const itx_status rc = coco_annotations_parse(&set, good, sizeof good - 1, NULL);
        mem_fail_after(-1);
        coco_annotations_release(&set);
        if (rc == ITX_OK) break;
        CHECK(rc == ITX_E_NOMEM);
    }
    CHECK(n > 0);
}

/* ---- numbers and strings ---- */

/* Reads back exactly, and no shorter form does. */
static void test_coco__doubles(void)
{
    uint64_t seed = 5;
    for (int i = 0; i < 3000; i++) {
        const double big = (double)test_random(&seed) * test_random(&seed);
        const double v = i % 3 == 0   ? (double)((float)test_random(&seed) / 1e6f)
                         : i % 3 == 1 ? big / 1e15
                                      : (int)test_random(&seed) / 1000.0;
        struct strbuf b = {0};
        char shorter[40];
        json_add_double(&b, v);
        CHECK(strtod(b.data, NULL) == v);
        snprintf(shorter, sizeof shorter, "%.15g", v);
        if (strtod(shorter, NULL) == v) CHECK(strlen(b.data) <= strlen(shorter));
        snprintf(shorter, sizeof shorter, "%.16g", v);
        if (strtod(shorter, NULL) == v) CHECK(strlen(b.data) <= strlen(shorter));
        strbuf_release(&b);
        json_add_float(&b, (float)v);
        CHECK(strtof(b.data, NULL) == (float)v && strlen(b.data) <= 15);
        strbuf_release(&b);
    }
    struct strbuf b = {0};
    json_add_double(&b, 0.1);
    json_add_double(&b, NAN);
    json_add_float(&b, 0.1f);
    json_add_float(&b, INFINITY);
    json_add_double(&b, -0.25);
    CHECK_STR(b.data, "0.1null0.1null-0.25");
    strbuf_release(&b);
}

static void test_coco__strings(void)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"", "\"\""},
        {"a \"b\" \\ /", "\"a \\\"b\\\" \\\\ /\""},
        {"\n\x01\x7f", "\"\\u000a\\u0001\\u007f\""},
        {"\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {"\xff\xc3", "\"\\ufffd\\ufffd\""},                                 /* never; cut short */
        {"\xc0\x80", "\"\\ufffd\\ufffd\""},                                 /* longer than needed */
        {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},                      /* half a pair */
        {"\xf4\x90\x80\x80x", "\"\\ufffd\\ufffd\\ufffd\\ufffdx\""},         /* past U+10FFFF */
        {"\xe0\x9f\xbf\xf0\x8f", "\"\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\""} /* both */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct strbuf b = {0};
        strbuf_add_json(&b, str_of(cases[i].in));
        CHECK_STR(b.data, cases[i].out);
        json_t *v = json_loadb(b.data, b.len, JSON_DECODE_ANY, NULL);
        CHECK(json_is_string(v));
        json_decref(v);
        strbuf_release(&b);
    }
}

/* ---- results ---- */

/* A ring of ones with a pixel in it, and one apart; rows of 6. */
static const uint8_t ring[6 * 5] = {1, 1, 1, 1, 1, 0, 1, 0, 0, 0, 1, 0, 1, 0, 1,
                                    0, 1, 0, 1, 0, 0, 0, 1, 0, 1, 1, 1, 1, 1, 0};
static const struct yolo_rect ring_rect = {10, 20, 6, 5};

static double number(const json_t *v, const char *key, size_t i)
{
    return json_number_value(json_array_get(json_object_get(v, key), i));
}

static void test_coco__result(void)
{
    struct rle rle = {0}, back = {0};
    struct strbuf b = {0};
    REQUIRE(rle_encode(&rle, ring, 6, &ring_rect, 48, 64, NULL) == ITX_OK);
    struct coco_result r = {139, 72, {10.125, 20.1, 15.5, 25}, 0.91952f, &rle};
    coco_add_result(&b, &r);
    json_t *v = json_loadb(b.data, b.len, 0, NULL);
    REQUIRE(v != NULL);
    CHECK(json_integer_value(json_object_get(v, "image_id")) == 139);
    CHECK(json_integer_value(json_object_get(v, "category_id")) == 72);
    CHECK((float)json_real_value(json_object_get(v, "score")) == 0.91952f);
    CHECK(number(v, "bbox", 0) == 10.125 && number(v, "bbox", 1) == 20.1);
    CHECK(number(v, "bbox", 2) == 15.5 - 10.125 && number(v, "bbox", 3) == 25 - 20.1);
    const json_t *mask = json_object_get(v, "segmentation");
    CHECK(number(mask, "size", 0) == 48 && number(mask, "size", 1) == 64);
    const char *counts = json_string_value(json_object_get(mask, "counts"));
    REQUIRE(counts != NULL);
    CHECK(rle_parse(&back, str_of(counts), 48, 64, NULL) == ITX_OK);
    CHECK(rle_area(&back) == 17);
    json_decref(v);
    strbuf_release(&b);
    r.mask = NULL;
    coco_add_result(&b, &r);
    CHECK(strstr(b.data, "segmentation") == NULL && b.data[b.len - 1] == '}');
    strbuf_release(&b);
    rle_release(&back);
    rle_release(&rle);
}

static void test_coco__instance(void)
{
    struct rle rle = {0};
    struct polygon_list outlines = {0};
    struct strbuf b = {0};
    REQUIRE(rle_encode(&rle, ring, 6, &ring_rect, 48, 64, NULL) == ITX_OK);
    REQUIRE(polygon_trace(&outlines, ring, 6, &ring_rect, NULL) == ITX_OK);
    const struct instance_text t = {3, "a \"cup\"", 0.5f, {10, 20, 15.5f, 25}, &rle, &outlines};
    json_add_instance(&b, &t);
    json_t *v = json_loadb(b.data, b.len, 0, NULL);
    REQUIRE(v != NULL);
    CHECK_STR(json_string_value(json_object_get(v, "class")), "a \"cup\"");
    CHECK(json_integer_value(json_object_get(v, "class_id")) == 3);
    CHECK(number(v, "box", 2) == 15.5);
    json_decref(v);
    strbuf_release(&b);
    json_add_polygons(&b, &outlines);
    CHECK_STR(b.data, "[{\"outer\": [10, 20, 15, 20, 15, 25, 10, 25], "
                      "\"holes\": [[11, 24, 14, 24, 14, 21, 11, 21]]}, "
                      "{\"outer\": [12, 22, 13, 22, 13, 23, 12, 23], \"holes\": []}]");
    strbuf_release(&b);
    polygon_list_release(&outlines);
    json_add_polygons(&b, &outlines);
    CHECK_STR(b.data, "[]");
    strbuf_release(&b);
    rle_release(&rle);
}

TEST_MAIN(TEST(test_coco__annotations), TEST(test_coco__map_classes), TEST(test_coco__refusals),
          TEST(test_json__refusals), TEST(test_json__numbers), TEST(test_json__texts),
          TEST(test_json__lists_and_members), TEST(test_coco__out_of_memory),
          TEST(test_coco__doubles), TEST(test_coco__strings), TEST(test_coco__result),
          TEST(test_coco__instance))
