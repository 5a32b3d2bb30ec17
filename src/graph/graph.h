/* SPDX-License-Identifier: Apache-2.0
 *
 * What the compiler works on: nodes and values in arrays, named by index, so that everything can be printed,
 * compared and grown without a dangling pointer. Layout is ONNX's (NCHW). Only the compiler knows graphs.
 *
 * Nodes are kept in topological order: a value is produced before it is used (graph_check verifies it after every
 * pass). One value has at most one producer. Use lists are an analysis, recomputed on demand (graph_uses).
 */
#ifndef GRAPH_GRAPH_H
#define GRAPH_GRAPH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/status.h"
#include "base/vec.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

enum { OP_ELT = 1, OP_MOVE = 2, OP_OURS = 4 };

enum op {
#define OP(id, name, min_in, max_in, min_out, max_out, flags) id,
#include "graph/ops.def"
#undef OP
    OP_COUNT
};

struct op_info {
    const char *name;
    int min_inputs, max_inputs, min_outputs, max_outputs;
    int flags;
};
const struct op_info *op_info(enum op op);
/* False when no operation has that name. */
bool op_find(const char *name, enum op *op);

enum attr_kind { ATTR_KIND_INT, ATTR_KIND_FLOAT, ATTR_KIND_INTS, ATTR_KIND_TEXT };

enum attr_id {
#define ATTR(id, name, kind) id,
#include "graph/attrs.def"
#undef ATTR
    ATTR_ID_COUNT
};

struct attr_info {
    const char *name;
    enum attr_kind kind;
};
const struct attr_info *attr_info(enum attr_id id);
bool attr_find(const char *name, enum attr_id *id);

struct attr {
    enum attr_id id;
    int n_ints;          /* ATTR_KIND_INTS */
    int64_t i;           /* ATTR_KIND_INT */
    float f;             /* ATTR_KIND_FLOAT */
    const int64_t *ints; /* in the graph's arena */
    const char *text;    /* ATTR_KIND_TEXT, terminated, in the graph's arena */
};

typedef uint32_t value_id; /* index into graph.values; 0 is "none" (an input left out) */
typedef uint32_t node_id;  /* index into graph.nodes; UINT32_MAX is "none" */
#define NODE_NONE UINT32_MAX

/* Quantisation of one value as it is stored by the int8 program (set by src/quant; n = 0 before). The real number is
 * (q - zero_point[c]) * scale[c], c = channel (dim 1); n is 1 or the number of channels. */
struct value_quant {
    enum dtype dtype; /* DTYPE_S8, DTYPE_S16, DTYPE_S32 (heads) or DTYPE_NONE */
    int n;
    const float *scale;        /* in the graph's arena */
    const int32_t *zero_point; /* likewise */
    /* Of an input of the graph: what it is fed says how it is stored, and src/quant leaves that as it is. */
    bool is_given;
    int reach; /* DTYPE_S16: no stored number is larger in magnitude; 0: an output with 16 bits as the arithmetic gives
                * them, whose scale follows from the lowering */
};

struct value {
    const char *name; /* unique, terminated, never NULL */
    enum dtype dtype; /* DTYPE_NONE: not known yet */
    struct shape shape;
    const void *
        data; /* constant: shape_elements * dtype_size bytes, aligned to 16; NULL: computed or an input */
    struct value_quant quant;
    uint32_t
        n_numbered; /* names "NAME_1", ... below and with this number are taken; kept by graph.c */
};

struct node {
    enum op op;
    const char *name; /* terminated, never NULL; need not be unique */
    int n_inputs, n_outputs, n_attrs;
    value_id *inputs, *outputs; /* in the graph's arena */
    struct attr *attrs;         /* likewise, ordered by id */
};

struct graph_meta {
    const char *key, *text;
};

/* What an ONNX file says of itself; texts are "" where it says nothing. */
struct graph_file {
    int opset; /* 0: read from no file */
    int64_t ir_version, model_version;
    const char *producer, *producer_version, *domain;
};

