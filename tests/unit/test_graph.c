/* SPDX-License-Identifier: Apache-2.0
 *
 * Building, analysing, rewriting and verifying graphs.
 */
#include "graph/graph.h"

#include "base/mem.h"

#include "test.h"

static const struct shape SHAPE_1 = {.rank = 1, .dim = {1}};

static value_id add_value(struct graph *g, const char *name)
{
    value_id v = 0;
    CHECK(graph_add_value(g, name, DTYPE_F32, &SHAPE_1, &v, NULL) == ITX_OK);
    return v;
}

/* One node with inputs a, b (0: one input) and one new output. */
static value_id add_op(struct graph *g, enum op op, const char *name, value_id a, value_id b)
{
    const value_id inputs[] = {a, b}, out = add_value(g, name);
    CHECK(graph_add_node(g, op, name, b == 0 ? 1 : 2, inputs, 1, &out, NULL, NULL) == ITX_OK);
    return out;
}

/* x -> a = Relu(x), b = Exp(x), c = Add(a, b), d = Add(c, a) -> output; e = Neg(a) is dead. */
struct diamond {
    struct graph *g;
    value_id x, a, b, c, d, e;
};

static struct diamond make_diamond(void)
{
    struct diamond s = {0};
    CHECK(graph_create(&s.g, NULL) == ITX_OK);
    s.x = add_value(s.g, "x");
    CHECK(vec_push(&s.g->inputs, s.x));
    s.a = add_op(s.g, OP_RELU, "a", s.x, 0);
    s.b = add_op(s.g, OP_EXP, "b", s.x, 0);
    s.c = add_op(s.g, OP_ADD, "c", s.a, s.b);
    s.d = add_op(s.g, OP_ADD, "d", s.c, s.a);
    s.e = add_op(s.g, OP_NEG, "e", s.a, 0);
    CHECK(vec_push(&s.g->outputs, s.d));
    return s;
}

static void test_graph__tables(void)
{
    enum op op;
    enum attr_id id;
    CHECK(op_find("ConvTranspose", &op) && op == OP_CONV_TRANSPOSE);
    CHECK(!op_find("Convolution", &op));
    CHECK(op_info(OP_SPLIT)->max_outputs == 1024);
    CHECK(attr_find("transB", &id) && id == ATTR_TRANS_B);
    CHECK(!attr_find("", &id));
    for (int i = 0; i < OP_COUNT; i++)
        CHECK(op_find(op_info((enum op)i)->name, &op) && (int)op == i);
}

static void test_graph__names_are_unique(void)
{
    struct graph *g = NULL;
    REQUIRE(graph_create(&g, NULL) == ITX_OK);
    const value_id a = add_value(g, "x"), b = add_value(g, "x"), c = add_value(g, NULL);
    CHECK_STR(graph_value(g, a)->name, "x");
    CHECK_STR(graph_value(g, b)->name, "x_1");
    CHECK(graph_value(g, c)->name[0] != '\0');
    for (int i = 0; i < 1000; i++) add_value(g, "x");
    CHECK(graph_find_value(g, "x_1001", 6) == 1003);
    CHECK(graph_find_value(g, "x_1002", 6) == 0);
    CHECK(graph_check(g, NULL) == ITX_OK);
    graph_destroy(&g);
    CHECK(g == NULL);
}

