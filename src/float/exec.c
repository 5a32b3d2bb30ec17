/* SPDX-License-Identifier: Apache-2.0 */
#include "float/exec.h"

#include <inttypes.h>

#include "base/mem.h"
#include "float/internal.h"

/* Debian's oneDNN is threaded by GNU OpenMP. Its header exists for gcc only and clang's own would bring a second runtime,
 * hence these two declarations. Both act on the calling thread. */
void omp_set_num_threads(int n);
int omp_get_max_threads(void);

static build_fn *const heavy_table[OP_COUNT] = {
    [OP_ATTENTION] = build_attention,
    [OP_AVERAGE_POOL] = build_pool,
    [OP_BATCH_NORM] = build_batch_norm,
    [OP_CONV] = build_conv,
    [OP_CONV_TRANSPOSE] = build_conv_transpose,
    [OP_GEMM] = build_gemm,
    [OP_MATMUL] = build_matmul,
    [OP_MAX_POOL] = build_max_pool,
    [OP_SOFTMAX] = build_softmax,
};

bool float_can_run(enum op op)
{
    return heavy_table[op] != NULL || graph_can_eval(op);
}

/* --- building --- */

/* Every operand is known; heavy operations and softmax are f32. */
static itx_status check_node(const struct graph *g, const struct node *n, struct itx_error *err)
{
    for (int i = 0; i < n->n_inputs + n->n_outputs; i++) {
        const value_id id = i < n->n_inputs ? n->inputs[i] : n->outputs[i - n->n_inputs];
        const struct value *v = graph_value(g, id);
        if (id == 0 && i < n->n_inputs) continue;
        if (id == 0) return itx_fail(err, ITX_E_FORMAT, "output %d is missing", i - n->n_inputs);
        if (v->dtype == DTYPE_NONE || shape_elements(&v->shape) < 0)
            return itx_fail(err, ITX_E_UNSUPPORTED, "the shape of '%s' is not known", v->name);
        if (heavy_table[n->op] != NULL && v->dtype != DTYPE_F32)
            return itx_fail(err, ITX_E_UNSUPPORTED, "'%s' has type %s, expected f32", v->name,
                            dtype_name(v->dtype));
    }
    return ITX_OK;
}

static itx_status add_watches(struct float_exec *e, node_id id, struct itx_error *err)
{
    const struct node *n = &e->g->nodes.data[id];
    for (int i = 0; i < n->n_outputs; i++) {
        struct watch w = {.node = id, .value = n->outputs[i]};
        const bool is_plain = has_layout(e, w.value, LAYOUT_PLAIN);
        w.made = w.value * 2 + (is_plain ? LAYOUT_PLAIN : LAYOUT_NHWC);
        if (is_plain) {
            w.buffer = w.made;
        } else {
            const struct shape *s = &output_value(e, n, i)->shape;
            const dnnl_memory_desc_t from = layout_desc(s, LAYOUT_NHWC);
            const dnnl_memory_desc_t to = layout_desc(s, LAYOUT_PLAIN);
            w.buffer = e->watched_buffer;
            ITX_TRY(new_reorder(e, &from, &to, &w.reorder, err));
            ITX_TRY(
                bind_buffer(e, w.reorder, DNNL_ARG_FROM, &from, w.value * 2 + LAYOUT_NHWC, err));
            ITX_TRY(bind_buffer(e, w.reorder, DNNL_ARG_TO, &to, w.buffer, err));
            if (value_size(e->g, w.value) > e->observe_size)
                e->observe_size = value_size(e->g, w.value);
        }
        if (!vec_push(&e->watches, w)) return out_of_memory(err);
    }
    return ITX_OK;
}

