/* SPDX-License-Identifier: Apache-2.0
 *
 * The text form of a graph: printing. (Parsing is in text_parse.c; the two are inverse.) One
 * statement a line; '#' begins a comment; blanks between words are free.
 *
 *     graph "main"
 *     meta "task" "segment"
 *     input %images: f32[1, 3, 32, 32]
 *     const %w: f32[2, 1] = {0.5, -1}
 *     const %k: f32[16, 3, 3, 3] = digest 8a3c5d1e22b70f94
 *     %y: f32[1, 16, 16, 16] = Conv(%images, %k, _, %"odd name") @"/model.0/conv" {act = 1}
 *     %a: none[?], %b: f32[] = Split(%y) {axis = 1}
 *     output %y
 *     quant %y: s8 {0.05} {-3}
 *
 * %NAME is a value; a name of other characters than letters, digits and _ . / : + - is quoted. "_"
 * is an input left out. A type is a dtype and a shape; [?] is a shape not known. @"..." is the
 * node's name. In quotes, \" \\ and \xNN (not zero) stand for bytes. A constant is written before
 * the node that first uses it: as numbers up to TEXT_MAX_INLINE of them (f16 as its bits), else as
 * a digest (FNV-1a of its bytes, for the eye and for comparison) or as "data" and its little-endian
 * bytes in hexadecimal. quant gives dtype, scales, zero points and, where there is one, the reach.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "base/format.h"
#include "base/mem.h"
#include "base/printable.h"
#include "graph/graph.h"

static bool is_plain(const char *name)
{
    for (const char *p = name; *p != '\0'; p++)
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
              strchr("_./:+-", *p) != NULL))
            return false;
    return name[0] != '\0' && name[strlen(name) - 1] != ':';
}

static void print_quoted(FILE *out, const char *text)
{
    fputc('"', out);
    size_t n;
    for (const char *p = text; *p != '\0'; p += n) {
        const bool is_shown = printable_at(p, 4, &n);
        if (*p == '"' || *p == '\\') fputc('\\', out);
        for (size_t i = 0; i < n; i++) fprintf(out, is_shown ? "%c" : "\\x%02x", (uint8_t)p[i]);
    }
    fputc('"', out);
}

static void print_name(FILE *out, const struct graph *g, value_id v)
{
    if (v == 0) {
        fputc('_', out);
        return;
    }
    const char *name = graph_value(g, v)->name;
    fputc('%', out);
    if (is_plain(name))
        fputs(name, out);
    else
        print_quoted(out, name);
}

static void print_typed(FILE *out, const struct graph *g, value_id v)
{
    char text[SHAPE_TEXT_SIZE];
    print_name(out, g, v);
    fprintf(out, ": %s%s", dtype_name(graph_value(g, v)->dtype),
            shape_text(&graph_value(g, v)->shape, text));
}

/* %.9g and %.17g give back the same number; every NaN is one word. */
static void print_real(FILE *out, double v, int digits)
{
    if (isnan(v))
        fputs("nan", out);
    else
        format_file(out, "%.*g", digits, v);
}

static void print_element(FILE *out, const struct value *v, int64_t i)
{
    const uint8_t *p = (const uint8_t *)v->data + i * dtype_size(v->dtype);
    float f;
    double d;
    int64_t n;
    switch (v->dtype) {
    case DTYPE_F32:
        memcpy(&f, p, sizeof f);
        print_real(out, f, 9);
        return;
    case DTYPE_F64:
        memcpy(&d, p, sizeof d);
        print_real(out, d, 17);
        return;
    case DTYPE_S64:
        memcpy(&n, p, sizeof n);
        fprintf(out, "%" PRId64, n);
        return;
    case DTYPE_S8:
        fprintf(out, "%d", (int8_t)*p);
        return;
    case DTYPE_S16:
        fprintf(out, "%d", (int16_t)load_le16(p));
        return;
    case DTYPE_S32:
        fprintf(out, "%" PRId32, (int32_t)load_le32(p));
        return;
    case DTYPE_U8:
    case DTYPE_BOOL:
        fprintf(out, "%u", *p);
        return;
    case DTYPE_F16:
        fprintf(out, "%u", load_le16(p));
        return;
    case DTYPE_NONE:
    case DTYPE_COUNT:
        break;
    }
    ITX_BUG();
}

static void print_constant(FILE *out, const struct graph *g, value_id id, bool with_data)
{
    const struct value *v = graph_value(g, id);
    const int64_t n = shape_elements(&v->shape);
    const uint8_t *bytes = v->data;
    const size_t size = (size_t)n * (size_t)dtype_size(v->dtype);
    fputs("const ", out);
    print_typed(out, g, id);
    if (n <= TEXT_MAX_INLINE) {
        fputs(" = {", out);
        for (int64_t i = 0; i < n; i++) {
            fputs(i == 0 ? "" : ", ", out);
            print_element(out, v, i);
        }
        fputs("}\n", out);
    } else if (with_data) {
        fputs(" = data ", out);
        for (size_t i = 0; i < size; i++) fprintf(out, "%02x", bytes[i]);
        fputc('\n', out);
    } else {
        uint64_t h = 0xcbf29ce484222325u;
        for (size_t i = 0; i < size; i++) h = (h ^ bytes[i]) * 0x100000001b3u;
        fprintf(out, " = digest %016" PRIx64 "\n", h);
    }
}

