/* SPDX-License-Identifier: Apache-2.0
 *
 * ONNX's own conformance vectors (Debian: libonnx-testdata): every node case is imported, inferred and run by the float
 * executor, or refused by a message that names the reason. A float32 case made of operators in ops.def must pass, unless
 * the table of exceptions below says why not.
 *
 *     golden_onnx_nodes [FOLDER [NAME]]    only cases whose name contains NAME
 *
 * Tolerance 1e-3 relative, 1e-5 absolute: what ONNX's own runner allows relatively; sums of a few hundred products in float32
 * differ by order of addition only.
 */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "float/exec.h"
#include "onnx/onnx.h"

#define MAX_TENSORS 32

static const struct {
    const char *name, *why;
} exceptions[] = {
    {"test_adagrad", "operator of the preview training domain"},
    {"test_adagrad_multiple", "operator of the preview training domain"},
    {"test_adam", "operator of the preview training domain"},
    {"test_adam_multiple", "operator of the preview training domain"},
    {"test_momentum", "operator of the preview training domain"},
    {"test_momentum_multiple", "operator of the preview training domain"},
    {"test_nesterov_momentum", "operator of the preview training domain"},
    {"test_batchnorm_epsilon_training_mode", "training is not for us"},
    {"test_batchnorm_example_training_mode", "training is not for us"},
    {"test_resize_downsample_sizes_nearest_tf_half_pixel_for_nn", "a mode of set 11, gone in 13"},
    /* 4 * 0.6 rows are 2. The vectors divide by 2.4 - 1; the operator's text, PyTorch and ONNX Runtime (which leaves
     * these two vectors out) by 2 - 1. */
    {"test_resize_downsample_scales_cubic_align_corners", "contradicts the operator's definition"},
    {"test_resize_downsample_scales_linear_align_corners", "contradicts the operator's definition"},
};

struct counts {
    int passed, refused, excepted, failed;
};

/* What onnx_scan finds. */
struct operators {
    bool all_ours;
    char first_foreign[64];
};

static void note_operator(void *ctx, const struct onnx_node_report *report)
{
    struct operators *o = ctx;
    enum op op;
    const bool ours = report->domain[0] == '\0' &&
                      (op_find(report->type, &op) || strcmp(report->type, "Constant") == 0);
    if (!ours && o->all_ours)
        snprintf(o->first_foreign, sizeof o->first_foreign, "%s", report->type);
    o->all_ours = o->all_ours && ours;
}

/* One case: its files and what becomes of it. */
struct run {
    const char *folder, *name;
    struct arena arena;
    struct graph *g;
    struct float_exec *e;
    int n_inputs, n_outputs;
    bool is_float;
    struct tensor inputs[MAX_TENSORS], outputs[MAX_TENSORS];
    struct itx_error err;
};

static itx_status read_tensor(struct run *r, const char *kind, int i, struct tensor *t,
                              bool *exists)
{
    char path[1024];
    struct file_bytes map;
    snprintf(path, sizeof path, "%s/%s/test_data_set_0/%s_%d.pb", r->folder, r->name, kind, i);
    *exists = file_read(&map, path, SIZE_MAX, NULL) == ITX_OK;
    if (!*exists) return ITX_OK;
    const itx_status status = onnx_read_tensor_memory(map.data, map.size, &r->arena, t, &r->err);
    file_bytes_release(&map);
    if (status != ITX_OK) itx_error_prefix(&r->err, "%s %d", kind, i);
    return status;
}

/* Vectors of operators that never changed are written for set 1; set 6 says the same, and is the first we read. The set is
 * the last byte of the file: opset_import, domain "", version 1. */
static itx_status read_model(struct run *r, const char *path)
{
    static const uint8_t set_1[] = {0x42, 4, 0x0a, 0, 0x10, 1};
    struct file_bytes map;
    ITX_TRY(file_read(&map, path, SIZE_MAX, &r->err));
    uint8_t *bytes = arena_dup(&r->arena, map.data, map.size);
    if (bytes == NULL) abort();
    uint8_t *end = bytes + map.size - sizeof set_1;
    if (map.size > sizeof set_1 && memcmp(end, set_1, sizeof set_1) == 0) end[sizeof set_1 - 1] = 6;
    const itx_status status = onnx_read_memory(&r->g, bytes, map.size, &r->err);
    file_bytes_release(&map);
    return status;
}