static itx_status build_node(struct float_exec *e, node_id id, struct itx_error *err)
{
    const struct node *n = &e->g->nodes.data[id];
    bool is_empty = true;
    ITX_TRY(check_node(e->g, n, err));
    for (int i = 0; i < n->n_outputs; i++)
        is_empty = is_empty && shape_elements(&output_value(e, n, i)->shape) == 0;
    if (is_empty) { /* nothing to compute */
        for (int i = 0; i < n->n_outputs; i++) new_buffer(e, n->outputs[i], LAYOUT_PLAIN);
    } else if (heavy_table[n->op] != NULL) {
        ITX_TRY(heavy_table[n->op](e, n, err));
    } else {
        ITX_TRY(build_light(e, n, err));
    }
    e->node_end[id] = e->steps.len;
    return add_watches(e, id, err);
}

/* Buffers of inputs and constants: they lie where they are. */
static itx_status add_given_buffers(struct float_exec *e, struct itx_error *err)
{
    const struct graph *g = e->g;
    for (size_t v = 0; v < g->values.len; v++) {
        struct buffer plain = {.kind = BUFFER_NONE};
        if (g->values.data[v].data != NULL) {
            plain.kind = BUFFER_CONSTANT;
            plain.constant = g->values.data[v].data;
        }
        if (!vec_push(&e->buffers, plain)) return out_of_memory(err);
        if (!vec_push(&e->buffers, (struct buffer){.kind = BUFFER_NONE})) return out_of_memory(err);
    }
    for (size_t i = 0; i < g->inputs.len; i++) {
        const value_id id = g->inputs.data[i];
        const struct value *v = graph_value(g, id);
        if (v->dtype != DTYPE_F32 || shape_elements(&v->shape) < 0)
            return itx_fail(err, ITX_E_UNSUPPORTED,
                            "input '%s' has type %s, expected f32 of a known shape", v->name,
                            dtype_name(v->dtype));
        e->buffers.data[id * 2 + LAYOUT_PLAIN] =
            (struct buffer){.kind = BUFFER_INPUT, .input = (int)i};
    }
    e->watched_buffer = (buffer_id)e->buffers.len;
    return vec_push(&e->buffers, (struct buffer){.kind = BUFFER_WATCHED}) ? ITX_OK
                                                                          : out_of_memory(err);
}

/* Outputs are plain and live until the end. */
static itx_status add_outputs(struct float_exec *e, struct itx_error *err)
{
    const struct graph *g = e->g;
    e->outputs = arena_calloc(&e->arena, g->outputs.len, sizeof *e->outputs);
    if (e->outputs == NULL) return out_of_memory(err);
    for (size_t i = 0; i < g->outputs.len; i++) {
        const value_id id = g->outputs.data[i];
        const struct value *v = graph_value(g, id);
        buffer_id buffer;
        if (shape_elements(&v->shape) < 0)
            return itx_fail(err, ITX_E_UNSUPPORTED, "the shape of output '%s' is not known",
                            v->name);
        ITX_TRY(need_buffer(e, id, LAYOUT_PLAIN, &buffer, err));
        e->outputs[i] = (struct tensor){v->dtype, v->shape, NULL};
    }
    for (size_t i = 0; i < g->outputs.len; i++)
        e->buffers.data[g->outputs.data[i] * 2 + LAYOUT_PLAIN].last = (int)e->steps.len;
    return ITX_OK;
}

static itx_status build(struct float_exec *e, struct itx_error *err)
{
    const struct graph *g = e->g;
    ITX_TRY(check_dnnl(dnnl_engine_create(&e->engine, dnnl_cpu, 0), "start", err));
    ITX_TRY(check_dnnl(dnnl_stream_create(&e->stream, e->engine, dnnl_stream_default_flags),
                       "start", err));
    e->node_end = arena_calloc(&e->arena, g->nodes.len, sizeof *e->node_end);
    if (e->node_end == NULL) return out_of_memory(err);
    ITX_TRY(add_given_buffers(e, err));
    for (size_t i = 0; i < g->nodes.len; i++) {
        const itx_status status = build_node(e, (node_id)i, err);
        if (status != ITX_OK) {
            itx_error_prefix(err, "node %zu '%s' (%s)", i, g->nodes.data[i].name,
                             op_info(g->nodes.data[i].op)->name);
            return status;
        }
    }
    ITX_TRY(add_outputs(e, err));
    return plan_buffers(e, err);
}