static void test_graph__attributes(void)
{
    struct diamond s = make_diamond();
    const int64_t pads[] = {1, 2, 3, 4};
    CHECK(graph_set_ints(s.g, 0, ATTR_PADS, 4, pads, NULL) == ITX_OK);
    CHECK(graph_set_int(s.g, 0, ATTR_AXIS, -1, NULL) == ITX_OK);
    CHECK(graph_set_text(s.g, 0, ATTR_MODE, "linear", NULL) == ITX_OK);
    CHECK(graph_set_float(s.g, 0, ATTR_ALPHA, 0.5f, NULL) == ITX_OK);
    CHECK(graph_set_int(s.g, 0, ATTR_AXIS, 7, NULL) == ITX_OK);
    const struct node *n = &s.g->nodes.data[0];
    CHECK(n->n_attrs == 4);
    CHECK(node_int(n, ATTR_AXIS, 0) == 7);
    CHECK(node_float(n, ATTR_ALPHA, 0) == 0.5f);
    CHECK_STR(node_text(n, ATTR_MODE, "none"), "linear");
    int64_t v[5];
    CHECK(node_ints(n, ATTR_PADS, 9, 5, v) == 4 && v[0] == 1 && v[3] == 4 && v[4] == 9);
    CHECK(node_ints(n, ATTR_STRIDES, 1, 2, v) == 0 && v[0] == 1 && v[1] == 1);
    CHECK(node_int(n, ATTR_GROUP, 3) == 3);
    CHECK(graph_check(s.g, NULL) == ITX_OK);
    graph_clear_attr(s.g, 0, ATTR_AXIS);
    CHECK(n->n_attrs == 3 && node_attr(n, ATTR_AXIS) == NULL);
    graph_destroy(&s.g);
}

static void test_graph__uses(void)
{
    struct diamond s = make_diamond();
    struct graph_uses u;
    REQUIRE(graph_uses(s.g, &u, NULL) == ITX_OK);
    CHECK(u.producer[s.x] == NODE_NONE && u.producer[s.a] == 0 && u.producer[s.d] == 3);
    CHECK(graph_n_uses(&u, s.x) == 2 && graph_n_uses(&u, s.a) == 3 && graph_n_uses(&u, s.e) == 0);
    CHECK(graph_n_uses(&u, s.d) == 1 && u.n_output_uses[s.d] == 1);
    const struct graph_use *use = u.uses + u.first[s.a];
    CHECK(use[0].node == 2 && use[0].input == 0);
    CHECK(use[1].node == 3 && use[1].input == 1);
    CHECK(use[2].node == 4 && use[2].input == 0);
    graph_uses_release(&u);
    graph_destroy(&s.g);
}

static void test_graph__remove_dead_and_compact(void)
{
    struct diamond s = make_diamond();
    value_id k;
    const float one = 1;
    REQUIRE(graph_add_constant(s.g, "one", DTYPE_F32, &SHAPE_1, &one, &k, NULL) == ITX_OK);
    graph_replace_uses(s.g, s.b, k); /* c = Add(a, one): Exp is dead too */
    CHECK(graph_remove_dead(s.g, NULL) == ITX_OK);
    REQUIRE(s.g->nodes.len == 3);
    CHECK(s.g->nodes.data[1].op == OP_ADD && s.g->nodes.data[2].outputs[0] == s.d);
    CHECK(graph_check(s.g, NULL) == ITX_OK);
    CHECK(graph_compact(s.g, NULL) == ITX_OK);
    CHECK(graph_check(s.g, NULL) == ITX_OK);
    CHECK(s.g->values.len == 6); /* none, x, a, one, c, d */
    CHECK_STR(graph_value(s.g, 3)->name, "one");
    CHECK(graph_find_value(s.g, "d", 1) == 5 && s.g->outputs.data[0] == 5);
    CHECK(graph_find_value(s.g, "e", 1) == 0);
    graph_swap_names(s.g, 3, 5);
    CHECK(graph_find_value(s.g, "d", 1) == 3 && graph_find_value(s.g, "one", 3) == 5);
    graph_swap_names(s.g, 3, 5);
    CHECK(*(const float *)graph_value(s.g, 3)->data == 1);
    graph_destroy(&s.g);
}

static void test_graph__sort_orders_and_finds_cycles(void)
{
    struct diamond s = make_diamond();
    const struct node last = s.g->nodes.data[3];
    memmove(s.g->nodes.data + 1, s.g->nodes.data, 3 * sizeof *s.g->nodes.data);
    s.g->nodes.data[0] = last;
    struct itx_error err = {0};
    CHECK(graph_check(s.g, &err) == ITX_E_FORMAT);
    CHECK_STR(err.text, "node 'd' (Add): input 'c' is used before it is produced");
    CHECK(graph_sort(s.g, NULL) == ITX_OK);
    CHECK(graph_check(s.g, NULL) == ITX_OK);
    CHECK(s.g->nodes.data[0].outputs[0] == s.a && s.g->nodes.data[3].outputs[0] == s.d);
    s.g->nodes.data[0].inputs[0] = s.d;
    CHECK(graph_sort(s.g, &err) == ITX_E_FORMAT);
    CHECK(strstr(err.text, "cycle") != NULL);
    graph_destroy(&s.g);
}

