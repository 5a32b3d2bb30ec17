/* SPDX-License-Identifier: Apache-2.0
 *
 * How an executor is built: a list of steps over buffers that are planned once. Internal to src/float.
 *
 * A value exists in up to two layouts: dense in the order of its shape (LAYOUT_PLAIN), and for rank 4 with channels last
 * (LAYOUT_NHWC), which the convolutions use. Each is a buffer of its own; a reordering step is put in where a node
 * needs a layout that is not there yet.
 */
#ifndef FLOAT_INTERNAL_H
#define FLOAT_INTERNAL_H

#include <dnnl.h>

#include "base/arena.h"
#include "float/exec.h"
#include "graph/operands.h"

enum layout { LAYOUT_PLAIN, LAYOUT_NHWC };

typedef uint32_t buffer_id; /* value * 2 + layout; temporaries after those of all values */

struct buffer {
    enum { BUFFER_NONE, BUFFER_PLANNED, BUFFER_CONSTANT, BUFFER_INPUT, BUFFER_WATCHED } kind;
    int first, last;      /* steps between which it is in use (planned) */
    size_t size, offset;  /* bytes (planned) */
    const void *constant; /* in the graph (constant) */
    int input;            /* number of the input (input) */
};

typedef itx_status step_fn(struct float_exec *e, void *data, struct itx_error *err);

struct step {
    step_fn *run;
    void *data; /* in the executor's arena */
};

/* What the observer is shown of a value: a plain buffer, or one that `reorder` fills first. */
struct watch {
    node_id node;
    value_id value;
    buffer_id made; /* as the node leaves it */
    buffer_id buffer;
    struct primitive *reorder; /* NULL: none */
};

#define PRIMITIVE_MAX_ARGS 6

/* A oneDNN primitive with its arguments. */
struct primitive {
    dnnl_primitive_desc_t desc;
    dnnl_primitive_t primitive;
    dnnl_memory_t scratch;
    int n_args;
    struct {
        int arg;
        dnnl_memory_t memory;
        bool is_fixed; /* its data never moves */
        buffer_id buffer;
    } args[PRIMITIVE_MAX_ARGS];
};

struct float_exec {
    const struct graph *g;
    int n_threads;
    struct arena arena; /* steps and what belongs to them */
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    VEC(struct buffer) buffers;
    VEC(struct step) steps;
    size_t *node_end; /* [nodes]: steps up to and with this node's; in the arena */
    VEC(struct watch) watches;
    buffer_id watched_buffer;
    VEC(struct primitive *) primitives; /* for destruction */
    VEC(void *) weights;                /* packed, aligned, owned */
    size_t memory_size, scratch_size, observe_size;
    uint8_t *memory; /* every planned buffer, aligned, owned */
    uint8_t *scratch,
        *watched;          /* oneDNN's working memory; a value laid out for the observer; owned */
    float_alter_fn *alter; /* NULL: none */
    void *alter_ctx;
    const float *const *inputs; /* of the current run */
    struct tensor *outputs;     /* in the arena */
};

/* --- buffers.c --- */

/* Where a value's dense size fits; NHWC only for rank 4. */
size_t value_size(const struct graph *g, value_id v);
bool has_layout(const struct float_exec *e, value_id v, enum layout layout);
/* The buffer of a value that exists, in this layout; puts in a reordering step when it has the other one only. */
itx_status need_buffer(struct float_exec *e, value_id v, enum layout layout, buffer_id *id,
                       struct itx_error *err);
/* A new buffer for a value about to be computed. */
buffer_id new_buffer(struct float_exec *e, value_id v, enum layout layout);
itx_status new_temporary(struct float_exec *e, size_t size, buffer_id *id, struct itx_error *err);
/* Valid once the executor is complete, during a run. */
void *buffer_data(const struct float_exec *e, buffer_id id);
/* Appends a step; step_touches then says which buffers it reads or writes. */
itx_status add_step(struct float_exec *e, step_fn *run, void *data, struct itx_error *err);
void step_touches(struct float_exec *e, buffer_id id);
/* Gives every planned buffer its place: buffers whose times do not overlap share memory. */
itx_status plan_buffers(struct float_exec *e, struct itx_error *err);

/* --- primitive.c --- */

itx_status check_dnnl(dnnl_status_t status, const char *what, struct itx_error *err);
itx_status out_of_memory(struct itx_error *err);
/* f32 of this shape; strides of the layout. */
dnnl_memory_desc_t layout_desc(const struct shape *s, enum layout layout);
dnnl_memory_desc_t strided_desc(int rank, const int64_t *dims, const int64_t *strides);
/* Same dimensions, any layout. */
dnnl_memory_desc_t any_desc(const dnnl_memory_desc_t *of);
/* A window's numbers in arrays of oneDNN's size, which it may copy whole. */
struct window_dims {
    dnnl_dims_t kernel, stride, dilation, begin, end; /* dilation 0: none */
};
struct window_dims window_dims(const struct window *w);
/* alg of dnnl_eltwise for an activation; false: none is needed. */
bool eltwise_of(int64_t act, dnnl_alg_kind_t *alg, float *alpha);

/* Builds the primitive; `post_ops` may be NULL and stays the caller's. */
itx_status new_primitive(struct float_exec *e, const void *op_desc, const_dnnl_post_ops_t post_ops,
                         struct primitive **p, struct itx_error *err);
itx_status new_reorder(struct float_exec *e, const dnnl_memory_desc_t *from,
                       const dnnl_memory_desc_t *to, struct primitive **p, struct itx_error *err);
itx_status bind_buffer(struct float_exec *e, struct primitive *p, int arg,
                       const dnnl_memory_desc_t *desc, buffer_id buffer, struct itx_error *err);
itx_status bind_data(struct float_exec *e, struct primitive *p, int arg,
                     const dnnl_memory_desc_t *desc, const void *data, struct itx_error *err);
/* A step that executes it, once everything is bound. */
itx_status add_primitive(struct float_exec *e, struct primitive *p, struct itx_error *err);
itx_status run_primitive(struct float_exec *e, void *data, struct itx_error *err);
void primitive_release(struct primitive *p);
/* desc(data) := activation of it, in place. */
itx_status add_eltwise(struct float_exec *e, dnnl_alg_kind_t alg, float alpha, float beta,
                       const dnnl_memory_desc_t *desc, buffer_id from, buffer_id to,
                       struct itx_error *err);

/* --- one builder a family: adds the steps of a node --- */

typedef itx_status build_fn(struct float_exec *e, const struct node *n, struct itx_error *err);
build_fn build_conv, build_conv_transpose;             /* conv.c */
build_fn build_matmul, build_gemm, build_attention;    /* matmul.c */
build_fn build_softmax;                                /* matmul.c */
build_fn build_max_pool, build_pool, build_batch_norm; /* pool.c */
build_fn build_light;                                  /* light.c */

static inline const struct value *input_value(const struct float_exec *e, const struct node *n,
                                              int i)
{
    return graph_value(e->g, node_input(n, i));
}

static inline const struct value *output_value(const struct float_exec *e, const struct node *n,
                                               int i)
{
    return graph_value(e->g, n->outputs[i]);
}

#endif
