/* SPDX-License-Identifier: Apache-2.0
 *
 * Operations and constants of a program, one call each. What is made last is at the end of the graph, so that its attributes can
 * be set and its shape inferred from there.
 */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "export/program.h"

void program_check(struct program *p, itx_status rc)
{
    if (p->rc == ITX_OK) p->rc = rc;
}

const char *program_name(struct program *p, const char *part)
{
    struct strbuf text = {0};
    const char *name = NULL;
    strbuf_addf(&text, "%s", p->base);
    if (part != NULL) strbuf_addf(&text, "/%s", part);
    if (p->rc == ITX_OK && !text.failed) name = arena_text(&p->g->arena, text.data, text.len);
    strbuf_release(&text);
    if (name == NULL && p->rc == ITX_OK) p->rc = itx_fail(p->err, ITX_E_NOMEM, "out of memory");
    return name;
}

void set_name(struct program *p, value_id v, const char *name)
{
    char other[1100];
    value_id id = 0;
    snprintf(other, sizeof other, "%s_quantized", name);
    if (p->rc != ITX_OK) return;
    const bool is_taken = graph_find_value(p->g, name, strlen(name)) != 0;
    program_check(p, graph_add_value(p->g, is_taken ? other : name, DTYPE_NONE, NULL, &id, p->err));
    if (p->rc == ITX_OK) graph_swap_names(p->g, v, id); /* graph_compact drops the other one */
}

/* --- constants --- */

value_id constant(struct program *p, const char *part, enum dtype dtype, const struct shape *shape,
                  const void *data)
{
    value_id v = 0;
    const char *name = program_name(p, part);
    if (p->rc == ITX_OK)
        program_check(p, graph_add_constant(p->g, name, dtype, shape, data, &v, p->err));
    return v;
}

value_id constant_ints(struct program *p, const char *part, int n, const int64_t *v)
{
    return constant(p, part, DTYPE_S64, &(struct shape){.rank = 1, .dim = {n}}, v);
}

value_id constant_float(struct program *p, const char *part, float v)
{
    return constant(p, part, DTYPE_F32, &(struct shape){.rank = 0}, &v);
}

value_id constant_channels(struct program *p, const char *part, enum dtype dtype, int c,
                           const double *v)
{
    bool is_one = true;
    void *data = NULL;
    value_id id = 0;
    for (int i = 1; i < c; i++) is_one = is_one && v[i] == v[0];
    const struct shape each = {.rank = 4, .dim = {1, c, 1, 1}}, single = {.rank = 0};
    const struct shape *const shape = is_one ? &single : &each;
    const char *name = program_name(p, part);
    if (p->rc == ITX_OK) program_check(p, graph_alloc_data(p->g, dtype, shape, &data, p->err));
    if (p->rc == ITX_OK) program_check(p, graph_add_value(p->g, name, dtype, shape, &id, p->err));
    for (int i = 0; p->rc == ITX_OK && i < (is_one ? 1 : c); i++) {
        if (dtype == DTYPE_F32) ((float *)data)[i] = (float)v[i];
        if (dtype == DTYPE_F64) ((double *)data)[i] = v[i];
        if (dtype == DTYPE_S32) ((int32_t *)data)[i] = (int32_t)v[i];
    }
    if (p->rc == ITX_OK) graph_value(p->g, id)->data = data;
    return id;
}

/* --- operations --- */

void infer_last(struct program *p)
{
    if (p->rc == ITX_OK)
        program_check(p, graph_infer_node(p->g, (node_id)p->g->nodes.len - 1, p->err));
}

value_id emit(struct program *p, enum op op, const char *part, int n, const value_id *inputs)
{
    value_id v = 0;
    node_id node;
    const char *name = program_name(p, part);
    while (n > 0 && inputs[n - 1] == 0) n--;
    if (p->rc == ITX_OK)
        program_check(p, graph_add_value(p->g, name, DTYPE_NONE, NULL, &v, p->err));
    if (p->rc == ITX_OK)
        program_check(p, graph_add_node(p->g, op, name, n, inputs, 1, &v, &node, p->err));
    return v;
}

value_id emit1(struct program *p, enum op op, const char *part, value_id x)
{
    const value_id v = emit(p, op, part, 1, &x);
    infer_last(p);
    return v;
}

value_id emit2(struct program *p, enum op op, const char *part, value_id a, value_id b)
{
    const value_id v = emit(p, op, part, 2, (const value_id[]){a, b});
    infer_last(p);
    return v;
}

value_id emit_cast(struct program *p, const char *part, value_id x, enum dtype to)
{
    const value_id v = emit(p, OP_CAST, part, 1, &x);
    set_int(p, ATTR_TO, to);
    infer_last(p);
    return v;
}

value_id emit_clip(struct program *p, const char *part, value_id x, value_id low, value_id high)
{
    const value_id v = emit(p, OP_CLIP, part, 3, (const value_id[]){x, low, high});
    infer_last(p);
    return v;
}

value_id emit_transpose(struct program *p, const char *part, value_id x, const int64_t *perm)
{
    const value_id v = emit(p, OP_TRANSPOSE, part, 1, &x);
    set_ints(p, ATTR_PERM, 4, perm);
    infer_last(p);
    return v;
}

value_id emit_reshape(struct program *p, const char *part, value_id x, const int64_t *dims)
{
    char name[64];
    snprintf(name, sizeof name, "%s_shape", part);
    return emit2(p, OP_RESHAPE, part, x, constant_ints(p, name, 4, dims));
}

/* --- attributes and names --- */

static node_id last(const struct program *p)
{
    return (node_id)p->g->nodes.len - 1;
}

void set_int(struct program *p, enum attr_id id, int64_t v)
{
    if (p->rc == ITX_OK) program_check(p, graph_set_int(p->g, last(p), id, v, p->err));
}

void set_ints(struct program *p, enum attr_id id, int n, const int64_t *v)
{
    if (p->rc == ITX_OK) program_check(p, graph_set_ints(p->g, last(p), id, n, v, p->err));
}

void set_text(struct program *p, enum attr_id id, const char *text)
{
    if (p->rc == ITX_OK) program_check(p, graph_set_text(p->g, last(p), id, text, p->err));
}