itx_status float_exec_create(struct float_exec **e, const struct graph *g, int n_threads,
                             struct itx_error *err)
{
    if (n_threads < 1 || n_threads > 256)
        return itx_fail(err, ITX_E_INVAL, "%d threads, expected 1 to 256", n_threads);
    struct float_exec *new_exec = mem_calloc(1, sizeof *new_exec);
    if (new_exec == NULL) return out_of_memory(err);
    const int before = omp_get_max_threads();
    new_exec->g = g;
    new_exec->n_threads = n_threads;
    omp_set_num_threads(n_threads);
    const itx_status status = build(new_exec, err);
    omp_set_num_threads(before);
    if (status != ITX_OK) {
        float_exec_destroy(&new_exec);
        return status;
    }
    *e = new_exec;
    return ITX_OK;
}

void float_exec_destroy(struct float_exec **e)
{
    struct float_exec *x = *e;
    *e = NULL;
    if (x == NULL) return;
    for (size_t i = 0; i < x->primitives.len; i++) primitive_release(x->primitives.data[i]);
    for (size_t i = 0; i < x->weights.len; i++) mem_free_aligned(x->weights.data[i]);
    if (x->stream != NULL) dnnl_stream_destroy(x->stream);
    if (x->engine != NULL) dnnl_engine_destroy(x->engine);
    vec_release(&x->primitives);
    vec_release(&x->weights);
    vec_release(&x->watches);
    vec_release(&x->buffers);
    vec_release(&x->steps);
    mem_free_aligned(x->memory);
    mem_free_aligned(x->scratch);
    mem_free_aligned(x->watched);
    arena_release(&x->arena);
    mem_free(x);
}

/* --- running --- */

static itx_status run_steps(struct float_exec *e, size_t first, size_t end, struct itx_error *err)
{
    for (size_t i = first; i < end; i++)
        ITX_TRY(e->steps.data[i].run(e, e->steps.data[i].data, err));
    return ITX_OK;
}

static itx_status run_nodes(struct float_exec *e, float_observe_fn *observe, void *ctx,
                            struct itx_error *err)
{
    size_t done = 0, watch = 0;
    for (size_t i = 0; i < e->g->nodes.len; i++) {
        ITX_TRY(run_steps(e, done, e->node_end[i], err));
        done = e->node_end[i];
        for (; watch < e->watches.len && e->watches.data[watch].node == i; watch++) {
            const struct watch *w = &e->watches.data[watch];
            const struct value *v = graph_value(e->g, w->value);
            if (e->alter != NULL && v->dtype == DTYPE_F32)
                e->alter(e->alter_ctx, w->value, &v->shape, w->made % 2 == LAYOUT_NHWC,
                         buffer_data(e, w->made));
            if (observe == NULL) continue;
            if (w->reorder != NULL) ITX_TRY(run_primitive(e, w->reorder, err));
            const struct tensor t = {v->dtype, v->shape, buffer_data(e, w->buffer)};
            observe(ctx, w->value, &t);
        }
    }
    return run_steps(e, done, e->steps.len, err);
}

itx_status float_exec_run(struct float_exec *e, const float *const *inputs,
                          float_observe_fn *observe, void *ctx, struct itx_error *err)
{
    const int before = omp_get_max_threads();
    e->inputs = inputs;
    omp_set_num_threads(e->n_threads);
    const itx_status status = run_nodes(e, observe, ctx, err);
    omp_set_num_threads(before);
    for (size_t i = 0; i < e->g->outputs.len && status == ITX_OK; i++)
        e->outputs[i].data = buffer_data(e, e->g->outputs.data[i] * 2 + LAYOUT_PLAIN);
    e->inputs = NULL;
    return status;
}

void float_exec_alter(struct float_exec *e, float_alter_fn *alter, void *ctx)
{
    e->alter = alter;
    e->alter_ctx = ctx;
}

const struct tensor *float_exec_output(const struct float_exec *e, int i)
{
    return &e->outputs[i];
}
