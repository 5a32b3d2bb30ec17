/* SPDX-License-Identifier: Apache-2.0
 *
 * Whole networks through all passes. The canonical graph must compute what the file's graph
 * computes, and two exports of one network must become one graph, but for names.
 * Arguments: the folder of models in the tree, and a folder of more models (may be absent).
 */
#include <math.h>
#include <unistd.h>

#include "base/mem.h"
#include "float/exec.h"
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

/* The largest difference of b [1, c, h, w] from a, which is the same or [1, h, w, c], relative to
 * the largest |a|. */
static double difference(const struct tensor *a, const struct tensor *b, int is_nhwc)
{
    const int64_t c = b->shape.dim[1], hw = b->shape.dim[2] * b->shape.dim[3];
    const float *x = a->data, *y = b->data;
    double worst = 0, largest = 1e-30;
    if (shape_elements(&a->shape) != c * hw || shape_elements(&b->shape) != c * hw) return INFINITY;
    for (int64_t i = 0; i < c; i++)
        for (int64_t k = 0; k < hw; k++) {
            const double expected = x[is_nhwc ? k * c + i : i * hw + k];
            const double d = fabs(y[i * hw + k] - expected);
            if (!(d <= worst)) worst = d;
            largest = fmax(largest, fabs(expected));
        }
    return worst / largest;
}

/* Makes the values of the file's graph that the canonical one still names its outputs. */
static int use_same_outputs(struct graph *reference, const struct graph *canonical)
{
    reference->outputs.len = 0;
    for (size_t i = 0; i < canonical->outputs.len; i++) {
        const char *name = graph_value(canonical, canonical->outputs.data[i])->name;
        const value_id v = graph_find_value(reference, name, strlen(name));
        if (v == 0 || !vec_push(&reference->outputs, v)) return 0;
    }
    return 1;
}

/* The worst difference over all outputs on noise, in one float execution each. */
static double compare_results(const struct graph *reference, const struct graph *canonical)
{
    struct itx_error err = {0};
    struct float_exec *a = NULL, *b = NULL;
    double worst = INFINITY;
    const int64_t n = shape_elements(&graph_value(reference, reference->inputs.data[0])->shape);
    float *noise = mem_alloc((size_t)n * sizeof *noise);
    if (noise == NULL) return INFINITY;
    uint64_t seed = 1;
    for (int64_t i = 0; i < n; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        noise[i] = (float)(seed >> 40) / 0x1p24f;
    }
    const float *const inputs[] = {noise};
    if (float_exec_create(&a, reference, 1, &err) == ITX_OK &&
        float_exec_create(&b, canonical, 1, &err) == ITX_OK &&
        float_exec_run(a, inputs, NULL, NULL, &err) == ITX_OK &&
        float_exec_run(b, inputs, NULL, NULL, &err) == ITX_OK) {
        worst = 0;
        for (int i = 0; i < (int)canonical->outputs.len; i++) {
            const struct tensor *x = float_exec_output(a, i), *y = float_exec_output(b, i);
            const int is_nhwc =
                x->shape.dim[1] == y->shape.dim[2] && x->shape.dim[3] == y->shape.dim[1];
            const double d = difference(x, y, 0);
            worst = fmax(worst, is_nhwc ? fmin(d, difference(x, y, 1)) : d);
        }
    } else {
        printf("%s\n", err.text);
    }
    float_exec_destroy(&a);
    float_exec_destroy(&b);
    mem_free(noise);
    return worst;
}

static void test_same_results(const char *path, const struct graph *canonical)
{
    struct graph *reference = NULL;
    struct itx_error err = {0};
    double worst = INFINITY;
    if (onnx_read(&reference, path, &err) == ITX_OK && pass_fold_const(reference, &err) == ITX_OK &&
        use_same_outputs(reference, canonical))
        worst = compare_results(reference, canonical);
    printf("%s: largest difference %.2g\n", path, worst);
    /* float32 sums in another order; a wrong rewrite is off by orders of magnitude */
    check(worst < 1e-4, "computes the same", path);
    graph_destroy(&reference);
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
        test_same_results(path_a, a);
    }
    if (b != NULL) test_same_results(path_b, b);
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