static void test_graph__insert_keeps_order(void)
{
    struct diamond s = make_diamond();
    const value_id in[] = {s.a}, out = add_value(s.g, "n");
    node_id id;
    CHECK(graph_insert_node(s.g, 1, OP_NEG, "n", 1, in, 1, &out, &id, NULL) == ITX_OK);
    CHECK(id == 1 && s.g->nodes.len == 6 && s.g->nodes.data[2].outputs[0] == s.b);
    const value_id both[] = {out, s.b};
    CHECK(graph_set_inputs(s.g, 3, 2, both, NULL) == ITX_OK);
    CHECK(graph_check(s.g, NULL) == ITX_OK);
    graph_destroy(&s.g);
}

static void test_graph__check_refuses(void)
{
    struct itx_error err = {0};
    struct diamond s = make_diamond();
    s.g->nodes.data[2].n_inputs = 1;
    CHECK(graph_check(s.g, &err) == ITX_E_FORMAT);
    CHECK_STR(err.text, "node 'c' (Add): 1 inputs, expected 2 to 2");
    s.g->nodes.data[2].n_inputs = 2;
    s.g->nodes.data[2].inputs[1] = 0;
    CHECK(graph_check(s.g, &err) == ITX_E_FORMAT);
    CHECK_STR(err.text, "node 'c' (Add): input 1 is missing");
    s.g->nodes.data[2].inputs[1] = 1000;
    CHECK(graph_check(s.g, &err) == ITX_E_FORMAT);
    s.g->nodes.data[2].inputs[1] = s.b;
    s.g->nodes.data[2].outputs[0] = s.a;
    CHECK(graph_check(s.g, &err) == ITX_E_FORMAT);
    CHECK(strstr(err.text, "another producer") != NULL);
    s.g->nodes.data[2].outputs[0] = s.c;
    graph_value(s.g, s.c)->name = "a";
    CHECK(graph_check(s.g, &err) == ITX_E_FORMAT);
    CHECK_STR(err.text, "name 'a' is given to two values");
    graph_value(s.g, s.c)->name = "c";
    CHECK(graph_check(s.g, &err) == ITX_OK);
    graph_destroy(&s.g);
}

static void test_graph__copy_is_independent(void)
{
    struct diamond s = make_diamond();
    struct graph *copy = NULL;
    CHECK(graph_set_int(s.g, 0, ATTR_AXIS, 3, NULL) == ITX_OK);
    CHECK(graph_set_meta(s.g, "task", "segment", NULL) == ITX_OK);
    REQUIRE(graph_copy(&copy, s.g, NULL) == ITX_OK);
    graph_destroy(&s.g);
    CHECK(graph_check(copy, NULL) == ITX_OK);
    CHECK(copy->nodes.len == 5 && node_int(&copy->nodes.data[0], ATTR_AXIS, 0) == 3);
    CHECK_STR(graph_get_meta(copy, "task"), "segment");
    CHECK(graph_get_meta(copy, "names") == NULL);
    CHECK(graph_find_value(copy, "d", 1) == copy->outputs.data[0]);
    graph_destroy(&copy);
}

static void test_graph__out_of_memory(void)
{
    struct diamond s = make_diamond();
    for (long n = 0;; n++) {
        struct graph *copy = NULL;
        mem_fail_after(n);
        const itx_status rc = graph_copy(&copy, s.g, NULL);
        mem_fail_after(-1);
        CHECK(rc == ITX_OK || (rc == ITX_E_NOMEM && copy == NULL));
        graph_destroy(&copy);
        if (rc == ITX_OK || n > 1000) break;
    }
    graph_destroy(&s.g);
}

static void check_round_trip(const struct graph *g, const char *expected)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    REQUIRE(out != NULL);
    CHECK(graph_print(g, out, false, NULL) == ITX_OK);
    fclose(out);
    CHECK_STR(text, expected);
    free(text);
}

