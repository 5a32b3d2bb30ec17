/* SPDX-License-Identifier: Apache-2.0
 *
 * The tables of operations and attributes, and building a graph: values, nodes, attributes,
 * metadata. Analyses and rewriting are in
 * edit.c.
 */
#include "graph/graph.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"

static const struct op_info op_infos[OP_COUNT] = {
#define OP(id, name, min_in, max_in, min_out, max_out, flags)                                      \
    [id] = {name, min_in, max_in, min_out, max_out, flags},
#include "graph/ops.def"
#undef OP
};

static const struct attr_info attr_infos[ATTR_ID_COUNT] = {
#define ATTR(id, name, kind) [id] = {name, kind},
#include "graph/attrs.def"
#undef ATTR
};

const struct op_info *op_info(enum op op)
{
    return &op_infos[op];
}

bool op_find(const char *name, enum op *op)
{
    for (int i = 0; i < OP_COUNT; i++)
        if (strcmp(op_infos[i].name, name) == 0) {
            *op = (enum op)i;
            return true;
        }
    return false;
}

const struct attr_info *attr_info(enum attr_id id)
{
    return &attr_infos[id];
}

bool attr_find(const char *name, enum attr_id *id)
{
    for (int i = 0; i < ATTR_ID_COUNT; i++)
        if (strcmp(attr_infos[i].name, name) == 0) {
            *id = (enum attr_id)i;
            return true;
        }
    return false;
}

static itx_status no_memory(struct itx_error *err)
{
    return itx_fail(err, ITX_E_NOMEM, "out of memory for the graph");
}

itx_status graph_create(struct graph **g, struct itx_error *err)
{
    struct graph *n = mem_calloc(1, sizeof *n);
    if (n == NULL) return no_memory(err);
    n->max_made = GRAPH_MAX_MADE;
    n->name = arena_text(&n->arena, "", 0);
    /* values.data[0] stands for "no value", so that 0 can mean an input left out */
    if (n->name == NULL ||
        !vec_push(&n->values, (struct value){.name = n->name, .shape = {.rank = -1}})) {
        graph_destroy(&n);
        return no_memory(err);
    }
    *g = n;
    return ITX_OK;
}

void graph_destroy(struct graph **g)
{
    if (*g == NULL) return;
    arena_release(&(*g)->arena);
    vec_release(&(*g)->values);
    vec_release(&(*g)->nodes);
    vec_release(&(*g)->inputs);
    vec_release(&(*g)->outputs);
    vec_release(&(*g)->meta);
    mem_free((*g)->name_slots);
    mem_free(*g);
    *g = NULL;
}

/* --- names: open addressing, never more than half full; a slot holds a value_id, 0 is empty --- */

static uint64_t hash_name(const char *name, size_t len)
{
    uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */
    for (size_t i = 0; i < len; i++) h = (h ^ (uint8_t)name[i]) * 0x100000001b3u;
    return h ^ h >> 29;
}

value_id graph_find_value(const struct graph *g, const char *name, size_t len)
{
    if (g->n_name_slots == 0) return 0;
    for (size_t i = hash_name(name, len) & (g->n_name_slots - 1); g->name_slots[i] != 0;
         i = (i + 1) & (g->n_name_slots - 1)) {
        const char *other = g->values.data[g->name_slots[i]].name;
        if (strlen(other) == len && memcmp(other, name, len) == 0) return g->name_slots[i];
    }
    return 0;
}

static size_t name_slot(const struct graph *g, value_id v)
{
    const char *name = graph_value(g, v)->name;
    size_t i = hash_name(name, strlen(name)) & (g->n_name_slots - 1);
    while (g->name_slots[i] != v) i = (i + 1) & (g->n_name_slots - 1);
    return i;
}

void graph_swap_names(struct graph *g, value_id a, value_id b)
{
    const size_t slot_a = name_slot(g, a), slot_b = name_slot(g, b);
    const char *name = graph_value(g, a)->name;
    graph_value(g, a)->name = graph_value(g, b)->name;
    graph_value(g, b)->name = name;
    const uint32_t n_numbered = graph_value(g, a)->n_numbered;
    graph_value(g, a)->n_numbered = graph_value(g, b)->n_numbered;
    graph_value(g, b)->n_numbered = n_numbered;
    g->name_slots[slot_a] = b;
    g->name_slots[slot_b] = a;
}

static void put_name(uint32_t *slots, size_t n_slots, const char *name, value_id id)
{
    size_t i = hash_name(name, strlen(name)) & (n_slots - 1);
    while (slots[i] != 0) i = (i + 1) & (n_slots - 1);
    slots[i] = id;
}