static itx_status read_tensors(struct run *r, const char *kind, struct tensor *t, int *n)
{
    bool exists = true;
    for (*n = 0; *n < MAX_TENSORS; ++*n) {
        const itx_status status = read_tensor(r, kind, *n, &t[*n], &exists);
        if (status != ITX_OK || !exists) return status;
    }
    return ITX_OK;
}

/* An input of the graph becomes a constant with the vector's numbers, or stays an input of the vector's shape. */
static void set_input(struct run *r, int i, bool constant)
{
    struct value *v = graph_value(r->g, r->g->inputs.data[i]);
    v->dtype = r->inputs[i].dtype;
    v->shape = r->inputs[i].shape;
    v->data = constant ? r->inputs[i].data : NULL;
}

/* Inputs that are not numbers to compute with (shapes, axes, indices) are constants in any network; where shapes are still
 * open, so are all but the first. */
static itx_status bind_inputs(struct run *r)
{
    struct graph *g = r->g;
    if ((int)g->inputs.len != r->n_inputs || (int)g->outputs.len != r->n_outputs)
        return itx_fail(&r->err, ITX_E_FORMAT, "%zu inputs and %zu outputs for %d and %d vectors",
                        g->inputs.len, g->outputs.len, r->n_inputs, r->n_outputs);
    for (size_t v = 1; v < g->values.len; v++)
        if (g->values.data[v].data == NULL) {
            g->values.data[v].dtype = DTYPE_NONE; /* what the file declares is not believed */
            g->values.data[v].shape.rank = -1;
        }
    for (int i = 0; i < r->n_inputs; i++) set_input(r, i, r->inputs[i].dtype != DTYPE_F32);
    ITX_TRY(graph_infer(g, &r->err));
    bool open = false;
    for (size_t i = 0; i < g->outputs.len; i++)
        open = open || graph_value(g, g->outputs.data[i])->shape.rank < 0;
    /* Range computes its shape from the first, too */
    const bool all = g->nodes.len == 1 && g->nodes.data[0].op == OP_RANGE;
    for (int i = all ? 0 : 1; i < r->n_inputs && open; i++) set_input(r, i, true);
    ITX_TRY(graph_infer(g, &r->err));
    return ITX_OK;
}

static itx_status execute(struct run *r)
{
    const float *inputs[MAX_TENSORS];
    struct graph *g = r->g;
    size_t n = 0;
    for (int i = 0; i < r->n_inputs; i++) {
        const value_id id = g->inputs.data[i];
        if (graph_value(g, id)->data != NULL) continue;
        inputs[n] = r->inputs[i].data;
        g->inputs.data[n++] = id;
    }
    g->inputs.len = n;
    ITX_TRY(float_exec_create(&r->e, g, 1, &r->err));
    return float_exec_run(r->e, inputs, NULL, NULL, &r->err);
}

static bool is_close(double a, double b)
{
    return a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= 1e-5 + 1e-3 * fabs(b);
}

/* Fills `what` with the first difference. */
static bool is_equal(const struct tensor *got, const struct tensor *wanted, char *what, size_t size)
{
    char text[2][SHAPE_TEXT_SIZE];
    const int64_t n = shape_elements(&got->shape);
    const size_t element = (size_t)dtype_size(got->dtype);
    if (got->dtype != wanted->dtype || !shape_eq(&got->shape, &wanted->shape)) {
        snprintf(what, size, "%s %s, expected %s %s", dtype_name(got->dtype),
                 shape_text(&got->shape, text[0]), dtype_name(wanted->dtype),
                 shape_text(&wanted->shape, text[1]));
        return false;
    }
    for (int64_t i = 0; i < n; i++) {
        const uint8_t *a = (const uint8_t *)got->data + (size_t)i * element;
        const uint8_t *b = (const uint8_t *)wanted->data + (size_t)i * element;
        double va = 0, vb = 0;
        if (got->dtype == DTYPE_F32) {
            va = (double)((const float *)got->data)[i];
            vb = (double)((const float *)wanted->data)[i];
        } else if (got->dtype == DTYPE_F64) {
            va = ((const double *)got->data)[i];
            vb = ((const double *)wanted->data)[i];
        }
        const bool is_real = got->dtype == DTYPE_F32 || got->dtype == DTYPE_F64;
        if (is_real ? is_close(va, vb) : memcmp(a, b, element) == 0) continue;
        snprintf(what, size, "element %d is %.9g, expected %.9g", (int)i, va, vb);
        return false;
    }
    return true;
}

static void release(struct run *r)
{
    float_exec_destroy(&r->e);
    graph_destroy(&r->g);
    arena_release(&r->arena);
}