static void print_attr(FILE *out, const struct attr *a)
{
    const struct attr_info *info = attr_info(a->id);
    fprintf(out, "%s = ", info->name);
    switch (info->kind) {
    case ATTR_KIND_INT:
        fprintf(out, "%" PRId64, a->i);
        break;
    case ATTR_KIND_FLOAT:
        print_real(out, a->f, 9);
        break;
    case ATTR_KIND_INTS:
        fputc('[', out);
        for (int i = 0; i < a->n_ints; i++)
            fprintf(out, i == 0 ? "%" PRId64 : ", %" PRId64, a->ints[i]);
        fputc(']', out);
        break;
    case ATTR_KIND_TEXT:
        print_quoted(out, a->text);
        break;
    }
}

static void print_node(FILE *out, const struct graph *g, const struct node *n)
{
    for (int i = 0; i < n->n_outputs; i++) {
        fputs(i == 0 ? "" : ", ", out);
        print_typed(out, g, n->outputs[i]);
    }
    fprintf(out, " = %s(", op_info(n->op)->name);
    for (int i = 0; i < n->n_inputs; i++) {
        fputs(i == 0 ? "" : ", ", out);
        print_name(out, g, n->inputs[i]);
    }
    fputc(')', out);
    if (n->name[0] != '\0') {
        fputs(" @", out);
        print_quoted(out, n->name);
    }
    for (int i = 0; i < n->n_attrs; i++) {
        fputs(i == 0 ? " {" : ", ", out);
        print_attr(out, &n->attrs[i]);
    }
    fputs(n->n_attrs != 0 ? "}\n" : "\n", out);
}

static void print_quant(FILE *out, const struct graph *g, value_id id)
{
    const struct value_quant *q = &graph_value(g, id)->quant;
    fputs("quant ", out);
    print_name(out, g, id);
    fprintf(out, ": %s {", dtype_name(q->dtype));
    for (int i = 0; i < q->n; i++) {
        fputs(i == 0 ? "" : ", ", out);
        print_real(out, q->scale[i], 9);
    }
    fputs("} {", out);
    for (int i = 0; i < q->n; i++)
        fprintf(out, i == 0 ? "%" PRId32 : ", %" PRId32, q->zero_point[i]);
    fputs("}", out);
    if (q->reach != 0) fprintf(out, " reach %d", q->reach);
    fputs("\n", out);
}

/* printed[v]: v's line has been written. */
static void print_all(FILE *out, const struct graph *g, bool with_data, bool *printed)
{
    fputs("graph ", out);
    print_quoted(out, g->name);
    fputc('\n', out);
    for (size_t i = 0; i < g->meta.len; i++) {
        fputs("meta ", out);
        print_quoted(out, g->meta.data[i].key);
        fputc(' ', out);
        print_quoted(out, g->meta.data[i].text);
        fputc('\n', out);
    }
    for (size_t i = 0; i < g->inputs.len; i++) {
        fputs("input ", out);
        print_typed(out, g, g->inputs.data[i]);
        fputc('\n', out);
        printed[g->inputs.data[i]] = true;
    }
    for (size_t i = 0; i < g->nodes.len; i++) {
        const struct node *n = &g->nodes.data[i];
        for (int k = 0; k < n->n_inputs; k++) {
            const value_id v = n->inputs[k];
            if (graph_value(g, v)->data != NULL && !printed[v])
                print_constant(out, g, v, with_data);
            printed[v] = true;
        }
        print_node(out, g, n);
        for (int k = 0; k < n->n_outputs; k++) printed[n->outputs[k]] = true;
    }
    for (size_t i = 0; i < g->outputs.len; i++) {
        const value_id v = g->outputs.data[i];
        if (graph_value(g, v)->data != NULL && !printed[v]) print_constant(out, g, v, with_data);
        printed[v] = true;
        fputs("output ", out);
        print_name(out, g, v);
        fputc('\n', out);
    }
    for (value_id v = 1; v < g->values.len; v++)
        if (printed[v] && graph_value(g, v)->quant.n != 0) print_quant(out, g, v);
}

itx_status graph_print(const struct graph *g, FILE *out, bool with_data, struct itx_error *err)
{
    bool *printed = mem_calloc(g->values.len, sizeof *printed);
    if (printed == NULL) return itx_fail(err, ITX_E_NOMEM, "out of memory for the graph");
    print_all(out, g, with_data, printed);
    mem_free(printed);
    if (ferror(out)) return itx_fail_errno(err, "cannot write the graph");
    return ITX_OK;
}