/* Room for one name more than there are values. */
static bool reserve_name(struct graph *g)
{
    if (g->values.len * 2 < g->n_name_slots) return true;
    const size_t n = g->n_name_slots == 0 ? 64 : g->n_name_slots * 2;
    uint32_t *slots = mem_calloc(n, sizeof *slots);
    if (slots == NULL) return false;
    for (size_t i = 1; i < g->values.len; i++)
        put_name(slots, n, g->values.data[i].name, (value_id)i);
    mem_free(g->name_slots);
    g->name_slots = slots;
    g->n_name_slots = n;
    return true;
}

enum { NAME_CUT = 250 };

/* NULL when out of memory. */
static const char *unique_name(struct graph *g, const char *name)
{
    char text[300];
    if (name == NULL || name[0] == '\0') {
        snprintf(text, sizeof text, "v%zu", g->values.len);
        name = text;
    }
    const value_id taken = graph_find_value(g, name, strlen(name));
    if (taken == 0) return arena_text(&g->arena, name, strlen(name));
    /* Long names are cut, so that different ones share their numbers. */
    char numbered[300];
    uint32_t *const last =
        strlen(name) > NAME_CUT ? &g->n_long_names : &graph_value(g, taken)->n_numbered;
    for (uint32_t i = *last + 1;; i++) {
        const int n = snprintf(numbered, sizeof numbered, "%.*s_%" PRIu32, NAME_CUT, name, i);
        if (graph_find_value(g, numbered, (size_t)n) != 0) continue;
        *last = i;
        return arena_text(&g->arena, numbered, (size_t)n);
    }
}

static void number(value_id *fresh, value_id *n, value_id v)
{
    if (v != 0 && fresh[v] == 0) fresh[v] = (*n)++;
}

itx_status graph_compact(struct graph *g, struct itx_error *err)
{
    value_id *fresh = mem_calloc(g->values.len, sizeof *fresh);
    struct value *values = mem_calloc(g->values.len, sizeof *values);
    if (fresh == NULL || values == NULL) {
        mem_free(fresh);
        mem_free(values);
        return no_memory(err);
    }
    value_id n = 1;
    for (size_t i = 0; i < g->inputs.len; i++) number(fresh, &n, g->inputs.data[i]);
    for (size_t i = 0; i < g->nodes.len; i++) {
        struct node *node = &g->nodes.data[i];
        for (int k = 0; k < node->n_inputs; k++) {
            number(fresh, &n, node->inputs[k]);
            node->inputs[k] = fresh[node->inputs[k]];
        }
        for (int k = 0; k < node->n_outputs; k++) {
            number(fresh, &n, node->outputs[k]);
            node->outputs[k] = fresh[node->outputs[k]];
        }
    }
    for (size_t i = 0; i < g->inputs.len; i++) g->inputs.data[i] = fresh[g->inputs.data[i]];
    for (size_t i = 0; i < g->outputs.len; i++) {
        number(fresh, &n, g->outputs.data[i]);
        g->outputs.data[i] = fresh[g->outputs.data[i]];
    }
    values[0] = g->values.data[0];
    for (size_t v = 1; v < g->values.len; v++)
        if (fresh[v] != 0) values[fresh[v]] = g->values.data[v];
    for (value_id v = 1; v < n; v++) values[v].n_numbered = 0; /* numbers may be free again */
    memcpy(g->values.data, values, n * sizeof *values);
    g->values.len = n;
    if (g->n_name_slots != 0) memset(g->name_slots, 0, g->n_name_slots * sizeof *g->name_slots);
    for (value_id v = 1; v < n; v++) put_name(g->name_slots, g->n_name_slots, values[v].name, v);
    mem_free(fresh);
    mem_free(values);
    return ITX_OK;
}

/* --- building --- */

itx_status graph_add_value(struct graph *g, const char *name, enum dtype dtype,
                           const struct shape *shape, value_id *id, struct itx_error *err)
{
    if (g->values.len >= UINT32_MAX)
        return itx_fail(err, ITX_E_RANGE, "the graph has too many values");
    if (!reserve_name(g)) return no_memory(err);
    const char *own = unique_name(g, name);
    const struct shape unknown = {.rank = -1};
    if (own == NULL ||
        !vec_push(
            &g->values,
            (struct value){.name = own, .dtype = dtype, .shape = shape != NULL ? *shape : unknown}))
        return no_memory(err);
    *id = (value_id)(g->values.len - 1);
    put_name(g->name_slots, g->n_name_slots, own, *id);
    return ITX_OK;
}