struct graph {
    struct arena arena; /* owns every name, array and constant */
    const char *name;
    VEC(struct value) values; /* values.data[0] is unused */
    VEC(struct node) nodes;
    VEC(value_id) inputs, outputs;
    VEC(struct graph_meta) meta; /* ONNX metadata_props: names, stride, task, ... */
    struct graph_file file;      /* it was read from */
    uint64_t made,
        max_made; /* bytes of constants that were computed from others, and how many may be */
    uint32_t *name_slots; /* hash table, name to value_id; kept by graph.c */
    size_t n_name_slots;
    uint32_t n_long_names; /* that were cut and numbered */
};

itx_status graph_create(struct graph **g, struct itx_error *err);
void graph_destroy(struct graph **g); /* accepts NULL content, leaves NULL */
itx_status graph_copy(struct graph **out, const struct graph *g, struct itx_error *err);

static inline struct value *graph_value(const struct graph *g, value_id id)
{
    return &g->values.data[id];
}

/* --- building. All return ITX_E_NOMEM when out of memory. Strings and arrays are copied into the arena. --- */

/* `name` NULL or already taken: a unique one is made ("NAME_1"). shape may be NULL: rank -1. */
itx_status graph_add_value(struct graph *g, const char *name, enum dtype dtype,
                           const struct shape *shape, value_id *id, struct itx_error *err);
/* Copies the data. */
itx_status graph_add_constant(struct graph *g, const char *name, enum dtype dtype,
                              const struct shape *shape, const void *data, value_id *id,
                              struct itx_error *err);
#define GRAPH_MAX_MADE ((uint64_t)1 << 30) /* max_made of a new graph */
/* Counts bytes of constants as made; ITX_E_RANGE when there are more than max_made in sum. */
itx_status graph_count_made(struct graph *g, uint64_t bytes, struct itx_error *err);
/* Room for a constant's data, zeroed, in the arena; the caller fills it and sets value.data. Counts as made. */
itx_status graph_alloc_data(struct graph *g, enum dtype dtype, const struct shape *shape,
                            void **data, struct itx_error *err);
/* Same for what is counted already, or lies in the file. */
itx_status graph_alloc_counted(struct graph *g, enum dtype dtype, const struct shape *shape,
                               void **data, struct itx_error *err);
/* Appended at the end; `outputs` are existing values. */
itx_status graph_add_node(struct graph *g, enum op op, const char *name, int n_inputs,
                          const value_id *inputs, int n_outputs, const value_id *outputs,
                          node_id *id, struct itx_error *err);
/* Same, put before node `before` (ids from `before` on grow by one). */
itx_status graph_insert_node(struct graph *g, node_id before, enum op op, const char *name,
                             int n_inputs, const value_id *inputs, int n_outputs,
                             const value_id *outputs, node_id *id, struct itx_error *err);
itx_status graph_set_inputs(struct graph *g, node_id node, int n, const value_id *inputs,
                            struct itx_error *err);
itx_status graph_set_int(struct graph *g, node_id node, enum attr_id id, int64_t v,
                         struct itx_error *err);
itx_status graph_set_float(struct graph *g, node_id node, enum attr_id id, float v,
                           struct itx_error *err);
itx_status graph_set_ints(struct graph *g, node_id node, enum attr_id id, int n, const int64_t *v,
                          struct itx_error *err);
itx_status graph_set_text(struct graph *g, node_id node, enum attr_id id, const char *text,
                          struct itx_error *err);
void graph_clear_attr(struct graph *g, node_id node, enum attr_id id);
itx_status graph_set_meta(struct graph *g, const char *key, const char *text,
                          struct itx_error *err);
/* For a value that takes another's place and shall keep its name. */
void graph_swap_names(struct graph *g, value_id a, value_id b);
/* The value of that name (len bytes), or 0. */
value_id graph_find_value(const struct graph *g, const char *name, size_t len);
/* NULL when absent. */
const char *graph_get_meta(const struct graph *g, const char *key);

/* --- reading attributes --- */
const struct attr *node_attr(const struct node *n, enum attr_id id); /* NULL when absent */
int64_t node_int(const struct node *n, enum attr_id id, int64_t otherwise);
float node_float(const struct node *n, enum attr_id id, float otherwise);
const char *node_text(const struct node *n, enum attr_id id, const char *otherwise);
/* Copies up to `max` numbers; when the attribute is absent all `max` are set to `otherwise`. Returns the count given. */
int node_ints(const struct node *n, enum attr_id id, int64_t otherwise, int max, int64_t *v);