/* Float numbers in and out; operands beside the first may be integers. */
static bool is_float_case(const struct run *r)
{
    if (r->n_outputs == 0) return false;
    for (int i = 0; i < r->n_outputs; i++)
        if (r->outputs[i].dtype != DTYPE_F32) return false;
    return r->n_inputs == 0 || r->inputs[0].dtype == DTYPE_F32;
}

/* Returns a failure to import or run; `what` is empty when the numbers agree. */
static itx_status run_case(struct run *r, const char *model, char *what, size_t size)
{
    what[0] = '\0';
    itx_status status = read_tensors(r, "output", r->outputs, &r->n_outputs);
    if (status == ITX_OK) status = read_tensors(r, "input", r->inputs, &r->n_inputs);
    r->is_float = status == ITX_OK && is_float_case(r);
    ITX_TRY(read_model(r, model)); /* what it refuses says more than a vector's odd type */
    ITX_TRY(status);
    ITX_TRY(bind_inputs(r));
    ITX_TRY(execute(r));
    for (int i = 0; i < r->n_outputs && what[0] == '\0'; i++)
        is_equal(float_exec_output(r->e, i), &r->outputs[i], what, size);
    return ITX_OK;
}

static const char *exception_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(exceptions); i++)
        if (strcmp(exceptions[i].name, name) == 0) return exceptions[i].why;
    return NULL;
}

/* Does the message name an operator, as "(Name)", that ops.def lacks? */
static bool names_foreign(const char *text)
{
    char name[64];
    enum op op;
    const char *open = strchr(text, '(');
    return open != NULL && sscanf(open, "(%63[A-Za-z0-9])", name) == 1 && !op_find(name, &op);
}

/* A refusal is fine when it says why, and names a foreign operator where the numbers are float. */
static bool may_be_refused(const struct run *r, const char *model)
{
    struct operators o = {.all_ours = true};
    if (r->err.text[0] == '\0') return false;
    if (!r->is_float) return true;
    if (onnx_scan(model, note_operator, &o, NULL) != ITX_OK) return names_foreign(r->err.text);
    return !o.all_ours && strstr(r->err.text, o.first_foreign) != NULL;
}

static void judge(struct run *r, itx_status status, const char *model, const char *what,
                  struct counts *c)
{
    const char *exception = exception_of(r->name);
    const char *problem = status == ITX_OK ? what : r->err.text;
    if (status == ITX_OK && what[0] == '\0') {
        c->passed++;
    } else if (exception != NULL) {
        printf("excepted %s, %s: %s\n", r->name, exception, problem);
        c->excepted++;
    } else if (status != ITX_OK && may_be_refused(r, model)) {
        printf("refused %s: %s\n", r->name, problem);
        c->refused++;
    } else {
        printf("FAILED %s: %s\n", r->name, problem);
        c->failed++;
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names of the folders in `folder`, sorted; the caller frees each and the list. */
static char **list_cases(const char *folder, size_t *n)
{
    VEC(char *) names = {0};
    DIR *dir = opendir(folder);
    *n = 0;
    if (dir == NULL) return NULL;
    for (const struct dirent *d = readdir(dir); d != NULL; d = readdir(dir)) {
        char *name = strncmp(d->d_name, "test_", 5) == 0 ? strdup(d->d_name) : NULL;
        if (name != NULL && !vec_push(&names, name)) abort();
    }
    closedir(dir);
    if (names.len != 0) qsort(names.data, names.len, sizeof *names.data, by_name);
    *n = names.len;
    return names.data;
}

int main(int argc, char **argv)
{
    const char *folder = argc > 1 ? argv[1] : ONNX_NODES_DIR;
    struct counts c = {0};
    size_t n;
    char **names = list_cases(folder, &n);
    if (n == 0) {
        printf("skipped: no cases in %s\n0 passed, 0 failed, 1 skipped\n", folder);
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        char model[1024], what[400];
        if (argc > 2 && strstr(names[i], argv[2]) == NULL) continue;
        snprintf(model, sizeof model, "%s/%s/model.onnx", folder, names[i]);
        struct run r = {.folder = folder, .name = names[i]};
        const itx_status status = run_case(&r, model, what, sizeof what);
        judge(&r, status, model, what, &c);
        release(&r);
    }
    for (size_t i = 0; i < n; i++) free(names[i]);
    mem_free(names);
    printf("%d refused by name, %d excepted\n%d passed, %d failed, 0 skipped\n", c.refused,
           c.excepted, c.passed, c.failed);
    return c.failed != 0;
}