itx_status graph_count_made(struct graph *g, uint64_t bytes, struct itx_error *err)
{
    if (bytes > g->max_made || g->made > g->max_made - bytes)
        return itx_fail(err, ITX_E_RANGE,
                        "constants computed from the file's own take more than the %" PRIu64
                        " MiB allowed (max_constants, --max-constants)",
                        g->max_made >> 20);
    g->made += bytes;
    return ITX_OK;
}

itx_status graph_alloc_data(struct graph *g, enum dtype dtype, const struct shape *shape,
                            void **data, struct itx_error *err)
{
    const int64_t n = shape_elements(shape);
    if (n > 0) ITX_TRY(graph_count_made(g, (uint64_t)n * (uint64_t)dtype_size(dtype), err));
    return graph_alloc_counted(g, dtype, shape, data, err);
}

itx_status graph_alloc_counted(struct graph *g, enum dtype dtype, const struct shape *shape,
                               void **data, struct itx_error *err)
{
    const int64_t n = shape_elements(shape);
    char text[SHAPE_TEXT_SIZE];
    if (n < 0)
        return itx_fail(err, ITX_E_RANGE, "constant of shape %s has more than %lld elements",
                        shape_text(shape, text), (long long)SHAPE_MAX_ELEMENTS);
    void *p = arena_calloc(&g->arena, (size_t)n, (size_t)dtype_size(dtype));
    if (p == NULL) return no_memory(err);
    *data = p;
    return ITX_OK;
}

itx_status graph_add_constant(struct graph *g, const char *name, enum dtype dtype,
                              const struct shape *shape, const void *data, value_id *id,
                              struct itx_error *err)
{
    void *own;
    ITX_TRY(graph_alloc_counted(g, dtype, shape, &own, err));
    const size_t size = (size_t)shape_elements(shape) * (size_t)dtype_size(dtype);
    if (size != 0) memcpy(own, data, size);
    value_id new;
    ITX_TRY(graph_add_value(g, name, dtype, shape, &new, err));
    graph_value(g, new)->data = own;
    *id = new;
    return ITX_OK;
}

static itx_status make_node(struct graph *g, enum op op, const char *name, int n_inputs,
                            const value_id *inputs, int n_outputs, const value_id *outputs,
                            struct node *n, struct itx_error *err)
{
    if (name == NULL) name = "";
    *n = (struct node){
        .op = op,
        .name = arena_text(&g->arena, name, strlen(name)),
        .n_inputs = n_inputs,
        .n_outputs = n_outputs,
        .inputs = arena_dup(&g->arena, inputs, (size_t)n_inputs * sizeof *inputs),
        .outputs = arena_dup(&g->arena, outputs, (size_t)n_outputs * sizeof *outputs),
    };
    if (n->name == NULL || n->inputs == NULL || n->outputs == NULL) return no_memory(err);
    return ITX_OK;
}

itx_status graph_add_node(struct graph *g, enum op op, const char *name, int n_inputs,
                          const value_id *inputs, int n_outputs, const value_id *outputs,
                          node_id *id, struct itx_error *err)
{
    return graph_insert_node(g, (node_id)g->nodes.len, op, name, n_inputs, inputs, n_outputs,
                             outputs, id, err);
}

itx_status graph_insert_node(struct graph *g, node_id before, enum op op, const char *name,
                             int n_inputs, const value_id *inputs, int n_outputs,
                             const value_id *outputs, node_id *id, struct itx_error *err)
{
    struct node n;
    if (g->nodes.len >= NODE_NONE - 1)
        return itx_fail(err, ITX_E_RANGE, "the graph has too many nodes");
    ITX_TRY(make_node(g, op, name, n_inputs, inputs, n_outputs, outputs, &n, err));
    if (!vec_reserve(&g->nodes, g->nodes.len + 1)) return no_memory(err);
    memmove(g->nodes.data + before + 1, g->nodes.data + before,
            (g->nodes.len - before) * sizeof *g->nodes.data);
    g->nodes.data[before] = n;
    g->nodes.len++;
    if (id != NULL) *id = before;
    return ITX_OK;
}

itx_status graph_set_inputs(struct graph *g, node_id node, int n, const value_id *inputs,
                            struct itx_error *err)
{
    value_id *own = arena_dup(&g->arena, inputs, (size_t)n * sizeof *inputs);
    if (own == NULL) return no_memory(err);
    g->nodes.data[node].inputs = own;
    g->nodes.data[node].n_inputs = n;
    return ITX_OK;
}

/* --- attributes --- */