/* Input i, or 0 when it is absent. */
static inline value_id node_input(const struct node *n, int i)
{
    return i < n->n_inputs ? n->inputs[i] : 0;
}

/* --- analyses --- */

struct graph_use {
    node_id node;
    int input; /* which input of it */
};
/* Valid until the graph changes; freed with graph_uses_release. */
struct graph_uses {
    node_id *producer;       /* [values], NODE_NONE for inputs and constants */
    uint32_t *first;         /* [values + 1] */
    struct graph_use *uses;  /* uses of value v: uses[first[v] .. first[v + 1]) in node order */
    uint32_t *n_output_uses; /* [values]: how often it is an output of the graph */
};
itx_status graph_uses(const struct graph *g, struct graph_uses *out, struct itx_error *err);
void graph_uses_release(struct graph_uses *uses);
/* Uses by nodes plus uses as an output of the graph. */
static inline uint32_t graph_n_uses(const struct graph_uses *u, value_id v)
{
    return u->first[v + 1] - u->first[v] + u->n_output_uses[v];
}

/* --- editing --- */

/* Every use of `from`, as an input or as an output of the graph, becomes `to`. Nodes stay in place. */
void graph_replace_uses(struct graph *g, value_id from, value_id to);
/* Removes nodes whose results nobody uses, and forgets constants nobody uses (their data stays in the arena). Value
 * ids stay as they are: a forgotten value has no producer, no data and no use. */
itx_status graph_remove_dead(struct graph *g, struct itx_error *err);
/* Orders nodes topologically again (stable); ITX_E_FORMAT when there is a cycle. */
itx_status graph_sort(struct graph *g, struct itx_error *err);
/* Drops forgotten values and numbers the others anew: inputs of the graph, then for each node the constants it is the
 * first to use and its outputs, then constants that only are outputs. Every value_id held outside the graph is stale. */
itx_status graph_compact(struct graph *g, struct itx_error *err);

/* --- check.c: the verifier. Arity, ids, order, one producer, unique names, known attributes of the right kind,
 * dtype and data consistent. Names the node. --- */
itx_status graph_check(const struct graph *g, struct itx_error *err);

/* --- shape_infer.c: fills dtype and shape of every value it can, from inputs and constants; verifies operands.
 * Shape arithmetic (Shape, Gather, Concat, ... of constants) is folded by passes/fold_const, which calls this
 * node by node. --- */
/* The operation has its rule. Without one, inference refuses it by name. */
bool graph_can_infer(enum op op);
itx_status graph_infer_node(struct graph *g, node_id node, struct itx_error *err);
itx_status graph_infer(struct graph *g, struct itx_error *err);

/* --- text_print.c, text_parse.c: a real format, one node a line, described in text_print.c; print and parse are inverse.
 * Constants larger than TEXT_MAX_INLINE elements are printed as a digest and cannot be parsed back unless
 * `with_data` is set. --- */
#define TEXT_MAX_INLINE 64
itx_status graph_print(const struct graph *g, FILE *out, bool with_data, struct itx_error *err);
/* `text` need not be terminated. Errors name the line. */
itx_status graph_parse(struct graph **g, const char *text, size_t len, struct itx_error *err);

/* --- eval.c: plain loops for everything that is not heavy (all but Conv, ConvTranspose, MatMul, Gemm, pooling,
 * BatchNormalization, Attention, which src/float does). Used to fold constants and by the float executor. --- */

/* One tensor, dense, row-major in the order of its shape. */
struct tensor {
    enum dtype dtype;
    struct shape shape;
    void *data;
};
/* True when graph_eval can compute this operation at all. */
bool graph_can_eval(enum op op);
/* in[i].data is NULL for an absent input; out[i] has dtype and shape set (by shape inference) and room for the
 * data. ITX_E_UNSUPPORTED names a dtype or mode that is not handled. */
itx_status graph_eval(const struct node *n, const struct tensor *in, struct tensor *out,
                      struct itx_error *err);

#endif