static void test_graph__text_prints_what_it_parses(void)
{
    static const char text[] =
        "graph \"net\"\n"
        "meta \"names\" \"{0: 'a\\\\b'}\"\n"
        "input %x: f32[1, 2]\n"
        "const %k: s64[3] = {1, -2, 9223372036854775807}\n"
        "%y: f32[2], %\"z z\": none[?] = Split(%x, %k) @\"split\" {axis = -1}\n"
        "const %f: f32[4] = {0.100000001, 3.40282347e+38, -inf, nan}\n"
        "%q: f32[] = Resize(%y, _, %f) {cubic_coeff_a = -0.75, mode = \"a\\x07\\\"\", pads = [1, "
        "2]}\n"
        "output %q\n"
        "output %\"z z\"\n"
        "quant %q: s16 {0.5} {0}\n";
    struct graph *g = NULL;
    struct itx_error err = {0};
    CHECK_MSG(graph_parse(&g, text, sizeof text - 1, &err) == ITX_OK, "%s", err.text);
    if (g == NULL) return;
    CHECK(g->nodes.len == 2 && g->nodes.data[1].inputs[1] == 0);
    const struct value *f = graph_value(g, graph_find_value(g, "f", 1));
    CHECK(((const float *)f->data)[0] == 0.1f && ((const float *)f->data)[1] == 0x1.fffffep127f);
    CHECK_STR(node_text(&g->nodes.data[1], ATTR_MODE, ""), "a\a\"");
    CHECK_STR(graph_get_meta(g, "names"), "{0: 'a\\b'}");
    check_round_trip(g, text);
    graph_destroy(&g);
}

static void test_graph__text_refuses(void)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"%y: f32[1] = Relu(%x)", "line 1: no value 'x' so far"},
        {"\ninput %x: f32[-1]", "line 2: negative dimension before at ']'"},
        {"input %x: f33[1]", "line 1: expected a type at 'f33[1]'"},
        {"input %x: f32[1]\ninput %x: f32[1]", "line 2: value 'x' is defined twice"},
        {"const %k: s64[2] = {1}",
         "line 1: constant 'k' has 8 bytes of data, not those of its shape"},
        {"const %k: u8[1] = {256}", "line 1: number out of range before at '}'"},
        {"const %k: f32[99999999999] = {1}",
         "line 1: constant 'k' has 4 bytes of data, not those of its shape"},
        {"const %k: f32[65] = digest 00",
         "line 1: constant 'k' is only a digest: print the graph with data"},
        {"input %x: f32[1]\n%y: f32[1] = Relo(%x)", "line 2: unknown operation before at '(%x)'"},
        {"input %x: f32[1]\n%y: f32[1] = Relu(%x) {axes = 1}",
         "line 2: unknown attribute before at ' = 1}'"},
        {"input %x: f32[1]\n%y: f32[1] = Relu(%x, %x)",
         "node '' (Relu): 2 inputs, expected 1 to 1"},
        {"output %x", "line 1: no value 'x' so far"},
        {"output _", "output 0 is no value of the graph"},
        {"graph \"a", "line 1: expected '\"' at ''"},
        {"hello", "line 1: expected '%' at 'hello'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct graph *g = NULL;
        struct itx_error err = {0};
        CHECK(graph_parse(&g, cases[i].text, strlen(cases[i].text), &err) != ITX_OK);
        CHECK(g == NULL);
        CHECK_STR(err.text, cases[i].message);
    }
}

TEST_MAIN(TEST(test_graph__tables), TEST(test_graph__names_are_unique),
          TEST(test_graph__attributes), TEST(test_graph__uses),
          TEST(test_graph__remove_dead_and_compact), TEST(test_graph__sort_orders_and_finds_cycles),
          TEST(test_graph__insert_keeps_order), TEST(test_graph__check_refuses),
          TEST(test_graph__copy_is_independent), TEST(test_graph__out_of_memory),
          TEST(test_graph__text_prints_what_it_parses), TEST(test_graph__text_refuses))