/* The place of attribute `id`, made when it is absent; the array stays ordered by id. */
static itx_status attr_place(struct graph *g, node_id node, enum attr_id id, enum attr_kind kind,
                             struct attr **place, struct itx_error *err)
{
    struct node *n = &g->nodes.data[node];
    if (attr_infos[id].kind != kind) ITX_BUG();
    int at = 0;
    while (at < n->n_attrs && n->attrs[at].id < id) at++;
    if (at == n->n_attrs || n->attrs[at].id != id) {
        struct attr *attrs = arena_calloc(&g->arena, (size_t)n->n_attrs + 1, sizeof *attrs);
        if (attrs == NULL) return no_memory(err);
        for (int i = 0; i < n->n_attrs; i++) attrs[i < at ? i : i + 1] = n->attrs[i];
        n->attrs = attrs;
        n->n_attrs++;
    }
    *place = &n->attrs[at];
    return ITX_OK;
}

itx_status graph_set_int(struct graph *g, node_id node, enum attr_id id, int64_t v,
                         struct itx_error *err)
{
    struct attr *a;
    ITX_TRY(attr_place(g, node, id, ATTR_KIND_INT, &a, err));
    *a = (struct attr){.id = id, .i = v};
    return ITX_OK;
}

itx_status graph_set_float(struct graph *g, node_id node, enum attr_id id, float v,
                           struct itx_error *err)
{
    struct attr *a;
    ITX_TRY(attr_place(g, node, id, ATTR_KIND_FLOAT, &a, err));
    *a = (struct attr){.id = id, .f = v};
    return ITX_OK;
}

itx_status graph_set_ints(struct graph *g, node_id node, enum attr_id id, int n, const int64_t *v,
                          struct itx_error *err)
{
    struct attr *a;
    const int64_t *own = arena_dup(&g->arena, v, (size_t)n * sizeof *v);
    if (own == NULL) return no_memory(err);
    ITX_TRY(attr_place(g, node, id, ATTR_KIND_INTS, &a, err));
    *a = (struct attr){.id = id, .n_ints = n, .ints = own};
    return ITX_OK;
}

itx_status graph_set_text(struct graph *g, node_id node, enum attr_id id, const char *text,
                          struct itx_error *err)
{
    struct attr *a;
    const char *own = arena_text(&g->arena, text, strlen(text));
    if (own == NULL) return no_memory(err);
    ITX_TRY(attr_place(g, node, id, ATTR_KIND_TEXT, &a, err));
    *a = (struct attr){.id = id, .text = own};
    return ITX_OK;
}

void graph_clear_attr(struct graph *g, node_id node, enum attr_id id)
{
    struct node *n = &g->nodes.data[node];
    int kept = 0;
    for (int i = 0; i < n->n_attrs; i++)
        if (n->attrs[i].id != id) n->attrs[kept++] = n->attrs[i];
    n->n_attrs = kept;
}

itx_status graph_set_meta(struct graph *g, const char *key, const char *text, struct itx_error *err)
{
    const struct graph_meta m = {arena_text(&g->arena, key, strlen(key)),
                                 arena_text(&g->arena, text, strlen(text))};
    if (m.key == NULL || m.text == NULL) return no_memory(err);
    for (size_t i = 0; i < g->meta.len; i++)
        if (strcmp(g->meta.data[i].key, key) == 0) {
            g->meta.data[i] = m;
            return ITX_OK;
        }
    if (!vec_push(&g->meta, m)) return no_memory(err);
    return ITX_OK;
}

const char *graph_get_meta(const struct graph *g, const char *key)
{
    for (size_t i = 0; i < g->meta.len; i++)
        if (strcmp(g->meta.data[i].key, key) == 0) return g->meta.data[i].text;
    return NULL;
}

const struct attr *node_attr(const struct node *n, enum attr_id id)
{
    for (int i = 0; i < n->n_attrs; i++)
        if (n->attrs[i].id == id) return &n->attrs[i];
    return NULL;
}

int64_t node_int(const struct node *n, enum attr_id id, int64_t otherwise)
{
    const struct attr *a = node_attr(n, id);
    return a != NULL ? a->i : otherwise;
}

float node_float(const struct node *n, enum attr_id id, float otherwise)
{
    const struct attr *a = node_attr(n, id);
    return a != NULL ? a->f : otherwise;
}

const char *node_text(const struct node *n, enum attr_id id, const char *otherwise)
{
    const struct attr *a = node_attr(n, id);
    return a != NULL ? a->text : otherwise;
}

int node_ints(const struct node *n, enum attr_id id, int64_t otherwise, int max, int64_t *v)
{
    const struct attr *a = node_attr(n, id);
    for (int i = 0; i < max; i++) v[i] = otherwise;
    if (a == NULL) return 0;
    for (int i = 0; i < a->n_ints && i < max; i++) v[i] = a->ints[i];
    return a->n_ints;
}
