/* SPDX-License-Identifier: Apache-2.0
 *
 * Whole networks through all passes. Two exports of one network must become one graph, but for names.
 * Arguments: the folder of models in the tree, and a folder of more models (may be absent).
 */
#include <unistd.h>

#include "onnx/onnx.h"
#include "run_passes.h"

static int n_passed, n_failed, n_skipped;

static struct graph *run_file(const char *path, struct head_info *head)
{
    struct graph *g = NULL;
    struct itx_error err = {0};
    if (onnx_read(&g, path, &err) == ITX_OK && passes_run(g, head, NULL, NULL, &err) == ITX_OK)
        return g;
    printf("%s: %s\n", path, err.text);
    graph_destroy(&g);
    return NULL;
}

/* Names and what the file says about itself become the same; value ids are already in order. */
static void forget_names(struct graph *g)
{
    static const char *const numbers = "0123456789";
    for (size_t v = 1; v < g->values.len; v++) {
        char *name = arena_calloc(&g->arena, 16, 1);
        if (name == NULL) abort();
        for (size_t rest = v, i = 0; i < 8; i++, rest /= 10) name[7 - i] = numbers[rest % 10];
        g->values.data[v].name = name;
    }
    for (size_t i = 0; i < g->nodes.len; i++) g->nodes.data[i].name = "";
    g->meta.len = 0;
    g->name = "";
}

/* Only convolutions and what the lowering knows are left, and every value is a map. */
static int is_canonical(const struct graph *g)
{
    static const enum op known[] = {OP_CONV,   OP_CONV_TRANSPOSE, OP_MAX_POOL, OP_RESIZE,
                                    OP_CONCAT, OP_SPLIT,          OP_ADD,      OP_ATTENTION};
    for (size_t i = 0; i < g->nodes.len; i++) {
        const struct node *n = &g->nodes.data[i];
        int is_known = 0;
        for (size_t k = 0; k < sizeof known / sizeof known[0]; k++) is_known |= n->op == known[k];
        if (!is_known || graph_value(g, n->outputs[0])->shape.rank != 4) {
            printf("left over: node '%s' (%s)\n", n->name, op_info(n->op)->name);
            return 0;
        }
    }
    return 1;
}

static void print_difference(const char *a, const char *b)
{
    while (*a != '\0' && *b != '\0') {
        const size_t len_a = strcspn(a, "\n"), len_b = strcspn(b, "\n");
        if (len_a != len_b || memcmp(a, b, len_a) != 0) {
            printf("  %.*s\n  %.*s\n", (int)len_a, a, (int)len_b, b);
            return;
        }
        a += len_a + (a[len_a] != '\0');
        b += len_b + (b[len_b] != '\0');
    }
}

static void check(int is_ok, const char *what, const char *path)
{
    if (!is_ok) printf("FAILED %s: %s\n", path, what);
    n_passed += is_ok;
    n_failed += !is_ok;
}

/* path_b NULL: only `path_a`, which is a segmentation network with n_classes classes. */
static void test_network(const char *path_a, const char *path_b, int n_classes)
{
    if (access(path_a, R_OK) != 0 || (path_b != NULL && access(path_b, R_OK) != 0)) {
        printf("skipped %s: not here\n", path_a);
        n_skipped++;
        return;
    }
    struct head_info head_a, head_b;
    struct graph *a = run_file(path_a, &head_a);
    struct graph *b = path_b != NULL ? run_file(path_b, &head_b) : NULL;
    check(a != NULL && (path_b == NULL || b != NULL), "compiles", path_a);
    if (a != NULL) {
        check(is_canonical(a), "is canonical", path_a);
        check(head_a.task == HEAD_SEGMENT && head_a.n_levels == 3 && head_a.reg_max == 16 &&
                  head_a.n_classes == n_classes && head_a.n_coefs == 32 && head_a.proto == 9,
              "has its head", path_a);
    }
    if (a != NULL && b != NULL) {
        check(memcmp(head_a.level, head_b.level, sizeof head_a.level) == 0 &&
                  head_a.n_classes == head_b.n_classes,
              "has the same head", path_b);
        forget_names(a);
        forget_names(b);
        char *text_a = graph_text(a), *text_b = graph_text(b);
        const int is_same = text_a != NULL && text_b != NULL && strcmp(text_a, text_b) == 0;
        check(is_same, "is the same graph", path_b);
        if (!is_same && text_a != NULL && text_b != NULL) print_difference(text_a, text_b);
        free(text_a);
        free(text_b);
    }
    graph_destroy(&a);
    graph_destroy(&b);
}

int main(int argc, char **argv)
{
    char a[1024], b[1024];
    if (argc != 3) return 2;
    snprintf(a, sizeof a, "%s/parts-seg.onnx", argv[1]);
    test_network(a, NULL, 8);
    static const struct {
        const char *a, *b;
        int n_classes;
    } pairs[] = {{"models/yolo11n-seg.onnx", "models/yolo11n-seg_rdk.onnx", 80},
                 {"parts/parts-seg.onnx", "parts/parts-seg_rdk.onnx", 8}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        snprintf(a, sizeof a, "%s/%s", argv[2], pairs[i].a);
        snprintf(b, sizeof b, "%s/%s", argv[2], pairs[i].b);
        test_network(a, b, pairs[i].n_classes);
    }
    printf("%d passed, %d failed, %d skipped\n", n_passed, n_failed, n_skipped);
    return n_failed != 0;
}
